/* tests/test_receive.c - what the kernel does for us: time stamps, counts of what found no room, multicast
 * groups, filters of libpcap. Loopback only. */
#define _GNU_SOURCE
#include "tests/live_fixture.h"
#include "core/clock.h"
#include <net/if.h>

#define GROUP       "239.255.77.1"
#define OTHER_GROUP "239.255.77.2"

static int open_sender(void)
{
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    const struct ip_mreqn lo = {.imr_ifindex = (int)if_nametoindex("lo")};
    const struct in_addr from = {.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof lo);
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof from);
    return fd;
}

/* One datagram of `size` bytes that begins with i; false when the system has no way there. */
static bool send_one(int fd, const char *to, uint16_t port, uint32_t i, size_t size)
{
    static uint8_t data[9000];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, to, &at.sin_addr), 1);
    memcpy(data, &i, sizeof i);
    return sendto(fd, data, size, 0, (struct sockaddr *)&at, sizeof at) == (ssize_t)size;
}

/* The next packet, waited for up to two seconds; false when none came. */
static bool next(struct glint_source *source, struct glint_packet *p)
{
    int status = GLINT_E_AGAIN;
    for (const int64_t end = glint_clock_monotonic_ns() + INT64_C(2000000000);
         status == GLINT_E_AGAIN && glint_clock_monotonic_ns() < end;)
        status = source->ops->next_packet(source, p);
    return status == GLINT_OK;
}

static uint32_t number_of(const struct glint_packet *p)
{
    uint32_t i;
    memcpy(&i, p->data, sizeof i);
    return i;
}

/* Over loopback a datagram is in the receiver's socket when sendto returns, and the kernel stamps it there: a
 * stamp of the program, which has to be woken first, would be later now and then. */
static void check_stamps(bool hardware)
{
    enum { N = 300 };
    static int64_t before[N], after[N];
    const uint16_t port = free_port();
    struct glint_live_settings s;
    struct glint_source *source;
    struct glint_packet p;
    glint_live_settings_default(&s);
    s.ports[s.n_ports++] = port;
    s.address = "127.0.0.1";
    s.hardware_stamps = hardware;
    assert_int_equal(glint_source_live_open(&s, &source), GLINT_OK);
    usleep(100000); /* the kernel begins to stamp some time after the first socket has asked for it */
    const int fd = open_sender();
    for (uint32_t i = 0; i < N; i++) {
        before[i] = glint_clock_utc_ns();
        assert_true(send_one(fd, "127.0.0.1", port, i, 1206));
        after[i] = glint_clock_utc_ns();
        usleep(200);
    }
    for (int i = 0; i < N; i++) {
        assert_true(next(source, &p));
        assert_int_equal(number_of(&p), i);
        assert_true(p.stamp_ns >= before[i] && p.stamp_ns <= after[i]);
        assert_int_equal(p.src_ip, 0x7f000001);
        assert_int_equal(p.dst_ip, 0x7f000001);
        assert_int_equal(p.dst_port, port);
    }
    close(fd);
    glint_source_close(source);
}

/* Where the card has no clock, as here, hardware stamps fall back to the kernel's. */
static void stamps_are_the_kernels(void **state)
{
    (void)state;
    check_stamps(false);
    check_stamps(true);
}

/* Bursts at a socket with the smallest buffer: whatever the kernel had no room for is counted, to the packet.
 */
