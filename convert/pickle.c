/* convert/pickle.c - the stack machine; see pickle.h. Opcodes are those of Python's pickletools. The bounds
 * of the arrays are what keeps memory small: each opcode adds at most one value. */
#include "convert/pickle.h"
#include "convert/pickle_machine.h"
#include "core/bytes.h"
#include "core/status.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MOST (1u << 19)
#define CELLS_MOST  (1u << 20)
#define MEMO_MOST   (1u << 20)
#define STACK_MOST  (1u << 19)
#define MARKS_MOST  256 /* containers that are open at once */
#define LINE_MOST   255 /* bytes of a module's or a global's name */

#define OPCODES(X)                                                                                           \
    X(MARK, '(')                                                                                             \
    X(STOP, '.')                                                                                             \
    X(BINFLOAT, 'G')                                                                                         \
    X(BININT, 'J')                                                                                           \
    X(BININT1, 'K')                                                                                          \
    X(BININT2, 'M')                                                                                          \
    X(NONE, 'N')                                                                                             \
    X(BINPERSID, 'Q')                                                                                        \
    X(REDUCE, 'R')                                                                                           \
    X(BINUNICODE, 'X')                                                                                       \
    X(APPEND, 'a')                                                                                           \
    X(BUILD, 'b')                                                                                            \
    X(GLOBAL, 'c')                                                                                           \
    X(APPENDS, 'e')                                                                                          \
    X(BINGET, 'h')                                                                                           \
    X(LONG_BINGET, 'j')                                                                                      \
    X(EMPTY_LIST, ']')                                                                                       \
    X(BINPUT, 'q')                                                                                           \
    X(LONG_BINPUT, 'r')                                                                                      \
    X(SETITEM, 's')                                                                                          \
    X(TUPLE, 't')                                                                                            \
    X(EMPTY_TUPLE, ')')                                                                                      \
    X(SETITEMS, 'u')                                                                                         \
    X(EMPTY_DICT, '}')                                                                                       \
    X(BINBYTES, 'B')                                                                                         \
    X(SHORT_BINBYTES, 'C')                                                                                   \
    X(PROTO, 0x80)                                                                                           \
    X(TUPLE1, 0x85)                                                                                          \
    X(TUPLE2, 0x86)                                                                                          \
    X(TUPLE3, 0x87)                                                                                          \
    X(NEWTRUE, 0x88)                                                                                         \
    X(NEWFALSE, 0x89)                                                                                        \
    X(LONG1, 0x8a)                                                                                           \
    X(LONG4, 0x8b)                                                                                           \
    X(SHORT_BINUNICODE, 0x8c)                                                                                \
    X(BINUNICODE8, 0x8d)                                                                                     \
    X(STACK_GLOBAL, 0x93)                                                                                    \
    X(MEMOIZE, 0x94)                                                                                         \
    X(FRAME, 0x95)

/* Those that are refused, for their names only. */
#define OTHER_OPCODES(X)                                                                                     \
    X(POP, '0')                                                                                              \
    X(POP_MARK, '1')                                                                                         \
    X(DUP, '2')                                                                                              \
    X(FLOAT, 'F')                                                                                            \
    X(INT, 'I')                                                                                              \
    X(LONG, 'L')                                                                                             \
    X(PERSID, 'P')                                                                                           \
    X(STRING, 'S')                                                                                           \
    X(BINSTRING, 'T')                                                                                        \
    X(SHORT_BINSTRING, 'U')                                                                                  \
    X(UNICODE, 'V')                                                                                          \
    X(DICT, 'd')                                                                                             \
    X(GET, 'g')                                                                                              \
    X(INST, 'i')                                                                                             \
    X(LIST, 'l')                                                                                             \
    X(OBJ, 'o')                                                                                              \
    X(PUT, 'p')                                                                                              \
    X(NEWOBJ, 0x81)                                                                                          \
    X(EXT1, 0x82)                                                                                            \
    X(EXT2, 0x83)                                                                                            \
    X(EXT4, 0x84)                                                                                            \
    X(BINBYTES8, 0x8e)                                                                                       \
    X(EMPTY_SET, 0x8f)                                                                                       \
    X(ADDITEMS, 0x90)                                                                                        \
    X(FROZENSET, 0x91)                                                                                       \
    X(NEWOBJ_EX, 0x92)                                                                                       \
    X(BYTEARRAY8, 0x96)                                                                                      \
    X(NEXT_BUFFER, 0x97)                                                                                     \
    X(READONLY_BUFFER, 0x98)

