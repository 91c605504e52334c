/* tools/made_more.c - see made_packets.h: AT128, Ouster, RoboSense, Livox. */
#include "tools/made_layouts.h"
#include "io/ouster_format.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

/* ---- Hesai AT128: two blocks, encoder in 0.01 degree, a correction file ---- */

static void make_at128(const struct made *m, uint32_t k, uint8_t *out)
{
    static const uint8_t head[] = {0xee, 0xff, 4, 3, 0, 0, 128, 2, 1, 4, 2, 1};
    const uint64_t us = (uint64_t)k * m->packet_ns / 1000;
    const bool dual = m->layout != NULL;
    memcpy(out, head, sizeof head);
    for (uint32_t b = 0; b < 2; b++) {
        const uint32_t firing = dual ? k : 2 * k + b;
        uint8_t *at = out + 12 + 515 * b;
        made_put16(at, firing * 10 % 36000);
        for (uint32_t c = 0; c < 128; c++) {
            made_put16(at + 3 + 4 * c, made_raw(firing, c, dual ? b : 0, 0.004));
            at[5 + 4 * c] = (uint8_t)(firing + c);
        }
    }
    uint8_t *tail = out + 12 + 2 * 515 + 4;
    made_put32(tail + 20, (uint32_t)(us % 1000000));
    tail[24] = dual ? 0x39 : 0x37;
    made_be32(tail + 28, (uint32_t)(GLINT_MADE_T0_NS / 1000000000 + (int64_t)(us / 1000000)));
    made_put32(tail + 32, k);
}

/* Faces from 20, 140, 260 degrees on, angles and corrections in divisions of 2/25600 degree and 0.02 degree.
 */
static size_t make_dat(const struct made *m, uint8_t *out, const char **ending)
{
    static const uint8_t head[16] = {0xee, 0xff, 1, 5, 128, 3, 3, 1, 2, 4, 0, 0, 0, 0, 0, 2};
    (void)m;
    *ending = ".dat";
    memset(out, 0, 47176);
    memcpy(out, head, sizeof head);
    for (uint32_t i = 0; i < 3; i++) {
        made_put32(out + 16 + 4 * i, (20 + 120 * i) * 12800);
        made_put32(out + 28 + 4 * i, (20 + 120 * ((i + 1) % 3)) * 12800);
    }
    for (int32_t c = 0; c < 128; c++) {
        made_put32(out + 40 + 4 * c, (uint32_t)((c % 8) * 5120 - 17920));
        made_put32(out + 552 + 4 * c, (uint32_t)(163840 - 2560 * c));
        memset(out + 1064 + 180 * c, 5, 180);
    }
    return 47176;
}

/* ---- Ouster: any profile, by the tables of io/ouster_format ---- */

struct ouster {
    const char *profile;
    int32_t pixels;
    bool tilted; /* the lidar stands askew in the sensor */
};
#define COLUMNS 16

static void put_bits(uint8_t *pixel, const struct glint_ouster_field *f, uint32_t value)
{
    for (uint32_t i = 0; f && i < f->bits; i++)
        if (value >> (i + f->up) & 1)
            pixel[(f->bit + i) / 8] |= (uint8_t)(1u << (f->bit + i) % 8);
}

static void put_column(const struct glint_ouster_profile *p, int32_t pixels, uint32_t frame, uint32_t id,
                       int64_t t_ns, uint8_t *at)
{
    const struct glint_ouster_field *range = glint_ouster_field(p, "RANGE"),
                                    *range2 = glint_ouster_field(p, "RANGE2"),
                                    *bright = glint_ouster_field(p, "REFLECTIVITY");
    made_put64(at, (uint64_t)t_ns);
    made_put16(at + 8, id);
    made_put16(at + 10, p->column_foot ? frame : 1);
    for (int32_t i = 0; i < pixels; i++) {
        uint8_t *pixel = at + p->column_head + i * p->pixel_bytes;
        put_bits(pixel, range, made_raw(id, (uint32_t)i, 0, 0.001));
        put_bits(pixel, range2, made_raw(id, (uint32_t)i + 1, 1, 0.001));
        put_bits(pixel, bright, (id + (uint32_t)i) & 255);
    }
    if (p->column_foot)
        made_put32(at + p->column_head + pixels * p->pixel_bytes, UINT32_MAX);
}

