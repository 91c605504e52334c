/* tests/packets.h - packets and captures made by hand. */
#ifndef GLINT_TESTS_PACKETS_H
#define GLINT_TESTS_PACKETS_H
#include "tests/util.h"
#include "io/decoder.h"
#include <math.h>

#define VELODYNE_BYTES 1206
#define XT32_BYTES     1080

static inline void put16(uint8_t *p, uint32_t v) /* little endian */
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
static inline void put32(uint8_t *p, uint32_t v)
{
    put16(p, v);
    put16(p + 2, v >> 16);
}
static inline void put64(uint8_t *p, uint64_t v)
{
    put32(p, (uint32_t)v);
    put32(p + 4, (uint32_t)(v >> 32));
}
static inline void put_be16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void put_be32(uint8_t *p, uint32_t v)
{
    put_be16(p, v >> 16);
    put_be16(p + 2, v);
}

static inline struct glint_packet packet_of(const uint8_t *data, uint32_t size, int64_t stamp_ns)
{
    return (struct glint_packet){
        .data = data, .size = size, .stamp_ns = stamp_ns, .src_ip = 0xc0a801c9, .dst_port = 2368};
}

/* All distances raw, azimuths from az on by step (0.01 degree) per block or, in dual mode, per pair. */
static inline void make_velodyne(uint8_t *p, uint32_t az, uint32_t step, uint32_t us, uint8_t mode,
                                 uint8_t product, uint32_t raw)
{
    for (uint32_t b = 0; b < 12; b++, p += 100) {
        put16(p, 0xeeff);
        put16(p + 2, (az + step * (mode == 0x39 ? b / 2 : b)) % 36000);
        for (uint32_t i = 0; i < 32; i++) {
            put16(p + 4 + 3 * i, raw);
            p[6 + 3 * i] = (uint8_t)(i * 8);
        }
    }
    put32(p, us);
    p[4] = mode;
    p[5] = product;
}

static inline void make_xt32(uint8_t *p, uint32_t az, uint32_t step, uint32_t us, uint8_t mode,
                             uint32_t number, uint32_t raw)
{
    static const uint8_t head[] = {0xee, 0xff, 6, 1, 0, 0, 32, 8, 1, 4, 2, 1};
    memset(p, 0, XT32_BYTES);
    memcpy(p, head, sizeof head);
    for (uint32_t b = 0; b < 8; b++) {
        uint8_t *at = p + 12 + 130 * b;
        put16(at, (az + step * (mode >= 0x39 ? b / 2 : b)) % 36000);
        for (uint32_t i = 0; i < 32; i++) {
            put16(at + 2 + 4 * i, raw);
            at[4 + 4 * i] = 51;
        }
    }
    uint8_t *tail = p + XT32_BYTES - 28;
    static const uint8_t date[] = {124, 2, 29, 23, 59, 58}; /* 2024-02-29 23:59:58 */
    tail[10] = mode;
    memcpy(tail + 13, date, sizeof date);
    put32(tail + 19, us);
    put32(tail + 24, number);
}

/* Decodes exactly `size` bytes in a block of their own, so that a sanitizer sees reads behind them. */
static inline enum glint_packet_kind take_packet(struct glint_decoder *d, const uint8_t *data, uint32_t size,
                                                 int64_t stamp_ns, struct glint_returns *returns,
                                                 struct glint_loss *loss)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    const struct glint_packet p = packet_of(copy, size, stamp_ns);
    const enum glint_packet_kind kind = glint_decoder_take(d, &p, returns, loss);
    free(copy);
    return kind;
}

/* Whatever the packet: cut, lengthened, all zeros, all ones, every byte damaged once, and the account holds.
 * The decoder may find points in none of them but finite ones. */
