/* attention/cuda/gemm_half.cu - see gemm_half.h.
 *
 * ROWS x BN of C per block of 8 warps, each MI x 2 NJ fragments of 16 x 8. A goes through shared memory in
 * two buffers of STEP columns: by cp.async where it has 16 bits, through registers where floats are rounded
 * (and added to) on the way. Weights do not: they lie in the order of the fragments, a warp reads the 16 x 16
 * it needs as 512 bytes in a row, one block ahead of its use, and all blocks of the grid find them in L2. One
 * barrier per STEP. With a layer norm BN covers whole rows, which pass through shared memory once more, a
 * warp per row.
 *
 * 2 m k n FLOP. Bytes: A once per BN outputs, C once, the weights (64 KB of 128 x 256) per 64 rows from L2.
 * At the sizes of transformer layers (k of 128 or 256) the work is bound by these reads and the latency of
 * few steps, not by the tensor cores. sm_90: 61 to 88 registers, 123 and 133 for rows of 256; no spills. */
#include "attention/cuda/gemm_half.h"
#include "attention/cuda/epilogue.cuh"
#include "attention/cuda/numbers.cuh"
#include "core/cuda/async_copy.h"
#include "core/cuda/fragment.h"

#define THREADS 256
#define ROWS    64
#define STEP    32
#define STRIDE  (STEP + 8) /* elements: rows of 80 bytes keep ldmatrix free of bank conflicts */
#define PAD     4          /* floats between rows of C in shared memory */

template <class T, int BN> struct shape {
    static const int WARPS_N = BN == 64 ? 2 : 4, WARPS_M = 8 / WARPS_N;
    static const int MI = ROWS / WARPS_M / 16, NJ = BN / WARPS_N / 16;
    static size_t shared(bool norm)
    {
        const size_t a = 2 * ROWS * STRIDE * sizeof(T), c = (size_t)ROWS * (BN + PAD) * sizeof(float);
        return norm && c > a ? c : a;
    }
};

/* What a thread brings of A per step: 8 values of one row. */
template <class T> struct a_source {
    const float *a, *add; /* its row, or NULL: zeros */
    const T *a_half;
    int32_t k, at; /* values of a row; first column within a step */
    bool whole;    /* rows are whole and aligned pieces of 8 */
};

template <class T>
static __device__ inline struct a_source<T> find_source(const struct glint_gemm_cuda &g, int32_t rows,
                                                        int32_t first, bool with_add) {
    struct a_source<T> s = {
    };
    const int32_t row = first + (int32_t)threadIdx.x / 4;
    s.k = g.w->k;
    s.at = (int32_t)threadIdx.x % 4 * 8;
    s.whole = g.w->k % 8 == 0 && g.lda % (g.a_half ? 8 : 4) == 0;
    if (row >= rows)
        return s;
    if (g.a_half)
        s.a_half = (const T *)g.a_half + row * g.lda;
    else
        s.a = g.a + row * g.lda;
    s.add = with_add ? g.add + row * g.lda : NULL;
    return s;
}

/* Eight floats of a row from column i on, zeros beyond it. */
template <class T>
static __device__ inline void read_floats(const struct a_source<T> &s, int32_t i, float (&v)[8])
{
    for (int j = 0; j < 8; j++)
        v[j] = 0.0f;
    if (!s.a || i >= s.k)
        return;
    if (s.whole) {
        const float4 low = *(const float4 *)(s.a + i), high = *(const float4 *)(s.a + i + 4);
        v[0] = low.x, v[1] = low.y, v[2] = low.z, v[3] = low.w;
        v[4] = high.x, v[5] = high.y, v[6] = high.z, v[7] = high.w;
        if (s.add) {
            const float4 l = *(const float4 *)(s.add + i), h = *(const float4 *)(s.add + i + 4);
            v[0] += l.x, v[1] += l.y, v[2] += l.z, v[3] += l.w;
            v[4] += h.x, v[5] += h.y, v[6] += h.z, v[7] += h.w;
        }
        return;
    }
    for (int j = 0; j < 8; j++)
        if (i + j < s.k)
            v[j] = s.add ? s.a[i + j] + s.add[i + j] : s.a[i + j];
}

template <class T> static __device__ inline void write_floats(const float (&v)[8], T *to)
{
    uint4 packed;
    packed.x = glint_pack<T>(v[0], v[1]);
    packed.y = glint_pack<T>(v[2], v[3]);
    packed.z = glint_pack<T>(v[4], v[5]);
    packed.w = glint_pack<T>(v[6], v[7]);
    *(uint4 *)to = packed;
}

/* Eight values of 16 bits from column i on, to shared memory. */
template <class T> static __device__ inline void copy_halves(const struct a_source<T> &s, int32_t i, T *to)
{
    if (s.whole || !s.a_half) {
        const bool inside = s.a_half && i < s.k;
        glint_async_copy16(to, inside ? s.a_half + i : NULL, inside);
        return;
    }
    for (int j = 0; j < 8; j++)
        to[j] = i + j < s.k ? s.a_half[i + j] : glint_rounded<T>(0.0f);
}

