/* tools/made_layouts.h - what the files of made_packets share. */
#ifndef GLINT_TOOLS_MADE_LAYOUTS_H
#define GLINT_TOOLS_MADE_LAYOUTS_H
#include "tools/made_packets.h"
#include <stddef.h>

struct made {
    const char *name, *sensor, *family;
    void (*make)(const struct made *m, uint32_t k, uint8_t *out);               /* out is zeros */
    uint32_t (*make_accessory)(const struct made *m, uint32_t k, uint8_t *out); /* its size; may be NULL */
    size_t (*make_calibration)(const struct made *m, uint8_t *out, const char **ending);
    const void *layout;
    uint32_t size, packet_ns;
    uint16_t port;
};
extern const struct made made_more[]; /* of made_more.c */
extern const int32_t made_more_count;

static inline void made_put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void made_put32(uint8_t *p, uint32_t v)
{
    made_put16(p, v);
    made_put16(p + 2, v >> 16);
}

static inline void made_put64(uint8_t *p, uint64_t v)
{
    made_put32(p, (uint32_t)v);
    made_put32(p + 4, (uint32_t)(v >> 32));
}

static inline void made_be16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void made_be32(uint8_t *p, uint32_t v)
{
    made_be16(p, v >> 16);
    made_be16(p + 2, v);
}

/* 0: no return. */
static inline uint32_t made_raw(uint32_t firing, uint32_t laser, uint32_t ret, double unit_m)
{
    if ((firing * 31 + laser * 17) % 11 == 0)
        return 0;
    return (uint32_t)((5 + 0.25 * ((firing * 7 + laser * 13) % 97) + ret) / unit_m);
}

/* In 0.01 degree at ten turns a second. */
static inline uint32_t made_azimuth(uint32_t firing, int32_t firing_ns)
{
    return (uint32_t)((uint64_t)firing * (uint64_t)firing_ns * 36 / 100000 % 36000);
}
#endif
