/* model/cuda/net_flatpoint.c - peaks, boxes and classes of points of "flatpoint" on a device; see net.h. */
#include "core/status.h"
#include "model/cuda/net.h"
#include "model/flatpoint.h"
#include <math.h>
#include <string.h>

/* patch_merge: tokens are floats, and so are its products. */

static int merge_size(struct glint_device_net *d, struct net_layer *l)
{
    const struct glint_patch_merge_params *p = l->layer->params;
    const struct glint_value *out = &d->net->values[l->layer->out[0]];
    l->u.merge =
        (struct glint_cuda_patch_merge){.stride = p->merge.stride,
                                        .row_axis = p->merge.row_axis,
                                        .linear = {.kernel = 1,
                                                   .stride = 1,
                                                   .dilation = 1,
                                                   .scale = 1,
                                                   .k = p->merge.stride * p->merge.stride * p->affine.k,
                                                   .n = p->affine.n,
                                                   .type = GLINT_DTYPE_F32,
                                                   .act = GLINT_ACT_RELU}};
    l->weight_bytes = glint_cuda_conv_bytes(&l->u.merge.linear);
    l->scratch_bytes = glint_patch_merge_work_bytes_cuda(out->h, out->w, p->merge.stride);
    return GLINT_OK;
}

static void merge_pack(struct glint_device_net *d, struct net_layer *l, uint8_t *host)
{
    (void)d;
    glint_cuda_conv_pack(&l->u.merge.linear,
                         &((const struct glint_patch_merge_params *)l->layer->params)->merge.w, host);
    glint_cuda_conv_set(&l->u.merge.linear, l->weights);
}

static int merge_run(struct glint_device_net *d, const struct net_layer *l)
{
    return glint_patch_merge_cuda(d->work, &l->u.merge, net_in(d, l, 0)->data, GLINT_DTYPE_F32,
                                  d->voxels.coord, d->voxels.count + GLINT_VOXELS_N, d->most_voxels,
                                  &net_out(d, l, 0)->map, l->scratch);
}

/* No pillars: there are none yet when a model opens, as the counts are 0. */
static int merge_empty(struct glint_device_net *d, const struct net_layer *l,
                       const struct glint_cuda_map *out)
{
    return glint_patch_merge_cuda(d->work, &l->u.merge, net_in(d, l, 0)->data, GLINT_DTYPE_F32,
                                  d->voxels.coord, d->voxels.count + GLINT_VOXELS_N, d->net->cap_voxels, out,
                                  l->scratch);
}

/* What the value of PEAK_HEAD is made of, in device memory or a copy of it; its bytes. */
struct found {
    struct glint_box *boxes;
    int32_t *keep;
    struct glint_peak *peaks;
    float *values;
};

static size_t carve_found(int32_t max_peaks, uint8_t *memory, struct found *out)
{
    const size_t n = (size_t)max_peaks, boxes = net_round(n * sizeof(struct glint_box)),
                 keep = net_round(n * sizeof(int32_t)), peaks = net_round(n * sizeof(struct glint_peak)),
                 values = net_round(n * GLINT_PATCH_OUTPUTS * sizeof(float));
    if (memory)
        *out = (struct found){(struct glint_box *)memory, (int32_t *)(memory + boxes),
                              (struct glint_peak *)(memory + boxes + keep),
                              (float *)(memory + boxes + keep + peaks)};
    return boxes + keep + peaks + values;
}

static struct glint_cuda_conv linear(const struct glint_affine *a, enum glint_dtype type, enum glint_act act)
{
    return (struct glint_cuda_conv){
        .kernel = 1, .stride = 1, .dilation = 1, .scale = 1, .k = a->k, .n = a->n, .type = type, .act = act};
}

/* Several linear maps, one after another. */
static size_t linear_bytes(struct glint_cuda_conv *const *maps, int32_t n)
{
    size_t bytes = 0;
    for (int32_t i = 0; i < n; i++)
        bytes += net_round(glint_cuda_conv_bytes(maps[i]));
    return bytes;
}

static size_t pack_linear(struct glint_cuda_conv *const *maps, const struct glint_weights *const *weights,
                          int32_t n, const uint8_t *device, uint8_t *host)
{
    size_t at = 0;
    for (int32_t i = 0; i < n; i++) {
        glint_cuda_conv_pack(maps[i], weights[i], host + at);
        glint_cuda_conv_set(maps[i], device + at);
        at += net_round(glint_cuda_conv_bytes(maps[i]));
    }
    return at;
}

/* peak_head: products of floats, whatever the map has */

static const struct glint_peak_head_params *peaks_of(const struct net_layer *l)
{
    return l->layer->params;
}

