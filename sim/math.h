/* sim/math.h - elementary functions that give the same bits with every compiler and C library: polynomials in
 * single operations of IEEE double precision, which no build of ours contracts or reorders. Errors are below
 * 1e-9 relative to the largest value; arguments are those of a street, not of the whole range of double. */
#ifndef GLINT_SIM_MATH_H
#define GLINT_SIM_MATH_H
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Without the care for what is not a number that makes fminf a call. */
static inline float glint_sim_min(float a, float b)
{
    return a < b ? a : b;
}

static inline float glint_sim_max(float a, float b)
{
    return a > b ? a : b;
}

#define GLINT_SIM_PI 3.14159265358979323846

/* |x| < 1e6 */
static inline void glint_sim_sincos(double x, double *sin_out, double *cos_out)
{
    const double turns = floor(x * (2 / GLINT_SIM_PI) + 0.5);
    const double r = (x - turns * 1.5707963267341256) - turns * 6.077100506506192e-11;
    const double r2 = r * r;
    const double s =
        r + r * r2 * (-1.0 / 6 + r2 * (1.0 / 120 + r2 * (-1.0 / 5040 + r2 * (1.0 / 362880 - r2 / 39916800))));
    const double c =
        1 + r2 * (-0.5 + r2 * (1.0 / 24 + r2 * (-1.0 / 720 + r2 * (1.0 / 40320 - r2 / 3628800))));
    switch ((int)((int64_t)turns & 3)) {
    case 0:
        *sin_out = s, *cos_out = c;
        break;
    case 1:
        *sin_out = c, *cos_out = -s;
        break;
    case 2:
        *sin_out = -s, *cos_out = -c;
        break;
    default:
        *sin_out = -c, *cos_out = s;
        break;
    }
}

static inline double glint_sim_sin(double x)
{
    double s, c;
    glint_sim_sincos(x, &s, &c);
    return s;
}

static inline double glint_sim_cos(double x)
{
    double s, c;
    glint_sim_sincos(x, &s, &c);
    return c;
}

/* In [-pi, pi]; 0 for (0, 0). By halving the angle until the series converges quickly. */
static inline double glint_sim_atan2(double y, double x)
{
    const double ax = fabs(x), ay = fabs(y), most = ax > ay ? ax : ay, least = ax > ay ? ay : ax;
    if (!(most > 0))
        return 0;
    double t = least / most, base = 0; /* 0..1 */
    if (t > 0.41421356237309503) {
        t = (t - 1) / (t + 1);
        base = GLINT_SIM_PI / 4;
    }
    t = t / (1 + sqrt(1 + t * t)); /* the half of it, below 0.199 */
    const double t2 = t * t;
    const double half =
        t * (1 + t2 * (-1.0 / 3 +
                       t2 * (1.0 / 5 + t2 * (-1.0 / 7 + t2 * (1.0 / 9 + t2 * (-1.0 / 11 + t2 / 13))))));
    double a = base + 2 * half;
    if (ay > ax)
        a = GLINT_SIM_PI / 2 - a;
    if (x < 0)
        a = GLINT_SIM_PI - a;
    return y < 0 ? -a : a;
}

/* |x| < 700 */
static inline double glint_sim_exp(double x)
{
    const double k = floor(x * 1.4426950408889634 + 0.5);
    const double r = (x - k * 0.6931471805599453) * 0.125;
    double e = 1 + r * (1 + r * (1.0 / 2 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120 + r / 720)))));
    e *= e, e *= e, e *= e;
    const uint64_t bits = (uint64_t)((int64_t)k + 1023) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return e * scale;
}

/* x > 0, normal */
static inline double glint_sim_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int64_t k = (int64_t)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0xfffffffffffff)) | UINT64_C(0x3ff0000000000000);
    double m;
    memcpy(&m, &bits, sizeof m); /* 1..2 */
    if (m > 1.4142135623730951)
        m *= 0.5, k++;
    const double s = (m - 1) / (m + 1), s2 = s * s; /* |s| < 0.172 */
    const double series =
        1 + s2 * (1.0 / 3 + s2 * (1.0 / 5 + s2 * (1.0 / 7 + s2 * (1.0 / 9 + s2 * (1.0 / 11 + s2 / 13)))));
    return 2 * s * series + (double)k * 0.6931471805599453;
}
#endif
