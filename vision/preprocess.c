/*
 * preprocess.c: preprocessor_config.json, the three ways to fit a picture into S x S, normalisation.
 *
 *   letterbox  k = S / max(w, h); W = max(1, round(w k)), H likewise (half to even); offset (S - W) div 2
 *   crop       short side S, long side S * long div short; offset round((long - S) / 2), half to even
 *   x = (u8 / 255 - mean) / std in f32, in this order, as torch computes it
 */
#include "vision/preprocess.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_AT_ONCE 32 /* that a thread takes */
#define MIN_SIZE     14
#define MAX_SIZE     4096

/* resize_mode; the last two are prismatic's names for the first two. */
static const char *const mode_names[] = {"naive", "crop", "letterbox", "resize-naive", "resize-crop", NULL};
static const vision_fit  mode_fits[]  = {VISION_FIT_NAIVE, VISION_FIT_CROP, VISION_FIT_LETTERBOX,
                                         VISION_FIT_NAIVE, VISION_FIT_CROP};

const char *vision_fit_name(vision_fit fit)
{
    return (unsigned)fit <= VISION_FIT_LETTERBOX ? mode_names[fit] : "unknown";
}

static mlm_status parse_size(vision_preprocess *out, const mlm_json_node *root, const char *where)
{
    const mlm_json_node *size = mlm_json_get(root, "size");
    if (!size || mlm_json_type_of(size) != MLM_JSON_OBJECT)
        return mlm_json_req_int(root, where, "size", MIN_SIZE, MAX_SIZE, &out->size);
    char inner[128];
    int  width = 0;
    (void)snprintf(inner, sizeof inner, "%s: size", where);
    MLM_TRY(mlm_json_req_int(size, inner, "height", MIN_SIZE, MAX_SIZE, &out->size));
    MLM_TRY(mlm_json_req_int(size, inner, "width", MIN_SIZE, MAX_SIZE, &width));
    if (width != out->size)
        return mlm_fail(MLM_E_CONFIG, "%s: size is %d x %d, height and width must be equal", where, width,
                        out->size);
    return MLM_OK;
}

static mlm_status parse_statistics(vision_preprocess *out, const mlm_json_node *root, const char *where)
{
    bool normalize = true;
    MLM_TRY(mlm_json_opt_bool(root, where, "do_normalize", true, &normalize));
    for (int c = 0; c < 3; c++) {
        out->mean[c] = 0.0f;
        out->std[c]  = 1.0f;
    }
    if (!normalize)
        return MLM_OK;
    MLM_TRY(mlm_json_req_floats(root, where, "image_mean", 3, out->mean));
    MLM_TRY(mlm_json_req_floats(root, where, "image_std", 3, out->std));
    for (int c = 0; c < 3; c++)
        if (!(out->std[c] > 0.0f))
            return mlm_fail(MLM_E_CONFIG, "%s: image_std[%d] is %g, must be above 0", where, c,
                            (double)out->std[c]);
    return MLM_OK;
}

/* What this program always does; a file that switches it off describes another model. */
static mlm_status check_steps(const mlm_json_node *root, const char *where)
{
    static const char *const steps[] = {"do_resize", "do_rescale", "do_convert_rgb"};
    float                    factor  = 0.0f;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        bool on = true;
        MLM_TRY(mlm_json_opt_bool(root, where, steps[i], true, &on));
        if (!on)
            return mlm_fail(MLM_E_CONFIG, "%s: %s is false, must be true", where, steps[i]);
    }
    MLM_TRY(mlm_json_opt_float(root, where, "rescale_factor", 0.0, 1.0, 1.0f / 255.0f, &factor));
    if (fabsf(factor - 1.0f / 255.0f) > 1e-8f)
        return mlm_fail(MLM_E_CONFIG, "%s: rescale_factor is %.9g, must be 1/255", where, (double)factor);
    return MLM_OK;
}

