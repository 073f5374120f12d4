/* engine_fixture.h: the built-in model for tests of app/engine. */
#ifndef TESTS_ENGINE_FIXTURE_H
#define TESTS_ENGINE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/engine/mlmamba.h"

#define MODEL_DIR MLM_SOURCE_DIR "/assets/models/mlmamba-tiny"
#define SCENE(n)  MLM_SOURCE_DIR "/assets/images/scene" #n ".png"
#define TOP       "What is in the top middle?"
#define COLOR     "What color is it?"
#define DESCRIBE  "Describe the image."
/* what the reference program answers to DESCRIBE after three other questions about scene 0 */
#define CAPTION0 "A crown, yarn, an orange cross, a helicopter, a tomato and a sailboat on a pink background."
#define FILE_QUERY(path, text)                                                                               \
    {                                                                                                        \
        .image_path = (path), .question = (text)                                                             \
    }
#define SNAPSHOT_QUERY(snap, text)                                                                           \
    {                                                                                                        \
        .snapshot = (snap), .question = (text)                                                               \
    }

#define assert_ok(expr)                                                                                      \
    do {                                                                                                     \
        mlm_status status_ = (expr);                                                                         \
        if (status_ != MLM_OK)                                                                               \
            fail_msg("%s: %s: %s", #expr, mlm_status_name(status_), mlm_error_message());                    \
    } while (0)

/* "cpu", or what the program was called with: --device cuda.  A GPU is opened as deterministic: what must be equal in
 * every bit on the CPU must be so there. */
static const char *fixture_device = "cpu";

static inline bool fixture_on_cpu(void)
{
    return strcmp(fixture_device, "cpu") == 0;
}

static inline mlmamba_engine_options fixture_options(int n_threads, int max_batch)
{
    return (mlmamba_engine_options){.model_dir     = MODEL_DIR,
                                    .device        = fixture_device,
                                    .n_threads     = n_threads,
                                    .max_batch     = max_batch,
                                    .deterministic = !fixture_on_cpu()};
}

/* 77 when the device that was asked for is not there, else 0. */
static inline int fixture_start(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--device") == 0)
        fixture_device = argv[2];
    mlmamba_engine        *eng = NULL;
    mlmamba_engine_options opt = fixture_options(1, 1);
    if (fixture_on_cpu() || mlmamba_engine_open(&eng, &opt) == MLM_OK) {
        mlmamba_engine_close(eng);
        return 0;
    }
    fprintf(stderr, "skipped: %s\n", mlm_error_message());
    return 77;
}

static inline mlmamba_engine *open_engine(int n_threads, int max_batch)
{
    mlmamba_engine_options opt = fixture_options(n_threads, max_batch);
    mlmamba_engine        *eng = NULL;
    assert_ok(mlmamba_engine_open(&eng, &opt));
    return eng;
}

static inline mlmamba_session *open_session(mlmamba_engine *eng, const char *picture)
{
    mlmamba_session *ses = NULL;
    assert_ok(mlmamba_session_create(&ses, eng));
    if (picture != NULL)
        assert_ok(mlmamba_session_set_image_file(ses, picture, NULL));
    return ses;
}

/* Asks, checks the text (unless NULL), returns the log probability: equal bits mean equal logits on the way. */
static inline double ask(mlmamba_session *ses, const char *question, const char *want)
{
    mlmamba_answer          *ans = NULL;
    mlmamba_generate_options opt = {.want_logprob = true};
    assert_ok(mlmamba_session_ask(&ans, ses, question, &opt, NULL, NULL));
    if (want != NULL)
        assert_string_equal(ans->text, want);
    double logprob = ans->logprob;
    mlmamba_answer_free(ans);
    return logprob;
}

#endif
