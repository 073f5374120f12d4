/* common.c: what several commands do: open the engine, take a picture, stream an answer, report times. */
#include "app/cli/cli.h"
#include "kernels/base/mlm_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STDIN_LIMIT ((size_t)256 << 20) /* the limit of picture files */

cli_percent cli_percent_start(const cli_options *o, const char *doing, const char *second)
{
    bool show = !o->quiet && isatty(STDERR_FILENO) == 1;
    return (cli_percent){.doing = show ? doing : NULL, .second = second != NULL ? second : doing};
}

bool cli_percent_step(uint64_t done, uint64_t total, void *payload)
{
    cli_percent *p       = payload;
    int          percent = total > 0 ? (int)(100.0 * (double)done / (double)total) : 0;
    if (p->doing != NULL && percent > p->percent) {
        (void)fprintf(stderr, "\r%s %d %%", percent < 50 ? p->doing : p->second, percent);
        p->percent = percent;
    }
    return signals_pending() == 0;
}

void cli_percent_end(cli_percent *p)
{
    if (p->percent > 0)
        (void)fputs("\r\033[K", stderr);
    p->percent = 0;
}

int cli_open_engine(mlmamba_engine **eng, const cli_options *o)
{
    cli_percent            line = cli_percent_start(o, "loading the model", NULL);
    mlmamba_engine_options opt  = o->engine;
    opt.on_load                 = cli_percent_step;
    opt.payload                 = &line;
    mlm_status status           = mlmamba_engine_open(eng, &opt);
    cli_percent_end(&line);
    if (status == MLM_OK)
        return CLI_OK;
    err_line("%s", mlm_error_message());
    return cli_exit_status(CLI_FAILED);
}

int cli_exit_status(int rc)
{
    int number = signals_pending();
    return number != 0 ? 128 + number : rc;
}

const char *cli_picture_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

mlm_status cli_read_stdin(char **data, size_t *n, size_t limit, const char *what)
{
    *data = NULL;
    *n    = 0;
    if (signals_stdin_closed())
        return mlm_fail(MLM_E_IO, "standard input is closed");
    return mlm_fd_read(data, n, STDIN_FILENO, limit, what);
}

mlm_status cli_set_image(mlmamba_session *ses, const char *path, const cli_options *o)
{
    if (strcmp(path, "-") != 0)
        return mlmamba_session_set_image_file(ses, path, &o->image);
    char  *bytes = NULL;
    size_t n     = 0;
    MLM_TRY(cli_read_stdin(&bytes, &n, STDIN_LIMIT, "the picture"));
    mlm_status status = mlmamba_session_set_image_memory(ses, bytes, n, "standard input", &o->image);
    free(bytes);
    return status;
}

/* What the language models of this family were trained on; a question alone is longer only by accident. */
enum { LONG_QUESTION = 2048 };

bool cli_long_question(char *dst, size_t cap, int n, int used)
{
    dst[0] = '\0';
    if (used < n)
        (void)snprintf(
            dst, cap,
            "the question has %d tokens, the first %d are used: this model takes no more of a conversation",
            n, used);
    else if (n > LONG_QUESTION)
        (void)snprintf(
            dst, cap,
            "the question has %d tokens, all %d are used; beyond %d an answer is not to be relied on", n,
            used, LONG_QUESTION);
    return dst[0] != '\0';
}

void cli_warn_long_question(const cli_options *o, mlmamba_session *ses, const char *question)
{
    char text[256];
    int  n = 0, used = 0;
    if (o->quiet || mlmamba_session_count_tokens(&n, &used, ses, question) != MLM_OK || used == 0)
        return; /* asking says what is wrong */
    if (cli_long_question(text, sizeof text, n, used) && (used < n || !o->engine.text_only))
        err_line("%s", text);
}

void cli_stats_line(const cli_options *o, const mlmamba_answer *a)
{
    double later = a->n_tokens > 1 && a->decode_ms > 0 ? 1000.0 * (a->n_tokens - 1) / a->decode_ms : 0.0;
    double look = a->decode_file_ms + a->preprocess_ms + a->vision_ms + a->connector_ms + a->image_prefill_ms;
    if (a->n_image_tokens > 0)
        status_line(o,
                    "picture %.0f ms, question %.0f ms (%d tokens), first token after %.0f ms, %d tokens, "
                    "%.0f tokens/s, %s",
                    look, a->prompt_ms, a->n_prompt_tokens, a->first_token_ms, a->n_tokens, later,
                    mlmamba_finish_name(a->finish));
    else
        status_line(o,
                    "picture kept, question %.0f ms (%d tokens), first token after %.0f ms, %d tokens, %.0f "
                    "tokens/s, %s",
                    a->prompt_ms, a->n_prompt_tokens, a->first_token_ms, a->n_tokens, later,
                    mlmamba_finish_name(a->finish));
}

bool cli_on_piece(int row, const char *piece, void *payload)
{
    const cli_stream *s = payload;
    (void)row;
    if (!s->silent) {
        out_escaped(piece, s->keep_newlines);
        out_flush();
    }
    return signals_pending() == 0 && !out_failed();
}
