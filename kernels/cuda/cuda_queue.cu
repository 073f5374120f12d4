/* cuda_queue.cu: queues are streams, events are events, graphs are captured streams (thread-local mode). */
#include "kernels/cuda/cuda_objects.cuh"

#include <stdlib.h>
#include <string.h>

mlm_status cuda_queue_create(kn_queue *q)
{
    MLM_TRY(cuda_enter(q->dev, "queue"));
    cuda_queue *c = (cuda_queue *)calloc(1, sizeof *c);
    if (c == NULL)
        return mlm_fail_nomem(sizeof *c, "queue");
    q->impl = c;
    mlm_status st =
        cuda_status(q->dev, cudaStreamCreateWithFlags(&c->stream, cudaStreamNonBlocking), "stream");
    if (st == MLM_OK)
        st = cuda_staging_create(q->dev, &c->staging);
    if (st == MLM_OK && cuda_of(q->dev)->lt != NULL)
        st = cuda_alloc(q->dev, &c->lt_workspace, CUDA_LT_WORKSPACE, "cuBLASLt workspace");
    void *zeros = NULL;
    if (st == MLM_OK)
        st = cuda_alloc_zeroed(q->dev, &zeros,
                               CUDA_TOKEN_WORDS * sizeof *c->token_words +
                                   CUDA_TICKETS * (sizeof *c->best + sizeof *c->tickets) +
                                   2 * (CUDA_WORDS + 1) * sizeof *c->words,
                               "queue");
    c->token_words = (ulonglong2 *)zeros;
    if (zeros) {
        c->best    = (unsigned long long *)(c->token_words + CUDA_TOKEN_WORDS) + CUDA_WORDS + 1;
        c->tickets = (unsigned *)(c->best + CUDA_TICKETS);
        c->words   = (unsigned long long *)(c->tickets + CUDA_TICKETS);
    }
    if (st != MLM_OK)
        cuda_queue_free(q);
    return st;
}

void cuda_queue_free(kn_queue *q)
{
    cuda_queue *c = cuda_of(q);
    if (c == NULL)
        return;
    (void)cudaSetDevice(cuda_of(q->dev)->index);
    if (c->stream) {
        (void)cudaStreamSynchronize(c->stream);
        (void)cudaStreamDestroy(c->stream);
    }
    cuda_staging_free(&c->staging);
    if (c->lt_workspace)
        (void)cudaFree(c->lt_workspace);
    if (c->wide)
        (void)cudaFree(c->wide);
    if (c->token_words)
        (void)cudaFree(c->token_words);
    (void)cudaGetLastError();
    free(c);
    q->impl = NULL;
}

/* Transfers and waits have no place in a capture: their host side would run once, not at every replay. */
static mlm_status enter_outside_capture(kn_queue *q, const char *what)
{
    MLM_TRY(cuda_enter(q->dev, what));
    if (cuda_of(q)->capturing)
        return mlm_fail(MLM_E_STATE, "%s: %s between capture begin and end", q->dev->info.name, what);
    return MLM_OK;
}

mlm_status cuda_queue_sync(kn_queue *q)
{
    MLM_TRY(enter_outside_capture(q, "sync"));
    MLM_TRY(cuda_status(q->dev, cudaStreamSynchronize(cuda_of(q)->stream), "sync"));
    cuda_of(q)->staging.used = 0;
    return MLM_OK;
}

mlm_status cuda_upload(kn_queue *q, kn_tensor dst, const void *src, size_t bytes)
{
    MLM_TRY(enter_outside_capture(q, "upload"));
    return cuda_send(q->dev, &cuda_of(q)->staging, cuda_of(q)->stream, kn_data(dst), src, bytes);
}

mlm_status cuda_download(kn_queue *q, void *dst, kn_tensor src, size_t bytes)
{
    MLM_TRY(enter_outside_capture(q, "download"));
    cuda_queue *c     = cuda_of(q);
    const char *from  = (const char *)kn_data(src);
    char       *to    = (char *)dst;
    size_t      asked = 0, taken = 0; /* one half travels while the other is emptied */
    for (int k = c->staging.next; taken < bytes; k = 1 - k) {
        for (int i = asked > taken ? 1 - k : k; asked < bytes && asked < taken + 2 * CUDA_STAGING_BYTES;
             i     = 1 - i) {
            size_t n = bytes - asked < CUDA_STAGING_BYTES ? bytes - asked : CUDA_STAGING_BYTES;
            MLM_TRY(cuda_status(
                q->dev,
                cudaMemcpyAsync(c->staging.half[i], from + asked, n, cudaMemcpyDeviceToHost, c->stream),
                "download"));
            MLM_TRY(cuda_status(q->dev, cudaEventRecord(c->staging.done[i], c->stream), "download"));
            asked += n;
        }
        size_t n = bytes - taken < CUDA_STAGING_BYTES ? bytes - taken : CUDA_STAGING_BYTES;
        MLM_TRY(cuda_status(q->dev, cudaEventSynchronize(c->staging.done[k]), "download"));
        memcpy(to + taken, c->staging.half[k], n);
        taken += n;
    }
    c->staging.used = 0; /* all uploads in front of the download have been done */
    return MLM_OK;
}

