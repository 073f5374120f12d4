/* images_support.h: a walk over the small pictures of tests/golden/data/images, for the picture tests. */
#ifndef TESTS_IMAGES_SUPPORT_H
#define TESTS_IMAGES_SUPPORT_H

#include "kernels/base/mlm_file.h"
#include "tests/support/cm.h"
#include "vision/image.h"

#include <stdio.h>
#include <stdlib.h>

#define IMAGES_DIR MLM_SOURCE_DIR "/tests/golden/data/images/"

/* Calls visit with every file that decode.txt names. */
static inline void images_each(void (*visit)(const char *name, const uint8_t *bytes, size_t n))
{
    FILE *list = fopen(IMAGES_DIR "decode.txt", "r");
    char  line[256], name[128], path[512];
    int   n_files = 0;
    assert_non_null(list);
    while (fgets(line, sizeof line, list)) {
        char  *data = NULL;
        size_t n    = 0;
        assert_int_equal(sscanf(line, "%127s", name), 1);
        (void)snprintf(path, sizeof path, IMAGES_DIR "%s", name);
        assert_int_equal(mlm_file_read(&data, &n, path, 1 << 20, "picture"), MLM_OK);
        /* a copy of the exact size, so that a sanitizer sees the first byte past the end */
        uint8_t *exact = malloc(n);
        assert_non_null(exact);
        memcpy(exact, data, n);
        free(data);
        visit(name, exact, n);
        free(exact);
        n_files++;
    }
    fclose(list);
    assert_true(n_files >= 120);
}

static inline bool images_is(const char *name, const char *suffix)
{
    size_t n = strlen(name), s = strlen(suffix);
    return n >= s && strcmp(name + n - s, suffix) == 0;
}

#endif
