/* calib/beam.c - see beam.h. Computed in double, kept in float: 6e-8 of the range. */
#include "calib/beam.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

void glint_beams_rank(int32_t n, const double *value, uint16_t *rank_out)
{
    for (int32_t i = 0; i < n; i++) {
        uint16_t rank = 0;
        for (int32_t k = 0; k < n; k++)
            rank = (uint16_t)(rank + (value[k] < value[i] || (value[k] == value[i] && k < i)));
        rank_out[i] = rank;
    }
}

/* The vertical offset is across the beam (as in Velodyne's calibration: up cos(el) and back sin(el)), the
 * range correction along it. */
static void direction(struct glint_beams *b, int32_t i)
{
    const double ce = cos(b->elevation[i]), se = sin(b->elevation[i]);
    const double ca = cos(b->azimuth[i]), sa = -sin(b->azimuth[i]); /* clockwise */
    const double ahead = b->range[i] * ce - b->up[i] * se;
    b->dir[0][i] = (float)(ce * ca);
    b->dir[1][i] = (float)(ce * sa);
    b->dir[2][i] = (float)se;
    b->off[0][i] = (float)(ahead * ca - b->left[i] * sa);
    b->off[1][i] = (float)(ahead * sa + b->left[i] * ca);
    b->off[2][i] = (float)(b->range[i] * se + b->up[i] * ce);
}

void glint_beams_finish(struct glint_beams *b)
{
    glint_beams_rank(b->n, b->elevation, b->ring);
    for (int32_t i = 0; i < b->n; i++)
        direction(b, i);
}

void glint_beams_init(struct glint_beams *b, int32_t n, const float *elevation_deg, const float *azimuth_deg)
{
    memset(b, 0, sizeof *b);
    b->n = n < GLINT_BEAMS_CAP ? n : GLINT_BEAMS_CAP;
    snprintf(b->source, sizeof b->source, "built in");
    for (int32_t i = 0; i < b->n; i++) {
        b->elevation[i] = (double)elevation_deg[i] * (GLINT_PI / 180);
        b->azimuth[i] = azimuth_deg ? (double)azimuth_deg[i] * (GLINT_PI / 180) : 0;
    }
    glint_beams_finish(b);
}
