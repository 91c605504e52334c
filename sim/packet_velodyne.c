/* sim/packet_velodyne.c - see packet.h. Layouts as io/decode_velodyne.c has them. */
#include "sim/packet_layouts.h"
#include <stdio.h>
#include <string.h>

#define BLOCKS     12
#define BLOCK_SIZE 100
#define BANK_LANES 32
#define HOUR_US    UINT64_C(3600000000)

struct velodyne {
    uint8_t product, banks; /* product 0: an HDL-64E, its last bytes are a status */
};

static void put_block(const struct glint_packet_format *f, const struct glint_firing *firing, uint32_t bank,
                      uint32_t ret, uint8_t *out)
{
    const float *range = firing->range[ret] + bank * BANK_LANES;
    const float *intensity = firing->intensity[ret] + bank * BANK_LANES;
    const float per_m = 1 / f->unit_m;
    put_le16(out, 0xeeff - 0x1100 * bank);
    put_le16(out + 2, firing->angle);
    out += 4;
    for (int32_t i = 0; i < BANK_LANES; i++, out += 3) {
        put_le16(out, range_raw(range[i], per_m, UINT16_MAX));
        out[2] = intensity_raw(intensity[i]);
    }
}

/* With two returns each bank comes twice; of an HDL-64E both banks of a return, then of the other. */
static void make(const struct glint_packet_format *f, uint32_t number, const struct glint_firing *firings,
                 uint8_t *out)
{
    const struct velodyne *v = f->layout;
    const uint32_t returns = (uint32_t)f->returns, group = v->banks * returns;
    const uint32_t used = (uint32_t)f->firings * group;
    (void)number;
    for (uint32_t b = 0; b < used; b++, out += BLOCK_SIZE) {
        const uint32_t i = b % group;
        const bool banks_first = v->product == 0;
        put_block(f, &firings[b / group], banks_first ? i % v->banks : i / returns,
                  banks_first ? i / v->banks : i % returns, out);
    }
    out += (BLOCKS - used) * BLOCK_SIZE;
    put_le32(out, (uint32_t)((uint64_t)(firings[0].t_ns / 1000) % HOUR_US));
    out[4] = v->product == 0 ? 'H' : returns == 2 ? 0x39 : 0x37;
    out[5] = v->product == 0 ? 10 : v->product;
}

/* Position packets: time at 198, pulse at 202, a sentence at 206. */
static uint32_t make_position(const struct glint_packet_format *f, uint32_t number, int64_t t_ns,
                              uint8_t *out)
{
    (void)f;
    (void)number;
    put_le32(out + 198, (uint32_t)((uint64_t)(t_ns / 1000) % HOUR_US));
    out[202] = 2;
    memcpy(out + 206, "$GPRMC,221320,A,4830.0000,N,01100.0000,E,010.0,090.0,141123,000.0,W*74\r\n", 72);
    return 512;
}

/* db.xml of an HDL-64E whose lasers share one origin: 32 of the upper block from 2 to -8.33 degrees, 32 of
 * the lower from -8.83 to -24.33 (data sheet), in four columns. */
static size_t make_db_xml(const struct glint_packet_format *f, uint8_t *out, const char **ending)
{
    static const double rot[] = {-4.5, 2.6, -2.6, 4.5};
    char *text = (char *)out;
    (void)f;
    *ending = ".xml";
    size_t n = (size_t)snprintf(text, GLINT_PACKET_CALIBRATION,
                                "<boost_serialization><DB><distLSB_>0.2</distLSB_><points_>\n");
    for (int i = 0; i < 64; i++)
        n += (size_t)snprintf(
            text + n, GLINT_PACKET_CALIBRATION - n,
            "<item><px><id_>%d</id_><rotCorrection_>%g</rotCorrection_><vertCorrection_>%.4f"
            "</vertCorrection_><distCorrection_>0</distCorrection_><vertOffsetCorrection_>0"
            "</vertOffsetCorrection_><horizOffsetCorrection_>0</horizOffsetCorrection_></px></item>\n",
            i, rot[i % 4], i < 32 ? 2 - i / 3.0 : -8.83 - (i - 32) / 2.0);
    return n + (size_t)snprintf(text + n, GLINT_PACKET_CALIBRATION - n,
                                "</points_></DB></boost_serialization>\n");
}

static const struct velodyne vlp16 = {0x22, 1}, hires = {0x24, 1}, hdl32 = {0x21, 1}, vlp32 = {0x28, 1},
                             vls128 = {0xa1, 4}, hdl64 = {0, 2};

#define VELODYNE(the_name, the_sensor, the_layout, the_banks, the_returns, the_ns, the_unit, db)             \
    {                                                                                                        \
        .name = the_name, .sensor = the_sensor, .family = "velodyne", .size = 1206, .port = 2368,            \
        .firings = BLOCKS / ((the_banks) * (the_returns)), .lanes = BANK_LANES * (the_banks),                \
        .returns = the_returns, .firing_ns = the_ns,                                                         \
        .packet_ns = (the_ns) * (BLOCKS / ((the_banks) * (the_returns))), .unit_m = the_unit,                \
        .range_most_m = 65535 * (the_unit), .make = make, .make_accessory = (db) ? NULL : make_position,     \
        .make_calibration = (db) ? make_db_xml : NULL, .layout = &(the_layout)                               \
    }

static const struct glint_packet_format formats[] = {
    VELODYNE("VLP-16", "VLP-16", vlp16, 1, 1, 110592, 0.002f, false),
    VELODYNE("VLP-16 dual", "VLP-16", vlp16, 1, 2, 110592, 0.002f, false),
    VELODYNE("VLP-16 Hi-Res", "Hi-Res", hires, 1, 1, 110592, 0.002f, false),
    VELODYNE("HDL-32E", "HDL-32E", hdl32, 1, 1, 46080, 0.002f, false),
    VELODYNE("HDL-32E dual", "HDL-32E", hdl32, 1, 2, 46080, 0.002f, false),
    VELODYNE("VLP-32C", "VLP-32C", vlp32, 1, 1, 55296, 0.004f, false),
    VELODYNE("VLP-32C dual", "VLP-32C", vlp32, 1, 2, 55296, 0.004f, false),
    VELODYNE("VLS-128", "VLS-128", vls128, 4, 1, 53300, 0.004f, false),
    VELODYNE("VLS-128 dual", "VLS-128", vls128, 4, 2, 53300, 0.004f, false),
    VELODYNE("HDL-64E S3", "HDL-64E S3", hdl64, 2, 1, 57600, 0.002f, true),
    VELODYNE("HDL-64E S3 dual", "HDL-64E S3", hdl64, 2, 2, 57600, 0.002f, true),
    VELODYNE("HDL-64E S2", "HDL-64E S2", hdl64, 2, 1, 48000, 0.002f, true),
};

const struct glint_packet_formats glint_formats_velodyne = {formats,
                                                            (int32_t)(sizeof formats / sizeof formats[0])};
