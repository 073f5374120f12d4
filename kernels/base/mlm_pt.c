/* mlm_pt.c: names, places and bytes of the tensors of a PyTorch checkpoint; see mlm_pt.h for what is checked. */
#include "kernels/base/mlm_pt.h"

#include "kernels/base/mlm_crc32.h"
#include "kernels/base/mlm_pickle.h"
#include "kernels/base/mlm_zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PICKLE  ((uint64_t)64 << 20)
#define MAX_DEPTH   16
#define MAX_TENSORS 100000
#define MAX_VISITS  2000000
#define MAX_NAME    512
#define PIECE       ((size_t)1 << 20)
#define MAX_SPAN    ((uint64_t)4 << 30) /* of a tensor that is not contiguous: it is read whole */

typedef unsigned long long ull;

typedef struct layout {
    int64_t  stride[MLM_ST_MAX_RANK];
    bool     contiguous;
    uint64_t span; /* bytes from the first element to the end of the last */
} layout;

struct mlm_pt {
    mlm_file       file;
    char          *path;
    mlm_st_tensor *tensors; /* by name; shard: index of the layout */
    layout        *layouts;
    int64_t        n_tensors, capacity;
    char          *names;
    size_t         names_used, names_cap;
    size_t        *name_at; /* while names may move */
    mlm_zip        zip;
    bool          *holds;   /* [zip.count] a storage that a tensor lies in */
    char          *span;    /* of the transposed tensor that was read last */
    int            span_of; /* its layout, -1: none */
};

/* What opening needs and reading does not. */
typedef struct reader {
    mlm_pt        *pt;
    mlm_pickle     pickle;
    unsigned char *text;
    char           prefix[MAX_NAME]; /* "archive/" */
    uint64_t      *storage_at;       /* offset in the file of each storage; 0: not looked for yet */
    char           name[MAX_NAME];   /* of the value that is being looked at */
    int            visits;
} reader;

/* ---- the archive -------------------------------------------------------------------------------- */

static mlm_status find_pickle(reader *r, const mlm_zip_member **out)
{
    static const char     wanted[] = "data.pkl";
    const mlm_zip_member *found    = NULL;
    for (size_t i = 0; i < r->pt->zip.count; i++) {
        const char *slash = strchr(r->pt->zip.members[i].name, '/');
        if (slash == NULL || strcmp(slash + 1, wanted) != 0)
            continue;
        if (found != NULL)
            return mlm_fail(MLM_E_FORMAT, "%s: there are two members data.pkl", r->pt->path);
        found    = &r->pt->zip.members[i];
        size_t n = (size_t)(slash - found->name) + 1;
        if (n >= sizeof r->prefix - 64)
            return mlm_fail(MLM_E_FORMAT, "%s: the name of member '%.200s' is too long", r->pt->path,
                            found->name);
        memcpy(r->prefix, found->name, n);
        r->prefix[n] = '\0';
    }
    if (found == NULL)
        return mlm_fail(MLM_E_FORMAT, "%s: is a zip file without a member data.pkl, so no PyTorch checkpoint",
                        r->pt->path);
    if (found->size > MAX_PICKLE)
        return mlm_fail(MLM_E_FORMAT, "%s: data.pkl has %llu bytes, at most %llu are allowed", r->pt->path,
                        (ull)found->size, (ull)MAX_PICKLE);
    *out = found;
    return MLM_OK;
}

static mlm_status check_byte_order(const reader *r)
{
    char text[8] = "", name[MAX_NAME];
    (void)snprintf(name, sizeof name, "%.*sbyteorder", MAX_NAME - 32, r->prefix);
    const mlm_zip_member *m = mlm_zip_find(&r->pt->zip, name);
    if (m == NULL)
        return MLM_OK;
    if (m->size < sizeof text)
        MLM_TRY(mlm_file_pread(&r->pt->file, text, (size_t)m->size, m->offset, r->pt->path));
    if (strcmp(text, "little") == 0)
        return MLM_OK;
    return mlm_fail(MLM_E_UNSUPPORTED, "%s: the byte order is '%s', must be little", r->pt->path, text);
}

