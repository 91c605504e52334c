/* voxel/voxel.h - points to pillars (voxels): filter, cell, stable sort, unique. The order of voxels and of the
 * points inside them never depends on timing or thread count. */
#ifndef GLINT_VOXEL_VOXEL_H
#define GLINT_VOXEL_VOXEL_H
#include "core/exec.h"
#include "glint/frame.h"

/* A point is kept when it is finite and (if filter) keep_lo < v < keep_hi strictly on each axis (infinite
 * bounds: that axis is free), and its cell t = floor((v - origin) / cell), in float with a true subtraction
 * and division, lies in 0 <= t < dim; with `clamp` t is clamped into the grid instead of being refused. */
struct glint_grid {
    float origin[3];
    float cell[3];
    int32_t dim[3];
    float keep_lo[3], keep_hi[3];
    bool filter, clamp;
    bool x_major; /* voxels sorted by (z, x, y) instead of (z, y, x) */
    bool drop_first; /* lose the first voxel and its points, as the CUDA reference of FlatFormer does */
};

/* The result, in memory of the caller (glint_voxels_init carves it from an arena). */
struct glint_voxels {
    int32_t cap_points, cap_voxels;
    int32_t n_points;     /* kept points */
    int32_t n_voxels;
    int32_t *point;       /* n_points: index of the input point; sorted by voxel, input order inside one */
    int32_t *start;       /* n_voxels + 1: first entry of `point` of each voxel */
    int32_t *coord;       /* n_voxels x 3: x, y, z cell */
    int64_t n_in, n_rejected /* filter, grid, not finite */, n_clipped /* beyond cap_voxels: whole voxels */;
    int32_t *rejected;    /* cap_points: indices of the n_rejected points, ascending */
    /* private scratch */
    uint32_t *key[2];
    int32_t *index[2];
};

size_t glint_voxels_bytes(int32_t cap_points, int32_t cap_voxels);
int glint_voxels_init(struct glint_voxels *v, struct glint_arena *arena, int32_t cap_points, int32_t cap_voxels);

/* GLINT_OK also for no points at all. points->n <= cap_points or GLINT_E_CAPACITY. filter = g->filter unless
 * no_filter. */
int glint_voxelize(struct glint_exec *x, const struct glint_grid *g, const struct glint_points *points,
                   bool no_filter, struct glint_voxels *v);
#endif
