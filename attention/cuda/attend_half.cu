/* attention/cuda/attend_half.cu - see attend_half.h.
 *
 * A block of 8 warps per group and as many heads as fit: all its keys and values come to shared memory by
 * cp.async, gathered by the permutation, zeros up to a multiple of 16 keys. A warp takes 16 queries of one
 * head at a time: their scores with up to 80 keys are in registers (more keys: 80 at a time, with a running
 * maximum and sum), where exponentials, rounded, are the left factor of the product with the values at once.
 *
 * FlatFormer (8 heads of 16, groups of 69): 40 KB of shared memory per block, 40 units of work for 8 warps; 4
 * g d FLOP per query and head, of which 69 of 80 columns and 69 of 80 rows count. Bytes: q, k, v and the
 * result once, 1 KB per token of 128. sm_90: 118
 * registers (heads of 32: 128), no spills. Bound by the exponentials (g per query and head) and the gather.
 */
#include "attention/cuda/attend_half.h"
#include "attention/cuda/group.cuh"
#include "core/cuda/async_copy.h"
#include "core/cuda/fragment.h"

#define THREADS    256
#define KEYS       5 /* blocks of 16 keys whose scores are held at a time */
#define SHARED     49152
#define SHARED_ONE 65536 /* for one head; what any device has */

struct kv_tile {            /* the group's keys and values in shared memory */
    int32_t stride, values; /* elements from key to key; from a key to its value */
    int32_t n_keys, blocks; /* of 16 */
};

template <class T, int D>
static __device__ inline void bring(const struct glint_attend_cuda &a, const struct kv_tile &t,
                                    const int32_t *token, int32_t first_head, int32_t heads, T *kv)
{
    const int32_t pieces = heads * D / 8, all = t.blocks * 16 * 2 * pieces;
    for (int32_t i = (int32_t)threadIdx.x; i < all; i += THREADS) {
        const int32_t key = i / (2 * pieces), piece = i % (2 * pieces), at = piece % pieces * 8;
        const bool inside = key < t.n_keys, value = piece >= pieces;
        const T *from = (const T *)(value ? a.v : a.k);
        const int64_t row = inside ? token[key] : 0;
        glint_async_copy16(kv + key * t.stride + (value ? t.values : 0) + at,
                           from + row * a.ld + first_head * D + at, inside);
    }
    glint_async_commit();
}

/* A result so far of 16 queries: rows lane / 4 and lane / 4 + 8. */
template <int D> struct result {
    glint_fragment_c sum[D / 8];
    float largest[2], weight[2];
};

/* The largest (sum) over the four lanes that share a row. */
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

/* Scores of 16 queries with the keys of blocks first .. first + KEYS - 1, -infinity beyond the last key. */
template <class T, int D>
static __device__ inline void find_scores(const struct kv_tile &t, const glint_fragment_a<T> (&q)[D / 16],
                                          const T *keys, int32_t first, glint_fragment_c (&score)[2 * KEYS])
{
#pragma unroll
    for (int j = 0; j < KEYS; j++) {
        glint_fragment_zero(score[2 * j]);
        glint_fragment_zero(score[2 * j + 1]);
        if (first + j < t.blocks)
#pragma unroll
            for (int i = 0; i < D / 16; i++) {
                glint_fragment_b<T> k[2];
                glint_fragment_load_b2(k, keys + (first + j) * 16 * t.stride + 16 * i, t.stride);
                glint_fragment_multiply(score[2 * j], q[i], k[0]);
                glint_fragment_multiply(score[2 * j + 1], q[i], k[1]);
            }
#pragma unroll
        for (int i = 0; i < 8; i++) {
            const int32_t key = (first + j) * 16 + i / 4 * 8 + glint_fragment_column(i % 4);
            if (key >= t.n_keys)
                score[2 * j + i / 4].x[i % 4] = -INFINITY;
        }
    }
}

