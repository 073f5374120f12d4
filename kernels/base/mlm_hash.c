/* mlm_hash.c: four lanes of eight bytes, so that the products of one block do not wait for each other. */
#include "kernels/base/mlm_hash.h"

#include <string.h>

#define STRIDE 32
#define FACTOR 0xd1342543de82ef95ULL /* odd */

static uint64_t rotate(uint64_t v, int n)
{
    return v << n | v >> (64 - n);
}

static uint64_t step(uint64_t lane, uint64_t word)
{
    return rotate(lane ^ word, 29) * FACTOR;
}

static uint64_t load(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static void take_blocks(uint64_t lane[4], const uint8_t *p, size_t n_blocks)
{
    uint64_t a = lane[0], b = lane[1], c = lane[2], d = lane[3];
    for (size_t i = 0; i < n_blocks; i++, p += STRIDE) {
        a = step(a, load(p));
        b = step(b, load(p + 8));
        c = step(c, load(p + 16));
        d = step(d, load(p + 24));
    }
    lane[0] = a;
    lane[1] = b;
    lane[2] = c;
    lane[3] = d;
}

void mlm_hash_init(mlm_hash *h)
{
    memset(h, 0, sizeof *h);
    for (unsigned i = 0; i < 4; i++)
        h->lane[i] = (i + 1) * 0x9e3779b97f4a7c15ULL;
}

void mlm_hash_add(mlm_hash *h, const void *bytes, size_t n)
{
    const uint8_t *p    = bytes;
    size_t         held = (size_t)(h->n % STRIDE);
    h->n += n;
    if (held > 0) {
        size_t take = n < STRIDE - held ? n : STRIDE - held;
        memcpy(h->tail + held, p, take);
        if (held + take < STRIDE)
            return;
        take_blocks(h->lane, h->tail, 1);
        p += take;
        n -= take;
    }
    take_blocks(h->lane, p, n / STRIDE);
    if (n % STRIDE > 0)
        memcpy(h->tail, p + n / STRIDE * STRIDE, n % STRIDE);
}

void mlm_hash_add_u64(mlm_hash *h, uint64_t v)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    mlm_hash_add(h, bytes, sizeof bytes);
}

uint64_t mlm_hash_end(const mlm_hash *h)
{
    uint64_t lane[4], sum;
    uint8_t  last[STRIDE] = {0};
    memcpy(lane, h->lane, sizeof lane);
    memcpy(last, h->tail, (size_t)(h->n % STRIDE));
    take_blocks(lane, last, 1);
    sum = h->n * FACTOR;
    for (int i = 0; i < 4; i++)
        sum = step(sum, lane[i]);
    sum = (sum ^ sum >> 32) * FACTOR;
    sum = (sum ^ sum >> 29) * FACTOR;
    return sum ^ sum >> 32;
}

uint64_t mlm_hash_bytes(const void *bytes, size_t n)
{
    mlm_hash h;
    mlm_hash_init(&h);
    mlm_hash_add(&h, bytes, n);
    return mlm_hash_end(&h);
}
