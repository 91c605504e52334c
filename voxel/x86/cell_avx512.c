/* voxel/x86/cell_avx512.c - sixteen points at a time, the last ones under a mask. See voxel/cell.h. */
#include "voxel/cell.h"
#include <immintrin.h>

/* One axis: adds its part to *number and clears bits of *inside. Lanes outside may convert to anything. */
static inline void add_axis(const struct glint_cell_rule *r, int k, bool clamp, __m512 v, __mmask16 *inside,
                            __m512i *number)
{
    *inside = _mm512_mask_cmp_ps_mask(*inside, v, _mm512_set1_ps(r->keep_lo[k]), _CMP_GT_OQ);
    *inside = _mm512_mask_cmp_ps_mask(*inside, v, _mm512_set1_ps(r->keep_hi[k]), _CMP_LT_OQ);
    __m512 t = _mm512_div_ps(_mm512_sub_ps(v, _mm512_set1_ps(r->origin[k])), _mm512_set1_ps(r->cell[k]));
    if (clamp) {
        t = _mm512_min_ps(_mm512_max_ps(t, _mm512_setzero_ps()), _mm512_set1_ps(r->last[k]));
    } else {
        *inside = _mm512_mask_cmp_ps_mask(*inside, t, _mm512_setzero_ps(), _CMP_GE_OQ);
        *inside = _mm512_mask_cmp_ps_mask(*inside, t, _mm512_set1_ps(r->end[k]), _CMP_LT_OQ);
    }
    const __m512i stride = _mm512_set1_epi32((int32_t)r->stride[k]);
    *number = _mm512_add_epi32(*number, _mm512_mullo_epi32(_mm512_cvttps_epi32(t), stride));
}

static inline void all_vectors(const struct glint_cell_rule *r, bool clamp, const float *x, const float *y,
                               const float *z, int32_t n, uint32_t *number_out)
{
    const __m512i none = _mm512_set1_epi32((int32_t)r->none);
    for (int32_t i = 0; i < n; i += 16) {
        const __mmask16 some = (__mmask16)(n - i >= 16 ? 0xffffu : (1u << (n - i)) - 1);
        __mmask16 inside = some;
        __m512i number = _mm512_setzero_si512();
        add_axis(r, 0, clamp, _mm512_maskz_loadu_ps(some, x + i), &inside, &number);
        add_axis(r, 1, clamp, _mm512_maskz_loadu_ps(some, y + i), &inside, &number);
        add_axis(r, 2, clamp, _mm512_maskz_loadu_ps(some, z + i), &inside, &number);
        _mm512_mask_storeu_epi32(number_out + i, some, _mm512_mask_mov_epi32(none, inside, number));
    }
}

void glint_cell_avx512(const struct glint_grid *g, const float *x, const float *y, const float *z, int32_t n,
                       uint32_t *number_out)
{
    struct glint_cell_rule r;
    glint_cell_rule(g, &r);
    if (g->clamp)
        all_vectors(&r, true, x, y, z, n, number_out);
    else
        all_vectors(&r, false, x, y, z, n, number_out);
}
