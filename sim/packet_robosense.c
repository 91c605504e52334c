/* sim/packet_robosense.c - see packet.h. Layouts as io/decode_robosense.c and its M1 have them. */
#include "sim/math.h"
#include "sim/packet_layouts.h"
#include <math.h>
#include <string.h>

#define BLOCKS     12
#define BLOCK_SIZE 100
#define LANES      32

struct robosense {
    uint8_t magic[8], type_at, type, model;
    bool date; /* of bytes; else seconds and us */
};

static void put_time(uint8_t *p, bool date, int64_t t_ns)
{
    const struct glint_packet_date d = glint_packet_date_of(t_ns);
    const uint8_t bytes[] = {(uint8_t)(d.year - 2000), (uint8_t)d.month,  (uint8_t)d.day,
                             (uint8_t)d.hour,          (uint8_t)d.minute, (uint8_t)d.second};
    if (date) {
        memcpy(p, bytes, sizeof bytes);
        put_be16(p + 6, (uint32_t)d.us / 1000);
        put_be16(p + 8, (uint32_t)d.us % 1000);
    } else {
        put_be32(p + 2, (uint32_t)(t_ns / 1000000000));
        put_be32(p + 6, (uint32_t)d.us);
    }
}

static void put_units(const struct glint_packet_format *f, const struct glint_firing *firing, int32_t ret,
                      uint8_t *at)
{
    const float per_m = 1 / f->unit_m;
    for (int32_t i = 0; i < f->lanes; i++, at += 3) {
        put_be16(at, range_raw(firing->range[ret][i], per_m, UINT16_MAX));
        at[2] = intensity_raw(firing->intensity[ret][i]);
    }
}

/* A block is a firing of 32 lanes (of 16 lasers: two firings), of one return; in dual mode two blocks are, or
 * where there are 16 lasers, the halves of one. */
static void make(const struct glint_packet_format *f, uint32_t number, const struct glint_firing *firings,
                 uint8_t *out)
{
    const struct robosense *r = f->layout;
    const int32_t halves = LANES / f->lanes, per_block = halves == 2 ? f->returns : 1;
    (void)number;
    memcpy(out, r->magic, 8);
    out[17] = 1;
    put_time(out + 20, r->date, firings[0].t_ns);
    out[r->type_at] = r->type;
    out[32] = r->model;
    for (int32_t b = 0; b < BLOCKS; b++) {
        uint8_t *at = out + 42 + BLOCK_SIZE * b;
        const struct glint_firing *firing = &firings[b * per_block / f->returns];
        put_be16(at, 0xffee);
        put_be16(at + 2, firing->angle);
        for (int32_t i = 0; i < per_block; i++)
            put_units(f, firing, per_block == 1 ? b % f->returns : i, at + 4 + 3 * f->lanes * i);
    }
}

/* Device packet: mode, field of view, angles, a sentence. */
static uint32_t make_difop(const struct glint_packet_format *f, uint32_t number, int64_t t_ns, uint8_t *out)
{
    const struct robosense *r = f->layout;
    static const uint8_t magic[] = {0xa5, 0xff, 0, 0x5a, 0x11, 0x11, 0x55, 0x55};
    memcpy(out, magic, sizeof magic);
    put_be16(out + 34, 36000);
    out[300] = f->returns == 2 ? 0 : r->date ? 1 : 4;
    put_time(out + 303, r->date, t_ns);
    out[337] = (uint8_t)(number % 2);
    memcpy(out + 382, "$GPRMC,221320,A,4830.0000,N,01100.0000,E,010.0,090.0,141123,000.0,W*74", 70);
    for (uint32_t c = 0; c < 32; c++) {
        out[468 + 3 * c] = c % 2 != 0;
        put_be16(out + 469 + 3 * c, c * 37 + 11);
        out[564 + 3 * c] = c % 3 == 0;
        put_be16(out + 565 + 3 * c, c * 13 + 5);
    }
    return 1248;
}

/* ---- M1: each point says where it is ---- */

static uint32_t angle_raw(float rad)
{
    return (uint32_t)(32768 + lrintf(rad * (float)(18000 / GLINT_SIM_PI)));
}

static void put_m1_block(const struct glint_packet_format *f, const struct glint_firing *firing, int32_t ret,
                         uint8_t *at)
{
    for (int32_t c = 0; c < f->lanes; c++, at += 9) {
        put_be16(at, range_raw(firing->range[ret][c], 1 / f->unit_m, UINT16_MAX));
        put_be16(at + 2, angle_raw(firing->elevation[c]));
        put_be16(at + 4, angle_raw(firing->azimuth[c]));
        at[6] = intensity_raw(firing->intensity[ret][c]);
    }
}

