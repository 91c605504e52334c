/* model/cuda/active.cu - see active.h.
 *
 * One block walks over the steps, a barrier after each: a set of 468 x 468 pixels is 3744 words, four per
 * thread, so that a step takes about a microsecond, bound by the latency of its loads; all of it runs beside
 * the encoder. Lists are in the host's order: every thread counts the pixels (tiles) of its own run of words,
 * one scan over the block gives their places, and the thread writes them.
 *
 *   kernel     launch    registers, shared bytes (sm_90, no spills)  work
 *   run_steps  1 x 1024  52, 128                                     24 to 72 bytes read per word and step */
#include "model/cuda/active.h"
#include "model/cuda/block.cuh"

#define THREADS 1024
#define BAND    GLINT_TILE /* rows of a band in lists */

int32_t glint_cuda_cap_tiles(int32_t h, int32_t w)
{
    return ((h + GLINT_CUDA_TILE - 1) / GLINT_CUDA_TILE) * ((w + GLINT_CUDA_TILE - 1) / GLINT_CUDA_TILE);
}

static __device__ __forceinline__ uint64_t word(const struct glint_active &a, int32_t y, int32_t i)
{
    return y >= 0 && y < a.h && i >= 0 && i < a.words ? a.bits[(int64_t)y * a.words + i] : 0;
}

/* The bits of word i that are pixels. */
static __device__ __forceinline__ uint64_t pixels_of_word(const struct glint_active &a, int32_t i)
{
    return i == a.words - 1 && a.w % 64 ? (UINT64_C(1) << (a.w % 64)) - 1 : ~UINT64_C(0);
}

/* Word i of rows y - 1 .. y + 1 together. */
static __device__ uint64_t column(const struct glint_active &a, int32_t y, int32_t i)
{
    return word(a, y - 1, i) | word(a, y, i) | word(a, y + 1, i);
}

static __device__ uint64_t grown(const struct glint_active &a, int32_t y, int32_t i)
{
    const uint64_t here = column(a, y, i);
    return here | here << 1 | here >> 1 | column(a, y, i - 1) >> 63 | column(a, y, i + 1) << 63;
}

