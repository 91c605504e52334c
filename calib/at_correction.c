/* calib/at_correction.c - see at_correction.h. EE FF 1 5, channels, mirror faces, frames, 8 bytes of
 * configuration, the division of angles; per face start and end u32, per channel azimuth and elevation i32,
 * all in divisions of 1/25600 degree; corrections i8 in divisions of 0.01 degree (file format as read by
 * Hesai's SDK 2.0). Little endian. */
#include "calib/at_correction.h"
#include "core/bytes.h"
#include "core/file.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define HEAD_SIZE 16
#define TABLE     (GLINT_AT_CHANNELS * GLINT_AT_ADJUSTS)
#define SIZE_MOST (1u << 20)

static int check_head(const char *name, const uint8_t *data, size_t size)
{
    if (size < HEAD_SIZE || data[0] != 0xee || data[1] != 0xff)
        return glint_fail(GLINT_E_FORMAT,
                          "%s: byte 0: expected EE FF: not an angle correction file of an AT128", name);
    if (data[2] != 1 || data[3] != 5)
        return glint_fail(GLINT_E_UNSUPPORTED, "%s: byte 2: version %u.%u, expected 1.5", name, data[2],
                          data[3]);
    if (data[4] != GLINT_AT_CHANNELS || data[5] != GLINT_AT_FIELDS || data[6] < 1 ||
        data[6] > GLINT_AT_FIELDS || data[15] < 1)
        return glint_fail(
            GLINT_E_FORMAT,
            "%s: byte 4: %u channels, %u mirror faces, %u frames, division %u: expected 128, 3, "
            "1 to 3, 1 or more",
            name, data[4], data[5], data[6], data[15]);
    const size_t expected = HEAD_SIZE + 8u * GLINT_AT_FIELDS + 8u * GLINT_AT_CHANNELS + 2u * TABLE + 32u;
    return size == expected ? GLINT_OK
                            : glint_fail(GLINT_E_FORMAT, "%s: %zu bytes, expected %zu", name, size, expected);
}

static int read_angles(const char *name, const uint8_t *p, int32_t division, float *deg_out, float most_deg)
{
    for (int32_t i = 0; i < GLINT_AT_CHANNELS; i++) {
        deg_out[i] = (float)((double)(int32_t)glint_le32(p + 4 * i) * division / 25600);
        if (!(deg_out[i] >= -most_deg && deg_out[i] <= most_deg))
            return glint_fail(GLINT_E_FORMAT, "%s: channel %d: an angle of %g degrees", name, i + 1,
                              (double)deg_out[i]);
    }
    return GLINT_OK;
}

static int read_adjusts(const char *name, const uint8_t *p, int32_t division, float (*out)[GLINT_AT_ADJUSTS])
{
    for (int32_t i = 0; i < TABLE; i++) {
        const float deg = (float)((int8_t)p[i] * division) * 0.01f;
        if (!(deg >= -GLINT_AT_ADJUST_MOST && deg <= GLINT_AT_ADJUST_MOST))
            return glint_fail(GLINT_E_FORMAT,
                              "%s: channel %d: a correction of %g degrees, expected within %g", name,
                              i / GLINT_AT_ADJUSTS + 1, (double)deg, (double)GLINT_AT_ADJUST_MOST);
        out[i / GLINT_AT_ADJUSTS][i % GLINT_AT_ADJUSTS] = deg;
    }
    return GLINT_OK;
}

int glint_at_correction_parse(const char *name, const uint8_t *data, size_t size,
                              struct glint_at_correction *out)
{
    GLINT_TRY(check_head(name, data, size));
    const int32_t division = data[15];
    const uint8_t *p = data + HEAD_SIZE;
    memset(out, 0, sizeof *out);
    snprintf(out->path, sizeof out->path, "%s", name);
    out->n_fields = data[6];
    for (int32_t i = 0; i < GLINT_AT_FIELDS; i++) {
        const uint64_t start = (uint64_t)glint_le32(p + 4 * i) * (uint64_t)division,
                       end = (uint64_t)glint_le32(p + 4 * (i + GLINT_AT_FIELDS)) * (uint64_t)division;
        if (start >= GLINT_AT_TURN || end >= GLINT_AT_TURN || start == end)
            return glint_fail(GLINT_E_FORMAT, "%s: face %d from %g to %g degrees", name, i,
                              (double)start / 25600, (double)end / 25600);
        out->start[i] = (int32_t)start;
        out->end[i] = (int32_t)end;
    }
    p += 8 * GLINT_AT_FIELDS;
    GLINT_TRY(read_angles(name, p, division, out->azimuth_deg, 360));
    p += 4 * GLINT_AT_CHANNELS;
    GLINT_TRY(read_angles(name, p, division, out->elevation_deg, 90));
    p += 4 * GLINT_AT_CHANNELS;
    GLINT_TRY(read_adjusts(name, p, division, out->azimuth_adjust_deg));
    return read_adjusts(name, p + TABLE, division, out->elevation_adjust_deg);
}

int glint_at_correction_load(const char *path, struct glint_at_correction *out)
{
    struct glint_file file;
    GLINT_TRY(glint_file_open(&file, path));
    const int status = file.size > SIZE_MOST
                           ? glint_fail(GLINT_E_FORMAT, "%s: %zu bytes are too many", path, file.size)
                           : glint_at_correction_parse(path, file.data, file.size, out);
    glint_file_close(&file);
    return status;
}

int32_t glint_at_field(const struct glint_at_correction *c, int32_t encoder)
{
    for (int32_t i = 0; i < c->n_fields; i++) {
        const int32_t width = (c->end[i] - c->start[i] + GLINT_AT_TURN) % GLINT_AT_TURN;
        if ((encoder - c->start[i] + GLINT_AT_TURN) % GLINT_AT_TURN <= width)
            return i;
    }
    return -1;
}
