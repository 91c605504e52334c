/* convert/sha256.c - see sha256.h; names are the standard's (FIPS 180-4, 4.1.2 and 6.2.2). The constants are
 * the first 32 bits of the fractional parts of the square and cube roots of the first primes. */
#include "convert/sha256.h"
#include "core/bytes.h"
#include <stdio.h>

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void schedule(uint32_t W[64], const uint8_t *p)
{
    for (int t = 0; t < 16; t++)
        W[t] = glint_be32(p + 4 * t);
    for (int t = 16; t < 64; t++) {
        const uint32_t s0 = turn(W[t - 15], 7) ^ turn(W[t - 15], 18) ^ W[t - 15] >> 3;
        const uint32_t s1 = turn(W[t - 2], 17) ^ turn(W[t - 2], 19) ^ W[t - 2] >> 10;
        W[t] = s1 + W[t - 7] + s0 + W[t - 16];
    }
}

static void add_block(uint32_t H[8], const uint8_t *p)
{
    uint32_t W[64];
    uint32_t a = H[0], b = H[1], c = H[2], d = H[3], e = H[4], f = H[5], g = H[6], h = H[7];
    schedule(W, p);
    for (int t = 0; t < 64; t++) {
        const uint32_t S1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25),
                       S0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
        const uint32_t T1 = h + S1 + ((e & f) ^ (~e & g)) + K[t] + W[t];
        const uint32_t T2 = S0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + T1;
        d = c;
        c = b;
        b = a;
        a = T1 + T2;
    }
    const uint32_t v[8] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; i++)
        H[i] += v[i];
}

void glint_sha256_begin(struct glint_sha256 *s)
{
    *s = (struct glint_sha256){.H = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                                     0x1f83d9ab, 0x5be0cd19}};
}

void glint_sha256_add(struct glint_sha256 *s, const uint8_t *data, size_t size)
{
    size_t held = s->size % 64;
    s->size += size;
    if (held && size) {
        const size_t step = size < 64 - held ? size : 64 - held;
        memcpy(s->tail + held, data, step);
        data += step;
        size -= step;
        held += step;
        if (held < 64)
            return;
        add_block(s->H, s->tail);
    }
    for (; size >= 64; data += 64, size -= 64)
        add_block(s->H, data);
    if (size)
        memcpy(s->tail, data, size);
}

void glint_sha256_end(struct glint_sha256 *s, char text_out[65])
{
    static const uint8_t padding[64] = {0x80};
    uint8_t bits[8];
    for (int i = 0; i < 8; i++)
        bits[i] = (uint8_t)(s->size * 8 >> (56 - 8 * i));
    glint_sha256_add(s, padding, 1 + (119 - s->size % 64) % 64);
    glint_sha256_add(s, bits, sizeof bits);
    for (int i = 0; i < 8; i++)
        snprintf(text_out + 8 * i, 9, "%08x", s->H[i]);
}
