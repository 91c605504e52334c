/* eval/nuscenes_detection.c - matches of all scenes to curves and numbers; see nuscenes_detection.h. The
 * steps and their rounding follow the official evaluation, whose arrays are numpy's: interp() below is
 * numpy.interp. */
#include "eval/nuscenes_detection.h"
#include "eval/nuscenes_record.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES GLINT_NUSCENES_DETECTION_CLASSES
#define ERRORS  GLINT_NUSCENES_ERRORS
#define CURVE   GLINT_NUSCENES_CURVE
#define FIRST   11 /* first recall that counts: above 0.1 */

const char *const glint_nuscenes_errors[] = {"trans_err", "scale_err", "orient_err", "vel_err", "attr_err"};

struct item { /* a result */
    double score;
    int32_t place;
    int32_t error; /* index in errors; -1: no match at 2 m */
    uint8_t matched;
};

struct list {
    struct item *item;
    int64_t n, cap;
};

struct glint_nuscenes_detection {
    struct list of_class[CLASSES];
    struct glint_nuscenes_match_errors *error;
    int64_t n_errors, cap_errors;
    int64_t n_gt[CLASSES];
    struct glint_nuscenes_recall recall;
    struct glint_nuscenes_scene_head bad; /* the first with a bad size */
};

int glint_nuscenes_detection_open(struct glint_nuscenes_detection **d_out)
{
    *d_out = calloc(1, sizeof **d_out);
    return *d_out ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for the metric");
}

void glint_nuscenes_detection_close(struct glint_nuscenes_detection *d)
{
    if (!d)
        return;
    for (int c = 0; c < CLASSES; c++)
        free(d->of_class[c].item);
    free(d->error);
    free(d);
}

/* Putting scenes together */

static int reserve(void *array_at, int64_t need, int64_t *cap, size_t size)
{
    void **array = array_at;
    if (need <= *cap)
        return GLINT_OK;
    const int64_t larger = need + need / 2 + 64;
    void *p = need < INT32_MAX ? realloc(*array, (size_t)larger * size) : NULL;
    if (!p)
        return glint_fail(GLINT_E_NOMEM, "no memory for %lld results", (long long)need);
    *array = p;
    *cap = larger;
    return GLINT_OK;
}

static int add_record(struct glint_nuscenes_detection *d, const struct glint_nuscenes_record *r)
{
    if (r->name >= CLASSES)
        return glint_fail(GLINT_E_FORMAT, "a part of an evaluation is damaged");
    struct list *list = &d->of_class[r->name];
    GLINT_TRY(reserve(&list->item, list->n + 1, &list->cap, sizeof *list->item));
    const bool has_error = r->matched >> GLINT_NUSCENES_TP_THRESHOLD & 1;
    list->item[list->n++] = (struct item){.score = r->score,
                                          .place = r->place,
                                          .error = has_error ? (int32_t)d->n_errors : -1,
                                          .matched = r->matched};
    d->n_errors += has_error;
    return GLINT_OK;
}

static void add_recall(struct glint_nuscenes_recall *sum, const struct glint_nuscenes_recall *part)
{
    for (int i = 0; i < GLINT_NUSCENES_BINS; i++) {
        sum->by_distance[i] += part->by_distance[i];
        sum->found_by_distance[i] += part->found_by_distance[i];
        sum->by_points[i] += part->by_points[i];
        sum->found_by_points[i] += part->found_by_points[i];
    }
}