mlm_status cuda_zero(kn_queue *q, kn_tensor t)
{
    MLM_TRY(cuda_enter(q->dev, "zero"));
    return cuda_status(q->dev, cudaMemsetAsync(kn_data(t), 0, cuda_bytes(t), cuda_of(q)->stream), "zero");
}

/* ---- events -------------------------------------------------------------------------------------- */

mlm_status cuda_event_create(kn_event *e)
{
    cudaEvent_t ev = NULL;
    MLM_TRY(cuda_enter(e->dev, "event"));
    MLM_TRY(cuda_status(e->dev, cudaEventCreate(&ev), "event"));
    e->impl = ev;
    return MLM_OK;
}

void cuda_event_free(kn_event *e)
{
    (void)cudaSetDevice(cuda_of(e->dev)->index);
    (void)cudaEventDestroy((cudaEvent_t)e->impl);
    (void)cudaGetLastError();
}

mlm_status cuda_event_record(kn_queue *q, kn_event *e)
{
    MLM_TRY(cuda_enter(q->dev, "event record"));
    return cuda_status(q->dev, cudaEventRecord((cudaEvent_t)e->impl, cuda_of(q)->stream), "event record");
}

mlm_status cuda_event_wait(kn_queue *q, kn_event *e)
{
    MLM_TRY(cuda_enter(q->dev, "event wait"));
    return cuda_status(q->dev, cudaStreamWaitEvent(cuda_of(q)->stream, (cudaEvent_t)e->impl, 0),
                       "event wait");
}

mlm_status cuda_event_elapsed(double *ms, kn_event *from, kn_event *to)
{
    float v = 0.0f;
    MLM_TRY(cuda_enter(to->dev, "event elapsed"));
    MLM_TRY(cuda_status(to->dev, cudaEventSynchronize((cudaEvent_t)to->impl), "event elapsed"));
    MLM_TRY(cuda_status(to->dev, cudaEventElapsedTime(&v, (cudaEvent_t)from->impl, (cudaEvent_t)to->impl),
                        "event elapsed"));
    *ms = (double)v;
    return MLM_OK;
}

/* ---- graphs -------------------------------------------------------------------------------------- */

mlm_status cuda_capture_begin(kn_queue *q)
{
    MLM_TRY(enter_outside_capture(q, "capture begin"));
    cudaError_t err = cudaStreamBeginCapture(cuda_of(q)->stream, cudaStreamCaptureModeThreadLocal);
    MLM_TRY(cuda_status(q->dev, err, "capture begin"));
    cuda_of(q)->capturing = true;
    return MLM_OK;
}

mlm_status cuda_capture_end(kn_queue *q, kn_graph *g)
{
    cudaGraph_t     graph = NULL;
    cudaGraphExec_t exec  = NULL;
    if (!cuda_of(q)->capturing)
        return mlm_fail(MLM_E_STATE, "%s: capture end without capture begin", q->dev->info.name);
    cuda_of(q)->capturing = false;
    MLM_TRY(cuda_enter(q->dev, "capture end"));
    MLM_TRY(cuda_status(q->dev, cudaStreamEndCapture(cuda_of(q)->stream, &graph), "capture end"));
    cudaError_t err = cudaGraphInstantiate(&exec, graph, 0);
    (void)cudaGraphDestroy(graph);
    MLM_TRY(cuda_status(q->dev, err, "graph"));
    g->impl = exec;
    return MLM_OK;
}

mlm_status cuda_graph_launch(kn_queue *q, kn_graph *g)
{
    MLM_TRY(cuda_enter(q->dev, "graph launch"));
    return cuda_status(q->dev, cudaGraphLaunch((cudaGraphExec_t)g->impl, cuda_of(q)->stream), "graph launch");
}

void cuda_graph_free(kn_graph *g)
{
    (void)cudaSetDevice(cuda_of(g->dev)->index);
    (void)cudaGraphExecDestroy((cudaGraphExec_t)g->impl);
    (void)cudaGetLastError();
}
