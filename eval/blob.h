/* eval/blob.h - reading back what one part of an evaluation wrote for another with io/output.h's buffer:
 * values of fixed size in the order of writing, in this machine's byte order. */
#ifndef GLINT_EVAL_BLOB_H
#define GLINT_EVAL_BLOB_H
#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

struct glint_blob { /* not owned */
    const uint8_t *data;
    size_t size, at;
};
/* The next n bytes, GLINT_E_FORMAT where the blob ends before. */
int glint_blob_read(struct glint_blob *blob, void *bytes_out, size_t n);
int glint_blob_view(struct glint_blob *blob, size_t n, const void **bytes_out); /* not aligned */
#endif
