/* model/cuda/flatpoint.cu - see flatpoint.h: pillars merged, peaks and their boxes. Points are in
 * head_points.cu.
 *
 *   kernel                launch                     registers, shared bytes (sm_90, no spills)
 *   tokens_of_cells       pillars / 256 x 256        16, 0      a place per pillar written
 *   product<merged_rows>  cells / 64 x n / 64        64, 8448   2 * k * n FLOPs per cell; product.cuh
 *   peaks                 cells / 256 x 256          40, 0      the heat map read
 *   best                  1 x 1024                   32, 17552  select.cuh; latency
 *   product<patch_rows>   peaks / 64 x hidden / 64   64, 8448   2 * patch^2 * c * hidden FLOPs per peak
 *   product<dense_rows>   peaks / 64 x n / 64        48, 8448   twice: the smaller layers; latency
 *   boxes_of_peaks        1 x 256                    68, 32     ten values per peak; latency */
#include "model/cuda/flatpoint.h"
#include "model/cuda/block.cuh"
#include "model/cuda/product.cuh"
#include "model/cuda/select.cuh"
#include <float.h>

#define THREADS 256

static size_t rounded(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static int check_linear(const struct glint_cuda_conv *c, int32_t k, int32_t n)
{
    if (c->type == GLINT_DTYPE_F32 && c->kernel == 1 && c->k == k && c->n == n)
        return GLINT_OK;
    return glint_fail(GLINT_E_ARG, "a linear map of floats, %d -> %d, expected, found %d -> %d", k, n, c->k,
                      c->n);
}

/* merge */

static __global__ void __launch_bounds__(THREADS)
    tokens_of_cells(const int32_t *coord, const int32_t *n, int32_t cap, int32_t s, int32_t row_axis,
                    int32_t h, int32_t w, int32_t *table)
{
    const int32_t i = (int32_t)(blockIdx.x * THREADS + threadIdx.x);
    if (i >= min(*n, cap))
        return;
    const int32_t row = coord[3 * (int64_t)i + row_axis], column = coord[3 * (int64_t)i + 1 - row_axis];
    if (row >= 0 && row / s < h && column >= 0 && column / s < w)
        table[((int64_t)(row / s) * w + column / s) * s * s + row % s * s + column % s] = i;
}

template <class T> struct merged_rows { /* a row per cell, a segment per pillar in it */
    typedef T value;
    int32_t n_segments, k, n, ldw;
    const T *tokens;
    const int32_t *table;
    const float *weights, *bias;
    struct glint_cuda_map out;

    __device__ int32_t n_rows() const
    {
        return out.h * out.w;
    }
    __device__ const T *row(int32_t m, int32_t segment) const
    {
        const int32_t token = table[(int64_t)m * n_segments + segment];
        return token < 0 ? NULL : tokens + (int64_t)token * k;
    }
    __device__ const float *weights_at() const
    {
        return weights;
    }
    __device__ void put(int32_t m, int32_t j, float sum) const
    {
        const float v = sum + bias[j];
        store_number(out.data, out.type, pixel_at(out, m / out.w, m % out.w) + j, v > 0.0f ? v : 0.0f);
    }
};

size_t glint_patch_merge_work_bytes_cuda(int32_t h, int32_t w, int32_t stride)
{
    return rounded((size_t)h * (size_t)w * (size_t)stride * (size_t)stride * sizeof(int32_t));
}

template <class T>
static int merge_product(struct glint_stream *s, const struct glint_cuda_patch_merge *merge,
                         const void *tokens, const struct glint_cuda_map *out, const int32_t *table)
{
    const int32_t places = merge->stride * merge->stride;
    const struct glint_cuda_conv *c = &merge->linear;
    const struct merged_rows<T> rows = {
        places, c->k / places, c->n, product_ldw(c->n), (const T *)tokens, table,
            (const float *)c->weights, c->bias, *out
    };
    return launch_product(s, rows, (int64_t)out->h * out->w, 1);
}

int glint_patch_merge_cuda(struct glint_stream *s, const struct glint_cuda_patch_merge *merge,
                           const void *tokens, enum glint_dtype type, const int32_t *coord, const int32_t *n,
                           int32_t cap, const struct glint_cuda_map *out, void *work)
{
    const int32_t stride = merge->stride, places = stride * stride;
    GLINT_TRY(check_linear(&merge->linear, merge->linear.k, out->c));
    if (stride < 1 || merge->linear.k % places)
        return glint_fail(GLINT_E_ARG, "patch merge of %d x %d pillars: weights have %d inputs", stride,
                          stride, merge->linear.k);
    GLINT_TRY(glint_stream_fill(s, work, 0xff, glint_patch_merge_work_bytes_cuda(out->h, out->w, stride)));
    GLINT_TRY(GLINT_LAUNCH(tokens_of_cells, glint_blocks(cap, THREADS), THREADS, 0, s, coord, n, cap, stride,
                           merge->row_axis, out->h, out->w, (int32_t *)work));
    if (type == GLINT_DTYPE_F16)
        return merge_product<__half>(s, merge, tokens, out, (const int32_t *)work);
    if (type == GLINT_DTYPE_BF16)
        return merge_product<__nv_bfloat16>(s, merge, tokens, out, (const int32_t *)work);
    return merge_product<float>(s, merge, tokens, out, (const int32_t *)work);
}

/* peaks */

/* The exponential in double: rounded, it is what the host's expf gives but for a few numbers in a billion. */
static __device__ float sigmoid(float logit)
{
    return 1.0f / (1.0f + (float)exp(-(double)logit));
}

/* A logit below which sigmoid() is certainly less than score; see model/peaks.c. */
static __device__ float logit_bar(float score)
{
    const double s = (double)score;
    if (!(s > 0))
        return -INFINITY;
    return s > 0.9999 ? 8.0f : (float)(log(s / (1 - s)) - 1e-5 - 1e-6 / (1 - s));
}

static __device__ bool is_local_max(const struct glint_cuda_map &heat, int32_t y, int32_t x, int32_t label,
                                    float logit, float p)
{
    for (int32_t r = max(y - 1, 0); r <= min(y + 1, heat.h - 1); r++)
        for (int32_t c = max(x - 1, 0); c <= min(x + 1, heat.w - 1); c++) {
            const float v = ((const float *)heat.data)[pixel_at(heat, r, c) + label];
            if (!(v <= logit) && !(sigmoid(v) <= p)) /* either holds for NaN; equal sigmoids are equals */
                return false;
        }
    return true;
}

struct peak_rule {
    bool local_max;
    float iou_power;
};

static __device__ float peak_score(const struct glint_cuda_map &iou, const struct peak_rule &rule, int32_t y,
                                   int32_t x, float p)
{
    if (!iou.data)
        return p;
    float v = ((const float *)iou.data)[pixel_at(iou, y, x)];
    v = v < 0.0f ? 0.0f : v; /* a NaN stays one */
    return p * (float)pow((double)(v > 1.0f ? 1.0f : v), (double)rule.iou_power);
}

/* The least score of all classes. */
static __device__ float least_of(const float *least, int32_t n)
{
    float lowest = 1.0f;
    for (int32_t k = 0; k < n; k++)
        lowest = fminf(lowest, least[k]);
    return lowest;
}

static __global__ void __launch_bounds__(THREADS)
    peaks(struct glint_cuda_map heat, struct glint_cuda_map iou, struct peak_rule rule, const float *least,
          uint64_t *keys, int32_t *n)
{
    const int32_t cells = heat.h * heat.w, all = (int32_t)gridDim.x * THREADS;
    const float threshold = least_of(least, heat.c), bar = logit_bar(threshold);
    for (int32_t i = (int32_t)(blockIdx.x * THREADS + threadIdx.x); i < cells; i += all) {
        const int32_t y = i / heat.w, x = i % heat.w;
        const float *v = (const float *)heat.data + pixel_at(heat, y, x);
        for (int32_t label = 0; label < heat.c; label++) {
            if (!(v[label] >= bar))
                continue;
            const float p = sigmoid(v[label]), score = peak_score(iou, rule, y, x, p);
            if (score > threshold && (!rule.local_max || is_local_max(heat, y, x, label, v[label], p)))
                keys[atomicAdd(n, 1)] = key_of(score, (uint32_t)label * (uint32_t)cells + (uint32_t)i);
        }
    }
}

static __global__ void __launch_bounds__(SELECT_THREADS)
    best(const uint64_t *keys, const int32_t *n_keys, uint64_t *chosen, int32_t h, int32_t w,
         int32_t max_peaks, const float *least, struct glint_peak *peaks_out, int32_t *n_out)
{
    __shared__ struct select_shared shared;
    const int32_t n = select_least(keys, *n_keys, max_peaks, chosen, shared);
    const uint32_t cells = (uint32_t)h * (uint32_t)w;
    int32_t kept = 0;
    for (int32_t first = 0; first < n; first += SELECT_THREADS) {
        const int32_t i = first + (int32_t)threadIdx.x;
        struct glint_peak peak = {};
        bool keep = false;
        if (i < n) {
            const uint32_t place = (uint32_t)chosen[i], cell = place % cells;
            peak.score = score_of(chosen[i]);
            peak.label = (int32_t)(place / cells);
            peak.row = (int32_t)(cell / (uint32_t)w);
            peak.col = (int32_t)(cell % (uint32_t)w);
            keep = peak.score > least[peak.label];
        }
        int32_t total;
        const int32_t at = kept + scan_block<SELECT_THREADS>(keep, &total);
        kept += total;
        if (keep)
            peaks_out[at] = peak;
    }
    if (threadIdx.x == 0)
        *n_out = kept;
}

size_t glint_peaks_work_bytes_cuda(int32_t h, int32_t w, int32_t n_classes, int32_t max_peaks)
{
    const size_t keys = (size_t)h * (size_t)w * (size_t)n_classes * sizeof(uint64_t);
    return 256 + rounded(select_cap(max_peaks) * sizeof(uint64_t)) + keys;
}

int glint_peaks_cuda(struct glint_stream *s, const struct glint_cuda_map *heat,
                     const struct glint_cuda_map *iou, const struct glint_peaks_rule *rule,
                     const float *least, void *work, struct glint_peak *peaks_out, int32_t *n_out)
{
    const struct glint_cuda_map none = {};
    const struct peak_rule device_rule = {rule->local_max, rule->iou_power};
    uint64_t *chosen = (uint64_t *)((uint8_t *)work + 256);
    uint64_t *keys = (uint64_t *)((uint8_t *)chosen + rounded(select_cap(rule->max_peaks) * sizeof *chosen));
    int32_t *n = (int32_t *)work;
    if (heat->type != GLINT_DTYPE_F32 ||
        (iou && (iou->type != GLINT_DTYPE_F32 || iou->h != heat->h || iou->w != heat->w)))
        return glint_fail(GLINT_E_ARG, "peaks: maps of floats and of one size expected");
    if (!(rule->iou_power >= 0) || rule->max_peaks < 0 ||
        (heat->c > 0 && (int64_t)heat->h * heat->w > (int64_t)INT32_MAX / heat->c))
        return glint_fail(GLINT_E_ARG, "peaks: power %g, at most %d, of a map of %d x %d x %d",
                          (double)rule->iou_power, rule->max_peaks, heat->h, heat->w, heat->c);
    GLINT_TRY(glint_stream_fill(s, n, 0, sizeof *n));
    GLINT_TRY(GLINT_LAUNCH(peaks, glint_blocks((int64_t)heat->h * heat->w, THREADS), THREADS, 0, s, *heat,
                           iou ? *iou : none, device_rule, least, keys, n));
    return GLINT_LAUNCH(best, 1, SELECT_THREADS, 0, s, keys, n, chosen, heat->h, heat->w, rule->max_peaks,
                        least, peaks_out, n_out);
}

/* boxes of peaks */

template <class T> struct patch_rows { /* a row per peak, a segment per pixel of its patch */
    typedef T value;
    int32_t n_segments, k, n, ldw, patch, cap;
    const struct glint_peak *peaks;
    const int32_t *n_peaks;
    struct glint_cuda_map map;
    const float *weights, *bias;
    float *out;

    __device__ int32_t n_rows() const
    {
        return min(*n_peaks, cap);
    }
    __device__ const T *row(int32_t m, int32_t segment) const
    {
        const int32_t y = peaks[m].row + segment / patch - patch / 2,
                      x = peaks[m].col + segment % patch - patch / 2;
        return y >= 0 && y < map.h && x >= 0 && x < map.w ? (const T *)map.data + pixel_at(map, y, x) : NULL;
    }
    __device__ const float *weights_at() const
    {
        return weights;
    }
    __device__ void put(int32_t m, int32_t j, float sum) const
    {
        const float v = sum + bias[j];
        out[(int64_t)m * n + j] = v < 0.0f ? 0.0f : v;
    }
};

struct dense_rows { /* rows of floats, one after another */
    typedef float value;
    int32_t n_segments, k, n, ldw, cap;
    bool relu;
    const int32_t *count;
    const float *in, *weights, *bias;
    float *out;

    __device__ int32_t n_rows() const
    {
        return min(*count, cap);
    }
    __device__ const float *row(int32_t m, int32_t) const
    {
        return in + (int64_t)m * k;
    }
    __device__ const float *weights_at() const
    {
        return weights;
    }
    __device__ void put(int32_t m, int32_t j, float sum) const
    {
        const float v = sum + bias[j];
        out[(int64_t)m * n + j] = relu && v < 0.0f ? 0.0f : v;
    }
};

template <class T>
static int patch_product(struct glint_stream *s, const struct glint_cuda_head_patch *head,
                         const struct glint_cuda_map *map, const struct glint_peak *peaks, const int32_t *n,
                         int32_t cap, float *out)
{
    const struct glint_cuda_conv *c = &head->l1;
    const struct patch_rows<T> rows = {
        head->patch * head->patch, map->c, c->n, product_ldw(c->n), head->patch, cap, peaks, n, *map,
            (const float *)c->weights, c->bias, out
    };
    return launch_product(s, rows, cap, 1);
}

static int dense_product(struct glint_stream *s, const struct glint_cuda_conv *c, const float *in,
                         const int32_t *n, int32_t cap, bool relu, float *out)
{
    const struct dense_rows rows = {
        1, c->k, c->n, product_ldw(c->n), cap, relu, n, in, (const float *)c->weights, c->bias, out};
    return launch_product(s, rows, cap, 1);
}

struct patch_places { /* of struct glint_cuda_head_patch */
    int32_t row_axis;
    float cell_m, origin_m[2];
};

/* Yaw brought into (-pi, pi]. */
static __device__ double wrapped(double rad)
{
    const double r = remainder(rad, 2 * 3.14159265358979323846);
    return r <= -3.14159265358979323846 ? 3.14159265358979323846 : r;
}

static __device__ struct glint_box box_of(const struct patch_places &p, const float *v,
                                          const struct glint_peak &peak)
{
    struct glint_box box = {};
    const float place[2] = {__fadd_rn((float)peak.row, v[0]), __fadd_rn((float)peak.col, v[1])};
    float yaw = 0.5f * (float)atan2((double)v[8], (double)v[9]);
    const float c = (float)cos((double)yaw), s = (float)sin((double)yaw);
    if (__fadd_rn(__fmul_rn(c, v[7]), __fmul_rn(s, v[6])) < 0)
        yaw += 3.14159265f;
    box.center[0] = __fadd_rn(__fmul_rn(place[p.row_axis], p.cell_m), p.origin_m[0]);
    box.center[1] = __fadd_rn(__fmul_rn(place[1 - p.row_axis], p.cell_m), p.origin_m[1]);
    box.center[2] = v[2];
    for (int32_t k = 0; k < 3; k++)
        box.size[k] = (float)exp((double)v[3 + k]);
    box.yaw = (float)wrapped((double)yaw);
    box.id = -1;
    box.score = peak.score;
    box.label = peak.label;
    return box;
}

static __device__ bool finite_box(const struct glint_box &box)
{
    bool finite = fabsf(box.yaw) <= FLT_MAX;
    for (int32_t k = 0; k < 3; k++)
        finite = finite && fabsf(box.center[k]) <= FLT_MAX && fabsf(box.size[k]) <= FLT_MAX;
    return finite;
}

static __global__ void __launch_bounds__(THREADS, 1)
    boxes_of_peaks(struct patch_places p, const float *values, const struct glint_peak *peaks,
                   const int32_t *n_peaks, int32_t cap, struct glint_box *boxes_out, int32_t *n_out)
{
    const int32_t n = min(*n_peaks, cap);
    int32_t kept = 0;
    for (int32_t first = 0; first < n; first += THREADS) {
        const int32_t i = first + (int32_t)threadIdx.x;
        struct glint_box box = {};
        if (i < n)
            box = box_of(p, values + (int64_t)i * GLINT_PATCH_OUTPUTS, peaks[i]);
        const bool keep = i < n && finite_box(box);
        int32_t total;
        const int32_t at = kept + scan_block<THREADS>(keep, &total);
        kept += total;
        if (keep)
            boxes_out[at] = box;
    }
    if (threadIdx.x == 0)
        *n_out = kept;
}

size_t glint_head_patch_work_bytes_cuda(const struct glint_cuda_head_patch *head, int32_t max_peaks)
{
    return 2 * rounded((size_t)max_peaks * (size_t)head->l1.n * sizeof(float));
}

static int patch_layer(struct glint_stream *s, const struct glint_cuda_head_patch *head,
                       const struct glint_cuda_map *map, const struct glint_peak *peaks, const int32_t *n,
                       int32_t cap, float *out)
{
    if (map->type == GLINT_DTYPE_F16)
        return patch_product<__half>(s, head, map, peaks, n, cap, out);
    if (map->type == GLINT_DTYPE_BF16)
        return patch_product<__nv_bfloat16>(s, head, map, peaks, n, cap, out);
    return patch_product<float>(s, head, map, peaks, n, cap, out);
}

int glint_head_patch_cuda(struct glint_stream *s, const struct glint_cuda_head_patch *head,
                          const struct glint_cuda_map *map, const struct glint_peak *peaks, const int32_t *n,
                          int32_t max_peaks, void *work, float *values, struct glint_box *boxes_out,
                          int32_t *n_out)
{
    const int32_t hidden = head->l1.n;
    float *a = (float *)work,
          *b = (float *)((uint8_t *)work + rounded((size_t)max_peaks * (size_t)hidden * sizeof *a));
    const struct patch_places places = {head->row_axis, head->cell_m, {head->origin_m[0], head->origin_m[1]}};
    GLINT_TRY(check_linear(&head->l1, head->patch * head->patch * map->c, hidden));
    GLINT_TRY(check_linear(&head->l2, hidden, hidden));
    GLINT_TRY(check_linear(&head->l3, hidden, GLINT_PATCH_OUTPUTS));
    GLINT_TRY(patch_layer(s, head, map, peaks, n, max_peaks, a));
    GLINT_TRY(dense_product(s, &head->l2, a, n, max_peaks, true, b));
    GLINT_TRY(dense_product(s, &head->l3, b, n, max_peaks, false, values));
    return GLINT_LAUNCH(boxes_of_peaks, 1, THREADS, 0, s, places, values, peaks, n, max_peaks, boxes_out,
                        n_out);
}