/* 25 blocks; in dual mode twelve firings, the last block is empty. */
static void make_m1(const struct glint_packet_format *f, uint32_t number, const struct glint_firing *firings,
                    uint8_t *out)
{
    static const uint8_t magic[] = {0x55, 0xaa, 0x5a, 0xa5};
    const bool dual = f->returns == 2;
    memcpy(out, magic, sizeof magic);
    put_be16(out + 4, number % (dual ? 1260 : 630) + 1);
    out[8] = dual ? 0 : 4;
    put_time(out + 10, false, firings[0].t_ns);
    out[30] = 0x10;
    for (int32_t b = 0; b < f->firings * f->returns; b++) {
        const struct glint_firing *firing = &firings[b / f->returns];
        uint8_t *at = out + 32 + 47 * b;
        at[0] = (uint8_t)((firing->t_ns - firings[0].t_ns + 500) / 1000);
        at[1] = dual ? (uint8_t)(1 + b % 2) : 0;
        put_m1_block(f, firing, b % f->returns, at + 2);
    }
}

static uint32_t make_m1_state(const struct glint_packet_format *f, uint32_t number, int64_t t_ns,
                              uint8_t *out)
{
    static const uint8_t magic[] = {0xa5, 0xff, 0, 0x5a, 0x11, 0x11, 0x55, 0x55};
    (void)f;
    (void)number;
    (void)t_ns;
    memcpy(out, magic, sizeof magic);
    return 256;
}

#define OLD                                                                                                  \
    {                                                                                                        \
        0x55, 0xaa, 0x05, 0x0a, 0x5a, 0xa5, 0x50, 0xa0                                                       \
    }
#define NEW                                                                                                  \
    {                                                                                                        \
        0x55, 0xaa, 0x05, 0x5a, 0, 1, 0, 0                                                                   \
    }
static const struct robosense helios = {NEW, 31, 6, 1, false}, helios16 = {NEW, 31, 6, 3, false},
                              rs32 = {OLD, 30, 2, 0, true}, bpearl = {OLD, 30, 3, 0, true},
                              bpearl4 = {OLD, 31, 3, 4, false};

#define ROBOSENSE(the_name, the_sensor, the_layout, the_lanes, the_returns, the_firings, the_ns, the_unit)   \
    {                                                                                                        \
        .name = the_name, .sensor = the_sensor, .family = "robosense", .size = 1248, .port = 6699,           \
        .firings = the_firings, .lanes = the_lanes, .returns = the_returns, .firing_ns = the_ns,             \
        .packet_ns = (the_ns) * (the_firings), .unit_m = the_unit, .range_most_m = 65535 * (the_unit),       \
        .make = make, .make_accessory = make_difop, .layout = &(the_layout)                                  \
    }
#define M1(the_name, the_returns, the_firings, the_ns, the_packet_ns)                                        \
    {                                                                                                        \
        .name = the_name, .sensor = "LiDAR-M1", .family = "robosense_m1", .angles = GLINT_ANGLE_NONE,        \
        .size = 1210, .port = 6699, .firings = the_firings, .lanes = 5, .returns = the_returns,              \
        .firing_ns = the_ns, .packet_ns = the_packet_ns, .unit_m = 0.005f, .range_most_m = 65535 * 0.005f,   \
        .make = make_m1, .make_accessory = make_m1_state                                                     \
    }

static const struct glint_packet_format formats[] = {
    ROBOSENSE("RS-Helios", "RS-Helios", helios, 32, 1, 12, 55560, 0.0025f),
    ROBOSENSE("RS-Helios dual", "RS-Helios", helios, 32, 2, 6, 55560, 0.0025f),
    ROBOSENSE("RS-Helios-16P", "Helios-16P", helios16, 32, 1, 12, 111120, 0.0025f),
    ROBOSENSE("RS-Helios-16P dual", "Helios-16P", helios16, 16, 2, 12, 55560, 0.0025f),
    ROBOSENSE("RS-LiDAR-32", "RS-LiDAR-32", rs32, 32, 1, 12, 55520, 0.005f),
    ROBOSENSE("RS-LiDAR-32 dual", "RS-LiDAR-32", rs32, 32, 2, 6, 55520, 0.005f),
    ROBOSENSE("RS-Bpearl", "RS-Bpearl", bpearl, 32, 1, 12, 55520, 0.005f),
    ROBOSENSE("RS-Bpearl V4", "Bpearl V4", bpearl4, 32, 1, 12, 55560, 0.0025f),
    ROBOSENSE("RS-Bpearl V4 dual", "Bpearl V4", bpearl4, 32, 2, 6, 55560, 0.0025f),
    M1("RS-LiDAR-M1", 1, 25, 6349, 158730),
    M1("RS-LiDAR-M1 dual", 2, 12, 6349, 79365),
};

const struct glint_packet_formats glint_formats_robosense = {formats,
                                                             (int32_t)(sizeof formats / sizeof formats[0])};
