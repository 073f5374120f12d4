/*
 * device.c: finds a backend by name and makes the objects that live on it.
 *
 * "ref" and "cpu" are linked in.  "cuda" is a shared object (libmlmamba-cuda.so) opened at run time, so that
 * programs start on machines without a driver; it is looked for in $MLMAMBA_CUDA_PLUGIN (which decides alone
 * when it is set; empty means none), beside the running program, in ../lib and ../lib/mlmamba from there, beside
 * the library that this code is in (libmlmamba.so), in mlmamba from there, and where the system's loader looks.  A plug-in stays loaded until the process ends, because unloading the
 * CUDA runtime is not safe.
 */
#include "kernels/backend.h"
#include "kernels/base/mlm_file.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLUGIN_FILE    "libmlmamba-cuda.so"
#define MAX_THREADS    256
#define MAX_CUDA_INDEX 255

mlm_status kn_backend_status(const kn_device *dev, mlm_status status)
{
    if (status != MLM_OK && dev->be->error_message != NULL)
        return mlm_fail(status, "%s", dev->be->error_message());
    return status;
}

/* ---- the plug-in --------------------------------------------------------------------------------- */

/* Opens one file; NULL leaves the loader's reason in `why`. */
static void *open_library(const char *path, char *why, size_t cap)
{
    void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (lib == NULL) {
        const char *reason = dlerror();
        (void)snprintf(why, cap, "%s", reason != NULL ? reason : "the loader gave no reason");
    }
    return lib;
}

