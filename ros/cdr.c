/* ros/cdr.c - see cdr.h. Each number stands at a multiple of its size, counted from behind the header. */
#include "ros/cdr.h"
#include "core/bytes.h"

#define NANOS INT64_C(1000000000)

/* ---- writing ---- */

void glint_cdr_begin(struct glint_cdr *c, struct glint_buffer *buffer)
{
    static const uint8_t little_endian[GLINT_CDR_HEADER] = {0, 1, 0, 0};
    glint_buffer_add(buffer, little_endian, sizeof little_endian);
    *c = (struct glint_cdr){buffer, buffer->size};
}

/* Little-endian, aligned to its size: 1, 2, 4 or 8. */
static void put(struct glint_cdr *c, uint64_t value, size_t size)
{
    const size_t gap = -(c->buffer->size - c->start) & (size - 1);
    uint8_t *room = glint_buffer_room(c->buffer, gap + size);
    if (!room)
        return;
    memset(room, 0, gap);
    for (size_t i = 0; i < size; i++)
        room[gap + i] = (uint8_t)(value >> 8 * i);
    c->buffer->size += gap + size;
}

void glint_cdr_put_u8(struct glint_cdr *c, uint8_t value)
{
    put(c, value, 1);
}

void glint_cdr_put_u16(struct glint_cdr *c, uint16_t value)
{
    put(c, value, 2);
}

void glint_cdr_put_u32(struct glint_cdr *c, uint32_t value)
{
    put(c, value, 4);
}

void glint_cdr_put_i32(struct glint_cdr *c, int32_t value)
{
    put(c, (uint32_t)value, 4);
}

void glint_cdr_put_u64(struct glint_cdr *c, uint64_t value)
{
    put(c, value, 8);
}

void glint_cdr_put_f32(struct glint_cdr *c, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put(c, bits, 4);
}

void glint_cdr_put_f64(struct glint_cdr *c, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put(c, bits, 8);
}

void glint_cdr_put_text(struct glint_cdr *c, const char *text)
{
    const size_t n = strlen(text) + 1; /* the zero is counted and sent */
    put(c, n, 4);
    glint_buffer_add(c->buffer, text, n);
}

void glint_cdr_put_stamp(struct glint_cdr *c, int64_t ns)
{
    const int64_t at = ns > 0 ? ns : 0;
    glint_cdr_put_i32(c, (int32_t)(at / NANOS));
    glint_cdr_put_u32(c, (uint32_t)(at % NANOS));
}

void glint_cdr_put_zeros(struct glint_cdr *c, size_t n)
{
    uint8_t *room = glint_cdr_put_room(c, n);
    if (room)
        memset(room, 0, n);
}

uint8_t *glint_cdr_put_room(struct glint_cdr *c, size_t n)
{
    uint8_t *room = glint_buffer_room(c->buffer, n);
    if (room)
        c->buffer->size += n;
    return room;
}

/* ---- reading ---- */

int glint_cdr_open(struct glint_cdr_reader *r, const uint8_t *data, size_t size, const char *what)
{
    *r = (struct glint_cdr_reader){.failed = true};
    if (size < GLINT_CDR_HEADER)
        return glint_fail(GLINT_E_FORMAT, "%s: a message of %zu bytes, expected at least a CDR header of 4",
                          what, size);
    if (data[0] != 0 || data[1] > 1)
        return glint_fail(GLINT_E_FORMAT,
                          "%s: a message with encapsulation 0x%02x%02x, expected CDR (0x0001)", what, data[0],
                          data[1]);
    *r = (struct glint_cdr_reader){
        .data = data + GLINT_CDR_HEADER, .size = size - GLINT_CDR_HEADER, .big_endian = data[1] == 0};
    return GLINT_OK;
}

void glint_cdr_align(struct glint_cdr_reader *r, size_t size)
{
    const size_t gap = -r->at & (size - 1);
    r->failed |= gap > r->size - r->at;
    r->at += r->failed ? 0 : gap;
}

const uint8_t *glint_cdr_bytes(struct glint_cdr_reader *r, size_t n)
{
    r->failed |= n > r->size - r->at;
    if (r->failed)
        return NULL;
    const uint8_t *bytes = r->data + r->at;
    r->at += n;
    return bytes;
}

static uint64_t get(struct glint_cdr_reader *r, size_t size)
{
    uint64_t value = 0;
    glint_cdr_align(r, size);
    const uint8_t *p = glint_cdr_bytes(r, size);
    for (size_t i = 0; p && i < size; i++)
        value |= (uint64_t)p[i] << 8 * (r->big_endian ? size - 1 - i : i);
    return value;
}

uint8_t glint_cdr_u8(struct glint_cdr_reader *r)
{
    return (uint8_t)get(r, 1);
}

uint16_t glint_cdr_u16(struct glint_cdr_reader *r)
{
    return (uint16_t)get(r, 2);
}

uint32_t glint_cdr_u32(struct glint_cdr_reader *r)
{
    return (uint32_t)get(r, 4);
}

uint64_t glint_cdr_u64(struct glint_cdr_reader *r)
{
    return get(r, 8);
}

int64_t glint_cdr_stamp(struct glint_cdr_reader *r)
{
    const int32_t s = (int32_t)glint_cdr_u32(r);
    const uint32_t ns = glint_cdr_u32(r);
    return s >= 0 && ns < NANOS ? s * NANOS + ns : 0;
}

const char *glint_cdr_text(struct glint_cdr_reader *r)
{
    const uint32_t n = glint_cdr_u32(r); /* some writers send no zero for an empty text */
    const uint8_t *text = n > 0 ? glint_cdr_bytes(r, n) : NULL;
    r->failed |= text && text[n - 1] != 0;
    return text && !r->failed ? (const char *)text : "";
}

uint32_t glint_cdr_length(struct glint_cdr_reader *r, size_t least)
{
    const uint32_t n = glint_cdr_u32(r);
    r->failed |= n > (r->size - r->at) / least;
    return r->failed ? 0 : n;
}
