/* io/decode_ouster.c - Ouster's lidar packets, all generations of OS-0, OS-1, OS-2 and OSDome.
 *
 * A packet is (not LEGACY: a header of 32 bytes,) columns of one measurement each - time, measurement id,
 * status - with the pixels of all beams, (and a footer of 32 bytes). What a pixel holds is the profile's: a
 * row of the table below (Ouster Firmware User Manual, "Lidar Data Packet Format", and the sensor's metadata
 * say which). All little endian.
 *
 * Points, after the manual's "Lidar Range to XYZ": with n the distance of the beams' origin from the lidar's,
 * the encoder at te = 2 pi (1 - id / columns), a beam at ta = -azimuth, phi = altitude, x = (r - n) cos(te +
 * ta) cos(phi) + n cos(te) ... = turn by te of ((r - n) direction(ta, phi) + (n, 0, up)) and then
 * lidar_to_sensor_transform. That is a beam table with an offset, turned per column. */
#include "calib/ouster_meta.h"
#include "core/bytes.h"
#include "io/decoder_family.h"
#include "io/lanes.h"
#include "io/nmea.h"
#include "io/ouster_format.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMU_SIZE      48 /* of the LEGACY IMU profile */
#define HEAD_SIZE     32 /* of all packets but LEGACY ones, and their footers */
#define NMEA_AT       HEAD_SIZE
#define MEASURED_AT   (NMEA_AT + 100) /* u64 ns, 92 characters */
#define MEASURED_SIZE 36
#define TYPE_LIDAR    1
#define TYPE_IMU      2
#define TYPE_ZONE     3
#define STANDARD_G    9.80665f
#define FIRST_LATE    4096 /* packets: what comes so much behind is late, further away a restart */

struct ouster_reader { /* where range and reflectivity of a return are in a pixel */
    uint8_t range_at, range_bytes, up, reflectivity_at;
    uint32_t mask;
};

struct ouster {
    struct glint_decoder base;
    const struct glint_ouster_profile *profile;
    struct ouster_reader reader[2];
    bool wide_frame_id; /* functional safety header: 32 bits */
    int32_t pixels, columns_per_frame, columns_per_packet;
    uint32_t packet_size;
    uint16_t lidar_port; /* of the first packet; 0 before */

    int32_t n_sent, first_sent; /* packets of a frame inside the column window, and the first of them */
    bool has_last;
    uint64_t last_number, first_number; /* first: since the sensor has started */

    bool tilted; /* lidar_to_sensor is more than a turn about z and a lift: it is applied apart */
    float matrix[12];
    struct glint_lanes lanes;
    struct glint_shot shot;
    float cos[GLINT_OUSTER_COLUMNS_CAP], sin[GLINT_OUSTER_COLUMNS_CAP]; /* per column */
};

/* ---- layout ---- */

static bool is_legacy(const struct glint_ouster_profile *f)
{
    return f->packet_head == 0;
}

static const uint8_t *column_at(const struct ouster *o, const uint8_t *data, int32_t c)
{
    return glint_ouster_column(o->profile, o->pixels, data, c);
}

static bool is_valid(const struct ouster *o, const uint8_t *column)
{
    return glint_ouster_status(o->profile, o->pixels, column) & 1;
}

/* LEGACY: in each column. */
static uint32_t frame_id(const struct ouster *o, const uint8_t *data, const uint8_t *column)
{
    if (is_legacy(o->profile))
        return glint_le16(column + 10);
    return o->wide_frame_id ? glint_le32(data + 4) : glint_le16(data + 2);
}

/* ---- packets ---- */

static void read_column(const struct ouster *o, const uint8_t *column, int32_t ret, struct glint_shot *shot)
{
    const struct ouster_reader *f = &o->reader[ret];
    const uint32_t step = o->profile->pixel_bytes;
    const uint8_t *pixel = column + o->profile->column_head;
    for (int32_t i = 0; i < o->pixels; i++, pixel += step) {
        const uint8_t *at = pixel + f->range_at;
        const uint32_t raw = ((f->range_bytes == 4 ? glint_le32(at) : glint_le16(at)) & f->mask) << f->up;
        shot->hit[i] = raw;
        shot->distance[i] = (float)raw * 1e-3f;
        shot->intensity[i] = (float)pixel[f->reflectivity_at] * (1.0f / 255);
    }
}

