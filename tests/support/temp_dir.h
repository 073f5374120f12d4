/*
 * temp_dir.h: a folder of files for one test program, under TMPDIR or /tmp, removed at the end.
 *
 *   temp_dir dir;
 *   temp_dir_open(&dir);                                     // aborts the test program when it cannot
 *   const char *path = temp_dir_write(&dir, "a.json", "{}", 2);
 *   temp_dir_close(&dir);                                    // removes the files and the folder
 */
#ifndef TESTS_TEMP_DIR_H
#define TESTS_TEMP_DIR_H

#include <stddef.h>

typedef struct temp_dir {
    char path[256];
    char file[512]; /* the last path made */
} temp_dir;

void        temp_dir_open(temp_dir *dir);
void        temp_dir_close(temp_dir *dir);
const char *temp_dir_path(temp_dir *dir, const char *name); /* borrowed until the next call */
const char *temp_dir_write(temp_dir *dir, const char *name, const void *bytes, size_t n);

#endif
