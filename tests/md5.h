/* tests/md5.h - MD5 (RFC 1321), to compare with published digests. */
#ifndef GLINT_TESTS_MD5_H
#define GLINT_TESTS_MD5_H
#include "core/bytes.h"
#include <math.h>
#include <stddef.h>
#include <stdio.h>

struct md5 {
    uint32_t state[4];
    uint64_t n;
    uint8_t block[64];
};

static inline void md5_begin(struct md5 *m)
{
    *m = (struct md5){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
}

static inline void md5_block(struct md5 *m)
{
    static const uint8_t turn[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    static const uint8_t first[4] = {0, 1, 5, 0}, step[4] = {1, 5, 3, 7};
    uint32_t a = m->state[0], b = m->state[1], c = m->state[2], d = m->state[3];
    for (uint32_t i = 0; i < 64; i++) {
        const uint32_t round = i / 16, k = (first[round] + step[round] * i) % 16;
        const uint32_t f = round == 0   ? (b & c) | (~b & d)
                           : round == 1 ? (d & b) | (~d & c)
                           : round == 2 ? b ^ c ^ d
                                        : c ^ (b | ~d);
        const uint32_t sum =
            a + f + (uint32_t)(fabs(sin(i + 1.0)) * 4294967296.0) + glint_le32(m->block + 4 * k);
        a = d, d = c, c = b;
        b += sum << turn[round][i % 4] | sum >> (32 - turn[round][i % 4]);
    }
    m->state[0] += a, m->state[1] += b, m->state[2] += c, m->state[3] += d;
}

static inline void md5_add(struct md5 *m, const void *data, size_t n)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++) {
        m->block[m->n++ % 64] = p[i];
        if (m->n % 64 == 0)
            md5_block(m);
    }
}

static inline void md5_end(struct md5 *m, char *hex_out /* 33 */)
{
    const uint64_t bits = m->n * 8;
    uint8_t length[8], byte = 0x80;
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> 8 * i);
    md5_add(m, &byte, 1);
    for (byte = 0; m->n % 64 != 56;)
        md5_add(m, &byte, 1);
    md5_add(m, length, 8);
    for (int i = 0; i < 16; i++)
        snprintf(hex_out + 2 * i, 3, "%02x", (uint8_t)(m->state[i / 4] >> 8 * (i % 4)));
}
#endif
