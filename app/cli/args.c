/* args.c: one table of options; each says which commands take it, and its limits. */
#include "app/cli/cli.h"
#include "kernels/base/mlm_fail.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    ASK      = 1 << 0,
    CHAT     = 1 << 1,
    DESCRIBE = 1 << 2,
    INFO     = 1 << 3,
    BENCH    = 1 << 4,
    TOKENIZE = 1 << 5,
    VQA      = 1 << 6,
    SCORE    = 1 << 7,
    CHECK    = 1 << 8,
    IMPORT   = 1 << 9,
    COMPLETE = 1 << 10,
    QUANTIZE = 1 << 11,
    ALL      = (1 << 12) - 1
};
/* What a command needs: an answer about a picture, an engine. */
enum {
    ASKING     = ASK | CHAT | DESCRIBE,
    GENERATING = ASKING | COMPLETE,
    LOADING    = GENERATING | INFO | BENCH | VQA
};

static const char *const command_names[] = {"ask", "chat",  "describe", "info",   "bench",    "tokenize",
                                            "vqa", "score", "check",    "import", "complete", "quantize"};

typedef enum option_kind { FLAG, TEXT, INTEGER, REAL, SEED, MEGABYTES, FIT, TASK, LIST } option_kind;

typedef struct option_row {
    const char *name;
    int         letter; /* short form, 0: none */
    option_kind kind;
    unsigned    commands;
    size_t      field; /* offset in cli_options */
    double      min, max;
} option_row;

#define FIELD(f) offsetof(cli_options, f)

