/*
 * fuzz_pt.c: any bytes as a PyTorch checkpoint: as a whole file, and as the pickle of an otherwise sound one (mutations of
 * a zip rarely get past its directory).  What is accepted is read whole.
 */
#include "kernels/base/mlm_pt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/pt_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(mlm_pt *pt)
{
    char buffer[256];
    for (int64_t i = 0; i < mlm_pt_count(pt); i++) {
        const mlm_st_tensor *t    = mlm_pt_at(pt, i);
        size_t               step = sizeof buffer - sizeof buffer % mlm_st_dtype_size(t->dtype);
        if (mlm_pt_find(pt, t->name) != t)
            abort();
        for (uint64_t at = 0; at < t->bytes && at < 65536; at += step) {
            size_t n = t->bytes - at < step ? (size_t)(t->bytes - at) : step;
            if (mlm_pt_read(pt, t, buffer, at, n) != MLM_OK)
                abort();
        }
    }
    mlm_status sums = mlm_pt_verify(pt, NULL, NULL);
    if (sums != MLM_OK && sums != MLM_E_FORMAT)
        abort();
}

static void open_bytes(const uint8_t *bytes, size_t n)
{
    char    path[64];
    mlm_pt *pt = NULL;
    int     fd = memfd_create("fuzz.pt", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    mlm_status status = mlm_pt_open(&pt, path);
    if (status == MLM_OK)
        read_all(pt);
    else if (pt != NULL || mlm_error_message()[0] == '\0' ||
             (status != MLM_E_FORMAT && status != MLM_E_UNSUPPORTED))
        abort();
    mlm_pt_close(pt);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const float storage[64] = {1.0f};
    const pt_member m[] = {{"a/data.pkl", data, size}, {"a/data/0", storage, 16}, {"a/data/1", storage, 256}};
    pt_bytes        b   = {0};
    open_bytes(data, size);
    pt_zip(&b, m, 3, false);
    open_bytes(b.p, b.n);
    pt_free(&b);
    return 0;
}
