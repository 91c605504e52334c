/* eval/nuscenes_boxes.h - the boxes that nuScenes' detection and tracking metrics compare: annotations or
 * results of the samples of a split, and which of them are evaluated.
 *
 *     struct glint_nuscenes_split split;
 *     struct glint_nuscenes_boxes gt;
 *     GLINT_TRY(glint_nuscenes_split_init(&split, tables, "val"));
 *     GLINT_TRY(glint_nuscenes_ground_truth(&split, GLINT_NUSCENES_DETECTION, &gt));
 *     glint_nuscenes_filter(&split, GLINT_NUSCENES_DETECTION, sample, &gt); // per sample of the split */
#ifndef GLINT_EVAL_NUSCENES_BOXES_H
#define GLINT_EVAL_NUSCENES_BOXES_H
#include "eval/nuscenes_classes.h"
#include "io/nuscenes_tables.h"

struct glint_nuscenes_split {
    const struct glint_nuscenes_tables *tables;
    int32_t n_scenes, n_samples;
    int32_t *scene; /* rows of tables->scene, in the order of their first samples */
    struct glint_nuscenes_split_sample {
        int32_t sample; /* row of tables->sample, in its order */
        int32_t scene;  /* index in split->scene */
    } * sample;
    int32_t *place;       /* of each row of tables->sample: its index in split->sample, or -1 */
    int32_t *scene_first; /* n_scenes + 1: of_scene[scene_first[s]..] are the samples of scene s, rising */
    int32_t *of_scene;
};

struct glint_nuscenes_box {
    double translation[3]; /* centre in the world, m */
    double size[3];        /* width (y), length (x), height */
    double rotation[4];    /* world from box: w, x, y, z; any length, as in the file */
    double velocity[2];    /* in the world, m/s; NaN: unknown */
    double score;          /* ground truth: -1 */
    double ego_dist;       /* m from the vehicle in the plane; set by filter */
    int32_t sample;        /* index in split->sample */
    int32_t name;          /* class of the task */
    int32_t attribute;     /* -1: none; of glint_nuscenes_attributes */
    int32_t num_pts;       /* points inside; -1: not said */
    int32_t track;         /* tracking: ground truth: row of tables->instance; results: number of the id */
    int32_t place;         /* in the list of all boxes, which decides among equal scores */
};

struct glint_nuscenes_boxes {
    int64_t n;
    struct glint_nuscenes_box *box; /* those of a sample lie together, in the order of the file */
    struct glint_nuscenes_range {
        int64_t first;
        int32_t n;
    } * of_sample; /* per split->sample */
    int32_t n_tracks;
    char **track; /* results of tracking: ids, NULL else */
    bool meta[5]; /* of a submission: use_camera, lidar, radar, map, external */
};

/* The samples of the split's scenes in the order of the sample table. GLINT_E_ARG: no such split;
 * GLINT_E_NOTFOUND: none of its scenes is in the tables; GLINT_E_FORMAT: a sample without a key frame of
 * LIDAR_TOP. fini also after a failure. */
int glint_nuscenes_split_init(struct glint_nuscenes_split *split, const struct glint_nuscenes_tables *tables,
                              const char *name);
void glint_nuscenes_split_fini(struct glint_nuscenes_split *split);

/* Empty, with room for nothing. GLINT_E_NOMEM. fini also after a failure. */
int glint_nuscenes_boxes_init(struct glint_nuscenes_boxes *boxes, const struct glint_nuscenes_split *split);
void glint_nuscenes_boxes_fini(struct glint_nuscenes_boxes *boxes);

/* Annotations of the split's samples whose category is a class of the task. GLINT_E_FORMAT: more than one
 * attribute. */
int glint_nuscenes_ground_truth(const struct glint_nuscenes_split *split, enum glint_nuscenes_task task,
                                struct glint_nuscenes_boxes *boxes_out);

/* Drops the boxes of a sample that are not evaluated (beyond the class's range, without points, cycles in
 * racks) and sets ego_dist of those that stay, in their order. boxes may be shared by threads that take
 * different samples. */
void glint_nuscenes_filter(const struct glint_nuscenes_split *split, enum glint_nuscenes_task task,
                           int32_t sample, struct glint_nuscenes_boxes *boxes);

/* Angle of the box's x axis in the plane, rad. */
double glint_nuscenes_yaw(const double rotation[4]);
#endif
