/*
 * cuda_lt.cu: large bf16 products through cuBLASLt, opened at run time like the plug-in itself: without the
 * library the backend's own tensor-core kernel does the same products.
 *
 * Used for bf16 x and weights and more than 8 rows when the epilogue is one that cuBLASLt has exactly: nothing, or a residual
 * of y's dtype (beta = 1).  Its sums depend on the algorithm it picks for a shape, so a row's last bits may
 * depend on the number of rows; MLM_CUDA_NO_LT=1 keeps to one kernel family.
 */
#include "kernels/cuda/cuda_linear.cuh"
#include "kernels/cuda/cuda_objects.cuh"

#include <cublasLt.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Shapes whose choice of algorithm is remembered: a model has about a dozen. */
#define LT_PLANS 64

struct lt_key {
    int64_t R, out, in, x_ld, w_ld, y_ld, c_ld;
    int     y_dtype, beta;
};

struct lt_plan {
    lt_key                 key;
    cublasLtMatmulDesc_t   op;
    cublasLtMatrixLayout_t x, w, y;
    cublasLtMatmulAlgo_t   algo;
    bool                   usable;
};

struct cuda_lt {
    void            *library;
    cublasLtHandle_t handle;
    pthread_mutex_t  lock; /* of plans: queues share them */
    lt_plan          plans[LT_PLANS];
    int              n_plans;
/* clang-format off */
#define LT_FUNCTIONS(X) \
    X(cublasLtCreate) \
    X(cublasLtDestroy) \
    X(cublasLtMatmul) \
    X(cublasLtMatmulDescCreate) \
    X(cublasLtMatmulDescDestroy) \
    X(cublasLtMatmulDescSetAttribute) \
    X(cublasLtMatrixLayoutCreate) \
    X(cublasLtMatrixLayoutDestroy) \
    X(cublasLtMatmulPreferenceCreate) \
    X(cublasLtMatmulPreferenceDestroy) \
    X(cublasLtMatmulPreferenceSetAttribute) \
    X(cublasLtMatmulAlgoGetHeuristic)
/* clang-format on */
#define X(name) decltype(&::name) name;
    LT_FUNCTIONS(X)
#undef X
};

