/* io/decode_livox.c - Livox's second generation: Mid-360 and HAP.
 *
 * A packet is a header of 36 bytes and dot_num points (struct LivoxLidarEthernetPacket and the point types of
 * Livox-SDK2, include/livox_lidar_def.h; "Point Cloud & IMU Data Protocol" of the Livox Mid-360 and HAP
 * communication protocols): version, length, time_interval of the whole packet in 0.1 us, dot_num, udp_cnt,
 * frame_cnt, data_type, time_type, 12 reserved bytes, CRC-32 of all that follows it, time of the first point
 * in ns. All numbers little endian. Points follow each other evenly in time; point i is of line i modulo the
 * number of lines, as livox_ros_driver2 numbers them. The header does not say which sensor sent it: the port
 * does, else the time between points.
 *
 * Points are x forward, y left, z up, without any angle of the scan. A point's tag is its last byte. HAP (HAP
 * User Manual 2022, "Point Cloud Data"): bits 5 and 4 number the return - 1 the first from an object, 2 the
 * second, 0 one that is merged with the window's own echo -, 3 and 2 tell noise by intensity, 1 and 0 by
 * place. Mid-360: three confidences (rain and dust, glue between things, others), no number: one return. The
 * number is told; what is called noise is given out like all points.
 *
 * The protocol says that udp_cnt starts anew with each frame and that frame_cnt is not valid in non-repeating
 * scans; recordings of the Mid-360 are known where udp_cnt runs through all 16 bits. Both are taken. No
 * capture has been compared: tests encode packets themselves. */
#include "core/bytes.h"
#include "io/decoder_family.h"
#include "io/lanes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define HEAD_SIZE   36
#define AT_LENGTH   1
#define AT_INTERVAL 3
#define AT_DOTS     5
#define AT_UDP      7
#define AT_FRAME    9
#define AT_TYPE     10
#define AT_CRC      24
#define AT_TIME     28
#define TAG_NUMBER  0x30

#define TYPE_IMU    0
#define STANDARD_G  9.80665f
#define FRAME_NS    INT64_C(100000000)   /* where the sensor does not count frames */
#define LATE_NS     UINT64_C(1000000000) /* further back in time is a restart */
#define LATE_FRAMES 8
#define MANY        1000000 /* packets: more than any loss that is counted */
#define PORT_HAP    57000
#define PORT_MID    56300 /* and the next, at the host */
#define BETWEEN_100 35    /* 0.1 us between points: 22 in the HAP (452,000 points/s), 50 in the Mid-360 */

struct livox_model {
    const char *name;
    uint8_t lines;
    bool tag_numbers; /* a point's tag has the number of its return */
    int32_t points_s; /* per second */
};
static const struct livox_model models[] = {{"Livox Mid-360", 4, false, 200000},
                                            {"Livox HAP", 6, true, 452000}};
enum { MID_360, HAP, N_MODELS };

struct livox_type {
    uint8_t bytes; /* of a point */
    const char *text;
};
static const struct livox_type types[] = {
    {24, "IMU"}, {14, "x y z in mm"}, {8, "x y z in cm"}, {10, "depth and angles"}};
#define N_TYPES ((int32_t)(sizeof types / sizeof types[0]))

struct livox {
    struct glint_decoder base;
    const struct livox_model *model;

    uint16_t port; /* of the points; 0: none seen */
    bool has_last;
    uint16_t last_udp;
    uint64_t first_sensor_ns, last_sensor_ns; /* first: since its clock was set last */

    bool dual;              /* second returns were seen */
    bool has_frame, counts; /* frame_cnt changes */
    uint8_t last_frame;
    int64_t slot, frame_id; /* sensor time in FRAME_NS; ours */
    const struct glint_turns *turns;
};

/* ---- layout ---- */

static uint32_t dots(const uint8_t *data)
{
    return glint_le16(data + AT_DOTS);
}

/* Size, type and number of points agree. */
static bool well_formed(const struct glint_packet *p)
{
    if (p->size < HEAD_SIZE || p->data[0] != 0 || glint_le16(p->data + AT_LENGTH) != p->size)
        return false;
    const uint8_t type = p->data[AT_TYPE];
    return type < N_TYPES && dots(p->data) > 0 && p->size == HEAD_SIZE + dots(p->data) * types[type].bytes;
}

