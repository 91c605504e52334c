/* tests/test_winograd.c - one tile through both transforms and the products against the convolution in
 * double: every tail of channels, chosen pixels, residual, and numbers that are none. */
#include "tests/kernels.h"
#include "attention/winograd.h"

#define SIDE GLINT_WINOGRAD_SIDE
#define TILE GLINT_WINOGRAD_TILE

struct tile {
    int32_t c, n;
    float *in;              /* 6 x 6 x c */
    float *weight;          /* n x 9 c, as rows */
    float *bias, *residual; /* n; 4 x 4 x n */
    float *v, *m;           /* 36 x c, 36 x n */
    float *out;             /* 4 x 4 x n, NaN where nothing is written */
    void *memory;
    struct glint_winograd w;
};

static void tile_open(struct tile *t, int32_t c, int32_t n)
{
    uint64_t seed = 11 + (uint64_t)c;
    *t = (struct tile){.c = c, .n = n};
    t->in = kernel_random(&seed, SIDE * SIDE * c, -1, 2);
    t->weight = kernel_random(&seed, (int64_t)n * 9 * c, -1, 1);
    t->bias = kernel_random(&seed, n, -1, 1);
    t->residual = kernel_random(&seed, TILE * TILE * n, -1, 1);
    t->v = kernel_random(&seed, GLINT_WINOGRAD_PLACES * c, 0, 1);
    t->m = kernel_random(&seed, GLINT_WINOGRAD_PLACES * n, 0, 1);
    t->out = kernel_alloc((size_t)(TILE * TILE * n) * sizeof *t->out);
    memset(t->out, 0xff, (size_t)(TILE * TILE * n) * sizeof *t->out);
    t->memory = kernel_alloc(glint_winograd_bytes(c, n));
    glint_winograd_pack(&t->w, t->memory, t->weight, t->bias, c, n);
}

static void tile_close(struct tile *t)
{
    void *blocks[] = {t->in, t->weight, t->bias, t->residual, t->v, t->m, t->out, t->memory};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        free(blocks[i]);
}

static void tile_run(struct tile *t, unsigned isa, unsigned pixels, enum glint_act act, bool residual)
{
    glint_winograd_in_get(isa)(t->in, (int64_t)SIDE * t->c, t->c, t->c, t->v, t->c);
    for (int32_t place = 0; place < GLINT_WINOGRAD_PLACES; place++) {
        const float *row = t->v + place * t->c;
        const struct glint_gemm g = {.w = &t->w.place[place],
                                     .m = 1,
                                     .n_segments = 1,
                                     .rows = &row,
                                     .c = t->m + place * t->n,
                                     .ldc = t->n};
        glint_gemm_get(isa)(&g);
    }
    const struct glint_winograd_tile out = {.in = t->m,
                                            .step = t->n,
                                            .n = t->n,
                                            .bias = t->w.bias,
                                            .act = act,
                                            .pixels = pixels,
                                            .out = t->out,
                                            .pitch = (int64_t)TILE * t->n,
                                            .ld = t->n,
                                            .residual = residual ? t->residual : NULL,
                                            .residual_pitch = (int64_t)TILE * t->n,
                                            .residual_ld = t->n};
    glint_winograd_out_get(isa)(&out);
}

static double convolved(const struct tile *t, int32_t pixel, int32_t o)
{
    double sum = (double)t->bias[o];
    for (int32_t tap = 0; tap < 9; tap++)
        for (int32_t i = 0; i < t->c; i++) {
            const int32_t y = pixel / TILE + tap / 3, x = pixel % TILE + tap % 3;
            sum += (double)t->in[(y * SIDE + x) * t->c + i] *
                   (double)t->weight[((int64_t)o * 9 + tap) * t->c + i];
        }
    return sum;
}

static void check_tile(unsigned isa, int32_t c, int32_t n, unsigned pixels, enum glint_act act, bool residual)
{
    struct tile t;
    double difference = 0.0, size = 1e-300;
    tile_open(&t, c, n);
    tile_run(&t, isa, pixels, act, residual);
    for (int32_t i = 0; i < TILE * TILE * n; i++) {
        const float got = t.out[i];
        if (!(pixels >> (i / n) & 1)) {
            assert_true(isnan(got)); /* not ours to write */
            continue;
        }
        double want = convolved(&t, i / n, i % n);
        want = (act == GLINT_ACT_RELU && want < 0 ? 0 : want) + (residual ? (double)t.residual[i] : 0);
        difference += ((double)got - want) * ((double)got - want);
        size += want * want;
    }
    if (!(sqrt(difference / size) <= 2e-6))
        fail_msg("isa %x, %d -> %d: relative error %.3g", isa, c, n, sqrt(difference / size));
    tile_close(&t);
}

static void every_version_and_tail(void **state)
{
    (void)state;
    for (int k = 0; k < KERNEL_ISA_COUNT; k++) {
        if ((kernel_isa[k] & glint_cpu_isa()) != kernel_isa[k])
            continue;
        for (int32_t c = 1; c <= 40; c++)
            check_tile(kernel_isa[k], c, 1 + c * 7 % 41, c % 3 ? 0xffff : 0x8421u << c % 2,
                       c % 2 ? GLINT_ACT_RELU : GLINT_ACT_NONE, c % 4 < 2);
        check_tile(kernel_isa[k], 256, 64, 0xffff, GLINT_ACT_NONE, true);
    }
}

/* The customary points would have twice this error. */
static void error_is_small(void **state)
{
    (void)state;
    for (int k = 0; k < KERNEL_ISA_COUNT; k++)
        if ((kernel_isa[k] & glint_cpu_isa()) == kernel_isa[k]) {
            struct tile t;
            double *want = kernel_alloc(TILE * TILE * 64 * sizeof *want);
            tile_open(&t, 64, 64);
            tile_run(&t, kernel_isa[k], 0xffff, GLINT_ACT_NONE, false);
            for (int32_t i = 0; i < TILE * TILE * 64; i++)
                want[i] = convolved(&t, i / 64, i % 64);
            kernel_assert_error(t.out, want, TILE * TILE * 64, 9e-7);
            free(want);
            tile_close(&t);
        }
}

static void a_nan_stays_one(void **state)
{
    (void)state;
    for (int k = 0; k < KERNEL_ISA_COUNT; k++) {
        struct tile t;
        if ((kernel_isa[k] & glint_cpu_isa()) != kernel_isa[k])
            continue;
        tile_open(&t, 5, 3);
        memset(t.out, 0, TILE * TILE * 3 * sizeof *t.out);
        t.in[(2 * SIDE + 2) * 5 + 4] = NAN; /* all of the nine pixels around it read it */
        tile_run(&t, kernel_isa[k], 0xffff, GLINT_ACT_RELU, false);
        for (int32_t i = 0; i < 9 * 3; i++)
            assert_true(isnan(t.out[(i / 9 * TILE + i / 3 % 3) * 3 + i % 3]));
        tile_close(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_and_tail),
        cmocka_unit_test(error_is_small),
        cmocka_unit_test(a_nan_stays_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
