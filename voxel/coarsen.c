/* voxel/coarsen.c - see coarsen.h. A stable sort by coarse cell, and its runs. */
#include "voxel/coarsen.h"
#include "core/status.h"
#include "voxel/sort.h"
#include "voxel/unique.h"

static size_t carve(struct glint_coarse *c, uint8_t *memory, int32_t cap)
{
    const size_t rows = glint_arena_round((size_t)cap * 4);
    if (memory)
        *c = (struct glint_coarse){.cap = cap,
                                   .member = (int32_t *)memory,
                                   .slot = (int32_t *)(memory + rows),
                                   .key = {(uint32_t *)(memory + 2 * rows), (uint32_t *)(memory + 3 * rows)},
                                   .order_work = (int32_t *)(memory + 4 * rows),
                                   .coord = (int32_t *)(memory + 5 * rows),
                                   .start = (int32_t *)(memory + 8 * rows)};
    return 8 * rows + glint_arena_round(((size_t)cap + 1) * 4);
}

size_t glint_coarse_bytes(int32_t cap)
{
    return carve(NULL, NULL, cap);
}

void glint_coarse_init(struct glint_coarse *c, void *memory, int32_t cap)
{
    carve(c, memory, cap);
    c->start[0] = 0;
}

static int check(const int32_t dim[3], const int32_t stride[3], const int32_t *coord, int32_t n,
                 int64_t wide[3])
{
    double cells = 1;
    for (int k = 0; k < 3; k++) {
        if (dim[k] < 1 || stride[k] < 1)
            return glint_fail(GLINT_E_ARG, "%d cells along %c by %d: 1 at least wanted", dim[k], "xyz"[k],
                              stride[k]);
        wide[k] = ((int64_t)dim[k] + stride[k] - 1) / stride[k];
        cells *= (double)wide[k];
    }
    if (cells >= 4294967296.0)
        return glint_fail(GLINT_E_ARG, "%.0f coarse cells: too many for 32 bits", cells);
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < 3; k++)
            if (coord[3 * i + k] < 0 || coord[3 * i + k] >= dim[k])
                return glint_fail(GLINT_E_ARG, "row %lld: cell %d along %c, 0 to %d wanted", (long long)i,
                                  coord[3 * i + k], "xyz"[k], dim[k] - 1);
    return GLINT_OK;
}

static void write_members(const int32_t stride[3], const int32_t *coord, struct glint_coarse *c)
{
    for (int32_t i = 0; i < c->n_in; i++) {
        const int32_t *at = coord + 3 * (int64_t)c->member[i];
        c->slot[i] = (at[0] % stride[0] * stride[1] + at[1] % stride[1]) * stride[2] + at[2] % stride[2];
    }
    for (int32_t i = 0; i < c->n; i++) {
        const int32_t *at = coord + 3 * (int64_t)c->member[c->start[i]];
        for (int k = 0; k < 3; k++)
            c->coord[3 * (int64_t)i + k] = at[k] / stride[k];
    }
}

int glint_coarsen(struct glint_exec *x, const int32_t dim[3], const int32_t stride[3], const int32_t *coord,
                  int32_t n, struct glint_coarse *c)
{
    int64_t wide[3];
    c->n = c->n_in = c->start[0] = 0;
    GLINT_TRY(check(dim, stride, coord, n, wide));
    for (int64_t i = 0; i < n; i++) {
        const int32_t *at = coord + 3 * i;
        c->key[0][i] =
            (uint32_t)((at[0] / stride[0] * wide[1] + at[1] / stride[1]) * wide[2] + at[2] / stride[2]);
    }
    const uint32_t largest = (uint32_t)(wide[0] * wide[1] * wide[2] - 1);
    const int side = glint_sort(x, c->key, n, glint_sort_bits(largest), c->member, c->order_work, true);
    c->n_in = n;
    c->n = glint_unique(c->key[side], n, c->cap, c->start);
    write_members(stride, coord, c);
    return GLINT_OK;
}