static void make_ouster(const struct made *m, uint32_t k, uint8_t *out)
{
    const struct ouster *o = m->layout;
    const struct glint_ouster_profile *p = glint_ouster_profile(o->profile);
    const uint32_t frame = k / (1024 / COLUMNS), first = k % (1024 / COLUMNS) * COLUMNS;
    made_put16(out, p->packet_head ? 1 : 0);
    made_put16(out + 2, p->packet_head ? frame : 0);
    if (strncmp(o->profile, "FUSA", 4) == 0) {
        made_put16(out + 2, 0);
        made_put32(out + 4, frame);
    }
    for (uint32_t c = 0; c < COLUMNS; c++)
        put_column(p, o->pixels, frame, first + c, GLINT_MADE_T0_NS + (int64_t)(k * COLUMNS + c) * 97656,
                   out + p->packet_head + c * glint_ouster_column_bytes(p, o->pixels));
}

/* IMU: times, accelerations in g, turns in degrees a second; the newer profile: 8 measurements behind a
 * sentence. */
static uint32_t make_ouster_imu(const struct made *m, uint32_t k, uint8_t *out)
{
    const struct ouster *o = m->layout;
    const bool legacy = strcmp(o->profile, "LEGACY") == 0;
    const uint64_t t = (uint64_t)GLINT_MADE_T0_NS + k * UINT64_C(10000000);
    for (uint32_t i = 0; i < 3 && legacy; i++)
        made_put64(out + 8 * i, t);
    for (uint32_t i = 0; i < 6 && legacy; i++)
        made_put32(out + 24 + 4 * i, 0x3f000000 + i);
    if (legacy)
        return 48;
    made_put16(out, 2);
    made_put64(out + 32, t);
    memcpy(out + 40, "$GPRMC,221320,A,4830.0000,N,01100.0000,E,010.0,090.0,141123,000.0,W*74", 70);
    for (uint32_t i = 0; i < 8; i++) {
        uint8_t *at = out + 132 + 36 * i;
        made_put64(at, t + i * 1000000);
        made_put16(at + 8, i);
        made_put16(at + 10, 1);
        for (uint32_t j = 0; j < 6; j++)
            made_put32(at + 12 + 4 * j, 0x3f000000 + j);
    }
    return 132 + 8 * 36 + 32;
}

static size_t make_meta(const struct made *m, uint8_t *out, const char **ending)
{
    const struct ouster *o = m->layout;
    char *text = (char *)out;
    *ending = ".json";
    size_t n = (size_t)snprintf(text, GLINT_MADE_CALIBRATION,
                                "{\"prod_line\":\"OS-1-%d\",\"beam_altitude_angles\":[", o->pixels);
    for (int32_t i = 0; i < o->pixels; i++)
        n += (size_t)snprintf(text + n, GLINT_MADE_CALIBRATION - n, "%s%.3f", i ? "," : "",
                              20 - 40.0 * i / o->pixels);
    n += (size_t)snprintf(text + n, GLINT_MADE_CALIBRATION - n, "],\"beam_azimuth_angles\":[");
    for (int32_t i = 0; i < o->pixels; i++)
        n += (size_t)snprintf(text + n, GLINT_MADE_CALIBRATION - n, "%s%.3f", i ? "," : "",
                              3.1 - 2.05 * (i % 4));
    return n +
           (size_t)snprintf(
               text + n, GLINT_MADE_CALIBRATION - n,
               "],\"data_format\":{\"pixels_per_column\":%d,\"columns_per_frame\":1024,"
               "\"columns_per_packet\":"
               "%d,\"column_window\":[0,1023],\"udp_profile_lidar\":\"%s\"},"
               "\"lidar_origin_to_beam_origin_mm\":15.8%s}",
               o->pixels, COLUMNS, o->profile,
               o->tilted ? ",\"lidar_to_sensor_transform\":[0,-1,0,5,0.8,0,0.6,6,-0.6,0,0.8,7,0,0,0,1]" : "");
}

/* ---- RoboSense ---- */

struct robosense {
    uint8_t magic[8], type_at, type, model, lasers;
    bool date, dual;
    float unit_m;
    int32_t firing_ns;
};

static void put_time(uint8_t *p, bool date, uint64_t us)
{
    const uint32_t s = (uint32_t)(us / 1000000), rest = (uint32_t)(us % 1000000), clock = 13 * 60 + 20 + s;
    const uint8_t day[] = {
        23, 11, 14, (uint8_t)(22 + clock / 3600), (uint8_t)(clock / 60 % 60), (uint8_t)(clock % 60)};
    if (date) {
        memcpy(p, day, sizeof day);
        made_be16(p + 6, rest / 1000);
        made_be16(p + 8, rest % 1000);
    } else {
        made_be32(p + 2, (uint32_t)(GLINT_MADE_T0_NS / 1000000000) + s);
        made_be32(p + 6, rest);
    }
}

