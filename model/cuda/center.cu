/* model/cuda/center.cu - see center.h: which cells, their boxes, the head's detections. The branches are in
 * center_branches.cu, the pairs of boxes in nms.cu.
 *
 *   kernel   launch             registers, shared bytes (sm_90, no spills)
 *   gate     cells / 256 x 256  21, 0      the heat map read; memory
 *   collect  cells / 256 x 256  40, 0      the same, and an exponential in double where a logit passes
 *   pick     1 x 1024           32, 17424  8 bytes per cell that passes, up to nine times; latency
 *   boxes    1 x 256            56, 32     a row of raw values per candidate; latency
 *   order    cap / 256 x 256    38, 0      n^2 compares
 *   detect   1 x 256            40, 35616  the walk of nms.cuh, then the boxes that stay; latency
 *   join     1 x 256            40, 0      detections copied */
#include "model/cuda/center.h"
#include "model/cuda/block.cuh"
#include "model/cuda/nms.cuh"
#include "model/cuda/number.cuh"
#include "model/cuda/select.cuh"

#define THREADS 256

/* Memory */

static size_t rounded(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static size_t carve(struct glint_cuda_candidates *c, uint8_t *memory, int32_t cap, int32_t n_raw)
{
    const size_t words[] = {GLINT_CENTER_BOX, 1, 1, 2, (size_t)n_raw, 1};
    uint8_t *part[6];
    size_t used = 256;
    for (int i = 0; i < 6; i++) {
        part[i] = memory ? memory + used : NULL;
        used += rounded((size_t)cap * words[i] * 4);
    }
    if (memory) {
        const struct glint_cuda_candidates set = {cap,
                                                  n_raw,
                                                  (int32_t *)memory,
                                                  (float *)part[0],
                                                  (float *)part[1],
                                                  (int32_t *)part[2],
                                                  (int32_t *)part[3],
                                                  (float *)part[4],
                                                  (int32_t *)part[5]};
        *c = set;
    }
    return used;
}

size_t glint_cuda_candidates_bytes(int32_t cap, int32_t n_raw)
{
    return carve(NULL, NULL, cap, n_raw);
}

void glint_cuda_candidates_init(struct glint_cuda_candidates *c, void *memory, int32_t cap, int32_t n_raw)
{
    carve(c, (uint8_t *)memory, cap, n_raw);
}

void glint_cuda_candidates_view(struct glint_candidates *c, void *host_copy, int32_t cap, int32_t n_raw)
{
    struct glint_cuda_candidates d = {};
    carve(&d, (uint8_t *)host_copy, cap, n_raw);
    const struct glint_candidates view = {cap, *d.n, n_raw, d.box, d.score, d.label, d.cell, d.raw, d.source};
    *c = view;
}

void glint_cuda_least_set(const struct glint_center *c, float least_score, struct glint_cuda_least *out)
{
    memset(out, 0, sizeof *out);
    for (int32_t k = 0; k < c->n_classes; k++) {
        const float least = least_score >= 0.0f ? least_score : c->score[k];
        out->score[k] = least;
        out->logit[k] = least <= 0.0f   ? -INFINITY
                        : least >= 1.0f ? INFINITY /* room for rounding: */
                                        : (float)(log((double)least / (1.0 - (double)least)) - 1e-3);
    }
    out->boxes = least_score;
}

/* Cells */

static __global__ void __launch_bounds__(THREADS)
    gate(struct glint_cuda_map heat, int32_t n_classes, const struct glint_cuda_least *least,
         struct glint_pixel *cells, int32_t *n)
{
    const int32_t count = heat.h * heat.w, all = (int32_t)gridDim.x * THREADS;
    for (int32_t i = (int32_t)(blockIdx.x * THREADS + threadIdx.x); i < count; i += all) {
        const struct glint_pixel p = {(uint16_t)(i / heat.w), (uint16_t)(i % heat.w)};
        const float *h = (const float *)heat.data + pixel_at(heat, p.y, p.x);
        bool warm = false;
        for (int32_t k = 0; k < n_classes; k++)
            warm = warm || h[k] >= least->logit[k];
        if (warm)
            cells[atomicAdd(n, 1)] = p;
    }
}

int glint_center_gate_cuda(struct glint_stream *s, const struct glint_center *c,
                           const struct glint_cuda_map *heat, const struct glint_cuda_least *least,
                           struct glint_pixel *cells, int32_t *n)
{
    if (heat->type != GLINT_DTYPE_F32 || heat->c != c->n_classes)
        return glint_fail(GLINT_E_ARG, "a heat map of %d classes in float expected, found %d channels",
                          c->n_classes, heat->c);
    GLINT_TRY(glint_stream_fill(s, n, 0, sizeof *n));
    return GLINT_LAUNCH(gate, glint_blocks((int64_t)heat->h * heat->w, THREADS), THREADS, 0, s, *heat,
                        c->n_classes, least, cells, n);
}

static __device__ float cell_score(float logit, const struct glint_cuda_map &iou, float iou_power, int32_t y,
                                   int32_t x)
{
    const float score = (float)(1.0 / (1.0 + exp(-(double)logit)));
    if (!iou.data || iou_power == 0.0f)
        return score;
    const float v = ((const float *)iou.data)[pixel_at(iou, y, x)];
    const float fit = v > 1.0f ? 1.0f : v < 0.0f ? 0.0f : v;
    return score * (iou_power == 2.0f ? fit * fit : (float)pow((double)fit, (double)iou_power));
}

static __global__ void __launch_bounds__(THREADS)
    collect(struct glint_cuda_map heat, struct glint_cuda_map iou, float iou_power, int32_t n_classes,
            const struct glint_cuda_least *least, uint64_t *keys, int32_t *n)
{
    const int32_t count = heat.h * heat.w, all = (int32_t)gridDim.x * THREADS;
    for (int32_t i = (int32_t)(blockIdx.x * THREADS + threadIdx.x); i < count; i += all) {
        const int32_t y = i / heat.w, x = i % heat.w;
        const float *h = (const float *)heat.data + pixel_at(heat, y, x);
        for (int32_t k = 0; k < n_classes; k++) {
            if (!(h[k] >= least->logit[k]))
                continue;
            const float score = cell_score(h[k], iou, iou_power, y, x);
            if (score > least->score[k])
                keys[atomicAdd(n, 1)] = key_of(score, (uint32_t)k * (uint32_t)count + (uint32_t)i);
        }
    }
}

struct center_maps { /* the branches' maps, by column of a row of raw */
    struct glint_cuda_map map[GLINT_CENTER_BRANCHES];
    int32_t offset[GLINT_CENTER_BRANCHES + 1];
};

static __device__ float raw_value(const struct center_maps &maps, int32_t column, int32_t y, int32_t x)
{
    int32_t b = 0;
    while (column >= maps.offset[b + 1])
        b++;
    const struct glint_cuda_map &map = maps.map[b];
    return map.data ? ((const float *)map.data)[pixel_at(map, y, x) + column - maps.offset[b]] : 0.0f;
}

static __global__ void __launch_bounds__(SELECT_THREADS)
    pick(const uint64_t *keys, const int32_t *n_keys, uint64_t *chosen, int32_t h, int32_t w,
         struct center_maps maps, struct glint_cuda_candidates out)
{
    __shared__ struct select_shared shared;
    const int32_t n = select_least(keys, *n_keys, out.cap, chosen, shared);
    const uint32_t cells = (uint32_t)h * (uint32_t)w;
    for (int32_t i = (int32_t)threadIdx.x; i < n; i += SELECT_THREADS) {
        const uint32_t place = (uint32_t)chosen[i], cell = place % cells;
        out.score[i] = score_of(chosen[i]);
        out.label[i] = (int32_t)(place / cells);
        out.cell[2 * i] = (int32_t)(cell / (uint32_t)w);
        out.cell[2 * i + 1] = (int32_t)(cell % (uint32_t)w);
    }
    __syncthreads();
    for (int32_t i = (int32_t)threadIdx.x; i < n * out.n_raw; i += SELECT_THREADS) {
        const int32_t *cell = out.cell + 2 * (i / out.n_raw);
        out.raw[i] = raw_value(maps, i % out.n_raw, cell[0], cell[1]);
    }
    if (threadIdx.x == 0)
        *out.n = n;
}

size_t glint_center_pick_work_bytes_cuda(int32_t h, int32_t w, int32_t n_classes, int32_t top_k)
{
    const size_t keys = (size_t)h * (size_t)w * (size_t)n_classes * sizeof(uint64_t);
    return 256 + rounded(select_cap(top_k) * sizeof(uint64_t)) + keys;
}

static int32_t set_maps(const struct glint_center *c, const struct glint_cuda_map *maps,
                        struct center_maps *out)
{
    int32_t n = 0;
    for (int b = 0; b < GLINT_CENTER_BRANCHES; b++) {
        out->map[b] = maps[b];
        out->offset[b] = n;
        n += glint_center_branch_channels((enum glint_center_branch)b, c->n_classes);
    }
    return out->offset[GLINT_CENTER_BRANCHES] = n;
}

int glint_center_pick_cuda(struct glint_stream *s, const struct glint_center *c,
                           const struct glint_cuda_map maps[GLINT_CENTER_BRANCHES],
                           const struct glint_cuda_least *least, void *work,
                           struct glint_cuda_candidates *out)
{
    struct center_maps raw;
    const struct glint_cuda_map *heat = &maps[GLINT_CENTER_HEATMAP];
    int32_t *n = (int32_t *)work;
    uint64_t *chosen = (uint64_t *)((uint8_t *)work + 256);
    uint64_t *keys = (uint64_t *)((uint8_t *)chosen + rounded(select_cap(out->cap) * sizeof *chosen));
    for (int b = 0; b < GLINT_CENTER_BRANCHES; b++)
        if (maps[b].data && (maps[b].type != GLINT_DTYPE_F32 || maps[b].h != heat->h || maps[b].w != heat->w))
            return glint_fail(GLINT_E_ARG, "a branch's map of floats, %d x %d, expected, found %d x %d",
                              heat->h, heat->w, maps[b].h, maps[b].w);
    if (set_maps(c, maps, &raw) != out->n_raw || heat->c != c->n_classes)
        return glint_fail(GLINT_E_ARG, "%d values of a candidate expected, there is room for %d",
                          raw.offset[GLINT_CENTER_BRANCHES], out->n_raw);
    GLINT_TRY(glint_stream_fill(s, n, 0, sizeof *n));
    GLINT_TRY(GLINT_LAUNCH(collect, glint_blocks((int64_t)heat->h * heat->w, THREADS), THREADS, 0, s, *heat,
                           maps[GLINT_CENTER_IOU], c->iou_power, c->n_classes, least, keys, n));
    return GLINT_LAUNCH(pick, 1, SELECT_THREADS, 0, s, keys, n, chosen, heat->h, heat->w, raw, *out);
}

/* Boxes */

static __device__ void decode_box(const struct glint_center &c, const int32_t *cell, const float *raw,
                                  float box[GLINT_CENTER_BOX])
{
    const bool pcdet = c.style == GLINT_CENTER_PCDET;
    box[0] = __fadd_rn(__fmul_rn(__fadd_rn((float)cell[1], raw[0]), c.cell[0]), c.origin[0]);
    box[1] = __fadd_rn(__fmul_rn(__fadd_rn((float)cell[0], raw[1]), c.cell[1]), c.origin[1]);
    box[2] = raw[2];
    for (int32_t k = 0; k < 3; k++) /* in double: as near to the host's as rounding lets it be */
        box[3 + k] = (float)exp((double)raw[3 + k]);
    box[6] = (float)(pcdet ? atan2((double)raw[7], (double)raw[6]) : atan2((double)raw[6], (double)raw[7]));
    box[7] = raw[8];
    box[8] = raw[9];
}

static __device__ bool in_range(const float *center, const float *range)
{
    bool inside = true;
    for (int32_t k = 0; k < 3; k++)
        inside = inside && center[k] >= range[k] && center[k] <= range[3 + k];
    return inside;
}

static __device__ bool finite_box(const float *box)
{
    bool finite = true;
    for (int32_t k = 0; k < GLINT_CENTER_BOX; k++)
        finite = finite && is_finite((double)box[k]);
    return finite;
}

static __device__ float rectified(const struct glint_center &c, int32_t label, float score, float iou)
{
    const double alpha = (double)c.alpha[label], q = ((double)iou + 1) / 2;
    const double fit = q > 1 ? 1 : q > 0 ? q : 0;
    return (float)(pow((double)score, 1 - alpha) * pow(fit, alpha));
}

static __global__ void __launch_bounds__(THREADS, 1)
    boxes(struct glint_center c, const struct glint_cuda_least *least, int32_t iou,
          struct glint_cuda_candidates in, struct glint_cuda_candidates out)
{
    const int32_t n = min(*in.n, in.cap), n_raw = in.n_raw;
    int32_t kept = 0;
    for (int32_t first = 0; first < n; first += THREADS) {
        const int32_t i = first + (int32_t)threadIdx.x;
        float box[GLINT_CENTER_BOX] = {0.0f}, score = 0.0f;
        bool keep = false;
        if (i < n) {
            const float *raw = in.raw + (int64_t)i * n_raw;
            decode_box(c, in.cell + 2 * i, raw, box);
            score = c.rectify ? rectified(c, in.label[i], in.score[i], raw[iou]) : in.score[i];
            keep = in_range(box, c.range) && finite_box(box) && !(c.rectify && !(score > least->boxes));
        }
        int32_t total;
        const int32_t at = kept + scan_block<THREADS>(keep, &total);
        kept += total;
        if (!keep)
            continue;
        out.score[at] = score;
        out.label[at] = in.label[i];
        out.cell[2 * at] = in.cell[2 * i];
        out.cell[2 * at + 1] = in.cell[2 * i + 1];
        out.source[at] = at;
        for (int32_t k = 0; k < GLINT_CENTER_BOX; k++)
            out.box[(int64_t)at * GLINT_CENTER_BOX + k] = box[k];
        for (int32_t k = 0; k < n_raw; k++)
            out.raw[(int64_t)at * n_raw + k] = in.raw[(int64_t)i * n_raw + k];
    }
    if (threadIdx.x == 0)
        *out.n = kept;
}

int glint_center_boxes_cuda(struct glint_stream *s, const struct glint_center *c,
                            const struct glint_cuda_least *least, const struct glint_cuda_candidates *in,
                            struct glint_cuda_candidates *out)
{
    if (out->cap < in->cap || out->n_raw != in->n_raw || in->n == out->n)
        return glint_fail(GLINT_E_ARG, "boxes of %d candidates need candidates of their own, not of %d",
                          in->cap, out->cap);
    return GLINT_LAUNCH(boxes, 1, THREADS, 0, s, *c, least,
                        glint_center_raw_offset(GLINT_CENTER_IOU, c->n_classes), *in, *out);
}

/* Suppression */

static __device__ struct nms_item item_of(const struct glint_center &c,
                                          const struct glint_cuda_candidates &in, int32_t i, int32_t group)
{
    const float *b = in.box + (int64_t)i * GLINT_CENTER_BOX;
    const double turn = c.style == GLINT_CENTER_PCDET ? 1.0 : -1.0;
    const double yaw = __dadd_rn(turn * (double)b[6], c.nms_turn);
    const struct nms_item item = {rect_item_of((double)b[0], (double)b[1], (double)b[3], (double)b[4], yaw),
                                  i, group, 0, 0};
    return item;
}

/* A box's place: after those of lower classes, and those of its own that come before it by score. Circles: as
 * it comes. */
static __global__ void __launch_bounds__(THREADS)
    order(struct glint_center c, struct glint_cuda_candidates in, struct nms_item *items)
{
    const int32_t n = min(*in.n, in.cap), i = (int32_t)(blockIdx.x * THREADS + threadIdx.x);
    const bool circle = c.circle > 0.0f, joint = c.joint || circle;
    if (i >= n)
        return;
    const int32_t group = joint ? 0 : in.label[i];
    const float score = in.score[i];
    int32_t lower = 0, before = 0;
    for (int32_t j = 0; j < n && !circle; j++) {
        const int32_t other = joint ? 0 : in.label[j];
        lower += other < group;
        before += other == group && (in.score[j] > score || (in.score[j] == score && j < i));
    }
    if (circle)
        before = i;
    items[lower + before] = item_of(c, in, i, circle || before < c.nms_pre[group] ? group : -1);
}

static __global__ void __launch_bounds__(NMS_WALK_THREADS)
    detect(struct nms_work w, struct nms_rules rules, struct glint_center c, struct glint_cuda_candidates in,
           struct glint_cuda_candidates out)
{
    __shared__ struct nms_walk_shared shared;
    const int32_t n = nms_walk(w, min(*in.n, in.cap), rules, shared);
    int32_t kept = 0;
    for (int32_t first = 0; first < n; first += NMS_WALK_THREADS) {
        const int32_t k = first + (int32_t)threadIdx.x, i = k < n ? w.items[w.kept[k]].index : 0;
        const bool keep = k < n && in_range(in.box + (int64_t)i * GLINT_CENTER_BOX, c.nms_range);
        int32_t total;
        const int32_t at = kept + scan_block<NMS_WALK_THREADS>(keep, &total);
        kept += total;
        if (!keep)
            continue;
        out.score[at] = in.score[i];
        out.label[at] = in.label[i];
        out.cell[2 * at] = in.cell[2 * i];
        out.cell[2 * at + 1] = in.cell[2 * i + 1];
        out.source[at] = i;
        for (int32_t b = 0; b < GLINT_CENTER_BOX; b++)
            out.box[(int64_t)at * GLINT_CENTER_BOX + b] = in.box[(int64_t)i * GLINT_CENTER_BOX + b];
    }
    if (threadIdx.x == 0)
        *out.n = kept;
}

size_t glint_center_nms_work_bytes_cuda(int32_t cap)
{
    return nms_carve(NULL, NULL, cap);
}

static void set_rules(const struct glint_center *c, struct nms_rules *rules)
{
    memset(rules, 0, sizeof *rules);
    for (int32_t k = 0; k < c->n_classes; k++) {
        rules->iou[k] = (double)c->nms_iou[k];
        rules->post[k] = c->nms_post[k];
    }
    rules->radius = c->circle;
}

int glint_center_nms_cuda(struct glint_stream *s, const struct glint_center *c,
                          const struct glint_cuda_candidates *in, void *work,
                          struct glint_cuda_candidates *out)
{
    struct nms_work w;
    struct nms_rules rules;
    if (in->cap > GLINT_CUDA_NMS_CAP || out->cap < in->cap)
        return glint_fail(
            GLINT_E_ARG,
            "suppression of up to %d candidates, room for %d: at most %d are compared on a device", in->cap,
            out->cap, GLINT_CUDA_NMS_CAP);
    nms_carve(&w, work, in->cap);
    set_rules(c, &rules);
    GLINT_TRY(GLINT_LAUNCH(order, glint_blocks(in->cap, THREADS), THREADS, 0, s, *c, *in, w.items));
    GLINT_TRY(glint_nms_bits(s, c->circle > 0.0f ? NMS_CIRCLE : NMS_ROTATED, &w, in->n, in->cap, &rules));
    return GLINT_LAUNCH(detect, 1, NMS_WALK_THREADS, 0, s, w, rules, *c, *in, *out);
}

struct center_heads {
    int32_t n, first_label[GLINT_CENTER_HEADS];
    struct glint_cuda_candidates head[GLINT_CENTER_HEADS];
};

static __global__ void __launch_bounds__(THREADS)
    join(struct center_heads h, struct glint_cuda_candidates out)
{
    int32_t at = 0;
    for (int32_t k = 0; k < h.n; k++) {
        const struct glint_cuda_candidates &in = h.head[k];
        const int32_t n = min(*in.n, out.cap - at);
        for (int32_t i = (int32_t)threadIdx.x; i < n; i += THREADS) {
            const int32_t to = at + i;
            out.score[to] = in.score[i];
            out.label[to] = in.label[i] + h.first_label[k];
            out.cell[2 * to] = in.cell[2 * i];
            out.cell[2 * to + 1] = in.cell[2 * i + 1];
            out.source[to] = i;
            for (int32_t b = 0; b < GLINT_CENTER_BOX; b++)
                out.box[(int64_t)to * GLINT_CENTER_BOX + b] = in.box[(int64_t)i * GLINT_CENTER_BOX + b];
        }
        at += n;
    }
    if (threadIdx.x == 0)
        *out.n = at;
}

int glint_center_join_cuda(struct glint_stream *s, const struct glint_cuda_candidates *heads, int32_t n_heads,
                           const int32_t *first_label, struct glint_cuda_candidates *out)
{
    struct center_heads h;
    memset(&h, 0, sizeof h);
    if (n_heads < 0 || n_heads > GLINT_CENTER_HEADS)
        return glint_fail(GLINT_E_ARG, "%d heads, at most %d can be joined", n_heads, GLINT_CENTER_HEADS);
    h.n = n_heads;
    for (int32_t k = 0; k < n_heads; k++) {
        h.head[k] = heads[k];
        h.first_label[k] = first_label[k];
    }
    return GLINT_LAUNCH(join, 1, THREADS, 0, s, h, *out);
}
