/* eval/waymo_breakdown.h - how the Waymo metrics divide objects: by type, range, size, speed and camera. */
#ifndef GLINT_EVAL_WAYMO_BREAKDOWN_H
#define GLINT_EVAL_WAYMO_BREAKDOWN_H
#include "eval/waymo_objects.h"

enum glint_waymo_generator {
    GLINT_WAYMO_BY_TYPE,
    GLINT_WAYMO_BY_RANGE,  /* of the centre: 30 m, 50 m */
    GLINT_WAYMO_ONE_SHARD, /* all objects, also of unknown type */
    GLINT_WAYMO_BUT_SIGN,  /* all but signs; signs */
    GLINT_WAYMO_BY_SIZE,   /* longest side: 7 m */
    GLINT_WAYMO_BY_SPEED,  /* of the ground truth: 0.2, 1, 3, 10 m/s */
    GLINT_WAYMO_BY_CAMERA, /* of the ground truth: five bearings */
    GLINT_WAYMO_N_GENERATORS,
};

#define GLINT_WAYMO_CAP_SHARDS 20 /* of a generator */
#define GLINT_WAYMO_NAME_SIZE  64

/* A shard is a row of the table. Objects are matched inside a group: the shard itself, but where only the
 * ground truth says the shard (speed, camera) the group is what could match at all, and it has n_per_group
 * shards. */
struct glint_waymo_breakdown {
    int32_t n_shards, n_groups, n_per_group;
    bool truth_only;
};
const struct glint_waymo_breakdown *glint_waymo_breakdown(enum glint_waymo_generator generator);

/* The object's shard, -1: none. */
int32_t glint_waymo_shard(enum glint_waymo_generator generator, const struct glint_waymo_object *object);
/* Bit g: the object takes part in group g. */
uint32_t glint_waymo_groups(enum glint_waymo_generator generator, const struct glint_waymo_object *object);
/* "RANGE_TYPE_VEHICLE_[0, 30)", without the level. */
void glint_waymo_shard_name(enum glint_waymo_generator generator, int32_t shard,
                            char name_out[GLINT_WAYMO_NAME_SIZE]);

/* The overlap from which a pair can match: 0.7 for vehicles, 0.5 for others; more than 1 for unknown types.
 */
float glint_waymo_threshold(uint8_t type);
#endif
