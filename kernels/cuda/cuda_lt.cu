/*
 * cuda_lt.cu: large bf16 products through cuBLASLt, opened at run time like the plug-in itself: without the
 * library the backend's own tensor-core kernel does the same products.
 *
 * Used for bf16 x and weights and more than a few rows when the epilogue is one that cuBLASLt has: a bias and a residual of y's
 * dtype, tanh GELU (in bf16 for the erf GELU too).  Other activations follow in a kernel over y.  A view whose rows are not evenly
 * spaced ([B,T,D] cut out of longer rows), or a residual that repeats, is a batch of B products.  Its sums depend on the algorithm
 * it picks for a shape, so a row's last bits may depend on the number of rows; MLM_CUDA_NO_LT=1 keeps to one kernel family.
 */
#include "kernels/cuda/cuda_linear.cuh"
#include "kernels/cuda/cuda_objects.cuh"

#include <cublasLt.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Shapes whose choice of algorithm is remembered: a model has about a dozen for each number of rows. */
#define LT_PLANS      128
#define LT_CANDIDATES 8
#define LT_MANY       40 /* where another than the first of these is looked for */

struct lt_key {
    int64_t R, out, in, x_ld, w_ld, y_ld, c_ld; /* R rows in each of n products */
    int64_t n, x_step, y_step, c_step;
    int     y_dtype, beta, bias, tanh;
};

struct lt_plan {
    lt_key                 key;
    cublasLtMatmulDesc_t   op;
    cublasLtMatrixLayout_t x, w, y, c;
    cublasLtMatmulAlgo_t   algo;
    bool                   usable;
};

