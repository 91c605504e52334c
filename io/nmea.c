/* io/nmea.c - see nmea.h. A sentence is fields between commas, from $ to *, and the XOR of what is between
 * them in hexadecimal (NMEA 0183; RMC: time, status, latitude, N/S, longitude, E/W, knots, track, date). */
#include "io/nmea.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_CAP     16
#define KNOT_M_S       (1852.0 / 3600)
#define SECOND_NS      INT64_C(1000000000)
#define PIVOT_OF_YEARS 80 /* two digits: 80..99 are of the last century */

int64_t glint_days_of(int32_t year, int32_t month, int32_t day)
{
    static const int16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    const int32_t y = month > 2 ? year : year - 1; /* leap days that are over */
    const int32_t leaps = y / 4 - y / 100 + y / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    return (int64_t)(year - 1970) * 365 + leaps + before[month - 1] + day - 1;
}

static int32_t hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* text begins with $. */
static bool checksum_fits(const char *text)
{
    uint8_t sum = 0;
    const char *p = text + 1;
    for (; *p && *p != '*'; p++)
        sum ^= (uint8_t)*p;
    if (*p != '*' || hex_digit(p[1]) < 0 || hex_digit(p[2]) < 0)
        return false;
    return sum == hex_digit(p[1]) * 16 + hex_digit(p[2]);
}

static int32_t split(char *text, const char **fields)
{
    int32_t n = 0;
    for (char *p = text; p && n < FIELDS_CAP;) {
        fields[n++] = p;
        p = strpbrk(p, ",*");
        if (p)
            *p++ = '\0';
    }
    return n;
}

/* `digits` decimal digits, or -1. */
static int32_t whole(const char *text, int32_t digits)
{
    int32_t value = 0;
    for (int32_t i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* hhmmss[.sss] and ddmmyy; 0 for what is no time. */
static int64_t time_of(const char *clock, const char *date)
{
    const int32_t h = whole(clock, 2), m = h < 0 ? -1 : whole(clock + 2, 2),
                  s = m < 0 ? -1 : whole(clock + 4, 2);
    const int32_t day = whole(date, 2), month = day < 0 ? -1 : whole(date + 2, 2),
                  year = month < 0 ? -1 : whole(date + 4, 2);
    if (s < 0 || h > 23 || m > 59 || s > 60 || year < 0 || month < 1 || month > 12 || day < 1 || day > 31)
        return 0;
    const int64_t days = glint_days_of(year + (year < PIVOT_OF_YEARS ? 2000 : 1900), month, day);
    const double fraction = clock[6] == '.' ? strtod(clock + 6, NULL) : 0;
    return (days * 86400 + h * 3600 + m * 60 + s) * SECOND_NS + (int64_t)(fraction * 1e9 + 0.5);
}

/* [d]ddmm.mmmm and its half of the globe, degrees. */
static double angle_of(const char *text, const char *half)
{
    const double v = strtod(text, NULL);
    const double degrees = floor(v / 100), angle = degrees + (v - 100 * degrees) / 60;
    if (!(angle >= 0 && angle <= 180))
        return 0;
    return *half == 'S' || *half == 'W' ? -angle : angle;
}

static double number_within(const char *text, double most)
{
    const double v = strtod(text, NULL);
    return v >= 0 && v <= most ? v : 0;
}

static void read_rmc(char *text, struct glint_position *p)
{
    const char *f[FIELDS_CAP];
    if (split(text, f) < 10 || strlen(f[0]) != 6 || strcmp(f[0] + 3, "RMC") != 0)
        return;
    p->valid = f[2][0] == 'A';
    p->utc_ns = time_of(f[1], f[9]);
    if (!p->valid)
        return;
    p->latitude_deg = angle_of(f[3], f[4]);
    p->longitude_deg = angle_of(f[5], f[6]);
    p->speed_m_s = number_within(f[7], 1e5) * KNOT_M_S;
    p->track_deg = number_within(f[8], 360);
}

void glint_nmea_read(const char *text, size_t n, struct glint_position *position_out)
{
    struct glint_position *p = position_out;
    char fields[GLINT_NMEA_CAP];
    size_t used = 0;
    while (used < n && used + 1 < sizeof p->sentence && text[used] >= ' ' && text[used] <= '~')
        used++;
    memcpy(p->sentence, text, used);
    p->sentence[used] = '\0';
    p->checksum_ok = p->sentence[0] == '$' && checksum_fits(p->sentence);
    p->valid = false;
    p->utc_ns = 0;
    p->latitude_deg = p->longitude_deg = p->speed_m_s = p->track_deg = 0;
    memcpy(fields, p->sentence, sizeof fields);
    if (p->checksum_ok)
        read_rmc(fields, p);
}
