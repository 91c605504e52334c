/* tools/nuscenes_report.c - the page of glint eval nuscenes --report; see eval/report.h. */
#include "eval/report.h"
#include "eval/segmentation.h"
#include "tools/nuscenes_job.h"
#include "tools/times.h"
#include <math.h>
#include <stdio.h>

#define N_POINTS GLINT_NUSCENES_CURVE

static void detection_tables(struct glint_report *r, const struct glint_nuscenes_detection_result *d)
{
    static const char *const means[] = {"mAP", "NDS", "mATE", "mASE", "mAOE", "mAVE", "mAAE"};
    static const char *const columns[] = {"AP", "ATE", "ASE", "AOE", "AVE", "AAE", "annotated", "results"};
    glint_report_table_begin(r, "", means, 7);
    glint_report_row(r, "all classes");
    glint_report_cell(r, d->mean_ap, 4);
    glint_report_cell(r, d->nd_score, 4);
    for (int e = 0; e < GLINT_NUSCENES_ERRORS; e++)
        glint_report_cell(r, d->tp_error[e], 4);
    glint_report_table_end(r);
    glint_report_table_begin(r, "by class", columns, 8);
    for (int c = 0; c < GLINT_NUSCENES_DETECTION_CLASSES; c++) {
        glint_report_row(r, glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION)->name[c]);
        glint_report_cell(r, d->mean_dist_ap[c], 3);
        for (int e = 0; e < GLINT_NUSCENES_ERRORS; e++)
            glint_report_cell(r, d->label_tp_error[c][e], 3);
        glint_report_cell_i64(r, d->n_gt[c]);
        glint_report_cell_i64(r, d->n_pred[c]);
    }
    glint_report_table_end(r);
}

/* Precision up to the last recall that is reached. */
static void precision_curves(struct glint_report *r, const struct glint_nuscenes_detection_result *d, int c)
{
    static const char *const names[] = {"0.5 m", "1 m", "2 m", "4 m"};
    double recall[N_POINTS];
    struct glint_report_line line[GLINT_NUSCENES_THRESHOLDS];
    for (int i = 0; i < N_POINTS; i++)
        recall[i] = i * 0.01;
    for (int k = 0; k < GLINT_NUSCENES_THRESHOLDS; k++) {
        const struct glint_nuscenes_curve *curve = &d->curve[c][k];
        int32_t n = N_POINTS;
        while (n > 0 && curve->confidence[n - 1] == 0)
            n--;
        line[k] = (struct glint_report_line){names[k], recall, curve->precision, n};
    }
    const struct glint_report_curves curves = {
        .title = glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION)->name[c],
        .x_name = "recall",
        .y_name = "precision",
        .x = {0, 1},
        .y = {0, 1},
        .lines = line,
        .n_lines = GLINT_NUSCENES_THRESHOLDS};
    glint_report_curves(r, &curves);
}

static void recall_bars(struct glint_report *r, const char *title, const char *x_name,
                        const char *const *groups, const int64_t *all, const int64_t *found)
{
    double value[GLINT_NUSCENES_BINS];
    for (int i = 0; i < GLINT_NUSCENES_BINS; i++)
        value[i] = all[i] ? (double)found[i] / (double)all[i] : NAN;
    const struct glint_report_set set = {"found within 2 m, at any score", value, all};
    const struct glint_report_bars bars = {.title = title,
                                           .x_name = x_name,
                                           .y_name = "recall",
                                           .groups = groups,
                                           .n_groups = GLINT_NUSCENES_BINS,
                                           .n_sets = 1,
                                           .most = 1,
                                           .sets = &set};
    glint_report_bars(r, &bars);
}

static void detection_report(struct glint_report *r, const struct glint_nuscenes_detection_result *d)
{
    const struct glint_nuscenes_recall *recall = &d->recall;
    detection_tables(r, d);
    glint_report_heading(r, "What is found");
    glint_report_figures_begin(r);
    recall_bars(r, "by distance", "m from the vehicle", glint_nuscenes_distance_bins, recall->by_distance,
                recall->found_by_distance);
    recall_bars(r, "by points inside", "lidar and radar points", glint_nuscenes_point_bins, recall->by_points,
                recall->found_by_points);
    glint_report_figures_end(r);
    glint_report_heading(r, "Precision and recall");
    glint_report_figures_begin(r);
    for (int c = 0; c < GLINT_NUSCENES_DETECTION_CLASSES; c++)
        precision_curves(r, d, c);
    glint_report_figures_end(r);
}