/* Where the bytes of a storage lie: a member of exactly its size. */
static mlm_status place_storage(reader *r, uint32_t index)
{
    const mlm_pickle_storage *s = &r->pickle.storages[index];
    char                      name[MAX_NAME];
    uint64_t                  bytes = 0;
    if (r->storage_at[index] != 0) /* a member never lies at 0: its header is before it */
        return MLM_OK;
    (void)snprintf(name, sizeof name, "%.*sdata/%s", MAX_NAME - 64, r->prefix, s->key);
    const mlm_zip_member *m = mlm_zip_find(&r->pt->zip, name);
    if (m == NULL)
        return mlm_fail(MLM_E_FORMAT, "%s: tensor '%s': its storage %s has no member '%s'", r->pt->path,
                        r->name, s->key, name);
    if (__builtin_mul_overflow((uint64_t)s->count, (uint64_t)mlm_st_dtype_size(s->dtype), &bytes) ||
        bytes != m->size)
        return mlm_fail(
            MLM_E_FORMAT,
            "%s: tensor '%s': its storage %s of %lld %s must have %llu bytes, member '%s' has %llu",
            r->pt->path, r->name, s->key, (long long)s->count, mlm_st_dtype_name(s->dtype), (ull)bytes, name,
            (ull)m->size);
    r->storage_at[index]                 = m->offset;
    r->pt->holds[m - r->pt->zip.members] = true;
    return MLM_OK;
}

/* ---- tensors ------------------------------------------------------------------------------------ */

/* Elements and the reach of the strides; false: it does not fit 63 bits or has strides of its own mind. */
static bool measure(const mlm_pickle_tensor *t, int64_t *count, int64_t *reach, bool *contiguous)
{
    int64_t next = 1;
    *count       = 1;
    *reach       = 0;
    *contiguous  = true;
    for (int i = 0; i < t->rank; i++)
        if (__builtin_mul_overflow(*count, t->dim[i], count))
            return false;
    if (*count == 0)
        return true;
    for (int i = t->rank - 1; i >= 0; i--) {
        int64_t step = 0;
        if (t->dim[i] == 1)
            continue;
        if (t->stride[i] == 0 || __builtin_mul_overflow(t->dim[i] - 1, t->stride[i], &step) ||
            __builtin_add_overflow(*reach, step, reach))
            return false;
        *contiguous = *contiguous && t->stride[i] == next;
        next *= t->dim[i]; /* divides count */
    }
    return true;
}

static mlm_status fill_tensor(mlm_st_tensor *out, layout *l, reader *r, const mlm_pickle_tensor *t)
{
    MLM_TRY(place_storage(r, t->storage));
    const mlm_pickle_storage *s     = &r->pickle.storages[t->storage];
    int64_t                   count = 0, reach = 0, end = 0;
    uint64_t                  size = mlm_st_dtype_size(s->dtype);
    bool ok = measure(t, &count, &reach, &l->contiguous) && !__builtin_add_overflow(t->offset, reach, &end) &&
              (count == 0 ? t->offset <= s->count : end < s->count) && count <= s->count;
    if (!ok)
        return mlm_fail(MLM_E_FORMAT,
                        "%s: tensor '%s' (%d dimensions, first %lld, offset %lld) does not fit its storage "
                        "%s of %lld elements",
                        r->pt->path, r->name, t->rank, t->rank > 0 ? (long long)t->dim[0] : 1LL,
                        (long long)t->offset, s->key, (long long)s->count);
    *out    = (mlm_st_tensor){.dtype  = s->dtype,
                              .rank   = t->rank,
                              .bytes  = (uint64_t)count * size,
                              .offset = r->storage_at[t->storage] + (uint64_t)t->offset * size};
    l->span = count > 0 ? ((uint64_t)reach + 1) * size : 0;
    memcpy(out->dim, t->dim, sizeof out->dim);
    for (int i = 0; i < t->rank; i++) /* a step that is never taken may have any length: it must not add up */
        l->stride[i] = t->dim[i] == 1 ? 0 : t->stride[i];
    if (!l->contiguous && l->span > MAX_SPAN)
        return mlm_fail(MLM_E_UNSUPPORTED,
                        "%s: tensor '%s' is transposed and has %llu bytes, at most %llu are possible",
                        r->pt->path, r->name, (ull)l->span, (ull)MAX_SPAN);
    return MLM_OK;
}

