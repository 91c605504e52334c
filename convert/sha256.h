/* convert/sha256.h - the SHA-256 of bytes (FIPS 180-4), as model cards name files by it. */
#ifndef GLINT_CONVERT_SHA256_H
#define GLINT_CONVERT_SHA256_H
#include <stddef.h>
#include <stdint.h>

struct glint_sha256 {
    uint32_t H[8];
    uint8_t tail[64]; /* of the last block */
    uint64_t size;    /* bytes so far */
};

void glint_sha256_begin(struct glint_sha256 *s);
void glint_sha256_add(struct glint_sha256 *s, const uint8_t *data, size_t size);
void glint_sha256_end(struct glint_sha256 *s, char text_out[65]); /* 64 hexadecimal digits and a 0 */
#endif
