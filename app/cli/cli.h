/* cli.h: what the files of the command line share: exit statuses, options, output, signals. */
#ifndef APP_CLI_CLI_H
#define APP_CLI_CLI_H

#include "app/engine/mlmamba.h"

#include <stdio.h>

/* Exit statuses; 128 + signal number when interrupted. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_ERROR_ROWS = 3 };

/* An option that may be given several times. */
enum { CLI_LIST_MAX = 64 };
typedef struct cli_list {
    const char *item[CLI_LIST_MAX];
    int         n;
} cli_list;

typedef struct cli_score_options { /* of score alone */
    const char *task, *format, *data_format, *images, *annotations, *norm, *by, *against, *export_kind,
        *report;
    const char *model_id;
    cli_list    data;
    int         n_bootstrap, n_flips, n_rows;
    bool        partial, no_intervals;
} cli_score_options;

typedef struct cli_bench_options { /* of bench alone */
    const char *csv, *only, *random, *state, *batch, *prefill;
} cli_bench_options;

typedef struct cli_vqa_options { /* of vqa alone */
    const char *format, *task, *images, *annotations, *ocr, *question, *prompt, *shard, *progress;
    const char *col_id, *col_image, *col_question, *col_answer, *col_split;
    cli_list    filters;
    int         limit, sample, max_errors, batch, n_workers, window;
    bool        recursive, dry_run, force, retry_errors, exif, allow_missing;
} cli_vqa_options;

typedef struct cli_options {
    const char              *command;
    mlmamba_engine_options   engine;
    mlmamba_generate_options gen;
    mlmamba_image_options    image;
    mlmamba_task             task; /* ask --task */
    bool                     json, stats, quiet, help;
    const char              *state;      /* --state FILE  */
    const char              *image_path; /* bench --image */
    const char              *output;     /* --output      */
    const char              *type;       /* quantize --type, bench --type */
    const char              *dtype;      /* import --dtype */
    bool                     hash;       /* check --hash   */
    int                      n_tokens, n_runs;
    cli_bench_options        bench;
    cli_score_options        score;
    cli_vqa_options          vqa;
    char                   **args; /* what is not an option */
    int                      n_args;
} cli_options;

