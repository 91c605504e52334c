/* track/pairs.c - which detection is which object: the exact least sum of costs.
 *
 * An object may stay without a detection at a price above any single pair's, so that two bad pairs are not
 * taken for the sake of their number. Objects and detections that are connected by possible pairs make a
 * piece; pieces have nothing to do with each other and are solved one by one, which gives the same sum as all
 * at once in a fraction of the time: most pieces are one and one. */
#include "core/assign.h"
#include "track/overlap.h"
#include "track/tracker_state.h"
#include <math.h>
#include <string.h>

#define OTHER_CLASS_GIOU 0.2 /* what is taken for another class must at least be in the same place */
#define UNPAIRED         8.0 /* above 1 + 2 weight_overlap + weight_class: see glint_track_settings_check */

size_t glint_track_pairs_bytes(int32_t cap_tracks, int32_t cap_boxes)
{
    const size_t n = (size_t)cap_tracks, m = (size_t)cap_boxes, index = sizeof(int32_t);
    return glint_arena_round(n * m * sizeof(struct glint_track_pair)) + glint_arena_round((n + m) * index) +
           2 * glint_arena_round(n * index) + 2 * glint_arena_round(m * index) +
           glint_arena_round(n * (n + m) * sizeof(double)) +
           glint_arena_round(glint_assign_scratch_bytes(cap_tracks, cap_tracks + cap_boxes));
}

void glint_track_pairs_init(struct glint_tracker *t)
{
    const size_t n = (size_t)t->cap_tracks, m = (size_t)t->cap_boxes;
    t->pairs = glint_arena_alloc(&t->memory, n * m * sizeof *t->pairs);
    t->set = glint_arena_alloc(&t->memory, (n + m) * sizeof *t->set);
    t->rows = glint_arena_alloc(&t->memory, n * sizeof *t->rows);
    t->column = glint_arena_alloc(&t->memory, n * sizeof *t->column);
    t->cols = glint_arena_alloc(&t->memory, m * sizeof *t->cols);
    t->place = glint_arena_alloc(&t->memory, m * sizeof *t->place);
    t->cost = glint_arena_alloc(&t->memory, n * (n + m) * sizeof *t->cost);
    t->scratch = glint_arena_alloc(&t->memory,
                                   glint_assign_scratch_bytes(t->cap_tracks, t->cap_tracks + t->cap_boxes));
}

/* ---- the cost of one pair ---- */

bool glint_track_same_kind(const struct glint_tracker *t, int32_t a, int32_t b)
{
    return a == b || strcmp(glint_track_class(t, a)->group, glint_track_class(t, b)->group) == 0;
}

static bool in_reach(const struct glint_tracker *t, const struct glint_track *track,
                     const struct glint_detection *d)
{
    const struct glint_track_class *c = glint_track_class(t, track->label);
    const double unseen_s = 1e-9 * (double)(t->now_ns - track->seen_ns);
    const double dx = d->center[0] - track->motion.x[GLINT_TURN_X],
                 dy = d->center[1] - track->motion.x[GLINT_TURN_Y];
    const double reach = (double)c->reach_m + (double)c->reach_mps * unseen_s;
    return dx * dx + dy * dy <= reach * reach;
}

/* INFINITY: it cannot be. */
static double cost_of(const struct glint_tracker *t, const struct glint_track *track,
                      const struct glint_detection *d)
{
    double sigma[2];
    if (!glint_track_same_kind(t, track->label, d->label) || !in_reach(t, track, d))
        return INFINITY;
    glint_track_noise(glint_track_class(t, d->label), d->range_m, sigma);
    const double gate = (double)t->s.gate;
    const double far = glint_turn_filter_distance(&track->motion, d->center[0], d->center[1], d->yaw,
                                                  sigma[0], sigma[1], NULL);
    if (!(far <= gate))
        return INFINITY;
    const struct glint_rect a = glint_track_rect(track), b = glint_detection_rect(d);
    const double giou = glint_rect_giou(&a, &b);
    if (track->label != d->label && giou < OTHER_CLASS_GIOU)
        return INFINITY;
    return far / gate + (double)t->s.weight_overlap * (1 - giou) +
           (track->label == d->label ? 0.0 : (double)t->s.weight_class);
}

/* ---- pieces ---- */

static int32_t root_of(int32_t *set, int32_t i)
{
    while (set[i] != i)
        i = set[i] = set[set[i]];
    return i;
}

/* The lower root stays, so that an object's is an object. */
static void join(int32_t *set, int32_t a, int32_t b)
{
    a = root_of(set, a);
    b = root_of(set, b);
    set[a > b ? a : b] = a < b ? a : b;
}

static int32_t list_pairs(struct glint_tracker *t, double least, double most)
{
    int32_t n = 0;
    for (int32_t i = 0; i < t->n_tracks + t->n_detections; i++)
        t->set[i] = i;
    for (int32_t i = 0; i < t->n_tracks; i++)
        for (int32_t k = 0; k < t->n_detections && t->tracks[i].detection < 0; k++) {
            const struct glint_detection *d = &t->detections[k];
            if (d->track >= 0 || d->score < least || d->score >= most)
                continue;
            const double cost = cost_of(t, &t->tracks[i], d);
            if (!isfinite(cost))
                continue;
            t->pairs[n++] = (struct glint_track_pair){i, k, cost};
            join(t->set, i, t->n_tracks + k);
        }
    return n;
}

/* Objects of the piece whose root is the object `first`, as rows; its detections as columns, behind them a
 * column for each row that is taken by none. */
static void fill(struct glint_tracker *t, int32_t first, int32_t n_pairs, int32_t *n_rows, int32_t *n_cols)
{
    *n_rows = *n_cols = 0;
    for (int32_t k = 0; k < t->n_detections; k++)
        if (root_of(t->set, t->n_tracks + k) == first) {
            t->place[k] = *n_cols;
            t->cols[(*n_cols)++] = k;
        }
    int32_t width = *n_cols;
    for (int32_t i = first; i < t->n_tracks; i++)
        width += root_of(t->set, i) == first;
    for (int32_t p = 0, i = first; i < t->n_tracks; i++) {
        if (root_of(t->set, i) != first)
            continue;
        double *row = t->cost + (int64_t)*n_rows * width;
        for (int32_t c = 0; c < width; c++)
            row[c] = INFINITY;
        row[*n_cols + *n_rows] = UNPAIRED;
        while (p < n_pairs && t->pairs[p].track < i) /* they are in the order of tracks */
            p++;
        for (; p < n_pairs && t->pairs[p].track == i; p++)
            row[t->place[t->pairs[p].detection]] = t->pairs[p].cost;
        t->rows[(*n_rows)++] = i;
    }
}

static void solve(struct glint_tracker *t, int32_t first, int32_t n_pairs)
{
    int32_t n_rows, n_cols;
    fill(t, first, n_pairs, &n_rows, &n_cols);
    if (n_cols == 0)
        return;
    glint_assign_within(t->cost, n_rows, n_cols + n_rows, t->scratch, t->column);
    for (int32_t r = 0; r < n_rows; r++) {
        if (t->column[r] < 0 || t->column[r] >= n_cols)
            continue;
        const int32_t k = t->cols[t->column[r]];
        t->tracks[t->rows[r]].detection = k;
        t->detections[k].track = t->rows[r];
    }
}

void glint_track_pairs_find(struct glint_tracker *t, double least, double most)
{
    const int32_t n_pairs = list_pairs(t, least, most);
    for (int32_t i = 0; n_pairs > 0 && i < t->n_tracks; i++)
        if (root_of(t->set, i) == i)
            solve(t, i, n_pairs);
}
