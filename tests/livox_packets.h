/* tests/livox_packets.h - an encoder of Livox packets, from the published layout alone. */
#ifndef GLINT_TESTS_LIVOX_PACKETS_H
#define GLINT_TESTS_LIVOX_PACKETS_H
#include "tests/packets.h"
#include "calib/beam.h"
#include <math.h>
#include <zlib.h>

#define LIVOX_HEAD 36

struct livox_head {
    uint8_t type; /* 0 IMU, 1 mm, 2 cm, 3 angles */
    uint8_t frame, time_type;
    uint16_t interval, dots, udp;
    uint64_t t_ns;
};

static inline uint32_t livox_point_bytes(uint8_t type)
{
    static const uint8_t bytes[] = {24, 14, 8, 10};
    return bytes[type];
}

/* The header of a packet whose points are there already; its size. */
static inline uint32_t livox_close(uint8_t *p, const struct livox_head *h)
{
    const uint32_t size = LIVOX_HEAD + h->dots * livox_point_bytes(h->type);
    memset(p, 0, LIVOX_HEAD);
    put16(p + 1, size);
    put16(p + 3, h->interval);
    put16(p + 5, h->dots);
    put16(p + 7, h->udp);
    p[9] = h->frame;
    p[10] = h->type;
    p[11] = h->time_type;
    put64(p + 28, h->t_ns);
    put32(p + 24, (uint32_t)crc32(0, p + 28, size - 28));
    return size;
}

/* Point i of a packet at x, y, z (m). */
static inline void livox_point(uint8_t *p, uint8_t type, uint32_t i, const double *xyz, uint8_t reflectivity)
{
    uint8_t *at = p + LIVOX_HEAD + i * livox_point_bytes(type);
    const double r = sqrt(xyz[0] * xyz[0] + xyz[1] * xyz[1] + xyz[2] * xyz[2]);
    const double turn = atan2(xyz[1], xyz[0]);
    for (int k = 0; k < 3 && type == 1; k++)
        put32(at + 4 * k, (uint32_t)(int32_t)lround(xyz[k] * 1e3));
    for (int k = 0; k < 3 && type == 2; k++)
        put16(at + 2 * k, (uint32_t)(int32_t)lround(xyz[k] * 1e2));
    if (type == 3) {
        put32(at, (uint32_t)lround(r * 1e3));
        put16(at + 4, (uint32_t)lround(acos(xyz[2] / r) * 18000 / GLINT_PI));
        put16(at + 6, (uint32_t)lround((turn < 0 ? turn + 2 * GLINT_PI : turn) * 18000 / GLINT_PI) % 36000);
    }
    at[livox_point_bytes(type) - 2] = reflectivity;
    at[livox_point_bytes(type) - 1] = 0;
}
#endif
