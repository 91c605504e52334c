/* io/decode_robosense.c - RoboSense's spinning sensors: Helios, RS-LiDAR-32, Bpearl. The M1 has a file of its
 * own, the models' numbers are in robosense_models.c.
 *
 * A packet of points (MSOP, "Main Data Stream Output Protocol" of the user manuals) is a header of 42 bytes
 * with type and time, 12 blocks of 100 bytes - flag FF EE, azimuth u16 (0.01 degree, clockwise), 32 x
 * (distance u16, intensity u8) - and 6 bytes. All numbers big endian. In dual mode the two blocks of a pair
 * are of one firing; where a sensor has 16 lasers, the two halves of a block are: two firings, or in dual
 * mode two returns of one.
 *
 * The head turns on while lasers fire: a laser's azimuth is the block's plus the step to the next firing
 * times its share of that time, as rs_driver and the manuals do it. The 16 lasers' second firing is half the
 * step later ("Azimuth Value Interpolation" of the Helios-16P's manual; rs_driver has a quarter).
 *
 * Once a second the sensor sends its state (DIFOP): return mode, field of view, direction of turn, angles of
 * the lasers. They are used from then on, when opened with such a packet from the start; without one the
 * return mode is told by the blocks' azimuths or the packets' pace, and angles are nominal.
 *
 * No capture of these sensors has been compared: tests encode packets themselves. */
#include "calib/beam_robosense.h"
#include "core/bytes.h"
#include "io/lanes.h"
#include "io/nmea.h"
#include "io/robosense.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS         12
#define BLOCKS_AT      42
#define BLOCK_SIZE     100
#define TIME_AT        20
#define UNIT_AT        17
#define STEP_MOST      100  /* 0.01 degree: a larger step is a gap in the field of view or a lost firing */
#define VIEW_GAP_LEAST 1000 /* 0.01 degree: a wider jump inside a packet is the end of the field of view */
#define LATE_NS        INT64_C(1000000000) /* further back is another clock */
#define MANY           1000000             /* packets: more than any loss that is counted */

#define DIFOP_FOV      32 /* start and end u16, 0.01 degree */
#define DIFOP_MODE     300
#define DIFOP_TIME     303
#define DIFOP_REVERSED 337
#define DIFOP_NMEA     382
#define NMEA_SIZE      86
#define DIFOP_VERTICAL 468
#define DIFOP_LEVEL    (DIFOP_VERTICAL + GLINT_ROBOSENSE_ANGLE_BYTES)

struct robosense {
    struct glint_decoder base;
    const struct robosense_model *model;
    bool any_type;  /* the sensor was named: the type bytes are not asked */
    bool undecided; /* only device packets were seen: the first points tell the model */
    bool from_file; /* angles, for good */

    bool has_mode, fast; /* fast: the pace of a 16-laser sensor's dual mode */
    uint8_t mode;
    bool reversed;
    bool halves; /* lanes are those of half a block */

    bool has_last, view_seen;   /* in a packet, not only in the sensor's state */
    int64_t first_ns, begin_ns; /* sensor's time of the first packet, since it was set; of the last packet */
    int64_t last_ns;            /* of the last firing */
    int32_t last_azimuth;
    int32_t view[2]; /* azimuths of the field of view; equal: all */

    struct glint_beams beams;
    struct glint_lanes lanes;
    struct glint_shot shot;
    const struct glint_turns *turns;
};

/* How a packet's blocks follow each other. */
struct robosense_pace {
    int32_t group; /* blocks of one firing */
    int32_t groups;
    int32_t group_ns;         /* between their firings */
    int32_t steps[BLOCKS];    /* 0.01 degree, to the next */
    int64_t after_ns[BLOCKS]; /* of the groups, after the first */
    double step;              /* mean */
};

/* ---- layout ---- */

static const uint8_t *block_at(const uint8_t *data, int32_t b)
{
    return data + BLOCKS_AT + b * BLOCK_SIZE;
}

