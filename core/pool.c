/* core/pool.c - see pool.h.
 *
 * One job at a time: its pieces are taken by an atomic counter, so that a slow worker leaves the rest to the
 * others. A job is open while its caller works on it; workers that come in time join, those that come late
 * (it takes tens of microseconds to wake a thread, more than many a loop of a frame) are not waited for. All
 * of that is one atomic word: the job's number, whether it is open, how many have joined. Everybody spins
 * briefly before sleeping: the parallel loops of a frame follow each other within microseconds. */
#define _GNU_SOURCE
#include "core/pool.h"
#include "core/status.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define SPINS  2000
#define OPEN   (UINT64_C(1) << 31)
#define JOINED (OPEN - 1)
#define NUMBER 32 /* the job's number: the word's upper half */

struct worker {
    struct glint_pool *pool;
    pthread_t thread;
    int index;
};

struct glint_pool {
    int n_threads, n_started;
    struct worker *workers; /* n_threads - 1 */
    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    _Atomic uint64_t state;
    _Atomic int sleepers;       /* workers that wait for `wake` */
    _Atomic bool quit, waiting; /* waiting: the caller for `done` */
    glint_pool_fn *fn;          /* the job; its caller changes it while nobody has joined */
    void *ctx;
    int64_t n, grain;
    _Atomic int64_t next;
};

static void pause_a_little(void)
{
#if GLINT_HAVE_X86
    __builtin_ia32_pause();
#endif
}

static void take_pieces(struct glint_pool *p, int worker)
{
    for (;;) {
        const int64_t begin = atomic_fetch_add_explicit(&p->next, p->grain, memory_order_relaxed);
        if (begin >= p->n)
            return;
        p->fn(p->ctx, begin, begin + p->grain < p->n ? begin + p->grain : p->n, worker);
    }
}

/* Sequentially consistent throughout: who goes to sleep announces it and looks once more, who has news tells
 * them and looks for sleepers. */

static bool has_news(struct glint_pool *p, uint64_t seen)
{
    return atomic_load(&p->state) >> NUMBER != seen || atomic_load(&p->quit);
}

static void wait_for_news(struct glint_pool *p, uint64_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (has_news(p, seen))
            return;
        pause_a_little();
    }
    pthread_mutex_lock(&p->mutex);
    atomic_fetch_add(&p->sleepers, 1);
    while (!has_news(p, seen))
        pthread_cond_wait(&p->wake, &p->mutex);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->mutex);
}

/* Joins the current job if it is open still. */
static bool join(struct glint_pool *p, uint64_t *seen)
{
    uint64_t state = atomic_load(&p->state);
    while (state & OPEN)
        if (atomic_compare_exchange_weak(&p->state, &state, state + 1))
            break;
    *seen = state >> NUMBER;
    return state & OPEN;
}

static void leave(struct glint_pool *p)
{
    const uint64_t state = atomic_fetch_sub(&p->state, 1) - 1;
    if ((state & (OPEN | JOINED)) || !atomic_load(&p->waiting))
        return;
    pthread_mutex_lock(&p->mutex);
    pthread_cond_signal(&p->done);
    pthread_mutex_unlock(&p->mutex);
}

static void *worker_main(void *arg)
{
    const struct worker *w = arg;
    uint64_t seen = 0;
    for (;;) {
        wait_for_news(w->pool, seen);
        if (atomic_load(&w->pool->quit))
            return NULL;
        if (join(w->pool, &seen)) {
            take_pieces(w->pool, w->index);
            leave(w->pool);
        }
    }
}

