/* model/op_classes.c - classes of cells to classes of points: the end of a segmentation network. */
#include "core/status.h"
#include "model/ptv3.h"
#include "model/views.h"
#include <math.h>
#include <string.h>

extern const struct glint_op_info glint_op_row_classes;

/* The largest logit (the lowest class among equals), what it has before the second, and its share in the
 * softmax. */
struct choice {
    int32_t label;
    float gap, share;
};

static struct choice choose(const float *logit, int32_t n)
{
    struct choice c = {0, INFINITY, 1};
    float sum = 0, second = -INFINITY;
    for (int32_t k = 1; k < n; k++)
        if (logit[k] > logit[c.label]) {
            second = logit[c.label];
            c.label = k;
        } else if (logit[k] > second) {
            second = logit[k];
        }
    for (int32_t k = 0; k < n; k++)
        sum += expf(logit[k] - logit[c.label]);
    c.gap = logit[c.label] - second;
    c.share = 1.0f / sum;
    return c;
}

static int32_t classes_of(const struct glint_run *r, const struct glint_layer *layer)
{
    return r->net->values[layer->in[0]].c;
}

static void tap_labels(struct glint_run *r, const struct glint_layer *layer, const struct glint_run_level *l)
{
    const size_t mark = glint_arena_mark(&r->tap_memory);
    const int32_t n = l->level.n, n_classes = classes_of(r, layer);
    const float *logits = glint_run_floats(r, layer->in[0]);
    uint8_t *label = glint_arena_alloc(&r->tap_memory, (size_t)n + 1);
    float *gap = glint_arena_alloc(&r->tap_memory, ((size_t)n + 1) * sizeof *gap);
    for (int64_t i = 0; label && gap && i < n; i++) {
        const struct choice c = choose(logits + i * n_classes, n_classes);
        label[l->place[i]] = (uint8_t)c.label;
        gap[l->place[i]] = c.gap;
    }
    if (label && gap) {
        glint_run_tap(r, "label", GLINT_DTYPE_U8, 1, (const int64_t[]){n}, label);
        glint_run_tap(r, "label_gap", GLINT_DTYPE_F32, 1, (const int64_t[]){n}, gap);
    }
    glint_run_tap(r, "point_label", GLINT_DTYPE_U8, 1, (const int64_t[]){r->frame->points.n},
                  r->frame->point_class);
    glint_arena_reset(&r->tap_memory, mark);
}

/* Logits that are no numbers choose nothing. */
static void set_point(struct glint_frame *frame, int32_t i, struct choice c)
{
    const bool chosen = c.share > 0;
    frame->point_class[i] = chosen ? (uint8_t)c.label : 255;
    frame->point_confidence[i] = chosen ? (uint8_t)(c.share * 255.0f + 0.5f) : 0;
}

/* Rows are chosen once, then given to their points. */
static void give_choices(const struct glint_run *r, const struct glint_layer *layer,
                         const struct glint_run_level *l)
{
    const float *logits = glint_run_floats(r, layer->in[0]);
    const int32_t n_classes = classes_of(r, layer);
    struct choice *of_row = glint_run_bytes(r, layer->out[0]);
    for (int64_t i = 0; i < l->level.n; i++)
        of_row[i] = choose(logits + i * n_classes, n_classes);
    for (int32_t i = 0; i < r->frame->points.n; i++) {
        const int32_t row = l->points.row[i];
        set_point(r->frame, i, row < 0 ? (struct choice){255, 0, 0} : of_row[row]);
    }
}

/* Several views: each adds its softmax to the points' sums, and the largest of all is the class. Views begin
 * with nothing; points without a cell in any view have none. */
static void add_view(const struct glint_views *v, const float *logits, const struct glint_run_level *l,
                     int32_t n_points)
{
    const int32_t n = v->n_classes;
    for (int64_t i = 0; i < n_points; i++) {
        const int32_t row = l->points.row[i];
        const float *logit = logits + (int64_t)(row < 0 ? 0 : row) * n;
        float *sum = v->sum + i * n;
        const struct choice c = row < 0 ? (struct choice){0, 0, 0} : choose(logit, n);
        for (int32_t k = 0; k < n; k++) {
            const float share = row < 0 ? 0.0f : expf(logit[k] - logit[c.label]) * c.share;
            sum[k] = v->at ? sum[k] + share : share;
        }
    }
}

static void choose_of_views(const struct glint_views *v, struct glint_frame *frame)
{
    for (int64_t i = 0; i < frame->points.n; i++) {
        const float *sum = v->sum + i * v->n_classes;
        int32_t best = 0;
        for (int32_t k = 1; k < v->n_classes; k++)
            best = sum[k] > sum[best] ? k : best;
        set_point(frame, (int32_t)i,
                  sum[best] > 0 ? (struct choice){best, 0, sum[best] / (float)v->n}
                                : (struct choice){255, 0, 0});
    }
}

static int row_classes_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_run_level *l = glint_run_get_level(r, layer->in[1]);
    if (r->views) {
        add_view(r->views, glint_run_floats(r, layer->in[0]), l, r->frame->points.n);
        if (r->views->at + 1 == r->views->n)
            choose_of_views(r->views, r->frame);
    } else {
        give_choices(r, layer, l);
    }
    r->frame->has_masks = true;
    if (r->tap)
        tap_labels(r, layer, l);
    return GLINT_OK;
}

const struct glint_op_info glint_op_row_classes = {.name = "row_classes", .run = row_classes_run};