/* Scores become exp2(scale (score - largest)); what was there before fades. */
template <int D>
static __device__ inline void weigh(glint_fragment_c (&score)[2 * KEYS], float scale, struct result<D> *r)
{
#pragma unroll
    for (int half = 0; half < 2; half++) {
        float largest = -INFINITY, sum = 0.0f;
#pragma unroll
        for (int j = 0; j < 2 * KEYS; j++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                const float s = score[j].x[2 * half + i];
                largest = s > largest ? s : largest;
            }
        largest = row_largest(largest);
        largest = largest > r->largest[half] ? largest : r->largest[half];
        const float fade = exp2f(scale * (r->largest[half] - largest));
#pragma unroll
        for (int j = 0; j < 2 * KEYS; j++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                float *s = &score[j].x[2 * half + i];
                *s = exp2f(scale * (*s - largest));
                sum += *s;
            }
        r->largest[half] = largest;
        r->weight[half] = r->weight[half] * fade + row_sum(sum);
#pragma unroll
        for (int j = 0; j < D / 8; j++) {
            r->sum[j].x[2 * half] *= fade;
            r->sum[j].x[2 * half + 1] *= fade;
        }
    }
}

template <class T, int D>
static __device__ inline void add_values(const struct kv_tile &t, const T *values, int32_t first,
                                         const glint_fragment_c (&score)[2 * KEYS], struct result<D> *r)
{
#pragma unroll
    for (int j = 0; j < KEYS; j++) {
        if (first + j >= t.blocks)
            break;
        glint_fragment_a<T> weights;
        glint_fragment_pack(weights, score[2 * j], score[2 * j + 1]);
#pragma unroll
        for (int i = 0; i < D / 16; i++) {
            glint_fragment_b<T> v[2];
            glint_fragment_load_b2_rows(v, values + (first + j) * 16 * t.stride + 16 * i, t.stride);
            glint_fragment_multiply(r->sum[2 * i], weights, v[0]);
            glint_fragment_multiply(r->sum[2 * i + 1], weights, v[1]);
        }
    }
}

/* Queries straight from memory: a fragment's row is 8 bytes in two places. */
template <class T, int D>
static __device__ inline void read_queries(const struct glint_attend_cuda &a, const int32_t *token,
                                           int32_t first, int32_t rows, int32_t head,
                                           glint_fragment_a<T> (&q)[D / 16])
{
#pragma unroll
    for (int i = 0; i < D / 16; i++)
#pragma unroll
        for (int x = 0; x < 4; x++) {
            const int32_t row = first + glint_lane() / 4 + x % 2 * 8;
            const int32_t column = head * D + 16 * i + x / 2 * 8 + glint_lane() % 4 * 2;
            q[i].x[x] = row < rows ? *(const uint32_t *)((const T *)a.q + token[row] * a.ld + column) : 0u;
        }
}

template <class T, int D>
static __device__ inline void write_results(const struct glint_attend_cuda &a, const struct glint_group &g,
                                            const int32_t *token, int32_t first, int32_t rows, int32_t head,
                                            const struct result<D> &r)
{
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const int32_t row = first + glint_lane() / 4 + 8 * half;
        if (row >= rows)
            continue;
        const float inverse = 1.0f / r.weight[half];
#pragma unroll
        for (int j = 0; j < D / 8; j++) {
            const int32_t column = head * D + 8 * j + glint_lane() % 4 * 2;
            const uint32_t both =
                glint_pack<T>(r.sum[j].x[2 * half] * inverse, r.sum[j].x[2 * half + 1] * inverse);
            if (row < g.fresh)
                *(uint32_t *)((T *)a.out + token[row] * a.ldo + column) = both;
            if (a.padded_out)
                *(uint32_t *)((T *)a.padded_out + ((int64_t)g.first + row) * a.dim + column) = both;
        }
    }
}

