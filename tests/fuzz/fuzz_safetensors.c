/* tests/fuzz/fuzz_safetensors.c - whatever opens must be readable to its last byte. */
#include "tests/fuzz/fuzz.h"
#include "core/safetensors.h"

static uint32_t sum; /* kept, so that the reads are */

static void read_all(const struct glint_safetensors *file)
{
    for (int32_t i = 0; i < glint_safetensors_count(file); i++) {
        const struct glint_tensor *t = glint_safetensors_at(file, i);
        const int64_t size = glint_tensor_elements(t) * (int64_t)glint_dtype_size(t->dtype);
        for (int64_t k = 0; k < size; k++)
            sum += ((const uint8_t *)t->data)[k];
        const size_t off = (uintptr_t)t->data % glint_dtype_size(t->dtype);
        if (glint_safetensors_find(file, t->name) != t || (size > 0 && off != 0))
            abort();
    }
    const char *config = glint_safetensors_metadata(file, "config");
    sum += config ? (uint32_t)strlen(config) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *block = glint_fuzz_block(data, size);
    struct glint_safetensors *file;
    if (glint_safetensors_parse("input", block, size, &file) == 0)
        read_all(file);
    glint_safetensors_close(file);
    free(block);
    return 0;
}
