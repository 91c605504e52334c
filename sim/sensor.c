/* sim/sensor.c - see sensor.h. */
#include "sim/sensor.h"
#include "calib/beam.h"
#include "io/decoder_family.h"
#include "sim/math.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TURN         36000 /* 0.01 degree */
#define FACE_COLUMNS 1200  /* of an AT128 */
#define FACE_NS      INT64_C(100000000)
#define FACE_START   3000 /* 0.01 degree of the encoder; as the correction file in packet_hesai.c has it */
#define FACE_APART   12000
#define FACE_STEP    5
#define RAD          (GLINT_PI / 18000) /* of 0.01 degree */
#define T0_NS        INT64_C(1700000000000000000)
#define PROBE_NEAR   4.0 /* m */
#define PROBE_FAR    40.0

/* Ranges of the data sheets: least, most, and of a target of 10 %; noise; beam; usual height. The first row
 * whose name is in the format's counts. */
static const struct range_row {
    const char *name;
    float least, most, ten, noise, beam, height;
} ranges[] = {
    {"VLP-16", 0.5f, 100, 60, 0.012f, 3.0e-3f, 1.8f},
    {"VLP-32C", 1, 200, 100, 0.015f, 2.5e-3f, 1.8f},
    {"HDL-32E", 1, 100, 60, 0.013f, 2.8e-3f, 1.84f},
    {"HDL-64E", 0.9f, 120, 60, 0.015f, 2.0e-3f, 1.73f},
    {"VLS-128", 1, 245, 180, 0.012f, 2.0e-3f, 1.9f},
    {"XT32M", 0.5f, 262, 100, 0.01f, 1.3e-3f, 1.8f},
    {"PandarXT", 0.3f, 120, 80, 0.008f, 1.3e-3f, 1.8f},
    {"QT64", 0.1f, 60, 25, 0.012f, 3.0e-3f, 1.8f},
    {"QT128", 0.1f, 60, 25, 0.01f, 3.0e-3f, 1.8f},
    {"Pandar40P", 0.3f, 200, 140, 0.012f, 2.0e-3f, 1.8f},
    {"Pandar64", 0.3f, 200, 140, 0.012f, 2.0e-3f, 1.8f},
    {"128", 0.3f, 230, 170, 0.012f, 1.5e-3f, 1.9f},
    {"OS0", 0.5f, 75, 35, 0.015f, 6.0e-3f, 1.8f},
    {"OS2", 0.8f, 350, 180, 0.015f, 1.6e-3f, 1.9f},
    {"Ouster", 0.5f, 170, 90, 0.012f, 3.2e-3f, 1.8f},
    {"Helios", 0.2f, 150, 90, 0.012f, 2.5e-3f, 1.8f},
    {"RS-LiDAR-32", 0.4f, 200, 110, 0.015f, 2.5e-3f, 1.8f},
    {"Bpearl", 0.1f, 100, 30, 0.015f, 3.0e-3f, 0.6f},
    {"LiDAR-M1", 0.5f, 200, 150, 0.015f, 3.0e-3f, 1.6f},
    {"Mid-360", 0.1f, 70, 40, 0.012f, 4.0e-3f, 1.6f},
    {"HAP", 0.5f, 150, 130, 0.012f, 3.0e-3f, 1.6f},
};

static const struct range_row *range_row(const char *name)
{
    const int32_t n = (int32_t)(sizeof ranges / sizeof ranges[0]);
    for (int32_t i = 0; i < n - 1; i++)
        if (glint_decoder_name_has(name, ranges[i].name) &&
            (strcmp(ranges[i].name, "128") != 0 || !glint_decoder_name_has(name, "Ouster")))
            return &ranges[i];
    return &ranges[n - 1];
}

/* ---- where the head stands ---- */

