/* attention/cuda/gemm.cu - see gemm.h; the choice of kernel, and the one of plain floats.
 *
 * fp32: 64 x 64 of C per block of 256 threads, 4 x 4 each, K in steps of 16 through shared memory. It is the
 * reference that the tensor-core kernels of gemm_half.cu are held against, one order of additions for every
 * element: 2 m k n FLOP at most a third of the card's fp32 rate, as each multiply-add reads half a float of
 * shared memory. sm_90: 48 registers, 8448 bytes of shared memory. */
#include "attention/cuda/gemm.h"
#include "attention/cuda/epilogue.cuh"
#include "attention/cuda/gemm_half.h"
#include "attention/cuda/norm.h"

#define THREADS 256
#define TILE    64
#define STEP    16

/* One value of A, zero outside. */
static __device__ inline float a_value(const struct glint_gemm_cuda &g, int32_t rows, int32_t row, int32_t i,
                                       bool with_add)
{
    if (row >= rows || i >= g.w->k)
        return 0.0f;
    const float v = g.a[row * g.lda + i];
    return with_add ? v + g.add[row * g.lda + i] : v;
}

static __global__ void __launch_bounds__(THREADS)
    multiply(const struct glint_gemm_cuda call, const struct glint_matrix_cuda w)
{
    __shared__ float a[STEP][TILE + 4], b[STEP][TILE];
    struct glint_gemm_cuda g = call;
    g.w = &w;
    const int32_t rows = *g.m < g.most ? *g.m : g.most;
    const int32_t first = (int32_t)blockIdx.x * TILE, column = (int32_t)blockIdx.y * TILE;
    if (first >= rows)
        return;
    const int32_t n32 = (w.n + 31) / 32 * 32, t = (int32_t)threadIdx.x, y = t / 16 * 4, x = t % 16 * 4;
    const bool with_add = g.add && column < g.n_add;
    const float *values = (const float *)w.values;
    float sum[4][4] = {};
    for (int32_t k = 0; k < w.k; k += STEP) {
        for (int32_t i = t; i < TILE * STEP; i += THREADS)
            a[i % STEP][i / STEP] = a_value(g, rows, first + i / STEP, k + i % STEP, with_add);
        for (int32_t i = t; i < TILE * STEP; i += THREADS)
            b[i / TILE][i % TILE] =
                column + i % TILE < n32 ? values[(int64_t)(k + i / TILE) * n32 + column + i % TILE] : 0.0f;
        __syncthreads();
        for (int32_t j = 0; j < STEP; j++)
            for (int32_t r = 0; r < 4; r++)
                for (int32_t c = 0; c < 4; c++)
                    sum[r][c] = fmaf(a[j][y + r], b[j][x + c], sum[r][c]);
        __syncthreads();
    }
    for (int32_t r = 0; r < 4; r++)
        for (int32_t c = 0; c < 4; c++) {
            const int32_t row = first + y + r, o = column + x + c;
            if (row < rows && o < w.n)
                g.c[row * g.ldc + o] = glint_epilogue(g, w.bias[o], row, o, sum[r][c]);
        }
}

static int check(const struct glint_gemm_cuda *g)
{
    const bool half = g->w->precision != GLINT_PRECISION_FP32;
    if (g->most < 1 || g->w->k < 1 || g->w->n < 1 || (!g->a && !(half && g->a_half)) || (!g->c && !g->c_half))
        return glint_fail(GLINT_E_ARG, "product of up to %d rows, %d to %d: rows, inputs and outputs wanted",
                          g->most, g->w->k, g->w->n);
    if (g->add && (!g->a || g->n_add % 64 != 0))
        return glint_fail(GLINT_E_ARG,
                          "product: what is added to A is float, and added for whole tiles of 64 outputs");
    if ((!half && g->c_half) || (g->norm_weight && !glint_gemm_half_norms(g->w) && (!g->c || g->c_half)))
        return glint_fail(GLINT_E_ARG, "product to %d outputs: a result of floats alone wanted", g->w->n);
    return GLINT_OK;
}

int glint_gemm_cuda(struct glint_stream *s, const struct glint_gemm_cuda *g)
{
    GLINT_TRY(check(g));
    if (g->w->precision != GLINT_PRECISION_FP32)
        GLINT_TRY(glint_gemm_half_cuda(s, g));
    else
        GLINT_TRY(GLINT_LAUNCH(multiply, dim3(glint_blocks(g->most, TILE), glint_blocks(g->w->n, TILE)),
                               THREADS, 0, s, *g, *g->w));
    if (g->norm_weight && !glint_gemm_half_norms(g->w))
        return glint_norm_cuda(s, g->c, g->ldc, g->m, g->most, g->w->n, g->norm_weight, g->norm_bias,
                               g->norm_eps, g->c, g->ldc);
    return GLINT_OK;
}
