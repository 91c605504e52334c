/* model/cuda/map.cu - see map.h. A thread moves one value, 16 bytes where all addresses allow it; limited by
 * memory.
 *
 *   kernel          launch                       bytes
 *   scatter         tokens x 128 channels / 256  tokens read, pixels written
 *   fill            pixels x channels / 256      pixels written; the small map stays in the cache
 *   clear           a memory fill                map written
 *   add             pixels x channels / 256      two read, one written */
#include "model/cuda/map.h"
#include "core/cuda/kernel.h"
#include "model/cuda/number.cuh"

#define THREADS 256

size_t glint_cuda_map_bytes(int32_t h, int32_t w, int32_t c, enum glint_dtype type)
{
    return (size_t)h * (size_t)w * (size_t)c * (type == GLINT_DTYPE_F32 ? 4 : 2);
}

struct glint_cuda_map glint_cuda_map_of(void *data, int32_t h, int32_t w, int32_t c, enum glint_dtype type)
{
    const struct glint_cuda_map map = {data, type, h, w, c, c, (int64_t)w * c};
    return map;
}

struct glint_cuda_map glint_cuda_map_slice(const struct glint_cuda_map *map, int32_t first_channel,
                                           int32_t n_channels)
{
    struct glint_cuda_map slice = *map;
    slice.data = (uint8_t *)map->data + (size_t)first_channel * (map->type == GLINT_DTYPE_F32 ? 4 : 2);
    slice.c = n_channels;
    return slice;
}

/* Items of `step` values each: pieces of a pixel's channels that are moved at once, as many bytes as all of
 * the pixels' addresses have in common. */
static int32_t piece_of(const struct glint_cuda_map *a, const struct glint_cuda_map *b)
{
    const int32_t size = a->type == GLINT_DTYPE_F32 ? 4 : 2, most = 16 / size;
    const int64_t odd = a->c | a->ld | a->pitch | b->ld | b->pitch |
                        (int64_t)(((uintptr_t)a->data | (uintptr_t)b->data) & 15) / size;
    return odd % most == 0 ? most : 1;
}

static __device__ __forceinline__ void move(void *to, const void *from, int32_t bytes)
{
    if (bytes == 16)
        *(uint4 *)to = *(const uint4 *)from;
    else if (bytes == 4)
        *(uint32_t *)to = *(const uint32_t *)from;
    else
        *(uint16_t *)to = *(const uint16_t *)from;
}

/* Pixel i of a list, or of the whole map. */
static __device__ __forceinline__ void pixel_of(const struct glint_pixel *pixels, int64_t i, int32_t w,
                                                int32_t *y, int32_t *x)
{
    *y = pixels ? pixels[i].y : (int32_t)(i / w);
    *x = pixels ? pixels[i].x : (int32_t)(i % w);
}

static __global__ void __launch_bounds__(THREADS)
    fill_pixels(struct glint_cuda_background b, const struct glint_pixel *pixels, const int32_t *n,
                int32_t cap, int32_t step, struct glint_cuda_map out)
{
    const int32_t pieces = out.c / step, size = out.type == GLINT_DTYPE_F32 ? 4 : 2;
    const int64_t count = (int64_t)(n ? min(*n, cap) : cap) * pieces, all = (int64_t)gridDim.x * THREADS;
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < count; i += all) {
        int32_t y, x;
        const int64_t first = i % pieces * step;
        pixel_of(pixels, i / pieces, out.w, &y, &x);
        const int64_t from = pixel_at(b.small, stand_in(y, out.h, b.small.h, b.period),
                                      stand_in(x, out.w, b.small.w, b.period)) +
                             first;
        move((uint8_t *)out.data + (pixel_at(out, y, x) + first) * size,
             (const uint8_t *)b.small.data + from * size, step * size);
    }
}

/* Blocks for so many items, each thread a few of them where there are many. */
static unsigned blocks_for(int64_t items)
{
    const unsigned all = glint_blocks(items, THREADS);
    return all < 4096 ? all : 4096;
}

int glint_background_fill_cuda(struct glint_stream *s, const struct glint_cuda_background *b,
                               const struct glint_pixel *pixels, const int32_t *n, int32_t cap,
                               const struct glint_cuda_map *out)
{
    const struct glint_cuda_map *small = &b->small;
    if (small->c != out->c || small->type != out->type || small->h > out->h || small->w > out->w ||
        b->period < 1 || (out->h - small->h) % b->period || (out->w - small->w) % b->period)
        return glint_fail(GLINT_E_ARG, "a background of %d x %d x %d, period %d, for a map of %d x %d x %d",
                          small->h, small->w, small->c, b->period, out->h, out->w, out->c);
    const int32_t most = pixels ? cap : out->h * out->w, step = piece_of(out, small);
    return GLINT_LAUNCH(fill_pixels, blocks_for((int64_t)most * (out->c / step)), THREADS, 0, s, *b, pixels,
                        pixels ? n : NULL, most, step, *out);
}

