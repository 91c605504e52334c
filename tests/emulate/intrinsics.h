/* tests/emulate/intrinsics.h - CUDA's functions of one thread on the host. Included by tests/emulate/cuda.h
 * only; one thread runs at a time, so that atomics are plain reads and writes. */
#ifndef GLINT_TESTS_EMULATE_INTRINSICS_H
#define GLINT_TESTS_EMULATE_INTRINSICS_H
#include "emulate/types.h"
#include <cmath>

#define GLINT_EMULATED_ATOMIC(name, expression)                                                              \
    template <class T> static inline T name(T *address, T value)                                             \
    {                                                                                                        \
        const T old = *address;                                                                              \
        *address = (expression);                                                                             \
        return old;                                                                                          \
    }
GLINT_EMULATED_ATOMIC(atomicAdd, (T)(old + value))
GLINT_EMULATED_ATOMIC(atomicSub, (T)(old - value))
GLINT_EMULATED_ATOMIC(atomicExch, value)
GLINT_EMULATED_ATOMIC(atomicMin, value < old ? value : old)
GLINT_EMULATED_ATOMIC(atomicMax, value > old ? value : old)
GLINT_EMULATED_ATOMIC(atomicAnd, (T)(old &value))
GLINT_EMULATED_ATOMIC(atomicOr, (T)(old | value))
GLINT_EMULATED_ATOMIC(atomicXor, (T)(old ^ value))
GLINT_EMULATED_ATOMIC(atomicInc, old >= value ? (T)0 : (T)(old + 1))
/* literals and mixed signs convert to the address's type, as CUDA's overloads let them */
#define GLINT_EMULATED_ATOMIC_MIXED(name)                                                                    \
    template <class T, class V> static inline T name(T *address, V value)                                    \
    {                                                                                                        \
        return name<T>(address, (T)value);                                                                   \
    }
GLINT_EMULATED_ATOMIC_MIXED(atomicAdd)
GLINT_EMULATED_ATOMIC_MIXED(atomicSub)
GLINT_EMULATED_ATOMIC_MIXED(atomicExch)
GLINT_EMULATED_ATOMIC_MIXED(atomicMin)
GLINT_EMULATED_ATOMIC_MIXED(atomicMax)
GLINT_EMULATED_ATOMIC_MIXED(atomicAnd)
GLINT_EMULATED_ATOMIC_MIXED(atomicOr)
GLINT_EMULATED_ATOMIC_MIXED(atomicXor)
template <class T, class C, class V> static inline T atomicCAS(T *address, C compare, V value)
{
    const T old = *address;
    if (old == (T)compare)
        *address = (T)value;
    return old;
}
static inline void __threadfence() {}
static inline void __threadfence_block() {}

static inline int __popc(unsigned x)
{
    return __builtin_popcount(x);
}
static inline int __popcll(unsigned long long x)
{
    return __builtin_popcountll(x);
}
static inline int __ffs(int x)
{
    return __builtin_ffs(x);
}
static inline int __ffsll(long long x)
{
    return __builtin_ffsll(x);
}
static inline int __clz(int x)
{
    return x ? __builtin_clz((unsigned)x) : 32;
}
static inline int __clzll(long long x)
{
    return x ? __builtin_clzll((unsigned long long)x) : 64;
}
static inline unsigned __brev(unsigned x)
{
    unsigned r = 0;
    for (int i = 0; i < 32; i++)
        r |= (x >> i & 1u) << (31 - i);
    return r;
}
static inline unsigned __umulhi(unsigned a, unsigned b)
{
    return (unsigned)((uint64_t)a * b >> 32);
}

