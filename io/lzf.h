/* io/lzf.h - the LZF compression of PCD's binary_compressed, decompression only. */
#ifndef GLINT_IO_LZF_H
#define GLINT_IO_LZF_H
#include <stddef.h>
#include <stdint.h>

/* Decompresses n_in bytes to exactly n_out bytes. False when the input is cut, points before the output's
 * start or gives another number of bytes; out then holds what came so far. The two blocks do not overlap. */
_Bool glint_lzf_decompress(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out);
#endif
