/* eval/waymo_detection.c - see waymo_detection.h: units to parts, parts to sums, sums to AP. */
#include "eval/waymo_detection.h"
#include "eval/waymo_detection_frame.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N GLINT_WAYMO_CUTOFFS

struct shard_sums {
    int64_t tp[N], fp[N], fn[2][N];
    float sum_ha[N];
    bool any;
};

struct glint_waymo_detection {
    const struct glint_waymo_objects *set;
    const enum glint_waymo_generator *generators;
    int32_t n_generators, n_shards;
    unsigned iou_kind;
    int64_t n_examples;
    struct shard_sums *sums; /* n_shards */
};

float glint_waymo_cutoff(int32_t i)
{
    return i < 100 ? (float)(i * 0.01) : 1.0f;
}

int32_t glint_waymo_alive(float score)
{
    int32_t n = score >= 1 ? N - 1 : score > 0 ? (int32_t)(score * 100.0f) : 0;
    while (n < N && score >= glint_waymo_cutoff(n))
        n++;
    while (n > 0 && score < glint_waymo_cutoff(n - 1))
        n--;
    return n;
}

int glint_waymo_detection_open(const struct glint_waymo_objects *set, enum glint_waymo_tables tables,
                               unsigned kind, struct glint_waymo_detection **metric_out)
{
    static const enum glint_waymo_generator standard[] = {GLINT_WAYMO_BY_TYPE, GLINT_WAYMO_BY_RANGE};
    static const enum glint_waymo_generator extra[] = {GLINT_WAYMO_ONE_SHARD, GLINT_WAYMO_BUT_SIGN,
                                                       GLINT_WAYMO_BY_SIZE, GLINT_WAYMO_BY_SPEED,
                                                       GLINT_WAYMO_BY_CAMERA};
    struct glint_waymo_detection *d = calloc(1, sizeof *d);
    *metric_out = NULL;
    if (!d)
        return glint_fail(GLINT_E_NOMEM, "out of memory");
    d->set = set;
    d->iou_kind = kind;
    d->generators = tables == GLINT_WAYMO_EXTRA ? extra : standard;
    d->n_generators = tables == GLINT_WAYMO_EXTRA ? 5 : 2;
    for (int32_t g = 0; g < d->n_generators; g++)
        d->n_shards += glint_waymo_breakdown(d->generators[g])->n_shards;
    d->sums = calloc((size_t)d->n_shards, sizeof *d->sums);
    if (!d->sums) {
        free(d);
        return glint_fail(GLINT_E_NOMEM, "out of memory");
    }
    *metric_out = d;
    return GLINT_OK;
}

void glint_waymo_detection_close(struct glint_waymo_detection *d)
{
    if (!d)
        return;
    free(d->sums);
    free(d);
}

/* ---- a unit's part: frames one after the other, each {u8 example, shards with a true positive: u8 shard, u8
 * changes, {u8 cutoff, f32 sum from there}}, u8 255}; then the counts ---- */

#define NO_SHARD 255

static void add_u8(struct glint_buffer *out, int32_t value)
{
    const uint8_t byte = (uint8_t)value;
    glint_buffer_add(out, &byte, 1);
}

static void write_sums(const struct glint_waymo_scorer *s, bool is_example, struct glint_buffer *out)
{
    add_u8(out, is_example);
    for (int32_t i = 0; i < s->n_shards; i++) {
        if (!s->has_tp[i])
            continue;
        uint8_t *block = glint_buffer_room(out, 2 + 5 * N);
        if (!block)
            return;
        uint8_t n = 0, *at = block + 2;
        float last = 0;
        for (int c = 0; c < N; c++)
            if (s->sum_ha[i][c] != last) {
                last = s->sum_ha[i][c];
                *at = (uint8_t)c;
                memcpy(at + 1, &last, sizeof last);
                at += 5;
                n++;
            }
        block[0] = (uint8_t)i;
        block[1] = n;
        out->size += (size_t)(at - block);
    }
    add_u8(out, NO_SHARD);
}

