/* io/decode_velodyne.c - Velodyne's 1206-byte data packets.
 *
 * 12 blocks of 100 bytes: flag FF EE, azimuth u16 (0.01 degree), 32 x (distance u16, reflectivity u8); then
 * the time of the first firing, u32 us past the hour, and two factory bytes: return mode and product (VLP-16
 * User Manual 63-9243, "Data Packet Structure"; HDL-32E User Manual 63-9113). All numbers little endian. In
 * dual return mode blocks come in pairs of one firing: last, then strongest return.
 *
 * The head turns on while a block's lasers fire one after another: each laser's azimuth is the block's plus
 * the step to the next block times its share of the block's time; the last block of a packet takes the step
 * before it. A VLP-16 block holds two firings of all 16 lasers. */
#include "core/bytes.h"
#include "io/decoder_family.h"
#include "io/lanes.h"
#include "io/nmea.h"
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
#define FLAG           0xeeff /* bytes FF EE */
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
    uint8_t channels;  /* lanes 0..channels-1 are the first firing of a block, and so on */
    uint8_t at_once;   /* lasers that fire together */
    float unit_m;      /* of the distance */
    int32_t block_ns;  /* between firings of two blocks */
    int32_t firing_ns; /* between the firings inside a block */
    int32_t laser_ns;  /* between lasers (pairs of lasers) of a firing */
    float elevation_deg[LANES], azimuth_deg[LANES];
};

/* Timing: VLP-16 manual, firing sequence of 55.296 us, 2.304 us per laser; HDL-32E manual, 46.080 us, 1.152
 * us per laser; VLP-32C manual, 55.296 us, pairs of lasers 2.304 us apart. Angles as in the calibration files
 * of the same manuals. */
static const struct velodyne_model models[] = {
    {"Velodyne VLP-16",
     0x22,
     16,
     1,
     0.002f,
     110592,
     55296,
     2304,
     {-15, 1, -13, 3, -11, 5, -9, 7, -7, 9, -5, 11, -3, 13, -1, 15},
     {0}},
    {"Velodyne HDL-32E",
     0x21,
     32,
     1,
     0.002f,
     46080,
     0,
     1152,
     {-30.67f, -9.33f,  -29.33f, -8,      -28,     -6.67f, -26.67f, -5.33f,  -25.33f, -4,      -24,
      -2.67f,  -22.67f, -1.33f,  -21.33f, 0,       -20,    1.33f,   -18.67f, 2.67f,   -17.33f, 4,
      -16,     5.33f,   -14.67f, 6.67f,   -13.33f, 8,      -12,     9.33f,   -10.67f, 10.67f},
     {0}},
    {"Velodyne VLP-32C",
     0x28,
     32,
     2,
     0.004f,
     55296,
     0,
     2304,
     {-25,     -1,      -1.667f, -15.639f, -11.31f, 0,       -0.667f, -8.843f, -7.254f, 0.333f,  -0.333f,
      -6.148f, -5.333f, 1.333f,  0.667f,   -4,      -4.667f, 1.667f,  1,       -3.667f, -3.333f, 3.333f,
      2.333f,  -2.667f, -3,      7,        4.667f,  -2.333f, -2,      15,      10.333f, -1.333f},
     {1.4f,  -4.2f, 1.4f,  -1.4f, 1.4f,  -1.4f, 4.2f,  -1.4f, 1.4f,  -4.2f, 1.4f,
      -1.4f, 4.2f,  -1.4f, 4.2f,  -1.4f, 1.4f,  -4.2f, 1.4f,  -4.2f, 4.2f,  -1.4f,
      1.4f,  -1.4f, 1.4f,  -1.4f, 1.4f,  -4.2f, 4.2f,  -1.4f, 1.4f,  -1.4f}},
};
#define N_MODELS ((int32_t)(sizeof models / sizeof models[0]))

struct velodyne {
    struct glint_decoder base;
    const struct velodyne_model *model;
    bool any_product; /* the sensor was named: the factory byte is not asked */
    bool undecided;   /* only position packets were seen: the first data packet tells the model */
    bool has_last, last_had_gap;
    uint32_t last_us, first_us; /* first: since the clock was set last */
    int32_t last_azimuth;       /* 0.01 degree, of its last block */
    int32_t view[2]; /* azimuths of the first and last block of the field of view; equal: not known */
    int64_t gps_ns, gps_arrival_ns; /* of the last sentence of a receiver with fix and pulse; 0: none */
    struct glint_lanes lanes;
    struct glint_shot shot;
    struct glint_turns turns;
};

