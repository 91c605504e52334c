/* io/source_live.h - packets from the network as a source: UDP sockets, or libpcap on an interface.
 *
 * A thread of its own receives and never waits for the reader: what the reader is behind with lies in a ring
 * of fixed size, and what does not fit there is dropped and counted, as are the kernel's drops.
 *
 *     struct glint_live_settings s;
 *     glint_live_settings_default(&s);
 *     s.ports[s.n_ports++] = 2368;
 *     GLINT_TRY(glint_source_live_open(&s, &source));
 *     ... as any source of packets; GLINT_E_AGAIN means nothing now: ask again ...
 *     glint_source_live_stop(source);  // from anywhere: what has come is still read, then GLINT_E_EOF
 */
#ifndef GLINT_IO_SOURCE_LIVE_H
#define GLINT_IO_SOURCE_LIVE_H
#include "io/source.h"

#define GLINT_LIVE_PORTS  16
#define GLINT_LIVE_GROUPS 16

struct glint_live_settings {
    uint16_t ports[GLINT_LIVE_PORTS];
    int32_t n_ports;                       /* sockets: 1 or more */
    const char *address;                   /* sockets: local IPv4 address to listen at; NULL: all */
    const char *groups[GLINT_LIVE_GROUPS]; /* IPv4 multicast groups to join */
    int32_t n_groups;
    const char *iface;    /* network interface, NULL: any (needed with pcap) */
    bool hardware_stamps; /* stamps of the network card where it gives them: its clock must be UTC (ptp) */

    bool pcap;          /* libpcap instead of sockets: sees packets for other hosts too; needs CAP_NET_RAW */
    const char *filter; /* BPF; NULL: "udp", and the ports where there are any */

    int32_t rcvbuf_bytes;  /* wanted of the kernel, per socket */
    size_t ring_bytes;     /* of the ring of packets */
    int64_t duration_ns;   /* ends so long after open; 0: never */
    uint64_t most_packets; /* ends after so many; 0: never */

    int32_t priority; /* SCHED_FIFO of the receive thread, 0: as the opening one's; GLINT_E_DEVICE where that
                       * is not permitted */
    int32_t cpu_plus_1; /* its own CPU, counted from 1; 0: any */
};
void glint_live_settings_default(struct glint_live_settings *settings); /* 32 MiB, 64 MiB, no end */

/* Opens sockets or the interface and starts to receive. GLINT_E_ARG (address, interface, filter),
 * GLINT_E_DEVICE (permission, port in use, no such interface), GLINT_E_NOMEM. The settings' strings are not
 * kept. */
int glint_source_live_open(const struct glint_live_settings *settings, struct glint_source **source_out);

/* Receiving ends at once; the reader gets what has come, and then GLINT_E_EOF. From any thread, also from a
 * signal handler. */
void glint_source_live_stop(struct glint_source *source);

struct glint_live_stats { /* so far; from any thread */
    uint64_t received,
        bytes;             /* datagrams and payload bytes that came to the program: in the ring or dropped */
    uint64_t kernel_drops; /* the socket's buffer was full */
    uint64_t ring_drops;   /* the ring was full */
    uint64_t truncated;    /* cut by the kernel: longer than any datagram (dropped) */
    uint64_t other;        /* pcap: records that are no UDP */
    int64_t rcvbuf_bytes;  /* granted by the kernel, least of all sockets */
    int64_t rcvbuf_wanted;
    size_t ring_peak; /* most bytes that ever waited */
};
bool glint_source_live_stats(const struct glint_source *source, struct glint_live_stats *stats_out);
#endif
