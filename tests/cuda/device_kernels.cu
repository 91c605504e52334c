/* tests/cuda/device_kernels.cu - see device_kernels.h. */
#include "cuda/device_kernels.h"
#include "core/cuda/async_copy.h"
#include "core/cuda/fragment.h"
#include "core/cuda/kernel.h"

__global__ static void square(float *x, const int32_t *n)
{
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < (unsigned)*n; i += gridDim.x * blockDim.x)
        x[i] = x[i] * x[i];
}
int glint_made_square(struct glint_stream *s, float *x, const int32_t *n, int32_t cap)
{
    return GLINT_LAUNCH(square, glint_blocks(cap, 128), 128, 0, s, x, n);
}

__global__ static void sums(const int32_t *x, int32_t *out)
{
    __shared__ int32_t parts[32];
    const unsigned lane = threadIdx.x & 31u, warp = threadIdx.x >> 5;
    int32_t v = x[blockIdx.x * 1000 + threadIdx.x];
    const unsigned here = __ballot_sync(0xffffffffu, 1); /* the last warp is cut short */
    for (unsigned by = 16; by > 0; by /= 2) {
        const int32_t other = __shfl_down_sync(0xffffffffu, v, by);
        v += lane + by < 32 && (here >> ((lane + by) & 31u) & 1u) ? other : 0;
    }
    if (lane == 0)
        parts[warp] = v;
    __syncthreads();
    if (threadIdx.x == 0) {
        int32_t sum = 0;
        for (unsigned w = 0; w < (blockDim.x + 31) / 32; w++)
            sum += parts[w];
        out[blockIdx.x] = sum;
    }
}
int glint_made_sums(struct glint_stream *s, const int32_t *x, int32_t n_blocks, int32_t *out)
{
    return GLINT_LAUNCH(sums, (unsigned)n_blocks, 1000, 0, s, x, out);
}

__global__ static void bins_of(const int32_t *x, int32_t n, int32_t n_bins, int32_t *bins)
{
    GLINT_SHARED_BYTES(bytes);
    int32_t *mine = (int32_t *)bytes;
    for (int i = (int)threadIdx.x; i < n_bins; i += (int)blockDim.x)
        mine[i] = 0;
    __syncthreads();
    for (int i = (int)(blockIdx.x * blockDim.x + threadIdx.x); i < n; i += (int)(gridDim.x * blockDim.x))
        atomicAdd(&mine[x[i] % n_bins], 1);
    __syncthreads();
    for (int i = (int)threadIdx.x; i < n_bins; i += (int)blockDim.x)
        atomicAdd(&bins[i], mine[i]);
}
int glint_made_bins(struct glint_stream *s, const int32_t *x, int32_t n, int32_t n_bins, int32_t *bins)
{
    return GLINT_LAUNCH(bins_of, 3, 64, (size_t)n_bins * sizeof *bins, s, x, n, n_bins, bins);
}

template <class T> __global__ static void product(const T *a, const T *b, float *c)
{
    __shared__ __align__(16) T rows_a[16 * 24], rows_b[16 * 8];
    const int lane = glint_lane();
    glint_async_copy16(rows_a + (lane / 2) * 24 + (lane & 1) * 8, a + lane * 8);
    if (lane < 16)
        glint_async_copy16(rows_b + lane * 8, b + lane * 8);
    glint_async_commit();
    glint_async_wait<0>();
    __syncthreads();
    glint_fragment_a<T> fa;
    glint_fragment_b<T> fb;
    glint_fragment_c fc;
    glint_fragment_load_a(fa, rows_a, 24);
    glint_fragment_load_b_rows(fb, rows_b, 8);
    glint_fragment_zero(fc);
    glint_fragment_multiply(fc, fa, fb);
    for (int i = 0; i < 4; i++)
        c[glint_fragment_row(i) * 8 + glint_fragment_column(i)] = fc.x[i];
}
int glint_made_product(struct glint_stream *s, const uint16_t *a, const uint16_t *b, int bf16, float *c)
{
    if (bf16)
        return GLINT_LAUNCH(product<__nv_bfloat16>, 1, 32, 0, s, (const __nv_bfloat16 *)a,
                            (const __nv_bfloat16 *)b, c);
    return GLINT_LAUNCH(product<__half>, 1, 32, 0, s, (const __half *)a, (const __half *)b, c);
}
