/* tests/fuzz/fuzz.h - what fuzz targets share: the entry's declaration, and inputs as exact-size blocks or
 * files. */
#ifndef GLINT_TESTS_FUZZ_H
#define GLINT_TESTS_FUZZ_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each target defines it; always returns 0. Called many times in one process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy in a block of exactly its size, so that reading past the end shows. Free it. */
static inline uint8_t *glint_fuzz_block(const uint8_t *data, size_t size)
{
    uint8_t *block = calloc(1, size ? size : 1);
    if (!block)
        abort();
    if (size)
        memcpy(block, data, size);
    return block;
}

/* For readers that take a path: writes the input to a file in the temporary folder (one per process and
 * target, overwritten each time). */
const char *glint_fuzz_file(const uint8_t *data, size_t size, const char *ending);
#endif
