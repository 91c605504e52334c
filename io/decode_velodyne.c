/* io/decode_velodyne.c - Velodyne's 1206-byte data packets.
 *
 * 12 blocks of 100 bytes: flag FF EE, azimuth u16 (0.01 degree), 32 x (distance u16, reflectivity u8); then
 * the time of the first firing, u32 us past the hour, and two factory bytes: return mode and product (VLP-16
 * User Manual 63-9243, "Data Packet Structure"; HDL-32E User Manual 63-9113). All numbers little endian. In
 * dual return mode blocks come in pairs of one firing: last, then strongest return.
 *
 * The head turns on while a block's lasers fire one after another: each laser's azimuth is the block's plus
 * the step to the next block times its share of the block's time; the last block of a packet takes the step
 * before it. A VLP-16 block holds two firings of all 16 lasers. The larger sensors have banks of 32 lasers,
 * told by the flag: a firing is 4 blocks of a VLS-128 (FF EE, FF DD, FF CC, FF BB) or 2 of an HDL-64E (EE,
 * DD), whose factory bytes are no mode and product but a slow stream of status. With two returns a VLS-128
 * packet has one firing, its last four blocks unused; an HDL-64E sends both banks of one return, then of the
 * other. */
#include "core/bytes.h"
#include "io/decoder_family.h"
#include "io/lanes.h"
#include "io/nmea.h"
#include "io/velodyne_near.h"
#include "io/velodyne_tables.h"
#include "calib/beam_load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_SIZE    1206
#define POSITION_SIZE  512
#define POSITION_PORT  8308
#define BLOCKS         12
#define BLOCK_SIZE     100
#define LANES          32
#define BANKS          4
#define FLAG           0xeeff /* bytes FF EE: the first bank; the next is 0x1100 less */
#define BANK_STEP      0x1100
#define NO_PRODUCT     0 /* of an HDL-64E: the byte says something else */
#define MODE_STRONGEST 0x37
#define MODE_LAST      0x38
#define MODE_DUAL      0x39
#define PPS_LOCKED     2
#define STEP_MOST      200  /* 0.01 degree; a larger step is a gap in the field of view or a lost firing */
#define VIEW_GAP_LEAST 1000 /* 0.01 degree: a wider jump inside a packet is the end of the field of view */
#define VIEW_EDGE      200  /* its edges move by a block or two */
#define LATE_US        1000000u /* a packet so far behind is late; further back the clock was set */
#define HOUR_US        3600000000u

struct velodyne_model {
    const char *name;
    uint8_t product;   /* factory byte */
    uint8_t channels;  /* up to 32: lanes 0..channels-1 are the first firing of a block, and so on */
    uint8_t banks;     /* blocks of a firing */
    uint8_t at_once;   /* lasers that fire together */
    float unit_m;      /* of the distance */
    int32_t block_ns;  /* between firings of two blocks (of two groups of banks) */
    int32_t firing_ns; /* between the firings inside a block */
    int32_t laser_ns;  /* between lasers (groups of lasers) of a firing */
    int32_t shift_ns;  /* of the first laser against the packet's time */
    const float *elevation_deg, *azimuth_deg; /* nominal; NULL: there are none, azimuths 0 */
};

static const float vlp16_elevation[] = {-15, 1, -13, 3, -11, 5, -9, 7, -7, 9, -5, 11, -3, 13, -1, 15};
static const float hires_elevation[] = {-10,     0.667f, -8.667f, 2,      -7.333f, 3.333f, -6,      4.667f,
                                        -4.667f, 6,      -3.333f, 7.333f, -2,      8.667f, -0.667f, 10};
static const float hdl32_elevation[] = {-30.67f, -9.33f, -29.33f, -8,     -28,     -6.67f, -26.67f, -5.33f,
                                        -25.33f, -4,     -24,     -2.67f, -22.67f, -1.33f, -21.33f, 0,
                                        -20,     1.33f,  -18.67f, 2.67f,  -17.33f, 4,      -16,     5.33f,
                                        -14.67f, 6.67f,  -13.33f, 8,      -12,     9.33f,  -10.67f, 10.67f};
