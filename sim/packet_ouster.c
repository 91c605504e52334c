/* sim/packet_ouster.c - see packet.h. Any profile, by the tables of io/ouster_format. */
#include "io/ouster_format.h"
#include "sim/packet_layouts.h"
#include <stdio.h>
#include <string.h>

#define COLUMNS 16 /* of a packet */

struct ouster {
    const char *profile, *product;
    float top_deg, bottom_deg; /* of the beams, evenly */
    float out_mm;              /* of the beams' origin from the axis */
    bool tilted;               /* the lidar stands askew in the sensor */
};

static void put_bits(uint8_t *pixel, const struct glint_ouster_field *f, uint32_t value)
{
    value >>= f->up;
    if (f->bit % 8 == 0 && f->bits == 8) {
        pixel[f->bit / 8] = (uint8_t)value;
        return;
    }
    for (uint32_t i = 0; i < f->bits; i += 8) {
        const uint32_t bits = f->bits - i < 8 ? f->bits - i : 8, mask = (1u << bits) - 1;
        pixel[(f->bit + i) / 8] |= (uint8_t)((value >> i & mask) << f->bit % 8);
    }
}

/* To the unit of the field (8 mm where the value is shifted up). */
static uint32_t range_of(const struct glint_ouster_field *f, float range_m)
{
    return range_raw(range_m, 1000.0f / (float)(1u << f->up), (float)((1u << f->bits) - 1)) << f->up;
}

static void put_return(const struct glint_packet_format *f, const struct glint_ouster_profile *p,
                       const struct glint_firing *firing, int32_t ret, uint8_t *pixels)
{
    const struct glint_ouster_field *range = glint_ouster_field(p, ret ? "RANGE2" : "RANGE");
    const struct glint_ouster_field *bright = glint_ouster_field(p, ret ? "REFLECTIVITY2" : "REFLECTIVITY");
    for (int32_t i = 0; i < f->lanes; i++) {
        uint8_t *pixel = pixels + i * p->pixel_bytes;
        put_bits(pixel, range, range_of(range, firing->range[ret][i]));
        if (bright)
            put_bits(pixel, bright, intensity_raw(firing->intensity[ret][i]));
    }
}

static void put_column(const struct glint_packet_format *f, const struct glint_ouster_profile *p,
                       const struct glint_firing *firing, uint8_t *at)
{
    put_le64(at, (uint64_t)firing->t_ns);
    put_le16(at + 8, firing->angle);
    put_le16(at + 10, p->column_foot ? firing->turn : 1);
    for (int32_t r = 0; r < f->returns; r++)
        put_return(f, p, firing, r, at + p->column_head);
    if (p->column_foot)
        put_le32(at + p->column_head + f->lanes * p->pixel_bytes, UINT32_MAX);
}

static void make(const struct glint_packet_format *f, uint32_t number, const struct glint_firing *firings,
                 uint8_t *out)
{
    const struct ouster *o = f->layout;
    const struct glint_ouster_profile *p = glint_ouster_profile(o->profile);
    const uint32_t frame = firings[0].turn;
    (void)number;
    put_le16(out, p->packet_head ? 1 : 0);
    put_le16(out + 2, p->packet_head ? frame : 0);
    if (strncmp(o->profile, "FUSA", 4) == 0) {
        put_le16(out + 2, 0);
        put_le32(out + 4, frame);
    }
    for (int32_t c = 0; c < COLUMNS; c++)
        put_column(f, p, &firings[c],
                   out + p->packet_head + (uint32_t)c * glint_ouster_column_bytes(p, f->lanes));
}

/* Measurements behind a sentence, of the newer profile. */
static uint32_t make_imu(uint64_t t_ns, uint8_t *out)
{
    put_le16(out, 2);
    put_le64(out + 32, t_ns);
    memcpy(out + 40, "$GPRMC,221320,A,4830.0000,N,01100.0000,E,010.0,090.0,141123,000.0,W*74", 70);
    for (uint32_t i = 0; i < 8; i++) {
        uint8_t *at = out + 132 + 36 * i;
        put_le64(at, t_ns + i * 1000000);
        put_le16(at + 8, i);
        put_le16(at + 10, 1);
        for (uint32_t j = 0; j < 6; j++)
            put_le32(at + 12 + 4 * j, 0x3f000000 + j);
    }
    return 132 + 8 * 36 + 32;
}