static const option_row options[] = {
    {"help", 'h', FLAG, ALL, FIELD(help), 0, 0},
    {"model", 'm', TEXT, ALL & ~(SCORE | CHECK | IMPORT | QUANTIZE), FIELD(engine.model_dir), 0, 0},
    {"device", 'd', TEXT, LOADING, FIELD(engine.device), 0, 0},
    {"threads", 't', INTEGER, LOADING, FIELD(engine.n_threads), 1, 256},
    {"memory-limit", 0, MEGABYTES, LOADING, FIELD(engine.memory_limit), 1, 1e9},
    {"json", 'j', FLAG, ASK | DESCRIBE | INFO | BENCH | TOKENIZE | CHECK | COMPLETE, FIELD(json), 0, 0},
    {"csv", 0, TEXT, BENCH, FIELD(bench.csv), 0, 0},
    {"stats", 's', FLAG, GENERATING, FIELD(stats), 0, 0},
    {"quiet", 'q', FLAG, ALL, FIELD(quiet), 0, 0},
    {"no-exif", 0, FLAG, ASKING | VQA, FIELD(image.ignore_orientation), 0, 0},
    {"fit", 0, FIT, ASKING | VQA, FIELD(image.fit), 0, 0},
    {"task", 0, TASK, ASK, FIELD(task), 0, 0},
    {"state", 0, TEXT, ASK | CHAT, FIELD(state), 0, 0},
    {"max-tokens", 'n', INTEGER, GENERATING | VQA, FIELD(gen.max_new_tokens), 1, 65536},
    {"temperature", 0, REAL, GENERATING | VQA, FIELD(gen.temperature), 0, 100},
    {"top-k", 0, INTEGER, GENERATING | VQA, FIELD(gen.top_k), 0, 1e6},
    {"top-p", 0, REAL, GENERATING | VQA, FIELD(gen.top_p), 0, 1},
    {"min-p", 0, REAL, GENERATING | VQA, FIELD(gen.min_p), 0, 1},
    {"repetition-penalty", 0, REAL, GENERATING | VQA, FIELD(gen.repetition_penalty), 0.01, 100},
    {"seed", 0, SEED, GENERATING | SCORE | VQA, FIELD(gen.seed), 0, 0},
    {"image", 'i', TEXT, BENCH, FIELD(image_path), 0, 0},
    {"tokens", 0, INTEGER, BENCH, FIELD(n_tokens), 1, 100000},
    {"only", 0, TEXT, BENCH, FIELD(bench.only), 0, 0},
    {"random", 0, TEXT, BENCH, FIELD(bench.random), 0, 0},
    {"type", 0, TEXT, BENCH, FIELD(type), 0, 0},
    {"state", 0, TEXT, BENCH, FIELD(bench.state), 0, 0},
    {"batch", 'b', TEXT, BENCH, FIELD(bench.batch), 0, 0},
    {"prefill", 0, TEXT, BENCH, FIELD(bench.prefill), 0, 0},
    {"output", 'o', TEXT, QUANTIZE | IMPORT | SCORE | VQA, FIELD(output), 0, 0},
    {"type", 0, TEXT, QUANTIZE, FIELD(type), 0, 0},
    {"dtype", 0, TEXT, IMPORT, FIELD(dtype), 0, 0},
    {"hash", 0, FLAG, CHECK, FIELD(hash), 0, 0},
    {"raw", 0, FLAG, COMPLETE, FIELD(gen.raw_prompt), 0, 0},
    {"deterministic", 0, FLAG, LOADING, FIELD(engine.deterministic), 0, 0},
    {"bf16-state", 0, FLAG, LOADING, FIELD(engine.bf16_state), 0, 0},
    {"reference-rounding", 0, FLAG, LOADING, FIELD(engine.reference_rounding), 0, 0},
    {"runs", 'r', INTEGER, BENCH, FIELD(n_runs), 1, 1000},
    /* score; where a name is there twice, the command decides */
    {"data", 0, LIST, SCORE, FIELD(score.data), 0, 0},
    {"data-format", 0, TEXT, SCORE, FIELD(score.data_format), 0, 0},
    {"annotations", 0, TEXT, SCORE, FIELD(score.annotations), 0, 0},
    {"images", 0, TEXT, SCORE, FIELD(score.images), 0, 0},
    {"task", 0, TEXT, SCORE, FIELD(score.task), 0, 0},
    {"format", 0, TEXT, SCORE, FIELD(score.format), 0, 0},
    {"vqa-norm", 0, TEXT, SCORE, FIELD(score.norm), 0, 0},
    {"by", 0, TEXT, SCORE, FIELD(score.by), 0, 0},
    {"against", 0, TEXT, SCORE, FIELD(score.against), 0, 0},
    {"flips", 0, INTEGER, SCORE, FIELD(score.n_flips), 1, 1e9},
    {"bootstrap", 0, INTEGER, SCORE, FIELD(score.n_bootstrap), 10, 100000},
    {"no-intervals", 0, FLAG, SCORE, FIELD(score.no_intervals), 0, 0},
    {"partial", 0, FLAG, SCORE, FIELD(score.partial), 0, 0},
    {"export", 0, TEXT, SCORE, FIELD(score.export_kind), 0, 0},
    {"model-id", 0, TEXT, SCORE, FIELD(score.model_id), 0, 0},
    {"report", 0, TEXT, SCORE, FIELD(score.report), 0, 0},
    {"rows", 0, INTEGER, SCORE, FIELD(score.n_rows), 1, 1e9},
    /* vqa */
    {"format", 'f', TEXT, VQA, FIELD(vqa.format), 0, 0},
    {"task", 0, TEXT, VQA, FIELD(vqa.task), 0, 0},
    {"images", 0, TEXT, VQA, FIELD(vqa.images), 0, 0},
    {"annotations", 0, TEXT, VQA, FIELD(vqa.annotations), 0, 0},
    {"ocr", 0, TEXT, VQA, FIELD(vqa.ocr), 0, 0},
    {"question", 0, TEXT, VQA, FIELD(vqa.question), 0, 0},
    {"prompt", 0, TEXT, VQA, FIELD(vqa.prompt), 0, 0},
    {"col-id", 0, TEXT, VQA, FIELD(vqa.col_id), 0, 0},
    {"col-image", 0, TEXT, VQA, FIELD(vqa.col_image), 0, 0},
    {"col-question", 0, TEXT, VQA, FIELD(vqa.col_question), 0, 0},
    {"col-answer", 0, TEXT, VQA, FIELD(vqa.col_answer), 0, 0},
    {"col-split", 0, TEXT, VQA, FIELD(vqa.col_split), 0, 0},
    {"recursive", 0, FLAG, VQA, FIELD(vqa.recursive), 0, 0},
    {"limit", 0, INTEGER, VQA, FIELD(vqa.limit), 1, 2147483647},
    {"sample", 0, INTEGER, VQA, FIELD(vqa.sample), 1, 2147483647},
    {"filter", 0, LIST, VQA, FIELD(vqa.filters), 0, 0},
    {"dry-run", 0, FLAG, VQA, FIELD(vqa.dry_run), 0, 0},
    {"shard", 0, TEXT, VQA, FIELD(vqa.shard), 0, 0},
    {"batch", 'b', INTEGER, VQA, FIELD(vqa.batch), 1, 256},
    {"workers", 0, INTEGER, VQA, FIELD(vqa.n_workers), 1, 16},
    {"window", 0, INTEGER, VQA, FIELD(vqa.window), 1, 1000000},
    {"force", 0, FLAG, VQA, FIELD(vqa.force), 0, 0},
    {"retry-errors", 0, FLAG, VQA, FIELD(vqa.retry_errors), 0, 0},
    {"max-errors", 0, INTEGER, VQA, FIELD(vqa.max_errors), 1, 2147483647},
    {"progress", 0, TEXT, VQA, FIELD(vqa.progress), 0, 0},
    {"logprob", 0, FLAG, VQA, FIELD(gen.want_logprob), 0, 0},
    {"exif", 0, FLAG, VQA, FIELD(vqa.exif), 0, 0},
    {"allow-missing", 0, FLAG, VQA, FIELD(vqa.allow_missing), 0, 0},
};
enum { N_OPTIONS = sizeof options / sizeof options[0], FIRST_VALUE = 256 };