static const float vlp32_elevation[] = {
    -25,     -1,      -1.667f, -15.639f, -11.31f, 0,       -0.667f, -8.843f, -7.254f, 0.333f,  -0.333f,
    -6.148f, -5.333f, 1.333f,  0.667f,   -4,      -4.667f, 1.667f,  1,       -3.667f, -3.333f, 3.333f,
    2.333f,  -2.667f, -3,      7,        4.667f,  -2.333f, -2,      15,      10.333f, -1.333f};
static const float vlp32_azimuth[] = {
    1.4f, -4.2f, 1.4f, -1.4f, 1.4f, -1.4f, 4.2f, -1.4f, 1.4f, -4.2f, 1.4f, -1.4f, 4.2f, -1.4f, 4.2f, -1.4f,
    1.4f, -4.2f, 1.4f, -4.2f, 4.2f, -1.4f, 1.4f, -1.4f, 1.4f, -1.4f, 1.4f, -4.2f, 4.2f, -1.4f, 1.4f, -1.4f};

/* Timing: VLP-16 manual, firing sequence of 55.296 us, 2.304 us per laser; HDL-32E manual, 46.080 us, 1.152
 * us per laser; VLP-32C manual, 55.296 us, pairs of lasers 2.304 us apart. VLS-128: groups of 8 lasers 2.665
 * us apart with a pause of two after each eight groups, 53.3 us in all, the packet's time is that of the
 * fourth group (as VeloView and velodyne_decoder have it; newer firmware is told by its longer packets).
 * HDL-64E: groups of four lasers, S3 7.2 us apart in 57.6 us, S2 6 us in 48 us (tables of the manuals as in
 * velodyne_decoder). Angles as in the calibration files of the same manuals; an HDL-64E is nothing without
 * its own. */
static const struct velodyne_model models[] = {
    {"Velodyne VLP-16", 0x22, 16, 1, 1, 0.002f, 110592, 55296, 2304, 0, vlp16_elevation, NULL},
    {"Velodyne HDL-32E", 0x21, 32, 1, 1, 0.002f, 46080, 0, 1152, 0, hdl32_elevation, NULL},
    {"Velodyne VLP-32C", 0x28, 32, 1, 2, 0.004f, 55296, 0, 2304, 0, vlp32_elevation, vlp32_azimuth},
    {"Velodyne VLP-16 Hi-Res (Puck Hi-Res)", 0x24, 16, 1, 1, 0.002f, 110592, 55296, 2304, 0, hires_elevation,
     NULL},
    {"Velodyne VLS-128", 0xa1, 128, 4, 8, 0.004f, 53300, 0, 2665, -7000, glint_vls128_elevation_deg,
     glint_vls128_azimuth_deg},
    {"Velodyne HDL-64E S3", NO_PRODUCT, 64, 2, 4, 0.002f, 57600, 0, 7200, 0, NULL, NULL},
    {"Velodyne HDL-64E S2", NO_PRODUCT, 64, 2, 4, 0.002f, 48000, 0, 6000, 0, NULL, NULL},
};
#define N_MODELS ((int32_t)(sizeof models / sizeof models[0]))

struct velodyne {
    struct glint_decoder base;
    const struct velodyne_model *model;
    bool any_product; /* the sensor was named: the factory byte is not asked */
    bool as_measured; /* an HDL-64E's corrections near the sensor are not wanted */
    bool undecided;   /* only position packets were seen: the first data packet tells the model */
    bool has_last, last_had_gap;
    uint32_t last_us, first_us; /* first: since the clock was set last */
    int32_t last_azimuth;       /* 0.01 degree, of its last block */
    int32_t view[2]; /* azimuths of the first and last block of the field of view; equal: not known */
    int64_t gps_ns, gps_arrival_ns; /* of the last sentence of a receiver with fix and pulse; 0: none */
    int32_t last_step;              /* 0.01 degree, between firings */
    int32_t laser_ns, block_ns;     /* of the model or of its newer firmware */
    struct glint_beams beams;
    struct glint_velodyne_near near;
    struct glint_lanes lanes[BANKS];
    struct glint_shot shot;
    const struct glint_turns *turns;
};

