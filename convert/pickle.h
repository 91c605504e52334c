/* convert/pickle.h - the values in a Python pickle, as PyTorch writes them (protocols 2 to 5), read without
 * running anything.
 *
 * A pickle is a program for a stack machine that may call any function of any module. This reader knows the
 * opcodes that make containers, numbers and strings, and a short list of globals with what their calls make
 * (pickle_known.c): OrderedDict, tensors and parameters over storages, torch.Size, numpy's scalars. Every
 * other opcode or global is refused by name. Values refer to each other by index, so that a container that
 * contains itself, or one that is there a million times, costs nothing; who walks them must bound depth and
 * count. Memory stays below 40 MB whatever the input. */
#ifndef GLINT_CONVERT_PICKLE_H
#define GLINT_CONVERT_PICKLE_H
#include "core/tensor.h"
#include <stdbool.h>

/* X(ENUM, name in messages) */
#define GLINT_PICKLE_MAP(X)                                                                                  \
    X(NONE, "None")                                                                                          \
    X(BOOL, "bool")                                                                                          \
    X(INT, "int")                                                                                            \
    X(LONG, "int of more than 64 bits")                                                                      \
    X(FLOAT, "float")                                                                                        \
    X(TEXT, "str")                                                                                           \
    X(BYTES, "bytes")                                                                                        \
    X(LIST, "list")                                                                                          \
    X(TUPLE, "tuple")                                                                                        \
    X(DICT, "dict")                                                                                          \
    X(GLOBAL, "global")                                                                                      \
    X(STORAGE, "storage")                                                                                    \
    X(TENSOR, "tensor")                                                                                      \
    X(DTYPE, "numpy.dtype")

enum glint_pickle_type {
#define GLINT_PICKLE_ENUM(upper, name) GLINT_PICKLE_##upper,
    GLINT_PICKLE_MAP(GLINT_PICKLE_ENUM)
#undef GLINT_PICKLE_ENUM
};

struct glint_pickle_value {
    uint8_t type;        /* enum glint_pickle_type */
    uint8_t flag;        /* private */
    uint32_t count;      /* elements of a container (a dict: keys); bytes of a text, of bytes, of a long */
    uint32_t head, tail; /* cells of a container; 0: none. A dict's are key, value, key, ... */
    union {
        int64_t i; /* BOOL, INT; which STORAGE, TENSOR, GLOBAL, DTYPE */
        double f;  /* FLOAT */
        const uint8_t
            *bytes; /* TEXT (UTF-8, unchecked), BYTES, LONG (little-endian): in the pickle's memory */
    } as;
};

struct glint_pickle_cell {
    uint32_t value, next; /* of values; of cells, 0: the last */
};

struct glint_pickle_storage { /* where numbers are: the archive knows */
    const uint8_t *key;
    uint32_t key_size;
    enum glint_dtype dtype;
    int64_t n;     /* elements */
    int64_t first; /* element of the keyed storage at which it begins (views of the old format) */
};

struct glint_pickle_tensor { /* all elements lie inside the storage */
    uint32_t storage;
    int32_t n_dims;
    int64_t offset; /* elements */
    int64_t shape[GLINT_TENSOR_DIMS], stride[GLINT_TENSOR_DIMS];
};

struct glint_pickle {
    uint32_t root; /* a value */
    uint32_t n_values, n_cells, n_storages, n_tensors;
    struct glint_pickle_value *values;
    struct glint_pickle_cell *cells; /* cell 0 is none */
    struct glint_pickle_storage *storages;
    struct glint_pickle_tensor *tensors;
    void *scratch; /* bytes that had to be made; private */
};

/* Reads one pickle from the beginning of bytes, which must outlive it; *used_out (may be NULL): its size.
 * `name` for messages, `at` is added to offsets in them. GLINT_E_FORMAT with offset and what was refused,
 * GLINT_E_CAPACITY when it is larger than the bounds above, GLINT_E_NOMEM. */
int glint_pickle_read(struct glint_pickle *p, const char *name, uint64_t at, const uint8_t *bytes,
                      size_t size, size_t *used_out);
void glint_pickle_close(struct glint_pickle *p); /* one that is all zero is fine */

const char *glint_pickle_type_name(enum glint_pickle_type type);
bool glint_pickle_is(const struct glint_pickle_value *v, const char *text); /* whether it is this TEXT */

/* The value of a text key in a dict (the last one set), or NULL. */
const struct glint_pickle_value *glint_pickle_get(const struct glint_pickle *p,
                                                  const struct glint_pickle_value *dict, const char *key);
#endif
