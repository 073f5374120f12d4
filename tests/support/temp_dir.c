/* temp_dir.c: see temp_dir.h. */
#include "tests/support/temp_dir.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void give_up(const char *what)
{
    perror(what);
    abort();
}

void temp_dir_open(temp_dir *dir)
{
    const char *base = getenv("TMPDIR");
    int len = snprintf(dir->path, sizeof dir->path, "%s/mlm_test_XXXXXX", base && *base ? base : "/tmp");
    if (len < 0 || (size_t)len >= sizeof dir->path || !mkdtemp(dir->path))
        give_up("temp_dir_open");
}

const char *temp_dir_path(temp_dir *dir, const char *name)
{
    int len = snprintf(dir->file, sizeof dir->file, "%s/%s", dir->path, name);
    if (len < 0 || (size_t)len >= sizeof dir->file)
        give_up("temp_dir_path");
    return dir->file;
}

const char *temp_dir_write(temp_dir *dir, const char *name, const void *bytes, size_t n)
{
    const char *path = temp_dir_path(dir, name);
    FILE       *f    = fopen(path, "wb");
    if (!f || (n > 0 && fwrite(bytes, 1, n, f) != n) || fclose(f) != 0)
        give_up(path);
    return path;
}

void temp_dir_close(temp_dir *dir)
{
    DIR *d = opendir(dir->path);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            (void)remove(temp_dir_path(dir, e->d_name));
    }
    if (d)
        (void)closedir(d);
    (void)rmdir(dir->path);
}