/* A CRC of 0 was never filled in. */
static bool crc_fits(const struct glint_packet *p)
{
    const uint32_t said = glint_le32(p->data + AT_CRC);
    return said == 0 || said == crc32(0, p->data + AT_TIME, p->size - AT_TIME);
}

/* What comes to the port of the points, or says its length as ours do. */
static bool is_damaged(const struct livox *v, const struct glint_packet *p)
{
    const bool says = p->size >= HEAD_SIZE && p->data[0] == 0 && glint_le16(p->data + AT_LENGTH) == p->size;
    return says || (v->port != 0 && p->dst_port == v->port);
}

/* ---- points ---- */

/* Where points of a packet go, and what they share. */
struct livox_out {
    struct glint_returns *r;
    uint8_t lines, tag_mask; /* of the return's number */
    uint32_t n, interval;    /* of the whole packet, 0.1 us */
    int64_t t_ns;
};

/* Writes point i and moves on only past one that saw something. end: its reflectivity and tag. */
static void append(const struct livox_out *o, uint32_t i, const float *p, const uint8_t *end, bool hit)
{
    const uint8_t number = (uint8_t)((end[1] & o->tag_mask) >> 4);
    struct glint_returns *r = o->r;
    const int32_t k = r->n;
    r->x[k] = p[0];
    r->y[k] = p[1];
    r->z[k] = p[2];
    r->intensity[k] = (float)end[0] * (1.0f / 255);
    r->azimuth[k] = 0;
    r->t_ns[k] = o->t_ns + (int64_t)((uint64_t)i * o->interval * 100 / o->n);
    r->block[k] = (uint16_t)(i / o->lines);
    r->channel[k] = r->ring[k] = (uint16_t)(i % o->lines);
    r->ret[k] = (uint8_t)(number - (number > 0));
    r->n += hit;
}

static void read_mm(const struct livox_out *o, const uint8_t *at)
{
    for (uint32_t i = 0; i < o->n; i++, at += 14) {
        const int32_t x = (int32_t)glint_le32(at), y = (int32_t)glint_le32(at + 4),
                      z = (int32_t)glint_le32(at + 8);
        const float p[3] = {(float)x * 1e-3f, (float)y * 1e-3f, (float)z * 1e-3f};
        append(o, i, p, at + 12, (x | y | z) != 0);
    }
}

static void read_cm(const struct livox_out *o, const uint8_t *at)
{
    for (uint32_t i = 0; i < o->n; i++, at += 8) {
        const int16_t x = (int16_t)glint_le16(at), y = (int16_t)glint_le16(at + 2),
                      z = (int16_t)glint_le16(at + 4);
        const float p[3] = {(float)x * 1e-2f, (float)y * 1e-2f, (float)z * 1e-2f};
        append(o, i, p, at + 6, (x | y | z) != 0);
    }
}

/* Depth in mm, angle from the zenith, azimuth counterclockwise from x, both in 0.01 degree. */
static void read_angles(const struct livox_out *o, const struct glint_turns *t, const uint8_t *at)
{
    for (uint32_t i = 0; i < o->n; i++, at += 10) {
        const uint32_t depth = glint_le32(at), theta = glint_le16(at + 4) % GLINT_AZIMUTH_STEPS,
                       phi = glint_le16(at + 6) % GLINT_AZIMUTH_STEPS;
        const float d = (float)depth * 1e-3f, flat = d * t->sin[theta];
        const float p[3] = {flat * t->cos[phi], flat * t->sin[phi], d * t->cos[theta]};
        append(o, i, p, at + 8, depth != 0);
    }
}

static void read_points(const struct livox *v, const struct glint_packet *p, const struct livox_out *o)
{
    const uint8_t *at = p->data + HEAD_SIZE;
    glint_block_begin(o->r, 0);
    if (p->data[AT_TYPE] == 1)
        read_mm(o, at);
    else if (p->data[AT_TYPE] == 2)
        read_cm(o, at);
    else
        read_angles(o, v->turns, at);
}

static bool has_second(const struct glint_returns *r)
{
    for (int32_t i = 0; i < r->n; i++)
        if (r->ret[i] > 0)
            return true;
    return false;
}

