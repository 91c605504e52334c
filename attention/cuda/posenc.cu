/* attention/cuda/posenc.cu - see posenc.h. One thread per value, rows of the table are in the caches: 4 bytes
 * written per value, limited by memory. sm_90: 17 registers. */
#include "attention/cuda/posenc.h"
#include "core/cuda/kernel.h"

#define THREADS 256

static __device__ inline float value_of(const struct glint_posenc &p, int32_t c, int32_t j)
{
    const int32_t row = p.modulo ? (c + p.shift) % p.modulo : c;
    return row >= 0 && row < p.n_values ? p.table[(int64_t)row * p.half + j] : 0.0f;
}

static __global__ void __launch_bounds__(THREADS)
    write_rows(const struct glint_posenc p, const int32_t *coord, const int32_t *n, int32_t most, float *out)
{
    const int64_t at = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    const int32_t row = (int32_t)(at / p.dim), j = (int32_t)(at % p.dim);
    if (row >= most || row >= *n)
        return;
    const int32_t axis = p.half > 0 ? j / p.half : 2; /* 2: the rest, zeros */
    out[at] = axis < 2 ? value_of(p, coord[3 * (int64_t)row + axis], j - axis * p.half) : 0.0f;
}

int glint_posenc_cuda(struct glint_stream *s, const struct glint_posenc *p, const int32_t *coord,
                      const int32_t *n, int32_t most, float *out)
{
    return GLINT_LAUNCH(write_rows, glint_blocks((int64_t)most * p->dim, THREADS), THREADS, 0, s, *p, coord,
                        n, most, out);
}
