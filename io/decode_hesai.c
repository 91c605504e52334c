/* io/decode_hesai.c - Hesai's turning sensors: the XT family, QT64, QT128, Pandar40P, Pandar64, OT128,
 * 128E3X.
 *
 * A packet is a header (not the Pandar40P; 8 bytes of a Pandar64, else 12), blocks of an azimuth (u16, 0.01
 * degree) and one unit per channel (distance u16, reflectivity u8, one byte more in the newer ones), and a
 * tail with return mode, UTC date and time to the second, us and, where sent, the number of the packet
 * ("Point Cloud Data Packet" in the user manuals of PandarXT, PandarQT and Pandar40P; the others as in
 * Hesai's SDK 2.0 and nebula). The newer ones have a checksum and bytes of functional safety before the tail,
 * and what follows the tail - the IMU's last measurement, a signature - is told by their header. All numbers
 * little endian. With several returns so many
 * successive blocks are of one firing.
 *
 * A channel's azimuth is the block's plus its offset; the sensors count block azimuths so that no turn during
 * the block is to be added. Points are in the sensor's frame of the manuals: y at azimuth 0, x at 90 degrees.
 * Times of blocks and channels are the vendor's tables, relative to the tail's time. */
#include "calib/beam_load.h"
#include "core/bytes.h"
#include "io/decoder_family.h"
#include "io/hesai_tables.h"
#include "io/lanes.h"
#include "io/nmea.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPS_SIZE   512
#define GPS_PORT   10110
#define STATES     6
#define HIRES      4 /* of them */
#define IMU_SIZE   22
#define STANDARD_G 9.80665f

struct hesai_tail { /* bytes from the tail's beginning */
    uint8_t size;   /* without the number */
    uint8_t mode, date, us;
    bool number_optional; /* else always there; u32 at `size` */
    uint8_t gap;          /* bytes between the blocks and the tail */
    uint8_t more[3];      /* bytes that may follow the number: these many more */
};

/* Block b fires at block_t0_ns + block_ns * (from_end ? -floor((blocks - 1 - b) / returns) : floor(b /
 * returns)), a channel laser_first_ns + laser_ns * (channel % lasers) or laser_table_ns[channel] later. */
struct hesai_timing {
    int32_t t0_ns;
    double block_ns;
    bool from_end;
    int32_t laser_first_ns, laser_ns, lasers;
    const int32_t *laser_table_ns;
    /* Where the tables differ from firing to firing: of the second firing (QT128; with two returns the tail
     * tells which one a packet has), or by operational and azimuth state: four (or two) in high resolution,
     * two in the other modes, where one table is not enough (128E3X). */
    const int32_t *second_table_ns, *state_table_ns[STATES];
    bool turn_by_laser; /* azimuths of blocks are those at the tail's time: lasers that fire later are further
                           on */
};

struct hesai_model {
    const char *name;
    uint8_t version[2]; /* header bytes 2, 3; 0 0: an older header or none, blocks begin with FF EE then */
    uint8_t channels, blocks, unit_bytes;
    float unit_m;
    uint8_t header; /* bytes: 0, 8, 12 */
    const struct hesai_tail *tail;
    struct hesai_timing timing;
    const float *elevation_deg, *azimuth_deg; /* nominal; azimuth NULL: all 0 */
};

static const struct hesai_tail tail_xt = {24, 10, 13, 19, false, 0, {0}};
static const struct hesai_tail tail_qt = {24, 16, 18, 12, false, 0, {0}};
static const struct hesai_tail tail_40p = {22, 14, 16, 10, true, 0, {0}};
/* Checksum 4 and functional safety 17 bytes before; checksum 4, signature 32, IMU 22 bytes behind. */
static const struct hesai_tail tail_qt128 = {26, 12, 15, 21, false, 21, {4, 36, 0}};
static const struct hesai_tail tail_ot128 = {26, 12, 15, 21, false, 21, {26, 58, 4}};

static const float xt32_elevation[] = {15, 14, 13, 12, 11, 10, 9,  8,  7,  6,   5,   4,   3,   2,   1,   0,
                                       -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13, -14, -15, -16};
