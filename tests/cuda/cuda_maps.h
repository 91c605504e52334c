/* tests/cuda/cuda_maps.h - maps on the host and the same on the device.
 *
 * Values are multiples of 1/64 below 2, weights of 1/256 below 0.5: exact in all three types, so that
 * products of 16 bits differ from the reference by the order of their sums only. */
#ifndef GLINT_TESTS_CUDA_MAPS_H
#define GLINT_TESTS_CUDA_MAPS_H
#include "cuda/cuda_weights.h"
#include "model/bev.h"
#include "model/cuda/conv.h"

static inline uint16_t exact_half(float v)
{
    int exponent;
    const float f = frexpf(fabsf(v), &exponent); /* f * 2^exponent, f in 0.5 .. 1 */
    if (v == 0)
        return 0;
    return (uint16_t)((signbit(v) ? 0x8000 : 0) | (exponent + 14) << 10 | ((int)(f * 2048) & 1023));
}

static inline uint16_t exact_16(float v, enum glint_dtype type)
{
    return type == GLINT_DTYPE_F16 ? exact_half(v) : glint_bfloat(v);
}

static inline float value_16(uint16_t v, enum glint_dtype type)
{
    return type == GLINT_DTYPE_F16 ? half_value(v) : glint_bfloat_value(v);
}

static inline float exact_value(uint64_t *seed, int32_t most, float step)
{
    return (float)((int32_t)(glint_test_random(seed) % (uint64_t)(2 * most + 1)) - most) * step;
}

struct host_map { /* a map of the CPU and its memory */
    void *memory;
    struct glint_map map;
};

static inline struct host_map host_map_open(int32_t h, int32_t w, int32_t c, uint64_t *seed)
{
    struct host_map m = {calloc(1, glint_map_bytes(h, w, c)), {0}};
    assert_non_null(m.memory);
    glint_map_init(&m.map, m.memory, h, w, c);
    for (int32_t y = 0; seed && y < h; y++)
        for (int32_t x = 0; x < w; x++)
            for (int32_t k = 0; k < c; k++)
                m.map.data[y * m.map.pitch + x * m.map.ld + k] = exact_value(seed, 127, 1.0f / 64);
    return m;
}

/* The map on the device in a type, its c channels from `first` on among `all`; what is no part of it is 0xff.
 */
static inline struct glint_cuda_map put_map(struct glint_cuda_test *t, const struct glint_map *m,
                                            enum glint_dtype type, int32_t first, int32_t all)
{
    const size_t size = type == GLINT_DTYPE_F32 ? 4 : 2, bytes = glint_cuda_map_bytes(m->h, m->w, all, type);
    uint8_t *host = malloc(bytes + 1);
    assert_non_null(host);
    memset(host, 0xff, bytes);
    for (int64_t i = 0; m->data && i < (int64_t)m->h * m->w; i++)
        for (int32_t c = 0; c < m->c; c++) {
            const float v = m->data[i / m->w * m->pitch + i % m->w * m->ld + c];
            const uint16_t half = exact_16(v, type == GLINT_DTYPE_F32 ? GLINT_DTYPE_BF16 : type);
            memcpy(host + (size_t)(i * all + first + c) * size, size == 4 ? (const void *)&v : &half, size);
        }
    struct glint_cuda_map map = glint_cuda_map_of(glint_cuda_put(t, host, bytes), m->h, m->w, all, type);
    free(host);
    return glint_cuda_map_slice(&map, first, m->c);
}

/* h x w x c floats, NaN where nothing was written. */
static inline float *got_map(struct glint_cuda_test *t, const struct glint_cuda_map *m)
{
    const int64_t n = (int64_t)m->h * m->w * m->c;
    float *planes = glint_cuda_put(t, NULL, (size_t)n * 4), *flat = malloc((size_t)n * 4 + 4);
    float *got = malloc((size_t)n * 4 + 4);
    assert_ok(glint_map_planes_cuda(t->stream, m, planes));
    glint_cuda_get(t, flat, planes, (size_t)n * 4);
    for (int64_t i = 0; i < n; i++)
        got[i % (m->h * m->w) * m->c + i / (m->h * m->w)] = flat[i];
    free(flat);
    return got;
}

static inline struct glint_weights exact_weights(int32_t k, int32_t n, uint64_t *seed, void **memory_out)
{
    struct glint_weights w;
    float *rows = malloc((size_t)k * (size_t)n * 4 + 4), *bias = malloc((size_t)n * 4 + 4);
    for (int64_t i = 0; i < (int64_t)k * n; i++)
        rows[i] = exact_value(seed, 127, 1.0f / 256);
    for (int32_t i = 0; i < n; i++)
        bias[i] = exact_value(seed, 127, 1.0f / 64);
    *memory_out = aligned_alloc(64, (glint_weights_bytes(k, n) + 63) / 64 * 64);
    glint_weights_pack(&w, *memory_out, rows, k, NULL, bias, k, n);
    free(rows);
    free(bias);
    return w;
}

static inline void put_conv(struct glint_cuda_test *t, struct glint_cuda_conv *c,
                            const struct glint_weights *w)
{
    const size_t bytes = glint_cuda_conv_bytes(c);
    void *host = malloc(bytes);
    assert_non_null(host);
    glint_cuda_conv_pack(c, w, host);
    glint_cuda_conv_set(c, glint_cuda_put(t, host, bytes));
    free(host);
}
#endif
