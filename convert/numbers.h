/* convert/numbers.h - tensors of any type and layout as rows of float. */
#ifndef GLINT_CONVERT_NUMBERS_H
#define GLINT_CONVERT_NUMBERS_H
#include "core/tensor.h"
#include <stdbool.h>

struct glint_numbers {
    const uint8_t *bytes; /* little-endian, at any address; element k at k * the type's size */
    enum glint_dtype dtype;
    int32_t n_dims;
    int64_t offset;                                              /* elements */
    int64_t shape[GLINT_TENSOR_DIMS], stride[GLINT_TENSOR_DIMS]; /* elements */
};

int64_t glint_numbers_count(const struct glint_numbers *t);

/* Elements first .. first + n - 1 in row-major order of t's shape, as float: halves exactly, doubles and
 * integers rounded. */
void glint_numbers_f32(const struct glint_numbers *t, int64_t first, int64_t n, float *out);

/* The same numbers with their dimensions in another order: dimension i of *out is order[i] of t. */
void glint_numbers_permute(const struct glint_numbers *t, const int32_t *order, struct glint_numbers *out);
#endif
