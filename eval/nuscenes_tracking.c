/* eval/nuscenes_tracking.c - see nuscenes_tracking.h.
 *
 * Per class: one pass without a least score gives the scores of matches, from these come 40 thresholds, one
 * per recall; then a pass per threshold counts. A pass goes through the scenes' frames (frame numbers count
 * only those with a box of the class): truth keeps the result it had if that is still within 2 m, the rest is
 * paired at least distance. What tracks went through (`life`) is counted on the way. */
#include "eval/nuscenes_tracking.h"
#include "core/assign.h"
#include "eval/nuscenes_tracks.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_M      2.0
#define LEAST_RECALL 0.1
#define FRAME_S      0.5 /* key frames come at 2 Hz */
#define NOBODY       (-1)

static const char *const class_names[] = {"bicycle",    "bus",     "car",  "motorcycle",
                                          "pedestrian", "trailer", "truck"};
static const char *const metric_names[] = {
#define NAME(upper, name) #name,
    GLINT_TRACK_METRIC_MAP(NAME)
#undef NAME
};

const char *glint_track_class_name(int c)
{
    return class_names[c];
}
const char *glint_track_metric_name(int metric)
{
    return metric_names[metric];
}

struct life {        /* of a truth track in the current scene and pass */
    int32_t partner; /* the result it was paired with last */
    int32_t n, n_tracked, first, last, first_tracked;
    int32_t gap, longest_gap, n_fragments;
    bool is_missed; /* since it was tracked last */
};

struct scene {
    struct glint_tracks truth, found;
    int32_t n_frames, n_truth_ids;
};

struct counts {
    int64_t matches, switches, misses, false_positives, frames, objects;
    int64_t tracks, tracks_tracked, mostly_tracked, mostly_lost, fragments, late_frames, gap_frames;
    double distance;
};

struct pass {
    const struct scene *scenes;
    int32_t n_scenes;
    int32_t cls;
    double least_score;
    struct counts counts;
    double *scores; /* of matches; NULL: not wanted */
    int32_t n_scores;

    struct life *life;      /* of the scene with most */
    int32_t *truth, *found; /* boxes of the class in this frame, as numbers in the scene */
    int32_t n_truth, n_found;
    bool *truth_done, *found_done;
    double *distance, *cost; /* n_truth x n_found */
    int32_t *row, *col, *column;
};

/* ---- one frame ---- */

static void see(struct pass *p, int32_t id, int32_t frame, bool is_tracked)
{
    struct life *l = &p->life[id];
    if (l->n++ == 0)
        l->first = frame;
    else if (frame > l->last + 1)
        l->gap += frame - l->last - 1;
    l->last = frame;
    if (!is_tracked) {
        l->gap++;
        l->is_missed = true;
        return;
    }
    if (l->n_tracked++ == 0)
        l->first_tracked = frame;
    else
        l->n_fragments += l->is_missed;
    l->is_missed = false;
    l->longest_gap = l->gap > l->longest_gap ? l->gap : l->longest_gap;
    l->gap = 0;
}

static void pair(struct pass *p, const struct scene *s, int32_t frame, int32_t i, int32_t j)
{
    const struct glint_track_box *truth = &s->truth.box[p->truth[i]], *found = &s->found.box[p->found[j]];
    struct life *l = &p->life[truth->id];
    const bool is_switch = l->partner != NOBODY && l->partner != found->id;
    p->counts.switches += is_switch;
    p->counts.matches += !is_switch;
    p->counts.distance += p->distance[(int64_t)i * p->n_found + j];
    if (!is_switch && p->scores)
        p->scores[p->n_scores++] = found->score;
    l->partner = found->id;
    p->truth_done[i] = p->found_done[j] = true;
    see(p, truth->id, frame, true);
}

static void find_distances(struct pass *p, const struct scene *s)
{
    for (int32_t i = 0; i < p->n_truth; i++)
        for (int32_t j = 0; j < p->n_found; j++) {
            const struct glint_track_box *a = &s->truth.box[p->truth[i]], *b = &s->found.box[p->found[j]];
            const double d = hypot(a->x - b->x, a->y - b->y);
            p->distance[(int64_t)i * p->n_found + j] = d < MATCH_M ? d : INFINITY;
        }
}

