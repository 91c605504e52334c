/* core/assign.h - the cheapest way to pair rows with columns. */
#ifndef GLINT_CORE_ASSIGN_H
#define GLINT_CORE_ASSIGN_H
#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

/* Pairs each row with at most one column and each column with at most one row: as many pairs as possible, and
 * of all ways to do that the one whose costs have the least sum. A pair whose cost is not finite cannot be.
 * Costs may be negative. Writes each row's column or -1. Where several ways are equally cheap, which one is
 * taken depends on the order of rows and columns alone. GLINT_E_NOMEM. */
int glint_assign(const double *cost /* n_rows x n_cols */, int32_t n_rows, int32_t n_cols,
                 int32_t *column_out /* n_rows */);

/* The same in memory of the caller's, for what must not allocate: scratch, aligned to 8, has
 * glint_assign_scratch_bytes() of these counts (which grows with each of them, so that the bytes of the most
 * rows and columns do for all). */
size_t glint_assign_scratch_bytes(int32_t n_rows, int32_t n_cols);
void glint_assign_within(const double *cost, int32_t n_rows, int32_t n_cols, void *scratch,
                         int32_t *column_out);
#endif