/* How a packet is divided: firings of `banks` blocks for each return. */
struct layout {
    int32_t returns, group; /* blocks of a firing, all returns */
    int32_t used;           /* blocks */
    bool banks_first;       /* all banks of a return, then those of the other; else each bank twice */
};

static const uint8_t *block_at(const struct glint_packet *p, int32_t i)
{
    return p->data + i * BLOCK_SIZE;
}

/* -1: no flag of a block. */
static int32_t bank_of(const uint8_t *block)
{
    const int32_t below = FLAG - glint_le16(block);
    return below >= 0 && below % BANK_STEP == 0 && below / BANK_STEP < BANKS ? below / BANK_STEP : -1;
}

static int32_t azimuth_of(const struct glint_packet *p, int32_t block)
{
    return glint_le16(block_at(p, block) + 2);
}

static struct layout layout_of(const struct velodyne_model *m, const struct glint_packet *p)
{
    const bool dual = m->product == NO_PRODUCT ? azimuth_of(p, 0) == azimuth_of(p, m->banks)
                                               : p->data[PACKET_SIZE - 2] == MODE_DUAL;
    const int32_t returns = dual ? 2 : 1, group = m->banks * returns;
    return (struct layout){returns, group, BLOCKS / group * group, m->product == NO_PRODUCT};
}

static int32_t bank_wanted(const struct velodyne_model *m, const struct layout *l, int32_t block)
{
    const int32_t i = block % l->group;
    return l->banks_first ? i % m->banks : i / l->returns;
}

static bool well_formed(const struct velodyne_model *m, const struct glint_packet *p)
{
    const struct layout l = layout_of(m, p);
    for (int32_t i = 0; i < l.used; i++)
        if (bank_of(block_at(p, i)) != bank_wanted(m, &l, i) || azimuth_of(p, i) >= GLINT_AZIMUTH_STEPS)
            return false;
    const uint8_t mode = p->data[PACKET_SIZE - 2];
    return m->product == NO_PRODUCT || mode == MODE_STRONGEST || mode == MODE_LAST || mode == MODE_DUAL ||
           mode == 0; /* 0: early firmware */
}

/* Steps in 0.01 degree from each firing to the next. A step that cannot be a turn's is replaced by its
 * neighbour's before, for leading ones after; a packet of a single firing takes what was last seen. */
static void group_steps(struct velodyne *v, const struct glint_packet *p, const struct layout *l,
                        int32_t *steps)
{
    const int32_t n = l->used / l->group;
    int32_t good = -1;
    for (int32_t g = 0; g + 1 < n; g++) {
        const int32_t here = azimuth_of(p, g * l->group), next = azimuth_of(p, (g + 1) * l->group);
        const int32_t step = (next - here + GLINT_AZIMUTH_STEPS) % GLINT_AZIMUTH_STEPS;
        steps[g] = step <= STEP_MOST ? step : -1;
        if (good < 0 && steps[g] >= 0)
            good = steps[g];
    }
    steps[n - 1] = -1;
    good = good < 0 ? v->last_step : good;
    for (int32_t g = 0; g < n; g++)
        good = steps[g] = steps[g] < 0 ? good : steps[g];
    v->last_step = good;
}

