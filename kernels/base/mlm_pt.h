/*
 * mlm_pt.h: the tensors of a PyTorch checkpoint (torch.save: .pt, .pth, .bin), without Python and without running
 * anything that the file says.
 *
 * The file is a zip of stored members (mlm_zip.h): PREFIX/data.pkl, a pickle of which only tensors, dictionaries and
 * plain values are understood (mlm_pickle.h), and PREFIX/data/N, the raw bytes.  Nested dictionaries give names with
 * dots: {"model": {"mlp": {"0.weight": ..}}} is "model.mlp.0.weight"; plain values beside tensors are passed over.
 * Several tensors may lie in one storage; bytes are read when they are asked for, transposed ones through a copy of
 * their span.
 *
 * Checked at open: what the two headers say, storages as large as their members, every tensor inside its storage,
 * no negative or zero stride over more than one element, no more elements than the storage has, no key twice, depth
 * at most 16, 100,000 tensors, names of printable ASCII up to 511 bytes, little-endian byte order, the CRC-32 of data.pkl.
 * The CRC-32 of the storages costs reading all of them: mlm_pt_verify, which whoever keeps a copy calls first.
 */
#ifndef MLM_PT_H
#define MLM_PT_H

#include "kernels/base/mlm_safetensors.h"

typedef struct mlm_pt mlm_pt;

/* Owned: mlm_pt_close.  MLM_E_NOTFOUND, MLM_E_IO, MLM_E_FORMAT (names file and tensor), MLM_E_NOMEM. */
mlm_status mlm_pt_open(mlm_pt **out, const char *path) MLM_WARN_UNUSED;
void       mlm_pt_close(mlm_pt *pt); /* NULL is fine */

int64_t mlm_pt_count(const mlm_pt *pt);
/* By name.  offset is where the first element lies in the file: tensors of the same dtype, shape and offset are the
 * same one (tied weights). */
const mlm_st_tensor *mlm_pt_at(const mlm_pt *pt, int64_t index);
const mlm_st_tensor *mlm_pt_find(const mlm_pt *pt, const char *name); /* NULL: absent */
bool                 mlm_pt_contiguous(const mlm_pt *pt, const mlm_st_tensor *t);
uint64_t             mlm_pt_file_bytes(const mlm_pt *pt);

/* Copies n bytes of a tensor, in row-major order, from byte `from`.  One thread at a time. */
mlm_status mlm_pt_read(mlm_pt *pt, const mlm_st_tensor *t, void *dst, uint64_t from,
                       size_t n) MLM_WARN_UNUSED;

/* After every piece of `bytes`; false cancels. */
typedef bool (*mlm_pt_progress)(size_t bytes, void *payload);
/* Bytes of all storages that tensors lie in: what mlm_pt_verify reads. */
uint64_t mlm_pt_storage_bytes(const mlm_pt *pt);
/* Every such storage against the CRC-32 of its zip member: MLM_E_FORMAT names file and member.  MLM_E_IO,
 * MLM_E_CANCELLED, MLM_E_NOMEM. */
mlm_status mlm_pt_verify(const mlm_pt *pt, mlm_pt_progress fn, void *payload) MLM_WARN_UNUSED;

#endif
