/*
 * clerk.h: the thread for everything that waits for the disk: decoding, thumbnails, folders, model checks, exports, settings, history.
 * What the shown picture needs goes first.
 */
#ifndef DESKTOP_CLERK_H
#define DESKTOP_CLERK_H

#include "app/desktop/mailbox.h"

typedef struct clerk clerk;

typedef struct clerk_options {
    const char *history_path;  /* NULL: no history                                    */
    const char *settings_path; /* NULL: settings are not stored                       */
    const char *pictures_dir;  /* where pasted pictures are kept; NULL: they are not  */
} clerk_options;

/* Opens the history on its thread and reports UI_EV_HISTORY. */
mlm_status clerk_create(clerk **out, event_box *events, const clerk_options *opt) MLM_WARN_UNUSED;
void       clerk_post(clerk *k, ui_request *req); /* takes over what it owns */
/* From now on only what is to be stored is done; waits for nothing. */
void clerk_close(clerk *k);
/* Waits at most wait_ms, and some seconds more while something is still to be stored.  False: its thread goes on alone. */
bool clerk_free(clerk *k, int wait_ms);

#endif
