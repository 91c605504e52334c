/* io/velodyne_near.c - see velodyne_near.h. A beam's direction as it stands now is the difference of two
 * points on it. */
#include "io/velodyne_near.h"
#include <math.h>
#include <string.h>

#define FAR_M       25.04f
#define NEAR_BESIDE 2.4f
#define NEAR_AHEAD  1.93f
#define UNITS_MOST  65535.0f
#define FOCUS_MOST  131.0 /* m */

void glint_velodyne_near_init(struct glint_velodyne_near *n, const struct glint_beams *beams)
{
    memset(n, 0, sizeof *n);
    n->has_near = beams->has_near;
    n->has_focus = beams->has_focus;
    for (int32_t i = 0; i < beams->n; i++) {
        const double f = 1 - beams->focus[i] / FOCUS_MOST;
        n->beside[i] = (float)(beams->near_beside[i] - beams->range[i]);
        n->ahead[i] = (float)(beams->near_ahead[i] - beams->range[i]);
        n->focus[i] = (float)(256 * f * f);
        n->slope[i] = (float)beams->focus_slope[i];
        n->least[i] = (float)beams->least[i];
        n->most[i] = (float)beams->most[i];
    }
}

/* A block's lanes are a bank's lasers in order: tables from the first one's on. */
void glint_velodyne_near_intensities(const struct glint_velodyne_near *n, const struct glint_lanes *lanes,
                                     struct glint_shot *shot)
{
    const int32_t first = lanes->channel[0];
    const float *restrict slope = n->slope + first, *restrict focus = n->focus + first,
                          *restrict least = n->least + first, *restrict most = n->most + first;
    for (int32_t i = 0; i < lanes->n; i++) {
        const float d = 1 - (float)(int32_t)shot->hit[i] * (1 / UNITS_MOST);
        float v = shot->intensity[i] * 255 + slope[i] * fabsf(focus[i] - 256 * d * d);
        v = v < least[i] ? least[i] : v;
        v = v > most[i] ? most[i] : v;
        shot->intensity[i] = v * (1.0f / 255);
    }
}

/* How much of the near correction is left at |p|. */
static inline float share(float p, float near_m)
{
    const float t = (fabsf(p) - near_m) * (1 / (FAR_M - near_m));
    return t < 1 ? 1 - t : 0;
}

void glint_velodyne_near_points(const struct glint_velodyne_near *n, const struct glint_lanes *lanes, float c,
                                float s, float step_rad, struct glint_shot *shot)
{
    struct glint_shot further;
    const int32_t first = lanes->channel[0];
    const float *restrict beside = n->beside + first, *restrict ahead = n->ahead + first;
    for (int32_t i = 0; i < lanes->n; i++)
        further.distance[i] = shot->distance[i] + 1;
    glint_lanes_kernels()->turning(lanes, c, s, step_rad, &further);
    for (int32_t i = 0; i < lanes->n; i++) {
        const float x = shot->x[i], y = shot->y[i], z = shot->z[i];
        const float across = beside[i] * share(y, NEAR_BESIDE), along = ahead[i] * share(x, NEAR_AHEAD);
        shot->x[i] = x + (further.x[i] - x) * along;
        shot->y[i] = y + (further.y[i] - y) * across;
        shot->z[i] = z + (further.z[i] - z) * along;
    }
}
