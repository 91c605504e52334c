/* tests/live_fixture.h - captures of made-up sensors, and what a pipeline makes of them, recorded or live
 * over loopback. */
#ifndef GLINT_TESTS_LIVE_FIXTURE_H
#define GLINT_TESTS_LIVE_FIXTURE_H
#include "tests/packets.h"
#include "glint/pipeline.h"
#include "io/pcap_write.h"
#include "io/replay.h"
#include "io/sensors.h"
#include "io/sink.h"
#include "io/source_live.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <unistd.h>

#define SENSOR_TURN      75 /* packets of a turn of ten a second */
#define SENSOR_PERIOD_NS INT64_C(1327104)
#define SENSOR_EPOCH_NS  INT64_C(1700000000000000000)

/* Packet i of a VLP-16: its distances tell i. us counts from `us` on. */
static inline void sensor_packet(uint8_t *p, int i, uint32_t us)
{
    const uint32_t now = us + (uint32_t)(i * SENSOR_PERIOD_NS / 1000);
    make_velodyne(p, (uint32_t)(i % SENSOR_TURN) * 480, 40, now, 0x37, 0x22, 1000 + (uint32_t)i % 20000);
}

static inline struct glint_pcap_writer *capture_begin(const char *path)
{
    const struct glint_pcap_writer_settings settings = {.path = path, .overwrite = true};
    struct glint_pcap_writer *w;
    assert_int_equal(glint_pcap_writer_open(&settings, &w), GLINT_OK);
    return w;
}

static inline void capture_add(struct glint_pcap_writer *w, const uint8_t *data, uint32_t size,
                               int64_t stamp_ns, uint32_t src_ip)
{
    const struct glint_packet p = {.data = data,
                                   .size = size,
                                   .stamp_ns = stamp_ns,
                                   .src_ip = src_ip,
                                   .dst_ip = 0xffffffff,
                                   .src_port = 2368,
                                   .dst_port = 2368};
    assert_int_equal(glint_pcap_writer_write(w, &p), GLINT_OK);
}

/* n packets of one sensor from time `at` on. */
static inline void capture_add_sensor(struct glint_pcap_writer *w, int first, int n, uint32_t us,
                                      int64_t at_ns, uint32_t src_ip)
{
    uint8_t p[VELODYNE_BYTES];
    for (int i = first; i < first + n; i++) {
        sensor_packet(p, i, us);
        capture_add(w, p, sizeof p, at_ns + i * SENSOR_PERIOD_NS, src_ip);
    }
}

static inline void capture_end(struct glint_pcap_writer *w)
{
    assert_int_equal(glint_pcap_writer_close(w), GLINT_OK);
}

static inline void make_capture(const char *path, int n)
{
    struct glint_pcap_writer *w = capture_begin(path);
    capture_add_sensor(w, 0, n, 1000000, SENSOR_EPOCH_NS, 0xc0a801c9);
    capture_end(w);
}

/* ---- frames, as their hashes ---- */

#define SEEN_CAP 4096

struct seen_frame {
    uint64_t hash;
    int32_t n;
    int64_t stamp_ns, total_ns;
    char source[96], missing[32];
    struct glint_loss loss;
    uint32_t health;
};

struct frames_sink {
    struct glint_sink base;
    int n;
    struct seen_frame seen[SEEN_CAP];
};

static inline uint64_t mix_bytes(uint64_t h, const void *data, size_t n)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    return h;
}