static const float xt16_elevation[] = {15, 13, 11, 9, 7, 5, 3, 1, -1, -3, -5, -7, -9, -11, -13, -15};
static const float xt32m_elevation[] = {19.5f,  18.2f, 16.9f,  15.6f,  14.3f,  13,     11.7f,  10.4f,
                                        9.1f,   7.8f,  6.5f,   5.2f,   3.9f,   2.6f,   1.3f,   0,
                                        -1.3f,  -2.6f, -3.9f,  -5.2f,  -6.5f,  -7.8f,  -9.1f,  -10.4f,
                                        -11.7f, -13,   -14.3f, -15.6f, -16.9f, -18.2f, -19.5f, -20.8f};
static const float qt64_elevation[] = {
    -52.121f, -49.785f, -47.577f, -45.477f, -43.465f, -41.528f, -39.653f, -37.831f, -36.055f, -34.32f,
    -32.619f, -30.95f,  -29.308f, -27.69f,  -26.094f, -24.517f, -22.964f, -21.42f,  -19.889f, -18.372f,
    -16.865f, -15.368f, -13.88f,  -12.399f, -10.925f, -9.457f,  -7.994f,  -6.535f,  -5.079f,  -3.626f,
    -2.175f,  -0.725f,  0.725f,   2.175f,   3.626f,   5.079f,   6.534f,   7.993f,   9.456f,   10.923f,
    12.397f,  13.877f,  15.365f,  16.861f,  18.368f,  19.885f,  21.415f,  22.959f,  24.524f,  26.101f,
    27.697f,  29.315f,  30.957f,  32.627f,  34.328f,  36.064f,  37.84f,   39.662f,  41.537f,  43.475f,
    45.487f,  47.587f,  49.795f,  52.133f};
static const float qt64_azimuth[] = {
    8.736f,  8.314f,  7.964f,  7.669f,  7.417f,  7.198f,  7.007f,  6.838f,  6.688f,  6.554f,  6.434f,
    6.326f,  6.228f,  6.14f,   6.059f,  5.987f,  -5.27f,  -5.216f, -5.167f, -5.123f, -5.083f, -5.047f,
    -5.016f, -4.988f, -4.963f, -4.942f, -4.924f, -4.91f,  -4.898f, -4.889f, -4.884f, -4.881f, 5.493f,
    5.496f,  5.502f,  5.512f,  5.525f,  5.541f,  5.561f,  5.584f,  5.611f,  5.642f,  5.676f,  5.716f,
    5.759f,  5.808f,  5.862f,  5.921f,  -5.33f,  -5.396f, -5.469f, -5.55f,  -5.64f,  -5.74f,  -5.85f,
    -5.974f, -6.113f, -6.269f, -6.447f, -6.651f, -6.887f, -7.163f, -7.493f, -7.892f};
static const int32_t qt64_laser_ns[] = {
    12310,  14370,  16430,  18490,  20540,  22600,  24660,  26710,  29160,  31220,  33280,  35340,  37390,
    39450,  41500,  43560,  46610,  48670,  50730,  52780,  54840,  56900,  58950,  61010,  63450,  65520,
    67580,  69630,  71690,  73740,  75800,  77860,  80900,  82970,  85020,  87080,  89140,  91190,  93250,
    95300,  97750,  99820,  101870, 103930, 105980, 108040, 110100, 112150, 115200, 117260, 119320, 121380,
    123430, 125490, 127540, 129600, 132050, 134110, 136170, 138220, 140280, 142340, 144390, 146450};
static const float pandar40p_elevation[] = {
    14.794f, 10.944f, 7.971f,  4.969f,   2.952f,  1.94f,    1.6f,     1.263f,   0.925f,   0.587f,
    0.249f,  -0.088f, -0.425f, -0.763f,  -1.101f, -1.439f,  -1.776f,  -2.116f,  -2.453f,  -2.788f,
    -3.128f, -3.463f, -3.8f,   -4.138f,  -4.473f, -4.808f,  -5.145f,  -5.479f,  -5.814f,  -6.149f,
    -7.151f, -8.147f, -9.148f, -10.133f, -11.12f, -12.094f, -13.062f, -14.018f, -18.977f, -24.985f};