/* lidar_to_sensor where it is no plain turn. */
static void tilt(const struct ouster *o, struct glint_shot *shot)
{
    const float *m = o->matrix;
    for (int32_t i = 0; i < o->pixels; i++) {
        const float x = shot->x[i], y = shot->y[i], z = shot->z[i];
        shot->x[i] = m[0] * x + m[1] * y + m[2] * z + m[3];
        shot->y[i] = m[4] * x + m[5] * y + m[6] * z + m[7];
        shot->z[i] = m[8] * x + m[9] * y + m[10] * z + m[11];
    }
}

static void decode_column(struct ouster *o, const struct glint_packet *p, const uint8_t *column,
                          struct glint_returns *returns_out)
{
    const struct glint_lanes_kernels *k = glint_lanes_kernels();
    const uint16_t id = glint_ouster_measurement_id(column);
    const int64_t t_ns = glint_decoder_utc(&o->base, (int64_t)glint_le64(column), true, p->stamp_ns);
    glint_block_begin(returns_out, (float)id * 360.0f / (float)o->columns_per_frame);
    for (int32_t r = 0; r < o->profile->n_returns; r++) {
        const struct glint_block block = {(float)id * 360.0f / (float)o->columns_per_frame, t_ns, id,
                                          (uint8_t)r};
        read_column(o, column, r, &o->shot);
        k->place(&o->lanes, o->cos[id], o->sin[id], &o->shot);
        if (o->tilted)
            tilt(o, &o->shot);
        k->append(&o->lanes, &o->shot, &block, returns_out);
    }
}

/* Packets of the window are numbered through: frame, then their order in it. */
static uint32_t missing(struct ouster *o, uint32_t frame, uint16_t id)
{
    const int32_t in_frame = o->columns_per_frame / o->columns_per_packet;
    const int32_t place = in_frame ? (id / o->columns_per_packet - o->first_sent + in_frame) % in_frame : 0;
    const uint64_t modulus = (uint64_t)o->n_sent << 16;
    const uint64_t number = (uint64_t)(frame & 0xffff) * (uint64_t)o->n_sent + (uint64_t)place;
    if (place >= o->n_sent)
        return 0;
    const uint32_t lost = o->has_last ? glint_decoder_missing(o->last_number, number, modulus) : 0;
    const bool late = o->has_last && (o->last_number + modulus - number) % modulus < FIRST_LATE;
    const bool before_first = (o->first_number + modulus - number) % modulus - 1 < FIRST_LATE;
    const bool back = (number + modulus - o->last_number) % modulus > modulus / 2;
    o->base.late = late && !before_first;
    if (!o->has_last || (!late && back))
        o->first_number = number;
    if (!late)
        o->last_number = number;
    o->has_last = true;
    return lost;
}

/* ---- packets without points ---- */

static void read_vector(const uint8_t *p, float scale, float *out)
{
    for (int k = 0; k < 3; k++)
        out[k] = glint_le_f32(p + 4 * k) * scale;
}

/* Times of the packet, the acceleration and the turn (ns), g, degrees per second. */
static void read_imu_legacy(struct ouster *o, const struct glint_packet *p)
{
    struct glint_imu *m = &o->base.samples.imu[0];
    m->t_ns = glint_decoder_utc(&o->base, (int64_t)glint_le64(p->data + 8), true, p->stamp_ns);
    read_vector(p->data + 24, STANDARD_G, m->accel);
    read_vector(p->data + 36, (float)(GLINT_PI / 180), m->gyro);
    o->base.samples.n_imu = 1;
}

static int32_t imu_measurements(uint32_t size)
{
    const uint32_t frame = MEASURED_AT + HEAD_SIZE; /* the footer is as large as the header */
    return size > frame && (size - frame) % MEASURED_SIZE == 0 ? (int32_t)((size - frame) / MEASURED_SIZE)
                                                               : 0;
}