/* Times, accelerations in g, turns in degrees a second. */
static uint32_t make_imu_legacy(uint64_t t_ns, uint8_t *out)
{
    for (uint32_t i = 0; i < 3; i++)
        put_le64(out + 8 * i, t_ns);
    for (uint32_t i = 0; i < 6; i++)
        put_le32(out + 24 + 4 * i, 0x3f000000 + i);
    return 48;
}

static uint32_t make_accessory(const struct glint_packet_format *f, uint32_t number, int64_t t_ns,
                               uint8_t *out)
{
    const struct ouster *o = f->layout;
    (void)number;
    return strcmp(o->profile, "LEGACY") == 0 ? make_imu_legacy((uint64_t)t_ns, out)
                                             : make_imu((uint64_t)t_ns, out);
}

static size_t put_angles(char *text, size_t cap, const char *name, int32_t n, double first, double step,
                         int32_t period)
{
    size_t at = (size_t)snprintf(text, cap, "\"%s\":[", name);
    for (int32_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, cap - at, "%s%.3f", i ? "," : "",
                               first + step * (period ? i % period : i));
    return at + (size_t)snprintf(text + at, cap - at, "],");
}

static size_t make_meta(const struct glint_packet_format *f, uint8_t *out, const char **ending)
{
    const struct ouster *o = f->layout;
    char *text = (char *)out;
    const size_t cap = GLINT_PACKET_CALIBRATION;
    *ending = ".json";
    size_t n = (size_t)snprintf(text, cap, "{\"prod_line\":\"%s-%d\",", o->product, f->lanes);
    n += put_angles(text + n, cap - n, "beam_altitude_angles", f->lanes, (double)o->top_deg,
                    -(double)(o->top_deg - o->bottom_deg) / f->lanes, 0);
    n += put_angles(text + n, cap - n, "beam_azimuth_angles", f->lanes, 3.1, -2.05, 4);
    return n +
           (size_t)snprintf(
               text + n, cap - n,
               "\"data_format\":{\"pixels_per_column\":%d,\"columns_per_frame\":%d,\"columns_per_packet\":%d,"
               "\"column_window\":[0,%d],\"udp_profile_lidar\":\"%s\"},"
               "\"lidar_origin_to_beam_origin_mm\":%.3f,\"lidar_to_sensor_transform\":%s}\n",
               f->lanes, f->columns, COLUMNS, f->columns - 1, o->profile, (double)o->out_mm,
               o->tilted ? "[0,-1,0,5,0.8,0,0.6,6,-0.6,0,0.8,7,0,0,0,1]"
                         : "[-1,0,0,0,0,-1,0,0,0,0,1,36.18,0,0,0,1]");
}

/* Beams as in the data sheets of revision 6 and 7: evenly over the field of view. */
#define OS0 45, -45, 27.67f, false
#define OS1 22.5f, -22.5f, 15.806f, false
#define OS2 11.25f, -11.25f, 13.762f, false
#define ANY "OS-1", 20, -20, 15.8f
static const struct ouster os0 = {"RNG19_RFL8_SIG16_NIR16", "OS-0", OS0},
                           os0_dual = {"RNG19_RFL8_SIG16_NIR16_DUAL", "OS-0", OS0},
                           os1 = {"RNG19_RFL8_SIG16_NIR16", "OS-1", OS1},
                           os1_dual = {"RNG19_RFL8_SIG16_NIR16_DUAL", "OS-1", OS1},
                           os2 = {"RNG19_RFL8_SIG16_NIR16", "OS-2", OS2},
                           os2_dual = {"RNG19_RFL8_SIG16_NIR16_DUAL", "OS-2", OS2},
                           os1_low = {"RNG15_RFL8_NIR8", "OS-1", OS1};
