/* app_dirs.c: the XDG directories. */
#include "app/desktop/app_dirs.h"

#include "app/desktop/text_buffer.h"
#include "kernels/base/mlm_file.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
