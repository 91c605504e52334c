/* eval/kitti_overlap.h - how much two boxes of KITTI files share, in the metrics of eval/kitti_ap.h. */
#ifndef GLINT_EVAL_KITTI_OVERLAP_H
#define GLINT_EVAL_KITTI_OVERLAP_H
#include "eval/kitti_ap.h"

/* Intersection over union: of the rectangles in the image, of the footprints in the x-z plane, of the boxes.
 * 0 where the union is 0. */
double glint_kitti_overlap(enum glint_kitti_metric metric, const struct glint_kitti_object *a,
                           const struct glint_kitti_object *b);

/* Part of the image rectangle of `found` that lies in that of `region`. */
double glint_kitti_covered(const struct glint_kitti_object *found, const struct glint_kitti_object *region);
#endif
