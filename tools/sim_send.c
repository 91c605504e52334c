/* tools/sim_send.c - see sim_send.h. A ring of bytes holds records: the packet's head, then its data. A
 * record that does not fit before the end begins anew at 0; `wrap` says where the last one ended. */
#define _GNU_SOURCE
#include "tools/sim_send.h"
#include "core/clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RING     ((size_t)16 << 20)
#define TICK_NS  INT64_C(20000000)  /* how often a waiting thread looks at *stop */
#define AHEAD_NS INT64_C(500000000) /* packets wait here at most so long */

struct record {
    int64_t stamp_ns;
    uint32_t size;
    int32_t sensor;
    uint16_t port;
};

struct glint_sim_send {
    int fd[GLINT_SIM_SENDERS];
    int32_t n;
    uint32_t to;
    int64_t begun_ns, epoch_ns;

    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ends;
    uint8_t *ring;
    size_t head, tail, wrap, n_records; /* write at head, read at tail */
    struct glint_sim_send_stats stats;
};

static int open_socket(struct glint_sim_send *s)
{
    const int on = 1, bytes = 4 << 20;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return glint_fail(GLINT_E_DEVICE, "cannot open a UDP socket: %s", strerror(errno));
    s->fd[s->n++] = fd;
    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u + (uint32_t)s->n)};
    if (s->to >> 24 == 127 && bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
        return glint_fail(GLINT_E_DEVICE, "cannot send from %s: %s", inet_ntoa(from.sin_addr),
                          strerror(errno));
    return GLINT_OK;
}

/* ---- the ring ---- */

static size_t room_of(uint32_t size)
{
    return (sizeof(struct record) + size + 15) / 16 * 16;
}

/* Where a record of so many bytes can go; RING: nowhere now. */
static size_t find_room(const struct glint_sim_send *s, size_t bytes)
{
    if (s->n_records == 0)
        return 0;
    if (s->head >= s->tail) {
        if (s->head + bytes <= RING)
            return s->head;
        return bytes < s->tail ? 0 : RING;
    }
    return s->head + bytes < s->tail ? s->head : RING;
}

static bool put(struct glint_sim_send *s, int32_t sensor, const struct glint_packet *p)
{
    const struct record r = {p->stamp_ns, p->size, sensor, p->dst_port};
    const size_t bytes = room_of(p->size), at = find_room(s, bytes);
    if (at == RING)
        return false;
    if (s->n_records == 0)
        s->tail = 0;
    else if (at < s->head)
        s->wrap = s->head;
    memcpy(s->ring + at, &r, sizeof r);
    memcpy(s->ring + at + sizeof r, p->data, p->size);
    s->head = at + bytes;
    s->n_records++;
    return true;
}

static void drop_first(struct glint_sim_send *s, uint32_t size)
{
    s->tail += room_of(size);
    if (s->tail > s->head && s->tail == s->wrap)
        s->tail = 0;
    s->n_records--;
}

/* ---- sending ---- */

static void wait_changed(struct glint_sim_send *s, int64_t until_ns)
{
    const struct timespec at = {until_ns / 1000000000, until_ns % 1000000000};
    pthread_cond_timedwait(&s->changed, &s->lock, &at);
}

static void send_first(struct glint_sim_send *s)
{
    struct record r;
    memcpy(&r, s->ring + s->tail, sizeof r);
    const int64_t due_ns = s->begun_ns + (r.stamp_ns - s->epoch_ns), now_ns = glint_clock_monotonic_ns();
    if (now_ns < due_ns) {
        wait_changed(s, due_ns);
        return;
    }
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(s->to), .sin_port = htons(r.port)};
    const uint8_t *data = s->ring + s->tail + sizeof r;
    pthread_mutex_unlock(&s->lock); /* the record stays where it is until it is dropped */
    const ssize_t n = sendto(s->fd[r.sensor], data, r.size, 0, (const struct sockaddr *)&to, sizeof to);
    pthread_mutex_lock(&s->lock);
    s->stats.latest_ns = now_ns - due_ns > s->stats.latest_ns ? now_ns - due_ns : s->stats.latest_ns;
    *(n == (ssize_t)r.size ? &s->stats.sent : &s->stats.failed) += 1;
    drop_first(s, r.size);
    pthread_cond_broadcast(&s->changed);
}

static void *run(void *ctx)
{
    struct glint_sim_send *s = ctx;
    pthread_mutex_lock(&s->lock);
    while (!s->ends) {
        if (s->n_records == 0)
            pthread_cond_wait(&s->changed, &s->lock);
        else
            send_first(s);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

void glint_sim_send_packet(struct glint_sim_send *send, int32_t sensor, const struct glint_packet *packet,
                           const volatile int *stop)
{
    const int64_t due_ns = send->begun_ns + (packet->stamp_ns - send->epoch_ns);
    pthread_mutex_lock(&send->lock);
    while (!*stop && (due_ns - glint_clock_monotonic_ns() > AHEAD_NS || !put(send, sensor, packet)))
        wait_changed(send, glint_clock_monotonic_ns() + TICK_NS);
    pthread_cond_broadcast(&send->changed);
    pthread_mutex_unlock(&send->lock);
}

void glint_sim_send_drain(struct glint_sim_send *send, const volatile int *stop)
{
    pthread_mutex_lock(&send->lock);
    while (!*stop && send->n_records > 0)
        wait_changed(send, glint_clock_monotonic_ns() + TICK_NS);
    pthread_mutex_unlock(&send->lock);
}

struct glint_sim_send_stats glint_sim_send_stats(struct glint_sim_send *send)
{
    pthread_mutex_lock(&send->lock);
    const struct glint_sim_send_stats stats = send->stats;
    pthread_mutex_unlock(&send->lock);
    return stats;
}

/* ---- opening ---- */

static void make_lock(struct glint_sim_send *s)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

static int start(struct glint_sim_send *s, int32_t n)
{
    for (int32_t i = 0; i < n && i < GLINT_SIM_SENDERS; i++)
        GLINT_TRY(open_socket(s));
    s->has_thread = s->ring && pthread_create(&s->thread, NULL, run, s) == 0;
    return s->has_thread ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for sending");
}

int glint_sim_send_open(const char *to, int32_t n, int64_t begun_ns, int64_t epoch_ns,
                        struct glint_sim_send **send_out)
{
    struct in_addr address;
    *send_out = NULL;
    if (inet_pton(AF_INET, to, &address) != 1)
        return glint_fail(GLINT_E_ARG, "\"%s\" is no IPv4 address", to);
    struct glint_sim_send *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory for sending");
    make_lock(s);
    s->to = ntohl(address.s_addr);
    s->begun_ns = begun_ns;
    s->epoch_ns = epoch_ns;
    s->ring = malloc(RING);
    const int status = start(s, n);
    if (status < 0)
        glint_sim_send_close(s);
    else
        *send_out = s;
    return status;
}

void glint_sim_send_close(struct glint_sim_send *send)
{
    if (!send)
        return;
    pthread_mutex_lock(&send->lock);
    send->ends = true;
    pthread_cond_broadcast(&send->changed);
    pthread_mutex_unlock(&send->lock);
    if (send->has_thread)
        pthread_join(send->thread, NULL);
    for (int32_t i = 0; i < send->n; i++)
        close(send->fd[i]);
    pthread_mutex_destroy(&send->lock);
    pthread_cond_destroy(&send->changed);
    free(send->ring);
    free(send);
}
