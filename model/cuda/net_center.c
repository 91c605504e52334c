/* model/cuda/net_center.c - a centre head on a device; see net.h and model/cuda/center.h. */
#include "core/status.h"
#include "model/cuda/net.h"
#include <string.h>

static const struct glint_center_params *params_of(const struct net_layer *l)
{
    return l->layer->params;
}

/* The layer that makes a value. */
static const struct net_layer *maker(const struct glint_device_net *d, int32_t value)
{
    for (int32_t i = 0; i < d->net->n_layers; i++)
        for (int32_t k = 0; k < d->net->layers[i].n_out; k++)
            if (d->net->layers[i].out[k] == value)
                return &d->layers[i];
    return NULL;
}

/* The detections that a layer of suppression made; of a layer of picking its candidates, and behind them
 * those that are decoded. */
static struct glint_cuda_candidates candidates_at(const struct glint_device_net *d, int32_t value,
                                                  bool decoded)
{
    const struct net_layer *by = maker(d, value);
    const int32_t cap = params_of(by)->center.top_k,
                  n_raw = by->layer->op == GLINT_OP_CENTER_PICK ? params_of(by)->n_raw : 0;
    uint8_t *memory = d->values[value].data;
    struct glint_cuda_candidates c;
    glint_cuda_candidates_init(
        &c, memory + (decoded ? net_round(glint_cuda_candidates_bytes(cap, n_raw)) : 0), cap, n_raw);
    return c;
}

/* Least scores lie with the weights: a model's do not change. */

static int least_size(struct glint_device_net *d, struct net_layer *l)
{
    (void)d;
    l->weight_bytes = sizeof(struct glint_cuda_least);
    return GLINT_OK;
}

/* pick: with rectification of what is not known yet. */
static void least_pack(struct glint_device_net *d, struct net_layer *l, uint8_t *host)
{
    const struct glint_center *c = &params_of(l)->center;
    const bool later = l->layer->op == GLINT_OP_CENTER_PICK && c->rectify;
    glint_cuda_least_set(c, later ? -1.0f : d->run->score, (struct glint_cuda_least *)host);
    l->u.center.least = (const struct glint_cuda_least *)l->weights;
}

/* center_gate */

static int gate_size(struct glint_device_net *d, struct net_layer *l)
{
    GLINT_TRY(glint_net_count(d, &l->u.center.count));
    return least_size(d, l);
}

static size_t gate_value(const struct glint_device_net *d, const struct glint_layer *layer, int32_t i)
{
    const struct glint_value *heat = &d->net->values[layer->in[0]];
    return i == 0 ? (size_t)heat->h * (size_t)heat->w * sizeof(struct glint_pixel) : 0;
}

static int gate_run(struct glint_device_net *d, const struct net_layer *l)
{
    return glint_center_gate_cuda(d->work, &params_of(l)->center, &net_in(d, l, 0)->map, l->u.center.least,
                                  net_out(d, l, 0)->data, d->counts + l->u.center.count);
}

/* center_branch: all that read the same map at the same cells */

static const struct glint_center_branch_params *branch_of(const struct net_layer *l)
{
    return l->layer->params;
}

static void describe(const struct glint_device_net *d, struct net_layer *l)
{
    struct glint_cuda_branches *b = &l->u.branches;
    *b = (struct glint_cuda_branches){
        .n_branches = l->n_group, .k = branch_of(l)->first.affine.k, .type = net_in(d, l, 0)->map.type};
    for (int32_t i = 0; i < l->n_group; i++) {
        b->branch[i].n = branch_of(l + i)->last.affine.n;
        b->branch[i].hidden = branch_of(l + i)->first.affine.n;
        b->branch[i].offset = branch_of(l + i)->offset;
    }
}

static int branch_size(struct glint_device_net *d, struct net_layer *l)
{
    describe(d, l);
    for (int32_t i = 0; i < l->n_group; i++)
        l->weight_bytes += net_round(glint_cuda_branch_bytes(&l->u.branches, i));
    return GLINT_OK;
}

static void branch_pack(struct glint_device_net *d, struct net_layer *l, uint8_t *host)
{
    size_t at = 0;
    (void)d;
    for (int32_t i = 0; i < l->n_group; i++) {
        const struct glint_center_branch_params *p = branch_of(l + i);
        glint_cuda_branch_pack(&l->u.branches, i, &p->first.weights, &p->last.weights, host + at);
        glint_cuda_branch_set(&l->u.branches, i, l->weights + at);
        at += net_round(glint_cuda_branch_bytes(&l->u.branches, i));
    }
}

/* The second value, of the last convolution, is there for a gate's cells alone; what lies between stays in
 * the kernel. */
