/* pictures.c: arguments that should name pictures, looked at before a model is loaded. */
#include "app/cli/cli.h"
#include "kernels/base/mlm_file.h"

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
