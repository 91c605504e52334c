/* io/receive.h - the two ways packets come from a network, as source_live.c uses them: sockets and libpcap.
 * Only for io/.
 *
 * A receiver is opened by the program's thread and then used by the receive thread alone. */
#ifndef GLINT_IO_RECEIVE_H
#define GLINT_IO_RECEIVE_H
#include "io/packet_ring.h"
#include "io/source_live.h"
#include <stdatomic.h>

struct glint_receive_counts { /* written by the receive thread, read by all */
    _Atomic uint64_t received, bytes, kernel_drops, ring_drops, truncated, other;
    _Atomic uint64_t told_drops, told_other; /* with packets */
};

struct glint_receiver;
struct glint_receiver_ops {
    /* Waits up to timeout_ms for packets and pushes what is there. GLINT_OK, or a failure that ends it. */
    int (*receive)(struct glint_receiver *r, int timeout_ms);
    void (*close)(struct glint_receiver *r);
};
struct glint_receiver { /* first member of each receiver's own struct */
    const struct glint_receiver_ops *ops;
    struct glint_packet_ring *ring;
    struct glint_receive_counts *counts;
    uint64_t n; /* packets so far: their record numbers */
    int64_t rcvbuf_bytes;
};

int glint_receive_udp_open(const struct glint_live_settings *settings, struct glint_receiver **receiver_out);
int glint_receive_pcap_open(const struct glint_live_settings *settings, struct glint_receiver **receiver_out);

/* Numbers, counts and pushes one packet. The clocks' difference tells the monotonic time of its stamp. */
void glint_receiver_push(struct glint_receiver *r, struct glint_packet *packet, int64_t utc_to_monotonic_ns);
#endif