/* Firings of a block: two of 16 lasers, or half of one of 32 in dual mode. */
static void make_robosense(const struct made *m, uint32_t k, uint8_t *out)
{
    const struct robosense *r = m->layout;
    const bool small = r->lasers == 16;
    memcpy(out, r->magic, 8);
    out[17] = 1;
    put_time(out + 20, r->date, (uint64_t)k * m->packet_ns / 1000);
    out[r->type_at] = r->type;
    out[32] = r->model;
    for (uint32_t b = 0; b < 12; b++) {
        uint8_t *at = out + 42 + 100 * b;
        const uint32_t firing = small     ? (r->dual ? k * 12 + b : k * 24 + 2 * b)
                                : r->dual ? k * 6 + b / 2
                                          : k * 12 + b;
        made_be16(at, 0xffee);
        made_be16(at + 2, made_azimuth(firing, r->firing_ns));
        for (uint32_t i = 0; i < 32; i++) {
            const uint32_t half = small ? i / 16 : 0, ret = !r->dual ? 0 : small ? half : b % 2;
            made_be16(at + 4 + 3 * i, made_raw(firing + (small && !r->dual ? half : 0), i % r->lasers, ret,
                                               (double)r->unit_m));
            at[6 + 3 * i] = (uint8_t)(7 * i);
        }
    }
}

/* Device packet: mode, field of view, angles, a sentence. */
static uint32_t make_difop(const struct made *m, uint32_t k, uint8_t *out)
{
    const struct robosense *r = m->layout;
    static const uint8_t magic[] = {0xa5, 0xff, 0, 0x5a, 0x11, 0x11, 0x55, 0x55};
    memcpy(out, magic, sizeof magic);
    made_be16(out + 34, 36000);
    out[300] = r->dual ? 0 : r->date ? 1 : 4;
    put_time(out + 303, r->date, (uint64_t)k * 1000000);
    out[337] = (uint8_t)(k % 2);
    memcpy(out + 382, "$GPRMC,221320,A,4830.0000,N,01100.0000,E,010.0,090.0,141123,000.0,W*74", 70);
    for (uint32_t c = 0; c < 32; c++) {
        out[468 + 3 * c] = c % 2 != 0;
        made_be16(out + 469 + 3 * c, c * 37 + 11);
        out[564 + 3 * c] = c % 3 == 0;
        made_be16(out + 565 + 3 * c, c * 13 + 5);
    }
    return 1248;
}

static void make_m1(const struct made *m, uint32_t k, uint8_t *out)
{
    static const uint8_t magic[] = {0x55, 0xaa, 0x5a, 0xa5};
    const bool dual = m->layout != NULL;
    memcpy(out, magic, sizeof magic);
    made_be16(out + 4, k % (dual ? 1260 : 630) + 1);
    out[8] = dual ? 0 : 4;
    put_time(out + 10, false, (uint64_t)k * m->packet_ns / 1000);
    out[30] = 0x10;
    for (uint32_t b = 0; b < 25; b++) {
        uint8_t *at = out + 32 + 47 * b;
        at[0] = (uint8_t)(5 * b);
        at[1] = dual ? (uint8_t)(1 + b % 2) : 0;
        for (uint32_t c = 0; c < 5; c++) {
            made_be16(at + 2 + 9 * c, made_raw(k * 25 + b, c, b % 2, 0.005));
            made_be16(at + 4 + 9 * c, 32768 + b * 40 + c * 9 - 600);
            made_be16(at + 6 + 9 * c, 32768 + c * 2400 + b * 17 - 6000);
            at[8 + 9 * c] = (uint8_t)(b + c);
        }
    }
}

static uint32_t make_m1_state(const struct made *m, uint32_t k, uint8_t *out)
{
    static const uint8_t magic[] = {0xa5, 0xff, 0, 0x5a, 0x11, 0x11, 0x55, 0x55};
    (void)m;
    (void)k;
    memcpy(out, magic, sizeof magic);
    return 256;
}

/* ---- Livox ---- */

