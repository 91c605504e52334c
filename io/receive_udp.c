/* io/receive_udp.c - packets from UDP sockets, one per port (socket(7), udp(7), ip(7), recvmmsg(2)).
 *
 * Up to BATCH datagrams come by one call into buffers of the largest size and go packed into the ring. With
 * each the kernel gives its time stamp (SO_TIMESTAMPING, from the card where wanted, else SO_TIMESTAMPNS),
 * the address it was sent to (IP_PKTINFO), and how many datagrams this socket has dropped so far
 * (SO_RXQ_OVFL); drops behind the last datagram are read with SO_MEMINFO. */
#define _GNU_SOURCE
#include "core/clock.h"
#include "io/receive.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH         32
#define DATAGRAM_MOST 65536
#define CONTROL_BYTES 256

struct receive_udp {
    struct glint_receiver base;
    int32_t n;
    struct pollfd fds[GLINT_LIVE_PORTS];
    uint16_t port[GLINT_LIVE_PORTS];
    uint32_t drops[GLINT_LIVE_PORTS]; /* as last told by the kernel */
    struct mmsghdr head[BATCH];
    struct iovec piece[BATCH];
    struct sockaddr_in from[BATCH];
    _Alignas(16) uint8_t control[BATCH][CONTROL_BYTES];
    uint8_t *memory; /* BATCH x DATAGRAM_MOST */
};

/* ---- receiving ---- */

static void note_drops(struct receive_udp *r, int32_t i, uint32_t drops)
{
    const uint32_t more = drops - r->drops[i]; /* counts modulo 2^32 */
    if (more > UINT32_MAX / 2)
        return; /* an older one */
    r->drops[i] = drops;
    atomic_fetch_add_explicit(&r->base.counts->kernel_drops, more, memory_order_relaxed);
}

static int64_t ns_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static void read_control(struct receive_udp *r, int32_t i, struct msghdr *m, struct glint_packet *p)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            p->stamp_ns = ns_of(&t);
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) {
            struct scm_timestamping t; /* software, unused, hardware */
            memcpy(&t, CMSG_DATA(c), sizeof t);
            p->stamp_ns = t.ts[2].tv_sec ? ns_of(&t.ts[2]) : t.ts[0].tv_sec ? ns_of(&t.ts[0]) : p->stamp_ns;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            uint32_t drops;
            memcpy(&drops, CMSG_DATA(c), sizeof drops);
            note_drops(r, i, drops);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            p->dst_ip = ntohl(info.ipi_addr.s_addr);
        }
    }
}

static void push_one(struct receive_udp *r, int32_t i, int k, int64_t utc_ns, int64_t to_monotonic_ns)
{
    struct msghdr *m = &r->head[k].msg_hdr;
    struct glint_packet p = {.data = r->piece[k].iov_base,
                             .size = r->head[k].msg_len,
                             .stamp_ns = utc_ns,
                             .src_ip = ntohl(r->from[k].sin_addr.s_addr),
                             .src_port = ntohs(r->from[k].sin_port),
                             .dst_port = r->port[i]};
    read_control(r, i, m, &p);
    if (m->msg_flags & MSG_TRUNC)
        atomic_fetch_add_explicit(&r->base.counts->truncated, 1, memory_order_relaxed);
    else
        glint_receiver_push(&r->base, &p, to_monotonic_ns);
}

static void prepare(struct receive_udp *r)
{
    for (int k = 0; k < BATCH; k++) {
        r->piece[k] = (struct iovec){r->memory + (size_t)k * DATAGRAM_MOST, DATAGRAM_MOST};
        r->head[k].msg_hdr = (struct msghdr){.msg_name = &r->from[k],
                                             .msg_namelen = sizeof r->from[k],
                                             .msg_iov = &r->piece[k],
                                             .msg_iovlen = 1,
                                             .msg_control = r->control[k],
                                             .msg_controllen = CONTROL_BYTES};
    }
}

/* One batch; how many came, or a failure. */
static int take_batch(struct receive_udp *r, int32_t i)
{
    prepare(r);
    const int n = recvmmsg(r->fds[i].fd, r->head, BATCH, MSG_DONTWAIT, NULL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED || errno == ENOBUFS ||
                  errno == ENETDOWN || errno == ENETUNREACH || errno == EHOSTUNREACH)) /* it may come back */
        return 0;
    if (n < 0)
        return glint_fail(GLINT_E_DEVICE, "udp port %u: %s", r->port[i], strerror(errno));
    const int64_t utc_ns = glint_clock_utc_ns(), to_monotonic_ns = glint_clock_monotonic_ns() - utc_ns;
    for (int k = 0; k < n; k++)
        push_one(r, i, k, utc_ns, to_monotonic_ns);
    return n;
}

static void ask_drops(struct receive_udp *r, int32_t i)
{
    uint32_t info[SK_MEMINFO_VARS];
    socklen_t size = sizeof info;
    if (getsockopt(r->fds[i].fd, SOL_SOCKET, SO_MEMINFO, info, &size) == 0 &&
        size > SK_MEMINFO_DROPS * sizeof info[0])
        note_drops(r, i, info[SK_MEMINFO_DROPS]);
}

