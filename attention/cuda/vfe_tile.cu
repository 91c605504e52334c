/* attention/cuda/vfe_tile.cu - see vfe_tile.h.
 *
 * A block has the voxels whose first point lies in its stretch of STARTS sorted points, so that no voxel has
 * two blocks and nothing is waited for: means, first layer, maxima, the voxels' halves of the second layer,
 * the points' halves and their maxima, all in shared memory. Its points, as many as they are, pass in chunks
 * of ROWS; where there is more than one chunk they are brought and decorated again for each of the three
 * stages (means; first layer; second layer).
 *
 * The first layer is plain multiply-adds in float, a thread per channel; the second tensor cores, a warp per
 * 16 outputs. Maxima go from runs of rows by atomic maxima, which are the same in any order: of the first
 * layer in shared memory, as integers that sort like the floats; of the second, which are not negative, in
 * the result itself.
 *
 * FlatFormer (180 k points, 16 k voxels, 11 -> 64 -> 128): 3750 blocks of 256 threads, 62 KB of shared
 * memory. Bytes: a point's fields once (gathered: a sector of 32 bytes each), 4 of its index, 4 of its voxel;
 * 512 per voxel out. 0.25 GFLOP in float, 3.2 on tensor cores. sm_90: 80 registers, no
 * spills, three blocks to a multiprocessor. Bound by latency: the chain from index to
 * field, some ten barriers per block. */
#include "attention/cuda/vfe_tile.h"
#include "attention/cuda/epilogue.cuh"
#include "attention/cuda/numbers.cuh"
#include "core/cuda/fragment.h"

#define THREADS 256
#define STARTS  48 /* sorted points, of which voxels of a block are the first: at most so many voxels */
#define ROWS    80 /* points at a time */
#define PART    32 /* of their rows in the second layer at a time */
#define COLUMNS 12
#define FIELDS  6
#define GAP     8 /* elements between rows of 16 bits */
#define PAD     4 /* between rows of floats */

template <class T, int W0, int W1> struct tile { /* shared memory */
    float half[STARTS][W1 + PAD];                /* voxels' halves of the second layer */
    union {
        struct {
            float in[ROWS][COLUMNS];
            int32_t most[STARTS][W0]; /* first layer's maxima, as integers that sort like them */
        } first;
        float second[PART][W1 + PAD];
    } u;
    T feature[ROWS]
             [W0 + GAP]; /* the first layer's points; products read up to 16 rows more, into what follows */
    T voxel[STARTS][W0 + GAP]; /* its voxels */
    float field[FIELDS][ROWS];
    int32_t owner[ROWS]; /* voxel of a row, from the block's first; -1 - voxel: an empty slot */
    float mean[STARTS][3];
};

struct part { /* what a block has */
    int32_t first, n_voxels;
    int32_t begin, end; /* points */
};

/* Integers that sort like the floats, and back. */
static __device__ inline int32_t sortable(float v)
{
    const int32_t bits = __float_as_int(v);
    return bits >= 0 ? bits : bits ^ 0x7fffffff;
}
static __device__ inline float from_sortable(int32_t bits)
{
    return __int_as_float(bits >= 0 ? bits : bits ^ 0x7fffffff);
}

/* The first voxel that begins at sorted point i or later. */
static __device__ inline int32_t voxel_from(const struct glint_vfe_points &p, int32_t i, int32_t n_points)
{
    if (i >= n_points)
        return *p.n_voxels < p.most_voxels ? *p.n_voxels : p.most_voxels;
    const int32_t v = p.voxel[i];
    return p.start[v] == i ? v : v + 1;
}

/* Points at .. at + n - 1: their fields and voxels. */
template <class S>
static __device__ inline void bring(const struct glint_vfe_points &p, const struct part &b, int32_t at,
                                    int32_t n, S &s)
{
    for (int32_t r = (int32_t)threadIdx.x; r < n; r += THREADS) {
        const int32_t v = p.voxel[at + r] - b.first;
        s.owner[r] = p.point[at + r] < 0 ? -1 - v : v;
    }
    for (int32_t i = (int32_t)threadIdx.x; i < FIELDS * n; i += THREADS) {
        const int32_t f = i / n, r = i % n, point = p.point[at + r];
        s.field[f][r] = p.field[f] && point >= 0 ? p.field[f][point] : 0.0f;
    }
}

