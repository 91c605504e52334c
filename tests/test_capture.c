/* tests/test_capture.c - a capture with its decoder: the CSV table, what it holds, and bad ones. */
#include "tests/files.h"
#include "tests/packets.h"
#include "io/capture.h"
#include "io/capture_info.h"
#include "io/decode_csv.h"

#define SECOND 1700000000u /* 800 s past the hour */

static struct bytes bytes;
static const struct glint_decoder_settings automatic = {.sensor = "auto"};

/* 60 packets of a VLP-16, half a turn and two whole ones, one packet in the middle missing. */
static const char *write_turns(void)
{
    uint8_t data[VELODYNE_BYTES];
    begin_pcap(&bytes, false, 1);
    for (uint32_t i = 0; i < 60; i++) {
        const uint32_t us = i * 1327;
        make_velodyne(data, (18000 + i * 1500) % 36000, 125, 800000000 + us, 0x37, 0x22, 1000 + i);
        if (i != 30)
            add_packet(&bytes, SECOND, us, data, sizeof data);
    }
    return glint_test_write("turns.pcap", bytes.data, bytes.n);
}

static void the_table_has_every_return(void **state)
{
    (void)state;
    struct glint_loss loss;
    const char *out = glint_test_path("out.csv");
    assert_int_equal(glint_decode_csv(write_turns(), &automatic, out, &loss), GLINT_OK);
    assert_int_equal(loss.packets_received, 59);
    assert_int_equal(loss.packets_decoded, 59);
    assert_int_equal(loss.packets_lost, 1);
    size_t n, lines = 0;
    char *text = glint_test_read(out, &n);
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, 1 + 59 * 384);
    static const char head[] = "frame,packet,block,channel,return,x,y,z,intensity,t_ns\n0,0,0,0,0,-1.931852,";
    assert_int_equal(strncmp(text, head, strlen(head)), 0);
    assert_non_null(strstr(text, ",1700000000000000000\n"));
    const char *last = text + n - 1;
    while (last[-1] != '\n')
        last--;
    assert_int_equal(strncmp(last, "2,58,11,15,0,", 13), 0);
    free(text);
}

/* Non-UDP records before, between and after the packets are all in the account. */
static void the_account_holds_for_all_records(void **state)
{
    (void)state;
    uint8_t data[VELODYNE_BYTES], arp[60] = {[12] = 8, [13] = 6};
    struct glint_loss loss;
    begin_pcap(&bytes, false, 1);
    add_record(&bytes, SECOND, 0, arp, sizeof arp);
    for (uint32_t i = 0; i < 3; i++) {
        make_velodyne(data, i * 1500, 125, 800000000 + i * 1327, 0x37, 0x22, 1000);
        add_packet(&bytes, SECOND, i, data, i == 1 ? 1000 : sizeof data);
        add_record(&bytes, SECOND, i, arp, sizeof arp);
    }
    const char *path = glint_test_write("mixed.pcap", bytes.data, bytes.n);
    assert_int_equal(glint_decode_csv(path, &automatic, glint_test_path("mixed.csv"), &loss), GLINT_OK);
    assert_int_equal(loss.packets_received, 7);
    assert_int_equal(loss.packets_decoded, 2);
    assert_int_equal(loss.packets_malformed, 1);
    assert_int_equal(loss.packets_foreign, 4);
}

static void what_a_capture_holds_is_told(void **state)
{
    (void)state;
    static struct glint_capture_info info;
    assert_int_equal(glint_capture_info_read(write_turns(), &automatic, &info), GLINT_OK);
    assert_true(info.has_sensor);
    assert_string_equal(info.sensor, "Velodyne VLP-16");
    assert_string_equal(info.return_mode, "strongest");
    assert_int_equal(info.n_flows, 1);
    assert_int_equal(info.flows[0].packets, 59);
    assert_int_equal(info.flows[0].size, 1206);
    assert_int_equal(info.frames, 3);
    assert_true(fabs(info.frame_rate_hz * 24 * 1327e-6 - 1.0) < 1e-3); /* a turn is 24 packets */
    assert_int_equal(info.returns, 59 * 384);
    assert_int_equal(info.loss.packets_lost, 1);
    assert_int_equal(info.first_ns, SECOND * INT64_C(1000000000));
    assert_int_equal(info.sensor_first_ns, info.first_ns);
    assert_string_equal(info.truncated, "");
}

static void a_cut_capture_gives_its_first_part(void **state)
{
    (void)state;
    static struct glint_capture_info info;
    struct glint_loss loss;
    write_turns();
    const char *path = glint_test_write("cut.pcap", bytes.data, bytes.n - 100),
               *out = glint_test_path("cut.csv");
    assert_int_equal(glint_decode_csv(path, &automatic, out, &loss), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "cut.pcap: truncated at record 58"));
    assert_int_equal(loss.packets_decoded, 58);
    char *text = glint_test_read(out, NULL);
    assert_non_null(strstr(text, "\n2,57,11,15,0,"));
    free(text);
    assert_int_equal(glint_capture_info_read(path, &automatic, &info), GLINT_OK);
    assert_int_equal(info.lidar_packets, 58);
    assert_non_null(strstr(info.truncated, "truncated"));
}

static void strangers_are_described_and_refused(void **state)
{
    (void)state;
    static struct glint_capture_info info;
    struct glint_capture c;
    begin_pcap(&bytes, false, 1);
    for (uint32_t i = 0; i < 3; i++)
        add_packet(&bytes, SECOND, i, "hello", 5);
    const char *path = glint_test_write("hello.pcap", bytes.data, bytes.n);
    assert_int_equal(glint_capture_open(path, NULL, &automatic, &c), GLINT_E_FORMAT);
    assert_non_null(strstr(glint_error_text(), "hello.pcap: no known sensor: saw 3 x 5 bytes to port 2369"));
    assert_null(c.source);
    assert_int_equal(glint_capture_info_read(path, &automatic, &info), GLINT_OK);
    assert_false(info.has_sensor);
    assert_non_null(strstr(info.why_not, "no known sensor"));
    assert_int_equal(info.datagrams, 3);
}

static void bad_paths_are_refused(void **state)
{
    (void)state;
    struct glint_capture c;
    assert_int_equal(glint_capture_open(glint_test_path("none.pcap"), NULL, &automatic, &c),
                     GLINT_E_NOTFOUND);
    assert_int_equal(glint_decode_csv(write_turns(), &automatic, "/nowhere/at/all.csv", NULL), GLINT_E_IO);
    assert_int_equal(glint_decode_csv(write_turns(), &automatic, "/dev/full", NULL), GLINT_E_IO);
    assert_non_null(strstr(glint_error_text(), "/dev/full"));
    glint_test_write("points.bin", "0123456789abcdef", 16);
    assert_int_equal(glint_capture_open(glint_test_path("points.bin"), NULL, &automatic, &c), GLINT_E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_has_every_return),
        cmocka_unit_test(the_account_holds_for_all_records),
        cmocka_unit_test(what_a_capture_holds_is_told),
        cmocka_unit_test(a_cut_capture_gives_its_first_part),
        cmocka_unit_test(strangers_are_described_and_refused),
        cmocka_unit_test(bad_paths_are_refused),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
