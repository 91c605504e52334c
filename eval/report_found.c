/* eval/report_found.c - see report_found.h. */
#include "eval/report_found.h"
#include <math.h>
#include <stdlib.h>

static bool is_there(const struct glint_found_class *c)
{
    return c->objects > 0 || c->boxes > 0;
}

static void table(struct glint_report *r, const struct glint_found *found, const char *const *names,
                  int32_t n_classes)
{
    static const char *const columns[] = {"objects", "found", "recall", "boxes", "right", "precision"};
    glint_report_table_begin(r, "at the scores that count as a detection", columns, 6);
    for (int32_t c = 0; c < n_classes && c < GLINT_FOUND_CLASSES; c++) {
        const struct glint_found_class *k = &found->of_class[c];
        if (!is_there(k))
            continue;
        glint_report_row(r, names[c]);
        glint_report_cell_i64(r, k->objects);
        glint_report_cell_i64(r, k->found);
        glint_report_cell(r, glint_found_recall(k), 3);
        glint_report_cell_i64(r, k->boxes);
        glint_report_cell_i64(r, k->right);
        glint_report_cell(r, glint_found_precision(k), 3);
    }
    glint_report_table_end(r);
}

enum { BINS = 8 };
struct bins { /* values of one class over the groups */
    double value[BINS];
    int64_t count[BINS];
};

static void take(const struct glint_found_share *share, int32_t n, struct bins *out)
{
    for (int32_t i = 0; i < n; i++) {
        out->count[i] = share[i].all;
        out->value[i] = share[i].all > 0 ? (double)share[i].found / (double)share[i].all : (double)NAN;
    }
}

static void bars(struct glint_report *r, const struct glint_found *found, const char *const *names,
                 int32_t n_classes, bool by_points)
{
    struct bins bins[GLINT_FOUND_CLASSES];
    struct glint_report_set set[GLINT_FOUND_CLASSES];
    const int32_t n = by_points ? GLINT_FOUND_POINTS : GLINT_FOUND_DISTANCES;
    struct glint_report_bars b = {by_points ? "Recall by number of points on the object"
                                            : "Recall by distance",
                                  by_points ? "points" : "distance, m",
                                  "recall",
                                  by_points ? glint_found_point_names : glint_found_distance_names,
                                  n,
                                  0,
                                  1,
                                  set};
    for (int32_t c = 0; c < n_classes && c < GLINT_FOUND_CLASSES; c++) {
        const struct glint_found_class *k = &found->of_class[c];
        if (k->objects == 0)
            continue;
        take(by_points ? k->by_points : k->by_distance, n, &bins[b.n_sets]);
        set[b.n_sets] = (struct glint_report_set){names[c], bins[b.n_sets].value, bins[b.n_sets].count};
        b.n_sets++;
    }
    if (b.n_sets > 0)
        glint_report_bars(r, &b);
}

void glint_report_found(struct glint_report *r, const struct glint_found *found, const char *const *names,
                        int32_t n_classes, const char *rule)
{
    glint_report_heading(r, "Found and missed");
    glint_report_words(r, rule);
    table(r, found, names, n_classes);
    glint_report_figures_begin(r);
    bars(r, found, names, n_classes, false);
    if (found->has_points)
        bars(r, found, names, n_classes, true);
    glint_report_figures_end(r);
}

/* ---- times ---- */

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The least time that share of all are not above, in ms. */
static double percentile(const struct glint_report_time *t, double share)
{
    const int32_t at = (int32_t)ceil(share * t->n) - 1;
    return (double)t->ns[at < 0 ? 0 : at] * 1e-6;
}

void glint_report_latencies(struct glint_report *r, const char *words, struct glint_report_time *times,
                            int32_t n_times)
{
    static const char *const columns[] = {"frames", "p50", "p90", "p99", "max"};
    static const double shares[] = {0.5, 0.9, 0.99, 1};
    glint_report_heading(r, "Latency");
    glint_report_words(r, words);
    glint_report_table_begin(r, "milliseconds", columns, 5);
    for (int32_t i = 0; i < n_times; i++) {
        if (times[i].n == 0)
            continue;
        qsort(times[i].ns, (size_t)times[i].n, sizeof *times[i].ns, ascending);
        glint_report_row(r, times[i].name);
        glint_report_cell_i64(r, times[i].n);
        for (int k = 0; k < 4; k++)
            glint_report_cell(r, percentile(&times[i], shares[k]), 2);
    }
    glint_report_table_end(r);
}
