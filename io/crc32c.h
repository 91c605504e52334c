/* io/crc32c.h - CRC-32C (Castagnoli: reflected polynomial 0x82F63B78, first and last inverted), the checksum
 * of TFRecord files, iSCSI and others. */
#ifndef GLINT_IO_CRC32C_H
#define GLINT_IO_CRC32C_H
#include <stddef.h>
#include <stdint.h>

/* The checksum of the bytes that gave `crc` (0: none) with size more behind them. */
typedef uint32_t glint_crc32c_fn(uint32_t crc, const uint8_t *data, size_t size);
glint_crc32c_fn glint_crc32c_c, glint_crc32c_avx2;

/* The fastest version within the GLINT_ISA_* bits of isa; 0 is the reference. All give the same number. */
glint_crc32c_fn *glint_crc32c_get(unsigned isa);

/* As TFRecord files store it: turned by 15 bits, plus a constant, so that a checksum of bytes that hold their
 * own checksum is no constant. */
static inline uint32_t glint_crc32c_masked(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + UINT32_C(0xa282ead8);
}
#endif
