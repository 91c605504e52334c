/* sim/world.h - the inside of a struct glint_sim: what has come into being around the vehicle. */
#ifndef GLINT_SIM_WORLD_H
#define GLINT_SIM_WORLD_H
#include "sim/block.h"
#include "sim/trace.h"
#include "sim/traffic.h"

#define GLINT_SIM_MOST_BLOCKS 96

struct glint_sim_moving {
    float vx, vy, yaw_rate;
};

#define GLINT_SIM_MOST_MOVING 1024

struct glint_sim_ground_cache { /* a raster and where it was made */
    struct glint_sim_raster raster;
    bool made;
    double x, y;
};

struct glint_sim {
    struct glint_sim_settings settings;
    struct glint_sim_style style;
    struct glint_sim_traffic traffic;
    struct glint_sim_block *block[GLINT_SIM_MOST_BLOCKS];
    int32_t n_blocks;
    struct glint_sim_ground_cache ground[2]; /* fine, coarse; x0, y0, z0 in the world */
    struct glint_sim_raster_work *raster_work;
    struct glint_sim_set moving;                           /* built anew for each scan */
    struct glint_sim_moving motion[GLINT_SIM_MOST_MOVING]; /* of its things */
    struct glint_sim_instance *instance;
    int32_t n_instances, cap_instances;
    void *scratch; /* of a scan */
    size_t cap_scratch;
};

/* The blocks within radius_m of a place are there. */
int glint_sim_need_blocks(struct glint_sim *sim, double x, double y, double radius_m);

/* Our own track; the drive's time only. */
struct glint_sim_track glint_sim_own_track(struct glint_sim *sim, double seconds);

/* Height of the road under a vehicle, and its slope along x and y of the world. */
double glint_sim_road(const struct glint_sim *sim, double x, double y, double slope_out[2]);

/* Puts everything that moves at `seconds` into set, within radius_m of (x, y); motion of thing k: velocity
 * (world) and turn rate. Returns the number of things; the arrays are the caller's. */
int32_t glint_sim_add_moving(struct glint_sim *sim, double seconds, double x, double y, double radius_m,
                             struct glint_sim_set *set, struct glint_sim_moving *motion, int32_t cap);
#endif
