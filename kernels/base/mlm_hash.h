/*
 * mlm_hash.h: a 64-bit hash of bytes, for fingerprints and checksums of large data.  Keeps damage and mix-ups out, not
 * malice.  Four 64-bit lanes take turns, one word each:  lane = rotate(lane ^ word, 29) * odd constant.  Each step is
 * one-to-one in the word, so a change inside a single word always changes the result.  The same on every machine.
 */
#ifndef MLM_HASH_H
#define MLM_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct mlm_hash {
    uint64_t lane[4];
    uint64_t n;        /* bytes so far                   */
    uint8_t  tail[32]; /* the last n % 32 bytes of them  */
} mlm_hash;

void mlm_hash_init(mlm_hash *h);
/* Any pieces: only the bytes in their order count. */
void     mlm_hash_add(mlm_hash *h, const void *bytes, size_t n);
void     mlm_hash_add_u64(mlm_hash *h, uint64_t v); /* as eight bytes, lowest first */
uint64_t mlm_hash_end(const mlm_hash *h);           /* of everything so far; more may be added after it */

/* All of it at once. */
uint64_t mlm_hash_bytes(const void *bytes, size_t n);

#endif
