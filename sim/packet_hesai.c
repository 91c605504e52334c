/* sim/packet_hesai.c - see packet.h. Layouts as io/decode_hesai.c and io/decode_hesai_at.c have them. */
#include "sim/packet_layouts.h"
#include <string.h>

struct hesai {
    uint8_t head[12], head_bytes, channels, blocks, unit_bytes;
    uint8_t gap, tail, mode_at, date_at, us_at; /* bytes; tail: its size, the number comes behind it */
    bool since_2000;                            /* years; else since 1900 */
    uint8_t more;                               /* bytes behind the number */
    uint8_t mode;
};

static void put_units(const struct glint_packet_format *f, const struct glint_firing *firing, int32_t ret,
                      int32_t unit_bytes, uint8_t *at)
{
    const float *range = firing->range[ret], *intensity = firing->intensity[ret];
    const float per_m = 1 / f->unit_m;
    for (int32_t c = 0; c < f->lanes; c++, at += unit_bytes) {
        put_le16(at, range_raw(range[c], per_m, UINT16_MAX));
        at[2] = intensity_raw(intensity[c]);
    }
}

static void put_date(const struct hesai *h, int64_t t_ns, uint8_t *tail)
{
    const struct glint_packet_date d = glint_packet_date_of(t_ns);
    const uint8_t date[] = {(uint8_t)(d.year - (h->since_2000 ? 2000 : 1900)),
                            (uint8_t)d.month,
                            (uint8_t)d.day,
                            (uint8_t)d.hour,
                            (uint8_t)d.minute,
                            (uint8_t)d.second};
    memcpy(tail + h->date_at, date, sizeof date);
    put_le32(tail + h->us_at, (uint32_t)d.us);
}

/* An IMU at rest, its unit of time 8 packets. */
static void put_imu(uint32_t number, uint8_t *out)
{
    put_le16(out + 2, 61);
    put_le16(out + 4, 875);
    put_le32(out + 6, number / 8);
    put_le16(out + 14, 16393);
}

static void make(const struct glint_packet_format *f, uint32_t number, const struct glint_firing *firings,
                 uint8_t *out)
{
    const struct hesai *h = f->layout;
    memcpy(out, h->head, h->head_bytes);
    uint8_t *at = out + h->head_bytes;
    for (int32_t b = 0; b < h->blocks; b++) {
        const struct glint_firing *firing = &firings[b / f->returns];
        if (h->head_bytes == 0) {
            put_le16(at, 0xeeff);
            at += 2;
        }
        put_le16(at, firing->angle);
        put_units(f, firing, b % f->returns, h->unit_bytes, at + 2);
        at += 2 + h->channels * h->unit_bytes;
    }
    at += h->gap;
    at[h->mode_at] = h->mode;
    put_date(h, firings[0].t_ns, at);
    put_le32(at + h->tail, number);
    if (h->gap) { /* the newer ones: speed, standard resolution */
        put_le16(at + 13, 600);
        at[11] = 2;
    }
    if (h->more >= 26) {
        out[11] |= 2;
        put_imu(number, at + h->tail + 4);
    }
}

/* The GNSS packet of 512 bytes. */
static uint32_t make_gps(const struct glint_packet_format *f, uint32_t number, int64_t t_ns, uint8_t *out)
{
    (void)f;
    (void)number;
    (void)t_ns;
    put_le16(out, 0xeeff);
    return 512;
}

/* ---- AT128: a mirror of three faces ---- */

static void make_at128(const struct glint_packet_format *f, uint32_t number,
                       const struct glint_firing *firings, uint8_t *out)
{
    static const uint8_t head[] = {0xee, 0xff, 4, 3, 0, 0, 128, 2, 1, 4, 2, 1};
    const int64_t us = firings[0].t_ns / 1000;
    memcpy(out, head, sizeof head);
    for (int32_t b = 0; b < 2; b++) {
        const struct glint_firing *firing = &firings[b / f->returns];
        uint8_t *at = out + 12 + 515 * b;
        put_le16(at, firing->angle);
        put_units(f, firing, b % f->returns, 4, at + 3);
    }
    uint8_t *tail = out + 12 + 2 * 515 + 4;
    put_le32(tail + 20, (uint32_t)(us % 1000000));
    tail[24] = f->returns == 2 ? 0x39 : 0x37;
    put_be32(tail + 28, (uint32_t)(us / 1000000));
    put_le32(tail + 32, number);
}

/* Faces from 30, 150, 270 degrees on, 60 degrees each: the beam sweeps 120. Angles in divisions of 2/25600
 * degree: eight columns of lasers 0.4 degrees apart, 12.8 to -12.6 degrees up; corrections of 0.1 degree. */
static size_t make_dat(const struct glint_packet_format *f, uint8_t *out, const char **ending)
{
    static const uint8_t head[16] = {0xee, 0xff, 1, 5, 128, 3, 3, 1, 2, 4, 0, 0, 0, 0, 0, 2};
    (void)f;
    *ending = ".dat";
    memset(out, 0, 47176);
    memcpy(out, head, sizeof head);
    for (uint32_t i = 0; i < 3; i++) {
        put_le32(out + 16 + 4 * i, (30 + 120 * i) * 12800);
        put_le32(out + 28 + 4 * i, (90 + 120 * i) * 12800);
    }
    for (int32_t c = 0; c < 128; c++) { /* the azimuth is the swept angle minus this: straight on is 60 */
        put_le32(out + 40 + 4 * c, (uint32_t)((c % 8) * 5120 - 17920 + 60 * 12800));
        put_le32(out + 552 + 4 * c, (uint32_t)(163840 - 2560 * c));
        memset(out + 1064 + 180 * c, 5, 180);
    }
    return 47176;
}

