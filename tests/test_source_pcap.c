/* tests/test_source_pcap.c - captures made in memory, byte by byte, and the fragmented one of the shared
 * data. */
#include "tests/packets.h"
#include "io/datagram.h"
#include "io/source_pcap.h"

static struct bytes capture;
static struct glint_packet packet;

static struct glint_source *open_it(void)
{
    struct glint_source *s;
    if (glint_source_pcap_open_memory(capture.data, capture.n, "made", &s) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return s;
}

static int next(struct glint_source *s)
{
    return s->ops->next_packet(s, &packet);
}

static void check_payload(const char *text)
{
    assert_int_equal(packet.size, strlen(text));
    assert_memory_equal(packet.data, text, packet.size);
    assert_int_equal(packet.src_port, 2368);
    assert_int_equal(packet.dst_port, 2369);
}

/* One record with `head` before the IPv4 header. */
static void check_link(uint32_t link, const void *head, size_t n)
{
    uint8_t udp[64], frame[128];
    memcpy(frame, head, n);
    n += make_ipv4(frame + n, 7, 0, udp, make_udp(udp, "payload", 7));
    memset(frame + n, 0, 10); /* padding behind */
    begin_pcap(&capture, false, link);
    add_record(&capture, 5, 6, frame, n + 10);
    struct glint_source *s = open_it();
    assert_int_equal(next(s), GLINT_OK);
    check_payload("payload");
    assert_int_equal(packet.src_ip, 0xc0a801c9);
    assert_int_equal(next(s), GLINT_E_EOF);
    assert_int_equal(next(s), GLINT_E_EOF);
    s->ops->close(s);
}

static void link_types_are_read(void **state)
{
    (void)state;
    static const uint8_t ether[14] = {[12] = 8}, vlan[18] = {[12] = 0x81, [13] = 0, [15] = 5, [16] = 8};
    static const uint8_t qinq[22] = {[12] = 0x88, [13] = 0xa8, [16] = 0x81, [20] = 8};
    static const uint8_t cooked[16] = {[14] = 8}, cooked2[20] = {8}, null[4] = {2};
    check_link(1, ether, sizeof ether);
    check_link(1, vlan, sizeof vlan);
    check_link(1, qinq, sizeof qinq);
    check_link(113, cooked, sizeof cooked);
    check_link(276, cooked2, sizeof cooked2);
    check_link(101, "", 0);
    check_link(228, "", 0);
    check_link(0, null, sizeof null);
}

static void ipv6_is_read(void **state)
{
    (void)state;
    uint8_t frame[128] = {0x60};
    const size_t n = make_udp(frame + 48, "payload", 7);
    frame[6] = 60; /* destination options, then UDP */
    frame[40] = 17;
    put_be16(frame + 4, (uint32_t)(8 + n));
    begin_pcap(&capture, false, 101);
    add_record(&capture, 5, 6, frame, 48 + n);
    struct glint_source *s = open_it();
    assert_int_equal(next(s), GLINT_OK);
    check_payload("payload");
    s->ops->close(s);
}

static void stamps_are_exact(void **state)
{
    (void)state;
    begin_pcap(&capture, true, 1);
    add_packet(&capture, 1700000000, 123456789, "a", 1);
    struct glint_source *s = open_it();
    assert_int_equal(next(s), GLINT_OK);
    assert_int_equal(packet.stamp_ns, INT64_C(1700000000123456789));
    s->ops->close(s);
    begin_pcap(&capture, false, 1);
    add_packet(&capture, 1700000000, 123456, "a", 1);
    s = open_it();
    assert_int_equal(next(s), GLINT_OK);
    assert_int_equal(packet.stamp_ns, INT64_C(1700000000123456000));
    s->ops->close(s);
}

static void pcapng_is_read(void **state)
{
    (void)state;
    uint8_t frame[128], section[28] = {0}, interface[20] = {0}, head[28] = {0}, tail[4];
    const size_t n = make_frame(frame, "payload", 7), padded = (n + 3) / 4 * 4;
    put32(section, 0x0a0d0d0a);
    put32(section + 4, 28);
    put32(section + 8, 0x1a2b3c4d);
    put16(section + 12, 1);
    put64(section + 16, UINT64_MAX);
    put32(section + 24, 28);
    put32(interface, 1);
    put32(interface + 4, 20);
    put16(interface + 8, 1);
    put32(interface + 12, 65535);
    put32(interface + 16, 20);
    put32(head, 6); /* enhanced packet: interface, time in us (high, low), captured, original */
    put32(head + 4, (uint32_t)(32 + padded));
    const uint64_t us = UINT64_C(1700000000123456);
    put32(head + 12, (uint32_t)(us >> 32));
    put32(head + 16, (uint32_t)us);
    put32(head + 20, (uint32_t)n);
    put32(head + 24, (uint32_t)n);
    put32(tail, (uint32_t)(32 + padded));
    capture.n = 0;
    add(&capture, section, sizeof section);
    add(&capture, interface, sizeof interface);
    add(&capture, head, sizeof head);
    memset(frame + n, 0, padded - n);
    add(&capture, frame, padded);
    add(&capture, tail, sizeof tail);
    assert_true(glint_source_pcap_probe(capture.data, capture.n));
    struct glint_source *s = open_it();
    assert_int_equal(next(s), GLINT_OK);
    check_payload("payload");
    assert_int_equal(packet.stamp_ns, INT64_C(1700000000123456000));
    s->ops->close(s);
}

/* ---- fragments ---- */

static uint8_t whole[4008]; /* a UDP datagram with 4000 bytes */

static void add_fragment(uint16_t id, size_t at, size_t n, uint32_t s)
{
    uint8_t frame[2000];
    const bool more = at + n < sizeof whole;
    const size_t size = make_ipv4(frame, id, (uint16_t)((more ? 0x2000 : 0) | at / 8), whole + at, n);
    add_record(&capture, s, 0, frame, size);
}

static void make_whole(void)
{
    uint8_t payload[4000];
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 7 + i / 256);
    make_udp(whole, payload, sizeof payload);
    begin_pcap(&capture, false, 101);
}