static int32_t azimuth_of(const uint8_t *data, int32_t b)
{
    return glint_be16(block_at(data, b) + 2);
}

static int32_t azimuth_step(int32_t from, int32_t to)
{
    return (to - from + GLINT_AZIMUTH_STEPS) % GLINT_AZIMUTH_STEPS;
}

static bool blocks_fit(const uint8_t *data)
{
    for (int32_t b = 0; b < BLOCKS; b++)
        if (glint_be16(block_at(data, b)) != 0xffee || azimuth_of(data, b) >= GLINT_AZIMUTH_STEPS)
            return false;
    return true;
}

/* A date in bytes - year, month, day, hour, minute, second, then ms and us u16 - or seconds and us. -1: the
 * sensor has no time. */
static int64_t time_at(const struct robosense_model *m, const uint8_t *d)
{
    if (m->utc)
        return robosense_utc(d);
    const int32_t ms = glint_be16(d + 6), us = glint_be16(d + 8);
    if (d[1] < 1 || d[1] > 12 || d[2] < 1 || d[2] > 31 || d[3] > 23 || d[4] > 59 || d[5] > 60 || ms > 999 ||
        us > 999)
        return -1;
    const int64_t s = glint_days_of(2000 + d[0], d[1], d[2]) * 86400 + d[3] * 3600 + d[4] * 60 + d[5];
    return s * 1000000000 + ms * INT64_C(1000000) + us * INT64_C(1000);
}

/* ---- pace ---- */

/* Blocks in pairs of one azimuth are dual mode; where the head stands, the sensor's state tells. */
static bool is_dual(const struct robosense *r, const uint8_t *data)
{
    const bool said = r->has_mode && r->mode == 0;
    bool still = true;
    if (r->model->lasers == 16)
        return r->has_mode ? said : r->fast;
    for (int32_t b = 0; b < BLOCKS; b += 2) {
        if (azimuth_of(data, b) != azimuth_of(data, b + 1))
            return false;
        still = still && azimuth_of(data, b) == azimuth_of(data, 0);
    }
    return still ? said : true;
}

/* Steps that cannot be a turn's are replaced by the one before, leading ones by the first that can. */
static void mend_steps(struct robosense_pace *p)
{
    int32_t good = 0, n = 0, sum = 0;
    for (int32_t g = p->groups - 2; g >= 0; g--)
        if (p->steps[g] <= STEP_MOST) {
            good = p->steps[g];
            sum += good;
            n++;
        }
    p->step = n ? (double)sum / n : 0;
    for (int32_t g = 0; g < p->groups; g++)
        good = p->steps[g] = g + 1 < p->groups && p->steps[g] <= STEP_MOST ? p->steps[g] : good;
}

/* Over a gap in the field of view the head takes its time. */
static void set_times(struct robosense_pace *p, const int32_t *raw)
{
    p->after_ns[0] = 0;
    for (int32_t g = 0; g + 1 < p->groups; g++) {
        const bool gap = raw[g] > STEP_MOST && p->step > 0;
        p->after_ns[g + 1] =
            p->after_ns[g] + (gap ? (int64_t)(p->group_ns * (raw[g] / p->step)) : p->group_ns);
    }
}

static void find_pace(const struct robosense *r, const uint8_t *data, bool dual, struct robosense_pace *p)
{
    int32_t raw[BLOCKS];
    const bool two_firings = r->model->lasers == 16 && !dual;
    p->group = dual && r->model->lasers != 16 ? 2 : 1;
    p->groups = BLOCKS / p->group;
    p->group_ns = r->model->firing_ns * (two_firings ? 2 : 1);
    for (int32_t g = 0; g + 1 < p->groups; g++)
        p->steps[g] = raw[g] =
            azimuth_step(azimuth_of(data, g * p->group), azimuth_of(data, (g + 1) * p->group));
    mend_steps(p);
    set_times(p, raw);
}

/* ---- lanes ---- */

