/* sim/rows.h - the rays of a scan in bundles of nearly one azimuth; see
 * sim/scan.c. */
#ifndef GLINT_SIM_ROWS_H
#define GLINT_SIM_ROWS_H
#include "sim/trace.h"

struct glint_sim_row { /* a column's frame: scan's from the turned sensor's;
                          origin, velocity, time */
    float r[9], o[3], v[3], dt;
};

struct glint_sim_rows {
    const struct glint_sim_rays *rays;
    struct glint_sim_row *row; /* per column */
    int32_t n_bundles, per_bundle;
    int32_t first;  /* column that bundle 0 is about (turning sensors) */
    int32_t *order; /* turning: lasers by elevation; else rays by azimuth and
                       elevation */
    /* Of a turning sensor, per place of a bundle: the laser, whether there is
     * one, what to add to the bundle's column, and the laser's own line and time.
     */
    uint32_t laser[GLINT_SIM_BUNDLE], there[GLINT_SIM_BUNDLE], shift[GLINT_SIM_BUNDLE];
    float dir[3][GLINT_SIM_BUNDLE], off[3][GLINT_SIM_BUNDLE], late[GLINT_SIM_BUNDLE];
    uint32_t seed;
};

/* Bytes that it needs, its parts in `base` unless that is NULL. */
size_t glint_sim_rows_layout(struct glint_sim_rows *rows, const struct glint_sim_rays *rays, uint8_t *base);

/* frame: x0, y0, z0 of the scan's frame in the world and its middle time in s;
 * from, to: its time. */
void glint_sim_rows_fill(struct glint_sim_rows *rows, struct glint_sim *sim,
                         const struct glint_sim_rays *rays, uint32_t seed, const double frame[4], double from,
                         double to);

/* Fills the rays of a bundle of a pattern; ray_out: their numbers, -1 for those
 * that only fill it up. */
void glint_sim_rows_bundle(const struct glint_sim_rows *rows, int32_t bundle, struct glint_sim_bundle *b,
                           int32_t ray_out[GLINT_SIM_BUNDLE]);

/* The same for a turning sensor. */
typedef void glint_sim_fill_fn(const struct glint_sim_rows *rows, int32_t bundle, struct glint_sim_bundle *b,
                               int32_t ray_out[GLINT_SIM_BUNDLE]);
glint_sim_fill_fn glint_sim_fill_c, glint_sim_fill_avx2, glint_sim_fill_avx512;
glint_sim_fill_fn *glint_sim_fill_get(unsigned isa);
#endif
