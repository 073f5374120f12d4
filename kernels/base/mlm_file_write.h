/* mlm_file_write.h: writing whole: every byte or an error; files that appear complete or not at all. */
#ifndef MLM_FILE_WRITE_H
#define MLM_FILE_WRITE_H

#include "kernels/base/mlm_fail.h"

#include <stdint.h>

/* Writes all n bytes at the descriptor's place, through short writes and signals.  `name` begins the message (MLM_E_IO). */
mlm_status mlm_fd_write(int fd, const void *bytes, size_t n, const char *name) MLM_WARN_UNUSED;
/* fsync; what has nothing to sync (pipes, some file systems) is no error. */
mlm_status mlm_fd_sync(int fd, const char *name) MLM_WARN_UNUSED;
/* A rename is durable only when its folder is on disk too.  Of the folder that holds `path`; file systems that refuse this are left alone. */
void mlm_sync_folder_of(const char *path);

/*
 * A file under construction: beside its place under another name, then synced and renamed over it.  Links are followed; what has
 * the name and is no regular file is refused (MLM_E_IO); a file that is replaced hands on its mode.  Whatever fails, what was there stays.
 */
typedef struct mlm_new_file {
    int         fd;
    char       *target; /* where links lead */
    char       *temp;
    const char *what;         /* of mlm_new_file_open: outlives the struct */
    uint64_t    put, started; /* bytes; those that are on their way to the disk already */
} mlm_new_file;
/* `mode`: of a file that was not there (less the umask).  `what` names the kind in messages ("settings"). */
mlm_status mlm_new_file_open(mlm_new_file *f, const char *path, unsigned mode,
                             const char *what) MLM_WARN_UNUSED;
mlm_status mlm_new_file_put(mlm_new_file *f, const void *bytes, size_t n) MLM_WARN_UNUSED;
/* Puts it in its place; ends `f` also when it fails. */
mlm_status mlm_new_file_commit(mlm_new_file *f) MLM_WARN_UNUSED;
/* Nothing is changed; a zeroed or ended struct is fine. */
void mlm_new_file_discard(mlm_new_file *f);

/* The three in one. */
mlm_status mlm_file_write(const char *path, const void *bytes, size_t n, unsigned mode,
                          const char *what) MLM_WARN_UNUSED;

/* The folder and those above it; `mode` (less the umask) is of those that were not there. */
mlm_status mlm_make_dirs(const char *dir, unsigned mode) MLM_WARN_UNUSED;

#endif