/* Turning the other way, azimuths count the other way too. */
static void set_lanes(struct robosense *r)
{
    const struct robosense_model *m = r->model;
    struct glint_beams b = r->beams;
    for (int32_t c = 0; c < b.n && r->reversed; c++)
        b.azimuth[c] = -b.azimuth[c];
    glint_beams_finish(&b);
    for (int32_t c = 0; c < b.n; c++) {
        b.off[0][c] += m->ahead_m;
        b.off[2][c] += m->up_m;
    }
    r->lanes.n = r->halves ? m->lasers : ROBOSENSE_LANES;
    const float group_ns = (float)m->firing_ns * (float)(r->lanes.n / m->lasers);
    for (int32_t i = 0; i < r->lanes.n; i++) {
        glint_lanes_set(&r->lanes, i, &b, i % m->lasers);
        r->lanes.t_ns[i] = i / m->lasers * m->firing_ns + m->laser_ns[i % m->lasers];
        r->lanes.when[i] = (float)r->lanes.t_ns[i] / group_ns;
    }
}

static void decode_blocks(struct robosense *r, const uint8_t *data, const struct robosense_pace *pace,
                          int64_t t_ns, struct glint_returns *returns)
{
    const struct robosense_model *m = r->model;
    const float unit_m = !m->says_unit ? m->unit_m : data[UNIT_AT] ? 0.0025f : 0.005f;
    const struct glint_lanes_kernels *k = glint_lanes_kernels();
    const float way = r->reversed ? 1 : -1; /* azimuths are clockwise: the turn is by minus the angle */
    for (int32_t b = 0; b < BLOCKS; b++) {
        const int32_t g = b / pace->group, azimuth = azimuth_of(data, b);
        const float step_rad = way * (float)pace->steps[g] * (float)(GLINT_PI / 18000);
        struct glint_block block = {(float)azimuth * 0.01f, t_ns + pace->after_ns[g], (uint16_t)b,
                                    (uint8_t)(b % pace->group)};
        glint_block_begin(returns, block.azimuth_deg);
        for (int32_t i = 0; i < ROBOSENSE_LANES; i += r->lanes.n) {
            k->read(block_at(data, b) + 4 + 3 * i, 3, true, r->lanes.n, unit_m, &r->shot);
            k->turning(&r->lanes, r->turns->cos[azimuth], way * r->turns->sin[azimuth], step_rad, &r->shot);
            k->append(&r->lanes, &r->shot, &block, returns);
            block.ret++;
        }
    }
}

/* ---- what is missing ---- */

/* Outside its field of view the sensor sends nothing; both sides of the gap may come in one packet. */
static void find_view(struct robosense *r, const uint8_t *data, int32_t group)
{
    for (int32_t b = 0; b + group < BLOCKS; b += group) {
        const int32_t here = azimuth_of(data, b), next = azimuth_of(data, b + group);
        if (azimuth_step(here, next) < VIEW_GAP_LEAST)
            continue;
        r->view_seen = true;
        r->view[0] = next;
        r->view[1] = here;
        r->base.window_deg[0] = (float)next * 0.01f;
        r->base.window_deg[1] = (float)here * 0.01f;
    }
}

/* How far the head has turned inside the field of view (0.01 degree) while it went on by `turned` from the
 * last firing. */
static double turned_in_view(const struct robosense *r, double turned)
{
    const double width = azimuth_step(r->view[0], r->view[1]);
    double from = azimuth_step(r->view[0], r->last_azimuth);
    from = from < width ? from : width;
    const double to = from + turned, over = (double)(int64_t)(to / GLINT_AZIMUTH_STEPS);
    const double rest = to - over * GLINT_AZIMUTH_STEPS;
    return over * width + (rest < width ? rest : width) - from;
}

/* Packets that fit between the last firing and this packet's first: by time; with a field of view by the
 * azimuth, whole turns by time. */