struct cuda_lt {
    void            *library;
    cublasLtHandle_t handle;
    pthread_mutex_t  lock; /* of plans: queues share them */
    lt_plan          plans[LT_PLANS];
    int              n_plans, oldest; /* the next to make room when all are taken */
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
    X(cublasLtMatrixLayoutSetAttribute) \
    X(cublasLtMatmulPreferenceCreate) \
    X(cublasLtMatmulPreferenceDestroy) \
    X(cublasLtMatmulPreferenceSetAttribute) \
    X(cublasLtMatmulAlgoGetHeuristic) \
    X(cublasLtMatmulAlgoConfigGetAttribute) \
    X(cublasLtMatmulAlgoConfigSetAttribute) \
    X(cublasLtMatmulAlgoCheck)
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
    if (p->c)
        (void)lt->cublasLtMatrixLayoutDestroy(p->c);
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

/*
 * cuBLASLt has the tanh GELU only.  In bf16 it stands for the erf GELU too: the two differ by at most 4.8e-4 and 2e-4 (root mean
 * square, relative), an eighth of what rounding the result costs, and the sum is not rounded before it, as in a kernel of
 * its own: 1.7e-3 instead of 2.6e-3 from the erf GELU of the exact sum, 1.07e-2 instead of 1.09e-2 from fp64 after 23 blocks of a
 * tower (NOTES.md).
 */
static bool in_epilogue(const linear_params *p)
{
    return p->act == KN_ACT_GELU_TANH || (p->act == KN_ACT_GELU_ERF && p->y.dtype == KN_BF16);
}

static lt_key key_of(const linear_params *p)
{
    lt_key k;
    memset(&k, 0, sizeof k); /* compared bytewise */
    k.R       = p->R;
    k.n       = 1;
    k.out     = p->out;
    k.in      = p->in;
    k.x_ld    = leading(p->x, p->R);
    k.w_ld    = p->pitch;
    k.y_ld    = leading(p->y, p->R);
    k.c_ld    = p->has_residual ? leading(p->residual, p->R) : k.y_ld;
    k.y_dtype = p->y.dtype;
    k.beta    = p->has_residual;
    k.bias    = p->bias != NULL;
    k.tanh    = in_epilogue(p);
    if (p->R > p->y.n_rows && p->y.n_rows > 1 &&
        (k.x_ld == 0 || k.y_ld == 0 || k.c_ld == 0 || p->residual_repeats)) {
        k.R      = p->y.n_rows;
        k.n      = p->R / k.R;
        k.x_ld   = p->x.row_stride;
        k.y_ld   = p->y.row_stride;
        k.c_ld   = p->has_residual ? p->residual.row_stride : k.y_ld;
        k.x_step = p->x.batch_stride;
        k.y_step = p->y.batch_stride;
        k.c_step = !p->has_residual ? k.y_step : p->residual_repeats ? 0 : p->residual.batch_stride;
    }
    return k;
}

bool cuda_lt_wants(const kn_queue *q, const linear_params *p, kn_dtype w_dtype)
{
    bool alone = !p->has_residual && !p->gamma; /* an activation that follows in a kernel of its own */
    if (cuda_of(q->dev)->lt == NULL || w_dtype != KN_BF16 || p->x.dtype != KN_BF16 || p->gamma ||
        (p->bias && (p->bias_dtype != p->y.dtype || (uintptr_t)p->bias % 16 != 0)) ||
        (p->act != KN_ACT_NONE && !alone) || !p->x_vec || p->out % 8 != 0 || (uintptr_t)p->y.data % 16 != 0)
        return false;
    lt_key  k     = key_of(p);
    int64_t group = p->y.dtype == KN_F32 ? 4 : 8;
    return k.x_ld >= p->in && k.x_ld % 8 == 0 && k.x_step % 8 == 0 && k.y_ld >= p->out &&
           k.y_ld % group == 0 && k.y_step % group == 0 && k.c_ld >= p->out && k.c_ld % group == 0 &&
           k.c_step % group == 0 &&
           (!p->has_residual || (p->residual.dtype == p->y.dtype && (uintptr_t)p->residual.data % 16 == 0));
}

static bool layout_make(cuda_lt *lt, cublasLtMatrixLayout_t *out, cudaDataType_t type, int64_t rows,
                        int64_t columns, int64_t ld, int64_t n, int64_t step)
{
    int32_t count = (int32_t)n;
    return lt->cublasLtMatrixLayoutCreate(out, type, (uint64_t)rows, (uint64_t)columns, ld) ==
               CUBLAS_STATUS_SUCCESS &&
           (n == 1 || (lt->cublasLtMatrixLayoutSetAttribute(*out, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                                                            sizeof count) == CUBLAS_STATUS_SUCCESS &&
                       lt->cublasLtMatrixLayoutSetAttribute(*out, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                                            &step, sizeof step) == CUBLAS_STATUS_SUCCESS));
}

static bool set(cuda_lt *lt, lt_plan *p, cublasLtMatmulDescAttributes_t what, const void *value, size_t size)
{
    return lt->cublasLtMatmulDescSetAttribute(p->op, what, value, size) == CUBLAS_STATUS_SUCCESS;
}

static bool epilogue_make(cuda_lt *lt, lt_plan *p, cudaDataType_t y_type)
{
    const lt_key      *k = &p->key;
    cublasLtEpilogue_t e = k->bias && k->tanh ? CUBLASLT_EPILOGUE_GELU_BIAS
                           : k->bias          ? CUBLASLT_EPILOGUE_BIAS
                           : k->tanh          ? CUBLASLT_EPILOGUE_GELU
                                              : CUBLASLT_EPILOGUE_DEFAULT;
    return set(lt, p, CUBLASLT_MATMUL_DESC_EPILOGUE, &e, sizeof e) &&
           (!k->bias || set(lt, p, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &y_type, sizeof y_type));
}

/*
 * Where another algorithm measured at least 2 % faster on an H100 than the one cuBLASLt puts first (kernels/bench/NOTES.md): for products
 * of out x in and `from` to `to` rows.  Fixed here and not measured at load: the same bits at every run.
 */
struct lt_choice {
    int64_t  out, in, from, to;
    int      wide; /* y is f32; -1: or not */
    uint32_t tile;
    uint16_t cluster;
    int32_t  id      = 0; /* 0: only tile and cluster, among the first LT_CANDIDATES */
    uint32_t stages  = 0;
    int32_t  split   = 0;
    uint32_t scheme  = 0;
    uint32_t swizzle = 0;
};

static const lt_choice choices[] = {
    {10576, 2560, 5120, 5120, 0, 236, 5, 66, 35, 1, 0, 0}, /* in_proj: 385.8 -> 358.0 us */
    {2560, 5120, 5120, 5120, 1, 29, 3, 66, 35, 1, 0, 0},   /* out_proj f32 res: 199.8 -> 189.1 us */
    {10576, 2560, 2064, 2064, 0, 222, 3, 66, 35, 1, 0, 0}, /* in_proj: 158.6 -> 149.1 us */
    {4304, 1152, 5832, 5832, 0, 24, 5, 66, 35, 1, 0, 0},   /* sig fc1 gelu: 93.1 -> 89.9 us */
    {1152, 4304, 5832, 5832, 0, 463, 5, 66, 35, 1, 0, 0},  /* sig fc2 res: 101.4 -> 85.0 us */
    {1024, 1024, 5872, 5872, 0, 20, 3, 66, 35, 1, 0, 0},   /* dino proj res: 22.7 -> 21.7 us */
    {2560, 5120, 256, 256, 1, 27, 9, 66, 35, 1, 0, 0},     /* out_proj f32 res: 19.7 -> 16.6 us */
    {2560, 5120, 5632, 5632, 1, 201, 5, 66, 35, 1, 0, 0},  /* out_proj f32 res: 241.7 -> 214.7 us */
    {2560, 5120, 8192, 8192, 1, 29, 3, 66, 35, 1, 0, 0},   /* out_proj f32 res: 347.2 -> 330.2 us */
    {10576, 2560, 769, 784, -1, 499, 5},
    {2560, 5120, 25, 48, -1, 12, 4},
    {1024, 1024, 700, 768, -1, 164, 9},
    {1024, 4096, 700, 768, -1, 164, 9},
    {1152, 1152, 700, 768, -1, 325, 7},
    {1152, 4304, 700, 768, -1, 17, 7},
    {3072, 1024, 23488, 23488, -1, 29, 3},
    {1024, 1024, 23488, 23488, -1, 201, 5},
    {1024, 1024, 23488, 23488, -1, 20, 3},
    {4096, 1024, 23488, 23488, -1, 29, 3},
    {1024, 4096, 23488, 23488, -1, 29, 3},
    {1152, 1152, 23328, 23328, -1, 197, 5},
    {4304, 1152, 23328, 23328, -1, 421, 3},
    {10576, 2560, 8192, 8192, -1, 186, 3},
    {2560, 5120, 8192, 8192, -1, 24, 5},
};

static bool is_for(const lt_choice *w, const lt_key *k)
{
    return k->n == 1 && k->out == w->out && k->in == w->in && k->R >= w->from && k->R <= w->to &&
           (w->wide < 0 || w->wide == (k->y_dtype == KN_F32));
}

template <typename T>
static bool has(const cuda_lt *lt, const cublasLtMatmulAlgo_t *a, cublasLtMatmulAlgoConfigAttributes_t what,
                T want)
{
    T      v    = 0;
    size_t size = 0;
    return lt->cublasLtMatmulAlgoConfigGetAttribute(a, what, &v, sizeof v, &size) == CUBLAS_STATUS_SUCCESS &&
           v == want;
}

static bool is_chosen(const cuda_lt *lt, const cublasLtMatmulAlgo_t *a, const lt_choice *w)
{
    return has(lt, a, CUBLASLT_ALGO_CONFIG_TILE_ID, w->tile) &&
           has(lt, a, CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID, w->cluster) &&
           (w->id == 0 || (has(lt, a, CUBLASLT_ALGO_CONFIG_ID, w->id) &&
                           has(lt, a, CUBLASLT_ALGO_CONFIG_STAGES_ID, w->stages) &&
                           has(lt, a, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, w->split) &&
                           has(lt, a, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, w->scheme) &&
                           has(lt, a, CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING, w->swizzle)));
}

template <typename T>
static bool give(const cuda_lt *lt, cublasLtMatmulAlgo_t *a, cublasLtMatmulAlgoConfigAttributes_t what,
                 T value)
{
    return lt->cublasLtMatmulAlgoConfigSetAttribute(a, what, &value, sizeof value) == CUBLAS_STATUS_SUCCESS;
}

/* An algorithm of the same kind as `a` with the tile and so on that are wanted; false where cuBLASLt cannot. */
static bool make_chosen(const cuda_lt *lt, const lt_plan *p, cublasLtMatmulAlgo_t *a, const lt_choice *w)
{
    cublasLtMatmulHeuristicResult_t r;
    return has(lt, a, CUBLASLT_ALGO_CONFIG_ID, w->id) && give(lt, a, CUBLASLT_ALGO_CONFIG_TILE_ID, w->tile) &&
           give(lt, a, CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID, w->cluster) &&
           give(lt, a, CUBLASLT_ALGO_CONFIG_STAGES_ID, w->stages) &&
           give(lt, a, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, w->split) &&
           give(lt, a, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, w->scheme) &&
           give(lt, a, CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING, w->swizzle) &&
           lt->cublasLtMatmulAlgoCheck(lt->handle, p->op, p->w, p->x, p->c, p->y, a, &r) ==
               CUBLAS_STATUS_SUCCESS &&
           r.workspaceSize <= CUDA_LT_WORKSPACE;
}

/* Into *best when it is possible; otherwise that stays. */
static void choose(const cuda_lt *lt, const lt_plan *p, const cublasLtMatmulHeuristicResult_t *found, int n,
                   cublasLtMatmulAlgo_t *best)
{
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        const lt_choice *w    = &choices[i];
        int              most = w->id == 0 && n > LT_CANDIDATES ? LT_CANDIDATES : n;
        if (!is_for(w, &p->key))
            continue;
        for (int c = w->id == 0; c < most; c++) /* tile and cluster may be those of the first one, too */
            if (is_chosen(lt, &found[c].algo, w)) {
                *best = found[c].algo;
                return;
            }
        for (int c = 0; c < most && w->id != 0; c++) {
            cublasLtMatmulAlgo_t a = found[c].algo;
            if (make_chosen(lt, p, &a, w)) {
                *best = a;
                return;
            }
        }
    }
}

