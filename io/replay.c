/* io/replay.c - see replay.h. Packets are read a block at a time, mixed in it, and go out when they are due:
 * all that are, by one sendmmsg(2) per run of equal sockets. */
#define _GNU_SOURCE
#include "io/replay.h"
#include "core/clock.h"
#include "io/source_pcap.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SENDERS      64
#define BLOCK_MOST   1024
#define BLOCK_LEAST  64
#define BLOCK_BYTES  (8u << 20)
#define SEND_AT_ONCE 64

struct outgoing {
    struct glint_packet packet; /* data in the block's bytes */
    int64_t due_ns;
    int32_t sender, place; /* place: in the capture's order, within the block */
};

struct replay {
    const struct glint_replay_settings *settings;
    const volatile int *stop;
    struct glint_replay_stats *stats;
    struct glint_source *source;
    struct in_addr to;
    bool loopback;
    int32_t n_senders;
    uint32_t sender_ip[SENDERS];
    int fd[SENDERS];
    uint64_t random;
    int64_t begun_ns, first_stamp_ns, last_stamp_ns, loop_at_ns; /* stamps of this loop; where it begins */
    bool has_first;
    int32_t n;
    struct outgoing block[2 * BLOCK_MOST];
    struct mmsghdr head[SEND_AT_ONCE];
    struct iovec piece[SEND_AT_ONCE];
    struct sockaddr_in address[SEND_AT_ONCE];
    uint8_t *bytes;
    size_t used;
    bool held; /* a packet that did not fit into the block before */
    struct glint_packet waiting;
};

/* xorshift64*; 0 <= result < 1 */
static double uniform(struct replay *r)
{
    r->random ^= r->random >> 12;
    r->random ^= r->random << 25;
    r->random ^= r->random >> 27;
    return (double)((r->random * UINT64_C(2685821657736338717)) >> 11) * 0x1p-53;
}

/* ---- sockets ---- */

static int open_sender(struct replay *r, uint32_t src_ip)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int on = 1, bytes = 4 << 20;
    if (fd < 0)
        return glint_fail(GLINT_E_DEVICE, "cannot open a UDP socket: %s", strerror(errno));
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f000001u + (uint32_t)r->n_senders)};
    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    r->fd[r->n_senders] = fd;
    r->sender_ip[r->n_senders++] = src_ip;
    if (r->loopback && bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
        return glint_fail(GLINT_E_DEVICE, "cannot send from %s: %s", inet_ntoa(from.sin_addr),
                          strerror(errno));
    return r->n_senders - 1;
}

/* Its socket; beyond SENDERS addresses they share the last one. */
static int sender_of(struct replay *r, uint32_t src_ip)
{
    for (int32_t i = 0; i < r->n_senders; i++)
        if (r->sender_ip[i] == src_ip)
            return i;
    return r->n_senders < SENDERS ? open_sender(r, src_ip) : SENDERS - 1;
}

/* ---- reading and mixing ---- */

static int64_t due_of(struct replay *r, const struct glint_packet *p)
{
    const struct glint_replay_settings *s = r->settings;
    if (!r->has_first)
        r->first_stamp_ns = r->last_stamp_ns = p->stamp_ns;
    r->has_first = true;
    r->last_stamp_ns = p->stamp_ns > r->last_stamp_ns ? p->stamp_ns : r->last_stamp_ns;
    if (s->rate > 0)
        return r->begun_ns + (int64_t)((double)r->stats->read * 1e9 / s->rate);
    if (s->speed <= 0)
        return 0;
    return r->loop_at_ns + (int64_t)((double)(r->last_stamp_ns - r->first_stamp_ns) / s->speed);
}