/* The 16 x 16 blocks of weights, NJ side by side, of 16 inputs; zeros beyond. */
template <class T, int NJ>
static __device__ inline void read_weights(const struct glint_matrix_cuda &w, int32_t strip, int32_t k_block,
                                           uint4 (&b)[NJ])
{
    const int32_t k_blocks = (w.k + 15) / 16, strips = (w.n + 31) / 32 * 2;
    for (int j = 0; j < NJ; j++) {
        b[j] = make_uint4(0, 0, 0, 0);
        if (strip + j < strips && k_block < k_blocks)
            b[j] = ((const uint4 *)w.values)[((int64_t)(strip + j) * k_blocks + k_block) * 32 + glint_lane()];
    }
}

/* sum += 16 inputs of A's tile times the weights. */
template <class T, int MI, int NJ>
static __device__ inline void multiply_block(const T *tile, const uint4 (&b)[NJ],
                                             glint_fragment_c (&sum)[MI][2 * NJ])
{
    glint_fragment_a<T> a[MI];
#pragma unroll
    for (int i = 0; i < MI; i++)
        glint_fragment_load_a(a[i], tile + i * 16 * STRIDE, STRIDE);
#pragma unroll
    for (int j = 0; j < NJ; j++) {
        const glint_fragment_b<T> left = {{b[j].x, b[j].y}}, right = {{b[j].z, b[j].w}};
#pragma unroll
        for (int i = 0; i < MI; i++) {
            glint_fragment_multiply(sum[i][2 * j], a[i], left);
            glint_fragment_multiply(sum[i][2 * j + 1], a[i], right);
        }
    }
}

template <class T>
static __device__ inline void store(const struct glint_gemm_cuda &g, int32_t row, int32_t o, float v)
{
    if (g.c)
        g.c[row * g.ldc + o] = v;
    if (g.c_half)
        ((T *)g.c_half)[row * g.ldc + o] = glint_rounded<T>(v);
}

/* Two neighbouring results; pairs where the row's stride lets them be aligned. */
template <class T>
static __device__ inline void store_pair(const struct glint_gemm_cuda &g, int32_t row, int32_t o, float low,
                                         float high)
{
    if (o + 1 >= g.w->n || g.ldc % 2 != 0) {
        store<T>(g, row, o, low);
        if (o + 1 < g.w->n)
            store<T>(g, row, o + 1, high);
        return;
    }
    if (g.c)
        *(float2 *)(g.c + row * g.ldc + o) = make_float2(low, high);
    if (g.c_half)
        *(uint32_t *)((T *)g.c_half + row * g.ldc + o) = glint_pack<T>(low, high);
}

static __device__ inline float warp_sum(float v)
{
    for (int step = 16; step > 0; step /= 2)
        v += __shfl_xor_sync(0xffffffffu, v, step);
    return v;
}

/* Layer norm of the block's rows, which lie in shared memory; a warp per row. */
template <class T, int BN>
static __device__ inline void norm_rows(const struct glint_gemm_cuda &g, int32_t rows, int32_t first,
                                        const float *c)
{
    const int32_t n = g.w->n, lane = glint_lane();
    for (int32_t r = (int32_t)threadIdx.x / 32; r < ROWS && first + r < rows; r += THREADS / 32) {
        const float *from = c + r * (BN + PAD);
        float v[BN / 32], sum = 0.0f, squares = 0.0f;
#pragma unroll
        for (int i = 0; i < BN / 32; i++) {
            v[i] = lane + 32 * i < n ? from[lane + 32 * i] : 0.0f;
            sum += v[i];
        }
        const float mean = warp_sum(sum) / (float)n;
#pragma unroll
        for (int i = 0; i < BN / 32; i++)
            squares += lane + 32 * i < n ? (v[i] - mean) * (v[i] - mean) : 0.0f;
        const float inverse = 1.0f / sqrtf(warp_sum(squares) / (float)n + g.norm_eps);
#pragma unroll
        for (int i = 0; i < BN / 32; i++) {
            const int32_t o = lane + 32 * i;
            if (o < n)
                store<T>(g, first + r, o, (v[i] - mean) * inverse * g.norm_weight[o] + g.norm_bias[o]);
        }
    }
}

/* What becomes of one fragment: rows first + row.., outputs from o on. */
template <class T, int BN>
static __device__ inline void finish(const struct glint_gemm_cuda &g, int32_t rows, int32_t first,
                                     int32_t row, int32_t o, const glint_fragment_c &sum, float *c,
                                     int32_t column)
{
    for (int half = 0; half < 2; half++) {
        const int32_t r = row + glint_fragment_row(2 * half), at = o + glint_fragment_column(0);
        if (first + r >= rows || at >= g.w->n)
            continue;
        const bool both = at + 1 < g.w->n;
        const float low = glint_epilogue(g, g.w->bias[at], first + r, at, sum.x[2 * half]);
        const float high =
            both ? glint_epilogue(g, g.w->bias[at + 1], first + r, at + 1, sum.x[2 * half + 1]) : 0.0f;
        if (g.norm_weight)
            *(float2 *)(c + r * (BN + PAD) + at - column) = make_float2(low, high);
        else
            store_pair<T>(g, first + r, at, low, high);
    }
}

