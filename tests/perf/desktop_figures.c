/*
 * desktop_figures.c: the figures of the desktop app, on the built-in model, with SDL's dummy driver and the software renderer.
 *
 *     desktop_figures [PROGRAM]
 *
 * Cold start to the first frame (PROGRAM, median of 10), drop to first token (median of 10), time of a frame while an answer is made,
 * resident memory after 100 questions and after 200 different pictures: how much of it are states under their quota, how much the program
 * holds besides, how much is free in the heap.
 */
#include "tests/app/desktop_driver.h"

#include "tests/support/cm.h"

#include <malloc.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[n / 2];
}

static double resident_mb(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long  a = 0, b = 0;
    if (f == NULL || fscanf(f, "%ld %ld", &a, &b) != 2)
        b = 0;
    if (f != NULL)
        (void)fclose(f);
    return (double)b * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void memory_line(driver *d, const char *when)
{
    struct mallinfo2 m = mallinfo2();
    (void)driver_until(d, driver_idle, NULL);
    (void)printf("%-32s resident %4.0f MB; heap in use %4.0f MB, free %3.0f MB; status line: %s\n", when,
                 resident_mb(), (double)(m.uordblks + m.hblkhd) / 1e6, (double)m.fordblks / 1e6,
                 driver_model(d)->status.memory);
    (void)fflush(stdout);
}

static void cold_start(const char *program)
{
    enum { RUNS = 10 };
    double ms[RUNS];
    for (int i = 0; i < RUNS; i++) {
        char *argv[] = {strdup(program),
                        strdup("--no-history"),
                        strdup("--quit-after"),
                        strdup("frame"),
                        strdup("--state-dump"),
                        strdup("/tmp/desktop_figures.json"),
                        NULL};
        pid_t pid;
        int   status   = 0;
        char  text[64] = "";
        if (posix_spawn(&pid, program, NULL, NULL, argv, environ) != 0)
            return;
        (void)waitpid(pid, &status, 0);
        for (int k = 0; argv[k] != NULL; k++)
            free(argv[k]);
        FILE *f = fopen("/tmp/desktop_figures.json", "r");
        ms[i]   = 0;
        if (f != NULL && fgets(text, sizeof text, f) != NULL && strstr(text, "first_frame_ms\": ") != NULL)
            ms[i] = strtod(strstr(text, "first_frame_ms\": ") + 17, NULL);
        if (f != NULL)
            (void)fclose(f);
    }
    (void)unlink("/tmp/desktop_figures.json");
    (void)printf("cold start to the first frame: median %.0f ms of %d\n", median(ms, RUNS), RUNS);
}

static bool has_first_token(const ui_model *m, const void *arg)
{
    (void)arg;
    return m->n_path > 0 && ui_path_turn(m, m->n_path - 1)->answer_bytes > 0;
}

/* A picture of its own for each number. */
static void write_picture(const char *path, int number)
{
    enum { SIDE = 512 };
    cairo_surface_t *s  = cairo_image_surface_create(CAIRO_FORMAT_RGB24, SIDE, SIDE);
    cairo_t         *cr = cairo_create(s);
    cairo_set_source_rgb(cr, number % 7 / 7.0, number % 11 / 11.0, number % 13 / 13.0);
    cairo_paint(cr);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_arc(cr, 60 + number * 2 % 400, 60 + number * 3 % 400, 50, 0, 6.3);
    cairo_fill(cr);
    cairo_destroy(cr);
    (void)cairo_surface_write_to_png(s, path);
    cairo_surface_destroy(s);
}

static void ask(driver *d, const char *question)
{
    (void)ui_act(driver_model(d), &(ui_action){.type = UI_ACT_ASK, .text = question}, window_now());
    driver_steps(d, 1);
    (void)driver_until(d, driver_idle, NULL);
}

static void new_picture(driver *d, int number)
{
    char        path[300];
    const char *list[] = {path};
    (void)snprintf(path, sizeof path, "%s/p%03d.png", d->home, number);
    write_picture(path, number);
    driver_drop(d, list, 1);
    (void)driver_until(d, driver_idle, NULL);
    (void)driver_until(d, driver_decoded, NULL);
}

static void first_token(driver *d)
{
    enum { RUNS = 10 };
    double ms[RUNS];
    for (int i = 0; i < RUNS; i++) {
        char        path[300];
        const char *list[] = {path};
        (void)snprintf(path, sizeof path, "%s/first%d.png", d->home, i);
        write_picture(path, 1000 + i);
        (void)ui_act(driver_model(d), &(ui_action){.type = UI_ACT_NEW_CHAT}, window_now());
        driver_steps(d, 10);
        double start = window_now();
        driver_drop(d, list, 1);
        (void)driver_until(d, driver_decoded, NULL);
        (void)ui_act(driver_model(d), &(ui_action){.type = UI_ACT_ASK, .text = "What is this?"},
                     window_now());
        while (!has_first_token(driver_model(d), NULL) && window_now() < start + 20e3)
            (void)window_step(d->w, 2);
        ms[i] = window_now() - start;
        (void)driver_until(d, driver_idle, NULL);
    }
    (void)printf("drop to the first token (512 x 512 PNG, question waiting): median %.0f ms of %d\n",
                 median(ms, RUNS), RUNS);
}

static void set(driver *d, ui_setting which, double number)
{
    (void)ui_act(driver_model(d), &(ui_action){.type = UI_ACT_SET, .index = (int)which, .number = number},
                 window_now());
}

int main(int argc, char **argv)
{
    driver         d   = {0};
    window_options opt = {.theme = GUI_THEME_LIGHT};
    (void)setenv("SDL_VIDEODRIVER", "dummy", 0);
    (void)setenv("SDL_RENDER_DRIVER", "software", 0);
    if (argc > 1)
        cold_start(argv[1]);
    window_prepare_heap();
    driver_open(&d, &opt, NULL);
    if (!driver_until(&d, driver_ready, NULL))
        return 1;
    first_token(&d);
    memory_line(&d, "with a model and a picture:");
    for (int i = 0; i < 100; i++)
        ask(&d, i % 2 ? "What is this?" : "How many objects are there?");
    memory_line(&d, "after 100 questions:");
    for (int i = 0; i < 200; i++) {
        new_picture(&d, i);
        ask(&d, "What is this?");
        if (i == 99)
            memory_line(&d, "after 100 different pictures:");
    }
    memory_line(&d, "after 200 different pictures:");
    set(&d, UI_SET_TEMPERATURE, 2);
    set(&d, UI_SET_MAX_TOKENS, 2000);
    window_forget_frames(d.w);
    for (int i = 0; i < 300; i++) { /* its answers are short: one to three frames each */
        set(&d, UI_SET_SEED, i);
        ask(&d, "Describe the image.");
    }
    (void)printf(
        "a frame while an answer is made (1180 x 780, software): median %.1f ms, p99 %.1f ms of %d\n",
        window_frame_ms(d.w, 0.5), window_frame_ms(d.w, 0.99), window_frame_count(d.w));
    driver_close(&d);
    return 0;
}
