/* voxel/voxel.h - points to pillars (voxels): filter, cell, stable sort, unique. The order of voxels and of
 * the points inside them never depends on timing or thread count. */
#ifndef GLINT_VOXEL_VOXEL_H
#define GLINT_VOXEL_VOXEL_H
#include "glint/frame.h"
#include "voxel/cell.h"

/* The result, in memory of the caller (glint_voxels_init carves it from an arena), valid until the next
 * glint_voxelize. Every input point is accounted for: n_in = n_points + n_rejected + n_clipped + n_dropped.
 */
struct glint_voxels {
    int32_t cap_points, cap_voxels;
    int32_t n_points; /* in the voxels below */
    int32_t n_voxels;
    const int32_t *point;    /* n_points: index of the input point; sorted by voxel, input order inside one */
    int32_t *start;          /* n_voxels + 1: first entry of `point` of each voxel */
    int32_t *coord;          /* n_voxels x 3: x, y, z cell */
    const int32_t *shown;    /* n_voxels: the voxels in another order, for those who show them; or NULL */
    const int32_t *rejected; /* n_rejected: their input indices, ascending */
    int64_t n_in;            /* points given */
    int64_t n_rejected;      /* by filter, grid, or not finite */
    int64_t n_clipped;       /* in voxels beyond cap_voxels: whole voxels are lost, the last ones in order */
    int64_t n_dropped;       /* in the first voxel, with drop_first */
    /* private scratch, cap_points each */
    uint32_t *key[2];
    int32_t *order[2];
};

/* What glint_voxels_init takes from an arena. */
size_t glint_voxels_bytes(int32_t cap_points, int32_t cap_voxels);

/* Capacities >= 1. GLINT_E_ARG, GLINT_E_NOMEM when the arena is too small. */
int glint_voxels_init(struct glint_voxels *v, struct glint_arena *arena, int32_t cap_points,
                      int32_t cap_voxels);

/* Fills v; GLINT_OK also for no points at all. Leaves out the filter of g with no_filter. GLINT_E_CAPACITY
 * for more than cap_points points, GLINT_E_ARG for a grid that glint_grid_check refuses; v is then empty.
 * Uses x's threads, no scratch of x, and allocates nothing. */
int glint_voxelize(struct glint_exec *x, const struct glint_grid *g, const struct glint_points *points,
                   bool no_filter, struct glint_voxels *v);
#endif
