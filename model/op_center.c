/* model/op_center.c - the layers of a centre head: decode and suppression (head_center.h), then the frame's
 * boxes. */
#include "core/status.h"
#include "model/head_center.h"
#include "model/run.h"
#include <stdio.h>
#include <string.h>

extern const struct glint_op_info glint_op_center_decode, glint_op_center_nms;

struct center_params { /* of both layers */
    struct glint_center center;
    int32_t input[GLINT_CENTER_BRANCHES]; /* place of the branch's map among the inputs, -1: none */
    int32_t n_raw;
};

/* Candidates in a value: the struct itself, then its arrays. */

static size_t value_bytes(int32_t cap, int32_t n_raw)
{
    return glint_arena_round(sizeof(struct glint_candidates)) + glint_candidates_bytes(cap, n_raw);
}

static struct glint_candidates *new_candidates(const struct glint_run *r, int32_t value, int32_t cap,
                                               int32_t n_raw)
{
    uint8_t *memory = glint_run_bytes(r, value);
    struct glint_candidates *c = (struct glint_candidates *)memory;
    glint_candidates_init(c, memory + glint_arena_round(sizeof *c), cap, n_raw);
    return c;
}

void glint_build_center(struct glint_build *b, const struct glint_center *center,
                        const int32_t maps[GLINT_CENTER_BRANCHES])
{
    struct glint_layer *decode = glint_build_layer(b, GLINT_OP_CENTER_DECODE, GLINT_STAGE_HEAD, "decode");
    struct center_params *p = decode->params;
    p->center = *center;
    for (unsigned i = 0; i < GLINT_CENTER_BRANCHES; i++) {
        p->input[i] = maps[i] < 0 ? -1 : decode->n_in;
        p->n_raw += glint_center_branch_channels(i, center->n_classes);
        if (maps[i] >= 0)
            glint_build_in(b, decode, maps[i]);
    }
    const int32_t candidates = glint_build_bytes(b, value_bytes(center->top_k, p->n_raw));
    glint_build_out(b, decode, candidates);
    struct glint_layer *nms = glint_build_layer(b, GLINT_OP_CENTER_NMS, GLINT_STAGE_NMS, "suppression");
    ((struct center_params *)nms->params)->center = *center;
    glint_build_in(b, nms, candidates);
    glint_build_out(b, nms, glint_build_bytes(b, value_bytes(center->top_k, 0)));
    glint_build_out(b, nms, glint_build_bytes(b, glint_center_work_bytes(center->top_k)));
}

/* center_decode */

static void tap_decoded(struct glint_run *r, const struct glint_candidates *c)
{
    glint_run_tap(r, "dec.boxes", GLINT_DTYPE_F32, 2, (const int64_t[]){c->n, GLINT_CENTER_BOX}, c->box);
    glint_run_tap(r, "dec.scores", GLINT_DTYPE_F32, 1, (const int64_t[]){c->n}, c->score);
    glint_run_tap(r, "dec.labels", GLINT_DTYPE_I32, 1, (const int64_t[]){c->n}, c->label);
    glint_run_tap(r, "dec.cells", GLINT_DTYPE_I32, 2, (const int64_t[]){c->n, 2}, c->cell);
    glint_run_tap(r, "dec.raw", GLINT_DTYPE_F32, 2, (const int64_t[]){c->n, c->n_raw}, c->raw);
}

static int center_decode_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct center_params *p = layer->params;
    struct glint_candidates *c = new_candidates(r, layer->out[0], p->center.top_k, p->n_raw);
    struct glint_map map[GLINT_CENTER_BRANCHES];
    const struct glint_map *maps[GLINT_CENTER_BRANCHES] = {0};
    for (unsigned i = 0; i < GLINT_CENTER_BRANCHES; i++)
        if (p->input[i] >= 0) {
            map[i] = glint_run_map(r, layer->in[p->input[i]]);
            maps[i] = &map[i];
        }
    glint_center_decode(&p->center, maps, r->score, c);
    if (r->tap)
        tap_decoded(r, c);
    return GLINT_OK;
}

static void center_decode_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_center *c = &((const struct center_params *)layer->params)->center;
    snprintf(text, size, "%d classes, best %d, score from %g", c->n_classes, c->top_k, (double)c->score[0]);
}

const struct glint_op_info glint_op_center_decode = {
    .name = "center_decode",
    .params_size = sizeof(struct center_params),
    .run = center_decode_run,
    .text = center_decode_text,
};

/* center_nms */

/* The golden files have a box's lower face instead of its centre. */
static void tap_detections(struct glint_run *r, struct glint_candidates *d)
{
    for (int32_t i = 0; i < d->n; i++)
        d->box[i * GLINT_CENTER_BOX + 2] -= d->box[i * GLINT_CENTER_BOX + 5] / 2;
    glint_run_tap(r, "det.boxes", GLINT_DTYPE_F32, 2, (const int64_t[]){d->n, GLINT_CENTER_BOX}, d->box);
    glint_run_tap(r, "det.scores", GLINT_DTYPE_F32, 1, (const int64_t[]){d->n}, d->score);
    glint_run_tap(r, "det.labels", GLINT_DTYPE_I32, 1, (const int64_t[]){d->n}, d->label);
    glint_run_tap(r, "det.src", GLINT_DTYPE_I32, 1, (const int64_t[]){d->n}, d->source);
}

/* How many detections come before detection i in score. */
static int32_t rank(const struct glint_candidates *d, int32_t i)
{
    int32_t before = 0;
    for (int32_t k = 0; k < d->n; k++)
        before += d->score[k] > d->score[i] || (d->score[k] == d->score[i] && k < i);
    return before;
}

static void publish(const struct glint_candidates *d, struct glint_frame *frame)
{
    frame->n_boxes = 0;
    for (int32_t i = 0; i < d->n; i++)
        if (d->n <= frame->cap_boxes || rank(d, i) < frame->cap_boxes)
            glint_center_box(d->box + (size_t)i * GLINT_CENTER_BOX, d->score[i], d->label[i],
                             &frame->boxes[frame->n_boxes++]);
}

static int center_nms_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_center *center = &((const struct center_params *)layer->params)->center;
    const struct glint_candidates *c = glint_run_bytes(r, layer->in[0]);
    struct glint_candidates *d = new_candidates(r, layer->out[0], center->top_k, 0);
    struct glint_center_work work;
    glint_center_work_init(&work, glint_run_bytes(r, layer->out[1]), center->top_k);
    glint_center_nms(center, c, &work, d);
    publish(d, r->frame);
    if (r->tap)
        tap_detections(r, d);
    return GLINT_OK;
}

static void center_nms_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_center *c = &((const struct center_params *)layer->params)->center;
    size_t used = (size_t)snprintf(text, size, "rotated IoU");
    for (int32_t k = 0; k < c->n_classes && used < size; k++)
        used += (size_t)snprintf(text + used, size - used, " %g", (double)c->nms_iou[k]);
}

const struct glint_op_info glint_op_center_nms = {
    .name = "center_nms",
    .params_size = sizeof(struct center_params),
    .run = center_nms_run,
    .text = center_nms_text,
};
