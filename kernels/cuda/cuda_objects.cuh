/* cuda_objects.cuh: the entries of the table that are not ops, and cuBLASLt. */
#ifndef KERNELS_CUDA_OBJECTS_CUH
#define KERNELS_CUDA_OBJECTS_CUH

#include "kernels/cuda/cuda_common.cuh"

mlm_status cuda_buffer_create(kn_buffer *buf);
void       cuda_buffer_free(kn_buffer *buf);
mlm_status cuda_matrix_create(kn_matrix *m, const kn_matrix_part *parts, int n_parts);
void       cuda_matrix_free(kn_matrix *m);
mlm_status cuda_reserve(kn_device *dev, size_t bytes);
mlm_status cuda_queue_create(kn_queue *q);
void       cuda_queue_free(kn_queue *q);
mlm_status cuda_queue_sync(kn_queue *q);
mlm_status cuda_upload(kn_queue *q, kn_tensor dst, const void *src, size_t bytes);
mlm_status cuda_download(kn_queue *q, void *dst, kn_tensor src, size_t bytes);
mlm_status cuda_read(kn_queue *q, kn_tensor t, kn_tensor sum);
mlm_status cuda_zero(kn_queue *q, kn_tensor t);
mlm_status cuda_event_create(kn_event *e);
void       cuda_event_free(kn_event *e);
mlm_status cuda_event_record(kn_queue *q, kn_event *e);
mlm_status cuda_event_wait(kn_queue *q, kn_event *e);
mlm_status cuda_event_elapsed(double *ms, kn_event *from, kn_event *to);
mlm_status cuda_capture_begin(kn_queue *q);
mlm_status cuda_capture_end(kn_queue *q, kn_graph *g);
mlm_status cuda_graph_launch(kn_queue *q, kn_graph *g);
void       cuda_graph_free(kn_graph *g);

/* NULL when the library is not on this machine: own kernels do its work. */
cuda_lt *cuda_lt_open(void);
void     cuda_lt_close(cuda_lt *lt);

#define CUDA_LT_WORKSPACE ((size_t)32 << 20)

#endif