static mlm_status keep_name(mlm_pt *pt, const char *name)
{
    size_t n = strlen(name) + 1;
    if (pt->names_cap - pt->names_used < n) {
        size_t cap    = pt->names_cap * 2 + 4096;
        char  *bigger = realloc(pt->names, cap);
        if (bigger == NULL)
            return mlm_fail_nomem(cap, pt->path);
        pt->names     = bigger;
        pt->names_cap = cap;
    }
    memcpy(pt->names + pt->names_used, name, n);
    pt->name_at[pt->n_tensors] = pt->names_used;
    pt->names_used += n;
    return MLM_OK;
}

static mlm_status make_room(mlm_pt *pt)
{
    if (pt->n_tensors < pt->capacity)
        return MLM_OK;
    if (pt->n_tensors >= MAX_TENSORS)
        return mlm_fail(MLM_E_FORMAT, "%s: more than %d tensors", pt->path, MAX_TENSORS);
    size_t         cap     = (size_t)pt->capacity * 2 + 256;
    mlm_st_tensor *tensors = realloc(pt->tensors, cap * sizeof *tensors);
    if (tensors != NULL)
        pt->tensors = tensors;
    layout *layouts = realloc(pt->layouts, cap * sizeof *layouts);
    if (layouts != NULL)
        pt->layouts = layouts;
    size_t *name_at = realloc(pt->name_at, cap * sizeof *name_at);
    if (name_at != NULL)
        pt->name_at = name_at;
    if (tensors == NULL || layouts == NULL || name_at == NULL)
        return mlm_fail_nomem(cap * (sizeof *tensors + sizeof *layouts), pt->path);
    pt->capacity = (int64_t)cap;
    return MLM_OK;
}

static mlm_status add_tensor(reader *r, const mlm_pickle_tensor *t)
{
    mlm_pt *pt = r->pt;
    MLM_TRY(make_room(pt));
    MLM_TRY(fill_tensor(&pt->tensors[pt->n_tensors], &pt->layouts[pt->n_tensors], r, t));
    pt->tensors[pt->n_tensors].shard = (int)pt->n_tensors;
    MLM_TRY(keep_name(pt, r->name));
    pt->n_tensors++;
    return MLM_OK;
}

/* ---- walking the dictionaries ------------------------------------------------------------------- */

/* Appends ".key" to the name; gives its old length. */
static mlm_status enter(reader *r, const mlm_pickle_value *key, size_t *old)
{
    char text[MAX_NAME];
    *old = strlen(r->name);
    if (key->kind == MLM_PICKLE_INT) {
        (void)snprintf(text, sizeof text, "%lld", (long long)key->n);
    } else if (key->kind == MLM_PICKLE_TEXT && key->n < MAX_NAME) {
        for (int64_t i = 0; i < key->n; i++)
            if (key->text[i] <= 0x20 || key->text[i] >= 0x7f)
                return mlm_fail(MLM_E_FORMAT, "%s: a key of '%s' is not printable ASCII", r->pt->path,
                                r->name);
        memcpy(text, key->text, (size_t)key->n);
        text[key->n] = '\0';
    } else {
        return mlm_fail(MLM_E_FORMAT,
                        "%s: a key of '%s' is neither a number nor a text of less than %d bytes", r->pt->path,
                        r->name, MAX_NAME);
    }
    int n = snprintf(r->name + *old, sizeof r->name - *old, "%s%s", *old > 0 ? "." : "", text);
    if (n < 0 || (size_t)n >= sizeof r->name - *old)
        return mlm_fail(MLM_E_FORMAT, "%s: the name after '%.200s' is longer than %d bytes", r->pt->path,
                        r->name, MAX_NAME - 1);
    return MLM_OK;
}

static int compare_keys(const void *pa, const void *pb)
{
    const mlm_pickle_value *const *a = pa, *const *b = pb;
    if ((*a)->kind != (*b)->kind)
        return (int)(*a)->kind - (int)(*b)->kind;
    if ((*a)->kind != MLM_PICKLE_TEXT && (*a)->kind != MLM_PICKLE_INT && (*a)->kind != MLM_PICKLE_BOOL)
        return *a < *b ? -1 : *a > *b; /* tuples and such: their values are not compared */
    if ((*a)->kind != MLM_PICKLE_TEXT)
        return (*a)->n < (*b)->n ? -1 : (*a)->n > (*b)->n;
    int64_t n     = (*a)->n < (*b)->n ? (*a)->n : (*b)->n;
    int     order = n > 0 ? memcmp((*a)->text, (*b)->text, (size_t)n) : 0;
    return order != 0 ? order : (*a)->n < (*b)->n ? -1 : (*a)->n > (*b)->n;
}

