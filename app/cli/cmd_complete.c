/* cmd_complete.c: mlmamba complete: a language model goes on with a text. */
#include "app/cli/cli.h"
#include "kernels/base/mlm_file.h"

#include <stdlib.h>
#include <string.h>

#define EXAMPLE    "mlmamba complete --model state-spaces/mamba2-130m \"The capital of France is\""
#define TEXT_LIMIT ((size_t)1 << 20)

static void print_json(const char *text, const mlmamba_answer *a)
{
    out_text("{");
    json_text("text", text, true);
    json_text("completion", a->text, false);
    json_text("finish", mlmamba_finish_name(a->finish), false);
    out_printf(", \"tokens\": %d, \"prompt_tokens\": %d, \"logprob\": %.6f, \"ms\": {\"prompt\": %.3f, "
               "\"first_token\": %.3f, "
               "\"decode\": %.3f}, \"error\": null}\n",
               a->n_tokens, a->n_prompt_tokens, a->logprob, a->prompt_ms, a->first_token_ms, a->decode_ms);
}

static void stats_line(const cli_options *o, const mlmamba_answer *a)
{
    double later = a->n_tokens > 1 && a->decode_ms > 0 ? 1000.0 * (a->n_tokens - 1) / a->decode_ms : 0.0;
    if (o->stats)
        err_line("text %.0f ms (%d tokens), first token after %.0f ms, %d tokens, %.0f tokens/s, %s",
                 a->prompt_ms, a->n_prompt_tokens, a->first_token_ms, a->n_tokens, later,
                 mlmamba_finish_name(a->finish));
}

static mlm_status complete(cli_options *o, mlmamba_session *ses, const char *text)
{
    mlmamba_answer *ans    = NULL;
    cli_stream      stream = {.keep_newlines = true, .silent = o->json};
    o->gen.want_logprob    = o->json;
    if (!o->gen.raw_prompt)
        cli_warn_long_question(o, ses, text);
    MLM_TRY(mlmamba_session_complete(&ans, ses, text, &o->gen, cli_on_piece, &stream));
    if (o->json)
        print_json(text, ans);
    else
        out_text("\n");
    out_flush();
    stats_line(o, ans);
    mlmamba_answer_free(ans);
    return MLM_OK;
}

static int run(cli_options *o, const char *text)
{
    mlmamba_engine  *eng = NULL;
    mlmamba_session *ses = NULL;
    o->engine.text_only  = true;
    int rc               = cli_open_engine(&eng, o);
    if (rc != CLI_OK)
        return rc;
    mlm_status status = mlmamba_session_create(&ses, eng);
    if (status == MLM_OK) {
        signals_watch(ses);
        status = complete(o, ses, text);
    }
    if (status != MLM_OK && !(status == MLM_E_CANCELLED && signals_pending() != 0))
        err_line("%s", mlm_error_message());
    signals_watch(NULL);
    mlmamba_session_free(ses);
    mlmamba_engine_close(eng);
    return cli_exit_status(status == MLM_OK ? CLI_OK : CLI_FAILED);
}

int cmd_complete(cli_options *o)
{
    if (o->n_args != 1)
        return args_usage_error(o, EXAMPLE, "one text is wanted, but there are %d arguments", o->n_args);
    if (o->args[0][0] == '\0')
        return args_usage_error(o, EXAMPLE, "the text is empty");
    if (strcmp(o->args[0], "-") != 0)
        return run(o, o->args[0]);
    char  *text = NULL;
    size_t n    = 0;
    if (cli_read_stdin(&text, &n, TEXT_LIMIT, "the text") != MLM_OK) {
        err_line("%s", mlm_error_message());
        return CLI_FAILED;
    }
    int rc;
    if (strlen(text) != n) {
        err_line("standard input: the text holds a NUL byte");
        rc = CLI_FAILED;
    } else {
        rc = run(o, text);
    }
    free(text);
    return rc;
}
