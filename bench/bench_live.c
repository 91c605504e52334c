/* bench/bench_live.c - packets over loopback at many times a sensor's rate: is every one of them received,
 * and is every frame the one that a recording of the same packets gives?
 *
 *     bench_live [--sensor NAME | --capture FILE --calib FILE] [--rate 36000] [--seconds 60] [--priority N]
 *                [--how TEXT]
 *
 * Packets are made ones of a sensor (sim/made_packets.h; default VLP-16) or those of an Ouster capture,
 * over and over with new times and numbers, `rate` of them a second. First a recorded run gives every frame's
 * hash, then the same packets are sent by a thread of this program and received by a live pipeline;
 * --priority runs this second part, all its threads, at real-time priority N (SCHED_FIFO), ahead of other
 * work on the machine. The result is one JSON object on standard output. Exit status 1 when a packet was
 * dropped in this program or a frame differs. */
#define _GNU_SOURCE
#include "bench/live_stream.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "glint/pipeline.h"
#include "io/sink.h"
#include "io/source_live.h"
#include "tools/glint_commit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST      64
#define CAP_FRAMES 200000

struct frames {
    struct glint_sink base;
    int64_t n, n_points;
    int64_t worst_ns, sum_ns; /* last packet came -> frame here */
    uint64_t *hash;           /* CAP_FRAMES, by the frame's number; 0: did not come */
};

struct sender {
    pthread_t thread;
    struct live_stream *stream;
    struct glint_source *source;
    uint16_t port;
    int64_t sent, late_ns, wall_ns;
};

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
    s->n_points += p->n;
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

static const struct glint_sink_ops frames_ops = {
    .name = "frames", .write = frames_write, .finish = frames_finish, .close = frames_close};

static int run_frames(struct glint_source *source, const struct live_stream *stream, bool live,
                      struct frames *frames, struct glint_pipeline_stats *stats)
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
    s.calib = stream->calibration[0] ? stream->calibration : NULL;
    s.queue_depth = 64;
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

/* The same bytes for as many bursts as there is room: sendmmsg copies them. */
struct burst {
    uint8_t *data; /* BURST packets */
    struct sockaddr_in to;
    struct mmsghdr head[BURST];
    struct iovec piece[BURST];
};

static void send_burst(int fd, struct burst *b, const struct live_stream *s, int64_t first, int n)
{
    memset(b->head, 0, sizeof b->head);
    for (int i = 0; i < n; i++) {
        uint8_t *data = b->data + (size_t)i * s->size;
        live_stream_packet(s, first + i, data);
        b->piece[i] = (struct iovec){data, s->size};
        b->head[i].msg_hdr = (struct msghdr){
            .msg_name = &b->to, .msg_namelen = sizeof b->to, .msg_iov = &b->piece[i], .msg_iovlen = 1};
    }
    for (int done = 0; done < n;) {
        const int k = sendmmsg(fd, b->head + done, (unsigned)(n - done), 0);
        done += k > 0 ? k : 0;
        if (k < 0 && errno != EINTR && errno != EAGAIN && errno != ENOBUFS)
            break;
    }
}

/* Packets that are due go out, at most BURST at a time. */
static void send_all(struct sender *s, int fd, struct burst *b)
{
    const struct live_stream *m = s->stream;
    const int64_t begun = glint_clock_monotonic_ns();
    while (s->sent < m->n) {
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
        send_burst(fd, b, m, s->sent, n);
        s->sent += n;
    }
    s->wall_ns = glint_clock_monotonic_ns() - begun;
}

