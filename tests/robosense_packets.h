/* tests/robosense_packets.h - an encoder of RoboSense packets, from the published layouts alone: it places
 * walls around the sensor and writes what each laser would measure. */
#ifndef GLINT_TESTS_ROBOSENSE_PACKETS_H
#define GLINT_TESTS_ROBOSENSE_PACKETS_H
#include "tests/packets.h"
#include "calib/beam.h"

#define RS_BYTES 1248
#define M1_BYTES 1210
#define RS_S0    1700000000 /* 2023-11-14 22:13:20 */

/* What a spinning sensor is, as the manuals say it. */
struct rs_sensor {
    uint8_t magic[8];
    uint8_t type_at, type, model;
    bool date; /* time as date */
    double unit_m, firing_us;
    int lasers;
};
static const struct rs_sensor rs_helios = {
    {0x55, 0xaa, 0x05, 0x5a, 0, 1}, 31, 6, 1, false, 0.0025, 55.56, 32};
static const struct rs_sensor rs_helios16 = {
    {0x55, 0xaa, 0x05, 0x5a, 0, 1}, 31, 6, 3, false, 0.0025, 55.56, 16};
static const struct rs_sensor rs_32 = {
    {0x55, 0xaa, 0x05, 0x0a, 0x5a, 0xa5, 0x50, 0xa0}, 30, 2, 0, true, 0.005, 55.52, 32};
static const struct rs_sensor rs_bpearl = {
    {0x55, 0xaa, 0x05, 0x0a, 0x5a, 0xa5, 0x50, 0xa0}, 30, 3, 0, true, 0.005, 55.52, 32};
static const struct rs_sensor rs_bpearl4 = {
    {0x55, 0xaa, 0x05, 0x0a, 0x5a, 0xa5, 0x50, 0xa0}, 31, 3, 4, false, 0.0025, 55.56, 32};

/* Time of a packet in us since RS_S0. */
static inline void rs_put_time(uint8_t *p, bool date, uint64_t us)
{
    const uint32_t s = (uint32_t)(us / 1000000), rest = (uint32_t)(us % 1000000);
    memset(p, 0, 10);
    if (!date) {
        put_be32(p + 2, RS_S0 + s);
        put_be32(p + 6, rest);
        return;
    }
    p[0] = 23;
    p[1] = 11;
    p[2] = 14;
    p[3] = (uint8_t)(22 + (13 * 60 + 20 + s) / 3600);
    p[4] = (uint8_t)((13 * 60 + 20 + s) / 60 % 60);
    p[5] = (uint8_t)((20 + s) % 60);
    put_be16(p + 6, rest / 1000);
    put_be16(p + 8, rest % 1000);
}

/* Raw distance of laser c in firing k of return ret. */
static inline uint32_t rs_distance(uint32_t k, uint32_t c, uint32_t ret)
{
    return (k * 37 + c * 101) % 23 == 0 ? 0 : 400 + k * 31 % 977 + c * 53 + ret * 2000;
}

/* Firing k stands at az + k * step (0.01 degree); firings first..; the packet's time is us. dual: two returns
 * of each firing. */
static inline void make_robosense(uint8_t *p, const struct rs_sensor *s, uint32_t az, double step,
                                  uint32_t first, uint64_t us, bool dual)
{
    memset(p, 0, RS_BYTES);
    memcpy(p, s->magic, 8);
    p[17] = 1; /* 0.25 cm, where it is looked at */
    rs_put_time(p + 20, s->date, us);
    p[s->type_at] = s->type;
    p[32] = s->model;
    for (uint32_t b = 0; b < 12; b++) {
        uint8_t *at = p + 42 + 100 * b;
        const bool small = s->lasers == 16;
        const uint32_t k = first + (small ? (dual ? b : 2 * b) : dual ? b / 2 : b);
        put_be16(at, 0xffee);
        put_be16(at + 2, (uint32_t)lround(az + k * step) % 36000);
        for (uint32_t i = 0; i < 32; i++) {
            const uint32_t half = small ? i / 16 : 0;
            const uint32_t ret = !dual ? 0 : small ? half : b % 2;
            put_be16(at + 4 + 3 * i,
                     rs_distance(k + (small && !dual ? half : 0), i % (uint32_t)s->lasers, ret));
            at[6 + 3 * i] = (uint8_t)(7 * i);
        }
    }
    p[1247] = 0xff;
}

/* Angles of laser c in units of the device packet. */
static inline int32_t rs_vertical(int32_t c)
{
    return (c % 2 ? -1 : 1) * (c * 37 + 11);
}
static inline int32_t rs_horizontal(int32_t c)
{
    return (c % 3 ? 1 : -1) * (c * 13 + 5);
}

static inline void make_difop(uint8_t *p, uint8_t mode, uint32_t view_from, uint32_t view_to, bool reversed)
{
    static const uint8_t magic[] = {0xa5, 0xff, 0, 0x5a, 0x11, 0x11, 0x55, 0x55};
    memset(p, 0, RS_BYTES);
    memcpy(p, magic, sizeof magic);
    put_be16(p + 8, 600);
    put_be16(p + 32, view_from);
    put_be16(p + 34, view_to);
    p[300] = mode;
    p[337] = reversed;
    for (int32_t c = 0; c < 32; c++) {
        const int32_t v = rs_vertical(c), h = rs_horizontal(c);
        p[468 + 3 * c] = v < 0;
        put_be16(p + 469 + 3 * c, (uint32_t)abs(v));
        p[564 + 3 * c] = h < 0;
        put_be16(p + 565 + 3 * c, (uint32_t)abs(h));
    }
}

/* Point of block b, zone c of packet n: distance in 5 mm, angles in 0.01 degree. */
static inline uint32_t m1_distance(uint32_t n, uint32_t b, uint32_t c)
{
    return (n + b + c) % 5 == 0 ? 0 : 100 + 7 * n + 31 * b + c;
}
static inline int32_t m1_pitch(uint32_t b, uint32_t c)
{
    return (int32_t)(b * 40 + c * 9) - 600;
}
static inline int32_t m1_yaw(uint32_t b, uint32_t c)
{
    return (int32_t)(c * 2400 + b * 17) - 6000;
}

static inline void make_m1(uint8_t *p, uint32_t n, uint8_t mode, uint8_t ret, uint64_t us)
{
    static const uint8_t magic[] = {0x55, 0xaa, 0x5a, 0xa5};
    memset(p, 0, M1_BYTES);
    memcpy(p, magic, sizeof magic);
    put_be16(p + 4, n);
    p[8] = mode;
    rs_put_time(p + 10, false, us);
    p[30] = 0x10;
    for (uint32_t b = 0; b < 25; b++) {
        uint8_t *at = p + 32 + 47 * b;
        at[0] = (uint8_t)(5 * b);
        at[1] = ret;
        for (uint32_t c = 0; c < 5; c++) {
            put_be16(at + 2 + 9 * c, m1_distance(n, b, c));
            put_be16(at + 4 + 9 * c, (uint32_t)(m1_pitch(b, c) + 32768));
            put_be16(at + 6 + 9 * c, (uint32_t)(m1_yaw(b, c) + 32768));
            at[8 + 9 * c] = (uint8_t)(b + c);
        }
    }
}
#endif
