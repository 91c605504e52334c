/* tests/cuda/cuda_util.h - what tests of the CUDA backend share, emulated and on a GPU. Ends with:
 * glint_cuda_main(tests)
 *
 *     static void squares(void **state)
 *     {
 *         struct glint_cuda_test *t = *state;
 *         float *x = glint_cuda_put(t, host, sizeof host);       // device memory, freed after the test
 *         assert_ok(glint_square_cuda(t->stream, x, n));
 *         glint_cuda_get(t, got, x, sizeof got);                 // waits
 *     }
 *     static const struct CMUnitTest tests[] = { cuda_test(squares) };
 *
 * Emulated, every test runs once in each order of threads: forward, reverse, shuffled. */
#ifndef GLINT_TESTS_CUDA_UTIL_H
#define GLINT_TESTS_CUDA_UTIL_H
#include "core/device.h"
#include "core/status.h"
#include "tests/util.h"
#if GLINT_CUDA_EMULATED
#include "emulate/emulate.h"
#endif

#define GLINT_CUDA_TEST_BLOCKS 256

struct glint_cuda_test {
    struct glint_device *device;
    struct glint_stream *stream;
    struct glint_device_info info;
    void *blocks[GLINT_CUDA_TEST_BLOCKS];
    int n_blocks;
};
static struct glint_cuda_test glint_cuda_test;

static inline void glint_assert_ok(int status, const char *what, const char *file, int line)
{
    if (status < 0)
        print_error("%s: %s: %s\n", what, glint_status_name(status), glint_error_text());
    _assert_true((unsigned long)(status >= 0), what, file, line);
}
#define assert_ok(expr) glint_assert_ok(expr, #expr, __FILE__, __LINE__)

/* bytes of device memory; from: what is in it, NULL: nothing yet. */
static inline void *glint_cuda_put(struct glint_cuda_test *t, const void *from, size_t bytes)
{
    void *p;
    assert_true(t->n_blocks < GLINT_CUDA_TEST_BLOCKS);
    assert_ok(glint_device_alloc(t->device, bytes, &p));
    t->blocks[t->n_blocks++] = p;
    if (from)
        assert_ok(glint_stream_upload(t->stream, p, from, bytes));
    else
        assert_ok(glint_stream_fill(t->stream, p, 0xff, bytes));
    assert_ok(glint_stream_wait(t->stream));
    return p;
}
static inline void glint_cuda_get(struct glint_cuda_test *t, void *to, const void *from, size_t bytes)
{
    assert_ok(glint_stream_download(t->stream, to, from, bytes));
    assert_ok(glint_stream_wait(t->stream));
}

static inline int glint_cuda_teardown(void **state)
{
    struct glint_cuda_test *t = *state;
    while (t->n_blocks > 0)
        glint_device_free(t->device, t->blocks[--t->n_blocks]);
    return 0;
}
static inline int glint_cuda_setup(void **state)
{
    *state = &glint_cuda_test;
    return 0;
}
#define cuda_test(function) cmocka_unit_test_setup_teardown(function, glint_cuda_setup, glint_cuda_teardown)

/* 0; 77 (skipped) where no device opens, a failure then with GLINT_REQUIRE_CUDA=1. */
static inline int glint_cuda_begin(void)
{
    struct glint_cuda_test *t = &glint_cuda_test;
    if (glint_device_open(0, &t->device) == GLINT_OK &&
        glint_stream_open(t->device, &t->stream) == GLINT_OK &&
        glint_device_describe(t->device, &t->info) == GLINT_OK)
        return 0;
    const char *required = getenv("GLINT_REQUIRE_CUDA");
    const int fail = required && strcmp(required, "1") == 0;
    fprintf(stderr, "%s: %s\n", fail ? "failed" : "skipped", glint_error_text());
    return fail ? 1 : 77;
}

#if GLINT_CUDA_EMULATED
#define GLINT_CUDA_RUN(tests, status)                                                                        \
    for (int order = 0; order < GLINT_EMULATED_N_ORDERS && !(status); order++) {                             \
        glint_emulated_set_order((enum glint_emulated_order)order, 7);                                       \
        (status) = cmocka_run_group_tests(tests, NULL, NULL);                                                \
    }
#else
#define GLINT_CUDA_RUN(tests, status) (status) = cmocka_run_group_tests(tests, NULL, NULL);
#endif
#define glint_cuda_main(tests)                                                                               \
    int main(void)                                                                                           \
    {                                                                                                        \
        int status = glint_cuda_begin();                                                                     \
        if (status)                                                                                          \
            return status;                                                                                   \
        GLINT_CUDA_RUN(tests, status)                                                                        \
        glint_stream_close(glint_cuda_test.stream);                                                          \
        glint_device_close(glint_cuda_test.device);                                                          \
        return status;                                                                                       \
    }
#endif
