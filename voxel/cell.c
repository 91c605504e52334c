/* voxel/cell.c - reference version, and the choice of version; see cell.h. */
#include "voxel/cell.h"
#include <math.h>

int glint_grid_check(const struct glint_grid *g)
{
    int64_t cells = 1;
    for (int k = 0; k < 3; k++) {
        const char axis = "xyz"[k];
        if (!isfinite(g->origin[k]))
            return glint_fail(GLINT_E_ARG, "grid: origin.%c is not finite", axis);
        if (!(g->cell[k] > 0.0f) || !isfinite(g->cell[k]))
            return glint_fail(GLINT_E_ARG, "grid: cell.%c is %g, a positive size wanted", axis,
                              (double)g->cell[k]);
        if (g->dim[k] < 1 || g->dim[k] > GLINT_GRID_DIM_MAX)
            return glint_fail(GLINT_E_ARG, "grid: dim.%c is %d, 1 to %d wanted", axis, g->dim[k],
                              GLINT_GRID_DIM_MAX);
        if (g->filter && (isnan(g->keep_lo[k]) || isnan(g->keep_hi[k])))
            return glint_fail(GLINT_E_ARG, "grid: a bound of %c is not a number", axis);
        cells *= g->dim[k];
        if (cells > INT32_MAX)
            return glint_fail(GLINT_E_ARG, "grid: %d x %d x %d cells, fewer than 2^31 wanted", g->dim[0],
                              g->dim[1], g->dim[2]);
    }
    return GLINT_OK;
}

uint32_t glint_grid_cells(const struct glint_grid *g)
{
    return (uint32_t)g->dim[0] * (uint32_t)g->dim[1] * (uint32_t)g->dim[2];
}

void glint_grid_coord(const struct glint_grid *g, uint32_t number, int32_t coord_out[3])
{
    const int fast = g->x_major ? 2 : 0, slow = 2 - fast;
    const uint32_t n_fast = (uint32_t)g->dim[fast], n_middle = (uint32_t)g->dim[1];
    const uint32_t row = number / n_fast;
    coord_out[fast] = (int32_t)(number % n_fast);
    coord_out[1] = (int32_t)(row % n_middle);
    coord_out[slow] = (int32_t)(row / n_middle);
}

void glint_cell_rule(const struct glint_grid *g, struct glint_cell_rule *r)
{
    for (int k = 0; k < 3; k++) {
        r->origin[k] = g->origin[k];
        r->cell[k] = g->cell[k];
        r->keep_lo[k] = g->filter ? g->keep_lo[k] : -INFINITY;
        r->keep_hi[k] = g->filter ? g->keep_hi[k] : INFINITY;
        r->last[k] = (float)(g->dim[k] - 1);
        r->end[k] = (float)g->dim[k];
    }
    const int fast = g->x_major ? 2 : 0;
    r->stride[fast] = 1;
    r->stride[1] = (uint32_t)g->dim[fast];
    r->stride[2 - fast] = (uint32_t)g->dim[fast] * (uint32_t)g->dim[1];
    r->none = glint_grid_cells(g);
}

/* Clamping comes before the conversion, as the quotient may be huge or infinite; truncation is then the
 * floor. */
static uint32_t axis_cell(const struct glint_cell_rule *r, int k, float v, bool clamp, bool *inside)
{
    if (!(v > r->keep_lo[k] &&
          v < r->keep_hi[k])) { /* also NaN; strict, so an infinity fails infinite bounds */
        *inside = false;
        return 0;
    }
    float t = (v - r->origin[k]) / r->cell[k];
    if (clamp) {
        t = t > 0.0f ? t : 0.0f;
        t = t < r->last[k] ? t : r->last[k];
    } else if (!(t >= 0.0f && t < r->end[k])) {
        *inside = false;
        return 0;
    }
    return (uint32_t)t * r->stride[k];
}

void glint_cell_c(const struct glint_grid *g, const float *x, const float *y, const float *z, int32_t n,
                  uint32_t *number_out)
{
    struct glint_cell_rule r;
    glint_cell_rule(g, &r);
    for (int32_t i = 0; i < n; i++) {
        bool inside = true;
        uint32_t number = axis_cell(&r, 0, x[i], g->clamp, &inside);
        number += axis_cell(&r, 1, y[i], g->clamp, &inside);
        number += axis_cell(&r, 2, z[i], g->clamp, &inside);
        number_out[i] = inside ? number : r.none;
    }
}

glint_cell_fn *glint_cell_get(unsigned isa)
{
    glint_cell_fn *fn = glint_cell_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_cell_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_cell_avx512;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}