static inline int frames_write(struct glint_sink *sink, const struct glint_frame *f)
{
    struct frames_sink *s = (struct frames_sink *)sink;
    const struct glint_points *p = &f->points;
    const size_t n = (size_t)p->n;
    const struct glint_loss *l = &f->loss; /* of every frame of every test: no packet without an account */
    if (l->packets_received != l->packets_decoded + l->packets_malformed + l->packets_foreign)
        return glint_fail(GLINT_E_FORMAT, "the account of frame %d does not add up", s->n);
    if (s->n == SEEN_CAP)
        return glint_fail(GLINT_E_CAPACITY, "too many frames for a test");
    struct seen_frame *seen = &s->seen[s->n++];
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    h = mix_bytes(h, p->x, 4 * n);
    h = mix_bytes(h, p->y, 4 * n);
    h = mix_bytes(h, p->z, 4 * n);
    h = mix_bytes(h, p->intensity, 4 * n);
    h = mix_bytes(h, p->ring, 2 * n);
    h = mix_bytes(h, p->ret, n);
    seen->hash = mix_bytes(h, p->offset_ns, 4 * n);
    seen->n = p->n;
    seen->stamp_ns = f->stamp_ns;
    seen->loss = f->loss;
    seen->health = f->health;
    seen->total_ns = f->total_ns;
    snprintf(seen->source, sizeof seen->source, "%.95s", f->source);
    snprintf(seen->missing, sizeof seen->missing, "%.31s", f->missing);
    return GLINT_OK;
}

static inline int frames_finish(struct glint_sink *sink)
{
    (void)sink;
    return GLINT_OK;
}

static inline void frames_close(struct glint_sink *sink)
{
    (void)sink;
}

static const struct glint_sink_ops frames_ops = {
    .name = "frames", .write = frames_write, .finish = frames_finish, .close = frames_close};

/* Of each sensor and of all of them: received = decoded + malformed + foreign, and nobody's packets are
 * missing in the sum. */
static inline void assert_sums(const struct glint_pipeline *p, const struct glint_loss *all)
{
    struct glint_pipeline_sensor sensors[16];
    struct glint_loss sum = {0};
    const int32_t n = glint_pipeline_sensors(p, sensors, 16);
    for (int32_t i = 0; i < n; i++) {
        const struct glint_loss *l = &sensors[i].loss;
        assert_int_equal(l->packets_received, l->packets_decoded + l->packets_malformed + l->packets_foreign);
        sum.packets_received += l->packets_received;
        sum.packets_lost += l->packets_lost;
        sum.packets_duplicate += l->packets_duplicate;
    }
    assert_int_equal(all->packets_received,
                     all->packets_decoded + all->packets_malformed + all->packets_foreign);
    assert_true(sum.packets_received <= all->packets_received); /* all: and what came after the last packet */
    assert_int_equal(sum.packets_lost, all->packets_lost);
    assert_int_equal(sum.packets_duplicate, all->packets_duplicate);
}

/* Runs source to its end; live: with the policy of live input and a queue that holds all of a test's frames.
 */