/* A sentence and its time, then measurements: time u64, number u16, status u16, m/s^2, rad/s. */
static void read_imu(struct ouster *o, const struct glint_packet *p)
{
    struct glint_sensor_samples *s = &o->base.samples;
    const int32_t n = imu_measurements(p->size);
    for (int32_t i = 0; i < n && s->n_imu < GLINT_IMU_CAP; i++) {
        const uint8_t *at = p->data + MEASURED_AT + i * MEASURED_SIZE;
        struct glint_imu *m = &s->imu[s->n_imu];
        m->t_ns = glint_decoder_utc(&o->base, (int64_t)glint_le64(at), true, p->stamp_ns);
        read_vector(at + 12, 1, m->accel);
        read_vector(at + 24, 1, m->gyro);
        s->n_imu += glint_le16(at + 10) & 1; /* valid */
    }
    if (n == 0 || p->data[NMEA_AT + 8] != '$')
        return;
    s->has_position = true;
    memset(&s->position, 0, sizeof s->position);
    s->position.t_ns = glint_decoder_utc(&o->base, (int64_t)glint_le64(p->data + NMEA_AT), true, p->stamp_ns);
    glint_nmea_read((const char *)p->data + NMEA_AT + 8, MEASURED_AT - NMEA_AT - 8, &s->position);
}

static bool is_accessory(const struct glint_packet *p)
{
    const uint16_t type = p->size >= HEAD_SIZE ? glint_le16(p->data) : 0;
    return (type == TYPE_IMU && imu_measurements(p->size) > 0) ||
           (type == TYPE_ZONE && p->size > 2 * HEAD_SIZE && p->data[2] == 0);
}

/* Sizes other than the lidar packets': IMU, zone monitoring, or something damaged on the lidar's port. */
static enum glint_packet_kind other_size(struct ouster *o, const struct glint_packet *p)
{
    if (p->size == IMU_SIZE) {
        read_imu_legacy(o, p);
        return GLINT_PACKET_OTHER;
    }
    const uint16_t type = p->size >= HEAD_SIZE && !is_legacy(o->profile) ? glint_le16(p->data) : 0;
    if (type == TYPE_IMU)
        read_imu(o, p);
    if (type == TYPE_IMU || type == TYPE_ZONE)
        return GLINT_PACKET_OTHER;
    return o->lidar_port != 0 && p->dst_port == o->lidar_port ? GLINT_PACKET_MALFORMED : GLINT_PACKET_FOREIGN;
}

static bool columns_fit(const struct ouster *o, const struct glint_packet *p)
{
    if (!is_legacy(o->profile) && p->data[0] != TYPE_LIDAR)
        return false;
    for (int32_t c = 0; c < o->columns_per_packet; c++) {
        const uint8_t *column = column_at(o, p->data, c);
        if (is_valid(o, column) && glint_ouster_measurement_id(column) >= o->columns_per_frame)
            return false;
    }
    return true;
}

static enum glint_packet_kind decode(struct glint_decoder *d, const struct glint_packet *p,
                                     struct glint_returns *returns_out, uint32_t *lost_out)
{
    struct ouster *o = (struct ouster *)d;
    *lost_out = 0;
    returns_out->n = returns_out->n_blocks = 0;
    returns_out->frame_id = -1;
    if (p->size != o->packet_size)
        return other_size(o, p);
    if (!columns_fit(o, p))
        return GLINT_PACKET_MALFORMED;
    for (int32_t c = 0; c < o->columns_per_packet; c++) {
        const uint8_t *column = column_at(o, p->data, c);
        if (!is_valid(o, column))
            continue;
        if (returns_out->frame_id < 0) {
            returns_out->frame_id = frame_id(o, p->data, column);
            *lost_out = missing(o, (uint32_t)returns_out->frame_id, glint_ouster_measurement_id(column));
        }
        decode_column(o, p, column, returns_out);
    }
    o->lidar_port = p->dst_port;
    return GLINT_PACKET_LIDAR;
}

static void close_decoder(struct glint_decoder *d)
{
    free(d);
}

static const struct glint_decoder_ops ops = {"ouster", decode, close_decoder};

/* ---- recognising ---- */

static const char *model_name(int32_t model)
{
    (void)model;
    return "Ouster OS-0 OS-1 OS-2 OSDome";
}

static bool ids_follow(const uint8_t *data, uint32_t stride, int32_t n)
{
    for (int32_t c = 0; c + 1 < n; c++) {
        const int32_t here = glint_ouster_measurement_id(data + (uint32_t)c * stride),
                      next = glint_ouster_measurement_id(data + (uint32_t)(c + 1) * stride);
        if (next != here + 1 && next != 0)
            return false;
    }
    return true;
}

