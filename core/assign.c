/* core/assign.c - see assign.h.
 *
 * Shortest augmenting paths with dual prices (H. Kuhn 1955; R. Jonker, A. Volgenant, Computing 38, 1987):
 * rows come one after the other; for each the cheapest path of alternating free and taken pairs to a free
 * column is found as Dijkstra does, with costs reduced by the prices so that none is negative. O(rows^2 x
 * columns) with the shorter side as rows. Impossible pairs cost more than all possible ones together and are
 * taken out at the end, so that as few of them as can be are taken. */
#include "core/assign.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct problem { /* n rows, m columns, n <= m */
    const double *cost;
    int32_t n, m, n_cols;
    bool is_turned; /* rows are the caller's columns */
    double impossible;

    double *row_price, *col_price; /* n, m */
    double *distance;              /* m, of the path to a column */
    int32_t *row_of, *before;      /* m: -1 free; the column before it on the path, -1: the new row */
    bool *done;                    /* m */
};

static double given(const struct problem *p, int32_t row, int32_t col)
{
    return p->is_turned ? p->cost[(int64_t)col * p->n_cols + row] : p->cost[(int64_t)row * p->n_cols + col];
}

static double cost_of(const struct problem *p, int32_t row, int32_t col)
{
    const double c = given(p, row, col);
    return isfinite(c) ? c : p->impossible;
}

/* The nearest column that is not done, after `row`, reached at `so_far` by way of column `by`, has shortened
 * the distances. */
static int32_t nearest_after(struct problem *p, int32_t row, int32_t by, double so_far)
{
    int32_t best = -1;
    for (int32_t j = 0; j < p->m; j++) {
        if (p->done[j])
            continue;
        const double d = so_far + cost_of(p, row, j) - p->row_price[row] - p->col_price[j];
        if (d < p->distance[j]) {
            p->distance[j] = d;
            p->before[j] = by;
        }
        if (best < 0 || p->distance[j] < p->distance[best])
            best = j;
    }
    return best;
}

/* Prices after a path of that length was found, so that reduced costs stay >= 0 and 0 on pairs. */
static void set_prices(struct problem *p, int32_t first_row, double length)
{
    p->row_price[first_row] += length;
    for (int32_t j = 0; j < p->m; j++)
        if (p->done[j]) {
            p->row_price[p->row_of[j]] += length - p->distance[j];
            p->col_price[j] -= length - p->distance[j];
        }
}

static void place(struct problem *p, int32_t first_row)
{
    for (int32_t j = 0; j < p->m; j++) {
        p->distance[j] = INFINITY;
        p->done[j] = false;
    }
    int32_t row = first_row, by = -1, end = nearest_after(p, row, by, 0);
    while (p->row_of[end] >= 0) {
        p->done[end] = true;
        row = p->row_of[end];
        by = end;
        end = nearest_after(p, row, by, p->distance[end]);
    }
    set_prices(p, first_row, p->distance[end]);
    while (p->before[end] >= 0) { /* the pairs of the path move on by one */
        p->row_of[end] = p->row_of[p->before[end]];
        end = p->before[end];
    }
    p->row_of[end] = first_row;
}

static double impossible_cost(const struct problem *p)
{
    double most = 0;
    for (int64_t i = 0; i < (int64_t)p->n * p->m; i++)
        if (isfinite(p->cost[i]))
            most = fmax(most, fabs(p->cost[i]));
    return 2.0 * p->n * (most + 1);
}

static void write_pairs(const struct problem *p, int32_t n_rows, int32_t *column_out)
{
    for (int32_t i = 0; i < n_rows; i++)
        column_out[i] = -1;
    for (int32_t j = 0; j < p->m; j++) {
        const int32_t row = p->row_of[j];
        if (row >= 0 && isfinite(given(p, row, j)))
            column_out[p->is_turned ? j : row] = p->is_turned ? row : j;
    }
}

/* Of the columns: price, distance, row, the one before, whether it is done; of the rows: price. */
static size_t bytes_of(size_t n, size_t m)
{
    return (n + 2 * m) * sizeof(double) + 2 * m * sizeof(int32_t) + m * sizeof(bool);
}

/* Which side is the longer one is not asked, so that more of either never takes less. */
size_t glint_assign_scratch_bytes(int32_t n_rows, int32_t n_cols)
{
    const size_t n = (size_t)n_rows, m = (size_t)n_cols;
    return bytes_of(n, n > m ? n : m);
}

static void lay_out(struct problem *p, void *scratch)
{
    const size_t n = (size_t)p->n, m = (size_t)p->m;
    memset(scratch, 0, bytes_of(n, m));
    p->row_price = scratch;
    p->col_price = p->row_price + n;
    p->distance = p->col_price + m;
    p->row_of = (int32_t *)(p->distance + m);
    p->before = p->row_of + m;
    p->done = (bool *)(p->before + m);
}

void glint_assign_within(const double *costs, int32_t n_rows, int32_t n_cols, void *scratch,
                         int32_t *column_out)
{
    struct problem p = {.cost = costs, .n_cols = n_cols, .is_turned = n_rows > n_cols};
    p.n = p.is_turned ? n_cols : n_rows;
    p.m = p.is_turned ? n_rows : n_cols;
    lay_out(&p, scratch);
    p.impossible = impossible_cost(&p);
    for (int32_t j = 0; j < p.m; j++)
        p.row_of[j] = -1;
    for (int32_t i = 0; i < p.n; i++)
        place(&p, i);
    write_pairs(&p, n_rows, column_out);
}

int glint_assign(const double *cost, int32_t n_rows, int32_t n_cols, int32_t *column_out)
{
    void *scratch = malloc(glint_assign_scratch_bytes(n_rows, n_cols) + 1);
    if (!scratch)
        return glint_fail(GLINT_E_NOMEM, "no memory to pair %d with %d", n_rows, n_cols);
    glint_assign_within(cost, n_rows, n_cols, scratch, column_out);
    free(scratch);
    return GLINT_OK;
}