/* Turn in rad/s, acceleration in g. */
static void read_imu(struct livox *v, const struct glint_packet *p)
{
    struct glint_sensor_samples *s = &v->base.samples;
    const uint32_t n = dots(p->data) < GLINT_IMU_CAP ? dots(p->data) : GLINT_IMU_CAP;
    const int64_t t_ns =
        glint_decoder_utc(&v->base, (int64_t)glint_le64(p->data + AT_TIME), true, p->stamp_ns);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *at = p->data + HEAD_SIZE + i * types[TYPE_IMU].bytes;
        struct glint_imu *m = &s->imu[i];
        m->t_ns = t_ns + (int64_t)((uint64_t)i * glint_le16(p->data + AT_INTERVAL) * 100 / dots(p->data));
        for (int k = 0; k < 3; k++) {
            m->gyro[k] = glint_le_f32(at + 4 * k);
            m->accel[k] = glint_le_f32(at + 12 + 4 * k) * STANDARD_G;
        }
    }
    s->n_imu = (int32_t)n;
}

/* ---- what is missing ---- */

/* Packets by the time between two first points. */
static uint32_t missing_by_time(uint64_t gap_ns, uint32_t interval)
{
    const uint64_t packet_ns = (uint64_t)interval * 100;
    const uint64_t packets = packet_ns ? (gap_ns + packet_ns / 2) / packet_ns : 0;
    return glint_decoder_missing(0, packets < MANY ? packets : MANY, UINT32_MAX);
}

/* By the packets' number; where it starts anew, by time. */
static uint32_t missing(struct livox *v, const uint8_t *data)
{
    const uint16_t udp = glint_le16(data + AT_UDP), ahead = (uint16_t)(udp - v->last_udp);
    const uint64_t now = glint_le64(data + AT_TIME), last = v->last_sensor_ns;
    const bool known = v->has_last, restarted = now < last && last - now >= LATE_NS;
    if (known && !restarted && (now < last || (now == last && ahead == 0))) { /* late, or double */
        v->base.late = now < last && now >= v->first_sensor_ns;
        return 0;
    }
    v->has_last = true;
    v->last_udp = udp;
    v->last_sensor_ns = now;
    if (!known || restarted) {
        v->first_sensor_ns = now;
        return 0;
    }
    return ahead > 0 && ahead < 0x8000 ? ahead - 1u
                                       : missing_by_time(now - last, glint_le16(data + AT_INTERVAL));
}

/* ---- frames ---- */

/* The frame's number goes on by the sensor's count; small steps back are late packets. */
static int64_t frame_by_count(struct livox *v, uint8_t count)
{
    const uint8_t ahead = (uint8_t)(count - v->last_frame);
    if (ahead >= 256 - LATE_FRAMES)
        return v->frame_id - (256 - ahead);
    v->last_frame = count;
    v->frame_id += ahead;
    return v->frame_id;
}

static int64_t frame_by_time(struct livox *v, int64_t t_ns)
{
    const int64_t ahead = t_ns / FRAME_NS - v->slot;
    if (ahead < 0 && ahead > -LATE_FRAMES)
        return v->frame_id + ahead;
    v->slot += ahead;
    v->frame_id += ahead != 0;
    return v->frame_id;
}

static int64_t frame_of(struct livox *v, const uint8_t *data, int64_t t_ns)
{
    const uint8_t count = data[AT_FRAME];
    if (!v->has_frame) {
        v->has_frame = true;
        v->last_frame = count;
        v->slot = t_ns / FRAME_NS;
        v->frame_id = LATE_FRAMES; /* what is late is not negative */
    }
    v->counts = v->counts || count != v->last_frame;
    return v->counts ? frame_by_count(v, count) : frame_by_time(v, t_ns);
}