#define HEAD12(a, b, channels, blocks, mm)                                                                   \
    {0xee, 0xff, a, b, 0, 0, channels, blocks, 1, mm, 2, 1}, 12, channels, blocks
#define TAIL_XT 0, 24, 10, 13, 19, false, 0
static const struct hesai
    xt32 = {HEAD12(6, 1, 32, 8, 4), 4, TAIL_XT, 0x37},
    xt32_dual = {HEAD12(6, 1, 32, 8, 4), 4, TAIL_XT, 0x39}, xt16 = {HEAD12(6, 1, 16, 8, 4), 4, TAIL_XT, 0x37},
    xt16_dual = {HEAD12(6, 1, 16, 8, 4), 4, TAIL_XT, 0x39},
    xt32m = {HEAD12(6, 1, 32, 6, 5), 4, TAIL_XT, 0x37},
    xt32m_triple = {HEAD12(6, 1, 32, 6, 5), 4, TAIL_XT, 0x3d},
    qt64 = {HEAD12(3, 1, 64, 4, 4), 4, 0, 24, 16, 18, 12, false, 0, 0x37},
    qt64_dual = {HEAD12(3, 1, 64, 4, 4), 4, 0, 24, 16, 18, 12, false, 0, 0x39},
    qt128 = {HEAD12(3, 2, 128, 2, 4), 4, 21, 26, 12, 15, 21, false, 36, 0x33},
    ot128 = {HEAD12(1, 4, 128, 2, 4), 3, 21, 26, 12, 15, 21, false, 58, 0x38},
    ot128_dual = {HEAD12(1, 4, 128, 2, 4), 3, 21, 26, 12, 15, 21, false, 26, 0x39},
    pandar64 = {{0xee, 0xff, 64, 6, 0, 4, 0, 0}, 8, 64, 6, 3, 0, 22, 14, 16, 10, true, 0, 0x37},
    pandar40p = {{0}, 0, 40, 10, 3, 0, 22, 14, 16, 10, true, 0, 0x37},
    pandar40p_dual = {{0}, 0, 40, 10, 3, 0, 22, 14, 16, 10, true, 0, 0x39};

#define HESAI(the_name, the_sensor, the_layout, the_lanes, the_blocks, the_returns, the_size, the_ns,        \
              the_packet_ns, the_unit, gps)                                                                  \
    {                                                                                                        \
        .name = the_name, .sensor = the_sensor, .family = "hesai", .size = the_size, .port = 2368,           \
        .firings = (the_blocks) / (the_returns), .lanes = the_lanes, .returns = the_returns,                 \
        .firing_ns = the_ns, .packet_ns = the_packet_ns, .unit_m = the_unit,                                 \
        .range_most_m = 65535 * (the_unit), .make = make, .make_accessory = gps, .layout = &(the_layout)     \
    }
#define AT128(the_name, the_returns)                                                                         \
    {                                                                                                        \
        .name = the_name, .sensor = "AT128", .family = "hesai_at", .angles = GLINT_ANGLE_MIRROR,             \
        .size = 1086, .port = 2368, .firings = 2 / (the_returns), .lanes = 128, .returns = the_returns,      \
        .firing_ns = 41666, .packet_ns = 83332 / (the_returns), .unit_m = 0.004f,                            \
        .range_most_m = 65535 * 0.004f, .make = make_at128, .make_calibration = make_dat                     \
    }

static const struct glint_packet_format formats[] = {
    HESAI("PandarXT32", "XT32", xt32, 32, 8, 1, 1080, 50000, 400000, 0.004f, make_gps),
    HESAI("PandarXT32 dual", "XT32", xt32_dual, 32, 8, 2, 1080, 50000, 200000, 0.004f, make_gps),
    HESAI("PandarXT16", "XT16", xt16, 16, 8, 1, 568, 50000, 400000, 0.004f, NULL),
    HESAI("PandarXT16 dual", "XT16", xt16_dual, 16, 8, 2, 568, 50000, 200000, 0.004f, NULL),
    HESAI("PandarXT32M2X", "XT32M2X", xt32m, 32, 6, 1, 820, 50000, 300000, 0.005f, NULL),
    HESAI("PandarXT32M2X triple", "XT32M2X", xt32m_triple, 32, 6, 3, 820, 50000, 100000, 0.005f, NULL),
    HESAI("PandarQT64", "QT64", qt64, 64, 4, 1, 1072, 166667, 666668, 0.004f, NULL),
    HESAI("PandarQT64 dual", "QT64", qt64_dual, 64, 4, 2, 1072, 166667, 333334, 0.004f, NULL),
    HESAI("PandarQT128", "QT128", qt128, 128, 2, 1, 1127, 111110, 222220, 0.004f, NULL),
    HESAI("Pandar40P", "40P", pandar40p, 40, 10, 1, 1266, 55560, 555600, 0.004f, make_gps),
    HESAI("Pandar40P dual", "40P", pandar40p_dual, 40, 10, 2, 1266, 55560, 277800, 0.004f, make_gps),
    HESAI("Pandar64", "Pandar64", pandar64, 64, 6, 1, 1198, 55560, 333360, 0.004f, make_gps),
    HESAI("OT128", "OT128", ot128, 128, 2, 1, 893, 55556, 111112, 0.004f, NULL),
    HESAI("OT128 dual", "OT128", ot128_dual, 128, 2, 2, 861, 55556, 55556, 0.004f, NULL),
    HESAI("Pandar128E3X", "128E3X", ot128, 128, 2, 1, 893, 55556, 111112, 0.004f, NULL),
    AT128("AT128", 1),
    AT128("AT128 dual", 2),
};

const struct glint_packet_formats glint_formats_hesai = {formats,
                                                         (int32_t)(sizeof formats / sizeof formats[0])};
