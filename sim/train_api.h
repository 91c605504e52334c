/* sim/train_api.h - the simulator for programs in other languages: labelled scans of any sensor as flat
 * arrays.
 *
 * It is what libglint_sim.so exports (tools/train/scan.py reads it by ctypes), so structs hold plain numbers
 * and pointers only, largest first, without holes.
 *
 *     void *world = NULL;
 *     glint_train_world_open(&(struct glint_train_world){.seed = 7, .seconds = 30, .traffic = -1,
 *                            .people = -1}, &world);
 *     glint_train_scan(world, &sensor, 1, &request, &scan);   // scan has the caller's arrays
 *     glint_train_world_close(world);
 *
 * All functions but the last give GLINT_OK (0) or a negative status; glint_train_error() tells why. A world
 * is used by one thread at a time; the same calls give the same bytes on every machine. */
#ifndef GLINT_SIM_TRAIN_API_H
#define GLINT_SIM_TRAIN_API_H
#include <stdint.h>

#define GLINT_TRAIN_API_VERSION 1 /* of these structs */
#define GLINT_TRAIN_BOX         10
int32_t glint_train_api_version(void);

struct glint_train_world { /* as struct glint_sim_settings */
    uint64_t seed;
    double seconds;
    int32_t scene;         /* enum glint_sim_scene; 0: as the seed has it */
    float traffic, people; /* negative: as the seed has it */
    float rain_mm_h;
};

/* A sensor that turns, and where it sits. Angles are rad, counter-clockwise seen from its own top. */
struct glint_train_sensor {
    const float *elevation;  /* n_lasers */
    const float *azimuth;    /* n_lasers, beside the column's; NULL: 0 */
    const int32_t *laser_ns; /* n_lasers, after the column's begin; NULL: 0 */
    double place[3];         /* in the vehicle frame: x forward, y left, z above the ground, m */
    double roll, pitch, yaw; /* mounting; roll pi: upside down */
    double first;            /* angle of the first column; the sensor turns clockwise from there */
    int64_t turn_ns;         /* time of a turn */
    uint64_t noise_seed;
    int32_t n_columns, n_lasers; /* a turn, n_lasers <= 128 */
    float range_min_m, range_max_m, noise_m, sensitivity, dropout, divergence_rad,
        body_below_m; /* as sim.h */
    float reserved;   /* 0 */
};

/* One scan: all sensors turn at once. */
struct glint_train_request {
    double place[3]; /* of the frame that points and boxes are given in, in the vehicle frame: that of */
    double roll, pitch, yaw; /* the sensor, for one */
    int64_t start_ns;        /* of the drive */
    double radius_m;         /* boxes beyond are left out */
    int32_t deskew;   /* 0: points where the sensor measured them, while the vehicle moved on; 1: moved to the
                       * middle of the turn */
    int32_t reserved; /* 0 */
};

/* The caller's arrays, and how much came. A box lies where it was when the rays met it, on average, so that
 * its points are inside in both kinds of scan. */
struct glint_train_scan {
    float *points;  /* cap_points x 4: x, y, z m, intensity 0..1 */
    uint16_t *ring; /* laser; those of a second sensor count on */
    uint8_t *label; /* enum glint_sim_class */
    int32_t *owner; /* row of boxes, -1: none */
    float *boxes;   /* cap_boxes x 10: label (enum glint_sim_label), x, y, z of the centre, length, width,
                     * height,   yaw, vx, vy over ground, m/s; only objects that have points */
    int32_t *n_of;  /* cap_boxes: points of each */
    int64_t *track; /* cap_boxes: id of the object in its world */
    int32_t cap_points, cap_boxes, n_points, n_boxes;
};

int32_t glint_train_world_open(const struct glint_train_world *settings, void **world_out);
void glint_train_world_close(void *world); /* NULL is fine */

/* GLINT_E_ARG (which field), GLINT_E_CAPACITY (points or boxes do not fit), GLINT_E_NOMEM. */
int32_t glint_train_scan(void *world, const struct glint_train_sensor *sensors, int32_t n_sensors,
                         const struct glint_train_request *request, struct glint_train_scan *scan);

const char *glint_train_error(void); /* one line, of this thread's last failure */
#endif
