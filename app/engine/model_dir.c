/* model_dir.c: which model directory to load when the caller names none. */
#include "app/engine/model_config.h"
#include "kernels/base/mlm_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef MLM_INSTALL_DATADIR
#    define MLM_INSTALL_DATADIR "/usr/local/share"
#endif
#ifndef MLM_SOURCE_DIR
#    define MLM_SOURCE_DIR "."
#endif

#define BUILT_IN "mlmamba/models/mlmamba-tiny"

static mlm_status check_dir(const char *dir, const char *why)
{
    if (!mlm_path_is_dir(dir)) {
        if (mlm_path_is_file(dir))
            return mlm_fail(
                MLM_E_NOTFOUND,
                "model %s (%s) is a file, must be a directory with config.json (of weights, name the "
                "directory that they lie in) or a *.pt checkpoint",
                dir, why);
        if (access(dir, F_OK) == 0)
            return mlm_fail(MLM_E_NOTFOUND, "model %s (%s) is neither a directory nor a file", dir, why);
        return mlm_fail(
            MLM_E_NOTFOUND,
            "model directory %s (%s) does not exist, nor is it ORG/NAME in the Hugging Face cache", dir, why);
    }
    return MLM_OK;
}

static mlm_status copy_path(char **out, const char *path)
{
    *out = strdup(path);
    return *out != NULL ? MLM_OK : mlm_fail_nomem(strlen(path) + 1, "model path");
}

mlm_status model_dir_find(char **out, const char *dir)
{
    *out = NULL;
    if (dir != NULL) {
        if (dir[0] == '\0')
            return mlm_fail(MLM_E_NOTFOUND, "the name of the model directory is empty");
        MLM_TRY(check_dir(dir, "as asked for"));
        return copy_path(out, dir);
    }
    const char *env = getenv("MLMAMBA_MODEL");
    if (env != NULL && env[0] != '\0') {
        MLM_TRY(check_dir(env, "from $MLMAMBA_MODEL"));
        return copy_path(out, env);
    }
    char program[4096], library[4096], path[4400];
    mlm_path_of_program(program, sizeof program);
    mlm_path_of_library(library, sizeof library); /* in lib or lib/x86_64-linux-gnu */
    const struct {
        const char *dir, *below;
    } place[] = {{program, "/../share/" BUILT_IN},
                 {library, "/../share/" BUILT_IN},
                 {library, "/../../share/" BUILT_IN},
                 {MLM_INSTALL_DATADIR, "/" BUILT_IN},
                 {MLM_SOURCE_DIR, "/assets/models/mlmamba-tiny"}};
    for (size_t i = 0; i < sizeof place / sizeof place[0]; i++) {
        int n = snprintf(path, sizeof path, "%s%s", place[i].dir, place[i].below);
        if (place[i].dir[0] != '\0' && n > 0 && (size_t)n < sizeof path && mlm_path_is_dir(path))
            return copy_path(out, path);
    }
    return mlm_fail(MLM_E_NOTFOUND,
                    "no model found: $MLMAMBA_MODEL is not set, and none of %s/../share/" BUILT_IN
                    ", " MLM_INSTALL_DATADIR "/" BUILT_IN ", " MLM_SOURCE_DIR
                    "/assets/models/mlmamba-tiny exists",
                    program);
}
