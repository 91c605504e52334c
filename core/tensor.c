/* core/tensor.c - see tensor.h. */
#include "core/tensor.h"

static const struct {
    const char *name;
    size_t size;
} types[GLINT_DTYPE_COUNT] = {
    [GLINT_DTYPE_F64] = {"F64", 8},   [GLINT_DTYPE_F32] = {"F32", 4}, [GLINT_DTYPE_F16] = {"F16", 2},
    [GLINT_DTYPE_BF16] = {"BF16", 2}, [GLINT_DTYPE_I64] = {"I64", 8}, [GLINT_DTYPE_I32] = {"I32", 4},
    [GLINT_DTYPE_I16] = {"I16", 2},   [GLINT_DTYPE_I8] = {"I8", 1},   [GLINT_DTYPE_U8] = {"U8", 1},
    [GLINT_DTYPE_U16] = {"U16", 2},   [GLINT_DTYPE_U32] = {"U32", 4}, [GLINT_DTYPE_BOOL] = {"BOOL", 1},
};

size_t glint_dtype_size(enum glint_dtype dtype)
{
    return (unsigned)dtype < GLINT_DTYPE_COUNT ? types[dtype].size : 0;
}

const char *glint_dtype_name(enum glint_dtype dtype)
{
    return (unsigned)dtype < GLINT_DTYPE_COUNT ? types[dtype].name : "?";
}

int64_t glint_tensor_elements(const struct glint_tensor *t)
{
    int64_t n = 1;
    for (int32_t i = 0; i < t->n_dims; i++)
        n *= t->shape[i];
    return n;
}