static int candidates_of(const lt_key *k)
{
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
        if (choices[i].id != 0 && is_for(&choices[i], k))
            return LT_MANY;
    return LT_CANDIDATES;
}

/* Column-major view: y^T [out,R] = W [out,in] x^T [in,R]; W is stored transposed. */
static bool plan_make(cuda_lt *lt, lt_plan *p)
{
    const lt_key                   *k      = &p->key;
    cudaDataType_t                  y_type = k->y_dtype == KN_F32 ? CUDA_R_32F : CUDA_R_16BF;
    cublasOperation_t               t      = CUBLAS_OP_T;
    size_t                          room   = CUDA_LT_WORKSPACE;
    cublasLtMatmulPreference_t      pref   = NULL;
    cublasLtMatmulHeuristicResult_t found[LT_MANY];
    int                             n = 0;
    bool ok = lt->cublasLtMatmulDescCreate(&p->op, CUBLAS_COMPUTE_32F, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS &&
              set(lt, p, CUBLASLT_MATMUL_DESC_TRANSA, &t, sizeof t) && epilogue_make(lt, p, y_type) &&
              layout_make(lt, &p->w, CUDA_R_16BF, k->in, k->out, k->w_ld, k->n, 0) &&
              layout_make(lt, &p->x, CUDA_R_16BF, k->in, k->R, k->x_ld, k->n, k->x_step) &&
              layout_make(lt, &p->y, y_type, k->out, k->R, k->y_ld, k->n, k->y_step) &&
              layout_make(lt, &p->c, y_type, k->out, k->R, k->c_ld, k->n, k->c_step) &&
              lt->cublasLtMatmulPreferenceCreate(&pref) == CUBLAS_STATUS_SUCCESS &&
              lt->cublasLtMatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &room,
                                                       sizeof room) == CUBLAS_STATUS_SUCCESS &&
              lt->cublasLtMatmulAlgoGetHeuristic(lt->handle, p->op, p->w, p->x, p->c, p->y, pref,
                                                 candidates_of(k), found, &n) == CUBLAS_STATUS_SUCCESS &&
              n >= 1;
    if (pref)
        (void)lt->cublasLtMatmulPreferenceDestroy(pref);
    if (ok) {
        p->algo = found[0].algo;
        choose(lt, p, found, n, &p->algo);
    }
    return ok;
}

