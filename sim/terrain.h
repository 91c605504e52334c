/* sim/terrain.h - the ground: hills everywhere, and across each street crown, kerb, pavement, and banks or
 * slopes beyond; as a function of the place, and as a raster around the vehicle for rays. */
#ifndef GLINT_SIM_TERRAIN_H
#define GLINT_SIM_TERRAIN_H
#include "sim/roads.h"

enum glint_sim_ground {
    GLINT_SIM_ASPHALT,
    GLINT_SIM_MARKING,
    GLINT_SIM_PAVING,
    GLINT_SIM_SOIL,
    GLINT_SIM_N_GROUNDS
};

/* Hills alone, and their slope along x and y. */
double glint_sim_hill(const struct glint_sim_style *w, double x, double y, double slope_out[2]);

/* Height at a place that lies `beyond` m outside the edge of its nearest street (negative: on it; `middle` m
 * from its middle). */
double glint_sim_height(const struct glint_sim_style *w, const struct glint_sim_street *s, int side,
                        double beyond, double middle, double x, double y);

/* Height at a place among these streets. */
double glint_sim_height_among(const struct glint_sim_style *w, const struct glint_sim_street *s, int32_t n,
                              double x, double y, double *beyond_out);

#define GLINT_SIM_RASTER 512 /* cells each way */

/* A square raster; node (c, r) lies at (x0 + c * cell, y0 + r * cell) in the world, height is over z0. */
struct glint_sim_raster {
    double x0, y0, z0;
    float cell;
    float *height;   /* GLINT_SIM_RASTER squared */
    uint8_t *ground; /* enum glint_sim_ground, with 4 bytes to spare */
};

#define GLINT_SIM_RASTER_STREETS 512

struct glint_sim_raster_work { /* what filling needs */
    float beyond[GLINT_SIM_RASTER * GLINT_SIM_RASTER];
    int32_t street[GLINT_SIM_RASTER * GLINT_SIM_RASTER];
    struct glint_sim_street streets[GLINT_SIM_RASTER_STREETS];
};

/* Fills the raster around the middle (x, y), which lies on a node. */
void glint_sim_raster_fill(struct glint_sim_raster *t, const struct glint_sim_style *w, double x, double y,
                           double z0, float cell, struct glint_sim_raster_work *work);
#endif
