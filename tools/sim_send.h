/* tools/sim_send.h - packets onto the network, each when its sensor would have sent it, by a thread of its
 * own, so that what is cast next does not delay what is due now. */
#ifndef GLINT_TOOLS_SIM_SEND_H
#define GLINT_TOOLS_SIM_SEND_H
#include "io/source.h"

#define GLINT_SIM_SENDERS 8

struct glint_sim_send;

struct glint_sim_send_stats {
    uint64_t sent, failed; /* failed: refused by the system */
    int64_t latest_ns;     /* most that a packet went out after its time */
};

/* n sockets, one per sensor, and the thread. to: an IPv4 address; towards 127.x.x.x sensor k sends from
 * 127.0.0.(1 + k), so that receivers tell them apart. Packets with a stamp of epoch_ns go out at begun_ns
 * (monotonic). GLINT_E_ARG (no address), GLINT_E_DEVICE, GLINT_E_NOMEM. */
int glint_sim_send_open(const char *to, int32_t n, int64_t begun_ns, int64_t epoch_ns,
                        struct glint_sim_send **send_out);

/* Copies the packet for its time; waits while that is more than half a second away, or the queue is full.
 * *stop (set from a signal handler): it is not sent. */
void glint_sim_send_packet(struct glint_sim_send *send, int32_t sensor, const struct glint_packet *packet,
                           const volatile int *stop);

/* Waits until all is sent, or *stop. */
void glint_sim_send_drain(struct glint_sim_send *send, const volatile int *stop);
struct glint_sim_send_stats glint_sim_send_stats(struct glint_sim_send *send);
void glint_sim_send_close(struct glint_sim_send *send); /* what waits is not sent; NULL is fine */
#endif
