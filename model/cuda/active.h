/* model/cuda/active.h - sets of pixels (model/active.h) on the device: the same bits.
 *
 * A network's sets follow from the pillars' cells alone. So they are a list of steps, written once when a
 * model opens and run by one launch per frame, beside the encoder of the tokens:
 *
 *     steps[n++] = (struct glint_active_step){.op = GLINT_ACTIVE_CLEAR, .to = a0};
 *     steps[n++] = (struct glint_active_step){.op = GLINT_ACTIVE_SET, .to = a0, .value = 1, .row_axis = 1};
 *     steps[n++] = (struct glint_active_step){.op = GLINT_ACTIVE_GROW, .to = a1, .from = a0, .value = 1};
 *     steps[n++] = (struct glint_active_step){.op = GLINT_ACTIVE_TILES, .from = a1, .list = tiles, .n =
 * count};
 */
#ifndef GLINT_MODEL_CUDA_ACTIVE_H
#define GLINT_MODEL_CUDA_ACTIVE_H
#ifdef __cplusplus
extern "C" {
#endif
#include "model/cuda/map.h"

enum glint_active_op {
    GLINT_ACTIVE_CLEAR,    /* to: nothing */
    GLINT_ACTIVE_ALL,      /* to: every pixel */
    GLINT_ACTIVE_SET,      /* to, and the frame's pillars, value x value of which make a pixel; row_axis */
    GLINT_ACTIVE_GROW,     /* to: glint_active_grow(from, stride value) */
    GLINT_ACTIVE_READS,    /* to: glint_active_reads(from, stride value) */
    GLINT_ACTIVE_UPSAMPLE, /* to: glint_active_upsample(from, value) */
    GLINT_ACTIVE_ADD,      /* to, or from; same size */
    GLINT_ACTIVE_REMOVE,   /* to, and not from; same size */
    GLINT_ACTIVE_COPY,     /* to: from; same size */
    GLINT_ACTIVE_LIST,     /* struct glint_pixel of `from` to list, number to n: glint_active_list's order */
    GLINT_ACTIVE_TILES,    /* struct glint_cuda_tile of `from` to list, row by row, number to n */
};

struct glint_active_step {
    enum glint_active_op op;
    int32_t value, row_axis;
    struct glint_active to, from; /* bits: device memory; `to` differs from `from` */
    void *list;                   /* room for all pixels (tiles: glint_cuda_cap_tiles) */
    int32_t *n;
};

int32_t glint_cuda_cap_tiles(int32_t h, int32_t w);

/* Runs steps (device memory) one after another on the pillars of coord (*n x 3, x y z; NULL without
 * GLINT_ACTIVE_SET). One block: it takes microseconds of one multiprocessor. */
int glint_active_run_cuda(struct glint_stream *s, const struct glint_active_step *steps, int32_t n_steps,
                          const int32_t *coord, const int32_t *n);

#ifdef __cplusplus
}
#endif
#endif