/* The plan of a shape; NULL when cuBLASLt has none. */
static lt_plan *plan_find(cuda_lt *lt, const linear_params *p)
{
    lt_key   key  = key_of(p);
    lt_plan *plan = NULL;
    for (int i = 0; plan == NULL && i < lt->n_plans; i++)
        if (memcmp(&lt->plans[i].key, &key, sizeof key) == 0)
            plan = &lt->plans[i];
    if (plan == NULL) {
        bool full = lt->n_plans == LT_PLANS;
        plan      = &lt->plans[full ? lt->oldest++ % LT_PLANS : lt->n_plans++];
        plan_free(lt, plan);
        memset(plan, 0, sizeof *plan);
        plan->key    = key;
        plan->usable = plan_make(lt, plan);
    }
    return plan != NULL && plan->usable ? plan : NULL;
}

/* Under the lock: the plan, and in it the address of the bias, belong to one call a time. */
static cublasStatus_t multiply(cuda_lt *lt, kn_queue *q, const linear_params *p, bool *done)
{
    float    one = 1.0f, beta = p->has_residual ? 1.0f : 0.0f;
    lt_plan *plan = plan_find(lt, p);
    *done         = plan != NULL &&
            (!p->bias || set(lt, plan, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &p->bias, sizeof p->bias));
    if (!*done)
        return CUBLAS_STATUS_SUCCESS;
    const void *c = p->has_residual ? p->residual.data : p->y.data;
    return lt->cublasLtMatmul(lt->handle, plan->op, &one, p->w, plan->w, p->x.data, plan->x, &beta, c,
                              plan->c, p->y.data, plan->y, &plan->algo, cuda_of(q)->lt_workspace,
                              CUDA_LT_WORKSPACE, cuda_of(q)->stream);
}

