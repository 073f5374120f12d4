/* cmd_import.c: mlmamba import: published files as one directory that needs nothing else. */
#include "app/cli/cli.h"

#include <string.h>

#define EXAMPLE "mlmamba import ~/models/mlmamba-3b --output ~/models/mlmamba-3b-bf16 --dtype bf16"

int cmd_import(cli_options *o)
{
    cli_percent            line = cli_percent_start(o, "writing", "verifying");
    mlmamba_import_options opt  = {.output = o->output, .on_progress = cli_percent_step, .payload = &line};
    if (o->n_args != 1)
        return args_usage_error(o, EXAMPLE, "one model is wanted, but there are %d arguments", o->n_args);
    if (o->output == NULL)
        return args_usage_error(o, EXAMPLE, "--output is missing: the directory to write");
    if (o->dtype == NULL || strcmp(o->dtype, "keep") == 0)
        opt.dtype = MLMAMBA_IMPORT_KEEP;
    else if (strcmp(o->dtype, "bf16") == 0)
        opt.dtype = MLMAMBA_IMPORT_BF16;
    else if (strcmp(o->dtype, "fp32") == 0)
        opt.dtype = MLMAMBA_IMPORT_FP32;
    else
        return args_bad_value(o, "dtype", o->dtype, "keep, bf16, fp32", EXAMPLE);
    opt.model         = o->args[0];
    mlm_status status = mlmamba_import(&opt);
    cli_percent_end(&line);
    if (status == MLM_OK) {
        status_line(o, "%s is complete; try: mlmamba info --model %s", o->output, o->output);
        return CLI_OK;
    }
    err_line("%s", mlm_error_message());
    return cli_exit_status(CLI_FAILED);
}
