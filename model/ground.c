/* model/ground.c - see ground.h. The lowest point of a cell lies on the ground wherever the sensor saw some
 * of it there; where it did not (a wall, a hedge), the median over the cells does not mind. */
#include "model/ground.h"
#include <math.h>
#include <string.h>

#define CELL_M 2.0f
#define CELLS  GLINT_GROUND_CELLS
#define NEAR_M 3.0f
#define FAR_M  25.0f
#define LEAST  4 /* points of a cell that counts */

void glint_ground_clear(struct glint_ground *g)
{
    memset(g->in_cell, 0, sizeof g->in_cell);
    for (int i = 0; i < CELLS * CELLS; i++) {
        g->low[i] = INFINITY;
        g->high[i] = -INFINITY;
    }
}

_Static_assert((int)FAR_M < (int)CELL_M * (CELLS / 2), "no point within reach is outside of the cells");

void glint_ground_add(struct glint_ground *g, const struct glint_points *p, int32_t step)
{
    for (int64_t i = 0; i < p->n; i += step) {
        const float x = p->x[i], y = p->y[i], z = p->z[i], r = x * x + y * y;
        if (!(r >= NEAR_M * NEAR_M && r <= FAR_M * FAR_M) || !isfinite(z))
            continue;
        const int cx = (int)(x / CELL_M + (float)(CELLS / 2)), cy = (int)(y / CELL_M + (float)(CELLS / 2));
        const int at = cy * CELLS + cx;
        g->in_cell[at]++;
        g->low[at] = z < g->low[at] ? z : g->low[at];
        g->high[at] = z > g->high[at] ? z : g->high[at];
    }
}

/* Shell's sort: qsort may allocate. */
static void sort(float *v, int n)
{
    static const int gaps[] = {301, 132, 57, 23, 10, 4, 1};
    for (size_t k = 0; k < sizeof gaps / sizeof *gaps; k++)
        for (int i = gaps[k]; i < n; i++) {
            const float moved = v[i];
            int j = i;
            for (; j >= gaps[k] && v[j - gaps[k]] > moved; j -= gaps[k])
                v[j] = v[j - gaps[k]];
            v[j] = moved;
        }
}

bool glint_ground_median(const struct glint_ground *g, const float *values, float *median_out,
                         float *spread_out)
{
    float v[CELLS * CELLS];
    int n = 0;
    for (int i = 0; i < CELLS * CELLS; i++)
        if (g->in_cell[i] >= LEAST)
            v[n++] = values[i];
    if (n < GLINT_GROUND_CELLS_MIN)
        return false;
    sort(v, n);
    *median_out = v[n / 2];
    *spread_out = 0.5f * (v[3 * n / 4] - v[n / 4]);
    return true;
}
