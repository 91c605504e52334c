/* tests/fuzz/fuzz_archive.c - whatever a checkpoint opens as, each of its tensors can be walked to, and read
 * or refused. The first byte chooses: an archive, or a pickle alone. */
#include "tests/fuzz/fuzz.h"
#include "convert/archive.h"

static float sum; /* kept, so that the reads are */

static int add(void *ctx, const char *way, const struct glint_numbers *t)
{
    (void)ctx;
    sum += (float)strlen(way) + (float)t->n_dims;
    return 0;
}

/* The first and the last of its numbers. */
static void read_tensor(const struct glint_archive *a, const struct glint_pickle_tensor *t)
{
    const struct glint_pickle *p = glint_archive_values(a);
    struct glint_numbers x = {
        .dtype = p->storages[t->storage].dtype, .n_dims = t->n_dims, .offset = t->offset};
    float some[64];
    void *owned;
    memcpy(x.shape, t->shape, sizeof x.shape);
    memcpy(x.stride, t->stride, sizeof x.stride);
    const int64_t n = glint_numbers_count(&x), step = n < 64 ? n : 64;
    if (glint_archive_storage(a, t->storage, &x.bytes, &owned) != 0)
        return;
    glint_numbers_f32(&x, 0, step, some);
    glint_numbers_f32(&x, n - step, step, some);
    sum += step ? some[0] : 0;
    free(owned);
}

static void read_archive(const uint8_t *data, size_t size)
{
    struct glint_archive *a;
    if (glint_archive_parse("input", data, size, &a) != 0)
        return;
    glint_archive_tensors(a, add, NULL);
    for (uint32_t i = 0; i < glint_archive_values(a)->n_tensors && i < 200; i++)
        read_tensor(a, &glint_archive_values(a)->tensors[i]);
    glint_archive_close(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t *block = glint_fuzz_block(data + 1, size - 1);
    struct glint_pickle p = {0};
    if (data[0] % 2)
        glint_pickle_read(&p, "input", 0, block, size - 1, NULL);
    else
        read_archive(block, size - 1);
    glint_pickle_close(&p);
    free(block);
    return 0;
}