/* A thread per voxel and axis adds the points in hand, in their order; the mean after the last of them. */
template <class S>
static __device__ inline void add_to_means(const struct glint_vfe_points &p, const struct part &b, int32_t at,
                                           int32_t n, S &s)
{
    for (int32_t i = (int32_t)threadIdx.x; i < 3 * b.n_voxels; i += THREADS) {
        const int32_t v = i / 3, begin = p.start[b.first + v], end = p.start[b.first + v + 1];
        const int32_t from = begin > at ? begin - at : 0, to = (end < at + n ? end - at : n);
        if (from >= to)
            continue;
        const bool empty = end - at <= n && s.owner[end - at - 1] < 0;
        float sum = begin >= at ? 0.0f : s.mean[v][i % 3];
        for (int32_t r = from; r < to - (int32_t)empty; r++)
            sum = __fadd_rn(sum, s.field[i % 3][r]);
        s.mean[v][i % 3] = end - at <= n ? __fdiv_rn(sum, (float)(end - begin - (int32_t)empty)) : sum;
    }
}

/* As glint_vfe_input, from fields in shared memory. */
template <class S>
static __device__ inline void decorate(const struct glint_vfe &vfe, const struct glint_vfe_points &p,
                                       const struct part &b, int32_t n, S &s)
{
    for (int32_t i = (int32_t)threadIdx.x; i < n * COLUMNS; i += THREADS) {
        const int32_t r = i / COLUMNS, c = i % COLUMNS, v = s.owner[r];
        float value = 0.0f;
        if (c < vfe.n_columns && v >= 0) {
            const struct glint_vfe_column &column = vfe.column[c];
            const int32_t index = column.index;
            float subtract = 0.0f;
            if (column.source == GLINT_VFE_MEAN)
                subtract = s.mean[v][index];
            else if (column.source == GLINT_VFE_CENTRE)
                subtract =
                    __fadd_rn(__fmul_rn((float)p.coord[3 * (int64_t)(b.first + v) + index], vfe.cell[index]),
                              vfe.centre_offset[index]);
            value = __fmul_rn(__fsub_rn(s.field[index][r], subtract), column.scale);
        }
        s.u.first.in[r][c] = value;
    }
}

static __device__ inline int32_t voxel_of(int32_t owner)
{
    return owner < 0 ? -1 - owner : owner;
}

/* The first layer of the rows in hand, a thread per channel and stretch of rows; `fold`: into the maxima too.
 */
template <class T, int W0, class S>
static __device__ inline void first_layer(const struct glint_matrix_cuda &w, int32_t n_columns, int32_t n,
                                          bool fold, S &s)
{
    const int EACH = ROWS * W0 / THREADS;
    const int32_t j = (int32_t)threadIdx.x % W0, first = (int32_t)threadIdx.x / W0 * EACH;
    const int32_t last = first + EACH < n ? first + EACH : n;
    const float bias = w.bias[j];
    float weight[COLUMNS];
#pragma unroll
    for (int c = 0; c < COLUMNS; c++)
        weight[c] = c < n_columns ? ((const float *)w.values)[c * W0 + j] : 0.0f;
    int32_t voxel = -1;
    float most = -INFINITY;
    for (int32_t r = first; r < last; r++) {
        float sum = 0.0f;
#pragma unroll
        for (int c = 0; c < COLUMNS; c++)
            sum = fmaf(s.u.first.in[r][c], weight[c], sum);
        sum = glint_relu_cuda(sum + bias);
        s.feature[r][j] = glint_rounded<T>(sum);
        const int32_t owner = voxel_of(s.owner[r]);
        if (fold && owner != voxel) {
            if (voxel >= 0)
                atomicMax(&s.u.first.most[voxel][j], sortable(most));
            voxel = owner;
            most = -INFINITY;
        }
        most = most < sum ? sum : most;
    }
    if (fold && voxel >= 0)
        atomicMax(&s.u.first.most[voxel][j], sortable(most));
}

/* Weights of 16 outputs of a warp, for all inputs. */
template <int W0>
static __device__ inline void read_weights(const struct glint_matrix_cuda &w, int32_t strip,
                                           uint4 (&b)[W0 / 16])
{
#pragma unroll
    for (int k = 0; k < W0 / 16; k++)
        b[k] = ((const uint4 *)w.values)[(strip * (W0 / 16) + k) * 32 + glint_lane()];
}