static void keep_pairs(struct pass *p, const struct scene *s, int32_t frame)
{
    for (int32_t i = 0; i < p->n_truth; i++) {
        const int32_t partner = p->life[s->truth.box[p->truth[i]].id].partner;
        int32_t j = 0;
        while (j < p->n_found && (p->found_done[j] || s->found.box[p->found[j]].id != partner))
            j++;
        if (partner != NOBODY && j < p->n_found && isfinite(p->distance[(int64_t)i * p->n_found + j]))
            pair(p, s, frame, i, j);
    }
}

static int pair_rest(struct pass *p, const struct scene *s, int32_t frame)
{
    int32_t n_rows = 0, n_cols = 0;
    for (int32_t i = 0; i < p->n_truth; i++)
        if (!p->truth_done[i])
            p->row[n_rows++] = i;
    for (int32_t j = 0; j < p->n_found; j++)
        if (!p->found_done[j])
            p->col[n_cols++] = j;
    for (int32_t r = 0; r < n_rows; r++)
        for (int32_t c = 0; c < n_cols; c++)
            p->cost[(int64_t)r * n_cols + c] = p->distance[(int64_t)p->row[r] * p->n_found + p->col[c]];
    GLINT_TRY(glint_assign(p->cost, n_rows, n_cols, p->column));
    for (int32_t r = 0; r < n_rows; r++)
        if (p->column[r] >= 0)
            pair(p, s, frame, p->row[r], p->col[p->column[r]]);
    return GLINT_OK;
}

static int32_t choose(const struct glint_tracks *tracks, int32_t f, int32_t cls, double least, int32_t *out)
{
    int32_t n = 0;
    for (int32_t i = tracks->first[f]; i < tracks->first[f + 1]; i++)
        if (tracks->box[i].cls == cls && tracks->box[i].score >= least)
            out[n++] = i;
    return n;
}

/* *frame: the number of the next frame that has a box. */
static int do_frame(struct pass *p, const struct scene *s, int32_t f, int32_t *frame)
{
    p->n_truth = choose(&s->truth, f, p->cls, -INFINITY, p->truth);
    p->n_found = choose(&s->found, f, p->cls, p->least_score, p->found);
    if (p->n_truth == 0 && p->n_found == 0)
        return GLINT_OK;
    memset(p->truth_done, 0, (size_t)p->n_truth * sizeof *p->truth_done);
    memset(p->found_done, 0, (size_t)p->n_found * sizeof *p->found_done);
    find_distances(p, s);
    keep_pairs(p, s, *frame);
    GLINT_TRY(pair_rest(p, s, *frame));
    for (int32_t i = 0; i < p->n_truth; i++)
        if (!p->truth_done[i]) {
            p->counts.misses++;
            see(p, s->truth.box[p->truth[i]].id, *frame, false);
        }
    for (int32_t j = 0; j < p->n_found; j++)
        p->counts.false_positives += !p->found_done[j];
    p->counts.objects += p->n_truth;
    p->counts.frames++;
    (*frame)++;
    return GLINT_OK;
}

/* ---- all frames ---- */

static void count_life(struct counts *c, const struct life *l)
{
    if (l->n == 0)
        return;
    c->tracks++;
    const double share = (double)l->n_tracked / l->n;
    c->mostly_tracked += share >= 0.8;
    c->mostly_lost += share < 0.2;
    if (l->n_tracked == 0)
        return;
    c->tracks_tracked++;
    c->fragments += l->n_fragments;
    c->late_frames += l->first_tracked - l->first;
    c->gap_frames += l->gap > l->longest_gap ? l->gap : l->longest_gap;
}

