/* model/conv_tiles.h - 3x3 convolutions of maps by tiles of 4 x 4 pixels (attention/winograd.h): for stride 1
 * and enough channels, three to four times as fast as glint_conv3x3, and equal to it to rounding. */
#ifndef GLINT_MODEL_CONV_TILES_H
#define GLINT_MODEL_CONV_TILES_H
#include "attention/winograd.h"
#include "model/bev.h"

/* Whether tiles pay for a map of c channels in and n out. */
bool glint_conv_tiles_pay(int32_t c, int32_t n);

/* Bytes of x->scratch that a worker needs. */
size_t glint_conv_tiles_scratch(int32_t c, int32_t n);

/* The products' work for n_tiles tiles, 2 per multiply-add, the transforms' not counted. */
double glint_conv_tiles_flop(const struct glint_winograd *w, size_t n_tiles);

/* out = act(conv3x3(in) + bias) (+ residual) as glint_conv3x3 has it, stride 1, at the pixels of n_tiles
 * tiles; others stay as they are. All pixels that a tile reads, in or out of `pixels`, must be finite. tiles
 * NULL: the whole map. act: none or ReLU. Maps of
 * floats. GLINT_E_NOMEM when the scratch is too small. */
int glint_conv_tiles(struct glint_exec *x, const struct glint_map *in, const struct glint_winograd *w,
                     enum glint_act act, const struct glint_map *residual, const struct glint_map *out,
                     const struct glint_tile *tiles, int32_t n_tiles);
#endif
