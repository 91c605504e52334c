/* tools/made_packets.c - see made_packets.h: the list, and Velodyne and Hesai; the others in made_more.c.
 * Layouts as the decoders' headers cite them. */
#define _GNU_SOURCE
#include "tools/made_layouts.h"
#include "io/decoder_family.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Velodyne ---- */

struct velodyne {
    uint8_t product, banks; /* product 0: an HDL-64E, its last bytes are a status */
    bool dual;
    float unit_m;
    int32_t firing_ns;
};

static void make_velodyne(const struct made *m, uint32_t k, uint8_t *out)
{
    const struct velodyne *v = m->layout;
    const uint32_t group = v->banks * (v->dual ? 2u : 1u), groups = 12 / group;
    for (uint32_t b = 0; b < groups * group; b++, out += 100) {
        const uint32_t firing = k * groups + b / group, i = b % group;
        const bool banks_first = v->product == 0;
        const uint32_t bank = !v->dual || banks_first ? i % v->banks : i / 2;
        const uint32_t ret = !v->dual ? 0 : banks_first ? i / v->banks : i % 2;
        made_put16(out, 0xeeff - 0x1100 * bank);
        made_put16(out + 2, made_azimuth(firing, v->firing_ns));
        for (uint32_t c = 0; c < 32; c++) {
            made_put16(out + 4 + 3 * c, made_raw(firing, bank * 32 + c, ret, (double)v->unit_m));
            out[6 + 3 * c] = (uint8_t)(firing + c);
        }
    }
    out += 1200 - groups * group * 100;
    made_put32(out, (uint32_t)((800000000 + (uint64_t)k * m->packet_ns / 1000) % 3600000000u));
    out[4] = v->product == 0 ? 'H' : v->dual ? 0x39 : 0x37;
    out[5] = v->product == 0 ? 10 : v->product;
}

static const struct velodyne vlp16 = {0x22, 1, false, 0.002f, 110592},
                             vlp16_dual = {0x22, 1, true, 0.002f, 110592},
                             hires = {0x24, 1, false, 0.002f, 110592},
                             hdl32 = {0x21, 1, false, 0.002f, 46080},
                             hdl32_dual = {0x21, 1, true, 0.002f, 46080},
                             vlp32 = {0x28, 1, false, 0.004f, 55296},
                             vlp32_dual = {0x28, 1, true, 0.004f, 55296},
                             vls128 = {0xa1, 4, false, 0.004f, 53300},
                             vls128_dual = {0xa1, 4, true, 0.004f, 53300},
                             hdl64 = {0, 2, false, 0.002f, 57600}, hdl64_dual = {0, 2, true, 0.002f, 57600},
                             hdl64_s2 = {0, 2, false, 0.002f, 48000};

/* Position packets: time at 198, pulse at 202, a sentence at 206. */
static uint32_t make_position(const struct made *m, uint32_t k, uint8_t *out)
{
    (void)m;
    made_put32(out + 198, 800000000 + 10000 * k);
    out[202] = 2;
    memcpy(out + 206, "$GPRMC,221320,A,4830.0000,N,01100.0000,E,010.0,090.0,141123,000.0,W*74\r\n", 72);
    return 512;
}

/* db.xml of an HDL-64E, with the corrections of near distances and of the focus. */
static size_t make_db_xml(const struct made *m, uint8_t *out, const char **ending)
{
    char *text = (char *)out;
    (void)m;
    *ending = ".xml";
    size_t n =
        (size_t)snprintf(text, GLINT_MADE_CALIBRATION,
                         "<boost_serialization><DB><distLSB_>0.2</distLSB_><minIntensity_><count>64</count>"
                         "<item>20</item><item>30</item></minIntensity_><points_>\n");
    for (int i = 0; i < 64; i++)
        n += (size_t)snprintf(
            text + n, GLINT_MADE_CALIBRATION - n,
            "<item><px><id_>%d</id_><rotCorrection_>%g</rotCorrection_><vertCorrection_>%g</vertCorrection_>"
            "<distCorrection_>%d</distCorrection_><distCorrectionX_>%d</distCorrectionX_>"
            "<distCorrectionY_>%d</distCorrectionY_><vertOffsetCorrection_>%g</vertOffsetCorrection_>"
            "<horizOffsetCorrection_>%g</horizOffsetCorrection_><focalDistance_>%d</focalDistance_>"
            "<focalSlope_>%g</focalSlope_></px></item>\n",
            i, i % 2 ? -4.5 : 3.25, 2 - i * 0.42, 100 + i, 110 + i, 105 + i, 19.5 + i * 0.02,
            i % 2 ? 2.6 : -2.6, 1000 + 10 * i, 1.1 + 0.01 * i);
    return n +
           (size_t)snprintf(text + n, GLINT_MADE_CALIBRATION - n, "</points_></DB></boost_serialization>\n");
}