static const struct ouster legacy = {"LEGACY", ANY, false}, rng19 = {"RNG19_RFL8_SIG16_NIR16", ANY, false},
                           rng19_dual = {"RNG19_RFL8_SIG16_NIR16_DUAL", ANY, false},
                           rng15 = {"RNG15_RFL8_NIR8", ANY, false},
                           fusa = {"FUSA_RNG15_RFL8_NIR8_DUAL", ANY, false},
                           rng15_dual = {"RNG15_RFL8_NIR8_DUAL", ANY, false},
                           win8 = {"RNG15_RFL8_WIN8", ANY, false},
                           zone15 = {"RNG15_RFL8_NIR8_ZONE16", ANY, false},
                           zone19 = {"RNG19_RFL8_SIG16_NIR16_ZONE16", ANY, false},
                           zone_dual = {"RNG19_RFL8_SIG16_ZONE16_DUAL", ANY, false},
                           five = {"FIVE_WORD_PIXEL", ANY, true};

#define FORMAT(the_name, the_layout, the_lanes, the_returns, pixel_bytes, frame, up, the_columns, most)      \
    {                                                                                                        \
        .name = "Ouster " the_name, .sensor = "ouster", .family = "ouster", .angles = GLINT_ANGLE_COLUMN,    \
        .size = (frame) + COLUMNS * (12 + (the_lanes) * (pixel_bytes)), .port = 7502, .firings = COLUMNS,    \
        .lanes = the_lanes, .returns = the_returns, .firing_ns = 100000000 / (the_columns),                  \
        .packet_ns = 100000000 / (the_columns)*COLUMNS, .columns = the_columns, .unit_m = 0.001f * (up),     \
        .range_most_m = most, .make = make, .make_accessory = make_accessory, .make_calibration = make_meta, \
        .layout = &(the_layout)                                                                              \
    }
#define LINE(name, lanes, single, dual)                                                                      \
    FORMAT(name, single, lanes, 1, 12, 64, 1, 1024, 524.287f),                                               \
        FORMAT(name " dual", dual, lanes, 2, 16, 64, 1, 1024, 524.287f)
#define PROFILE(name, layout, returns, bytes)  FORMAT(name, layout, 32, returns, bytes, 64, 1, 1024, 524.287f)
#define PROFILE8(name, layout, returns, bytes) FORMAT(name, layout, 32, returns, bytes, 64, 8, 1024, 262.136f)

static const struct glint_packet_format formats[] = {
    LINE("OS0-32", 32, os0, os0_dual),
    LINE("OS0-64", 64, os0, os0_dual),
    LINE("OS0-128", 128, os0, os0_dual),
    LINE("OS1-16", 16, os1, os1_dual),
    LINE("OS1-32", 32, os1, os1_dual),
    LINE("OS1-64", 64, os1, os1_dual),
    LINE("OS1-128", 128, os1, os1_dual),
    LINE("OS2-32", 32, os2, os2_dual),
    LINE("OS2-64", 64, os2, os2_dual),
    LINE("OS2-128", 128, os2, os2_dual),
    FORMAT("OS1-64 2048", os1, 64, 1, 12, 64, 1, 2048, 524.287f),
    FORMAT("OS1-128 2048", os1, 128, 1, 12, 64, 1, 2048, 524.287f),
    FORMAT("OS1-128 RNG15", os1_low, 128, 1, 4, 64, 8, 1024, 262.136f),
    FORMAT("LEGACY", legacy, 32, 1, 12, 16 * 8, 1, 1024, 1048.575f),
    PROFILE("RNG19_RFL8_SIG16_NIR16", rng19, 1, 12),
    PROFILE("RNG19_RFL8_SIG16_NIR16_DUAL", rng19_dual, 2, 16),
    PROFILE8("RNG15_RFL8_NIR8", rng15, 1, 4),
    PROFILE8("FUSA_RNG15_RFL8_NIR8_DUAL", fusa, 2, 8),
    PROFILE8("RNG15_RFL8_NIR8_DUAL", rng15_dual, 2, 8),
    PROFILE8("RNG15_RFL8_WIN8", win8, 1, 4),
    PROFILE8("RNG15_RFL8_NIR8_ZONE16", zone15, 1, 8),
    PROFILE("RNG19_RFL8_SIG16_NIR16_ZONE16", zone19, 1, 12),
    PROFILE("RNG19_RFL8_SIG16_ZONE16_DUAL", zone_dual, 2, 16),
    PROFILE("FIVE_WORD_PIXEL", five, 2, 20),
};

const struct glint_packet_formats glint_formats_ouster = {formats,
                                                          (int32_t)(sizeof formats / sizeof formats[0])};
