/* bench/bench_live.c - packets over loopback at many times a sensor's rate: is every one of them received,
 * and is every frame the one that a recording of the same packets gives?
 *
 *     bench_live [--rate 36000] [--seconds 60] [--json FILE]
 *
 * Packets are a VLP-16's in form (1206 bytes, 384 returns, 75 to a turn), each with distances of its own, and
 * come `rate` times a second: ten VLS-128 or so. First a recorded run gives every frame's hash, then the same
 * packets are sent by a thread of this program and received by a live pipeline. Exit status 1 when a packet
 * was dropped in this program or a frame differs. */
#define _GNU_SOURCE
#include "core/clock.h"
#include "core/cpu.h"
#include "glint/pipeline.h"
#include "io/sink.h"
#include "io/source_live.h"
#include "tools/glint_commit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BYTES      1206
#define TURN       75
#define BURST      64
#define CAP_FRAMES 200000

struct made { /* the packets, and a source of them */
    struct glint_source source;
    uint8_t turn[TURN][BYTES];
    uint8_t packet[BYTES];
    int64_t n, at, rate, base_us; /* base: time of packet 0 in its hour */
    int64_t base_ns;
};

struct frames {
    struct glint_sink base;
    int64_t n;
    int64_t worst_ns, sum_ns; /* last packet came -> frame here */
    uint64_t *hash;           /* CAP_FRAMES, by the frame's number; 0: did not come */
};

struct sender {
    pthread_t thread;
    struct made *made;
    struct glint_source *source;
    uint16_t port;
    int64_t sent, late_ns, wall_ns;
};

/* ---- packets ---- */

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void make_turn(struct made *m)
{
    for (uint32_t i = 0; i < TURN; i++) {
        uint8_t *p = m->turn[i];
        for (uint32_t b = 0; b < 12; b++, p += 100) {
            put16(p, 0xeeff);
            put16(p + 2, i * 480 + b * 40);
            for (uint32_t k = 0; k < 32; k++) {
                put16(p + 4 + 3 * k, 2000 + 10 * k + b);
                p[6 + 3 * k] = (uint8_t)(k * 8);
            }
        }
        p[4] = 0x37; /* strongest */
        p[5] = 0x22; /* VLP-16 */
    }
}

static void make_packet(const struct made *m, int64_t i, uint8_t *p)
{
    const uint32_t us = (uint32_t)((m->base_us + i * 1000000 / m->rate) % INT64_C(3600000000));
    memcpy(p, m->turn[i % TURN], BYTES);
    put16(p + 4, 1000 + (uint32_t)(i % 30000)); /* what tells it from all others of its place */
    put16(p + 7, 1000 + (uint32_t)(i / 30000));
    put16(p + 1200, us);
    put16(p + 1202, us >> 16);
}

static int next_packet(struct glint_source *source, struct glint_packet *out)
{
    struct made *m = (struct made *)source;
    if (m->at == m->n)
        return GLINT_E_EOF;
    make_packet(m, m->at, m->packet);
    *out = (struct glint_packet){.data = m->packet,
                                 .size = BYTES,
                                 .stamp_ns = m->base_ns + m->at * 1000000000 / m->rate,
                                 .record = (uint64_t)m->at,
                                 .src_ip = 0x7f000001,
                                 .dst_port = 2368};
    m->at++;
    return GLINT_OK;
}

/* ---- frames ---- */

