/* io/packet_ring.h - packets from a receive thread to the one that works on them: a fixed piece of memory,
 * one writer, one reader, no locks.
 *
 * The writer never waits: what does not fit is refused, and the caller counts it. Packets lie one behind the
 * other, each in one piece, so that small ones take little and the largest datagram fits. */
#ifndef GLINT_IO_PACKET_RING_H
#define GLINT_IO_PACKET_RING_H
#include "io/source.h"

struct glint_packet_ring;

/* bytes: of packets and their heads, 1 MiB or more. All of it is reserved here. GLINT_E_ARG, GLINT_E_NOMEM,
 * GLINT_E_IO (no event descriptor). */
int glint_packet_ring_open(size_t bytes, struct glint_packet_ring **ring_out);
void glint_packet_ring_close(struct glint_packet_ring *ring); /* NULL is fine */

/* The writer's side. push copies the packet; false when it does not fit. Pushed packets are seen by a reader
 * that waits after the next wake: once for a burst. After finish nothing is pushed. */
bool glint_packet_ring_push(struct glint_packet_ring *ring, const struct glint_packet *packet);
void glint_packet_ring_wake(struct glint_packet_ring *ring);
void glint_packet_ring_finish(struct glint_packet_ring *ring);

/* The reader's side. packet_out's data is valid until the next call. GLINT_E_AGAIN: none came within
 * timeout_ms; GLINT_E_EOF: finished and empty. */
int glint_packet_ring_pop(struct glint_packet_ring *ring, int timeout_ms, struct glint_packet *packet_out);

/* Bytes in use, and the most there ever were; from any thread. */
size_t glint_packet_ring_used(const struct glint_packet_ring *ring);
size_t glint_packet_ring_peak(const struct glint_packet_ring *ring);
#endif
