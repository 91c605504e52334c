/* core/tensor.h - a view of an array: type, shape, pointer. */
#ifndef GLINT_CORE_TENSOR_H
#define GLINT_CORE_TENSOR_H
#include <stddef.h>
#include <stdint.h>

enum glint_dtype {
    GLINT_DTYPE_F64,
    GLINT_DTYPE_F32,
    GLINT_DTYPE_F16,
    GLINT_DTYPE_BF16,
    GLINT_DTYPE_I64,
    GLINT_DTYPE_I32,
    GLINT_DTYPE_I16,
    GLINT_DTYPE_I8,
    GLINT_DTYPE_U8,
    GLINT_DTYPE_U16,
    GLINT_DTYPE_U32,
    GLINT_DTYPE_BOOL,
    GLINT_DTYPE_COUNT
};

#define GLINT_TENSOR_DIMS 6

struct glint_tensor {
    const char *name; /* owner's memory */
    enum glint_dtype dtype;
    int32_t n_dims;
    int64_t shape[GLINT_TENSOR_DIMS]; /* row-major, last fastest */
    const void *data;                 /* aligned to the type's size */
};

size_t glint_dtype_size(enum glint_dtype dtype);
const char *glint_dtype_name(enum glint_dtype dtype); /* as safetensors spells it: "F32" */

int64_t glint_tensor_elements(const struct glint_tensor *t); /* 1 for a scalar */
#endif
