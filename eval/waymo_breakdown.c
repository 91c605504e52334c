/* eval/waymo_breakdown.c - see waymo_breakdown.h. Limits and names are the official library's. */
#include "eval/waymo_breakdown.h"
#include <math.h>
#include <stdio.h>

#define N_TYPES   GLINT_WAYMO_N_TYPES
#define N_CAMERAS 5
#define N_SPEEDS  5
#define PI        3.14159265358979323846

static const struct glint_waymo_breakdown breakdowns[GLINT_WAYMO_N_GENERATORS] = {
    [GLINT_WAYMO_BY_TYPE] = {N_TYPES, N_TYPES, 1, false},
    [GLINT_WAYMO_BY_RANGE] = {3 * N_TYPES, 3 * N_TYPES, 1, false},
    [GLINT_WAYMO_ONE_SHARD] = {1, 1, 1, false},
    [GLINT_WAYMO_BUT_SIGN] = {2, 2, 1, false},
    [GLINT_WAYMO_BY_SIZE] = {2 * N_TYPES, 2 * N_TYPES, 1, false},
    [GLINT_WAYMO_BY_SPEED] = {N_SPEEDS * N_TYPES, N_TYPES, N_SPEEDS, true},
    [GLINT_WAYMO_BY_CAMERA] = {N_CAMERAS * N_TYPES, N_CAMERAS *N_TYPES, 1, true},
};

const struct glint_waymo_breakdown *glint_waymo_breakdown(enum glint_waymo_generator generator)
{
    return &breakdowns[generator];
}

/* ---- what an object is ---- */

static int32_t range_of(const struct glint_waymo_object *o)
{
    const double range = sqrt(o->box.x * o->box.x + o->box.y * o->box.y + o->box.z * o->box.z);
    return range < 30 ? 0 : range < 50 ? 1 : 2;
}

static int32_t size_of(const struct glint_waymo_object *o)
{
    return fmax(fmax(o->box.length, o->box.width), o->box.height) < 7 ? 0 : 1;
}

static int32_t speed_of(const struct glint_waymo_object *o)
{
    static const float limits[N_SPEEDS - 1] = {0.2f, 1, 3, 10}; /* float32 there too */
    int32_t i = 0;
    while (i < N_SPEEDS - 1 && !(o->speed < (double)limits[i]))
        i++;
    return i;
}

/* Bit c: within 25.2 degrees of the axis of camera c; FRONT, FRONT_LEFT, FRONT_RIGHT, SIDE_LEFT, SIDE_RIGHT.
 */
static uint32_t cameras_by_bearing(const struct glint_waymo_object *o)
{
    static const double axis[N_CAMERAS] = {0, 45, -45, 90, -90};
    const double bearing = atan2(o->box.y, o->box.x) * (180.0 / PI);
    uint32_t cameras = 0;
    for (int c = 0; c < N_CAMERAS; c++)
        if (bearing > axis[c] - 25.2 && bearing < axis[c] + 25.2)
            cameras |= 1u << c;
    return cameras;
}

/* 0..4 of the camera that has the object, -1: none of the five. */
static int32_t camera_of(const struct glint_waymo_object *o)
{
    const int32_t named = o->camera ? o->camera : o->visible_camera;
    if (named >= 0)
        return named >= 1 && named <= N_CAMERAS ? named - 1 : -1;
    const uint32_t cameras = cameras_by_bearing(o);
    for (int32_t c = 0; c < N_CAMERAS; c++)
        if (cameras >> c & 1)
            return c;
    return -1;
}

/* ---- shards ---- */

int32_t glint_waymo_shard(enum glint_waymo_generator generator, const struct glint_waymo_object *o)
{
    const int32_t type = o->type - 1;
    if (generator == GLINT_WAYMO_ONE_SHARD)
        return 0;
    if (generator == GLINT_WAYMO_BUT_SIGN)
        return o->type == GLINT_WAYMO_SIGN ? 1 : 0;
    if (type < 0)
        return -1;
    switch (generator) {
    case GLINT_WAYMO_BY_RANGE:
        return 3 * type + range_of(o);
    case GLINT_WAYMO_BY_SIZE:
        return 2 * type + size_of(o);
    case GLINT_WAYMO_BY_SPEED:
        return N_SPEEDS * type + speed_of(o);
    case GLINT_WAYMO_BY_CAMERA:
        return camera_of(o) < 0 ? -1 : N_CAMERAS * type + camera_of(o);
    default:
        return type;
    }
}

uint32_t glint_waymo_groups(enum glint_waymo_generator generator, const struct glint_waymo_object *o)
{
    if (!breakdowns[generator].truth_only) {
        const int32_t shard = glint_waymo_shard(generator, o);
        return shard < 0 ? 0 : 1u << shard;
    }
    if (o->type == GLINT_WAYMO_UNKNOWN)
        return 0;
    if (generator == GLINT_WAYMO_BY_SPEED)
        return 1u << (o->type - 1);
    const int32_t camera = camera_of(o);
    const uint32_t cameras = !o->camera ? cameras_by_bearing(o) : camera < 0 ? 0 : 1u << camera;
    return cameras << (N_CAMERAS * (o->type - 1));
}

void glint_waymo_shard_name(enum glint_waymo_generator generator, int32_t shard,
                            char name_out[GLINT_WAYMO_NAME_SIZE])
{
    static const char *const types[] = {"VEHICLE", "PEDESTRIAN", "SIGN", "CYCLIST"};
    static const char *const names[GLINT_WAYMO_N_GENERATORS] = {
        [GLINT_WAYMO_BY_TYPE] = "OBJECT_TYPE", [GLINT_WAYMO_BY_RANGE] = "RANGE",
        [GLINT_WAYMO_BY_SIZE] = "SIZE",        [GLINT_WAYMO_BY_SPEED] = "VELOCITY",
        [GLINT_WAYMO_BY_CAMERA] = "CAMERA",
    };
    static const char *const parts[GLINT_WAYMO_N_GENERATORS][5] = {
        [GLINT_WAYMO_BY_TYPE] = {""},
        [GLINT_WAYMO_BY_RANGE] = {"_[0, 30)", "_[30, 50)", "_[50, +inf)"},
        [GLINT_WAYMO_BY_SIZE] = {"_small", "_large"},
        [GLINT_WAYMO_BY_SPEED] = {"_STATIONARY", "_SLOW", "_MEDIUM", "_FAST", "_VERY_FAST"},
        [GLINT_WAYMO_BY_CAMERA] = {"_FRONT", "_FRONT-LEFT", "_FRONT-RIGHT", "_SIDE-LEFT", "_SIDE-RIGHT"},
    };
    const int32_t n_parts = breakdowns[generator].n_shards / N_TYPES;
    if (generator == GLINT_WAYMO_ONE_SHARD)
        snprintf(name_out, GLINT_WAYMO_NAME_SIZE, "ONE_SHARD");
    else if (generator == GLINT_WAYMO_BUT_SIGN)
        snprintf(name_out, GLINT_WAYMO_NAME_SIZE, "%s", shard ? "SIGN" : "ALL_BUT_SIGN");
    else
        snprintf(name_out, GLINT_WAYMO_NAME_SIZE, "%s_TYPE_%s%s", names[generator], types[shard / n_parts],
                 parts[generator][shard % n_parts]);
}

float glint_waymo_threshold(uint8_t type)
{
    return type == GLINT_WAYMO_UNKNOWN ? 2 : type == GLINT_WAYMO_VEHICLE ? 0.7f : 0.5f;
}
