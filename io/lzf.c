/* io/lzf.c - see lzf.h.
 *
 * The format is a sequence of two kinds of pieces. A first byte below 32 stands for that number + 1 of
 * literal bytes that follow. Otherwise its upper three bits are a length - 2 (7: one more byte is added), its
 * lower five bits and the next byte the distance - 1 back into the output, whose bytes may be written by the
 * very same copy. */
#include "io/lzf.h"
#include <stdbool.h>
#include <string.h>

bool glint_lzf_decompress(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out)
{
    size_t i = 0, o = 0;
    while (i < n_in) {
        const unsigned head = in[i++];
        if (head < 32) {
            const size_t length = head + 1;
            if (length > n_in - i || length > n_out - o)
                return false;
            memcpy(out + o, in + i, length);
            i += length;
            o += length;
            continue;
        }
        size_t length = head >> 5;
        if (length == 7) {
            if (i == n_in)
                return false;
            length += in[i++];
        }
        if (i == n_in)
            return false;
        const size_t distance = ((size_t)(head & 31) << 8) + in[i++] + 1;
        length += 2;
        if (distance > o || length > n_out - o)
            return false;
        for (const size_t end = o + length; o < end; o++)
            out[o] = out[o - distance];
    }
    return o == n_out;
}
