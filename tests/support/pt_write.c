/* pt_write.c: see pt_write.h. */
#include "tests/support/pt_write.h"

#include "kernels/base/mlm_crc32.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MEMBERS 512
#define MAX_DEPTH   4

void pt_put(pt_bytes *b, const void *bytes, size_t n)
{
    if (b->n + n > b->cap) {
        b->cap = (b->n + n) * 2 + 256;
        b->p   = realloc(b->p, b->cap);
        if (b->p == NULL)
            abort();
    }
    if (n > 0)
        memcpy(b->p + b->n, bytes, n);
    b->n += n;
}

void pt_text(pt_bytes *b, const char *text)
{
    pt_put(b, text, strlen(text));
}

static void put_number(pt_bytes *b, uint64_t v, size_t n)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    pt_put(b, bytes, n);
}

void pt_u16(pt_bytes *b, uint32_t v)
{
    put_number(b, v, 2);
}

void pt_u32(pt_bytes *b, uint64_t v)
{
    put_number(b, v, 4);
}

void pt_u64(pt_bytes *b, uint64_t v)
{
    put_number(b, v, 8);
}

void pt_free(pt_bytes *b)
{
    free(b->p);
    *b = (pt_bytes){0};
}

/* ---- zip ---------------------------------------------------------------------------------------- */

static uint32_t sum_of(const pt_member *m)
{
    mlm_crc32_table table;
    mlm_crc32_prepare(&table);
    return mlm_crc32_add(&table, 0, m->data, m->n);
}

static void put_local(pt_bytes *out, const pt_member *m)
{
    size_t name = strlen(m->name), pad = 4 + (64 - (out->n + 30 + name + 4) % 64) % 64;
    pt_text(out, "PK\3\4");
    pt_u16(out, 0);
    pt_u16(out, 0x0808); /* sizes behind the data, UTF-8: as PyTorch */
    pt_u16(out, 0);
    pt_u32(out, 0);
    pt_u32(out, 0);
    pt_u32(out, 0);
    pt_u32(out, 0);
    pt_u16(out, (uint32_t)name);
    pt_u16(out, (uint32_t)pad);
    pt_text(out, m->name);
    pt_text(out, "FB");
    pt_u16(out, (uint32_t)(pad - 4));
    for (size_t i = 4; i < pad; i++)
        pt_put(out, "Z", 1);
    pt_put(out, m->data, m->n);
    pt_text(out, "PK\7\10");
    pt_u32(out, sum_of(m));
    pt_u32(out, m->n);
    pt_u32(out, m->n);
}

static void put_entry(pt_bytes *out, const pt_member *m, uint64_t at, bool zip64)
{
    pt_text(out, "PK\1\2");
    pt_u16(out, 0);
    pt_u16(out, 0);
    pt_u16(out, 0x0808);
    pt_u16(out, 0);
    pt_u32(out, 0);
    pt_u32(out, sum_of(m));
    pt_u32(out, zip64 ? 0xffffffffu : m->n);
    pt_u32(out, zip64 ? 0xffffffffu : m->n);
    pt_u16(out, (uint32_t)strlen(m->name));
    pt_u16(out, zip64 ? 28 : 0);
    pt_u16(out, 0);
    pt_u16(out, 0);
    pt_u16(out, 0);
    pt_u32(out, 0);
    pt_u32(out, zip64 ? 0xffffffffu : at);
    pt_text(out, m->name);
    if (!zip64)
        return;
    pt_u16(out, 1);
    pt_u16(out, 24);
    pt_u64(out, m->n);
    pt_u64(out, m->n);
    pt_u64(out, at);
}

void pt_zip(pt_bytes *out, const pt_member *members, int n, bool zip64)
{
    uint64_t at[MAX_MEMBERS];
    for (int i = 0; i < n; i++) {
        at[i] = out->n;
        put_local(out, &members[i]);
    }
    uint64_t from = out->n;
    for (int i = 0; i < n; i++)
        put_entry(out, &members[i], at[i], zip64);
    uint64_t to = out->n;
    if (zip64) {
        pt_text(out, "PK\6\6");
        pt_u64(out, 44);
        pt_u16(out, 45);
        pt_u16(out, 45);
        pt_u32(out, 0);
        pt_u32(out, 0);
        pt_u64(out, (uint64_t)n);
        pt_u64(out, (uint64_t)n);
        pt_u64(out, to - from);
        pt_u64(out, from);
        pt_text(out, "PK\6\7");
        pt_u32(out, 0);
        pt_u64(out, to);
        pt_u32(out, 1);
    }
    pt_text(out, "PK\5\6");
    pt_u16(out, 0);
    pt_u16(out, 0);
    pt_u16(out, zip64 ? 0xffff : (uint32_t)n);
    pt_u16(out, zip64 ? 0xffff : (uint32_t)n);
    pt_u32(out, zip64 ? 0xffffffffu : to - from);
    pt_u32(out, zip64 ? 0xffffffffu : from);
    pt_u16(out, 0);
}