static const float pandar40p_azimuth[] = {
    -1.042f, -1.042f, -1.042f, -1.042f, -1.042f, -1.042f, 3.125f,  -5.208f, -1.042f, 3.125f,
    -5.208f, -1.042f, 3.125f,  -5.208f, -1.042f, 3.125f,  -5.208f, -1.042f, 3.125f,  -5.208f,
    -1.042f, 3.125f,  -5.208f, -1.042f, 3.125f,  -5.208f, -1.042f, 3.125f,  -5.208f, -1.042f,
    -1.042f, -1.042f, -1.042f, -1.042f, -1.042f, -1.042f, -1.042f, -1.042f, -1.042f, -1.042f};
static const int32_t pandar40p_laser_ns[] = {-42220, -28470, -16040, -3620,  -45490, -31740, -47460, -54670,
                                             -20620, -33710, -40910, -8190,  -20620, -27160, -50730, -8190,
                                             -14740, -36980, -45490, -52700, -23890, -31740, -38950, -11470,
                                             -18650, -25190, -48760, -6230,  -12770, -35010, -21920, -9500,
                                             -43520, -29770, -17350, -4920,  -42220, -28470, -16040, -3620};

/* PandarXT manuals: firings 50 us apart, the last 5.632 us after the tail's time; lasers 1.512 us apart, the
 * XT16's every second one of them, the XT32M's in two groups 2.888 us apart. */
static const struct hesai_model models[] = {
    {"Hesai PandarXT32",
     {6, 1},
     32,
     8,
     4,
     0.004f,
     12,
     &tail_xt,
     {5632, 50000, true, 368, 1512, 32, NULL, NULL, {NULL}, false},
     xt32_elevation,
     NULL},
    {"Hesai PandarXT16",
     {6, 1},
     16,
     8,
     4,
     0.004f,
     12,
     &tail_xt,
     {5632, 50000, true, 368, 3024, 16, NULL, NULL, {NULL}, false},
     xt16_elevation,
     NULL},
    {"Hesai PandarXT32M2X",
     {6, 1},
     32,
     6,
     4,
     0.005f,
     12,
     &tail_xt,
     {5632, 50000, true, 368, 2888, 16, NULL, NULL, {NULL}, false},
     xt32m_elevation,
     NULL},
    {"Hesai PandarQT64",
     {3, 1},
     64,
     4,
     4,
     0.004f,
     12,
     &tail_qt,
     {25710, 500000.0 / 3, false, 0, 0, 0, qt64_laser_ns, NULL, {NULL}, false},
     qt64_elevation,
     qt64_azimuth},
    {"Hesai Pandar40P",
     {0, 0},
     40,
     10,
     3,
     0.004f,
     0,
     &tail_40p,
     {-28580, 55560, true, 0, 0, 0, pandar40p_laser_ns, NULL, {NULL}, false},
     pandar40p_elevation,
     pandar40p_azimuth},
    {"Hesai Pandar64",
     {0, 0},
     64,
     6,
     3,
     0.004f,
     8,
     &tail_40p,
     {-42580, 55560, true, 0, 0, 0, glint_pandar64_laser_ns, NULL, {NULL}, false},
     glint_pandar64_elevation_deg,
     glint_pandar64_azimuth_deg},
    {"Hesai PandarQT128",
     {3, 2},
     128,
     2,
     4,
     0.004f,
     12,
     &tail_qt128,
     {9000, 111110, false, 0, 0, 0, glint_qt128_odd_ns, glint_qt128_even_ns, {NULL}, false},
     glint_qt128_elevation_deg,
     glint_qt128_azimuth_deg},
    {"Hesai OT128 (Pandar128E4X)",
     {1, 4},
     128,
     2,
     3,
     0.004f,
     12,
     &tail_ot128,
     {43346,
      55556,
      true,
      0,
      0,
      0,
      glint_ot128_standard_ns,
      NULL,
      {glint_ot128_state0_ns, glint_ot128_state1_ns},
      true},
     glint_ot128_elevation_deg,
     glint_ot128_azimuth_deg},
    {"Hesai Pandar128E3X", /* the OT128's packets: it has to be named */
     {1, 4},
     128,
     2,
     3,
     0.004f,
     12,
     &tail_ot128,
     {3148,
      55556,
      true,
      0,
      0,
      0,
      glint_128e3x_state_ns[HIRES],
      NULL,
      {glint_128e3x_state_ns[0], glint_128e3x_state_ns[1], glint_128e3x_state_ns[2], glint_128e3x_state_ns[3],
       glint_128e3x_state_ns[4], glint_128e3x_state_ns[5]},
      true},
     glint_128e3x_elevation_deg,
     glint_128e3x_azimuth_deg},
};
#define N_MODELS ((int32_t)(sizeof models / sizeof models[0]))