static void decode_blocks(struct velodyne *v, const struct glint_packet *p, const struct layout *l,
                          int64_t t_ns, struct glint_returns *returns)
{
    const struct glint_lanes_kernels *k = glint_lanes_kernels();
    int32_t steps[BLOCKS];
    group_steps(v, p, l, steps);
    for (int32_t i = 0; i < l->used; i++) {
        const uint8_t *b = block_at(p, i);
        const struct glint_lanes *lanes = &v->lanes[bank_wanted(v->model, l, i)];
        const uint16_t azimuth = glint_le16(b + 2);
        const float step_rad = (float)steps[i / l->group] * (float)(GLINT_PI / 18000);
        const int32_t ret = l->banks_first ? i % l->group / v->model->banks : i % l->returns;
        /* azimuths are clockwise: the turn is by minus the angle */
        const float cos = v->turns->cos[azimuth], sin = -v->turns->sin[azimuth];
        k->read(b + 4, 3, false, LANES, v->model->unit_m, &v->shot);
        k->turning(lanes, cos, sin, -step_rad, &v->shot);
        if (v->near.has_near)
            glint_velodyne_near_points(&v->near, lanes, cos, sin, -step_rad, &v->shot);
        if (v->near.has_focus)
            glint_velodyne_near_intensities(&v->near, lanes, &v->shot);
        const struct glint_block block = {
            (float)azimuth * 0.01f, t_ns + (int64_t)(i / l->group) * v->block_ns, (uint16_t)i, (uint8_t)ret};
        glint_block_begin(returns, block.azimuth_deg);
        k->append(lanes, &v->shot, &block, returns);
    }
}

/* ---- what is missing ---- */

static int32_t azimuth_step(int32_t from, int32_t to)
{
    return (to - from + GLINT_AZIMUTH_STEPS) % GLINT_AZIMUTH_STEPS;
}

/* Outside its field of view the sensor sends nothing and packs the blocks on both sides of the gap into one
 * packet: a jump of the azimuth inside a packet tells where the view ends and begins. */
static bool find_view(struct velodyne *v, const struct glint_packet *p, const struct layout *l)
{
    bool found = false;
    for (int32_t b = 0; b + l->group < l->used; b += l->group) {
        const int32_t here = azimuth_of(p, b), next = azimuth_of(p, b + l->group);
        if (azimuth_step(here, next) < VIEW_GAP_LEAST)
            continue;
        found = true;
        v->view[0] = next;
        v->view[1] = here;
        v->base.window_deg[0] = (float)next * 0.01f;
        v->base.window_deg[1] = (float)here * 0.01f;
    }
    return found;
}

/* Whether the head went over the gap of the view between two packets. */
static bool over_the_gap(const struct velodyne *v, int32_t from, int32_t to)
{
    const int32_t a = azimuth_step(v->view[1], from), b = azimuth_step(to, v->view[0]);
    return v->view[0] != v->view[1] && (a <= VIEW_EDGE || a >= GLINT_AZIMUTH_STEPS - VIEW_EDGE) &&
           (b <= VIEW_EDGE || b >= GLINT_AZIMUTH_STEPS - VIEW_EDGE);
}

/* Packets between two azimuths, for a packet after one with the gap inside: its time does not tell. */
static uint32_t missing_by_azimuth(const struct velodyne *v, const struct glint_packet *p,
                                   const struct layout *l)
{
    const int32_t first = azimuth_of(p, 0), n = l->used / l->group;
    const int32_t span = azimuth_step(first, azimuth_of(p, l->used - l->group));
    const int32_t packet = n > 1 ? span * n / (n - 1) : v->last_step;
    const int32_t gap = azimuth_step(v->last_azimuth, first);
    return packet > 0 && packet < 2 * VIEW_GAP_LEAST ? (uint32_t)(gap / packet) : 0;
}

/* The packets carry no number: what is missing is told by the time since the one before, at the edge of the
 * view by the azimuth. A packet that is lost together with the first gap ever is counted by the whole gap. */
