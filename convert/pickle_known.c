/* convert/pickle_known.c - the globals that a checkpoint may name, and what calling them makes; see pickle.h.
 * Nothing here runs anything: each call checks its arguments and makes a value. Facts about what torch writes
 * are from torch/serialization.py and torch/_utils.py. */
#include "convert/pickle_machine.h"
#include "core/bytes.h"
#include "core/status.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { ORDERED_DICT, SIZE, TENSOR_V1, TENSOR_V2, PARAMETER, STORAGE, NUMPY_SCALAR, NUMPY_DTYPE, ENCODE };

static const struct known {
    const char *module, *name;
    enum kind kind;
    enum glint_dtype dtype; /* of storages */
} known[] = {
    {"collections", "OrderedDict", ORDERED_DICT, 0},
    {"torch", "Size", SIZE, 0},
    {"torch._utils", "_rebuild_tensor", TENSOR_V1, 0},
    {"torch._utils", "_rebuild_tensor_v2", TENSOR_V2, 0},
    {"torch._utils", "_rebuild_parameter", PARAMETER, 0},
    {"torch", "DoubleStorage", STORAGE, GLINT_DTYPE_F64},
    {"torch", "FloatStorage", STORAGE, GLINT_DTYPE_F32},
    {"torch", "HalfStorage", STORAGE, GLINT_DTYPE_F16},
    {"torch", "BFloat16Storage", STORAGE, GLINT_DTYPE_BF16},
    {"torch", "LongStorage", STORAGE, GLINT_DTYPE_I64},
    {"torch", "IntStorage", STORAGE, GLINT_DTYPE_I32},
    {"torch", "ShortStorage", STORAGE, GLINT_DTYPE_I16},
    {"torch", "CharStorage", STORAGE, GLINT_DTYPE_I8},
    {"torch", "ByteStorage", STORAGE, GLINT_DTYPE_U8},
    {"torch", "BoolStorage", STORAGE, GLINT_DTYPE_BOOL},
    /* a number such as the best metric so far; under both of numpy's names */
    {"numpy.core.multiarray", "scalar", NUMPY_SCALAR, 0},
    {"numpy._core.multiarray", "scalar", NUMPY_SCALAR, 0},
    {"numpy", "dtype", NUMPY_DTYPE, 0},
    {"_codecs", "encode", ENCODE, 0},
};
enum { N_KNOWN = sizeof known / sizeof *known };

static bool same(const char *text, const uint8_t *bytes, size_t size)
{
    return strlen(text) == size && memcmp(text, bytes, size) == 0;
}

/* Names of strangers into messages: what is no plain letter is shown as '?'. */
static void plain(char *out, size_t cap, const uint8_t *bytes, size_t size)
{
    size_t n = size < cap - 1 ? size : cap - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = bytes[i] > 32 && bytes[i] < 127 ? (char)bytes[i] : '?';
    out[n] = 0;
}

int glint_pickle_global(struct glint_pickle_machine *m, const uint8_t *module, size_t module_size,
                        const uint8_t *name, size_t name_size, uint32_t *out)
{
    char shown[2][100];
    for (int i = 0; i < N_KNOWN; i++)
        if (same(known[i].module, module, module_size) && same(known[i].name, name, name_size))
            return glint_pickle_add(m, (struct glint_pickle_value){.type = GLINT_PICKLE_GLOBAL, .as.i = i},
                                    out);
    plain(shown[0], sizeof shown[0], module, module_size);
    plain(shown[1], sizeof shown[1], name, name_size);
    return glint_pickle_wrong(
        m,
        "global %s.%s is refused: tensors, plain containers and numbers are all that is "
        "read. If it is harmless, save the weights alone: torch.save({'state_dict': "
        "torch.load(FILE)['state_dict']}, NEW)",
        shown[0], shown[1]);
}

/* Arguments */

static int argument(const struct glint_pickle_machine *m, uint32_t args, uint32_t i,
                    enum glint_pickle_type type, const char *what, const struct glint_pickle_value **out)
{
    *out = glint_pickle_item(m->p, args, i, NULL);
    if (!*out || (*out)->type != type)
        return glint_pickle_wrong(
            m, "%s: argument %u: %s expected, found %s", what, i, glint_pickle_type_name(type),
            *out ? glint_pickle_type_name((enum glint_pickle_type)(*out)->type) : "none");
    return GLINT_OK;
}

/* Storages */