#define ACT_THREADS 128
#define ACT_VECTORS 4 /* of 8 elements in a thread */

/* y = act(y), for the activations that cuBLASLt does not have; n_vec: vectors of 8 elements in all rows. */
template <int ACT, bool WIDE>
__global__ void __launch_bounds__(ACT_THREADS) activate_kernel(cuda_rows y, int n_vec, int act)
{
    cuda_begin();
    int         per_row = y.width / 8, first = (int)blockIdx.x * ACT_THREADS * ACT_VECTORS + (int)threadIdx.x;
    bool        dense = y.row_stride == y.width && y.batch_stride == y.row_stride * y.n_rows;
    char       *at[ACT_VECTORS];
    octet<WIDE> raw[ACT_VECTORS];
#pragma unroll
    for (int k = 0; k < ACT_VECTORS; k++) {
        int i = min(first + k * ACT_THREADS, n_vec - 1), row = dense ? 0 : i / per_row;
        at[k] = row_of(y, row) + (int64_t)(i - row * per_row) * (WIDE ? 32 : 16);
        raw[k].load(at[k], 0);
    }
#pragma unroll
    for (int k = 0; k < ACT_VECTORS; k++) {
        float v[8];
        raw[k].unpack(v);
#pragma unroll
        for (int e = 0; e < 8; e++)
            v[e] = ACT == KN_ACT_GELU_ERF ? gelu_fast(v[e])
                   : ACT == KN_ACT_SILU   ? silu_fast(v[e])
                                          : activate(v[e], act);
        if (first + k * ACT_THREADS < n_vec)
            store8(at[k], WIDE ? KN_F32 : KN_BF16, 0, v);
    }
}

template <bool WIDE> static void (*activation_of(int act))(cuda_rows, int, int)
{
    return act == KN_ACT_GELU_ERF ? activate_kernel<KN_ACT_GELU_ERF, WIDE>
           : act == KN_ACT_SILU   ? activate_kernel<KN_ACT_SILU, WIDE>
                                  : activate_kernel<KN_ACT_NONE, WIDE>;
}

static mlm_status activate_rows(kn_queue *q, const linear_params *p)
{
    int64_t n_vec = p->R * (p->out / 8);
    if (n_vec > (int64_t)1 << 30)
        return mlm_fail(MLM_E_RANGE, "linear: an activation of %lld x %d values", (long long)p->R, p->out);
    return cuda_launch(
        q, "linear", p->y.dtype == KN_F32 ? activation_of<true>(p->act) : activation_of<false>(p->act),
        dim3(cuda_blocks(n_vec, ACT_THREADS * ACT_VECTORS)), dim3(ACT_THREADS), 0, p->y, (int)n_vec, p->act);
}

mlm_status cuda_lt_gemm(kn_queue *q, const linear_params *p, bool *done)
{
    cuda_lt *lt = cuda_of(q->dev)->lt;
    MLM_TRY(cuda_enter(q->dev, "linear"));
    (void)pthread_mutex_lock(&lt->lock);
    cublasStatus_t st = multiply(lt, q, p, done);
    (void)pthread_mutex_unlock(&lt->lock);
    if (st != CUBLAS_STATUS_SUCCESS)
        return mlm_fail(MLM_E_DEVICE, "%s: linear: cuBLASLt status %d", q->dev->info.name, (int)st);
    if (!*done)
        return MLM_OK;
    MLM_TRY(cuda_launched(q, "linear", cudaGetLastError()));
    return p->act == KN_ACT_NONE || in_epilogue(p) ? MLM_OK : activate_rows(q, p);
}
