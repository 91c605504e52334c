/* voxel/sets.h - sparse cells cut into windows, and windows into sets of bounded size: the groups of window
 * transformers (DSVT: Wang et al., CVPR 2023, section 3.1; SST: Fan et al., CVPR 2022, whole windows).
 *
 *     glint_sets_init(&s, memory, cap);
 *     glint_sets_make(x, &window, coord, n, &s);
 *     rows of set k along axis a: s.order[a][s.start[k]] .. s.order[a][s.start[k + 1] - 1]
 */
#ifndef GLINT_VOXEL_SETS_H
#define GLINT_VOXEL_SETS_H
#include "core/exec.h"

struct glint_set_window {
    int32_t dim[3];    /* cells of the grid along x, y, z */
    int32_t window[3]; /* cells of a window */
    int32_t shift[3];  /* added to each coordinate before windows are counted; 0 <= shift <= window */
    int32_t set;       /* most rows of a set; 0: a window is one set, whatever it holds */
};

/* GLINT_E_ARG, with the axis, unless all are >= 1 (shift, set: >= 0), shift <= window, and windows x cells of
 * a window are below 2^31. */
int glint_set_window_check(const struct glint_set_window *w);
int32_t glint_set_window_cells(const struct glint_set_window *w); /* of a window */

/* In X = x + shift: the window (X / window per axis), counted (wx * Ny + wy) * Nz + wz with N = ceil(dim /
 * window)
 * + 1 per axis, and the place in it (X mod window), counted (in.z * window.y + in.y) * window.x + in.x. */
int32_t glint_set_window_id(const struct glint_set_window *w, const int32_t coord[3]);
int32_t glint_set_window_place(const struct glint_set_window *w, const int32_t coord[3]);

struct glint_sets {
    int32_t cap;         /* rows */
    int32_t n, n_sets;   /* n_sets <= n */
    int32_t *start;      /* n_sets + 1: first position of each set, the same along both axes */
    int32_t *order[2];   /* n: rows by window, then [0] by (in.y, in.x, in.z), [1] by (in.x, in.y, in.z) */
    int32_t *place;      /* n: of each row, glint_set_window_place */
    uint32_t *key[2];    /* scratch, cap each */
    int32_t *order_work; /* scratch, cap */
};
size_t glint_sets_bytes(int32_t cap);
void glint_sets_init(struct glint_sets *s, void *memory, int32_t cap); /* memory: aligned to 64 */

/* Windows ascending by their count; one of k rows becomes m = ceil(k / set) sets, of which set i has the rows
 * at positions floor(i k / m) .. floor((i + 1) k / m) - 1 of the window's order. (DSVT's tables repeat rows
 * up to `set` slots and mask the repeated ones: these are the distinct rows of the same sets.) coord: n x 3
 * (x, y, z), each cell once, inside of dim. n <= s->cap. The same for any number of threads; allocates
 * nothing. GLINT_E_ARG as glint_set_window_check, and for a coordinate outside of dim; there are then no
 * sets. */
int glint_sets_make(struct glint_exec *x, const struct glint_set_window *w, const int32_t *coord, int32_t n,
                    struct glint_sets *s);
#endif
