/* sim/chance_lanes.h - chance per ray, over the operations of lanes_c.h, lanes_avx2.h or lanes_avx512.h:
 * include one of them first. */
/* A number 0 <= u < 1 for each ray: a hash of its key and what it is for. */
static inline lf chance(lu key, uint32_t what)
{
    lu h = key ^ lu_set(what * 0x9e3779b9u + 0x7f4a7c15u);
    h ^= h >> 16;
    h *= lu_set(0x7feb352du);
    h ^= h >> 15;
    h *= lu_set(0x846ca68bu);
    h ^= h >> 16;
    return lf_int(h >> 8) * lf_set(0x1p-24f);
}

/* -log(u), 0 < u < 1: the exponent, and a series in (m - 1) / (m + 1). */
static inline lf minus_log(lf u)
{
    const lu bits = lu_bits(u);
    lf m = lf_bits((bits & lu_set(0x7fffffu)) | lu_set(0x3f800000u));
    lf e = lf_int((bits >> 23) - lu_set(127));
    const lm big = lf_lt(lf_set(1.41421356f), m);
    m = lf_if(big, m * lf_set(0.5f), m);
    e = lf_if(big, e + lf_set(1.0f), e);
    const lf s = (m - lf_set(1.0f)) / (m + lf_set(1.0f)), s2 = s * s;
    const lf series =
        lf_set(1.0f) + s2 * (lf_set(0.33333333f) +
                             s2 * (lf_set(0.2f) + s2 * (lf_set(0.14285714f) + s2 * lf_set(0.11111111f))));
    return lf_set(0.0f) - (lf_set(2.0f) * s * series + e * lf_set(0.69314718f));
}

/* About normal: four 16 bit numbers of two hashes. */
static inline lf about_normal(lu key, uint32_t what)
{
    const lf a = chance(key, what), b = chance(key, what + 1), c = chance(key, what + 2),
             d = chance(key, what + 3);
    return ((a + b) + (c + d) - lf_set(2.0f)) * lf_set(1.7320508f);
}