static int add_to_block(struct replay *r, const struct glint_packet *p)
{
    const int64_t due_ns = due_of(r, p);
    r->stats->read++;
    if (uniform(r) < r->settings->loss) {
        r->stats->lost++;
        return GLINT_OK;
    }
    const int sender = sender_of(r, p->src_ip);
    GLINT_TRY(sender);
    struct outgoing *o = &r->block[r->n];
    *o = (struct outgoing){.packet = *p, .due_ns = due_ns, .sender = sender, .place = r->n};
    o->packet.data = r->bytes + r->used;
    if (p->size > 0)
        memcpy(r->bytes + r->used, p->data, p->size);
    r->used += p->size;
    r->n++;
    if (uniform(r) < r->settings->duplicate) {
        r->block[r->n] = *o;
        r->n++;
        r->stats->duplicated++;
    }
    return GLINT_OK;
}

/* Fills a block; GLINT_E_EOF at the capture's end, with what there is. */
static int read_block(struct replay *r)
{
    const int32_t most = r->settings->reorder > BLOCK_LEAST ? r->settings->reorder : BLOCK_LEAST;
    const int32_t n = r->settings->reorder > 1 ? r->settings->reorder : most;
    r->n = 0;
    r->used = 0;
    while (r->n < n) {
        if (!r->held)
            GLINT_TRY(r->source->ops->next_packet(r->source, &r->waiting));
        r->held = r->used + r->waiting.size > BLOCK_BYTES;
        if (r->held)
            break;
        GLINT_TRY(add_to_block(r, &r->waiting));
    }
    return GLINT_OK;
}

/* Fisher-Yates; times stay those of the places, so that the pace is kept. */
static void mix(struct replay *r)
{
    int32_t last = -1;
    if (r->settings->reorder <= 1)
        return;
    for (int32_t i = r->n - 1; i > 0; i--) {
        const int32_t k = (int32_t)(uniform(r) * (i + 1));
        const struct outgoing swap = r->block[i];
        const int64_t due_i = swap.due_ns, due_k = r->block[k].due_ns;
        r->block[i] = r->block[k];
        r->block[k] = swap;
        r->block[i].due_ns = due_i;
        r->block[k].due_ns = due_k;
    }
    for (int32_t i = 0; i < r->n; i++) {
        r->stats->reordered += r->block[i].place < last;
        last = r->block[i].place > last ? r->block[i].place : last;
    }
}

/* ---- sending ---- */

static bool stopped(const struct replay *r)
{
    return r->stop && *r->stop;
}

static void wait_until(const struct replay *r, int64_t due_ns)
{
    for (int64_t now; !stopped(r) && (now = glint_clock_monotonic_ns()) < due_ns;) {
        const int64_t ns = due_ns - now < 100000000 ? due_ns - now : 100000000; /* stop is seen */
        const struct timespec t = {0, (long)ns};
        nanosleep(&t, NULL);
    }
}

/* How many from `at` on are due and of one sender. */
static int32_t run_of(const struct replay *r, int32_t at, int64_t now_ns)
{
    int32_t n = 1;
    while (at + n < r->n && n < SEND_AT_ONCE && r->block[at + n].sender == r->block[at].sender &&
           r->block[at + n].due_ns <= now_ns)
        n++;
    return n;
}

static void prepare(struct replay *r, int32_t at, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        const struct glint_packet *p = &r->block[at + i].packet;
        const uint16_t port = r->settings->port ? r->settings->port : p->dst_port;
        r->address[i] =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = r->to};
        r->piece[i] = (struct iovec){(void *)(uintptr_t)p->data, p->size};
        r->head[i].msg_hdr = (struct msghdr){.msg_name = &r->address[i],
                                             .msg_namelen = sizeof r->address[i],
                                             .msg_iov = &r->piece[i],
                                             .msg_iovlen = 1};
    }
}

/* A datagram that the system refuses costs that datagram; no permission is a failure. */
static int send_run(struct replay *r, int32_t at, int32_t n)
{
    prepare(r, at, n);
    for (int32_t done = 0; done < n;) {
        const int k = sendmmsg(r->fd[r->block[at].sender], r->head + done, (unsigned)(n - done), 0);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0 && (errno == EACCES || errno == EPERM))
            return glint_fail(GLINT_E_DEVICE, "cannot send to %s: %s", inet_ntoa(r->to), strerror(errno));
        r->stats->failed += k < 0;
        for (int i = 0; i < k; i++)
            r->stats->bytes += r->block[at + done + i].packet.size;
        r->stats->sent += k > 0 ? (uint64_t)k : 0;
        done += k > 0 ? k : 1;
    }
    return GLINT_OK;
}