int glint_nuscenes_detection_add(struct glint_nuscenes_detection *d, struct glint_blob *in)
{
    struct glint_nuscenes_scene_head head;
    GLINT_TRY(glint_blob_read(in, &head, sizeof head));
    const int64_t first_error = d->n_errors;
    for (int64_t i = 0; i < head.n_records; i++) {
        struct glint_nuscenes_record record;
        GLINT_TRY(glint_blob_read(in, &record, sizeof record));
        GLINT_TRY(add_record(d, &record));
    }
    if (d->n_errors - first_error != head.n_errors)
        return glint_fail(GLINT_E_FORMAT, "a part of an evaluation is damaged");
    GLINT_TRY(reserve(&d->error, d->n_errors, &d->cap_errors, sizeof *d->error));
    for (int64_t i = first_error; i < d->n_errors; i++)
        GLINT_TRY(glint_blob_read(in, &d->error[i], sizeof d->error[i]));
    for (int c = 0; c < CLASSES; c++)
        d->n_gt[c] += head.n_gt[c];
    add_recall(&d->recall, &head.recall);
    if (head.bad && !d->bad.bad)
        d->bad = head;
    return GLINT_OK;
}

/* Curves */

/* y at x of the line through (xs, ys): where xs repeats itself, the last of the equal ones; `right` beyond
 * the last, the first value before the first. */
static double interp(double x, const double *xs, const double *ys, int64_t n, double right)
{
    int64_t lo = 0, hi = n; /* the first that is larger than x */
    while (lo < hi) {
        const int64_t mid = lo + (hi - lo) / 2;
        if (xs[mid] <= x)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0)
        return ys[0];
    if (lo == n)
        return x > xs[n - 1] ? right : ys[n - 1];
    if (xs[lo - 1] == x)
        return ys[lo - 1];
    return (ys[lo] - ys[lo - 1]) / (xs[lo] - xs[lo - 1]) * (x - xs[lo - 1]) + ys[lo - 1];
}

static void empty_curve(struct glint_nuscenes_curve *curve)
{
    memset(curve, 0, sizeof *curve);
    for (int e = 0; e < ERRORS; e++)
        for (int i = 0; i < CURVE; i++)
            curve->error[e][i] = 1;
}

struct work { /* one class's arrays, n_results each */
    double *recall, *precision, *score, *match_score, *mean;
};

static void recall_curves(const struct list *list, int threshold, int64_t n_gt, struct work *w,
                          struct glint_nuscenes_curve *curve)
{
    int64_t tp = 0;
    for (int64_t i = 0; i < list->n; i++) {
        tp += list->item[i].matched >> threshold & 1;
        w->recall[i] = (double)tp / (double)n_gt;
        w->precision[i] = (double)tp / (double)(i + 1);
        w->score[i] = list->item[i].score;
    }
    for (int i = 0; i < CURVE; i++) {
        const double recall = i == CURVE - 1 ? 1 : i * 0.01;
        curve->precision[i] = interp(recall, w->recall, w->precision, list->n, 0);
        curve->confidence[i] = interp(recall, w->recall, w->score, list->n, 0);
    }
}

/* Mean of an error over the matches so far, those that are not defined left out, against the score: written
 * from the end, so that scores rise. */
static void error_curve(const struct glint_nuscenes_detection *d, const struct list *list, int64_t n_matches,
                        int e, struct work *w, struct glint_nuscenes_curve *curve)
{
    double sum = 0;
    int64_t n = 0, at = n_matches;
    for (int64_t i = 0; i < list->n; i++) {
        if (list->item[i].error < 0)
            continue;
        const double error = d->error[list->item[i].error].error[e];
        if (!isnan(error)) {
            sum += error;
            n++;
        }
        w->match_score[--at] = list->item[i].score;
        w->mean[at] = n ? sum / (double)n : 0;
    }
    for (int i = 0; i < CURVE; i++)
        curve->error[e][i] =
            n == 0 ? 1
                   : interp(curve->confidence[i], w->match_score, w->mean, n_matches, w->mean[n_matches - 1]);
}

static void make_curve(const struct glint_nuscenes_detection *d, int name, int threshold, struct work *w,
                       struct glint_nuscenes_curve *curve)
{
    const struct list *list = &d->of_class[name];
    int64_t n_matches = 0;
    for (int64_t i = 0; i < list->n; i++)
        n_matches += list->item[i].matched >> threshold & 1;
    empty_curve(curve);
    if (d->n_gt[name] == 0 || n_matches == 0)
        return;
    recall_curves(list, threshold, d->n_gt[name], w, curve);
    for (int e = 0; e < ERRORS && threshold == GLINT_NUSCENES_TP_THRESHOLD; e++)
        error_curve(d, list, n_matches, e, w, curve);
}

