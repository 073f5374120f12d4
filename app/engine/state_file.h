/*
 * state_file.h: little-endian bytes of a .mlmstate file.  What is small is made and read in memory, states go through a buffer
 * of a layer.  Version 1:
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

#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_file_write.h"
#include "kernels/base/mlm_hash.h"

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
typedef struct state_sink {
    mlm_new_file file;
    mlm_hash     hash; /* of everything put */
} state_sink;
mlm_status state_sink_open(state_sink *s, const char *path) MLM_WARN_UNUSED;
mlm_status state_sink_put(state_sink *s, const void *bytes, size_t n) MLM_WARN_UNUSED;
/* The sum, and the file has its name; ends `s` also when it fails, or when status is a failure that came before. */
mlm_status state_sink_close(state_sink *s, mlm_status status) MLM_WARN_UNUSED;

/* A file from its begin to its end. */
typedef struct state_source {
    mlm_file    file;
    const char *path; /* borrowed */
    uint64_t    at;
    mlm_hash    hash; /* of everything taken */
} state_source;
/* Refuses files above limit. */
mlm_status state_source_open(state_source *s, const char *path, size_t limit) MLM_WARN_UNUSED;
mlm_status state_source_take(state_source *s, void *dst, size_t n) MLM_WARN_UNUSED;
void       state_source_close(state_source *s); /* zeroed is fine */

#endif