static mlm_status check_keys(const reader *r, const mlm_pickle_value *dict)
{
    const mlm_pickle        *p      = &r->pickle;
    const mlm_pickle_value **keys   = malloc(((size_t)dict->n + 1) * sizeof *keys);
    size_t                   n      = 0;
    mlm_status               status = MLM_OK;
    if (keys == NULL)
        return mlm_fail_nomem((size_t)dict->n * sizeof *keys, r->pt->path);
    for (uint32_t at = dict->index; n < (size_t)dict->n; at = p->members[at].next) {
        const mlm_pickle_value *key = &p->values[p->members[at].key];
        if (key->kind == MLM_PICKLE_TEXT &&
            key->n >= MAX_NAME) /* a long one, often, is a bomb: sorting it takes hours */
            status = mlm_fail(MLM_E_FORMAT, "%s: a key of '%s' has %lld bytes, at most %d are allowed",
                              r->pt->path, r->name, (long long)key->n, MAX_NAME - 1);
        keys[n++] = key;
    }
    if (n > 1 && status == MLM_OK)
        qsort(keys, n, sizeof *keys, compare_keys);
    for (size_t i = 1; i < n && status == MLM_OK; i++)
        if (compare_keys(&keys[i - 1], &keys[i]) == 0)
            status =
                mlm_fail(MLM_E_FORMAT, "%s: a dictionary '%s' has the key '%.*s' twice", r->pt->path, r->name,
                         keys[i]->kind == MLM_PICKLE_TEXT ? (int)(keys[i]->n < 200 ? keys[i]->n : 200) : 0,
                         keys[i]->kind == MLM_PICKLE_TEXT ? keys[i]->text : "");
    free(keys);
    return status;
}

/* Tensors in dictionaries, lists and tuples; depth and steps are bounded because values may be shared or circular. */
static mlm_status walk(reader *r, uint32_t id, int depth)
{
    const mlm_pickle       *p = &r->pickle;
    const mlm_pickle_value *v = &p->values[id];
    if (++r->visits > MAX_VISITS)
        return mlm_fail(MLM_E_FORMAT, "%s: the dictionaries of the pickle unfold to more than %d values",
                        r->pt->path, MAX_VISITS);
    if (v->kind == MLM_PICKLE_TENSOR)
        return add_tensor(r, &p->tensors[v->index]);
    if (v->kind != MLM_PICKLE_DICT && v->kind != MLM_PICKLE_LIST && v->kind != MLM_PICKLE_TUPLE)
        return MLM_OK;
    if (depth >= MAX_DEPTH)
        return mlm_fail(MLM_E_FORMAT, "%s: '%.200s' is nested more than %d deep", r->pt->path, r->name,
                        MAX_DEPTH);
    if (v->kind == MLM_PICKLE_DICT)
        MLM_TRY(check_keys(r, v));
    uint32_t at = v->index;
    for (int64_t i = 0; i < v->n; i++, at = p->members[at].next) {
        const mlm_pickle_value number = {.kind = MLM_PICKLE_INT, .n = i};
        size_t                 old    = 0;
        uint32_t               child  = p->members[at].value;
        mlm_pickle_kind        kind   = p->values[child].kind;
        if (kind < MLM_PICKLE_TUPLE || kind == MLM_PICKLE_GLOBAL || kind == MLM_PICKLE_STORAGE) {
            r->visits++;
            continue; /* a plain value: its key does not matter */
        }
        MLM_TRY(enter(r, v->kind == MLM_PICKLE_DICT ? &p->values[p->members[at].key] : &number, &old));
        MLM_TRY(walk(r, child, depth + 1));
        r->name[old] = '\0';
    }
    return MLM_OK;
}

static int compare_names(const void *pa, const void *pb)
{
    const mlm_st_tensor *a = pa, *b = pb;
    return strcmp(a->name, b->name);
}

static mlm_status sort_tensors(mlm_pt *pt)
{
    for (int64_t i = 0; i < pt->n_tensors; i++)
        pt->tensors[i].name = pt->names + pt->name_at[i];
    free(pt->name_at);
    pt->name_at = NULL;
    if (pt->n_tensors == 0)
        return mlm_fail(MLM_E_FORMAT, "%s: the checkpoint holds no tensor", pt->path);
    qsort(pt->tensors, (size_t)pt->n_tensors, sizeof *pt->tensors, compare_names);
    for (int64_t i = 1; i < pt->n_tensors; i++)
        if (strcmp(pt->tensors[i - 1].name, pt->tensors[i].name) == 0)
            return mlm_fail(MLM_E_FORMAT, "%s: there are two tensors '%s'", pt->path, pt->tensors[i].name);
    return MLM_OK;
}

