/* calib/x86/deskew_avx2.c - eight points at a time; the rest by the reference. See calib/deskew.h.
 *
 * Points come in order of time, so that mostly all eight lie between the same two entries, which are then
 * broadcast; else the twelve numbers are gathered. The same operations in the same order either way. */
#include "calib/deskew.h"
#include <immintrin.h>

struct motion { /* v, t at each point's time, and w */
    __m256 v[3], t[3], w;
};

#define FIELD(name) ((int)(offsetof(struct glint_deskew_entry, name) / sizeof(float)))

static inline __m256 between(__m256 a, __m256 from, __m256 step)
{
    return _mm256_add_ps(from, _mm256_mul_ps(a, step));
}

static inline void look_up(const struct glint_deskew_table *table, const uint32_t *offset_ns,
                           struct motion *m)
{
    const __m256i o = _mm256_min_epu32(_mm256_loadu_si256((const __m256i *)(const void *)offset_ns),
                                       _mm256_set1_epi32((int32_t)table->last_ns));
    const __m256 u = _mm256_mul_ps(_mm256_cvtepi32_ps(o), _mm256_set1_ps(table->entries_per_ns));
    const __m256i k = _mm256_min_epi32(_mm256_cvttps_epi32(u), _mm256_set1_epi32(table->n - 1));
    const __m256 a = _mm256_sub_ps(u, _mm256_cvtepi32_ps(k));
    const int32_t first = _mm256_cvtsi256_si32(k);
    const __m256i same = _mm256_cmpeq_epi32(k, _mm256_set1_epi32(first));
    if (_mm256_movemask_ps(_mm256_castsi256_ps(same)) == 0xff) {
        const struct glint_deskew_entry *e = &table->entry[first];
        for (int i = 0; i < 3; i++) {
            m->v[i] = between(a, _mm256_set1_ps(e->v[i]), _mm256_set1_ps(e->dv[i]));
            m->t[i] = between(a, _mm256_set1_ps(e->t[i]), _mm256_set1_ps(e->dt[i]));
        }
    } else {
        const float *base = (const float *)table->entry;
        const __m256i at = _mm256_slli_epi32(k, 4); /* 16 floats an entry */
        for (int i = 0; i < 3; i++) {
            m->v[i] = between(a, _mm256_i32gather_ps(base + FIELD(v) + i, at, 4),
                              _mm256_i32gather_ps(base + FIELD(dv) + i, at, 4));
            m->t[i] = between(a, _mm256_i32gather_ps(base + FIELD(t) + i, at, 4),
                              _mm256_i32gather_ps(base + FIELD(dt) + i, at, 4));
        }
    }
    __m256 w2 = _mm256_add_ps(_mm256_mul_ps(m->v[0], m->v[0]), _mm256_mul_ps(m->v[1], m->v[1]));
    w2 = _mm256_sub_ps(_mm256_set1_ps(1.0f), _mm256_add_ps(w2, _mm256_mul_ps(m->v[2], m->v[2])));
    m->w = _mm256_sqrt_ps(_mm256_max_ps(w2, _mm256_setzero_ps()));
}

static inline __m256 mount(const float *m, __m256 x, __m256 y, __m256 z)
{
    __m256 s = _mm256_mul_ps(_mm256_set1_ps(m[0]), x);
    s = _mm256_add_ps(s, _mm256_mul_ps(_mm256_set1_ps(m[1]), y));
    s = _mm256_add_ps(s, _mm256_mul_ps(_mm256_set1_ps(m[2]), z));
    return _mm256_add_ps(s, _mm256_set1_ps(m[3]));
}

static inline void cross(const __m256 a[3], const __m256 b[3], __m256 out[3])
{
    for (int i = 0; i < 3; i++) {
        const int j = (i + 1) % 3, k = (i + 2) % 3;
        out[i] = _mm256_sub_ps(_mm256_mul_ps(a[j], b[k]), _mm256_mul_ps(a[k], b[j]));
    }
}

void glint_deskew_avx2(const struct glint_deskew_table *table, float *x, float *y, float *z,
                       const uint32_t *offset_ns, int32_t n)
{
    int32_t i = 0;
    for (; n - i >= 8; i += 8) {
        float *const out[3] = {x + i, y + i, z + i};
        const __m256 px = _mm256_loadu_ps(x + i), py = _mm256_loadu_ps(y + i), pz = _mm256_loadu_ps(z + i);
        const __m256 p[3] = {mount(table->mount, px, py, pz), mount(table->mount + 4, px, py, pz),
                             mount(table->mount + 8, px, py, pz)};
        __m256 a[3], b[3];
        struct motion m;
        look_up(table, offset_ns + i, &m);
        cross(m.v, p, a);
        cross(m.v, a, b);
        for (int k = 0; k < 3; k++) {
            const __m256 s = _mm256_add_ps(_mm256_mul_ps(m.w, a[k]), b[k]);
            _mm256_storeu_ps(out[k], _mm256_add_ps(_mm256_add_ps(p[k], _mm256_add_ps(s, s)), m.t[k]));
        }
    }
    glint_deskew_c(table, x + i, y + i, z + i, offset_ns + i, n - i);
}
