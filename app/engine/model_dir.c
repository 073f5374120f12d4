/* model_dir.c: which model directory to load when the caller names none. */
#include "app/engine/model_config.h"
#include "kernels/base/mlm_file.h"

#include <dlfcn.h>
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

/* <folder of this program>/../share/...; false when it cannot be known. */
static bool beside_program(char *out, size_t cap)
{
    char    exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0)
        return false;
    exe[n]      = '\0';
    char *slash = strrchr(exe, '/');
    if (slash == NULL)
        return false;
    *slash    = '\0';
    int wrote = snprintf(out, cap, "%s/../share/" BUILT_IN, exe);
    return wrote > 0 && (size_t)wrote < cap;
}

/* <folder of libmlmamba.so>/<up>/share/...: of a program that lies elsewhere.  False when it cannot be known. */
static bool beside_library(char *out, size_t cap, const char *up)
{
    static const char here = 0;
    Dl_info           info;
    const char       *slash =
        dladdr(&here, &info) != 0 && info.dli_fname != NULL ? strrchr(info.dli_fname, '/') : NULL;
    int wrote = slash != NULL ? snprintf(out, cap, "%.*s/%s/share/" BUILT_IN, (int)(slash - info.dli_fname),
                                         info.dli_fname, up)
                              : -1;
    return wrote > 0 && (size_t)wrote < cap;
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
    char        beside[4400] = "", library[4400] = "";
    const char *tried[3] = {beside, MLM_INSTALL_DATADIR "/" BUILT_IN,
                            MLM_SOURCE_DIR "/assets/models/mlmamba-tiny"};
    if (!beside_program(beside, sizeof beside))
        tried[0] = tried[1];
    for (int i = 0; i < 3; i++) {
        if (mlm_path_is_dir(tried[i]))
            return copy_path(out, tried[i]);
        for (int up = 0; i == 0 && up < 2; up++) /* lib, lib/x86_64-linux-gnu */
            if (beside_library(library, sizeof library, up == 0 ? ".." : "../..") && mlm_path_is_dir(library))
                return copy_path(out, library);
    }
    return mlm_fail(MLM_E_NOTFOUND,
                    "no model found: $MLMAMBA_MODEL is not set, and none of %s, %s, %s exists", tried[0],
                    tried[1], tried[2]);
}
