/* io/output.h - bytes to files: a growing buffer, files that appear whole, and the errors of both. */
#ifndef GLINT_IO_OUTPUT_H
#define GLINT_IO_OUTPUT_H
#include "core/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct glint_buffer { /* start with all zero */
    uint8_t *data;
    size_t size, cap;
    bool failed; /* memory ran out: what was appended since is not inside */
};
void glint_buffer_fini(struct glint_buffer *b);
void glint_buffer_clear(struct glint_buffer *b); /* keeps its memory */

/* Room for n more bytes, to be written and counted in size by the caller; NULL (and failed) without memory.
 */
uint8_t *glint_buffer_room(struct glint_buffer *b, size_t n);

void glint_buffer_add(struct glint_buffer *b, const void *data, size_t n);
void glint_buffer_text(struct glint_buffer *b, const char *text);
void glint_buffer_number(struct glint_buffer *b, double value, int decimals); /* as glint_number_write */
void glint_buffer_i64(struct glint_buffer *b, int64_t value);
void glint_buffer_u32(struct glint_buffer *b, uint32_t value); /* little-endian */

/* Makes the folders above path that are missing. GLINT_E_IO. */
int glint_output_parents(const char *path);

/* Whether a file can be made at path: its folder is there (made if need be) and writable, path is no folder.
 */
int glint_output_check(const char *path);

/* Writes a whole file: beside path first, then renamed, so that path is old or new but never half. What is no
 * regular file (a device, a pipe) is written to directly. GLINT_E_IO with path and reason, GLINT_E_NOMEM for
 * a failed buffer. */
int glint_output_write(const char *path, const struct glint_buffer *content);

/* write(2) until all is written; a broken pipe is GLINT_E_IO and no signal. *written_out: bytes that went
 * out. */
int glint_output_all(int fd, const char *path, const void *data, size_t size, size_t *written_out);
#endif
