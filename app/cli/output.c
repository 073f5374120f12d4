/* output.c: standard output and standard error.  A failed write is remembered and becomes the exit status. */
#include "app/cli/cli.h"
#include "kernels/base/mlm_fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int write_error; /* errno of the first failed write; the program is single-threaded here */

static void note(bool ok)
{
    if (!ok && write_error == 0)
        write_error = errno != 0 ? errno : EIO;
}

void out_text(const char *text)
{
    errno = 0;
    note(fputs(text, stdout) >= 0);
}

void out_printf(const char *fmt, ...)
{
    va_list ap;
    errno = 0;
    va_start(ap, fmt);
    note(vfprintf(stdout, fmt, ap) >= 0);
    va_end(ap);
}

/* A control byte grows to four characters. */
void out_escaped(const char *text, bool keep_newlines)
{
    char   safe[1024];
    size_t n = strlen(text);
    while (n > 0) {
        size_t part = n < 128 ? n : 128;
        while (part < n && part > 120 && ((unsigned char)text[part] & 0xc0u) == 0x80u)
            part--; /* not inside a character */
        (void)mlm_escape_text(safe, sizeof safe, text, part, keep_newlines);
        out_text(safe);
        text += part;
        n -= part;
    }
}

void out_flush(void)
{
    errno = 0;
    note(fflush(stdout) == 0);
}

bool out_failed(void)
{
    return write_error != 0;
}

int out_finish(int rc)
{
    out_flush();
    if (write_error == 0)
        return rc;
    if (write_error != EPIPE)
        err_line("cannot write to standard output: %s", strerror(write_error));
    return rc == CLI_OK || rc == CLI_ERROR_ROWS ? CLI_FAILED : rc;
}

static void print_escaped_line(const char *prefix, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
static void print_escaped_line(const char *prefix, const char *fmt, va_list ap)
{
    char text[5000], safe[8000];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    (void)mlm_escape_text(safe, sizeof safe, text, strlen(text), false);
    (void)fprintf(stderr, "%s%s\n", prefix, safe);
}

void err_line(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print_escaped_line("mlmamba: ", fmt, ap);
    va_end(ap);
}

void status_line(const cli_options *o, const char *fmt, ...)
{
    va_list ap;
    if (o->quiet || (!o->stats && isatty(STDERR_FILENO) == 0))
        return;
    va_start(ap, fmt);
    print_escaped_line("", fmt, ap);
    va_end(ap);
}
