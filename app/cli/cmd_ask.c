/* cmd_ask.c: mlmamba ask and mlmamba describe: one question, one answer for each picture. */
#include "app/cli/cli.h"
#include "kernels/base/mlm_file.h"

#include <stdlib.h>
#include <string.h>

#define EXAMPLE "mlmamba ask picture.png \"What is in the middle?\""

enum { HINT_BYTES = 4096 };

typedef struct ask_job {
    cli_options     *o;
    mlmamba_session *ses;
    const char      *question; /* as it was typed                  */
    const char      *typed;    /* NULL: the command's own words    */
    char            *asked;    /* owned: with what the task adds   */
    bool             many;     /* 'NAME: answer' lines */
    int              n_failed;
} ask_job;

static void print_json(const ask_job *job, const char *path, const mlmamba_answer *a)
{
    mlmamba_image_info img = {0};
    out_text("{");
    json_file_name(job->o->state != NULL ? "state" : "image", path, true);
    json_text("question", job->question, false);
    json_text("answer", a->text, false);
    json_text("finish", mlmamba_finish_name(a->finish), false);
    out_printf(", \"tokens\": %d, \"prompt_tokens\": %d, \"image_tokens\": %d, \"logprob\": %.6f",
               a->n_tokens, a->n_prompt_tokens, a->n_image_tokens, a->logprob);
    if (mlmamba_session_get_image_info(job->ses, &img) == MLM_OK)
        out_printf(", \"width\": %d, \"height\": %d, \"format\": \"%s\", \"rotated\": %s", img.width,
                   img.height, img.format, img.rotated ? "true" : "false");
    out_printf(
        ", \"ms\": {\"decode_file\": %.3f, \"preprocess\": %.3f, \"vision\": %.3f, \"connector\": %.3f, "
        "\"image_prefill\": %.3f, \"prompt\": %.3f, \"first_token\": %.3f, \"decode\": %.3f}, \"error\": "
        "null}\n",
        a->decode_file_ms, a->preprocess_ms, a->vision_ms, a->connector_ms, a->image_prefill_ms, a->prompt_ms,
        a->first_token_ms, a->decode_ms);
}

static void print_failure(ask_job *job, const char *path, mlm_status status)
{
    if (status == MLM_E_CANCELLED && signals_pending() != 0)
        return; /* the exit status says it */
    char hint[HINT_BYTES];
    job->n_failed++;
    err_line("%s", job->o->state == NULL && cli_folder_hint(hint, sizeof hint, path, job->typed)
                       ? hint
                       : mlm_error_message());
    if (!job->o->json)
        return;
    out_text("{");
    json_file_name(job->o->state != NULL ? "state" : "image", path, true);
    json_text("question", job->question, false);
    out_text(", \"answer\": null");
    json_text("error", mlm_error_message(), false);
    json_text("status", mlm_status_name(status), false);
    out_text("}\n");
}

/* The session has its picture or conversation. */
static mlm_status answer(ask_job *job, const char *path)
{
    mlmamba_answer *ans    = NULL;
    cli_stream      stream = {.keep_newlines = !job->many, .silent = job->o->json};
    bool            naming = job->many && !job->o->json;
    if (naming) {
        out_escaped(cli_picture_name(path), false);
        out_text(": ");
    }
    mlm_status status = mlmamba_session_ask(&ans, job->ses, job->asked, &job->o->gen, cli_on_piece, &stream);
    if (status != MLM_OK) {
        if (naming)
            out_text("\n");
        return status;
    }
    if (job->o->json)
        print_json(job, path, ans);
    else
        out_text("\n");
    out_flush();
    cli_stats_line(job->o, ans);
    mlmamba_answer_free(ans);
    return MLM_OK;
}

static void ask_pictures(ask_job *job, char **paths, int n)
{
    cli_warn_long_question(job->o, job->ses, job->asked);
    for (int i = 0; i < n && signals_pending() == 0 && !out_failed(); i++) {
        mlm_status status = cli_set_image(job->ses, paths[i], job->o);
        if (status == MLM_OK && signals_pending() == 0)
            status = answer(job, paths[i]);
        if (status != MLM_OK)
            print_failure(job, paths[i], status);
    }
}

static void ask_state(ask_job *job, mlmamba_engine *eng)
{
    mlmamba_snapshot *snap   = NULL;
    mlm_status        status = mlmamba_snapshot_load(&snap, eng, job->o->state);
    if (status == MLM_OK)
        status = mlmamba_session_restore(job->ses, snap);
    mlmamba_snapshot_free(snap);
    if (status == MLM_OK) {
        cli_warn_long_question(job->o, job->ses, job->asked);
        status = answer(job, job->o->state);
    }
    if (status != MLM_OK)
        print_failure(job, job->o->state, status);
}

/* With a session: all pictures, or the saved conversation. */
static int ask_all(ask_job *job, mlmamba_engine *eng, char **paths, int n)
{
    if (mlmamba_task_question(&job->asked, job->o->task, job->question) != MLM_OK ||
        mlmamba_session_create(&job->ses, eng) != MLM_OK) {
        err_line("%s", mlm_error_message());
        return CLI_FAILED;
    }
    signals_watch(job->ses);
    if (job->o->state != NULL)
        ask_state(job, eng);
    else
        ask_pictures(job, paths, n);
    return job->n_failed == 0 ? CLI_OK : job->n_failed < n ? CLI_ERROR_ROWS : CLI_FAILED;
}

