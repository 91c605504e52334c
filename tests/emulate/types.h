/* tests/emulate/types.h - CUDA's built-in types on the host: vectors, dim3, __half and __nv_bfloat16.
 * Included by tests/emulate/cuda.h only. Conversions round to nearest even, as the device's do. */
#ifndef GLINT_TESTS_EMULATE_TYPES_H
#define GLINT_TESTS_EMULATE_TYPES_H
#include <cstdint>
#include <cstring>

#define GLINT_EMULATED_VECTORS(T, name)                                                                      \
    struct name##1                                                                                           \
    {                                                                                                        \
        T x;                                                                                                 \
    };                                                                                                       \
    struct alignas(2 * sizeof(T)) name##2                                                                    \
    {                                                                                                        \
        T x, y;                                                                                              \
    };                                                                                                       \
    struct name##3                                                                                           \
    {                                                                                                        \
        T x, y, z;                                                                                           \
    };                                                                                                       \
    struct alignas(4 * sizeof(T) > 16 ? 16 : 4 * sizeof(T)) name##4                                          \
    {                                                                                                        \
        T x, y, z, w;                                                                                        \
    };                                                                                                       \
    static inline name##2 make_##name##2(T x, T y)                                                           \
    {                                                                                                        \
        return {x, y};                                                                                       \
    }                                                                                                        \
    static inline name##3 make_##name##3(T x, T y, T z)                                                      \
    {                                                                                                        \
        return {x, y, z};                                                                                    \
    }                                                                                                        \
    static inline name##4 make_##name##4(T x, T y, T z, T w)                                                 \
    {                                                                                                        \
        return {x, y, z, w};                                                                                 \
    }
GLINT_EMULATED_VECTORS(signed char, char)
GLINT_EMULATED_VECTORS(unsigned char, uchar)
GLINT_EMULATED_VECTORS(short, short)
GLINT_EMULATED_VECTORS(unsigned short, ushort)
GLINT_EMULATED_VECTORS(int, int)
GLINT_EMULATED_VECTORS(unsigned, uint)
GLINT_EMULATED_VECTORS(long long, longlong)
GLINT_EMULATED_VECTORS(unsigned long long, ulonglong)
GLINT_EMULATED_VECTORS(float, float)
GLINT_EMULATED_VECTORS(double, double)

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

template <class To, class From> static inline To glint_emulated_bits(From from)
{
    static_assert(sizeof(To) == sizeof(From), "sizes differ");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}

/* IEEE binary16. */
struct __half {
    unsigned short bits;
};
struct alignas(4) __half2 {
    __half x, y;
};
typedef __half half;
typedef __half2 half2;

static inline float __half2float(__half h)
{
    const uint32_t sign = (uint32_t)(h.bits & 0x8000u) << 16;
    const uint32_t rest = h.bits & 0x7fffu;
    if (rest >= 0x7c00u) /* infinite or NaN */
        return glint_emulated_bits<float>(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
    if (rest >= 0x400u)
        return glint_emulated_bits<float>(sign | ((rest << 13) + 0x38000000u));
    const float small = (float)rest * 0x1p-24f; /* subnormal: exact */
    return sign ? -small : small;
}
static inline __half __float2half_rn(float f)
{
    const uint32_t bits = glint_emulated_bits<uint32_t>(f);
    const uint32_t sign = bits >> 16 & 0x8000u, rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u)
        return {(unsigned short)0x7fffu}; /* as the device: the canonical NaN */
    if (rest >= 0x477ff000u)              /* rounds to 65536 or more */
        return {(unsigned short)(sign | 0x7c00u)};
    if (rest < 0x38800000u) { /* below 2^-14: a multiple of 2^-24, rounded by the addition */
        const float shifted = glint_emulated_bits<float>(rest) + 0.5f;
        return {(unsigned short)(sign | (glint_emulated_bits<uint32_t>(shifted) - 0x3f000000u))};
    }
    const uint32_t rounded = rest + 0xfffu + (rest >> 13 & 1u) - 0x38000000u;
    return {(unsigned short)(sign | rounded >> 13)};
}
static inline __half __float2half(float f)
{
    return __float2half_rn(f);
}
static inline unsigned short __half_as_ushort(__half h)
{
    return h.bits;
}
static inline __half __ushort_as_half(unsigned short bits)
{
    return {bits};
}
static inline __half2 __halves2half2(__half x, __half y)
{
    return {x, y};
}
static inline __half2 __floats2half2_rn(float x, float y)
{
    return {__float2half_rn(x), __float2half_rn(y)};
}
static inline float2 __half22float2(__half2 h)
{
    return {__half2float(h.x), __half2float(h.y)};
}
static inline __half2 __float22half2_rn(float2 f)
{
    return __floats2half2_rn(f.x, f.y);
}

/* The upper half of a float. */
struct __nv_bfloat16 {
    unsigned short bits;
};
struct alignas(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;
};

static inline float __bfloat162float(__nv_bfloat16 b)
{
    return glint_emulated_bits<float>((uint32_t)b.bits << 16);
}
static inline __nv_bfloat16 __float2bfloat16_rn(float f)
{
    const uint32_t bits = glint_emulated_bits<uint32_t>(f);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return {(unsigned short)0x7fffu};
    return {(unsigned short)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16)};
}
static inline __nv_bfloat16 __float2bfloat16(float f)
{
    return __float2bfloat16_rn(f);
}
static inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 b)
{
    return b.bits;
}
static inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits)
{
    return {bits};
}
static inline __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 x, __nv_bfloat16 y)
{
    return {x, y};
}
static inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y)
{
    return {__float2bfloat16_rn(x), __float2bfloat16_rn(y)};
}
static inline float2 __bfloat1622float2(__nv_bfloat162 b)
{
    return {__bfloat162float(b.x), __bfloat162float(b.y)};
}
static inline __nv_bfloat162 __float22bfloat162_rn(float2 f)
{
    return __floats2bfloat162_rn(f.x, f.y);
}
#endif
