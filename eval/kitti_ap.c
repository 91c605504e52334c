/* eval/kitti_ap.c - see kitti_ap.h.
 *
 * Overlaps of all pairs of a frame are found once per metric. A pass over a frame at a score is the
 * original's greedy walk over the labels in file order; it is done once without a score to choose the
 * thresholds (those scores at which recall reaches the next 1/40), then once per threshold. Flags per object
 * and difficulty: COUNTED, IGNORED (neither found nor missed matters), OTHER (not there). */
#include "eval/kitti_ap.h"
#include "eval/kitti_overlap.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { COUNTED = 0, IGNORED = 1, OTHER = -1 };

static const char *const class_names[] = {"Car", "Pedestrian", "Cyclist"};
static const char *const neighbours[] = {"Van", "Person_sitting", NULL};
static const char *const metric_names[] = {"bbox", "bev", "3d", "aos"};
static const char *const level_names[] = {"strict", "loose"};
static const char *const difficulty_names[] = {"easy", "moderate", "hard"};

const char *glint_kitti_class_name(int c)
{
    return class_names[c];
}
const char *glint_kitti_metric_name(int metric)
{
    return metric_names[metric];
}
const char *glint_kitti_level_name(int level)
{
    return level_names[level];
}
const char *glint_kitti_difficulty_name(int difficulty)
{
    return difficulty_names[difficulty];
}

/* [level][class][bbox or other] */
static const double min_overlaps[GLINT_KITTI_LEVELS][GLINT_KITTI_CLASSES][2] = {
    {{0.7, 0.7}, {0.5, 0.5}, {0.5, 0.5}}, {{0.7, 0.5}, {0.5, 0.25}, {0.5, 0.25}}};

static const struct {
    double height_px, truncated;
    int32_t occluded;
} limits[GLINT_KITTI_DIFFICULTIES] = {{40, 0.15, 0}, {25, 0.30, 1}, {25, 0.50, 2}};

struct work { /* one class, difficulty, metric and overlap; flags and overlaps of all frames, one after the
                 other */
    const struct glint_kitti_frame *frames;
    int32_t n_frames;
    size_t *truth_at, *found_at, *pair_at; /* of frame i in the arrays below; n_frames + 1 */
    int8_t *truth_flag, *found_flag;
    bool *used;                            /* of the largest frame's results */
    double *overlap[GLINT_KITTI_OVERLAPS]; /* n_truth x n_found a frame */
    double *scores;                        /* of the threshold pass */
    int32_t n_scores, n_counted;
    double min_overlap;
    enum glint_kitti_metric metric;
};

struct counts {
    double similarity;
    int64_t tp, fp;
};

/* ---- flags ---- */

static double height_of(const struct glint_kitti_object *o)
{
    return o->bbox[3] - o->bbox[1];
}

static int8_t truth_flag(const struct glint_kitti_object *o, int c, int difficulty)
{
    if (neighbours[c] && strcasecmp(o->type, neighbours[c]) == 0)
        return IGNORED;
    if (strcasecmp(o->type, class_names[c]) != 0)
        return OTHER;
    return o->occluded > limits[difficulty].occluded || o->truncated > limits[difficulty].truncated ||
                   height_of(o) <= limits[difficulty].height_px
               ? IGNORED
               : COUNTED;
}

static int8_t found_flag(const struct glint_kitti_object *o, int c, int difficulty)
{
    if (height_of(o) < limits[difficulty].height_px)
        return IGNORED;
    return strcasecmp(o->type, class_names[c]) == 0 ? COUNTED : OTHER;
}

static void set_flags(struct work *w, int c, int difficulty)
{
    w->n_counted = 0;
    for (int32_t f = 0; f < w->n_frames; f++) {
        const struct glint_kitti_frame *frame = &w->frames[f];
        for (int32_t i = 0; i < frame->n_truth; i++) {
            const int8_t flag = truth_flag(&frame->truth[i], c, difficulty);
            w->truth_flag[w->truth_at[f] + (size_t)i] = flag;
            w->n_counted += flag == COUNTED;
        }
        for (int32_t i = 0; i < frame->n_found; i++)
            w->found_flag[w->found_at[f] + (size_t)i] = found_flag(&frame->found[i], c, difficulty);
    }
}

/* ---- one frame ---- */

struct view { /* a frame's part of the arrays */
    const struct glint_kitti_frame *frame;
    const int8_t *truth_flag, *found_flag;
    const double *overlap;
};

static struct view view_of(const struct work *w, int32_t f)
{
    return (struct view){&w->frames[f], w->truth_flag + w->truth_at[f], w->found_flag + w->found_at[f],
                         w->overlap[w->metric] + w->pair_at[f]};
}

/* The free result with the highest score that overlaps label i; -1: none. */
static int32_t best_by_score(const struct work *w, const struct view *v, int32_t i)
{
    int32_t best = -1;
    for (int32_t j = 0; j < v->frame->n_found; j++)
        if (v->found_flag[j] != OTHER && !w->used[j] &&
            v->overlap[(size_t)i * (size_t)v->frame->n_found + (size_t)j] > w->min_overlap &&
            (best < 0 || v->frame->found[j].score > v->frame->found[best].score))
            best = j;
    return best;
}

