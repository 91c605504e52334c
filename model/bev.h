/* model/bev.h - the dense part: bird's-eye maps with channels last, 3x3 convolutions, upsampling. */
#ifndef GLINT_MODEL_BEV_H
#define GLINT_MODEL_BEV_H
#include "attention/gemm.h"
#include "model/active.h"

#define GLINT_MAP_CHANNELS 2048 /* most that one layer writes to a map in 16 bits */

/* h x w pixels of c channels, `ld` floats from pixel to pixel, `pitch` from row to row. One pixel of border
 * on every side is valid memory and zero (glint_map_clear_border), so that 3x3 kernels need no special cases.
 * A channel slice of a wider map is a map with the same ld and pitch. */
struct glint_map {
    float *data; /* pixel (0, 0); NULL: in 16 bits only */
    int32_t h, w, c;
    int64_t ld, pitch;
    uint16_t *half; /* pixel (0, 0) in 16 bits, with the same strides: for convolutions whose weights have
                     * pairs. What is written below is then rounded, in data too. NULL: floats only */
    int32_t block;  /* the 16 bits are integers (fixed.h) in blocks of so many; 0: bfloat16 */
    float *scale;   /* pixel (0, 0) of the blocks' scales; or NULL */
    int64_t scale_ld, scale_pitch; /* ld / block, pitch / block */
};

size_t glint_map_bytes(int32_t h, int32_t w, int32_t c);
void glint_map_init(struct glint_map *map, void *memory, int32_t h, int32_t w, int32_t c);
/* The 16 bits of a map, in memory of its own aligned to 64; block divides all slices' channels. */
size_t glint_map_half_bytes(int32_t h, int32_t w, int32_t c, int32_t block);
void glint_map_add_half(struct glint_map *map, void *memory, int32_t block);

/* Rounds the floats of a map that has both, after another's writing; of one with floats only nothing. */
void glint_map_round(struct glint_exec *x, const struct glint_map *map);
struct glint_map glint_map_slice(const struct glint_map *map, int32_t first_channel, int32_t n_channels);
void glint_map_clear_border(const struct glint_map *map);

/* Zeroes the map and writes token p (c values) at its cell (coord: n x 3, x y z). */
int glint_bev_scatter(struct glint_exec *x, const float *tokens, const int32_t *coord, int32_t n,
                      const struct glint_map *out);

/* Zeroes the map and writes the tokens of sites (c values each; coord: n x 3, x y z < depth): value i of the
 * site at height z becomes channel i * depth + z of its pixel. out: depth * c channels, floats only. `_at`
 * zeroes the sites' pixels only. */
int glint_stack_scatter(struct glint_exec *x, const float *tokens, const int32_t *coord, int32_t n,
                        int32_t depth, const struct glint_map *out);
int glint_stack_scatter_at(struct glint_exec *x, const float *tokens, const int32_t *coord, int32_t n,
                           int32_t depth, const struct glint_map *out);

/* Weights of a convolution: from [out, in, ky, kx] to rows for glint_weights_pack, K ordered (ky, kx, in). */
void glint_conv_rows(const float *w, int32_t n_out, int32_t n_in, int32_t kernel, float *rows_out);

/* out = act(conv3x3(in) + bias) (+ residual, of out's shape, added after the activation; before
 * GLINT_ACT_RELU_LAST, and then in float), zero padding 1,
 * stride 1 or 2 (output (y, x) is centred at input (stride y, stride x)). Cross-correlation. weights: k = 9 *
 * in.c. */
int glint_conv3x3(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                  int32_t stride, enum glint_act act, const struct glint_map *residual,
                  const struct glint_map *out);

/* The same in parts, one per tap, whose sums are added: slower, and with a third of the rounding error that a
 * single sum of 9 * in.c products has. No residual; maps of floats. */
int glint_conv3x3_by_taps(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                          int32_t stride, enum glint_act act, const struct glint_map *out);

/* The same with kernel cells `dilation` pixels apart (2 or more), stride 1, zeros beyond the map; residual in
 * float. */
int glint_conv3x3_wide(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                       int32_t dilation, enum glint_act act, const struct glint_map *residual,
                       const struct glint_map *out);

/* 1x1, k = in.c; output (y, x) is of input (stride y, stride x), stride 1 or 2. */
int glint_conv1x1(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                  int32_t stride, enum glint_act act, const struct glint_map *out);

/* 2x2, k = 4 * in.c, stride 2 without padding: output (y, x) is of inputs 2 y, 2 y + 1 and 2 x, 2 x + 1; an
 * odd last row or column is not read. */
int glint_conv2x2(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                  enum glint_act act, const struct glint_map *out);

/* Transposed convolution with kernel = stride = s: s * s linear maps, one per place (weights[a * s + b]):
 * out[s*y+a][s*x+b] = act(W_ab in[y][x] + bias). out is s times as high and wide. */
int glint_deconv(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *weights,
                 int32_t s, enum glint_act act, const struct glint_map *out);

/* The same at n pixels only, each named once: of the output for a convolution, of the input for
 * glint_deconv_at. Each pixel gets the same bits as in the whole map; the others
 * stay as they are. */
int glint_conv3x3_at(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                     int32_t stride, enum glint_act act, const struct glint_map *residual,
                     const struct glint_map *out, const struct glint_pixel *pixels, int32_t n);
int glint_conv3x3_wide_at(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                          int32_t dilation, enum glint_act act, const struct glint_map *residual,
                          const struct glint_map *out, const struct glint_pixel *pixels, int32_t n);
int glint_conv1x1_at(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                     int32_t stride, enum glint_act act, const struct glint_map *out,
                     const struct glint_pixel *pixels, int32_t n);
int glint_conv2x2_at(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *w,
                     enum glint_act act, const struct glint_map *out, const struct glint_pixel *pixels,
                     int32_t n);
int glint_deconv_at(struct glint_exec *x, const struct glint_map *in, const struct glint_weights *weights,
                    int32_t s, enum glint_act act, const struct glint_map *out,
                    const struct glint_pixel *pixels, int32_t n);
int glint_bev_scatter_at(struct glint_exec *x, const float *tokens, const int32_t *coord, int32_t n,
                         const struct glint_map *out);

/* Writes at n pixels what the network's map `out` holds there for an empty frame. small is that map of the
 * same network on a small grid: a value depends only on the place within a period (in this map's own
 * pixels: the product of all strides over its own) and on the distances to the borders, up to the network's
 * reach, so a map of twice the reach and two periods has them all. The sides of small and out differ by
 * multiples of the period. */
int glint_background_fill(struct glint_exec *x, const struct glint_map *small, int32_t period,
                          const struct glint_pixel *pixels, int32_t n, const struct glint_map *out);
#endif