static inline void check_bad_packets(struct glint_decoder *d, const uint8_t *good, uint32_t size,
                                     int64_t stamp_ns)
{
    static uint8_t data[65536];
    static struct glint_returns returns;
    struct glint_loss loss = {0};
    for (uint32_t n = 0; n <= size + 1; n += n + 64 < size ? 61 : 1) {
        memset(data, 0, sizeof data);
        memcpy(data, good, size);
        const enum glint_packet_kind kind = take_packet(d, data, n, stamp_ns, &returns, &loss);
        /* without the number, the signature or the IMU a packet may be whole */
        const bool whole = n == size || n + 4 == size || n + 32 == size || n + 54 == size;
        assert_true(whole || kind == GLINT_PACKET_MALFORMED || kind == GLINT_PACKET_FOREIGN);
    }
    for (int fill = 0; fill < 256; fill += 255) {
        memset(data, fill, sizeof data);
        assert_int_not_equal(take_packet(d, data, size, stamp_ns, &returns, &loss), GLINT_PACKET_LIDAR);
    }
    for (uint32_t i = 0; i < size; i++) {
        memcpy(data, good, size);
        data[i] ^= 0xff;
        take_packet(d, data, size, stamp_ns, &returns, &loss);
        for (int32_t k = 0; k < returns.n; k++)
            assert_true(fabsf(returns.x[k]) < 1e9f && fabsf(returns.y[k]) < 1e9f &&
                        fabsf(returns.z[k]) < 1e9f);
    }
    assert_int_equal(loss.packets_received,
                     loss.packets_decoded + loss.packets_malformed + loss.packets_foreign);
}

/* ---- captures in memory ---- */

struct bytes {
    size_t n;
    uint8_t data[1 << 18];
};

static inline void add(struct bytes *b, const void *data, size_t n)
{
    assert_true(b->n + n <= sizeof b->data);
    memcpy(b->data + b->n, data, n);
    b->n += n;
}

static inline void begin_pcap(struct bytes *b, bool ns, uint32_t link)
{
    uint8_t head[24] = {0};
    put32(head, ns ? 0xa1b23c4d : 0xa1b2c3d4);
    put16(head + 4, 2);
    put16(head + 6, 4);
    put32(head + 16, 262144);
    put32(head + 20, link);
    b->n = 0;
    add(b, head, sizeof head);
}

static inline void add_record(struct bytes *b, uint32_t s, uint32_t fraction, const void *data, size_t n)
{
    uint8_t head[16];
    put32(head, s);
    put32(head + 4, fraction);
    put32(head + 8, (uint32_t)n);
    put32(head + 12, (uint32_t)n);
    add(b, head, sizeof head);
    add(b, data, n);
}

/* IPv4 with one fragment of a UDP datagram (header included in `data`); `where` is flags and offset. */
static inline size_t make_ipv4(uint8_t *out, uint16_t id, uint16_t where, const void *data, size_t n)
{
    memset(out, 0, 20);
    out[0] = 0x45;
    put_be16(out + 2, (uint32_t)(20 + n));
    put_be16(out + 4, id);
    put_be16(out + 6, where);
    out[8] = 64;
    out[9] = 17;
    put_be32(out + 12, 0xc0a801c9);
    put_be32(out + 16, 0xffffffff);
    memcpy(out + 20, data, n);
    return 20 + n;
}

static inline size_t make_udp(uint8_t *out, const void *payload, size_t n)
{
    put_be16(out, 2368);
    put_be16(out + 2, 2369);
    put_be16(out + 4, (uint32_t)(8 + n));
    put_be16(out + 6, 0);
    memcpy(out + 8, payload, n);
    return 8 + n;
}

/* Ethernet, IPv4, UDP around a payload of at most 60000 bytes; the frame's size. */
static inline size_t make_frame(uint8_t *out, const void *payload, size_t n)
{
    static uint8_t udp[61000];
    const size_t size = make_udp(udp, payload, n);
    memset(out, 0xff, 12);
    put_be16(out + 12, 0x0800);
    return 14 + make_ipv4(out + 14, 1, 0, udp, size);
}

static inline void add_packet(struct bytes *b, uint32_t s, uint32_t fraction, const void *payload, size_t n)
{
    static uint8_t frame[62000];
    add_record(b, s, fraction, frame, make_frame(frame, payload, n));
}
#endif