static void what_the_kernel_drops_is_counted(void **state)
{
    (void)state;
    struct glint_live_settings s;
    struct glint_source *source;
    struct glint_live_stats stats;
    struct glint_packet p;
    struct glint_loss rest = {0};
    uint64_t sent = 0, came = 0, told = 0;
    int status;
    glint_live_settings_default(&s);
    s.ports[s.n_ports++] = free_port();
    s.address = "127.0.0.1";
    s.rcvbuf_bytes = 1;
    assert_int_equal(glint_source_live_open(&s, &source), GLINT_OK);
    const int fd = open_sender();
    do { /* one datagram fits: the second finds the first still there sooner or later */
        for (int i = 0; i < 2000; i++)
            sent += send_one(fd, "127.0.0.1", s.ports[0], (uint32_t)i, 1206);
        usleep(120000); /* drops behind the last packet are asked for when it is quiet */
        glint_source_live_stats(source, &stats);
    } while (stats.kernel_drops == 0 && sent < 200000);
    glint_source_live_stop(source);
    while ((status = source->ops->next_packet(source, &p)) == GLINT_OK || status == GLINT_E_AGAIN)
        if (status == GLINT_OK) {
            came++;
            told += p.dropped_before;
        }
    glint_source_live_stats(source, &stats);
    glint_source_account(source, &rest);
    assert_true(stats.kernel_drops > 0);
    assert_int_equal(stats.received + stats.kernel_drops, sent);
    assert_int_equal(came + stats.ring_drops, stats.received);
    assert_int_equal(told + rest.packets_dropped, stats.kernel_drops + stats.ring_drops);
    close(fd);
    glint_source_close(source);
}

/* Packets to the group come, those to another group that somebody else on this machine listens to do not. */
static void multicast_group(void **state)
{
    (void)state;
    struct glint_live_settings s;
    struct glint_source *source, *second, *others;
    struct glint_packet p;
    glint_live_settings_default(&s);
    s.ports[s.n_ports++] = free_port();
    s.iface = "lo";
    s.groups[s.n_groups++] = GROUP;
    if (glint_source_live_open(&s, &source) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    assert_int_equal(glint_source_live_open(&s, &second), GLINT_OK); /* a group is shared */
    s.groups[0] = OTHER_GROUP;
    s.groups[s.n_groups++] = GROUP; /* both */
    assert_int_equal(glint_source_live_open(&s, &others), GLINT_OK);
    const int fd = open_sender();
    for (uint32_t i = 0; i < 20; i++) {
        assert_true(send_one(fd, OTHER_GROUP, s.ports[0], 1000 + i, 500));
        assert_true(send_one(fd, GROUP, s.ports[0], i, 500));
    }
    for (uint32_t i = 0; i < 20; i++) {
        assert_true(next(source, &p));
        assert_int_equal(number_of(&p), i);
        assert_int_equal(p.dst_ip, 0xefff4d01);
        assert_true(next(second, &p) && number_of(&p) == i);
        assert_true(next(others, &p) && number_of(&p) == 1000 + i);
        assert_true(next(others, &p) && number_of(&p) == i);
    }
    close(fd);
    glint_source_close(source);
    glint_source_close(second);
    glint_source_close(others);
}

/* libpcap on the loopback interface: the filter decides, not the ports; skipped without the permission. */
static void filter_of_an_interface(void **state)
{
    (void)state;
    struct glint_live_settings s;
    struct glint_source *source;
    struct glint_packet p;
    char filter[80];
    const uint16_t wanted = free_port();
    glint_live_settings_default(&s);
    s.pcap = true;
    s.iface = "lo";
    snprintf(filter, sizeof filter, "udp and dst port %u and greater 600", wanted);
    s.filter = filter;
    const int status = glint_source_live_open(&s, &source);
    if (status == GLINT_E_DEVICE)
        skip();
    assert_int_equal(status, GLINT_OK);
    const int fd = open_sender();
    for (uint32_t i = 0; i < 20; i++) {
        send_one(fd, "127.0.0.1", (uint16_t)(wanted ^ 1), 2000 + i, 1206); /* another port */
        send_one(fd, "127.0.0.1", wanted, 1000 + i, 300);                  /* too short */
        const int64_t before = glint_clock_utc_ns();
        send_one(fd, "127.0.0.1", wanted, i, 1206);
        assert_true(next(source, &p));
        assert_int_equal(number_of(&p), i);
        assert_int_equal(p.size, 1206);
        assert_true(p.stamp_ns >= before - 1000 && p.stamp_ns <= glint_clock_utc_ns());
    }
    close(fd);
    glint_source_close(source);
    s.filter = "udp and and";
    assert_int_equal(glint_source_live_open(&s, &source), GLINT_E_ARG);
    assert_non_null(strstr(glint_error_text(), "udp and and"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamps_are_the_kernels), cmocka_unit_test(what_the_kernel_drops_is_counted),
        cmocka_unit_test(multicast_group), cmocka_unit_test(filter_of_an_interface)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
