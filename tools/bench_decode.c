/* tools/bench_decode.c - decoding alone: packets of a capture, or made ones, already in memory. */
#define _GNU_SOURCE
#include "core/clock.h"
#include "io/capture.h"
#include "tools/bench.h"
#include "sim/made_packets.h"
#include <stdlib.h>
#include <string.h>

#define RETURN_BYTES 35.0 /* of one in the decoder's output */

/* All packets of a capture, payloads one after the other. */
struct packets {
    struct glint_packet *packet;
    size_t *at; /* of each payload in bytes */
    uint8_t *bytes;
    size_t n, cap, n_bytes, cap_bytes;
};

static void packets_free(struct packets *p)
{
    free(p->packet);
    free(p->at);
    free(p->bytes);
}

static int packets_add(struct packets *p, const struct glint_packet *packet)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 4096;
        p->packet = realloc(p->packet, p->cap * sizeof *p->packet);
        p->at = realloc(p->at, p->cap * sizeof *p->at);
    }
    if (p->n_bytes + packet->size > p->cap_bytes) {
        p->cap_bytes = 2 * (p->cap_bytes + packet->size);
        p->bytes = realloc(p->bytes, p->cap_bytes);
    }
    if (!p->packet || !p->at || !p->bytes)
        return glint_fail(GLINT_E_NOMEM, "no memory for %zu packets", p->cap);
    p->packet[p->n] = *packet;
    p->at[p->n++] = p->n_bytes;
    memcpy(p->bytes + p->n_bytes, packet->data, packet->size);
    p->n_bytes += packet->size;
    return GLINT_OK;
}

/* The bytes have stopped moving. */
static void packets_place(struct packets *p)
{
    for (size_t i = 0; i < p->n; i++)
        p->packet[i].data = p->bytes + p->at[i];
}

static int packets_read(struct packets *p, struct glint_source *source)
{
    struct glint_packet packet;
    int status;
    while ((status = source->ops->next_packet(source, &packet)) == GLINT_OK)
        GLINT_TRY(packets_add(p, &packet));
    packets_place(p);
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

#define MADE_BYTES ((size_t)5 << 19) /* 2.5 MiB, as a short capture */

/* Packets of made sensor i, and its decoder. */
static int packets_make(struct packets *p, int32_t i, struct glint_decoder **decoder_out)
{
    struct glint_packet packet;
    uint8_t *bytes = malloc(GLINT_MADE_BYTES);
    int status =
        bytes ? glint_made_open(i, decoder_out) : glint_fail(GLINT_E_NOMEM, "no memory for a packet");
    for (uint32_t k = 0; status == GLINT_OK && p->n_bytes < MADE_BYTES; k++) {
        glint_made_packet(i, k, bytes, &packet);
        status = packets_add(p, &packet);
    }
    packets_place(p);
    free(bytes);
    return status;
}

static uint64_t decode_all(struct glint_decoder *d, const struct packets *p, struct glint_returns *returns)
{
    uint64_t points = 0;
    uint32_t lost;
    for (size_t i = 0; i < p->n; i++)
        if (d->ops->decode(d, &p->packet[i], returns, &lost) == GLINT_PACKET_LIDAR)
            points += (uint64_t)returns->n;
    return points;
}

static double ms_since(int64_t begun_ns)
{
    return (double)(glint_clock_monotonic_ns() - begun_ns) * 1e-6;
}

static int measure_decode(struct glint_bench *b, struct glint_decoder *decoder, const struct packets *p,
                          struct glint_returns *returns, struct glint_times *times)
{
    int64_t begun = glint_clock_monotonic_ns();
    const uint64_t points = decode_all(decoder, p, returns);
    json_object_set_new(b->out, "cold_ms", json_real(ms_since(begun)));
    for (int32_t i = 0; i < b->repeat; i++) {
        begun = glint_clock_monotonic_ns();
        decode_all(decoder, p, returns);
        glint_times_add(times, ms_since(begun));
        glint_bench_loop(b);
    }
    const double rate = (double)points / glint_times_at(times, 0.5) * 1e-3;
    json_object_set_new(b->out, "sensor", json_string(decoder->sensor));
    json_object_set_new(b->out, "packets", json_integer((json_int_t)p->n));
    json_object_set_new(b->out, "points", json_integer((json_int_t)points));
    json_object_set_new(b->out, "mpoints_per_s", json_real(rate));
    glint_bench_row(b, "decode", times, 0.0, (double)p->n_bytes + (double)points * RETURN_BYTES);
    fprintf(b->words, "decode %s: %zu packets, %llu points a round, one thread: %.1f Mpoints/s\n",
            decoder->sensor, p->n, (unsigned long long)points, rate);
    return GLINT_OK;
}

/* The capture, or without one packets of the sensor that is named. */
static int open_input(struct glint_bench *b, struct glint_capture *capture, struct packets *p)
{
    const struct glint_decoder_settings settings = {
        .sensor = b->sensor, .calib = b->calib, .capture = b->input};
    if (!b->input)
        return packets_make(p, glint_made_find(b->sensor), &capture->decoder);
    GLINT_TRY(glint_capture_open(b->input, NULL, &settings, capture));
    return packets_read(p, capture->source);
}

int glint_bench_decode(struct glint_bench *b)
{
    struct glint_capture capture = {0};
    struct packets packets = {0};
    struct glint_times times = {0};
    struct glint_returns *returns = calloc(1, sizeof *returns);
    b->n_threads = 1;
    json_object_set_new(b->out, "threads", json_integer(1));
    int status = returns ? glint_times_open(&times, b->repeat)
                         : glint_fail(GLINT_E_NOMEM, "no memory for the measurement");
    if (status == GLINT_OK)
        status = open_input(b, &capture, &packets);
    if (status == GLINT_OK)
        status = measure_decode(b, capture.decoder, &packets, returns, &times);
    const int code = status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : GLINT_EXIT_OK;
    glint_capture_close(&capture);
    packets_free(&packets);
    glint_times_close(&times);
    free(returns);
    return code;
}