/* Without metadata: columns of a known number of beams whose measurement ids count up. */
static int32_t model_of(const struct glint_packet *p)
{
    static const int32_t beams[] = {16, 32, 64, 128};
    for (int32_t f = 0; f < glint_ouster_n_profiles(); f++)
        for (int32_t b = 0; b < 4; b++)
            for (int32_t columns = 16; columns >= 8; columns /= 2) {
                const struct glint_ouster_profile *profile = glint_ouster_profile_at(f);
                if (p->size == glint_ouster_packet_bytes(profile, beams[b], columns) &&
                    (is_legacy(profile) || p->data[0] == TYPE_LIDAR) &&
                    ids_follow(p->data + profile->packet_head, glint_ouster_column_bytes(profile, beams[b]),
                               columns))
                    return 0;
            }
    return -1;
}

struct seen_packets {
    const struct glint_packet *packets;
    int32_t n;
    bool any_lidar; /* else there is nothing that metadata could fit */
};

static bool fits(void *ctx, const struct glint_ouster_meta *meta)
{
    const struct seen_packets *seen = ctx;
    const struct glint_ouster_profile *f = glint_ouster_profile(meta->profile);
    if (!f)
        return false;
    if (!seen->any_lidar)
        return true;
    for (int32_t i = 0; i < seen->n; i++)
        if (seen->packets[i].size == glint_ouster_packet_bytes(f, meta->pixels, meta->columns_per_packet))
            return true;
    return false;
}

static int find_meta(const struct glint_decoder_settings *settings, struct seen_packets *seen,
                     struct glint_ouster_meta *meta)
{
    if (settings->calib)
        return glint_ouster_meta_load(settings->calib, meta);
    if (settings->capture)
        return glint_ouster_meta_find(settings->capture, fits, seen, meta);
    return glint_fail(GLINT_E_NOTFOUND, "Ouster packets need the sensor's metadata: --calib FILE");
}

/* ---- opening ---- */

/* Whether the matrix is a turn about z and a lift. */
static bool is_plain(const double *m)
{
    return m[2] == 0 && m[3] == 0 && m[6] == 0 && m[7] == 0 && m[8] == 0 && m[9] == 0 && m[10] == 1 &&
           m[0] == m[5] && m[1] == -m[4];
}

static void set_columns(struct ouster *o, const double *m)
{
    for (int32_t i = 0; i < o->columns_per_frame; i++) {
        const double te = 2 * GLINT_PI * (1 - (double)i / o->columns_per_frame), c = cos(te), s = sin(te);
        o->cos[i] = (float)(o->tilted ? c : m[0] * c - m[4] * s);
        o->sin[i] = (float)(o->tilted ? s : m[4] * c + m[0] * s);
    }
}

static void set_beams(struct ouster *o, const struct glint_ouster_meta *meta)
{
    struct glint_beams beams;
    const double out = meta->beam_offset_m[0], up = meta->beam_offset_m[1];
    memset(&beams, 0, sizeof beams);
    beams.n = meta->pixels;
    for (int32_t i = 0; i < beams.n; i++) {
        beams.elevation[i] = meta->altitude_deg[i] * (GLINT_PI / 180);
        beams.azimuth[i] = meta->azimuth_deg[i] * (GLINT_PI / 180);
        beams.range[i] = -sqrt(out * out + up * up);
    }
    glint_beams_finish(&beams);
    o->lanes.n = beams.n;
    for (int32_t i = 0; i < beams.n; i++) {
        beams.off[0][i] += (float)out;
        beams.off[2][i] += (float)(up + (o->tilted ? 0 : meta->lidar_to_sensor[11]));
        glint_lanes_set(&o->lanes, i, &beams, i);
    }
}

/* The packets that touch the column window. */
static void set_window(struct ouster *o, const struct glint_ouster_meta *meta)
{
    const int32_t first = meta->window[0], n = o->columns_per_frame, k = o->columns_per_packet;
    const int32_t columns = (meta->window[1] - first + n) % n + 1;
    o->first_sent = first / k;
    o->n_sent = (first % k + columns + k - 1) / k;
    o->n_sent = o->n_sent < n / k ? o->n_sent : n / k;
    o->n_sent = o->n_sent > 0 ? o->n_sent : 1;
    if (columns < n) {
        o->base.window_deg[0] = (float)first * 360.0f / (float)n;
        o->base.window_deg[1] = (float)(meta->window[1] + 1) * 360.0f / (float)n;
    }
}

