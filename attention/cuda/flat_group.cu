/* attention/cuda/flat_group.cu - see flat_group.h.
 *
 * One block per group, one warp per head of 16, and the layer from gather to the second norm without anything
 * going out:
 *
 *   tokens' features, rounded, and with their positions      -> shared a (x + pe), b (x)
 *   q, k of the warp's head = a Wq, a Wk                      -> registers: sums of a product are, rounded,
 * the factors of the next (q as the left one, k as the right one) v = b Wv -> shared c, the warp's own
 * columns scores, softmax, times v                                  -> shared b
 *   + x, norm: y                                              -> registers (float), shared a (rounded)
 *   GELU(a W1)                                                -> shared b and c
 *   b c W2 + y, norm                                          -> out
 *
 * In every product a warp has 16 outputs of all rows, so that the same lanes hold the same values of y before
 * and after the inner map. Weights come straight from L2 in the order of fragments, AHEAD blocks before their
 * use.
 *
 * FlatFormer (groups of 69 as 80 rows, width 128, inner 256): a layer of 16 k tokens is 232 blocks of 256
 * threads, 64 KB of shared memory, two to a multiprocessor. Per block: 21 MFLOP of products (2 x 80 x 8 x
 * 128^2) and 3 of attention; 103 KB of features in and out and 256 KB of weights from L2. Each warp reads all
 * of a product's left factor from shared memory: 2.5 KB per 41 kFLOP, about as long as the tensor cores take;
 * that, and L2, bound it. sm_90: 128 registers, no more so that two blocks fit; no spills. */
#include "attention/cuda/flat_group.h"
#include "attention/cuda/epilogue.cuh"
#include "attention/cuda/group.cuh"
#include "core/cuda/fragment.h"

#define GAP 8 /* elements between rows of shared memory: ldmatrix without bank conflicts */

struct group_call {
    struct glint_flat_layer_cuda l;
    const float *in, *pe;
    const int32_t *perm, *n;
    int32_t most;
    float scale; /* of scores, for exp2 */
    float *out, *attn_out;
};

/* Sizes for width C, inner width F = UP x C and R = 16 MT rows. */
template <int C, int UP, int MT> struct layout {
    static const int WARPS = C / 16, THREADS = 32 * WARPS, ROWS = 16 * MT;
    /* Blocks of weights on their way, as far as registers go: 2 while they hold y, too. */
    static const int AHEAD = C == 64 ? 2 : 4;
    static const int STRIDE = C + GAP,
                     WIDE = UP * C + GAP; /* of a, b, c; of the inner map's results over b and c */
    static const int A = ROWS * STRIDE, BC = 2 * ROWS * STRIDE > ROWS *WIDE ? 2 * ROWS *STRIDE : ROWS *WIDE;
    static const size_t BYTES = (size_t)(A + BC) * 2;
    /* In a's rows: the gap has the row's token; the row itself, where no values are in it, partial sums of
     * the warps. */
    static const int TOKENS = STRIDE / 2, PARTS = STRIDE / 2; /* from row to row, in integers and floats */
};

/* sum = rows of shared memory (K wide) times the 16 x K block column of weights at w, which is this lane's
 * place. */
template <class T, int K, int MT, int AHEAD>
static __device__ inline void multiply(const T *rows, int stride, const uint4 *w,
                                       glint_fragment_c (&sum)[MT][2])
{
    uint4 ring[AHEAD];
#pragma unroll
    for (int i = 0; i < AHEAD; i++)
        ring[i] = w[i * 32];
#pragma unroll
    for (int i = 0; i < MT; i++) {
        glint_fragment_zero(sum[i][0]);
        glint_fragment_zero(sum[i][1]);
    }
#pragma unroll 1
    for (int first = 0; first < K / 16; first += AHEAD) {
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            const glint_fragment_b<T> left = {{ring[k].x, ring[k].y}}, right = {{ring[k].z, ring[k].w}};
            if (first + AHEAD < K / 16)
                ring[k] = w[(first + AHEAD + k) * 32];
#pragma unroll
            for (int i = 0; i < MT; i++) {
                glint_fragment_a<T> a;
                glint_fragment_load_a(a, rows + i * 16 * stride + (first + k) * 16, stride);
                glint_fragment_multiply(sum[i][0], a, left);
                glint_fragment_multiply(sum[i][1], a, right);
            }
        }
    }
}