enum {
#define OPCODE_ENUM(name, code) OP_##name = (code),
    OPCODES(OPCODE_ENUM)
#undef OPCODE_ENUM
};

static const char *opcode_name(uint8_t op)
{
    switch (op) {
#define OPCODE_NAME(name, code)                                                                              \
    case code:                                                                                               \
        return #name;
        OPCODES(OPCODE_NAME)
        OTHER_OPCODES(OPCODE_NAME)
#undef OPCODE_NAME
    default:
        return "that is none";
    }
}

const char *glint_pickle_type_name(enum glint_pickle_type type)
{
    static const char *const names[] = {
#define TYPE_NAME(upper, name) name,
        GLINT_PICKLE_MAP(TYPE_NAME)
#undef TYPE_NAME
    };
    return (unsigned)type < sizeof names / sizeof *names ? names[type] : "?";
}

int glint_pickle_wrong(const struct glint_pickle_machine *m, const char *fmt, ...)
{
    char what[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    glint_fail(GLINT_E_FORMAT, "%s: offset %llu: %s", m->name, (unsigned long long)(m->base + m->op), what);
    return GLINT_E_FORMAT;
}

/* Arrays */

int glint_pickle_grow(struct glint_pickle_machine *m, void *array, uint32_t *cap, uint32_t need,
                      uint32_t most, size_t size)
{
    void *old;
    if (need < *cap)
        return GLINT_OK;
    if (need >= most)
        return glint_pickle_wrong(m, "more than %u values, marks or tensors: no checkpoint has as many",
                                  most);
    uint32_t more = *cap ? *cap * 2 : 64;
    while (more <= need)
        more *= 2;
    memcpy(&old, array, sizeof old);
    void *new = realloc(old, more * size);
    if (!new)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", m->name);
    memset((char *)new + *cap *size, 0, (more - *cap) * size);
    memcpy(array, &new, sizeof new);
    *cap = more;
    return GLINT_OK;
}

int glint_pickle_add(struct glint_pickle_machine *m, struct glint_pickle_value v, uint32_t *out)
{
    struct glint_pickle *p = m->p;
    GLINT_TRY(glint_pickle_grow(m, &p->values, &m->cap_values, p->n_values, VALUES_MOST, sizeof v));
    p->values[p->n_values] = v;
    *out = p->n_values++;
    return GLINT_OK;
}

static int push(struct glint_pickle_machine *m, uint32_t value)
{
    GLINT_TRY(glint_pickle_grow(m, &m->stack, &m->cap_stack, m->n_stack, STACK_MOST, sizeof *m->stack));
    m->stack[m->n_stack++] = value;
    return GLINT_OK;
}

static int push_new(struct glint_pickle_machine *m, struct glint_pickle_value v)
{
    uint32_t index;
    GLINT_TRY(glint_pickle_add(m, v, &index));
    return push(m, index);
}

/* Above the last mark, that is. */
static uint32_t height(const struct glint_pickle_machine *m)
{
    return m->n_stack - (m->n_marks ? m->marks[m->n_marks - 1] : 0);
}

static int pop(struct glint_pickle_machine *m, uint32_t *out)
{
    if (height(m) == 0)
        return glint_pickle_wrong(m, "%s of an empty stack", opcode_name(m->bytes[m->op]));
    *out = m->stack[--m->n_stack];
    return GLINT_OK;
}

static int append(struct glint_pickle_machine *m, uint32_t container, uint32_t value)
{
    struct glint_pickle *p = m->p;
    if (!p->n_cells)
        p->n_cells = 1; /* cell 0 is none */
    GLINT_TRY(glint_pickle_grow(m, &p->cells, &m->cap_cells, p->n_cells, CELLS_MOST, sizeof *p->cells));
    struct glint_pickle_value *c = &p->values[container];
    p->cells[p->n_cells] = (struct glint_pickle_cell){.value = value};
    if (c->tail)
        p->cells[c->tail].next = p->n_cells;
    else
        c->head = p->n_cells;
    c->tail = p->n_cells++;
    return GLINT_OK;
}

/* Bytes of the program */

static int take(struct glint_pickle_machine *m, uint64_t n, const uint8_t **out)
{
    if (n > m->size - m->at)
        return glint_pickle_wrong(m, "%s needs %llu bytes, %zu are left: cut short",
                                  opcode_name(m->bytes[m->op]), (unsigned long long)n, m->size - m->at);
    *out = m->bytes + m->at;
    m->at += (size_t)n;
    return GLINT_OK;
}

/* A little-endian number of 1, 2, 4 or 8 bytes. */
static int take_number(struct glint_pickle_machine *m, int width, uint64_t *out)
{
    const uint8_t *p = NULL;
    GLINT_TRY(take(m, (uint64_t)width, &p));
    *out = width == 1 ? p[0] : width == 2 ? glint_le16(p) : width == 4 ? glint_le32(p) : glint_le64(p);
    return GLINT_OK;
}

static int take_line(struct glint_pickle_machine *m, const uint8_t **out, size_t *size)
{
    const size_t left = m->size - m->at, most = left < LINE_MOST ? left : LINE_MOST;
    const uint8_t *end = most ? memchr(m->bytes + m->at, '\n', most) : NULL;
    if (!end)
        return glint_pickle_wrong(m, "GLOBAL without the end of a name");
    *out = m->bytes + m->at;
    *size = (size_t)(end - *out);
    m->at += *size + 1;
    return GLINT_OK;
}

/* Numbers and strings */

static int push_int(struct glint_pickle_machine *m, int64_t i)
{
    return push_new(m, (struct glint_pickle_value){.type = GLINT_PICKLE_INT, .as.i = i});
}

static int op_int(struct glint_pickle_machine *m, int width)
{
    uint64_t number;
    GLINT_TRY(take_number(m, width, &number));
    return push_int(m, width == 4 ? (int32_t)(uint32_t)number : (int64_t)number);
}

static int op_bytes(struct glint_pickle_machine *m, enum glint_pickle_type type, int width)
{
    uint64_t n = 0;
    const uint8_t *bytes = NULL;
    GLINT_TRY(take_number(m, width, &n));
    GLINT_TRY(take(m, n, &bytes));
    if (n > UINT32_MAX)
        return glint_pickle_wrong(m, "a string of %llu bytes", (unsigned long long)n);
    return push_new(
        m, (struct glint_pickle_value){.type = (uint8_t)type, .count = (uint32_t)n, .as.bytes = bytes});
}

/* Two's complement, little-endian. */
static int op_long(struct glint_pickle_machine *m, int width)
{
    uint64_t n = 0, value = 0;
    const uint8_t *bytes = NULL;
    GLINT_TRY(take_number(m, width, &n));
    GLINT_TRY(take(m, n, &bytes));
    if (n > 8)
        return push_new(m, (struct glint_pickle_value){
                               .type = GLINT_PICKLE_LONG, .count = (uint32_t)n, .as.bytes = bytes});
    for (uint64_t i = 0; i < 8; i++)
        value |= (uint64_t)(i < n ? bytes[i] : n && bytes[n - 1] & 0x80 ? 0xff : 0) << (8 * i);
    return push_int(m, (int64_t)value);
}

static int op_float(struct glint_pickle_machine *m)
{
    const uint8_t *p = NULL;
    GLINT_TRY(take(m, 8, &p));
    const uint64_t bits = (uint64_t)glint_be32(p) << 32 | glint_be32(p + 4);
    struct glint_pickle_value v = {.type = GLINT_PICKLE_FLOAT};
    memcpy(&v.as.f, &bits, sizeof v.as.f);
    return push_new(m, v);
}

/* Containers */

static int op_mark(struct glint_pickle_machine *m)
{
    if (m->n_marks == MARKS_MOST)
        return glint_pickle_wrong(m, "nested deeper than %d", MARKS_MOST);
    GLINT_TRY(glint_pickle_grow(m, &m->marks, &m->cap_marks, m->n_marks, MARKS_MOST + 1, sizeof *m->marks));
    m->marks[m->n_marks++] = m->n_stack;
    return GLINT_OK;
}

/* The last n on the stack become a tuple. */
static int make_tuple(struct glint_pickle_machine *m, uint32_t n)
{
    uint32_t tuple;
    if (height(m) < n)
        return glint_pickle_wrong(m, "a tuple of %u of a stack of %u", n, height(m));
    GLINT_TRY(glint_pickle_add(m, (struct glint_pickle_value){.type = GLINT_PICKLE_TUPLE}, &tuple));
    for (uint32_t i = 0; i < n; i++)
        GLINT_TRY(append(m, tuple, m->stack[m->n_stack - n + i]));
    m->p->values[tuple].count = n;
    m->n_stack -= n;
    return push(m, tuple);
}

/* How many there are above the mark, which goes. */
static int close_mark(struct glint_pickle_machine *m, uint32_t *n)
{
    if (!m->n_marks)
        return glint_pickle_wrong(m, "%s without MARK", opcode_name(m->bytes[m->op]));
    *n = height(m);
    m->n_marks--;
    return GLINT_OK;
}

static int op_tuple(struct glint_pickle_machine *m)
{
    uint32_t n = 0;
    GLINT_TRY(close_mark(m, &n));
    return make_tuple(m, n);
}

/* The last n on the stack go into the container below them. */
static int fill(struct glint_pickle_machine *m, enum glint_pickle_type type, uint32_t n)
{
    if (height(m) <= n)
        return glint_pickle_wrong(m, "%s of an empty stack", opcode_name(m->bytes[m->op]));
    const uint32_t container = m->stack[m->n_stack - n - 1];
    const uint8_t found = m->p->values[container].type;
    if (found != type)
        return glint_pickle_wrong(m, "%s: a %s expected, found a %s", opcode_name(m->bytes[m->op]),
                                  glint_pickle_type_name(type), glint_pickle_type_name(found));
    if (type == GLINT_PICKLE_DICT && n % 2)
        return glint_pickle_wrong(m, "a key without a value");
    for (uint32_t i = 0; i < n; i++)
        GLINT_TRY(append(m, container, m->stack[m->n_stack - n + i]));
    m->p->values[container].count += type == GLINT_PICKLE_DICT ? n / 2 : n;
    m->n_stack -= n;
    return GLINT_OK;
}

static int op_fill_marked(struct glint_pickle_machine *m, enum glint_pickle_type type)
{
    uint32_t n = 0;
    GLINT_TRY(close_mark(m, &n));
    return fill(m, type, n);
}

/* Memo */

static int put(struct glint_pickle_machine *m, uint64_t place)
{
    if (height(m) == 0)
        return glint_pickle_wrong(m, "%s of an empty stack", opcode_name(m->bytes[m->op]));
    if (place >= MEMO_MOST)
        return glint_pickle_wrong(m, "place %llu of the memo; fewer than %u are possible",
                                  (unsigned long long)place, MEMO_MOST);
    GLINT_TRY(glint_pickle_grow(m, &m->memo, &m->cap_memo, (uint32_t)place, MEMO_MOST, sizeof *m->memo));
    m->memo[place] = m->stack[m->n_stack - 1] + 1;
    m->n_memo++;
    return GLINT_OK;
}

static int op_put(struct glint_pickle_machine *m, int width)
{
    uint64_t place;
    GLINT_TRY(take_number(m, width, &place));
    return put(m, place);
}

static int op_get(struct glint_pickle_machine *m, int width)
{
    uint64_t place;
    GLINT_TRY(take_number(m, width, &place));
    if (place >= m->cap_memo || !m->memo[place])
        return glint_pickle_wrong(m, "nothing at place %llu of the memo", (unsigned long long)place);
    return push(m, m->memo[place] - 1);
}

/* Objects */

static int op_global(struct glint_pickle_machine *m)
{
    const uint8_t *module = NULL, *name = NULL;
    size_t module_size = 0, name_size = 0;
    uint32_t value;
    GLINT_TRY(take_line(m, &module, &module_size));
    GLINT_TRY(take_line(m, &name, &name_size));
    GLINT_TRY(glint_pickle_global(m, module, module_size, name, name_size, &value));
    return push(m, value);
}

static int op_stack_global(struct glint_pickle_machine *m)
{
    uint32_t name = 0, module = 0, value;
    GLINT_TRY(pop(m, &name));
    GLINT_TRY(pop(m, &module));
    const struct glint_pickle_value *a = &m->p->values[module], *b = &m->p->values[name];
    if (a->type != GLINT_PICKLE_TEXT || b->type != GLINT_PICKLE_TEXT)
        return glint_pickle_wrong(m, "STACK_GLOBAL: two strings expected");
    GLINT_TRY(glint_pickle_global(m, a->as.bytes, a->count, b->as.bytes, b->count, &value));
    return push(m, value);
}

static int op_reduce(struct glint_pickle_machine *m)
{
    uint32_t args = 0, callable = 0, value;
    GLINT_TRY(pop(m, &args));
    GLINT_TRY(pop(m, &callable));
    GLINT_TRY(glint_pickle_call(m, callable, args, &value));
    return push(m, value);
}

static int op_build(struct glint_pickle_machine *m)
{
    uint32_t state = 0, object = 0;
    GLINT_TRY(pop(m, &state));
    GLINT_TRY(pop(m, &object));
    GLINT_TRY(glint_pickle_build(m, object, state));
    return push(m, object);
}

static int op_persistent(struct glint_pickle_machine *m)
{
    uint32_t id = 0, value;
    GLINT_TRY(pop(m, &id));
    GLINT_TRY(glint_pickle_persistent(m, id, &value));
    return push(m, value);
}

/* The program */

static int op_protocol(struct glint_pickle_machine *m)
{
    uint64_t version;
    GLINT_TRY(take_number(m, 1, &version));
    return version >= 2 && version <= 5
               ? GLINT_OK
               : glint_pickle_wrong(m, "pickle protocol %d; 2 to 5 are known", (int)version);
}

static int op_frame(struct glint_pickle_machine *m)
{
    uint64_t size;
    return take_number(m, 8, &size); /* reading ahead is not needed */
}

static int run_value(struct glint_pickle_machine *m, uint8_t op)
{
    switch (op) {
    case OP_NONE:
        return push_new(m, (struct glint_pickle_value){.type = GLINT_PICKLE_NONE});
    case OP_NEWTRUE:
    case OP_NEWFALSE:
        return push_new(m, (struct glint_pickle_value){.type = GLINT_PICKLE_BOOL, .as.i = op == OP_NEWTRUE});
    case OP_BININT1:
        return op_int(m, 1);
    case OP_BININT2:
        return op_int(m, 2);
    case OP_BININT:
        return op_int(m, 4);
    case OP_LONG1:
        return op_long(m, 1);
    case OP_LONG4:
        return op_long(m, 4);
    case OP_BINFLOAT:
        return op_float(m);
    case OP_SHORT_BINUNICODE:
        return op_bytes(m, GLINT_PICKLE_TEXT, 1);
    case OP_BINUNICODE:
        return op_bytes(m, GLINT_PICKLE_TEXT, 4);
    case OP_BINUNICODE8:
        return op_bytes(m, GLINT_PICKLE_TEXT, 8);
    case OP_SHORT_BINBYTES:
        return op_bytes(m, GLINT_PICKLE_BYTES, 1);
    case OP_BINBYTES:
        return op_bytes(m, GLINT_PICKLE_BYTES, 4);
    case OP_EMPTY_TUPLE:
        return make_tuple(m, 0);
    case OP_EMPTY_LIST:
        return push_new(m, (struct glint_pickle_value){.type = GLINT_PICKLE_LIST});
    case OP_EMPTY_DICT:
        return push_new(m, (struct glint_pickle_value){.type = GLINT_PICKLE_DICT});
    default:
        return glint_pickle_wrong(m, "opcode %s (0x%02x) is not one of a checkpoint's; refused",
                                  opcode_name(op), op);
    }
}

static int run(struct glint_pickle_machine *m, uint8_t op)
{
    switch (op) {
    case OP_PROTO:
        return op_protocol(m);
    case OP_FRAME:
        return op_frame(m);
    case OP_MARK:
        return op_mark(m);
    case OP_TUPLE:
        return op_tuple(m);
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
        return make_tuple(m, (uint32_t)(op - OP_TUPLE1 + 1));
    case OP_APPEND:
        return fill(m, GLINT_PICKLE_LIST, 1);
    case OP_APPENDS:
        return op_fill_marked(m, GLINT_PICKLE_LIST);
    case OP_SETITEM:
        return fill(m, GLINT_PICKLE_DICT, 2);
    case OP_SETITEMS:
        return op_fill_marked(m, GLINT_PICKLE_DICT);
    case OP_MEMOIZE:
        return put(m, m->n_memo);
    case OP_BINPUT:
        return op_put(m, 1);
    case OP_LONG_BINPUT:
        return op_put(m, 4);
    case OP_BINGET:
        return op_get(m, 1);
    case OP_LONG_BINGET:
        return op_get(m, 4);
    case OP_GLOBAL:
        return op_global(m);
    case OP_STACK_GLOBAL:
        return op_stack_global(m);
    case OP_REDUCE:
        return op_reduce(m);
    case OP_BUILD:
        return op_build(m);
    case OP_BINPERSID:
        return op_persistent(m);
    default:
        return run_value(m, op);
    }
}

static int run_all(struct glint_pickle_machine *m)
{
    uint8_t op = 0;
    if (m->size < 2 || m->bytes[0] != OP_PROTO)
        return glint_pickle_wrong(m, "a pickle of protocol 2 to 5 expected");
    for (; op != OP_STOP; m->op = m->at) {
        if (m->at == m->size)
            return glint_pickle_wrong(m, "a pickle without its end: cut short");
        op = m->bytes[m->at++];
        if (op != OP_STOP)
            GLINT_TRY(run(m, op));
    }
    m->op = m->at - 1;
    if (m->n_marks || m->n_stack != 1)
        return glint_pickle_wrong(m, "%u values at the end, 1 expected", m->n_stack);
    m->p->root = m->stack[0];
    return GLINT_OK;
}

int glint_pickle_read(struct glint_pickle *p, const char *name, uint64_t at, const uint8_t *bytes,
                      size_t size, size_t *used_out)
{
    struct glint_pickle_machine m = {.p = p, .name = name, .base = at, .bytes = bytes, .size = size};
    *p = (struct glint_pickle){0};
    const int status = run_all(&m);
    free(m.stack);
    free(m.memo);
    free(m.marks);
    if (used_out)
        *used_out = m.at;
    if (status != GLINT_OK)
        glint_pickle_close(p);
    return status;
}

void glint_pickle_close(struct glint_pickle *p)
{
    free(p->values);
    free(p->cells);
    free(p->storages);
    free(p->tensors);
    free(p->scratch);
    *p = (struct glint_pickle){0};
}

/* Questions */

const struct glint_pickle_value *glint_pickle_item(const struct glint_pickle *p, uint32_t container,
                                                   uint32_t i, uint32_t *index_out)
{
    const struct glint_pickle_value *c = &p->values[container];
    if ((c->type != GLINT_PICKLE_LIST && c->type != GLINT_PICKLE_TUPLE) || i >= c->count)
        return NULL;
    uint32_t cell = c->head;
    for (; i > 0; i--)
        cell = p->cells[cell].next;
    if (index_out)
        *index_out = p->cells[cell].value;
    return &p->values[p->cells[cell].value];
}

bool glint_pickle_is(const struct glint_pickle_value *v, const char *text)
{
    return v && v->type == GLINT_PICKLE_TEXT && v->count == strlen(text) &&
           memcmp(v->as.bytes, text, v->count) == 0;
}

const struct glint_pickle_value *glint_pickle_get(const struct glint_pickle *p,
                                                  const struct glint_pickle_value *dict, const char *key)
{
    const struct glint_pickle_value *found = NULL;
    if (!dict || dict->type != GLINT_PICKLE_DICT)
        return NULL;
    for (uint32_t cell = dict->head; cell; cell = p->cells[p->cells[cell].next].next)
        if (glint_pickle_is(&p->values[p->cells[cell].value], key))
            found = &p->values[p->cells[p->cells[cell].next].value];
    return found;
}
