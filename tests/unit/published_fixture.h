/* published_fixture.h: the folder of published models that the tests of checking, importing and answering share. */
#ifndef TESTS_UNIT_PUBLISHED_FIXTURE_H
#define TESTS_UNIT_PUBLISHED_FIXTURE_H

#include "kernels/base/mlm_file.h"
#include "tests/support/published_model.h"
#include "tests/unit/engine_fixture.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[256], path_buffer[1024];

static inline const char *in(const char *name)
{
    (void)snprintf(path_buffer, sizeof path_buffer, "%s/%s", root, name);
    return path_buffer;
}

static inline void remove_tree(const char *folder)
{
    DIR *d = opendir(folder);
    for (struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
        char        path[1024];
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        (void)snprintf(path, sizeof path, "%.500s/%.255s", folder, e->d_name);
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
            remove_tree(path);
        else
            (void)unlink(path);
    }
    if (d != NULL)
        (void)closedir(d);
    (void)rmdir(folder);
}

static inline int setup(void **state)
{
    const char *base = getenv("TMPDIR");
    (void)state;
    (void)snprintf(root, sizeof root, "%s/mlm_published_XXXXXX",
                   base != NULL && base[0] != '\0' ? base : "/tmp");
    assert_non_null(mkdtemp(root));
    published_write(root);
    assert_int_equal(setenv("HF_HUB_CACHE", in("hub"), 1), 0);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    remove_tree(root);
    return 0;
}

static inline mlmamba_engine *open_model(const char *model)
{
    mlmamba_engine_options opt = {.model_dir = model, .device = "cpu", .n_threads = 1, .max_batch = 1};
    mlmamba_engine        *eng = NULL;
    assert_ok(mlmamba_engine_open(&eng, &opt));
    return eng;
}

typedef struct outcome {
    char   text[1024];
    double logprob;
    int    n_tokens;
} outcome;

static inline outcome answer_from(mlmamba_engine *eng, const char *picture)
{
    mlmamba_session         *ses = open_session(eng, picture);
    mlmamba_generate_options opt = {.want_logprob = true, .max_new_tokens = 64};
    mlmamba_answer          *ans = NULL;
    outcome                  out = {0};
    if (picture != NULL)
        assert_ok(mlmamba_session_ask(&ans, ses, "What is this?", &opt, NULL, NULL));
    else
        assert_ok(mlmamba_session_complete(&ans, ses, "One day", &opt, NULL, NULL));
    (void)snprintf(out.text, sizeof out.text, "%s", ans->text);
    out.logprob  = ans->logprob;
    out.n_tokens = ans->n_tokens;
    mlmamba_answer_free(ans);
    mlmamba_session_free(ses);
    return out;
}

static inline outcome completion_of(mlmamba_engine *eng)
{
    return answer_from(eng, NULL);
}

static inline outcome answer_of(const char *model, bool picture)
{
    mlmamba_engine *eng = open_model(model);
    outcome         out = answer_from(eng, picture ? SCENE(0) : NULL);
    mlmamba_engine_close(eng);
    return out;
}

static inline void same(outcome a, outcome b)
{
    assert_string_equal(a.text, b.text);
    assert_true(a.logprob == b.logprob);
    assert_int_equal(a.n_tokens, b.n_tokens);
}

static inline void put_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static inline void put_copy(const char *path, const char *from)
{
    char  *data = NULL;
    size_t n    = 0;
    assert_ok(mlm_file_read(&data, &n, from, (size_t)1 << 26, "copy"));
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    free(data);
}

#endif
