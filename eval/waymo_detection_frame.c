/* eval/waymo_detection_frame.c - see waymo_detection_frame.h.
 *
 * A match holds for a range of cutoffs, so counts are differences at its two ends. Sums of heading accuracy
 * are float32 and depend on their order: at every cutoff predictions are added in the order of the file, all
 * cutoffs of a prediction at once. */
#include "eval/waymo_detection_frame.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846
#define N  GLINT_WAYMO_CUTOFFS

static int out_of_memory(void)
{
    return glint_fail(GLINT_E_NOMEM, "out of memory while scoring a frame");
}

int glint_waymo_scorer_init(struct glint_waymo_scorer *s)
{
    s->n_shards = 0;
    for (int32_t g = 0; g < s->n_generators; g++)
        s->n_shards += glint_waymo_breakdown(s->generators[g])->n_shards;
    s->counts = calloc((size_t)s->n_shards, sizeof *s->counts);
    s->sum_ha = malloc((size_t)s->n_shards * sizeof *s->sum_ha);
    s->has_tp = malloc((size_t)s->n_shards * sizeof *s->has_tp);
    if (!s->counts || !s->sum_ha || !s->has_tp)
        return out_of_memory();
    return glint_waymo_matcher_open(&s->matcher);
}

void glint_waymo_scorer_fini(struct glint_waymo_scorer *s)
{
    glint_waymo_pairs_fini(&s->pairs);
    glint_waymo_matcher_close(s->matcher);
    free(s->counts);
    free(s->sum_ha);
    free(s->has_tp);
    free(s->memory);
    free(s->edges);
    free(s->next);
    memset(s, 0, sizeof *s);
}

/* ---- the objects ---- */

/* Drops labelled boxes without a point and decides levels that are not given. */
static void keep_labelled(struct glint_waymo_list *truth)
{
    int32_t n = 0;
    for (int32_t i = 0; i < truth->n; i++) {
        struct glint_waymo_object *o = &truth->object[i];
        if (o->n_points <= 0)
            continue;
        if (o->detection_level == 0)
            o->detection_level = o->n_points <= 5 ? 2 : 1;
        truth->object[n++] = *o;
    }
    truth->n = n;
}

/* n_p and n_t: predictions and labelled boxes. One block for all arrays. */
static int reserve(struct glint_waymo_scorer *s, size_t n_p, size_t n_t)
{
    const size_t size = (7 * n_p + 3 * n_t) * sizeof(int32_t);
    if (size > s->memory_size) {
        free(s->memory);
        s->memory_size = 0;
        s->memory = malloc(2 * size);
        if (!s->memory)
            return out_of_memory();
        s->memory_size = 2 * size;
    }
    if (!s->memory) /* an empty frame */
        return GLINT_OK;
    s->alive = s->memory;
    s->rows = s->alive + n_p;
    s->row_of = s->rows + n_p;
    s->row_alive = s->row_of + n_p;
    s->first = s->row_alive + n_p;
    s->best = s->first + n_p;
    s->row_groups = (uint32_t *)(s->best + n_p);
    s->columns = (int32_t *)(s->row_groups + n_p);
    s->column_of = s->columns + n_t;
    s->column_groups = (uint32_t *)(s->column_of + n_t);
    return GLINT_OK;
}

static int read_frame(struct glint_waymo_scorer *s, const struct glint_waymo_objects *set, int32_t frame)
{
    bool overlapping = false;
    for (int32_t g = 0; g < s->n_generators; g++)
        overlapping |= glint_waymo_breakdown(s->generators[g])->truth_only;
    GLINT_TRY(glint_waymo_pairs_read(&s->pairs, set, frame));
    keep_labelled(&s->pairs.truth);
    GLINT_TRY(glint_waymo_pairs_find(&s->pairs, s->iou_kind, overlapping));
    GLINT_TRY(reserve(s, (size_t)s->pairs.prediction.n, (size_t)s->pairs.truth.n));
    free(s->edges); /* rarely more than a few hundred */
    s->edges = malloc(((size_t)s->pairs.n_pairs + 1) * sizeof *s->edges);
    if (!s->edges)
        return out_of_memory();
    for (int32_t i = 0; i < s->pairs.prediction.n; i++)
        s->alive[i] = glint_waymo_alive(s->pairs.prediction.object[i].score);
    return GLINT_OK;
}

/* ---- heading ---- */