/* Lanes by firing time table. */
enum { TABLE_FIRST, TABLE_SECOND, TABLE_STATE0, N_TABLES = TABLE_STATE0 + STATES };

struct hesai {
    struct glint_decoder base;
    const struct hesai_model *model;
    bool has_last, has_imu;
    uint32_t last_number, first_number; /* first: since the sensor has started */
    uint32_t last_imu;                  /* its time */
    struct glint_lanes lanes[N_TABLES];
    struct glint_shot shot;
    const struct glint_turns *turns;
};

static const struct {
    uint8_t byte, returns;
    const char *text;
} modes[] = {
    {0x33, 1, "first"},
    {0x34, 1, "second"},
    {0x37, 1, "strongest"},
    {0x38, 1, "last"},
    {0x39, 2, "dual (last, strongest)"},
    {0x3a, 2, "dual (first, second)"},
    {0x3b, 2, "dual (last, first)"},
    {0x3c, 2, "dual (first, strongest)"},
    {0x3d, 3, "triple (first, last, strongest)"},
    {0x3e, 2, "dual (strongest, second strongest)"},
};

/* ---- layout ---- */

static bool has_header(const struct hesai_model *m)
{
    return m->header > 0;
}

/* Azimuth, after the flag FF EE where there is no header, and the units. */
static uint32_t block_bytes(const struct hesai_model *m)
{
    return (has_header(m) ? 2u : 4u) + (uint32_t)m->channels * m->unit_bytes;
}

static uint32_t tail_at(const struct hesai_model *m)
{
    return m->header + m->blocks * block_bytes(m) + m->tail->gap;
}

static bool size_fits(const struct hesai_model *m, uint32_t size)
{
    const uint32_t least = tail_at(m) + m->tail->size, numbered = least + 4;
    for (int i = 0; i < 3; i++)
        if (m->tail->more[i] && size == numbered + m->tail->more[i])
            return true;
    return (size == numbered && !m->tail->more[0]) || (m->tail->number_optional && size == least);
}

/* The beginning of a packet of this protocol. EE FF, then a version or - 8 bytes - lasers and blocks. */
static bool protocol_fits(const struct hesai_model *m, const uint8_t *p)
{
    if (!has_header(m))
        return p[0] == 0xff && p[1] == 0xee;
    if (m->header == 8)
        return p[0] == 0xee && p[1] == 0xff && p[2] == m->channels && p[3] == m->blocks;
    return p[0] == 0xee && p[1] == 0xff && memcmp(p + 2, m->version, 2) == 0;
}

/* With the number of lasers and blocks and the distance unit in mm: bytes 6, 7 and 9, or 2, 3 and 5. */
static bool header_fits(const struct hesai_model *m, const uint8_t *p)
{
    const uint8_t *at = p + (m->header == 8 ? 2 : 6);
    return protocol_fits(m, p) && (!has_header(m) || (at[0] == m->channels && at[1] == m->blocks &&
                                                      at[3] == (int)(m->unit_m * 1000 + 0.5f)));
}

static const uint8_t *block_at(const struct hesai_model *m, const uint8_t *data, int32_t b)
{
    return data + m->header + (uint32_t)b * block_bytes(m) + (has_header(m) ? 0 : 2);
}

/* What starts as one of ours does, but is no whole packet of this model. */
static bool is_damaged(const struct hesai_model *m, const struct glint_packet *p)
{
    return p->size >= 12 && protocol_fits(m, p->data);
}