static int score_frames(struct glint_waymo_scorer *s, const struct glint_waymo_objects *set, int32_t unit,
                        struct glint_buffer *out)
{
    const struct glint_waymo_unit *u = glint_waymo_objects_unit(set, unit);
    for (int32_t f = u->first; f < u->end; f++) {
        bool is_example;
        GLINT_TRY(glint_waymo_scorer_frame(s, set, f, &is_example));
        write_sums(s, is_example, out);
    }
    glint_buffer_add(out, s->counts, (size_t)s->n_shards * sizeof *s->counts);
    return out->failed ? glint_fail(GLINT_E_NOMEM, "out of memory for the sums of a segment") : GLINT_OK;
}

static int score(void *ctx, int32_t unit, struct glint_buffer *out)
{
    const struct glint_waymo_detection *d = ctx;
    struct glint_waymo_scorer scorer = {
        .iou_kind = d->iou_kind, .generators = d->generators, .n_generators = d->n_generators};
    int status = glint_waymo_scorer_init(&scorer);
    if (status == GLINT_OK)
        status = score_frames(&scorer, d->set, unit, out);
    glint_waymo_scorer_fini(&scorer);
    glint_waymo_objects_release(d->set, unit);
    return status;
}

/* ---- parts to sums ---- */

static int bad_part(void)
{
    return glint_fail(GLINT_E_FORMAT, "a part of the evaluation does not hold what was written");
}

static int reduce_shard(struct shard_sums *sums, struct glint_blob *in)
{
    const void *changes;
    uint8_t n;
    float now = 0;
    GLINT_TRY(glint_blob_read(in, &n, 1));
    GLINT_TRY(glint_blob_view(in, 5 * (size_t)n, &changes));
    const uint8_t *at = changes;
    for (int c = 0; c < N; c++) {
        if (n > 0 && at[0] == c) {
            memcpy(&now, at + 1, sizeof now);
            at += 5;
            n--;
        }
        sums->sum_ha[c] += now;
    }
    return n == 0 ? GLINT_OK : bad_part();
}

static int reduce_frame(struct glint_waymo_detection *d, struct glint_blob *in)
{
    uint8_t is_example, shard;
    GLINT_TRY(glint_blob_read(in, &is_example, 1));
    d->n_examples += is_example ? 1 : 0;
    for (;;) {
        GLINT_TRY(glint_blob_read(in, &shard, 1));
        if (shard == NO_SHARD)
            return GLINT_OK;
        if (shard >= d->n_shards)
            return bad_part();
        GLINT_TRY(reduce_shard(&d->sums[shard], in));
    }
}

static void sum_up(const int32_t *differences, int64_t *sums)
{
    int64_t now = 0;
    for (int c = 0; c < N; c++) {
        now += differences[c];
        sums[c] += now;
    }
}

static int reduce(void *ctx, int32_t unit, struct glint_blob *in)
{
    struct glint_waymo_detection *d = ctx;
    const struct glint_waymo_unit *u = glint_waymo_objects_unit(d->set, unit);
    for (int32_t f = u->first; f < u->end; f++)
        GLINT_TRY(reduce_frame(d, in));
    for (int32_t i = 0; i < d->n_shards; i++) {
        struct glint_waymo_counts counts;
        GLINT_TRY(glint_blob_read(in, &counts, sizeof counts));
        sum_up(counts.tp, d->sums[i].tp);
        sum_up(counts.fp, d->sums[i].fp);
        sum_up(counts.fn[0], d->sums[i].fn[0]);
        sum_up(counts.fn[1], d->sums[i].fn[1]);
        d->sums[i].any |= counts.any != 0;
    }
    return GLINT_OK;
}

static const char *unit_name(void *ctx, int32_t unit)
{
    return glint_waymo_objects_unit(((struct glint_waymo_detection *)ctx)->set, unit)->name;
}

static int64_t unit_frames(void *ctx, int32_t unit)
{
    const struct glint_waymo_unit *u =
        glint_waymo_objects_unit(((struct glint_waymo_detection *)ctx)->set, unit);
    return u->end - u->first;
}

void glint_waymo_detection_task(struct glint_waymo_detection *d, struct glint_eval_task *task)
{
    *task = (struct glint_eval_task){
        .name = "waymo detection",
        .n_units = glint_waymo_objects_units(d->set),
        .unit_name = unit_name,
        .unit_frames = unit_frames,
        .score = score,
        .reduce = reduce,
        .ctx = d,
    };
}

/* ---- sums to AP ---- */

