/* eval/kitti_ap.h - KITTI's average precision: Car, Pedestrian, Cyclist; easy, moderate, hard; boxes in the
 * image, from above (BEV), in 3D, and orientation (AOS); at 11 and at 40 recalls.
 *
 * Sources: A. Geiger et al., CVPR 2012 (difficulties, AOS); A. Simonelli et al., ICCV 2019 (40 recalls); the
 * published evaluation in OpenPCDet. Overlaps are exact and double. */
#ifndef GLINT_EVAL_KITTI_AP_H
#define GLINT_EVAL_KITTI_AP_H
#include "io/kitti.h"

enum glint_kitti_class { GLINT_KITTI_CAR, GLINT_KITTI_PEDESTRIAN, GLINT_KITTI_CYCLIST, GLINT_KITTI_CLASSES };
enum glint_kitti_metric {
    GLINT_KITTI_BBOX,
    GLINT_KITTI_BEV,
    GLINT_KITTI_3D,
    GLINT_KITTI_OVERLAPS, /* how many of these have an overlap of their own */
    GLINT_KITTI_AOS = GLINT_KITTI_OVERLAPS,
    GLINT_KITTI_METRICS
};
enum glint_kitti_level { GLINT_KITTI_STRICT, GLINT_KITTI_LOOSE, GLINT_KITTI_LEVELS };
enum { GLINT_KITTI_DIFFICULTIES = 3, GLINT_KITTI_RECALLS = 41 };

/* "Car", "3d", "strict", "moderate": static storage. */
const char *glint_kitti_class_name(int c);
const char *glint_kitti_metric_name(int metric);
const char *glint_kitti_level_name(int level);
const char *glint_kitti_difficulty_name(int difficulty);

struct glint_kitti_frame { /* memory of the caller */
    const struct glint_kitti_object *truth, *found;
    int32_t n_truth, n_found;
};

struct glint_kitti_curve {
    double min_overlap;
    double ap_r11, ap_r40;                 /* percent; NaN: AOS where no result has an alpha (-10) */
    double precision[GLINT_KITTI_RECALLS]; /* at recalls 0, 1/40 ... 1; AOS: of the orientation */
};
struct glint_kitti_ap {
    struct glint_kitti_curve curve[GLINT_KITTI_CLASSES][GLINT_KITTI_LEVELS][GLINT_KITTI_METRICS]
                                  [GLINT_KITTI_DIFFICULTIES];
};

/* Evaluates all frames. GLINT_E_NOMEM. */
int glint_kitti_ap_compute(const struct glint_kitti_frame *frames, int32_t n_frames,
                           struct glint_kitti_ap *ap_out);
#endif
