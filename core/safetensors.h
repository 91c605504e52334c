/* core/safetensors.h - reading and writing .safetensors files: an 8-byte little-endian header
 * length, a JSON header, raw little-endian data. Everything in the header is checked (types, shapes,
 * offsets inside the file, no overlap, no hole, sizes equal to the shape's), so that a view is safe to read.
 * Data that the file holds at an address not aligned to its type is copied at open; all other data is the
 * mapped file itself. */
#ifndef GLINT_CORE_SAFETENSORS_H
#define GLINT_CORE_SAFETENSORS_H
#include "core/tensor.h"
#include <stdio.h>

struct glint_safetensors;

/* Maps and checks path. GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_FORMAT with the entry that is wrong. */
int glint_safetensors_open(const char *path, struct glint_safetensors **file_out);
void glint_safetensors_close(struct glint_safetensors *file); /* NULL is fine */

/* The same over a block of memory (fuzzing, tests), which must outlive the file. `name` for messages. */
int glint_safetensors_parse(const char *name, const uint8_t *data, size_t size,
                            struct glint_safetensors **file_out);

int32_t glint_safetensors_count(const struct glint_safetensors *file);
const struct glint_tensor *glint_safetensors_at(const struct glint_safetensors *file, int32_t index);

/* NULL when there is none of that name. Views live as long as the file. */
const struct glint_tensor *glint_safetensors_find(const struct glint_safetensors *file, const char *name);

/* Puts t in the place of the tensor at index. data: of malloc, t->data points into it; it is the file's
 * afterwards. t->name must live as long as the file (a part of a name of the file does); t itself may go. */
void glint_safetensors_replace(struct glint_safetensors *file, int32_t index, const struct glint_tensor *t,
                               void *data);

/* A string of __metadata__, or NULL. */
const char *glint_safetensors_metadata(const struct glint_safetensors *file, const char *key);

/* Writes tensors (data contiguous) and string metadata (keys and values alternating, n_meta pairs).
 * The file appears whole or not at all (written beside it, then renamed). GLINT_E_IO. */
int glint_safetensors_write(const char *path, const struct glint_tensor *tensors, int32_t n_tensors,
                            const char *const *meta, int32_t n_meta);

/* The same when numbers are made while they are written: put writes the data of tensors[index] (all of it,
 * row-major, little-endian), and its failure is returned. tensors[].data is not looked at. */
typedef int glint_safetensors_put_fn(void *ctx, int32_t index, FILE *out);
int glint_safetensors_write_by(const char *path, const struct glint_tensor *tensors, int32_t n_tensors,
                               const char *const *meta, int32_t n_meta, glint_safetensors_put_fn *put,
                               void *ctx);
#endif