static void fragments_in_any_order_make_one_packet(void **state)
{
    (void)state;
    make_whole();
    add_fragment(9, 2400, 1608, 1); /* the last first */
    add_fragment(8, 0, 1200, 1);    /* of another datagram, never whole */
    add_fragment(9, 0, 1200, 1);
    add_fragment(9, 0, 1200, 1); /* twice */
    add_fragment(9, 1200, 1200, 2);
    struct glint_source *s = open_it();
    struct glint_source_pcap_stats stats;
    assert_int_equal(next(s), GLINT_OK);
    assert_int_equal(packet.size, 4000);
    assert_memory_equal(packet.data, whole + 8, 4000);
    assert_int_equal(packet.record, 4);
    assert_int_equal(packet.stamp_ns, INT64_C(2000000000));
    assert_int_equal(next(s), GLINT_E_EOF);
    assert_true(glint_source_pcap_stats(s, &stats));
    assert_int_equal(stats.records, 5);
    assert_int_equal(stats.datagrams, 1);
    assert_int_equal(stats.incomplete, 1);
    struct glint_loss loss = {.packets_received = 1, .packets_decoded = 1};
    glint_source_pcap_account(s, &loss);
    assert_int_equal(loss.packets_received,
                     loss.packets_decoded + loss.packets_malformed + loss.packets_foreign);
    s->ops->close(s);
}

static void an_old_fragment_does_not_meet_a_new_datagram(void **state)
{
    (void)state;
    make_whole();
    add_fragment(9, 0, 1200, 1);
    add_fragment(9, 1200, 1200, 100);
    add_fragment(9, 2400, 1608, 100);
    struct glint_source *s = open_it();
    assert_int_equal(next(s), GLINT_E_FORMAT); /* no datagram at all */
    s->ops->close(s);
}

static void many_unfinished_datagrams_stay_bounded(void **state)
{
    (void)state;
    struct glint_source_pcap_stats stats;
    make_whole();
    for (uint16_t id = 0; id < 100; id++)
        add_fragment(id, 0, 1200, 1);
    add_packet(&capture, 1, 0, "a", 1); /* an Ethernet frame on a raw link: no IP */
    struct glint_source *s = open_it();
    assert_int_equal(next(s), GLINT_E_FORMAT);
    assert_true(glint_source_pcap_stats(s, &stats));
    assert_int_equal(stats.incomplete, 100);
    assert_int_equal(stats.other, 1);
    s->ops->close(s);
}

/* ---- bad files ---- */

static void a_cut_capture_gives_all_before_the_cut(void **state)
{
    (void)state;
    begin_pcap(&capture, false, 1);
    add_packet(&capture, 1, 0, "one", 3);
    add_packet(&capture, 2, 0, "two", 3);
    const size_t n_whole = capture.n;
    add_packet(&capture, 3, 0, "three", 5);
    for (size_t n = n_whole + 1; n < n_whole + 16 + 30; n++) {
        capture.n = n;
        struct glint_source *s = open_it();
        assert_int_equal(next(s), GLINT_OK);
        assert_int_equal(next(s), GLINT_OK);
        check_payload("two");
        assert_int_equal(next(s), GLINT_E_FORMAT);
        assert_non_null(strstr(glint_error_text(), "made: truncated at record 2"));
        assert_int_equal(next(s), GLINT_E_EOF);
        s->ops->close(s);
    }
}

