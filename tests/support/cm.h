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

#include <string.h>

/* The failure message of this thread contains `part`; shows both when it does not. */
#define assert_message_has(part)                                                                             \
    do {                                                                                                     \
        if (!strstr(mlm_error_message(), (part)))                                                            \
            fail_msg("the message \"%s\" lacks \"%s\"", mlm_error_message(), (part));                        \
    } while (0)

#endif