mlm_status vision_preprocess_parse(vision_preprocess *out, const mlm_json_node *root, const char *where)
{
    vision_preprocess p        = {0};
    int               mode     = 0;
    int               resample = 0;
    if (!root || mlm_json_type_of(root) != MLM_JSON_OBJECT)
        return mlm_fail(MLM_E_CONFIG, "%s: must be an object", where);
    MLM_TRY(check_steps(root, where));
    MLM_TRY(mlm_json_req_choice(root, where, "resize_mode", mode_names, &mode));
    MLM_TRY(parse_size(&p, root, where));
    MLM_TRY(mlm_json_req_int(root, where, "resample", 0, 5, &resample));
    if (resample != VISION_BILINEAR && resample != VISION_BICUBIC)
        return mlm_fail(MLM_E_CONFIG, "%s: resample is %d, must be 2 (bilinear) or 3 (bicubic)", where,
                        resample);
    MLM_TRY(mlm_json_opt_float(root, where, "pad_value", 0.0, 1.0, 0.5f, &p.pad_value));
    MLM_TRY(parse_statistics(&p, root, where));
    p.fit    = mode_fits[mode];
    p.filter = resample == VISION_BICUBIC ? VISION_BICUBIC : VISION_BILINEAR;
    *out     = p;
    return MLM_OK;
}

/* ---- fitting --------------------------------------------------------------------------------------- */

/* What is computed: the picture resized to full_w x full_h, seen from (cut_x, cut_y), laid at `at`. */
typedef struct fit_plan {
    int              full_w, full_h, cut_x, cut_y;
    vision_placement at;
} fit_plan;

static int half_to_even(int d)
{
    return d / 2 + (d % 2 ? d / 2 % 2 : 0);
}

static mlm_status plan_fit(fit_plan *f, const vision_preprocess *p, int w, int h)
{
    int S = p->size;
    *f    = (fit_plan){.full_w = S, .full_h = S, .at = {0, 0, S, S, 0.0f, 0.0f, (float)w, (float)h}};
    if (p->fit == VISION_FIT_LETTERBOX) {
        double k = (double)S / (w > h ? w : h);
        int    W = (int)rint(w * k), H = (int)rint(h * k); /* rint: half to even */
        f->full_w    = W < 1 ? 1 : W > S ? S : W;
        f->full_h    = H < 1 ? 1 : H > S ? S : H;
        f->at.x      = (S - f->full_w) / 2;
        f->at.y      = (S - f->full_h) / 2;
        f->at.width  = f->full_w;
        f->at.height = f->full_h;
    } else if (p->fit == VISION_FIT_CROP) {
        int64_t length = (int64_t)S * (w > h ? w : h) / (w > h ? h : w);
        if (length > VISION_MAX_SIDE)
            return mlm_fail(MLM_E_RANGE,
                            "picture of %d x %d is too long for resize_mode \"crop\": %lld x %d after "
                            "resizing, the limit is %d",
                            w, h, (long long)length, S, VISION_MAX_SIDE);
        f->full_w   = w > h ? (int)length : S;
        f->full_h   = w > h ? S : (int)length;
        f->cut_x    = half_to_even(f->full_w - S);
        f->cut_y    = half_to_even(f->full_h - S);
        f->at.src_x = (float)f->cut_x * (float)w / (float)f->full_w;
        f->at.src_y = (float)f->cut_y * (float)h / (float)f->full_h;
        f->at.src_w = (float)S * (float)w / (float)f->full_w;
        f->at.src_h = (float)S * (float)h / (float)f->full_h;
    }
    return MLM_OK;
}