static inline int __float_as_int(float f)
{
    return glint_emulated_bits<int>(f);
}
static inline unsigned __float_as_uint(float f)
{
    return glint_emulated_bits<unsigned>(f);
}
static inline float __int_as_float(int i)
{
    return glint_emulated_bits<float>(i);
}
static inline float __uint_as_float(unsigned u)
{
    return glint_emulated_bits<float>(u);
}
static inline float __fadd_rn(float a, float b)
{
    return a + b;
}
static inline float __fsub_rn(float a, float b)
{
    return a - b;
}
static inline float __fmul_rn(float a, float b)
{
    return a * b;
}
static inline float __fdiv_rn(float a, float b)
{
    return a / b;
}
static inline float __fdividef(float a, float b)
{
    return a / b;
}
static inline float __frcp_rn(float a)
{
    return 1.0f / a;
}
static inline float __fsqrt_rn(float a)
{
    return std::sqrt(a);
}
static inline float __fmaf_rn(float a, float b, float c)
{
    return std::fma(a, b, c);
}
static inline double __dadd_rn(double a, double b)
{
    return a + b;
}
static inline double __dsub_rn(double a, double b)
{
    return a - b;
}
static inline double __dmul_rn(double a, double b)
{
    return a * b;
}
static inline double __ddiv_rn(double a, double b)
{
    return a / b;
}
static inline double __dsqrt_rn(double a)
{
    return std::sqrt(a);
}
static inline double __fma_rn(double a, double b, double c)
{
    return std::fma(a, b, c);
}
static inline float rsqrtf(float a)
{
    return 1.0f / std::sqrt(a);
}
static inline float __frsqrt_rn(float a)
{
    return (float)(1.0 / std::sqrt((double)a));
}
#define __expf glint_emulated_expf /* the C library has a name like this of its own */
#define __logf glint_emulated_logf
static inline float glint_emulated_expf(float a)
{
    return std::exp(a);
}
static inline float glint_emulated_logf(float a)
{
    return std::log(a);
}
static inline float __saturatef(float a)
{
    return a > 0.0f ? a < 1.0f ? a : 1.0f : 0.0f; /* NaN: 0 */
}
/* float to int as the device converts: clamped, NaN is 0 */
static inline int glint_emulated_to_int(float f)
{
    if (!(f == f))
        return 0;
    return f >= 0x1p31f ? INT32_MAX : f < -0x1p31f ? INT32_MIN : (int)f;
}
static inline int __float2int_rz(float f)
{
    return glint_emulated_to_int(std::trunc(f));
}
static inline int __float2int_rd(float f)
{
    return glint_emulated_to_int(std::floor(f));
}
static inline int __float2int_ru(float f)
{
    return glint_emulated_to_int(std::ceil(f));
}
static inline int __float2int_rn(float f)
{
    return glint_emulated_to_int(std::nearbyint(f));
}
static inline float __int2float_rn(int i)
{
    return (float)i;
}
template <class T> static inline T __ldg(const T *address)
{
    return *address;
}
template <class T> static inline T __ldcs(const T *address)
{
    return *address;
}
template <class T> static inline T __ldcg(const T *address)
{
    return *address;
}
template <class T> static inline void __stcs(T *address, T value)
{
    *address = value;
}

#define GLINT_EMULATED_MIN_MAX(T)                                                                            \
    static inline T min(T a, T b)                                                                            \
    {                                                                                                        \
        return b < a ? b : a;                                                                                \
    }                                                                                                        \
    static inline T max(T a, T b)                                                                            \
    {                                                                                                        \
        return a < b ? b : a;                                                                                \
    }
GLINT_EMULATED_MIN_MAX(int)
GLINT_EMULATED_MIN_MAX(unsigned)
GLINT_EMULATED_MIN_MAX(long)
GLINT_EMULATED_MIN_MAX(unsigned long)
GLINT_EMULATED_MIN_MAX(long long)
GLINT_EMULATED_MIN_MAX(unsigned long long)
static inline float min(float a, float b)
{
    return std::fmin(a, b); /* the number where one is NaN, as the device */
}
static inline float max(float a, float b)
{
    return std::fmax(a, b);
}
static inline double min(double a, double b)
{
    return std::fmin(a, b);
}
static inline double max(double a, double b)
{
    return std::fmax(a, b);
}
#endif