/* In [-pi, pi), by the official library's steps. */
static double wrap(double angle)
{
    const double turn = PI - -PI, x = angle - -PI;
    const double rest = x - trunc(x * (1 / turn)) * turn, shifted = turn + rest;
    return (rest >= 0 ? rest : shifted >= turn ? 0 : shifted) + -PI;
}

static float heading_accuracy(double a, double b)
{
    float apart = fabsf((float)wrap(a) - (float)wrap(b));
    if ((double)apart > PI)
        apart = (float)(2.0 * PI - (double)apart);
    return (float)fmin(1.0, fmax(0.0, 1.0 - (double)apart / PI));
}

/* ---- a group ---- */

/* Rows and columns of the group and the edges between them. */
static void gather(struct glint_waymo_scorer *s, int32_t group, struct glint_waymo_problem *p)
{
    *p = (struct glint_waymo_problem){.n_cutoffs = N, .alive = s->row_alive, .edges = s->edges};
    for (int32_t i = 0; i < s->pairs.prediction.n; i++) {
        s->row_of[i] = s->row_groups[i] >> group & 1 ? p->n_rows : -1;
        if (s->row_of[i] >= 0) {
            s->row_alive[p->n_rows] = s->alive[i];
            s->rows[p->n_rows++] = i;
        }
    }
    for (int32_t j = 0; j < s->pairs.truth.n; j++) {
        s->column_of[j] = s->column_groups[j] >> group & 1 ? p->n_columns : -1;
        if (s->column_of[j] >= 0)
            s->columns[p->n_columns++] = j;
    }
    for (int32_t k = 0; k < s->pairs.n_pairs; k++) {
        const struct glint_waymo_pair *pair = &s->pairs.pair[k];
        const int32_t row = s->row_of[pair->prediction], column = s->column_of[pair->truth];
        if (pair->weight > 0 && row >= 0 && column >= 0)
            s->edges[p->n_edges++] = (struct glint_waymo_edge){row, column, pair->weight};
    }
}

/* first[row]: the row's matches as a list through next[], so that they can be walked in order of rows. */
static int list_matches(struct glint_waymo_scorer *s, const struct glint_waymo_match *match, int32_t n,
                        int32_t n_rows)
{
    if (n > s->cap_next) {
        free(s->next);
        s->cap_next = 0;
        s->next = malloc(2 * (size_t)n * sizeof *s->next);
        if (!s->next)
            return out_of_memory();
        s->cap_next = 2 * n;
    }
    memset(s->first, -1, (size_t)n_rows * sizeof *s->first);
    for (int32_t k = 0; k < n; k++) {
        s->next[k] = s->first[match[k].row];
        s->first[match[k].row] = k;
    }
    return GLINT_OK;
}

/* best[row]: the column that the prediction overlaps most (the last of equals), at least 0.01; -1: none. */
static void find_best(struct glint_waymo_scorer *s, int32_t n_rows)
{
    const struct glint_waymo_pair *best = NULL;
    memset(s->best, -1, (size_t)n_rows * sizeof *s->best);
    for (int32_t k = 0; k < s->pairs.n_pairs; k++) {
        const struct glint_waymo_pair *pair = &s->pairs.pair[k];
        const int32_t row = s->row_of[pair->prediction], column = s->column_of[pair->truth];
        if (row < 0 || column < 0)
            continue;
        if (s->best[row] < 0 || pair->iou >= best->iou) { /* a row's pairs stand together */
            s->best[row] = column;
            best = pair;
        }
    }
}

/* ---- counting ---- */

static void add_range(int32_t *differences, int32_t from, int32_t to, int32_t value)
{
    differences[from] += value;
    differences[to] -= value;
}

struct shard { /* what is counted: a shard, with its own ground truth where that says the shard */
    enum glint_waymo_generator generator;
    int32_t number; /* inside the generator */
    bool truth_only;
    struct glint_waymo_counts *counts;
    float *sum_ha;
};

static bool in_shard(const struct glint_waymo_scorer *s, const struct shard *shard, int32_t column)
{
    return !shard->truth_only ||
           glint_waymo_shard(shard->generator, &s->pairs.truth.object[s->columns[column]]) == shard->number;
}

