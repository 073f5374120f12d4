/* main.c: mlmamba-desktop: options, then the window until it is closed. */
#include "app/desktop/gui_theme.h"
#include "app/desktop/window.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A signal may only set this. */
static volatile sig_atomic_t report_wanted;

static void on_signal(int number)
{
    (void)number;
    report_wanted = 1;
}

static const char help_text[] =
    "usage: mlmamba-desktop [OPTION]... [PICTURE | FOLDER]...\n"
    "\n"
    "A window: drop a picture on it, ask, read the answer.  F1 in it lists the keys.\n"
    "\n"
    "  -m, --model DIR         a model directory (default: the one used last, else the built-in model)\n"
    "  -d, --device NAME       auto, cpu, ref, cuda, cuda:N\n"
    "  -a, --ask TEXT          ask this about the first picture (none given: about the one dropped)\n"
    "      --scale N           size of everything, 0.5 to 4 (default: from the display)\n"
    "      --theme NAME        light, dark, contrast\n"
    "      --size WxH          of the window\n"
    "      --no-history        neither read nor write the history\n"
    "      --no-portal         use the program's own file list instead of the desktop's dialogs\n"
    "      --state-dump FILE   write what is shown as JSON, on SIGUSR1 and at the end\n"
    "      --screenshot FILE   the same as a PNG\n"
    "      --quit-after WHAT   frame: leave after the first one; answer: after the answer to --ask\n"
    "  -h, --help              this text\n"
    "      --version           the version\n"
    "\n"
    "SDL_RENDER_DRIVER=software draws without a graphics driver.  See also: man mlmamba-desktop\n";

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
enum {
    OPT_SCALE = 256,
    OPT_THEME,
    OPT_SIZE,
    OPT_NO_HISTORY,
    OPT_NO_PORTAL,
    OPT_DUMP,
    OPT_SHOT,
    OPT_QUIT,
    OPT_VERSION
};

static int usage(const char *fmt, const char *value)
{
    (void)fputs("mlmamba-desktop: ", stderr);
    (void)fprintf(stderr, "%s '%s'\n  more: mlmamba-desktop --help\n", fmt, value);
    return EXIT_USAGE;
}

static bool parse_number(float *out, const char *s, float min, float max)
{
    char *end = NULL;
    float v   = strtof(s, &end);
    if (end == s || *end != '\0' || strspn(s, "0123456789.") != strlen(s) || v < min || v > max)
        return false;
    *out = v;
    return true;
}

static bool parse_size(window_options *o, const char *s)
{
    char         *end = NULL;
    unsigned long w   = strtoul(s, &end, 10), h;
    if (end == s || *end != 'x')
        return false;
    const char *second = end + 1;
    h                  = strtoul(second, &end, 10);
    if (end == second || *end != '\0' || w < 1 || h < 1 || w > 16384 || h > 16384)
        return false;
    o->width  = (int)w;
    o->height = (int)h;
    return true;
}

/* -1: go on; else the exit status. */
static int one_option(window_options *o, int c)
{
    switch (c) {
    case 'm':
        o->desk.model_dir = optarg;
        return -1;
    case 'd':
        o->desk.device = optarg;
        return -1;
    case 'a':
        o->question = optarg;
        return -1;
    case OPT_SCALE:
        return parse_number(&o->scale, optarg, 0.5f, 4.0f)
                   ? -1
                   : usage("--scale must be from 0.5 to 4, not", optarg);
    case OPT_THEME:
        return gui_theme_parse(&o->theme, optarg)
                   ? -1
                   : usage("--theme must be light, dark or contrast, not", optarg);
    case OPT_SIZE:
        return parse_size(o, optarg) ? -1 : usage("--size must be WIDTHxHEIGHT, not", optarg);
    case OPT_NO_HISTORY:
        o->desk.no_history = true;
        return -1;
    case OPT_NO_PORTAL:
        o->desk.no_portal = true;
        return -1;
    case OPT_DUMP:
        o->state_dump = optarg;
        return -1;
    case OPT_SHOT:
        o->screenshot = optarg;
        return -1;
    case OPT_QUIT:
        o->quit_after_frame  = strcmp(optarg, "frame") == 0;
        o->quit_after_answer = strcmp(optarg, "answer") == 0;
        return o->quit_after_frame || o->quit_after_answer
                   ? -1
                   : usage("--quit-after must be frame or answer, not", optarg);
    case OPT_VERSION:
        (void)fprintf(stdout, "mlmamba-desktop %s\n", mlmamba_version());
        return EXIT_OK;
    case 'h':
        (void)fputs(help_text, stdout);
        return EXIT_OK;
    default:
        (void)fputs("  more: mlmamba-desktop --help\n", stderr);
        return EXIT_USAGE;
    }
}

static int parse(window_options *o, int argc, char **argv)
{
    static const struct option table[] = {
        {"model", required_argument, NULL, 'm'},
        {"device", required_argument, NULL, 'd'},
        {"ask", required_argument, NULL, 'a'},
        {"scale", required_argument, NULL, OPT_SCALE},
        {"theme", required_argument, NULL, OPT_THEME},
        {"size", required_argument, NULL, OPT_SIZE},
        {"no-history", no_argument, NULL, OPT_NO_HISTORY},
        {"no-portal", no_argument, NULL, OPT_NO_PORTAL},
        {"state-dump", required_argument, NULL, OPT_DUMP},
        {"screenshot", required_argument, NULL, OPT_SHOT},
        {"quit-after", required_argument, NULL, OPT_QUIT},
        {"version", no_argument, NULL, OPT_VERSION},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "m:d:a:h", table, NULL)) != -1) {
        int rc = one_option(o, c);
        if (rc >= 0)
            return rc;
    }
    o->desk.path    = (const char *const *)(void *)(argv + optind);
    o->desk.n_paths = argc - optind;
    if (o->quit_after_answer && (o->question == NULL || o->desk.n_paths == 0))
        return usage("--quit-after answer needs a picture and --ask; lacking:",
                     o->question == NULL ? "--ask" : "PICTURE");
    return -1;
}

int main(int argc, char **argv)
{
    window_options opt = {.theme = -1, .started_ms = window_now()};
    int            rc  = parse(&opt, argc, argv);
    if (rc >= 0)
        return rc;
    window_prepare_heap();
    (void)signal(SIGUSR1, on_signal);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    window *w = NULL;
    if (window_open(&w, &opt) != MLM_OK) {
        (void)fprintf(stderr, "mlmamba-desktop: %s\n", mlm_error_message());
        (void)fputs("  without a display: mlmamba chat PICTURE\n", stderr);
        return EXIT_FAILED;
    }
    bool goes_on = true;
    rc           = EXIT_OK;
    while (goes_on) {
        goes_on = window_step(w, 250);
        if ((report_wanted != 0 || !goes_on) && (opt.state_dump != NULL || opt.screenshot != NULL)) {
            report_wanted = 0;
            if (window_report(w) != MLM_OK) {
                (void)fprintf(stderr, "mlmamba-desktop: %s\n", mlm_error_message());
                rc = EXIT_FAILED;
            }
        }
    }
    if (!window_close(w)) { /* a thread runs on: nothing may be taken down under it */
        (void)fflush(NULL);
        _exit(rc);
    }
    return rc;
}