static mlm_status read_pickle(reader *r, const mlm_zip_member *m)
{
    const mlm_pt    *pt    = r->pt;
    mlm_crc32_table *table = malloc(sizeof *table);
    r->text                = malloc((size_t)m->size + 1);
    mlm_status status = r->text != NULL && table != NULL ? MLM_OK : mlm_fail_nomem((size_t)m->size, pt->path);
    if (status == MLM_OK)
        status = mlm_file_pread(&pt->file, r->text, (size_t)m->size, m->offset, pt->path);
    if (status == MLM_OK) {
        mlm_crc32_prepare(table);
        status = mlm_zip_compare_crc(m, mlm_crc32_add(table, 0, r->text, (size_t)m->size), pt->path);
    }
    free(table);
    return status;
}

static mlm_status read_all(reader *r)
{
    mlm_pt               *pt = r->pt;
    const mlm_zip_member *m  = NULL;
    MLM_TRY(mlm_file_open(&pt->file, pt->path, "checkpoint"));
    MLM_TRY(mlm_zip_read(&pt->zip, &pt->file, pt->path));
    pt->holds = calloc(pt->zip.count + 1, sizeof *pt->holds);
    if (pt->holds == NULL)
        return mlm_fail_nomem(pt->zip.count, pt->path);
    MLM_TRY(find_pickle(r, &m));
    MLM_TRY(check_byte_order(r));
    MLM_TRY(read_pickle(r, m));
    MLM_TRY(mlm_pickle_read(&r->pickle, r->text, (size_t)m->size, pt->path));
    r->storage_at = calloc(r->pickle.n_storages + 1, sizeof *r->storage_at);
    if (r->storage_at == NULL)
        return mlm_fail_nomem(r->pickle.n_storages * sizeof *r->storage_at, pt->path);
    MLM_TRY(walk(r, r->pickle.root, 0));
    return sort_tensors(pt);
}

mlm_status mlm_pt_open(mlm_pt **out, const char *path)
{
    *out       = NULL;
    mlm_pt *pt = calloc(1, sizeof *pt);
    reader *r  = calloc(1, sizeof *r);
    if (pt != NULL) {
        pt->file.fd = -1;
        pt->span_of = -1;
        pt->path    = strdup(path);
    }
    mlm_status status = MLM_OK;
    if (pt == NULL || r == NULL || pt->path == NULL) {
        status = mlm_fail_nomem(sizeof *pt + sizeof *r, path);
    } else {
        r->pt  = pt;
        status = read_all(r);
    }
    if (r != NULL) {
        mlm_pickle_free(&r->pickle);
        free(r->storage_at);
        free(r->text);
        free(r);
    }
    if (status != MLM_OK)
        mlm_pt_close(pt);
    else
        *out = pt;
    return status;
}

void mlm_pt_close(mlm_pt *pt)
{
    if (pt == NULL)
        return;
    mlm_file_close(&pt->file);
    mlm_zip_free(&pt->zip);
    free(pt->holds);
    free(pt->path);
    free(pt->tensors);
    free(pt->layouts);
    free(pt->names);
    free(pt->name_at);
    free(pt->span);
    free(pt);
}

/* ---- reading ------------------------------------------------------------------------------------ */

int64_t mlm_pt_count(const mlm_pt *pt)
{
    return pt->n_tensors;
}

const mlm_st_tensor *mlm_pt_at(const mlm_pt *pt, int64_t index)
{
    return index >= 0 && index < pt->n_tensors ? &pt->tensors[index] : NULL;
}

const mlm_st_tensor *mlm_pt_find(const mlm_pt *pt, const char *name)
{
    const mlm_st_tensor key = {.name = name};
    return bsearch(&key, pt->tensors, (size_t)pt->n_tensors, sizeof *pt->tensors, compare_names);
}

bool mlm_pt_contiguous(const mlm_pt *pt, const mlm_st_tensor *t)
{
    return pt->layouts[t->shard].contiguous;
}

uint64_t mlm_pt_file_bytes(const mlm_pt *pt)
{
    return pt->file.size;
}