int args_usage_error(const cli_options *o, const char *example, const char *fmt, ...)
{
    char    text[1024], safe[2048];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)mlm_escape_text(safe, sizeof safe, text, strlen(text), false);
    (void)fprintf(stderr, "mlmamba %s: %s\n", o->command, safe);
    if (example != NULL)
        (void)fprintf(stderr, "  example: %s\n", example);
    (void)fprintf(stderr, "  more:    mlmamba help %s\n", o->command);
    return CLI_USAGE;
}

/* "a, b or c" of "a, b, c". */
static void join_with_or(char *out, size_t cap, const char *names)
{
    const char *last = strrchr(names, ',');
    if (last == NULL)
        (void)snprintf(out, cap, "%s", names);
    else
        (void)snprintf(out, cap, "%.*s or%s", (int)(last - names), names, last + 1);
}

int args_bad_value(const cli_options *o, const char *option, const char *value, const char *names,
                   const char *example)
{
    cli_suggestion s;
    char           list[512];
    join_with_or(list, sizeof list, names);
    return args_usage_error(o, example, "--%s is '%.60s', must be %s%s", option, value, list,
                            cli_suggest(&s, value, strlen(value), "", names));
}

int args_bad_value_said(const cli_options *o, const char *option, const char *value, const char *example)
{
    static const char *const before[] = {"must be ", "there are "};
    cli_suggestion           s;
    const char              *names = "";
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        const char *at = strstr(mlm_error_message(), before[i]);
        names          = at != NULL ? at + strlen(before[i]) : names;
    }
    return args_usage_error(o, example, "--%s: %s%s", option, mlm_error_message(),
                            cli_suggest(&s, value, strlen(value), "", names));
}

