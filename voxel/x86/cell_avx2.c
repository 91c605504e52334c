/* voxel/x86/cell_avx2.c - eight points at a time; the rest by the reference. See voxel/cell.h. */
#include "voxel/cell.h"
#include <immintrin.h>

/* One axis: adds its part to *number and clears lanes of *inside. Lanes outside may convert to anything. */
static inline void add_axis(const struct glint_cell_rule *r, int k, bool clamp, __m256 v, __m256 *inside,
                            __m256i *number)
{
    *inside = _mm256_and_ps(*inside, _mm256_cmp_ps(v, _mm256_set1_ps(r->keep_lo[k]), _CMP_GT_OQ));
    *inside = _mm256_and_ps(*inside, _mm256_cmp_ps(v, _mm256_set1_ps(r->keep_hi[k]), _CMP_LT_OQ));
    __m256 t = _mm256_div_ps(_mm256_sub_ps(v, _mm256_set1_ps(r->origin[k])), _mm256_set1_ps(r->cell[k]));
    if (clamp) {
        t = _mm256_min_ps(_mm256_max_ps(t, _mm256_setzero_ps()), _mm256_set1_ps(r->last[k]));
    } else {
        *inside = _mm256_and_ps(*inside, _mm256_cmp_ps(t, _mm256_setzero_ps(), _CMP_GE_OQ));
        *inside = _mm256_and_ps(*inside, _mm256_cmp_ps(t, _mm256_set1_ps(r->end[k]), _CMP_LT_OQ));
    }
    const __m256i stride = _mm256_set1_epi32((int32_t)r->stride[k]);
    *number = _mm256_add_epi32(*number, _mm256_mullo_epi32(_mm256_cvttps_epi32(t), stride));
}

static inline int32_t whole_vectors(const struct glint_cell_rule *r, bool clamp, const float *x,
                                    const float *y, const float *z, int32_t n, uint32_t *number_out)
{
    const __m256i none = _mm256_set1_epi32((int32_t)r->none);
    int32_t i = 0;
    for (; n - i >= 8; i += 8) {
        __m256 inside = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
        __m256i number = _mm256_setzero_si256();
        add_axis(r, 0, clamp, _mm256_loadu_ps(x + i), &inside, &number);
        add_axis(r, 1, clamp, _mm256_loadu_ps(y + i), &inside, &number);
        add_axis(r, 2, clamp, _mm256_loadu_ps(z + i), &inside, &number);
        number = _mm256_blendv_epi8(none, number, _mm256_castps_si256(inside));
        _mm256_storeu_si256((__m256i *)(void *)(number_out + i), number);
    }
    return i;
}

void glint_cell_avx2(const struct glint_grid *g, const float *x, const float *y, const float *z, int32_t n,
                     uint32_t *number_out)
{
    struct glint_cell_rule r;
    glint_cell_rule(g, &r);
    const int32_t done = g->clamp ? whole_vectors(&r, true, x, y, z, n, number_out)
                                  : whole_vectors(&r, false, x, y, z, n, number_out);
    glint_cell_c(g, x + done, y + done, z + done, n - done, number_out + done);
}