static uint32_t livox_head(const struct made *m, uint32_t k, uint8_t type, uint32_t dots, uint32_t bytes,
                           uint8_t *out)
{
    const uint32_t size = 36 + dots * bytes;
    made_put16(out + 1, size);
    made_put16(out + 3, m->packet_ns / 100);
    made_put16(out + 5, dots);
    made_put16(out + 7, k);
    out[9] = (uint8_t)((uint64_t)k * m->packet_ns / 100000000);
    out[10] = type;
    out[11] = 1;
    made_put64(out + 28, (uint64_t)GLINT_MADE_T0_NS + (uint64_t)k * m->packet_ns);
    made_put32(out + 24, (uint32_t)crc32(0, out + 28, size - 28));
    return size;
}

static void make_livox(const struct made *m, uint32_t k, uint8_t *out)
{
    const uint8_t type = *(const uint8_t *)m->layout;
    static const uint8_t bytes[] = {24, 14, 8, 10};
    for (uint32_t i = 0; i < 96; i++) {
        uint8_t *at = out + 36 + i * bytes[type];
        const uint32_t raw = made_raw(k, i, 0, 0.001);
        const double a = (k * 96 + i) * 0.01;
        const int32_t x = (int32_t)(raw * cos(a)), y = (int32_t)(raw * sin(a)), z = raw ? (int32_t)i * 10 : 0;
        const int32_t mm[] = {x, y, z};
        for (int j = 0; j < 3 && type == 1; j++)
            made_put32(at + 4 * j, (uint32_t)mm[j]);
        for (int j = 0; j < 3 && type == 2; j++)
            made_put16(at + 2 * j, (uint32_t)(mm[j] / 10));
        if (type == 3) {
            made_put32(at, raw);
            made_put16(at + 4, 9000 + i);
            made_put16(at + 6, (k * 96 + i) % 36000);
        }
        at[bytes[type] - 2] = (uint8_t)i;
    }
    livox_head(m, k, type, 96, bytes[type], out);
}

static uint32_t make_livox_imu(const struct made *m, uint32_t k, uint8_t *out)
{
    for (uint32_t j = 0; j < 6; j++)
        made_put32(out + 36 + 4 * j, 0x3f000000 + j);
    return livox_head(m, k, 0, 1, 24, out);
}

#define OLD                                                                                                  \
    {                                                                                                        \
        0x55, 0xaa, 0x05, 0x0a, 0x5a, 0xa5, 0x50, 0xa0                                                       \
    }
#define NEW                                                                                                  \
    {                                                                                                        \
        0x55, 0xaa, 0x05, 0x5a, 0, 1, 0, 0                                                                   \
    }
static const struct robosense helios = {NEW, 31, 6, 1, 32, false, false, 0.0025f, 55560},
                              helios_dual = {NEW, 31, 6, 1, 32, false, true, 0.0025f, 55560},
                              helios16 = {NEW, 31, 6, 3, 16, false, false, 0.0025f, 55560},
                              helios16_dual = {NEW, 31, 6, 3, 16, false, true, 0.0025f, 55560},
                              rs32 = {OLD, 30, 2, 0, 32, true, false, 0.005f, 55520},
                              rs32_dual = {OLD, 30, 2, 0, 32, true, true, 0.005f, 55520},
                              bpearl = {OLD, 30, 3, 0, 32, true, false, 0.005f, 55520},
                              bpearl4_dual = {OLD, 31, 3, 4, 32, false, true, 0.0025f, 55560};
static const struct ouster legacy = {"LEGACY", 32, false}, rng19 = {"RNG19_RFL8_SIG16_NIR16", 32, false},
                           rng19_dual = {"RNG19_RFL8_SIG16_NIR16_DUAL", 32, false},
                           rng15 = {"RNG15_RFL8_NIR8", 32, false},
                           fusa = {"FUSA_RNG15_RFL8_NIR8_DUAL", 32, false},
                           rng15_dual = {"RNG15_RFL8_NIR8_DUAL", 32, false},
                           win8 = {"RNG15_RFL8_WIN8", 32, false},
                           zone15 = {"RNG15_RFL8_NIR8_ZONE16", 32, false},
                           zone19 = {"RNG19_RFL8_SIG16_NIR16_ZONE16", 32, false},
                           zone_dual = {"RNG19_RFL8_SIG16_ZONE16_DUAL", 32, false},
                           five = {"FIVE_WORD_PIXEL", 32, true},
                           os128_dual = {"RNG19_RFL8_SIG16_NIR16_DUAL", 128, false},
                           os128_rng15 = {"RNG15_RFL8_NIR8", 128, false};
