/* tests/parity/parity_range_row.c - glint_range_row_fn, and the checksum of TFRecord files. */
#include "io/crc32c.h"
#include "io/range_image.h"
#include "tests/parity/parity.h"
#include <math.h>
#include <string.h>

static double *doubles(struct parity *p, int64_t n, float lo, float hi)
{
    double *out = parity_alloc(p, (size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        out[i] = (double)parity_uniform(p, lo, hi) + 1e-9 * (double)parity_uniform(p, -1, 1);
    return out;
}

/* |got - want| <= 1e-9, and NaN and infinities in the same places. */
static void close_enough(struct parity *p, const char *what, const double *got, const double *want, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= 1e-9) && !(isnan(got[i]) && isnan(want[i])) && got[i] != want[i]) {
            parity_true(p, what, false);
            return;
        }
}

static void one(struct parity *p, int32_t width, int32_t n, int32_t stride, float range)
{
    parity_shape(p, "%d of %d columns, matrices %d apart, range %g", n, width, stride, (double)range);
    float *pixel = parity_alloc(p, (size_t)width * 16);
    int32_t *column = parity_alloc(p, (size_t)n * sizeof *column);
    for (int32_t i = 0; i < 4 * width; i++)
        pixel[i] = i % 4 ? NAN : range * parity_uniform(p, 0.01f, 1);
    for (int32_t k = 0; k < n; k++)
        column[k] = (int32_t)((int64_t)k * width / n);
    const struct glint_range_row row = {
        .pixel = pixel,
        .azimuth = doubles(p, 2 * width, -1, 1),
        .inclination = {(double)parity_uniform(p, 0, 1), (double)parity_uniform(p, -1, 1)},
        .matrix = doubles(p, 16 * (stride ? width : 1), -1, 1),
        .matrix_stride = stride};
    double *got[3], *want[3];
    for (int k = 0; k < 3; k++) {
        got[k] = parity_alloc(p, (size_t)n * sizeof(double));
        want[k] = parity_alloc(p, (size_t)n * sizeof(double));
    }
    glint_range_row_c(&row, column, n, want[0], want[1], want[2]);
    glint_range_row_get(p->exec.isa)(&row, column, n, got[0], got[1], got[2]);
    for (int k = 0; k < 3; k++)
        close_enough(p, "position", got[k], want[k], n);
}

static void checksums(struct parity *p)
{
    for (uint32_t n = 0; n <= 70; n++) {
        parity_shape(p, "checksum of %u bytes", n);
        uint8_t *bytes = parity_alloc(p, n + 1);
        for (uint32_t i = 0; i <= n; i++)
            bytes[i] = (uint8_t)parity_below(p, 256);
        for (uint32_t at = 0; at < 2; at++) /* at any alignment */
            parity_true(p, "checksum",
                        glint_crc32c_get(p->exec.isa)(n, bytes + at, n) == glint_crc32c_c(n, bytes + at, n));
    }
}

static void check(struct parity *p)
{
    for (int32_t n = 0; n <= 37; n++) {
        one(p, 64, n, 0, 75);
        one(p, 64, n, 16, 75);
    }
    one(p, 2650, 2650, 16, 300);
    one(p, 600, 600, 0, 9999);
    one(p, 600, 600, 0, INFINITY);
    checksums(p);
}

/* Timed by bench/bench_waymo. */
static void bench(struct parity *p)
{
    (void)p;
}

const struct parity_kernel parity_range_row = {check, bench};
