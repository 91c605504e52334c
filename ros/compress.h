/* ros/compress.h - the compressions of MCAP chunks, by the names that the format gives them: "", "lz4"
 * (frames) and "zstd". Each may be missing in a build (GLINT_HAVE_ZSTD, GLINT_HAVE_LZ4). */
#ifndef GLINT_ROS_COMPRESS_H
#define GLINT_ROS_COMPRESS_H
#include "io/output.h"

enum glint_compression { GLINT_COMPRESSION_NONE, GLINT_COMPRESSION_LZ4, GLINT_COMPRESSION_ZSTD };

/* The best this build has: zstd, lz4, none. */
enum glint_compression glint_compression_best(void);

/* As in a chunk: "zstd". */
const char *glint_compression_name(enum glint_compression c);

/* "none", "lz4", "zstd". GLINT_E_ARG for other words, GLINT_E_UNSUPPORTED where the build lacks it. */
int glint_compression_named(const char *name, enum glint_compression *out);

struct glint_compressor; /* its memory is kept from chunk to chunk */

/* GLINT_E_NOMEM, GLINT_E_UNSUPPORTED. */
int glint_compressor_open(enum glint_compression c, struct glint_compressor **compressor_out);
void glint_compressor_close(struct glint_compressor *compressor); /* NULL is fine */

/* Appends the compressed bytes to out. GLINT_E_NOMEM. */
int glint_compressor_run(struct glint_compressor *compressor, const uint8_t *data, size_t size,
                         struct glint_buffer *out);

/* A message that rosbag2 has compressed by itself (compression_mode: MESSAGE) is a zstd frame: whether this
 * is one, which no CDR message can be, and its content into out (cleared first), at most `most` bytes.
 * GLINT_E_FORMAT, GLINT_E_NOMEM, GLINT_E_UNSUPPORTED. */
bool glint_is_packed_message(const uint8_t *data, size_t size);
int glint_unpack_message(const uint8_t *data, size_t size, size_t most, struct glint_buffer *out,
                         const char *what);

/* Unpacks into exactly `size` bytes at out. `name` as in a chunk; `what` for the message: GLINT_E_FORMAT
 * (broken, or another size), GLINT_E_UNSUPPORTED. */
int glint_decompress(const char *name, const uint8_t *packed, size_t packed_size, uint8_t *out, size_t size,
                     const char *what);
#endif
