/* io/x86/crc32c_avx2.c - by the crc32 instruction of SSE4.2, which every machine with AVX2 has: 8 bytes in 3
 * cycles, far faster than what the checked bytes are then put through. */
#include "core/bytes.h"
#include "io/crc32c.h"
#include <nmmintrin.h>

uint32_t glint_crc32c_avx2(uint32_t crc, const uint8_t *data, size_t size)
{
    uint64_t c = ~crc;
    for (; size >= 8; size -= 8, data += 8) {
        uint64_t word;
        memcpy(&word, data, sizeof word);
        c = _mm_crc32_u64(c, word);
    }
    uint32_t rest = (uint32_t)c;
    for (; size > 0; size--)
        rest = _mm_crc32_u8(rest, *data++);
    return ~rest;
}
