/*
 * cmd_chat.c: mlmamba chat: a conversation, one question a line.  Answers go to standard output, everything else to
 * standard error, so a pipe sees answers only.
 */
#include "app/cli/cli.h"
#include "kernels/base/mlm_file.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_LIMIT        ((size_t)1 << 20)
#define TOO_LONG          "a line has more than 1 MB"
#define RETRY_TEMPERATURE 0.7f

typedef struct chat {
    cli_options     *o;
    mlmamba_engine  *eng;
    mlmamba_session *ses;
    mlmamba_answer  *last;
    bool             terminal;
    int              n_failed, n_retries;
    char            *buffer; /* bytes read, not yet a line */
    size_t           used, capacity;
    bool  end, skipping, broken; /* no more input; inside a line that is too long; reading failed */
    char *about;                 /* name of the picture, for messages */
    bool  refusing; /* in a pipe: the picture or conversation that was asked for could not be opened */
} chat;

static void fail_line(chat *c)
{
    if (signals_pending() == SIGTERM)
        return; /* the exit status says it */
    c->n_failed++;
    err_line("%s", mlm_error_message());
}

static void refuse_line(chat *c, const char *why)
{
    c->n_failed++;
    err_line("%s", why);
}

/* Nobody reads along in a pipe: what follows is meant for the picture that is not there, so it is not asked about the old one. */
static void refuse_from_here(chat *c)
{
    mlmamba_image_info i;
    if (!c->terminal) {
        c->refusing = true;
        err_line("questions are refused until /image or /load opens something");
    } else if (mlmamba_session_get_image_info(c->ses, &i) == MLM_OK) {
        err_line("still about %s", c->about != NULL ? c->about : "the picture before");
    } else {
        err_line("no picture");
    }
}

static bool refused(chat *c, const char *line)
{
    if (!c->refusing)
        return false;
    c->n_failed++;
    err_line("refused, there is no picture for it: %.200s", line);
    return true;
}

/* Takes the next line (without its end) out of the buffer, if there is a whole one.  A line with a NUL byte is reported
 * and leaves *line NULL, and so does the end of one that was too long. */
static bool take_line(chat *c, char **line)
{
    char  *newline = c->used > 0 ? memchr(c->buffer, '\n', c->used) : NULL;
    size_t n       = newline != NULL ? (size_t)(newline - c->buffer) : c->used;
    size_t used    = newline != NULL ? n + 1 : n;
    *line          = NULL;
    if (newline == NULL && !(c->end && c->used > 0))
        return false;
    if (c->skipping) {
        c->skipping = false;
    } else if (n >= LINE_LIMIT) {
        refuse_line(c, TOO_LONG);
    } else if (memchr(c->buffer, '\0', n) != NULL) {
        refuse_line(c, "a line has a NUL byte");
    } else if ((*line = strndup(c->buffer, n)) == NULL) {
        refuse_line(c, "out of memory");
    } else if (n > 0 && (*line)[n - 1] == '\r') {
        (*line)[n - 1] = '\0';
    }
    memmove(c->buffer, c->buffer + used, c->used - used);
    c->used -= used;
    return true;
}

/* False: end of file, a signal, or a failure that was reported. */
static bool fill_buffer(chat *c)
{
    if (c->capacity - c->used < 4096) {
        char *grown = realloc(c->buffer, c->capacity + 65536);
        if (grown == NULL) {
            c->broken = true;
            err_line("out of memory");
            return false;
        }
        c->buffer = grown;
        c->capacity += 65536;
    }
    for (;;) {
        ssize_t n = read(STDIN_FILENO, c->buffer + c->used, 4096);
        if (n >= 0) {
            c->end = n == 0;
            c->used += (size_t)n;
            return true;
        }
        if (errno == EINTR && signals_pending() == 0)
            continue;
        if (errno != EINTR) {
            c->broken = true;
            err_line("cannot read standard input: %s", strerror(errno));
        }
        return false;
    }
}