int glint_pool_open(int n_threads, struct glint_pool **pool_out)
{
    *pool_out = NULL;
    if (n_threads < 1 || n_threads > 1024)
        return glint_fail(GLINT_E_ARG, "%d threads: 1 to 1024 wanted", n_threads);
    struct glint_pool *p = calloc(1, sizeof *p);
    struct worker *workers = calloc((size_t)n_threads, sizeof *workers);
    if (!p || !workers) {
        free(p);
        free(workers);
        return glint_fail(GLINT_E_NOMEM, "no memory for %d threads", n_threads);
    }
    p->n_threads = n_threads;
    p->workers = workers;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->done, NULL);
    for (int i = 0; i < n_threads - 1; i++) {
        workers[i] = (struct worker){.pool = p, .index = i + 1};
        if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) != 0) {
            glint_pool_close(p);
            return glint_fail(GLINT_E_NOMEM, "cannot start thread %d of %d", i + 1, n_threads);
        }
        p->n_started++;
    }
    *pool_out = p;
    return GLINT_OK;
}

void glint_pool_close(struct glint_pool *p)
{
    if (!p)
        return;
    atomic_store(&p->quit, true);
    pthread_mutex_lock(&p->mutex);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->mutex);
    for (int i = 0; i < p->n_started; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->mutex);
    free(p->workers);
    free(p);
}

/* The CPU with `skip` others of the set before it, CPU_SETSIZE: there are not so many. */
static size_t nth_cpu(const cpu_set_t *set, int skip)
{
    size_t cpu = 0;
    while (cpu < CPU_SETSIZE && !(CPU_ISSET(cpu, set) && skip-- == 0))
        cpu++;
    return cpu;
}

int glint_pool_pin(struct glint_pool *p)
{
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return glint_fail(GLINT_E_DEVICE, "pinned threads: this system does not tell which CPUs there are");
    if (p->n_threads > CPU_COUNT(&allowed))
        return glint_fail(GLINT_E_ARG, "pinned threads: %d CPUs for %d threads", CPU_COUNT(&allowed),
                          p->n_threads);
    for (int i = 0; i < p->n_started; i++) {
        CPU_ZERO(&one);
        CPU_SET(nth_cpu(&allowed, i + 1), &one);
        if (pthread_setaffinity_np(p->workers[i].thread, sizeof one, &one) != 0)
            return glint_fail(GLINT_E_DEVICE, "pinned threads: thread %d cannot be kept on one CPU", i + 1);
    }
    return GLINT_OK;
}

int glint_pool_threads(const struct glint_pool *p)
{
    return p ? p->n_threads : 1;
}

/* As many as there are pieces for. */
static void wake_sleepers(struct glint_pool *p, int64_t n_pieces)
{
    int64_t sleepers = atomic_load(&p->sleepers);
    if (sleepers == 0)
        return;
    pthread_mutex_lock(&p->mutex);
    if (n_pieces - 1 >= sleepers)
        pthread_cond_broadcast(&p->wake);
    else
        for (; n_pieces > 1; n_pieces--)
            pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->mutex);
}

static void wait_for_workers(struct glint_pool *p)
{
    for (int i = 0; i < SPINS; i++) {
        if (!(atomic_load(&p->state) & JOINED))
            return;
        pause_a_little();
    }
    pthread_mutex_lock(&p->mutex);
    atomic_store(&p->waiting, true);
    while (atomic_load(&p->state) & JOINED)
        pthread_cond_wait(&p->done, &p->mutex);
    atomic_store(&p->waiting, false);
    pthread_mutex_unlock(&p->mutex);
}

void glint_pool_for(struct glint_pool *p, int64_t n, int64_t grain, glint_pool_fn *fn, void *ctx)
{
    if (n <= 0)
        return;
    if (grain < 1)
        grain = 1;
    if (!p || p->n_started == 0 || n <= grain) {
        for (int64_t begin = 0; begin < n; begin += grain)
            fn(ctx, begin, begin + grain < n ? begin + grain : n, 0);
        return;
    }
    p->fn = fn;
    p->ctx = ctx;
    p->n = n;
    p->grain = grain;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    atomic_store(&p->state, ((atomic_load(&p->state) >> NUMBER) + 1) << NUMBER | OPEN);
    wake_sleepers(p, (n + grain - 1) / grain);
    take_pieces(p, 0);
    atomic_fetch_and(&p->state, ~OPEN);
    wait_for_workers(p);
}
