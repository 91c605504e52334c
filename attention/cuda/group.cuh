/* attention/cuda/group.cuh - which tokens a group attends over (attention/flat_layer.h). */
#ifndef GLINT_ATTENTION_CUDA_GROUP_CUH
#define GLINT_ATTENTION_CUDA_GROUP_CUH
#include "attention/flat_layer.h"
#include "core/cuda/kernel.h"

struct glint_group {
    int32_t first;   /* sorted position of its first token */
    int32_t fresh;   /* of the first ones, whose results count */
    int32_t n_keys;  /* attended over */
    int32_t n_total; /* tokens of the frame */
    int32_t size;
};

/* Group k of n tokens; fresh <= 0 where there is no such group. */
static __device__ inline struct glint_group glint_group_of(int32_t k, int32_t size, int32_t n,
                                                           int32_t short_group)
{
    struct glint_group g;
    g.first = k * size;
    g.fresh = n - g.first < size ? n - g.first : size;
    g.n_keys = n < size && short_group == (int32_t)GLINT_SHORT_GROUP_SINGLE ? n : size;
    g.n_total = n;
    g.size = size;
    return g;
}

/* The sorted position of its i-th token, i < n_keys: new ones, then those before them. */
static __device__ inline int32_t glint_group_position(const struct glint_group &g, int32_t i)
{
    if (i < g.fresh)
        return g.first + i;
    return g.n_total < g.size ? i % g.n_total : g.n_total - g.size + (i - g.fresh);
}
#endif