static uint32_t missing_between(const struct robosense *r, int32_t first, int64_t gap_ns,
                                const struct robosense_pace *p)
{
    const double by_time = (double)gap_ns / p->group_ns; /* firings */
    double firings = by_time;
    if (r->view[0] != r->view[1] && p->step > 0) {
        const double ahead = azimuth_step(r->last_azimuth, first);
        const double turns = (double)(int64_t)((by_time * p->step - ahead) / GLINT_AZIMUTH_STEPS + 0.5);
        firings = turned_in_view(r, ahead + (turns > 0 ? turns : 0) * GLINT_AZIMUTH_STEPS) / p->step;
    }
    const double packets = (firings - 1) / p->groups + 0.5;
    return packets < 1 ? 0
                       : glint_decoder_missing(0, packets < MANY ? (uint64_t)packets + 1 : MANY, UINT32_MAX);
}

/* The packets carry no number that two sources agree on: the time tells what is missing. */
static uint32_t missing(struct robosense *r, const uint8_t *data, int64_t sensor_ns,
                        const struct robosense_pace *p)
{
    const int64_t gap_ns = sensor_ns - r->last_ns, packet_ns = (int64_t)p->group_ns * p->groups;
    uint32_t lost = 0;
    if (sensor_ns < 0)
        return 0;
    if (r->has_last && gap_ns <= 0 && gap_ns > -LATE_NS - packet_ns) { /* late, or double */
        r->base.late = sensor_ns < r->begin_ns && sensor_ns >= r->first_ns;
        return 0;
    }
    if (!r->has_last || gap_ns <= 0)
        r->first_ns = sensor_ns;
    else
        lost = missing_between(r, azimuth_of(data, 0), gap_ns, p);
    r->has_last = true;
    r->begin_ns = sensor_ns;
    r->last_ns = sensor_ns + p->after_ns[p->groups - 1];
    r->last_azimuth = azimuth_of(data, BLOCKS - p->group);
    find_view(r, data, p->group);
    return lost;
}

/* ---- the sensor's state ---- */

static void read_view(struct robosense *r, const uint8_t *data)
{
    const int32_t from = glint_be16(data + DIFOP_FOV), to = glint_be16(data + DIFOP_FOV + 2);
    if (r->view_seen || from > GLINT_AZIMUTH_STEPS || to > GLINT_AZIMUTH_STEPS)
        return;
    r->view[0] = from % GLINT_AZIMUTH_STEPS;
    r->view[1] = to % GLINT_AZIMUTH_STEPS;
    r->base.window_deg[0] = (float)r->view[0] * 0.01f;
    r->base.window_deg[1] = (float)r->view[1] * 0.01f;
}

static void read_position(struct robosense *r, const struct glint_packet *packet)
{
    struct glint_position *p = &r->base.samples.position;
    const int64_t sensor_ns = time_at(r->model, packet->data + DIFOP_TIME);
    if (packet->data[DIFOP_NMEA] != '$')
        return;
    memset(p, 0, sizeof *p);
    r->base.samples.has_position = true;
    p->t_ns = glint_decoder_utc(&r->base, sensor_ns, true, packet->stamp_ns);
    glint_nmea_read((const char *)packet->data + DIFOP_NMEA, NMEA_SIZE, p);
}

/* Everything but the position. */
static void read_state(struct robosense *r, const uint8_t *data)
{
    const uint8_t mode = data[DIFOP_MODE];
    if (robosense_mode_text(mode, r->model->new_modes)[0]) {
        r->has_mode = true;
        r->mode = mode;
    }
    r->reversed = r->model->reverses && data[DIFOP_REVERSED] != 0;
    if (!r->from_file && glint_beams_read_robosense(data + DIFOP_VERTICAL, data + DIFOP_LEVEL,
                                                    r->model->angle_unit_deg, r->model->lasers, &r->beams))
        snprintf(r->base.calibration, sizeof r->base.calibration, "%s", r->beams.source);
    read_view(r, data);
    set_lanes(r);
}

/* ---- packets ---- */