static bool blocks_fit(const struct hesai_model *m, const uint8_t *data)
{
    for (int32_t b = 0; b < m->blocks; b++) {
        const uint8_t *at = block_at(m, data, b);
        if (glint_le16(at) >= GLINT_AZIMUTH_STEPS || (!has_header(m) && (at[-2] != 0xff || at[-1] != 0xee)))
            return false;
    }
    return true;
}

/* Index into modes, -1 for none. */
static int32_t mode_of(const uint8_t *tail, const struct hesai_tail *t)
{
    for (int32_t i = 0; i < (int32_t)(sizeof modes / sizeof modes[0]); i++)
        if (modes[i].byte == tail[t->mode])
            return i;
    return -1;
}

/* ---- time ---- */

/* The tail's UTC in ns since 1970, or 0 when it is no date: a sensor without a clock. Years count from 1900,
 * in some firmware of the Pandar40P and 64 from 2000 (both as in Hesai's SDK 2.0). */
static int64_t time_of(const uint8_t *tail, const struct hesai_tail *t)
{
    const uint8_t *d = tail + t->date; /* year, month, day, hour, minute, second */
    const int64_t ns = glint_le32(tail + t->us) * INT64_C(1000);
    if (d[0] == 0 || d[1] < 1 || d[1] > 12 || d[2] < 1 || d[2] > 31 || d[3] > 23 || d[4] > 59 || d[5] > 60)
        return ns;
    const int32_t year = d[0] < 70 ? 2000 + d[0] : 1900 + d[0];
    return (glint_days_of(year, d[1], d[2]) * 86400 + d[3] * 3600 + d[4] * 60 + d[5]) * 1000000000 + ns;
}

/* fast: an OT128 in high resolution fires in half the time. */
static int64_t block_time(const struct hesai_model *m, int32_t b, int32_t returns, bool fast)
{
    const struct hesai_timing *t = &m->timing;
    const int32_t firings = t->from_end ? -((m->blocks - 1 - b) / returns) : b / returns;
    return t->t0_ns + (int64_t)(t->block_ns * firings / (fast ? 2 : 1));
}

/* ---- packets ---- */

/* OT128 and 128E3X: byte 11 of the tail is 0 in high resolution. */
static bool is_fast(const struct hesai_model *m, const uint8_t *tail)
{
    return m->timing.state_table_ns[0] && tail[11] == 0;
}

/* The table by which a block's lasers fire. OT128, 128E3X: bytes 9 and 10 of the tail hold two bits of
 * azimuth state for each block from the highest down. QT128: byte 5, bit 0, with two returns. */
static int32_t table_of(const struct hesai_model *m, const uint8_t *tail, int32_t block, int32_t returns)
{
    const int32_t *const *states = m->timing.state_table_ns;
    const int32_t state = glint_le16(tail + 9) >> (14 - 2 * (block & 7)) & 3;
    if (is_fast(m, tail))
        return TABLE_STATE0 + (states[state] ? state : state & 1);
    if (states[HIRES])
        return TABLE_STATE0 + HIRES + (state & 1);
    if (m->timing.second_table_ns)
        return (returns == 1 ? block % 2 == 0 : tail[5] & 1) ? TABLE_FIRST : TABLE_SECOND;
    return TABLE_FIRST;
}

/* Turn during one block's time, rad; the tail has the speed in turns a minute. */
static float turn_of(const struct hesai_model *m, const uint8_t *tail)
{
    const double rate = glint_le16(tail + 13) * 6 * (GLINT_PI / 180);
    return (float)(rate < 200 ? rate * m->timing.block_ns * 1e-9 : 0);
}