/* This lane's weights of 16 outputs from `first` on. */
static __device__ inline const uint4 *weights_of(const struct glint_matrix_cuda &m, int32_t first)
{
    return (const uint4 *)m.values + (int64_t)(first / 16) * (m.k / 16) * 32 + glint_lane();
}

template <int MT> static __device__ inline void add_bias(const float *bias, glint_fragment_c (&sum)[MT][2])
{
#pragma unroll
    for (int j = 0; j < 2; j++) {
        const float2 b = *(const float2 *)(bias + 8 * j + glint_fragment_column(0));
#pragma unroll
        for (int i = 0; i < MT; i++) {
            sum[i][j].x[0] += b.x, sum[i][j].x[1] += b.y;
            sum[i][j].x[2] += b.x, sum[i][j].x[3] += b.y;
        }
    }
}

/* A fragment's pairs to rows of shared memory, columns from `to` on. */
template <class T, int MT>
static __device__ inline void put_rows(T *to, int stride, const glint_fragment_c (&sum)[MT][2])
{
#pragma unroll
    for (int i = 0; i < MT; i++)
#pragma unroll
        for (int j = 0; j < 2; j++)
#pragma unroll
            for (int half = 0; half < 2; half++)
                *(uint32_t *)(to + (16 * i + glint_fragment_row(2 * half)) * stride + 8 * j +
                              glint_fragment_column(0)) =
                    glint_pack<T>(sum[i][j].x[2 * half], sum[i][j].x[2 * half + 1]);
}

/* Tokens' features to a and b, zeros beyond the group. */
template <class T, class L>
static __device__ inline void gather(const struct group_call &c, const int32_t *token, int32_t n_keys, T *a,
                                     T *b)
{
    const int pieces = (L::STRIDE - GAP) / 8;
    for (int32_t i = (int32_t)threadIdx.x; i < L::ROWS * pieces; i += L::THREADS) {
        const int32_t row = i / pieces, at = i % pieces * 8;
        uint4 x = make_uint4(0, 0, 0, 0), sum = x;
        if (row < n_keys) {
            const int64_t from = (int64_t)token[row * L::TOKENS] * c.l.dim + at;
            const float4 u = *(const float4 *)(c.in + from), v = *(const float4 *)(c.in + from + 4);
            const float4 p = *(const float4 *)(c.pe + from), q = *(const float4 *)(c.pe + from + 4);
            x = make_uint4(glint_pack<T>(u.x, u.y), glint_pack<T>(u.z, u.w), glint_pack<T>(v.x, v.y),
                           glint_pack<T>(v.z, v.w));
            sum = make_uint4(glint_pack<T>(u.x + p.x, u.y + p.y), glint_pack<T>(u.z + p.z, u.w + p.w),
                             glint_pack<T>(v.x + q.x, v.y + q.y), glint_pack<T>(v.z + q.z, v.w + q.w));
        }
        *(uint4 *)(a + row * L::STRIDE + at) = sum;
        *(uint4 *)(b + row * L::STRIDE + at) = x;
    }
}

/* Over the four lanes that share a row. */
static __device__ inline float row_largest(float v)
{
    for (int step = 1; step < 4; step *= 2) {
        const float other = __shfl_xor_sync(0xffffffffu, v, step);
        v = other > v ? other : v;
    }
    return v;
}
static __device__ inline float row_sum(float v)
{
    for (int step = 1; step < 4; step *= 2)
        v += __shfl_xor_sync(0xffffffffu, v, step);
    return v;
}

/* Scores of 16 queries with all keys become exp2(scale (score - the row's largest)); 1 / their sums to
 * inverse. */
template <int MT>
static __device__ inline void weigh(glint_fragment_c (&score)[2 * MT], int32_t n_keys, float scale,
                                    float (&inverse)[2])
{
#pragma unroll
    for (int half = 0; half < 2; half++) {
        float largest = -INFINITY, sum = 0.0f;
#pragma unroll
        for (int j = 0; j < 2 * MT; j++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                float *s = &score[j].x[2 * half + i];
                if (8 * j + glint_fragment_column(i) >= n_keys)
                    *s = -INFINITY;
                largest = *s > largest ? *s : largest;
            }
        largest = row_largest(largest);
#pragma unroll
        for (int j = 0; j < 2 * MT; j++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                float *s = &score[j].x[2 * half + i];
                *s = exp2f(scale * (*s - largest));
                sum += *s;
            }
        inverse[half] = 1.0f / row_sum(sum);
    }
}

