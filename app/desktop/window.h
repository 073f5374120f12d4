/*
 * window.h: the SDL side: a window, its events, when to draw.  main.c runs it; the tests and the fuzzer step it themselves.
 */
#ifndef MLM_WINDOW_H
#define MLM_WINDOW_H

#include "app/desktop/desk.h"

typedef struct window_options {
    desk_options desk;                    /* wake, copy_text and payload are set by window_open */
    float        scale;                   /* --scale; 0: from the display */
    int          theme;                   /* --theme; -1: as in the settings */
    int          width, height;           /* 0: as last time */
    const char  *state_dump, *screenshot; /* --state-dump, --screenshot: written by window_report */
    const char  *question;                /* --ask: sent as soon as there is a picture */
    bool         quit_after_frame, quit_after_answer; /* --quit-after */
    double       started_ms;                          /* clock at the start of the process; 0: now */
} window_options;

typedef struct window window;

/* First of all in a process: big blocks go back to the system when they are freed.  glibc would soon keep them in its heap, and states and
 * pictures that come and go would leave holes of hundreds of megabytes. */
void window_prepare_heap(void);

mlm_status window_open(window **out, const window_options *opt) MLM_WARN_UNUSED;
/* Waits at most max_wait ms for something to happen, handles it, draws when needed.  False: the app is to end. */
bool      window_step(window *w, int max_wait);
ui_model *window_model(window *w);
double    window_now(void);
/* Draws now and writes the files of --state-dump and --screenshot (PNG). */
mlm_status window_report(window *w);
mlm_status window_save_png(window *w, const char *path) MLM_WARN_UNUSED;
/* The window's pixels, XRGB8888 (owned: free). */
mlm_status window_pixels(window *w, uint32_t **pixels, int *width, int *height) MLM_WARN_UNUSED;
/* Milliseconds of drawing while an answer was made: the q-th quantile of the last frames; 0: none. */
double window_frame_ms(const window *w, double q);
int    window_frame_count(const window *w);
void   window_forget_frames(window *w);
/* What the last pass left: focus, stops and where they lie (gui.h). */
const struct gui *window_gui(const window *w);
bool              window_close(window *w); /* false: as of desk_free */

#endif
