/* attention/cuda/matrix.c - weights in the order in which the kernels of gemm.h read them; on the host. */
#include "attention/bfloat.h"
#include "attention/cuda/gemm.h"
#include <assert.h>
#include <string.h>

#define K_STEP 16
#define N_STEP 32

static int32_t round_up(int32_t v, int32_t step)
{
    return (v + step - 1) / step * step;
}

static size_t aligned(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

static size_t values_bytes(enum glint_precision precision, int32_t k, int32_t n)
{
    return aligned((size_t)round_up(k, K_STEP) * (size_t)round_up(n, N_STEP) *
                   glint_precision_size(precision));
}

size_t glint_matrix_cuda_bytes(enum glint_precision precision, int32_t k, int32_t n)
{
    return values_bytes(precision, k, n) + aligned((size_t)round_up(n, N_STEP) * sizeof(float));
}

/* The weight of one output and one input. */
static float weight_of(const struct glint_weights *w, int32_t o, int32_t i)
{
    return w->panels[((int64_t)(o / GLINT_PANEL) * w->k + i) * GLINT_PANEL + o % GLINT_PANEL];
}

/* IEEE binary16, to nearest, ties to even; beyond 65504 infinite, below 2^-14 in steps of 2^-24. */
static uint16_t half_of(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    if (size > 0x7f800000)
        return (uint16_t)(sign | 0x7e00);
    if (size >= 0x477ff000)
        return (uint16_t)(sign | 0x7c00);
    if (size <
        0x38800000) { /* added to 2^-1, whose last bit is worth 2^-24, by the float unit's own rounding */
        float small;
        memcpy(&small, &size, sizeof small);
        small += 0.5f;
        memcpy(&bits, &small, sizeof bits);
        return (uint16_t)(sign | (bits - 0x3f000000));
    }
    return (uint16_t)(sign | ((size - 0x38000000 + 0xfff + (size >> 13 & 1)) >> 13));
}

/* Where the 16 bits of output o and input i go: see the header. */
static int64_t fragment_place(int32_t k_blocks, int32_t o, int32_t i)
{
    const int32_t row = i % 16, lane = o % 8 * 4 + row % 8 / 2;
    const int64_t block = (int64_t)(o / 16) * k_blocks + i / 16;
    return block * 256 + lane * 8 + o % 16 / 8 * 4 + row / 8 * 2 + row % 2;
}

static void put(struct glint_matrix_cuda *m, void *values, int32_t o, int32_t i, float v)
{
    if (m->precision == GLINT_PRECISION_FP32)
        ((float *)values)[(int64_t)i * round_up(m->n, N_STEP) + o] = v;
    else
        ((uint16_t *)values)[fragment_place(round_up(m->k, K_STEP) / K_STEP, o, i)] =
            m->precision == GLINT_PRECISION_BF16 ? glint_bfloat(v) : half_of(v);
}

void glint_matrix_cuda_pack(struct glint_matrix_cuda *m, enum glint_precision precision,
                            const struct glint_weights *const *part, int32_t n_parts, void *host,
                            const void *device)
{
    const int32_t k = part[0]->k;
    int32_t n = 0;
    for (int32_t p = 0; p < n_parts; p++)
        n += part[p]->n;
    const size_t values = values_bytes(precision, k, n);
    float *bias = (float *)((uint8_t *)host + values);
    *m = (struct glint_matrix_cuda){.precision = precision,
                                    .k = k,
                                    .n = n,
                                    .values = device,
                                    .bias = (const float *)((const uint8_t *)device + values)};
    memset(host, 0, glint_matrix_cuda_bytes(precision, k, n));
    for (int32_t p = 0, o = 0; p < n_parts; p++) {
        assert(part[p]->k == k);
        for (int32_t j = 0; j < part[p]->n; j++, o++) {
            for (int32_t i = 0; i < k; i++)
                put(m, host, o, i, weight_of(part[p], j, i));
            bias[o] = part[p]->bias[j];
        }
    }
}
