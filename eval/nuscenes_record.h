/* eval/nuscenes_record.h - what the matching of a scene (nuscenes_match.c) leaves for the metric
 * (nuscenes_detection.c): a head, n_records records, n_errors errors. Private to these two. */
#ifndef GLINT_EVAL_NUSCENES_RECORD_H
#define GLINT_EVAL_NUSCENES_RECORD_H
#include "eval/nuscenes_detection.h"

struct glint_nuscenes_scene_head {
    int64_t n_records, n_errors;
    int32_t n_gt[GLINT_NUSCENES_DETECTION_CLASSES], n_pred[GLINT_NUSCENES_DETECTION_CLASSES];
    struct glint_nuscenes_recall recall;
    /* The first match with a box whose size is not above 0: */
    int32_t bad; /* 0: none, 1: the annotation's, 2: the result's */
    int32_t bad_class;
    struct glint_token bad_sample;
    double bad_size[3];
};

struct glint_nuscenes_record { /* an evaluated result */
    double score;
    int32_t place;
    uint8_t name, matched; /* bit k: matched at threshold k; bit 2: its errors are the next ones */
    uint8_t unused[2];
};

struct glint_nuscenes_match_errors {
    double error[GLINT_NUSCENES_ERRORS];
};
#endif