static int do_pass(struct pass *p)
{
    p->counts = (struct counts){0};
    p->n_scores = 0;
    for (int32_t k = 0; k < p->n_scenes; k++) {
        const struct scene *s = &p->scenes[k];
        int32_t frame = 0;
        for (int32_t id = 0; id < s->n_truth_ids; id++)
            p->life[id] = (struct life){.partner = NOBODY};
        for (int32_t f = 0; f < s->n_frames; f++)
            GLINT_TRY(do_frame(p, s, f, &frame));
        for (int32_t id = 0; id < s->n_truth_ids; id++)
            count_life(&p->counts, &p->life[id]);
    }
    return GLINT_OK;
}

/* ---- thresholds ---- */

static int descending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* The score at which recall `r` is reached, between those of the matches; NaN: it never is. */
static double score_at(const double *scores, int32_t n, int64_t n_objects, double r)
{
    if (r > (double)n / (double)n_objects)
        return NAN;
    int32_t j = -1; /* the last match with recall <= r */
    while (j + 1 < n && (double)(j + 2) / (double)n_objects <= r)
        j++;
    const double at = (double)(j + 1) / (double)n_objects;
    if (j < 0)
        return scores[0];
    if (j == n - 1 || at == r)
        return scores[j];
    const double slope = (scores[j + 1] - scores[j]) / ((double)(j + 2) / (double)n_objects - at);
    return slope * (r - at) + scores[j];
}

static void choose_thresholds(struct pass *p, struct glint_track_curve *curve)
{
    const double step = (1.0 - LEAST_RECALL) / (GLINT_TRACK_RECALLS - 1);
    qsort(p->scores, (size_t)p->n_scores, sizeof *p->scores, descending);
    for (int i = 0; i < GLINT_TRACK_RECALLS; i++) {
        const double raw = i < GLINT_TRACK_RECALLS - 1 ? i * step + LEAST_RECALL : 1.0;
        const double r = rint(raw * 1e12) / 1e12;
        const int at = GLINT_TRACK_RECALLS - 1 - i;
        curve->recall_hypo[at] = p->n_scores > 0 ? r : NAN;
        curve->confidence[at] =
            p->n_scores > 0 ? score_at(p->scores, p->n_scores, p->counts.objects, r) : NAN;
    }
}

/* ---- metrics ---- */

static void set_values(const struct counts *c, double *value)
{
    const double n = (double)c->objects, found = (double)(c->matches + c->switches);
    const double errors = (double)(c->misses + c->switches + c->false_positives);
    const double recall = (double)c->matches / n;
    value[GLINT_TRACK_AMOTA] = value[GLINT_TRACK_AMOTP] = NAN;
    value[GLINT_TRACK_RECALL] = found / n;
    value[GLINT_TRACK_MOTAR] =
        c->matches > 0 ? fmax(0, 1 - (errors - (1 - recall) * n) / (recall * n)) : (double)NAN;
    value[GLINT_TRACK_GT] = n;
    value[GLINT_TRACK_MOTA] = fmax(0, 1 - errors / n);
    value[GLINT_TRACK_MOTP] = found > 0 ? c->distance / found : (double)NAN;
    value[GLINT_TRACK_MT] = (double)c->mostly_tracked;
    value[GLINT_TRACK_ML] = (double)c->mostly_lost;
    value[GLINT_TRACK_FAF] = (double)c->false_positives / (double)c->frames * 100;
    value[GLINT_TRACK_TP] = (double)c->matches;
    value[GLINT_TRACK_FP] = (double)c->false_positives;
    value[GLINT_TRACK_FN] = (double)c->misses;
    value[GLINT_TRACK_IDS] = (double)c->switches;
    value[GLINT_TRACK_FRAG] = (double)c->fragments;
    const double tracked = (double)c->tracks_tracked;
    value[GLINT_TRACK_TID] = tracked > 0 ? FRAME_S * (double)c->late_frames / tracked : (double)NAN;
    value[GLINT_TRACK_LGD] = tracked > 0 ? FRAME_S * (double)c->gap_frames / tracked : (double)NAN;
}