static uint64_t mix(uint64_t h, const void *data, size_t n)
{
    const uint8_t *p = data;
    for (uint64_t v; n >= 8; n -= 8, p += 8) {
        memcpy(&v, p, 8);
        h = (h ^ v) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    for (; n > 0; n--)
        h = (h ^ *p++) * UINT64_C(0x100000001b3);
    return h;
}

static int frames_write(struct glint_sink *sink, const struct glint_frame *f)
{
    struct frames *s = (struct frames *)sink;
    const struct glint_points *p = &f->points;
    const size_t n = (size_t)p->n;
    uint64_t h = mix(n + 1, p->x, 4 * n);
    h = mix(h, p->y, 4 * n);
    h = mix(h, p->z, 4 * n);
    h = mix(h, p->intensity, 4 * n);
    h = mix(h, p->ring, 2 * n);
    h = mix(h, p->offset_ns, 4 * n);
    if (f->index < CAP_FRAMES)
        s->hash[f->index] = h | 1;
    s->n++;
    s->sum_ns += f->total_ns;
    s->worst_ns = f->total_ns > s->worst_ns ? f->total_ns : s->worst_ns;
    return GLINT_OK;
}

static int frames_finish(struct glint_sink *sink)
{
    (void)sink;
    return GLINT_OK;
}

static void frames_close(struct glint_sink *sink)
{
    (void)sink;
}

static const struct glint_sink_ops frames_ops = {"frames", frames_write, frames_finish, frames_close};

static int run_frames(struct glint_source *source, bool live, struct frames *frames,
                      struct glint_pipeline_stats *stats)
{
    struct glint_pipeline_settings s;
    struct glint_pipeline *p;
    glint_pipeline_settings_default(&s);
    frames->base = (struct glint_sink){&frames_ops, "frames"};
    frames->hash = calloc(CAP_FRAMES, sizeof *frames->hash);
    s.source = source;
    s.sinks[s.n_sinks++] = &frames->base;
    s.n_threads = 2;
    s.policy = live ? GLINT_QUEUE_NEWEST : GLINT_QUEUE_WAIT;
    s.queue_depth = 64;
    s.cap_points = 40000;
    if (!frames->hash)
        return GLINT_E_NOMEM;
    int status = glint_pipeline_open(&s, &p);
    if (status < 0)
        return status;
    status = glint_pipeline_run(p);
    glint_pipeline_stats(p, stats);
    glint_pipeline_close(p);
    return status;
}

/* ---- sending ---- */

static void send_burst(int fd, const struct sender *s, int64_t first, int n)
{
    static uint8_t data[BURST][BYTES];
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct mmsghdr head[BURST] = {0};
    struct iovec piece[BURST];
    for (int i = 0; i < n; i++) {
        make_packet(s->made, first + i, data[i]);
        piece[i] = (struct iovec){data[i], BYTES};
        head[i].msg_hdr =
            (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &piece[i], .msg_iovlen = 1};
    }
    for (int done = 0; done < n;) {
        const int k = sendmmsg(fd, head + done, (unsigned)(n - done), 0);
        done += k > 0 ? k : 0;
        if (k < 0 && errno != EINTR && errno != EAGAIN && errno != ENOBUFS)
            break;
    }
}

static void *sender_main(void *arg)
{
    struct sender *s = arg;
    struct made *m = s->made;
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    const int64_t begun = glint_clock_monotonic_ns();
    while (fd >= 0 && s->sent < m->n) {
        const int64_t now = glint_clock_monotonic_ns() - begun;
        int64_t due = now * m->rate / 1000000000 + 1 - s->sent;
        due = due > m->n - s->sent ? m->n - s->sent : due;
        if (due <= 0) {
            const struct timespec t = {0, 100000};
            nanosleep(&t, NULL);
            continue;
        }
        const int64_t late = now - s->sent * 1000000000 / m->rate;
        s->late_ns = late > s->late_ns ? late : s->late_ns;
        const int n = due > BURST ? BURST : (int)due;
        send_burst(fd, s, s->sent, n);
        s->sent += n;
    }
    s->wall_ns = glint_clock_monotonic_ns() - begun;
    usleep(200000);
    glint_source_live_stop(s->source);
    if (fd >= 0)
        close(fd);
    return NULL;
}

static int open_source(struct sender *s)
{
    struct glint_live_settings settings;
    glint_live_settings_default(&settings);
    settings.address = "127.0.0.1";
    settings.n_ports = 1;
    int status = GLINT_E_DEVICE;
    for (uint16_t port = 42368; status == GLINT_E_DEVICE && port < 42400; port++) {
        settings.ports[0] = s->port = port;
        status = glint_source_live_open(&settings, &s->source);
    }
    return status;
}

/* ---- the report ---- */

static int64_t frames_that_differ(const struct frames *a, const struct frames *b)
{
    int64_t n = 0;
    for (int i = 0; i < CAP_FRAMES; i++)
        n += b->hash[i] != 0 && a->hash[i] != b->hash[i];
    return n;
}

static void report(FILE *out, const struct sender *s, const struct frames *recorded,
                   const struct frames *live, const struct glint_pipeline_stats *stats,
                   const struct glint_live_stats *net)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    fprintf(
        out,
        "{\n  \"measures\": \"live over loopback, sender and receiver in one process\",\n"
        "  \"machine\": {\"processor\": \"%s\", \"cores\": %d},\n  \"commit\": \"%s\",\n"
        "  \"input\": {\"packets\": %lld, \"bytes_each\": %d, \"rate_wanted\": %lld, \"seconds\": %.2f, "
        "\"rate_sent\": %.0f, \"sender_latest_ms\": %.2f, \"frames_hash\": \"%016llx\"},\n"
        "  \"network\": {\"received\": %llu, \"kernel_drops\": %llu, \"ring_drops\": %llu, \"rcvbuf_bytes\": "
        "%lld, "
        "\"ring_peak_bytes\": %zu},\n"
        "  \"packets\": {\"received\": %llu, \"decoded\": %llu, \"malformed\": %llu, \"foreign\": %llu, "
        "\"duplicate\": %llu},\n"
        "  \"frames\": {\"recorded\": %lld, \"live\": %lld, \"dropped_by_policy\": %llu, \"differ\": %lld},\n"
        "  \"latency_ms\": {\"mean\": %.3f, \"max\": %.3f},\n  \"peak_memory_mib\": %ld\n}\n",
        glint_cpu_name(), glint_cpu_count(), GLINT_COMMIT, (long long)s->made->n, BYTES,
        (long long)s->made->rate, (double)s->wall_ns * 1e-9, (double)s->sent * 1e9 / (double)s->wall_ns,
        (double)s->late_ns * 1e-6, (unsigned long long)mix(1, recorded->hash, 8 * (size_t)recorded->n),
        (unsigned long long)net->received, (unsigned long long)net->kernel_drops,
        (unsigned long long)net->ring_drops, (long long)net->rcvbuf_bytes, net->ring_peak,
        (unsigned long long)stats->loss.packets_received, (unsigned long long)stats->loss.packets_decoded,
        (unsigned long long)stats->loss.packets_malformed, (unsigned long long)stats->loss.packets_foreign,
        (unsigned long long)stats->loss.packets_duplicate, (long long)recorded->n, (long long)live->n,
        (unsigned long long)stats->frames_dropped, (long long)frames_that_differ(recorded, live),
        live->n ? (double)live->sum_ns / (double)live->n * 1e-6 : 0, (double)live->worst_ns * 1e-6,
        usage.ru_maxrss / 1024);
}

