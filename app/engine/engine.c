/*
 * engine.c: a model directory becomes a loaded engine.  Config and tokenizer first, then the device, the memory
 * estimate against the limit, and only then the weights.
 */
#include "app/engine/engine_private.h"
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *mlmamba_version(void)
{
    return MLM_VERSION;
}

typedef struct load_progress {
    mlmamba_load_fn fn;
    void           *payload;
} load_progress;

static bool on_progress(uint64_t done, uint64_t total, void *payload)
{
    const load_progress *p = payload;
    return p->fn(done, total, p->payload);
}

/* What config.json says about the weights, against the tensors: int8 are all matrices or none. */
static mlm_status check_quantized(const char **dtype_name, const model_config *c, const kn_weights *w,
                                  const char *dir)
{
    mlm_st_dtype dtype = MLM_ST_F32;
    MLM_TRY(kn_weights_matrix_dtype(&dtype, w));
    *dtype_name = dtype == MLM_ST_I8     ? "int8"
                  : dtype == MLM_ST_BF16 ? "bf16"
                  : dtype == MLM_ST_F16  ? "f16"
                                         : "f32";
    if (c->quantized && dtype != MLM_ST_I8)
        return mlm_fail(MLM_E_CONFIG,
                        "%s: config.json says quantization.weights int8, but the matrices are %s", dir,
                        mlm_st_dtype_name(dtype));
    if (!c->quantized && dtype == MLM_ST_I8)
        return mlm_fail(MLM_E_CONFIG, "%s: the matrices are I8, but config.json has no quantization", dir);
    return MLM_OK;
}

/* A tensor that nobody wanted is a part that this program does not know: its answers would be others. */
static mlm_status check_all_used(const kn_weights *w, const char *dir)
{
    const char *name = NULL;
    int64_t     n    = kn_weights_unused(w, &name, 1);
    if (n == 0)
        return MLM_OK;
    return mlm_fail(MLM_E_FORMAT, "%s: tensor '%s' (one of %lld) has no place in the model of config.json",
                    dir, name, (long long)n);
}

/* Weights and the text beside them: with another tokenizer the same tokens would be other words. */
static mlm_status take_fingerprint(mlmamba_engine *eng, kn_weights *w)
{
    uint64_t weights = 0;
    mlm_hash hash;
    MLM_TRY(kn_weights_fingerprint(&weights, w));
    mlm_hash_init(&hash);
    mlm_hash_add_u64(&hash, weights);
    mlm_hash_add_u64(&hash, eng->config.text_hash);
    eng->fingerprint = mlm_hash_end(&hash);
    return MLM_OK;
}

static mlm_status open_device(kn_device **dev, const mlmamba_engine_options *opt)
{
    kn_device_options d = {.name          = opt->device,
                           .n_threads     = opt->n_threads,
                           .round_bf16    = opt->reference_rounding,
                           .deterministic = opt->deterministic};
    return kn_device_open(dev, &d);
}

static mlm_status open_source(model_source **out, const mlmamba_engine_options *opt, unsigned flags)
{
    if (opt->random_weights == NULL)
        return model_source_open(out, opt->model_dir, flags);
    if (opt->model_dir == NULL)
        return mlm_fail(MLM_E_RANGE, "random weights need the name of a shape or a config.json");
    return source_open_random(out, opt->model_dir, opt->random_weights);
}

static unsigned source_flags(const mlmamba_engine_options *opt)
{
    return opt->text_only ? SOURCE_TEXT_ONLY : 0;
}

static int engine_max_batch(const mlmamba_engine_options *opt)
{
    return opt->max_batch > 0 ? opt->max_batch : ENGINE_DEFAULT_BATCH;
}

/* More than these do not make one picture ready sooner. */
static int engine_picture_threads(const mlmamba_engine_options *opt)
{
    int n = opt->n_threads > 0 ? opt->n_threads : mlm_cores_available();
    return n < ENGINE_PICTURE_THREADS ? n : ENGINE_PICTURE_THREADS;
}

static size_t engine_kept_bytes(const mlmamba_engine_options *opt)
{
    return opt->kept_bytes > 0 ? opt->kept_bytes : SESSION_MAX_KEPT_BYTES;
}

