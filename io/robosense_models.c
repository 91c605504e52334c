/* io/robosense_models.c - see robosense.h. Sources: RoboSense's rs_driver 1.5.19 (decoder_RSHELIOS.hpp,
 * decoder_RSHELIOS_16P.hpp, decoder_RS32.hpp, decoder_RSBP.hpp, decoder_RSM1.hpp) for sizes, magics, units,
 * firing times and lens places; the user manuals' "MSOP Header" for the type bytes and the range resolution.
 *
 * Nominal angles are for captures without a device packet: those of the Helios are the Helios-5515's and the
 * 16P's design values, those of the Bpearl one unit's, both as in tier4/nebula's calibration files; those of
 * the RS-LiDAR-32 the design values in one of the two orders of its manual ("Laser Channels and Vertical
 * Angles"). A unit's published list in this order and the angle.csv of RoboSense's ros_rslidar in the other
 * have each elevation within 0.06 degrees, and the azimuths of +-8 and +-2.67 degrees within 0.42, or 0.67 to
 * 1.34 more. Units of the other order need the device packet or angle.csv. No capture proves them.
 */
#include "io/robosense.h"
#include "core/bytes.h"
#include <string.h>

static const float helios_elevation[] = {
    15,  13,  11,  9,   7,   5.5f, 4,   2.67f, 1.33f, 0,   -1.33f, -2.67f, -4,  -5.33f, -6.67f, -8,
    -10, -16, -13, -19, -22, -28,  -25, -31,   -34,   -37, -40,    -43,    -46, -49,    -52,    -55};
static const float rs32_elevation[] = {
    -10.281f, -6.424f, 2.333f,  3.333f,  4.667f, 7,       10.333f,  15,      0.333f,  0,       -0.333f,
    -0.667f,  1.667f,  1.333f,  1,       0.667f, -25,     -14.638f, -7.91f,  -5.407f, -3.667f, -4,
    -4.333f,  -4.667f, -2.333f, -2.667f, -3,     -3.333f, -1,       -1.333f, -1.667f, -2};
static const float rs32_azimuth[] = {8,     8,  8,      -8,     8,     -8, 8,  -8,     -8,    -2.67f, 2.67f,
                                     8,     -8, -2.67f, 2.67f,  8,     -8, -8, -8,     -8,    -8,     -2.67f,
                                     2.67f, 8,  -8,     -2.67f, 2.67f, 8,  -8, -2.67f, 2.67f, 8};
static const float bpearl_elevation[] = {2.31f,  47.32f, 5.12f,  50.13f, 7.93f,  52.95f, 10.74f, 55.77f,
                                         13.55f, 58.59f, 16.35f, 61.4f,  19.16f, 64.21f, 21.97f, 67.03f,
                                         24.78f, 69.83f, 27.59f, 72.64f, 30.41f, 75.44f, 33.22f, 78.25f,
                                         36.04f, 81.06f, 38.86f, 83.87f, 41.68f, 86.69f, 44.5f,  89.5f};

/* After the firing's begin, ns. The Helios' manual has other values, up to 8 us apart. */
static const int32_t helios_ns[] = {0,     1730,  3460,  5190,  6920,  8650,  10380, 12110,
                                    13840, 15570, 17300, 19030, 20760, 22490, 24220, 25950,
                                    27680, 29410, 31140, 32870, 34600, 36330, 38060, 39790,
                                    41520, 43250, 44980, 46710, 48440, 50170, 51900, 53630};
static const int32_t rs32_ns[] = {0,     2880,  5760,  8640,  11520, 14400, 17280, 20160, 23040, 25920, 28800,
                                  31680, 34560, 37440, 40320, 44640, 1440,  4320,  7200,  10080, 12960, 15840,
                                  18720, 21600, 24480, 27360, 30240, 33120, 36000, 38880, 41760, 46080};
static const int32_t bpearl_ns[] = {0,     2560,  5120,  7680,  10240, 12800, 15360, 17920,
                                    25680, 28240, 30800, 33360, 35920, 38480, 41040, 43600,
                                    1280,  3840,  6400,  8960,  11520, 14080, 16640, 19200,
                                    26960, 29520, 32080, 34640, 37200, 39760, 42320, 44880};
static const int32_t bpearl4_ns[] = {0,     1670,  3340,  5000,  6670,  8340,  10010, 11680,
                                     13340, 15010, 16680, 18350, 20020, 21680, 23350, 25020,
                                     26690, 28360, 30020, 31690, 33360, 35030, 36700, 38360,
                                     40030, 41700, 43370, 45040, 46700, 48370, 50040, 51710};

/* Of rows of one name the first is the one taken by it. Type 7 is the older 16P's, but also said of the
 * Helios-1615 of 32 lasers: name the sensor. */