static uint32_t missing(struct velodyne *v, const struct glint_packet *p, uint32_t us, const struct layout *l)
{
    const uint32_t packet_ns = (uint32_t)v->block_ns * (uint32_t)(l->used / l->group);
    const uint32_t gap = (us % HOUR_US + HOUR_US - v->last_us % HOUR_US) % HOUR_US;
    const uint32_t periods = (uint32_t)((gap * UINT64_C(1000) + packet_ns / 2) / packet_ns);
    uint32_t lost = v->has_last ? glint_decoder_missing(0, periods, UINT32_MAX) : 0;
    if (v->has_last && gap > HOUR_US - LATE_US) { /* later than the first one: it was missed before */
        v->base.late = (v->first_us % HOUR_US + HOUR_US - us % HOUR_US) % HOUR_US >= LATE_US;
        return 0;
    }
    if (!v->has_last || gap > HOUR_US / 2)
        v->first_us = us;
    if (lost > 0 && over_the_gap(v, v->last_azimuth, azimuth_of(p, 0)))
        lost = 0;
    else if (lost > 0 && v->last_had_gap)
        lost = missing_by_azimuth(v, p, l);
    v->last_us = us;
    v->last_azimuth = azimuth_of(p, l->used - l->group);
    v->last_had_gap = find_view(v, p, l);
    v->has_last = true;
    return lost;
}

/* A packet of a single firing has no step in it: the azimuth since the one before tells. */
static void learn_step(struct velodyne *v, const struct glint_packet *p, const struct layout *l)
{
    const int32_t step = azimuth_step(v->last_azimuth, azimuth_of(p, 0));
    if (l->used == l->group && v->has_last && step <= STEP_MOST)
        v->last_step = step;
}

/* What tells the hour: the receiver's sentence, carried on by the capture's clock, when the sensor counts by
 * the receiver's pulses; else the capture's clock. */
static int64_t hour_of(const struct velodyne *v, int64_t stamp_ns)
{
    return v->gps_ns ? v->gps_ns + (stamp_ns - v->gps_arrival_ns) : stamp_ns;
}

/* Position packets come to a port of their own, which may have been changed; an NMEA sentence begins at byte
 * 206. */
static bool is_position(const struct glint_packet *p)
{
    return p->size == POSITION_SIZE && (p->dst_port == POSITION_PORT || memcmp(p->data + 206, "$GP", 3) == 0);
}

/* Time of the packet (us past the hour) at byte 198, state of the pulse per second at 202, the receiver's
 * last sentence at 206 (VLP-16 User Manual, "Position Packet Structure"). */
static void read_position(struct velodyne *v, const struct glint_packet *packet)
{
    struct glint_position *p = &v->base.samples.position;
    memset(p, 0, sizeof *p);
    v->base.samples.has_position = true;
    p->has_pps = true;
    p->pps = packet->data[202];
    glint_nmea_read((const char *)packet->data + 206, POSITION_SIZE - 206, p);
    const uint32_t us = glint_le32(packet->data + 198);
    const bool locked = p->valid && p->utc_ns && p->pps == PPS_LOCKED;
    if (locked && glint_decoder_believes(p->utc_ns, packet->stamp_ns)) {
        v->gps_ns = p->utc_ns;
        v->gps_arrival_ns = packet->stamp_ns;
    }
    p->t_ns = glint_decoder_utc(&v->base, (int64_t)us * 1000, false, hour_of(v, packet->stamp_ns));
}

/* When the lasers of a bank fire: with up to 32 channels one after the other (in groups of at_once), else in
 * groups of all banks: a VLS-128 pauses for two groups after each eight; the lasers of an HDL-64E's group are
 * a sixth of the group's time apart, both banks alike. */
static int32_t laser_time(const struct velodyne *v, int32_t bank, int32_t lane)
{
    const struct velodyne_model *m = v->model;
    const int32_t c = lane % m->channels;
    if (m->banks == 4) {
        const int32_t laser = bank * LANES + lane, slot = laser / m->at_once + laser / 64 * 2;
        return slot * v->laser_ns + m->shift_ns;
    }
    if (m->banks == 2)
        return lane / m->at_once * v->laser_ns + (lane % m->at_once > 0 ? m->laser_ns / 72 : 0) +
               lane % m->at_once * 1200;
    return lane / m->channels * m->firing_ns + c / m->at_once * v->laser_ns;
}