/* ---- Hesai ---- */

struct hesai {
    uint8_t head[12], head_bytes, channels, blocks, unit_bytes, unit_mm;
    uint8_t gap, tail, mode_at, date_at, us_at, year, more; /* bytes; more: behind the number */
    uint8_t mode;
    int32_t firing_ns;
};

/* Date of packet 0 and the time since; year as it counts. */
static void put_date(uint8_t *at, uint8_t year, uint64_t us)
{
    const uint32_t s = 22 * 3600 + 13 * 60 + 20 + (uint32_t)(us / 1000000);
    const uint8_t date[] = {
        year, 11, 14, (uint8_t)(s / 3600 % 24), (uint8_t)(s / 60 % 60), (uint8_t)(s % 60)};
    memcpy(at, date, sizeof date);
}

static void make_hesai(const struct made *m, uint32_t k, uint8_t *out)
{
    const struct hesai *h = m->layout;
    const uint32_t returns = h->mode == 0x3d ? 3 : h->mode >= 0x39 ? 2 : 1, groups = h->blocks / returns;
    const uint64_t us = (uint64_t)k * m->packet_ns / 1000;
    memcpy(out, h->head, h->head_bytes);
    uint8_t *at = out + h->head_bytes;
    for (uint32_t b = 0; b < h->blocks; b++) {
        const uint32_t firing = k * groups + b / returns;
        if (h->head_bytes == 0) {
            made_put16(at, 0xeeff);
            at += 2;
        }
        made_put16(at, made_azimuth(firing, h->firing_ns));
        at += 2;
        for (uint32_t c = 0; c < h->channels; c++, at += h->unit_bytes) {
            made_put16(at, made_raw(firing, c, b % returns, h->unit_mm * 1e-3));
            at[2] = (uint8_t)(firing + c);
        }
    }
    at += h->gap;
    at[h->mode_at] = h->mode;
    put_date(at + h->date_at, h->year, us);
    made_put32(at + h->us_at, (uint32_t)(us % 1000000));
    made_put32(at + h->tail, k);
    if (h->gap) { /* the newer ones: speed, standard resolution */
        made_put16(at + 13, 600);
        at[11] = k / 64 % 2 == 0 ? 2 : 0;
    }
    if (h->more >= 26) { /* an IMU at rest */
        out[11] |= 2;
        made_put16(at + h->tail + 6, 61);
        made_put16(at + h->tail + 8, 875);
        made_put32(at + h->tail + 10, k / 8);
        made_put16(at + h->tail + 18, 16393);
    }
}

/* The GNSS packet of 512 bytes. */
static uint32_t make_hesai_gps(const struct made *m, uint32_t k, uint8_t *out)
{
    (void)m;
    (void)k;
    made_put16(out, 0xeeff);
    return 512;
}

#define HEAD12(a, b, channels, blocks, mm)                                                                   \
    {0xee, 0xff, a, b, 0, 0, channels, blocks, 1, mm, 2, 1}, 12, channels, blocks