static int fail(const char *what)
{
    fprintf(stderr, "bench_live: %s: %s\n", what, glint_error_text());
    return 1;
}

int main(int argc, char **argv)
{
    static struct made made;
    static const struct glint_source_ops ops = {
        .name = "made", .gives_packets = true, .next_packet = next_packet};
    struct frames recorded = {0}, live = {0};
    struct glint_pipeline_stats recorded_stats, stats;
    struct glint_live_stats net;
    const char *json = NULL;
    double seconds = 60;
    made.rate = 36000;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rate") == 0)
            made.rate = atoll(argv[i + 1]);
        if (strcmp(argv[i], "--seconds") == 0)
            seconds = atof(argv[i + 1]);
        if (strcmp(argv[i], "--json") == 0)
            json = argv[i + 1];
    }
    made.rate = made.rate > 0 ? made.rate : 1;
    made.n = (int64_t)(seconds * (double)made.rate);
    made.source = (struct glint_source){.ops = &ops, .path = "made"};
    make_turn(&made);
    made.base_ns = glint_clock_utc_ns();
    made.base_us = made.base_ns / 1000 % INT64_C(3600000000);
    if (run_frames(&made.source, false, &recorded, &recorded_stats) < 0)
        return fail("recorded run");
    made.base_ns = glint_clock_utc_ns(); /* the clock of the packets is that of the day: it is not moved */
    made.base_us = made.base_ns / 1000 % INT64_C(3600000000);
    struct sender sender = {.made = &made};
    if (open_source(&sender) < 0 || pthread_create(&sender.thread, NULL, sender_main, &sender) != 0)
        return fail("sockets");
    const int status = run_frames(sender.source, true, &live, &stats);
    pthread_join(sender.thread, NULL);
    if (status < 0)
        return fail("live run");
    glint_source_live_stats(sender.source, &net);
    report(stdout, &sender, &recorded, &live, &stats, &net);
    FILE *out = json ? fopen(json, "w") : NULL;
    if (out)
        report(out, &sender, &recorded, &live, &stats, &net);
    if (out && fclose(out) != 0)
        return fail("json");
    glint_source_close(sender.source);
    const bool good = net.ring_drops == 0 && frames_that_differ(&recorded, &live) == 0 &&
                      stats.loss.packets_decoded == net.received;
    free(recorded.hash);
    free(live.hash);
    return good ? 0 : 1;
}
