/* calib/x86/deskew_avx512.c - sixteen points at a time; the rest by the reference. See calib/deskew.h.
 *
 * Points come in order of time, so that mostly all sixteen lie between the same two entries, which are then
 * broadcast; else the twelve numbers are gathered. The same operations in the same order either way. */
#include "calib/deskew.h"
#include <immintrin.h>

struct motion { /* v, t at each point's time, and w */
    __m512 v[3], t[3], w;
};

#define FIELD(name) ((int)(offsetof(struct glint_deskew_entry, name) / sizeof(float)))

static inline __m512 between(__m512 a, __m512 from, __m512 step)
{
    return _mm512_add_ps(from, _mm512_mul_ps(a, step));
}

static inline void look_up(const struct glint_deskew_table *table, const uint32_t *offset_ns,
                           struct motion *m)
{
    const __m512i o =
        _mm512_min_epu32(_mm512_loadu_si512(offset_ns), _mm512_set1_epi32((int32_t)table->last_ns));
    const __m512 u = _mm512_mul_ps(_mm512_cvtepi32_ps(o), _mm512_set1_ps(table->entries_per_ns));
    const __m512i k = _mm512_min_epi32(_mm512_cvttps_epi32(u), _mm512_set1_epi32(table->n - 1));
    const __m512 a = _mm512_sub_ps(u, _mm512_cvtepi32_ps(k));
    const int32_t first = _mm512_cvtsi512_si32(k);
    if (_mm512_cmpeq_epi32_mask(k, _mm512_set1_epi32(first)) == 0xffff) {
        const struct glint_deskew_entry *e = &table->entry[first];
        for (int i = 0; i < 3; i++) {
            m->v[i] = between(a, _mm512_set1_ps(e->v[i]), _mm512_set1_ps(e->dv[i]));
            m->t[i] = between(a, _mm512_set1_ps(e->t[i]), _mm512_set1_ps(e->dt[i]));
        }
    } else {
        const float *base = (const float *)table->entry;
        const __m512i at = _mm512_slli_epi32(k, 4); /* 16 floats an entry */
        for (int i = 0; i < 3; i++) {
            m->v[i] = between(a, _mm512_i32gather_ps(at, base + FIELD(v) + i, 4),
                              _mm512_i32gather_ps(at, base + FIELD(dv) + i, 4));
            m->t[i] = between(a, _mm512_i32gather_ps(at, base + FIELD(t) + i, 4),
                              _mm512_i32gather_ps(at, base + FIELD(dt) + i, 4));
        }
    }
    __m512 w2 = _mm512_add_ps(_mm512_mul_ps(m->v[0], m->v[0]), _mm512_mul_ps(m->v[1], m->v[1]));
    w2 = _mm512_sub_ps(_mm512_set1_ps(1.0f), _mm512_add_ps(w2, _mm512_mul_ps(m->v[2], m->v[2])));
    m->w = _mm512_sqrt_ps(_mm512_max_ps(w2, _mm512_setzero_ps()));
}

static inline __m512 mount(const float *m, __m512 x, __m512 y, __m512 z)
{
    __m512 s = _mm512_mul_ps(_mm512_set1_ps(m[0]), x);
    s = _mm512_add_ps(s, _mm512_mul_ps(_mm512_set1_ps(m[1]), y));
    s = _mm512_add_ps(s, _mm512_mul_ps(_mm512_set1_ps(m[2]), z));
    return _mm512_add_ps(s, _mm512_set1_ps(m[3]));
}

static inline void cross(const __m512 a[3], const __m512 b[3], __m512 out[3])
{
    for (int i = 0; i < 3; i++) {
        const int j = (i + 1) % 3, k = (i + 2) % 3;
        out[i] = _mm512_sub_ps(_mm512_mul_ps(a[j], b[k]), _mm512_mul_ps(a[k], b[j]));
    }
}

void glint_deskew_avx512(const struct glint_deskew_table *table, float *x, float *y, float *z,
                         const uint32_t *offset_ns, int32_t n)
{
    int32_t i = 0;
    for (; n - i >= 16; i += 16) {
        float *const out[3] = {x + i, y + i, z + i};
        const __m512 px = _mm512_loadu_ps(x + i), py = _mm512_loadu_ps(y + i), pz = _mm512_loadu_ps(z + i);
        const __m512 p[3] = {mount(table->mount, px, py, pz), mount(table->mount + 4, px, py, pz),
                             mount(table->mount + 8, px, py, pz)};
        __m512 a[3], b[3];
        struct motion m;
        look_up(table, offset_ns + i, &m);
        cross(m.v, p, a);
        cross(m.v, a, b);
        for (int k = 0; k < 3; k++) {
            const __m512 s = _mm512_add_ps(_mm512_mul_ps(m.w, a[k]), b[k]);
            _mm512_storeu_ps(out[k], _mm512_add_ps(_mm512_add_ps(p[k], _mm512_add_ps(s, s)), m.t[k]));
        }
    }
    glint_deskew_c(table, x + i, y + i, z + i, offset_ns + i, n - i);
}
