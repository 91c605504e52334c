/* tests/golden_boxes.c - see golden_flatformer.h: decoded and kept boxes as a set, by class and cell. */
#include "tests/golden_flatformer.h"
#include <math.h>

static void *copy(const struct glint_tensor *t)
{
    const size_t bytes = (size_t)glint_tensor_elements(t) * 4;
    void *data = malloc(bytes + 4);
    if (data)
        memcpy(data, t->data, bytes);
    return data;
}

void golden_keep_boxes(struct boxes *b, const char *part, const struct glint_tensor *t)
{
    b->n = (int32_t)t->shape[0];
    if (!strcmp(part, "boxes"))
        b->box = copy(t);
    else if (!strcmp(part, "scores"))
        b->score = copy(t);
    else if (!strcmp(part, "labels"))
        b->label = copy(t);
    else if (!strcmp(part, "cells"))
        b->cell = copy(t);
    else if (!strcmp(part, "raw"))
        b->raw = copy(t);
    else if (!strcmp(part, "src"))
        b->source = copy(t);
}

void golden_free_boxes(struct boxes *b)
{
    free(b->box);
    free(b->score);
    free(b->raw);
    free(b->label);
    free(b->cell);
    free(b->source);
}

static bool same_box(const float *got, const float *want)
{
    for (int k = 0; k < 9; k++) {
        const double turn =
            k == 6 ? remainder((double)got[k] - want[k], 6.283185307179586) : got[k] - (double)want[k];
        if (!(fabs(turn) <= (k == 6 ? 2e-3 : 1e-3)))
            return false;
    }
    return true;
}

static struct boxes file_boxes(struct check *c, const char *prefix)
{
    char stem[64];
    snprintf(stem, sizeof stem, "%s%s", c->map_prefix, prefix);
    const struct glint_tensor *box = golden_find(c, stem, "boxes", ""),
                              *score = golden_find(c, stem, "scores", "");
    const struct glint_tensor *label = golden_find(c, stem, "labels", ""),
                              *cell = golden_find(c, stem, "cells", "");
    const struct glint_tensor *raw = golden_find(c, stem, "raw", ""),
                              *source = golden_find(c, stem, "src", "");
    return (struct boxes){.n = box ? (int32_t)box->shape[0] : -1,
                          .box = box ? (float *)(uintptr_t)box->data : NULL,
                          .score = score ? (float *)(uintptr_t)score->data : NULL,
                          .label = label ? (int32_t *)(uintptr_t)label->data : NULL,
                          .cell = cell ? (int32_t *)(uintptr_t)cell->data : NULL,
                          .raw = raw ? (float *)(uintptr_t)raw->data : NULL,
                          .source = source ? (int32_t *)(uintptr_t)source->data : NULL};
}

/* The cell of box i: its own, or that of the decoded box it comes from. */
static const int32_t *cell_of(const struct boxes *b, const struct boxes *dec, int32_t i)
{
    return b->cell ? b->cell + 2 * i : dec->cell + 2 * b->source[i];
}

static bool same_raw(const float *got, const float *want)
{
    struct norm n = {0};
    for (int k = 0; k < 14; k++)
        golden_add_pair(&n, got[k], want[k]);
    return golden_relative(n) <= 1e-4;
}

/* The same set by class and cell, each box and score within tolerance. */
static void compare_boxes(struct check *c, const char *name, const struct boxes *got,
                          const struct boxes *got_dec, const struct boxes *want, const struct boxes *want_dec)
{
    int32_t missing = 0, different = 0;
    for (int32_t i = 0; i < want->n; i++) {
        const int32_t *cell = cell_of(want, want_dec, i);
        int32_t k = 0;
        while (k < got->n && (got->label[k] != want->label[i] || memcmp(cell_of(got, got_dec, k), cell, 8)))
            k++;
        missing += k == got->n;
        if (k < got->n)
            different += !same_box(got->box + 9 * k, want->box + 9 * i) ||
                         !(fabs((double)got->score[k] - want->score[i]) <= 1e-5) ||
                         (want->raw && !same_raw(got->raw + 14 * k, want->raw + 14 * i));
    }
    if (missing || different || got->n != want->n)
        print_error("%s: %s: %d boxes of %d, %d missing, %d different\n", c->title, name, got->n, want->n,
                    missing, different);
    golden_expect_equal(c, name, !missing && !different && got->n == want->n);
}

