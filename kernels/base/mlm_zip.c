/* mlm_zip.c: the central directory of a zip file, every number in it checked before it is used. */
#include "kernels/base/mlm_zip.h"

#include <stdlib.h>
#include <string.h>

#define END_BYTES     22u
#define LOCATOR_BYTES 20u
#define END64_BYTES   56u
#define ENTRY_BYTES   46u
#define LOCAL_BYTES   30u
#define MAX_COMMENT   65535u
#define MAX_MEMBERS   1000000u
#define MAX_DIRECTORY ((uint64_t)128 << 20)
#define MAX_NAME      1024u

typedef unsigned long long ull;

static uint32_t u16(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(const unsigned char *p)
{
    return u16(p) | u16(p + 2) << 16;
}

static uint64_t u64(const unsigned char *p)
{
    return u32(p) | (uint64_t)u32(p + 4) << 32;
}

typedef struct directory {
    uint64_t count, bytes, offset;
    uint64_t end; /* where what follows the directory begins */
} directory;

/* The record that says where the directory is; in zip64 files a second one with wide numbers lies before it. */
static mlm_status find_directory(directory *d, const mlm_file *f, const char *path)
{
    unsigned char *tail  = NULL;
    size_t         n     = f->size < MAX_COMMENT + END_BYTES ? (size_t)f->size : MAX_COMMENT + END_BYTES;
    uint64_t       start = f->size - n;
    mlm_status     status;
    if (n < END_BYTES)
        return mlm_fail(MLM_E_FORMAT, "%s: %llu bytes are too short for a zip file", path, (ull)f->size);
    tail = malloc(n);
    if (tail == NULL)
        return mlm_fail_nomem(n, path);
    status    = mlm_file_pread(f, tail, n, start, path);
    size_t at = n - END_BYTES + 1;
    bool   ok = false;
    while (status == MLM_OK && !ok && at > 0) {
        at--;
        ok = memcmp(tail + at, "PK\5\6", 4) == 0 && u16(tail + at + 20) == n - at - END_BYTES;
    }
    if (status == MLM_OK && !ok && start == 0)
        status = mlm_file_check_pointer(tail, n, path);
    if (status == MLM_OK && !ok)
        status = mlm_fail(MLM_E_FORMAT,
                          "%s: is not a zip file (cut short, or saved by a PyTorch older than 1.6)", path);
    if (status == MLM_OK) {
        const unsigned char *e = tail + at;
        *d                     = (directory){u16(e + 10), u32(e + 12), u32(e + 16), start + at};
        if ((u16(e + 4) != 0 && u16(e + 4) != 0xffff) || (u16(e + 6) != 0 && u16(e + 6) != 0xffff))
            status = mlm_fail(MLM_E_FORMAT, "%s: is one of several parts of a zip file", path);
    }
    free(tail);
    return status;
}

static mlm_status find_wide_directory(directory *d, const mlm_file *f, const char *path)
{
    unsigned char locator[LOCATOR_BYTES], e[END64_BYTES];
    if (d->end < LOCATOR_BYTES)
        return MLM_OK;
    MLM_TRY(mlm_file_pread(f, locator, sizeof locator, d->end - LOCATOR_BYTES, path));
    if (memcmp(locator, "PK\6\7", 4) != 0)
        return MLM_OK;
    uint64_t limit = d->end - LOCATOR_BYTES, at = u64(locator + 8);
    if (limit < END64_BYTES || at > limit - END64_BYTES)
        return mlm_fail(MLM_E_FORMAT, "%s: the zip64 record is said to be at %llu, outside the file", path,
                        (ull)at);
    MLM_TRY(mlm_file_pread(f, e, sizeof e, at, path));
    if (memcmp(e, "PK\6\6", 4) != 0)
        return mlm_fail(MLM_E_FORMAT, "%s: there is no zip64 record at %llu", path, (ull)at);
    *d = (directory){u64(e + 32), u64(e + 40), u64(e + 48), at};
    return MLM_OK;
}

static mlm_status check_directory(const directory *d, const char *path)
{
    if (d->count > MAX_MEMBERS)
        return mlm_fail(MLM_E_FORMAT, "%s: the zip directory has %llu members, at most %u are allowed", path,
                        (ull)d->count, MAX_MEMBERS);
    if (d->bytes > MAX_DIRECTORY)
        return mlm_fail(MLM_E_FORMAT, "%s: the zip directory has %llu bytes, at most %llu are allowed", path,
                        (ull)d->bytes, (ull)MAX_DIRECTORY);
    if (d->offset > d->end || d->bytes > d->end - d->offset || d->bytes < d->count * ENTRY_BYTES)
        return mlm_fail(MLM_E_FORMAT,
                        "%s: the zip directory (%llu members, %llu bytes at %llu) does not fit into the file",
                        path, (ull)d->count, (ull)d->bytes, (ull)d->offset);
    return MLM_OK;
}

static mlm_status check_name(const unsigned char *name, size_t n, const char *path)
{
    bool bad = n == 0 || n > MAX_NAME || name[0] == '/';
    for (size_t i = 0; i < n && !bad; i++)
        bad = name[i] < 0x20 || name[i] == 0x7f || name[i] == '\\' ||
              (name[i] == '.' && i + 1 < n && name[i + 1] == '.' && (i == 0 || name[i - 1] == '/') &&
               (i + 2 == n || name[i + 2] == '/'));
    if (!bad)
        return MLM_OK;
    return mlm_fail(MLM_E_FORMAT,
                    "%s: zip member '%.*s': the name must be 1 to %u printable bytes without '..', '\\' or a "
                    "leading '/'",
                    path, (int)(n < 200 ? n : 200), (const char *)name, MAX_NAME);
}

/* Sizes and offset that do not fit 32 bits are in the extra field 1, in this order, only those that do not fit. */
static mlm_status read_wide(uint64_t value[3], const unsigned char *extra, size_t n, const char *name,
                            const char *path)
{
    size_t at = 0;
    while (n - at >= 4) {
        size_t id = u16(extra + at), bytes = u16(extra + at + 2), used = 0;
        at += 4;
        if (bytes > n - at)
            break;
        for (int i = 0; id == 1 && i < 3; i++) {
            if (value[i] != 0xffffffffu)
                continue;
            if (bytes - used < 8)
                return mlm_fail(MLM_E_FORMAT, "%s: zip member '%.200s': its zip64 field is too short", path,
                                name);
            value[i] = u64(extra + at + used);
            used += 8;
        }
        if (id == 1)
            return MLM_OK;
        at += bytes;
    }
    return MLM_OK;
}

/* One entry of the directory; advances *at. */
static mlm_status read_entry(mlm_zip_member *m, char *name, const unsigned char *dir, size_t n, size_t *at,
                             const char *path)
{
    const unsigned char *e = dir + *at;
    if (n - *at < ENTRY_BYTES || memcmp(e, "PK\1\2", 4) != 0)
        return mlm_fail(MLM_E_FORMAT, "%s: the zip directory is damaged at its byte %zu", path, *at);
    size_t n_name = u16(e + 28), n_extra = u16(e + 30), n_comment = u16(e + 32);
    if (n_name + n_extra + n_comment > n - *at - ENTRY_BYTES)
        return mlm_fail(MLM_E_FORMAT, "%s: the zip directory is cut in its last entry", path);
    MLM_TRY(check_name(e + ENTRY_BYTES, n_name, path));
    memcpy(name, e + ENTRY_BYTES, n_name);
    name[n_name]      = '\0';
    uint64_t value[3] = {u32(e + 24), u32(e + 20), u32(e + 42)};
    MLM_TRY(read_wide(value, e + ENTRY_BYTES + n_name, n_extra, name, path));
    if ((u16(e + 8) & 0x2041u) != 0)
        return mlm_fail(MLM_E_FORMAT, "%s: zip member '%.200s' is encrypted", path, name);
    if (u16(e + 10) != 0)
        return mlm_fail(MLM_E_FORMAT, "%s: zip member '%.200s' is compressed (method %u), must be stored",
                        path, name, (unsigned)u16(e + 10));
    if (value[0] != value[1])
        return mlm_fail(MLM_E_FORMAT, "%s: zip member '%.200s' has %llu bytes stored as %llu", path, name,
                        (ull)value[0], (ull)value[1]);
    *m = (mlm_zip_member){.name = name, .size = value[0], .header = value[2], .crc = u32(e + 16)};
    *at += ENTRY_BYTES + n_name + n_extra + n_comment;
    return MLM_OK;
}

/* The local header says where the bytes begin; it must speak of the same member. */
static mlm_status locate(mlm_zip_member *m, const mlm_file *f, uint64_t limit, const char *path)
{
    unsigned char h[LOCAL_BYTES];
    char          name[MAX_NAME];
    if (limit < LOCAL_BYTES || m->header > limit - LOCAL_BYTES)
        return mlm_fail(MLM_E_FORMAT, "%s: zip member '%.200s' begins at %llu, outside the data", path,
                        m->name, (ull)m->header);
    MLM_TRY(mlm_file_pread(f, h, sizeof h, m->header, path));
    size_t n = u16(h + 26);
    if (memcmp(h, "PK\3\4", 4) != 0 || u16(h + 8) != 0 || n != strlen(m->name))
        return mlm_fail(MLM_E_FORMAT, "%s: zip member '%.200s' has another header where its bytes begin",
                        path, m->name);
    MLM_TRY(mlm_file_pread(f, name, n, m->header + LOCAL_BYTES, path));
    if (memcmp(name, m->name, n) != 0)
        return mlm_fail(MLM_E_FORMAT, "%s: zip member '%.200s' has another name where its bytes begin", path,
                        m->name);
    m->offset = m->header + LOCAL_BYTES + n + u16(h + 28);
    if (m->offset > limit || m->size > limit - m->offset)
        return mlm_fail(MLM_E_FORMAT, "%s: zip member '%.200s' (%llu bytes at %llu) ends outside the data",
                        path, m->name, (ull)m->size, (ull)m->offset);
    return MLM_OK;
}

static int by_place(const void *pa, const void *pb)
{
    const mlm_zip_member *a = pa, *b = pb;
    return a->header < b->header ? -1 : a->header > b->header;
}

static int by_name(const void *pa, const void *pb)
{
    const mlm_zip_member *a = pa, *b = pb;
    return strcmp(a->name, b->name);
}

/* Sorts by name; refuses doubled names and shared bytes. */
static mlm_status check_members(mlm_zip *zip, const char *path)
{
    qsort(zip->members, zip->count, sizeof *zip->members, by_place);
    for (size_t i = 1; i < zip->count; i++) {
        const mlm_zip_member *a = &zip->members[i - 1], *b = &zip->members[i];
        if (a->offset + a->size > b->header)
            return mlm_fail(MLM_E_FORMAT, "%s: zip members '%.200s' and '%.200s' share bytes", path, a->name,
                            b->name);
    }
    qsort(zip->members, zip->count, sizeof *zip->members, by_name);
    for (size_t i = 1; i < zip->count; i++)
        if (strcmp(zip->members[i - 1].name, zip->members[i].name) == 0)
            return mlm_fail(MLM_E_FORMAT, "%s: there are two zip members '%.200s'", path,
                            zip->members[i].name);
    return MLM_OK;
}

static mlm_status read_members(mlm_zip *zip, const unsigned char *dir, const directory *d, const mlm_file *f,
                               const char *path)
{
    size_t at = 0, n = (size_t)d->bytes, used = 0;
    for (size_t i = 0; i < (size_t)d->count; i++) {
        MLM_TRY(read_entry(&zip->members[i], zip->names + used, dir, n, &at, path));
        used += strlen(zip->names + used) + 1;
        MLM_TRY(locate(&zip->members[i], f, d->offset, path));
        zip->count = i + 1;
    }
    if (at != n)
        return mlm_fail(MLM_E_FORMAT, "%s: the zip directory has %zu bytes after its last member", path,
                        n - at);
    return check_members(zip, path);
}

mlm_status mlm_zip_read(mlm_zip *zip, const mlm_file *f, const char *path)
{
    directory      d   = {0};
    unsigned char *dir = NULL;
    MLM_TRY(find_directory(&d, f, path));
    MLM_TRY(find_wide_directory(&d, f, path));
    MLM_TRY(check_directory(&d, path));
    size_t n          = (size_t)d.bytes;
    zip->members      = calloc((size_t)d.count + 1, sizeof *zip->members);
    zip->names        = malloc(n + 1); /* each entry is longer than its name and a NUL */
    dir               = malloc(n + 1);
    mlm_status status = MLM_OK;
    if (zip->members == NULL || zip->names == NULL || dir == NULL)
        status = mlm_fail_nomem(2 * n + (size_t)d.count * sizeof *zip->members, path);
    if (status == MLM_OK)
        status = mlm_file_pread(f, dir, n, d.offset, path);
    if (status == MLM_OK)
        status = read_members(zip, dir, &d, f, path);
    free(dir);
    if (status != MLM_OK)
        mlm_zip_free(zip);
    return status;
}

mlm_status mlm_zip_compare_crc(const mlm_zip_member *m, uint32_t crc, const char *path)
{
    if (m->crc == 0 || m->crc == crc)
        return MLM_OK;
    return mlm_fail(MLM_E_FORMAT,
                    "%s: zip member '%.200s' is damaged: its %llu bytes have the CRC-32 %08x, %08x is wanted",
                    path, m->name, (ull)m->size, (unsigned)crc, (unsigned)m->crc);
}

void mlm_zip_free(mlm_zip *zip)
{
    free(zip->members);
    free(zip->names);
    memset(zip, 0, sizeof *zip);
}

const mlm_zip_member *mlm_zip_find(const mlm_zip *zip, const char *name)
{
    const mlm_zip_member key = {.name = name};
    if (zip->count == 0)
        return NULL;
    return bsearch(&key, zip->members, zip->count, sizeof *zip->members, by_name);
}
