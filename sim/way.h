/* sim/way.h - the ways of vehicles: lanes of streets, cut short at junctions, and the turns that join them.
 */
#ifndef GLINT_SIM_WAY_H
#define GLINT_SIM_WAY_H
#include "sim/traffic.h"

/* Lanes in each direction of street (i, j, dir); 0 when it is not there. */
int32_t glint_sim_way_lanes(const struct glint_sim_style *w, int32_t i, int32_t j, int32_t dir);

/* The lane (0 next to the middle) of a street that is there, in the street's direction or against it. */
void glint_sim_way_lane(const struct glint_sim_style *w, int32_t i, int32_t j, int32_t dir, bool forward,
                        int32_t lane, struct glint_sim_leg *out);

/* What comes after a leg: after a lane a turn, after a turn the lane it leads to. Where to is drawn from seed
 * and turn; seed 0 goes straight on where it can. */
void glint_sim_way_next(const struct glint_sim_style *w, uint64_t seed, int32_t turn,
                        const struct glint_sim_leg *now, struct glint_sim_leg *next_out);

void glint_sim_way_at(const struct glint_sim_leg *leg, double s, double *x_out, double *y_out,
                      float *heading_out);

/* Whether the lane begins at the junction of the turn. */
bool glint_sim_way_leaves(const struct glint_sim_leg *lane, const struct glint_sim_leg *turn);
#endif
