/* mlm_file.h: reading files that may be hostile (FIFO, device, directory, huge, cut while we read). */
#ifndef MLM_FILE_H
#define MLM_FILE_H

#include "kernels/base/mlm_fail.h"

#include <stdint.h>

/*
 * Reads a regular file whole.  *data is owned (free()), NUL-terminated one byte past *size.
 * `limit` bytes at most (MLM_E_RANGE names both sizes).  Never blocks on a FIFO: O_NONBLOCK | O_CLOEXEC,
 * then fstat, regular files only.  `what` names the kind in messages ("picture", "config.json").
 */
mlm_status mlm_file_read(char **data, size_t *size, const char *path, size_t limit,
                         const char *what) MLM_WARN_UNUSED;
/* The same from an open descriptor (standard input), of any kind, until end of file. */
mlm_status mlm_fd_read(char **data, size_t *size, int fd, size_t limit, const char *what) MLM_WARN_UNUSED;

/* A file opened for positioned reads; never mapped, so a file that shrinks gives a status, not a SIGBUS. */
typedef struct mlm_file {
    int      fd;
    uint64_t size;
    uint64_t inode;
    int64_t  mtime_ns;
} mlm_file;
mlm_status mlm_file_open(mlm_file *f, const char *path, const char *what) MLM_WARN_UNUSED;
void       mlm_file_close(mlm_file *f); /* zeroed or closed struct is fine (fd is set to -1) */
/* Reads exactly n bytes at `offset`; MLM_E_IO when the file ended early or changed. */
mlm_status mlm_file_pread(const mlm_file *f, void *dst, size_t n, uint64_t offset,
                          const char *path) MLM_WARN_UNUSED;
/* The first n bytes of a file: MLM_E_FORMAT when they are a Git LFS pointer, which a clone without LFS leaves instead. */
mlm_status mlm_file_check_pointer(const void *bytes, size_t n, const char *path) MLM_WARN_UNUSED;

/* dir + "/" + name in owned memory. */
mlm_status mlm_path_join(char **out, const char *dir, const char *name) MLM_WARN_UNUSED;
bool       mlm_path_is_dir(const char *path);
bool       mlm_path_is_file(const char *path);
/* Folders, without the last slash; "" when they cannot be known: of the running program, and of what this code was linked into (the
 * program or libmlmamba.so). */
void mlm_path_of_program(char *dir, size_t cap);
void mlm_path_of_library(char *dir, size_t cap);

/* Monotonic clock in milliseconds. */
double mlm_now_ms(void);

#endif
