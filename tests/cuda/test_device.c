/* tests/cuda/test_device.c - the device layer, and through small kernels all that kernels are made of. */
#include "cuda/cuda_util.h"
#include "cuda/device_kernels.h"

static void squares_up_to_a_count_on_the_device(void **state)
{
    struct glint_cuda_test *t = *state;
    float x[1000], got[1000];
    for (int i = 0; i < 1000; i++)
        x[i] = (float)i;
    const int32_t n = 777;
    float *on_device = glint_cuda_put(t, x, sizeof x);
    assert_ok(glint_made_square(t->stream, on_device, glint_cuda_put(t, &n, sizeof n), 1000));
    glint_cuda_get(t, got, on_device, sizeof got);
    for (int i = 0; i < 1000; i++)
        assert_true(got[i] == (i < n ? x[i] * x[i] : x[i]));
}

static void sums_by_barriers_and_shuffles(void **state)
{
    struct glint_cuda_test *t = *state;
    enum { BLOCKS = 5 };
    int32_t x[BLOCKS * 1000], got[BLOCKS], want[BLOCKS] = {0};
    uint64_t seed = 3;
    for (int i = 0; i < BLOCKS * 1000; i++) {
        x[i] = (int32_t)(glint_test_random(&seed) % 2001) - 1000;
        want[i / 1000] += x[i];
    }
    int32_t *out = glint_cuda_put(t, NULL, sizeof got);
    assert_ok(glint_made_sums(t->stream, glint_cuda_put(t, x, sizeof x), BLOCKS, out));
    glint_cuda_get(t, got, out, sizeof got);
    assert_memory_equal(got, want, sizeof want);
}

static void bins_by_atomics_in_dynamic_shared_memory(void **state)
{
    struct glint_cuda_test *t = *state;
    enum { N = 5000, BINS = 37 };
    int32_t x[N], got[BINS], want[BINS] = {0};
    uint64_t seed = 4;
    for (int i = 0; i < N; i++) {
        x[i] = (int32_t)(glint_test_random(&seed) >> 40);
        want[x[i] % BINS]++;
    }
    int32_t *bins = glint_cuda_put(t, NULL, sizeof got);
    assert_ok(glint_stream_fill(t->stream, bins, 0, sizeof got));
    assert_ok(glint_made_bins(t->stream, glint_cuda_put(t, x, sizeof x), N, BINS, bins));
    glint_cuda_get(t, got, bins, sizeof got);
    assert_memory_equal(got, want, sizeof want);
}

/* Small whole numbers are the same in both 16-bit types and their products are exact: the layout is what is
 * tested. */
static uint16_t bits_of(int value, int bf16)
{
    const float f = (float)value;
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    if (bf16)
        return (uint16_t)(u >> 16);
    return (uint16_t)(value ? (u >> 16 & 0x8000u) | (((u & 0x7fffffffu) - 0x38000000u) >> 13) : 0);
}
static void products_of_fragments(void **state)
{
    struct glint_cuda_test *t = *state;
    for (int bf16 = 0; bf16 <= (t->info.arch >= 80); bf16++) {
        uint16_t a[16 * 16], b[16 * 8];
        float want[16 * 8], got[16 * 8];
        for (int i = 0; i < 256; i++)
            a[i] = bits_of(i * 7 % 23 - 11, bf16);
        for (int i = 0; i < 128; i++)
            b[i] = bits_of(i * 5 % 19 - 9, bf16);
        for (int i = 0; i < 128; i++) {
            int sum = 0;
            for (int k = 0; k < 16; k++)
                sum += ((i / 8 * 16 + k) * 7 % 23 - 11) * ((k * 8 + i % 8) * 5 % 19 - 9);
            want[i] = (float)sum;
        }
        float *c = glint_cuda_put(t, NULL, sizeof got);
        assert_ok(glint_made_product(t->stream, glint_cuda_put(t, a, sizeof a),
                                     glint_cuda_put(t, b, sizeof b), bf16, c));
        glint_cuda_get(t, got, c, sizeof got);
        assert_memory_equal(got, want, sizeof want);
    }
}

static const struct CMUnitTest tests[] = {
    cuda_test(squares_up_to_a_count_on_the_device),
    cuda_test(sums_by_barriers_and_shuffles),
    cuda_test(bins_by_atomics_in_dynamic_shared_memory),
    cuda_test(products_of_fragments),
};
glint_cuda_main(tests)