static void *sender_main(void *arg)
{
    struct sender *s = arg;
    const int fd = socket(AF_INET, SOCK_DGRAM, 0), bytes = 8 << 20;
    struct burst *b = calloc(1, sizeof *b);
    if (b)
        b->data = malloc((size_t)BURST * s->stream->size);
    if (fd >= 0 && b && b->data) {
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
        b->to = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        send_all(s, fd, b);
    }
    usleep(200000);
    glint_source_live_stop(s->source);
    if (b)
        free(b->data);
    free(b);
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

struct result {
    struct live_stream *stream;
    struct sender sender;
    struct frames recorded, live;
    struct glint_pipeline_stats recorded_stats, stats;
    struct glint_live_stats net;
    const char *how;
    int priority;
};

static json_t *whole(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *describe(const struct result *r)
{
    const struct sender *s = &r->sender;
    const struct glint_loss *l = &r->stats.loss;
    const double seconds = (double)s->wall_ns * 1e-9;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    json_t *o =
        json_pack("{s:s, s:s, s:i, s:s, s:i, s:s}", "measures",
                  "live over loopback, sender and receiver in one process", "processor", glint_cpu_name(),
                  "cores", glint_cpu_count(), "commit", GLINT_COMMIT, "priority", r->priority, "how", r->how);
    json_object_set_new(o, "input",
                        json_pack("{s:s, s:o, s:i, s:o, s:f, s:f, s:f, s:f}", "packets_of", r->stream->name,
                                  "packets", whole((uint64_t)r->stream->n), "bytes_each",
                                  (int)r->stream->size, "rate_wanted", whole((uint64_t)r->stream->rate),
                                  "seconds", seconds, "rate_sent", (double)s->sent / seconds,
                                  "megabytes_per_s", (double)s->sent * r->stream->size / seconds * 1e-6,
                                  "sender_latest_ms", (double)s->late_ns * 1e-6));
    json_object_set_new(
        o, "network",
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "received", whole(r->net.received), "kernel_drops",
                  whole(r->net.kernel_drops), "ring_drops", whole(r->net.ring_drops), "rcvbuf_bytes",
                  whole((uint64_t)r->net.rcvbuf_bytes), "ring_peak_bytes", whole(r->net.ring_peak)));
    json_object_set_new(o, "packets",
                        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "received", whole(l->packets_received),
                                  "decoded", whole(l->packets_decoded), "malformed",
                                  whole(l->packets_malformed), "foreign", whole(l->packets_foreign), "lost",
                                  whole(l->packets_lost), "duplicate", whole(l->packets_duplicate)));
    json_object_set_new(o, "frames",
                        json_pack("{s:o, s:o, s:o, s:o, s:f}", "recorded", whole((uint64_t)r->recorded.n),
                                  "live", whole((uint64_t)r->live.n), "dropped_by_policy",
                                  whole(r->stats.frames_dropped), "differ",
                                  whole((uint64_t)frames_that_differ(&r->recorded, &r->live)), "points_per_s",
                                  (double)r->live.n_points / seconds));
    json_object_set_new(o, "latency_ms",
                        json_pack("{s:f, s:f}", "mean",
                                  r->live.n ? (double)r->live.sum_ns / (double)r->live.n * 1e-6 : 0.0, "max",
                                  (double)r->live.worst_ns * 1e-6));
    json_object_set_new(o, "peak_memory_mib", json_integer(usage.ru_maxrss / 1024));
    return o;
}

static int fail(const char *what)
{
    fprintf(stderr, "bench_live: %s: %s\n", what, glint_error_text());
    return 1;
}

static int measure(struct result *r)
{
    struct live_stream *m = r->stream;
    struct sender *s = &r->sender;
    if (run_frames(&m->source, m, false, &r->recorded, &r->recorded_stats) < 0)
        return fail("recorded run");
    m->begun_ns = glint_clock_utc_ns(); /* the clock of the packets is that of the day: it is not moved */
    s->stream = m;
    const struct sched_param param = {.sched_priority = r->priority};
    const int denied = r->priority > 0 ? pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) : 0;
    if (denied) {
        fprintf(stderr, "bench_live: priority %d: %s\n", r->priority, strerror(denied));
        return 1;
    }
    if (open_source(s) < 0 || pthread_create(&s->thread, NULL, sender_main, s) != 0)
        return fail("sockets");
    const int status = run_frames(s->source, m, true, &r->live, &r->stats);
    pthread_join(s->thread, NULL);
    if (status < 0)
        return fail("live run");
    glint_source_live_stats(s->source, &r->net);
    glint_source_close(s->source);
    json_t *o = describe(r);
    json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    printf("\n");
    json_decref(o);
    const bool good = r->net.ring_drops == 0 && frames_that_differ(&r->recorded, &r->live) == 0 &&
                      r->stats.loss.packets_decoded == r->net.received;
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct live_stream stream;
    struct result r = {.stream = &stream, .how = ""};
    const char *sensor = "VLP-16", *capture = NULL, *calib = NULL;
    double seconds = 60;
    stream.rate = 36000;
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--rate") == 0)
            stream.rate = atoll(value);
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = atof(value);
        else if (strcmp(argv[i], "--sensor") == 0)
            sensor = value;
        else if (strcmp(argv[i], "--capture") == 0)
            capture = value;
        else if (strcmp(argv[i], "--calib") == 0)
            calib = value;
        else if (strcmp(argv[i], "--priority") == 0)
            r.priority = atoi(value);
        else if (strcmp(argv[i], "--how") == 0)
            r.how = value;
    }
    stream.rate = stream.rate > 0 ? stream.rate : 1;
    stream.n = (int64_t)(seconds * (double)stream.rate);
    if ((capture ? live_stream_load(&stream, capture, calib) : live_stream_make(&stream, sensor)) < 0)
        return fail("packets");
    const int code = measure(&r);
    live_stream_close(&stream);
    free(r.recorded.hash);
    free(r.live.hash);
    return code;
}