/* (key, first element, elements) of a part of a storage, in archives of old. */
static int read_view(const struct glint_pickle_machine *m, uint32_t view, struct glint_pickle_storage *s)
{
    const struct glint_pickle_value *first, *n;
    GLINT_TRY(argument(m, view, 1, GLINT_PICKLE_INT, "view of a storage", &first));
    GLINT_TRY(argument(m, view, 2, GLINT_PICKLE_INT, "view of a storage", &n));
    if (first->as.i < 0 || n->as.i < 0 || first->as.i > s->n || n->as.i > s->n - first->as.i)
        return glint_pickle_wrong(m, "view of a storage: elements %lld + %lld of %lld",
                                  (long long)first->as.i, (long long)n->as.i, (long long)s->n);
    s->first = first->as.i;
    s->n = n->as.i;
    return GLINT_OK;
}

/* ('storage', class, key, place, elements[, view]) */
static int read_storage(const struct glint_pickle_machine *m, uint32_t id, struct glint_pickle_storage *s)
{
    const struct glint_pickle_value *v, *key, *n;
    GLINT_TRY(argument(m, id, 0, GLINT_PICKLE_TEXT, "persistent id", &v));
    if (!glint_pickle_is(v, "storage"))
        return glint_pickle_wrong(m, "persistent id: 'storage' expected");
    GLINT_TRY(argument(m, id, 1, GLINT_PICKLE_GLOBAL, "persistent id", &v));
    if (known[v->as.i].kind != STORAGE)
        return glint_pickle_wrong(m, "%s.%s is no storage", known[v->as.i].module, known[v->as.i].name);
    GLINT_TRY(argument(m, id, 2, GLINT_PICKLE_TEXT, "persistent id", &key));
    GLINT_TRY(argument(m, id, 4, GLINT_PICKLE_INT, "persistent id", &n));
    *s = (struct glint_pickle_storage){
        .key = key->as.bytes, .key_size = key->count, .dtype = known[v->as.i].dtype, .n = n->as.i};
    if (s->n < 0 || s->n > INT64_MAX / 16)
        return glint_pickle_wrong(m, "storage of %lld elements", (long long)s->n);
    uint32_t view;
    v = glint_pickle_item(m->p, id, 5, &view);
    return v && v->type != GLINT_PICKLE_NONE ? read_view(m, view, s) : GLINT_OK;
}

int glint_pickle_persistent(struct glint_pickle_machine *m, uint32_t id, uint32_t *out)
{
    struct glint_pickle *p = m->p;
    struct glint_pickle_storage s;
    GLINT_TRY(read_storage(m, id, &s));
    GLINT_TRY(
        glint_pickle_grow(m, &p->storages, &m->cap_storages, p->n_storages, GLINT_PICKLE_TENSORS, sizeof s));
    p->storages[p->n_storages] = s;
    return glint_pickle_add(
        m, (struct glint_pickle_value){.type = GLINT_PICKLE_STORAGE, .as.i = p->n_storages++}, out);
}

/* Tensors */

static int read_dims(const struct glint_pickle_machine *m, uint32_t args, uint32_t i, int32_t n, int64_t *out)
{
    uint32_t tuple;
    const struct glint_pickle_value *v = glint_pickle_item(m->p, args, i, &tuple);
    if (!v || v->type != GLINT_PICKLE_TUPLE || v->count > GLINT_TENSOR_DIMS ||
        (n >= 0 && v->count != (uint32_t)n))
        return glint_pickle_wrong(m, "tensor: argument %u: a tuple of at most %d sizes expected", i,
                                  GLINT_TENSOR_DIMS);
    for (uint32_t k = 0; k < v->count; k++) {
        const struct glint_pickle_value *dim;
        GLINT_TRY(argument(m, tuple, k, GLINT_PICKLE_INT, "tensor: sizes", &dim));
        if (dim->as.i < 0)
            return glint_pickle_wrong(m, "tensor: a size or stride of %lld", (long long)dim->as.i);
        out[k] = dim->as.i;
    }
    return (int)v->count;
}

/* Every element inside the storage, and no more of them than it has: nothing grows by being read. */
static int check_tensor(const struct glint_pickle_machine *m, const struct glint_pickle_tensor *t)
{
    const int64_t n = m->p->storages[t->storage].n;
    int64_t elements = 1, last = t->offset;
    for (int32_t i = 0; i < t->n_dims; i++) {
        if (t->shape[i] == 0)
            return GLINT_OK; /* no elements: nothing is read */
        if (elements > n / t->shape[i])
            return glint_pickle_wrong(m, "tensor: more elements than its storage of %lld: they overlap",
                                      (long long)n);
        elements *= t->shape[i];
        if (t->stride[i] > 0 && t->shape[i] - 1 > (n - last) / t->stride[i])
            return glint_pickle_wrong(m, "tensor: reaches beyond its storage of %lld elements", (long long)n);
        last += (t->shape[i] - 1) * t->stride[i];
    }
    return last < n ? GLINT_OK
                    : glint_pickle_wrong(m, "tensor: element %lld of a storage of %lld", (long long)last,
                                         (long long)n);
}