/* The even bits, packed. */
static __device__ uint64_t even_bits(uint64_t v)
{
    v &= UINT64_C(0x5555555555555555);
    v = (v | v >> 1) & UINT64_C(0x3333333333333333);
    v = (v | v >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    v = (v | v >> 4) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (v | v >> 16) & UINT64_C(0x00000000ffffffff);
}

/* The low 32 bits at even places. */
static __device__ uint64_t spread(uint64_t v)
{
    v &= UINT64_C(0x00000000ffffffff);
    v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
    v = (v | v << 8) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v | v << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    v = (v | v << 2) & UINT64_C(0x3333333333333333);
    return (v | v << 1) & UINT64_C(0x5555555555555555);
}

static __device__ uint64_t grow_word(const struct glint_active &in, int32_t stride, int32_t y, int32_t i)
{
    if (stride == 1)
        return grown(in, y, i);
    return even_bits(grown(in, 2 * y, 2 * i)) | even_bits(grown(in, 2 * y, 2 * i + 1)) << 32;
}

/* Word i, at twice the width, of the rows of `out` whose outputs read row y at stride 2. */
static __device__ uint64_t centres(const struct glint_active &out, int32_t y, int32_t i)
{
    return spread((word(out, y / 2, i / 2) | word(out, (y + 1) / 2, i / 2)) >> (i % 2 * 32));
}

static __device__ uint64_t reads_word(const struct glint_active &out, int32_t stride, int32_t y, int32_t i)
{
    if (stride == 1)
        return grown(out, y, i);
    const uint64_t here = centres(out, y, i); /* centres are even, so only the next word's can carry */
    return here | here << 1 | here >> 1 | centres(out, y, i + 1) << 63;
}

static __device__ uint64_t upsample_word(const struct glint_active &in, int32_t s, int32_t y, int32_t i)
{
    if (s == 2)
        return spread(word(in, y / 2, i / 2) >> (i % 2 * 32)) * 3;
    uint64_t bits = 0;
    for (int32_t k = 0; k < 64; k++) {
        const int32_t x = (64 * i + k) / s;
        bits |= (word(in, y / s, x / 64) >> (x % 64) & 1) << k;
    }
    return bits;
}

static __device__ uint64_t new_word(const struct glint_active_step &step, int32_t y, int32_t i)
{
    const struct glint_active &to = step.to, &from = step.from;
    switch (step.op) {
    case GLINT_ACTIVE_ALL:
        return ~UINT64_C(0);
    case GLINT_ACTIVE_GROW:
        return grow_word(from, step.value, y, i);
    case GLINT_ACTIVE_READS:
        return reads_word(from, step.value, y, i);
    case GLINT_ACTIVE_UPSAMPLE:
        return upsample_word(from, step.value, y, i);
    case GLINT_ACTIVE_ADD:
        return word(to, y, i) | word(from, y, i);
    case GLINT_ACTIVE_REMOVE:
        return word(to, y, i) & ~word(from, y, i);
    case GLINT_ACTIVE_COPY:
        return word(from, y, i);
    default:
        return 0;
    }
}

static __device__ void write_set(const struct glint_active_step &step)
{
    const struct glint_active &to = step.to;
    const int32_t n = to.h * to.words;
    for (int32_t k = (int32_t)threadIdx.x; k < n; k += THREADS) {
        const int32_t y = k / to.words, i = k % to.words;
        to.bits[k] = new_word(step, y, i) & pixels_of_word(to, i);
    }
}

static __device__ void set_pillars(const struct glint_active_step &step, const int32_t *coord, int32_t n)
{
    const struct glint_active &to = step.to;
    unsigned *halves = (unsigned *)to.bits; /* little endian */
    for (int32_t i = (int32_t)threadIdx.x; i < n; i += THREADS) {
        const int32_t y = coord[3 * (int64_t)i + step.row_axis] / step.value,
                      x = coord[3 * (int64_t)i + 1 - step.row_axis] / step.value;
        if (x >= 0 && x < to.w && y >= 0 && y < to.h)
            atomicOr(&halves[2 * ((int64_t)y * to.words + x / 64) + x % 64 / 32], 1u << (x % 32));
    }
}

/* A list's units are words, in the order (band, word, row): unit u's pixels. */
static __device__ uint64_t band_word(const struct glint_active &a, int32_t u, int32_t *y, int32_t *i)
{
    const int32_t group = u / BAND;
    *y = group / a.words * BAND + u % BAND;
    *i = group % a.words;
    return word(a, *y, *i);
}

static __device__ void list_pixels(const struct glint_active_step &step)
{
    const struct glint_active &a = step.from;
    struct glint_pixel *list = (struct glint_pixel *)step.list;
    const int32_t units = (a.h + BAND - 1) / BAND * BAND * a.words, own = (units + THREADS - 1) / THREADS;
    const int32_t first = min((int32_t)threadIdx.x * own, units), last = min(first + own, units);
    int32_t n = 0, total, y, i;
    for (int32_t u = first; u < last; u++)
        n += __popcll(band_word(a, u, &y, &i));
    int32_t at = scan_block<THREADS>(n, &total);
    for (int32_t u = first; u < last; u++)
        for (uint64_t bits = band_word(a, u, &y, &i); bits; bits &= bits - 1) {
            const struct glint_pixel p = {(uint16_t)y, (uint16_t)(64 * i + __ffsll((long long)bits) - 1)};
            list[at++] = p;
        }
    if (threadIdx.x == 0)
        *step.n = total;
}

/* Word i of the rows of tiles from row y0 on, together. */
static __device__ uint64_t tile_row(const struct glint_active &a, int32_t y0, int32_t i)
{
    uint64_t bits = 0;
    for (int32_t y = y0; y < y0 + GLINT_CUDA_TILE; y++)
        bits |= word(a, y, i);
    return bits;
}

/* Byte t of eight words. */
static __device__ uint64_t tile_pixels(const struct glint_active &a, int32_t y0, int32_t i, int32_t t)
{
    uint64_t pixels = 0;
    for (int32_t y = 0; y < GLINT_CUDA_TILE; y++)
        pixels |= (word(a, y0 + y, i) >> (8 * t) & 255) << (8 * y);
    return pixels;
}

static __device__ void list_tiles(const struct glint_active_step &step)
{
    const struct glint_active &a = step.from;
    struct glint_cuda_tile *list = (struct glint_cuda_tile *)step.list;
    const int32_t units = (a.h + GLINT_CUDA_TILE - 1) / GLINT_CUDA_TILE * a.words;
    const int32_t own = (units + THREADS - 1) / THREADS;
    const int32_t first = min((int32_t)threadIdx.x * own, units), last = min(first + own, units);
    int32_t n = 0, total;
    for (int32_t u = first; u < last; u++) {
        const uint64_t bits = tile_row(a, u / a.words * GLINT_CUDA_TILE, u % a.words);
        for (int32_t t = 0; t < 8; t++)
            n += (bits >> (8 * t) & 255) != 0;
    }
    int32_t at = scan_block<THREADS>(n, &total);
    for (int32_t u = first; u < last; u++) {
        const int32_t y0 = u / a.words * GLINT_CUDA_TILE, i = u % a.words;
        const uint64_t bits = tile_row(a, y0, i);
        for (int32_t t = 0; t < 8; t++)
            if (bits >> (8 * t) & 255) {
                const struct glint_cuda_tile tile = {(uint16_t)y0, (uint16_t)(64 * i + 8 * t), 0,
                                                     tile_pixels(a, y0, i, t)};
                list[at++] = tile;
            }
    }
    if (threadIdx.x == 0)
        *step.n = total;
}

static __global__ void __launch_bounds__(THREADS)
    run_steps(const struct glint_active_step *steps, int32_t n_steps, const int32_t *coord, const int32_t *n)
{
    for (int32_t k = 0; k < n_steps; k++) {
        const struct glint_active_step step = steps[k];
        if (step.op == GLINT_ACTIVE_SET)
            set_pillars(step, coord, *n);
        else if (step.op == GLINT_ACTIVE_LIST)
            list_pixels(step);
        else if (step.op == GLINT_ACTIVE_TILES)
            list_tiles(step);
        else
            write_set(step);
        __syncthreads();
    }
}

int glint_active_run_cuda(struct glint_stream *s, const struct glint_active_step *steps, int32_t n_steps,
                          const int32_t *coord, const int32_t *n)
{
    return GLINT_LAUNCH(run_steps, 1, THREADS, 0, s, steps, n_steps, coord, n);
}
