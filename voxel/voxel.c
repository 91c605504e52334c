/* voxel/voxel.c - see voxel.h.
 *
 * Cell numbers, a stable sort of them, runs of equal ones. Refused points carry the number one past the last
 * cell, so that the same sort gathers them, ascending, behind the others, and lists of kept and refused
 * points are two views of one permutation. */
#include "voxel/voxel.h"
#include "voxel/sort.h"
#include "voxel/unique.h"

#define CELL_GRAIN 8192 /* points per piece of work: some microseconds */

size_t glint_voxels_bytes(int32_t cap_points, int32_t cap_voxels)
{
    if (cap_points < 1 || cap_voxels < 1)
        return 0;
    return 4 * glint_arena_round((size_t)cap_points * 4) + glint_arena_round(((size_t)cap_voxels + 1) * 4) +
           glint_arena_round((size_t)cap_voxels * 12);
}

int glint_voxels_init(struct glint_voxels *v, struct glint_arena *arena, int32_t cap_points,
                      int32_t cap_voxels)
{
    *v = (struct glint_voxels){.cap_points = cap_points, .cap_voxels = cap_voxels};
    if (cap_points < 1 || cap_voxels < 1)
        return glint_fail(GLINT_E_ARG, "capacities of %d points and %d voxels: at least 1 wanted", cap_points,
                          cap_voxels);
    for (int i = 0; i < 2; i++) {
        v->key[i] = glint_arena_alloc(arena, (size_t)cap_points * sizeof *v->key[i]);
        v->order[i] = glint_arena_alloc(arena, (size_t)cap_points * sizeof *v->order[i]);
    }
    v->start = glint_arena_alloc(arena, ((size_t)cap_voxels + 1) * sizeof *v->start);
    v->coord = glint_arena_alloc(arena, (size_t)cap_voxels * 3 * sizeof *v->coord);
    if (!v->key[0] || !v->key[1] || !v->order[0] || !v->order[1] || !v->start || !v->coord)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d points and %d voxels", cap_points, cap_voxels);
    v->start[0] = 0;
    v->point = v->rejected = v->order[0];
    return GLINT_OK;
}

struct cell_job {
    const struct glint_grid *grid;
    const struct glint_points *points;
    glint_cell_fn *fn;
    uint32_t *number;
};

static void cell_piece(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct cell_job *job = ctx;
    const struct glint_points *p = job->points;
    job->fn(job->grid, p->x + begin, p->y + begin, p->z + begin, (int32_t)(end - begin), job->number + begin);
}

/* First position in ascending keys whose value is at least `wanted`. */
static int32_t lower_bound(const uint32_t *key, int32_t n, uint32_t wanted)
{
    int32_t first = 0;
    while (n > 0) {
        const int32_t half = n / 2;
        if (key[first + half] < wanted) {
            first += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return first;
}

/* The end of the run that starts an ascending list. */
static int32_t first_run(const uint32_t *key, int32_t n)
{
    return n > 0 ? lower_bound(key, n, key[0] + 1) : 0;
}

/* Numbers ascend, so most voxels lie in the row of the one before: two divisions per row instead of per
 * voxel. */
static void write_coords(const struct glint_grid *g, const uint32_t *key, struct glint_voxels *v)
{
    const int fast = !g->x_major ? 0 : g->dim[2] > 1 ? 2 : 1; /* x, z, or y where there is one z */
    const uint32_t n_fast = (uint32_t)g->dim[fast];
    uint32_t row_begin = 0;
    int32_t row[3] = {0, 0, 0};
    for (int32_t i = 0; i < v->n_voxels; i++) {
        const uint32_t number = key[v->start[i]];
        int32_t *coord = v->coord + 3 * (int64_t)i;
        if (number - row_begin >= n_fast) {
            glint_grid_coord(g, number, row);
            row_begin = number - (uint32_t)row[fast];
        }
        for (int k = 0; k < 3; k++)
            coord[k] = row[k];
        coord[fast] = (int32_t)(number - row_begin);
    }
}

static void clear(struct glint_voxels *v)
{
    v->n_points = v->n_voxels = 0;
    v->n_in = v->n_rejected = v->n_clipped = v->n_dropped = 0;
    v->start[0] = 0;
    v->shown = NULL;
}

int glint_voxelize(struct glint_exec *x, const struct glint_grid *g, const struct glint_points *points,
                   bool no_filter, struct glint_voxels *v)
{
    clear(v);
    GLINT_TRY(glint_grid_check(g));
    const int32_t n = points->n;
    if (n < 0 || n > v->cap_points)
        return glint_fail(GLINT_E_CAPACITY, "%d points in a frame, the capacity is %d", n, v->cap_points);
    struct glint_grid grid = *g;
    grid.filter = g->filter && !no_filter;
    struct cell_job job = {.grid = &grid, .points = points, .number = v->key[0]};
    job.fn = glint_cell_get(x->isa);
    glint_pool_for(x->pool, n, CELL_GRAIN, cell_piece, &job);

    const uint32_t n_cells = glint_grid_cells(&grid);
    const int side = glint_sort(x, v->key, n, glint_sort_bits(n_cells), v->order[0], v->order[1], true);
    const uint32_t *key = v->key[side];
    const int32_t n_inside = lower_bound(key, n, n_cells);
    const int32_t skip = grid.drop_first ? first_run(key, n_inside) : 0;
    v->n_voxels = glint_unique(key + skip, n_inside - skip, v->cap_voxels, v->start);
    v->n_points = v->start[v->n_voxels];
    v->point = v->order[0] + skip;
    v->rejected = v->order[0] + n_inside;
    v->n_in = n;
    v->n_rejected = n - n_inside;
    v->n_dropped = skip;
    v->n_clipped = n_inside - skip - v->n_points;
    write_coords(&grid, key + skip, v);
    return GLINT_OK;
}
