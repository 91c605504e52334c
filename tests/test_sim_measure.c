/* tests/test_sim_measure.c - a drive as a sensor measures it: the same bytes by however many threads, packets
 * that decode to the points, and points that lie on the world once the drive is taken out. */
#include "calib/trajectory.h"
#include "sim/math.h"
#include "sim/measure.h"
#include "tests/util.h"

#define EPOCH_NS INT64_C(1735690200000000000)
#define START_NS INT64_C(10000000)
#define POINTS   200000

static struct glint_exec exec[2];
static uint8_t bytes[GLINT_PACKET_BYTES];
static struct glint_returns returns;

static int open_execs(void **state)
{
    (void)state;
    return glint_exec_init(&exec[0], glint_cpu_isa(), 1, 16 << 20) == GLINT_OK &&
                   glint_exec_init(&exec[1], glint_cpu_isa(), 2, 16 << 20) == GLINT_OK
               ? 0
               : -1;
}

static int close_execs(void **state)
{
    (void)state;
    glint_exec_fini(&exec[0]);
    glint_exec_fini(&exec[1]);
    return 0;
}

/* A world, a sensor on it, and room for its points. */
struct drive {
    struct glint_sim *sim;
    struct glint_sim_sensor *sensor;
    struct glint_sim_scan *scan;
    struct glint_sim_cloud cloud;
};

static void begin(struct drive *d, const char *name)
{
    struct glint_sim_settings settings = glint_sim_default_settings();
    settings.seed = 5;
    settings.seconds = 2;
    settings.scene = GLINT_SIM_URBAN;
    assert_int_equal(glint_sim_open(&settings, &d->sim), GLINT_OK);
    assert_int_equal(glint_sim_sensor_open(name, &d->sensor), GLINT_OK);
    struct glint_sim_scan_settings scan = {.sensor = d->sensor,
                                           .vehicle_from_sensor = glint_pose_identity(),
                                           .start_ns = START_NS,
                                           .epoch_ns = EPOCH_NS,
                                           .noise_seed = 9,
                                           .cap_packets = 400};
    scan.vehicle_from_sensor.t[2] = 1.8;
    assert_int_equal(glint_sim_scan_open(&scan, &d->scan), GLINT_OK);
    d->cloud = (struct glint_sim_cloud){.cap = POINTS,
                                        .stamp_ns = EPOCH_NS + START_NS,
                                        .record = malloc(POINTS * 6 * sizeof(float)),
                                        .cls = malloc(POINTS),
                                        .instance = malloc(POINTS * sizeof(int32_t)),
                                        .ret = malloc(POINTS)};
}

static void end(struct drive *d)
{
    free(d->cloud.record);
    free(d->cloud.cls);
    free(d->cloud.instance);
    free(d->cloud.ret);
    glint_sim_scan_close(d->scan);
    glint_sim_sensor_close(d->sensor);
    glint_sim_close(d->sim);
}

/* FNV-1a */
static uint64_t digest(uint64_t h, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ ((const uint8_t *)data)[i]) * UINT64_C(1099511628211);
    return h;
}

/* Of n packets and their points, cast in pieces of so many. */
static uint64_t digest_drive(const char *name, int threads, int32_t n, int32_t piece)
{
    struct drive d;
    uint64_t h = UINT64_C(14695981039346656037);
    begin(&d, name);
    for (int32_t k = 0; k < n; k += piece) {
        const int32_t packets = n - k < piece ? n - k : piece;
        assert_int_equal(glint_sim_scan_cast(d.scan, d.sim, &exec[threads - 1], packets), GLINT_OK);
        for (int32_t i = 0; i < packets; i++) {
            struct glint_packet p;
            glint_sim_scan_packet(d.scan, i, bytes, &p);
            h = digest(h, p.data, p.size);
            h = digest(h, &p.stamp_ns, sizeof p.stamp_ns);
        }
        for (int32_t c = 0; c < d.scan->n_columns; c++)
            glint_sim_scan_points(d.scan, c, &d.cloud);
    }
    assert_true(d.cloud.n > 150 && d.cloud.n < POINTS);
    h = digest(h, d.cloud.record, (size_t)d.cloud.n * 6 * sizeof(float));
    h = digest(h, d.cloud.cls, (size_t)d.cloud.n);
    h = digest(h, d.cloud.instance, (size_t)d.cloud.n * sizeof(int32_t));
    end(&d);
    return h;
}

