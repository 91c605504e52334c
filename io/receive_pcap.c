/* io/receive_pcap.c - packets from an interface through libpcap: what passes by, also for other hosts and
 * behind a bridge, with a BPF filter. IPv4 fragments are put together again (datagram.c). A filter on ports
 * sees only first fragments; the default one lets the others pass. */
#define _GNU_SOURCE
#include "core/clock.h"
#include "io/datagram.h"
#include "io/receive.h"
#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAP_BYTES   65600 /* the largest IPv4 packet and its link header */
#define HAND_OVER_MS 2     /* so long the kernel gathers packets */
#define BURST        512

struct receive_pcap {
    struct glint_receiver base;
    pcap_t *pcap;
    struct glint_datagrams *datagrams;
    uint64_t records;
    bool ns; /* stamps: else us */
    int fd;
    int64_t to_monotonic_ns;
    uint32_t drops;
};

static void take_record(u_char *user, const struct pcap_pkthdr *head, const u_char *data)
{
    struct receive_pcap *r = (struct receive_pcap *)(void *)user;
    struct glint_packet p;
    const int64_t fraction = (int64_t)head->ts.tv_usec * (r->ns ? 1 : 1000);
    const int64_t stamp_ns = (int64_t)head->ts.tv_sec * 1000000000 + fraction;
    const enum glint_datagram kind =
        glint_datagrams_take(r->datagrams, data, head->caplen, stamp_ns, r->records++, &p);
    if (kind == GLINT_DATAGRAM_PACKET)
        glint_receiver_push(&r->base, &p, r->to_monotonic_ns);
    else if (kind == GLINT_DATAGRAM_OTHER)
        atomic_fetch_add_explicit(&r->base.counts->other, 1, memory_order_relaxed);
}

static void note_drops(struct receive_pcap *r)
{
    struct pcap_stat stat;
    if (pcap_stats(r->pcap, &stat) != 0)
        return;
    const uint32_t all = stat.ps_drop + stat.ps_ifdrop;
    atomic_fetch_add_explicit(&r->base.counts->kernel_drops, all - r->drops, memory_order_relaxed);
    r->drops = all;
}

static int receive(struct glint_receiver *receiver, int timeout_ms)
{
    struct receive_pcap *r = (struct receive_pcap *)receiver;
    struct pollfd fd = {.fd = r->fd, .events = POLLIN};
    poll(&fd, 1, timeout_ms);
    r->to_monotonic_ns = glint_clock_monotonic_ns() - glint_clock_utc_ns();
    int n;
    do
        n = pcap_dispatch(r->pcap, BURST, take_record, (u_char *)r);
    while (n == BURST && timeout_ms == 0);
    note_drops(r);
    return n == PCAP_ERROR ? glint_fail(GLINT_E_DEVICE, "capture: %s", pcap_geterr(r->pcap)) : GLINT_OK;
}

static void close_receiver(struct glint_receiver *receiver)
{
    struct receive_pcap *r = (struct receive_pcap *)receiver;
    if (r->pcap)
        pcap_close(r->pcap);
    glint_datagrams_close(r->datagrams);
    free(r);
}

static const struct glint_receiver_ops ops = {receive, close_receiver};

static int fail_activate(struct receive_pcap *r, const char *iface, int status)
{
    const char *more = pcap_geterr(r->pcap);
    if (status == PCAP_ERROR_PERM_DENIED)
        return glint_fail(
            GLINT_E_DEVICE,
            "interface %.32s: no permission to capture: run as root, or give the program the right "
            "once: sudo setcap cap_net_raw+ep /path/to/glint",
            iface);
    if (status == PCAP_ERROR_NO_SUCH_DEVICE)
        return glint_fail(GLINT_E_DEVICE, "no network interface \"%.32s\" (see: ip link)", iface);
    return glint_fail(GLINT_E_DEVICE, "interface %.32s: %s%s%s", iface, pcap_statustostr(status),
                      *more ? ": " : "", more);
}

/* "udp and (port 2368 or port 8308)", and the further fragments, which carry no port. */
static void default_filter(const struct glint_live_settings *s, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "udp");
    for (int32_t i = 0; i < s->n_ports && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%sdst port %u", i ? " or " : " and (", s->ports[i]);
    if (s->n_ports > 0 && n < size)
        snprintf(out + n, size - n, ") or (ip proto 17 and ip[6:2] & 0x1fff != 0)");
}

static int set_filter(struct receive_pcap *r, const struct glint_live_settings *s)
{
    struct bpf_program program;
    char text[600];
    default_filter(s, text, sizeof text);
    const char *filter = s->filter ? s->filter : text;
    if (pcap_compile(r->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
        return glint_fail(GLINT_E_ARG, "filter \"%.200s\": %s", filter, pcap_geterr(r->pcap));
    const int status = pcap_setfilter(r->pcap, &program);
    pcap_freecode(&program);
    return status == 0 ? GLINT_OK : glint_fail(GLINT_E_DEVICE, "filter: %s", pcap_geterr(r->pcap));
}

static int activate(struct receive_pcap *r, const struct glint_live_settings *s)
{
    char why[PCAP_ERRBUF_SIZE] = "";
    r->pcap = pcap_create(s->iface, why);
    if (!r->pcap)
        return glint_fail(GLINT_E_DEVICE, "interface %.32s: %s", s->iface, why);
    pcap_set_snaplen(r->pcap, SNAP_BYTES);
    pcap_set_promisc(r->pcap, 1);
    pcap_set_timeout(r->pcap, HAND_OVER_MS); /* not immediate mode: its slots are of the snap length each */
    pcap_set_buffer_size(r->pcap, s->rcvbuf_bytes);
    r->ns = pcap_set_tstamp_precision(r->pcap, PCAP_TSTAMP_PRECISION_NANO) == 0;
    if (s->hardware_stamps)
        pcap_set_tstamp_type(r->pcap, PCAP_TSTAMP_ADAPTER);
    const int status = pcap_activate(r->pcap);
    if (status < 0)
        return fail_activate(r, s->iface, status);
    r->base.rcvbuf_bytes = s->rcvbuf_bytes;
    if (pcap_setnonblock(r->pcap, 1, why) != 0)
        return glint_fail(GLINT_E_DEVICE, "interface %.32s: %s", s->iface, why);
    r->fd = pcap_get_selectable_fd(r->pcap);
    GLINT_TRY(glint_datagrams_open(pcap_datalink(r->pcap), &r->datagrams));
    return set_filter(r, s);
}

int glint_receive_pcap_open(const struct glint_live_settings *settings, struct glint_receiver **receiver_out)
{
    *receiver_out = NULL;
    if (!settings->iface)
        return glint_fail(GLINT_E_ARG, "a capture needs its interface: --iface IF");
    struct receive_pcap *r = calloc(1, sizeof *r);
    if (!r)
        return glint_fail(GLINT_E_NOMEM, "no memory for a capture");
    r->base.ops = &ops;
    const int status = activate(r, settings);
    if (status == GLINT_OK)
        *receiver_out = &r->base;
    else
        close_receiver(&r->base);
    return status;
}