/* Scores of the results that are found right without a threshold. */
static void collect_scores(struct work *w, int32_t f)
{
    const struct view v = view_of(w, f);
    memset(w->used, 0, (size_t)v.frame->n_found * sizeof *w->used);
    for (int32_t i = 0; i < v.frame->n_truth; i++) {
        const int32_t j = v.truth_flag[i] == OTHER ? -1 : best_by_score(w, &v, i);
        if (j < 0)
            continue;
        w->used[j] = true;
        if (v.truth_flag[i] == COUNTED && v.found_flag[j] == COUNTED)
            w->scores[w->n_scores++] = v.frame->found[j].score;
    }
}

/* The free result of at least `score` that overlaps label i most; an ignored one only where no other was met
 * before and none comes after. */
static int32_t best_by_overlap(const struct work *w, const struct view *v, int32_t i, double score)
{
    int32_t best = -1;
    double most = 0; /* stays so with an ignored one */
    for (int32_t j = 0; j < v->frame->n_found; j++) {
        const double overlap = v->overlap[(size_t)i * (size_t)v->frame->n_found + (size_t)j];
        if (v->found_flag[j] == OTHER || w->used[j] || v->frame->found[j].score < score ||
            !(overlap > w->min_overlap))
            continue;
        if (v->found_flag[j] == COUNTED && overlap > most) {
            most = overlap;
            best = j;
        } else if (v->found_flag[j] == IGNORED && best < 0) {
            best = j;
        }
    }
    return best;
}

static bool in_dont_care(const struct work *w, const struct view *v, int32_t j)
{
    for (int32_t i = 0; i < v->frame->n_truth; i++)
        if (strcasecmp(v->frame->truth[i].type, "DontCare") == 0 &&
            glint_kitti_covered(&v->frame->found[j], &v->frame->truth[i]) > w->min_overlap)
            return true;
    return false;
}

static void count_frame(struct work *w, int32_t f, double score, struct counts *counts)
{
    const struct view v = view_of(w, f);
    memset(w->used, 0, (size_t)v.frame->n_found * sizeof *w->used);
    for (int32_t i = 0; i < v.frame->n_truth; i++) {
        const int32_t j = v.truth_flag[i] == OTHER ? -1 : best_by_overlap(w, &v, i, score);
        if (j < 0)
            continue;
        w->used[j] = true;
        if (v.truth_flag[i] != COUNTED || v.found_flag[j] != COUNTED)
            continue;
        counts->tp++;
        counts->similarity += (1 + cos(v.frame->truth[i].alpha - v.frame->found[j].alpha)) / 2;
    }
    for (int32_t j = 0; j < v.frame->n_found; j++)
        if (v.found_flag[j] == COUNTED && !w->used[j] && v.frame->found[j].score >= score)
            counts->fp += w->metric != GLINT_KITTI_BBOX || !in_dont_care(w, &v, j);
}

/* ---- all frames ---- */

static int descending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* The scores at which recall comes nearest to 0, 1/40, 2/40 ... */
static int choose_thresholds(struct work *w, double *out)
{
    int n = 0;
    double current = 0;
    qsort(w->scores, (size_t)w->n_scores, sizeof *w->scores, descending);
    for (int32_t i = 0; i < w->n_scores && n < GLINT_KITTI_RECALLS; i++) {
        const bool is_last = i == w->n_scores - 1;
        const double left = (double)(i + 1) / w->n_counted;
        const double right = is_last ? left : (double)(i + 2) / w->n_counted;
        if (right - current < current - left && !is_last)
            continue;
        out[n++] = w->scores[i];
        current += 1.0 / (GLINT_KITTI_RECALLS - 1);
    }
    return n;
}

static void finish_curve(struct glint_kitti_curve *curve)
{
    double *p = curve->precision, sum11 = 0, sum40 = 0;
    for (int i = GLINT_KITTI_RECALLS - 2; i >= 0; i--)
        p[i] = fmax(p[i], p[i + 1]);
    for (int i = 0; i < GLINT_KITTI_RECALLS; i += 4)
        sum11 += p[i];
    for (int i = 1; i < GLINT_KITTI_RECALLS; i++)
        sum40 += p[i];
    curve->ap_r11 = sum11 / 11 * 100;
    curve->ap_r40 = sum40 / 40 * 100;
}

/* The curve of precision, and of orientation where aos_out is not NULL. */
static void evaluate(struct work *w, struct glint_kitti_curve *out, struct glint_kitti_curve *aos_out)
{
    double thresholds[GLINT_KITTI_RECALLS];
    struct glint_kitti_curve unused, *aos = aos_out ? aos_out : &unused;
    *out = (struct glint_kitti_curve){.min_overlap = w->min_overlap};
    *aos = *out;
    w->n_scores = 0;
    for (int32_t f = 0; f < w->n_frames; f++)
        collect_scores(w, f);
    const int n = choose_thresholds(w, thresholds);
    for (int i = 0; i < n; i++) {
        struct counts counts = {0};
        for (int32_t f = 0; f < w->n_frames; f++)
            count_frame(w, f, thresholds[i], &counts);
        const double all = (double)(counts.tp + counts.fp);
        out->precision[i] = all > 0 ? (double)counts.tp / all : 0;
        aos->precision[i] = all > 0 ? counts.similarity / all : 0;
    }
    finish_curve(out);
    finish_curve(aos);
}

