/* app_dirs.c: folders that are made on the way, the XDG directories. */
#include "app/desktop/app_dirs.h"

#include "app/desktop/text_buffer.h"
#include "kernels/base/mlm_file.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

mlm_status file_make_dirs(const char *dir)
{
    size_t n    = strlen(dir);
    char  *part = strdup(dir);
    if (part == NULL)
        return mlm_fail_nomem(n + 1, "folder name");
    mlm_status status = MLM_OK;
    for (size_t i = 1; i <= n && status == MLM_OK; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST && !mlm_path_is_dir(part))
            status = mlm_fail(MLM_E_IO, "%s: cannot make the folder: %s", part, strerror(errno));
        part[i] = i < n ? '/' : '\0';
    }
    free(part);
    if (status == MLM_OK && !mlm_path_is_dir(dir))
        return mlm_fail(MLM_E_IO, "%s: not a folder", dir);
    return status;
}

static const char *home_dir(void)
{
    const char *home = getenv("HOME");
    if (home != NULL && home[0] == '/')
        return home;
    const struct passwd *pw = getpwuid(getuid());
    return pw != NULL && pw->pw_dir != NULL && pw->pw_dir[0] == '/' ? pw->pw_dir : NULL;
}

mlm_status file_xdg_dir(char **out, const char *variable, const char *fallback)
{
    text_buffer b    = {0};
    const char *base = getenv(variable);
    *out             = NULL;
    if (base != NULL && base[0] == '/') { /* the standard: relative ones are ignored */
        text_addf(&b, "%s/mlmamba", base);
        return text_take(&b, out);
    }
    const char *home = home_dir();
    if (home == NULL)
        return mlm_fail(MLM_E_NOTFOUND, "no home directory: neither $%s nor $HOME is set", variable);
    text_addf(&b, "%s/%s/mlmamba", home, fallback);
    return text_take(&b, out);
}

mlm_status file_expand_home(char **out, const char *path)
{
    text_buffer b    = {0};
    const char *home = home_dir();
    if (path[0] == '~' && (path[1] == '/' || path[1] == '\0') && home != NULL)
        text_addf(&b, "%s%s", home, path + 1);
    else
        text_add(&b, path);
    return text_take(&b, out);
}
