/* eval/nuscenes_tracking.h - nuScenes' tracking metrics: AMOTA, AMOTP and the classical ones.
 *
 * Sources: the nuScenes tracking task as its devkit evaluates it (configuration tracking_nips_2019); X. Weng
 * et al., IROS 2020 (AMOTA); K. Bernardin, R. Stiefelhagen, 2008 (CLEAR MOT). */
#ifndef GLINT_EVAL_NUSCENES_TRACKING_H
#define GLINT_EVAL_NUSCENES_TRACKING_H
#include "core/json_write.h"
#include "core/status.h"

enum { GLINT_TRACK_CLASSES = 7, GLINT_TRACK_RECALLS = 40 };

/* "bicycle", "bus", "car", "motorcycle", "pedestrian", "trailer", "truck"; static storage. */
const char *glint_track_class_name(int c);

struct glint_track_box {
    int32_t cls;  /* 0 .. GLINT_TRACK_CLASSES - 1 */
    int32_t id;   /* of its track: 0 .. n_truth_ids - 1 or n_found_ids - 1 of the scene */
    double x, y;  /* m, global */
    double score; /* results */
};
struct glint_track_frame { /* boxes that are left after filtering, in the order of their file */
    int64_t time_us;
    const struct glint_track_box *truth, *found;
    int32_t n_truth, n_found;
};
struct glint_track_scene {                  /* memory of the caller */
    const struct glint_track_frame *frames; /* every sample of the scene, times rise */
    int32_t n_frames, n_truth_ids, n_found_ids;
};

/* X(ENUM, name), in the order of the official files */
#define GLINT_TRACK_METRIC_MAP(X)                                                                            \
    X(AMOTA, amota)                                                                                          \
    X(AMOTP, amotp)                                                                                          \
    X(RECALL, recall)                                                                                        \
    X(MOTAR, motar)                                                                                          \
    X(GT, gt)                                                                                                \
    X(MOTA, mota)                                                                                            \
    X(MOTP, motp)                                                                                            \
    X(MT, mt)                                                                                                \
    X(ML, ml)                                                                                                \
    X(FAF, faf)                                                                                              \
    X(TP, tp)                                                                                                \
    X(FP, fp)                                                                                                \
    X(FN, fn)                                                                                                \
    X(IDS, ids)                                                                                              \
    X(FRAG, frag)                                                                                            \
    X(TID, tid)                                                                                              \
    X(LGD, lgd)

enum glint_track_metric {
#define GLINT_TRACK_ENUM(upper, name) GLINT_TRACK_##upper,
    GLINT_TRACK_METRIC_MAP(GLINT_TRACK_ENUM)
#undef GLINT_TRACK_ENUM
        GLINT_TRACK_METRICS
};
const char *glint_track_metric_name(int metric); /* "amota"; static storage */

struct glint_track_curve { /* at 40 recalls from 1 to 0.1; NaN where the recall is not reached */
    double confidence[GLINT_TRACK_RECALLS], recall_hypo[GLINT_TRACK_RECALLS];
    double value[GLINT_TRACK_METRICS][GLINT_TRACK_RECALLS]; /* AMOTA, AMOTP: NaN */
};
struct glint_track_metrics {
    double of_class[GLINT_TRACK_METRICS][GLINT_TRACK_CLASSES]; /* NaN where a class has no truth */
    double all[GLINT_TRACK_METRICS];
    struct glint_track_curve curve[GLINT_TRACK_CLASSES];
};

/* Evaluates all scenes together. GLINT_E_NOMEM. */
int glint_track_compute(const struct glint_track_scene *scenes, int32_t n_scenes,
                        struct glint_track_metrics *metrics_out);

/* Writes the members of the official summary into the open object: label_metrics, the means over classes, and
 * (ours) thresholds with the curves. */
void glint_track_put(struct glint_json_writer *w, const struct glint_track_metrics *metrics);
#endif
