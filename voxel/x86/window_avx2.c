/* voxel/x86/window_avx2.c - eight pillars at a time; the rest by the reference. See voxel/window.h. */
#include "voxel/window.h"
#include <immintrin.h>

struct rule {
    __m256i shift, window, m, m2, rows; /* rows: N of the snake, nw of the plain order */
    __m256 divisor;
};

static struct rule rule_of(const struct glint_window_order *o)
{
    const int32_t w = o->window, m = 2 * w;
    const int32_t rows = o->style == GLINT_WINDOW_SNAKE ? 2 * ((o->grid + w - 1) / w + 1) : o->grid / w + 2;
    return (struct rule){
        .shift = _mm256_set1_epi32(o->shift),
        .window = _mm256_set1_epi32(w),
        .m = _mm256_set1_epi32(m),
        .m2 = _mm256_set1_epi32((int32_t)((uint32_t)m * (uint32_t)m)),
        .rows = _mm256_set1_epi32(rows),
        .divisor = _mm256_set1_ps((float)w),
    };
}

/* Eight x and eight y of 24 interleaved coordinates. */
static inline void load_xy(const int32_t *coord, __m256i *x, __m256i *y)
{
    const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)coord);        /* xyzxyzxy */
    const __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(coord + 8));  /* zxyzxyzx */
    const __m256i c = _mm256_loadu_si256((const __m256i *)(const void *)(coord + 16)); /* yzxyzxyz */
    const __m256i xs = _mm256_blend_epi32(_mm256_blend_epi32(a, b, 0x92), c, 0x24);
    const __m256i ys = _mm256_blend_epi32(_mm256_blend_epi32(a, b, 0x24), c, 0x49);
    *x = _mm256_permutevar8x32_epi32(xs, _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5));
    *y = _mm256_permutevar8x32_epi32(ys, _mm256_setr_epi32(1, 4, 7, 2, 5, 0, 3, 6));
}

/* Quotient and rest by the window; the float quotient cannot reach the next integer below 2^22. */
static inline void split(const struct rule *r, __m256i v, __m256i *quotient, __m256i *rest)
{
    v = _mm256_add_epi32(v, r->shift);
    *quotient = _mm256_cvttps_epi32(_mm256_div_ps(_mm256_cvtepi32_ps(v), r->divisor));
    *rest = _mm256_sub_epi32(v, _mm256_mullo_epi32(*quotient, r->window));
}

/* v where `by` is even, -v where odd */
static inline __m256i signed_by(__m256i v, __m256i by)
{
    const __m256i odd = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_and_si256(by, _mm256_set1_epi32(1)));
    return _mm256_sub_epi32(_mm256_xor_si256(v, odd), odd);
}

static inline __m256i snake(const struct rule *r, __m256i a, __m256i b)
{
    __m256i wa, ia, wb, ib;
    split(r, a, &wa, &ia);
    split(r, b, &wb, &ib);
    const __m256i window = _mm256_add_epi32(_mm256_mullo_epi32(r->rows, wa), signed_by(wb, wa));
    const __m256i place = _mm256_add_epi32(_mm256_mullo_epi32(r->m, ib), signed_by(ia, ib));
    return _mm256_add_epi32(_mm256_mullo_epi32(window, r->m2), signed_by(place, wa));
}

static inline __m256i plain(const struct rule *r, __m256i a, __m256i b)
{
    __m256i wa, ia, wb, ib;
    split(r, a, &wa, &ia);
    split(r, b, &wb, &ib);
    __m256i key = _mm256_add_epi32(_mm256_mullo_epi32(wa, r->rows), wb);
    key = _mm256_add_epi32(_mm256_mullo_epi32(key, r->window), ia);
    return _mm256_add_epi32(_mm256_mullo_epi32(key, r->window), ib);
}

int glint_window_key_avx2(struct glint_exec *x, const struct glint_window_order *o, const int32_t *coord,
                          int32_t n, uint32_t *key_out)
{
    const struct rule r = rule_of(o);
    int32_t i = 0;
    for (; n - i >= 8; i += 8) {
        __m256i cx, cy;
        load_xy(coord + 3 * (int64_t)i, &cx, &cy);
        const __m256i own = o->axis ? cy : cx, other = o->axis ? cx : cy;
        const __m256i key = o->style == GLINT_WINDOW_SNAKE ? snake(&r, other, own) : plain(&r, own, other);
        _mm256_storeu_si256((__m256i *)(void *)(key_out + i), key);
    }
    return glint_window_key_c(x, o, coord + 3 * (int64_t)i, n - i, key_out + i);
}
