/* tests/test_sim_packets.c - every sensor that can be simulated: what its packets are made of comes out of
 * its decoder again - place, range, intensity, time, number of the return -, and nothing is lost or
 * malformed. */
#include "calib/beam.h"
#include "sim/sensor.h"
#include "tests/util.h"

#define T0_NS   INT64_C(1735690200000000000) /* 2025-01-01 00:10:00 UTC */
#define PACKETS 40

/* One packet's firings, in memory. */
static struct echoes {
    float range[GLINT_FIRINGS_CAP][2 + 1][GLINT_PACKET_LANES],
        intensity[GLINT_FIRINGS_CAP][2 + 1][GLINT_PACKET_LANES];
    float azimuth[GLINT_FIRINGS_CAP][GLINT_PACKET_LANES], elevation[GLINT_FIRINGS_CAP][GLINT_PACKET_LANES];
    struct glint_sim_column column[GLINT_FIRINGS_CAP];
    struct glint_firing firing[GLINT_FIRINGS_CAP];
} e;
static uint8_t bytes[GLINT_PACKET_BYTES];
static struct glint_returns returns;

static void fill(const struct glint_sim_sensor *s, int64_t packet, uint64_t *state)
{
    const struct glint_packet_format *f = s->format;
    const float most = s->range_max_m < 100 ? s->range_max_m : 100;
    for (int32_t i = 0; i < f->firings; i++) {
        struct glint_sim_column *c = &e.column[i];
        glint_sim_sensor_column(s, packet * f->firings + i, c);
        if (f->angles == GLINT_ANGLE_NONE)
            glint_sim_sensor_pattern(s, packet * f->firings + i, e.azimuth[i], e.elevation[i]);
        for (int32_t r = 0; r < f->returns; r++)
            for (int32_t l = 0; l < f->lanes; l++) {
                const bool none = glint_test_random(state) % 7 == 0;
                e.range[i][r][l] = none ? 0 : glint_test_uniform(state, 1.5f, most);
                e.intensity[i][r][l] = glint_test_uniform(state, 0, 1);
            }
        e.firing[i] =
            (struct glint_firing){.t_ns = T0_NS + c->t_ns,
                                  .angle = c->angle,
                                  .turn = c->turn,
                                  .range = {e.range[i][0], e.range[i][1], e.range[i][2]},
                                  .intensity = {e.intensity[i][0], e.intensity[i][1], e.intensity[i][2]},
                                  .azimuth = e.azimuth[i],
                                  .elevation = e.elevation[i]};
    }
}

/* Where lane l of firing i should be, x forward. */
static void expect(const struct glint_sim_sensor *s, int32_t i, int32_t l, double range, double out[3])
{
    const struct glint_sim_lanes *t = &s->table[i % s->n_tables];
    double p[3], head = (double)e.column[i].head_rad;
    for (int k = 0; k < 3; k++)
        p[k] = (double)t->off[k][l] + range * (double)t->dir[k][l];
    if (s->format->angles == GLINT_ANGLE_NONE) {
        const double az = (double)e.azimuth[i][l], up = (double)e.elevation[i][l];
        p[0] = range * cos(up) * cos(az);
        p[1] = range * cos(up) * sin(az);
        p[2] = range * sin(up);
        head = 0;
    }
    out[0] = cos(head) * p[0] - sin(head) * p[1];
    out[1] = sin(head) * p[0] + cos(head) * p[1];
    out[2] = p[2];
}

