/* core/exec.h - where work runs: instruction set, threads, scratch memory, trace. One per model;
 * used by one thread at a time. */
#ifndef GLINT_CORE_EXEC_H
#define GLINT_CORE_EXEC_H
#include "core/arena.h"
#include "core/cpu.h"
#include "core/pool.h"
#include "core/status.h"

struct glint_exec {
    unsigned isa;                /* GLINT_ISA_* that kernels may use */
    struct glint_pool *pool;     /* NULL: one thread */
    int n_workers;               /* = glint_pool_threads(pool) */
    struct glint_arena *scratch; /* one per worker; scratch[w] belongs to worker w inside a parallel for,
                                  * scratch[0] also to the caller outside of one */
};

/* n_threads >= 1; scratch_bytes per worker. GLINT_E_NOMEM, GLINT_E_ARG. */
int glint_exec_init(struct glint_exec *x, unsigned isa, int n_threads, size_t scratch_bytes);
void glint_exec_fini(struct glint_exec *x);

/* Results of all kernels called so far are ready (at once on the CPU). */
int glint_exec_wait(struct glint_exec *x);
#endif