static enum glint_packet_kind decode(struct glint_decoder *d, const struct glint_packet *p,
                                     struct glint_returns *returns_out, uint32_t *lost_out)
{
    struct livox *v = (struct livox *)d;
    *lost_out = 0;
    returns_out->n = returns_out->n_blocks = 0;
    returns_out->frame_id = -1;
    if (!well_formed(p))
        return is_damaged(v, p) ? GLINT_PACKET_MALFORMED : GLINT_PACKET_FOREIGN;
    if (!crc_fits(p) || dots(p->data) > GLINT_RETURNS_CAP - 1)
        return GLINT_PACKET_MALFORMED;
    if (p->data[AT_TYPE] == TYPE_IMU) {
        read_imu(v, p);
        return GLINT_PACKET_OTHER;
    }
    v->port = p->dst_port;
    *lost_out = missing(v, p->data);
    const int64_t t_ns = glint_decoder_utc(d, (int64_t)glint_le64(p->data + AT_TIME), true, p->stamp_ns);
    const struct livox_out out = {.r = returns_out,
                                  .lines = v->model->lines,
                                  .tag_mask = v->model->tag_numbers ? TAG_NUMBER : 0,
                                  .n = dots(p->data),
                                  .interval = glint_le16(p->data + AT_INTERVAL),
                                  .t_ns = t_ns};
    returns_out->frame_id = frame_of(v, p->data, t_ns);
    read_points(v, p, &out);
    v->dual = v->dual || has_second(returns_out);
    snprintf(d->return_mode, sizeof d->return_mode, "%s", v->dual ? "dual" : "single");
    return GLINT_PACKET_LIDAR;
}

static void close_decoder(struct glint_decoder *d)
{
    free(d);
}

static const struct glint_decoder_ops ops = {"livox", decode, close_decoder};

/* ---- opening ---- */

static const char *model_name(int32_t model)
{
    return models[model].name;
}

static bool is_accessory(const struct glint_packet *p)
{
    return well_formed(p) && p->data[AT_TYPE] == TYPE_IMU && crc_fits(p);
}

static bool by_port(const struct glint_packet *p)
{
    return p->src_port == PORT_HAP || p->dst_port == PORT_HAP || p->src_port == PORT_MID ||
           p->dst_port == PORT_MID + 1;
}

static int32_t model_of(const struct glint_packet *p)
{
    if (!well_formed(p) || p->data[AT_TYPE] == TYPE_IMU || !crc_fits(p))
        return -1;
    if (by_port(p))
        return p->src_port == PORT_HAP || p->dst_port == PORT_HAP ? HAP : MID_360;
    return glint_le16(p->data + AT_INTERVAL) < dots(p->data) * BETWEEN_100 ? HAP : MID_360;
}

/* Looks ahead whether the sensor counts its frames, so that the first ones are cut alike. */
static void look(struct livox *v, const struct glint_packet *packets, int32_t n)
{
    const struct glint_packet *first = NULL;
    for (int32_t i = 0; i < n; i++) {
        const struct glint_packet *p = &packets[i];
        if (model_of(p) < 0 || (first && p->src_ip != first->src_ip))
            continue;
        if (first)
            v->counts = v->counts || p->data[AT_FRAME] != first->data[AT_FRAME];
        else
            first = p;
    }
    if (!first)
        snprintf(v->base.why, sizeof v->base.why, "no point packets seen");
    else
        snprintf(v->base.why, sizeof v->base.why,
                 "%u-byte packets with their length in bytes 1 and 2, %s, %s %u, %.1f us between points",
                 first->size, types[first->data[AT_TYPE]].text, by_port(first) ? "port" : "unknown port",
                 first->dst_port, glint_le16(first->data + AT_INTERVAL) * 0.1 / dots(first->data));
}

static int open_decoder(const struct glint_decoder_settings *settings, int32_t model,
                        const struct glint_packet *packets, int32_t n_packets,
                        struct glint_decoder **decoder_out)
{
    if (settings->calib)
        return glint_fail(GLINT_E_ARG, "%s: Livox sensors send points: there is nothing to calibrate",
                          settings->calib);
    struct livox *v = calloc(1, sizeof *v);
    if (!v)
        return glint_fail(GLINT_E_NOMEM, "no memory for a decoder");
    v->base.ops = &ops;
    v->model = &models[model < 0 ? MID_360 : model];
    v->base.cut_by_frame_id = true;
    v->base.cap_points = v->model->points_s / 5; /* 200 ms: twice a frame's */
    snprintf(v->base.sensor, sizeof v->base.sensor, "%s", model < 0 ? "Livox" : v->model->name);
    snprintf(v->base.calibration, sizeof v->base.calibration, "the sensor's own");
    look(v, packets, n_packets);
    v->turns = glint_turns();
    *decoder_out = &v->base;
    return GLINT_OK;
}

const struct glint_decoder_family glint_family_livox = {
    .name = "livox",
    .n_models = N_MODELS,
    .model_name = model_name,
    .model_of = model_of,
    .is_accessory = is_accessory,
    .open = open_decoder,
};
