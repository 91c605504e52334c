/* tests/test_made_packets.c - every sensor and mode that Glint decodes, by packets of its own encoder: they
 * are decoded, nothing is lost or malformed; and packets of all zeros, all ones, short and long ones are told
 * apart. */
#include "tests/files.h"
#include "tests/packets.h"
#include "sim/made_packets.h"

static struct glint_returns returns;
static uint8_t data[GLINT_MADE_BYTES + 1];

/* named: by the sensor's name, else by its packets (an HDL-64E S2 cannot be told from an S3). */
static struct glint_decoder *open_made(int32_t i, bool named)
{
    static uint8_t calibration[GLINT_MADE_CALIBRATION];
    const char *ending = "";
    char name[64];
    struct glint_packet p;
    struct glint_decoder *d;
    const size_t size = glint_made_calibration(i, calibration, &ending);
    snprintf(name, sizeof name, "made%s", ending);
    const struct glint_decoder_settings settings = {
        .sensor = named ? glint_made_sensor(i) : "auto",
        .calib = size ? glint_test_write(name, (const char *)calibration, size) : NULL};
    glint_made_packet(i, 0, data, &p);
    if (glint_decoder_open(&settings, &p, 1, &d) != GLINT_OK)
        fail_msg("%s: %s", glint_made_name(i), glint_error_text());
    return d;
}

static enum glint_packet_kind take_made(struct glint_decoder *d, const struct glint_packet *p, uint32_t size,
                                        struct glint_loss *loss)
{
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, p->data, size);
    struct glint_packet q = *p;
    q.data = exact;
    q.size = size;
    const enum glint_packet_kind kind = glint_decoder_take(d, &q, &returns, loss);
    free(exact);
    return kind;
}

static void check_distances(int32_t i)
{
    for (int32_t k = 0; k < returns.n; k++) {
        const double x = (double)returns.x[k], y = (double)returns.y[k], z = (double)returns.z[k];
        const double r = sqrt(x * x + y * y + z * z);
        if (!(r > 4.5 && r < 33))
            fail_msg("%s: return %d at %g m", glint_made_name(i), k, r);
        assert_true(returns.intensity[k] >= 0 && returns.intensity[k] <= 1);
    }
}

static void all_packets_are_decoded(void **state)
{
    (void)state;
    for (int32_t i = 0; i < glint_made_count(); i++)
        for (int named = 0; named < 2; named++) {
            struct glint_decoder *d = open_made(i, named);
            struct glint_loss loss = {0};
            struct glint_packet p;
            uint64_t n = 0;
            if (named &&
                !strstr(d->sensor, strcmp(glint_made_family(i), "ouster") ? glint_made_sensor(i) : "Ouster"))
                fail_msg("%s: taken for %s", glint_made_name(i), d->sensor);
            for (uint32_t k = 0; k < 100; k++) {
                glint_made_packet(i, k, data, &p);
                if (take_made(d, &p, p.size, &loss) != GLINT_PACKET_LIDAR)
                    fail_msg("%s: packet %u is not decoded", glint_made_name(i), k);
                check_distances(i);
                n += (uint64_t)returns.n;
            }
            assert_true(n > 100 * 60);
            assert_int_equal(loss.packets_lost, 0);
            if (glint_made_accessory(i, 100, data, &p))
                assert_int_equal(take_made(d, &p, p.size, &loss), GLINT_PACKET_OTHER);
            glint_decoder_close(d);
        }
}

/* The kind of a packet that is no good one: never one with returns. */
static void take_bad(struct glint_decoder *d, int32_t i, const struct glint_packet *p, uint32_t size,
                     const char *what, struct glint_loss *loss)
{
    const enum glint_packet_kind kind = take_made(d, p, size, loss);
    if (kind == GLINT_PACKET_LIDAR && returns.n > 0)
        fail_msg("%s: a packet %s (%u bytes) has %d returns", glint_made_name(i), what, size, returns.n);
    if (size != p->size && kind == GLINT_PACKET_LIDAR)
        fail_msg("%s: a packet %s (%u of %u bytes) is decoded", glint_made_name(i), what, size, p->size);
}

static void bad_packets_are_told(void **state)
{
    (void)state;
    for (int32_t i = 0; i < glint_made_count(); i++) {
        struct glint_decoder *d = open_made(i, true);
        struct glint_loss loss = {0};
        struct glint_packet p;
        glint_made_packet(i, 0, data, &p);
        assert_int_equal(take_made(d, &p, p.size, &loss), GLINT_PACKET_LIDAR);
        const uint32_t size = p.size, sizes[] = {0, 1, 2, 11, 35, size / 2, size - 1, size + 1};
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            glint_made_packet(i, 1, data, &p);
            data[size] = 0;
            take_bad(d, i, &p, sizes[k], "of another length", &loss);
        }
        memset(data, 0, size + 1);
        take_bad(d, i, &p, size, "of zeros", &loss);
        memset(data, 0xff, size + 1);
        take_bad(d, i, &p, size, "of ones", &loss);
        assert_int_equal(loss.packets_decoded + loss.packets_malformed + loss.packets_foreign, 11);
        assert_true(loss.packets_malformed > 0);
        assert_int_equal(loss.packets_received, 11);
        glint_made_packet(i, 1, data, &p);
        assert_int_equal(take_made(d, &p, p.size, &loss), GLINT_PACKET_LIDAR);
        assert_true(returns.n > 0);
        glint_decoder_close(d);
    }
}

static void names_are_found(void **state)
{
    (void)state;
    assert_string_equal(glint_made_name(glint_made_find("vls128")), "VLS-128");
    assert_string_equal(glint_made_name(glint_made_find("vls-128 dual")), "VLS-128 dual");
    assert_int_equal(glint_made_find("no such sensor"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_packets_are_decoded),
        cmocka_unit_test(bad_packets_are_told),
        cmocka_unit_test(names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