/* NULL: the conversation ends.  Owned. */
static char *read_line(chat *c)
{
    for (;;) {
        char *line = NULL;
        if (take_line(c, &line)) {
            if (line != NULL)
                return line;
            continue;
        }
        if (c->end || signals_pending() != 0)
            return NULL;
        if (c->skipping || c->used >= LINE_LIMIT) {
            if (!c->skipping)
                refuse_line(c, TOO_LONG);
            c->skipping = true; /* what is left of the line is dropped as it comes */
            c->used     = 0;
        }
        if (!fill_buffer(c))
            return NULL;
    }
}

static void ask(chat *c, const char *question, const mlmamba_generate_options *gen)
{
    cli_stream      stream = {.keep_newlines = true};
    mlmamba_answer *ans    = NULL;
    cli_warn_long_question(c->o, c->ses, question);
    if (mlmamba_session_ask(&ans, c->ses, question, gen, cli_on_piece, &stream) != MLM_OK) {
        if (mlmamba_session_get_image_info(c->ses, &(mlmamba_image_info){0}) != MLM_OK)
            refuse_line(c, "no picture is set; a line '/image PATH' opens one");
        else
            fail_line(c);
        return;
    }
    bool stopped = ans->finish == MLMAMBA_FINISH_CALLBACK || ans->finish == MLMAMBA_FINISH_CANCELLED;
    out_text(stopped ? " ...\n" : "\n");
    out_flush();
    if (c->o->stats)
        cli_stats_line(c->o, ans);
    mlmamba_answer_free(c->last);
    c->last = ans;
}

static void say_image(chat *c)
{
    mlmamba_image_info i;
    if (c->terminal && !c->o->quiet && mlmamba_session_get_image_info(c->ses, &i) == MLM_OK)
        (void)fprintf(stderr, "%s, %d x %d%s, seen as %d x %d (%s)\n", i.format, i.width, i.height,
                      i.rotated ? ", turned as its EXIF says" : "", i.view_size, i.view_size, i.fit);
}

static void remember_picture(chat *c, const char *name)
{
    free(c->about);
    c->about    = strdup(name);
    c->refusing = false;
}

static void set_image(chat *c, const char *path)
{
    if (cli_set_image(c->ses, path, c->o) == MLM_OK) {
        remember_picture(c, path);
        say_image(c);
        return;
    }
    fail_line(c);
    if (signals_pending() != SIGTERM)
        refuse_from_here(c);
}

static void undo(chat *c)
{
    int n = mlmamba_session_turns(c->ses);
    if (n == 0) {
        err_line("there is nothing to undo");
        c->n_failed++;
    } else if (mlmamba_session_rewind(c->ses, n - 1) != MLM_OK) {
        fail_line(c);
    } else if (c->terminal) {
        (void)fprintf(stderr, "undone, %d question%s left\n", n - 1, n == 2 ? "" : "s");
    }
}

/* Greedy answers do not change, so a retry draws. */
static void retry(chat *c)
{
    int                      n        = mlmamba_session_turns(c->ses);
    const char              *old      = mlmamba_session_question(c->ses, n - 1);
    mlmamba_generate_options gen      = c->o->gen;
    char                    *question = old != NULL ? strdup(old) : NULL;
    if (question == NULL) {
        err_line("there is no question to answer again");
        c->n_failed++;
        return;
    }
    gen.temperature = gen.temperature > 0.0f ? gen.temperature : RETRY_TEMPERATURE;
    gen.seed += (uint64_t)++c->n_retries;
    if (mlmamba_session_rewind(c->ses, n - 1) != MLM_OK)
        fail_line(c);
    else
        ask(c, question, &gen);
    free(question);
}

static void save(chat *c, const char *path)
{
    mlmamba_snapshot *snap   = NULL;
    mlm_status        status = mlmamba_session_snapshot(&snap, c->ses);
    if (status == MLM_OK)
        status = mlmamba_snapshot_save(snap, path);
    mlmamba_snapshot_free(snap);
    if (status != MLM_OK)
        fail_line(c);
    else if (c->terminal)
        (void)fprintf(stderr, "saved\n");
}