static void become(struct robosense *r, int32_t model)
{
    const struct robosense_model *m = r->model = &robosense_models[model];
    r->undecided = false;
    snprintf(r->base.sensor, sizeof r->base.sensor, "%s", m->name);
    if (!r->from_file)
        glint_beams_init(&r->beams, m->lasers, m->elevation_deg, m->azimuth_deg);
    snprintf(r->base.calibration, sizeof r->base.calibration, "%s", r->beams.source);
    set_lanes(r);
}

static bool is_ours(struct robosense *r, const struct glint_packet *p)
{
    const int32_t model = robosense_model_of(p);
    if (r->undecided && model >= 0 && model < robosense_n_spinning())
        become(r, model);
    return robosense_is_msop(p, r->model->head) && (r->any_type || model == r->model - robosense_models);
}

static enum glint_packet_kind not_ours(const struct glint_packet *p)
{
    const bool whole = p->size == ROBOSENSE_MSOP_BYTES || robosense_is_device(p) || robosense_is_m1(p);
    return robosense_begins_like(p) && !whole ? GLINT_PACKET_MALFORMED : GLINT_PACKET_FOREIGN;
}

static void tell_mode(struct robosense *r, bool dual)
{
    const char *said = r->has_mode ? robosense_mode_text(r->mode, r->model->new_modes) : "single";
    const bool agree = dual == (r->has_mode && r->mode == 0);
    snprintf(r->base.return_mode, sizeof r->base.return_mode, "%s", dual ? "dual" : agree ? said : "single");
}

static enum glint_packet_kind decode(struct glint_decoder *d, const struct glint_packet *p,
                                     struct glint_returns *returns_out, uint32_t *lost_out)
{
    struct robosense *r = (struct robosense *)d;
    struct robosense_pace pace;
    *lost_out = 0;
    returns_out->n = returns_out->n_blocks = 0;
    returns_out->frame_id = -1;
    if (p->size == ROBOSENSE_DIFOP_BYTES && robosense_is_device(p)) {
        if (!r->undecided)
            read_state(r, p->data);
        read_position(r, p);
        return GLINT_PACKET_OTHER;
    }
    if (!is_ours(r, p))
        return not_ours(p);
    if (!blocks_fit(p->data))
        return GLINT_PACKET_MALFORMED;
    const bool dual = is_dual(r, p->data), halves = dual && r->model->lasers == 16;
    if (halves != r->halves) {
        r->halves = halves;
        set_lanes(r);
    }
    find_pace(r, p->data, dual, &pace);
    const int64_t sensor_ns = time_at(r->model, p->data + TIME_AT);
    *lost_out = missing(r, p->data, sensor_ns, &pace);
    decode_blocks(r, p->data, &pace, glint_decoder_utc(d, sensor_ns, true, p->stamp_ns), returns_out);
    tell_mode(r, dual);
    return GLINT_PACKET_LIDAR;
}

static void close_decoder(struct glint_decoder *d)
{
    free(d);
}

static const struct glint_decoder_ops ops = {"robosense", decode, close_decoder};

/* ---- opening ---- */

static const char *model_name(int32_t model)
{
    return model < robosense_n_spinning() ? robosense_models[model].name : "RoboSense RS-LiDAR-M1";
}

/* The first packet of the family, with the model's magic if any is; what it says of the sensor. */
static const struct glint_packet *tell_why(struct robosense *r, const struct glint_packet *packets, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const uint8_t *d = packets[i].data;
        if (!robosense_is_msop(&packets[i], r->model->head))
            continue;
        snprintf(r->base.why, sizeof r->base.why,
                 "%u-byte packets that begin 55 AA 05 %02X%s, type bytes %u %u, model byte %u",
                 packets[i].size, d[3], r->any_type ? " and the name given; theirs have" : "", d[30], d[31],
                 d[32]);
        return &packets[i];
    }
    return NULL;
}

