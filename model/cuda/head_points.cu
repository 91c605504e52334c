/* model/cuda/head_points.cu - classes of points; see flatpoint.h.
 *
 * The pillar's half (its own features and the map's) is computed once per pillar, 4 bytes per hidden channel.
 * Then one kernel takes 64 points from features to class: 64 hidden channels at a time stay in shared memory,
 * logits in registers.
 *
 *   kernel              launch                      registers, shared bytes (sm_90, no spills)
 *   product<half_rows>  pillars / 64 x hidden / 64  64, 8448; twice: 2 * k * hidden FLOPs per pillar
 *   voxel_of            points / 256 x 256          16, 0; a binary search among the pillars' first points
 *   classify            points / 64 x 256           64, 42240; bound by float arithmetic
 *
 * classify: 2 * (k * hidden + hidden * classes) FLOPs per point; its features read, two bytes written. */
#include "model/cuda/flatpoint.h"
#include "model/cuda/product.cuh"

#define THREADS     256
#define POINTS      PRODUCT_M
#define MAX_CLASSES 64

static size_t rounded(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

template <class T> struct half_rows { /* a row per voxel: of its token, or of the map at its cell */
    typedef T value;
    int32_t n_segments, k, n, ldw, cap, stride, row_axis;
    const int32_t *n_voxels, *coord;
    const T *tokens; /* NULL: the map */
    struct glint_cuda_map map;
    const float *weights, *bias;
    float *half;

    __device__ int32_t n_rows() const
    {
        return min(*n_voxels, cap);
    }
    __device__ const T *row(int32_t m, int32_t) const
    {
        const int32_t *c = coord + 3 * (int64_t)m;
        if (tokens)
            return tokens + (int64_t)m * k;
        return (const T *)map.data + pixel_at(map, c[row_axis] / stride, c[1 - row_axis] / stride);
    }
    __device__ const float *weights_at() const
    {
        return weights;
    }
    __device__ void put(int32_t m, int32_t j, float sum) const
    {
        float *to = half + (int64_t)m * n + j;
        *to = tokens ? sum + *to : sum + bias[j];
    }
};

template <class T>
static int half_product(struct glint_stream *s, const struct glint_cuda_head_points *h,
                        const struct glint_cuda_point_rows *r, const struct glint_cuda_map *map,
                        const T *tokens, float *half)
{
    const struct glint_cuda_conv *c = tokens ? &h->token : &h->cell;
    const struct half_rows<T> rows = {
        1, c->k, c->n,
            product_ldw(c->n), r->cap_voxels, h->stride, h->row_axis, r->n_voxels, r->coord, tokens, *map,
            (const float *)c->weights, c->bias, half
    };
    return launch_product(s, rows, r->cap_voxels, 1);
}

static int halves(struct glint_stream *s, const struct glint_cuda_head_points *h,
                  const struct glint_cuda_point_rows *r, const struct glint_cuda_map *map,
                  enum glint_dtype type, const void *tokens, float *half)
{
    if (type == GLINT_DTYPE_F16)
        return half_product(s, h, r, map, (const __half *)tokens, half);
    if (type == GLINT_DTYPE_BF16)
        return half_product(s, h, r, map, (const __nv_bfloat16 *)tokens, half);
    return half_product(s, h, r, map, (const float *)tokens, half);
}

/* Whose voxel sorted point i is: the last that begins at or before it. */
static __global__ void __launch_bounds__(THREADS)
    voxel_of(const int32_t *start, const int32_t *n_points, int32_t cap_points, const int32_t *n_voxels,
             int32_t cap_voxels, int32_t *voxel)
{
    const int32_t i = (int32_t)(blockIdx.x * THREADS + threadIdx.x);
    int32_t low = 0, high = min(*n_voxels, cap_voxels);
    if (i >= min(*n_points, cap_points))
        return;
    while (high - low > 1) {
        const int32_t middle = low + (high - low) / 2;
        if (start[middle] <= i)
            low = middle;
        else
            high = middle;
    }
    voxel[i] = low;
}

struct points_job {
    int32_t k, hidden, classes, ldw, ldw_out, cap;
    const int32_t *n_points, *point, *voxel;
    const void *features;
    const float *half, *weights, *bias, *out_weights, *out_bias;
    uint8_t *class_out, *confidence_out;
    float *logits_out;
};

struct points_shared {
    __align__(16) float a[PRODUCT_K][POINTS + 4];
    __align__(16) float b[PRODUCT_K][PRODUCT_N];
    __align__(16) float mid[PRODUCT_N][POINTS + 4]; /* hidden channels of the points; logits in the end */
    __align__(16) float out[PRODUCT_N][MAX_CLASSES];
};

/* Products of the points' features with 64 hidden channels from h0 on, as product.cuh has them. */
template <class T>
static __device__ void hidden_sums(const struct points_job &j, int32_t first, int32_t n, int32_t h0,
                                   float sum[4][4], struct points_shared &s)
{
    const int32_t t = (int32_t)threadIdx.x, load_m = t / 4, load_k = t % 4 * 4, weight_k = t / 16,
                  weight_n = t % 16 * 4;
    const T *row = first + load_m < n ? (const T *)j.features + (int64_t)(first + load_m) * j.k : NULL;
    for (int32_t k0 = 0; k0 < j.k; k0 += PRODUCT_K) {
        float v[4];
        four(v, row, k0 + load_k, j.k);
        __syncthreads();
        for (int32_t i = 0; i < 4; i++) {
            s.a[load_k + i][load_m] = v[i];
            s.b[weight_k][weight_n + i] =
                k0 + weight_k < j.k ? j.weights[(int64_t)(k0 + weight_k) * j.ldw + h0 + weight_n + i] : 0.0f;
        }
        __syncthreads();
#pragma unroll
        for (int32_t k = 0; k < PRODUCT_K; k++)
            multiply(sum, *(const float4 *)&s.a[k][t / 16 * 4], *(const float4 *)&s.b[k][t % 16 * 4]);
    }
}

/* The hidden channels themselves, and the output's weights for them, to shared memory. */
static __device__ inline void finish_hidden(const struct points_job &j, int32_t first, int32_t n, int32_t h0,
                                            const float sum[4][4], struct points_shared &s)
{
    const int32_t t = (int32_t)threadIdx.x, m = t / 16 * 4, own = t % 16 * 4;
    for (int32_t i = 0; i < 4; i++) {
        const float *half = first + m + i < n ? j.half + (int64_t)j.voxel[first + m + i] * j.hidden : NULL;
        for (int32_t c = 0; c < 4; c++) {
            const int32_t h = h0 + own + c;
            const float v = half && h < j.hidden ? sum[i][c] + j.bias[h] + half[h] : 0.0f;
            s.mid[own + c][m + i] = v > 0.0f ? v : 0.0f;
        }
    }
    for (int32_t i = t; i < PRODUCT_N * MAX_CLASSES; i += THREADS) {
        const int32_t h = h0 + i / MAX_CLASSES, c = i % MAX_CLASSES;
        s.out[i / MAX_CLASSES][c] =
            h < j.hidden && c < j.classes ? j.out_weights[(int64_t)h * j.ldw_out + c] : 0.0f;
    }
    __syncthreads();
}

/* The class of a point, from its logits in column m of shared memory. */
static __device__ inline void choose(const struct points_job &j, int32_t sorted, int32_t m,
                                     const struct points_shared &s)
{
    int32_t best = 0;
    float sum = 0.0f;
    for (int32_t c = 1; c < j.classes; c++)
        if (s.mid[c][m] > s.mid[best][m])
            best = c;
    for (int32_t c = 0; c < j.classes; c++) {
        sum += expf(s.mid[c][m] - s.mid[best][m]);
        if (j.logits_out)
            j.logits_out[(int64_t)sorted * j.classes + c] = s.mid[c][m];
    }
    j.class_out[j.point[sorted]] = (uint8_t)best;
    j.confidence_out[j.point[sorted]] = sum >= 1 ? (uint8_t)(255.0f / sum + 0.5f) : 0; /* no numbers: 0 */
}

template <class T> static __global__ void __launch_bounds__(THREADS) classify(struct points_job j)
{
    __shared__ struct points_shared s;
    const int32_t t = (int32_t)threadIdx.x, n = min(*j.n_points, j.cap), first = (int32_t)blockIdx.x * POINTS;
    float logits[4][4] = {{0.0f}};
    if (first >= n)
        return;
    for (int32_t h0 = 0; h0 < j.hidden; h0 += PRODUCT_N) {
        float sum[4][4] = {{0.0f}};
        hidden_sums<T>(j, first, n, h0, sum, s);
        finish_hidden(j, first, n, h0, sum, s);
#pragma unroll 8
        for (int32_t h = 0; h < PRODUCT_N; h++)
            multiply(logits, *(const float4 *)&s.mid[h][t / 16 * 4], *(const float4 *)&s.out[h][t % 16 * 4]);
        __syncthreads();
    }
    for (int32_t i = 0; i < 4; i++)
        for (int32_t c = 0; c < 4; c++)
            if (t % 16 * 4 + c < j.classes)
                s.mid[t % 16 * 4 + c][t / 16 * 4 + i] = logits[i][c] + j.out_bias[t % 16 * 4 + c];
    __syncthreads();
    if (t < POINTS && first + t < n)
        choose(j, first + t, t, s);
}

size_t glint_head_points_work_bytes_cuda(const struct glint_cuda_head_points *h, int32_t cap_points,
                                         int32_t cap_voxels)
{
    return rounded((size_t)cap_points * sizeof(int32_t)) +
           rounded((size_t)cap_voxels * (size_t)h->cell.n * sizeof(float));
}

static int check(const struct glint_cuda_head_points *h, const struct glint_cuda_map *map)
{
    const struct glint_cuda_conv *all[] = {&h->point, &h->token, &h->cell, &h->out};
    bool fits = h->out.n <= MAX_CLASSES && h->cell.k == map->c && h->cell.n == h->point.n &&
                h->token.n == h->point.n && h->out.k == h->point.n;
    for (int i = 0; i < 4; i++)
        fits = fits && all[i]->type == GLINT_DTYPE_F32 && all[i]->kernel == 1;
    return fits ? GLINT_OK
                : glint_fail(GLINT_E_ARG, "point head: layers do not fit each other (%d, %d, %d, %d)",
                             h->point.n, h->token.n, h->cell.n, h->out.k);
}

int glint_head_points_cuda(struct glint_stream *s, const struct glint_cuda_head_points *h,
                           const struct glint_cuda_point_rows *r, const struct glint_cuda_map *map,
                           void *work, uint8_t *class_out, uint8_t *confidence_out, int32_t n_in,
                           float *logits_out)
{
    int32_t *voxel = (int32_t *)work;
    float *half = (float *)((uint8_t *)work + rounded((size_t)r->cap_points * sizeof *voxel));
    const struct points_job j = {h->point.k,
                                 h->point.n,
                                 h->out.n,
                                 product_ldw(h->point.n),
                                 product_ldw(h->out.n),
                                 r->cap_points,
                                 r->n_points,
                                 r->point,
                                 voxel,
                                 r->features,
                                 half,
                                 (const float *)h->point.weights,
                                 h->point.bias,
                                 (const float *)h->out.weights,
                                 h->out.bias,
                                 class_out,
                                 confidence_out,
                                 logits_out};
    const unsigned blocks = glint_blocks(r->cap_points, POINTS);
    GLINT_TRY(check(h, map));
    GLINT_TRY(glint_stream_fill(s, class_out, 255, (size_t)n_in));
    GLINT_TRY(glint_stream_fill(s, confidence_out, 0, (size_t)n_in));
    GLINT_TRY(halves(s, h, r, map, map->type, NULL, half));
    GLINT_TRY(halves(s, h, r, map, r->token_type, r->tokens, half));
    GLINT_TRY(GLINT_LAUNCH(voxel_of, glint_blocks(r->cap_points, THREADS), THREADS, 0, s, r->start,
                           r->n_points, r->cap_points, r->n_voxels, r->cap_voxels, voxel));
    if (r->feature_type == GLINT_DTYPE_F16)
        return GLINT_LAUNCH(classify<__half>, blocks, THREADS, 0, s, j);
    if (r->feature_type == GLINT_DTYPE_BF16)
        return GLINT_LAUNCH(classify<__nv_bfloat16>, blocks, THREADS, 0, s, j);
    return GLINT_LAUNCH(classify<float>, blocks, THREADS, 0, s, j);
}
