/* cm.h: cmocka with the headers that it wants before it. */
#ifndef TESTS_CM_H
#define TESTS_CM_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdbool.h>
#include <string.h>

/* The failure message of this thread contains `part`; shows both when it does not. */
#define assert_message_has(part)                                                                             \
    do {                                                                                                     \
        if (!strstr(mlm_error_message(), (part)))                                                            \
            fail_msg("the message \"%s\" lacks \"%s\"", mlm_error_message(), (part));                        \
    } while (0)

/* Under a sanitizer memory has no bounds that a test could hold. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define SANITIZED true
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define SANITIZED true
#    endif
#endif
#ifndef SANITIZED
#    define SANITIZED false
#endif

#endif