/* Numbers */

static double average_precision(const struct glint_nuscenes_curve *curve)
{
    double sum = 0;
    for (int i = FIRST; i < CURVE; i++)
        sum += fmax(curve->precision[i] - 0.1, 0);
    return sum / (CURVE - FIRST) / (1.0 - 0.1);
}

static double mean_error(const struct glint_nuscenes_curve *curve, int e)
{
    int last = 0;
    double sum = 0;
    for (int i = 0; i < CURVE; i++)
        if (curve->confidence[i] != 0)
            last = i;
    if (last < FIRST)
        return 1;
    for (int i = FIRST; i <= last; i++)
        sum += curve->error[e][i];
    return sum / (last - FIRST + 1);
}

/* Cones have no direction, speed or attribute; barriers neither speed nor attribute. */
static bool has_error(const char *name, int e)
{
    if (strcmp(name, "traffic_cone") == 0)
        return e < 2;
    return strcmp(name, "barrier") != 0 || e < 3;
}

static void label_numbers(struct glint_nuscenes_detection_result *r)
{
    const struct glint_nuscenes_task_info *info = glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION);
    for (int c = 0; c < CLASSES; c++) {
        double sum = 0;
        for (int k = 0; k < GLINT_NUSCENES_THRESHOLDS; k++)
            sum += r->label_ap[c][k] = average_precision(&r->curve[c][k]);
        r->mean_dist_ap[c] = sum / GLINT_NUSCENES_THRESHOLDS;
        for (int e = 0; e < ERRORS; e++)
            r->label_tp_error[c][e] =
                has_error(info->name[c], e) ? mean_error(&r->curve[c][GLINT_NUSCENES_TP_THRESHOLD], e) : NAN;
    }
}

static void mean_numbers(struct glint_nuscenes_detection_result *r)
{
    double sum = 0, scores = 0;
    for (int c = 0; c < CLASSES; c++)
        sum += r->mean_dist_ap[c];
    r->mean_ap = sum / CLASSES;
    for (int e = 0; e < ERRORS; e++) {
        int n = 0;
        sum = 0;
        for (int c = 0; c < CLASSES; c++)
            if (!isnan(r->label_tp_error[c][e])) {
                sum += r->label_tp_error[c][e];
                n++;
            }
        r->tp_error[e] = sum / n;
        scores += r->tp_score[e] = fmax(1 - r->tp_error[e], 0);
    }
    r->nd_score = (5 * r->mean_ap + scores) / (5 + ERRORS);
}

static int by_score(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->place > y->place ? -1 : x->place < y->place;
}

static int check_sizes(const struct glint_nuscenes_detection *d, const char *results_name)
{
    const struct glint_nuscenes_scene_head *b = &d->bad;
    char token[GLINT_TOKEN_TEXT];
    if (!b->bad)
        return GLINT_OK;
    glint_token_format(b->bad_sample, token);
    return glint_fail(
        GLINT_E_FORMAT,
        "%s: sample %s: %s %s of size [%g, %g, %g] takes part in a match, sizes above 0 expected",
        results_name, token, b->bad == 1 ? "an annotated" : "a",
        glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION)->name[b->bad_class], b->bad_size[0],
        b->bad_size[1], b->bad_size[2]);
}

