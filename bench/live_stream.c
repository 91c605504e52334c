/* bench/live_stream.c - see live_stream.h. What is new in a repeated packet: Velodyne's microseconds in the
 * hour; Ouster's frame number (bytes 2 and 3) and the time of each column (8 bytes, where a column begins),
 * by the "Firmware User Manual", "Configurable Data Packet Format". */
#define _GNU_SOURCE
#include "bench/live_stream.h"
#include "core/clock.h"
#include "sim/made_packets.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUSTER_HEAD    32 /* bytes of a packet before its columns, and behind them */
#define OUSTER_COLUMNS 16

static void put(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t frame_of(const uint8_t *packet)
{
    return packet[2] | (uint32_t)packet[3] << 8;
}

void live_stream_packet(const struct live_stream *s, int64_t i, uint8_t *out)
{
    const int64_t at_ns = i * 1000000000 / s->rate;
    const uint32_t stride = (s->size - 2 * OUSTER_HEAD) / OUSTER_COLUMNS;
    memcpy(out, s->base + (size_t)(i % s->n_base) * s->size, s->size);
    if (s->velodyne) {
        put(out + 1200, (uint64_t)(s->begun_ns / 1000 + at_ns / 1000) % 3600000000u, 4);
        put(out + 4, 1000 + (uint64_t)i % 30000, 2); /* distances that tell it from all others of its place */
        put(out + 7, 1000 + (uint64_t)i / 30000 % 30000, 2);
        return;
    }
    put(out + 2, frame_of(out) + (uint64_t)(i / s->n_base * s->n_frames), 2);
    for (uint32_t c = 0; c < OUSTER_COLUMNS; c++)
        put(out + OUSTER_HEAD + c * stride,
            (uint64_t)(s->begun_ns + at_ns + (int64_t)c * 1000000000 / (s->rate * OUSTER_COLUMNS)), 8);
}

static int next_packet(struct glint_source *source, struct glint_packet *out)
{
    struct live_stream *s = (struct live_stream *)source;
    if (s->at == s->n)
        return GLINT_E_EOF;
    live_stream_packet(s, s->at, s->packet);
    *out = (struct glint_packet){.data = s->packet,
                                 .size = s->size,
                                 .stamp_ns = s->begun_ns + s->at * 1000000000 / s->rate,
                                 .record = (uint64_t)s->at,
                                 .src_ip = 0x7f000001,
                                 .dst_port = s->port};
    s->at++;
    return GLINT_OK;
}

static int begin(struct live_stream *s, uint32_t size, int32_t cap)
{
    static const struct glint_source_ops ops = {
        .name = "stream", .gives_packets = true, .next_packet = next_packet};
    s->source.ops = &ops;
    snprintf(s->source.path, sizeof s->source.path, "%s", s->name);
    s->size = size;
    s->begun_ns = glint_clock_utc_ns();
    s->base = malloc((size_t)cap * size);
    return s->base ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for packets");
}

static void count_frames(struct live_stream *s)
{
    for (int32_t i = 0; !s->velodyne && i < s->n_base; i++)
        s->n_frames += i == 0 || frame_of(s->base + (size_t)i * s->size) !=
                                     frame_of(s->base + (size_t)(i - 1) * s->size);
}

/* ---- made ---- */

static int write_calibration(struct live_stream *s, int32_t sensor)
{
    static uint8_t text[GLINT_MADE_CALIBRATION];
    const char *ending = "";
    const size_t n = glint_made_calibration(sensor, text, &ending);
    if (n == 0)
        return GLINT_OK;
    snprintf(s->calibration, sizeof s->calibration, "/tmp/bench_live_XXXXXX%.8s", ending);
    const int fd = mkstemps(s->calibration, (int)strlen(ending));
    s->own_calibration = fd >= 0;
    const bool good = fd >= 0 && write(fd, text, n) == (ssize_t)n;
    if (fd >= 0)
        close(fd);
    return good ? GLINT_OK : glint_fail(GLINT_E_IO, "%s: cannot write", s->calibration);
}

int live_stream_make(struct live_stream *s, const char *sensor)
{
    static uint8_t bytes[GLINT_MADE_BYTES];
    struct glint_packet p, next;
    const int32_t which = glint_made_find(sensor);
    if (which < 0)
        return glint_fail(GLINT_E_ARG, "%s: no such sensor", sensor);
    s->velodyne = strcmp(glint_made_family(which), "velodyne") == 0;
    if (!s->velodyne && strcmp(glint_made_family(which), "ouster") != 0)
        return glint_fail(GLINT_E_UNSUPPORTED, "%s: Velodyne or Ouster wanted", sensor);
    snprintf(s->name, sizeof s->name, "made %.50s", glint_made_name(which));
    glint_made_packet(which, 1, bytes, &next);
    glint_made_packet(which, 0, bytes, &p);
    s->n_base = (int32_t)((100000000 + next.stamp_ns - p.stamp_ns - 1) / (next.stamp_ns - p.stamp_ns));
    s->port = p.dst_port;
    int status = begin(s, p.size, s->n_base);
    for (int32_t i = 0; i < s->n_base && status == GLINT_OK; i++) {
        glint_made_packet(which, (uint32_t)i, bytes, &p);
        memcpy(s->base + (size_t)i * s->size, p.data, s->size);
    }
    count_frames(s);
    return status == GLINT_OK ? write_calibration(s, which) : status;
}

/* ---- of a capture ---- */

/* Its most frequent packets are those of points: the longest ones. */
int live_stream_load(struct live_stream *s, const char *capture, const char *calib)
{
    struct glint_source *source;
    struct glint_packet p;
    const char *slash = strrchr(capture, '/');
    int status;
    uint32_t size = 0;
    int32_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        GLINT_TRY(glint_source_open(capture, NULL, &source));
        while ((status = source->ops->next_packet(source, &p)) == GLINT_OK) {
            size = pass == 0 && p.size > size && p.size <= LIVE_STREAM_PACKET ? p.size : size;
            n += pass == 0;
            if (pass == 1 && p.size == size) {
                memcpy(s->base + (size_t)s->n_base++ * size, p.data, size);
                s->port = p.dst_port;
            }
        }
        glint_source_close(source);
        if (pass == 0) {
            snprintf(s->name, sizeof s->name, "%.60s", slash ? slash + 1 : capture);
            GLINT_TRY(begin(s, size, n + 1));
        }
    }
    snprintf(s->calibration, sizeof s->calibration, "%s", calib ? calib : "");
    count_frames(s);
    return s->n_base > 0 ? GLINT_OK : glint_fail(GLINT_E_FORMAT, "%s: no packets", capture);
}

void live_stream_close(struct live_stream *s)
{
    if (s->own_calibration)
        unlink(s->calibration);
    free(s->base);
    s->base = NULL;
}
