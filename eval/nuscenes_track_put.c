/* eval/nuscenes_track_put.c - tracking metrics as JSON, see nuscenes_tracking.h. */
#include "eval/nuscenes_tracking.h"

static void put_curve(struct glint_json_writer *w, const char *key, const double *values)
{
    glint_json_put_f64s(w, key, values, GLINT_TRACK_RECALLS);
}

static void put_thresholds(struct glint_json_writer *w, const struct glint_track_curve *curve)
{
    static const int told[] = {GLINT_TRACK_MOTAR, GLINT_TRACK_MOTP, GLINT_TRACK_MOTA, GLINT_TRACK_RECALL,
                               GLINT_TRACK_TP,    GLINT_TRACK_FP,   GLINT_TRACK_FN,   GLINT_TRACK_IDS};
    put_curve(w, "confidence", curve->confidence);
    put_curve(w, "recall_hypo", curve->recall_hypo);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        put_curve(w, glint_track_metric_name((int)told[i]), curve->value[told[i]]);
}

void glint_track_put(struct glint_json_writer *w, const struct glint_track_metrics *metrics)
{
    glint_json_put_object(w, "label_metrics");
    for (int m = 0; m < GLINT_TRACK_METRICS; m++) {
        glint_json_put_object(w, glint_track_metric_name(m));
        for (int c = 0; c < GLINT_TRACK_CLASSES; c++)
            glint_json_put_f64(w, glint_track_class_name(c), metrics->of_class[m][c]);
        glint_json_put_end(w);
    }
    glint_json_put_end(w);
    for (int m = 0; m < GLINT_TRACK_METRICS; m++)
        glint_json_put_f64(w, glint_track_metric_name(m), metrics->all[m]);
    glint_json_put_object(w, "thresholds");
    for (int c = 0; c < GLINT_TRACK_CLASSES; c++) {
        glint_json_put_object(w, glint_track_class_name(c));
        put_thresholds(w, &metrics->curve[c]);
        glint_json_put_end(w);
    }
    glint_json_put_end(w);
}