static void decode_blocks(struct hesai *h, const uint8_t *data, int64_t t_ns, int32_t returns,
                          struct glint_returns *returns_out)
{
    const struct hesai_model *m = h->model;
    const uint8_t *tail = data + tail_at(m);
    const float turn = m->timing.turn_by_laser ? turn_of(m, tail) : 0;
    const struct glint_lanes_kernels *k = glint_lanes_kernels();
    for (int32_t b = 0; b < m->blocks; b++) {
        const uint8_t *at = block_at(m, data, b);
        const uint16_t azimuth = glint_le16(at);
        const int32_t table = table_of(m, tail, b, returns);
        const struct glint_lanes *lanes = &h->lanes[table];
        const struct glint_block block = {(float)azimuth * 0.01f,
                                          t_ns + block_time(m, b, returns, is_fast(m, tail)), (uint16_t)b,
                                          (uint8_t)(b % returns)};
        k->read(at + 2, m->unit_bytes, false, m->channels, m->unit_m, &h->shot);
        /* the turn is by 90 degrees minus the azimuth */
        if (turn > 0)
            k->turning(lanes, h->turns->sin[azimuth], h->turns->cos[azimuth], -turn, &h->shot);
        else
            k->place(lanes, h->turns->sin[azimuth], h->turns->cos[azimuth], &h->shot);
        glint_block_begin(returns_out, block.azimuth_deg);
        k->append(lanes, &h->shot, &block, returns_out);
    }
}

/* Of a vector of i16 in units of 1e-6 g or 1e-5 degrees per second times `unit`. */
static void read_vector(const uint8_t *p, float unit, float *out)
{
    for (int k = 0; k < 3; k++)
        out[k] = (float)(int16_t)glint_le16(p + 2 * k) * unit;
}

/* The IMU's last measurement, behind the number where bit 1 of the header's last byte says so: temperature,
 * units of acceleration (0.001 mg) and turn (0.01 mdeg/s), its own time, three accelerations, three turns.
 * Several packets have the same one: it is given once, at the packet's time. */
static void read_imu(struct hesai *h, const uint8_t *data, uint32_t size, int64_t t_ns)
{
    const struct hesai_model *m = h->model;
    const uint32_t at = tail_at(m) + m->tail->size + 4;
    const uint8_t *p = data + at;
    if (m->header != 12 || !(data[11] & 2) || at + IMU_SIZE + 4 > size)
        return;
    const uint32_t time = glint_le32(p + 6), accel = glint_le16(p + 2), gyro = glint_le16(p + 4);
    if ((accel == 0 && gyro == 0) || (h->has_imu && time == h->last_imu))
        return;
    struct glint_imu *out = &h->base.samples.imu[0];
    h->has_imu = true;
    h->last_imu = time;
    h->base.samples.n_imu = 1;
    out->t_ns = t_ns;
    read_vector(p + 10, (float)accel * 1e-6f * STANDARD_G, out->accel);
    read_vector(p + 16, (float)gyro * 1e-5f * (float)(GLINT_PI / 180), out->gyro);
}

static uint32_t missing(struct hesai *h, uint32_t number)
{
    const uint64_t modulus = UINT64_C(1) << 32;
    const uint32_t lost = h->has_last ? glint_decoder_missing(h->last_number, number, modulus) : 0;
    const bool late = h->has_last && (uint32_t)(h->last_number - number) < 1000;
    const bool anew = !h->has_last || (!late && number < h->last_number);
    h->base.late = late && (uint32_t)(number - h->first_number) < UINT32_MAX / 2;
    if (anew)
        h->first_number = number;
    if (!late)
        h->last_number = number;
    h->has_last = true;
    return lost;
}

static enum glint_packet_kind decode(struct glint_decoder *d, const struct glint_packet *p,
                                     struct glint_returns *returns_out, uint32_t *lost_out)
{
    struct hesai *h = (struct hesai *)d;
    const struct hesai_model *m = h->model;
    *lost_out = 0;
    returns_out->n = returns_out->n_blocks = 0;
    returns_out->frame_id = -1;
    if (p->size == GPS_SIZE && p->dst_port == GPS_PORT)
        return GLINT_PACKET_OTHER;
    if (!size_fits(m, p->size) || !header_fits(m, p->data))
        return is_damaged(m, p) ? GLINT_PACKET_MALFORMED : GLINT_PACKET_FOREIGN;
    const uint8_t *tail = p->data + tail_at(m);
    const int32_t mode = mode_of(tail, m->tail);
    if (mode < 0 || !blocks_fit(m, p->data))
        return GLINT_PACKET_MALFORMED;
    if (p->size >= tail_at(m) + m->tail->size + 4)
        *lost_out = missing(h, glint_le32(tail + m->tail->size));
    const int64_t t_ns = glint_decoder_utc(d, time_of(tail, m->tail), true, p->stamp_ns);
    decode_blocks(h, p->data, t_ns, modes[mode].returns, returns_out);
    read_imu(h, p->data, p->size, t_ns);
    snprintf(d->return_mode, sizeof d->return_mode, "%s", modes[mode].text);
    return GLINT_PACKET_LIDAR;
}