static int send_block(struct replay *r)
{
    for (int32_t at = 0; at < r->n && !stopped(r);) {
        const int64_t due_ns = r->block[at].due_ns;
        wait_until(r, due_ns);
        const int64_t now_ns = glint_clock_monotonic_ns();
        if (due_ns > 0 && now_ns - due_ns > r->stats->latest_ns)
            r->stats->latest_ns = now_ns - due_ns;
        const int32_t n = run_of(r, at, now_ns);
        GLINT_TRY(send_run(r, at, n));
        at += n;
    }
    return GLINT_OK;
}

static int send_once(struct replay *r, const char *path)
{
    r->has_first = r->held = false;
    GLINT_TRY(glint_source_pcap_open(path, NULL, &r->source));
    int status = GLINT_OK;
    while (status == GLINT_OK && !stopped(r)) {
        char reason[512] = "";
        status = read_block(r);
        if (status < 0 && status != GLINT_E_EOF)
            strncpy(reason, glint_error_text(), sizeof reason - 1);
        mix(r);
        const int sent = send_block(r);
        status = sent < 0                              ? sent
                 : status < 0 && status != GLINT_E_EOF ? glint_fail(status, "%s", reason)
                                                       : status;
    }
    glint_source_close(r->source);
    if (r->settings->speed > 0)
        r->loop_at_ns += (int64_t)((double)(r->last_stamp_ns - r->first_stamp_ns) / r->settings->speed);
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int check(const struct glint_replay_settings *s)
{
    if (!(s->speed >= 0) || !(s->rate >= 0) || s->loops < 0)
        return glint_fail(GLINT_E_ARG, "speed, rate and loops of a replay are not negative");
    if (!(s->loss >= 0 && s->loss <= 1 && s->duplicate >= 0 && s->duplicate <= 1))
        return glint_fail(GLINT_E_ARG, "loss and duplicates are shares: 0 to 1");
    if (s->reorder < 0 || s->reorder > BLOCK_MOST)
        return glint_fail(GLINT_E_ARG, "reordering within %d packets: 0 to %d wanted", s->reorder,
                          BLOCK_MOST);
    return GLINT_OK;
}

static int begin(struct replay *r)
{
    const char *to = r->settings->to ? r->settings->to : "127.0.0.1";
    if (inet_pton(AF_INET, to, &r->to) != 1)
        return glint_fail(GLINT_E_ARG, "%.60s: an IPv4 address is wanted", to);
    r->loopback = ntohl(r->to.s_addr) >> 24 == 127;
    r->random = r->settings->seed * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0x1234567);
    r->bytes = malloc(BLOCK_BYTES + 65536);
    if (!r->bytes)
        return glint_fail(GLINT_E_NOMEM, "no memory to replay");
    return GLINT_OK;
}

int glint_replay(const char *path, const struct glint_replay_settings *settings, const volatile int *stop,
                 struct glint_replay_stats *stats_out)
{
    memset(stats_out, 0, sizeof *stats_out);
    GLINT_TRY(check(settings));
    struct replay *r = calloc(1, sizeof *r);
    if (!r)
        return glint_fail(GLINT_E_NOMEM, "no memory to replay");
    r->begun_ns = r->loop_at_ns = glint_clock_monotonic_ns();
    r->settings = settings;
    r->stop = stop;
    r->stats = stats_out;
    int status = begin(r);
    for (int64_t i = 0; i < (settings->loops > 0 ? settings->loops : 1) && status == GLINT_OK && !stopped(r);
         i++)
        status = send_once(r, path);
    stats_out->wall_ns = glint_clock_monotonic_ns() - r->begun_ns;
    for (int32_t i = 0; i < r->n_senders; i++)
        close(r->fd[i]);
    free(r->bytes);
    free(r);
    return status;
}