static mlm_status check_options(const mlmamba_engine_options *opt)
{
    if (opt->n_threads < 0 || opt->n_threads > 256)
        return mlm_fail(MLM_E_RANGE, "n_threads is %d, must be from 0 (all) to 256", opt->n_threads);
    if (opt->max_batch < 0 || opt->max_batch > ENGINE_MAX_BATCH)
        return mlm_fail(MLM_E_RANGE, "max_batch is %d, must be from 1 to %d (0: %d)", opt->max_batch,
                        ENGINE_MAX_BATCH, ENGINE_DEFAULT_BATCH);
    return MLM_OK;
}

/* Activations: an accelerator with bf16 or int8 weights multiplies bf16. */
static void choose_dtypes(model_config *c, const kn_device *dev, const char *weights_dtype,
                          const mlmamba_engine_options *opt)
{
    uint32_t caps = kn_device_caps(dev);
    bool     wide = strcmp(weights_dtype, "f32") == 0 || strcmp(weights_dtype, "f16") == 0;
    if (opt->bf16_state)
        c->text.mixer.state = KN_BF16; /* lm_state_create refuses where that does not work */
    if (!(caps & KN_CAP_BF16) || (caps & (KN_CAP_HOST | KN_CAP_ORACLE)) || wide || opt->reference_rounding)
        return;
    if (c->text.kind != LM_MAMBA1)
        c->text.mixer.act = KN_BF16;
    if (c->has_vision) {
        vision_config_set_dtype(&c->vision, KN_BF16);
        connector_config_set_dtype(c->connector, KN_BF16);
    }
}

static mlm_status load_parts(mlmamba_engine *eng, kn_weights *w)
{
    const model_config *c = &eng->config;
    if (c->has_vision) {
        MLM_TRY(vision_encoder_load(&eng->vision, eng->queue, &c->vision, w));
        MLM_TRY(connector_load(&eng->connector, eng->queue, c->connector, w, "connector."));
    }
    MLM_TRY(lm_model_load(&eng->lm, eng->queue, &c->text, w, "language_model."));
    MLM_TRY(check_all_used(w, eng->model_dir));
    return kn_queue_sync(eng->queue);
}

static mlm_status load_weights(mlmamba_engine *eng, const mlmamba_engine_options *opt)
{
    kn_weights   *w        = NULL;
    load_progress progress = {.fn = opt->on_load, .payload = opt->payload};
    mlm_status    status   = model_source_weights(&w, eng->source);
    if (status != MLM_OK)
        return status;
    if (opt->reference_rounding)
        kn_weights_round_bf16(w);
    MLM_TRY_GOTO(status, check_quantized(&eng->weights_dtype, &eng->config, w, eng->model_dir), done);
    choose_dtypes(&eng->config, eng->dev, eng->weights_dtype, opt);
    MLM_TRY_GOTO(
        status,
        engine_memory_estimate(&eng->memory, eng->dev, &eng->config, w, eng->max_batch, eng->kept_bytes),
        done);
    MLM_TRY_GOTO(status, engine_memory_fit(eng, opt->memory_limit), done);
    MLM_TRY_GOTO(status, engine_memory_check_free(eng, opt->max_batch > 0), done);
    if (progress.fn != NULL)
        kn_weights_on_progress(w, on_progress, &progress);
    eng->n_parameters = kn_weights_parameters(w);
    MLM_TRY_GOTO(status, load_parts(eng, w), done);
    MLM_TRY_GOTO(status, take_fingerprint(eng, w), done);
done:
    kn_weights_close(w);
    return status;
}

