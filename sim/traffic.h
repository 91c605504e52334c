/* sim/traffic.h - who drives: our own vehicle and the others around it, on lanes and through junctions,
 * without ever touching each other. Motion is computed in steps of 0.1 s from 10 s before the begin, as far
 * as it was asked for, and is kept; between steps it is a uniform cubic B-spline over them, so that speeds
 * and accelerations are continuous. */
#ifndef GLINT_SIM_TRAFFIC_H
#define GLINT_SIM_TRAFFIC_H
#include "sim/roads.h"
#include "sim/things.h"

#define GLINT_SIM_STEP_S    0.1
#define GLINT_SIM_LEG_STEPS 40
#define GLINT_SIM_SIGHT_M   170.0 /* others are there within this distance */

struct glint_sim_leg { /* a piece of a way: along a lane, or a turn in a junction */
    float x[GLINT_SIM_LEG_STEPS + 1], y[GLINT_SIM_LEG_STEPS + 1]; /* evenly along, from (x0, y0) */
    double x0, y0, length;
    float speed;       /* allowed */
    int32_t i, j, dir; /* the street; of a turn: of the street it comes from */
    bool forward, turn, straight;
    int32_t lane;
    int32_t node_i, node_j;              /* where it ends; of a turn: where it is */
    int32_t to_i, to_j, to_dir, to_lane; /* of a turn: the lane that it leads to */
    bool to_forward;
};

struct glint_sim_mover {
    int32_t id;
    struct glint_sim_vehicle_size size;
    uint64_t seed;               /* of the looks, and of the way */
    struct glint_sim_leg leg[2]; /* this one and the next */
    double s, v;                 /* along leg[0]; m/s */
    float eager;                 /* of the speed allowed */
    bool rider;                  /* on two wheels */
    float aside;                 /* from the lane's middle to the left, m */
    bool granted;                /* may pass the junction ahead */
    int32_t turns;
    int64_t born, gone; /* steps; gone: INT64_MAX while it is there */
    double x0, y0;      /* of its track */
    float *track;       /* x, y from (x0, y0), heading; from step `born` on */
    int32_t cap_track;
};

struct glint_sim_traffic {
    const struct glint_sim_style *w;
    struct glint_sim_mover **mover; /* [0] is ours; by rising id */
    int32_t n, cap;
    int32_t *alive; /* numbers of those that are there */
    int32_t n_alive;
    int64_t step; /* the last one that is done */
    bool failed;
};

int glint_sim_traffic_init(struct glint_sim_traffic *t, const struct glint_sim_style *w);
void glint_sim_traffic_fini(struct glint_sim_traffic *t);

/* Makes the motion known up to t seconds. GLINT_E_NOMEM. */
int glint_sim_traffic_until(struct glint_sim_traffic *t, double seconds);

struct glint_sim_track {
    double x, y, yaw;
    double vx, vy, yaw_rate, ax, ay;
};
/* Where the mover is; false when it is not there then. */
bool glint_sim_track_at(const struct glint_sim_mover *m, double seconds, struct glint_sim_track *out);
#endif