/* Where no recall is reached, as the configuration says; `all` is a pass over everything. */
static void set_worst(const struct counts *all, double *value)
{
    memset(value, 0, GLINT_TRACK_METRICS * sizeof *value);
    value[GLINT_TRACK_AMOTA] = value[GLINT_TRACK_AMOTP] = NAN;
    value[GLINT_TRACK_MOTP] = 2;
    value[GLINT_TRACK_FAF] = 500;
    value[GLINT_TRACK_TID] = value[GLINT_TRACK_LGD] = 20;
    value[GLINT_TRACK_GT] = value[GLINT_TRACK_FN] = (double)all->objects;
    value[GLINT_TRACK_ML] = (double)all->tracks;
    value[GLINT_TRACK_FP] = value[GLINT_TRACK_IDS] = value[GLINT_TRACK_FRAG] = NAN;
}

static void put_column(struct glint_track_curve *curve, int i, const double *value)
{
    for (int m = 0; m < GLINT_TRACK_METRICS; m++)
        curve->value[m][i] = value[m];
}

static int fill_curve(struct pass *p, const struct counts *all, struct glint_track_curve *curve)
{
    double value[GLINT_TRACK_METRICS];
    bool is_reached = false;
    for (int i = 0; i < GLINT_TRACK_RECALLS; i++) {
        if (isnan(curve->confidence[i]))
            continue;
        is_reached = true;
        if (i == 0 || curve->confidence[i] != curve->confidence[i - 1]) {
            p->least_score = curve->confidence[i];
            GLINT_TRY(do_pass(p));
            set_values(&p->counts, value);
        }
        put_column(curve, i, value);
    }
    set_worst(all, value);
    for (int i = 0; i < GLINT_TRACK_RECALLS && !is_reached; i++)
        put_column(curve, i, value);
    return GLINT_OK;
}

static double mean_or_worst(const double *values, double worst)
{
    double sum = 0;
    for (int i = 0; i < GLINT_TRACK_RECALLS; i++)
        sum += isnan(values[i]) ? worst : values[i];
    return sum / GLINT_TRACK_RECALLS;
}

static void finish_class(struct glint_track_metrics *out, int c)
{
    const struct glint_track_curve *curve = &out->curve[c];
    int best = 0;
    for (int i = 1; i < GLINT_TRACK_RECALLS; i++)
        if (isnan(curve->value[GLINT_TRACK_MOTA][best]) ||
            curve->value[GLINT_TRACK_MOTA][i] > curve->value[GLINT_TRACK_MOTA][best])
            best = i;
    for (int m = 0; m < GLINT_TRACK_METRICS; m++)
        out->of_class[m][c] = curve->value[m][best];
    out->of_class[GLINT_TRACK_AMOTA][c] = mean_or_worst(curve->value[GLINT_TRACK_MOTAR], 0);
    out->of_class[GLINT_TRACK_AMOTP][c] = mean_or_worst(curve->value[GLINT_TRACK_MOTP], 2);
}

static void clear(struct glint_track_metrics *out)
{
    double *all = (double *)out; /* nothing but doubles */
    for (size_t i = 0; i < sizeof *out / sizeof *all; i++)
        all[i] = NAN;
}

static int do_class(struct pass *p, int c, struct glint_track_metrics *out)
{
    double *scores = p->scores;
    p->cls = c;
    p->least_score = -INFINITY;
    GLINT_TRY(do_pass(p));
    const struct counts all = p->counts;
    if (all.objects == 0)
        return GLINT_OK;
    choose_thresholds(p, &out->curve[c]);
    p->scores = NULL;
    const int status = fill_curve(p, &all, &out->curve[c]);
    p->scores = scores;
    if (status >= 0)
        finish_class(out, c);
    return status;
}

static bool is_sum(int metric)
{
    return metric == GLINT_TRACK_MT || metric == GLINT_TRACK_ML ||
           (metric >= GLINT_TRACK_TP && metric <= GLINT_TRACK_FRAG);
}