static int peaks_size(struct glint_device_net *d, struct net_layer *l)
{
    const struct glint_peak_head_params *p = peaks_of(l);
    const struct glint_value *heat = &d->net->values[l->layer->in[0]];
    struct glint_cuda_head_patch *h = &l->u.peaks.head;
    h->patch = p->head.patch;
    h->row_axis = p->head.row_axis;
    h->cell_m = p->head.cell_m;
    memcpy(h->origin_m, p->head.origin_m, sizeof h->origin_m);
    h->l1 = linear(&p->l1, GLINT_DTYPE_F32, GLINT_ACT_RELU);
    h->l2 = linear(&p->l2, GLINT_DTYPE_F32, GLINT_ACT_RELU);
    h->l3 = linear(&p->l3, GLINT_DTYPE_F32, GLINT_ACT_NONE);
    l->weight_bytes = linear_bytes((struct glint_cuda_conv *const[]){&h->l1, &h->l2, &h->l3}, 3) +
                      net_round(GLINT_CLASSES_MAX * sizeof(float));
    const size_t peaks = glint_peaks_work_bytes_cuda(heat->h, heat->w, heat->c, p->max_peaks),
                 patch = glint_head_patch_work_bytes_cuda(h, p->max_peaks);
    l->scratch_bytes = peaks > patch ? peaks : patch;
    GLINT_TRY(glint_net_count(d, &l->u.peaks.n_peaks));
    return glint_net_count(d, &l->u.peaks.n_boxes);
}

static void peaks_pack(struct glint_device_net *d, struct net_layer *l, uint8_t *host)
{
    const struct glint_peak_head_params *p = peaks_of(l);
    struct glint_cuda_head_patch *h = &l->u.peaks.head;
    const size_t at = pack_linear(
        (struct glint_cuda_conv *const[]){&h->l1, &h->l2, &h->l3},
        (const struct glint_weights *const[]){&p->head.l1, &p->head.l2, &p->head.l3}, 3, l->weights, host);
    for (int32_t k = 0; k < d->run->config->n_classes; k++)
        ((float *)(host + at))[k] = d->run->score >= 0 ? d->run->score : p->score[k];
    l->u.peaks.least = (const float *)(l->weights + at);
}

static size_t peaks_value(const struct glint_device_net *d, const struct glint_layer *layer, int32_t i)
{
    (void)d;
    (void)i;
    return carve_found(((const struct glint_peak_head_params *)layer->params)->max_peaks, NULL, NULL);
}

static int peaks_run(struct glint_device_net *d, const struct net_layer *l)
{
    const struct glint_peak_head_params *p = peaks_of(l);
    const struct glint_peaks_rule rule = {.max_peaks = p->max_peaks, .local_max = true};
    struct found f = {0};
    int32_t *n = d->counts + l->u.peaks.n_peaks;
    carve_found(p->max_peaks, net_out(d, l, 0)->data, &f);
    GLINT_TRY(glint_peaks_cuda(d->work, &net_in(d, l, 0)->map, NULL, &rule, l->u.peaks.least, l->scratch,
                               f.peaks, n));
    return glint_head_patch_cuda(d->work, &l->u.peaks.head, &net_in(d, l, 1)->map, f.peaks, n, p->max_peaks,
                                 l->scratch, f.values, f.boxes, d->counts + l->u.peaks.n_boxes);
}

/* distance_nms: which boxes are kept; the host takes as many of them as the frame has room for */

static const struct net_layer *peaks_before(const struct glint_device_net *d, const struct net_layer *l)
{
    while (l->layer->op != GLINT_OP_PEAK_HEAD && l > d->layers)
        l--;
    return l;
}

static int distance_size(struct glint_device_net *d, struct net_layer *l)
{
    const int32_t n = d->run->config->n_classes;
    l->weight_bytes = (size_t)n * (size_t)n * sizeof(float);
    l->scratch_bytes = glint_nms_work_bytes_cuda(peaks_of(l)->max_peaks);
    d->boxes = l;
    d->boxes_value = l->layer->in[0];
    d->boxes_bytes = carve_found(peaks_of(l)->max_peaks, NULL, NULL);
    return glint_net_count(d, &l->u.peaks.n_keep);
}

static void distance_pack(struct glint_device_net *d, struct net_layer *l, uint8_t *host)
{
    const struct glint_peak_head_params *p = peaks_of(l);
    const int32_t n = d->run->config->n_classes;
    float *matrix = (float *)host;
    for (int32_t a = 0; a < n; a++)
        for (int32_t b = 0; b < n; b++)
            matrix[a * n + b] =
                p->class_group[a] == p->class_group[b] ? fmaxf(p->distance_m[a], p->distance_m[b]) : 0.0f;
    l->u.peaks.distance = (const float *)l->weights;
}

