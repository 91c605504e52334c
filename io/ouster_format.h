/* io/ouster_format.h - what an Ouster lidar packet is made of, as data: profiles, fields of a pixel and of a
 * column. The decoder reads by these tables, and so does whoever wants the raw fields.
 *
 *     const struct glint_ouster_profile *p = glint_ouster_profile("RNG15_RFL8_NIR8");
 *     const struct glint_ouster_field *f = glint_ouster_field(p, "RANGE");
 *     glint_ouster_value(f, pixel);      // millimetres
 */
#ifndef GLINT_IO_OUSTER_FORMAT_H
#define GLINT_IO_OUSTER_FORMAT_H
#include <stdbool.h>
#include <stdint.h>

#define GLINT_OUSTER_FIELDS_CAP 12

struct glint_ouster_field {
    const char *name;
    uint8_t bit, bits; /* little-endian bits of the pixel (or column) */
    uint8_t up;        /* the value is shifted up by so many: 8 mm or 1/16 units made the common ones */
    uint8_t bytes;     /* of the value in digests and tables: 1, 2, 4 or 8 */
};

struct glint_ouster_profile {
    const char *name; /* udp_profile_lidar */
    uint8_t packet_head, column_head, pixel_bytes, column_foot, packet_foot;
    uint8_t n_returns;
    struct glint_ouster_field field[GLINT_OUSTER_FIELDS_CAP]; /* of a pixel; name NULL behind the last */
};

int32_t glint_ouster_n_profiles(void);
const struct glint_ouster_profile *glint_ouster_profile_at(int32_t i);
const struct glint_ouster_profile *glint_ouster_profile(const char *name); /* NULL: not known */

/* A pixel's field by name ("RANGE", "RANGE2", "REFLECTIVITY", "SIGNAL", "NEAR_IR", "FLAGS", ...), NULL when
 * the profile has none. */
const struct glint_ouster_field *glint_ouster_field(const struct glint_ouster_profile *p, const char *name);

/* The value of a field in a pixel; reads the bytes the field is in and no others. */
uint64_t glint_ouster_value(const struct glint_ouster_field *f, const uint8_t *pixel);

uint32_t glint_ouster_column_bytes(const struct glint_ouster_profile *p, int32_t pixels);
uint32_t glint_ouster_packet_bytes(const struct glint_ouster_profile *p, int32_t pixels, int32_t columns);

/* Column c of a packet, and of a column its time (ns of the sensor's clock), number and status. */
const uint8_t *glint_ouster_column(const struct glint_ouster_profile *p, int32_t pixels,
                                   const uint8_t *packet, int32_t c);
uint64_t glint_ouster_timestamp(const uint8_t *column);
uint16_t glint_ouster_measurement_id(const uint8_t *column);
uint32_t glint_ouster_status(const struct glint_ouster_profile *p, int32_t pixels, const uint8_t *column);
#endif