int glint_nuscenes_detection_finish(struct glint_nuscenes_detection *d, const char *results_name,
                                    struct glint_nuscenes_detection_result *result)
{
    int64_t most = 1;
    memset(result, 0, sizeof *result);
    GLINT_TRY(check_sizes(d, results_name));
    for (int c = 0; c < CLASSES; c++)
        most = d->of_class[c].n > most ? d->of_class[c].n : most;
    double *memory = malloc((size_t)most * 5 * sizeof *memory);
    if (!memory)
        return glint_fail(GLINT_E_NOMEM, "no memory for the curves of %lld results", (long long)most);
    struct work w = {memory, memory + most, memory + 2 * most, memory + 3 * most, memory + 4 * most};
    for (int c = 0; c < CLASSES; c++) {
        struct list *list = &d->of_class[c];
        if (list->n > 0)
            qsort(list->item, (size_t)list->n, sizeof *list->item, by_score);
        for (int k = 0; k < GLINT_NUSCENES_THRESHOLDS; k++)
            make_curve(d, c, k, &w, &result->curve[c][k]);
        result->n_gt[c] = d->n_gt[c];
        result->n_pred[c] = list->n;
    }
    free(memory);
    result->recall = d->recall;
    label_numbers(result);
    mean_numbers(result);
    return GLINT_OK;
}

/* JSON */

static void put_errors(struct glint_json_writer *w, const char *key, const double value[ERRORS])
{
    glint_json_put_object(w, key);
    for (int e = 0; e < ERRORS; e++)
        glint_json_put_f64(w, glint_nuscenes_errors[e], value[e]);
    glint_json_put_end(w);
}

static void put_counts(struct glint_json_writer *w, const char *key, const int64_t n[CLASSES])
{
    const struct glint_nuscenes_task_info *info = glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION);
    glint_json_put_object(w, key);
    for (int c = 0; c < CLASSES; c++)
        if (n[c] > 0)
            glint_json_put_i64(w, info->name[c], n[c]);
    glint_json_put_end(w);
}

void glint_nuscenes_detection_put(struct glint_json_writer *w,
                                  const struct glint_nuscenes_detection_result *r)
{
    static const char *const threshold[] = {"0.5", "1.0", "2.0", "4.0"};
    const struct glint_nuscenes_task_info *info = glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION);
    glint_json_put_f64(w, "mean_ap", r->mean_ap);
    glint_json_put_f64(w, "nd_score", r->nd_score);
    put_errors(w, "tp_errors", r->tp_error);
    put_errors(w, "tp_scores", r->tp_score);
    glint_json_put_object(w, "label_aps");
    for (int c = 0; c < CLASSES; c++) {
        glint_json_put_object(w, info->name[c]);
        for (int k = 0; k < GLINT_NUSCENES_THRESHOLDS; k++)
            glint_json_put_f64(w, threshold[k], r->label_ap[c][k]);
        glint_json_put_end(w);
    }
    glint_json_put_end(w);
    glint_json_put_object(w, "mean_dist_aps");
    for (int c = 0; c < CLASSES; c++)
        glint_json_put_f64(w, info->name[c], r->mean_dist_ap[c]);
    glint_json_put_end(w);
    glint_json_put_object(w, "label_tp_errors");
    for (int c = 0; c < CLASSES; c++)
        put_errors(w, info->name[c], r->label_tp_error[c]);
    glint_json_put_end(w);
    put_counts(w, "num_gt_after_filter", r->n_gt);
    put_counts(w, "num_pred_after_filter", r->n_pred);
}

void glint_nuscenes_detection_put_curves(struct glint_json_writer *w,
                                         const struct glint_nuscenes_detection_result *r)
{
    const struct glint_nuscenes_task_info *info = glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION);
    for (int c = 0; c < CLASSES; c++)
        for (int k = 0; k < GLINT_NUSCENES_THRESHOLDS; k++) {
            char key[64];
            snprintf(key, sizeof key, "%s:%s", info->name[c], (const char *[]){"0.5", "1", "2", "4"}[k]);
            glint_json_put_object(w, key);
            glint_json_put_f64s(w, "precision", r->curve[c][k].precision, CURVE);
            glint_json_put_f64s(w, "confidence", r->curve[c][k].confidence, CURVE);
            for (int e = 0; e < ERRORS && k == GLINT_NUSCENES_TP_THRESHOLD; e++)
                glint_json_put_f64s(w, glint_nuscenes_errors[e], r->curve[c][k].error[e], CURVE);
            glint_json_put_end(w);
        }
}