static bool load(chat *c, const char *path)
{
    mlmamba_snapshot *snap   = NULL;
    mlm_status        status = mlmamba_snapshot_load(&snap, c->eng, path);
    if (status == MLM_OK)
        status = mlmamba_session_restore(c->ses, snap);
    mlmamba_snapshot_free(snap);
    if (status != MLM_OK)
        fail_line(c);
    else
        remember_picture(c, path);
    if (status == MLM_OK && c->terminal)
        (void)fprintf(stderr, "a conversation of %d questions\n", mlmamba_session_turns(c->ses));
    return status == MLM_OK;
}

static void stats(chat *c)
{
    cli_options shown = *c->o;
    shown.stats       = true;
    shown.quiet       = false;
    if (c->last == NULL)
        err_line("no question was answered yet");
    else
        cli_stats_line(&shown, c->last);
}

static void show_commands(void)
{
    (void)fputs(
        "/image PATH  another picture      /undo  forget the last question   /retry  answer it otherwise\n"
        "/save FILE   keep this            /load FILE  go on with one         /stats  times\n"
        "/quit        end                  anything else is a question\n",
        stderr);
}

static bool wants(const char *line, const char *name, const char **value)
{
    size_t n = strlen(name);
    if (strncmp(line, name, n) != 0 || (line[n] != '\0' && line[n] != ' ' && line[n] != '\t'))
        return false;
    *value = line + n + strspn(line + n, " \t");
    return true;
}

/* A name as it would be given to a shell: "my picture.png" in quotes of either kind, unless a file is called so. */
static const char *without_quotes(char *name)
{
    size_t n = strlen(name);
    if (n < 2 || (name[0] != '"' && name[0] != '\'') || name[n - 1] != name[0] || mlm_path_is_file(name))
        return name;
    name[n - 1] = '\0';
    return name + 1;
}

/* Would go on with the conversation. */
static bool needs_picture(const char *line)
{
    const char *value;
    return wants(line, "/save", &value) || strcmp(line, "/undo") == 0 || strcmp(line, "/retry") == 0;
}

static void unknown_command(chat *c, const char *line)
{
    static const char names[] = "image,save,load,undo,retry,stats,help,quit,exit";
    size_t            n       = strcspn(line, " \t");
    cli_suggestion    s;
    const char       *meant = cli_suggest(&s, line + 1, n - 1, "/", names);
    c->n_failed++;
    err_line("there is no command %.80s%s%s", line, meant, meant[0] != '\0' ? "" : "; /help lists them");
    if (strstr(meant, " /image?") != NULL || strstr(meant, " /load?") != NULL)
        refuse_from_here(c);
}

