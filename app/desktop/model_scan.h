/* model_scan.h: which models there are on this computer, and what each needs. */
#ifndef DESKTOP_MODEL_SCAN_H
#define DESKTOP_MODEL_SCAN_H

#include "app/desktop/ui_link.h"

/* Looks in: the built-in model, $MLMAMBA_MODEL, dirs (the first n_recent of them are recent models, in each other one and its folders),
 * $XDG_DATA_HOME/mlmamba/models, the same of $XDG_DATA_DIRS, ~/models, the cache of huggingface_hub.  Each directory once. */
mlm_status model_scan(ui_model_row **rows, int *n, char *const *dirs, int n_dirs,
                      int n_recent) MLM_WARN_UNUSED;
/* Parts and memory of row->dir (NULL: what is loaded by default), with all states that may be kept.  What goes wrong becomes row->note. */
mlm_status model_scan_check(ui_model_row *row, const char *device, int kept_mb) MLM_WARN_UNUSED;
/* A folder of the program's data ("images", "models/mlmamba-tiny"): beside the program, installed, in the source tree; NULL: none. */
char *model_scan_data_dir(const char *what);

#endif