/* (storage, offset, sizes, strides, ...) */
static int make_tensor(struct glint_pickle_machine *m, uint32_t args, uint32_t *out)
{
    struct glint_pickle *p = m->p;
    struct glint_pickle_tensor t = {0};
    const struct glint_pickle_value *storage, *offset;
    GLINT_TRY(argument(m, args, 0, GLINT_PICKLE_STORAGE, "tensor", &storage));
    GLINT_TRY(argument(m, args, 1, GLINT_PICKLE_INT, "tensor", &offset));
    t.storage = (uint32_t)storage->as.i;
    t.offset = offset->as.i;
    if (t.offset < 0 || t.offset > p->storages[t.storage].n)
        return glint_pickle_wrong(m, "tensor: begins at element %lld of a storage of %lld",
                                  (long long)t.offset, (long long)p->storages[t.storage].n);
    t.n_dims = read_dims(m, args, 2, -1, t.shape);
    GLINT_TRY(t.n_dims);
    GLINT_TRY(read_dims(m, args, 3, t.n_dims, t.stride));
    GLINT_TRY(check_tensor(m, &t));
    GLINT_TRY(
        glint_pickle_grow(m, &p->tensors, &m->cap_tensors, p->n_tensors, GLINT_PICKLE_TENSORS, sizeof t));
    p->tensors[p->n_tensors] = t;
    return glint_pickle_add(
        m, (struct glint_pickle_value){.type = GLINT_PICKLE_TENSOR, .as.i = p->n_tensors++}, out);
}

/* numpy's scalars: scalar(dtype('f8', False, True), b'........') */

static int make_dtype(struct glint_pickle_machine *m, uint32_t args, uint32_t *out)
{
    static const char *const names[] = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "b1"};
    static const enum glint_dtype types[] = {
        GLINT_DTYPE_F16, GLINT_DTYPE_F32, GLINT_DTYPE_F64, GLINT_DTYPE_I8,  GLINT_DTYPE_I16, GLINT_DTYPE_I32,
        GLINT_DTYPE_I64, GLINT_DTYPE_U8,  GLINT_DTYPE_U16, GLINT_DTYPE_U32, GLINT_DTYPE_BOOL};
    const struct glint_pickle_value *text;
    GLINT_TRY(argument(m, args, 0, GLINT_PICKLE_TEXT, "numpy.dtype", &text));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (glint_pickle_is(text, names[i]))
            return glint_pickle_add(
                m, (struct glint_pickle_value){.type = GLINT_PICKLE_DTYPE, .as.i = types[i]}, out);
    return glint_pickle_wrong(m, "numpy.dtype: one of plain numbers expected");
}

static double number_of(enum glint_dtype dtype, const uint8_t *p)
{
    switch (dtype) {
    case GLINT_DTYPE_F64:
        return glint_le_f64(p);
    case GLINT_DTYPE_F32:
        return (double)glint_le_f32(p);
    case GLINT_DTYPE_I64:
        return (double)(int64_t)glint_le64(p);
    case GLINT_DTYPE_I32:
        return (double)(int32_t)glint_le32(p);
    case GLINT_DTYPE_U32:
        return (double)glint_le32(p);
    case GLINT_DTYPE_I16:
        return (double)(int16_t)glint_le16(p);
    case GLINT_DTYPE_U16:
        return (double)glint_le16(p);
    case GLINT_DTYPE_I8:
        return (double)(int8_t)p[0];
    default:
        return (double)p[0];
    }
}

static int make_scalar(struct glint_pickle_machine *m, uint32_t args, uint32_t *out)
{
    const struct glint_pickle_value *dtype, *bytes;
    GLINT_TRY(argument(m, args, 0, GLINT_PICKLE_DTYPE, "numpy scalar", &dtype));
    GLINT_TRY(argument(m, args, 1, GLINT_PICKLE_BYTES, "numpy scalar", &bytes));
    const enum glint_dtype type = (enum glint_dtype)dtype->as.i;
    if (bytes->count != glint_dtype_size(type))
        return glint_pickle_wrong(m, "numpy scalar: %u bytes for a %s", bytes->count, glint_dtype_name(type));
    return glint_pickle_add(
        m, (struct glint_pickle_value){.type = GLINT_PICKLE_FLOAT, .as.f = number_of(type, bytes->as.bytes)},
        out);
}