static const uint8_t dual = 1, in_mm = 1, in_cm = 2, in_angles = 3;

#define OUSTER(name, layout, size)                                                                           \
    {                                                                                                        \
        "Ouster " name, "ouster", "ouster", make_ouster, make_ouster_imu, make_meta, &layout, size, 1562500, \
            7502                                                                                             \
    }
#define ROBOSENSE(name, sensor, layout, ns)                                                                  \
    {                                                                                                        \
        name, sensor, "robosense", make_robosense, make_difop, NULL, &layout, 1248, ns, 6699                 \
    }

const struct made made_more[] = {
    {"AT128", "AT128", "hesai_at", make_at128, NULL, make_dat, NULL, 1086, 83332, 2368},
    {"AT128 dual", "AT128", "hesai_at", make_at128, NULL, make_dat, &dual, 1086, 41666, 2368},
    OUSTER("LEGACY", legacy, 16 * (16 + 32 * 12 + 4)),
    OUSTER("RNG19_RFL8_SIG16_NIR16", rng19, 64 + 16 * (12 + 32 * 12)),
    OUSTER("RNG19_RFL8_SIG16_NIR16_DUAL", rng19_dual, 64 + 16 * (12 + 32 * 16)),
    OUSTER("RNG15_RFL8_NIR8", rng15, 64 + 16 * (12 + 32 * 4)),
    OUSTER("FUSA_RNG15_RFL8_NIR8_DUAL", fusa, 64 + 16 * (12 + 32 * 8)),
    OUSTER("RNG15_RFL8_NIR8_DUAL", rng15_dual, 64 + 16 * (12 + 32 * 8)),
    OUSTER("RNG15_RFL8_WIN8", win8, 64 + 16 * (12 + 32 * 4)),
    OUSTER("RNG15_RFL8_NIR8_ZONE16", zone15, 64 + 16 * (12 + 32 * 8)),
    OUSTER("RNG19_RFL8_SIG16_NIR16_ZONE16", zone19, 64 + 16 * (12 + 32 * 12)),
    OUSTER("RNG19_RFL8_SIG16_ZONE16_DUAL", zone_dual, 64 + 16 * (12 + 32 * 16)),
    OUSTER("FIVE_WORD_PIXEL", five, 64 + 16 * (12 + 32 * 20)),
    OUSTER("OS-1-128 dual", os128_dual, 64 + 16 * (12 + 128 * 16)),
    OUSTER("OS-1-128 RNG15", os128_rng15, 64 + 16 * (12 + 128 * 4)),
    ROBOSENSE("RS-Helios", "RS-Helios", helios, 666720),
    ROBOSENSE("RS-Helios dual", "RS-Helios", helios_dual, 333360),
    ROBOSENSE("RS-Helios-16P", "Helios-16P", helios16, 1333440),
    ROBOSENSE("RS-Helios-16P dual", "Helios-16P", helios16_dual, 666720),
    ROBOSENSE("RS-LiDAR-32", "RS-LiDAR-32", rs32, 666240),
    ROBOSENSE("RS-LiDAR-32 dual", "RS-LiDAR-32", rs32_dual, 333120),
    ROBOSENSE("RS-Bpearl", "RS-Bpearl", bpearl, 666240),
    ROBOSENSE("RS-Bpearl V4 dual", "Bpearl V4", bpearl4_dual, 333360),
    {"RS-LiDAR-M1", "LiDAR-M1", "robosense_m1", make_m1, make_m1_state, NULL, NULL, 1210, 158730, 6699},
    {"RS-LiDAR-M1 dual", "LiDAR-M1", "robosense_m1", make_m1, make_m1_state, NULL, &dual, 1210, 79365, 6699},
    {"Livox Mid-360", "Mid-360", "livox", make_livox, make_livox_imu, NULL, &in_mm, 36 + 96 * 14, 480000,
     56301},
    {"Livox Mid-360 cm", "Mid-360", "livox", make_livox, make_livox_imu, NULL, &in_cm, 36 + 96 * 8, 480000,
     56301},
    {"Livox HAP", "HAP", "livox", make_livox, make_livox_imu, NULL, &in_mm, 36 + 96 * 14, 212389, 57000},
    {"Livox HAP angles", "HAP", "livox", make_livox, make_livox_imu, NULL, &in_angles, 36 + 96 * 10, 212389,
     57000},
};
const int32_t made_more_count = (int32_t)(sizeof made_more / sizeof made_more[0]);
