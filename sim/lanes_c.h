/* sim/lanes_c.h - one ray at a time: the reference of sim/trace_lanes.h in plain C. Its siblings for AVX2 and
 * AVX-512 give several rays the same single operations, so that every version has the same bits. */
#ifndef GLINT_SIM_LANES_C_H
#define GLINT_SIM_LANES_C_H
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define LANES 1
typedef float lf;    /* numbers */
typedef uint32_t lu; /* bits; also indices */
typedef bool lm;     /* masks */

static inline lf lf_set(float x)
{
    return x;
}
static inline lu lu_set(uint32_t x)
{
    return x;
}
static inline lf lf_load(const float *p)
{
    return *p;
}
static inline lu lu_load(const uint32_t *p)
{
    return *p;
}
static inline void lf_store(float *p, lf a)
{
    *p = a;
}
static inline void lu_store(uint32_t *p, lu a)
{
    *p = a;
}
static inline lm lf_lt(lf a, lf b)
{
    return a < b;
}
static inline lm lu_eq(lu a, lu b)
{
    return a == b;
}
static inline lm lm_and(lm a, lm b)
{
    return a && b;
}
static inline lm lm_or(lm a, lm b)
{
    return a || b;
}
static inline lm lm_but(lm a, lm b) /* a and not b */
{
    return a && !b;
}
static inline bool lm_any(lm a)
{
    return a;
}
static inline lf lf_if(lm m, lf a, lf b)
{
    return m ? a : b;
}
static inline lu lu_if(lm m, lu a, lu b)
{
    return m ? a : b;
}
static inline lf lf_min(lf a, lf b)
{
    return a < b ? a : b;
}
static inline lf lf_max(lf a, lf b)
{
    return a > b ? a : b;
}
static inline lf lf_sqrt(lf a)
{
    return sqrtf(a);
}
static inline lf lf_abs(lf a)
{
    return fabsf(a);
}
static inline lu lu_trunc(lf a) /* towards 0, as a signed integer */
{
    return (uint32_t)(int32_t)a;
}
static inline lf lf_int(lu a) /* of a signed integer */
{
    return (float)(int32_t)a;
}
static inline lu lu_bits(lf a)
{
    uint32_t u;
    memcpy(&u, &a, sizeof u);
    return u;
}
static inline lf lf_bits(lu a)
{
    float f;
    memcpy(&f, &a, sizeof f);
    return f;
}
static inline lf lf_gather(const float *base, lu at)
{
    return base[at];
}
static inline lu lu_gather8(const uint8_t *base, lu at)
{
    return base[at];
}
static inline lf lf_at_most_index(lf a, float most) /* within 0..most, also when it is not a number */
{
    return !(a > 0.0f) ? 0.0f : a < most ? a : most;
}
#endif