/* One head: k in registers, q and v in the warp's columns of shared memory; results to the warp's columns of
 * `to`. */
template <class T, int MT>
static __device__ inline void attend(const T *q, const glint_fragment_b<T> (&k)[2 * MT], const T *v,
                                     int stride, int32_t n_keys, float scale, T *to)
{
#pragma unroll 1
    for (int m = 0; m < MT; m++) {
        glint_fragment_a<T> query;
        glint_fragment_c score[2 * MT], sum[1][2];
        float inverse[2];
        glint_fragment_load_a(query, q + 16 * m * stride, stride);
#pragma unroll
        for (int j = 0; j < 2 * MT; j++) {
            glint_fragment_zero(score[j]);
            glint_fragment_multiply(score[j], query, k[j]);
        }
        weigh<MT>(score, n_keys, scale, inverse);
        glint_fragment_zero(sum[0][0]);
        glint_fragment_zero(sum[0][1]);
#pragma unroll
        for (int j = 0; j < MT; j++) {
            glint_fragment_a<T> weights;
            glint_fragment_b<T> values[2];
            glint_fragment_pack(weights, score[2 * j], score[2 * j + 1]);
            glint_fragment_load_b2_rows(values, v + 16 * j * stride, stride);
            glint_fragment_multiply(sum[0][0], weights, values[0]);
            glint_fragment_multiply(sum[0][1], weights, values[1]);
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
            sum[0][0].x[i] *= inverse[i / 2];
            sum[0][1].x[i] *= inverse[i / 2];
        }
        put_rows<T, 1>(to + 16 * m * stride, stride, sum);
    }
}

/* The sum of each of a lane's rows over the block's columns: parts is rows x warps in shared memory, free
 * before. */
template <class L, int MT>
static __device__ inline void sum_rows(const float (&mine)[2 * MT], float *parts, float (&sum)[2 * MT])
{
    const int32_t warp = (int32_t)threadIdx.x / 32;
#pragma unroll
    for (int r = 0; r < 2 * MT; r++) {
        const float s = row_sum(mine[r]);
        if (glint_lane() % 4 == 0)
            parts[(8 * r + glint_lane() / 4) * L::PARTS + warp] = s;
    }
    __syncthreads();
#pragma unroll
    for (int r = 0; r < 2 * MT; r++) {
        sum[r] = 0.0f;
#pragma unroll
        for (int w = 0; w < L::WARPS; w += 4) {
            const float4 p = *(const float4 *)(parts + (8 * r + glint_lane() / 4) * L::PARTS + w);
            sum[r] += p.x + p.y + (p.z + p.w);
        }
    }
    __syncthreads();
}

/* Layer norm of rows that lie over all warps; row 8 r + lane / 4 is half r % 2 of fragment r / 2. */
template <class L, int MT>
static __device__ inline void norm(glint_fragment_c (&v)[MT][2], const float *weight, const float *bias,
                                   float eps, float *parts)
{
    const float one = 1.0f / (float)(L::STRIDE - GAP); /* of a power of two: exact */
    float mine[2 * MT], sum[2 * MT];
#pragma unroll
    for (int r = 0; r < 2 * MT; r++)
        mine[r] = v[r / 2][0].x[r % 2 * 2] + v[r / 2][0].x[r % 2 * 2 + 1] + v[r / 2][1].x[r % 2 * 2] +
                  v[r / 2][1].x[r % 2 * 2 + 1];
    sum_rows<L, MT>(mine, parts, sum);
#pragma unroll
    for (int r = 0; r < 2 * MT; r++) {
        const float mean = sum[r] * one;
        mine[r] = 0.0f;
#pragma unroll
        for (int j = 0; j < 2; j++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                float *x = &v[r / 2][j].x[r % 2 * 2 + i];
                *x -= mean;
                mine[r] += *x * *x;
            }
    }
    sum_rows<L, MT>(mine, parts, sum);
#pragma unroll
    for (int j = 0; j < 2; j++) {
        const float2 w = *(const float2 *)(weight + 8 * j + glint_fragment_column(0));
        const float2 b = *(const float2 *)(bias + 8 * j + glint_fragment_column(0));
#pragma unroll
        for (int r = 0; r < 2 * MT; r++) {
            const float inverse = rsqrtf(sum[r] * one + eps);
            float *x = &v[r / 2][j].x[r % 2 * 2];
            x[0] = x[0] * inverse * w.x + b.x;
            x[1] = x[1] * inverse * w.y + b.y;
        }
    }
}