static void set_lanes(struct velodyne *v)
{
    const struct velodyne_model *m = v->model;
    for (int32_t bank = 0; bank < m->banks; bank++) {
        struct glint_lanes *lanes = &v->lanes[bank];
        lanes->n = LANES;
        for (int32_t i = 0; i < LANES; i++) {
            glint_lanes_set(lanes, i, &v->beams, bank * LANES + i % m->channels);
            lanes->t_ns[i] = laser_time(v, bank, i);
            lanes->when[i] = (float)(lanes->t_ns[i] - m->shift_ns) / (float)v->block_ns;
        }
    }
}

/* Newer firmware of the VLS-128 takes 2.89 us for a group: 173 us instead of 160 us for three firings. */
static void learn_period(struct velodyne *v, uint32_t us, const struct layout *l)
{
    const uint32_t three = (us - v->last_us) * (l->returns == 2 ? 3 : 1);
    if (v->model->banks != 4 || !v->has_last || three < 153 || three > 180)
        return;
    const int32_t laser_ns = three < 167 ? v->model->laser_ns : 2890;
    if (laser_ns == v->laser_ns)
        return;
    v->laser_ns = laser_ns;
    v->block_ns = 20 * laser_ns;
    set_lanes(v);
}

static void tell_why(struct velodyne *v)
{
    char product[48] = "banks of 32 lasers in turn";
    if (v->model->product != NO_PRODUCT)
        snprintf(product, sizeof product, "product byte 0x%02x", v->model->product);
    snprintf(v->base.why, sizeof v->base.why, "%u-byte packets%s, %s", PACKET_SIZE,
             v->any_product ? " and the name given; its packets have" : "", product);
}

static void become(struct velodyne *v, int32_t model, const struct glint_beams *beams)
{
    v->model = &models[model];
    v->undecided = false;
    snprintf(v->base.sensor, sizeof v->base.sensor, "%s", v->model->name);
    tell_why(v);
    snprintf(v->base.calibration, sizeof v->base.calibration, "%s", beams->source);
    v->beams = *beams;
    v->laser_ns = v->model->laser_ns;
    v->block_ns = v->model->block_ns;
    glint_velodyne_near_init(&v->near, beams);
    v->near.has_near = v->near.has_near && v->model->product == NO_PRODUCT && !v->as_measured;
    v->near.has_focus = v->near.has_focus && v->model->product == NO_PRODUCT && !v->as_measured;
    set_lanes(v);
}

static void nominal_beams(const struct velodyne_model *m, struct glint_beams *beams_out)
{
    glint_beams_init(beams_out, m->channels, m->elevation_deg, m->azimuth_deg);
}

/* HDL-64E packets have no product: they are told by their banks. */
static int32_t model_of(const struct glint_packet *p)
{
    if (p->size != PACKET_SIZE)
        return -1;
    for (int32_t m = 0; m < N_MODELS; m++)
        if ((models[m].product == NO_PRODUCT || models[m].product == p->data[PACKET_SIZE - 1]) &&
            well_formed(&models[m], p))
            return m;
    return -1;
}

/* The first data packet of a capture that began with positions. */
static void decide(struct velodyne *v, const struct glint_packet *p)
{
    struct glint_beams beams;
    const int32_t model = model_of(p);
    if (model < 0 || !models[model].elevation_deg)
        return;
    nominal_beams(&models[model], &beams);
    become(v, model, &beams);
}

static const char *mode_text(uint8_t mode)
{
    return mode == MODE_DUAL ? "dual (last, strongest)" : mode == MODE_LAST ? "last" : "strongest";
}

