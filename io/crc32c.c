/* io/crc32c.c - reference version, four bits at a time, and the choice of version; see crc32c.h. */
#include "io/crc32c.h"
#include "core/cpu.h"

/* The remainders of the four low bits alone. */
static const uint32_t nibble[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                    0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                    0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

uint32_t glint_crc32c_c(uint32_t crc, const uint8_t *data, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ nibble[crc & 15];
        crc = crc >> 4 ^ nibble[crc & 15];
    }
    return ~crc;
}

glint_crc32c_fn *glint_crc32c_get(unsigned isa)
{
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        return glint_crc32c_avx2;
#endif
    (void)isa;
    return glint_crc32c_c;
}
