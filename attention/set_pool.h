/* attention/set_pool.h - attention pooling of sparse cells into coarser ones (DSVT: Wang et al., CVPR 2023,
 * section 3.3). A coarse cell has n_slots places; those without a member hold zeros and take part: s_j = the
 * member's row, or 0;  query = max over j of s_j out = norm(attention(query, keys s_j + e_j, values s_j) +
 * query),  e_j the slot's embedding */
#ifndef GLINT_ATTENTION_SET_POOL_H
#define GLINT_ATTENTION_SET_POOL_H
#include "attention/set_layer.h"

#define GLINT_SET_POOL_SLOTS 64

struct glint_set_pool {
    int32_t dim, heads, n_slots;
    struct glint_weights q, k, v, out; /* dim -> dim */
    struct glint_norm_weights norm;
    float norm_eps;
    const float *slots;     /* n_slots x dim: the embeddings */
    const float *empty_key; /* n_slots x dim: k of them, for empty places (glint_set_pool_ready) */
};

struct glint_set_pool_rows {
    int32_t n;             /* coarse cells */
    const float *in;       /* rows of dim */
    const int32_t *start;  /* n + 1: first member of each */
    const int32_t *member; /* rows of `in` */
    const int32_t *slot;   /* of each member: < n_slots, each once in a cell */
    float *out;            /* n x dim */
};

/* Fills empty_key's memory, n_slots x dim. */
void glint_set_pool_ready(struct glint_exec *x, const struct glint_set_pool *pool, float *empty_key);

/* Threads split cells; results do not depend on their number. Scratch per worker: glint_set_pool_scratch.
 * Allocates nothing. GLINT_E_ARG (sizes), GLINT_E_CAPACITY (scratch). */
int glint_set_pool(struct glint_exec *x, const struct glint_set_pool *pool,
                   const struct glint_set_pool_rows *rows);
size_t glint_set_pool_scratch(const struct glint_set_pool *pool);
#endif
