/*
 * run_stages.c: one part of a model on an input from a file, every stage written to a file: the other half of
 * full_width.py, for shapes whose recordings would not fit into the repository.
 *
 * run_stages MODEL vision DEVICE THREADS PIXELS.f32 OUT          [B=1] pixels of every tower, one after the other
 * run_stages MODEL connector DEVICE THREADS FEATURES.f32 OUT N_PATCHES
 * run_stages MODEL lm DEVICE THREADS IDS.i32 OUT N_NEW           prefill, then greedy tokens (generated.i32)
 *
 * OUT/STAGE.f32 are the stages' values; DEVICE "cpu+round" rounds to bf16 as the released programs do.
 */
#include "tests/support/model_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct sink {
    model_fixture f;
    const char   *out;
    char          prefix[32];
    int           n_scan, n_swiglu;
    bool          failed;
} sink;

static bool ok(mlm_status st)
{
    if (st != MLM_OK)
        (void)fprintf(stderr, "run_stages: %s\n", mlm_error_message());
    return st == MLM_OK;
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void write_values(sink *s, const char *name, const char *type, const void *data, size_t bytes)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/%s.%s", s->out, name, type);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0) {
        (void)fprintf(stderr, "run_stages: cannot write %s\n", path);
        s->failed = true;
    }
}

static void write_stage(const char *stage, kn_tensor t, void *payload)
{
    sink *s = payload;
    char  name[96];
    if (strncmp(stage, "scan_y", 6) == 0)
        return;
    if (strcmp(stage, "scan") == 0)
        (void)snprintf(name, sizeof name, "%sscan.%d", s->prefix, s->n_scan++);
    else if (strcmp(stage, "swiglu") == 0)
        (void)snprintf(name, sizeof name, "%sswiglu.%d", s->prefix, s->n_swiglu++);
    else
        (void)snprintf(name, sizeof name, "%s%s", s->prefix, stage);
    float *got = fixture_download(s->f.q, t);
    if (got)
        write_values(s, name, "f32", got, (size_t)kn_count(t) * sizeof *got);
    s->failed = s->failed || !got;
    free(got);
}

static void *read_input(const char *path, size_t *bytes)
{
    char *data = NULL;
    return ok(mlm_file_read(&data, bytes, path, (size_t)1 << 30, "input")) ? data : NULL;
}

static bool run_vision(sink *s, const float *pixels, size_t bytes)
{
    model_fixture *f  = &s->f;
    int64_t        at = 0, column = 0;
    for (int i = 0; i < f->vision_cfg.n_towers; i++) {
        const vit_config *c  = &f->vision_cfg.tower[i];
        int64_t           n  = 3 * (int64_t)c->image_size * c->image_size;
        kn_tensor         in = f->vision_s.pixels[i], out = kn_slice(f->features, 2, column, c->width);
        if ((size_t)(at + n) * sizeof *pixels > bytes)
            return false;
        (void)snprintf(s->prefix, sizeof s->prefix, "vision.%d.", i);
        if (!ok(kn_upload(f->q, in, pixels + at, (size_t)n * sizeof *pixels)) ||
            !ok(vit_forward(f->q, vision_encoder_tower(f->vision, i), &f->vision_s.tower[i], in, out,
                            write_stage, s)))
            return false;
        write_stage("out", out, s);
        at += n;
        column += c->width;
    }
    return true;
}

static bool run_connector(sink *s, const float *features, size_t bytes)
{
    model_fixture *f = &s->f;
    (void)snprintf(s->prefix, sizeof s->prefix, "connector.");
    return ok(kn_upload(f->q, f->features, features, bytes)) &&
           ok(connector_forward(f->q, f->connector, f->connector_s, f->features, f->rows, write_stage, s));
}

static bool run_lm(sink *s, const int32_t *ids, int n_ids, int n_new)
{
    model_fixture *f    = &s->f;
    lm_state      *st   = NULL;
    kn_arena       one  = {0};
    int32_t       *made = calloc((size_t)n_new + 1, sizeof *made);
    (void)snprintf(s->prefix, sizeof s->prefix, "lm.");
    lm_prefill_args a = {.ids           = ids,
                         .n_rows        = 1,
                         .n_tokens      = n_ids,
                         .logits        = f->logits,
                         .probe         = write_stage,
                         .probe_payload = s};
    bool good = made && ok(lm_state_create(&st, f->lm, 1)) && ok(lm_prefill(f->q, f->lm, f->lm_s, st, &a)) &&
                ok(kn_arena_create(&one, f->dev, 64));
    kn_tensor id = kn_arena_take(&one, KN_I32, 1, KN_DIMS(1));
    if (good)
        write_stage("logits", f->logits, s);
    double start = now();
    for (int t = 0; good && t < n_new; t++) {
        kn_argmax_args arg = {.x = f->logits, .ids = id, .n_valid = f->lm_cfg.vocab_size};
        good               = ok(kn_argmax(f->q, &arg)) && ok(kn_download(f->q, made + t, id, sizeof *made)) &&
               ok(lm_step(f->q, f->lm, f->lm_s, st, id, f->logits));
    }
    if (good)
        (void)fprintf(stderr, "%d tokens in %.2f s\n", n_new, now() - start);
    if (good)
        write_stage("logits_end", f->logits, s);
    if (good)
        write_values(s, "lm.generated", "i32", made, (size_t)n_new * sizeof *made);
    kn_arena_free(&one);
    lm_state_free(st);
    free(made);
    return good;
}

int main(int argc, char **argv)
{
    static const char *const parts[] = {"vision", "connector", "lm"};
    sink                     s       = {0};
    size_t                   bytes   = 0;
    int                      part    = 0;
    if (argc < 7)
        return 2;
    while (part < 3 && strcmp(argv[2], parts[part]) != 0)
        part++;
    void *input = part < 3 ? read_input(argv[5], &bytes) : NULL;
    if (!input)
        return 2;
    s.out          = argv[6];
    int    n       = argc > 7 ? (int)strtol(argv[7], NULL, 10) : 0;
    int    threads = (int)strtol(argv[4], NULL, 10), tokens = part == 2 ? (int)(bytes / sizeof(int32_t)) : 1;
    double start = now();
    bool good = model_fixture_open(&s.f, argv[1], argv[3], threads, 1 << part, 1, tokens, part == 1 ? n : 0);
    double ready = now();
    if (good)
        good = part == 0   ? run_vision(&s, input, bytes)
               : part == 1 ? run_connector(&s, input, bytes)
                           : run_lm(&s, input, tokens, n);
    (void)fprintf(stderr, "%s: loaded in %.2f s, run in %.2f s\n", argv[2], ready - start, now() - ready);
    model_fixture_close(&s.f);
    free(input);
    return good && !s.failed ? 0 : 1;
}
