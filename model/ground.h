/* model/ground.h - where the ground lies around the sensor, from the points alone.
 *
 *     glint_ground_clear(&g);
 *     glint_ground_add(&g, &frame->points, 1);
 *     if (glint_ground_median(&g, g.low, &z, &spread)) ...
 *
 * Memory is fixed (12 KB), nothing is allocated, and the order of the points does not matter. */
#ifndef GLINT_MODEL_GROUND_H
#define GLINT_MODEL_GROUND_H
#include "glint/frame.h"

#define GLINT_GROUND_CELLS     32 /* per side: 2 m cells around the origin */
#define GLINT_GROUND_CELLS_MIN 12 /* with points, for the ground to be known */

struct glint_ground {
    float low[GLINT_GROUND_CELLS * GLINT_GROUND_CELLS], high[GLINT_GROUND_CELLS * GLINT_GROUND_CELLS];
    uint32_t in_cell[GLINT_GROUND_CELLS * GLINT_GROUND_CELLS];
};

void glint_ground_clear(struct glint_ground *g);

/* Of every step-th point those 3 to 25 m away; what is not finite is left out. */
void glint_ground_add(struct glint_ground *g, const struct glint_points *points, int32_t step);

/* Median over the cells of g->low (the ground's z) or g->high, and half the distance between the quartiles.
 * False with too few cells; then nothing is written. */
bool glint_ground_median(const struct glint_ground *g, const float *values, float *median_out,
                         float *spread_out);
#endif
