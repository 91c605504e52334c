/* io/nmea.h - GNSS receivers' sentences ($GPRMC and its kin of other constellations). */
#ifndef GLINT_IO_NMEA_H
#define GLINT_IO_NMEA_H
#include "io/samples.h"
#include <stddef.h>

/* Days since 1970-01-01 of a date in the Gregorian calendar (year >= 1970, month 1..12). */
int64_t glint_days_of(int32_t year, int32_t month, int32_t day);

/* Reads text (n bytes, ended by CR, LF, NUL or n) into sentence, checksum_ok and, for an RMC sentence whose
 * checksum is right, valid, utc_ns, place, speed and track. Anything else leaves these 0. */
void glint_nmea_read(const char *text, size_t n, struct glint_position *position_out);
#endif
