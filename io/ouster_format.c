/* io/ouster_format.c - see ouster_format.h. Firmware User Manual, "Lidar Data Packet Format", and the field
 * tables of ouster-sdk for the profiles that came later. */
#include "io/ouster_format.h"
#include "core/bytes.h"
#include <stddef.h>
#include <string.h>

/* Not LEGACY: headers and footers of 32 bytes; a column is time u64, measurement id u16, status u16. */
#define HEADED 32, 12
#define RANGE19(at)                                                                                          \
    {"RANGE", at, 19, 0, 4},                                                                                 \
    {                                                                                                        \
        "FLAGS", at + 19, 5, 0, 1                                                                            \
    }
#define RANGE15(at)                                                                                          \
    {"RANGE", at, 15, 3, 4},                                                                                 \
    {                                                                                                        \
        "FLAGS", at + 15, 1, 0, 1                                                                            \
    }
#define REFLECT(at)                                                                                          \
    {                                                                                                        \
        "REFLECTIVITY", at, 8, 0, 1                                                                          \
    }
#define SIGNAL(at)                                                                                           \
    {                                                                                                        \
        "SIGNAL", at, 16, 0, 2                                                                               \
    }
#define SIGNAL2(at)                                                                                          \
    {                                                                                                        \
        "SIGNAL2", at, 16, 0, 2                                                                              \
    }
#define NEAR16(at)                                                                                           \
    {                                                                                                        \
        "NEAR_IR", at, 16, 0, 2                                                                              \
    }
#define NEAR8(at)                                                                                            \
    {                                                                                                        \
        "NEAR_IR", at, 8, 4, 2                                                                               \
    }
#define WINDOW(at)                                                                                           \
    {                                                                                                        \
        "WINDOW", at, 8, 0, 1                                                                                \
    }
#define ZONE(at)                                                                                             \
    {                                                                                                        \
        "ZONE_MASK", at, 16, 0, 2                                                                            \
    }
#define SECOND19(at)                                                                                         \
    {"RANGE2", at, 19, 0, 4}, {"FLAGS2", at + 19, 5, 0, 1},                                                  \
    {                                                                                                        \
        "REFLECTIVITY2", at + 24, 8, 0, 1                                                                    \
    }
#define SECOND15(at)                                                                                         \
    {"RANGE2", at, 15, 3, 4}, {"FLAGS2", at + 15, 1, 0, 1},                                                  \
    {                                                                                                        \
        "REFLECTIVITY2", at + 16, 8, 0, 1                                                                    \
    }

static const struct glint_ouster_profile profiles[] = {
    {"LEGACY",
     0,
     16,
     12,
     4,
     0,
     1,
     {{"RANGE", 0, 20, 0, 4}, {"FLAGS", 28, 4, 0, 1}, REFLECT(32), SIGNAL(48), NEAR16(64)}},
    {"RNG19_RFL8_SIG16_NIR16",
     HEADED,
     12,
     0,
     32,
     1,
     {RANGE19(0), REFLECT(32), SIGNAL(48), NEAR16(64), WINDOW(88)}},
    {"RNG19_RFL8_SIG16_NIR16_DUAL",
     HEADED,
     16,
     0,
     32,
     2,
     {RANGE19(0), REFLECT(24), SECOND19(32), SIGNAL(64), SIGNAL2(80), NEAR16(96), WINDOW(120)}},
    {"RNG15_RFL8_NIR8", HEADED, 4, 0, 32, 1, {RANGE15(0), REFLECT(16), NEAR8(24)}},
    {"FUSA_RNG15_RFL8_NIR8_DUAL",
     HEADED,
     8,
     0,
     32,
     2,
     {RANGE15(0), REFLECT(16), NEAR8(24), SECOND15(32), WINDOW(56)}},
    {"RNG15_RFL8_NIR8_DUAL",
     HEADED,
     8,
     0,
     32,
     2,
     {RANGE15(0), REFLECT(16), NEAR8(24), SECOND15(32), WINDOW(56)}},
    {"RNG15_RFL8_WIN8", HEADED, 4, 0, 32, 1, {RANGE15(0), REFLECT(16), WINDOW(24)}},
    {"RNG15_RFL8_NIR8_ZONE16",
     HEADED,
     8,
     0,
     32,
     1,
     {RANGE15(0), REFLECT(16), NEAR8(24), ZONE(32), WINDOW(48)}},
    {"RNG19_RFL8_SIG16_NIR16_ZONE16",
     HEADED,
     12,
     0,
     32,
     1,
     {RANGE19(0), REFLECT(32), WINDOW(40), SIGNAL(48), NEAR16(64), ZONE(80)}},
    {"RNG19_RFL8_SIG16_ZONE16_DUAL",
     HEADED,
     16,
     0,
     32,
     2,
     {RANGE19(0), REFLECT(24), SECOND19(32), SIGNAL(64), SIGNAL2(80), ZONE(96), WINDOW(120)}},
    {"FIVE_WORD_PIXEL",
     HEADED,
     20,
     0,
     32,
     2,
     {RANGE19(0), REFLECT(24), SECOND19(32), SIGNAL(64), SIGNAL2(80), NEAR16(96)}},
};
#define N_PROFILES ((int32_t)(sizeof profiles / sizeof profiles[0]))

int32_t glint_ouster_n_profiles(void)
{
    return N_PROFILES;
}

const struct glint_ouster_profile *glint_ouster_profile_at(int32_t i)
{
    return &profiles[i];
}

const struct glint_ouster_profile *glint_ouster_profile(const char *name)
{
    for (int32_t i = 0; i < N_PROFILES; i++)
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    return NULL;
}

const struct glint_ouster_field *glint_ouster_field(const struct glint_ouster_profile *p, const char *name)
{
    for (int32_t i = 0; i < GLINT_OUSTER_FIELDS_CAP && p->field[i].name; i++)
        if (strcmp(p->field[i].name, name) == 0)
            return &p->field[i];
    return NULL;
}

uint64_t glint_ouster_value(const struct glint_ouster_field *f, const uint8_t *pixel)
{
    uint64_t value = 0;
    const int32_t first = f->bit / 8, last = (f->bit + f->bits - 1) / 8;
    for (int32_t i = last; i >= first; i--)
        value = value << 8 | pixel[i];
    return (value >> f->bit % 8 & (UINT64_MAX >> (64 - f->bits))) << f->up;
}

uint32_t glint_ouster_column_bytes(const struct glint_ouster_profile *p, int32_t pixels)
{
    return p->column_head + (uint32_t)pixels * p->pixel_bytes + p->column_foot;
}

uint32_t glint_ouster_packet_bytes(const struct glint_ouster_profile *p, int32_t pixels, int32_t columns)
{
    return p->packet_head + (uint32_t)columns * glint_ouster_column_bytes(p, pixels) + p->packet_foot;
}

const uint8_t *glint_ouster_column(const struct glint_ouster_profile *p, int32_t pixels,
                                   const uint8_t *packet, int32_t c)
{
    return packet + p->packet_head + (uint32_t)c * glint_ouster_column_bytes(p, pixels);
}

uint64_t glint_ouster_timestamp(const uint8_t *column)
{
    return glint_le64(column);
}

uint16_t glint_ouster_measurement_id(const uint8_t *column)
{
    return glint_le16(column + 8);
}

uint32_t glint_ouster_status(const struct glint_ouster_profile *p, int32_t pixels, const uint8_t *column)
{
    if (p->column_foot)
        return glint_le32(column + p->column_head + (uint32_t)pixels * p->pixel_bytes);
    return glint_le16(column + 10);
}