static void check_refused(int status, const char *words)
{
    struct glint_source *s;
    assert_int_equal(glint_source_pcap_open_memory(capture.data, capture.n, "made", &s), status);
    assert_non_null(strstr(glint_error_text(), "made"));
    if (!strstr(glint_error_text(), words))
        fail_msg("\"%s\" is not in: %s", words, glint_error_text());
    assert_null(s);
}

static void bad_files_are_refused_with_words(void **state)
{
    (void)state;
    struct glint_source *s;
    capture.n = 0;
    check_refused(GLINT_E_FORMAT, "empty");
    add(&capture, "GIF89a, no capture at all", 25);
    check_refused(GLINT_E_FORMAT, "not a capture");
    assert_false(glint_source_pcap_probe(capture.data, capture.n));
    begin_pcap(&capture, false, 1);
    assert_true(glint_source_pcap_probe(capture.data, capture.n));
    check_refused(GLINT_E_FORMAT, "no packets");
    capture.n = 20;
    check_refused(GLINT_E_FORMAT, "not a capture");
    begin_pcap(&capture, false, 147);
    add_packet(&capture, 1, 0, "a", 1);
    check_refused(GLINT_E_UNSUPPORTED, "link type");
    assert_int_equal(glint_source_pcap_open("/nowhere/at/all.pcap", NULL, &s), GLINT_E_NOTFOUND);
    assert_int_equal(glint_source_pcap_open("/tmp", NULL, &s), GLINT_E_IO);
}

static void other_records_are_counted(void **state)
{
    (void)state;
    struct glint_source_pcap_stats stats;
    uint8_t arp[60] = {[12] = 8, [13] = 6};
    begin_pcap(&capture, false, 1);
    add_record(&capture, 1, 0, arp, sizeof arp);
    add_packet(&capture, 2, 0, "one", 3);
    add_record(&capture, 3, 0, arp, 5);
    struct glint_source *s = open_it();
    assert_int_equal(next(s), GLINT_OK);
    assert_int_equal(packet.record, 1);
    assert_int_equal(packet.other_before, 1);
    assert_int_equal(next(s), GLINT_E_EOF);
    struct glint_loss loss = {0};
    glint_source_pcap_account(s, &loss); /* the one after the packet */
    assert_int_equal(loss.packets_foreign, 1);
    assert_int_equal(loss.packets_received, 1);
    glint_source_pcap_stats(s, &stats);
    assert_int_equal(stats.other, 2);
    assert_int_equal(stats.first_ns, 1000000000);
    assert_int_equal(stats.last_ns, INT64_C(3000000000));
    s->ops->close(s);
}

static void a_datagram_cut_by_the_snap_length_is_given_short(void **state)
{
    (void)state;
    uint8_t frame[256], payload[100] = {0};
    begin_pcap(&capture, false, 1);
    add_record(&capture, 1, 0, frame, make_frame(frame, payload, sizeof payload) - 40);
    struct glint_source *s = open_it();
    assert_int_equal(next(s), GLINT_OK);
    assert_int_equal(packet.size, 60);
    s->ops->close(s);
}

/* The shared capture: sizes and records of its description. */
static void the_fragmented_capture_is_whole(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {48, 48, 12608, 16640};
    static const uint64_t records[] = {0, 1, 10, 22};
    char path[600];
    if (!glint_test_shared("captures/ouster_fragmented/same_ports.pcap", path, sizeof path))
        skip();
    struct glint_source *s;
    assert_int_equal(glint_source_pcap_open(path, NULL, &s), GLINT_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(next(s), GLINT_OK);
        assert_int_equal(packet.size, sizes[i]);
        assert_int_equal(packet.record, records[i]);
        assert_int_equal(packet.dst_port, 7502);
    }
    assert_int_equal(next(s), GLINT_E_EOF);
    assert_true(s->ops->progress(s) > 0.99);
    s->ops->close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(link_types_are_read),
        cmocka_unit_test(ipv6_is_read),
        cmocka_unit_test(stamps_are_exact),
        cmocka_unit_test(pcapng_is_read),
        cmocka_unit_test(fragments_in_any_order_make_one_packet),
        cmocka_unit_test(an_old_fragment_does_not_meet_a_new_datagram),
        cmocka_unit_test(many_unfinished_datagrams_stay_bounded),
        cmocka_unit_test(a_cut_capture_gives_all_before_the_cut),
        cmocka_unit_test(bad_files_are_refused_with_words),
        cmocka_unit_test(other_records_are_counted),
        cmocka_unit_test(a_datagram_cut_by_the_snap_length_is_given_short),
        cmocka_unit_test(the_fragmented_capture_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