#define TAIL_XT 0, 24, 10, 13, 19, 123, 0
static const struct hesai
    xt32 = {HEAD12(6, 1, 32, 8, 4), 4, 4, TAIL_XT, 0x37, 50000},
    xt32_dual = {HEAD12(6, 1, 32, 8, 4), 4, 4, TAIL_XT, 0x39, 50000},
    xt16 = {HEAD12(6, 1, 16, 8, 4), 4, 4, TAIL_XT, 0x39, 50000},
    xt32m = {HEAD12(6, 1, 32, 6, 5), 4, 5, TAIL_XT, 0x3d, 50000},
    qt64 = {HEAD12(3, 1, 64, 4, 4), 4, 4, 0, 24, 16, 18, 12, 123, 0, 0x39, 166667},
    qt128 = {HEAD12(3, 2, 128, 2, 4), 4, 4, 21, 26, 12, 15, 21, 123, 36, 0x33, 111110},
    ot128 = {HEAD12(1, 4, 128, 2, 4), 3, 4, 21, 26, 12, 15, 21, 123, 58, 0x38, 55556},
    ot128_dual = {HEAD12(1, 4, 128, 2, 4), 3, 4, 21, 26, 12, 15, 21, 123, 26, 0x39, 55556},
    pandar64 = {{0xee, 0xff, 64, 6, 0, 4, 0, 0}, 8, 64, 6, 3, 4, 0, 22, 14, 16, 10, 23, 0, 0x37, 55560},
    pandar40p = {{0}, 0, 40, 10, 3, 4, 0, 22, 14, 16, 10, 23, 0, 0x39, 55560};

/* ---- all ---- */

static const struct made sensors[] = {
    {"VLP-16", "VLP-16", "velodyne", make_velodyne, make_position, NULL, &vlp16, 1206, 1327104, 2368},
    {"VLP-16 dual", "VLP-16", "velodyne", make_velodyne, make_position, NULL, &vlp16_dual, 1206, 663552,
     2368},
    {"VLP-16 Hi-Res", "Hi-Res", "velodyne", make_velodyne, make_position, NULL, &hires, 1206, 1327104, 2368},
    {"HDL-32E", "HDL-32E", "velodyne", make_velodyne, make_position, NULL, &hdl32, 1206, 552960, 2368},
    {"HDL-32E dual", "HDL-32E", "velodyne", make_velodyne, make_position, NULL, &hdl32_dual, 1206, 276480,
     2368},
    {"VLP-32C", "VLP-32C", "velodyne", make_velodyne, make_position, NULL, &vlp32, 1206, 663552, 2368},
    {"VLP-32C dual", "VLP-32C", "velodyne", make_velodyne, make_position, NULL, &vlp32_dual, 1206, 331776,
     2368},
    {"VLS-128", "VLS-128", "velodyne", make_velodyne, make_position, NULL, &vls128, 1206, 159900, 2368},
    {"VLS-128 dual", "VLS-128", "velodyne", make_velodyne, make_position, NULL, &vls128_dual, 1206, 53300,
     2368},
    {"HDL-64E S3", "HDL-64E S3", "velodyne", make_velodyne, NULL, make_db_xml, &hdl64, 1206, 345600, 2368},
    {"HDL-64E S3 dual", "HDL-64E S3", "velodyne", make_velodyne, NULL, make_db_xml, &hdl64_dual, 1206, 172800,
     2368},
    {"HDL-64E S2", "HDL-64E S2", "velodyne", make_velodyne, NULL, make_db_xml, &hdl64_s2, 1206, 288000, 2368},
    {"PandarXT32", "XT32", "hesai", make_hesai, make_hesai_gps, NULL, &xt32, 1080, 400000, 2368},
    {"PandarXT32 dual", "XT32", "hesai", make_hesai, make_hesai_gps, NULL, &xt32_dual, 1080, 200000, 2368},
    {"PandarXT16 dual", "XT16", "hesai", make_hesai, NULL, NULL, &xt16, 568, 200000, 2368},
    {"PandarXT32M2X triple", "XT32M2X", "hesai", make_hesai, NULL, NULL, &xt32m, 820, 100000, 2368},
    {"PandarQT64 dual", "QT64", "hesai", make_hesai, NULL, NULL, &qt64, 1072, 333334, 2368},
    {"PandarQT128", "QT128", "hesai", make_hesai, NULL, NULL, &qt128, 1127, 222220, 2368},
    {"Pandar40P dual", "40P", "hesai", make_hesai, make_hesai_gps, NULL, &pandar40p, 1266, 277800, 2368},
    {"Pandar64", "Pandar64", "hesai", make_hesai, make_hesai_gps, NULL, &pandar64, 1198, 333360, 2368},
    {"OT128", "OT128", "hesai", make_hesai, NULL, NULL, &ot128, 893, 111112, 2368},
    {"OT128 dual", "OT128", "hesai", make_hesai, NULL, NULL, &ot128_dual, 861, 55556, 2368},
    {"Pandar128E3X", "128E3X", "hesai", make_hesai, NULL, NULL, &ot128, 893, 111112, 2368},
};
#define N_SENSORS ((int32_t)(sizeof sensors / sizeof sensors[0]))

