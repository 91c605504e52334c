/* io/lanes_place.h - the loops of glint_lanes_place_fn and glint_lanes_turning_fn, for the files that compile
 * them for one instruction set each. No dependence between lanes, no contraction (-ffp-contract=off): they
 * vectorise, and every set gives the same bits. */
#ifndef GLINT_IO_LANES_PLACE_H
#define GLINT_IO_LANES_PLACE_H
#include "io/lanes.h"

static inline void lanes_place(const struct glint_lanes *restrict lanes, float c, float s,
                               struct glint_shot *restrict shot)
{
    for (int32_t i = 0; i < lanes->n; i++) {
        const float d = shot->distance[i];
        const float px = lanes->dir[0][i] * d + lanes->off[0][i];
        const float py = lanes->dir[1][i] * d + lanes->off[1][i];
        shot->x[i] = c * px - s * py;
        shot->y[i] = s * px + c * py;
        shot->z[i] = lanes->dir[2][i] * d + lanes->off[2][i];
    }
}

static inline void lanes_turning(const struct glint_lanes *restrict lanes, float c, float s, float step_rad,
                                 struct glint_shot *restrict shot)
{
    for (int32_t i = 0; i < lanes->n; i++) {
        const float a = step_rad * lanes->when[i], a2 = a * a;
        const float ca = 1 - a2 * (0.5f - a2 * (1.0f / 24)), sa = a * (1 - a2 * (1.0f / 6));
        const float ci = c * ca - s * sa, si = s * ca + c * sa;
        const float d = shot->distance[i];
        const float px = lanes->dir[0][i] * d + lanes->off[0][i];
        const float py = lanes->dir[1][i] * d + lanes->off[1][i];
        shot->x[i] = ci * px - si * py;
        shot->y[i] = si * px + ci * py;
        shot->z[i] = lanes->dir[2][i] * d + lanes->off[2][i];
    }
}
#endif
