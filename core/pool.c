/* core/pool.c - see pool.h.
 *
 * One job at a time: its pieces are taken by an atomic counter, so that a slow worker leaves the
 * rest to the others. Workers spin briefly for the next job before they sleep: the parallel loops
 * of a frame follow each other within microseconds. */
#define _GNU_SOURCE
#include "core/pool.h"
#include "core/status.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define SPINS 2000

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
    _Atomic uint64_t job; /* number of the current job; changes under the mutex */
    bool quit;            /* under the mutex */
    int busy;             /* workers that have not finished the job, under the mutex */
    glint_pool_fn *fn;
    void *ctx;
    int64_t n, grain;
    _Atomic int64_t next;
};

static void take_pieces(struct glint_pool *p, int worker)
{
    for (;;) {
        const int64_t begin = atomic_fetch_add_explicit(&p->next, p->grain, memory_order_relaxed);
        if (begin >= p->n)
            return;
        p->fn(p->ctx, begin, begin + p->grain < p->n ? begin + p->grain : p->n, worker);
    }
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct glint_pool *p = w->pool;
    uint64_t seen = 0;
    for (;;) {
        for (int i = 0; i < SPINS && atomic_load_explicit(&p->job, memory_order_relaxed) == seen; i++)
#if GLINT_HAVE_X86
            __builtin_ia32_pause();
#else
            ;
#endif
        pthread_mutex_lock(&p->mutex);
        while (atomic_load_explicit(&p->job, memory_order_relaxed) == seen && !p->quit)
            pthread_cond_wait(&p->wake, &p->mutex);
        const bool quit = p->quit;
        seen = atomic_load_explicit(&p->job, memory_order_relaxed);
        pthread_mutex_unlock(&p->mutex);
        if (quit)
            return NULL;
        take_pieces(p, w->index);
        pthread_mutex_lock(&p->mutex);
        if (--p->busy == 0)
            pthread_cond_signal(&p->done);
        pthread_mutex_unlock(&p->mutex);
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
    pthread_mutex_lock(&p->mutex);
    p->quit = true;
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

int glint_pool_threads(const struct glint_pool *p)
{
    return p ? p->n_threads : 1;
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
    pthread_mutex_lock(&p->mutex);
    p->fn = fn;
    p->ctx = ctx;
    p->n = n;
    p->grain = grain;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    p->busy = p->n_started;
    atomic_fetch_add_explicit(&p->job, 1, memory_order_relaxed);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->mutex);
    take_pieces(p, 0);
    pthread_mutex_lock(&p->mutex);
    while (p->busy > 0)
        pthread_cond_wait(&p->done, &p->mutex);
    pthread_mutex_unlock(&p->mutex);
}