/* Sockets take turns by the batch, until all are empty or, under a load that never ends, for some rounds. */
static int receive(struct glint_receiver *receiver, int timeout_ms)
{
    struct receive_udp *r = (struct receive_udp *)receiver;
    const int ready = poll(r->fds, (nfds_t)r->n, timeout_ms);
    if (ready < 0 && errno != EINTR)
        return glint_fail(GLINT_E_DEVICE, "udp: cannot wait for packets: %s", strerror(errno));
    int more = ready > 0 || timeout_ms == 0;
    for (int round = 0; more && (round < 16 || timeout_ms == 0); round++) {
        more = 0;
        for (int32_t i = 0; i < r->n; i++) {
            const int n = take_batch(r, i);
            GLINT_TRY(n);
            more |= n == BATCH;
        }
    }
    for (int32_t i = 0; ready == 0 && i < r->n; i++)
        ask_drops(r, i);
    return GLINT_OK;
}

static void close_receiver(struct glint_receiver *receiver)
{
    struct receive_udp *r = (struct receive_udp *)receiver;
    for (int32_t i = 0; i < r->n; i++)
        close(r->fds[i].fd);
    free(r->memory);
    free(r);
}

static const struct glint_receiver_ops ops = {receive, close_receiver};

/* ---- opening ---- */

static int parse_ip(const char *what, const char *text, struct in_addr *out)
{
    if (inet_pton(AF_INET, text, out) == 1)
        return GLINT_OK;
    return glint_fail(GLINT_E_ARG, "%s %.60s: an IPv4 address is wanted, such as 239.1.1.1", what, text);
}

/* As much as the kernel gives: beyond net.core.rmem_max only with CAP_NET_ADMIN. */
static void set_buffer(int fd, int wanted, int64_t *least)
{
    int granted = 0;
    socklen_t size = sizeof granted;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &size) == 0 && (*least == 0 || granted / 2 < *least))
        *least = granted / 2; /* the kernel tells twice the size: its own bookkeeping */
}

static void ask_for_stamps(int fd, bool hardware)
{
    const int on = 1;
    const int flags = SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE |
                      SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    if (!hardware || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) != 0)
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
}

static int bind_to_iface(int fd, const char *iface)
{
    if (if_nametoindex(iface) == 0)
        return glint_fail(GLINT_E_DEVICE, "no network interface \"%.32s\" (see: ip link)", iface);
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, iface, (socklen_t)strlen(iface)) != 0)
        return glint_fail(GLINT_E_DEVICE, "interface %.32s: cannot listen on it alone: %s", iface,
                          strerror(errno));
    return GLINT_OK;
}

/* With a group the address is shared with other listeners, as multicast is meant; a unicast port is not: the
 * kernel would give its packets to one of the two. */
static int join(int fd, const struct glint_live_settings *s, const char *group)
{
    struct ip_mreqn request = {.imr_ifindex = s->iface ? (int)if_nametoindex(s->iface) : 0};
    const int on = 1, off = 0;
    GLINT_TRY(parse_ip("group", group, &request.imr_multiaddr));
    if (!IN_MULTICAST(ntohl(request.imr_multiaddr.s_addr)))
        return glint_fail(GLINT_E_ARG, "group %.60s: 224.0.0.0 to 239.255.255.255 wanted", group);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off); /* not what others here have joined */
    if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) != 0)
        return glint_fail(GLINT_E_DEVICE, "group %s: cannot join%s%s: %s", group,
                          s->iface ? " on " : " (name the interface with --iface)", s->iface ? s->iface : "",
                          strerror(errno));
    return GLINT_OK;
}

static int bind_port(int fd, const struct glint_live_settings *s, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (s->address)
        GLINT_TRY(parse_ip("address", s->address, &at.sin_addr));
    if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return GLINT_OK;
    const char *why = errno == EADDRINUSE ? "in use by another program (see: ss -ulpn)" : strerror(errno);
    return glint_fail(GLINT_E_DEVICE, "udp port %u%s%s: %s", port, s->address ? " at " : "",
                      s->address ? s->address : "", why);
}

static int open_socket(struct receive_udp *r, const struct glint_live_settings *s, uint16_t port)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return glint_fail(GLINT_E_DEVICE, "cannot open a UDP socket: %s", strerror(errno));
    r->fds[r->n] = (struct pollfd){.fd = fd, .events = POLLIN};
    r->port[r->n++] = port;
    set_buffer(fd, s->rcvbuf_bytes, &r->base.rcvbuf_bytes);
    ask_for_stamps(fd, s->hardware_stamps);
    if (s->iface && s->n_groups == 0)
        GLINT_TRY(bind_to_iface(fd, s->iface));
    if (s->iface && if_nametoindex(s->iface) == 0)
        return glint_fail(GLINT_E_DEVICE, "no network interface \"%.32s\" (see: ip link)", s->iface);
    for (int32_t i = 0; i < s->n_groups; i++)
        GLINT_TRY(join(fd, s, s->groups[i]));
    return bind_port(fd, s, port);
}

int glint_receive_udp_open(const struct glint_live_settings *settings, struct glint_receiver **receiver_out)
{
    *receiver_out = NULL;
    if (settings->n_ports < 1)
        return glint_fail(GLINT_E_ARG, "no UDP port to listen at");
    struct receive_udp *r = calloc(1, sizeof *r);
    if (!r)
        return glint_fail(GLINT_E_NOMEM, "no memory for sockets");
    r->base.ops = &ops;
    r->memory = calloc(BATCH, DATAGRAM_MOST);
    int status = r->memory ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for datagrams");
    for (int32_t i = 0; i < settings->n_ports && status == GLINT_OK; i++)
        status = open_socket(r, settings, settings->ports[i]);
    if (status == GLINT_OK)
        *receiver_out = &r->base;
    else
        close_receiver(&r->base);
    return status;
}
