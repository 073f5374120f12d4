/* import_file.h: the large file that an import writes: an interrupted one is gone on with after comparing what is there. */
#ifndef APP_ENGINE_IMPORT_FILE_H
#define APP_ENGINE_IMPORT_FILE_H

#include "app/engine/mlmamba.h"
#include "kernels/base/mlm_fail.h"

/* Zeroed with fd -1: closed. */
typedef struct import_file {
    int             fd;
    char           *path;
    uint64_t        size, at; /* wanted size; bytes put so far */
    uint64_t        there;    /* bytes of an earlier import that may be equal: compared, not written */
    uint64_t        verified;
    uint64_t        before; /* bytes of other work that progress has counted already */
    mlmamba_load_fn on_progress;
    void           *payload;
} import_file;

/* A lock keeps a second import out; the disk must have room for the rest. */
mlm_status import_file_open(import_file *f, const char *path, uint64_t size, mlmamba_load_fn on_progress,
                            void *payload) MLM_WARN_UNUSED;
/* The next n bytes: compared with what is there as long as it is equal, then written. */
mlm_status import_file_put(import_file *f, const void *bytes, size_t n) MLM_WARN_UNUSED;
/* Everything is on the disk, and what is read next comes from there where the system allows it. */
mlm_status import_file_sync(import_file *f) MLM_WARN_UNUSED;
mlm_status import_file_get(import_file *f, void *bytes, size_t n, uint64_t from) MLM_WARN_UNUSED;
void       import_file_close(import_file *f);

#endif
