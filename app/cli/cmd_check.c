/* cmd_check.c: mlmamba check: which parts of a model are there, and what is missing. */
#include "app/cli/cli.h"

#include <stdlib.h>
#include <string.h>

static const char *verdict(const mlmamba_part *p)
{
    return p->found ? p->usable ? "found" : "UNUSABLE" : p->usable ? "default" : "MISSING";
}

#define MAX_LINES 20

/* Tensors that are not as the configuration wants them, under the names that their files give them. */
static void print_faults(const mlmamba_model_check *c)
{
    if (c->n_tensors > 0)
        out_printf("%lld tensors are wanted, %lld are wrong\n", (long long)c->n_tensors,
                   (long long)c->n_faults_all);
    for (int i = 0; i < c->n_faults && i < MAX_LINES; i++) {
        const mlmamba_tensor_fault *f = &c->faults[i];
        out_printf("%-10s ", f->kind);
        out_escaped(f->inside, false);
        out_text(": ");
        out_escaped(f->detail, false);
        out_text("\n           ");
        if (strcmp(f->inside, f->name) != 0) {
            out_escaped(f->name, false);
            out_text(", ");
        }
        out_escaped(f->source, false);
        out_text("\n");
    }
    if (c->n_faults_all > MAX_LINES)
        out_printf("and %lld more (--json lists %d)\n", (long long)c->n_faults_all - MAX_LINES, c->n_faults);
}

static void print_text(const mlmamba_model_check *c, const char *model)
{
    out_escaped(model != NULL ? model : "the default model", false);
    out_printf(": %s, %s\n", c->kind, c->complete ? "complete" : "NOT complete");
    for (int i = 0; i < c->n_parts; i++) {
        const mlmamba_part *p = &c->parts[i];
        out_printf("%-8s %-28s ", verdict(p), p->role);
        out_escaped(p->source, false);
        if (p->found && p->bytes >= 1 << 20)
            out_printf("  (%.1f MB)", (double)p->bytes / 1048576.0);
        else if (p->found)
            out_printf("  (%.1f KB)", (double)p->bytes / 1024.0);
        out_text("\n                                      ");
        out_escaped(p->detail, false);
        if (p->sha256 != NULL)
            out_printf("\n                                      sha256 %s", p->sha256);
        out_text("\n");
    }
    print_faults(c);
    if (!c->complete) {
        out_text("problem  ");
        out_escaped(c->problem, false);
        out_text("\n");
    }
}

static void print_json(const mlmamba_model_check *c, const char *model)
{
    out_text("{");
    json_file_name("model", model != NULL ? model : "", true);
    json_text("kind", c->kind, false);
    out_printf(", \"complete\": %s", c->complete ? "true" : "false");
    json_text("problem", c->problem, false);
    out_text(", \"parts\": [");
    for (int i = 0; i < c->n_parts; i++) {
        const mlmamba_part *p = &c->parts[i];
        out_text(i > 0 ? ", {" : "{");
        json_text("role", p->role, true);
        out_printf(", \"found\": %s, \"usable\": %s", p->found ? "true" : "false",
                   p->usable ? "true" : "false");
        json_file_name("source", p->source, false);
        json_text("detail", p->detail, false);
        out_printf(", \"bytes\": %llu", (unsigned long long)p->bytes);
        if (p->sha256 != NULL)
            json_text("sha256", p->sha256, false);
        out_text("}");
    }
    out_printf("], \"tensors\": %lld, \"wrong_tensors\": %lld, \"faults\": [", (long long)c->n_tensors,
               (long long)c->n_faults_all);
    for (int i = 0; i < c->n_faults; i++) {
        const mlmamba_tensor_fault *f = &c->faults[i];
        out_text(i > 0 ? ", {" : "{");
        json_text("kind", f->kind, true);
        json_text("name", f->name, false);
        json_file_name("source", f->source, false);
        json_text("inside", f->inside, false);
        json_text("detail", f->detail, false);
        out_text("}");
    }
    out_text("]}\n");
}

int cmd_check(cli_options *o)
{
    mlmamba_model_check *c     = NULL;
    cli_percent          line  = cli_percent_start(o, "hashing", NULL);
    const char          *model = o->n_args > 0 ? o->args[0] : NULL;
    if (o->n_args > 1)
        return args_usage_error(o, "mlmamba check ~/models/mlmamba-3b",
                                "one model is wanted, but there are %d arguments", o->n_args);
    mlm_status status = o->hash ? mlmamba_check_model_hashes(&c, model, cli_percent_step, &line)
                                : mlmamba_check_model(&c, model);
    cli_percent_end(&line);
    if (status != MLM_OK) {
        err_line("%s", mlm_error_message());
        return cli_exit_status(CLI_FAILED);
    }
    if (o->json)
        print_json(c, model);
    else
        print_text(c, model);
    int rc = c->complete ? CLI_OK : CLI_FAILED;
    mlmamba_model_check_free(c);
    return rc;
}
