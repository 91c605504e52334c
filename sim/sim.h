/* sim/sim.h - a street world to drive through, and the rays of any LiDAR cast into it.
 *
 *     struct glint_sim_settings settings = glint_sim_default_settings();
 *     settings.seed = 7;
 *     struct glint_sim *sim;
 *     GLINT_TRY(glint_sim_open(&settings, &sim));
 *     for (each turn of the sensor, from t_ns) {
 *         struct glint_sim_rays rays = {...};            // the sensor's beams, see below
 *         GLINT_TRY(glint_sim_cast(sim, exec, &rays, &returns));
 *         GLINT_TRY(glint_sim_objects(sim, t_ns, 80, objects, CAP, &n));
 *         glint_sim_count(&rays, &returns, objects, n);  // points on each
 *     }
 *     glint_sim_close(sim);
 *
 * A world is made of its settings alone: the same bytes on every machine, for every instruction set and
 * number of threads, in whatever order it is asked. Roads and all that stands along them come into being
 * around the vehicle as it drives; times may be asked in any order within the drive, going back costs more.
 *
 * Frames: the world (z up, origin near the drive's begin), the vehicle (x forward, y left, z up; its origin
 * on the ground below the middle of the vehicle), the sensor. Time is int64 ns from the drive's begin. */
#ifndef GLINT_SIM_SIM_H
#define GLINT_SIM_SIM_H
#include "calib/pose.h"
#include "core/exec.h"
#include "glint/frame.h"

struct glint_sim; /* used by one thread at a time */

/* What lines the streets. X(ENUM, name) */
#define GLINT_SIM_SCENE_MAP(X)                                                                               \
    X(ANY, any)                                                                                              \
    X(URBAN, urban)                                                                                          \
    X(RESIDENTIAL, residential)                                                                              \
    X(RURAL, rural)                                                                                          \
    X(PARKING, parking)                                                                                      \
    X(SQUARE, square)

enum glint_sim_scene {
#define GLINT_SIM_SCENE_ENUM(upper, name) GLINT_SIM_##upper,
    GLINT_SIM_SCENE_MAP(GLINT_SIM_SCENE_ENUM)
#undef GLINT_SIM_SCENE_ENUM
        GLINT_SIM_SCENE_COUNT
};

/* What a point is of. X(ENUM, name) */
#define GLINT_SIM_CLASS_MAP(X)                                                                               \
    X(GROUND, ground)                                                                                        \
    X(VEGETATION, vegetation)                                                                                \
    X(BUILDING, building)                                                                                    \
    X(POLE, pole)                                                                                            \
    X(VEHICLE, vehicle)                                                                                      \
    X(PERSON, person)                                                                                        \
    X(CYCLIST, cyclist)                                                                                      \
    X(OTHER, other)

enum glint_sim_class {
#define GLINT_SIM_CLASS_ENUM(upper, name) GLINT_SIM_CLASS_##upper,
    GLINT_SIM_CLASS_MAP(GLINT_SIM_CLASS_ENUM)
#undef GLINT_SIM_CLASS_ENUM
        GLINT_SIM_CLASS_COUNT
};

/* What an object is: cars are all up to a van; riders of bicycles and motorcycles are cyclists (a bicycle
 * without one is not an object); trucks, trailers and buses are trucks. X(ENUM, name) */
#define GLINT_SIM_LABEL_MAP(X)                                                                               \
    X(CAR, car)                                                                                              \
    X(PEDESTRIAN, pedestrian)                                                                                \
    X(CYCLIST, cyclist)                                                                                      \
    X(TRUCK, truck)

enum glint_sim_label {
#define GLINT_SIM_LABEL_ENUM(upper, name) GLINT_SIM_LABEL_##upper,
    GLINT_SIM_LABEL_MAP(GLINT_SIM_LABEL_ENUM)
#undef GLINT_SIM_LABEL_ENUM
        GLINT_SIM_LABEL_COUNT
};

const char *glint_sim_scene_name(enum glint_sim_scene scene);
const char *glint_sim_class_name(enum glint_sim_class cls);
const char *glint_sim_label_name(enum glint_sim_label label);

struct glint_sim_settings {
    uint64_t seed;
    enum glint_sim_scene scene; /* ANY: as the seed has it */
    double seconds;             /* the drive's length, 1..3600; default 60 */
    float traffic;              /* 0 none .. 1 usual .. 3 dense; negative: as the seed has it (default) */
    float people;               /* likewise, pedestrians and riders */
    float rain_mm_h;            /* 0 dry (default) .. 50 */
};
struct glint_sim_settings glint_sim_default_settings(void);

/* GLINT_E_ARG (which field), GLINT_E_NOMEM. */
int glint_sim_open(const struct glint_sim_settings *settings, struct glint_sim **sim_out);
void glint_sim_close(struct glint_sim *sim); /* NULL is fine */

