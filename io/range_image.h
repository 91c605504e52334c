/* io/range_image.h - a lidar's range image, pixel by pixel, to points in the vehicle frame, in double.
 *
 * As the Waymo Open Dataset defines it, for row v and column c of an H x W image with range r:
 *   azimuth      a = (2 (W - c - 0.5) / W - 1) pi - atan2(E10, E00), E the lidar's extrinsic (vehicle from
 * lidar) inclination  i of the row point        p = E (r cos a cos i, r sin a cos i, r sin i) and, where each
 * pixel has the vehicle's pose (roll, pitch, yaw, x, y, z) at its own time, moved to the frame's time:
 * inverse(frame pose) * (Rz(yaw) Ry(pitch) Rx(roll) p + (x, y, z)). */
#ifndef GLINT_IO_RANGE_IMAGE_H
#define GLINT_IO_RANGE_IMAGE_H
#include "core/status.h"
#include <stdint.h>

#define GLINT_RANGE_CHANNELS 4 /* range m, intensity, elongation, 1 in a no-label zone else -1 */
#define GLINT_RANGE_POSE     6 /* roll, pitch, yaw in rad, x, y, z in m */

struct glint_range_image {
    int32_t height, width;
    const float *pixel;        /* height x width x 4; a point is where the range is > 0 */
    const float *pose;         /* height x width x 6, or NULL */
    const double *inclination; /* height, rad, of the first row first */
    const double *extrinsic;   /* 4 x 4 row-major, vehicle from lidar */
    const double *frame_pose;  /* 4 x 4 row-major, global from vehicle; read with pose only */
};

/* The points of an image in row-major order of their pixels. */
struct glint_range_points { /* start with all zero; memory grows to what the largest image needs */
    int32_t n, cap;
    double *x, *y, *z;
    int32_t *pixel; /* row * width + column */
    double *work;   /* private */
    float *keys;
    int32_t *columns;
    int32_t cap_width;
};
void glint_range_points_fini(struct glint_range_points *points);

/* Converts an image with the kernel for the GLINT_ISA_* bits of isa. GLINT_E_NOMEM; GLINT_E_FORMAT, with what
 * was expected, when the frame pose has no inverse. Thread-safe for different points. */
int glint_range_image_points(const struct glint_range_image *image, unsigned isa,
                             struct glint_range_points *points);

/* ---- the kernel: points of one row ---- */

struct glint_range_row {
    const float *pixel;    /* width x 4 */
    const double *azimuth; /* width x 2: cosine, sine */
    double inclination[2]; /* cosine, sine */
    const double
        *matrix; /* 4 x 4 column-major, vehicle from lidar, last row unused; per column of the image ... */
    int32_t matrix_stride; /* ... 16 doubles apart; 0: one for all */
};

/* Points of n columns of a row: x[k], y[k], z[k] of column[k]. Versions agree to 1e-9 m within 10 km. Their
 * outputs do not overlap with anything. */
typedef void glint_range_row_fn(const struct glint_range_row *row, const int32_t *column, int32_t n,
                                double *x, double *y, double *z);
glint_range_row_fn glint_range_row_c, glint_range_row_avx2;

/* The fastest version within the GLINT_ISA_* bits of isa; 0 is the reference. */
glint_range_row_fn *glint_range_row_get(unsigned isa);
#endif
