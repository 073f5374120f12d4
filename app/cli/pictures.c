/* pictures.c: arguments that should name pictures, looked at before a model is loaded. */
#include "app/cli/cli.h"
#include "kernels/base/mlm_file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static bool is_there(const char *path)
{
    return strcmp(path, "-") == 0 || access(path, F_OK) == 0;
}

bool cli_names_picture(const char *text)
{
    static const char *const ends[] = {"jpg", "jpeg", "png",  "webp", "gif", "bmp",
                                       "tga", "heic", "heif", "avif", "tif", "tiff"};
    const char              *dot    = strrchr(text, '.');
    for (size_t i = 0; dot != NULL && i < sizeof ends / sizeof ends[0]; i++)
        if (strcasecmp(dot + 1, ends[i]) == 0)
            return true;
    return false;
}

const char *cli_find_question(char **args, int n, bool with_words)
{
    for (int i = 0; i < n; i++) {
        const char *a = args[i];
        if (a[0] == '\0' || is_there(a) || cli_names_picture(a) || strstr(a, "://") != NULL)
            continue;
        if (strpbrk(a, " ?") != NULL || (with_words && strpbrk(a, "./") == NULL))
            return a;
    }
    return NULL;
}

/* ---- a folder where a picture was wanted ---------------------------------------------------------- */

enum { NAMED = 3, NAME_BYTES = 256 };

typedef struct folder_look {
    int  n;
    char name[NAMED][NAME_BYTES]; /* the first by name */
} folder_look;

static void see_name(folder_look *f, const char *name)
{
    char moved[NAME_BYTES], other[NAME_BYTES];
    f->n++;
    (void)snprintf(moved, sizeof moved, "%s", name);
    for (int i = 0; i < NAMED && moved[0] != '\0'; i++)
        if (f->name[i][0] == '\0' || strcmp(moved, f->name[i]) < 0) {
            memcpy(other, f->name[i], sizeof other);
            memcpy(f->name[i], moved, sizeof moved);
            memcpy(moved, other, sizeof moved);
        }
}

static void look_into(folder_look *f, const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *e = NULL; dir != NULL && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.' && cli_names_picture(e->d_name))
            see_name(f, e->d_name);
    if (dir != NULL)
        (void)closedir(dir);
}

bool cli_folder_hint(char *dst, size_t cap, const char *path, const char *question)
{
    folder_look f = {0};
    if (!mlm_path_is_dir(path))
        return false;
    look_into(&f, path);
    if (f.n == 0) {
        (void)snprintf(dst, cap, "%s is a folder, and no pictures are in it", path);
        return true;
    }
    bool plain =
        question != NULL && strlen(question) < 80 && question[strcspn(question, "\"\\$`!\n")] == '\0';
    bool        safe  = strpbrk(path, " \t\n\"'\\$`!*?[]{}()<>|&;#~") == NULL;
    bool        apart = !safe && strpbrk(path, "'\n") == NULL; /* 'my album' */
    const char *mark  = apart ? "'" : "";
    (void)snprintf(
        dst, cap,
        "%s is a folder with %d picture%s (%s%s%s%s%s%s); about all of them: mlmamba vqa %s%s%s%s%s%s "
        "-o run1",
        path, f.n, f.n == 1 ? "" : "s", f.name[0], f.n > 1 ? ", " : "", f.name[1], f.n > 2 ? ", " : "",
        f.name[2], f.n > NAMED ? ", ..." : "", mark, safe || apart ? path : "FOLDER", mark,
        question != NULL ? " --question \"" : "",
        question == NULL ? ""
        : plain          ? question
                         : "QUESTION",
        question != NULL ? "\"" : "");
    return true;
}

/* ---- names ---------------------------------------------------------------------------------------- */

/* my picture.png without quotes: args[0] and the next ones, joined, when that is a file.  Owned. */
static char *join_name(char **args, int n)
{
    size_t cap = 1, at = 0;
    for (int i = 0; i < n; i++)
        cap += strlen(args[i]) + 1;
    char *name = malloc(cap);
    for (int i = 0; name != NULL && i < n; i++) {
        at += (size_t)snprintf(name + at, cap - at, "%s%s", i > 0 ? " " : "", args[i]);
        if (i > 0 && mlm_path_is_file(name))
            return name;
    }
    free(name);
    return NULL;
}

int cli_check_pictures(const cli_options *o, char **paths, int n)
{
    enum { MOST_PARTS = 16 };
    for (int i = 0; i < n; i++) {
        if (paths[i][0] == '\0' && n > 1)
            return args_usage_error(o, NULL, "the name of picture %d of %d is empty", i + 1, n);
        if (paths[i][0] == '\0')
            return args_usage_error(o, NULL, "the name of the picture is empty");
        if (is_there(paths[i]))
            continue;
        if (strstr(paths[i], "://") != NULL)
            return args_usage_error(o, "curl -s URL | mlmamba ask - \"What is in the middle?\"",
                                    "'%s' is an address; mlmamba opens no network connection, save the "
                                    "picture first",
                                    paths[i]);
        char *name = join_name(paths + i, n - i < MOST_PARTS ? n - i : MOST_PARTS);
        if (name != NULL) {
            int rc = args_usage_error(o, NULL, "there is no file '%s', but there is '%s': put it in quotes",
                                      paths[i], name);
            free(name);
            return rc;
        }
    }
    return CLI_OK;
}
