/*
 * alloc_fail.c: the allocator of a test program, in front of glibc's own (__libc_malloc and its like, which
 * need no dlsym and so no allocation to be found).  See alloc_fail.h.
 */
#include "tests/support/alloc_fail.h"

#include <errno.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define SANITIZED 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#        define SANITIZED 1
#    endif
#endif
#ifndef SANITIZED
#    define SANITIZED 0
#endif

static _Thread_local long            countdown; /* 0: not armed */
static _Thread_local long            n_made, n_live;
static _Thread_local alloc_fail_mode mode_now;
static _Thread_local bool            armed, has_failed;

bool alloc_fail_works(void)
{
    return !SANITIZED;
}

void alloc_fail_at(long n, alloc_fail_mode mode)
{
    countdown  = n;
    mode_now   = mode;
    n_made     = 0;
    has_failed = false;
    armed      = true;
}

bool alloc_fail_stop(void)
{
    armed = false;
    return has_failed;
}

long alloc_fail_count(void)
{
    return n_made;
}

long alloc_fail_live(void)
{
    return n_live;
}

#if !SANITIZED

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);
void  __libc_free(void *p);

/* Visible from the shared libraries: with -fvisibility=hidden only this program's own calls would come here. */
#    define EXPORTED __attribute__((visibility("default")))
EXPORTED void *malloc(size_t n);
EXPORTED void *calloc(size_t count, size_t n);
EXPORTED void *realloc(void *p, size_t n);
EXPORTED void *aligned_alloc(size_t align, size_t n);
EXPORTED void *memalign(size_t align, size_t n);
EXPORTED int   posix_memalign(void **out, size_t align, size_t n);
EXPORTED void  free(void *p);

static bool must_fail(void)
{
    if (!armed)
        return false;
    n_made++;
    if (countdown > 0 && --countdown == 0) {
        has_failed = true;
        countdown  = mode_now == ALLOC_FAIL_FOREVER ? 1 : 0;
        return true;
    }
    return false;
}

static void *counted(void *p)
{
    if (p)
        n_live++;
    return p;
}

static void *refused(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t n)
{
    return must_fail() ? refused() : counted(__libc_malloc(n));
}

void *calloc(size_t count, size_t n)
{
    return must_fail() ? refused() : counted(__libc_calloc(count, n));
}

void *realloc(void *p, size_t n)
{
    if (must_fail())
        return refused();
    void *q = __libc_realloc(p, n);
    if (!p)
        return counted(q);
    if (n == 0)
        n_live--;
    return q;
}

void *memalign(size_t align, size_t n)
{
    return must_fail() ? refused() : counted(__libc_memalign(align, n));
}

void *aligned_alloc(size_t align, size_t n)
{
    return memalign(align, n);
}

int posix_memalign(void **out, size_t align, size_t n)
{
    void *p = memalign(align, n);
    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}

void free(void *p)
{
    if (p)
        n_live--;
    __libc_free(p);
}

#endif
