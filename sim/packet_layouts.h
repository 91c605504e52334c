/* sim/packet_layouts.h - what the files of packet_* share: each has a table of formats. */
#ifndef GLINT_SIM_PACKET_LAYOUTS_H
#define GLINT_SIM_PACKET_LAYOUTS_H
#include "sim/packet.h"
#include <stddef.h>

struct glint_packet_formats {
    const struct glint_packet_format *format;
    int32_t n;
};
extern const struct glint_packet_formats glint_formats_velodyne, glint_formats_hesai, glint_formats_ouster,
    glint_formats_robosense, glint_formats_livox;

static inline void put_le16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void put_le32(uint8_t *p, uint32_t v)
{
    put_le16(p, v);
    put_le16(p + 2, v >> 16);
}

static inline void put_le64(uint8_t *p, uint64_t v)
{
    put_le32(p, (uint32_t)v);
    put_le32(p + 4, (uint32_t)(v >> 32));
}

static inline void put_be16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
    put_be16(p, v >> 16);
    put_be16(p + 2, v);
}

/* The nearest whole number of units; 0 (no return) where that is none or more than most. NaN: 0. */
static inline uint32_t range_raw(float range_m, float per_m, float most)
{
    const float raw = range_m * per_m + 0.5f;
    return raw >= 1 && raw <= most ? (uint32_t)raw : 0;
}

/* 0..1 to a byte; NaN: 0. */
static inline uint8_t intensity_raw(float intensity)
{
    const float raw = intensity * 255 + 0.5f;
    return raw >= 255 ? 255 : raw >= 1 ? (uint8_t)raw : 0;
}

/* Year, month, day, hour, minute and second (UTC) of a time, and what is left in us. */
struct glint_packet_date {
    int32_t year, month, day, hour, minute, second, us;
};
struct glint_packet_date glint_packet_date_of(int64_t t_ns);
#endif
