/* voxel/level.h - a cloud as sparse cells without bounds, serialised along curves, and its coarser levels:
 * the grid sampling and the clusters of Point Transformer V3. */
#ifndef GLINT_VOXEL_LEVEL_H
#define GLINT_VOXEL_LEVEL_H
#include "glint/frame.h"
#include "voxel/curve.h"

#define GLINT_LEVEL_CURVES 4

/* The cells of one level. Rows are in the order of the first curve (of a coarser level: of the finer one's
 * first curve). Memory is the caller's: glint_level_init carves one block. */
struct glint_level {
    int32_t cap, n;
    int32_t depth; /* coordinates are below 2^depth */
    int32_t n_curves;
    enum glint_curve curve[GLINT_LEVEL_CURVES];
    int32_t *coord;                     /* n x 3: x y z */
    int64_t *code[GLINT_LEVEL_CURVES];  /* n */
    int32_t *order[GLINT_LEVEL_CURVES]; /* n: position on the curve -> row */
    int32_t *cluster;                   /* rows of the finer level -> row here */
    int32_t *start; /* n + 1: the rows of cluster c are the finer order[0][start[c] .. start[c + 1] - 1] */
    void *scratch;  /* private */
};

size_t glint_level_bytes(int32_t cap);
void glint_level_init(struct glint_level *level, void *memory, int32_t cap); /* memory aligned to 64 */

/* How many bits a coordinate has: those of the largest one, or of the largest one + 1. */
enum glint_level_depth { GLINT_DEPTH_MAX, GLINT_DEPTH_MAX_PLUS_1 };

struct glint_level_rule {
    double cell;    /* m */
    bool in_double; /* quotients in double, as newer numpy has them; else in float, of the size rounded to it
                     */
    enum glint_level_depth depth;
    int32_t n_curves;
    enum glint_curve curve[GLINT_LEVEL_CURVES];
};

struct glint_level_points {
    int32_t low[3];    /* the cloud's lowest cell, which is cell 0 of the level */
    int32_t *row;      /* of each point; -1: refused */
    int32_t *kept;     /* cap of the level: the point that stands for a row, the first of its cell */
    int64_t n_refused; /* not finite; beyond 2^14 cells of x or y or 2^13 of z from 0 */
};

/* Points to the cells that hold one: cell = floor(p / rule->cell) by a true quotient, less the
 * cloud's lowest one per axis. out->row and out->kept are the caller's
 * arrays. Uses x's threads; the result does not depend on them. GLINT_E_CAPACITY for more than level->cap
 * points. */
int glint_level_sample(struct glint_exec *x, const struct glint_level_rule *rule,
                       const struct glint_points *points, struct glint_level *level,
                       struct glint_level_points *out);

/* Cells of twice the size: clusters are equal code >> 3 along the finer level's first curve, in that order.
 * curve: the coarser level's, n_curves of them (any order). At depth 0 every cell is its own cluster.
 * coarse->cap >= fine->n (GLINT_E_CAPACITY). */
int glint_level_pool(struct glint_exec *x, const struct glint_level *fine, const enum glint_curve *curve,
                     int32_t n_curves, struct glint_level *coarse);
#endif
