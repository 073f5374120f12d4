/*
 * mlm_threads.c: a pool for short data-parallel loops (a decoded token is some hundred loops of 5-50 us).
 *
 * One 64-bit word holds the state of the current loop: how many workers are inside (ACTIVE), whether more
 * may enter (OPEN), whether the caller sleeps until they have left (WAITED), and the loop's number.  A worker
 * enters by a compare-and-swap, so one that wakes late finds the loop closed and nobody waits for it.
 * Idle workers spin for SPIN_NS, then sleep on a condition; with more threads than cores they do not spin.
 */
#include "kernels/base/mlm_threads.h"

#include "kernels/base/mlm_file.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_THREADS 256
#define SPIN_NS     40000
#define ACTIVE      ((uint64_t)0xffff)
#define OPEN        ((uint64_t)1 << 16)
#define WAITED      ((uint64_t)1 << 17)
#define LOOP_ONE    ((uint64_t)1 << 18)
#define LOOP_MASK   (~(LOOP_ONE - 1))

typedef struct worker {
    mlm_threads *pool;
    pthread_t    id;
    int          index;
} worker;

struct mlm_threads {
    _Alignas(64) _Atomic uint64_t state;
    _Alignas(64) _Atomic int64_t next_piece;
    /* The loop: written by the caller while no worker is inside. */
    _Alignas(64) mlm_range_fn fn;
    void   *payload;
    int64_t n, grain, n_pieces;
    _Alignas(64) _Atomic int n_sleeping;
    atomic_bool     busy, stop;
    pthread_mutex_t lock;
    pthread_cond_t  wake, left;
    int             n_threads, n_started;
    bool            may_spin;
    worker          workers[MAX_THREADS];
};

static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

static int64_t now_ns(void)
{
    struct timespec t = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_nsec;
}

static void run_pieces(mlm_threads *t, int thread)
{
    for (;;) {
        int64_t piece = atomic_fetch_add_explicit(&t->next_piece, 1, memory_order_relaxed);
        if (piece >= t->n_pieces)
            return;
        int64_t from = piece * t->grain;
        int64_t to   = t->n - from > t->grain ? from + t->grain : t->n;
        t->fn(from, to, thread, t->payload);
    }
}

static bool is_news(mlm_threads *t, uint64_t seen)
{
    uint64_t s = atomic_load(&t->state);
    return ((s & OPEN) != 0 && (s & LOOP_MASK) != seen) || atomic_load(&t->stop);
}

static void wait_for_news(mlm_threads *t, uint64_t seen)
{
    if (t->may_spin) {
        int64_t end = now_ns() + SPIN_NS;
        do {
            for (int i = 0; i < 32; i++) {
                if (is_news(t, seen))
                    return;
                cpu_relax();
            }
        } while (now_ns() < end);
    }
    (void)pthread_mutex_lock(&t->lock);
    /* n_sleeping is raised before the state is read again, and the caller writes the state before it reads
     * n_sleeping (both sequentially consistent): one of the two sees the other. */
    atomic_fetch_add(&t->n_sleeping, 1);
    while (!is_news(t, seen))
        (void)pthread_cond_wait(&t->wake, &t->lock);
    atomic_fetch_sub(&t->n_sleeping, 1);
    (void)pthread_mutex_unlock(&t->lock);
}

static void *worker_main(void *arg)
{
    const worker *w    = arg;
    mlm_threads  *t    = w->pool;
    uint64_t      seen = 0;
    for (;;) {
        wait_for_news(t, seen);
        if (atomic_load(&t->stop))
            return NULL;
        uint64_t s = atomic_load(&t->state);
        if ((s & OPEN) == 0 || (s & LOOP_MASK) == seen ||
            !atomic_compare_exchange_strong(&t->state, &s, s + 1))
            continue;
        seen = s & LOOP_MASK;
        run_pieces(t, w->index);
        uint64_t before = atomic_fetch_sub(&t->state, 1);
        if ((before & WAITED) != 0 && (before & ACTIVE) == 1) {
            (void)pthread_mutex_lock(&t->lock);
            (void)pthread_cond_signal(&t->left);
            (void)pthread_mutex_unlock(&t->lock);
        }
    }
}

static void wake_workers(mlm_threads *t)
{
    int     sleeping = atomic_load(&t->n_sleeping);
    int64_t useful   = t->n_pieces - 1;
    if (sleeping == 0)
        return;
    (void)pthread_mutex_lock(&t->lock);
    if (useful >= sleeping) {
        (void)pthread_cond_broadcast(&t->wake);
    } else {
        for (int64_t i = 0; i < useful; i++)
            (void)pthread_cond_signal(&t->wake);
    }
    (void)pthread_mutex_unlock(&t->lock);
}