/* encode(text, 'latin1'): how protocol 2 writes bytes; as many as a scalar has. */
static int make_bytes(struct glint_pickle_machine *m, uint32_t args, uint32_t *out)
{
    const struct glint_pickle_value *text, *coding;
    GLINT_TRY(argument(m, args, 0, GLINT_PICKLE_TEXT, "_codecs.encode", &text));
    GLINT_TRY(argument(m, args, 1, GLINT_PICKLE_TEXT, "_codecs.encode", &coding));
    if (!glint_pickle_is(coding, "latin1") || text->count > 16)
        return glint_pickle_wrong(m, "_codecs.encode: a number's bytes in latin1 expected");
    if (!m->p->scratch)
        m->p->scratch = malloc(GLINT_PICKLE_SCRATCH);
    if (!m->p->scratch)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", m->name);
    if (m->scratch_used + 16 > GLINT_PICKLE_SCRATCH)
        return glint_pickle_wrong(m, "_codecs.encode: more than %d bytes in all", GLINT_PICKLE_SCRATCH);
    uint8_t *bytes = (uint8_t *)m->p->scratch + m->scratch_used;
    uint32_t n = 0;
    for (uint32_t i = 0; i < text->count; i++) {
        const uint8_t c = text->as.bytes[i], next = i + 1 < text->count ? text->as.bytes[i + 1] : 0;
        if (c >= 0x80 && (c < 0xc2 || c > 0xc3 || (next & 0xc0) != 0x80))
            return glint_pickle_wrong(m, "_codecs.encode: no latin1");
        bytes[n++] = c < 0x80 ? c : (uint8_t)((c & 3) << 6 | (next & 0x3f));
        i += c >= 0x80;
    }
    m->scratch_used += n;
    return glint_pickle_add(
        m, (struct glint_pickle_value){.type = GLINT_PICKLE_BYTES, .count = n, .as.bytes = bytes}, out);
}

/* Calls */

static int take_argument(struct glint_pickle_machine *m, uint32_t args, enum glint_pickle_type type,
                         const char *what, uint32_t *out)
{
    const struct glint_pickle_value *v;
    GLINT_TRY(argument(m, args, 0, type, what, &v));
    glint_pickle_item(m->p, args, 0, out);
    return GLINT_OK;
}

int glint_pickle_call(struct glint_pickle_machine *m, uint32_t callable, uint32_t args, uint32_t *out)
{
    const struct glint_pickle_value *f = &m->p->values[callable], *a = &m->p->values[args];
    if (f->type != GLINT_PICKLE_GLOBAL || a->type != GLINT_PICKLE_TUPLE)
        return glint_pickle_wrong(m, "REDUCE: a global and a tuple expected");
    const struct known *k = &known[f->as.i];
    switch (k->kind) {
    case ORDERED_DICT:
        if (a->count)
            return glint_pickle_wrong(m, "collections.OrderedDict: no arguments expected");
        return glint_pickle_add(m, (struct glint_pickle_value){.type = GLINT_PICKLE_DICT}, out);
    case SIZE:
        return take_argument(m, args, GLINT_PICKLE_TUPLE, "torch.Size", out);
    case TENSOR_V1:
    case TENSOR_V2:
        return make_tensor(m, args, out);
    case PARAMETER:
        return take_argument(m, args, GLINT_PICKLE_TENSOR, "torch._utils._rebuild_parameter", out);
    case NUMPY_SCALAR:
        return make_scalar(m, args, out);
    case NUMPY_DTYPE:
        return make_dtype(m, args, out);
    case ENCODE:
        return make_bytes(m, args, out);
    case STORAGE:
        break;
    }
    return glint_pickle_wrong(m, "call of %s.%s is refused", k->module, k->name);
}

/* State: of a dict its _metadata (versions of modules, not needed), of a dtype its byte order. */
int glint_pickle_build(struct glint_pickle_machine *m, uint32_t object, uint32_t state)
{
    const struct glint_pickle_value *o = &m->p->values[object], *s = &m->p->values[state], *order;
    if (o->type == GLINT_PICKLE_DICT && s->type == GLINT_PICKLE_DICT) {
        if (s->count == 0 || (s->count == 1 && glint_pickle_get(m->p, s, "_metadata")))
            return GLINT_OK;
        return glint_pickle_wrong(m, "BUILD of a dict: _metadata alone expected");
    }
    if (o->type != GLINT_PICKLE_DTYPE)
        return glint_pickle_wrong(m, "BUILD of a %s is refused",
                                  glint_pickle_type_name((enum glint_pickle_type)o->type));
    GLINT_TRY(argument(m, state, 1, GLINT_PICKLE_TEXT, "numpy.dtype", &order));
    return glint_pickle_is(order, "<") || glint_pickle_is(order, "|")
               ? GLINT_OK
               : glint_pickle_wrong(m, "numpy.dtype: little-endian numbers expected");
}