static enum glint_packet_kind decode(struct glint_decoder *d, const struct glint_packet *p,
                                     struct glint_returns *returns_out, uint32_t *lost_out)
{
    struct velodyne *v = (struct velodyne *)d;
    *lost_out = 0;
    returns_out->n = returns_out->n_blocks = 0;
    returns_out->frame_id = -1;
    if (is_position(p)) {
        read_position(v, p);
        return GLINT_PACKET_OTHER;
    }
    if (p->size != PACKET_SIZE)
        return p->size >= 2 && glint_le16(p->data) == FLAG ? GLINT_PACKET_MALFORMED : GLINT_PACKET_FOREIGN;
    if (v->undecided)
        decide(v, p);
    if (!well_formed(v->model, p))
        return model_of(p) >= 0 ? GLINT_PACKET_FOREIGN : GLINT_PACKET_MALFORMED;
    const uint8_t product = v->model->product;
    if (!v->any_product && product != NO_PRODUCT && p->data[PACKET_SIZE - 1] != product)
        return GLINT_PACKET_FOREIGN;
    const struct layout l = layout_of(v->model, p);
    const uint32_t us = glint_le32(p->data + PACKET_SIZE - 6);
    learn_period(v, us, &l);
    learn_step(v, p, &l);
    *lost_out = missing(v, p, us, &l);
    const int64_t t_ns = glint_decoder_utc(d, (int64_t)us * 1000, false, hour_of(v, p->stamp_ns));
    decode_blocks(v, p, &l, t_ns, returns_out);
    snprintf(d->return_mode, sizeof d->return_mode, "%s",
             product != NO_PRODUCT ? mode_text(p->data[PACKET_SIZE - 2])
                                   : (l.returns == 2 ? "dual (strongest, last)" : "single"));
    return GLINT_PACKET_LIDAR;
}

static void close_decoder(struct glint_decoder *d)
{
    free(d);
}

static const struct glint_decoder_ops ops = {"velodyne", decode, close_decoder};

static const char *model_name(int32_t model)
{
    return models[model].name;
}

/* Both returns of every laser for a turn at 5 Hz, and a twentieth more. */
static int32_t most_points(const struct velodyne_model *m)
{
    return (int32_t)(INT64_C(200000000) * 2 * LANES * m->banks / m->block_ns * 21 / 20);
}

static int load_beams(const struct glint_decoder_settings *settings, int32_t model,
                      struct glint_beams *beams_out)
{
    const struct velodyne_model *m = &models[model < 0 ? 0 : model];
    if (settings->calib && model < 0)
        return glint_fail(GLINT_E_FORMAT, "%s: no data packet says which Velodyne it is for: name the sensor",
                          settings->calib);
    if (settings->calib)
        return glint_beams_load_velodyne(settings->calib, m->channels, beams_out);
    if (!m->elevation_deg)
        return glint_fail(GLINT_E_NOTFOUND,
                          "an HDL-64E needs its calibration (--calib FILE: the unit's db.xml or YAML)");
    nominal_beams(m, beams_out);
    return GLINT_OK;
}

static int open_decoder(const struct glint_decoder_settings *settings, int32_t model,
                        const struct glint_packet *packets, int32_t n_packets,
                        struct glint_decoder **decoder_out)
{
    struct glint_beams beams;
    GLINT_TRY(load_beams(settings, model, &beams));
    struct velodyne *v = calloc(1, sizeof *v);
    if (!v)
        return glint_fail(GLINT_E_NOMEM, "no memory for a decoder");
    v->base.ops = &ops;
    v->base.turns = true;
    v->base.lost_by_time = true;
    v->any_product =
        model >= 0 && glint_family_vote(&glint_family_velodyne, packets, n_packets, NULL) != model;
    v->as_measured = settings->as_measured;
    become(v, model < 0 ? 0 : model, &beams);
    v->undecided = model < 0;
    if (v->undecided)
        snprintf(v->base.sensor, sizeof v->base.sensor, "Velodyne");
    if (v->undecided)
        snprintf(v->base.why, sizeof v->base.why, "position packets only (%u bytes to port %u)",
                 POSITION_SIZE, POSITION_PORT);
    for (int32_t m = 0; m < N_MODELS; m++)
        if ((model < 0 && models[m].elevation_deg) || m == model)
            v->base.cap_points =
                most_points(&models[m]) > v->base.cap_points ? most_points(&models[m]) : v->base.cap_points;
    v->turns = glint_turns();
    *decoder_out = &v->base;
    return GLINT_OK;
}

const struct glint_decoder_family glint_family_velodyne = {
    .name = "velodyne",
    .n_models = N_MODELS,
    .model_name = model_name,
    .model_of = model_of,
    .is_accessory = is_position,
    .open = open_decoder,
};