void glint_sim_sensor_column(const struct glint_sim_sensor *s, int64_t k, struct glint_sim_column *column_out)
{
    const struct glint_packet_format *f = s->format;
    const int64_t packet = k / f->firings;
    struct glint_sim_column c = {.t_ns = packet * f->packet_ns + k % f->firings * f->firing_ns};
    int64_t turned = 0; /* 0.01 degree, clockwise */
    if (f->angles == GLINT_ANGLE_CLOCKWISE) {
        turned = k * s->step % TURN;
        c.angle = (uint32_t)turned;
        c.turn = (uint32_t)(k * s->step / TURN);
    } else if (f->angles == GLINT_ANGLE_COLUMN) {
        c.angle = (uint32_t)(k % f->columns);
        c.turn = (uint32_t)(k / f->columns);
    } else if (f->angles == GLINT_ANGLE_MIRROR) {
        const int64_t face = k / FACE_COLUMNS;
        turned = 2 * FACE_STEP * (k % FACE_COLUMNS);
        c.t_ns = face * FACE_NS + k % FACE_COLUMNS * f->firing_ns;
        c.angle = (uint32_t)(FACE_START + face % 3 * FACE_APART + turned / 2);
        c.turn = (uint32_t)face;
    } else if (strcmp(f->family, "livox") == 0) {
        c.turn = (uint32_t)(packet * f->packet_ns / FACE_NS);
    } else {
        c.turn = (uint32_t)(packet / (f->returns == 2 ? 1260 : 630));
    }
    c.head_rad = f->angles == GLINT_ANGLE_COLUMN ? (float)(-2 * GLINT_PI * c.angle / f->columns)
                                                 : (float)(-RAD * (double)turned);
    *column_out = c;
}

static uint32_t turn_after(const struct glint_sim_sensor *s, int64_t packets)
{
    struct glint_sim_column c;
    glint_sim_sensor_column(s, packets * s->format->firings - 1, &c);
    return c.turn;
}

/* The last packet that begins in time. */
static int64_t packet_at(const struct glint_sim_sensor *s, int64_t t_ns, int64_t most)
{
    int64_t k = 0;
    for (int64_t step = most; step > 0; step /= 2)
        for (;;) {
            struct glint_sim_column c;
            glint_sim_sensor_column(s, (k + step) * s->format->firings, &c);
            if (c.t_ns > t_ns)
                break;
            k += step;
        }
    return k;
}