static void threads_change_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"vlp16", "qt128", "mid360", "os1-16 dual"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const uint64_t h = digest_drive(names[i], 1, 30, 30);
        assert_true(digest_drive(names[i], 1, 30, 30) == h);
        assert_true(digest_drive(names[i], 2, 30, 30) == h);
        assert_true(digest_drive(names[i], 2, 30, 10) == digest_drive(names[i], 1, 30, 10));
    }
}

/* Every return that is decoded is a point of the cloud, in the same order, and no other. */
static void check_decoded(struct drive *d, struct glint_decoder *decoder, int32_t packets)
{
    struct glint_loss loss = {0};
    const int32_t firings = d->sensor->format->firings;
    for (int32_t i = 0; i < packets; i++) {
        struct glint_packet p;
        glint_sim_scan_packet(d->scan, i, bytes, &p);
        assert_int_equal(glint_decoder_take(decoder, &p, &returns, &loss), GLINT_PACKET_LIDAR);
        d->cloud.n = 0;
        for (int32_t c = i * firings; c < (i + 1) * firings; c++)
            glint_sim_scan_points(d->scan, c, &d->cloud);
        assert_int_equal(returns.n, d->cloud.n);
        for (int32_t k = 0; k < returns.n && d->sensor->format->returns == 1; k++) {
            const double c = cos(decoder->to_vehicle_yaw), s = sin(decoder->to_vehicle_yaw);
            const float *r = d->cloud.record + 6 * k;
            assert_near(r[0], c * (double)returns.x[k] - s * (double)returns.y[k], 8e-4);
            assert_near(r[1], s * (double)returns.x[k] + c * (double)returns.y[k], 8e-4);
            assert_near(r[2], returns.z[k], 8e-4);
            assert_near(r[3], returns.intensity[k], 1e-6);
            assert_int_equal((int)r[4], returns.ring[k]);
            assert_near(r[5], (double)(returns.t_ns[k] - d->cloud.stamp_ns) * 1e-9, 1.6e-6);
        }
    }
    assert_int_equal(loss.packets_lost + loss.packets_malformed, 0);
}

static void packets_hold_the_points(void **state)
{
    (void)state;
    static const char *const names[] = {"vlp16",       "hdl64", "xt32",  "os0-32",
                                        "os1-16 dual", "m1",    "at128", "hap"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct drive d;
        struct glint_decoder *decoder;
        begin(&d, names[i]);
        assert_int_equal(glint_packet_decoder_open(d.sensor->format, &decoder), GLINT_OK);
        assert_int_equal(glint_sim_scan_cast(d.scan, d.sim, &exec[0], 20), GLINT_OK);
        check_decoded(&d, decoder, 20);
        glint_decoder_close(decoder);
        end(&d);
    }
}

/* ---- the drive in the points ---- */

/* Whether it stands: no road user that moves, no ground (flat, it looks the same from everywhere), no leaves.
 */
static bool is_still(const struct drive *d, int32_t i, const struct glint_sim_object *objects, int32_t n)
{
    for (int32_t k = 0; k < n; k++)
        if (objects[k].id == d->cloud.instance[i])
            return hypot((double)objects[k].box.velocity[0], (double)objects[k].box.velocity[1]) < 1e-3 &&
                   objects[k].label != GLINT_SIM_LABEL_PEDESTRIAN;
    return d->cloud.instance[i] == 0 && d->cloud.cls[i] != GLINT_SIM_CLASS_VEGETATION &&
           d->cloud.cls[i] != GLINT_SIM_CLASS_GROUND;
}

/* Of still things that were hit from 4 to 30 m: how far each lies from where a ray from another moment,
 * through where it should be in the world, meets that world. moved: with the pose of each point's own time;
 * else with one for all. The share of rays that meet it within 5 cm. */