/* ---- pickle ------------------------------------------------------------------------------------- */

void pt_pickle_key(pt_bytes *out, const char *text)
{
    pt_text(out, "X");
    pt_u32(out, strlen(text));
    pt_text(out, text);
}

static void put_int(pt_bytes *out, int64_t v)
{
    if (v >= 0 && v <= INT32_MAX) {
        pt_text(out, "J");
        pt_u32(out, (uint64_t)v);
    } else {
        pt_put(out, "\x8a\x08", 2);
        pt_u64(out, (uint64_t)v);
    }
}

static void put_dims(pt_bytes *out, const int64_t *v, int n)
{
    pt_text(out, "(");
    for (int i = 0; i < n; i++)
        put_int(out, v[i]);
    pt_text(out, "t");
}

static const char *storage_class(mlm_st_dtype dtype)
{
    return dtype == MLM_ST_F32    ? "FloatStorage"
           : dtype == MLM_ST_BF16 ? "BFloat16Storage"
           : dtype == MLM_ST_F16  ? "HalfStorage"
                                  : "LongStorage";
}

void pt_pickle_tensor(pt_bytes *out, const pt_tensor *t, const char *key, int64_t n_elements)
{
    int64_t stride[4], next = 1;
    for (int i = t->rank - 1; i >= 0; i--) {
        stride[i] = next;
        next      = (int64_t)((uint64_t)next * (uint64_t)t->dim[i]); /* hostile shapes may wrap */
    }
    pt_text(out, "ctorch._utils\n_rebuild_tensor_v2\n((");
    pt_pickle_key(out, "storage");
    pt_text(out, "ctorch\n");
    pt_text(out, storage_class(t->dtype));
    pt_text(out, "\n");
    pt_pickle_key(out, key);
    pt_pickle_key(out, "cpu");
    put_int(out, n_elements);
    pt_text(out, "tQ");
    put_int(out, t->offset);
    put_dims(out, t->dim, t->rank);
    put_dims(out, t->rank > 0 && t->stride[0] != 0 ? t->stride : stride, t->rank);
    pt_put(out, "\x89", 1);
    pt_text(out, "ccollections\nOrderedDict\n)RtR");
}

/* Lengths of the keys of a path but the last. */
static int split(const char *path, const char *key[MAX_DEPTH], size_t n[MAX_DEPTH], const char **last)
{
    int depth = 0;
    for (const char *slash = strchr(path, '/'); slash != NULL && depth < MAX_DEPTH;
         slash             = strchr(path, '/')) {
        key[depth] = path;
        n[depth++] = (size_t)(slash - path);
        path       = slash + 1;
    }
    *last = path;
    return depth;
}

static void pickle_all(pt_bytes *out, const pt_tensor *tensors, int n, const pt_storage *storages)
{
    const char *open[MAX_DEPTH] = {0}, *key[MAX_DEPTH], *last = NULL;
    size_t      n_open[MAX_DEPTH] = {0}, n_key[MAX_DEPTH];
    int         depth             = 0;
    pt_put(out, "\x80\x02}(", 4);
    for (int i = 0; i < n; i++) {
        int want = split(tensors[i].path, key, n_key, &last), same = 0;
        while (same < depth && same < want && n_open[same] == n_key[same] &&
               memcmp(open[same], key[same], n_key[same]) == 0)
            same++;
        for (; depth > same; depth--)
            pt_text(out, "u");
        for (; depth < want; depth++) {
            char text[256];
            (void)snprintf(text, sizeof text, "%.*s", (int)n_key[depth], key[depth]);
            pt_pickle_key(out, text);
            pt_text(out, "}(");
            open[depth]   = key[depth];
            n_open[depth] = n_key[depth];
        }
        char number[16];
        (void)snprintf(number, sizeof number, "%d", tensors[i].storage);
        pt_pickle_key(out, last);
        pt_pickle_tensor(out, &tensors[i], number,
                         (int64_t)(storages[tensors[i].storage].n / mlm_st_dtype_size(tensors[i].dtype)));
    }
    for (; depth > 0; depth--)
        pt_text(out, "u");
    pt_text(out, "u.");
}

void pt_write(pt_bytes *out, const pt_tensor *tensors, int n, const pt_storage *storages, int n_storages,
              bool zip64)
{
    static char names[MAX_MEMBERS][32];
    pt_member   members[MAX_MEMBERS];
    pt_bytes    pickle = {0};
    if (n_storages + 2 > MAX_MEMBERS)
        abort();
    pickle_all(&pickle, tensors, n, storages);
    members[0] = (pt_member){"archive/data.pkl", pickle.p, pickle.n};
    members[1] = (pt_member){"archive/byteorder", "little", 6};
    for (int i = 0; i < n_storages; i++) {
        (void)snprintf(names[i], sizeof names[i], "archive/data/%d", i);
        members[i + 2] = (pt_member){names[i], storages[i].data, storages[i].n};
    }
    pt_zip(out, members, n_storages + 2, zip64);
    pt_free(&pickle);
}
