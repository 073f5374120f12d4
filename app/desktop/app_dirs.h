/* app_dirs.h: folders that are made on the way, the XDG directories. */
#ifndef DESKTOP_APP_DIRS_H
#define DESKTOP_APP_DIRS_H

#include "kernels/base/mlm_fail.h"

/* The folder and those above it, readable by their owner only (as XDG demands). */
mlm_status file_make_dirs(const char *dir) MLM_WARN_UNUSED;
/* XDG: $NAME or $HOME/fallback, then "/mlmamba".  MLM_E_NOTFOUND without a home. */
mlm_status file_xdg_dir(char **out, const char *variable, const char *fallback) MLM_WARN_UNUSED;
/* "~/x" and "~" with the home directory; anything else is copied. */
mlm_status file_expand_home(char **out, const char *path) MLM_WARN_UNUSED;

#endif