static void evaluate_class(struct work *w, int c, struct glint_kitti_ap *ap)
{
    for (int d = 0; d < GLINT_KITTI_DIFFICULTIES; d++) {
        set_flags(w, c, d);
        for (int level = 0; level < GLINT_KITTI_LEVELS; level++)
            for (int m = 0; m < GLINT_KITTI_OVERLAPS; m++) {
                struct glint_kitti_curve(*curve)[GLINT_KITTI_DIFFICULTIES] = ap->curve[c][level];
                w->metric = (enum glint_kitti_metric)m;
                w->min_overlap = min_overlaps[level][c][m != GLINT_KITTI_BBOX];
                evaluate(w, &curve[m][d], m == GLINT_KITTI_BBOX ? &curve[GLINT_KITTI_AOS][d] : NULL);
            }
    }
}

/* As the original: orientations count when any result tells one. */
static bool has_alpha(const struct glint_kitti_frame *frames, int32_t n_frames)
{
    for (int32_t f = 0; f < n_frames; f++)
        if (frames[f].n_found > 0 && frames[f].found[0].alpha != -10)
            return true;
    return false;
}

static void forget_aos(struct glint_kitti_ap *ap)
{
    for (int c = 0; c < GLINT_KITTI_CLASSES; c++)
        for (int level = 0; level < GLINT_KITTI_LEVELS; level++)
            for (int d = 0; d < GLINT_KITTI_DIFFICULTIES; d++) {
                struct glint_kitti_curve *aos = &ap->curve[c][level][GLINT_KITTI_AOS][d];
                aos->ap_r11 = aos->ap_r40 = NAN;
            }
}

/* ---- memory ---- */

static void fini(struct work *w)
{
    free(w->truth_at);
    free(w->found_at);
    free(w->pair_at);
    free(w->truth_flag);
    free(w->found_flag);
    free(w->used);
    free(w->scores);
    for (int m = 0; m < GLINT_KITTI_OVERLAPS; m++)
        free(w->overlap[m]);
}

static bool lay_out(struct work *w)
{
    const size_t n = (size_t)w->n_frames + 1;
    size_t most = 0;
    w->truth_at = calloc(n, sizeof *w->truth_at);
    w->found_at = calloc(n, sizeof *w->found_at);
    w->pair_at = calloc(n, sizeof *w->pair_at);
    if (!w->truth_at || !w->found_at || !w->pair_at)
        return false;
    for (size_t f = 0; f + 1 < n; f++) {
        const size_t t = (size_t)w->frames[f].n_truth, d = (size_t)w->frames[f].n_found;
        w->truth_at[f + 1] = w->truth_at[f] + t;
        w->found_at[f + 1] = w->found_at[f] + d;
        w->pair_at[f + 1] = w->pair_at[f] + t * d;
        most = d > most ? d : most;
    }
    w->truth_flag = malloc(w->truth_at[n - 1] + 1);
    w->found_flag = malloc(w->found_at[n - 1] + 1);
    w->used = malloc(most + 1);
    w->scores = malloc((w->found_at[n - 1] + 1) * sizeof *w->scores);
    for (int m = 0; m < GLINT_KITTI_OVERLAPS; m++)
        w->overlap[m] = malloc((w->pair_at[n - 1] + 1) * sizeof(double));
    return w->truth_flag && w->found_flag && w->used && w->scores && w->overlap[0] && w->overlap[1] &&
           w->overlap[2];
}

static void find_overlaps(struct work *w)
{
    for (int32_t f = 0; f < w->n_frames; f++) {
        const struct glint_kitti_frame *frame = &w->frames[f];
        size_t at = w->pair_at[f];
        for (int32_t i = 0; i < frame->n_truth; i++)
            for (int32_t j = 0; j < frame->n_found; j++, at++)
                for (int m = 0; m < GLINT_KITTI_OVERLAPS; m++)
                    w->overlap[m][at] =
                        glint_kitti_overlap((enum glint_kitti_metric)m, &frame->truth[i], &frame->found[j]);
    }
}

int glint_kitti_ap_compute(const struct glint_kitti_frame *frames, int32_t n_frames,
                           struct glint_kitti_ap *ap_out)
{
    struct work w = {.frames = frames, .n_frames = n_frames};
    if (!lay_out(&w)) {
        fini(&w);
        return glint_fail(GLINT_E_NOMEM, "no memory to compare the boxes of %d frames", n_frames);
    }
    find_overlaps(&w);
    for (int c = 0; c < GLINT_KITTI_CLASSES; c++)
        evaluate_class(&w, c, ap_out);
    if (!has_alpha(frames, n_frames))
        forget_aos(ap_out);
    fini(&w);
    return GLINT_OK;
}
