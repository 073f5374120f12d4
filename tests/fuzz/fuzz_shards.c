/*
 * fuzz_shards.c: any bytes as the index of shards, beside two sound PyTorch shards (s1.bin: a, b; s2.bin: c) and under a
 * safetensors name.  What is accepted holds exactly these tensors.
 */
#include "kernels/weights.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/base/mlm_shards.h"
#include "tests/support/pt_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char        folder[256];
static const char *files[] = {"s1.bin", "s2.bin", "x.bin.index.json", "x.safetensors.index.json"};

static const char *in(char *path, size_t cap, const char *name)
{
    (void)snprintf(path, cap, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const void *data, size_t size)
{
    char path[512];
    int  fd = open(in(path, sizeof path, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) != 0)
        abort();
}

static void put_shard(const char *file, const char *one, const char *two)
{
    static const float values[4] = {0, 1, 2, 3};
    const pt_storage   s         = {values, sizeof values};
    const pt_tensor    t[2]      = {{.path = one, .dtype = MLM_ST_F32, .rank = 1, .dim = {4}},
                                    {.path = two, .dtype = MLM_ST_F32, .rank = 1, .dim = {4}}};
    pt_bytes           b         = {0};
    pt_write(&b, t, two != NULL ? 2 : 1, &s, 1, false);
    put(file, b.p, b.n);
    pt_free(&b);
}

static void remove_all(void)
{
    char path[512];
    for (int i = 0; i < 4; i++)
        (void)unlink(in(path, sizeof path, files[i]));
    (void)rmdir(folder);
}

static void prepare(void)
{
    const char *base = getenv("TMPDIR");
    if (folder[0] != '\0')
        return;
    (void)snprintf(folder, sizeof folder, "%s/mlm_fuzz_XXXXXX",
                   base != NULL && base[0] != '\0' ? base : "/tmp");
    if (mkdtemp(folder) == NULL || atexit(remove_all) != 0)
        abort();
    put_shard("s1.bin", "a", "b");
    put_shard("s2.bin", "c", NULL);
}

static void open_shards(const char *index)
{
    char                    path[512];
    kn_weights             *w      = NULL;
    const kn_weights_source source = {.path = in(path, sizeof path, index)};
    mlm_status              status = kn_weights_open_sources(&w, "fuzz", &source, 1);
    if (status == MLM_OK) {
        float got[4];
        for (int64_t i = 0; i < kn_weights_count(w); i++)
            if (kn_weights_at(w, i)->bytes != sizeof got ||
                kn_weights_read(w, kn_weights_at(w, i), got, 0, sizeof got) != MLM_OK || got[3] != 3)
                abort();
        if (kn_weights_find(w, "a") == NULL && kn_weights_find(w, "c") == NULL)
            abort();
    } else if (w != NULL || mlm_error_message()[0] == '\0' ||
               (status != MLM_E_FORMAT && status != MLM_E_NOTFOUND && status != MLM_E_IO)) {
        abort();
    }
    kn_weights_close(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char   path[512];
    char **list = NULL;
    int    n    = 0;
    prepare();
    put(files[2], data, size);
    put(files[3], data, size);
    open_shards(files[2]);
    open_shards(files[3]);
    mlm_status status = mlm_shards_list(&list, &n, in(path, sizeof path, files[2]));
    if ((status == MLM_OK) != (list != NULL))
        abort();
    for (int i = 0; i < n; i++) /* every file lies in the folder of the index */
        if (strncmp(list[i], folder, strlen(folder)) != 0 ||
            strchr(list[i] + strlen(folder) + 1, '/') != NULL)
            abort();
    mlm_shards_free_list(list, n);
    return 0;
}
