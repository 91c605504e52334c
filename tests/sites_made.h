/* tests/sites_made.h - random sets of sites for tests, in any order. */
#ifndef GLINT_TESTS_SITES_MADE_H
#define GLINT_TESTS_SITES_MADE_H
#include "tests/kernels.h"
#include "voxel/rules.h"

/* Sites where a random number falls below `share`; shuffled unless in_order. Not indexed; free() the memory.
 */
static inline void *sites_made(uint64_t *random, const int32_t dim[3], float share, bool in_order,
                               struct glint_sites *s)
{
    const int32_t cap = dim[0] * dim[1] * dim[2];
    void *memory = kernel_alloc(glint_sites_bytes(cap));
    glint_sites_init(s, memory, cap, dim);
    for (int32_t i = 0; i < cap; i++)
        if (glint_test_uniform(random, 0, 1) < share) {
            s->coord[3 * s->n] = i % dim[0];
            s->coord[3 * s->n + 1] = i / dim[0] % dim[1];
            s->coord[3 * s->n + 2] = i / dim[0] / dim[1];
            s->n++;
        }
    for (int32_t i = s->n - 1; i > 0 && !in_order; i--) {
        const int32_t k = (int32_t)(glint_test_random(random) % (uint64_t)(i + 1));
        for (int a = 0; a < 3; a++) {
            const int32_t c = s->coord[3 * i + a];
            s->coord[3 * i + a] = s->coord[3 * k + a];
            s->coord[3 * k + a] = c;
        }
    }
    return memory;
}

/* The row of a cell by looking at all of them. */
static inline int32_t sites_slow_find(const struct glint_sites *s, int32_t x, int32_t y, int32_t z)
{
    for (int32_t i = 0; i < s->n; i++)
        if (s->coord[3 * i] == x && s->coord[3 * i + 1] == y && s->coord[3 * i + 2] == z)
            return i;
    return -1;
}

/* The input row that kernel cell `cell` of output row o sees, or -1, by looking. */
static inline int32_t sites_slow_pair(const struct glint_stencil *k, const struct glint_sites *in,
                                      const struct glint_sites *out, int32_t o, int32_t cell)
{
    int32_t at[3];
    for (int a = 0; a < 3; a++) {
        at[a] = out->coord[3 * o + a] * k->stride[a] - k->pad[a] + cell % k->size[a];
        cell /= k->size[a];
    }
    return sites_slow_find(in, at[0], at[1], at[2]);
}

/* Stencils of the networks, and odd ones. */
static const struct glint_stencil sites_stencils[] = {
    {{3, 3, 3}, {1, 1, 1}, {1, 1, 1}}, {{5, 5, 5}, {1, 1, 1}, {2, 2, 2}}, {{3, 3, 3}, {2, 2, 2}, {1, 1, 1}},
    {{3, 3, 3}, {2, 2, 2}, {1, 1, 0}}, {{1, 1, 3}, {1, 1, 2}, {0, 0, 0}}, {{2, 3, 1}, {2, 1, 3}, {0, 2, 0}},
    {{1, 1, 1}, {1, 1, 1}, {0, 0, 0}},
};
#define SITES_STENCILS ((int)(sizeof sites_stencils / sizeof *sites_stencils))
#endif