/* 16 M rows of shared memory times a warp's weights, to rows of floats, plus bias. */
template <class T, int W0, int M>
static __device__ inline void multiply(const T *rows, const uint4 (&w)[W0 / 16], const float *bias, float *to,
                                       int stride)
{
#pragma unroll
    for (int m = 0; m < M; m++) {
        glint_fragment_c sum[2];
        glint_fragment_zero(sum[0]);
        glint_fragment_zero(sum[1]);
#pragma unroll
        for (int k = 0; k < W0 / 16; k++) {
            const glint_fragment_b<T> left = {{w[k].x, w[k].y}}, right = {{w[k].z, w[k].w}};
            glint_fragment_a<T> a;
            glint_fragment_load_a(a, rows + 16 * m * (W0 + GAP) + 16 * k, W0 + GAP);
            glint_fragment_multiply(sum[0], a, left);
            glint_fragment_multiply(sum[1], a, right);
        }
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
            for (int j = 0; j < 2; j++)
                to[(16 * m + glint_fragment_row(i)) * stride + 8 * j + glint_fragment_column(i)] =
                    sum[j].x[i] + bias[8 * j + glint_fragment_column(i)];
    }
}

/* relu(most + half) into the result: not negative, so that its bits sort as integers. A half that is no
 * number makes the result none; most is -infinity where all of a run's points are none. */
static __device__ inline void fold(float *out, float most, float half)
{
    const float v = glint_relu_cuda(most + half);
    if (v > 0.0f || v != v)
        atomicMax((int32_t *)out, v != v ? 0x7fffffff : __float_as_int(v));
}

/* Rows first .. of the chunk, whose second layer lacks the voxels' halves: maxima, and the points themselves.
 */
template <int W1, class S>
static __device__ inline void finish_rows(const struct part &b, int32_t at, int32_t first, int32_t n,
                                          float *voxel_out, float *points_out, S &s)
{
    const int EACH = PART * W1 / THREADS;
    const int32_t j = (int32_t)threadIdx.x % W1, from = (int32_t)threadIdx.x / W1 * EACH;
    int32_t voxel = -1;
    float most = -INFINITY;
    for (int32_t r = from; r < from + EACH && first + r < n; r++) {
        const int32_t owner = voxel_of(s.owner[first + r]);
        const float v = s.u.second[r][j];
        if (owner != voxel) {
            if (voxel >= 0)
                fold(voxel_out + (int64_t)(b.first + voxel) * W1 + j, most, s.half[voxel][j]);
            voxel = owner;
            most = -INFINITY;
        }
        most = most < v ? v : most;
        if (points_out)
            points_out[(int64_t)(at + first + r) * W1 + j] = glint_relu_cuda(v + s.half[owner][j]);
    }
    if (voxel >= 0)
        fold(voxel_out + (int64_t)(b.first + voxel) * W1 + j, most, s.half[voxel][j]);
}

struct tile_call {
    struct glint_vfe_cuda v;
    struct glint_vfe_points p;
    float *voxel_out, *points_out;
};

/* Fields, means and the first layer of all points; leaves the last chunk's features. */
template <class T, int W0, class S>
static __device__ inline void encode_first(const struct tile_call &c, const struct part &b, S &s)
{
    const bool one = b.end - b.begin <= ROWS;
    for (int32_t i = (int32_t)threadIdx.x; i < STARTS * W0; i += THREADS)
        s.u.first.most[i / W0][i % W0] = sortable(-INFINITY);
    for (int32_t at = b.begin; at < b.end; at += ROWS) {
        const int32_t n = b.end - at < ROWS ? b.end - at : ROWS;
        bring(c.p, b, at, n, s);
        __syncthreads();
        add_to_means(c.p, b, at, n, s);
        __syncthreads();
    }
    for (int32_t at = b.begin; at < b.end; at += ROWS) {
        const int32_t n = b.end - at < ROWS ? b.end - at : ROWS;
        if (!one)
            bring(c.p, b, at, n, s);
        __syncthreads();
        decorate(c.v.vfe, c.p, b, n, s);
        __syncthreads();
        first_layer<T, W0>(c.v.point[0], c.v.vfe.n_columns, n, true, s);
        __syncthreads();
    }
    for (int32_t i = (int32_t)threadIdx.x; i < STARTS * W0; i += THREADS)
        s.voxel[i / W0][i % W0] =
            glint_rounded<T>(i / W0 < b.n_voxels ? from_sortable(s.u.first.most[i / W0][i % W0]) : 0.0f);
    __syncthreads();
}

