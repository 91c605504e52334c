/* tests/test_posenc.c */
#include "tests/kernels.h"
#include "attention/posenc.h"

static const int32_t coord[] = {0, 0, 0, 467, 1, 0, 12, 466, 0, 300, 299, 0};
#define N 4

static void flatformer_of(struct glint_exec *x)
{
    for (int32_t dim = 4; dim <= 130; dim += 63) { /* 4, 67, 130: two of them not multiples of 4 */
        void *memory = kernel_alloc(glint_posenc_bytes(dim, 468));
        float *out = kernel_alloc((size_t)(N * dim) * sizeof *out);
        struct glint_posenc p;
        glint_posenc_flatformer(&p, memory, dim, 468);
        assert_int_equal(glint_posenc(x, &p, coord, N, out), 0);
        const int32_t length = 2 * (dim / 4);
        for (int32_t i = 0; i < N * dim; i++) {
            const int32_t d = i % dim, j = d % length / 2;
            const float c = (float)coord[3 * (i / dim) + (d >= length)];
            const float angle = c / (float)pow(10000.0, (double)((float)(2 * j) / (float)length));
            double want = d % 2 ? cos((double)angle) : sin((double)angle);
            if (d >= 2 * length)
                want = 0.0;
            assert_true(fabs((double)out[i] - want) < 1e-7);
        }
        free(out);
        free(memory);
    }
}

static void flatformer_rows(void **state)
{
    (void)state;
    kernel_each_exec(flatformer_of);
}

/* Window 9, shift 4: cell 5 is place 0 of the next window, 4 cells left of its middle. */
static void window_of(struct glint_exec *x)
{
    const int32_t dim = 16, q = 4, cells[] = {5, 4, 0};
    void *memory = kernel_alloc(glint_posenc_bytes(dim, 9));
    float out[16];
    struct glint_posenc p;
    glint_posenc_window(&p, memory, dim, 9, 4, 100.0f);
    assert_int_equal(glint_posenc(x, &p, cells, 1, out), 0);
    for (int32_t k = 0; k < q; k++) {
        const double f = pow(100.0, -(double)k / q);
        assert_true(fabs((double)out[k] - sin(-4 * f)) < 1e-6);
        assert_true(fabs((double)out[q + k] - cos(-4 * f)) < 1e-6);
        assert_true(fabs((double)out[2 * q + k] - sin(4 * f)) < 1e-6);
        assert_true(fabs((double)out[3 * q + k] - cos(4 * f)) < 1e-6);
    }
    free(memory);
}

static void window_rows(void **state)
{
    (void)state;
    kernel_each_exec(window_of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flatformer_rows),
        cmocka_unit_test(window_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
