/* io/pcap_write.c - see pcap_write.h. Records (libpcap's "pcap-savefile" man page) gather in a buffer;
 * write() gets the whole buffer, and a short write is repaired by cutting the file to a record's end. */
#define _GNU_SOURCE
#include "io/pcap_write.h"
#include "core/clock.h"
#include "io/sink.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES (1u << 20)
#define FILE_HEAD    24
#define RECORD_HEAD  16
#define NET_HEAD     42 /* Ethernet 14, IPv4 20, UDP 8 */
#define PAYLOAD_MOST 65507
#define FLUSH_NS     INT64_C(200000000)
#define MAGIC_NS     0xa1b23c4du
#define LINK_ETHER   1

struct glint_pcap_writer {
    struct glint_pcap_writer_settings settings;
    char pattern[1024];
    int fd;
    uint64_t in_file;   /* bytes written, always at a record's end */
    int64_t first_ns;   /* stamp of the file's first packet; 0: none yet */
    size_t n;           /* bytes in the buffer */
    uint64_t n_packets; /* in the buffer */
    int64_t oldest_ns;  /* monotonic, when the first of them came */
    struct glint_pcap_writer_stats stats;
    uint16_t ip_id;
    bool failed;
    uint8_t buffer[BUFFER_BYTES];
};

static void put_le32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_be16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put_be32(uint8_t *p, uint32_t v)
{
    put_be16(p, v >> 16);
    put_be16(p + 2, v);
}

/* ---- writing ---- */

/* End of the last whole record within the first n bytes of the buffer, and how many records that are. */
static size_t whole_records(const struct glint_pcap_writer *w, size_t n, uint64_t *packets_out)
{
    size_t at = 0;
    *packets_out = 0;
    while (at + RECORD_HEAD <= n) {
        const size_t next = at + RECORD_HEAD + get_le32(w->buffer + at + 8);
        if (next > n)
            break;
        at = next;
        (*packets_out)++;
    }
    return at;
}

static int fail_write(struct glint_pcap_writer *w, size_t written, int error)
{
    uint64_t packets;
    const size_t whole = whole_records(w, written, &packets);
    w->failed = true;
    w->in_file += whole;
    w->stats.bytes += whole;
    w->stats.packets += packets;
    w->n = 0;
    const bool cut = ftruncate(w->fd, (off_t)w->in_file) == 0;
    return glint_fail(GLINT_E_IO, "%s: cannot write: %s; %llu packets are kept%s", w->stats.path,
                      strerror(error), (unsigned long long)w->stats.packets,
                      cut ? "" : ", and part of one at the end");
}

static int flush(struct glint_pcap_writer *w)
{
    size_t done = 0;
    while (done < w->n) {
        const ssize_t k = write(w->fd, w->buffer + done, w->n - done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return fail_write(w, done, k < 0 ? errno : ENOSPC);
        done += (size_t)k;
    }
    w->in_file += w->n;
    w->stats.bytes += w->n;
    w->stats.packets += w->n_packets;
    w->n = 0;
    w->n_packets = 0;
    return GLINT_OK;
}

static int close_file(struct glint_pcap_writer *w, bool sync)
{
    int status = w->fd >= 0 && !w->failed ? flush(w) : GLINT_OK;
    if (w->fd >= 0 && sync && status == GLINT_OK && fdatasync(w->fd) != 0 && errno != EINVAL &&
        errno != EROFS)
        status = glint_fail(GLINT_E_IO, "%s: cannot sync: %s", w->stats.path, strerror(errno));
    if (w->fd >= 0 && close(w->fd) != 0 && status == GLINT_OK)
        status = glint_fail(GLINT_E_IO, "%s: cannot close: %s", w->stats.path, strerror(errno));
    w->fd = -1;
    return status;
}

/* A full disk, or power that went away, leaves files in which nothing is: nothing is lost with them. */
static int open_empty(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0)
        return open(path, O_WRONLY | O_CLOEXEC);
    errno = EEXIST;
    return -1;
}

static int open_file(struct glint_pcap_writer *w)
{
    uint8_t head[FILE_HEAD] = {0};
    GLINT_TRY(glint_sink_path(w->pattern, w->stats.files, w->stats.path, sizeof w->stats.path));
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (w->settings.overwrite ? O_TRUNC : O_EXCL);
    w->fd = open(w->stats.path, flags, 0666);
    if (w->fd < 0 && errno == EEXIST)
        w->fd = open_empty(w->stats.path);
    if (w->fd < 0)
        return glint_fail(GLINT_E_IO, "%s: %s", w->stats.path,
                          errno == EEXIST ? "is there already (--overwrite replaces it)" : strerror(errno));
    put_le32(head, MAGIC_NS);
    put_le32(head + 4, 2 | 4 << 16); /* version 2.4 */
    put_le32(head + 16, 262144);
    put_le32(head + 20, LINK_ETHER);
    const ssize_t k = write(w->fd, head, sizeof head);
    if (k != FILE_HEAD) {
        w->failed = true;
        return glint_fail(GLINT_E_IO, "%s: cannot write: %s", w->stats.path,
                          strerror(k < 0 ? errno : ENOSPC));
    }
    w->stats.files++;
    w->stats.bytes += FILE_HEAD;
    w->in_file = FILE_HEAD;
    w->first_ns = 0;
    return GLINT_OK;
}

/* ---- packets ---- */

static uint16_t ip_checksum(const uint8_t *ip)
{
    uint32_t sum = 0;
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~(sum + (sum >> 16));
}

