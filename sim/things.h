/* sim/things.h - makers of what stands and moves in a street. Each adds things at a place to a set; what they
 * look like is drawn from r. z is the ground's height at the place. */
#ifndef GLINT_SIM_THINGS_H
#define GLINT_SIM_THINGS_H
#include "sim/random.h"
#include "sim/shape.h"

struct glint_sim_place {
    double x, y, z;
    float yaw;
};

/* vehicle.c, truck.c */
enum glint_sim_vehicle {
    GLINT_SIM_SEDAN,
    GLINT_SIM_HATCHBACK,
    GLINT_SIM_WAGON,
    GLINT_SIM_SUV,
    GLINT_SIM_MINIVAN,
    GLINT_SIM_VAN,
    GLINT_SIM_PICKUP,
    GLINT_SIM_COUPE,
    GLINT_SIM_N_CARS,
    GLINT_SIM_BOX_TRUCK = GLINT_SIM_N_CARS,
    GLINT_SIM_FLATBED,
    GLINT_SIM_TIPPER,
    GLINT_SIM_SEMI,
    GLINT_SIM_BUS,
    GLINT_SIM_TRAILER, /* without its truck */
    GLINT_SIM_N_VEHICLES
};
struct glint_sim_vehicle_size {
    enum glint_sim_vehicle kind;
    float length, width, height;
};
struct glint_sim_vehicle_size glint_sim_draw_car(struct glint_sim_random *r);
struct glint_sim_vehicle_size glint_sim_draw_truck(struct glint_sim_random *r, bool moving);
void glint_sim_add_vehicle(struct glint_sim_set *s, const struct glint_sim_place *at,
                           const struct glint_sim_vehicle_size *size, int32_t id, struct glint_sim_random *r);
void glint_sim_build_car(struct glint_sim_set *s, const struct glint_sim_vehicle_size *size,
                         struct glint_sim_random *r);
void glint_sim_build_truck(struct glint_sim_set *s, const struct glint_sim_vehicle_size *size,
                           struct glint_sim_random *r);
float glint_sim_draw_paint(struct glint_sim_random *r); /* reflectivity */
void glint_sim_wheel(struct glint_sim_set *s, float x, float y, float radius, float half_width, float hub);

/* person.c: phase is where in a step the person is, in steps; stride 0 stands. */
struct glint_sim_gait {
    float stride, phase;
};
void glint_sim_add_person(struct glint_sim_set *s, const struct glint_sim_place *at, int32_t id,
                          struct glint_sim_gait gait, struct glint_sim_random *r);
void glint_sim_add_rider(struct glint_sim_set *s, const struct glint_sim_place *at, int32_t id, float pedal,
                         struct glint_sim_random *r);
void glint_sim_add_bicycle(struct glint_sim_set *s, const struct glint_sim_place *at,
                           struct glint_sim_random *r);

/* vegetation.c */
void glint_sim_add_tree(struct glint_sim_set *s, const struct glint_sim_place *at,
                        struct glint_sim_random *r);
void glint_sim_add_bush(struct glint_sim_set *s, const struct glint_sim_place *at, float a, float b, float h,
                        struct glint_sim_random *r);
void glint_sim_add_thicket(struct glint_sim_set *s, const struct glint_sim_place *at, float a, float b,
                           float h, struct glint_sim_random *r);
void glint_sim_add_hedge(struct glint_sim_set *s, const struct glint_sim_place *at, float length,
                         float half_width, float half_height, struct glint_sim_random *r);

/* building.c */
void glint_sim_add_building(struct glint_sim_set *s, const struct glint_sim_place *at, float half_x,
                            float half_y, float height, struct glint_sim_random *r);
void glint_sim_add_shed(struct glint_sim_set *s, const struct glint_sim_place *at, float half_x, float half_y,
                        struct glint_sim_random *r);
enum glint_sim_barrier { GLINT_SIM_WALL, GLINT_SIM_FENCE, GLINT_SIM_RAIL };
void glint_sim_add_barrier(struct glint_sim_set *s, const struct glint_sim_place *at, float length,
                           enum glint_sim_barrier kind, struct glint_sim_random *r);

/* clutter.c: the footprint's half sizes are known before, so that a place can be found. */
struct glint_sim_clutter {
    int kind;
    float half_x, half_y;
};
struct glint_sim_clutter glint_sim_draw_clutter(struct glint_sim_random *r);
void glint_sim_add_clutter(struct glint_sim_set *s, const struct glint_sim_place *at,
                           const struct glint_sim_clutter *what, struct glint_sim_random *r);
void glint_sim_add_pole(struct glint_sim_set *s, const struct glint_sim_place *at,
                        struct glint_sim_random *r);
#endif
