/* eval/waymo_match.h - which prediction belongs to which labelled box, by the official Waymo matching: the
 * assignment of largest total weight, where several are equally large the one that the official search finds.
 */
#ifndef GLINT_EVAL_WAYMO_MATCH_H
#define GLINT_EVAL_WAYMO_MATCH_H
#include "core/status.h"
#include <stdbool.h>
#include <stdint.h>

/* A pair that can match, with its weight 1..1000000; others have none. */
struct glint_waymo_edge {
    int32_t row, column; /* prediction and truth, counted inside the group that is matched */
    int32_t weight;
};

/* Row and column are matched at the score cutoffs from <= c < to. */
struct glint_waymo_match {
    int32_t row, column;
    int32_t from, to;
};

struct glint_waymo_matcher;                                             /* work memory; one user at a time */
int glint_waymo_matcher_open(struct glint_waymo_matcher **matcher_out); /* GLINT_E_NOMEM */
void glint_waymo_matcher_close(struct glint_waymo_matcher *matcher);    /* NULL is fine */

/* For tests: the official search at every cutoff, no shortcuts. The same matches result. */
void glint_waymo_matcher_plain(struct glint_waymo_matcher *matcher, bool plain);
/* How many times the official search was run. */
int64_t glint_waymo_matcher_searches(const struct glint_waymo_matcher *matcher);

/* The problem at every cutoff 0 <= c < n_cutoffs: rows with alive[row] > c (in order) against all columns.
 * Edges are in order of row, then column; equal pairs are not allowed. The matches are in the matcher's
 * memory until the next call, in any order. GLINT_E_NOMEM. */
struct glint_waymo_problem {
    int32_t n_rows, n_columns, n_edges, n_cutoffs;
    const int32_t *alive;                 /* n_rows, 0..n_cutoffs */
    const struct glint_waymo_edge *edges; /* n_edges */
};
int glint_waymo_match(struct glint_waymo_matcher *matcher, const struct glint_waymo_problem *problem,
                      const struct glint_waymo_match **matches_out, int32_t *n_out);

/* The official search itself: weights n x n (>= 0, row-major), column_out[row]. scratch: 12 n values. */
void glint_waymo_assign(int32_t n, const int32_t *weight, int32_t *column_out, int64_t *scratch);
#endif