static void put_heads(struct glint_pcap_writer *w, const struct glint_packet *p, uint8_t *at)
{
    memset(at, 0, NET_HEAD);
    memset(at, 0xff, 6); /* to all */
    at[6] = 0x02;        /* from a made-up, local address */
    put_be32(at + 8, p->src_ip);
    put_be16(at + 12, 0x0800);
    uint8_t *ip = at + 14;
    ip[0] = 0x45;
    put_be16(ip + 2, 28 + p->size);
    put_be16(ip + 4, w->ip_id++);
    ip[6] = 0x40; /* not fragmented */
    ip[8] = 64;
    ip[9] = 17;
    put_be32(ip + 12, p->src_ip);
    put_be32(ip + 16, p->dst_ip);
    put_be16(ip + 10, ip_checksum(ip));
    put_be16(ip + 20, p->src_port);
    put_be16(ip + 22, p->dst_port);
    put_be16(ip + 24, 8 + p->size); /* checksum 0: none */
}

static bool is_time_to_rotate(const struct glint_pcap_writer *w, const struct glint_packet *p)
{
    const struct glint_pcap_writer_settings *s = &w->settings;
    const uint64_t size = w->in_file + w->n + RECORD_HEAD + NET_HEAD + p->size;
    const bool any = w->in_file + w->n > FILE_HEAD;
    return any && ((s->rotate_bytes && size > s->rotate_bytes) ||
                   (s->rotate_ns && w->first_ns && p->stamp_ns - w->first_ns >= s->rotate_ns));
}

static int make_room(struct glint_pcap_writer *w, const struct glint_packet *p)
{
    if (is_time_to_rotate(w, p)) {
        GLINT_TRY(close_file(w, false));
        GLINT_TRY(open_file(w));
    }
    if (w->n + RECORD_HEAD + NET_HEAD + p->size > BUFFER_BYTES)
        return flush(w);
    return GLINT_OK;
}

static void append(struct glint_pcap_writer *w, const struct glint_packet *p)
{
    uint8_t *at = w->buffer + w->n;
    const int64_t ns = p->stamp_ns > 0 ? p->stamp_ns : 0;
    if (w->n == 0)
        w->oldest_ns = glint_clock_monotonic_ns();
    if (w->first_ns == 0)
        w->first_ns = ns;
    put_le32(at, (uint32_t)(ns / 1000000000));
    put_le32(at + 4, (uint32_t)(ns % 1000000000));
    put_le32(at + 8, NET_HEAD + p->size);
    put_le32(at + 12, NET_HEAD + p->size);
    put_heads(w, p, at + RECORD_HEAD);
    if (p->size > 0)
        memcpy(at + RECORD_HEAD + NET_HEAD, p->data, p->size);
    w->n += RECORD_HEAD + NET_HEAD + p->size;
    w->n_packets++;
}

int glint_pcap_writer_write(struct glint_pcap_writer *writer, const struct glint_packet *packet)
{
    if (writer->failed)
        return glint_fail(GLINT_E_IO, "%s: writing failed before", writer->stats.path);
    if (packet->size > PAYLOAD_MOST)
        return glint_fail(GLINT_E_ARG, "packet of %u bytes: a UDP datagram has at most %d", packet->size,
                          PAYLOAD_MOST);
    int status = make_room(writer, packet);
    if (status < 0) {
        writer->failed = true;
        return status;
    }
    append(writer, packet);
    return glint_pcap_writer_tick(writer);
}

int glint_pcap_writer_tick(struct glint_pcap_writer *writer)
{
    const int64_t wait_ns = writer->settings.flush_ns > 0 ? writer->settings.flush_ns : FLUSH_NS;
    const bool due = writer->n > 0 && glint_clock_monotonic_ns() - writer->oldest_ns >= wait_ns;
    return due && !writer->failed ? flush(writer) : GLINT_OK;
}

int glint_pcap_writer_flush(struct glint_pcap_writer *writer)
{
    return writer->failed ? GLINT_OK : flush(writer);
}

static bool was_moved(const struct glint_pcap_writer *w)
{
    struct stat here, there;
    return fstat(w->fd, &here) == 0 &&
           (stat(w->stats.path, &there) != 0 || here.st_ino != there.st_ino || here.st_dev != there.st_dev);
}

int glint_pcap_writer_rotate(struct glint_pcap_writer *w)
{
    if (w->failed)
        return glint_fail(GLINT_E_IO, "%s: writing failed before", w->stats.path);
    if (!strchr(w->pattern, '%') && !was_moved(w))
        return flush(w);
    int status = close_file(w, false);
    if (status == GLINT_OK)
        status = open_file(w);
    w->failed = status < 0;
    return status;
}

void glint_pcap_writer_stats(const struct glint_pcap_writer *writer,
                             struct glint_pcap_writer_stats *stats_out)
{
    *stats_out = writer->stats;
}

int glint_pcap_writer_open(const struct glint_pcap_writer_settings *settings,
                           struct glint_pcap_writer **writer_out)
{
    *writer_out = NULL;
    if ((settings->rotate_bytes || settings->rotate_ns) && !strchr(settings->path, '%'))
        return glint_fail(GLINT_E_ARG,
                          "%s: files that rotate need a number in their name, such as drive_%%04d.pcap",
                          settings->path);
    struct glint_pcap_writer *w = calloc(1, sizeof *w);
    if (!w)
        return glint_fail(GLINT_E_NOMEM, "no memory to write a capture");
    w->settings = *settings;
    snprintf(w->pattern, sizeof w->pattern, "%s", settings->path);
    w->fd = -1;
    const int status = open_file(w);
    if (status == GLINT_OK) {
        *writer_out = w;
        return status;
    }
    w->failed = true;
    close_file(w, false);
    free(w);
    return status;
}

int glint_pcap_writer_close(struct glint_pcap_writer *writer)
{
    if (!writer)
        return GLINT_OK;
    const int status = close_file(writer, !writer->settings.no_sync);
    free(writer);
    return status;
}