static void finish(struct glint_track_metrics *out)
{
    for (int m = 0; m < GLINT_TRACK_METRICS; m++) {
        double sum = 0;
        int n = 0;
        for (int c = 0; c < GLINT_TRACK_CLASSES; c++)
            if (!isnan(out->of_class[m][c])) {
                sum += out->of_class[m][c];
                n++;
            }
        out->all[m] = is_sum(m) ? sum : n > 0 ? sum / n : (double)NAN;
    }
}

/* ---- memory ---- */

static int prepare(const struct glint_track_scene *scenes, int32_t n_scenes, struct scene *out)
{
    for (int32_t k = 0; k < n_scenes; k++) {
        out[k].n_frames = scenes[k].n_frames;
        out[k].n_truth_ids = scenes[k].n_truth_ids;
        GLINT_TRY(glint_tracks_init(&out[k].truth, &scenes[k], GLINT_TRACK_TRUTH));
        GLINT_TRY(glint_tracks_init(&out[k].found, &scenes[k], GLINT_TRACK_FOUND));
    }
    return GLINT_OK;
}

static size_t most_of_a_frame(const struct glint_tracks *tracks, int32_t n_frames)
{
    int32_t most = 0;
    for (int32_t f = 0; f < n_frames; f++) {
        const int32_t n = tracks->first[f + 1] - tracks->first[f];
        most = n > most ? n : most;
    }
    return (size_t)most;
}

static int reserve(struct pass *p)
{
    size_t truth = 1, found = 1, ids = 1, all = 1;
    for (int32_t k = 0; k < p->n_scenes; k++) {
        const struct scene *s = &p->scenes[k];
        const size_t t = most_of_a_frame(&s->truth, s->n_frames), f = most_of_a_frame(&s->found, s->n_frames);
        truth = t > truth ? t : truth;
        found = f > found ? f : found;
        ids = (size_t)s->n_truth_ids > ids ? (size_t)s->n_truth_ids : ids;
        all += (size_t)s->found.first[s->n_frames];
    }
    p->life = malloc(ids * sizeof *p->life);
    p->truth = malloc(truth * sizeof *p->truth);
    p->found = malloc(found * sizeof *p->found);
    p->truth_done = malloc(truth * sizeof *p->truth_done);
    p->found_done = malloc(found * sizeof *p->found_done);
    p->distance = malloc(truth * found * sizeof *p->distance);
    p->cost = malloc(truth * found * sizeof *p->cost);
    p->row = malloc(truth * sizeof *p->row);
    p->col = malloc(found * sizeof *p->col);
    p->column = malloc(truth * sizeof *p->column);
    p->scores = malloc(all * sizeof *p->scores);
    return p->life && p->truth && p->found && p->truth_done && p->found_done && p->distance && p->cost &&
                   p->row && p->col && p->column && p->scores
               ? GLINT_OK
               : glint_fail(GLINT_E_NOMEM, "no memory to compare the tracks of %d scenes", p->n_scenes);
}

static void release(struct pass *p)
{
    void *const blocks[] = {p->life, p->truth, p->found, p->truth_done, p->found_done, p->distance,
                            p->cost, p->row,   p->col,   p->column,     p->scores};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        free(blocks[i]);
}

int glint_track_compute(const struct glint_track_scene *scenes, int32_t n_scenes,
                        struct glint_track_metrics *metrics_out)
{
    clear(metrics_out);
    struct scene *prepared = calloc((size_t)n_scenes + 1, sizeof *prepared);
    if (!prepared)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d scenes", n_scenes);
    struct pass p = {.scenes = prepared, .n_scenes = n_scenes};
    int status = prepare(scenes, n_scenes, prepared);
    if (status >= 0)
        status = reserve(&p);
    for (int c = 0; c < GLINT_TRACK_CLASSES && status >= 0; c++)
        status = do_class(&p, c, metrics_out);
    finish(metrics_out);
    release(&p);
    for (int32_t k = 0; k < n_scenes; k++) {
        glint_tracks_fini(&prepared[k].truth);
        glint_tracks_fini(&prepared[k].found);
    }
    free(prepared);
    return status;
}
