/*
 * desk.h: everything behind the window: the state machine, the worker, the history and the helper programs.
 *
 * The view's loop:
 *
 *     desk_create(&d, &opt);               // returns at once: the model loads in the background
 *     while (!desk_model(d)->quit) {
 *         SDL_WaitEventTimeout(&e, desk_wait_ms(d, now));   // wake() was called: SDL_PushEvent from any thread
 *         ... SDL events -> ui_act, ui_key, ui_set_text, ui_drop_..., ui_pointer_... (ui_model.h)
 *         desk_pump(d, now);               // never blocks; moves requests and events
 *         ... if desk_model(d)->revision changed: draw
 *     }
 *     desk_free(d);                        // under a second, also while loading or answering
 */
#ifndef DESKTOP_DESK_H
#define DESKTOP_DESK_H

#include "app/desktop/ui_model.h"

typedef struct desk desk;

typedef struct desk_options {
    const char        *model_dir; /* --model; NULL: as in the settings            */
    const char        *device;    /* --device; NULL: as in the settings           */
    const char *const *path;      /* pictures and folders from the command line   */
    int                n_paths;
    const char        *data_home, *config_home; /* NULL: XDG directories; tests set them */
    bool               no_history;              /* nothing is stored, nothing is read          */
    bool               no_portal; /* no desktop portal, no zenity, no kdialog: the in-app file list */
    int                close_ms;  /* desk_free waits this long for a thread; 0: 400                 */
    void (*wake)(void *payload);  /* from any thread: call desk_pump soon */
    bool (*copy_text)(const char *text, void *payload); /* into the clipboard, from desk_pump   */
    void *payload;
} desk_options;

mlm_status desk_create(desk **out, const desk_options *opt, double now) MLM_WARN_UNUSED;
/* False: what cannot be interrupted (a driver that starts) still runs; its thread and memory are left behind, and the process is to end by _exit. */
bool      desk_free(desk *d);
ui_model *desk_model(desk *d);
void      desk_pump(desk *d, double now);
/* How long the loop may sleep: at most max_ms. */
int desk_wait_ms(const desk *d, double now, int max_ms);

#endif
