/* sim/trace.h - the kernel of the simulator: a bundle of rays that leave nearly one place in nearly one
 * azimuth, against the ground and the things near their way; and what a sensor makes of the echoes. */
#ifndef GLINT_SIM_TRACE_H
#define GLINT_SIM_TRACE_H
#include "core/exec.h"
#include "sim/shape.h"
#include "sim/terrain.h"

#define GLINT_SIM_BUNDLE    128
#define GLINT_SIM_MOST_NEAR 512 /* candidates */
#define GLINT_SIM_PROFILE   256 /* samples of the ground along a bundle */

/* A thing as a scan sees it: in the scan's own frame (origin near the vehicle, axes of the world). */
struct glint_sim_instance {
    const struct glint_sim_set *set;
    const struct glint_sim_thing *thing;
    float x, y, z;        /* of the thing's origin, at dt = 0 */
    float vx, vy;         /* m/s */
    float cosine, sine;   /* of its heading */
    float tilt_x, tilt_y; /* rise of the ground that it stands on, per m of the frame's x and y */
    float yaw_rate;
};

/* One that a bundle may meet: its place and size for culling, near to far. */
struct glint_sim_candidate {
    const struct glint_sim_instance *instance;
    float near, low, high; /* m; bounds of the slope at which it is seen, rise per horizontal m */
    float margin;          /* m: how far it moves, and origins lie apart */
};

struct glint_sim_sight { /* what all bundles of a scan share */
    struct glint_sim_raster
        raster[2]; /* fine near the vehicle, coarse far from it; x0, y0 in the scan's frame */
    int32_t first_column[2], first_row[2]; /* of the rasters, counted from the world's origin */
    float reflectivity[GLINT_SIM_N_GROUNDS], roughness[GLINT_SIM_N_GROUNDS];
    float way[GLINT_SIM_PROFILE]; /* horizontal distances of the profile */
    int32_t n_fine;               /* of them in the fine raster; a multiple of 16 */
    float wet;                    /* 0 dry .. 1 */
};

struct glint_sim_bundle {
    /* in */
    int32_t n; /* a multiple of 16; rays that do not count have key 0 and look like their neighbour */
    float o[3][GLINT_SIM_BUNDLE], d[3][GLINT_SIM_BUNDLE], dt[GLINT_SIM_BUNDLE];
    uint32_t key[GLINT_SIM_BUNDLE];
    /* what glint_sim_look_fn makes of them: a middle direction (horizontal, unit) and origin, the tangent of
     * half of the width (1e9: all around), how far origins lie from the middle one, and bounds of slopes of
     * each sixteen */
    float ahead[2], origin[3], tangent, spread;
    float low[GLINT_SIM_BUNDLE / 16], high[GLINT_SIM_BUNDLE / 16];
    /* out: the nearest echo, and of a pane before it. what: class, material << 8 */
    float t[GLINT_SIM_BUNDLE], cosine[GLINT_SIM_BUNDLE], light[GLINT_SIM_BUNDLE];
    uint32_t what[GLINT_SIM_BUNDLE], id[GLINT_SIM_BUNDLE];
    float pane[GLINT_SIM_BUNDLE], pane_light[GLINT_SIM_BUNDLE];
    uint32_t pane_id[GLINT_SIM_BUNDLE];
    /* work */
    float height[GLINT_SIM_PROFILE], horizon[GLINT_SIM_PROFILE];
};

#define GLINT_SIM_FAR 1e9f /* t and pane of nothing */

/* Fills ahead, origin, tangent, spread, low and high. */
typedef void glint_sim_look_fn(struct glint_sim_bundle *b);
glint_sim_look_fn glint_sim_look_c, glint_sim_look_avx2, glint_sim_look_avx512;
glint_sim_look_fn *glint_sim_look_get(unsigned isa);

typedef void glint_sim_trace_fn(const struct glint_sim_sight *sight,
                                const struct glint_sim_candidate *candidate, int32_t n_candidates,
                                struct glint_sim_bundle *b);
glint_sim_trace_fn glint_sim_trace_c, glint_sim_trace_avx2, glint_sim_trace_avx512;
glint_sim_trace_fn *glint_sim_trace_get(unsigned isa);

struct glint_sim_sensing { /* what a sensor makes of them */
    float range_min, range_max, noise, dropout;
    float threshold;        /* light / m2 at which half of the echoes are seen */
    float mixed;            /* how often a beam at an edge meets both */
    float rain, extinction; /* drops met per m; loss of light per m, there and back */
};

struct glint_sim_echoes { /* range 0: none */
    float range[GLINT_SIM_BUNDLE], intensity[GLINT_SIM_BUNDLE];
    float range2[GLINT_SIM_BUNDLE], intensity2[GLINT_SIM_BUNDLE];
    uint32_t cls[GLINT_SIM_BUNDLE], id[GLINT_SIM_BUNDLE], cls2[GLINT_SIM_BUNDLE], id2[GLINT_SIM_BUNDLE];
};

/* Echoes of a traced bundle; before: the bundle one column earlier, each of its rays being the neighbour of
 * the one at the same place (the bundle itself where there is none). */
typedef void glint_sim_echo_fn(const struct glint_sim_sensing *s, const struct glint_sim_bundle *b,
                               const struct glint_sim_bundle *before, struct glint_sim_echoes *out);
glint_sim_echo_fn glint_sim_echo_c, glint_sim_echo_avx2, glint_sim_echo_avx512;
glint_sim_echo_fn *glint_sim_echo_get(unsigned isa);
#endif
