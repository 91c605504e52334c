/* voxel/x86/window_avx512.c - sixteen pillars at a time, the last ones under a mask. See voxel/window.h. */
#include "voxel/window.h"
#include <immintrin.h>

struct rule {
    __m512i shift, window, m, m2, rows; /* rows: N of the snake, nw of the plain order */
    __m512 divisor;
};

static struct rule rule_of(const struct glint_window_order *o)
{
    const int32_t w = o->window, m = 2 * w;
    const int32_t rows = o->style == GLINT_WINDOW_SNAKE ? 2 * ((o->grid + w - 1) / w + 1) : o->grid / w + 2;
    return (struct rule){
        .shift = _mm512_set1_epi32(o->shift),
        .window = _mm512_set1_epi32(w),
        .m = _mm512_set1_epi32(m),
        .m2 = _mm512_set1_epi32((int32_t)((uint32_t)m * (uint32_t)m)),
        .rows = _mm512_set1_epi32(rows),
        .divisor = _mm512_set1_ps((float)w),
    };
}

/* Sixteen x and sixteen y of 48 interleaved coordinates, of which the first `some` exist. */
static inline void load_xy(const int32_t *coord, int32_t some, __m512i *x, __m512i *y)
{
    const uint64_t mask = some >= 16 ? ~UINT64_C(0) : (UINT64_C(1) << (3 * some)) - 1;
    const __m512i a = _mm512_maskz_loadu_epi32((__mmask16)mask, coord);
    const __m512i b = _mm512_maskz_loadu_epi32((__mmask16)(mask >> 16), coord + 16);
    const __m512i c = _mm512_maskz_loadu_epi32((__mmask16)(mask >> 32), coord + 32);
    const __m512i x_ab = _mm512_setr_epi32(0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
    const __m512i y_ab = _mm512_setr_epi32(1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
    const __m512i x_c = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29);
    const __m512i y_c = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30);
    *x = _mm512_permutex2var_epi32(_mm512_permutex2var_epi32(a, x_ab, b), x_c, c);
    *y = _mm512_permutex2var_epi32(_mm512_permutex2var_epi32(a, y_ab, b), y_c, c);
}

/* Quotient and rest by the window; the float quotient cannot reach the next integer below 2^22. */
static inline void split(const struct rule *r, __m512i v, __m512i *quotient, __m512i *rest)
{
    v = _mm512_add_epi32(v, r->shift);
    *quotient = _mm512_cvttps_epi32(_mm512_div_ps(_mm512_cvtepi32_ps(v), r->divisor));
    *rest = _mm512_sub_epi32(v, _mm512_mullo_epi32(*quotient, r->window));
}

/* v where `by` is even, -v where odd */
static inline __m512i signed_by(__m512i v, __m512i by)
{
    return _mm512_mask_sub_epi32(v, _mm512_test_epi32_mask(by, _mm512_set1_epi32(1)), _mm512_setzero_si512(),
                                 v);
}

static inline __m512i snake(const struct rule *r, __m512i a, __m512i b)
{
    __m512i wa, ia, wb, ib;
    split(r, a, &wa, &ia);
    split(r, b, &wb, &ib);
    const __m512i window = _mm512_add_epi32(_mm512_mullo_epi32(r->rows, wa), signed_by(wb, wa));
    const __m512i place = _mm512_add_epi32(_mm512_mullo_epi32(r->m, ib), signed_by(ia, ib));
    return _mm512_add_epi32(_mm512_mullo_epi32(window, r->m2), signed_by(place, wa));
}

static inline __m512i plain(const struct rule *r, __m512i a, __m512i b)
{
    __m512i wa, ia, wb, ib;
    split(r, a, &wa, &ia);
    split(r, b, &wb, &ib);
    __m512i key = _mm512_add_epi32(_mm512_mullo_epi32(wa, r->rows), wb);
    key = _mm512_add_epi32(_mm512_mullo_epi32(key, r->window), ia);
    return _mm512_add_epi32(_mm512_mullo_epi32(key, r->window), ib);
}

int glint_window_key_avx512(struct glint_exec *x, const struct glint_window_order *o, const int32_t *coord,
                            int32_t n, uint32_t *key_out)
{
    (void)x;
    const struct rule r = rule_of(o);
    for (int32_t i = 0; i < n; i += 16) {
        const int32_t some = n - i < 16 ? n - i : 16;
        __m512i cx, cy;
        load_xy(coord + 3 * (int64_t)i, some, &cx, &cy);
        const __m512i own = o->axis ? cy : cx, other = o->axis ? cx : cy;
        const __m512i key = o->style == GLINT_WINDOW_SNAKE ? snake(&r, other, own) : plain(&r, own, other);
        _mm512_mask_storeu_epi32(key_out + i, (__mmask16)((1u << some) - 1), key);
    }
    return GLINT_OK;
}
