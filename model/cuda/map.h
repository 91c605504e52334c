/* model/cuda/map.h - bird's-eye maps in a device's memory, channels last, and the pixels that a kernel is to
 * compute. For files without CUDA, too.
 *
 * Unlike struct glint_map there is no border: what lies beyond a map's edge is zero for every kernel,
 * whatever the memory holds. A channel slice of a wider map is a map with the same ld and pitch. */
#ifndef GLINT_MODEL_CUDA_MAP_H
#define GLINT_MODEL_CUDA_MAP_H
#ifdef __cplusplus
extern "C" {
#endif
#include "core/tensor.h"
#include "model/active.h"

struct glint_stream;

struct glint_cuda_map {    /* h x w pixels of c channels */
    void *data;            /* device: pixel (0, 0); aligned to 16 bytes */
    enum glint_dtype type; /* F32, BF16 or F16 */
    int32_t h, w, c;
    int64_t ld, pitch; /* values from pixel to pixel, from row to row */
};

size_t glint_cuda_map_bytes(int32_t h, int32_t w, int32_t c, enum glint_dtype type);
struct glint_cuda_map glint_cuda_map_of(void *data, int32_t h, int32_t w, int32_t c, enum glint_dtype type);
struct glint_cuda_map glint_cuda_map_slice(const struct glint_cuda_map *map, int32_t first_channel,
                                           int32_t n_channels);

#define GLINT_CUDA_TILE 8 /* pixels per side; tiles lie side by side from pixel (0, 0) on */

struct glint_cuda_tile { /* its first pixel, and which of its pixels are wanted: bit 8 y + x */
    uint16_t y, x;
    uint32_t unused;
    uint64_t pixels;
};

/* What a map holds for an empty frame (glint_background_fill): small is that map of the same network on a
 * small grid, of the same type. */
struct glint_cuda_background {
    struct glint_cuda_map small;
    int32_t period;
};

/* Where a kernel computes; all on the device, counts too. A NULL list (with its count): the whole map. */
struct glint_cuda_places {
    const struct glint_pixel *pixels;
    const int32_t *n_pixels;
    int32_t cap_pixels;
    const struct glint_cuda_tile *tiles; /* the same pixels */
    const int32_t *n_tiles;
    int32_t cap_tiles;
    /* A convolution writes the background of its output at these pixels, too, in the same launch where it
     * can; none of them is a place. fill NULL: no. */
    const struct glint_cuda_background *background;
    const struct glint_pixel *fill;
    const int32_t *n_fill;
    int32_t cap_fill;
};

/* Writes the background at n pixels (NULL: everywhere). */
int glint_background_fill_cuda(struct glint_stream *s, const struct glint_cuda_background *background,
                               const struct glint_pixel *pixels, const int32_t *n, int32_t cap,
                               const struct glint_cuda_map *out);

/* Zeroes the whole map. */
int glint_map_clear_cuda(struct glint_stream *s, const struct glint_cuda_map *out);

/* Writes token p (out->c values of `type`) at its cell (coord: n x 3, x y z), rounded to the map's type;
 * cells are named once each. All other pixels stay as they are. */
int glint_bev_scatter_cuda(struct glint_stream *s, const void *tokens, enum glint_dtype type,
                           const int32_t *coord, const int32_t *n, int32_t cap,
                           const struct glint_cuda_map *out);

/* out = a + b at the places (pixels). */
int glint_map_add_cuda(struct glint_stream *s, const struct glint_cuda_map *a, const struct glint_cuda_map *b,
                       const struct glint_cuda_map *out, const struct glint_cuda_places *at);

/* A map as rows of floats [c][h][w] (a tap) at `out`, device memory. */
int glint_map_planes_cuda(struct glint_stream *s, const struct glint_cuda_map *map, float *out);

#ifdef __cplusplus
}
#endif
#endif