static const uint8_t *block_at(const struct glint_packet *p, int32_t i)
{
    return p->data + i * BLOCK_SIZE;
}

static bool well_formed(const struct glint_packet *p)
{
    for (int32_t i = 0; i < BLOCKS; i++) {
        const uint8_t *b = block_at(p, i);
        if (glint_le16(b) != FLAG || glint_le16(b + 2) >= GLINT_AZIMUTH_STEPS)
            return false;
    }
    const uint8_t mode = p->data[PACKET_SIZE - 2];
    return mode == MODE_STRONGEST || mode == MODE_LAST || mode == MODE_DUAL ||
           mode == 0; /* 0: early firmware */
}

/* Steps in 0.01 degree from each group of blocks (a firing's returns) to the next. A step that cannot be a
 * turn's is replaced by its neighbour's before, for leading ones after. */
static void group_steps(const struct glint_packet *p, int32_t group, int32_t *steps)
{
    const int32_t n = BLOCKS / group;
    int32_t good = -1;
    for (int32_t g = 0; g + 1 < n; g++) {
        const int32_t here = glint_le16(block_at(p, g * group) + 2),
                      next = glint_le16(block_at(p, (g + 1) * group) + 2);
        const int32_t step = (next - here + GLINT_AZIMUTH_STEPS) % GLINT_AZIMUTH_STEPS;
        steps[g] = step <= STEP_MOST ? step : -1;
        if (good < 0 && steps[g] >= 0)
            good = steps[g];
    }
    steps[n - 1] = -1;
    good = good < 0 ? 0 : good;
    for (int32_t g = 0; g < n; g++)
        good = steps[g] = steps[g] < 0 ? good : steps[g];
}

static void read_block(const uint8_t *b, float unit_m, struct glint_shot *shot)
{
    const uint8_t *p = b + 4;
    for (int32_t i = 0; i < LANES; i++, p += 3) {
        const uint32_t raw = glint_le16(p);
        shot->hit[i] = raw;
        shot->distance[i] = (float)raw * unit_m;
        shot->intensity[i] = (float)p[2] * (1.0f / 255);
    }
}

static void decode_blocks(struct velodyne *v, const struct glint_packet *p, int64_t t_ns,
                          struct glint_returns *returns)
{
    const int32_t group = p->data[PACKET_SIZE - 2] == MODE_DUAL ? 2 : 1;
    int32_t steps[BLOCKS];
    group_steps(p, group, steps);
    for (int32_t i = 0; i < BLOCKS; i++) {
        const uint8_t *b = block_at(p, i);
        const uint16_t azimuth = glint_le16(b + 2);
        const float step_rad = (float)steps[i / group] * (float)(GLINT_PI / 18000);
        read_block(b, v->model->unit_m, &v->shot);
        /* azimuths are clockwise: the turn is by minus the angle */
        glint_lanes_place_turning(&v->lanes, v->turns.cos[azimuth], -v->turns.sin[azimuth], -step_rad,
                                  &v->shot);
        const struct glint_block block = {(float)azimuth * 0.01f,
                                          t_ns + (int64_t)(i / group) * v->model->block_ns, (uint16_t)i,
                                          (uint8_t)(i % group)};
        glint_block_begin(returns, block.azimuth_deg);
        glint_lanes_append(&v->lanes, &v->shot, &block, returns);
    }
}

/* ---- what is missing ---- */

static int32_t azimuth_of(const struct glint_packet *p, int32_t block)
{
    return glint_le16(block_at(p, block) + 2);
}

static int32_t azimuth_step(int32_t from, int32_t to)
{
    return (to - from + GLINT_AZIMUTH_STEPS) % GLINT_AZIMUTH_STEPS;
}

/* Outside its field of view the sensor sends nothing and packs the blocks on both sides of the gap into one
 * packet: a jump of the azimuth inside a packet tells where the view ends and begins. */