static double share_on_the_world(struct drive *d, int64_t from_ns, bool moved)
{
    enum { RAYS = 1500 };
    static float dir[3][RAYS], range[RAYS];
    static double wanted[RAYS];
    const struct glint_pose from =
        glint_pose_compose(glint_sim_pose(d->sim, from_ns), d->scan->settings.vehicle_from_sensor);
    const struct glint_pose to_from = glint_pose_inverse(from);
    const int64_t middle_ns = START_NS + 50000000;
    static struct glint_sim_object objects[1000];
    int32_t n = 0, n_objects;
    assert_int_equal(glint_sim_objects(d->sim, middle_ns, 60, objects, 1000, &n_objects), GLINT_OK);
    for (int32_t i = 0; i < d->cloud.n && n < RAYS; i++) {
        const float *r = d->cloud.record + 6 * (size_t)i;
        const double flat = hypot((double)r[0], (double)r[1]);
        const double p[3] = {(double)r[0], (double)r[1], (double)r[2]};
        double w[3];
        if (flat < 4 || flat > 30 || !is_still(d, i, objects, n_objects))
            continue;
        const int64_t t_ns = moved ? START_NS + (int64_t)((double)r[5] * 1e9) : middle_ns;
        const struct glint_pose at =
            glint_pose_compose(glint_sim_pose(d->sim, t_ns), d->scan->settings.vehicle_from_sensor);
        glint_pose_apply(glint_pose_compose(to_from, at), p, w);
        wanted[n] = sqrt(w[0] * w[0] + w[1] * w[1] + w[2] * w[2]);
        for (int k = 0; k < 3; k++)
            dir[k][n] = (float)(w[k] / wanted[n]);
        n++;
    }
    assert_true(n > 300);
    const int32_t zero[1] = {0};
    static int32_t column_ns[RAYS];
    const struct glint_sim_rays rays = {.n_columns = n,
                                        .n_lasers = 1,
                                        .start_ns = from_ns,
                                        .column_ns = column_ns,
                                        .laser_ns = zero,
                                        .dir = {dir[0], dir[1], dir[2]},
                                        .vehicle_from_sensor = d->scan->settings.vehicle_from_sensor,
                                        .range_min_m = 0.5f,
                                        .range_max_m = 100,
                                        .sensitivity = 10};
    assert_int_equal(glint_sim_cast(d->sim, &exec[0], &rays, &(struct glint_sim_returns){.range_m = range}),
                     GLINT_OK);
    int32_t near = 0, seen = 0;
    for (int32_t i = 0; i < n; i++) {
        seen += range[i] > 0;
        near += range[i] > 0 && fabs((double)range[i] - wanted[i]) < 0.05;
    }
    assert_true(seen > n / 2);
    return (double)near / seen;
}

static void points_lie_on_the_world_when_the_drive_is_taken_out(void **state)
{
    (void)state;
    struct drive d;
    begin(&d, "vlp16");
    assert_int_equal(glint_sim_scan_cast(d.scan, d.sim, &exec[0], 75), GLINT_OK);
    for (int32_t c = 0; c < d.scan->n_columns; c++)
        glint_sim_scan_points(d.scan, c, &d.cloud);
    const struct glint_pose a = glint_sim_pose(d.sim, START_NS),
                            b = glint_sim_pose(d.sim, START_NS + 100000000);
    assert_true(glint_pose_distance(a, b) > 0.2); /* it drives */
    const double right = share_on_the_world(&d, START_NS + 50000000, true);
    const double wrong = share_on_the_world(&d, START_NS + 50000000, false);
    print_message("on the world: %.3f of the points, %.3f without the drive\n", right, wrong);
    assert_true(right > 0.85);
    assert_true(wrong < right - 0.15);
    end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(packets_hold_the_points),
        cmocka_unit_test(points_lie_on_the_world_when_the_drive_is_taken_out),
    };
    return cmocka_run_group_tests(tests, open_execs, close_execs);
}
