/* pt_fixture.h: PyTorch checkpoints in a temporary directory, for the tests of their pickle and of their zip. */
#ifndef TESTS_UNIT_PT_FIXTURE_H
#define TESTS_UNIT_PT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/base/mlm_file.h"
#include "kernels/base/mlm_pt.h"
#include "tests/support/pt_write.h"
#include "tests/support/temp_dir.h"

#define GOLDEN MLM_SOURCE_DIR "/tests/golden/data/published/torch.pt"

static temp_dir dir;

static inline const char *put_file(const pt_bytes *b)
{
    return temp_dir_write(&dir, "x.pt", b->p, b->n);
}

/* Refused, with the file and `want` in the message. */
static inline void refused(const pt_bytes *b, const char *want)
{
    mlm_pt    *pt     = NULL;
    mlm_status status = mlm_pt_open(&pt, put_file(b));
    if (status == MLM_OK)
        fail_msg("accepted: %s", want);
    assert_null(pt);
    if (strstr(mlm_error_message(), want) == NULL || strstr(mlm_error_message(), "x.pt") == NULL)
        fail_msg("'%s' is not in: %s", want, mlm_error_message());
}

static inline void zip_pickle(pt_bytes *out, const pt_bytes *pickle)
{
    static const float data[4] = {0};
    const pt_member    m[]     = {{"a/data.pkl", pickle->p, pickle->n}, {"a/data/0", data, sizeof data}};
    pt_zip(out, m, 2, false);
}

#endif
