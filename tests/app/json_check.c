/* json_check.c: exit 0 when each line of standard input is strict JSON: an object that has the keys named as arguments. */
#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_line(const char *line, size_t n, int argc, char **argv)
{
    mlm_json *doc = NULL;
    int       rc  = 0;
    if (mlm_json_parse(&doc, line, n, "standard input", 0) != MLM_OK) {
        (void)fprintf(stderr, "%s\n", mlm_error_message());
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        if (mlm_json_get(mlm_json_root(doc), argv[i]) == NULL) {
            (void)fprintf(stderr, "no key %s\n", argv[i]);
            rc = 1;
        }
    }
    mlm_json_free(doc);
    return rc;
}

int main(int argc, char **argv)
{
    char  *data = NULL;
    size_t n    = 0;
    int    rc   = 0;
    if (mlm_fd_read(&data, &n, 0, (size_t)1 << 24, "standard input") != MLM_OK || n == 0 ||
        data[n - 1] != '\n')
        return 1;
    for (size_t at = 0; at < n && rc == 0;) {
        size_t length = strcspn(data + at, "\n");
        rc            = check_line(data + at, length, argc, argv);
        at += length + 1;
    }
    free(data);
    return rc;
}
