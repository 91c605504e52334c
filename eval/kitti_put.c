/* eval/kitti_put.c - see kitti_put.h. */
#include "eval/kitti_put.h"
#include <stdio.h>

static void put_curve(struct glint_json_writer *w, int level, const struct glint_kitti_curve *curve)
{
    glint_json_put_f64(w, "min_overlap", curve->min_overlap);
    glint_json_put_f64(w, "AP_R11", curve->ap_r11);
    glint_json_put_f64(w, "AP_R40", curve->ap_r40);
    if (level == GLINT_KITTI_STRICT)
        glint_json_put_f64s(w, "precision41", curve->precision, GLINT_KITTI_RECALLS);
}

static void put_metric(struct glint_json_writer *w, const struct glint_kitti_ap *ap, int c, int level,
                       int metric)
{
    glint_json_put_object(w, glint_kitti_metric_name(metric));
    for (int d = 0; d < GLINT_KITTI_DIFFICULTIES; d++) {
        glint_json_put_object(w, glint_kitti_difficulty_name(d));
        put_curve(w, level, &ap->curve[c][level][metric][d]);
        glint_json_put_end(w);
    }
    glint_json_put_end(w);
}

void glint_kitti_put_json(struct glint_json_writer *w, const struct glint_kitti_ap *ap)
{
    for (int c = 0; c < GLINT_KITTI_CLASSES; c++) {
        glint_json_put_object(w, glint_kitti_class_name(c));
        for (int level = 0; level < GLINT_KITTI_LEVELS; level++) {
            glint_json_put_object(w, glint_kitti_level_name(level));
            for (int m = 0; m < GLINT_KITTI_METRICS; m++)
                put_metric(w, ap, c, level, m);
            glint_json_put_end(w);
        }
        glint_json_put_end(w);
    }
}

/* ---- text ---- */

static double ap_of(const struct glint_kitti_curve *curve, int n_recalls)
{
    return n_recalls == 11 ? curve->ap_r11 : curve->ap_r40;
}

static void text_block(struct glint_buffer *out, const struct glint_kitti_ap *ap, int c, int level,
                       int n_recalls)
{
    const struct glint_kitti_curve(*curve)[GLINT_KITTI_DIFFICULTIES] = ap->curve[c][level];
    char line[160];
    snprintf(line, sizeof line, "%s %s@%.2f, %.2f, %.2f:\n", glint_kitti_class_name(c),
             n_recalls == 11 ? "AP" : "AP_R40", curve[GLINT_KITTI_BBOX][0].min_overlap,
             curve[GLINT_KITTI_BEV][0].min_overlap, curve[GLINT_KITTI_3D][0].min_overlap);
    glint_buffer_text(out, line);
    for (int m = 0; m < GLINT_KITTI_METRICS; m++) {
        snprintf(line, sizeof line, "%-4s AP:%.4f, %.4f, %.4f\n", glint_kitti_metric_name(m),
                 ap_of(&curve[m][0], n_recalls), ap_of(&curve[m][1], n_recalls),
                 ap_of(&curve[m][2], n_recalls));
        glint_buffer_text(out, line);
    }
}

void glint_kitti_put_text(struct glint_buffer *out, const struct glint_kitti_ap *ap)
{
    for (int c = 0; c < GLINT_KITTI_CLASSES; c++)
        for (int level = 0; level < GLINT_KITTI_LEVELS; level++) {
            text_block(out, ap, c, level, 11);
            text_block(out, ap, c, level, 40);
        }
}

/* ---- report ---- */

static void table(struct glint_report *r, const struct glint_kitti_ap *ap, int level)
{
    static const char *const columns[] = {"least overlap", "easy R40",     "moderate R40", "hard R40",
                                          "easy R11",      "moderate R11", "hard R11"};
    glint_report_table_begin(r, level == GLINT_KITTI_STRICT ? "strict, percent" : "loose, percent", columns,
                             7);
    for (int c = 0; c < GLINT_KITTI_CLASSES; c++)
        for (int m = 0; m < GLINT_KITTI_METRICS; m++) {
            const struct glint_kitti_curve *curve = ap->curve[c][level][m];
            char name[40];
            snprintf(name, sizeof name, "%s %s", glint_kitti_class_name(c), glint_kitti_metric_name(m));
            glint_report_row(r, name);
            glint_report_cell(r, curve[0].min_overlap, 2);
            for (int d = 0; d < GLINT_KITTI_DIFFICULTIES; d++)
                glint_report_cell(r, curve[d].ap_r40, 2);
            for (int d = 0; d < GLINT_KITTI_DIFFICULTIES; d++)
                glint_report_cell(r, curve[d].ap_r11, 2);
        }
    glint_report_table_end(r);
}

static void curves(struct glint_report *r, const struct glint_kitti_ap *ap, int level, int metric)
{
    double recall[GLINT_KITTI_RECALLS];
    struct glint_report_line lines[GLINT_KITTI_CLASSES];
    char title[80];
    for (int i = 0; i < GLINT_KITTI_RECALLS; i++)
        recall[i] = (double)i / (GLINT_KITTI_RECALLS - 1);
    for (int c = 0; c < GLINT_KITTI_CLASSES; c++)
        lines[c] = (struct glint_report_line){glint_kitti_class_name(c), recall,
                                              ap->curve[c][level][metric][1].precision, GLINT_KITTI_RECALLS};
    snprintf(title, sizeof title, "%s, %s, moderate", glint_kitti_metric_name(metric),
             glint_kitti_level_name(level));
    glint_report_curves(r,
                        &(struct glint_report_curves){title,
                                                      "recall",
                                                      metric == GLINT_KITTI_AOS ? "orientation" : "precision",
                                                      {0, 1},
                                                      {0, 1},
                                                      lines,
                                                      GLINT_KITTI_CLASSES});
}

void glint_kitti_put_report(struct glint_report *r, const struct glint_kitti_ap *ap)
{
    glint_report_heading(r, "Average precision");
    glint_report_words(
        r, "Mean precision over 40 and over 11 recalls. bbox: boxes in the image; bev: footprints "
           "from above; 3d: boxes; aos: like bbox, weighted by orientation.");
    for (int level = 0; level < GLINT_KITTI_LEVELS; level++)
        table(r, ap, level);
    glint_report_heading(r, "Precision over recall");
    glint_report_figures_begin(r);
    curves(r, ap, GLINT_KITTI_STRICT, GLINT_KITTI_3D);
    curves(r, ap, GLINT_KITTI_LOOSE, GLINT_KITTI_3D);
    curves(r, ap, GLINT_KITTI_STRICT, GLINT_KITTI_BEV);
    curves(r, ap, GLINT_KITTI_STRICT, GLINT_KITTI_BBOX);
    glint_report_figures_end(r);
}
