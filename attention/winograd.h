/* attention/winograd.h - 3x3 convolutions of stride 1 in tiles of 4 x 4 pixels with a quarter of the
 * multiplications (Winograd's F(4x4, 3x3); Lavin and Gray, CVPR 2016).
 *
 * A tile's 6 x 6 inputs d become 36 sums V = B' d B per channel, 36 products over the channels follow, one
 * for each place (gemm.h), and Y = A' M A of their results M are the tile's 4 x 4 outputs:
 *
 *     transform in    36 places x tiles x c         glint_winograd_in_fn
 *     36 products     tiles x c  times  c x n       struct glint_winograd.place
 *     transform out   tiles x 4 x 4 x n             glint_winograd_out_fn
 *
 * The polynomials are evaluated at 0, +-1/sqrt(2), +-sqrt(2) and infinity instead of the customary 0, +-1,
 * +-2: as many operations, half the error. By norm that is <= 2e-6 of the result (c = 256), where the plain
 * product has 2e-7. An output depends, in its last bits, on all of its tile's inputs. */
#ifndef GLINT_ATTENTION_WINOGRAD_H
#define GLINT_ATTENTION_WINOGRAD_H
#include "attention/gemm.h"

#define GLINT_WINOGRAD_TILE   4 /* outputs per side */
#define GLINT_WINOGRAD_SIDE   6 /* inputs per side: from one pixel before the tile */
#define GLINT_WINOGRAD_PLACES 36

struct glint_winograd {
    int32_t c, n;                /* channels in, out */
    struct glint_weights *place; /* GLINT_WINOGRAD_PLACES maps c -> n without a bias */
    const float *bias;           /* n */
};

size_t glint_winograd_bytes(int32_t c, int32_t n);

/* Packs rows (n x 9 c, ordered ky, kx, in as glint_conv_rows makes them) and bias (n, may be NULL) into
 * memory (aligned to 64, glint_winograd_bytes). */
void glint_winograd_pack(struct glint_winograd *w, void *memory, const float *rows, const float *bias,
                         int32_t c, int32_t n);

/* The same with the 36 maps rounded to integers (glint_weights_fix), c a multiple of GLINT_FIXED_STEP; more
 * memory of its own, aligned to 64. */
size_t glint_winograd_fixed_bytes(int32_t c, int32_t n);
void glint_winograd_fix(struct glint_winograd *w, void *memory);

/* One tile in. corner: its pixel (-1, -1), pixels ld and rows pitch floats apart, c values each, all 6 x 6
 * readable. Place p's c values go to out + p * step. */
typedef void glint_winograd_in_fn(const float *corner, int64_t pitch, int64_t ld, int32_t c, float *out,
                                  int64_t step);
glint_winograd_in_fn glint_winograd_in_c, glint_winograd_in_avx2, glint_winograd_in_avx512;
glint_winograd_in_fn *glint_winograd_in_get(unsigned isa);

/* One tile out: place p's n values are at in + p * step. Pixel (y, x) of those in `pixels` (bit 4 y + x) is
 * written at out + y * pitch + x * ld: act(value + bias) (+ residual). act: none, ReLU, or ReLU last. */
struct glint_winograd_tile {
    const float *in;
    int64_t step;
    int32_t n;
    const float *bias;
    enum glint_act act;
    unsigned pixels;
    float *out;
    int64_t pitch, ld;
    const float *residual; /* added after the activation, or NULL */
    int64_t residual_pitch, residual_ld;
};
typedef void glint_winograd_out_fn(const struct glint_winograd_tile *t);
glint_winograd_out_fn glint_winograd_out_c, glint_winograd_out_avx2, glint_winograd_out_avx512;
glint_winograd_out_fn *glint_winograd_out_get(unsigned isa);
#endif
