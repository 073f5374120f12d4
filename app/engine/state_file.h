/*
 * state_file.h: little-endian bytes of a .mlmstate file, in memory.  Version 1:
 *
 *   "MLMSTATE"  u32 version  u32 0  u64 fingerprint of the weights
 *   u32 layers, width, conv width K, conv channels C, heads H, head dim P, state N, picture tokens
 *   picture: i32 width, height, orientation, rotated, view size, x, y, width, height;  f32 source x, y, w, h;
 *            char[16] format;  char[16] fit
 *   u32 turns;  each: u32 bytes of question, of answer, prompt tokens, produced tokens;  the texts;  i32 tokens
 *   f32 state behind the picture: conv [L,K-1,C], ssm [L,H,P,N];  with turns: the state behind the last one
 *   u64 mlm_hash_bytes (kernels/base/mlm_hash.h) of everything before
 */
#ifndef APP_ENGINE_STATE_FILE_H
#define APP_ENGINE_STATE_FILE_H

#include "kernels/base/mlm_fail.h"

#include <stdint.h>

#define STATE_MAGIC "MLMSTATE" /* without its end: 8 bytes */

/* Without memory (data NULL) it only counts, so that the same calls first measure and then write into exactly what is
 * needed.  What does not fit is remembered in `failed`. */
typedef struct state_writer {
    uint8_t *data; /* borrowed */
    size_t   used, capacity;
    bool     failed;
} state_writer;
void state_put(state_writer *w, const void *bytes, size_t n);
void state_put_u32(state_writer *w, uint32_t v);
void state_put_u64(state_writer *w, uint64_t v);
void state_put_f32(state_writer *w, float v);
/* Room for n bytes, to be filled by the caller; NULL while counting and after a failure. */
void *state_put_space(state_writer *w, size_t n);

/* Reads never pass the end: they give zeros and set `failed`. */
typedef struct state_reader {
    const uint8_t *data;
    size_t         at, size;
    bool           failed;
} state_reader;
const void *state_get(state_reader *r, size_t n); /* borrowed; NULL beyond the end */
uint32_t    state_get_u32(state_reader *r);
uint64_t    state_get_u64(state_reader *r);
float       state_get_f32(state_reader *r);

/* Temporary file in the same folder, fsync, rename, fsync of the folder: the old file or the new one, never half.
 * A link is followed; a target that exists must be a state file or empty (MLM_E_IO). */
mlm_status state_write_file(const char *path, const void *bytes, size_t n) MLM_WARN_UNUSED;

#endif
