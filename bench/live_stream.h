/* bench/live_stream.h - an endless stream of one sensor's packets, of a capture or made ones, repeated with
 * new times and numbers, as a source of packets and one by one: the same stream for whoever reads and whoever
 * sends. */
#ifndef GLINT_BENCH_LIVE_STREAM_H
#define GLINT_BENCH_LIVE_STREAM_H
#include "io/source.h"

#define LIVE_STREAM_PACKET 40000 /* bytes, most */

struct live_stream {
    struct glint_source source; /* packets 0..n-1 */
    char name[64];
    uint32_t size;         /* bytes of a packet */
    int64_t n, at, rate;   /* rate: packets a second */
    int64_t begun_ns;      /* UTC of packet 0: what its sensor's clock says */
    char calibration[256]; /* file for the decoder, "" for none */
    uint16_t port;

    /* private */
    bool velodyne, own_calibration;
    int32_t n_base, n_frames; /* packets that are repeated, and frames in them (Ouster) */
    uint8_t *base;            /* n_base x size */
    uint8_t packet[LIVE_STREAM_PACKET];
};

/* Packets of a sensor of sim/made_packets.h ("VLS-128", "OS-1-128 dual"): Velodyne or Ouster. */
int live_stream_make(struct live_stream *s, const char *sensor);

/* The Ouster packets of a capture; calib is its metadata. */
int live_stream_load(struct live_stream *s, const char *capture, const char *calib);
void live_stream_close(struct live_stream *s);

/* Packet i into out, `size` bytes. Thread-safe. */
void live_stream_packet(const struct live_stream *s, int64_t i, uint8_t *out);
#endif
