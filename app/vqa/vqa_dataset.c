/* vqa_dataset.c: opens the files of a data set, finds their rows, selects. */
#include "app/vqa/dataset_private.h"
#include "kernels/base/mlm_file_write.h"
#include "kernels/base/mlm_rng.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- opening -------------------------------------------------------------------------------------- */

static const char *keep(vqa_dataset *ds, const char *text, mlm_status *status)
{
    const char *copy = text != NULL ? vqa_arena_copy(ds->arena, text, strlen(text)) : NULL;
    if (copy == NULL && text != NULL && *status == MLM_OK)
        *status = mlm_fail_nomem(strlen(text), "options");
    return copy;
}

static mlm_status describe_spool(mlm_file *f)
{
    struct stat st;
    if (fstat(f->fd, &st) != 0)
        return mlm_fail(MLM_E_IO, "a temporary file for standard input: %s", strerror(errno));
    f->inode    = (uint64_t)st.st_ino;
    f->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return MLM_OK;
}

/* Standard input as a file that can be read twice: nobody else sees it, and it goes with the descriptor. */
static mlm_status spool_stdin(mlm_file *f)
{
    const char *dir = getenv("TMPDIR");
    char        block[1 << 16];
    f->fd = open(dir != NULL && dir[0] != '\0' ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (f->fd < 0)
        return mlm_fail(MLM_E_IO, "a temporary file for standard input: %s", strerror(errno));
    for (;;) {
        ssize_t n = read(STDIN_FILENO, block, sizeof block);
        if (n < 0 && errno == EINTR)
            return mlm_fail(MLM_E_CANCELLED, "interrupted while reading standard input");
        if (n < 0)
            return mlm_fail(MLM_E_IO, "standard input: %s", strerror(errno));
        if (n == 0)
            return describe_spool(f);
        MLM_TRY(mlm_fd_write(f->fd, block, (size_t)n, "a temporary file for standard input"));
        f->size += (uint64_t)n;
    }
}

static mlm_status open_file(vqa_dataset *ds, const char *path)
{
    mlm_status    status = MLM_OK;
    dataset_file *f      = &ds->files[ds->n_files];
    *f                   = (dataset_file){.file = {.fd = -1}};
    bool is_stdin        = strcmp(path, "-") == 0;
    f->path              = keep(ds, is_stdin ? "standard input" : path, &status);
    const char *slash    = strrchr(path, '/');
    f->dir = slash == NULL ? "." : vqa_arena_copy(ds->arena, path, (size_t)(slash - path) + (slash == path));
    if (f->dir == NULL || status != MLM_OK)
        return mlm_fail_nomem(strlen(path), "a path");
    ds->n_files++;
    return is_stdin ? spool_stdin(&f->file) : mlm_file_open(&f->file, path, "data set");
}

/* ---- rows ----------------------------------------------------------------------------------------- */

static mlm_status add_row(const vqa_span *span, void *payload)
{
    vqa_dataset *ds   = payload;
    int          file = ds->n_data;
    if (ds->files[file].look.container == VQA_IN_RECORDS && span->number == 1)
        return MLM_OK; /* the header */
    if (ds->n_rows == ds->cap_rows) {
        int64_t      cap  = ds->cap_rows == 0 ? 1024 : ds->cap_rows * 2;
        dataset_row *rows = realloc(ds->rows, (size_t)cap * sizeof *rows);
        if (rows == NULL)
            return mlm_fail_nomem((size_t)cap * sizeof *rows, "rows");
        ds->rows     = rows;
        ds->cap_rows = cap;
    }
    if (ds->n_rows >= INT32_MAX || span->number > UINT32_MAX)
        return mlm_fail(MLM_E_RANGE, "%s: there are more than 2147483647 rows", ds->files[file].path);
    ds->rows[ds->n_rows++] =
        (dataset_row){.offset = span->offset,
                      .digest = span->hash,
                      .length = span->length > UINT32_MAX ? UINT32_MAX : (uint32_t)span->length,
                      .number = (uint32_t)span->number,
                      .file   = (uint32_t)file};
    return MLM_OK;
}

static mlm_status cut_file(vqa_dataset *ds, dataset_file *f, vqa_span_fn fn)
{
    vqa_cut_args args = {.file      = &f->file,
                         .path      = f->path,
                         .container = f->look.container,
                         .separator = f->look.separator,
                         .list      = f->look.list,
                         .on_span   = fn,
                         .payload   = ds,
                         .hash      = &f->hash};
    return vqa_cut(&args);
}

/* What the name of the file says: POPE's three splits, VQAv2's subtypes. */
static const char *split_of_name(const vqa_dataset *ds, const char *path)
{
    static const char *const pope[]  = {"adversarial", "popular", "random"};
    static const char *const vqav2[] = {"test-dev2015", "test2015", "train2014", "val2014"};
    const char              *name    = strrchr(path, '/');
    name                             = name != NULL ? name + 1 : path;
    const char *const *list          = ds->format == VQA_FORMAT_POPE ? pope : vqav2;
    int                n = ds->format == VQA_FORMAT_POPE ? 3 : ds->format == VQA_FORMAT_VQAV2 ? 4 : 0;
    for (int i = 0; i < n; i++)
        if (strstr(name, list[i]) != NULL)
            return list[i];
    return NULL;
}

/* The value of "data_subtype" in this part of the file; NULL: not there. */
static const char *find_subtype(vqa_dataset *ds, const char *text, size_t n)
{
    static const char key[] = "\"data_subtype\"";
    const char       *at    = memmem(text, n, key, sizeof key - 1);
    if (at == NULL || (at > text && at[-1] == '\\'))
        return NULL;
    at += sizeof key - 1;
    at += strspn(at, " \t\r\n:");
    size_t length = *at == '"' ? strcspn(at + 1, "\"") : 0;
    return length > 0 && length < 32 ? vqa_arena_copy(ds->arena, at + 1, length) : NULL;
}

static mlm_status read_subtype(vqa_dataset *ds, dataset_file *f)
{
    enum { PART = 1 << 16 };
    size_t n    = f->file.size < PART ? (size_t)f->file.size : PART;
    char  *text = NULL;
    for (int end = 0; end < 2 && f->split == NULL; end++) {
        MLM_TRY(dataset_read_span(&text, f, end ? f->file.size - n : 0, n));
        f->split = find_subtype(ds, text, n);
        free(text);
    }
    if (f->split == NULL)
        f->split = split_of_name(ds, f->path);
    return MLM_OK;
}

static mlm_status open_data(vqa_dataset *ds, const vqa_dataset_options *opt)
{
    for (int i = 0; i < opt->n_paths; i++) {
        vqa_format format = ds->format;
        MLM_TRY(open_file(ds, opt->paths[i]));
        dataset_file *f = &ds->files[i];
        MLM_TRY(dataset_look(ds, f, &format));
        if (i > 0 && format != ds->format)
            return mlm_fail(MLM_E_FORMAT, "%s is of format '%s', %s of '%s'; --format says which is meant",
                            f->path, vqa_format_name(format), ds->files[0].path, vqa_format_name(ds->format));
        ds->format = format;
        f->split   = split_of_name(ds, f->path);
        if (format == VQA_FORMAT_VQAV2) {
            f->split = NULL;
            MLM_TRY(read_subtype(ds, f));
        }
        MLM_TRY(cut_file(ds, f, add_row));
        ds->n_data++;
    }
    return ds->n_rows > 0 ? MLM_OK : mlm_fail(MLM_E_FORMAT, "%s holds no rows", ds->files[0].path);
}

/* ---- keys ----------------------------------------------------------------------------------------- */

static mlm_status add_key(vqa_dataset *ds, uint64_t key, uint64_t offset, uint64_t length)
{
    if (ds->n_keys == ds->cap_keys) {
        int64_t      cap  = ds->cap_keys == 0 ? 1024 : ds->cap_keys * 2;
        dataset_key *keys = realloc(ds->keys, (size_t)cap * sizeof *keys);
        if (keys == NULL)
            return mlm_fail_nomem((size_t)cap * sizeof *keys, "annotations");
        ds->keys     = keys;
        ds->cap_keys = cap;
    }
    ds->keys[ds->n_keys] = (dataset_key){.key    = key,
                                         .offset = offset,
                                         .length = length > UINT32_MAX ? UINT32_MAX : (uint32_t)length,
                                         .row    = (uint32_t)ds->n_keys};
    ds->n_keys++;
    return MLM_OK;
}

static int by_key(const void *a, const void *b)
{
    const dataset_key *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row; /* the first of equal ones is found */
}

static void sort_keys(vqa_dataset *ds)
{
    if (ds->n_keys > 0)
        qsort(ds->keys, (size_t)ds->n_keys, sizeof *ds->keys, by_key);
}

static mlm_status add_annotation(const vqa_span *span, void *payload)
{
    vqa_dataset        *ds    = payload;
    const dataset_file *f     = &ds->files[ds->annotations];
    char               *text  = NULL;
    const char         *value = NULL;
    size_t              n     = 0;
    if (span->length > DATASET_MAX_ROW)
        return MLM_OK;
    MLM_TRY(dataset_read_span(&text, f, span->offset, (size_t)span->length));
    mlm_status status = MLM_OK;
    if (vqa_json_member(text, (size_t)span->length, "question_id", &value, &n))
        status = add_key(ds, dataset_key_of(value, n), span->offset, span->length);
    free(text);
    return status;
}

static mlm_status add_line(const vqa_span *span, void *payload)
{
    vqa_dataset *ds = payload;
    return add_key(ds, (uint64_t)ds->n_keys + 1, span->offset, span->length);
}

/* Rows of a table by their index: pictures may stand in another row. */
static mlm_status add_table_keys(vqa_dataset *ds)
{
    const dataset_file *f      = &ds->files[0];
    int                 column = -1;
    for (int i = 0; i < f->n_columns; i++)
        if (strcmp(f->columns[i], "index") == 0)
            column = i;
    for (int64_t i = 0; column == 0 && i < ds->n_rows;
         i++) { /* the usual place; elsewhere there are no such rows */
        const dataset_row *r = &ds->rows[i];
        char               text[64];
        size_t             n = r->length < sizeof text - 1 ? r->length : sizeof text - 1;
        if (r->file != 0)
            continue;
        MLM_TRY(mlm_file_pread(&f->file, text, n, r->offset, f->path));
        text[n]     = '\0';
        size_t from = text[0] == '"', end = from + strcspn(text + from, from ? "\"" : "\t");
        if (end < n)
            MLM_TRY(add_key(ds, dataset_key_of(text + from, end - from), r->offset, r->length));
    }
    return MLM_OK;
}

static mlm_status open_annotations(vqa_dataset *ds, const char *path)
{
    static const char *const lists[] = {"annotations", NULL};
    if (ds->format != VQA_FORMAT_VQAV2)
        return mlm_fail(MLM_E_CONFIG, "--annotations belongs to questions of VQAv2; this is '%s'",
                        vqa_format_name(ds->format));
    MLM_TRY(open_file(ds, path));
    ds->annotations = ds->n_files - 1;
    dataset_file *f = &ds->files[ds->annotations];
    MLM_TRY(vqa_cut_look(&f->look, &f->file, f->path, lists));
    if (f->look.container != VQA_IN_ARRAY)
        return mlm_fail(MLM_E_FORMAT, "%s holds no list 'annotations'", f->path);
    return cut_file(ds, f, add_annotation);
}

static mlm_status open_ocr(vqa_dataset *ds, const char *path)
{
    static const char *const none[] = {NULL};
    if (ds->format != VQA_FORMAT_TEXTVQA)
        return mlm_fail(MLM_E_CONFIG, "--ocr belongs to TextVQA; this is '%s'", vqa_format_name(ds->format));
    MLM_TRY(open_file(ds, path));
    ds->ocr         = ds->n_files - 1;
    dataset_file *f = &ds->files[ds->ocr];
    MLM_TRY(vqa_cut_look(&f->look, &f->file, f->path, none));
    f->look.container = VQA_IN_LINES;
    return cut_file(ds, f, add_line);
}

/* ---- selection ------------------------------------------------------------------------------------ */

static bool passes(const vqa_item *item, const char *filter)
{
    const char *equals = strchr(filter, '='), *found = NULL;
    size_t      n = (size_t)(equals - filter);
    if (n == 5 && memcmp(filter, "split", 5) == 0)
        found = item->split;
    else if (n == 2 && memcmp(filter, "id", 2) == 0)
        found = item->id;
    else if (n == 5 && memcmp(filter, "image", 5) == 0)
        found = item->image;
    for (int i = 0; found == NULL && i < item->n_tags; i++)
        if (strlen(item->tags[i].key) == n && memcmp(item->tags[i].key, filter, n) == 0)
            found = item->tags[i].value;
    return found != NULL && strcmp(found, equals + 1) == 0;
}

/* A row that cannot be read passes: it is an error row, not a lost one. */
static mlm_status filter_rows(vqa_dataset *ds, const vqa_dataset_options *opt)
{
    int64_t n   = 0;
    ds->n_shard = ds->n_rows;
    for (int64_t i = 0; i < ds->n_rows; i++) {
        vqa_item *item    = NULL;
        bool      pass    = true;
        int64_t  *saved   = ds->selected;
        ds->selected      = NULL;
        mlm_status status = vqa_dataset_load(&item, ds, i, false);
        ds->selected      = saved;
        if (status == MLM_E_NOMEM)
            return status;
        for (int f = 0; f < opt->n_filters && item != NULL && pass; f++)
            pass = passes(item, opt->filters[f]);
        vqa_item_free(item);
        if (pass)
            ds->selected[n++] = i;
    }
    ds->n_selected = n;
    if (n == 0)
        return mlm_fail(MLM_E_NOTFOUND, "no row passes the filters");
    return MLM_OK;
}

/* `k` of the selected, in order: each is taken with the chance that is left (Knuth 3.4.2 S). */
static void sample_rows(vqa_dataset *ds, int64_t k, uint64_t seed)
{
    mlm_rng rng  = mlm_rng_seed(seed, 17);
    int64_t kept = 0, n = ds->n_selected;
    for (int64_t i = 0; i < n && kept < k; i++) {
        uint64_t draw = (uint64_t)mlm_rng_next(&rng) << 32;
        draw |= mlm_rng_next(&rng);
        if (draw % (uint64_t)(n - i) < (uint64_t)(k - kept))
            ds->selected[kept++] = ds->selected[i];
    }
    ds->n_selected = kept;
}

static mlm_status select_rows(vqa_dataset *ds, const vqa_dataset_options *opt)
{
    for (int i = 0; i < opt->n_filters; i++)
        if (strchr(opt->filters[i], '=') == NULL)
            return mlm_fail(MLM_E_CONFIG, "--filter is '%s', must be key=value", opt->filters[i]);
    ds->n_selected = ds->n_rows;
    if (opt->n_filters > 0 || (opt->sample > 0 && opt->sample < ds->n_rows)) {
        ds->selected = malloc((size_t)ds->n_rows * sizeof *ds->selected);
        if (ds->selected == NULL)
            return mlm_fail_nomem((size_t)ds->n_rows * sizeof *ds->selected, "rows");
        for (int64_t i = 0; i < ds->n_rows; i++)
            ds->selected[i] = i;
    }
    if (opt->n_filters > 0)
        MLM_TRY(filter_rows(ds, opt));
    if (opt->sample > 0 && opt->sample < ds->n_selected)
        sample_rows(ds, opt->sample, opt->seed);
    if (opt->limit > 0 && opt->limit < ds->n_selected)
        ds->n_selected = opt->limit;
    if (opt->n_shards > 0 && (opt->shard < 0 || opt->shard >= opt->n_shards))
        return mlm_fail(MLM_E_RANGE, "shard %d/%d: the first is 0, the last %d", opt->shard, opt->n_shards,
                        opt->n_shards - 1);
    /* Neighbours stay together: they often share a picture. */
    int64_t shards = opt->n_shards > 0 ? opt->n_shards : 1, shard = opt->n_shards > 0 ? opt->shard : 0;
    ds->shard_from = ds->n_selected * shard / shards;
    ds->n_shard    = ds->n_selected * (shard + 1) / shards - ds->shard_from;
    return MLM_OK;
}

/* ---- all of it ------------------------------------------------------------------------------------ */

static mlm_status keep_options(vqa_dataset *ds, const vqa_dataset_options *opt)
{
    mlm_status status    = MLM_OK;
    ds->images_dir       = keep(ds, opt->images_dir, &status);
    ds->question         = keep(ds, opt->question, &status);
    ds->columns.id       = keep(ds, opt->columns.id, &status);
    ds->columns.image    = keep(ds, opt->columns.image, &status);
    ds->columns.question = keep(ds, opt->columns.question, &status);
    ds->columns.answer   = keep(ds, opt->columns.answer, &status);
    ds->columns.split    = keep(ds, opt->columns.split, &status);
    ds->format           = opt->format;
    return status;
}

static mlm_status open_folder(vqa_dataset *ds, const vqa_dataset_options *opt)
{
    mlm_status status = MLM_OK;
    if (opt->n_paths > 1)
        return mlm_fail(MLM_E_CONFIG, "one folder of pictures at a time");
    ds->format        = VQA_FORMAT_FOLDER;
    ds->files[0].path = keep(ds, opt->paths[0], &status);
    ds->files[0].dir  = ds->files[0].path;
    ds->n_files = ds->n_data = 1;
    if (status != MLM_OK)
        return status;
    return dataset_list_folder(ds, opt->paths[0], opt->recursive);
}

static mlm_status list_sources(vqa_dataset *ds)
{
    ds->sources = vqa_arena_alloc(ds->arena, (size_t)ds->n_files * sizeof *ds->sources);
    if (ds->sources == NULL)
        return mlm_fail_nomem(64, "sources");
    for (int i = 0; i < ds->n_files; i++)
        ds->sources[i] = (vqa_source){ds->files[i].path, ds->files[i].file.size, ds->files[i].hash};
    return MLM_OK;
}

static mlm_status open_all(vqa_dataset *ds, const vqa_dataset_options *opt)
{
    MLM_TRY(vqa_arena_create(&ds->arena));
    ds->files = calloc((size_t)opt->n_paths + 2, sizeof *ds->files);
    if (ds->files == NULL)
        return mlm_fail_nomem(sizeof *ds->files, "files");
    for (int i = 0; i < opt->n_paths + 2; i++)
        ds->files[i].file.fd = -1;
    MLM_TRY(keep_options(ds, opt));
    if (mlm_path_is_dir(opt->paths[0]))
        MLM_TRY(open_folder(ds, opt));
    else
        MLM_TRY(open_data(ds, opt));
    ds->task = opt->task != VQA_TASK_AUTO ? opt->task : vqa_task_of_format(ds->format);
    if (ds->format == VQA_FORMAT_FOLDER && ds->question == NULL && opt->task == VQA_TASK_AUTO)
        ds->task = VQA_TASK_CAPTION;
    if (opt->annotations != NULL)
        MLM_TRY(open_annotations(ds, opt->annotations));
    if (opt->ocr != NULL)
        MLM_TRY(open_ocr(ds, opt->ocr));
    if (ds->format == VQA_FORMAT_VLMEVALKIT)
        MLM_TRY(add_table_keys(ds));
    sort_keys(ds);
    MLM_TRY(select_rows(ds, opt));
    return list_sources(ds);
}

mlm_status vqa_dataset_open(vqa_dataset **out, const vqa_dataset_options *opt)
{
    *out = NULL;
    if (opt->n_paths < 1)
        return mlm_fail(MLM_E_CONFIG, "there is no data set");
    vqa_dataset *ds = calloc(1, sizeof *ds);
    if (ds == NULL)
        return mlm_fail_nomem(sizeof *ds, "a data set");
    ds->annotations   = -1;
    ds->ocr           = -1;
    mlm_status status = open_all(ds, opt);
    if (status != MLM_OK) {
        vqa_dataset_close(ds);
        return status;
    }
    *out = ds;
    return MLM_OK;
}

void vqa_dataset_close(vqa_dataset *ds)
{
    if (ds == NULL)
        return;
    for (int i = 0; i < ds->n_files; i++)
        if (ds->files[i].file.fd >= 0)
            mlm_file_close(&ds->files[i].file);
    free(ds->files);
    free(ds->rows);
    free(ds->names);
    free(ds->keys);
    free(ds->selected);
    vqa_arena_free(ds->arena);
    free(ds);
}

vqa_format vqa_dataset_format(const vqa_dataset *ds)
{
    return ds->format;
}

vqa_task vqa_dataset_task(const vqa_dataset *ds)
{
    return ds->task;
}

int64_t vqa_dataset_total(const vqa_dataset *ds)
{
    return ds->n_rows;
}

int64_t vqa_dataset_selected(const vqa_dataset *ds)
{
    return ds->n_selected;
}

int64_t vqa_dataset_count(const vqa_dataset *ds)
{
    return ds->n_shard;
}

int vqa_dataset_sources(const vqa_dataset *ds, const vqa_source **sources)
{
    *sources = ds->sources;
    return ds->n_files;
}

vqa_row_ref vqa_dataset_ref(const vqa_dataset *ds, int64_t index)
{
    int64_t            at  = ds->shard_from + index;
    int64_t            row = ds->selected != NULL ? ds->selected[at] : at;
    const dataset_row *r   = &ds->rows[row];
    return (vqa_row_ref){
        .row = row + 1, .line = r->number, .digest = r->digest, .path = ds->files[r->file].path};
}
