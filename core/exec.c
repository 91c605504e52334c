/* core/exec.c - see exec.h. */
#include "core/exec.h"
#include <stdlib.h>

int glint_exec_init(struct glint_exec *x, unsigned isa, int n_threads, size_t scratch_bytes)
{
    *x = (struct glint_exec){.isa = isa};
    GLINT_TRY(glint_pool_open(n_threads, &x->pool));
    x->scratch = calloc((size_t)n_threads, sizeof *x->scratch);
    int status = x->scratch ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for %d workers", n_threads);
    for (int i = 0; i < n_threads && status == GLINT_OK; i++) {
        status = glint_arena_init(&x->scratch[i], scratch_bytes);
        if (status == GLINT_OK)
            x->n_workers++;
    }
    if (status != GLINT_OK)
        glint_exec_fini(x);
    return status;
}

void glint_exec_fini(struct glint_exec *x)
{
    for (int i = 0; i < x->n_workers; i++)
        glint_arena_fini(&x->scratch[i]);
    free(x->scratch);
    glint_pool_close(x->pool);
    *x = (struct glint_exec){0};
}

int glint_exec_wait(struct glint_exec *x)
{
    (void)x;
    return GLINT_OK;
}
