/* calib/beam.h - where each laser of a spinning sensor points: angles and offsets -> direction tables. */
#ifndef GLINT_CALIB_BEAM_H
#define GLINT_CALIB_BEAM_H
#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLINT_BEAMS_CAP 128
#define GLINT_PI        3.14159265358979323846

/* A point at distance d of laser c, when the head stands at azimuth 0, is
 *     dir[c] * d + off[c]      x along the azimuth, y to its left, z up, metres
 * and at azimuth a (clockwise seen from above, as Velodyne and Hesai count) that turned by -a about z. */
struct glint_beams {
    int32_t n;
    char source[1024]; /* file, or "built in" */

    double elevation[GLINT_BEAMS_CAP]; /* rad, up */
    double azimuth[GLINT_BEAMS_CAP];   /* rad, clockwise, added to the block's */
    double range[GLINT_BEAMS_CAP];     /* m, added to the measured distance */
    double up[GLINT_BEAMS_CAP];        /* m, origin of the beam across it, upwards */
    double left[GLINT_BEAMS_CAP];      /* m, origin of the beam, leftwards */

    /* Of an HDL-64E, where its file has them (io/velodyne_near.h): what to add to the distance near the
     * sensor instead of `range`, beside the axis and ahead; how intensities depend on the distance. */
    bool has_near, has_focus;
    double near_beside[GLINT_BEAMS_CAP], near_ahead[GLINT_BEAMS_CAP]; /* m */
    double focus[GLINT_BEAMS_CAP];                                    /* m, where the echo is brightest */
    double focus_slope[GLINT_BEAMS_CAP];
    double least[GLINT_BEAMS_CAP], most[GLINT_BEAMS_CAP]; /* intensity, 0..255 */

    uint16_t ring[GLINT_BEAMS_CAP]; /* rank by elevation, lowest 0; equal ones in order of the channel */
    float dir[3][GLINT_BEAMS_CAP];
    float off[3][GLINT_BEAMS_CAP];
};

/* Starts from nominal angles in degrees (azimuth_deg NULL: all 0); n <= GLINT_BEAMS_CAP. Tables are made. */
void glint_beams_init(struct glint_beams *b, int32_t n, const float *elevation_deg, const float *azimuth_deg);

/* Makes ring, dir and off from the angles and offsets. */
void glint_beams_finish(struct glint_beams *b);

/* rank_out[i] = rank of value[i], lowest 0, equal ones in order. */
void glint_beams_rank(int32_t n, const double *value, uint16_t *rank_out);
#endif