/* Packets of 12 firings instead of 24 are a 16-laser sensor's in dual mode. */
static bool is_fast(const struct robosense *r, const struct glint_packet *first,
                    const struct glint_packet *packets, int32_t n)
{
    const int64_t single_ns = (int64_t)r->model->firing_ns * 2 * BLOCKS;
    int64_t last = time_at(r->model, first->data + TIME_AT), least = INT64_MAX;
    for (const struct glint_packet *p = first + 1; p < packets + n; p++) {
        if (!robosense_is_msop(p, r->model->head) || p->src_ip != first->src_ip)
            continue;
        const int64_t now = time_at(r->model, p->data + TIME_AT);
        least = now > last && now - last < least ? now - last : least;
        last = now;
    }
    return least < single_ns * 3 / 4;
}

static void look(struct robosense *r, const struct glint_packet *packets, int32_t n)
{
    const struct glint_packet *first = tell_why(r, packets, n);
    if (!first)
        return;
    r->fast = r->model->lasers == 16 && is_fast(r, first, packets, n);
    for (int32_t i = 0; i < n; i++)
        if (packets[i].size == ROBOSENSE_DIFOP_BYTES && robosense_is_device(&packets[i]) &&
            packets[i].src_ip == first->src_ip) {
            read_state(r, packets[i].data);
            return;
        }
}

static int open_spinning(const struct glint_decoder_settings *settings, int32_t model,
                         const struct glint_packet *packets, int32_t n_packets,
                         struct glint_decoder **decoder_out)
{
    struct glint_beams beams = {0};
    const int32_t known = model < 0 ? 0 : model;
    if (settings->calib && model < 0)
        return glint_fail(GLINT_E_FORMAT, "%s: no packet says which RoboSense it is for: name the sensor",
                          settings->calib);
    if (settings->calib)
        GLINT_TRY(glint_beams_load_robosense(settings->calib, robosense_models[model].lasers, &beams));
    struct robosense *r = calloc(1, sizeof *r);
    if (!r)
        return glint_fail(GLINT_E_NOMEM, "no memory for a decoder");
    r->base.ops = &ops;
    r->base.turns = true;
    r->base.lost_by_time = true;
    r->from_file = settings->calib != NULL;
    r->beams = beams;
    r->any_type = model >= 0 && glint_family_vote(&glint_family_robosense, packets, n_packets, NULL) != model;
    become(r, known);
    /* two returns of every laser for a turn at 5 Hz, and a twentieth more; undecided, of the most lasers */
    r->base.cap_points =
        (int32_t)(210e6 / r->model->firing_ns * 2 * (model < 0 ? ROBOSENSE_LANES : r->model->lasers));
    r->turns = glint_turns();
    r->undecided = model < 0;
    if (r->undecided)
        snprintf(r->base.sensor, sizeof r->base.sensor, "RoboSense");
    else
        look(r, packets, n_packets);
    if (!r->base.why[0])
        snprintf(r->base.why, sizeof r->base.why, "device packets only (A5 FF 00 5A 11 11 55 55)");
    *decoder_out = &r->base;
    return GLINT_OK;
}

/* The M1's device packets have a size of their own. */
static bool only_m1(const struct glint_packet *packets, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (robosense_is_device(&packets[i]))
            return packets[i].size == ROBOSENSE_M1_DIFOP;
    return false;
}

static int open_decoder(const struct glint_decoder_settings *settings, int32_t model,
                        const struct glint_packet *packets, int32_t n_packets,
                        struct glint_decoder **decoder_out)
{
    if (model != robosense_n_spinning() && !(model < 0 && only_m1(packets, n_packets)))
        return open_spinning(settings, model, packets, n_packets, decoder_out);
    if (settings->calib)
        return glint_fail(GLINT_E_ARG, "%s: the RS-LiDAR-M1 sends angles with every point", settings->calib);
    return glint_robosense_m1_open(decoder_out);
}

const struct glint_decoder_family glint_family_robosense = {
    .name = "robosense",
    .n_models = 6, /* the rows of robosense_models and the M1 */
    .model_name = model_name,
    .model_of = robosense_model_of,
    .is_accessory = robosense_is_device,
    .open = open_decoder,
};