static void check_return(const struct glint_sim_sensor *s, const struct glint_decoder *d, int32_t at,
                         int32_t i, int32_t l, int32_t r)
{
    const struct glint_packet_format *f = s->format;
    const double c = cos(d->to_vehicle_yaw), sn = sin(d->to_vehicle_yaw);
    const double x = (double)returns.x[at], y = (double)returns.y[at];
    const double got[3] = {c * x - sn * y, sn * x + c * y, (double)returns.z[at]};
    const double range = (double)e.range[i][r][l];
    double want[3], off = 0;
    expect(s, i, l, range, want);
    for (int k = 0; k < 3; k++)
        off += (got[k] - want[k]) * (got[k] - want[k]);
    /* half a unit of the range, and of each coordinate where these are sent, or of the angles */
    const bool by_axes = strcmp(f->family, "livox") == 0;
    const double cm = strstr(f->name, "cm") ? 10 : 1;
    const double most = 0.51 * (double)f->unit_m + 3e-6 * range + (by_axes ? 0.9e-3 * cm : 3e-5);
    if (sqrt(off) > most)
        fail_msg("%s: firing %d lane %d return %d: %g m off at %g m", f->name, i, l, r, sqrt(off), range);
    assert_near(returns.intensity[at], e.intensity[i][r][l], 0.5 / 255 + 1e-6);
    const int64_t t_ns = e.firing[i].t_ns + s->table[i % s->n_tables].laser_ns[l];
    if (llabs(returns.t_ns[at] - t_ns) > (strstr(f->name, "M1") ? 1501 : 1001))
        fail_msg("%s: firing %d lane %d: %lld ns late", f->name, i, l, (long long)(returns.t_ns[at] - t_ns));
    assert_int_equal(returns.ret[at], r);
}

/* Of each return they come by firings, then lanes. */
static void check_packet(const struct glint_sim_sensor *s, const struct glint_decoder *d)
{
    const struct glint_packet_format *f = s->format;
    int32_t seen = 0;
    for (int32_t r = 0; r < f->returns; r++) {
        int32_t at = 0;
        for (int32_t n = 0; n < f->firings * f->lanes; n++) {
            const int32_t i = n / f->lanes, l = n % f->lanes;
            if (e.range[i][r][l] == 0)
                continue;
            while (at < returns.n && returns.ret[at] != r)
                at++;
            if (at == returns.n)
                fail_msg("%s: return %d of lane %d is missing", f->name, r, l);
            check_return(s, d, at++, i, l, r);
            seen++;
        }
    }
    assert_int_equal(seen, returns.n);
}

static bool is_simulated(const char *name)
{
    return strcmp(name, "RS-Helios-16P dual") != 0 && !strstr(name, "FIVE_WORD");
}

static void packets_decode_to_what_was_cast(void **state)
{
    (void)state;
    for (int32_t n = 0; n < glint_packet_format_count(); n++) {
        const struct glint_packet_format *f = glint_packet_format_at(n);
        struct glint_sim_sensor *s;
        struct glint_decoder *d;
        struct glint_loss loss = {0};
        uint64_t random = 77 + (uint64_t)n;
        const int status = glint_sim_sensor_open(f->name, &s);
        if (!is_simulated(f->name)) {
            assert_int_equal(status, GLINT_E_UNSUPPORTED);
            continue;
        }
        if (status < 0)
            fail_msg("%s: %s", f->name, glint_error_text());
        assert_ptr_equal(s->format, f);
        assert_int_equal(glint_packet_decoder_open(f, &d), GLINT_OK);
        for (int64_t k = 0; k < PACKETS; k++) {
            struct glint_packet p;
            fill(s, k, &random);
            glint_packet_make(f, (uint32_t)k, e.firing, bytes, &p);
            if (glint_decoder_take(d, &p, &returns, &loss) != GLINT_PACKET_LIDAR)
                fail_msg("%s: packet %d is not decoded", f->name, (int)k);
            if (k > 0) /* a lone firing's turn is learned from the packet before */
                check_packet(s, d);
        }
        assert_int_equal(loss.packets_lost, 0);
        glint_decoder_close(d);
        glint_sim_sensor_close(s);
    }
}

static double elevation_deg(const struct glint_sim_lanes *t, int32_t l)
{
    return asin((double)t->dir[2][l]) * 180 / GLINT_PI;
}

static double azimuth_deg(const struct glint_sim_lanes *t, int32_t l)
{
    return -atan2((double)t->dir[1][l], (double)t->dir[0][l]) * 180 / GLINT_PI; /* clockwise from ahead */
}