/* False: the conversation ends. */
static bool do_command(chat *c, char *line)
{
    const char *value = "", *end = NULL;
    for (size_t n = strlen(line); n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'); n--)
        line[n - 1] = '\0';
    bool opens       = wants(line, "/image", &value) || wants(line, "/load", &value);
    bool takes_value = opens || wants(line, "/save", &value);
    if (takes_value)
        value = without_quotes(line + (value - line));
    if (takes_value && value[0] == '\0') {
        err_line("%.*s needs a file name", (int)strcspn(line, " \t"), line);
        c->n_failed++;
        if (opens)
            refuse_from_here(c);
    } else if (wants(line, "/image", &end)) {
        set_image(c, value);
    } else if (wants(line, "/load", &end)) {
        if (!load(c, value) && signals_pending() != SIGTERM)
            refuse_from_here(c);
    } else if (needs_picture(line) && refused(c, line)) {
        /* said */
    } else if (wants(line, "/save", &end)) {
        save(c, value);
    } else if (strcmp(line, "/undo") == 0) {
        undo(c);
    } else if (strcmp(line, "/retry") == 0) {
        retry(c);
    } else if (strcmp(line, "/stats") == 0) {
        stats(c);
    } else if (strcmp(line, "/help") == 0) {
        show_commands();
    } else if (strcmp(line, "/quit") == 0 || strcmp(line, "/exit") == 0) {
        return false;
    } else {
        unknown_command(c, line);
    }
    return true;
}

static void talk(chat *c)
{
    bool go_on = true;
    while (go_on && !out_failed()) {
        if (c->terminal)
            (void)fputs("> ", stderr);
        char *line = read_line(c);
        if (line == NULL)
            break; /* end of file, or Ctrl-C at the prompt */
        char *text = line + strspn(line, " \t");
        if (text[0] == '/')
            go_on = do_command(c, text);
        else if (text[0] != '\0' && !refused(c, text))
            ask(c, line, &c->o->gen);
        free(line);
        if (signals_pending() == 2) /* Ctrl-C stopped an answer: the conversation goes on */
            signals_clear();
        else if (signals_pending() != 0)
            break;
    }
    if (c->terminal && go_on)
        (void)fputs("\n", stderr);
}

static int run(chat *c)
{
    cli_options *o = c->o;
    if (mlmamba_session_create(&c->ses, c->eng) != MLM_OK) {
        err_line("%s", mlm_error_message());
        return CLI_FAILED;
    }
    signals_watch(c->ses);
    if (o->state != NULL && !load(c, o->state))
        return CLI_FAILED;
    if (o->n_args == 1) {
        if (cli_set_image(c->ses, o->args[0], o) != MLM_OK) {
            err_line("%s", mlm_error_message());
            return CLI_FAILED;
        }
        remember_picture(c, o->args[0]);
        say_image(c);
    }
    if (c->terminal && !o->quiet)
        (void)fputs(o->n_args == 1 || o->state != NULL
                        ? "Ask about the picture; /help lists commands, Ctrl-D ends.\n"
                        : "/image PATH opens a picture; /help lists commands, Ctrl-D ends.\n",
                    stderr);
    talk(c);
    if (c->broken)
        return CLI_FAILED;
    return c->n_failed > 0 && !c->terminal ? CLI_ERROR_ROWS : CLI_OK;
}

int cmd_chat(cli_options *o)
{
    char hint[4096];
    chat c  = {.o = o, .terminal = isatty(STDIN_FILENO) != 0};
    int  rc = cli_check_pictures(o, o->args, o->n_args);
    if (rc != CLI_OK)
        return rc;
    const char *word = cli_find_question(o->args, o->n_args, true);
    if (word != NULL)
        return args_usage_error(o, "mlmamba chat picture.png",
                                "chat takes a picture, and '%s' is no file; questions are read from standard "
                                "input, one a line",
                                word);
    if (o->n_args > 1)
        return args_usage_error(o, "mlmamba chat picture.png",
                                "one picture is wanted, but there are %d arguments", o->n_args);
    if (o->n_args == 1 && o->state != NULL)
        return args_usage_error(o, NULL, "--state brings its own picture; '%s' is one too many", o->args[0]);
    if (o->n_args == 1 && cli_folder_hint(hint, sizeof hint, o->args[0], "QUESTION")) {
        err_line("%s", hint);
        return CLI_FAILED;
    }
    if (o->n_args == 1 && strcmp(o->args[0], "-") == 0)
        return args_usage_error(o, "mlmamba chat picture.png",
                                "chat reads questions from standard input, so the picture must be a file");
    if (signals_stdin_closed()) {
        err_line("standard input is closed");
        return CLI_FAILED;
    }
    rc = cli_open_engine(&c.eng, o);
    if (rc != CLI_OK)
        return rc;
    rc = cli_exit_status(run(&c));
    mlmamba_answer_free(c.last);
    signals_watch(NULL);
    mlmamba_session_free(c.ses);
    mlmamba_engine_close(c.eng);
    free(c.about);
    free(c.buffer);
    return rc;
}
