/* voxel/window.h - the serialisations of a window transformer: pillars sorted by window and by place in it. */
#ifndef GLINT_VOXEL_WINDOW_H
#define GLINT_VOXEL_WINDOW_H
#include "core/exec.h"

enum glint_window_style {
    GLINT_WINDOW_SNAKE, /* FlatFormer: every other row of windows and column of cells runs backwards */
    GLINT_WINDOW_PLAIN, /* window row, window column, row, column, all ascending */
};

struct glint_window_order {
    enum glint_window_style style;
    int32_t window; /* w: cells per side */
    int32_t grid;   /* G: cells per side of the grid */
    int32_t shift;  /* added to both coordinates: 0 or floor(w / 2) */
    int32_t axis;   /* 0: x orders (rows of windows along x), 1: y */
};

/* The sort key of a cell, unique over the grid. SNAKE: FlatFormer's key_x / key_y (its reference's
 * flattened window mapping); PLAIN: ((wa * nw + wo) * w + ra) * w + ro, nw = G div w + 2, a = axis, o = other. */
typedef int glint_window_key_fn(struct glint_exec *x, const struct glint_window_order *o,
                                const int32_t *coord /* n x 3: x y z */, int32_t n, uint32_t *key_out);
glint_window_key_fn glint_window_key_c, glint_window_key_avx2, glint_window_key_avx512;
glint_window_key_fn *glint_window_key_get(unsigned isa);

/* perm_out[i] = index of the pillar at sorted position i. scratch: 4 * n int32. */
int glint_window_sort(struct glint_exec *x, const struct glint_window_order *o, const int32_t *coord, int32_t n,
                      int32_t *perm_out, uint32_t *scratch);
#endif