int64_t glint_sim_sensor_packets(const struct glint_sim_sensor *s, double seconds)
{
    const int64_t wanted_ns = (int64_t)(seconds * 1e9), second = 1000000000 / s->format->packet_ns;
    int64_t lo = 1, hi = wanted_ns / s->format->packet_ns + second + 2;
    struct glint_sim_column c;
    glint_sim_sensor_column(s, packet_at(s, wanted_ns, hi) * s->format->firings, &c);
    const uint32_t turns = c.turn > 0 ? c.turn : 1;
    while (lo < hi) { /* the first number of packets that goes beyond them */
        const int64_t mid = lo + (hi - lo) / 2;
        if (turn_after(s, mid) >= turns)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo - 1;
}

/* ---- patterns that do not turn ---- */

static double fraction(double x)
{
    return x - floor(x);
}

/* -1..1..-1 over 0..1 */
static double triangle(double x)
{
    const double f = fraction(x);
    return f < 0.5 ? 4 * f - 1 : 3 - 4 * f;
}

static float to_grid(double deg)
{
    return (float)(floor(deg * 100 + 0.5) * RAD);
}

/* An M1's five zones of 24 degrees are scanned side by side, 125 places to and fro in each of 126 rows. */
static void pattern_m1(int64_t k, float *azimuth, float *elevation)
{
    const int64_t in_frame = k % (126 * 125), row = in_frame / 125, place = in_frame % 125;
    const int64_t column = row % 2 ? 124 - place : place;
    for (int32_t c = 0; c < 5; c++) {
        azimuth[c] = to_grid(48 - 24.0 * c + 0.2 * (double)(62 - column));
        elevation[c] = to_grid(12.5 - 0.2 * (double)row);
    }
}

/* Livox: numbers of sweeps per second that do not go into each other, so that frames fill each other's gaps.
 */
void glint_sim_sensor_pattern(const struct glint_sim_sensor *s, int64_t k, float *azimuth_out,
                              float *elevation_out)
{
    const struct glint_packet_format *f = s->format;
    if (strcmp(f->family, "livox") != 0) {
        pattern_m1(k, azimuth_out, elevation_out);
        return;
    }
    struct glint_sim_column column;
    glint_sim_sensor_column(s, k, &column);
    const bool around = strcmp(f->sensor, "Mid-360") == 0;
    for (int32_t c = 0; c < f->lanes; c++) {
        const double t = (double)(column.t_ns + s->table[0].laser_ns[c]) * 1e-9, line = (double)c / f->lanes;
        if (around) { /* 360 x 59 degrees, from -7 up */
            azimuth_out[c] = to_grid(360 * fraction(-19.37 * t) - 180);
            elevation_out[c] = to_grid(22.5 + 29.5 * triangle(331.3 * t + line));
        } else { /* 120 x 25 degrees */
            azimuth_out[c] = to_grid(60 * triangle(37.21 * t));
            elevation_out[c] = to_grid(12.5 * triangle(611.7 * t + line));
        }
    }
}

/* ---- lanes, learned from the decoder ---- */

struct probe {
    struct glint_firing firings[GLINT_FIRINGS_CAP];
    float range[GLINT_PACKET_LANES], none[GLINT_PACKET_LANES];
    uint8_t bytes[GLINT_PACKET_BYTES];
    struct glint_returns returns[2];
};

/* Packet `number` with every lane's first return at one distance. */
static void probe_packet(const struct glint_sim_sensor *s, struct probe *p, int64_t number, float range_m,
                         struct glint_packet *packet_out)
{
    const struct glint_packet_format *f = s->format;
    const int64_t begin_ns = T0_NS + number * (f->packet_ns / 1000 * 1000);
    for (int32_t i = 0; i < f->lanes; i++)
        p->range[i] = range_m;
    for (int32_t i = 0; i < f->firings; i++) {
        struct glint_sim_column c;
        glint_sim_sensor_column(s, number * f->firings + i, &c);
        p->firings[i] = (struct glint_firing){.t_ns = begin_ns + (int64_t)i * f->firing_ns,
                                              .angle = c.angle,
                                              .turn = c.turn,
                                              .range = {p->range, p->none, p->none},
                                              .intensity = {p->none, p->none, p->none},
                                              .azimuth = p->none,
                                              .elevation = p->none};
    }
    glint_packet_make(f, (uint32_t)number, p->firings, p->bytes, packet_out);
}

/* A place in the sensor's frame turned back by the head, and to x forward. */
static void turn_back(double angle, const double p[3], double out[3])
{
    double sn, cs;
    glint_sim_sincos(angle, &sn, &cs);
    out[0] = cs * p[0] - sn * p[1];
    out[1] = sn * p[0] + cs * p[1];
    out[2] = p[2];
}

/* To a grid of 2^-20: 0.1 mm at 100 m. What another C library rounds otherwise is the same then. */
static double snap(double x)
{
    return floor(x * 1048576 + 0.5) * (1.0 / 1048576);
}

/* Return `at` of both packets, each turned back by its head's angle: two distances give the line. */
static void learn_lane(const struct probe *p, int32_t at, const double back[2], struct glint_sim_lanes *out,
                       int32_t lane)
{
    double place[2][3], dir[3], length = 0;
    for (int j = 0; j < 2; j++) {
        const struct glint_returns *r = &p->returns[j];
        const double seen[3] = {(double)r->x[at], (double)r->y[at], (double)r->z[at]};
        turn_back(back[j], seen, place[j]);
    }
    for (int k = 0; k < 3; k++) {
        dir[k] = snap((place[1][k] - place[0][k]) / (PROBE_FAR - PROBE_NEAR));
        length += dir[k] * dir[k];
        out->off[k][lane] = (float)snap(place[0][k] - PROBE_NEAR * dir[k]);
    }
    for (int k = 0; k < 3; k++)
        out->dir[k][lane] = (float)(dir[k] / sqrt(length));
}

static void learn_firing(const struct glint_sim_sensor *s, const struct probe *p, int32_t firing, double yaw,
                         struct glint_sim_lanes *out)
{
    const struct glint_packet_format *f = s->format;
    double back[2];
    for (int j = 0; j < 2; j++) {
        struct glint_sim_column c;
        glint_sim_sensor_column(s, (int64_t)(j + 1) * f->firings + firing, &c);
        back[j] = yaw - (double)c.head_rad;
    }
    for (int32_t i = 0; i < f->lanes; i++) {
        const int32_t at = firing * f->lanes + i;
        learn_lane(p, at, back, out, i);
        out->laser_ns[i] = (int32_t)(p->returns[1].t_ns[at] - p->firings[firing].t_ns);
        out->ring[i] = p->returns[1].ring[at];
    }
}

/* Whether two firings have the same lanes. */
static bool lanes_agree(const struct glint_sim_lanes *a, const struct glint_sim_lanes *b, int32_t n,
                        bool directions)
{
    for (int32_t i = 0; i < n; i++) {
        if (abs(a->laser_ns[i] - b->laser_ns[i]) > (directions ? 1 : 501)) /* an M1 sends whole us */
            return false;
        for (int k = 0; k < 3 && directions; k++)
            if (!(fabsf(a->dir[k][i] - b->dir[k][i]) < 2e-5f && fabsf(a->off[k][i] - b->off[k][i]) < 5e-4f))
                return false;
    }
    return true;
}

/* Offsets of less than 0.2 mm are what is left of rounding. */
static void clear_offsets(struct glint_sim_sensor *s)
{
    bool any = false;
    for (int t = 0; t < 2; t++)
        for (int k = 0; k < 3; k++)
            for (int32_t i = 0; i < s->format->lanes; i++)
                any = any || fabsf(s->table[t].off[k][i]) > 2e-4f;
    for (int t = 0; t < 2 && !any; t++)
        memset(s->table[t].off, 0, sizeof s->table[t].off);
    s->has_off = any;
}

/* Of all firings of a packet, which are alike or take turns. */
static int learn_tables(struct glint_sim_sensor *s, const struct probe *p, double yaw)
{
    const struct glint_packet_format *f = s->format;
    const bool directions = f->angles != GLINT_ANGLE_NONE;
    struct glint_sim_lanes other;
    learn_firing(s, p, 0, yaw, &s->table[0]);
    s->table[1] = s->table[0];
    s->n_tables = 1;
    for (int32_t i = 1; i < f->firings; i++) {
        learn_firing(s, p, i, yaw, &other);
        if (i == 1 && !lanes_agree(&other, &s->table[0], f->lanes, directions)) {
            s->table[1] = other;
            s->n_tables = 2;
        }
        if (!lanes_agree(&other, &s->table[i % 2], f->lanes, directions))
            return glint_fail(GLINT_E_UNSUPPORTED,
                              "%s cannot be simulated: its lasers are not the same in each firing", f->name);
    }
    clear_offsets(s);
    return GLINT_OK;
}

/* Takes three packets; the first lets decoders learn the rate of the turn. */
static int probe_with(struct glint_sim_sensor *s, struct probe *p, struct glint_decoder *d)
{
    const struct glint_packet_format *f = s->format;
    struct glint_loss loss = {0};
    for (int64_t k = 0; k < 3; k++) {
        struct glint_packet packet;
        struct glint_returns *r = &p->returns[k > 0 ? k - 1 : 0];
        probe_packet(s, p, k, (float)(k < 2 ? PROBE_NEAR : PROBE_FAR), &packet);
        if (glint_decoder_take(d, &packet, r, &loss) != GLINT_PACKET_LIDAR || r->n != f->firings * f->lanes)
            return glint_fail(GLINT_E_UNSUPPORTED, "%s cannot be simulated: its packets do not tell its mode",
                              f->name);
    }
    return learn_tables(s, p, d->to_vehicle_yaw);
}

static int learn(struct glint_sim_sensor *s)
{
    struct glint_decoder *d = NULL;
    struct probe *p = calloc(1, sizeof *p);
    if (!p)
        return glint_fail(GLINT_E_NOMEM, "no memory for a sensor");
    int status = glint_packet_decoder_open(s->format, &d);
    if (status == GLINT_OK)
        status = probe_with(s, p, d);
    glint_decoder_close(d);
    free(p);
    return status;
}

/* ---- opening ---- */

static uint32_t step_of(const struct glint_packet_format *f)
{
    return f->angles == GLINT_ANGLE_CLOCKWISE ? (uint32_t)((f->firing_ns * INT64_C(36) + 50000) / 100000) : 1;
}

static int no_such(const char *name)
{
    return glint_fail(GLINT_E_ARG,
                      "no sensor \"%.60s\": VLP-16, HDL-32E, HDL-64E, VLP-32C, VLS-128, PandarXT32, QT64, "
                      "Pandar40P, Pandar64, OT128, AT128, OS0-128, OS1-64, OS2-128, RS-Helios, RS-LiDAR-32, "
                      "LiDAR-M1, Mid-360, HAP ...",
                      name);
}

int glint_sim_sensor_open(const char *name, struct glint_sim_sensor **sensor_out)
{
    *sensor_out = NULL;
    const int32_t i = glint_packet_format_find(name);
    if (i < 0 || !name[0])
        return no_such(name);
    struct glint_sim_sensor *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory for a sensor");
    s->format = glint_packet_format_at(i);
    s->step = step_of(s->format);
    const struct range_row *row = range_row(s->format->name);
    s->range_min_m = row->least;
    s->range_max_m = row->most < s->format->range_most_m ? row->most : s->format->range_most_m;
    s->range10_m = row->ten;
    s->noise_m = row->noise;
    s->divergence_rad = row->beam;
    s->height_m = row->height;
    const int status = learn(s);
    if (status < 0) {
        free(s);
        return status;
    }
    *sensor_out = s;
    return GLINT_OK;
}

void glint_sim_sensor_close(struct glint_sim_sensor *sensor)
{
    free(sensor);
}