/* Ranges and reflectivities begin at whole bytes in every profile. */
static void set_readers(struct ouster *o)
{
    static const char *const names[2][2] = {{"RANGE", "REFLECTIVITY"}, {"RANGE2", "REFLECTIVITY2"}};
    for (int32_t r = 0; r < o->profile->n_returns; r++) {
        const struct glint_ouster_field *range = glint_ouster_field(o->profile, names[r][0]),
                                        *reflectivity = glint_ouster_field(o->profile, names[r][1]);
        o->reader[r] = (struct ouster_reader){
            .range_at = range->bit / 8,
            .range_bytes = range->bits > 16 ? 4 : 2,
            .up = range->up,
            .reflectivity_at = reflectivity->bit / 8,
            .mask = UINT32_MAX >> (32 - range->bits),
        };
    }
}

static void set_up(struct ouster *o, const struct glint_ouster_meta *meta)
{
    o->base.ops = &ops;
    o->wide_frame_id = meta->fusa || strncmp(meta->profile, "FUSA", 4) == 0;
    set_readers(o);
    o->pixels = meta->pixels;
    o->columns_per_frame = meta->columns_per_frame;
    o->columns_per_packet = meta->columns_per_packet;
    o->packet_size = glint_ouster_packet_bytes(o->profile, o->pixels, o->columns_per_packet);
    o->tilted = !is_plain(meta->lidar_to_sensor);
    for (int i = 0; i < 12; i++)
        o->matrix[i] = (float)meta->lidar_to_sensor[i];
    o->base.cut_by_frame_id = o->base.turns = true;
    o->base.cap_points = o->columns_per_frame * o->pixels * o->profile->n_returns;
    snprintf(o->base.sensor, sizeof o->base.sensor, "Ouster %.50s",
             *meta->product ? meta->product : "sensor");
    snprintf(o->base.calibration, sizeof o->base.calibration, "%s", meta->path);
    snprintf(o->base.why, sizeof o->base.why, "%u-byte packets fit %.40s with %d beams and %d columns",
             o->packet_size, meta->profile, o->pixels, o->columns_per_packet);
    snprintf(o->base.return_mode, sizeof o->base.return_mode, "%s (%.36s)",
             o->profile->n_returns == 2 ? "dual" : "single", meta->profile);
    set_columns(o, meta->lidar_to_sensor);
    set_beams(o, meta);
    set_window(o, meta);
}

static int open_decoder(const struct glint_decoder_settings *settings, int32_t model,
                        const struct glint_packet *packets, int32_t n_packets,
                        struct glint_decoder **decoder_out)
{
    struct glint_ouster_meta meta;
    struct seen_packets seen = {packets, n_packets, model >= 0};
    GLINT_TRY(find_meta(settings, &seen, &meta));
    const struct glint_ouster_profile *profile = glint_ouster_profile(meta.profile);
    if (!profile)
        return glint_fail(GLINT_E_UNSUPPORTED, "%s: udp_profile_lidar \"%s\" is not decoded", meta.path,
                          meta.profile);
    if (glint_ouster_packet_bytes(profile, meta.pixels, meta.columns_per_packet) > UINT16_MAX ||
        meta.pixels * meta.columns_per_packet * profile->n_returns > GLINT_RETURNS_CAP - GLINT_LANES_CAP)
        return glint_fail(GLINT_E_FORMAT, "%s: %d pixels x %d columns make no UDP packet", meta.path,
                          meta.pixels, meta.columns_per_packet);
    if (settings->calib && seen.any_lidar && !fits(&seen, &meta))
        return glint_fail(GLINT_E_FORMAT, "%s: no packet has the %u bytes of %s with %d beams and %d columns",
                          meta.path, glint_ouster_packet_bytes(profile, meta.pixels, meta.columns_per_packet),
                          meta.profile, meta.pixels, meta.columns_per_packet);
    struct ouster *o = calloc(1, sizeof *o);
    if (!o)
        return glint_fail(GLINT_E_NOMEM, "no memory for a decoder");
    o->profile = profile;
    set_up(o, &meta);
    *decoder_out = &o->base;
    return GLINT_OK;
}

const struct glint_decoder_family glint_family_ouster = {
    .name = "ouster",
    .by_metadata = true,
    .n_models = 1,
    .model_name = model_name,
    .model_of = model_of,
    .is_accessory = is_accessory,
    .open = open_decoder,
};
