/* io/sink_files.h - what sinks of one file per frame share: the path with the frame's number, the buffer, the
 * writing. */
#ifndef GLINT_IO_SINK_FILES_H
#define GLINT_IO_SINK_FILES_H
#include "io/output.h"
#include "io/sink.h"

/* Appends the content of a frame's file. */
typedef void glint_sink_encode_fn(const struct glint_sink_context *ctx, const struct glint_frame *frame,
                                  struct glint_buffer *content);

/* A sink that writes what encode gives; `name` is static. GLINT_E_ARG where the path has more than one number
 * in it, GLINT_E_IO where it cannot be written. A second frame for a path without a number is GLINT_E_ARG. */
int glint_sink_files_open(const char *name, const char *path, const struct glint_sink_context *ctx,
                          glint_sink_encode_fn *encode, struct glint_sink **sink_out);
#endif
