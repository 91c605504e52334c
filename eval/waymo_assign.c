/* eval/waymo_assign.c - the official search for an assignment of largest weight; see waymo_match.h.
 *
 * Kuhn and Munkres with labels lx, ly (lx[i] + ly[j] >= w[i][j]) and one alternating tree per free row. Which
 * of several equally heavy assignments is found depends on the order in which rows, columns and tight edges
 * are looked at. That order is the contract: free rows from the lowest, tight columns in the order of the
 * tree's rows, then ascending; after a change of labels they are gathered again from scratch. */
#include "eval/waymo_match.h"
#include <string.h>

struct search {
    int32_t n;
    const int32_t *weight;
    int64_t *lx, *ly;
    int64_t *column_of, *row_of; /* the matching, -1: free */
    int64_t *tree_row;           /* S, n_tree_rows of them */
    int64_t *tree_column;        /* T with the position in S of each one's parent */
    int64_t *tree_parent;
    int64_t *near; /* N: columns with a tight edge to the tree, in the order found */
    int64_t *near_parent;
    int64_t *in_tree, *in_near; /* flags of columns */
    int32_t n_rows, n_columns, n_near, next_near;
};

static void init(struct search *s)
{
    for (int32_t i = 0; i < s->n; i++) {
        int64_t most = 0;
        for (int32_t j = 0; j < s->n; j++)
            if (s->weight[(int64_t)i * s->n + j] > most)
                most = s->weight[(int64_t)i * s->n + j];
        s->lx[i] = most;
        s->ly[i] = 0;
        s->column_of[i] = s->row_of[i] = -1;
    }
}

static void add_tight(struct search *s, int32_t position)
{
    const int64_t row = s->tree_row[position];
    const int32_t *weight = s->weight + row * s->n;
    for (int32_t j = 0; j < s->n; j++)
        if (!s->in_near[j] && s->lx[row] + s->ly[j] == weight[j]) {
            s->in_near[j] = 1;
            s->near[s->n_near] = j;
            s->near_parent[s->n_near++] = position;
        }
}

static void gather_tight(struct search *s)
{
    s->n_near = s->next_near = 0;
    memset(s->in_near, 0, (size_t)s->n * sizeof *s->in_near);
    for (int32_t k = 0; k < s->n_rows; k++)
        add_tight(s, k);
}

static void relabel(struct search *s)
{
    int64_t least = INT64_MAX;
    for (int32_t k = 0; k < s->n_rows; k++) {
        const int64_t row = s->tree_row[k];
        for (int32_t j = 0; j < s->n; j++) {
            const int64_t gap = s->lx[row] + s->ly[j] - s->weight[row * s->n + j];
            if (!s->in_tree[j] && gap < least)
                least = gap;
        }
    }
    for (int32_t k = 0; k < s->n_rows; k++)
        s->lx[s->tree_row[k]] -= least;
    for (int32_t k = 0; k < s->n_columns; k++)
        s->ly[s->tree_column[k]] += least;
}

/* From the last column of the tree back to the root, every other edge. */
static void flip(struct search *s)
{
    int64_t column = s->tree_column[s->n_columns - 1];
    for (int32_t k = s->n_columns - 1; k >= 0; k--) {
        if (s->tree_column[k] != column)
            continue;
        const int64_t row = s->tree_row[s->tree_parent[k]], before = s->column_of[row];
        s->column_of[row] = column;
        s->row_of[column] = row;
        column = before;
    }
}

static void match_row(struct search *s, int32_t root)
{
    memset(s->in_tree, 0, (size_t)s->n * sizeof *s->in_tree);
    s->tree_row[0] = root;
    s->n_rows = 1;
    s->n_columns = 0;
    gather_tight(s);
    for (;;) {
        if (s->n_near == s->n_columns) { /* the tree's columns are always near: equal counts, equal sets */
            relabel(s);
            gather_tight(s);
        }
        while (s->in_tree[s->near[s->next_near]])
            s->next_near++;
        const int64_t column = s->near[s->next_near];
        s->in_tree[column] = 1;
        s->tree_column[s->n_columns] = column;
        s->tree_parent[s->n_columns++] = s->near_parent[s->next_near];
        if (s->row_of[column] < 0)
            break;
        s->tree_row[s->n_rows] = s->row_of[column];
        add_tight(s, s->n_rows++);
    }
    flip(s);
}

void glint_waymo_assign(int32_t n, const int32_t *weight, int32_t *column_out, int64_t *scratch)
{
    struct search s = {.n = n, .weight = weight};
    int64_t **const parts[] = {&s.lx,          &s.ly,          &s.column_of,   &s.row_of,
                               &s.tree_row,    &s.tree_column, &s.tree_parent, &s.near,
                               &s.near_parent, &s.in_tree,     &s.in_near};
    for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++)
        *parts[k] = scratch + (int64_t)k * n;
    init(&s);
    for (int32_t i = 0; i < n; i++)
        match_row(&s, i); /* rows stay matched: the lowest free one is the next */
    for (int32_t i = 0; i < n; i++)
        column_out[i] = (int32_t)s.column_of[i];
}
