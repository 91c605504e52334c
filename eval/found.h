/* eval/found.h - which labelled objects a detector found, by class, distance and number of points on them.
 *
 * Beside the official metrics, and simpler: an object is found when a box of its class is within some metres
 * of its centre, seen from above, and has at least its class's score. It tells where a detector is good
 * rather than how good. All datasets use it for their report. */
#ifndef GLINT_EVAL_FOUND_H
#define GLINT_EVAL_FOUND_H
#include "glint/frame.h"

enum { GLINT_FOUND_CLASSES = 32, GLINT_FOUND_DISTANCES = 7, GLINT_FOUND_POINTS = 8 };

enum glint_found_state {
    GLINT_FOUND_NOT, /* a missed object; a false box */
    GLINT_FOUND_YES,
    GLINT_FOUND_IGNORED, /* an object that nobody has to find, a box on one; a box below its least score */
};

struct glint_found_object {
    struct glint_box
        box;        /* label: class, -1: of no class that is evaluated (a box of any class may be there) */
    int32_t points; /* on it; -1: unknown */
    bool ignored;   /* nobody has to find it */
};

struct glint_found_rule {
    float distance_m;
    const float *least_score; /* per class; NULL: any */
};

/* Greedy by score: each box takes the nearest free object of its class within reach; objects that count go
 * before ignored ones. Writes one state per object and box. Boxes with a label outside 0..n_classes - 1 are
 * ignored. */
void glint_found_match(const struct glint_found_rule *rule, const struct glint_box *boxes, int32_t n_boxes,
                       const struct glint_found_object *objects, int32_t n_objects, int32_t n_classes,
                       uint8_t *box_state_out, uint8_t *object_state_out);

struct glint_found_share {
    int64_t found, all;
};
struct glint_found { /* start with all zero */
    struct glint_found_class {
        int64_t objects, found, boxes, right; /* boxes that count, and those on an object */
        struct glint_found_share by_distance[GLINT_FOUND_DISTANCES], by_points[GLINT_FOUND_POINTS];
    } of_class[GLINT_FOUND_CLASSES];
    bool has_points; /* any object told them */
};

/* Adds a frame that glint_found_match has been over. */
void glint_found_add(struct glint_found *f, const struct glint_box *boxes, const uint8_t *box_state,
                     int32_t n_boxes, const struct glint_found_object *objects, const uint8_t *object_state,
                     int32_t n_objects);

/* NaN where there is nothing to divide by. */
double glint_found_recall(const struct glint_found_class *c);
double glint_found_precision(const struct glint_found_class *c);

/* "0-10", "5-9": static storage. */
extern const char *const glint_found_distance_names[GLINT_FOUND_DISTANCES];
extern const char *const glint_found_point_names[GLINT_FOUND_POINTS];
#endif
