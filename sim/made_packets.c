/* sim/made_packets.c - see made_packets.h. */
#include "sim/made_packets.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int32_t glint_made_count(void)
{
    return glint_packet_format_count();
}

const char *glint_made_name(int32_t i)
{
    return glint_packet_format_at(i)->name;
}

const char *glint_made_sensor(int32_t i)
{
    return glint_packet_format_at(i)->sensor;
}

const char *glint_made_family(int32_t i)
{
    return glint_packet_format_at(i)->family;
}

int32_t glint_made_find(const char *part)
{
    return glint_packet_format_find(part);
}

/* ---- returns ---- */

struct echoes { /* of a packet's firings */
    float range[GLINT_FIRINGS_CAP][GLINT_FIRING_RETURNS][GLINT_PACKET_LANES];
    float intensity[GLINT_FIRINGS_CAP][GLINT_PACKET_LANES];
    float azimuth[GLINT_FIRINGS_CAP][GLINT_PACKET_LANES], elevation[GLINT_FIRINGS_CAP][GLINT_PACKET_LANES];
};

static float made_range(uint32_t firing, uint32_t lane, uint32_t ret)
{
    if ((firing * 31 + lane * 17) % 11 == 0)
        return 0;
    return 5 + 0.25f * (float)((firing * 7 + lane * 13) % 97) + (float)ret;
}

static void make_echoes(const struct glint_packet_format *f, uint32_t number, struct echoes *e, int32_t i)
{
    for (int32_t c = 0; c < f->lanes; c++) {
        for (int32_t r = 0; r < f->returns; r++)
            e->range[i][r][c] = made_range(number, (uint32_t)c, (uint32_t)r);
        e->intensity[i][c] = (float)((number + (uint32_t)c) & 255) * (1.0f / 255);
        e->azimuth[i][c] = (float)(number % 200) * 0.005f + (float)c * 0.2f - 0.9f;
        e->elevation[i][c] = (float)(number % 25) * 0.007f + (float)c * 0.0016f - 0.1f;
    }
}

/* The head at ten turns a second; a mirror's in the middle of one of its three faces. */
static uint32_t made_angle(const struct glint_packet_format *f, uint32_t number)
{
    if (f->angles == GLINT_ANGLE_COLUMN)
        return number % (uint32_t)f->columns;
    if (f->angles == GLINT_ANGLE_MIRROR)
        return 3000 + number / 1200 % 3 * 12000 + number % 1200 * 5;
    return (uint32_t)((uint64_t)number * (uint64_t)f->firing_ns * 36 / 100000 % 36000);
}

void glint_made_packet(int32_t i, uint32_t k, uint8_t bytes[GLINT_MADE_BYTES],
                       struct glint_packet *packet_out)
{
    const struct glint_packet_format *f = glint_packet_format_at(i);
    struct glint_firing firings[GLINT_FIRINGS_CAP];
    struct echoes e;
    for (int32_t n = 0; n < f->firings; n++) {
        const uint32_t number = k * (uint32_t)f->firings + (uint32_t)n;
        make_echoes(f, number, &e, n);
        firings[n] = (struct glint_firing){.t_ns = GLINT_MADE_T0_NS + (int64_t)k * f->packet_ns +
                                                   (int64_t)n * f->firing_ns,
                                           .angle = made_angle(f, number),
                                           .turn = f->columns ? number / (uint32_t)f->columns : 0,
                                           .range = {e.range[n][0], e.range[n][1], e.range[n][2]},
                                           .intensity = {e.intensity[n], e.intensity[n], e.intensity[n]},
                                           .azimuth = e.azimuth[n],
                                           .elevation = e.elevation[n]};
    }
    glint_packet_make(f, k, firings, bytes, packet_out);
}

bool glint_made_accessory(int32_t i, uint32_t k, uint8_t bytes[GLINT_MADE_BYTES],
                          struct glint_packet *packet_out)
{
    const struct glint_packet_format *f = glint_packet_format_at(i);
    return glint_packet_make_accessory(f, k, GLINT_MADE_T0_NS + (int64_t)k * f->packet_ns, bytes, packet_out);
}

/* ---- calibration ---- */

/* db.xml of an HDL-64E, with the corrections of near distances and of the focus. */
static size_t make_db_xml(uint8_t *out)
{
    char *text = (char *)out;
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

size_t glint_made_calibration(int32_t i, uint8_t bytes[GLINT_MADE_CALIBRATION], const char **ending_out)
{
    const struct glint_packet_format *f = glint_packet_format_at(i);
    const size_t size = glint_packet_calibration(f, bytes, ending_out);
    return size > 0 && strcmp(f->family, "velodyne") == 0 ? make_db_xml(bytes) : size;
}

int glint_made_open(int32_t i, struct glint_decoder **decoder_out)
{
    const char *ending = "";
    uint8_t *bytes = malloc(GLINT_MADE_CALIBRATION);
    if (!bytes)
        return glint_fail(GLINT_E_NOMEM, "no memory for a calibration");
    const size_t size = glint_made_calibration(i, bytes, &ending);
    const int status =
        glint_packet_decoder_open_with(glint_packet_format_at(i), bytes, size, ending, decoder_out);
    free(bytes);
    return status;
}
