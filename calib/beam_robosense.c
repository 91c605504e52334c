/* calib/beam_robosense.c - see beam_robosense.h. The layout of a device packet's angles is that of the user
 * manuals' registers COR_VERT_ANG and COR_HOR_ANG (RS-LiDAR-32, RS-Helios, RS-Bpearl). */
#include "calib/beam_robosense.h"
#include "core/bytes.h"
#include "core/file.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FILE_LARGEST (1u << 16)
#define LINE_LONGEST 160

/* ---- files ---- */

/* Copies the next line into line_out; false at the end of the text. */
static bool next_line(const char **at, const char *end, char *line_out)
{
    if (*at >= end)
        return false;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    const size_t n = (size_t)((stop ? stop : end) - *at);
    const size_t kept = n < LINE_LONGEST - 1 ? n : LINE_LONGEST - 1;
    memcpy(line_out, *at, kept);
    line_out[kept] = '\0';
    *at = stop ? stop + 1 : end;
    return true;
}

static bool is_words(const char *line)
{
    return isalpha((unsigned char)line[strspn(line, " \t\"")]) != 0;
}

/* "vertical,horizontal" or "laser,vertical,horizontal", the laser counting up from 1. */
static int read_row(const char *name, int row, const char *line, int32_t i, struct glint_beams *b)
{
    double v[3];
    char rest;
    const int n = sscanf(line, " %lf , %lf , %lf %c", &v[0], &v[1], &v[2], &rest);
    const double elevation = n == 3 ? v[1] : v[0], azimuth = n == 3 ? v[2] : v[1];
    char again[2]; /* whatever follows two numbers */
    const bool two = n == 2 && sscanf(line, " %*f , %*f %1s", again) < 1;
    if (i >= b->n)
        return glint_fail(GLINT_E_FORMAT, "%s:%d: angles of more than %d lasers", name, row, b->n);
    if ((!two && !(n == 3 && v[0] == i + 1)) || !(fabs(elevation) <= 90) || !(fabs(azimuth) <= 360))
        return glint_fail(GLINT_E_FORMAT, "%s:%d: \"%.60s\", expected vertical,horizontal in degrees", name,
                          row, line);
    b->elevation[i] = elevation * (GLINT_PI / 180);
    b->azimuth[i] = azimuth * (GLINT_PI / 180);
    return GLINT_OK;
}

int glint_beams_parse_robosense(const char *name, const char *text, size_t size, int32_t n,
                                struct glint_beams *beams_out)
{
    char line[LINE_LONGEST];
    const char *at = text, *end = text + size;
    int32_t lasers = 0;
    memset(beams_out, 0, sizeof *beams_out);
    beams_out->n = n < GLINT_BEAMS_CAP ? n : GLINT_BEAMS_CAP;
    snprintf(beams_out->source, sizeof beams_out->source, "%s", name);
    for (int row = 1; next_line(&at, end, line); row++) {
        if (line[strspn(line, " \t\r,")] == '\0' || (row == 1 && is_words(line)))
            continue;
        GLINT_TRY(read_row(name, row, line, lasers, beams_out));
        lasers++;
    }
    if (lasers != beams_out->n)
        return glint_fail(GLINT_E_FORMAT, "%s: angles of %d lasers, expected %d", name, lasers, beams_out->n);
    glint_beams_finish(beams_out);
    return GLINT_OK;
}

int glint_beams_load_robosense(const char *path, int32_t n, struct glint_beams *beams_out)
{
    struct glint_file file;
    GLINT_TRY(glint_file_open(&file, path));
    int status;
    if (file.size == 0 || file.size > FILE_LARGEST)
        status =
            glint_fail(GLINT_E_FORMAT, "%s: %zu bytes, expected angles of %d lasers", path, file.size, n);
    else
        status = glint_beams_parse_robosense(path, (const char *)file.data, file.size, n, beams_out);
    glint_file_close(&file);
    return status;
}

/* ---- device packets ---- */

static bool read_angle(const uint8_t *p, double unit_deg, double *deg_out)
{
    const double deg = glint_be16(p + 1) * unit_deg;
    *deg_out = p[0] ? -deg : deg;
    return p[0] <= 1 && deg < 90;
}

bool glint_beams_read_robosense(const uint8_t *vertical, const uint8_t *horizontal, double unit_deg,
                                int32_t n, struct glint_beams *beams)
{
    double elevation[GLINT_BEAMS_CAP], azimuth[GLINT_BEAMS_CAP];
    bool good = true, any = false;
    for (int32_t i = 0; i < n; i++) {
        good = read_angle(vertical + 3 * i, unit_deg, &elevation[i]) && good;
        good = read_angle(horizontal + 3 * i, unit_deg, &azimuth[i]) && good;
        any = any || elevation[i] != 0;
    }
    if (!good || !any)
        return false;
    memset(beams, 0, sizeof *beams);
    beams->n = n;
    snprintf(beams->source, sizeof beams->source, "the sensor's device packet (DIFOP)");
    for (int32_t i = 0; i < n; i++) {
        beams->elevation[i] = elevation[i] * (GLINT_PI / 180);
        beams->azimuth[i] = azimuth[i] * (GLINT_PI / 180);
    }
    glint_beams_finish(beams);
    return true;
}
