/* sim/packet.c - see packet.h: the formats of all families, and what they share. */
#define _GNU_SOURCE
#include "sim/packet.h"
#include "io/decoder_family.h"
#include "sim/packet_layouts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct glint_packet_formats *const families[] = {&glint_formats_velodyne, &glint_formats_hesai,
                                                              &glint_formats_ouster, &glint_formats_robosense,
                                                              &glint_formats_livox};
#define N_FAMILIES ((int32_t)(sizeof families / sizeof families[0]))

int32_t glint_packet_format_count(void)
{
    int32_t n = 0;
    for (int32_t i = 0; i < N_FAMILIES; i++)
        n += families[i]->n;
    return n;
}

const struct glint_packet_format *glint_packet_format_at(int32_t i)
{
    int32_t family = 0;
    while (i >= families[family]->n)
        i -= families[family++]->n;
    return &families[family]->format[i];
}

int32_t glint_packet_format_find(const char *part)
{
    for (int32_t i = 0; i < glint_packet_format_count(); i++)
        if (glint_decoder_name_has(glint_packet_format_at(i)->name, part))
            return i;
    return -1;
}

/* Days since 1970 to a date: in years that begin in March leap days come last (400 years have 146097 days).
 */
struct glint_packet_date glint_packet_date_of(int64_t t_ns)
{
    const int64_t us = t_ns / 1000, s = us / 1000000, days = s / 86400 + 719468;
    const int64_t era = days / 146097, in_era = days % 146097;
    const int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    const int64_t in_year = in_era - (365 * year + year / 4 - year / 100), month = (5 * in_year + 2) / 153;
    struct glint_packet_date d;
    d.day = (int32_t)(in_year - (153 * month + 2) / 5 + 1);
    d.month = (int32_t)(month < 10 ? month + 3 : month - 9);
    d.year = (int32_t)(year + era * 400 + (d.month <= 2));
    d.hour = (int32_t)(s / 3600 % 24);
    d.minute = (int32_t)(s / 60 % 60);
    d.second = (int32_t)(s % 60);
    d.us = (int32_t)(us % 1000000);
    return d;
}

static void address(const struct glint_packet_format *f, int64_t t_ns, uint32_t size, const uint8_t *bytes,
                    struct glint_packet *packet_out)
{
    *packet_out = (struct glint_packet){.data = bytes,
                                        .size = size,
                                        .stamp_ns = t_ns,
                                        .src_ip = 0xc0a801c9,
                                        .dst_ip = 0xffffffff,
                                        .src_port = f->port,
                                        .dst_port = f->port};
}

void glint_packet_make(const struct glint_packet_format *f, uint32_t number,
                       const struct glint_firing *firings, uint8_t bytes[GLINT_PACKET_BYTES],
                       struct glint_packet *packet_out)
{
    memset(bytes, 0, f->size);
    f->make(f, number, firings, bytes);
    address(f, firings[0].t_ns, f->size, bytes, packet_out);
}

bool glint_packet_make_accessory(const struct glint_packet_format *f, uint32_t number, int64_t t_ns,
                                 uint8_t bytes[GLINT_PACKET_BYTES], struct glint_packet *packet_out)
{
    if (!f->make_accessory)
        return false;
    memset(bytes, 0, 2000);
    const uint32_t size = f->make_accessory(f, number, t_ns, bytes);
    address(f, t_ns, size, bytes, packet_out);
    if (strcmp(f->family, "velodyne") == 0)
        packet_out->dst_port = 8308;
    if (strcmp(f->family, "hesai") == 0)
        packet_out->dst_port = 10110;
    return true;
}

size_t glint_packet_calibration(const struct glint_packet_format *f, uint8_t bytes[GLINT_PACKET_CALIBRATION],
                                const char **ending_out)
{
    return f->make_calibration ? f->make_calibration(f, bytes, ending_out) : 0;
}

/* ---- a decoder for them ---- */

static int open_with(const struct glint_packet_format *f, const char *calibration,
                     struct glint_decoder **decoder_out)
{
    struct glint_packet p;
    struct glint_firing firings[GLINT_FIRINGS_CAP];
    static const float none[GLINT_PACKET_LANES];
    uint8_t *bytes = malloc(GLINT_PACKET_BYTES);
    if (!bytes)
        return glint_fail(GLINT_E_NOMEM, "no memory for a packet");
    for (int32_t i = 0; i < f->firings; i++)
        firings[i] = (struct glint_firing){.angle = (uint32_t)i,
                                           .t_ns = INT64_C(1700000000000000000) + (int64_t)i * f->firing_ns,
                                           .range = {none, none, none},
                                           .intensity = {none, none, none},
                                           .azimuth = none,
                                           .elevation = none};
    glint_packet_make(f, 0, firings, bytes, &p);
    const int status = glint_decoder_open(
        &(struct glint_decoder_settings){.sensor = f->sensor, .calib = calibration}, &p, 1, decoder_out);
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

int glint_packet_decoder_open_with(const struct glint_packet_format *f, const uint8_t *calibration,
                                   size_t size, const char *ending, struct glint_decoder **decoder_out)
{
    char path[280];
    if (size == 0)
        return open_with(f, NULL, decoder_out);
    const int status = write_temporary(path, sizeof path, calibration, size, ending)
                           ? open_with(f, path, decoder_out)
                           : glint_fail(GLINT_E_IO, "%s: cannot write", path);
    unlink(path);
    return status;
}

int glint_packet_decoder_open(const struct glint_packet_format *f, struct glint_decoder **decoder_out)
{
    const char *ending = "";
    uint8_t *bytes = malloc(GLINT_PACKET_CALIBRATION);
    if (!bytes)
        return glint_fail(GLINT_E_NOMEM, "no memory for a calibration");
    const size_t size = glint_packet_calibration(f, bytes, &ending);
    const int status = glint_packet_decoder_open_with(f, bytes, size, ending, decoder_out);
    free(bytes);
    return status;
}
