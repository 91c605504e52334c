/* ros/cdr.h - CDR, the form in which ROS 2 sends and stores messages: XCDR version 1 (OMG DDSI-RTPS 2.5, 10;
 * DDS-XTypes 1.3, 7.4.1), written little-endian, read in both orders.
 *
 *     struct glint_cdr c;
 *     glint_cdr_begin(&c, &buffer);           // the encapsulation header
 *     glint_cdr_put_text(&c, "base_link");
 *     glint_cdr_put_f64(&c, 1.5);             // numbers go to multiples of their size
 *     ... buffer.data, buffer.size; buffer.failed where memory ran out
 *
 *     struct glint_cdr_reader r;
 *     GLINT_TRY(glint_cdr_open(&r, data, size, "/points"));
 *     const uint32_t width = glint_cdr_u32(&r);
 *     ... and after the last value: r.failed says whether any of them was not there. */
#ifndef GLINT_ROS_CDR_H
#define GLINT_ROS_CDR_H
#include "io/output.h"

#define GLINT_CDR_HEADER 4 /* bytes before the first value; alignment counts from behind them */

struct glint_cdr {
    struct glint_buffer *buffer;
    size_t start; /* of the first value, in buffer */
};

/* Appends the header to the buffer, which may hold other things before it. */
void glint_cdr_begin(struct glint_cdr *c, struct glint_buffer *buffer);

void glint_cdr_put_u8(struct glint_cdr *c, uint8_t value);
void glint_cdr_put_u16(struct glint_cdr *c, uint16_t value);
void glint_cdr_put_u32(struct glint_cdr *c, uint32_t value); /* also the length of a sequence */
void glint_cdr_put_i32(struct glint_cdr *c, int32_t value);
void glint_cdr_put_u64(struct glint_cdr *c, uint64_t value);
void glint_cdr_put_f32(struct glint_cdr *c, float value);
void glint_cdr_put_f64(struct glint_cdr *c, double value);
void glint_cdr_put_text(struct glint_cdr *c, const char *text);
void glint_cdr_put_stamp(struct glint_cdr *c, int64_t ns); /* builtin_interfaces/Time; before 1970: 0 */
void glint_cdr_put_zeros(struct glint_cdr *c, size_t n);   /* n bytes, not aligned */

/* Room for n bytes, not aligned, which the caller fills; NULL without memory. */
uint8_t *glint_cdr_put_room(struct glint_cdr *c, size_t n);

struct glint_cdr_reader {
    const uint8_t *data; /* behind the header */
    size_t size, at;
    bool big_endian;
    bool failed; /* a value was beyond the end, or no text: all since are 0 */
};

/* `what` is for the message. GLINT_E_FORMAT: too short for a header, or of another kind than plain CDR. */
int glint_cdr_open(struct glint_cdr_reader *r, const uint8_t *data, size_t size, const char *what);

uint8_t glint_cdr_u8(struct glint_cdr_reader *r);
uint16_t glint_cdr_u16(struct glint_cdr_reader *r);
uint32_t glint_cdr_u32(struct glint_cdr_reader *r);
uint64_t glint_cdr_u64(struct glint_cdr_reader *r);
int64_t glint_cdr_stamp(struct glint_cdr_reader *r); /* ns; 0 for what is no time */

/* The n bytes that come next, in the message; NULL (and failed) where there are fewer. */
const uint8_t *glint_cdr_bytes(struct glint_cdr_reader *r, size_t n);

/* A text: in the message, ending with a zero; "" where it is not. */
const char *glint_cdr_text(struct glint_cdr_reader *r);

/* Length of a sequence whose elements take at least `least` bytes each: failed where they cannot be there. */
uint32_t glint_cdr_length(struct glint_cdr_reader *r, size_t least);

/* To the next multiple of size: 1, 2, 4 or 8. */
void glint_cdr_align(struct glint_cdr_reader *r, size_t size);
#endif