static bool find_functions(cuda_lt *lt)
{
#define X(fn)                                                                                                \
    do {                                                                                                     \
        void *symbol = dlsym(lt->library, #fn);                                                              \
        if (symbol == NULL)                                                                                  \
            return false;                                                                                    \
        memcpy(&lt->fn, &symbol, sizeof symbol);                                                             \
    } while (0);
    LT_FUNCTIONS(X)
#undef X
    return true;
}

cuda_lt *cuda_lt_open(void)
{
    static const char *const names[] = {"libcublasLt.so.13", "/usr/local/cuda/lib64/libcublasLt.so.13"};
    const char              *off     = getenv("MLM_CUDA_NO_LT");
    void                    *library = NULL;
    if (off != NULL && strcmp(off, "1") == 0)
        return NULL;
    for (size_t i = 0; library == NULL && i < sizeof names / sizeof names[0]; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    cuda_lt *lt = library != NULL ? (cuda_lt *)calloc(1, sizeof *lt) : NULL;
    if (lt == NULL)
        return NULL;
    lt->library = library;
    if (!find_functions(lt) || lt->cublasLtCreate(&lt->handle) != CUBLAS_STATUS_SUCCESS) {
        free(lt);
        return NULL;
    }
    (void)pthread_mutex_init(&lt->lock, NULL);
    return lt;
}

static void plan_free(cuda_lt *lt, lt_plan *p)
{
    if (p->op)
        (void)lt->cublasLtMatmulDescDestroy(p->op);
    if (p->x)
        (void)lt->cublasLtMatrixLayoutDestroy(p->x);
    if (p->w)
        (void)lt->cublasLtMatrixLayoutDestroy(p->w);
    if (p->y)
        (void)lt->cublasLtMatrixLayoutDestroy(p->y);
}

void cuda_lt_close(cuda_lt *lt)
{
    if (lt == NULL)
        return;
    for (int i = 0; i < lt->n_plans; i++)
        plan_free(lt, &lt->plans[i]);
    (void)lt->cublasLtDestroy(lt->handle);
    (void)pthread_mutex_destroy(&lt->lock);
    free(lt);
}

/* Row stride of a view whose rows all have one distance, 0 otherwise. */
static int64_t leading(const cuda_rows &v, int64_t R)
{
    bool one = R == v.n_rows, even = v.batch_stride == v.row_stride * v.n_rows;
    if (v.n_rows == 1 && R > 1)
        return v.batch_stride;
    return one || even ? v.row_stride : 0;
}

static lt_key key_of(const linear_params *p)
{
    lt_key k;
    memset(&k, 0, sizeof k); /* compared bytewise */
    k.R       = p->R;
    k.out     = p->out;
    k.in      = p->in;
    k.x_ld    = leading(p->x, p->R);
    k.w_ld    = p->pitch;
    k.y_ld    = leading(p->y, p->R);
    k.c_ld    = p->has_residual ? leading(p->residual, p->R) : k.y_ld;
    k.y_dtype = p->y.dtype;
    k.beta    = p->has_residual;
    return k;
}

bool cuda_lt_wants(const kn_queue *q, const linear_params *p, kn_dtype w_dtype)
{
    if (cuda_of(q->dev)->lt == NULL || w_dtype != KN_BF16 || p->x.dtype != KN_BF16 || p->bias || p->gamma ||
        p->act != KN_ACT_NONE || p->residual_repeats || !p->x_vec || p->in % 8 != 0 || p->out % 8 != 0 ||
        (uintptr_t)p->y.data % 16 != 0)
        return false;
    lt_key k = key_of(p);
    return k.x_ld >= p->in && k.y_ld >= p->out && k.c_ld == k.y_ld && k.y_ld % 8 == 0 &&
           (!p->has_residual || (p->residual.dtype == p->y.dtype && (uintptr_t)p->residual.data % 16 == 0));
}

/* Column-major view: y^T [out,R] = W [out,in] x^T [in,R]; W is stored transposed. */
static bool plan_make(cuda_lt *lt, lt_plan *p)
{
    const lt_key                   *k      = &p->key;
    cudaDataType_t                  y_type = k->y_dtype == KN_F32 ? CUDA_R_32F : CUDA_R_16BF;
    cublasOperation_t               t      = CUBLAS_OP_T;
    size_t                          room   = CUDA_LT_WORKSPACE;
    cublasLtMatmulPreference_t      pref   = NULL;
    cublasLtMatmulHeuristicResult_t found;
    int                             n = 0;
    bool ok = lt->cublasLtMatmulDescCreate(&p->op, CUBLAS_COMPUTE_32F, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS &&
              lt->cublasLtMatmulDescSetAttribute(p->op, CUBLASLT_MATMUL_DESC_TRANSA, &t, sizeof t) ==
                  CUBLAS_STATUS_SUCCESS &&
              lt->cublasLtMatrixLayoutCreate(&p->w, CUDA_R_16BF, (uint64_t)k->in, (uint64_t)k->out,
                                             k->w_ld) == CUBLAS_STATUS_SUCCESS &&
              lt->cublasLtMatrixLayoutCreate(&p->x, CUDA_R_16BF, (uint64_t)k->in, (uint64_t)k->R, k->x_ld) ==
                  CUBLAS_STATUS_SUCCESS &&
              lt->cublasLtMatrixLayoutCreate(&p->y, y_type, (uint64_t)k->out, (uint64_t)k->R, k->y_ld) ==
                  CUBLAS_STATUS_SUCCESS &&
              lt->cublasLtMatmulPreferenceCreate(&pref) == CUBLAS_STATUS_SUCCESS &&
              lt->cublasLtMatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &room,
                                                       sizeof room) == CUBLAS_STATUS_SUCCESS &&
              lt->cublasLtMatmulAlgoGetHeuristic(lt->handle, p->op, p->w, p->x, p->y, p->y, pref, 1, &found,
                                                 &n) == CUBLAS_STATUS_SUCCESS &&
              n == 1;
    if (pref)
        (void)lt->cublasLtMatmulPreferenceDestroy(pref);
    if (ok)
        p->algo = found.algo;
    return ok;
}

/* The plan of a shape; NULL when cuBLASLt has none or the table is full. */
static const lt_plan *plan_find(cuda_lt *lt, const linear_params *p)
{
    lt_key   key  = key_of(p);
    lt_plan *plan = NULL;
    (void)pthread_mutex_lock(&lt->lock);
    for (int i = 0; plan == NULL && i < lt->n_plans; i++)
        if (memcmp(&lt->plans[i].key, &key, sizeof key) == 0)
            plan = &lt->plans[i];
    if (plan == NULL && lt->n_plans < LT_PLANS) {
        plan         = &lt->plans[lt->n_plans++];
        plan->key    = key;
        plan->usable = plan_make(lt, plan);
    }
    (void)pthread_mutex_unlock(&lt->lock);
    return plan != NULL && plan->usable ? plan : NULL;
}

mlm_status cuda_lt_gemm(kn_queue *q, const linear_params *p, bool *done)
{
    cuda_lt *lt  = cuda_of(q->dev)->lt;
    float    one = 1.0f, beta = p->has_residual ? 1.0f : 0.0f;
    MLM_TRY(cuda_enter(q->dev, "linear"));
    const lt_plan *plan = plan_find(lt, p);
    *done               = plan != NULL;
    if (plan == NULL)
        return MLM_OK;
    const void    *c  = p->has_residual ? p->residual.data : p->y.data;
    cublasStatus_t st = lt->cublasLtMatmul(lt->handle, plan->op, &one, p->w, plan->w, p->x.data, plan->x,
                                           &beta, c, plan->y, p->y.data, plan->y, &plan->algo,
                                           cuda_of(q)->lt_workspace, CUDA_LT_WORKSPACE, cuda_of(q)->stream);
    if (st != CUBLAS_STATUS_SUCCESS)
        return mlm_fail(MLM_E_DEVICE, "%s: linear: cuBLASLt status %d", q->dev->info.name, (int)st);
    return cuda_launched(q, "linear", cudaGetLastError());
}
