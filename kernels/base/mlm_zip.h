/*
 * mlm_zip.h: the members of a zip file that are stored without compression, which is how torch.save writes .pt
 * files.  Private to mlm_pt.c.
 *
 * Everything comes from the central directory (zip64 too) and is checked against the local headers: no compressed,
 * encrypted or doubled members, no names with "..", '\\', a leading '/' or control characters, sizes inside the
 * file, no two members over the same bytes.  Limits: 1,000,000 members, a directory of 128 MB.  Whoever reads a member
 * takes its CRC-32 (mlm_crc32.h) and has it compared; torch.save can be told to take none, and then writes 0.
 * Format: PKWARE APPNOTE 6.3.
 */
#ifndef MLM_ZIP_H
#define MLM_ZIP_H

#include "kernels/base/mlm_file.h"

typedef struct mlm_zip_member {
    const char *name; /* borrowed from the archive */
    uint64_t    offset, size;
    uint64_t    header; /* where its local header begins */
    uint32_t    crc;    /* 0: none was written           */
} mlm_zip_member;

typedef struct mlm_zip {
    mlm_zip_member *members; /* by name */
    size_t          count;
    char           *names;
} mlm_zip;

/* `f` stays with the caller.  Zeroed struct in; on failure nothing is owned. */
mlm_status mlm_zip_read(mlm_zip *zip, const mlm_file *f, const char *path) MLM_WARN_UNUSED;
void       mlm_zip_free(mlm_zip *zip);
/* MLM_E_FORMAT when `crc`, of the bytes of a member, is not the one that the directory names. */
mlm_status mlm_zip_compare_crc(const mlm_zip_member *m, uint32_t crc, const char *path) MLM_WARN_UNUSED;
/* NULL: absent. */
const mlm_zip_member *mlm_zip_find(const mlm_zip *zip, const char *name);

#endif