static void tracking_report(struct glint_report *r, const struct glint_track_metrics *t)
{
    const char *columns[GLINT_TRACK_METRICS];
    for (int m = 0; m < GLINT_TRACK_METRICS; m++)
        columns[m] = glint_track_metric_name(m);
    glint_report_table_begin(r, "", columns, GLINT_TRACK_METRICS);
    for (int c = 0; c <= GLINT_TRACK_CLASSES; c++) {
        glint_report_row(r, c < GLINT_TRACK_CLASSES ? glint_track_class_name(c) : "all classes");
        for (int m = 0; m < GLINT_TRACK_METRICS; m++)
            glint_report_cell(r, c < GLINT_TRACK_CLASSES ? t->of_class[m][c] : t->all[m], 3);
    }
    glint_report_table_end(r);
}

static void lidarseg_report(struct glint_report *r, const struct glint_nuscenes_confusion *sum)
{
    static const char *const columns[] = {"IoU"};
    const int32_t n = GLINT_NUSCENES_LIDARSEG_CLASSES;
    glint_report_table_begin(r, "", columns, 1);
    glint_report_row(r, "mean");
    glint_report_cell(r, glint_confusion_mean_iou(sum->count[0], n), 4);
    glint_report_row(r, "weighted by frequency");
    glint_report_cell(r, glint_confusion_weighted_iou(sum->count[0], n), 4);
    for (int32_t c = 1; c < n; c++) {
        glint_report_row(r, glint_nuscenes_lidarseg[c]);
        glint_report_cell(r, glint_confusion_iou(sum->count[0], n, c), 4);
    }
    glint_report_table_end(r);
}

static void time_row(struct glint_report *r, const char *name, struct glint_times *times)
{
    static const double shares[] = {0.5, 0.9, 0.99, 1};
    glint_report_row(r, name);
    for (int i = 0; i < 4; i++)
        glint_report_cell(r, glint_times_at(times, shares[i]), 2);
    glint_times_clear(times);
}

/* With a model: each stage, then the whole, over all samples. */
static int latency_table(struct glint_report *r, const struct glint_nuscenes_job *job)
{
    static const char *const columns[] = {"p50", "p90", "p99", "max"};
    struct glint_times times = {0};
    GLINT_TRY(glint_times_open(&times, job->split.n_samples));
    glint_report_heading(r, "Latency");
    glint_report_table_begin(r, "ms per sample", columns, 4);
    for (int s = 0; s <= GLINT_STAGE_COUNT; s++) {
        for (int32_t i = 0; i < job->split.n_samples; i++) {
            const struct glint_nuscenes_time *t = &job->found_time[i];
            const int64_t ns = s < GLINT_STAGE_COUNT ? t->stage_ns[s] : t->total_ns;
            if (t->total_ns > 0 && ns >= 0)
                glint_times_add(&times, (double)ns * 1e-6);
        }
        if (times.n > 0)
            time_row(r, s < GLINT_STAGE_COUNT ? glint_stage_name((enum glint_stage)s) : "total", &times);
    }
    glint_report_table_end(r);
    glint_times_close(&times);
    return GLINT_OK;
}

int glint_nuscenes_report(struct glint_nuscenes_job *job)
{
    struct glint_report r = {0};
    char title[128], subtitle[2200];
    snprintf(title, sizeof title, "nuScenes %s", job->metric->name);
    snprintf(subtitle, sizeof subtitle, "%.1000s on %.1000s, %s, split %s, %d samples",
             job->results ? job->results : job->shared.model, job->root, job->version, job->split_name,
             job->split.n_samples);
    glint_report_begin(&r, title, subtitle);
    glint_report_heading(&r, "Metrics");
    if (job->detected)
        detection_report(&r, job->detected);
    else if (job->tracked)
        tracking_report(&r, job->tracked);
    else
        lidarseg_report(&r, &job->confusion);
    int status = job->results ? GLINT_OK : latency_table(&r, job);
    if (status == GLINT_OK && job->detected) {
        glint_report_heading(&r, "Samples with most missed and false boxes");
        glint_report_words(&r, "Results count that are at least as sure as where their class's precision and "
                               "recall at 2 m are best "
                               "together. Forward is up; points are the key frame's.");
        glint_report_figures_begin(&r);
        status = glint_nuscenes_worst(&r, job);
        glint_report_figures_end(&r);
    }
    const int written = glint_report_write(&r, job->shared.report_path);
    return status < 0 ? status : written;
}
