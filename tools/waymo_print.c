/* tools/waymo_print.c - see waymo_print.h. */
#include "tools/waymo_print.h"
#include "eval/report.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N GLINT_WAYMO_CUTOFFS

/* ---- lines ---- */

static void print_detection(const struct glint_waymo_detection *d)
{
    printf("%lld examples found.\n\n", (long long)glint_waymo_detection_examples(d));
    for (int32_t i = 0; i < glint_waymo_detection_rows(d); i++) {
        struct glint_waymo_detection_row row;
        glint_waymo_detection_row(d, i, &row);
        printf("%s: [mAP %g] [mAPH %g]\n", row.name, (double)row.ap, (double)row.aph);
    }
}

static void print_tracking(const struct glint_waymo_tracking *t)
{
    for (int32_t i = 0; i < glint_waymo_tracking_rows(t); i++) {
        struct glint_waymo_tracking_row row;
        glint_waymo_tracking_row(t, i, &row);
        printf("%s: [MOTA %g] [MOTP %g] [Miss %g] [Mismatch %g] [FP %g]\n", row.name, (double)row.mota,
               (double)row.motp, (double)row.miss, (double)row.mismatch, (double)row.fp);
    }
}

static void print_segmentation(const struct glint_waymo_segmentation *s)
{
    printf("%lld labelled frames found.\n\n", (long long)glint_waymo_segmentation_frames(s));
    for (int32_t id = 1; id <= GLINT_WAYMO_N_CLASSES; id++) {
        struct glint_waymo_segmentation_row row;
        glint_waymo_segmentation_row(s, id, &row);
        printf("%s:%g\n", row.name, (double)row.iou);
    }
    printf("miou=%g\n", (double)glint_waymo_segmentation_miou(s));
}

/* ---- the summary: vehicle, pedestrian, cyclist and their mean; signs for themselves ---- */

#define N_SUMMARY 5
static const char *const summary_names[N_SUMMARY] = {"vehicle", "pedestrian", "cyclist", "mean of these",
                                                     "sign"};
static const int32_t summary_types[N_SUMMARY] = {0, 1, 3, -1, 2};

/* Four columns: two numbers at level 1, the same two at level 2. */
static void summarise(const struct glint_waymo_result *r, double table[N_SUMMARY][4])
{
    for (int i = 0; i < N_SUMMARY; i++)
        for (int level = 0; level < 2; level++) {
            double *cell = &table[i][2 * level];
            const int32_t number = 2 * summary_types[i] + level;
            struct glint_waymo_detection_row detected;
            struct glint_waymo_tracking_row tracked;
            if (summary_types[i] < 0) {
                for (int k = 0; k < 2; k++)
                    cell[k] =
                        (table[0][2 * level + k] + table[1][2 * level + k] + table[2][2 * level + k]) / 3;
            } else if (r->detection) {
                glint_waymo_detection_row(r->detection, number, &detected);
                cell[0] = (double)detected.ap;
                cell[1] = (double)detected.aph;
            } else {
                glint_waymo_tracking_row(r->tracking, number, &tracked);
                cell[0] = (double)tracked.mota;
                cell[1] = (double)tracked.motp;
            }
        }
}

static bool has_summary(const struct glint_waymo_result *r)
{
    char name[GLINT_WAYMO_NAME_SIZE];
    struct glint_waymo_detection_row first;
    if (!r->detection)
        return r->tracking != NULL;
    glint_waymo_shard_name(GLINT_WAYMO_BY_TYPE, 0, name);
    glint_waymo_detection_row(r->detection, 0, &first);
    return strncmp(first.name, name, strlen(name)) == 0;
}

static void print_summary(const struct glint_waymo_result *r)
{
    const char *const *names =
        r->detection ? (const char *const[]){"AP", "APH"} : (const char *const[]){"MOTA", "MOTP"};
    double table[N_SUMMARY][4];
    summarise(r, table);
    printf("\n%-14s %8s/L1 %8s/L1 %8s/L2 %8s/L2\n", "", names[0], names[1], names[0], names[1]);
    for (int i = 0; i < N_SUMMARY; i++)
        printf("%-14s %11.4f %11.4f %11.4f %11.4f\n", summary_names[i], table[i][0], table[i][1], table[i][2],
               table[i][3]);
}

void glint_waymo_print(const struct glint_waymo_result *r)
{
    if (r->detection)
        print_detection(r->detection);
    else if (r->tracking)
        print_tracking(r->tracking);
    else
        print_segmentation(r->segmentation);
    if (has_summary(r))
        print_summary(r);
}

/* ---- JSON ---- */

