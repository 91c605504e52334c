/* voxel/cell.h - which grid cell each point falls in. */
#ifndef GLINT_VOXEL_CELL_H
#define GLINT_VOXEL_CELL_H
#include "core/exec.h"
#include <stdbool.h>

#define GLINT_GRID_DIM_MAX (1 << 24) /* cells per axis: exact as a float */

/* A point is kept when it is finite and (if filter) keep_lo < v < keep_hi strictly on each axis (infinite
 * bounds: that axis is free), and its cell t = floor((v - origin) / cell), in float with a true subtraction
 * and division, lies in 0 <= t < dim; with `clamp` t is clamped into the grid instead of being refused. */
struct glint_grid {
    float origin[3]; /* lowest corner, m */
    float cell[3];   /* cell size, m */
    int32_t dim[3];  /* cells */
    float keep_lo[3], keep_hi[3];
    bool filter, clamp;
    bool x_major;    /* cells counted by (x, y, z) instead of (z, y, x) */
    bool drop_first; /* lose the first voxel and its points, as the CUDA reference of FlatFormer does */
};

/* GLINT_E_ARG, with the field, unless origins and sizes are finite, sizes positive, 1 <= dim <=
 * GLINT_GRID_DIM_MAX and the grid has fewer than 2^31 cells; no bound may be NaN. */
int glint_grid_check(const struct glint_grid *g);

/* Number of cells of a checked grid; also the number that refused points get. */
uint32_t glint_grid_cells(const struct glint_grid *g);

/* The x, y, z cell behind a number below glint_grid_cells. */
void glint_grid_coord(const struct glint_grid *g, uint32_t number, int32_t coord_out[3]);

/* Writes the number of the cell of each of n points: (z * dim.y + y) * dim.x + x, with x_major
 * (x * dim.y + y) * dim.z + z; glint_grid_cells(g), one past the last, for a refused point, so that a sort
 * moves those behind all others. g must have passed glint_grid_check; drop_first plays no part. Runs in the
 * calling thread; arrays do not overlap and need no alignment. All versions give the same numbers. */
typedef void glint_cell_fn(const struct glint_grid *g, const float *x, const float *y, const float *z,
                           int32_t n, uint32_t *number_out);
glint_cell_fn glint_cell_c, glint_cell_avx2, glint_cell_avx512;

/* The fastest version within the GLINT_ISA_* bits of isa; 0 is the reference. */
glint_cell_fn *glint_cell_get(unsigned isa);

/* What a version needs of a grid, worked out once per call: without a filter the bounds are infinite, which
 * still refuses just what is not finite; a clamped grid takes any quotient. */
struct glint_cell_rule {
    float origin[3], cell[3], keep_lo[3], keep_hi[3];
    float last[3];      /* (float)(dim - 1) */
    float end[3];       /* (float)dim */
    uint32_t stride[3]; /* of x, y, z in the number */
    uint32_t none;
};
void glint_cell_rule(const struct glint_grid *g, struct glint_cell_rule *rule_out);
#endif
