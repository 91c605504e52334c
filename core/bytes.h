/* core/bytes.h - little- and big-endian numbers at any alignment. The caller has checked the bounds. */
#ifndef GLINT_CORE_BYTES_H
#define GLINT_CORE_BYTES_H
#include <stdint.h>
#include <string.h>

static inline uint16_t glint_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t glint_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t glint_le64(const uint8_t *p)
{
    return glint_le32(p) | (uint64_t)glint_le32(p + 4) << 32;
}
static inline uint16_t glint_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t glint_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}
static inline float glint_le_f32(const uint8_t *p)
{
    const uint32_t bits = glint_le32(p);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline double glint_le_f64(const uint8_t *p)
{
    const uint64_t bits = glint_le64(p);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
#endif
