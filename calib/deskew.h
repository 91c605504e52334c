/* calib/deskew.h - points of a sweep as if all had been measured at one moment.
 *
 *     glint_deskew_make(trajectory, stamp_ns, extent_ns, reference_ns, &mount, &table); // per frame
 *     glint_deskew_get(isa)(&table, x, y, z, offset_ns, n);
 *
 * A table holds, every step_ns, the motion "vehicle at the reference time from vehicle at that time". Between
 * entries the vector part of its quaternion and its translation go evenly: at 1 ms and 100 deg/s that is off
 * by less than 1e-6 rad and, at 100 m/s^2, 13 um. */
#ifndef GLINT_CALIB_DESKEW_H
#define GLINT_CALIB_DESKEW_H
#include "calib/trajectory.h"

#define GLINT_DESKEW_ENTRIES 512 /* most, so that a sweep of 0.5 s keeps steps of 1 ms */
#define GLINT_DESKEW_STEP_NS 1000000u

struct glint_deskew_entry { /* 64 bytes: one cache line */
    float v[3];             /* vector part of the rotation's quaternion, its scalar part >= 0 */
    float t[3];             /* m */
    float dv[3];            /* to the next entry */
    float dt[3];
    float unused[4];
};

struct glint_deskew_table {
    float mount[12];  /* vehicle from sensor, row-major 3 x 4; applied first */
    int32_t n;        /* entries, >= 1; the last has no next: dv = dt = 0 */
    uint32_t last_ns; /* time of the last entry, < 2^31; later points are taken for it */
    float entries_per_ns;
    struct glint_deskew_entry entry[GLINT_DESKEW_ENTRIES];
};

/* Fills a table for points with offsets 0..extent_ns after stamp_ns (both and reference_ns as the trajectory
 * counts). trajectory NULL: only the mount; mount NULL: points are in the vehicle's frame already. Fails with
 * GLINT_E_NOTFOUND as glint_trajectory_at, and the table then holds the mount alone: points without a pose
 * are still put where they belong at their own time. Allocates nothing. */
int glint_deskew_make(const struct glint_trajectory *trajectory, int64_t stamp_ns, uint32_t extent_ns,
                      int64_t reference_ns, const struct glint_pose *mount,
                      struct glint_deskew_table *table_out);

/* The same for a trajectory that goes by frames: frame number `frame`, whose sweep lasts extent_ns, is there
 * from frame * 1e9 to (frame + 1) * 1e9; reference_part is 0 at its begin and 1 at its end. */
int glint_deskew_make_by_frame(const struct glint_trajectory *trajectory, uint64_t frame, uint32_t extent_ns,
                               double reference_part, const struct glint_pose *mount,
                               struct glint_deskew_table *table_out);

/* Moves n points in place: p = M p, then p' = p + 2 w (v x p) + 2 v x (v x p) + t with v, t at the point's
 * offset and w = sqrt(max(0, 1 - v.v)). In float, in exactly this order without fused products: all versions
 * give the same bits (of a NaN, some NaN). Any order of the points is right; points in order of time, as
 * sensors give them, are faster. Arrays need no alignment. */
typedef void glint_deskew_fn(const struct glint_deskew_table *table, float *x, float *y, float *z,
                             const uint32_t *offset_ns, int32_t n);
glint_deskew_fn glint_deskew_c, glint_deskew_avx2, glint_deskew_avx512;

/* The fastest version within the GLINT_ISA_* bits of isa; 0 is the reference. */
glint_deskew_fn *glint_deskew_get(unsigned isa);
#endif
