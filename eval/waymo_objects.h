/* eval/waymo_objects.h - labelled and predicted objects of Waymo frames, read where they lie.
 *
 *     struct glint_waymo_objects *set;
 *     GLINT_TRY(glint_waymo_objects_open(&inputs, &set));
 *     for (int32_t f = unit->first; f < unit->end; f++)
 *         GLINT_TRY(glint_waymo_objects_read(set, f, GLINT_WAYMO_RESULTS, &list)); // list.object, list.n
 *
 * Results are serialized `Objects` messages; ground truth is one of those too, or TFRecord files of Frame
 * messages, whose laser_labels are taken. Opening walks through the files once and notes which bytes belong
 * to which frame, so that objects may come in any order and memory does not grow with them: 24 bytes per run
 * of objects of one frame, 24 per frame. Objects are decoded when they are read. Messages: io/waymo.proto. */
#ifndef GLINT_EVAL_WAYMO_OBJECTS_H
#define GLINT_EVAL_WAYMO_OBJECTS_H
#include "eval/waymo_iou.h"
#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

enum glint_waymo_type {
    GLINT_WAYMO_UNKNOWN = 0,
    GLINT_WAYMO_VEHICLE = 1,
    GLINT_WAYMO_PEDESTRIAN = 2,
    GLINT_WAYMO_SIGN = 3,
    GLINT_WAYMO_CYCLIST = 4,
    GLINT_WAYMO_N_TYPES = 4, /* known ones */
};

struct glint_waymo_object {
    struct glint_waymo_box box; /* finite */
    double speed;               /* m/s in the plane; 0 when absent */
    const char *id;             /* id_size bytes in the file, not terminated */
    size_t id_size;
    const uint8_t *at; /* where the object starts in its file, for messages */
    float score;       /* 1 when absent; not NaN */
    int32_t n_points;
    uint8_t type;                            /* enum glint_waymo_type */
    uint8_t detection_level, tracking_level; /* 0 unknown, 1, 2 */
    uint8_t camera;                          /* whose image it is from (1 FRONT ... 8), 0: none */
    int8_t visible_camera; /* the camera that sees it best, 0: no known name; -1: not told */
    bool in_zone;          /* overlaps a no-label zone */
};

struct glint_waymo_list { /* grows; start with all zero, free(object) at the end */
    struct glint_waymo_object *object;
    int32_t n, cap;
};

enum glint_waymo_side { GLINT_WAYMO_TRUTH = 0, GLINT_WAYMO_RESULTS = 1 };

struct glint_waymo_inputs {
    const char *const *truth; /* an Objects file, or TFRecord files */
    int32_t n_truth;
    const char *results; /* an Objects file, possibly empty */
    bool skip_corrupt;   /* damaged records of TFRecord files are told, counted and left out */
    bool by_camera;      /* objects of several cameras at one time are frames of their own (detection) */
};

struct glint_waymo_unit { /* frames of one context (and camera) */
    const char *name;     /* of the context; "NAME camera 2" where there is one */
    int32_t first, end;   /* its frames */
};

struct glint_waymo_objects;

/* GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_NOMEM; GLINT_E_FORMAT, with file and byte, for what is no such
 * message, a damaged record, or ground truth without a single object. */
int glint_waymo_objects_open(const struct glint_waymo_inputs *inputs, struct glint_waymo_objects **set_out);
void glint_waymo_objects_close(struct glint_waymo_objects *set); /* NULL is fine */

/* Units and frames are in the order of the official tools: context names byte by byte, then time. */
int32_t glint_waymo_objects_units(const struct glint_waymo_objects *set);
const struct glint_waymo_unit *glint_waymo_objects_unit(const struct glint_waymo_objects *set, int32_t unit);
int64_t glint_waymo_objects_stamp_us(const struct glint_waymo_objects *set, int32_t frame);
int64_t glint_waymo_objects_count(const struct glint_waymo_objects *set, enum glint_waymo_side side);

/* Records that were left out with skip_corrupt. */
int64_t glint_waymo_objects_damaged(const struct glint_waymo_objects *set);

/* All objects of a frame in the order of the file(s); list->object is valid while the set is open.
 * Thread-safe with a list per thread. GLINT_E_FORMAT (also for a box that is not finite), GLINT_E_NOMEM. */
int glint_waymo_objects_read(const struct glint_waymo_objects *set, int32_t frame, enum glint_waymo_side side,
                             struct glint_waymo_list *list);

/* The unit's bytes are not needed for now: the process stops counting them as its own memory. Thread-safe. */
void glint_waymo_objects_release(const struct glint_waymo_objects *set, int32_t unit);

/* Keeps "FILE: byte N: WHAT" for an object that was read, and returns GLINT_E_FORMAT. */
int glint_waymo_objects_fail(const struct glint_waymo_objects *set, const struct glint_waymo_object *object,
                             const char *what);
#endif
