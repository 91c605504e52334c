/* convert/sha256.h - the SHA-256 of a block of memory (FIPS 180-4), as model cards name files by it. */
#ifndef GLINT_CONVERT_SHA256_H
#define GLINT_CONVERT_SHA256_H
#include <stddef.h>
#include <stdint.h>

/* 64 hexadecimal digits and a 0. */
void glint_sha256_text(const uint8_t *data, size_t size, char out[65]);
#endif