static int distance_run(struct glint_device_net *d, const struct net_layer *l)
{
    const int32_t most = peaks_of(l)->max_peaks;
    struct found f = {0};
    carve_found(most, net_in(d, l, 0)->data, &f);
    return glint_nms_distance_cuda(d->work, f.boxes, NULL, d->counts + peaks_before(d, l)->u.peaks.n_boxes,
                                   most, l->u.peaks.distance, d->run->config->n_classes, most, f.keep,
                                   d->counts + l->u.peaks.n_keep, l->scratch);
}

static void distance_take(struct glint_device_net *d, void *copy, const int32_t *counts)
{
    const struct net_layer *l = d->boxes;
    struct glint_frame *frame = d->run->frame;
    struct found f = {0};
    const int32_t most = peaks_of(l)->max_peaks;
    carve_found(most, copy, &f);
    int32_t n = counts[l->u.peaks.n_keep];
    n = n < 0 ? 0 : n < most ? n : most;
    frame->n_boxes = n < frame->cap_boxes ? n : frame->cap_boxes;
    for (int32_t i = 0; i < frame->n_boxes; i++)
        if (f.keep[i] >= 0 && f.keep[i] < most)
            frame->boxes[i] = f.boxes[f.keep[i]];
}

/* point_head: features and tokens are floats, and so are its products; the map has its own type */

static int points_size(struct glint_device_net *d, struct net_layer *l)
{
    const struct glint_point_head_params *p = l->layer->params;
    struct glint_cuda_head_points *h = &l->u.points;
    h->stride = p->head.stride;
    h->row_axis = p->head.row_axis;
    h->point = linear(&p->point, GLINT_DTYPE_F32, GLINT_ACT_NONE);
    h->token = linear(&p->token, GLINT_DTYPE_F32, GLINT_ACT_NONE);
    h->cell = linear(&p->cell, GLINT_DTYPE_F32, GLINT_ACT_NONE);
    h->out = linear(&p->out, GLINT_DTYPE_F32, GLINT_ACT_NONE);
    l->weight_bytes =
        linear_bytes((struct glint_cuda_conv *const[]){&h->point, &h->token, &h->cell, &h->out}, 4);
    l->scratch_bytes = glint_head_points_work_bytes_cuda(h, d->net->cap_points, d->net->cap_voxels);
    return GLINT_OK;
}

static void points_pack(struct glint_device_net *d, struct net_layer *l, uint8_t *host)
{
    const struct glint_head_points *p = &((const struct glint_point_head_params *)l->layer->params)->head;
    struct glint_cuda_head_points *h = &l->u.points;
    (void)d;
    pack_linear((struct glint_cuda_conv *const[]){&h->point, &h->token, &h->cell, &h->out},
                (const struct glint_weights *const[]){&p->point, &p->token, &p->cell, &p->out}, 4, l->weights,
                host);
}

static int points_run(struct glint_device_net *d, const struct net_layer *l)
{
    const struct glint_voxels_cuda *v = &d->voxels;
    const struct glint_cuda_point_rows rows = {.n_points = v->count + GLINT_VOXELS_POINTS,
                                               .n_voxels = v->count + GLINT_VOXELS_N,
                                               .cap_points = d->most_points,
                                               .cap_voxels = d->most_voxels,
                                               .point = v->point,
                                               .start = v->start,
                                               .coord = v->coord,
                                               .features = net_in(d, l, 0)->data,
                                               .tokens = net_in(d, l, 1)->data,
                                               .feature_type = GLINT_DTYPE_F32,
                                               .token_type = GLINT_DTYPE_F32};
    uint8_t *confidence = d->masks + net_round((size_t)d->net->cap_points);
    return glint_head_points_cuda(d->work, &l->u.points, &rows, &net_in(d, l, 2)->map, l->scratch, d->masks,
                                  confidence, d->most_points,
                                  l->layer->n_out > 1 ? net_out(d, l, 1)->data : NULL);
}

const struct net_op glint_net_patch_merge = {
    .there = true, .size = merge_size, .pack = merge_pack, .run = merge_run, .empty = merge_empty};
const struct net_op glint_net_peak_head = {
    .there = true, .size = peaks_size, .pack = peaks_pack, .value = peaks_value, .run = peaks_run};
const struct net_op glint_net_distance_nms = {
    .there = true, .size = distance_size, .pack = distance_pack, .run = distance_run, .take = distance_take};
const struct net_op glint_net_point_head = {
    .there = true, .size = points_size, .pack = points_pack, .run = points_run};