/* Returns whether there was a true positive. */
static bool count_row(struct glint_waymo_scorer *s, const struct shard *shard, int32_t row, int32_t alive,
                      const struct glint_waymo_match *match)
{
    const struct glint_waymo_object *o = &s->pairs.prediction.object[s->rows[row]];
    const bool can_be_fp =
        !o->in_zone && (!shard->truth_only || s->best[row] < 0 || in_shard(s, shard, s->best[row]));
    bool any = false;
    if (can_be_fp)
        add_range(shard->counts->fp, 0, alive, 1);
    for (int32_t k = s->first[row]; k >= 0; k = s->next[k]) {
        const struct glint_waymo_match *m = &match[k];
        if (can_be_fp)
            add_range(shard->counts->fp, m->from, m->to, -1);
        if (!in_shard(s, shard, m->column))
            continue;
        const struct glint_waymo_object *truth = &s->pairs.truth.object[s->columns[m->column]];
        const float accuracy = heading_accuracy(o->box.heading, truth->box.heading);
        for (int32_t c = m->from; c < m->to; c++)
            shard->sum_ha[c] += accuracy;
        add_range(shard->counts->tp, m->from, m->to, 1);
        any = true;
    }
    return any;
}

static void count_truth(struct glint_waymo_scorer *s, const struct shard *shard, int32_t n_columns,
                        const struct glint_waymo_match *match, int32_t n)
{
    for (int32_t j = 0; j < n_columns; j++)
        if (in_shard(s, shard, j)) {
            for (int level = s->pairs.truth.object[s->columns[j]].detection_level; level <= 2; level++)
                add_range(shard->counts->fn[level - 1], 0, N, 1);
            shard->counts->any = 1;
        }
    for (int32_t k = 0; k < n; k++)
        if (in_shard(s, shard, match[k].column))
            for (int level = s->pairs.truth.object[s->columns[match[k].column]].detection_level; level <= 2;
                 level++)
                add_range(shard->counts->fn[level - 1], match[k].from, match[k].to, -1);
}

static bool count_shard(struct glint_waymo_scorer *s, const struct shard *shard,
                        const struct glint_waymo_problem *p, const struct glint_waymo_match *match, int32_t n)
{
    bool any = false;
    memset(shard->sum_ha, 0, N * sizeof *shard->sum_ha);
    for (int32_t row = 0; row < p->n_rows; row++)
        any |= count_row(s, shard, row, p->alive[row], match);
    if (p->n_rows > 0)
        shard->counts->any = 1;
    count_truth(s, shard, p->n_columns, match, n);
    return any;
}

static int score_group(struct glint_waymo_scorer *s, enum glint_waymo_generator generator, int32_t group,
                       int32_t first_shard)
{
    const struct glint_waymo_breakdown *b = glint_waymo_breakdown(generator);
    const struct glint_waymo_match *match;
    struct glint_waymo_problem problem;
    int32_t n;
    gather(s, group, &problem);
    GLINT_TRY(glint_waymo_match(s->matcher, &problem, &match, &n));
    GLINT_TRY(list_matches(s, match, n, problem.n_rows));
    if (b->truth_only)
        find_best(s, problem.n_rows);
    for (int32_t i = 0; i < b->n_per_group; i++) {
        const int32_t number = group * b->n_per_group + i;
        const struct shard shard = {generator, number, b->truth_only, &s->counts[first_shard + number],
                                    s->sum_ha[first_shard + number]};
        s->has_tp[first_shard + number] = count_shard(s, &shard, &problem, match, n);
    }
    return GLINT_OK;
}

static uint32_t groups_of(const struct glint_waymo_list *list, enum glint_waymo_generator generator,
                          uint32_t *groups)
{
    uint32_t all = 0;
    for (int32_t i = 0; i < list->n; i++) {
        groups[i] = glint_waymo_groups(generator, &list->object[i]);
        all |= groups[i];
    }
    return all;
}

int glint_waymo_scorer_frame(struct glint_waymo_scorer *s, const struct glint_waymo_objects *set,
                             int32_t frame, bool *is_example_out)
{
    GLINT_TRY(read_frame(s, set, frame));
    memset(s->has_tp, 0, (size_t)s->n_shards * sizeof *s->has_tp);
    *is_example_out = s->pairs.truth.n + s->pairs.prediction.n > 0;
    int32_t first_shard = 0;
    for (int32_t g = 0; g < s->n_generators; g++) {
        const struct glint_waymo_breakdown *b = glint_waymo_breakdown(s->generators[g]);
        const uint32_t groups = groups_of(&s->pairs.prediction, s->generators[g], s->row_groups) |
                                groups_of(&s->pairs.truth, s->generators[g], s->column_groups);
        for (int32_t group = 0; group < b->n_groups; group++)
            if (groups >> group & 1)
                GLINT_TRY(score_group(s, s->generators[g], group, first_shard));
        first_shard += b->n_shards;
    }
    return GLINT_OK;
}
