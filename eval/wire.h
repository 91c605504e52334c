/* eval/wire.h - walking over the fields of a serialized protobuf message, in place and bounds-checked.
 *
 *     struct glint_wire w = glint_wire_of(path, file.data, file.size);
 *     struct glint_wire_field f;
 *     int status;
 *     while ((status = glint_wire_next(&w, &f)) == GLINT_OK)
 *         if (f.number == 1 && f.type == GLINT_WIRE_BYTES)
 *             ... f.data, f.size, or glint_wire_inside(&w, &f) to go deeper ...
 *     return status == GLINT_E_EOF ? GLINT_OK : status;
 *
 * Why not unpack with the protobuf library: results of a whole dataset are millions of small messages, of
 * which a metric needs a dozen numbers each, one frame at a time; unpacking costs a dozen allocations per
 * message and wants the whole file in memory. What a message means is said once, in io/waymo.proto; fields of
 * an unexpected wire type are unknown ones, as there. Groups, which no such file has, are refused. Source:
 * Protocol Buffers, Encoding (protobuf.dev/programming-guides/encoding). */
#ifndef GLINT_EVAL_WIRE_H
#define GLINT_EVAL_WIRE_H
#include "core/bytes.h"
#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>

enum glint_wire_type { GLINT_WIRE_VARINT = 0, GLINT_WIRE_64 = 1, GLINT_WIRE_BYTES = 2, GLINT_WIRE_32 = 5 };

struct glint_wire {
    const char *name;        /* the file, for messages */
    const uint8_t *base;     /* its first byte: offsets in messages count from here */
    const uint8_t *at, *end; /* what is left of the message */
};

struct glint_wire_field {
    uint32_t number;
    enum glint_wire_type type;
    uint64_t value;      /* VARINT, 64 and 32: the bits */
    const uint8_t *data; /* BYTES */
    size_t size;
    const uint8_t *at; /* where the field starts */
};

/* Keeps "FILE: byte N: ..." as the reason and returns GLINT_E_FORMAT. */
int glint_wire_fail(const struct glint_wire *w, const uint8_t *at, const char *what);

/* A varint of up to ten bytes. False where it is cut off or longer. */
static inline bool glint_wire_varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    const uint8_t *p = *at;
    uint64_t value = 0;
    for (int shift = 0; shift < 70 && p < end; shift += 7) {
        const uint8_t byte = *p++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *at = p;
            *out = value;
            return true;
        }
    }
    return false;
}

/* The status is written out for compilers, which then see what is set when there is no failure. */
static inline int glint_wire_broken(const struct glint_wire *w, const struct glint_wire_field *f,
                                    const char *what)
{
    glint_wire_fail(w, f->at, what);
    return GLINT_E_FORMAT;
}

static inline int glint_wire_payload(struct glint_wire *w, struct glint_wire_field *f)
{
    const size_t left = (size_t)(w->end - w->at);
    uint64_t size;
    f->value = 0;
    f->data = NULL;
    f->size = 0;
    switch (f->type) {
    case GLINT_WIRE_VARINT:
        if (!glint_wire_varint(&w->at, w->end, &f->value))
            return glint_wire_broken(w, f, "a number is cut off or longer than 10 bytes");
        return GLINT_OK;
    case GLINT_WIRE_64:
        if (left < 8)
            return glint_wire_broken(w, f, "a number of 8 bytes is cut off");
        f->value = glint_le64(w->at);
        w->at += 8;
        return GLINT_OK;
    case GLINT_WIRE_32:
        if (left < 4)
            return glint_wire_broken(w, f, "a number of 4 bytes is cut off");
        f->value = glint_le32(w->at);
        w->at += 4;
        return GLINT_OK;
    case GLINT_WIRE_BYTES:
        if (!glint_wire_varint(&w->at, w->end, &size) || size > (uint64_t)(w->end - w->at))
            return glint_wire_broken(w, f, "a field is longer than the message it is in");
        f->data = w->at;
        f->size = (size_t)size;
        w->at += size;
        return GLINT_OK;
    }
    return glint_wire_broken(w, f, "a field of an unknown wire type (no protobuf message?)");
}

/* The next field. GLINT_E_EOF at the end of the message, GLINT_E_FORMAT for what is none. */
static inline int glint_wire_next(struct glint_wire *w, struct glint_wire_field *f)
{
    if (w->at == w->end)
        return GLINT_E_EOF;
    uint64_t key;
    f->at = w->at;
    if (!glint_wire_varint(&w->at, w->end, &key) || key >> 32 || key >> 3 == 0)
        return glint_wire_broken(w, f, "no field of a protobuf message");
    f->number = (uint32_t)(key >> 3);
    f->type = (enum glint_wire_type)(key & 7);
    return glint_wire_payload(w, f);
}

/* A whole file or block as a message; data may be NULL where size is 0. */
static inline struct glint_wire glint_wire_of(const char *name, const uint8_t *data, size_t size)
{
    static const uint8_t nothing[1];
    const uint8_t *at = size ? data : nothing;
    return (struct glint_wire){name, at, at, at + size};
}

/* The message inside a field of type BYTES. */
static inline struct glint_wire glint_wire_inside(const struct glint_wire *w,
                                                  const struct glint_wire_field *f)
{
    return (struct glint_wire){w->name, w->base, f->data, f->data + f->size};
}

static inline double glint_wire_f64(const struct glint_wire_field *f)
{
    double value;
    memcpy(&value, &f->value, sizeof value);
    return value;
}
static inline float glint_wire_f32(const struct glint_wire_field *f)
{
    const uint32_t bits = (uint32_t)f->value;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
#endif