static void wait_until_left(mlm_threads *t)
{
    if (t->may_spin) {
        int64_t end = now_ns() + SPIN_NS;
        do {
            for (int i = 0; i < 32; i++) {
                if ((atomic_load(&t->state) & ACTIVE) == 0)
                    return;
                cpu_relax();
            }
        } while (now_ns() < end);
    }
    if ((atomic_fetch_or(&t->state, WAITED) & ACTIVE) == 0)
        return;
    (void)pthread_mutex_lock(&t->lock);
    while ((atomic_load(&t->state) & ACTIVE) != 0)
        (void)pthread_cond_wait(&t->left, &t->lock);
    (void)pthread_mutex_unlock(&t->lock);
}

void mlm_parallel_for(mlm_threads *t, int64_t n, int64_t grain, mlm_range_fn fn, void *payload)
{
    if (n <= 0)
        return;
    if (grain < 1)
        grain = 1;
    if (!t || t->n_threads == 1 || n <= grain || atomic_exchange(&t->busy, true)) {
        fn(0, n, 0, payload);
        return;
    }
    t->fn       = fn;
    t->payload  = payload;
    t->n        = n;
    t->grain    = grain;
    t->n_pieces = n / grain + (n % grain != 0);
    atomic_store_explicit(&t->next_piece, 0, memory_order_relaxed);
    uint64_t loop = (atomic_load(&t->state) & LOOP_MASK) + LOOP_ONE;
    atomic_store(&t->state, loop | OPEN);
    wake_workers(t);
    run_pieces(t, 0);
    if ((atomic_fetch_and(&t->state, ~OPEN) & ACTIVE) != 0)
        wait_until_left(t);
    atomic_store(&t->busy, false);
}

/* Signals belong to the program's own threads: workers are started with all of them blocked.  They do not read
 * n_threads, so it can still shrink here. */
static mlm_status start_workers(mlm_threads *t, bool fewer)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = 0;
    for (int i = 1; i < t->n_threads && code == 0; i++) {
        t->workers[i] = (worker){.pool = t, .index = i};
        code          = pthread_create(&t->workers[i].id, NULL, worker_main, &t->workers[i]);
        if (code == 0) {
            t->n_started++;
            (void)pthread_setname_np(t->workers[i].id, "mlm-worker");
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0 && fewer) {
        t->n_threads = t->n_started + 1;
    } else if (code != 0) {
        char text[128];
        return mlm_fail(MLM_E_NOMEM, "cannot start thread %d of %d: %s", t->n_started + 2, t->n_threads,
                        strerror_r(code, text, sizeof text));
    }
    return MLM_OK;
}

static mlm_status create(mlm_threads **out, int n_threads, bool fewer)
{
    *out = NULL;
    if (n_threads < 1 || n_threads > MAX_THREADS)
        return mlm_fail(MLM_E_RANGE, "the number of threads is %d, must be from 1 to %d", n_threads,
                        MAX_THREADS);
    mlm_threads *t = aligned_alloc(64, sizeof *t);
    if (!t)
        return mlm_fail_nomem(sizeof *t, "a thread pool");
    memset(t, 0, sizeof *t);
    t->n_threads = n_threads;
    t->may_spin  = n_threads <= mlm_cores_available();
    int code     = pthread_mutex_init(&t->lock, NULL);
    if (code == 0 && (code = pthread_cond_init(&t->wake, NULL)) != 0)
        (void)pthread_mutex_destroy(&t->lock);
    if (code == 0 && (code = pthread_cond_init(&t->left, NULL)) != 0) {
        (void)pthread_cond_destroy(&t->wake);
        (void)pthread_mutex_destroy(&t->lock);
    }
    if (code != 0) {
        free(t);
        return mlm_fail(MLM_E_NOMEM, "cannot create a lock for a pool of %d threads", n_threads);
    }
    mlm_status status = start_workers(t, fewer);
    if (status != MLM_OK) {
        mlm_threads_free(t);
        return status;
    }
    *out = t;
    return MLM_OK;
}

mlm_status mlm_threads_create(mlm_threads **out, int n_threads)
{
    return create(out, n_threads, false);
}

mlm_status mlm_threads_create_most(mlm_threads **out, int n_threads)
{
    return create(out, n_threads, true);
}

void mlm_threads_free(mlm_threads *t)
{
    if (!t)
        return;
    (void)pthread_mutex_lock(&t->lock);
    atomic_store(&t->stop, true);
    (void)pthread_cond_broadcast(&t->wake);
    (void)pthread_mutex_unlock(&t->lock);
    for (int i = 1; i <= t->n_started; i++)
        (void)pthread_join(t->workers[i].id, NULL);
    (void)pthread_cond_destroy(&t->left);
    (void)pthread_cond_destroy(&t->wake);
    (void)pthread_mutex_destroy(&t->lock);
    free(t);
}

int mlm_threads_count(const mlm_threads *t)
{
    return t->n_threads;
}