static mlm_status make_view(const vision_preprocess *p, const vision_image *img, const fit_plan *f,
                            uint8_t *view, mlm_threads *threads)
{
    size_t S = (size_t)p->size, row = 3 * (size_t)f->full_w, bytes = row * (size_t)f->full_h;
    if (f->full_w == p->size && f->full_h == p->size)
        return vision_resize_rgb(view, p->size, p->size, img->rgb, img->width, img->height, p->filter,
                                 threads);
    uint8_t *full = malloc(bytes);
    if (!full)
        return mlm_fail_nomem(bytes, "resized picture");
    mlm_status status =
        vision_resize_rgb(full, f->full_w, f->full_h, img->rgb, img->width, img->height, p->filter, threads);
    if (status == MLM_OK) {
        memset(view, (int)(p->pad_value * 255.0f + 0.5f), 3 * S * S);
        for (int y = 0; y < f->at.height; y++)
            memcpy(view + 3 * ((size_t)(f->at.y + y) * S + (size_t)f->at.x),
                   full + row * (size_t)(f->cut_y + y) + 3 * (size_t)f->cut_x, 3 * (size_t)f->at.width);
    }
    free(full);
    return status;
}

void vision_make_table(vision_table *out, const vision_preprocess *p)
{
    for (int c = 0; c < 3; c++) {
        for (int v = 0; v < 256; v++)
            out->value[c][v] = ((float)v / 255.0f - p->mean[c]) / p->std[c];
        out->value[c][256] = (p->pad_value - p->mean[c]) / p->std[c];
    }
}

size_t vision_view_bytes(int size)
{
    return VISION_VIEW_HEAD + ((size_t)size * (size_t)size * 3 + 63) / 64 * 64;
}

void vision_view_set_place(uint8_t *view, const vision_placement *at)
{
    const int32_t corner[4] = {at->x, at->y, at->x + at->width, at->y + at->height};
    memset(view, 0, VISION_VIEW_HEAD);
    memcpy(view, corner, sizeof corner);
}

typedef struct normalize_job {
    const vision_preprocess *p;
    const uint8_t           *view;
    const vision_placement  *at;
    float                   *pixels;
    vision_table             table;
} normalize_job;

/* Rows of [3,S,S], all channels after each other. */
static void normalize_rows(int64_t from, int64_t to, int thread, void *payload)
{
    const normalize_job    *j  = payload;
    const vision_placement *at = j->at;
    int                     S = j->p->size, x0 = at->x, x1 = at->x + at->width;
    (void)thread;
    for (int64_t row = from; row < to; row++) {
        int            c = (int)(row / S), y = (int)(row % S);
        const uint8_t *src = j->view + 3 * (size_t)y * (size_t)S + c;
        float         *dst = j->pixels + (size_t)row * (size_t)S;
        bool           in  = y >= at->y && y < at->y + at->height;
        for (int x = 0; x < S; x++)
            dst[x] = j->table.value[c][in && x >= x0 && x < x1 ? src[3 * x] : 256];
    }
}

void vision_normalize(const vision_preprocess *p, const uint8_t *view, const vision_placement *placement,
                      float *pixels, mlm_threads *threads)
{
    normalize_job job = {.p = p, .view = view, .at = placement, .pixels = pixels};
    vision_make_table(&job.table, p);
    mlm_parallel_for(threads, 3 * (int64_t)p->size, ROWS_AT_ONCE, normalize_rows, &job);
}

mlm_status vision_preprocess_run(const vision_preprocess *p, const vision_image *img, float *pixels,
                                 uint8_t *view, vision_placement *placement, mlm_threads *threads)
{
    fit_plan f;
    size_t   bytes = 3 * (size_t)p->size * (size_t)p->size;
    MLM_TRY(plan_fit(&f, p, img->width, img->height));
    if (placement)
        *placement = f.at;
    if (!view && !pixels)
        return MLM_OK;
    uint8_t *own = view ? NULL : malloc(bytes);
    if (!view && !own)
        return mlm_fail_nomem(bytes, "view");
    mlm_status status = make_view(p, img, &f, view ? view : own, threads);
    if (status == MLM_OK && pixels)
        vision_normalize(p, view ? view : own, &f.at, pixels, threads);
    free(own);
    return status;
}
