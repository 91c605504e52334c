/* model/cuda/product.cuh - the plain product of floats that convolutions and heads share: rows given by
 * pointers, in segments, as glint_gemm_fn has them.
 *
 * A block of 256 threads makes 64 rows x 64 outputs, a thread 4 x 4 of them; 16 inputs of each at a time go
 * through shared memory. Sums run over the segments and their inputs in order, by fused multiply-adds,
 * whatever the number of rows, so that a row's result depends on nothing but itself. It is the reference on
 * the device: 16 multiply-adds per two reads of 16 bytes from shared memory, which limit it to about half of
 * the card's peak of float arithmetic.
 *
 * A Problem has these members:
 *
 *   typedef value               of the rows
 *   n_segments, k, n            inputs of a segment, outputs
 *   ldw                         a multiple of PRODUCT_N: weights are [n_segments * k][ldw]
 *   n_rows(), weights_at()
 *   row(m, segment)             k values, or NULL: zeros
 *   put(m, j, sum)              takes output j of row m */
#ifndef GLINT_MODEL_CUDA_PRODUCT_CUH
#define GLINT_MODEL_CUDA_PRODUCT_CUH
#include "attention/gemm.h"
#include "model/cuda/number.cuh"

#define PRODUCT_M       64
#define PRODUCT_N       64
#define PRODUCT_K       16
#define PRODUCT_THREADS 256

/* Four values of a row from place k on, zeros from `end` on. */
template <class T>
static __device__ __forceinline__ void four(float v[4], const T *row, int32_t k, int32_t end)
{
    for (int32_t i = 0; i < 4; i++)
        v[i] = row && k + i < end ? number(row[k + i]) : 0.0f;
}

static __device__ __forceinline__ void multiply(float sum[4][4], float4 a, float4 b)
{
    const float x[4] = {a.x, a.y, a.z, a.w}, y[4] = {b.x, b.y, b.z, b.w};
    for (int32_t i = 0; i < 4; i++)
        for (int32_t j = 0; j < 4; j++)
            sum[i][j] = fmaf(x[i], y[j], sum[i][j]);
}

template <class P> static __global__ void __launch_bounds__(PRODUCT_THREADS) product(P p)
{
    __shared__ __align__(16) float a[PRODUCT_K][PRODUCT_M + 4];
    __shared__ __align__(16) float b[PRODUCT_K][PRODUCT_N];
    const int32_t t = (int32_t)threadIdx.x, n_rows = p.n_rows();
    const int32_t first = (int32_t)blockIdx.x * PRODUCT_M, column = (int32_t)blockIdx.y * PRODUCT_N;
    const int32_t load_m = t / 4, load_k = t % 4 * 4, weight_k = t / 16, weight_n = t % 16 * 4;
    const int32_t own_m = t / 16 * 4, own_n = t % 16 * 4;
    float sum[4][4] = {{0.0f}};
    if (first >= n_rows)
        return;
    const float *weights = p.weights_at() + column;
    for (int32_t segment = 0; segment < p.n_segments; segment++) {
        const typename P::value *row = first + load_m < n_rows ? p.row(first + load_m, segment) : NULL;
        for (int32_t k0 = 0; k0 < p.k; k0 += PRODUCT_K) {
            float v[4], w[4] = {0.0f, 0.0f, 0.0f, 0.0f};
            four(v, row, k0 + load_k, p.k);
            if (k0 + weight_k < p.k)
                for (int32_t i = 0; i < 4; i++)
                    w[i] = weights[((int64_t)segment * p.k + k0 + weight_k) * p.ldw + weight_n + i];
            __syncthreads();
            for (int32_t i = 0; i < 4; i++) {
                a[load_k + i][load_m] = v[i];
                b[weight_k][weight_n + i] = w[i];
            }
            __syncthreads();
#pragma unroll
            for (int32_t k = 0; k < PRODUCT_K; k++)
                multiply(sum, *(const float4 *)&a[k][own_m], *(const float4 *)&b[k][own_n]);
        }
    }
    for (int32_t i = 0; i < 4; i++)
        for (int32_t j = 0; j < 4; j++)
            if (first + own_m + i < n_rows && column + own_n + j < p.n)
                p.put(first + own_m + i, column + own_n + j, sum[i][j]);
}

static inline int32_t product_ldw(int32_t n)
{
    return (n + PRODUCT_N - 1) / PRODUCT_N * PRODUCT_N;
}

template <class P>
static int launch_product(struct glint_stream *s, const P &p, int64_t cap_rows, unsigned places)
{
    return GLINT_LAUNCH((product<P>),
                        dim3(glint_blocks(cap_rows, PRODUCT_M), glint_blocks(p.n, PRODUCT_N), places),
                        PRODUCT_THREADS, 0, s, p);
}
#endif