/* Error checking turns a call from a callback into a status. */
static mlm_status create_lock(pthread_mutex_t *lock, bool *has)
{
    pthread_mutexattr_t attr;
    if (pthread_mutexattr_init(&attr) != 0)
        return mlm_fail(MLM_E_NOMEM, "cannot create a lock");
    (void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    int error = pthread_mutex_init(lock, &attr);
    (void)pthread_mutexattr_destroy(&attr);
    if (error != 0)
        return mlm_fail(MLM_E_NOMEM, "cannot create a lock: %s", strerror(error));
    *has = true;
    return MLM_OK;
}

/* "models/tiny/" -> "tiny"; a checkpoint is called as its directory, a repository of the hub as in its id. */
static mlm_status name_model(mlmamba_engine *eng, const char *asked)
{
    const model_source *src = eng->source;
    const char         *dir = strcmp(src->dir, src->base) != 0 ? src->base : asked != NULL ? asked : src->dir;
    size_t              end = strlen(dir);
    while (end > 1 && dir[end - 1] == '/')
        end--;
    size_t from = end;
    while (from > 0 && dir[from - 1] != '/')
        from--;
    eng->model_name = strndup(dir + from, end - from);
    return eng->model_name != NULL ? MLM_OK : mlm_fail_nomem(end - from + 1, "model name");
}

static void describe_parts(mlmamba_engine *eng)
{
    const vision_config *v = &eng->config.vision;
    const lm_config     *t = &eng->config.text;
    int                  n = 0;
    for (int i = 0; i < v->n_towers && n >= 0 && (size_t)n < sizeof eng->vision_text; i++) {
        const vit_config *c = &v->tower[i];
        n += snprintf(eng->vision_text + n, sizeof eng->vision_text - (size_t)n,
                      "%svision transformer, %d of %d blocks, width %d, %d heads, %dx%d pixels, patch %d",
                      i > 0 ? " + " : "", c->n_blocks_run, c->n_layers, c->width, c->n_heads, c->image_size,
                      c->image_size, c->patch_size);
    }
    if (!eng->config.has_vision)
        (void)snprintf(eng->vision_text, sizeof eng->vision_text, "none: this model reads text only");
    else
        (void)snprintf(
            eng->connector_text, sizeof eng->connector_text, "%s, width %d to %d, %d tokens a picture",
            connector_config_type(eng->config.connector), connector_config_in(eng->config.connector),
            connector_config_out(eng->config.connector), eng->config.n_image_tokens);
    if (t->kind == LM_MAMBA1)
        (void)snprintf(eng->lm_text, sizeof eng->lm_text,
                       "Mamba, %d layers, width %d, %d channels, state %d, vocabulary %d", t->n_layers,
                       t->d_model, t->mixer1.d_inner, t->mixer1.d_state, t->vocab_size);
    else
        (void)snprintf(eng->lm_text, sizeof eng->lm_text,
                       "Mamba-2, %d layers, width %d, %d heads of %d, state %d, vocabulary %d", t->n_layers,
                       t->d_model, t->mixer.n_heads, t->mixer.head_dim, t->mixer.d_state, t->vocab_size);
}

static mlm_status build_engine(mlmamba_engine *eng, const mlmamba_engine_options *opt)
{
    MLM_TRY(create_lock(&eng->lock, &eng->has_lock));
    MLM_TRY(create_lock(&eng->batch_lock, &eng->has_batch_lock));
    MLM_TRY(open_source(&eng->source, opt, SOURCE_DEEP | source_flags(opt)));
    eng->model_dir = eng->source->dir;
    MLM_TRY(name_model(eng, opt->model_dir));
    MLM_TRY(model_source_require(eng->source));
    MLM_TRY(model_config_load(&eng->config, eng->source));
    MLM_TRY(open_device(&eng->dev, opt));
    kn_device_get_info(eng->dev, &eng->dev_info);
    eng->looks_ahead = engine_is_accelerated(eng->dev);
    engine_memory_note(eng, ENGINE_DRIVER);
    MLM_TRY(kn_queue_create(&eng->queue, eng->dev));
    for (int i = 0; i < ENGINE_MARKS; i++)
        MLM_TRY(kn_event_create(&eng->mark[i], eng->dev));
    if (engine_has_side(eng->dev, &eng->config))
        MLM_TRY(vision_side_create(&eng->side, eng->dev));
    engine_memory_note(eng, ENGINE_QUEUES);
    MLM_TRY(load_weights(eng, opt));
    engine_memory_note(eng, ENGINE_WEIGHTS);
    if (engine_is_accelerated(eng->dev) && eng->config.has_vision)
        MLM_TRY(mlm_threads_create_most(&eng->threads, engine_picture_threads(opt)));
    MLM_TRY(lm_state_pool_create(&eng->states, eng->lm, engine_pool_states(eng)));
    describe_parts(eng);
    if (opt->max_batch > 0 && engine_is_accelerated(eng->dev)) /* first: the other lies over it */
        MLM_TRY(engine_prepare_batch(eng));
    MLM_TRY(engine_scratch_create(&eng->one, &eng->picture, eng, 1, 1));
    engine_memory_note(eng, ENGINE_WORKING);
    MLM_TRY(engine_warm(eng));
    engine_memory_note(eng, ENGINE_CODE);
    return MLM_OK;
}

mlm_status mlmamba_engine_open(mlmamba_engine **out, const mlmamba_engine_options *opt)
{
    static const mlmamba_engine_options defaults = {0};
    double                              start    = mlm_now_ms();
    *out                                         = NULL;
    if (opt == NULL)
        opt = &defaults;
    MLM_TRY(check_options(opt));
    mlmamba_engine *eng = calloc(1, sizeof *eng);
    if (eng == NULL)
        return mlm_fail_nomem(sizeof *eng, "engine");
    eng->max_batch    = engine_max_batch(opt);
    eng->kept_bytes   = engine_kept_bytes(opt);
    mlm_status status = build_engine(eng, opt);
    if (status == MLM_E_NOMEM && eng->model_dir != NULL)
        status = mlm_fail_context(status, "%s", eng->model_dir);
    if (status != MLM_OK) {
        mlmamba_engine_close(eng);
        return status;
    }
    eng->load_ms = mlm_now_ms() - start;
    *out         = eng;
    return MLM_OK;
}

void mlmamba_engine_close(mlmamba_engine *eng)
{
    if (eng == NULL)
        return;
    engine_picture_scratch_free(&eng->picture);
    engine_picture_scratch_free(&eng->pictures);
    engine_scratch_free(&eng->many);
    engine_scratch_free(&eng->one);
    lm_state_pool_free(eng->states);
    mlm_threads_free(eng->threads);
    lm_model_free(eng->lm);
    connector_free(eng->connector);
    vision_encoder_free(eng->vision);
    vision_side_free(&eng->side);
    for (int i = 0; i < ENGINE_MARKS; i++)
        kn_event_free(eng->mark[i]);
    kn_queue_free(eng->queue);
    kn_device_close(eng->dev);
    model_config_free(&eng->config);
    if (eng->has_lock)
        (void)pthread_mutex_destroy(&eng->lock);
    if (eng->has_batch_lock)
        (void)pthread_mutex_destroy(&eng->batch_lock);
    model_source_free(eng->source); /* and model_dir, which is its */
    free(eng->model_name);
    free(eng);
}

mlm_status mlmamba_estimate_memory(mlmamba_memory *out, const mlmamba_engine_options *opt)
{
    static const mlmamba_engine_options defaults = {0};
    mlmamba_engine_options              small    = opt != NULL ? *opt : defaults;
    model_config                        config   = {0};
    model_source                       *src      = NULL;
    kn_device                          *dev      = NULL;
    kn_weights                         *w        = NULL;
    const char                         *dtype    = NULL;
    mlm_status                          status   = MLM_OK;
    memset(out, 0, sizeof *out);
    MLM_TRY(check_options(&small));
    small.n_threads = 1;
    MLM_TRY_GOTO(status, open_source(&src, &small, source_flags(&small)), done);
    MLM_TRY_GOTO(status, model_source_require(src), done);
    MLM_TRY_GOTO(status, model_config_load(&config, src), done);
    MLM_TRY_GOTO(status, open_device(&dev, &small), done);
    MLM_TRY_GOTO(status, model_source_weights(&w, src), done);
    MLM_TRY_GOTO(status, check_quantized(&dtype, &config, w, src->dir), done);
    choose_dtypes(&config, dev, dtype, &small);
    MLM_TRY_GOTO(
        status,
        engine_memory_estimate(out, dev, &config, w, engine_max_batch(&small), engine_kept_bytes(&small)),
        done);
done:
    kn_weights_close(w);
    kn_device_close(dev);
    model_config_free(&config);
    model_source_free(src);
    return status;
}

void mlmamba_engine_get_info(const mlmamba_engine *eng, mlmamba_engine_info *info)
{
    const model_config *c = &eng->config;
    *info                 = (mlmamba_engine_info){
                        .model_dir          = eng->model_dir,
                        .model_name         = eng->model_name,
                        .vision             = eng->vision_text,
                        .connector          = eng->connector_text,
                        .language_model     = eng->lm_text,
                        .weights_dtype      = eng->weights_dtype,
                        .device             = eng->dev_info.name,
                        .device_description = eng->dev_info.description,
                        .device_features    = eng->dev_info.features,
                        .device_note        = eng->dev_info.fallback,
                        .description        = c->description,
                        .describe_prompt    = c->describe_prompt,
                        .n_threads          = eng->dev_info.n_threads,
                        .n_parameters       = eng->n_parameters,
                        .fingerprint        = eng->fingerprint,
                        .image_size         = c->vision.preprocess[0].size,
                        .n_image_tokens     = c->n_image_tokens,
                        .n_layers           = c->text.n_layers,
                        .d_model            = c->text.d_model,
                        .vocab_size         = c->text.vocab_size,
                        .memory             = eng->memory,
                        .load_ms            = eng->load_ms,
    };
}
