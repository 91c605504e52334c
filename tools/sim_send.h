/* tools/sim_send.h - packets onto the network, each when its sensor would have sent it. */
#ifndef GLINT_TOOLS_SIM_SEND_H
#define GLINT_TOOLS_SIM_SEND_H
#include "io/source.h"

#define GLINT_SIM_SENDERS 8

struct glint_sim_send {
    uint64_t sent, failed;
    int64_t latest_ns; /* most that a packet went out after its time */

    /* private */
    int fd[GLINT_SIM_SENDERS];
    int32_t n;
    uint32_t to;
    int64_t begun_ns; /* monotonic, of UTC epoch_ns */
    int64_t epoch_ns;
};

/* n sockets, one per sensor. to: an IPv4 address; towards 127.x.x.x sensor k sends from 127.0.0.(1 + k), so
 * that receivers tell them apart. Packets with a stamp of epoch_ns go out at begun_ns (monotonic).
 * GLINT_E_ARG (no address), GLINT_E_DEVICE. */
int glint_sim_send_open(const char *to, int32_t n, int64_t begun_ns, int64_t epoch_ns,
                        struct glint_sim_send *send);
void glint_sim_send_close(struct glint_sim_send *send);

/* Waits for its time (or until *stop) and sends it to its dst_port. What the system refuses is counted. */
void glint_sim_send_packet(struct glint_sim_send *send, int32_t sensor, const struct glint_packet *packet,
                           const volatile int *stop);
#endif