/* The shortest text of the double nearest to nine digits is those nine digits. */
static double nine_digits(float value)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", (double)value);
    return isfinite(value) ? strtod(text, NULL) : NAN;
}

static void put_f32(struct glint_json_writer *w, const char *key, float value)
{
    glint_json_put_f64(w, key, nine_digits(value));
}

static void put_sums(struct glint_json_writer *w, const char *key, const float *sums)
{
    double values[N];
    for (int c = 0; c < N; c++)
        values[c] = nine_digits(sums[c]);
    glint_json_put_f64s(w, key, values, N);
}

static void put_detection(struct glint_json_writer *w, const struct glint_waymo_detection *d)
{
    glint_json_put_i64(w, "num_examples", glint_waymo_detection_examples(d));
    glint_json_put_array(w, "breakdowns");
    for (int32_t i = 0; i < glint_waymo_detection_rows(d); i++) {
        struct glint_waymo_detection_row row;
        glint_waymo_detection_row(d, i, &row);
        glint_json_put_object(w, NULL);
        glint_json_put_text(w, "name", row.name);
        put_f32(w, "mAP", row.ap);
        put_f32(w, "mAPH", row.aph);
        if (row.any) {
            glint_json_put_i64s(w, "tp", row.tp, N);
            glint_json_put_i64s(w, "fp", row.fp, N);
            glint_json_put_i64s(w, "fn", row.fn, N);
            put_sums(w, "sum_ha", row.sum_ha);
        }
        glint_json_put_end(w);
    }
    glint_json_put_end(w);
}

static void put_tracking_row(struct glint_json_writer *w, const struct glint_waymo_tracking_row *row)
{
    glint_json_put_object(w, NULL);
    glint_json_put_text(w, "name", row->name);
    put_f32(w, "MOTA", row->mota);
    put_f32(w, "MOTP", row->motp);
    put_f32(w, "miss", row->miss);
    put_f32(w, "mismatch", row->mismatch);
    put_f32(w, "fp", row->fp);
    put_f32(w, "score_cutoff", row->cutoff);
    glint_json_put_i64(w, "num_objects_gt", row->n_objects);
    if (!isnan(row->cutoff)) {
        glint_json_put_i64(w, "num_misses", row->n_misses);
        glint_json_put_i64(w, "num_fps", row->counts.fps);
        glint_json_put_i64(w, "num_mismatches", row->counts.mismatches);
        glint_json_put_i64(w, "num_matches", row->counts.matches);
        glint_json_put_f64(w, "matching_cost", row->counts.cost);
    }
    glint_json_put_end(w);
}

static void put_tracking(struct glint_json_writer *w, const struct glint_waymo_tracking *t)
{
    glint_json_put_array(w, "breakdowns");
    for (int32_t i = 0; i < glint_waymo_tracking_rows(t); i++) {
        struct glint_waymo_tracking_row row;
        glint_waymo_tracking_row(t, i, &row);
        put_tracking_row(w, &row);
    }
    glint_json_put_end(w);
}

static void put_segmentation(struct glint_json_writer *w, const struct glint_waymo_segmentation *s)
{
    put_f32(w, "miou", glint_waymo_segmentation_miou(s));
    glint_json_put_array(w, "classes");
    for (int32_t id = 1; id <= GLINT_WAYMO_N_CLASSES; id++) {
        struct glint_waymo_segmentation_row row;
        glint_waymo_segmentation_row(s, id, &row);
        glint_json_put_object(w, NULL);
        glint_json_put_i64(w, "id", row.id);
        glint_json_put_text(w, "name", row.name);
        put_f32(w, "iou", row.iou);
        glint_json_put_i64(w, "intersection", row.n_intersection);
        glint_json_put_i64(w, "union", row.n_union);
        glint_json_put_end(w);
    }
    glint_json_put_end(w);
}

void glint_waymo_put(struct glint_json_writer *w, const struct glint_waymo_result *r)
{
    glint_json_put_text(w, "mode", r->mode);
    if (r->detection)
        put_detection(w, r->detection);
    else if (r->tracking)
        put_tracking(w, r->tracking);
    else
        put_segmentation(w, r->segmentation);
}

/* ---- the page ---- */

static void report_summary(struct glint_report *page, const struct glint_waymo_result *r)
{
    static const char *const ap[] = {"AP level 1", "APH level 1", "AP level 2", "APH level 2"};
    static const char *const mota[] = {"MOTA level 1", "MOTP level 1", "MOTA level 2", "MOTP level 2"};
    double table[N_SUMMARY][4];
    summarise(r, table);
    glint_report_heading(page, "Summary");
    glint_report_table_begin(page, r->detection ? "average precision" : "tracking accuracy and precision",
                             r->detection ? ap : mota, 4);
    for (int i = 0; i < N_SUMMARY; i++) {
        glint_report_row(page, summary_names[i]);
        for (int k = 0; k < 4; k++)
            glint_report_cell(page, table[i][k], 4);
    }
    glint_report_table_end(page);
}

