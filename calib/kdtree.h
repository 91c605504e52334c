/* calib/kdtree.h - the points nearest to a place, exactly.
 *
 *     glint_kdtree_open(xyz, n, &tree);
 *     n_found = glint_kdtree_nearest(tree, p, 12, 1.5f, index, d2); */
#ifndef GLINT_CALIB_KDTREE_H
#define GLINT_CALIB_KDTREE_H
#include "core/status.h"
#include <stdint.h>

#define GLINT_KDTREE_NEAREST 32 /* most neighbours a call gives */

struct glint_kdtree;

/* Copies n >= 1 finite points (n x 3, m). GLINT_E_NOMEM, GLINT_E_ARG. */
int glint_kdtree_open(const float *xyz, int32_t n, struct glint_kdtree **tree_out);
void glint_kdtree_close(struct glint_kdtree *tree); /* NULL is fine */

/* Up to k <= GLINT_KDTREE_NEAREST points within `radius` m of p, nearest first: their indices in xyz and
 * squared distances. Returns how many. Thread-safe. Points at the same distance come in any order, the same
 * each time. */
int32_t glint_kdtree_nearest(const struct glint_kdtree *tree, const float p[3], int32_t k, float radius,
                             int32_t *index_out, float *d2_out);
#endif