static const struct made *row(int32_t i)
{
    return i < N_SENSORS ? &sensors[i] : &made_more[i - N_SENSORS];
}

int32_t glint_made_count(void)
{
    return N_SENSORS + made_more_count;
}

const char *glint_made_name(int32_t i)
{
    return row(i)->name;
}

const char *glint_made_sensor(int32_t i)
{
    return row(i)->sensor;
}

const char *glint_made_family(int32_t i)
{
    return row(i)->family;
}

int32_t glint_made_find(const char *part)
{
    for (int32_t i = 0; i < glint_made_count(); i++)
        if (glint_decoder_name_has(row(i)->name, part))
            return i;
    return -1;
}

static void address(const struct made *m, uint32_t k, uint32_t size, const uint8_t *bytes,
                    struct glint_packet *packet_out)
{
    *packet_out = (struct glint_packet){.data = bytes,
                                        .size = size,
                                        .stamp_ns = GLINT_MADE_T0_NS + (int64_t)k * m->packet_ns,
                                        .src_ip = 0xc0a801c9,
                                        .src_port = m->port,
                                        .dst_port = m->port};
}

void glint_made_packet(int32_t i, uint32_t k, uint8_t bytes[GLINT_MADE_BYTES],
                       struct glint_packet *packet_out)
{
    const struct made *m = row(i);
    memset(bytes, 0, m->size);
    m->make(m, k, bytes);
    address(m, k, m->size, bytes, packet_out);
}

bool glint_made_accessory(int32_t i, uint32_t k, uint8_t bytes[GLINT_MADE_BYTES],
                          struct glint_packet *packet_out)
{
    const struct made *m = row(i);
    if (!m->make_accessory)
        return false;
    memset(bytes, 0, 2000);
    const uint32_t size = m->make_accessory(m, k, bytes);
    address(m, k, size, bytes, packet_out);
    if (strcmp(m->family, "velodyne") == 0)
        packet_out->dst_port = 8308;
    if (strcmp(m->family, "hesai") == 0)
        packet_out->dst_port = 10110;
    return true;
}

size_t glint_made_calibration(int32_t i, uint8_t bytes[GLINT_MADE_CALIBRATION], const char **ending_out)
{
    const struct made *m = row(i);
    return m->make_calibration ? m->make_calibration(m, bytes, ending_out) : 0;
}

static int open_with(int32_t i, const char *calibration, struct glint_decoder **decoder_out)
{
    struct glint_packet p;
    uint8_t *bytes = malloc(GLINT_MADE_BYTES);
    if (!bytes)
        return glint_fail(GLINT_E_NOMEM, "no memory for a packet");
    glint_made_packet(i, 0, bytes, &p);
    const int status = glint_decoder_open(
        &(struct glint_decoder_settings){.sensor = glint_made_sensor(i), .calib = calibration}, &p, 1,
        decoder_out);
    free(bytes);
    return status;
}

/* Writes a file of its own; false when that is not possible. */
static bool write_temporary(char *path, size_t cap, const uint8_t *bytes, size_t size, const char *ending)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, cap, "%.200s/glint_made_XXXXXX%s", folder && *folder ? folder : "/tmp", ending);
    const int fd = mkstemps(path, (int)strlen(ending));
    const bool written = fd >= 0 && write(fd, bytes, size) == (ssize_t)size;
    return fd >= 0 && close(fd) == 0 && written;
}

int glint_made_open(int32_t i, struct glint_decoder **decoder_out)
{
    char path[280];
    const char *ending = "";
    uint8_t *bytes = malloc(GLINT_MADE_CALIBRATION);
    if (!bytes)
        return glint_fail(GLINT_E_NOMEM, "no memory for a calibration");
    const size_t size = glint_made_calibration(i, bytes, &ending);
    int status;
    if (size == 0)
        status = open_with(i, NULL, decoder_out);
    else if (!write_temporary(path, sizeof path, bytes, size, ending))
        status = glint_fail(GLINT_E_IO, "%s: cannot write", path);
    else
        status = open_with(i, path, decoder_out);
    if (size)
        unlink(path);
    free(bytes);
    return status;
}