/* Only folders: nothing to load a model for. */
static bool only_folders(const cli_options *o, char **paths, int n, const char *typed)
{
    char hint[HINT_BYTES];
    if (o->state != NULL || o->json)
        return false;
    for (int i = 0; i < n; i++)
        if (!mlm_path_is_dir(paths[i]))
            return false;
    for (int i = 0; i < n; i++)
        if (cli_folder_hint(hint, sizeof hint, paths[i], typed))
            err_line("%s", hint);
    return true;
}

/* typed: the person's own question, NULL when the command has one. */
static int run(cli_options *o, char **paths, int n, const char *question, const char *typed)
{
    if (only_folders(o, paths, n, typed))
        return CLI_FAILED;
    mlmamba_engine *eng       = NULL;
    ask_job         job       = {.o = o, .question = question, .typed = typed, .many = n > 1};
    int             rc        = cli_open_engine(&eng, o);
    o->gen.want_logprob       = o->json;
    o->image.question_follows = true;
    if (rc != CLI_OK)
        return rc;
    if (question == NULL) {
        mlmamba_engine_info info;
        mlmamba_engine_get_info(eng, &info);
        job.question = info.describe_prompt;
    }
    rc = ask_all(&job, eng, paths, n);
    signals_watch(NULL);
    free(job.asked);
    mlmamba_session_free(job.ses);
    mlmamba_engine_close(eng);
    return cli_exit_status(rc);
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n\v\f")] == '\0';
}

/* mlmamba ask picture.png What is this?  The words before the last would be pictures: the first of those that cannot be one. */
static const char *word_of_question(const cli_options *o)
{
    return cli_find_question(o->args, o->n_args - 1,
                             o->n_args > 2 && strchr(o->args[o->n_args - 1], ' ') == NULL);
}

/* A caption has its own words: all arguments are pictures. */
static int ask_captions(cli_options *o)
{
    if (o->n_args == 0 || o->state != NULL)
        return args_usage_error(o, "mlmamba ask --task caption picture.png",
                                o->state != NULL ? "--task caption needs pictures, not --state"
                                                 : "a picture is missing");
    int rc = cli_check_pictures(o, o->args, o->n_args);
    if (rc != CLI_OK)
        return rc;
    const char *word = cli_find_question(o->args, o->n_args, true);
    if (word != NULL)
        return args_usage_error(o, "mlmamba ask --task caption picture.png",
                                "--task caption takes pictures and no question, but '%s' is no file", word);
    char *question = NULL;
    if (mlmamba_task_question(&question, MLMAMBA_TASK_CAPTION, NULL) != MLM_OK) {
        err_line("%s", mlm_error_message());
        return CLI_FAILED;
    }
    rc = run(o, o->args, o->n_args, question, NULL);
    free(question);
    return rc;
}

int cmd_ask(cli_options *o)
{
    if (o->task == MLMAMBA_TASK_CAPTION)
        return ask_captions(o);
    if (o->state != NULL) {
        if (o->n_args != 1)
            return args_usage_error(o, "mlmamba ask --state talk.mlmstate \"And on the left?\"",
                                    "with --state only a question is wanted, but there are %d arguments",
                                    o->n_args);
    } else if (o->n_args == 0) {
        return args_usage_error(o, EXAMPLE, "a picture and a question are missing");
    } else if (o->n_args == 1) {
        if (mlm_path_is_file(o->args[0]) || strcmp(o->args[0], "-") == 0)
            return args_usage_error(o, EXAMPLE, "the question is missing after the picture '%s'", o->args[0]);
        return args_usage_error(
            o, EXAMPLE, "there is one argument, '%s'; a picture and a question are needed", o->args[0]);
    }
    const char *question = o->args[o->n_args - 1];
    if (is_blank(question))
        return args_usage_error(o, EXAMPLE, "the question is empty");
    if (mlm_path_is_file(question))
        return args_usage_error(o, EXAMPLE, "the last argument, '%s', is a file; the question comes last",
                                question);
    if (cli_names_picture(question) && strchr(question, ' ') == NULL)
        return args_usage_error(
            o, EXAMPLE,
            "the last argument, '%s', has a picture's name, but is no file; the question comes last",
            question);
    int n = o->n_args - 1, from_stdin = 0;
    for (int i = 0; i < n; i++)
        from_stdin += strcmp(o->args[i], "-") == 0;
    if (from_stdin > 1)
        return args_usage_error(o, NULL, "standard input (-) can be read only once");
    int rc = cli_check_pictures(o, o->args, n);
    if (rc != CLI_OK)
        return rc;
    const char *word = word_of_question(o);
    if (word != NULL)
        return args_usage_error(
            o, EXAMPLE, "there is no file '%s'; if it belongs to the question, put the question in quotes",
            word);
    return run(o, o->args, n, question, question);
}

int cmd_describe(cli_options *o)
{
    if (o->n_args == 0)
        return args_usage_error(o, "mlmamba describe picture.png", "a picture is missing");
    int rc = cli_check_pictures(o, o->args, o->n_args);
    if (rc != CLI_OK)
        return rc;
    const char *word = cli_find_question(o->args, o->n_args, true);
    if (word != NULL)
        return args_usage_error(o, EXAMPLE,
                                "describe takes pictures and no question, but '%s' is no file; 'mlmamba ask' "
                                "answers questions",
                                word);
    return run(o, o->args, o->n_args, NULL, NULL);
}