static unsigned command_bit(const char *name)
{
    for (unsigned i = 0; i < sizeof command_names / sizeof command_names[0]; i++)
        if (strcmp(command_names[i], name) == 0)
            return 1u << i;
    return 0;
}

static int bad_number(const cli_options *o, const option_row *row, const char *value)
{
    if (row->kind == SEED)
        return args_usage_error(o, NULL, "--%s is '%s', must be an integer from 0 to 18446744073709551615",
                                row->name, value);
    return args_usage_error(o, NULL, "--%s is '%s', must be %s from %.10g to %.10g", row->name, value,
                            row->kind == INTEGER ? "an integer" : "a number", row->min, row->max);
}

/* Plain decimal numbers only: strto* also take blanks, hexadecimal and "nan". */
static bool is_plain(const char *value)
{
    return value[0] != '\0' && strspn(value, "0123456789.eE+-") == strlen(value);
}

static int store_fit(const cli_options *o, mlmamba_fit *field, const char *value)
{
    for (mlmamba_fit f = MLMAMBA_FIT_MODEL; mlmamba_fit_name(f) != NULL; f++)
        if (strcmp(mlmamba_fit_name(f), value) == 0) {
            *field = f;
            return CLI_OK;
        }
    return args_bad_value(o, "fit", value, "model, naive, crop, letterbox", NULL);
}

static int store_task(const cli_options *o, mlmamba_task *field, const char *value)
{
    for (mlmamba_task t = MLMAMBA_TASK_CHAT; t < MLMAMBA_TASK_COUNT; t++)
        if (strcmp(mlmamba_task_name(t), value) == 0) {
            *field = t;
            return CLI_OK;
        }
    return args_bad_value(o, "task", value, "chat, caption, vqa, true-false, box", NULL);
}

static int store_item(const cli_options *o, const option_row *row, cli_list *list, const char *value)
{
    if (value[0] == '\0')
        return args_usage_error(o, NULL, "--%s needs a value", row->name);
    if (list->n == CLI_LIST_MAX)
        return args_usage_error(o, NULL, "--%s may be given %d times", row->name, CLI_LIST_MAX);
    list->item[list->n++] = value;
    return CLI_OK;
}

static int store(cli_options *o, const option_row *row, const char *value)
{
    char *field = (char *)o + row->field, *end = NULL;
    errno = 0;
    switch (row->kind) {
    case FLAG:
        *(bool *)(void *)field = true;
        return CLI_OK;
    case TEXT:
        if (value[0] == '\0')
            return args_usage_error(o, NULL, "--%s needs a value", row->name);
        *(const char **)(void *)field = value;
        return CLI_OK;
    case LIST:
        return store_item(o, row, (cli_list *)(void *)field, value);
    case FIT:
        return store_fit(o, (mlmamba_fit *)(void *)field, value);
    case TASK:
        return store_task(o, (mlmamba_task *)(void *)field, value);
    case SEED: {
        unsigned long long v = strtoull(value, &end, 10);
        if (strspn(value, "0123456789") != strlen(value) || value[0] == '\0' || errno != 0)
            return bad_number(o, row, value);
        *(uint64_t *)(void *)field = v;
        return CLI_OK;
    }
    case INTEGER: {
        long v = strtol(value, &end, 10);
        if (!is_plain(value) || *end != '\0' || errno != 0 || (double)v < row->min || (double)v > row->max)
            return bad_number(o, row, value);
        *(int *)(void *)field = (int)v;
        return CLI_OK;
    }
    case REAL:
    case MEGABYTES: {
        double v = strtod(value, &end);
        if (!is_plain(value) || *end != '\0' || errno != 0 || !(v >= row->min && v <= row->max))
            return bad_number(o, row, value);
        if (row->kind == MEGABYTES)
            *(size_t *)(void *)field = (size_t)(v * 1048576.0);
        else
            *(float *)(void *)field = (float)v;
        return CLI_OK;
    }
    }
    return CLI_USAGE;
}

