/* core/pool.h - worker threads and a parallel for. */
#ifndef GLINT_CORE_POOL_H
#define GLINT_CORE_POOL_H
#include <stdint.h>

struct glint_pool;

/* Items begin <= i < end, by worker 0 <= worker < glint_pool_threads(pool). */
typedef void glint_pool_fn(void *ctx, int64_t begin, int64_t end, int worker);

/* n_threads in all, the caller's counted: n_threads - 1 are started. GLINT_E_NOMEM, GLINT_E_ARG. */
int glint_pool_open(int n_threads, struct glint_pool **pool_out);
void glint_pool_close(struct glint_pool *pool); /* NULL is fine */

/* Keeps each started thread on a CPU of its own, of those that the process may use (the caller stays free,
 * the first CPU is left to it). GLINT_E_ARG when there are fewer CPUs than threads, GLINT_E_DEVICE. */
int glint_pool_pin(struct glint_pool *pool);

int glint_pool_threads(const struct glint_pool *pool); /* 1 for NULL */

/* Calls fn over 0..n-1 in pieces of at most `grain` items and returns when all are done. Which
 * worker gets which piece depends on timing, so results must not; workers that are not awake in time get
 * none. A NULL pool, or a single piece, runs in the caller. One caller at a time; not from inside fn.
 * Allocates nothing. */
void glint_pool_for(struct glint_pool *pool, int64_t n, int64_t grain, glint_pool_fn *fn, void *ctx);
#endif