static __global__ void __launch_bounds__(THREADS) clear_pixels(struct glint_cuda_map out)
{
    const int64_t count = (int64_t)out.h * out.w * out.c, all = (int64_t)gridDim.x * THREADS;
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < count; i += all) {
        const int64_t pixel = i / out.c;
        store_number(out.data, out.type,
                     pixel_at(out, (int32_t)(pixel / out.w), (int32_t)(pixel % out.w)) + i % out.c, 0.0f);
    }
}

int glint_map_clear_cuda(struct glint_stream *s, const struct glint_cuda_map *out)
{
    if (out->ld == out->c && out->pitch == (int64_t)out->w * out->c)
        return glint_stream_fill(s, out->data, 0, glint_cuda_map_bytes(out->h, out->w, out->c, out->type));
    return GLINT_LAUNCH(clear_pixels, blocks_for((int64_t)out->h * out->w * out->c), THREADS, 0, s, *out);
}

static __global__ void __launch_bounds__(THREADS)
    scatter(const void *tokens, enum glint_dtype type, const int32_t *coord, const int32_t *n, int32_t cap,
            struct glint_cuda_map out)
{
    const int64_t count = (int64_t)min(*n, cap) * out.c, all = (int64_t)gridDim.x * THREADS;
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < count; i += all) {
        const int64_t token = i / out.c;
        const int32_t x = coord[3 * token], y = coord[3 * token + 1];
        if (x >= 0 && x < out.w && y >= 0 && y < out.h)
            store_number(out.data, out.type, pixel_at(out, y, x) + i % out.c, load_number(tokens, type, i));
    }
}

int glint_bev_scatter_cuda(struct glint_stream *s, const void *tokens, enum glint_dtype type,
                           const int32_t *coord, const int32_t *n, int32_t cap,
                           const struct glint_cuda_map *out)
{
    return GLINT_LAUNCH(scatter, blocks_for((int64_t)cap * out->c), THREADS, 0, s, tokens, type, coord, n,
                        cap, *out);
}

static __global__ void __launch_bounds__(THREADS)
    add(struct glint_cuda_map a, struct glint_cuda_map b, struct glint_cuda_map out,
        const struct glint_pixel *pixels, const int32_t *n, int32_t cap)
{
    const int64_t count = (int64_t)(pixels ? min(*n, cap) : cap) * out.c, all = (int64_t)gridDim.x * THREADS;
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < count; i += all) {
        int32_t y, x;
        const int64_t c = i % out.c;
        pixel_of(pixels, i / out.c, out.w, &y, &x);
        store_number(out.data, out.type, pixel_at(out, y, x) + c,
                     load_number(a.data, a.type, pixel_at(a, y, x) + c) +
                         load_number(b.data, b.type, pixel_at(b, y, x) + c));
    }
}

int glint_map_add_cuda(struct glint_stream *s, const struct glint_cuda_map *a, const struct glint_cuda_map *b,
                       const struct glint_cuda_map *out, const struct glint_cuda_places *at)
{
    const struct glint_pixel *pixels = at ? at->pixels : NULL;
    const int32_t cap = pixels ? at->cap_pixels : out->h * out->w;
    if (a->c != out->c || b->c != out->c || a->h != out->h || b->h != out->h || a->w != out->w ||
        b->w != out->w)
        return glint_fail(GLINT_E_ARG, "maps of %d, %d and %d channels are to be added", a->c, b->c, out->c);
    return GLINT_LAUNCH(add, blocks_for((int64_t)cap * out->c), THREADS, 0, s, *a, *b, *out, pixels,
                        pixels ? at->n_pixels : NULL, cap);
}

/* Reads run along channels, a warp's writes along pixels of a row where channels are few. */
static __global__ void __launch_bounds__(THREADS) to_planes(struct glint_cuda_map map, float *out)
{
    const int64_t count = (int64_t)map.h * map.w * map.c, all = (int64_t)gridDim.x * THREADS;
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < count; i += all) {
        const int32_t x = (int32_t)(i % map.w), y = (int32_t)(i / map.w % map.h);
        out[i] = load_number(map.data, map.type, pixel_at(map, y, x) + i / map.w / map.h);
    }
}

int glint_map_planes_cuda(struct glint_stream *s, const struct glint_cuda_map *map, float *out)
{
    return GLINT_LAUNCH(to_planes, blocks_for((int64_t)map->h * map->w * map->c), THREADS, 0, s, *map, out);
}