const struct robosense_model robosense_models[] = {
    {.name = "RoboSense RS-Helios",
     .head = 0x5a,
     .type = {6, 6},
     .lasers = 32,
     .utc = true,
     .new_modes = true,
     .unit_m = 0.0025f,
     .says_unit = true,
     .firing_ns = 55560,
     .laser_ns = helios_ns,
     .ahead_m = 0.03498f,
     .angle_unit_deg = 0.01,
     .elevation_deg = helios_elevation},
    {.name = "RoboSense RS-Helios-16P",
     .head = 0x5a,
     .type = {6, 7},
     .model = 3,
     .lasers = 16,
     .utc = true,
     .new_modes = true,
     .unit_m = 0.0025f,
     .says_unit = true,
     .firing_ns = 55560,
     .laser_ns = helios_ns,
     .ahead_m = 0.03498f,
     .angle_unit_deg = 0.01,
     .elevation_deg = helios_elevation},
    {.name = "RoboSense RS-LiDAR-32",
     .head = 0x0a,
     .type = {2, 2},
     .lasers = 32,
     .unit_m = 0.005f,
     .firing_ns = 55520,
     .laser_ns = rs32_ns,
     .ahead_m = 0.03997f,
     .angle_unit_deg = 0.001,
     .elevation_deg = rs32_elevation,
     .azimuth_deg = rs32_azimuth},
    {.name = "RoboSense RS-Bpearl",
     .head = 0x0a,
     .type = {3, 3},
     .lasers = 32,
     .unit_m = 0.005f,
     .firing_ns = 55520,
     .laser_ns = bpearl_ns,
     .reverses = true,
     .ahead_m = 0.01473f,
     .up_m = 0.09427f,
     .angle_unit_deg = 0.01,
     .elevation_deg = bpearl_elevation},
    {.name = "RoboSense RS-Bpearl V4",
     .head = 0x0a,
     .type = {3, 3},
     .model = 4,
     .lasers = 32,
     .utc = true,
     .new_modes = true,
     .unit_m = 0.0025f,
     .firing_ns = 55560,
     .laser_ns = bpearl4_ns,
     .reverses = true,
     .ahead_m = 0.01619f,
     .up_m = 0.09571f,
     .angle_unit_deg = 0.01,
     .elevation_deg = bpearl_elevation},
};
#define N_SPINNING ((int32_t)(sizeof robosense_models / sizeof robosense_models[0]))

static const uint8_t magic_old[] = {0x55, 0xaa, 0x05, 0x0a, 0x5a, 0xa5, 0x50, 0xa0};
static const uint8_t magic_new[] = {0x55, 0xaa, 0x05, 0x5a};
static const uint8_t magic_m1[] = {0x55, 0xaa, 0x5a, 0xa5};
static const uint8_t magic_device[] = {0xa5, 0xff, 0x00, 0x5a, 0x11, 0x11, 0x55, 0x55};

static bool begins(const struct glint_packet *p, const uint8_t *magic, size_t n)
{
    return p->size >= n && memcmp(p->data, magic, n) == 0;
}

int32_t robosense_n_spinning(void)
{
    return N_SPINNING;
}

bool robosense_is_device(const struct glint_packet *p)
{
    return (p->size == ROBOSENSE_DIFOP_BYTES || p->size == ROBOSENSE_M1_DIFOP) &&
           begins(p, magic_device, sizeof magic_device);
}

bool robosense_is_msop(const struct glint_packet *p, uint8_t head)
{
    return p->size == ROBOSENSE_MSOP_BYTES &&
           (head == 0x5a ? begins(p, magic_new, sizeof magic_new) : begins(p, magic_old, sizeof magic_old));
}

bool robosense_is_m1(const struct glint_packet *p)
{
    return p->size == ROBOSENSE_M1_BYTES && begins(p, magic_m1, sizeof magic_m1);
}

bool robosense_begins_like(const struct glint_packet *p)
{
    return begins(p, magic_old, sizeof magic_old) || begins(p, magic_new, sizeof magic_new) ||
           begins(p, magic_m1, sizeof magic_m1) || begins(p, magic_device, sizeof magic_device);
}

/* The type is in byte 31, in older firmware in byte 30. */
static bool has_type(const struct robosense_model *m, const uint8_t *data)
{
    const uint8_t type = data[31] ? data[31] : data[30];
    return type == m->type[0] || type == m->type[1];
}

/* Its model byte, or a type byte that is its alone. */
static bool is_exactly(const struct robosense_model *m, const uint8_t *data)
{
    return m->model != 0 && (data[32] == m->model || (m->type[1] != m->type[0] && data[31] == m->type[1]));
}

int32_t robosense_model_of(const struct glint_packet *p)
{
    int32_t any = -1;
    if (robosense_is_m1(p))
        return N_SPINNING;
    for (int32_t i = 0; i < N_SPINNING; i++) {
        const struct robosense_model *m = &robosense_models[i];
        if (!robosense_is_msop(p, m->head) || !has_type(m, p->data))
            continue;
        if (is_exactly(m, p->data))
            return i;
        any = m->model == 0 ? i : any;
    }
    return any;
}

int64_t robosense_utc(const uint8_t *p)
{
    const uint64_t s = (uint64_t)glint_be16(p) << 32 | glint_be32(p + 2), us = glint_be32(p + 6);
    return s > UINT32_MAX || us >= 1000000 ? -1 : (int64_t)(s * 1000000000 + us * 1000);
}

const char *robosense_mode_text(uint8_t mode, bool new_modes)
{
    static const char *const old_texts[] = {"dual", "strongest", "last"};
    static const char *const new_texts[] = {"dual", "", "", "", "strongest", "last", "first"};
    if (new_modes)
        return mode < 7 ? new_texts[mode] : "";
    return mode < 3 ? old_texts[mode] : "";
}
