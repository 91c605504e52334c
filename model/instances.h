/* model/instances.h - points of objects: which box each point of a mask belongs to. */
#ifndef GLINT_MODEL_INSTANCES_H
#define GLINT_MODEL_INSTANCES_H
#include "core/exec.h"
#include "glint/frame.h"
#include "model/model_config.h"

struct glint_instances {
    uint64_t points_of[GLINT_CLASSES_MAX]; /* per class of boxes: bits of the classes of points it can have */
};

/* By names: the same one, or one of the same kind (a "vehicle" has points of "car", "truck" ..., a "cyclist"
 * of "bicycle", a "pedestrian" of "person"). A class of boxes that fits no class of points has none. */
void glint_instances_match(const char *const *classes, int32_t n_classes, const char *const *point_classes,
                           int32_t n_point_classes, struct glint_instances *out);

/* frame->point_instance of all points from its masks and boxes: 1 + the box of the best score that the point
 * lies in and whose class its own class fits (the first of equal scores), else 0. Several threads. */
void glint_instances_set(struct glint_exec *x, const struct glint_instances *match,
                         struct glint_frame *frame);
#endif
