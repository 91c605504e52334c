/* core/procedural.h - tensors that a weights file holds as a rule instead of as numbers, so that reference
 * weights of full size stay small files.
 *
 * The metadata member "gen_shapes", a JSON object {"KEY": [shape], ...}, names them; for each the file has a
 * tensor "gen/KEY" F32 [1] = s, and element i of KEY, row-major, is (float)k_i * s with the integer k_i in
 * [-2^23, 2^23) of glint_procedural_integer for the metadata member "seed". */
#ifndef GLINT_CORE_PROCEDURAL_H
#define GLINT_CORE_PROCEDURAL_H
#include "core/safetensors.h"

#define GLINT_PROCEDURAL_MOST (INT64_C(1) << 28) /* elements of all such tensors of a file */

/* Replaces each "gen/KEY" of the file by KEY, whole, at the same index; a file without "gen_shapes" stays as
 * it is. The same file twice is harmless. GLINT_E_FORMAT for a shape without its tensor, a tensor without its
 * shape, and for more than GLINT_PROCEDURAL_MOST elements; GLINT_E_NOMEM. */
int glint_procedural_expand(struct glint_safetensors *file, const char *file_name);

/* k_i: a 64-bit FNV-1a hash of the key starts the i-th step of a splitmix64 generator; its highest 24 bits.
 */
int32_t glint_procedural_integer(const char *key, uint64_t seed, uint64_t i);
#endif