/* One and the same object, as far as a rounded network can tell. */
static bool alike(const struct boxes *a, int32_t i, const struct boxes *b, int32_t k)
{
    bool near = a->label[i] == b->label[k] && fabs((double)a->score[i] - b->score[k]) <= 0.02;
    for (int j = 0; near && j < 6; j++)
        near = fabs((double)a->box[9 * i + j] - b->box[9 * k + j]) <= 0.05;
    return near;
}

void golden_match_detections(struct check *c)
{
    const struct boxes want = file_boxes(c, "det.");
    bool taken[CAP_BOXES] = {false};
    int32_t found = 0;
    for (int32_t i = 0; i < want.n; i++)
        for (int32_t k = 0; k < c->det.n; k++)
            if (!taken[k] && alike(&want, i, &c->det, k)) {
                taken[k] = true;
                found++;
                break;
            }
    const int32_t most = want.n > c->det.n ? want.n : c->det.n;
    print_message("%-34s %d of %d detections, %d expected\n", c->title, found, c->det.n, want.n);
    if (!(found >= golden_tolerances[c->precision].found * most))
        golden_wrong(c, "det: share that is not found", 1 - (double)found / most,
                     1 - golden_tolerances[c->precision].found);
}

void golden_compare_detections(struct check *c)
{
    const struct boxes dec = file_boxes(c, "dec."), det = file_boxes(c, "det.");
    for (int32_t i = 1; i < c->dec.n; i++)
        if (c->dec.score[i] > c->dec.score[i - 1])
            golden_wrong(c, "dec.scores: not descending", 0, 0);
    compare_boxes(c, "dec", &c->dec, NULL, &dec, NULL);
    compare_boxes(c, "det", &c->det, &c->dec, &det, &dec);
}

void golden_compare_published(struct check *c, const struct glint_frame *frame)
{
    bool equal = frame->n_boxes == c->det.n;
    for (int32_t i = 0; equal && i < c->det.n; i++) {
        const float *d = c->det.box + 9 * i;
        const struct glint_box *b = &frame->boxes[i];
        const double turn = remainder(b->yaw - (-(double)d[6] - 1.5707963267948966), 6.283185307179586);
        equal = b->center[0] == d[0] && fabs((double)b->center[2] - b->size[2] / 2 - d[2]) < 1e-5 &&
                b->size[0] == d[4] && b->size[1] == d[3] && b->size[2] == d[5] && fabs(turn) < 1e-5 &&
                b->label == c->det.label[i] && b->score == c->det.score[i] && b->velocity[1] == d[8];
    }
    golden_expect_equal(c, "published boxes", equal);
}

static bool near(const struct glint_box *p, const struct glint_box *q)
{
    bool is = p->label == q->label && fabsf(p->score - q->score) <= 1e-5f &&
              fabs(remainder(p->yaw - q->yaw, 6.283185307179586)) <= 2e-3;
    for (int k = 0; is && k < 3; k++)
        is = fabsf(p->center[k] - q->center[k]) <= 1e-3f &&
             fabsf(p->size[k] - q->size[k]) <= 1e-3f * (1.0f + q->size[k]);
    return is;
}

bool golden_same_boxes(const struct glint_box *boxes, const struct glint_frame *frame, int32_t n)
{
    bool same = frame->n_boxes == n;
    for (int32_t i = 0; same && i < n; i++) {
        int32_t k = 0;
        while (k < n && !near(&boxes[i], &frame->boxes[k]))
            k++;
        same = k < n;
    }
    return same;
}

static bool looks_alike(const struct glint_box *p, const struct glint_box *q)
{
    bool is = p->label == q->label && fabsf(p->score - q->score) <= 0.02f;
    for (int k = 0; is && k < 3; k++)
        is = fabsf(p->center[k] - q->center[k]) <= 0.05f && fabsf(p->size[k] - q->size[k]) <= 0.05f;
    return is;
}

bool golden_much_the_same_boxes(const struct glint_box *boxes, const struct glint_frame *frame, int32_t n,
                                double share)
{
    bool taken[CAP_BOXES] = {false};
    int32_t found = 0;
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < frame->n_boxes; k++)
            if (!taken[k] && looks_alike(&boxes[i], &frame->boxes[k])) {
                taken[k] = true;
                found++;
                break;
            }
    return found >= share * (n > frame->n_boxes ? n : frame->n_boxes);
}
