/* app_dirs.h: the XDG directories. */
#ifndef DESKTOP_APP_DIRS_H
#define DESKTOP_APP_DIRS_H

#include "kernels/base/mlm_fail.h"

/* XDG: $NAME or $HOME/fallback, then "/mlmamba".  MLM_E_NOTFOUND without a home. */
mlm_status file_xdg_dir(char **out, const char *variable, const char *fallback) MLM_WARN_UNUSED;
/* "~/x" and "~" with the home directory; anything else is copied. */
mlm_status file_expand_home(char **out, const char *path) MLM_WARN_UNUSED;

#endif