/* Keeps the bytes that a transposed tensor is spread over. */
static mlm_status load_span(mlm_pt *pt, const mlm_st_tensor *t)
{
    const layout *l = &pt->layouts[t->shard];
    if (pt->span_of == t->shard)
        return MLM_OK;
    free(pt->span);
    pt->span_of = -1;
    pt->span    = malloc((size_t)l->span);
    if (pt->span == NULL)
        return mlm_fail_nomem((size_t)l->span, t->name);
    MLM_TRY(mlm_file_pread(&pt->file, pt->span, (size_t)l->span, t->offset, pt->path));
    pt->span_of = t->shard;
    return MLM_OK;
}

/* Elements [first, first + n) in row-major order. */
static void gather(char *dst, const mlm_pt *pt, const mlm_st_tensor *t, uint64_t first, uint64_t n)
{
    const layout *l                   = &pt->layouts[t->shard];
    size_t        size                = mlm_st_dtype_size(t->dtype);
    int64_t       at[MLM_ST_MAX_RANK] = {0}, place = 0;
    for (int i = t->rank - 1; i >= 0; i--) {
        at[i] = (int64_t)(first % (uint64_t)t->dim[i]);
        first /= (uint64_t)t->dim[i];
        place += at[i] * l->stride[i];
    }
    for (uint64_t k = 0; k < n; k++) {
        memcpy(dst + k * size, pt->span + (size_t)place * size, size);
        for (int i = t->rank - 1; i >= 0; i--) {
            place += l->stride[i];
            if (++at[i] < t->dim[i])
                break;
            place -= t->dim[i] * l->stride[i];
            at[i] = 0;
        }
    }
}

mlm_status mlm_pt_read(mlm_pt *pt, const mlm_st_tensor *t, void *dst, uint64_t from, size_t n)
{
    size_t size = mlm_st_dtype_size(t->dtype);
    if (from > t->bytes || n > t->bytes - from)
        return mlm_fail(MLM_E_RANGE, "%s: tensor '%.200s' has %llu bytes, %zu wanted from %llu", pt->path,
                        t->name, (ull)t->bytes, n, (ull)from);
    if (n == 0)
        return MLM_OK;
    if (pt->layouts[t->shard].contiguous)
        return mlm_file_pread(&pt->file, dst, n, t->offset + from, pt->path);
    if (from % size != 0 || n % size != 0)
        return mlm_fail(MLM_E_RANGE, "%s: tensor '%.200s' is read in whole elements of %zu bytes", pt->path,
                        t->name, size);
    MLM_TRY(load_span(pt, t));
    gather(dst, pt, t, from / size, n / size);
    return MLM_OK;
}

/* ---- the storages' sums ------------------------------------------------------------------------- */

uint64_t mlm_pt_storage_bytes(const mlm_pt *pt)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < pt->zip.count; i++)
        sum += pt->holds[i] ? pt->zip.members[i].size : 0; /* inside the file, without overlap: no overflow */
    return sum;
}

/* Scratch of mlm_pt_verify. */
typedef struct verifier {
    mlm_crc32_table table;
    char            piece[PIECE];
} verifier;

static mlm_status verify_member(const mlm_pt *pt, const mlm_zip_member *m, verifier *v, mlm_pt_progress fn,
                                void *payload)
{
    uint32_t crc = 0;
    for (uint64_t at = 0; at < m->size; at += PIECE) {
        size_t n = m->size - at < PIECE ? (size_t)(m->size - at) : PIECE;
        MLM_TRY(mlm_file_pread(&pt->file, v->piece, n, m->offset + at, pt->path));
        crc = mlm_crc32_add(&v->table, crc, v->piece, n);
        if (fn != NULL && !fn(n, payload))
            return mlm_fail(MLM_E_CANCELLED, "cancelled");
    }
    return mlm_zip_compare_crc(m, crc, pt->path);
}

mlm_status mlm_pt_verify(const mlm_pt *pt, mlm_pt_progress fn, void *payload)
{
    mlm_status status = MLM_OK;
    verifier  *v      = malloc(sizeof *v);
    if (v == NULL)
        return mlm_fail_nomem(sizeof *v, pt->path);
    mlm_crc32_prepare(&v->table);
    for (size_t i = 0; i < pt->zip.count && status == MLM_OK; i++)
        if (pt->holds[i])
            status = verify_member(pt, &pt->zip.members[i], v, fn, payload);
    free(v);
    return status;
}
