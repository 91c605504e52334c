/* voxel/sites.h - sparse sets of grid cells ("sites") and their index: where convolutions have results.
 *
 * Rows may come in any order: that of a network's tokens. The index has them by (z, y, x), in lines along x,
 * so that neighbours are found by walking lines side by side instead of by hashing:
 *
 *     glint_sites_init(&s, memory, cap, dim);
 *     s.n = ...; s.coord[...] = ...;              rows, each site once
 *     glint_sites_index(x, &s);
 *     glint_sites_strided(x, &s, &stencil, &out);  sites of a strided convolution, indexed
 *     glint_rules_make(x, &stencil, &s, &out, &rules);   (rules.h)
 *
 * Axes are names only: a network whose kernels count (x, y, z) the other way round exchanges them here. */
#ifndef GLINT_VOXEL_SITES_H
#define GLINT_VOXEL_SITES_H
#include "core/exec.h"
#include <stdbool.h>

struct glint_sites {
    int32_t cap, n;
    int32_t dim[3];       /* cells along x, y, z */
    int32_t *coord;       /* n x 3: x, y, z of each row, 0 <= coordinate < dim */
    int64_t n_lost;       /* sites that were beyond cap: the last ones by (z, y, x) */
    const int32_t *shown; /* n: the rows in the order in which a tap sees them; NULL: as they are */
    /* The index. */
    int32_t *order;      /* n: the rows by (z, y, x) */
    int32_t *x;          /* n: their x, in that order */
    int32_t n_lines;     /* runs of equal (z, y) */
    int32_t *line;       /* n_lines: z * dim[1] + y, ascending */
    int32_t *line_start; /* n_lines + 1: their first positions in `order` */
    int32_t *scratch;    /* cap */
};

/* Carves the arrays for cap sites from memory (aligned to 64, glint_sites_bytes(cap)); empty. */
size_t glint_sites_bytes(int32_t cap);
void glint_sites_init(struct glint_sites *s, void *memory, int32_t cap, const int32_t dim[3]);

/* Makes the index from n, dim and coord. At once where the rows are in order already. GLINT_E_ARG, with the
 * row, for a coordinate outside of dim or a site that is there twice, and for dim[1] * dim[2] >= 2^31; there
 * are then no sites. Allocates nothing; the same for any number of threads. */
int glint_sites_index(struct glint_exec *x, struct glint_sites *s);

/* The row of a cell, which may lie outside of dim; -1: it is no site. */
int32_t glint_sites_find(const struct glint_sites *s, int32_t x, int32_t y, int32_t z);

/* A convolution's kernel over cells: output o sees inputs o * stride - pad + k, 0 <= k < size, per axis x, y,
 * z. Kernel cells are counted (kz * size.y + ky) * size.x + kx. */
struct glint_stencil {
    int32_t size[3], stride[3], pad[3];
};

#define GLINT_STENCIL_SIZE 7 /* most per axis */

/* size^3, stride 1, padded by size / 2: of submanifold convolutions. size odd. */
struct glint_stencil glint_stencil_same(int32_t size);
int32_t glint_stencil_cells(const struct glint_stencil *k);

/* GLINT_E_ARG, with the axis, unless 1 <= size <= GLINT_STENCIL_SIZE, 1 <= stride <= 8, 0 <= pad < size. */
int glint_stencil_check(const struct glint_stencil *k);

/* Cells of the outputs per axis: (dim + 2 pad - size) / stride + 1; GLINT_E_ARG where there would be none. */
int glint_stencil_dim(const struct glint_stencil *k, const int32_t dim[3], int32_t dim_out[3]);

/* out (initialised; its dim is overwritten by glint_stencil_dim's): all cells that see a site, by (z, y, x),
 * indexed. Those beyond out->cap are lost and counted. Scratch of x: glint_sites_strided_scratch for the
 * output's dim, of worker 0; GLINT_E_NOMEM where that is less, GLINT_E_ARG. */
int glint_sites_strided(struct glint_exec *x, const struct glint_sites *in, const struct glint_stencil *k,
                        struct glint_sites *out);
size_t glint_sites_strided_scratch(const int32_t dim_out[3]);
#endif