/* Rows of the fragments to memory: row r to `to` + place(r) * dim, from the warp's first column on. */
template <int MT, int STEP>
static __device__ inline void write_rows(float *to, int32_t dim, const int32_t *token, int32_t first,
                                         int32_t rows, const glint_fragment_c (&v)[MT][2])
{
#pragma unroll
    for (int r = 0; r < 2 * MT; r++) {
        const int32_t row = 8 * r + glint_lane() / 4;
        if (row >= rows)
            continue;
        float *at = to + (int64_t)(token ? token[row * STEP] : first + row) * dim + glint_fragment_column(0);
        *(float2 *)at = make_float2(v[r / 2][0].x[r % 2 * 2], v[r / 2][0].x[r % 2 * 2 + 1]);
        *(float2 *)(at + 8) = make_float2(v[r / 2][1].x[r % 2 * 2], v[r / 2][1].x[r % 2 * 2 + 1]);
    }
}

/* v += the tokens' features. */
template <int MT, int STEP>
static __device__ inline void add_rows(const float *from, int32_t dim, const int32_t *token, int32_t rows,
                                       glint_fragment_c (&v)[MT][2])
{
#pragma unroll
    for (int r = 0; r < 2 * MT; r++) {
        const int32_t row = 8 * r + glint_lane() / 4;
        if (row >= rows)
            continue;
        const float *at = from + (int64_t)token[row * STEP] * dim + glint_fragment_column(0);
        const float2 left = *(const float2 *)at, right = *(const float2 *)(at + 8);
        v[r / 2][0].x[r % 2 * 2] += left.x, v[r / 2][0].x[r % 2 * 2 + 1] += left.y;
        v[r / 2][1].x[r % 2 * 2] += right.x, v[r / 2][1].x[r % 2 * 2 + 1] += right.y;
    }
}

/* q, k and v of a warp's head, and its attention: from a and b to b. The barrier: all have read a and b. */
template <class T, class L, int MT>
static __device__ inline void attend_head(const struct group_call &call, int32_t n_keys, T *a, T *b, T *c)
{
    const int C = L::STRIDE - GAP;
    const int32_t column = (int32_t)threadIdx.x / 32 * 16;
    const struct glint_matrix_cuda &w = call.l.qkv;
    glint_fragment_c sum[MT][2];
    glint_fragment_b<T> k[2 * MT];
    multiply<T, C, MT, L::AHEAD>(b, L::STRIDE, weights_of(w, 2 * C + column), sum);
    add_bias<MT>(w.bias + 2 * C + column, sum);
    put_rows<T, MT>(c + column, L::STRIDE, sum);
    multiply<T, C, MT, L::AHEAD>(a, L::STRIDE, weights_of(w, C + column), sum);
    add_bias<MT>(w.bias + C + column, sum);
#pragma unroll
    for (int i = 0; i < MT; i++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            k[2 * i + half].x[0] = glint_pack<T>(sum[i][0].x[2 * half], sum[i][0].x[2 * half + 1]);
            k[2 * i + half].x[1] = glint_pack<T>(sum[i][1].x[2 * half], sum[i][1].x[2 * half + 1]);
        }
    multiply<T, C, MT, L::AHEAD>(a, L::STRIDE, weights_of(w, column), sum);
    add_bias<MT>(w.bias + column, sum);
    __syncthreads();
    put_rows<T, MT>(a + column, L::STRIDE, sum);
    __syncwarp(0xffffffffu);
    attend<T, MT>(a + column, k, c + column, L::STRIDE, n_keys, call.scale, b + column);
}

