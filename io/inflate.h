/* io/inflate.h - zlib streams in memory, with a bound on what comes out. */
#ifndef GLINT_IO_INFLATE_H
#define GLINT_IO_INFLATE_H
#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

struct glint_inflate; /* the library's state and the output's memory, kept from stream to stream */

/* GLINT_E_NOMEM. One thread at a time. */
int glint_inflate_open(struct glint_inflate **inflate_out);
void glint_inflate_close(struct glint_inflate *inflate); /* NULL is fine */

/* Inflates one whole zlib stream of at most cap bytes. *data_out is valid until the next call.
 * GLINT_E_FORMAT, beginning with `what`: damaged, cut, more than cap bytes, or something behind it.
 * GLINT_E_NOMEM. Memory grows with what really comes out, not with what is promised. */
int glint_inflate_run(struct glint_inflate *inflate, const char *what, const uint8_t *data, size_t size,
                      size_t cap, const uint8_t **data_out, size_t *size_out);
#endif