static size_t branch_value(const struct glint_device_net *d, const struct glint_layer *layer, int32_t i)
{
    const struct glint_value *shared = &d->net->values[layer->in[0]];
    const bool gated = maker(d, layer->in[1])->layer->op == GLINT_OP_CENTER_GATE;
    const int32_t n = ((const struct glint_center_branch_params *)layer->params)->last.affine.n;
    return i == 1 && gated ? glint_cuda_map_bytes(shared->h, shared->w, n, GLINT_DTYPE_F32) : 0;
}

/* The map of a branch at a gate's cells: its own value of bytes. */
static struct glint_cuda_map branch_map(const struct glint_device_net *d, const struct net_layer *l)
{
    const struct glint_value *shared = &d->net->values[l->layer->in[0]];
    return glint_cuda_map_of(net_out(d, l, 1)->data, shared->h, shared->w, branch_of(l)->last.affine.n,
                             GLINT_DTYPE_F32);
}

static int branch_run(struct glint_device_net *d, const struct net_layer *l)
{
    const struct glint_cuda_shared shared = glint_net_shared(d, l->layer->in[0]);
    const struct net_layer *by = maker(d, l->layer->in[1]);
    if (by->layer->op == GLINT_OP_CENTER_GATE) { /* one at a time: to a map of its own */
        for (int32_t i = 0; i < l->n_group; i++) {
            struct glint_cuda_branches one = l->u.branches;
            one.n_branches = 1;
            one.branch[0] = l->u.branches.branch[i];
            one.branch[0].offset = 0;
            const struct glint_cuda_branch_cells at = {.cells = net_in(d, l, 1)->data,
                                                       .n = d->counts + by->u.center.count,
                                                       .cap = shared.map.h * shared.map.w,
                                                       .map = branch_map(d, l + i)};
            GLINT_TRY(glint_center_branches_cuda(d->work, &one, &shared, &at));
        }
        return GLINT_OK;
    }
    const struct glint_cuda_candidates c = candidates_at(d, l->layer->in[1], false);
    const struct glint_cuda_branch_cells at = {
        .candidate_cells = c.cell, .n = c.n, .cap = c.cap, .rows = c.raw, .row_stride = c.n_raw};
    return glint_center_branches_cuda(d->work, &l->u.branches, &shared, &at);
}

/* center_pick */

static int pick_size(struct glint_device_net *d, struct net_layer *l)
{
    const struct glint_center_params *p = params_of(l);
    const struct glint_value *heat = &d->net->values[l->layer->in[p->input[GLINT_CENTER_HEATMAP]]];
    l->scratch_bytes =
        glint_center_pick_work_bytes_cuda(heat->h, heat->w, p->center.n_classes, p->center.top_k);
    return least_size(d, l);
}

static size_t pick_value(const struct glint_device_net *d, const struct glint_layer *layer, int32_t i)
{
    const struct glint_center_params *p = layer->params;
    (void)d;
    return i == 0 ? 2 * net_round(glint_cuda_candidates_bytes(p->center.top_k, p->n_raw)) : 0;
}

static int pick_run(struct glint_device_net *d, const struct net_layer *l)
{
    const struct glint_center_params *p = params_of(l);
    struct glint_cuda_map maps[GLINT_CENTER_BRANCHES] = {0};
    struct glint_cuda_candidates c = candidates_at(d, l->layer->out[0], false);
    for (int i = 0; i < GLINT_CENTER_BRANCHES; i++) {
        if (p->input[i] < 0)
            continue;
        const int32_t value = l->layer->in[p->input[i]];
        maps[i] = d->net->values[value].kind == GLINT_VALUE_MAP ? d->values[value].map
                                                                : branch_map(d, maker(d, value));
    }
    return glint_center_pick_cuda(d->work, &p->center, maps, l->u.center.least, l->scratch, &c);
}

/* center_decode */

static int decode_run(struct glint_device_net *d, const struct net_layer *l)
{
    const struct glint_cuda_candidates in = candidates_at(d, l->layer->in[0], false);
    struct glint_cuda_candidates out = candidates_at(d, l->layer->in[0], true);
    return glint_center_boxes_cuda(d->work, &params_of(l)->center, l->u.center.least, &in, &out);
}

static void copy_candidates(const struct glint_candidates *from, struct glint_candidates *to)
{
    const size_t n = (size_t)from->n;
    to->n = from->n;
    memcpy(to->box, from->box, n * GLINT_CENTER_BOX * sizeof *to->box);
    memcpy(to->score, from->score, n * sizeof *to->score);
    memcpy(to->label, from->label, n * sizeof *to->label);
    memcpy(to->cell, from->cell, 2 * n * sizeof *to->cell);
    memcpy(to->raw, from->raw, n * (size_t)to->n_raw * sizeof *to->raw);
    memcpy(to->source, from->source, n * sizeof *to->source);
}

/* A copy that the device made, of so many at most, to what the host has of it. */
static void take_candidates(void *copy, struct glint_candidates *to)
{
    struct glint_candidates view;
    glint_cuda_candidates_view(&view, copy, to->cap, to->n_raw);
    view.n = view.n < 0 ? 0 : view.n < to->cap ? view.n : to->cap;
    copy_candidates(&view, to);
}

