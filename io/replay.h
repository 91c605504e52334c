/* io/replay.h - a capture back onto the network, as it was or with the faults that networks have.
 *
 * Datagrams go to their original ports unless told otherwise, by default to this machine (127.0.0.1). Each
 * sender of the capture gets a socket of its own; towards 127.x.x.x the k-th one sends from 127.0.0.k, so
 * that receivers still tell sensors apart. */
#ifndef GLINT_IO_REPLAY_H
#define GLINT_IO_REPLAY_H
#include "io/source.h"

struct glint_replay_settings {
    const char *to;   /* IPv4 address; NULL: 127.0.0.1 */
    uint16_t port;    /* 0: each datagram's own */
    double speed;     /* times the recorded one; 0: as fast as the system takes them */
    double rate;      /* packets per second whatever the stamps say; 0: by speed */
    int64_t loops;    /* how often the capture is sent; 0 as 1 */
    double loss;      /* share of datagrams left out, 0..1 */
    double duplicate; /* share sent twice */
    int32_t reorder;  /* datagrams are mixed within blocks of so many; 0 and 1: in order. At most 1024 */
    uint64_t seed;    /* of the three above: the same seed, the same faults */
};

struct glint_replay_stats {
    uint64_t read;                        /* datagrams of the capture, all loops */
    uint64_t sent, bytes;                 /* duplicates are in sent */
    uint64_t lost, duplicated, reordered; /* by the settings; reordered: sent after a later one */
    uint64_t failed;                      /* refused by the system: no route, message too long */
    int64_t wall_ns;
    int64_t latest_ns; /* most that a datagram went out after its time */
};

/* Sends it all; *stop (may be NULL, set from a signal handler) ends it early with GLINT_OK. GLINT_E_ARG,
 * GLINT_E_DEVICE (sockets), and what reading the capture fails with, after all before has been sent. */
int glint_replay(const char *path, const struct glint_replay_settings *settings, const volatile int *stop,
                 struct glint_replay_stats *stats_out);
#endif