static void make_tables(struct option longs[N_OPTIONS + 1], char *shorts)
{
    size_t at    = 0;
    shorts[at++] = ':'; /* tell a missing value from an unknown option */
    for (int i = 0; i < N_OPTIONS; i++) {
        bool value = options[i].kind != FLAG;
        longs[i] =
            (struct option){options[i].name, value ? required_argument : no_argument, NULL, FIRST_VALUE + i};
        if (options[i].letter != 0) {
            shorts[at++] = (char)options[i].letter;
            if (value)
                shorts[at++] = ':';
        }
    }
    shorts[at]       = '\0';
    longs[N_OPTIONS] = (struct option){0};
}

static const option_row *row_of(int code)
{
    for (int i = 0; i < N_OPTIONS; i++)
        if (code == FIRST_VALUE + i || (options[i].letter != 0 && code == options[i].letter))
            return &options[i];
    return NULL;
}

/* The row of this command among those of the same name. */
static const option_row *row_for(const option_row *row, unsigned command)
{
    for (int i = 0; row != NULL && i < N_OPTIONS; i++)
        if ((options[i].commands & command) != 0 && strcmp(options[i].name, row->name) == 0)
            return &options[i];
    return row;
}

#define DASHES "; in front of a question that begins with '-', put -- as an argument of its own"

/* -5 or 5? is a question. */
static bool is_question(const char *word)
{
    return word != NULL && word[0] == '-' && strchr(word, ' ') != NULL;
}

/* Options of a command that begin with the n bytes of word, "--a --b ": how many. */
static int list_options(char *out, size_t cap, unsigned command, const char *word, size_t n, const char *mark)
{
    int    found = 0;
    size_t at    = 0;
    out[0]       = '\0';
    for (int i = 0; i < N_OPTIONS && at < cap; i++) {
        if ((options[i].commands & command) == 0 || strncmp(options[i].name, word, n) != 0)
            continue;
        at += (size_t)snprintf(out + at, cap - at, "%s%s%s", at > 0 ? " " : "", mark, options[i].name);
        found++;
    }
    return found;
}

static int unknown_option(const cli_options *o, char **argv, unsigned command)
{
    char           names[4096];
    cli_suggestion s;
    const char    *given = argv[optind - 1];
    const char    *word  = given + strspn(given, "-");
    size_t         n     = strcspn(word, "=");
    if (optopt > 0 && optopt < FIRST_VALUE)
        return args_usage_error(o, NULL, "unknown option -%c%s", optopt,
                                is_question(argv[optind]) || is_question(given) ? DASHES : "");
    if (is_question(given))
        return args_usage_error(o, NULL, "unknown option %s%s", given, DASHES);
    if (n > 0 && list_options(names, sizeof names, command, word, n, "--") > 0)
        return args_usage_error(o, NULL, "option %s is cut short, it could be %s", given, names);
    (void)list_options(names, sizeof names, command, "", 0, "");
    return args_usage_error(o, NULL, "unknown option %s%s", given, cli_suggest(&s, word, n, "--", names));
}

int args_parse(cli_options *o, int argc, char **argv)
{
    struct option longs[N_OPTIONS + 1];
    char          shorts[2 * N_OPTIONS + 2];
    int           code = 0;
    unsigned      bit  = command_bit(o->command);
    make_tables(longs, shorts);
    opterr = 0;
    optind = 0;
    while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const option_row *row = row_for(row_of(code), bit);
        if (code == ':')
            return args_usage_error(o, NULL, "option %s needs a value", argv[optind - 1]);
        if (row == NULL)
            return unknown_option(o, argv, bit);
        if ((row->commands & bit) == 0)
            return args_usage_error(o, NULL, "option --%s is not for this command", row->name);
        int rc = store(o, row, optarg != NULL ? optarg : "");
        if (rc != CLI_OK)
            return rc;
    }
    o->args   = argv + optind;
    o->n_args = argc - optind;
    return CLI_OK;
}