/* World from vehicle at t_ns, cut to the drive's time. */
struct glint_pose glint_sim_pose(struct glint_sim *sim, int64_t t_ns);

/* What an inertial sensor at the vehicle's origin measures: specific force (at rest +9.81 upwards) and turn
 * rate, in the vehicle frame; and the vehicle's velocity there. Without noise or bias. */
struct glint_sim_imu {
    double acceleration[3]; /* m/s2 */
    double rate[3];         /* rad/s */
    double velocity[3];     /* m/s */
};
struct glint_sim_imu glint_sim_imu(struct glint_sim *sim, int64_t t_ns);

/* A sensor's rays, as columns of lasers. Of a sensor that turns, laser l in column c starts at off[l] and
 * goes along dir[l], both turned by angle[c] about the sensor's z; the tables of calib/beam.h as they are,
 * with angle[c] = -azimuth there. A pattern that does not turn gives a direction per ray: angle is NULL then,
 * and dir has n_columns x n_lasers. Columns are best in order of time with angles evenly apart, as sensors
 * fire; anything else is right, but slower. Everything is the caller's and only read. */
struct glint_sim_rays {
    int32_t n_columns, n_lasers; /* n_lasers <= 128 */
    int64_t start_ns;            /* of the drive */
    const int32_t *column_ns;    /* n_columns, after start_ns */
    const int32_t *laser_ns;     /* n_lasers, after the column's; NULL: none */
    const float *angle;          /* n_columns, rad, counter-clockwise; NULL: dir is per ray */
    const float *dir[3];         /* unit; n_lasers, or n_columns x n_lasers */
    const float *off[3];         /* n_lasers, m; off[0] NULL: all 0 */

    struct glint_pose vehicle_from_sensor;
    /* What the sensor makes of echoes. */
    float range_min_m, range_max_m;
    float noise_m;        /* standard deviation of the range */
    float sensitivity;    /* 1: a diffuse target of 10 % at 0.42 range_max_m is seen half of the times */
    float dropout;        /* share of returns lost for no reason, 0..1 */
    float divergence_rad; /* width of a beam: edges, mixed pixels */
    uint64_t noise_seed;  /* another one: other noise on the same scene */
    float body_below_m;   /* the carrier's roof lies this far below the sensor and is seen; 0: not seen */
};

/* Per ray [column * n_lasers + laser]; the caller's memory, any pointer but range_m may be NULL. */
struct glint_sim_returns {
    float *range_m;   /* of the strongest echo, from the beam's start (off); 0: none */
    float *intensity; /* 0..1, of a sensor that corrects for range: reflectivity by incidence; retroreflectors
                       * reach 1 */
    uint8_t *cls;     /* enum glint_sim_class */
    int32_t *instance; /* id of the object, 0: none */
    /* The other echo of sensors with two, 0: none; the last one, or the second strongest where the strongest
     * is the last. */
    float *range2_m;
    float *intensity2;
    uint8_t *cls2;
    int32_t *instance2;
};

/* Casts all rays, each at its own time. GLINT_E_ARG (which field), GLINT_E_NOMEM. */
int glint_sim_cast(struct glint_sim *sim, struct glint_exec *x, const struct glint_sim_rays *rays,
                   const struct glint_sim_returns *out);

/* Where a point at range r of a ray lies: origin + r * dir, in the sensor's frame. */
void glint_sim_ray(const struct glint_sim_rays *rays, int32_t column, int32_t laser, float origin_out[3],
                   float dir_out[3]);

/* Points of all strongest returns with their rays, in the sensor frame as measured: no motion taken out.
 * xyz is n x 3 and ray n; both have room for n_columns * n_lasers. Returns n. */
int32_t glint_sim_points(const struct glint_sim_rays *rays, const float *range_m, float *xyz_out,
                         int32_t *ray_out);

struct glint_sim_object {
    int32_t id; /* > 0; the same for as long as the world lives */
    enum glint_sim_label label;
    const char *kind;     /* "sedan", "van", "bus", "pram" ...; static storage */
    struct glint_box box; /* in the vehicle frame at that time; velocity over ground in the vehicle's axes */
    double yaw_rate;      /* rad/s */
    int32_t n_points;     /* 0, until glint_sim_count */
};

/* Objects within radius_m of the vehicle at t_ns, by rising id; at most cap. GLINT_E_CAPACITY when there are
 * more (n_out is cap then). */
int glint_sim_objects(struct glint_sim *sim, int64_t t_ns, double radius_m, struct glint_sim_object *out,
                      int32_t cap, int32_t *n_out);

/* Sets n_points from out->instance (strongest returns). */
void glint_sim_count(const struct glint_sim_rays *rays, const struct glint_sim_returns *returns,
                     struct glint_sim_object *objects, int32_t n_objects);
#endif
