/* dataset_pictures.c: a data set none of whose pictures is there is not run: the folder was forgotten, or is another one. */
#include "app/vqa/dataset_private.h"
#include "kernels/base/mlm_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_ENTRIES = 10000 };

/* A folder in dir that has the picture; owned, NULL: none. */
static char *find_folder(const char *dir, const char *name)
{
    char *found = NULL;
    DIR  *d     = opendir(dir);
    if (d == NULL)
        return NULL;
    int            n = 0;
    struct dirent *e = NULL;
    while (found == NULL && n++ < MOST_ENTRIES && (e = readdir(d)) != NULL) {
        char *sub = NULL, *path = NULL;
        bool  has = e->d_name[0] != '.' && mlm_path_join(&sub, dir, e->d_name) == MLM_OK &&
                   mlm_path_is_dir(sub) && mlm_path_join(&path, sub, name) == MLM_OK &&
                   access(path, F_OK) == 0;
        free(path);
        if (has)
            found = sub;
        else
            free(sub);
    }
    (void)closedir(d);
    return found;
}

/* n rows; path: where the picture of the first, name, was looked for. */
static mlm_status say(const vqa_dataset *ds, const char *name, const char *path, int64_t n,
                      const char *remedy)
{
    char *there = name[0] != '/' ? find_folder(ds->files[0].dir, name) : NULL;
    bool  slash = there != NULL && there[strlen(there) - 1] == '/';
    if (ds->images_dir != NULL && !mlm_path_is_dir(ds->images_dir))
        (void)mlm_fail(MLM_E_NOTFOUND, "--images: there is no folder '%s'%s%s", ds->images_dir,
                       there != NULL ? "; the pictures seem to be in " : "", there != NULL ? there : "");
    else
        (void)mlm_fail(MLM_E_NOTFOUND,
                       "%s: none of the pictures of its %lld rows is there (%s is not%s%s%s%s%s): %s",
                       ds->files[0].path, (long long)n, path, there != NULL ? ", " : "",
                       there != NULL ? there : "", there != NULL && !slash ? "/" : "",
                       there != NULL ? name : "", there != NULL ? " is" : "", remedy);
    free(there);
    return MLM_E_NOTFOUND;
}

mlm_status vqa_dataset_check_pictures(const vqa_dataset *ds, const char *remedy)
{
    vqa_item  *first  = NULL;
    mlm_status status = MLM_OK;
    int64_t    n      = vqa_dataset_count(ds);
    bool       found  = ds->names != NULL; /* a folder was listed a moment ago */
    for (int64_t i = 0; i < n && !found; i++) {
        vqa_item *item = NULL;
        if (vqa_dataset_load(&item, ds, i, false) != MLM_OK)
            continue; /* that row's error */
        found = item->image_path == NULL || access(item->image_path, F_OK) == 0 ||
                (errno != ENOENT && errno != ENOTDIR);
        if (first == NULL)
            first = item;
        else
            vqa_item_free(item);
    }
    if (!found && first != NULL)
        status = say(ds, first->image, first->image_path, n, remedy);
    vqa_item_free(first);
    return status;
}
