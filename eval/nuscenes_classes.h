/* eval/nuscenes_classes.h - names and limits of nuScenes' tasks: what is a public fact of the benchmark. */
#ifndef GLINT_EVAL_NUSCENES_CLASSES_H
#define GLINT_EVAL_NUSCENES_CLASSES_H
#include <stdint.h>

enum {
    GLINT_NUSCENES_DETECTION_CLASSES = 10,
    GLINT_NUSCENES_TRACKING_CLASSES = 7,
    GLINT_NUSCENES_ATTRIBUTES = 8,
    GLINT_NUSCENES_LIDARSEG_CLASSES = 17 /* 0: ignored */
};
enum glint_nuscenes_task { GLINT_NUSCENES_DETECTION, GLINT_NUSCENES_TRACKING };

/* A task's classes: detection in the order of its tables (car, truck, ...), tracking by name. */
struct glint_nuscenes_task_info {
    int32_t n_classes;
    const char *const *name;
    const double *range_m;            /* boxes farther from the vehicle than this are not evaluated */
    const char *name_key, *score_key; /* in a submission's boxes: "detection_name", "detection_score" */
};
const struct glint_nuscenes_task_info *glint_nuscenes_task_info(enum glint_nuscenes_task task);

extern const char *const glint_nuscenes_attributes[GLINT_NUSCENES_ATTRIBUTES];
extern const char *const glint_nuscenes_lidarseg[GLINT_NUSCENES_LIDARSEG_CLASSES];

/* The class of a category ("human.pedestrian.adult"); -1 (lidarseg: 0) when it is not evaluated. */
int32_t glint_nuscenes_class_of(enum glint_nuscenes_task task, const char *category);
int32_t glint_nuscenes_lidarseg_of(const char *category);

/* By name; -1 when there is none. */
int32_t glint_nuscenes_class_named(enum glint_nuscenes_task task, const char *name, int32_t length);
int32_t glint_nuscenes_attribute_named(const char *name, int32_t length);

/* Bicycles and motorcycles are not evaluated in bicycle racks. */
int glint_nuscenes_is_cycle(enum glint_nuscenes_task task, int32_t index);
#endif
