/* sim/packet_livox.c - see packet.h. Layouts as io/decode_livox.c has them: 96 points that follow each other
 * evenly in time, a firing the points of all lines. */
#include "sim/math.h"
#include "sim/packet_layouts.h"
#include <math.h>
#include <string.h>
#include <zlib.h>

#define HEAD 36
#define DOTS 96
enum { IMU, MM, CM, ANGLES };

static uint32_t put_head(const struct glint_packet_format *f, uint32_t number, int64_t t_ns, uint32_t type,
                         uint32_t dots, uint32_t bytes, uint8_t *out)
{
    const uint32_t size = HEAD + dots * bytes;
    put_le16(out + 1, size);
    put_le16(out + 3, (uint32_t)f->packet_ns / 100);
    put_le16(out + 5, dots);
    put_le16(out + 7, number);
    out[9] = (uint8_t)((uint64_t)number * (uint64_t)f->packet_ns / 100000000);
    out[10] = (uint8_t)type;
    out[11] = 1;
    put_le64(out + 28, (uint64_t)t_ns);
    put_le32(out + 24, (uint32_t)crc32(0, out + 28, size - 28));
    return size;
}

/* Depth in mm, angle from the zenith, azimuth counterclockwise from x, both in 0.01 degree. */
static void put_angles(uint32_t mm, float azimuth, float elevation, uint8_t *at)
{
    const long up = lrintf(elevation * (float)(18000 / GLINT_SIM_PI));
    const long turn = lrintf(azimuth * (float)(18000 / GLINT_SIM_PI));
    put_le32(at, mm);
    put_le16(at + 4, (uint32_t)(9000 - up));
    put_le16(at + 6, (uint32_t)((turn % 36000 + 36000) % 36000));
}

static void put_place(uint32_t mm, float azimuth, float elevation, int type, uint8_t *at)
{
    double sin_up, cos_up, sin_turn, cos_turn;
    const double per = type == CM ? 0.1 : 1;
    glint_sim_sincos((double)elevation, &sin_up, &cos_up);
    glint_sim_sincos((double)azimuth, &sin_turn, &cos_turn);
    const double flat = mm * per * cos_up;
    const long p[] = {lrint(flat * cos_turn), lrint(flat * sin_turn), lrint(mm * per * sin_up)};
    for (int j = 0; j < 3 && type == MM; j++)
        put_le32(at + 4 * j, (uint32_t)p[j]);
    for (int j = 0; j < 3 && type == CM; j++)
        put_le16(at + 2 * j, (uint32_t)p[j]);
}

static void make(const struct glint_packet_format *f, uint32_t number, const struct glint_firing *firings,
                 uint8_t *out)
{
    static const uint8_t bytes[] = {24, 14, 8, 10};
    const uint8_t type = *(const uint8_t *)f->layout;
    uint8_t *at = out + HEAD;
    for (int32_t i = 0; i < DOTS; i++, at += bytes[type]) {
        const struct glint_firing *firing = &firings[i / f->lanes];
        const int32_t lane = i % f->lanes;
        const uint32_t mm = range_raw(firing->range[0][lane], 1000, f->range_most_m * 1000);
        if (type == ANGLES)
            put_angles(mm, firing->azimuth[lane], firing->elevation[lane], at);
        else
            put_place(mm, firing->azimuth[lane], firing->elevation[lane], type, at);
        at[bytes[type] - 2] = intensity_raw(firing->intensity[0][lane]);
    }
    put_head(f, number, firings[0].t_ns, type, DOTS, bytes[type], out);
}

static uint32_t make_imu(const struct glint_packet_format *f, uint32_t number, int64_t t_ns, uint8_t *out)
{
    for (uint32_t j = 0; j < 6; j++)
        put_le32(out + HEAD + 4 * j, 0x3f000000 + j);
    return put_head(f, number, t_ns, IMU, 1, 24, out);
}

static const uint8_t in_mm = MM, in_cm = CM, in_angles = ANGLES;

#define LIVOX(the_name, the_sensor, the_layout, the_lanes, bytes, the_ns, the_port, most)                    \
    {                                                                                                        \
        .name = the_name, .sensor = the_sensor, .family = "livox", .angles = GLINT_ANGLE_NONE,               \
        .size = HEAD + DOTS * (bytes), .port = the_port, .firings = DOTS / (the_lanes), .lanes = the_lanes,  \
        .returns = 1, .firing_ns = (the_ns) / (DOTS / (the_lanes)), .packet_ns = the_ns, .unit_m = 0.001f,   \
        .range_most_m = most, .make = make, .make_accessory = make_imu, .layout = &(the_layout)              \
    }

static const struct glint_packet_format formats[] = {
    LIVOX("Livox Mid-360", "Mid-360", in_mm, 4, 14, 480000, 56301, 1000),
    LIVOX("Livox Mid-360 cm", "Mid-360", in_cm, 4, 8, 480000, 56301, 327),
    LIVOX("Livox HAP", "HAP", in_mm, 6, 14, 212400, 57000, 1000),
    LIVOX("Livox HAP angles", "HAP", in_angles, 6, 10, 212400, 57000, 1000),
};

const struct glint_packet_formats glint_formats_livox = {formats,
                                                         (int32_t)(sizeof formats / sizeof formats[0])};