/* Against the manuals, not the decoders: elevation and azimuth (clockwise) of a lane, its time after lane
 * `after`. */
static void lanes_are_those_of_the_manuals(void **state)
{
    static const struct {
        const char *name;
        int32_t lane, after, ns;
        double up, turn;
    } rows[] = {
        {"vlp16", 1, 0, 2304, 1, 0.00833}, {"vlp16", 16, 0, 55296, -15, 0.2},
        {"hdl32e", 0, 0, 0, -30.67, 0},    {"hdl32e", 31, 0, 35712, 10.67, 0.1318},
        {"vlp32c", 1, 0, 0, -1, -4.2},     {"xt32", 0, 0, 0, 15, 0},
        {"xt32", 31, 0, 46872, -16, 0},    {"pandar40p", 6, 0, -5240, 1.6, 3.125},
        {"os1-64", 0, 0, 0, 22.5, -176.9}, {"os0-128", 127, 0, 0, -44.297, 176.95},
        {"hdl64", 63, 0, 0, -24.33, -4.5}, {"at128", 0, 0, 0, 12.8, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct glint_sim_sensor *s;
        if (glint_sim_sensor_open(rows[i].name, &s) < 0)
            fail_msg("%s", glint_error_text());
        const struct glint_sim_lanes *t = &s->table[0];
        const int32_t l = rows[i].lane;
        const bool turned = strncmp(rows[i].name, "hdl64", 5) == 0 || strcmp(rows[i].name, "at128") == 0;
        if (fabs(elevation_deg(t, l) - rows[i].up) > 0.01 ||
            (!turned && fabs(azimuth_deg(t, l) - rows[i].turn) > 0.01) ||
            (!turned && t->laser_ns[l] - t->laser_ns[rows[i].after] != rows[i].ns))
            fail_msg("%s: lane %d is at %g degrees up, %g clockwise, %d ns after lane %d", rows[i].name, l,
                     elevation_deg(t, l), azimuth_deg(t, l), t->laser_ns[l] - t->laser_ns[rows[i].after],
                     rows[i].after);
        assert_true(s->range_min_m > 0 && s->range_max_m > s->range10_m && s->range10_m > 0);
        glint_sim_sensor_close(s);
    }
}

/* A turn of firings: turns are numbered where the head passes 0, times rise, nothing jumps. */
static void columns_follow_each_other(void **state)
{
    (void)state;
    for (int32_t n = 0; n < glint_packet_format_count(); n++) {
        const struct glint_packet_format *f = glint_packet_format_at(n);
        struct glint_sim_sensor *s;
        struct glint_sim_column before = {.t_ns = -1}, c;
        if (!is_simulated(f->name))
            continue;
        if (glint_sim_sensor_open(f->name, &s) < 0)
            fail_msg("%s", glint_error_text());
        uint32_t turns = 0;
        for (int64_t k = 0; k < INT64_C(310000000) / f->firing_ns; k++, before = c) {
            glint_sim_sensor_column(s, k, &c);
            assert_true(c.t_ns > before.t_ns && c.turn >= before.turn && c.turn <= before.turn + 1);
            turns += c.turn != before.turn;
        }
        if (f->angles != GLINT_ANGLE_MIRROR && (turns < 2 || turns > 4))
            fail_msg("%s: %u turns in 0.31 s", f->name, turns);
        glint_sim_sensor_close(s);
    }
}

static void names_are_told(void **state)
{
    (void)state;
    struct glint_sim_sensor *s;
    assert_int_equal(glint_sim_sensor_open("no such sensor", &s), GLINT_E_ARG);
    assert_null(s);
    assert_non_null(strstr(glint_error_text(), "no such sensor"));
    assert_int_equal(glint_sim_sensor_open("", &s), GLINT_E_ARG);
    glint_sim_sensor_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_decode_to_what_was_cast),
        cmocka_unit_test(lanes_are_those_of_the_manuals),
        cmocka_unit_test(columns_follow_each_other),
        cmocka_unit_test(names_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