/* Of keep_stages only: allocates. */
static int fetch_candidates(struct glint_device_net *d, const struct glint_cuda_candidates *from,
                            struct glint_candidates *to)
{
    const size_t bytes = glint_cuda_candidates_bytes(to->cap, to->n_raw);
    struct glint_arena copy;
    GLINT_TRY(glint_arena_init(&copy, bytes));
    int status = glint_stream_download(d->work, copy.base, from->n, bytes);
    if (status == GLINT_OK)
        status = glint_stream_wait(d->work);
    if (status == GLINT_OK)
        take_candidates(copy.base, to);
    glint_arena_fini(&copy);
    return status;
}

static int decode_fetch(struct glint_device_net *d, const struct net_layer *l)
{
    const struct glint_layer *pick = maker(d, l->layer->in[0])->layer;
    const struct glint_cuda_candidates from = candidates_at(d, l->layer->in[0], true);
    return fetch_candidates(d, &from, glint_center_candidates(d->run, pick));
}

/* center_nms, center_join: what leaves the device */

static void is_result(struct glint_device_net *d, const struct net_layer *l)
{
    if (params_of(l)->one_of_several)
        return;
    d->boxes = l;
    d->boxes_value = l->layer->out[0];
    d->boxes_bytes = glint_cuda_candidates_bytes(params_of(l)->center.top_k, 0);
}

static int nms_size(struct glint_device_net *d, struct net_layer *l)
{
    const struct glint_center *c = &params_of(l)->center;
    if (c->top_k > GLINT_CUDA_NMS_CAP)
        return glint_fail(GLINT_E_UNSUPPORTED, "%s: suppression of %d boxes; on a device of %d at most",
                          l->layer->name, c->top_k, GLINT_CUDA_NMS_CAP);
    l->scratch_bytes = glint_center_nms_work_bytes_cuda(c->top_k);
    is_result(d, l);
    return GLINT_OK;
}

static size_t nms_value(const struct glint_device_net *d, const struct glint_layer *layer, int32_t i)
{
    (void)d;
    return i == 0 ? glint_cuda_candidates_bytes(
                        ((const struct glint_center_params *)layer->params)->center.top_k, 0)
                  : 0;
}

static int nms_run(struct glint_device_net *d, const struct net_layer *l)
{
    const struct glint_cuda_candidates in = candidates_at(d, l->layer->in[0], true);
    struct glint_cuda_candidates out = candidates_at(d, l->layer->out[0], false);
    return glint_center_nms_cuda(d->work, &params_of(l)->center, &in, l->scratch, &out);
}

/* For a tap, whose values have used the run's memory since the boxes came. */
static int nms_fetch(struct glint_device_net *d, const struct net_layer *l)
{
    const struct glint_cuda_candidates from = candidates_at(d, l->layer->out[0], false);
    return fetch_candidates(d, &from, glint_center_detections(d->run, l->layer));
}

static int join_size(struct glint_device_net *d, struct net_layer *l)
{
    is_result(d, l);
    return GLINT_OK;
}

static int join_run(struct glint_device_net *d, const struct net_layer *l)
{
    struct glint_cuda_candidates heads[GLINT_CENTER_HEADS], out = candidates_at(d, l->layer->out[0], false);
    for (int32_t i = 0; i < l->layer->n_in; i++)
        heads[i] = candidates_at(d, l->layer->in[i], false);
    return glint_center_join_cuda(d->work, heads, l->layer->n_in, params_of(l)->first_label, &out);
}

static void nms_take(struct glint_device_net *d, void *copy, const int32_t *counts)
{
    (void)counts;
    take_candidates(copy, glint_center_detections(d->run, d->boxes->layer));
    glint_op_get(d->boxes->layer->op)->publish(d->run, d->boxes->layer);
}

const struct net_op glint_net_center_gate = {
    .there = true, .size = gate_size, .pack = least_pack, .value = gate_value, .run = gate_run};
const struct net_op glint_net_center_branch = {
    .there = true, .size = branch_size, .pack = branch_pack, .value = branch_value, .run = branch_run};
const struct net_op glint_net_center_pick = {
    .there = true, .size = pick_size, .pack = least_pack, .value = pick_value, .run = pick_run};
const struct net_op glint_net_center_decode = {
    .there = true, .size = least_size, .pack = least_pack, .run = decode_run, .fetch = decode_fetch};
const struct net_op glint_net_center_nms = {.there = true,
                                            .size = nms_size,
                                            .value = nms_value,
                                            .run = nms_run,
                                            .fetch = nms_fetch,
                                            .take = nms_take};
const struct net_op glint_net_center_join = {.there = true,
                                             .size = join_size,
                                             .value = nms_value,
                                             .run = join_run,
                                             .fetch = nms_fetch,
                                             .take = nms_take};