/* ---- args.c ------------------------------------------------------------------------------------- */
/* CLI_OK, or CLI_USAGE after a message.  argv[0] is the command's name; argv is reordered, not copied. */
int args_parse(cli_options *o, int argc, char **argv);
/* "mlmamba ask: message", an example, where help is; returns CLI_USAGE. */
int args_usage_error(const cli_options *o, const char *example, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "--fit is 'modle', must be model, naive, crop or letterbox, did you mean model?"; names: "model, naive, crop, letterbox". */
int args_bad_value(const cli_options *o, const char *option, const char *value, const char *names,
                   const char *example);
/* The same after a message of the library (mlm_error_message) that ends with the names. */
int args_bad_value_said(const cli_options *o, const char *option, const char *value, const char *example);

/* ---- suggest.c ---------------------------------------------------------------------------------- */
typedef struct cli_suggestion {
    char text[128];
} cli_suggestion;
/* ", did you mean --model?" in out when one of the names (a comma or a blank between two) is near the n bytes of word: two mistakes at
 * most, and at most one in three letters; "" otherwise.  mark ("--") is put in front of the name.  Returns out->text. */
const char *cli_suggest(cli_suggestion *out, const char *word, size_t n, const char *mark, const char *names);

/* ---- pictures.c --------------------------------------------------------------------------------- */
/* CLI_OK, or CLI_USAGE after a message: a name is empty, is an address, or is a file's name cut at its blanks. */
int cli_check_pictures(const cli_options *o, char **paths, int n);
/* The first argument that is no file and reads like a question (a blank or '?'; with_words: a bare word, too).  NULL: none. */
const char *cli_find_question(char **args, int n, bool with_words);
/* "photos is a folder with 3 pictures (a.png, b.png, c.png); ..." when it is one; question may be NULL.  False: it is none. */
bool cli_folder_hint(char *dst, size_t cap, const char *path, const char *question);
/* Ends like a picture's name: ".png". */
bool cli_names_picture(const char *text);

/* ---- help.c ------------------------------------------------------------------------------------- */
/* NULL: the overview.  False when there is no such command. */
bool help_print(const char *command);

/* ---- output.c ----------------------------------------------------------------------------------- */
/* Standard output with every failure remembered; text in the escaped forms cannot drive a terminal. */
void out_text(const char *text);                                             /* as it is */
void out_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* as it is */
void out_escaped(const char *text, bool keep_newlines);
void out_flush(void);
bool out_failed(void);
/* Flushes; CLI_FAILED (with a message unless the reader went away) when anything could not be written. */
int out_finish(int rc);
/* "mlmamba: message" on standard error, escaped. */
void err_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A status line, only when the person wants to see it. */
void status_line(const cli_options *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- json_out.c --------------------------------------------------------------------------------- */
/* "key": "text", with ", " in front unless first; always valid UTF-8 and ASCII-safe control characters. */
void json_text(const char *key, const char *text, bool first);
void json_string(const char *text);
bool json_is_utf8(const char *text);
/* "image": name, and "image_bytes": hex when the name is not UTF-8. */
void json_file_name(const char *key, const char *name, bool first);

/* ---- signals.c ---------------------------------------------------------------------------------- */
/* SIGINT and SIGTERM are remembered (the second one ends the program) and cancel what the watched session does;
 * SIGPIPE and SIGXFSZ are ignored; descriptors 0, 1, 2 exist afterwards, so no file of ours can land on them. */
void signals_install(void);
int  signals_pending(void); /* number of the signal, 0 without */
void signals_clear(void);
void signals_watch(mlmamba_session *ses); /* NULL, before it is freed: none */
bool signals_stdin_closed(void);          /* it was when the program began */

/* ---- common.c ----------------------------------------------------------------------------------- */
/* "loading the model 40 %", rewritten in place, where standard error is a terminal and not --quiet. */
typedef struct cli_percent {
    const char *doing;  /* NULL: nothing is shown  */
    const char *second; /* of the second half; NULL: the same */
    int         percent;
} cli_percent;
cli_percent cli_percent_start(const cli_options *o, const char *doing, const char *second);
/* on_progress and on_load of mlmamba.h; payload: cli_percent.  False after a signal. */
bool cli_percent_step(uint64_t done, uint64_t total, void *payload);
void cli_percent_end(cli_percent *p); /* the line is gone */
/* Opens the engine with a progress line; message and CLI_FAILED (or 128 + signal) on failure. */
int cli_open_engine(mlmamba_engine **eng, const cli_options *o);
/* Sets a picture from a file or, for "-", from standard input. */
mlm_status cli_set_image(mlmamba_session *ses, const char *path, const cli_options *o);
/* All of standard input, owned; `what` is the thing expected, for messages. */
mlm_status cli_read_stdin(char **data, size_t *n, size_t limit, const char *what);
/* "-" -> "standard input". */
const char *cli_picture_name(const char *path);
/* One line when the model does not take the whole question, or the question is much longer than what such models were trained on. */
bool cli_long_question(char *dst, size_t cap, int n, int used); /* its text; false: nothing is to be said */
void cli_warn_long_question(const cli_options *o, mlmamba_session *ses, const char *question);
/* "12 tokens in 0.21 s, ..." */
void cli_stats_line(const cli_options *o, const mlmamba_answer *ans);
/* Writes pieces as they come; stops when a signal is pending or nobody reads.  payload: cli_stream. */
typedef struct cli_stream {
    bool keep_newlines, silent;
} cli_stream;
bool cli_on_piece(int row, const char *piece, void *payload);
/* 128 + the pending signal, or rc. */
int cli_exit_status(int rc);

/* ---- commands ----------------------------------------------------------------------------------- */
int cmd_ask(cli_options *o);
int cmd_describe(cli_options *o);
int cmd_chat(cli_options *o);
int cmd_info(cli_options *o);
int cmd_bench(cli_options *o);
int cmd_tokenize(cli_options *o);
int cmd_vqa(cli_options *o);
int cmd_quantize(cli_options *o);
int cmd_check(cli_options *o);
int cmd_import(cli_options *o);
int cmd_complete(cli_options *o);
int cmd_score(cli_options *o);

#endif
