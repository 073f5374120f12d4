/* cmd_quantize.c: mlmamba quantize: a copy of a model with smaller weights. */
#include "app/cli/cli.h"
#include "kernels/base/mlm_file.h"

#include <string.h>

#define EXAMPLE "mlmamba quantize models/mlmamba-3b --output models/mlmamba-3b-int8"

int cmd_quantize(cli_options *o)
{
    if (o->n_args != 1)
        return args_usage_error(o, EXAMPLE, "one model directory is wanted, there are %d arguments",
                                o->n_args);
    if (o->output == NULL)
        return args_usage_error(o, EXAMPLE, "--output DIR is missing");
    if (o->type != NULL && strcmp(o->type, "int8") != 0)
        return args_bad_value(o, "type", o->type, "int8", EXAMPLE);
    cli_percent              line   = cli_percent_start(o, "writing", NULL);
    mlmamba_quantize_options opt    = {.model_dir   = o->args[0],
                                       .output_dir  = o->output,
                                       .type        = o->type,
                                       .on_progress = cli_percent_step,
                                       .payload     = &line};
    double                   start  = mlm_now_ms();
    mlm_status               status = mlmamba_quantize(&opt);
    cli_percent_end(&line);
    if (status != MLM_OK) {
        if (status != MLM_E_CANCELLED || signals_pending() == 0)
            err_line("%s", mlm_error_message());
        return cli_exit_status(CLI_FAILED);
    }
    status_line(o, "%s written in %.1f s", o->output, (mlm_now_ms() - start) / 1e3);
    return CLI_OK;
}