static inline void run_merged(struct glint_source *source, bool live,
                              const struct glint_pipeline_merge *merge, struct frames_sink *sink,
                              struct glint_pipeline_stats *stats)
{
    struct glint_pipeline_settings s;
    struct glint_pipeline *p;
    glint_pipeline_settings_default(&s);
    memset(sink, 0, sizeof *sink);
    sink->base = (struct glint_sink){&frames_ops, "frames"};
    s.source = source;
    s.merge = merge;
    s.sinks[s.n_sinks++] = &sink->base;
    s.n_threads = live ? 2 : 1;
    s.policy = live ? GLINT_QUEUE_NEWEST : GLINT_QUEUE_WAIT;
    s.queue_depth = live ? 64 : 2;
    s.cap_points = 60000;
    if (glint_pipeline_open(&s, &p) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    if (glint_pipeline_run(p) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    glint_pipeline_stats(p, stats);
    assert_sums(p, &stats->loss);
    glint_pipeline_close(p);
}

/* The same of recorded input, with sensors that are expected. */
static inline void run_placed(struct glint_source *source, const struct glint_sensor_place *places,
                              int32_t n_places, struct frames_sink *sink, struct glint_pipeline_stats *stats)
{
    struct glint_pipeline_settings s;
    struct glint_pipeline *p;
    glint_pipeline_settings_default(&s);
    memset(sink, 0, sizeof *sink);
    sink->base = (struct glint_sink){&frames_ops, "frames"};
    s.source = source;
    s.places = places;
    s.n_places = n_places;
    s.sinks[s.n_sinks++] = &sink->base;
    if (glint_pipeline_open(&s, &p) != GLINT_OK || glint_pipeline_run(p) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    glint_pipeline_stats(p, stats);
    assert_sums(p, &stats->loss);
    glint_pipeline_close(p);
}

static inline void run_frames(struct glint_source *source, bool live, struct frames_sink *sink,
                              struct glint_pipeline_stats *stats)
{
    run_merged(source, live, NULL, sink, stats);
}

static inline void run_recorded(const char *path, struct frames_sink *sink,
                                struct glint_pipeline_stats *stats)
{
    struct glint_source *source;
    if (glint_source_open(path, NULL, &source) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    run_frames(source, false, sink, stats);
    glint_source_close(source);
}

/* Whether only frames `first` and later ones, at most up to `last`, are degraded in this, and one of them is.
 */
static inline void assert_health(const struct frames_sink *sink, enum glint_health which, int first, int last)
{
    int n = 0;
    for (int i = 0; i < sink->n; i++) {
        const bool has = sink->seen[i].health >> which & 1;
        if (has && (i < first || i > last))
            fail_msg("frame %d has %s", i, glint_health_name(which));
        n += has;
    }
    assert_true(n > 0);
}

/* ---- loopback ---- */

static inline uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, size) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static inline struct glint_source *listen_at(uint16_t port, bool pcap)
{
    struct glint_live_settings s;
    struct glint_source *source;
    glint_live_settings_default(&s);
    s.ports[s.n_ports++] = port;
    s.address = "127.0.0.1";
    s.pcap = pcap;
    s.iface = pcap ? "lo" : NULL;
    s.duration_ns = INT64_C(60000000000); /* a test never hangs */
    const int status = glint_source_live_open(&s, &source);
    if (pcap && status == GLINT_E_DEVICE)
        skip(); /* no permission to capture */
    if (status != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return source;
}

struct player { /* replays in a thread of its own and stops the source some time after */
    pthread_t thread;
    const char *path;
    struct glint_replay_settings settings;
    struct glint_replay_stats stats;
    struct glint_source *source;
    bool pcap;                                /* listen with libpcap on the loopback interface */
    const struct glint_pipeline_merge *merge; /* NULL: none */
    unsigned quiet_us;                        /* listen so long after the last packet; 0: shortly */
    int status;
};

static inline void *player_main(void *arg)
{
    struct player *p = arg;
    p->status = glint_replay(p->path, &p->settings, NULL, &p->stats);
    usleep(p->quiet_us ? p->quiet_us : p->pcap ? 200000 : 20000);
    glint_source_live_stop(p->source);
    return NULL;
}

/* The capture over loopback into a live pipeline. 127.0.0.1 keeps 32 MiB for us, more than any test sends,
 * where the kernel allows it; else the pace keeps the socket from overflowing. */
static inline void run_live(struct player *p, struct frames_sink *sink, struct glint_pipeline_stats *stats,
                            struct glint_live_stats *net)
{
    p->settings.port = free_port();
    p->source = listen_at(p->settings.port, p->pcap);
    glint_source_live_stats(p->source, net);
    if (net->rcvbuf_bytes < 4 << 20)
        p->settings.rate = 1500;
    assert_int_equal(pthread_create(&p->thread, NULL, player_main, p), 0);
    run_merged(p->source, true, p->merge, sink, stats);
    pthread_join(p->thread, NULL);
    if (p->status != GLINT_OK)
        fail_msg("%s", glint_error_text());
    glint_source_live_stats(p->source, net);
    glint_source_close(p->source);
}
#endif
