/* tests/fakes.h - a source, sinks and packets made up for tests of the pipeline. */
#ifndef GLINT_TESTS_FAKES_H
#define GLINT_TESTS_FAKES_H
#include "core/frame.h"
#include "core/status.h"
#include "io/sink.h"
#include "io/source.h"
#include "tests/util.h"

/* A source of frames 0, 1, 2 ...: frame i has 1 + i % 7 points at x = i. Frame `bad` cannot be read. */
struct fake_frames {
    struct glint_source source;
    int n, at, bad;
};

static inline int fake_next_frame(struct glint_source *source, struct glint_frame *frame)
{
    struct fake_frames *s = (struct fake_frames *)source;
    if (s->at == s->n)
        return GLINT_E_EOF;
    const int i = s->at++;
    if (i == s->bad)
        return glint_fail(GLINT_E_FORMAT, "file %d is bad", i);
    for (int k = 0; k <= i % 7; k++)
        glint_frame_add_point(frame, (float)i, (float)k, 0, 0, 0, 0, 0);
    snprintf(frame->source, sizeof frame->source, "file %d", i);
    return GLINT_OK;
}

static inline int32_t fake_cap_points(struct glint_source *source)
{
    (void)source;
    return 7;
}

static inline double fake_progress(struct glint_source *source)
{
    const struct fake_frames *s = (struct fake_frames *)source;
    return (double)s->at / s->n;
}

static inline void fake_frames_init(struct fake_frames *s, int n)
{
    static const struct glint_source_ops ops = {.name = "fake",
                                                .next_frame = fake_next_frame,
                                                .cap_points = fake_cap_points,
                                                .progress = fake_progress};
    *s = (struct fake_frames){.source = {.ops = &ops, .path = "fake"}, .n = n, .bad = -1};
}

/* A source of VLP-16 packets (Velodyne VLP-16 User Manual 63-9243, appendix "data packet structure"): 12
 * blocks, 100 packets a turn of 0.1 s, all returns at 10 m. After `cut` packets the file ends inside a
 * record. */
#define FAKE_PACKETS_PER_TURN   100
#define FAKE_RETURNS_PER_PACKET 384

struct fake_packets {
    struct glint_source source;
    int n, at, cut;
    bool foreign; /* not of a sensor */
    uint8_t payload[1206];
};

static inline void fake_fill_packet(uint8_t *p, int i, bool foreign)
{
    memset(p, 0, 1206);
    if (foreign)
        return;
    for (int b = 0; b < 12; b++) {
        uint8_t *block = p + 100 * b;
        const int azimuth = (i % FAKE_PACKETS_PER_TURN) * 360 + b * 30;
        block[0] = 0xff;
        block[1] = 0xee;
        block[2] = (uint8_t)(azimuth & 0xff);
        block[3] = (uint8_t)(azimuth >> 8);
        for (int k = 0; k < 32; k++) {
            block[4 + 3 * k] = 5000 & 0xff; /* in 2 mm */
            block[5 + 3 * k] = 5000 >> 8;
            block[6 + 3 * k] = (uint8_t)k;
        }
    }
    const uint32_t us = (uint32_t)i * 1000;
    for (int k = 0; k < 4; k++)
        p[1200 + k] = (uint8_t)(us >> (8 * k));
    p[1204] = 0x37; /* strongest */
    p[1205] = 0x22; /* VLP-16 */
}

static inline int fake_next_packet(struct glint_source *source, struct glint_packet *packet)
{
    struct fake_packets *s = (struct fake_packets *)source;
    if (s->at == s->n)
        return GLINT_E_EOF;
    if (s->at == s->cut) {
        s->at = s->n;
        return glint_fail(GLINT_E_FORMAT, "fake.pcap: truncated after %d packets", s->cut);
    }
    fake_fill_packet(s->payload, s->at, s->foreign);
    *packet = (struct glint_packet){.data = s->payload,
                                    .size = sizeof s->payload,
                                    .stamp_ns = INT64_C(1700000000000000000) + s->at * INT64_C(1000000),
                                    .record = (uint64_t)s->at,
                                    .src_ip = 0xc0a80101,
                                    .src_port = 2368,
                                    .dst_port = 2368};
    s->at++;
    return GLINT_OK;
}

static inline void fake_packets_init(struct fake_packets *s, int n)
{
    static const struct glint_source_ops ops = {
        .name = "fake packets", .gives_packets = true, .next_packet = fake_next_packet};
    *s = (struct fake_packets){.source = {.ops = &ops, .path = "fake.pcap"}, .n = n, .cut = -1};
}

/* A sink that keeps what it saw. */
#define FAKE_SINK_FRAMES 10000

struct fake_sink {
    struct glint_sink sink;
    int n, fail_at, n_finished, n_closed;
    bool fail_finish;
    void (*on_write)(struct fake_sink *sink, const struct glint_frame *frame);
    void *ctx;
    struct {
        uint64_t index;
        int32_t n_points, n_boxes;
        double sum;
        int64_t latency_ns[GLINT_STAGE_COUNT], total_ns;
        struct glint_loss loss;
        uint32_t health;
        char name[16], source[32];
    } seen[FAKE_SINK_FRAMES];
};

static inline int fake_write(struct glint_sink *sink, const struct glint_frame *f)
{
    struct fake_sink *s = (struct fake_sink *)sink;
    if (s->n == s->fail_at)
        return glint_fail(GLINT_E_IO, "%s: disk full", sink->path);
    const struct glint_loss *l = &f->loss;
    if (l->packets_received != l->packets_decoded + l->packets_malformed + l->packets_foreign)
        return glint_fail(GLINT_E_FORMAT, "%s: the account does not add up", sink->path);
    const int i = s->n++ % FAKE_SINK_FRAMES;
    s->seen[i].index = f->index;
    s->seen[i].n_points = f->points.n;
    s->seen[i].n_boxes = f->n_boxes;
    s->seen[i].sum = 0;
    for (int32_t k = 0; k < f->points.n; k++)
        s->seen[i].sum += (double)f->points.x[k] * (k + 1) + (double)f->points.y[k];
    memcpy(s->seen[i].latency_ns, f->latency_ns, sizeof f->latency_ns);
    s->seen[i].total_ns = f->total_ns;
    s->seen[i].loss = f->loss;
    s->seen[i].health = f->health;
    snprintf(s->seen[i].name, sizeof s->seen[i].name, "%.15s", f->name);
    snprintf(s->seen[i].source, sizeof s->seen[i].source, "%.31s", f->source);
    if (s->on_write)
        s->on_write(s, f);
    return GLINT_OK;
}

static inline int fake_finish(struct glint_sink *sink)
{
    struct fake_sink *s = (struct fake_sink *)sink;
    s->n_finished++;
    return s->fail_finish ? glint_fail(GLINT_E_IO, "%s: disk full at the end", sink->path) : GLINT_OK;
}

static inline void fake_close(struct glint_sink *sink)
{
    ((struct fake_sink *)sink)->n_closed++;
}

static inline void fake_sink_init(struct fake_sink *s, const char *path)
{
    static const struct glint_sink_ops ops = {
        .name = "fake", .write = fake_write, .finish = fake_finish, .close = fake_close};
    memset(s, 0, sizeof *s);
    s->sink.ops = &ops;
    s->sink.path = path;
    s->fail_at = -1;
}
#endif