template <class T, int W0, int W1>
static __global__ void __launch_bounds__(THREADS, 3) encode(const __grid_constant__ struct tile_call c)
{
    GLINT_SHARED_BYTES(bytes);
    struct tile<T, W0, W1> &s = *(struct tile<T, W0, W1> *)bytes;
    const int32_t n_points = *c.p.n_points < c.p.most_points ? *c.p.n_points : c.p.most_points;
    const int32_t from = (int32_t)blockIdx.x * STARTS, strip = (int32_t)threadIdx.x / 32;
    if (from >= n_points)
        return;
    struct part b;
    b.first = voxel_from(c.p, from, n_points);
    b.n_voxels = voxel_from(c.p, from + STARTS, n_points) - b.first;
    if (b.n_voxels <= 0)
        return;
    b.begin = c.p.start[b.first];
    b.end = c.p.start[b.first + b.n_voxels];
    for (int32_t i = (int32_t)threadIdx.x; i < b.n_voxels * W1; i += THREADS)
        c.voxel_out[(int64_t)b.first * W1 + i] = 0.0f;
    encode_first<T, W0>(c, b, s);
    uint4 w[W0 / 16];
    if (strip < W1 / 16) {
        read_weights<W0>(c.v.voxel[1], strip, w);
        multiply<T, W0, STARTS / 16>(&s.voxel[0][0], w, c.v.voxel[1].bias + 16 * strip,
                                     &s.half[0][16 * strip], W1 + PAD);
        read_weights<W0>(c.v.point[1], strip, w);
    }
    for (int32_t at = b.begin; at < b.end; at += ROWS) {
        const int32_t n = b.end - at < ROWS ? b.end - at : ROWS;
        if (b.end - b.begin > ROWS) {
            bring(c.p, b, at, n, s);
            __syncthreads();
            decorate(c.v.vfe, c.p, b, n, s);
            __syncthreads();
            first_layer<T, W0>(c.v.point[0], c.v.vfe.n_columns, n, false, s);
        }
        for (int32_t first = 0; first < n; first += PART) {
            __syncthreads();
            if (strip < W1 / 16)
                multiply<T, W0, PART / 16>(&s.feature[first][0], w, c.v.point[1].bias + 16 * strip,
                                           &s.u.second[0][16 * strip], W1 + PAD);
            __syncthreads();
            finish_rows<W1>(b, at, first, n, c.voxel_out, c.points_out, s);
        }
        __syncthreads();
    }
}

static bool is(const struct glint_vfe *v, int32_t first, int32_t second)
{
    return v->width[0] == first && v->width[1] == second;
}

bool glint_vfe_tile_takes(const struct glint_vfe_cuda *v)
{
    return v->precision != GLINT_PRECISION_FP32 && v->vfe.n_layers == 2 && v->vfe.n_columns <= COLUMNS &&
           (is(&v->vfe, 64, 128) || is(&v->vfe, 32, 64));
}

template <class T, int W0, int W1> static int launch(struct glint_stream *s, const struct tile_call *c)
{
    return GLINT_LAUNCH((encode<T, W0, W1>), glint_blocks(c->p.most_points, STARTS), THREADS,
                        sizeof(struct tile<T, W0, W1>), s, *c);
}

template <class T> static int choose(struct glint_stream *s, const struct tile_call *c)
{
    return is(&c->v.vfe, 64, 128) ? launch<T, 64, 128>(s, c) : launch<T, 32, 64>(s, c);
}

int glint_vfe_tile_cuda(struct glint_stream *s, const struct glint_vfe_cuda *v,
                        const struct glint_vfe_points *p, float *voxel_out, float *points_out)
{
    const struct tile_call c = {*v, *p, voxel_out, points_out};
    return v->precision == GLINT_PRECISION_BF16 ? choose<__nv_bfloat16>(s, &c) : choose<__half>(s, &c);
}