/* The plug-in in the first of these folders below `dir` that has one. */
static bool find_below(char *path, size_t cap, const char *dir, const char *const *below)
{
    for (; dir[0] != '\0' && *below != NULL; below++) {
        int n = snprintf(path, cap, "%s%s/" PLUGIN_FILE, dir, *below);
        if (n > 0 && (size_t)n < cap && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static void *find_library(char *why, size_t cap)
{
    const char *env = getenv("MLMAMBA_CUDA_PLUGIN");
    if (env != NULL && env[0] == '\0') {
        (void)snprintf(why, cap, "MLMAMBA_CUDA_PLUGIN is empty");
        return NULL;
    }
    if (env != NULL)
        return open_library(env, why, cap);

    static const char *const of_program[] = {"", "/../lib", "/../lib/mlmamba", NULL};
    static const char *const of_library[] = {"", "/mlmamba", NULL};
    char                     dir[PATH_MAX], path[PATH_MAX + 64];
    mlm_path_of_program(dir, sizeof dir);
    if (find_below(path, sizeof path, dir, of_program))
        return open_library(path, why, cap);
    mlm_path_of_library(dir, sizeof dir);
    if (find_below(path, sizeof path, dir, of_library))
        return open_library(path, why, cap);
    void *lib = dlopen(PLUGIN_FILE, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (lib == NULL)
        (void)snprintf(why, cap,
                       "no plug-in " PLUGIN_FILE " beside the program, its library or in the loader's path");
    return lib;
}

/* Finds and checks the CUDA table.  The message says why there is none. */
static mlm_status open_cuda_backend(const kn_backend **out)
{
    char  why[256];
    void *lib = find_library(why, sizeof why);
    if (lib == NULL)
        return mlm_fail(MLM_E_NOTFOUND, "CUDA: %s", why);

    const kn_backend *(*entry)(void) = NULL;
    void *symbol                     = dlsym(lib, KN_CUDA_ENTRY);
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from void * to a function */
    const kn_backend *be = entry != NULL ? entry() : NULL;
    mlm_status        st = MLM_OK;
    if (be == NULL)
        st = mlm_fail(MLM_E_DEVICE, "CUDA: the plug-in has no entry " KN_CUDA_ENTRY);
    else if (be->abi != KN_BACKEND_ABI)
        st = mlm_fail(MLM_E_DEVICE, "CUDA: the plug-in has interface %u, this program needs %d",
                      (unsigned)be->abi, KN_BACKEND_ABI);
    else
        *out = be;
    (void)dlclose(lib); /* the code stays (RTLD_NODELETE) */
    return st;
}

/* ---- devices ------------------------------------------------------------------------------------- */

static mlm_status open_with(kn_device **out, const kn_backend *be, const kn_device_options *opt, int index)
{
    kn_device *dev = calloc(1, sizeof *dev);
    if (dev == NULL)
        return mlm_fail_nomem(sizeof *dev, "device");
    dev->be       = be;
    mlm_status st = kn_backend_status(dev, be->device_open(dev, opt, index));
    if (st != MLM_OK) {
        free(dev);
        return st;
    }
    if (opt->round_bf16 && !(dev->info.caps & KN_CAP_HOST)) {
        st = mlm_fail(MLM_E_UNSUPPORTED, "%s: reference rounding is not supported there, only on cpu and ref",
                      dev->info.name);
        kn_device_close(dev);
        return st;
    }
    dev->round_bf16 = opt->round_bf16;
    *out            = dev;
    return MLM_OK;
}

static mlm_status open_cuda(kn_device **out, const kn_device_options *opt, int index)
{
    const kn_backend *be = NULL;
    MLM_TRY(open_cuda_backend(&be));
    return open_with(out, be, opt, index);
}

/* The fastest kind that answers; info.fallback says why it is not a GPU. */
static mlm_status open_auto(kn_device **out, const kn_device_options *opt)
{
    char why[sizeof((*out)->info.fallback)] = "";
    if (open_cuda(out, opt, 0) == MLM_OK)
        return MLM_OK;
    (void)snprintf(why, sizeof why, "%s", mlm_error_message());
    MLM_TRY(open_with(out, &kn_cpu_backend, opt, 0));
    (void)snprintf((*out)->info.fallback, sizeof why, "%s", why);
    return MLM_OK;
}

/* "cuda" -> 0, "cuda:N" -> N, anything else -> -1. */
static int cuda_index(const char *name)
{
    if (strcmp(name, "cuda") == 0)
        return 0;
    if (strncmp(name, "cuda:", 5) != 0 || name[5] == '\0')
        return -1;
    int n = 0;
    for (const char *p = name + 5; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || n > MAX_CUDA_INDEX)
            return -1;
        n = n * 10 + (*p - '0');
    }
    return n <= MAX_CUDA_INDEX ? n : -1;
}

mlm_status kn_device_open(kn_device **out, const kn_device_options *opt)
{
    static const kn_device_options defaults = {0};
    *out                                    = NULL;
    if (opt == NULL)
        opt = &defaults;
    if (opt->n_threads < 0 || opt->n_threads > MAX_THREADS)
        return mlm_fail(MLM_E_RANGE, "device: %d threads, wanted 0 (all cores) to %d", opt->n_threads,
                        MAX_THREADS);
    const char *name = opt->name != NULL ? opt->name : "auto";
    if (strcmp(name, "auto") == 0 && !opt->round_bf16)
        return open_auto(out, opt);
    if (strcmp(name, "cpu") == 0 || strcmp(name, "auto") == 0)
        return open_with(out, &kn_cpu_backend, opt, 0);
    if (strcmp(name, "ref") == 0)
        return open_with(out, &kn_ref_backend, opt, 0);
    int index = cuda_index(name);
    if (index >= 0)
        return open_cuda(out, opt, index);
    return mlm_fail(MLM_E_NOTFOUND, "device '%s' does not exist: there are auto, cpu, ref, cuda and cuda:N",
                    name);
}

void kn_device_close(kn_device *dev)
{
    if (dev == NULL)
        return;
    dev->be->device_close(dev);
    free(dev);
}

void kn_device_get_info(const kn_device *dev, kn_device_info *info)
{
    kn_device now = *dev; /* refreshed on a copy: the device itself stays const */
    dev->be->device_refresh(&now);
    *info = now.info;
}

uint32_t kn_device_caps(const kn_device *dev)
{
    return dev->info.caps;
}