template <class T, int D>
static __global__ void __launch_bounds__(THREADS, 2)
    attend_tiles(const __grid_constant__ struct glint_attend_cuda a, int32_t block_heads, float scale)
{
    GLINT_SHARED_BYTES(bytes);
    const int32_t n = *a.n < a.most ? *a.n : a.most, warp = (int32_t)threadIdx.x / 32;
    const struct glint_group g = glint_group_of((int32_t)blockIdx.x, a.group, n, (int32_t)a.short_group);
    if (g.fresh <= 0)
        return;
    const int32_t first_head = (int32_t)blockIdx.y * block_heads;
    const int32_t heads = a.heads - first_head < block_heads ? a.heads - first_head : block_heads;
    const struct kv_tile t = {2 * block_heads * D + 8, block_heads * D, g.n_keys, (g.n_keys + 15) / 16};
    T *const kv = (T *)bytes;
    int32_t *const token = (int32_t *)(bytes + (size_t)t.blocks * 16 * (size_t)t.stride * sizeof(T));
    for (int32_t i = (int32_t)threadIdx.x; i < g.n_keys; i += THREADS)
        token[i] = a.perm[glint_group_position(g, i)];
    __syncthreads();
    bring<T, D>(a, t, token, first_head, heads, kv);
    glint_async_wait<0>();
    __syncthreads();
    const int32_t rows = a.padded_out ? g.n_keys : g.fresh, units = heads * ((rows + 15) / 16);
    for (int32_t u = warp; u < units; u += THREADS / 32) {
        const int32_t head = u % heads, first = u / heads * 16;
        glint_fragment_a<T> q[D / 16];
        glint_fragment_c score[2 * KEYS];
        struct result<D> r;
        read_queries<T, D>(a, token, first, rows, first_head + head, q);
        for (int j = 0; j < D / 8; j++)
            glint_fragment_zero(r.sum[j]);
        r.largest[0] = r.largest[1] = -INFINITY;
        r.weight[0] = r.weight[1] = 0.0f;
        for (int32_t block = 0; block < t.blocks; block += KEYS) {
            find_scores<T, D>(t, q, kv + head * D, block, score);
            weigh<D>(score, scale, &r);
            add_values<T, D>(t, kv + t.values + head * D, block, score, &r);
        }
        write_results<T, D>(a, g, token, first, rows, first_head + head, r);
    }
}

static size_t shared_bytes(const struct glint_attend_cuda *a, int32_t heads)
{
    const size_t keys = ((size_t)a->group + 15) / 16 * 16, d = (size_t)(a->dim / a->heads);
    return keys * (2 * (size_t)heads * d + 8) * 2 + keys * sizeof(int32_t);
}

bool glint_attend_half_takes(const struct glint_attend_cuda *a)
{
    const int32_t d = a->dim / a->heads;
    return a->precision != GLINT_PRECISION_FP32 && (d == 16 || d == 32) && a->ld % 8 == 0 &&
           a->ldo % 2 == 0 && shared_bytes(a, 1) <= SHARED_ONE;
}

template <class T, int D> static int launch(struct glint_stream *s, const struct glint_attend_cuda *a)
{
    int32_t heads = a->heads;
    while (heads > 1 && shared_bytes(a, heads) > SHARED)
        heads--;
    const dim3 grid(glint_blocks(a->most, a->group), glint_blocks(a->heads, heads));
    const float scale = 1.44269504f / sqrtf((float)D);
    return GLINT_LAUNCH((attend_tiles<T, D>), grid, THREADS, shared_bytes(a, heads), s, *a, heads, scale);
}

template <class T> static int choose(struct glint_stream *s, const struct glint_attend_cuda *a)
{
    return a->dim / a->heads == 16 ? launch<T, 16>(s, a) : launch<T, 32>(s, a);
}

int glint_attend_half_cuda(struct glint_stream *s, const struct glint_attend_cuda *a)
{
    return a->precision == GLINT_PRECISION_BF16 ? choose<__nv_bfloat16>(s, a) : choose<__half>(s, a);
}
