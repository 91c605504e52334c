/* model/cuda/nms.cu - see nms.h.
 *
 *   kernel      launch             registers, shared bytes (sm_90, no spills)
 *   rect_items  cap / 256 x 256    38, 0     a box read, 104 bytes written (box_items: 16)
 *   pairs       (cap / 64)^2 x 64  80, 5632  and 976 bytes of stack: a polygon that is cut
 *   walk        1 x 256            34, 35584
 *
 * pairs: n^2 / 2 pairs of four compares in double; of those that are near, some 40 to 300 operations in
 * double; n^2 / 8 bytes written. Bound by double arithmetic, and by divergence where few pairs are near.
 * walk: n / 64 rounds with two barriers each; up to 512 boxes all bits lie in shared memory. Latency. */
#include "model/cuda/nms.cuh"

#define THREADS 256
#define SIDE    64 /* items of a block of pairs */

size_t glint_nms_work_bytes_cuda(int32_t cap)
{
    return nms_carve(NULL, NULL, cap);
}

static __device__ bool near_enough(const struct nms_item &a, const struct nms_item &b,
                                   const struct nms_rules &rules, enum nms_kind kind)
{
    const float dx = __fsub_rn((float)b.rect.x, (float)a.rect.x),
                dy = __fsub_rn((float)b.rect.y, (float)a.rect.y);
    const float squares = __fadd_rn(__fmul_rn(dx, dx), __fmul_rn(dy, dy));
    if (kind == NMS_CIRCLE)
        return squares <= rules.radius;
    if (a.label < 0 || a.label >= rules.n_labels || b.label < 0 || b.label >= rules.n_labels)
        return false;
    return __fsqrt_rn(squares) < rules.min_distance[b.label * rules.n_labels + a.label];
}

/* Items of the block's column in shared memory, an item of its row per thread. */
static __global__ void __launch_bounds__(SIDE)
    pairs(enum nms_kind kind, struct nms_work w, const int32_t *n_items, int32_t cap, struct nms_rules rules)
{
    __shared__ struct nms_item others[SIDE];
    const int32_t n = min(*n_items, cap), t = (int32_t)threadIdx.x;
    const int32_t row = (int32_t)blockIdx.y * SIDE, column = (int32_t)blockIdx.x * SIDE;
    if (column < row || row >= n || column >= n)
        return;
    if (column + t < n)
        others[t] = w.items[column + t];
    __syncthreads();
    if (row + t >= n)
        return;
    const struct nms_item own = w.items[row + t];
    uint64_t bits = 0;
    for (int32_t i = row == column ? t + 1 : 0; i < SIDE && column + i < n; i++) {
        const struct nms_item &other = others[i];
        if (own.group < 0 || other.group != own.group)
            continue;
        if (kind == NMS_ROTATED ? rect_suppresses(own.rect, other.rect, rules.iou[own.group])
                                : near_enough(own, other, rules, kind))
            bits |= UINT64_C(1) << i;
    }
    w.bits[(int64_t)(row + t) * w.words + blockIdx.x] = bits;
}

int glint_nms_bits(struct glint_stream *s, enum nms_kind kind, const struct nms_work *work, const int32_t *n,
                   int32_t cap, const struct nms_rules *rules)
{
    const unsigned side = glint_blocks(cap, SIDE);
    return GLINT_LAUNCH(pairs, dim3(side, side), SIDE, 0, s, kind, *work, n, cap, *rules);
}

static __global__ void __launch_bounds__(NMS_WALK_THREADS)
    walk(struct nms_work w, const int32_t *n, int32_t cap, struct nms_rules rules, int32_t *keep_out,
         int32_t *n_out)
{
    __shared__ struct nms_walk_shared shared;
    const int32_t n_kept = nms_walk(w, min(*n, cap), rules, shared);
    for (int32_t i = (int32_t)threadIdx.x; i < n_kept; i += NMS_WALK_THREADS)
        keep_out[i] = w.items[w.kept[i]].index;
    if (threadIdx.x == 0)
        *n_out = n_kept;
}

static __global__ void __launch_bounds__(THREADS)
    rect_items(const struct glint_rect *rects, const int32_t *candidates, const int32_t *n, int32_t cap,
               int32_t pre, struct nms_item *items)
{
    const int32_t i = (int32_t)(blockIdx.x * THREADS + threadIdx.x);
    if (i >= min(*n, cap))
        return;
    const int32_t index = candidates ? candidates[i] : i;
    const struct glint_rect r = rects[index];
    const struct nms_item item = {rect_item_of(r.x, r.y, r.dx, r.dy, r.yaw), index, i < pre ? 0 : -1, 0, 0};
    items[i] = item;
}

static int check_cap(int32_t cap)
{
    if (cap < 0 || cap > GLINT_CUDA_NMS_CAP)
        return glint_fail(GLINT_E_ARG, "suppression of up to %d boxes: at most %d are compared on a device",
                          cap, GLINT_CUDA_NMS_CAP);
    return GLINT_OK;
}

int glint_nms_rotated_cuda(struct glint_stream *s, const struct glint_rect *rects, const int32_t *candidates,
                           const int32_t *n, int32_t cap, const struct glint_nms_rule *rule,
                           int32_t *keep_out, int32_t *n_out, void *work)
{
    struct nms_work w;
    struct nms_rules rules;
    GLINT_TRY(check_cap(cap));
    nms_carve(&w, work, cap);
    memset(&rules, 0, sizeof rules);
    rules.iou[0] = rule->threshold;
    rules.post[0] = rule->post_max;
    GLINT_TRY(GLINT_LAUNCH(rect_items, glint_blocks(cap, THREADS), THREADS, 0, s, rects, candidates, n, cap,
                           rule->pre_max, w.items));
    GLINT_TRY(glint_nms_bits(s, NMS_ROTATED, &w, n, cap, &rules));
    return GLINT_LAUNCH(walk, 1, NMS_WALK_THREADS, 0, s, w, n, cap, rules, keep_out, n_out);
}

static __global__ void __launch_bounds__(THREADS)
    box_items(const struct glint_box *boxes, const int32_t *candidates, const int32_t *n, int32_t cap,
              struct nms_item *items)
{
    const int32_t i = (int32_t)(blockIdx.x * THREADS + threadIdx.x);
    if (i >= min(*n, cap))
        return;
    const int32_t index = candidates ? candidates[i] : i;
    struct nms_item item = {};
    item.rect.x = (double)boxes[index].center[0];
    item.rect.y = (double)boxes[index].center[1];
    item.label = boxes[index].label;
    item.index = index;
    items[i] = item;
}

int glint_nms_distance_cuda(struct glint_stream *s, const struct glint_box *boxes, const int32_t *candidates,
                            const int32_t *n, int32_t cap, const float *min_distance, int32_t n_labels,
                            int32_t post_max, int32_t *keep_out, int32_t *n_out, void *work)
{
    struct nms_work w;
    struct nms_rules rules;
    GLINT_TRY(check_cap(cap));
    nms_carve(&w, work, cap);
    memset(&rules, 0, sizeof rules);
    rules.post[0] = post_max;
    rules.min_distance = min_distance;
    rules.n_labels = n_labels;
    GLINT_TRY(GLINT_LAUNCH(box_items, glint_blocks(cap, THREADS), THREADS, 0, s, boxes, candidates, n, cap,
                           w.items));
    GLINT_TRY(glint_nms_bits(s, NMS_DISTANCE, &w, n, cap, &rules));
    return GLINT_LAUNCH(walk, 1, NMS_WALK_THREADS, 0, s, w, n, cap, rules, keep_out, n_out);
}
