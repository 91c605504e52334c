/* eval/waymo_segmentation.h - the Waymo 3D semantic segmentation metric: IoU of 22 classes over the labelled
 * range images (both returns of the TOP lidar), and their mean.
 *
 * Results are SegmentationFrameList messages; ground truth is one of those too, or TFRecord files of Frame
 * messages. A matrix may hold instance and class per pixel, or the class alone. Messages: io/waymo.proto. */
#ifndef GLINT_EVAL_WAYMO_SEGMENTATION_H
#define GLINT_EVAL_WAYMO_SEGMENTATION_H
#include "eval/task.h"
#include "eval/waymo_objects.h"

#define GLINT_WAYMO_N_CLASSES 22 /* 1..22; 0 is undefined */

struct glint_waymo_segmentation_row { /* a class */
    int32_t id;
    const char *name;                /* "TYPE_CAR" */
    float iou;                       /* 1 where nobody has it */
    int64_t n_intersection, n_union; /* pixels */
};

struct glint_waymo_segmentation;

/* Indexes the files (by_camera means nothing here). GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_NOMEM;
 * GLINT_E_FORMAT with file and byte. */
int glint_waymo_segmentation_open(const struct glint_waymo_inputs *inputs,
                                  struct glint_waymo_segmentation **metric_out);
void glint_waymo_segmentation_close(struct glint_waymo_segmentation *metric); /* NULL is fine */

/* As glint_waymo_detection_task; units are contexts. A unit fails with GLINT_E_FORMAT, naming file, byte and
 * what was expected, for a damaged stream or images of different sizes. */
void glint_waymo_segmentation_task(struct glint_waymo_segmentation *metric, struct glint_eval_task *task);

/* After the task, on the root. */
int64_t glint_waymo_segmentation_frames(const struct glint_waymo_segmentation *metric); /* labelled ones */
int64_t
glint_waymo_segmentation_damaged(const struct glint_waymo_segmentation *metric); /* records left out */
float glint_waymo_segmentation_miou(const struct glint_waymo_segmentation *metric);
void glint_waymo_segmentation_row(const struct glint_waymo_segmentation *metric, int32_t id,
                                  struct glint_waymo_segmentation_row *row_out);
#endif
