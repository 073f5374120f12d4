/*
 * ref_ops.h: the functions of the reference backend.  Private to kernels/.
 *
 * Every op is a function ref_<op>, so that another host backend can put one in its table until it has a
 * faster one of its own.  The ref_host_* functions keep buffers, queues and events in host memory and
 * serve every host backend; ref_matrix_* and the two ops that read a prepared matrix (linear, embed)
 * belong together: they share one private layout and must be inherited together.
 */
#ifndef KERNELS_REF_REF_OPS_H
#define KERNELS_REF_REF_OPS_H

#include "kernels/backend.h"

/* Buffers in host memory: zeroed, 64-byte aligned; `data` is the host address. */
mlm_status ref_host_buffer_create(kn_buffer *buf);
void       ref_host_buffer_free(kn_buffer *buf);
/* info.total_bytes and info.free_bytes of the machine (0 when the system does not say). */
void ref_host_device_refresh(kn_device *dev);

/* A queue without state: ops are complete on return. */
mlm_status ref_host_queue_create(kn_queue *q);
void       ref_host_queue_free(kn_queue *q);
mlm_status ref_host_queue_sync(kn_queue *q);
mlm_status ref_host_upload(kn_queue *q, kn_tensor dst, const void *src, size_t bytes);
mlm_status ref_host_download(kn_queue *q, void *dst, kn_tensor src, size_t bytes);
mlm_status ref_host_zero(kn_queue *q, kn_tensor t);

/* Events are readings of the monotonic clock. */
mlm_status ref_host_event_create(kn_event *e);
void       ref_host_event_free(kn_event *e);
mlm_status ref_host_event_record(kn_queue *q, kn_event *e);
mlm_status ref_host_event_wait(kn_queue *q, kn_event *e);
mlm_status ref_host_event_elapsed(double *ms, kn_event *from, kn_event *to);

/* No graphs on the host: MLM_E_UNSUPPORTED. */
mlm_status ref_host_capture_begin(kn_queue *q);
mlm_status ref_host_capture_end(kn_queue *q, kn_graph *g);
mlm_status ref_host_graph_launch(kn_queue *q, kn_graph *g);
void       ref_host_graph_free(kn_graph *g);

/* Weights in the stored dtype, row-major, with their scales. */
mlm_status ref_matrix_create(kn_matrix *m, const kn_matrix_part *parts, int n_parts);
void       ref_matrix_free(kn_matrix *m);

#define X(op) mlm_status ref_##op(kn_queue *q, const kn_##op##_args *a);
KN_OP_LIST(X)
#undef X

#endif
