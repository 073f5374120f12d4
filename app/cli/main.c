/* main.c: finds the command and gives its result to the shell. */
#include "app/cli/cli.h"
#include "kernels/base/mlm_file.h"

#include <string.h>

static const struct {
    const char *name;
    int (*run)(cli_options *o);
} commands[] = {
    {"ask", cmd_ask},       {"describe", cmd_describe}, {"chat", cmd_chat},         {"info", cmd_info},
    {"bench", cmd_bench},   {"tokenize", cmd_tokenize}, {"quantize", cmd_quantize}, {"check", cmd_check},
    {"import", cmd_import}, {"complete", cmd_complete}, {"score", cmd_score},       {"vqa", cmd_vqa},
};

static int run_command(size_t index, int argc, char **argv)
{
    cli_options o  = {.command = commands[index].name};
    int         rc = args_parse(&o, argc, argv);
    if (rc != CLI_OK)
        return rc;
    if (o.help) {
        (void)help_print(o.command);
        return CLI_OK;
    }
    return commands[index].run(&o);
}

static int unknown_command(const char *name)
{
    char           names[256];
    size_t         at = (size_t)snprintf(names, sizeof names, "help");
    cli_suggestion s;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, ",%s", commands[i].name);
    const char *meant = name[0] == '-' ? cli_suggest(&s, name + 2, strlen(name) > 2 ? strlen(name + 2) : 0,
                                                     "--", "help,version")
                                       : cli_suggest(&s, name, strlen(name), "", names);
    if (name[0] == '-' && meant[0] == '\0')
        err_line("the command comes first, then its options: mlmamba COMMAND %s; 'mlmamba --help' lists the "
                 "commands",
                 name);
    else
        err_line("there is no command '%s'%s%s 'mlmamba --help' lists them", name, meant,
                 meant[0] != '\0' ? "" : ";");
    return CLI_USAGE;
}

static int show_help(const char *command)
{
    return help_print(command) ? CLI_OK : unknown_command(command);
}

static int dispatch(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (name == NULL) {
        (void)fputs(
            "mlmamba: a command is missing\n  example: mlmamba ask picture.png \"What is in the middle?\"\n"
            "  more:    mlmamba --help\n",
            stderr);
        return CLI_USAGE;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        out_printf("mlmamba %s\n", mlmamba_version());
        return CLI_OK;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return show_help(NULL);
    if (strcmp(name, "help") == 0)
        return show_help(argc > 2 ? argv[2] : NULL);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return run_command(i, argc - 1, argv + 1);
    if (!mlm_path_is_file(name))
        return unknown_command(name);
    err_line("'%s' is a file, not a command; to ask about it: mlmamba ask '%s' \"What is in the picture?\"",
             name, name);
    return CLI_USAGE;
}

int main(int argc, char **argv)
{
    signals_install();
    return out_finish(dispatch(argc, argv));
}
