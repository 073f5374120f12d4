/* test_threads.c: every item exactly once, by any number of threads, nested, shared, after sleeping. */
#include "kernels/base/mlm_threads.h"

#include "tests/support/alloc_fail.h"
#include "tests/support/cm.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef struct job {
    mlm_threads  *pool;
    int64_t       n, grain;
    unsigned char count[4096];
    atomic_int    calls, bad;
    int           n_threads, nest;
} job;

static void count_range(int64_t from, int64_t to, int thread, void *payload)
{
    job *j = payload;
    atomic_fetch_add(&j->calls, 1);
    if (from < 0 || to > j->n || from >= to || thread < 0 || thread >= j->n_threads)
        atomic_fetch_add(&j->bad, 1);
    for (int64_t i = from; i < to; i++)
        j->count[i]++; /* plain: a thread sanitizer sees an item that two threads do */
}

static void run(job *j, int64_t n, int64_t grain)
{
    j->n     = n;
    j->grain = grain;
    memset(j->count, 0, sizeof j->count);
    mlm_parallel_for(j->pool, n, grain, count_range, j);
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(j->count[i], 1);
    assert_int_equal(atomic_load(&j->bad), 0);
}

static void test_all_items(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 3, 7, 64, 100, 1001, 4096};
    static const int     pools[] = {1, 2, 3, 8, 33};
    for (size_t p = 0; p < sizeof pools / sizeof *pools; p++) {
        static job j;
        j.n_threads = pools[p];
        assert_int_equal(mlm_threads_create(&j.pool, pools[p]), MLM_OK);
        assert_int_equal(mlm_threads_count(j.pool), pools[p]);
        for (int round = 0; round < 20; round++) {
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                run(&j, sizes[s], 1 + round % 3);
                run(&j, sizes[s], 50);
            }
        }
        atomic_store(&j.calls, 0);
        run(&j, 10, 10); /* n <= grain: one call, on this thread */
        run(&j, 10, 1000);
        assert_int_equal(atomic_load(&j.calls), 2);
        run(&j, 100, 0);
        run(&j, 100, -5);
        mlm_threads_free(j.pool);
    }
    mlm_threads_free(NULL);
}

/* Workers that went to sleep come back. */
static void test_after_sleep(void **state)
{
    (void)state;
    static job j;
    j.n_threads = 4;
    assert_int_equal(mlm_threads_create(&j.pool, 4), MLM_OK);
    for (int round = 0; round < 20; round++) {
        const struct timespec pause = {0, 2000000};
        (void)nanosleep(&pause, NULL);
        run(&j, 1000, 10);
    }
    mlm_threads_free(j.pool);
}

typedef struct rendezvous {
    atomic_int  inside;
    atomic_bool met;
} rendezvous;

/* Each piece waits (bounded) until another thread is inside too. */
static void meet(int64_t from, int64_t to, int thread, void *payload)
{
    rendezvous *r = payload;
    (void)from;
    (void)to;
    (void)thread;
    atomic_fetch_add(&r->inside, 1);
    for (int i = 0; i < 5000 && !atomic_load(&r->met); i++) {
        const struct timespec pause = {0, 1000000};
        if (atomic_load(&r->inside) >= 2)
            atomic_store(&r->met, true);
        else
            (void)nanosleep(&pause, NULL);
    }
}

static void test_really_parallel(void **state)
{
    (void)state;
    mlm_threads *t = NULL;
    rendezvous   r = {0};
    assert_int_equal(mlm_threads_create(&t, 2), MLM_OK);
    mlm_parallel_for(t, 2, 1, meet, &r);
    assert_true(atomic_load(&r.met));
    mlm_threads_free(t);
}

static void nested(int64_t from, int64_t to, int thread, void *payload)
{
    job *j = payload;
    (void)thread;
    for (int64_t i = from; i < to; i++) {
        job inner = {.n = 16, .n_threads = j->n_threads};
        mlm_parallel_for(j->pool, 16, 1, count_range, &inner);
        for (int k = 0; k < 16; k++)
            atomic_fetch_add(&j->bad, inner.count[k] != 1);
        atomic_fetch_add(&j->calls, 1);
    }
}

static void test_nested(void **state)
{
    (void)state;
    static job j;
    j.n_threads = 3;
    assert_int_equal(mlm_threads_create(&j.pool, 3), MLM_OK);
    mlm_parallel_for(j.pool, 50, 1, nested, &j);
    assert_int_equal(atomic_load(&j.calls), 50);
    assert_int_equal(atomic_load(&j.bad), 0);
    mlm_threads_free(j.pool);
}

static void *session(void *arg)
{
    job *j = arg;
    for (int round = 0; round < 300; round++) {
        memset(j->count, 0, sizeof j->count);
        mlm_parallel_for(j->pool, 200, 3, count_range, j);
        for (int i = 0; i < 200; i++)
            atomic_fetch_add(&j->bad, j->count[i] != 1);
    }
    return NULL;
}

/* Several sessions on one pool: whoever finds it busy works alone. */
static void test_shared(void **state)
{
    (void)state;
    static job   jobs[4];
    pthread_t    ids[4];
    mlm_threads *t = NULL;
    assert_int_equal(mlm_threads_create(&t, 3), MLM_OK);
    for (int i = 0; i < 4; i++) {
        jobs[i].pool      = t;
        jobs[i].n         = 200;
        jobs[i].n_threads = 3;
        assert_int_equal(pthread_create(&ids[i], NULL, session, &jobs[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(ids[i], NULL), 0);
        assert_int_equal(atomic_load(&jobs[i].bad), 0);
    }
    mlm_threads_free(t);
}

static void test_limits(void **state)
{
    (void)state;
    mlm_threads *t = NULL;
    assert_int_equal(mlm_threads_create(&t, 0), MLM_E_RANGE);
    assert_message_has("is 0, must be from 1 to 256");
    assert_int_equal(mlm_threads_create(&t, 257), MLM_E_RANGE);
    assert_null(t);
    int cores = mlm_cores_available();
    assert_true(cores >= 1 && cores <= 1 << 16);
    if (!alloc_fail_works())
        skip();
    alloc_fail_at(1, ALLOC_FAIL_FOREVER);
    mlm_status status = mlm_threads_create(&t, 2);
    (void)alloc_fail_stop();
    assert_int_equal(status, MLM_E_NOMEM);
    assert_null(t);
}

/* Address space for a few stacks only. */
static void test_fewer_than_wanted(void **state)
{
    struct rlimit before, little;
    long          pages = 0;
    mlm_threads  *t     = NULL;
    (void)state;
    if (!alloc_fail_works()) /* a sanitizer owns the address space */
        skip();
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld", &pages), 1);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    little          = before;
    little.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)24 << 20);
    assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
    mlm_status strict = mlm_threads_create(&t, 256);
    bool       none   = t == NULL;
    mlm_status most   = none ? mlm_threads_create_most(&t, 256) : MLM_OK;
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(strict, MLM_E_NOMEM);
    assert_true(none);
    assert_int_equal(most, MLM_OK);
    assert_in_range(mlm_threads_count(t), 1, 255);
    mlm_threads_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_items),
        cmocka_unit_test(test_after_sleep),
        cmocka_unit_test(test_really_parallel),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_fewer_than_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
