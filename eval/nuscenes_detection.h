/* eval/nuscenes_detection.h - nuScenes' detection metric: average precision by centre distance, five errors
 * of true positives, and the nuScenes detection score (NDS). The same numbers as the official devkit to 1e-9.
 *
 * In two halves, for eval/task.h: scenes are filtered and matched on their own, in any thread or machine;
 * what that leaves (a few bytes per box) is put together in one place and one order:
 *
 *     struct glint_nuscenes_detection *d;
 *     GLINT_TRY(glint_nuscenes_detection_open(&d));
 *     for each scene: glint_nuscenes_detection_score(&split, &gt, &pred, scene, &buffer), then
 *                     glint_nuscenes_detection_add(d, &blob)            // in the order of scenes
 *     GLINT_TRY(glint_nuscenes_detection_finish(d, "results.json", result));
 *     glint_nuscenes_detection_close(d);
 *
 * Method: H. Caesar et al., "nuScenes: A multimodal dataset for autonomous driving", CVPR 2020, and the
 * evaluation settings detection_cvpr_2019. */
#ifndef GLINT_EVAL_NUSCENES_DETECTION_H
#define GLINT_EVAL_NUSCENES_DETECTION_H
#include "core/json_write.h"
#include "eval/blob.h"
#include "eval/nuscenes_boxes.h"
#include "io/output.h"

enum {
    GLINT_NUSCENES_THRESHOLDS = 4,   /* 0.5, 1, 2, 4 m */
    GLINT_NUSCENES_TP_THRESHOLD = 2, /* whose matches have errors: 2 m */
    GLINT_NUSCENES_ERRORS = 5,       /* trans, scale, orient, vel, attr */
    GLINT_NUSCENES_CURVE = 101,      /* recalls 0, 0.01 ... 1 */
    GLINT_NUSCENES_BINS = 5          /* of recall by distance and by points */
};
extern const double glint_nuscenes_thresholds[GLINT_NUSCENES_THRESHOLDS];
extern const char *const glint_nuscenes_errors[GLINT_NUSCENES_ERRORS]; /* "trans_err" ... */

struct glint_nuscenes_curve {
    double precision[GLINT_NUSCENES_CURVE], confidence[GLINT_NUSCENES_CURVE];
    double error[GLINT_NUSCENES_ERRORS][GLINT_NUSCENES_CURVE]; /* of the 2 m threshold only */
};

/* Annotations that are evaluated, and how many of them any result is nearer to than 2 m (at any score). */
struct glint_nuscenes_recall {
    int64_t by_distance[GLINT_NUSCENES_BINS], found_by_distance[GLINT_NUSCENES_BINS]; /* 0-10 ... 40-50 m */
    int64_t by_points[GLINT_NUSCENES_BINS], found_by_points[GLINT_NUSCENES_BINS];     /* see point_bins */
};
extern const char *const glint_nuscenes_distance_bins[GLINT_NUSCENES_BINS]; /* "0-10 m" */
extern const char *const glint_nuscenes_point_bins[GLINT_NUSCENES_BINS];    /* "1-4" */

struct glint_nuscenes_detection_result { /* NaN: not defined; about 300 KB */
    double mean_ap, nd_score;
    double tp_error[GLINT_NUSCENES_ERRORS], tp_score[GLINT_NUSCENES_ERRORS];
    double label_ap[GLINT_NUSCENES_DETECTION_CLASSES][GLINT_NUSCENES_THRESHOLDS];
    double mean_dist_ap[GLINT_NUSCENES_DETECTION_CLASSES];
    double label_tp_error[GLINT_NUSCENES_DETECTION_CLASSES][GLINT_NUSCENES_ERRORS];
    int64_t n_gt[GLINT_NUSCENES_DETECTION_CLASSES], n_pred[GLINT_NUSCENES_DETECTION_CLASSES]; /* evaluated */
    struct glint_nuscenes_recall recall; /* of all classes */
    struct glint_nuscenes_curve curve[GLINT_NUSCENES_DETECTION_CLASSES][GLINT_NUSCENES_THRESHOLDS];
};

/* Filters (glint_nuscenes_filter) and matches the boxes of a scene (index in split->scene) and appends what
 * add needs. Scenes may be done at once. GLINT_E_NOMEM. */
int glint_nuscenes_detection_score(const struct glint_nuscenes_split *split, struct glint_nuscenes_boxes *gt,
                                   struct glint_nuscenes_boxes *pred, int32_t scene,
                                   struct glint_buffer *out);

struct glint_nuscenes_detection;
int glint_nuscenes_detection_open(struct glint_nuscenes_detection **d_out);
void glint_nuscenes_detection_close(struct glint_nuscenes_detection *d); /* NULL is fine */

/* What score appended for the next scene. GLINT_E_FORMAT, GLINT_E_NOMEM. */
int glint_nuscenes_detection_add(struct glint_nuscenes_detection *d, struct glint_blob *in);

/* The metric. GLINT_E_FORMAT, with `results_name` in the reason: a box that takes part in a match has a size
 * that is not above 0 (the official tools refuse such a submission too). */
int glint_nuscenes_detection_finish(struct glint_nuscenes_detection *d, const char *results_name,
                                    struct glint_nuscenes_detection_result *result);

/* The members of the official summary into the open object: "mean_ap", "nd_score", "tp_errors", ... */
void glint_nuscenes_detection_put(struct glint_json_writer *w,
                                  const struct glint_nuscenes_detection_result *result);
/* Curves as an object with a member per class and threshold: "car:0.5": {"precision": [...], ...}. */
void glint_nuscenes_detection_put_curves(struct glint_json_writer *w,
                                         const struct glint_nuscenes_detection_result *result);
#endif
