/* sim/roads.h - the net of streets: a lattice of junctions pushed about, with curved streets between
 * neighbours. All of it is a function of the world's seed and the place: nothing is kept, nothing ends.
 *
 * Node (i, j) lies near (i, j) * spacing. Street (i, j, 0) leads from it to (i + 1, j), (i, j, 1) to (i, j +
 * 1); streets of direction 0 are always there, of direction 1 mostly. Cell (i, j) is what lies between the
 * nodes (i, j) and (i + 1, j + 1). Along a street, s is the way from its first node and d the way to the left
 * of its middle, m. */
#ifndef GLINT_SIM_ROADS_H
#define GLINT_SIM_ROADS_H
#include "sim/random.h"
#include "sim/sim.h"

struct glint_sim_style { /* of a world; drawn once */
    uint64_t seed;
    enum glint_sim_scene scene;
    double spacing;       /* m, 70..170 */
    float loose;          /* how far nodes are pushed, of the spacing */
    float crossing;       /* share of streets of direction 1 */
    float side;           /* -1: drives on the right, 1: on the left */
    float density, crowd; /* of traffic and people: 1 usual */
    float hill[5][4];     /* waves of the ground: amplitude m, wave vector 1/m (2), phase */
    float slope, bank;    /* of the ground beside the streets: rise per m, height of banks in m */
    float crown;          /* fall of the road from its middle */
    float bumps;          /* height of bumps off the road, m */
    float asphalt, paving, soil, roughness; /* reflectivities; of soil, m */
};
struct glint_sim_style glint_sim_draw_style(const struct glint_sim_settings *settings);

enum glint_sim_strip { GLINT_SIM_NO_STRIP, GLINT_SIM_PARALLEL, GLINT_SIM_ANGLED, GLINT_SIM_CYCLE_LANE };

#define GLINT_SIM_STREET_STEPS 24

struct glint_sim_street {
    int32_t i, j, dir;
    bool there;
    double x[GLINT_SIM_STREET_STEPS + 1], y[GLINT_SIM_STREET_STEPS + 1]; /* its middle, evenly along */
    double length, step;                                                 /* m; between those */
    float lane;                                                          /* width, m */
    int lanes;                                                           /* in each direction */
    float half;                    /* of the carriageway: lane * lanes */
    enum glint_sim_strip strip[2]; /* at its edges: 0 right (d < 0), 1 left */
    float strip_width[2];
    float kerb, walk[2]; /* height of the kerb; width of the pavements */
    float speed;         /* m/s allowed */
};
void glint_sim_draw_street(const struct glint_sim_style *w, int32_t i, int32_t j, int32_t dir,
                           struct glint_sim_street *out); /* all but where it lies: cheap */
void glint_sim_get_street(const struct glint_sim_style *w, int32_t i, int32_t j, int32_t dir,
                          struct glint_sim_street *out);

/* Where the carriageway with its strip ends: distance from the middle on the side (0 right, 1 left). */
static inline float glint_sim_street_edge(const struct glint_sim_street *s, int side)
{
    return s->half + s->strip_width[side];
}

/* The place s along and d to the left, and the street's heading there. */
struct glint_sim_spot {
    double x, y;
    float heading;
};
struct glint_sim_spot glint_sim_street_at(const struct glint_sim_street *s, double along, double left);

/* The nearest place of the street's middle: s and d (signed). */
void glint_sim_street_project(const struct glint_sim_street *s, double x, double y, double *along_out,
                              double *left_out);
#endif