template <class T, int BN, bool HALF_A>
static __global__ void __launch_bounds__(THREADS, BN == 256 ? 1 : 2)
    multiply_half(const __grid_constant__ struct glint_gemm_cuda call,
                  const __grid_constant__ struct glint_matrix_cuda w)
{
    GLINT_SHARED_BYTES(bytes);
    const int MI = shape<T, BN>::MI, NJ = shape<T, BN>::NJ, WARPS_N = shape<T, BN>::WARPS_N;
    T *tile = (T *)bytes;
    struct glint_gemm_cuda g = call;
    g.w = &w;
    const int32_t rows = *g.m < g.most ? *g.m : g.most;
    const int32_t first = (int32_t)blockIdx.x * ROWS, column = (int32_t)blockIdx.y * BN;
    if (first >= rows)
        return;
    const int32_t warp = (int32_t)threadIdx.x / 32, steps = (w.k + STEP - 1) / STEP,
                  k_blocks = (w.k + 15) / 16;
    const int32_t row = warp / WARPS_N * MI * 16, strip = column / 16 + warp % WARPS_N * NJ;
    const struct a_source<T> source = find_source<T>(g, rows, first, g.add && column < g.n_add);
    T *const mine = tile + (int32_t)threadIdx.x / 4 * STRIDE + source.at;
    glint_fragment_c sum[MI][2 * NJ];
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
        for (int j = 0; j < 2 * NJ; j++)
            glint_fragment_zero(sum[i][j]);
    uint4 next[NJ];
    float values[8];
    read_weights<T, NJ>(w, strip, 0, next);
    if (HALF_A) {
        copy_halves(source, source.at, mine);
        glint_async_commit();
    } else {
        read_floats(source, source.at, values);
    }
    for (int32_t s = 0; s < steps; s++) {
        T *const here = tile + s % 2 * ROWS * STRIDE, *const other = mine + (s + 1) % 2 * ROWS * STRIDE;
        if (HALF_A)
            glint_async_wait<0>();
        else
            write_floats(values, mine + s % 2 * ROWS * STRIDE);
        __syncthreads();
        if (HALF_A && s + 1 < steps)
            copy_halves(source, (s + 1) * STEP + source.at, other);
        if (HALF_A)
            glint_async_commit();
        else
            read_floats(source, (s + 1) * STEP + source.at, values);
#pragma unroll
        for (int32_t part = 0; part < STEP / 16; part++) {
            const int32_t block = s * (STEP / 16) + part;
            uint4 b[NJ];
#pragma unroll
            for (int j = 0; j < NJ; j++)
                b[j] = next[j];
            read_weights<T, NJ>(w, strip, block + 1, next);
            if (block < k_blocks)
                multiply_block<T, MI, NJ>(here + row * STRIDE + part * 16, b, sum);
        }
    }
    float *const c = (float *)bytes;
    if (g.norm_weight)
        __syncthreads();
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
        for (int j = 0; j < 2 * NJ; j++)
            finish<T, BN>(g, rows, first, row + 16 * i, strip * 16 + 8 * j, sum[i][j], c, column);
    if (!g.norm_weight)
        return;
    __syncthreads();
    norm_rows<T, BN>(g, rows, first, c);
}

template <class T, int BN> static int launch(struct glint_stream *s, const struct glint_gemm_cuda *g)
{
    const dim3 grid(glint_blocks(g->most, ROWS), glint_blocks(g->w->n, BN));
    const size_t shared = shape<T, BN>::shared(g->norm_weight);
    if (g->a_half)
        return GLINT_LAUNCH((multiply_half<T, BN, true>), grid, THREADS, shared, s, *g, *g->w);
    return GLINT_LAUNCH((multiply_half<T, BN, false>), grid, THREADS, shared, s, *g, *g->w);
}

bool glint_gemm_half_norms(const struct glint_matrix_cuda *w)
{
    return w->precision != GLINT_PRECISION_FP32 && w->n <= 256;
}

/* A layer norm wants whole rows in one block, something added to A whole blocks that have it. */
template <class T> static int choose(struct glint_stream *s, const struct glint_gemm_cuda *g)
{
    struct glint_gemm_cuda product = *g;
    if (!glint_gemm_half_norms(g->w))
        product.norm_weight = NULL; /* follows in a launch of its own */
    const int32_t n = g->w->n;
    if (product.norm_weight && n > 128)
        return launch<T, 256>(s, &product);
    if (n <= 64 || (g->add && g->n_add % 128 != 0))
        return launch<T, 64>(s, &product);
    return launch<T, 128>(s, &product);
}

int glint_gemm_half_cuda(struct glint_stream *s, const struct glint_gemm_cuda *g)
{
    return g->w->precision == GLINT_PRECISION_BF16 ? choose<__nv_bfloat16>(s, g) : choose<__half>(s, g);
}