struct curve { /* recall ascending, each once; the largest precision of each */
    float recall[N + 1], precision[N + 1];
    int n;
};

static void put(struct curve *curve, float recall, float precision)
{
    int i = curve->n;
    while (i > 0 && curve->recall[i - 1] > recall)
        i--;
    if (i > 0 && curve->recall[i - 1] == recall) {
        curve->precision[i - 1] = fmaxf(curve->precision[i - 1], precision);
        return;
    }
    memmove(curve->recall + i + 1, curve->recall + i, (size_t)(curve->n - i) * sizeof(float));
    memmove(curve->precision + i + 1, curve->precision + i, (size_t)(curve->n - i) * sizeof(float));
    curve->recall[i] = recall;
    curve->precision[i] = fmaxf(0, precision);
    curve->n++;
}

/* From high recall to low; gaps of more than 0.05 are filled with the precision from their upper end. */
struct walk {
    float recall[N + 32], precision[N + 32];
    int n;
};

static void fill(const struct curve *curve, struct walk *w)
{
    const float step = 0.05f, error = 1e-6f;
    float last = curve->recall[0], most = 0;
    w->n = 0;
    for (int i = curve->n - 1; i >= 0; i--) {
        while (last - curve->recall[i] > step + error) {
            last -= step;
            w->precision[w->n] = most;
            w->recall[w->n++] = last;
        }
        most = fmaxf(most, curve->precision[i]);
        w->precision[w->n] = most;
        w->recall[w->n++] = curve->recall[i];
        last = curve->recall[i];
    }
}

float glint_waymo_average_precision(const float *precision, const float *recall, int32_t n)
{
    struct curve curve = {.recall = {0}, .precision = {1}, .n = 1}; /* recall 0 at precision 1 */
    struct walk w;
    for (int32_t i = 0; i < n && i < N; i++)
        put(&curve, recall[i], precision[i]);
    fill(&curve, &w);
    if (w.n >= 2) /* that first point is not data: it takes its neighbour's precision */
        w.precision[w.n - 1] = w.precision[w.n - 2];
    float area = 0;
    for (int i = 1; i < w.n; i++)
        area = (float)((double)area + 0.5 * (double)(w.recall[i - 1] - w.recall[i]) *
                                          (double)(w.precision[i - 1] + w.precision[i]));
    return area;
}

static float quotient(float above, int64_t below)
{
    return below <= 0 ? 0 : above / (float)below;
}

static void find_ap(const struct shard_sums *s, int level, float *ap_out, float *aph_out)
{
    float precision[N], precision_ha[N], recall[N];
    for (int c = 0; c < N; c++) {
        const int64_t found = s->tp[c] + s->fp[c];
        recall[c] = quotient((float)s->tp[c], s->tp[c] + s->fn[level][c]);
        precision[c] = recall[c] == 0 ? 1 : quotient((float)s->tp[c], found);
        precision_ha[c] = recall[c] == 0 ? 1 : quotient(s->sum_ha[c], found);
    }
    *ap_out = glint_waymo_average_precision(precision, recall, N);
    *aph_out = glint_waymo_average_precision(precision_ha, recall, N);
}

int64_t glint_waymo_detection_examples(const struct glint_waymo_detection *d)
{
    return d->n_examples;
}

int32_t glint_waymo_detection_rows(const struct glint_waymo_detection *d)
{
    return 2 * d->n_shards;
}

void glint_waymo_detection_row(const struct glint_waymo_detection *d, int32_t i,
                               struct glint_waymo_detection_row *row)
{
    const int32_t shard = i / 2, level = i % 2;
    const struct shard_sums *s = &d->sums[shard];
    char name[GLINT_WAYMO_NAME_SIZE];
    int32_t g = 0, first = 0;
    while (shard - first >= glint_waymo_breakdown(d->generators[g])->n_shards)
        first += glint_waymo_breakdown(d->generators[g++])->n_shards;
    glint_waymo_shard_name(d->generators[g], shard - first, name);
    *row = (struct glint_waymo_detection_row){
        .any = s->any, .tp = s->tp, .fp = s->fp, .fn = s->fn[level], .sum_ha = s->sum_ha};
    snprintf(row->name, sizeof row->name, "%s_LEVEL_%d", name, level + 1);
    find_ap(s, level, &row->ap, &row->aph);
}