static bool find_view(struct velodyne *v, const struct glint_packet *p, int32_t group)
{
    bool found = false;
    for (int32_t b = 0; b + group < BLOCKS; b += group) {
        const int32_t here = azimuth_of(p, b), next = azimuth_of(p, b + group);
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
static uint32_t missing_by_azimuth(const struct velodyne *v, const struct glint_packet *p, int32_t group)
{
    const int32_t first = azimuth_of(p, 0), span = azimuth_step(first, azimuth_of(p, BLOCKS - group));
    const int32_t packet = span * (BLOCKS / group) / (BLOCKS / group - 1);
    const int32_t gap = azimuth_step(v->last_azimuth, first);
    return packet > 0 && packet < 2 * VIEW_GAP_LEAST ? (uint32_t)(gap / packet) : 0;
}

/* The packets carry no number: what is missing is told by the time since the one before, at the edge of the
 * view by the azimuth. A packet that is lost together with the first gap ever is counted by the whole gap. */
static uint32_t missing(struct velodyne *v, const struct glint_packet *p, uint32_t us, int32_t group)
{
    const uint32_t packet_us = (uint32_t)v->model->block_ns * (BLOCKS / (uint32_t)group) / 1000;
    const uint32_t gap = (us % HOUR_US + HOUR_US - v->last_us % HOUR_US) % HOUR_US;
    const uint32_t periods = (gap + packet_us / 2) / packet_us;
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
        lost = missing_by_azimuth(v, p, group);
    v->last_us = us;
    v->last_azimuth = azimuth_of(p, BLOCKS - group);
    v->last_had_gap = find_view(v, p, group);
    v->has_last = true;
    return lost;
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

static void set_lanes(struct velodyne *v, const struct glint_beams *beams)
{
    const struct velodyne_model *m = v->model;
    v->lanes.n = LANES;
    for (int32_t i = 0; i < LANES; i++) {
        const int32_t c = i % m->channels;
        glint_lanes_set(&v->lanes, i, beams, c);
        v->lanes.t_ns[i] = i / m->channels * m->firing_ns + c / m->at_once * m->laser_ns;
        v->lanes.when[i] = (float)v->lanes.t_ns[i] / (float)m->block_ns;
    }
}

static void become(struct velodyne *v, int32_t model, const struct glint_beams *beams)
{
    v->model = &models[model];
    v->undecided = false;
    snprintf(v->base.sensor, sizeof v->base.sensor, "%s", v->model->name);
    snprintf(v->base.why, sizeof v->base.why, "%u-byte packets%s, product byte 0x%02x", PACKET_SIZE,
             v->any_product ? " and the name given; theirs has" : "", v->model->product);
    snprintf(v->base.calibration, sizeof v->base.calibration, "%s", beams->source);
    set_lanes(v, beams);
}

static void nominal_beams(const struct velodyne_model *m, struct glint_beams *beams_out)
{
    glint_beams_init(beams_out, m->channels, m->elevation_deg, m->azimuth_deg);
}

static int32_t model_of(const struct glint_packet *p)
{
    if (p->size != PACKET_SIZE || !well_formed(p))
        return -1;
    for (int32_t m = 0; m < N_MODELS; m++)
        if (models[m].product == p->data[PACKET_SIZE - 1])
            return m;
    return -1;
}

static void decide(struct velodyne *v, const struct glint_packet *p)
{
    struct glint_beams beams;
    const int32_t model = model_of(p);
    if (model < 0)
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
    if (!well_formed(p))
        return GLINT_PACKET_MALFORMED;
    if (v->undecided)
        decide(v, p);
    if (!v->any_product && p->data[PACKET_SIZE - 1] != v->model->product)
        return GLINT_PACKET_FOREIGN;
    const uint8_t mode = p->data[PACKET_SIZE - 2];
    const uint32_t us = glint_le32(p->data + PACKET_SIZE - 6);
    *lost_out = missing(v, p, us, mode == MODE_DUAL ? 2 : 1);
    const int64_t t_ns = glint_decoder_utc(d, (int64_t)us * 1000, false, hour_of(v, p->stamp_ns));
    decode_blocks(v, p, t_ns, returns_out);
    snprintf(d->return_mode, sizeof d->return_mode, "%s", mode_text(mode));
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
    return (int32_t)(INT64_C(200000000) * 2 * LANES / m->block_ns * 21 / 20);
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
    become(v, model < 0 ? 0 : model, &beams);
    v->undecided = model < 0;
    if (v->undecided)
        snprintf(v->base.sensor, sizeof v->base.sensor, "Velodyne");
    if (v->undecided)
        snprintf(v->base.why, sizeof v->base.why, "position packets only (%u bytes to port %u)",
                 POSITION_SIZE, POSITION_PORT);
    for (int32_t m = 0; m < N_MODELS; m++)
        if (model < 0 || m == model)
            v->base.cap_points =
                most_points(&models[m]) > v->base.cap_points ? most_points(&models[m]) : v->base.cap_points;
    glint_turns_init(&v->turns);
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
