/* tools/sim_send.c - see sim_send.h. */
#define _GNU_SOURCE
#include "tools/sim_send.h"
#include "core/clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

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

int glint_sim_send_open(const char *to, int32_t n, int64_t begun_ns, int64_t epoch_ns,
                        struct glint_sim_send *send)
{
    struct in_addr address;
    memset(send, 0, sizeof *send);
    if (inet_pton(AF_INET, to, &address) != 1)
        return glint_fail(GLINT_E_ARG, "\"%s\" is no IPv4 address", to);
    send->to = ntohl(address.s_addr);
    send->begun_ns = begun_ns;
    send->epoch_ns = epoch_ns;
    for (int32_t i = 0; i < n && i < GLINT_SIM_SENDERS; i++) {
        const int status = open_socket(send);
        if (status < 0) {
            glint_sim_send_close(send);
            return status;
        }
    }
    return GLINT_OK;
}

void glint_sim_send_close(struct glint_sim_send *send)
{
    for (int32_t i = 0; i < send->n; i++)
        close(send->fd[i]);
    send->n = 0;
}

static void wait_until(int64_t due_ns, const volatile int *stop)
{
    const struct timespec at = {due_ns / 1000000000, due_ns % 1000000000};
    while (!*stop && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

void glint_sim_send_packet(struct glint_sim_send *send, int32_t sensor, const struct glint_packet *packet,
                           const volatile int *stop)
{
    const int64_t due_ns = send->begun_ns + (packet->stamp_ns - send->epoch_ns);
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(send->to), .sin_port = htons(packet->dst_port)};
    wait_until(due_ns, stop);
    if (*stop)
        return;
    const int64_t late_ns = glint_clock_monotonic_ns() - due_ns;
    send->latest_ns = late_ns > send->latest_ns ? late_ns : send->latest_ns;
    const ssize_t n =
        sendto(send->fd[sensor], packet->data, packet->size, 0, (const struct sockaddr *)&to, sizeof to);
    *(n == (ssize_t)packet->size ? &send->sent : &send->failed) += 1;
}
