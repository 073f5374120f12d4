/*
 * alloc_fail.h: makes the Nth allocation of a test program fail.
 *
 * alloc_fail.c defines malloc, calloc, realloc, aligned_alloc and posix_memalign in front of the C library's,
 * so allocations inside cJSON, libjpeg and the like count too.  Add it to the SOURCES of the test program:
 *
 *   mlm_test(NAME test_x LABELS unit SOURCES test_x.c ../support/alloc_fail.c LIBS mlm_base)
 *
 *   for (long n = 1; ; n++) {
 *       alloc_fail_at(n, ALLOC_FAIL_ONCE);
 *       mlm_status status = mlm_json_parse_file(&doc, path, limit, 0);
 *       bool reached = alloc_fail_stop();         // false: fewer than n allocations were made
 *       ... status is MLM_E_NOMEM when reached, else MLM_OK; free what there is ...
 *       assert_int_equal(alloc_fail_live(), before);
 *       if (!reached)
 *           break;
 *   }
 *
 * Only allocations of the thread that called alloc_fail_at fail (pool threads would make N random).
 * Under a sanitizer the wrappers are absent: alloc_fail_works() is false and the test calls skip().
 */
#ifndef TESTS_ALLOC_FAIL_H
#define TESTS_ALLOC_FAIL_H

#include <stdbool.h>

typedef enum alloc_fail_mode {
    ALLOC_FAIL_ONCE,   /* only the Nth                         */
    ALLOC_FAIL_FOREVER /* the Nth and all after it            */
} alloc_fail_mode;

bool alloc_fail_works(void);
void alloc_fail_at(long n, alloc_fail_mode mode); /* n = 1: the next one */
bool alloc_fail_stop(void);  /* back to normal; did an allocation fail since alloc_fail_at? */
long alloc_fail_count(void); /* allocations of this thread since alloc_fail_at */
long alloc_fail_live(void);  /* blocks allocated by this thread and not freed (by it) */

#endif