/* Cutoffs that find nothing have no precision. */
static void curve_of(const struct glint_waymo_detection_row *row, double recall[N], double precision[N])
{
    for (int c = 0; c < N; c++) {
        const double found = (double)(row->tp[c] + row->fp[c]), there = (double)(row->tp[c] + row->fn[c]);
        recall[c] = there > 0 ? (double)row->tp[c] / there : NAN;
        precision[c] = found > 0 ? (double)row->tp[c] / found : NAN;
    }
}

static void report_curves(struct glint_report *page, const struct glint_waymo_detection *d)
{
    double x[4][N], y[4][N];
    struct glint_report_line lines[4];
    glint_report_figures_begin(page);
    for (int32_t level = 0; level < 2; level++) {
        static const char *const names[] = {"vehicle", "pedestrian", "sign", "cyclist"};
        for (int32_t type = 0; type < 4; type++) {
            struct glint_waymo_detection_row row;
            glint_waymo_detection_row(d, 2 * type + level, &row);
            curve_of(&row, x[type], y[type]);
            lines[type] = (struct glint_report_line){names[type], x[type], y[type], N};
        }
        const struct glint_report_curves curves = {
            level ? "Level 2" : "Level 1", "recall", "precision", {0, 1}, {0, 1}, lines, 4};
        glint_report_curves(page, &curves);
    }
    glint_report_figures_end(page);
}

static void report_detection(struct glint_report *page, const struct glint_waymo_detection *d)
{
    static const char *const columns[] = {"mAP", "mAPH"};
    glint_report_heading(page, "By breakdown");
    glint_report_table_begin(page, "average precision over 101 score cutoffs", columns, 2);
    for (int32_t i = 0; i < glint_waymo_detection_rows(d); i++) {
        struct glint_waymo_detection_row row;
        glint_waymo_detection_row(d, i, &row);
        glint_report_row(page, row.name);
        glint_report_cell(page, row.any ? (double)row.ap : NAN, 4);
        glint_report_cell(page, row.any ? (double)row.aph : NAN, 4);
    }
    glint_report_table_end(page);
}

static void report_tracking(struct glint_report *page, const struct glint_waymo_tracking *t)
{
    static const char *const columns[] = {"MOTA", "MOTP", "miss", "mismatch", "fp", "score cutoff"};
    glint_report_heading(page, "By breakdown");
    glint_report_table_begin(page, "at the score cutoff of the best MOTA", columns, 6);
    for (int32_t i = 0; i < glint_waymo_tracking_rows(t); i++) {
        struct glint_waymo_tracking_row row;
        glint_waymo_tracking_row(t, i, &row);
        const float cells[] = {row.mota, row.motp, row.miss, row.mismatch, row.fp, row.cutoff};
        glint_report_row(page, row.name);
        for (int k = 0; k < 6; k++)
            glint_report_cell(page, (double)cells[k], k < 5 ? 4 : 2);
    }
    glint_report_table_end(page);
}

static void report_segmentation(struct glint_report *page, const struct glint_waymo_segmentation *s)
{
    static const char *const columns[] = {"IoU", "intersection", "union"};
    glint_report_heading(page, "By class");
    glint_report_table_begin(page, "pixels of both returns of the TOP lidar", columns, 3);
    for (int32_t id = 1; id <= GLINT_WAYMO_N_CLASSES; id++) {
        struct glint_waymo_segmentation_row row;
        glint_waymo_segmentation_row(s, id, &row);
        glint_report_row(page, row.name);
        glint_report_cell(page, (double)row.iou, 4);
        glint_report_cell_i64(page, row.n_intersection);
        glint_report_cell_i64(page, row.n_union);
    }
    glint_report_row(page, "mean");
    glint_report_cell(page, (double)glint_waymo_segmentation_miou(s), 4);
    glint_report_cell_text(page, "");
    glint_report_cell_text(page, "");
    glint_report_table_end(page);
}

void glint_waymo_put_report(struct glint_report *page, const struct glint_waymo_result *r)
{
    if (has_summary(r))
        report_summary(page, r);
    if (has_summary(r) && r->detection)
        report_curves(page, r->detection);
    if (r->detection)
        report_detection(page, r->detection);
    else if (r->tracking)
        report_tracking(page, r->tracking);
    else
        report_segmentation(page, r->segmentation);
}