template <class T, int C, int UP, int MT>
static __global__ void __launch_bounds__(2 * C, 256 / C)
    run_group(const __grid_constant__ struct group_call call)
{
    typedef struct layout<C, UP, MT> L;
    GLINT_SHARED_BYTES(bytes);
    T *const a = (T *)bytes, *const b = a + L::A, *const c = b + L::ROWS * L::STRIDE;
    float *const parts = (float *)a;
    int32_t *const token = (int32_t *)(a + C);
    const struct glint_flat_layer_cuda &l = call.l;
    const int32_t n = *call.n < call.most ? *call.n : call.most, column = (int32_t)threadIdx.x / 32 * 16;
    const struct glint_group g = glint_group_of((int32_t)blockIdx.x, l.group, n, (int32_t)l.short_group);
    if (g.fresh <= 0)
        return;
    if ((int32_t)threadIdx.x < g.n_keys)
        token[threadIdx.x * L::TOKENS] = call.perm[glint_group_position(g, (int32_t)threadIdx.x)];
    __syncthreads();
    gather<T, L>(call, token, g.n_keys, a, b);
    __syncthreads();
    attend_head<T, L, MT>(call, g.n_keys, a, b, c);
    __syncthreads();
    glint_fragment_c y[MT][2], sum[MT][2];
    multiply<T, C, MT, L::AHEAD>(b, L::STRIDE, weights_of(l.out, column), y);
    add_bias<MT>(l.out.bias + column, y);
    if (call.attn_out)
        write_rows<MT, L::TOKENS>(call.attn_out + column, C, NULL, g.first, g.n_keys, y);
    add_rows<MT, L::TOKENS>(call.in + column, C, token, g.n_keys, y);
    norm<L, MT>(y, l.norm1_weight + column, l.norm1_bias + column, l.norm_eps, parts);
    put_rows<T, MT>(a + column, L::STRIDE, y);
    __syncthreads();
#pragma unroll 1
    for (int part = 0; part < UP; part++) {
        multiply<T, C, MT, 2>(a, L::STRIDE, weights_of(l.fc1, part * C + column), sum);
        add_bias<MT>(l.fc1.bias + part * C + column, sum);
#pragma unroll
        for (int i = 0; i < 8 * MT; i++)
            sum[i / 8][i / 4 % 2].x[i % 4] = glint_gelu_cuda(sum[i / 8][i / 4 % 2].x[i % 4]);
        put_rows<T, MT>(b + part * C + column, L::WIDE, sum);
    }
    __syncthreads();
    multiply<T, UP * C, MT, 2>(b, L::WIDE, weights_of(l.fc2, column), sum);
    add_bias<MT>(l.fc2.bias + column, sum);
#pragma unroll
    for (int i = 0; i < 8 * MT; i++)
        sum[i / 8][i / 4 % 2].x[i % 4] += y[i / 8][i / 4 % 2].x[i % 4];
    norm<L, MT>(sum, l.norm2_weight + column, l.norm2_bias + column, l.norm_eps, parts);
    write_rows<MT, L::TOKENS>(call.out + column, C, token, 0, g.fresh, sum);
}

template <class T, int C, int UP, int MT>
static int launch(struct glint_stream *s, const struct group_call *c)
{
    typedef struct layout<C, UP, MT> L;
    return GLINT_LAUNCH((run_group<T, C, UP, MT>), glint_blocks(c->most, c->l.group), L::THREADS, L::BYTES, s,
                        *c);
}

/* What the layouts take, at most 65280 bytes, any device has. */
bool glint_flat_group_takes(const struct glint_flat_layer_cuda *l)
{
    return l->precision != GLINT_PRECISION_FP32 && (l->dim == 64 || l->dim == 128) &&
           l->heads * 16 == l->dim && l->ffn == 2 * l->dim && l->group <= 80;
}

template <class T, int C, int UP> static int by_rows(struct glint_stream *s, const struct group_call *c)
{
    return c->l.group <= 64 ? launch<T, C, UP, 4>(s, c) : launch<T, C, UP, 5>(s, c);
}

template <class T> static int choose(struct glint_stream *s, const struct group_call *c)
{
    return c->l.dim == 64 ? by_rows<T, 64, 2>(s, c) : by_rows<T, 128, 2>(s, c);
}

int glint_flat_group_cuda(struct glint_stream *s, const struct glint_flat_layer_cuda *l, const float *in,
                          const float *pe, const int32_t *perm, const int32_t *n, int32_t most, float *out,
                          float *attn_out)
{
    const struct group_call c = {*l, in, pe, perm, n, most, 1.44269504f / sqrtf(16.0f), out, attn_out};
    return l->precision == GLINT_PRECISION_BF16 ? choose<__nv_bfloat16>(s, &c) : choose<__half>(s, &c);
}