static void close_decoder(struct glint_decoder *d)
{
    free(d);
}

static const struct glint_decoder_ops ops = {"hesai", decode, close_decoder};

/* ---- opening ---- */

static const char *model_name(int32_t model)
{
    return models[model].name;
}

static int32_t model_of(const struct glint_packet *p)
{
    for (int32_t i = 0; i < N_MODELS; i++)
        if (size_fits(&models[i], p->size) && header_fits(&models[i], p->data) &&
            blocks_fit(&models[i], p->data))
            return i;
    return -1;
}

static int32_t laser_time(const struct hesai_timing *t, int32_t table, int32_t channel)
{
    const int32_t *ns = table == TABLE_FIRST    ? t->laser_table_ns
                        : table == TABLE_SECOND ? t->second_table_ns
                                                : t->state_table_ns[table - TABLE_STATE0];
    if (!ns)
        return t->laser_first_ns + channel % (t->lasers ? t->lasers : 1) * t->laser_ns;
    return ns[channel] < 0 && table >= TABLE_STATE0 ? 0 : ns[channel];
}

static void set_lanes(struct hesai *h, const struct glint_beams *beams)
{
    for (int32_t table = 0; table < N_TABLES; table++) {
        struct glint_lanes *lanes = &h->lanes[table];
        lanes->n = h->model->channels;
        for (int32_t i = 0; i < lanes->n; i++) {
            glint_lanes_set(lanes, i, beams, i);
            lanes->t_ns[i] = laser_time(&h->model->timing, table, i);
            lanes->when[i] = (float)(lanes->t_ns[i] / h->model->timing.block_ns);
        }
    }
}

/* Two returns (three only at half the rate) of every channel for a turn at 5 Hz, and a twentieth more. */
static int32_t most_points(const struct hesai_model *m)
{
    return (int32_t)(200e6 / m->timing.block_ns * 2 * m->channels * 1.05);
}

static void tell_why(struct hesai *h)
{
    const struct hesai_model *m = h->model;
    char header[32] = "no header, blocks FF EE";
    if (has_header(m))
        snprintf(header, sizeof header, m->header == 8 ? "header of 8 bytes" : "protocol %u.%u",
                 m->version[0], m->version[1]);
    snprintf(h->base.why, sizeof h->base.why, "%u-byte packets, %s, %u channels, %u blocks",
             tail_at(m) + m->tail->size, header, m->channels, m->blocks);
}

static int open_decoder(const struct glint_decoder_settings *settings, int32_t model,
                        const struct glint_packet *packets, int32_t n_packets,
                        struct glint_decoder **decoder_out)
{
    struct glint_beams beams;
    (void)packets;
    (void)n_packets;
    const struct hesai_model *m = &models[model];
    if (settings->calib)
        GLINT_TRY(glint_beams_load_hesai(settings->calib, m->channels, &beams));
    else
        glint_beams_init(&beams, m->channels, m->elevation_deg, m->azimuth_deg);
    struct hesai *h = calloc(1, sizeof *h);
    if (!h)
        return glint_fail(GLINT_E_NOMEM, "no memory for a decoder");
    h->base.ops = &ops;
    h->model = m;
    h->base.turns = true;
    h->base.to_vehicle_yaw = -GLINT_PI / 2;
    h->base.cap_points = most_points(m);
    snprintf(h->base.sensor, sizeof h->base.sensor, "%s", m->name);
    tell_why(h);
    snprintf(h->base.calibration, sizeof h->base.calibration, "%s", beams.source);
    set_lanes(h, &beams);
    h->turns = glint_turns();
    *decoder_out = &h->base;
    return GLINT_OK;
}

const struct glint_decoder_family glint_family_hesai = {
    .name = "hesai",
    .n_models = N_MODELS,
    .model_name = model_name,
    .model_of = model_of,
    .open = open_decoder,
};
