/* sim/block.h - what stands in one cell of the net of streets: parked vehicles, houses, trees, poles,
 * clutter, people; and who walks or rides there. A function of the world's style and the cell alone. */
#ifndef GLINT_SIM_BLOCK_H
#define GLINT_SIM_BLOCK_H
#include "sim/roads.h"
#include "sim/things.h"

/* Somebody who goes to and fro along a street. */
struct glint_sim_walker {
    int32_t id;
    uint64_t seed;      /* of the looks */
    int32_t street;     /* of the block's */
    float from, to;     /* along it, m */
    float left;         /* beside its middle */
    float speed, pause; /* m/s; s at each end */
    float start;        /* s, where in the round it is at time 0 */
    bool rider;
};

struct glint_sim_block {
    int32_t i, j;
    struct glint_sim_street street[4]; /* south, north, west, east */
    struct glint_sim_set set;
    struct glint_sim_walker *walker;
    int32_t n_walkers;
};

/* GLINT_E_NOMEM; the block is to be ended in any case. */
int glint_sim_block_init(struct glint_sim_block *b, const struct glint_sim_style *w, int32_t i, int32_t j);
void glint_sim_block_fini(struct glint_sim_block *b);

struct glint_sim_motion {
    double x, y, yaw;
    double speed, yaw_rate;
    struct glint_sim_gait gait;
};
/* Where the walker is t seconds after the begin. */
struct glint_sim_motion glint_sim_walker_at(const struct glint_sim_block *b, const struct glint_sim_walker *k,
                                            double t);
#endif
