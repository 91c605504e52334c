/* io/x86/range_image_avx2.c - glint_range_row_fn: a point is a vector (x, y, z, -), the sum of the matrix's
 * columns times the direction's components; four points are turned over into x, y and z. */
#include "io/range_image.h"
#include <immintrin.h>

static inline __m256d point(const struct glint_range_row *row, int64_t c)
{
    const double *m = row->matrix + c * row->matrix_stride;
    const double range = row->pixel[GLINT_RANGE_CHANNELS * c], flat = range * row->inclination[0];
    __m256d p = _mm256_fmadd_pd(_mm256_loadu_pd(m + 8), _mm256_set1_pd(range * row->inclination[1]),
                                _mm256_loadu_pd(m + 12));
    p = _mm256_fmadd_pd(_mm256_loadu_pd(m + 4), _mm256_set1_pd(flat * row->azimuth[2 * c + 1]), p);
    return _mm256_fmadd_pd(_mm256_loadu_pd(m), _mm256_set1_pd(flat * row->azimuth[2 * c]), p);
}

void glint_range_row_avx2(const struct glint_range_row *row, const int32_t *column, int32_t n, double *x,
                          double *y, double *z)
{
    int32_t k = 0;
    for (; k + 4 <= n; k += 4) {
        const __m256d a = point(row, column[k]), b = point(row, column[k + 1]), c = point(row, column[k + 2]),
                      d = point(row, column[k + 3]);
        const __m256d xy_low = _mm256_unpacklo_pd(a, b), xy_high = _mm256_unpackhi_pd(a, b),
                      zw_low = _mm256_unpacklo_pd(c, d), zw_high = _mm256_unpackhi_pd(c, d);
        _mm256_storeu_pd(x + k, _mm256_permute2f128_pd(xy_low, zw_low, 0x20));
        _mm256_storeu_pd(y + k, _mm256_permute2f128_pd(xy_high, zw_high, 0x20));
        _mm256_storeu_pd(z + k, _mm256_permute2f128_pd(xy_low, zw_low, 0x31));
    }
    for (; k < n; k++) {
        double p[4];
        _mm256_storeu_pd(p, point(row, column[k]));
        x[k] = p[0];
        y[k] = p[1];
        z[k] = p[2];
    }
}
