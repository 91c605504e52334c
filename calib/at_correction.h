/* calib/at_correction.h - the angle correction file of Hesai's AT128 (.dat, version 1.5): for each channel an
 * angle, and small corrections of it along the scan. */
#ifndef GLINT_CALIB_AT_CORRECTION_H
#define GLINT_CALIB_AT_CORRECTION_H
#include "core/status.h"
#include <stddef.h>
#include <stdint.h>

#define GLINT_AT_CHANNELS    128
#define GLINT_AT_FIELDS      3       /* faces of the mirror */
#define GLINT_AT_ADJUSTS     180     /* every 2 degrees of the encoder */
#define GLINT_AT_TURN        9216000 /* encoder counts of a turn: 1/25600 degree */
#define GLINT_AT_ADJUST_MOST 5.0f    /* degrees: larger corrections along the scan are no file of an AT128 */

struct glint_at_correction {
    char path[1024];
    int32_t n_fields;
    int32_t start[GLINT_AT_FIELDS], end[GLINT_AT_FIELDS]; /* encoder counts; a field may go over 0 */
    float azimuth_deg[GLINT_AT_CHANNELS], elevation_deg[GLINT_AT_CHANNELS];
    float azimuth_adjust_deg[GLINT_AT_CHANNELS][GLINT_AT_ADJUSTS];
    float elevation_adjust_deg[GLINT_AT_CHANNELS][GLINT_AT_ADJUSTS];
};

/* GLINT_E_FORMAT with byte and what was expected; the first also GLINT_E_NOTFOUND, GLINT_E_IO. The file's
 * SHA-256 is not checked. */
int glint_at_correction_load(const char *path, struct glint_at_correction *out);
int glint_at_correction_parse(const char *name, const uint8_t *data, size_t size,
                              struct glint_at_correction *out);

/* The field an encoder angle is in, -1: none. */
int32_t glint_at_field(const struct glint_at_correction *c, int32_t encoder);
#endif
