/* io/datagram.h - captured link-layer records to UDP payloads: link and IP headers, fragments put together
 * again. */
#ifndef GLINT_IO_DATAGRAM_H
#define GLINT_IO_DATAGRAM_H
#include "io/source.h"

enum glint_datagram {
    GLINT_DATAGRAM_PACKET,  /* packet_out is a whole UDP payload (what the capture kept of it) */
    GLINT_DATAGRAM_PENDING, /* a fragment: more are needed */
    GLINT_DATAGRAM_OTHER    /* no UDP: ARP, TCP, ICMP, broken headers */
};

struct glint_datagrams; /* fragments waiting for the rest; bounded memory */

/* Whether records of this link type (DLT_*) can be read. */
bool glint_datagram_link_known(int link_type);

int glint_datagrams_open(int link_type,
                         struct glint_datagrams **datagrams_out); /* GLINT_E_NOMEM, GLINT_E_UNSUPPORTED */
void glint_datagrams_close(struct glint_datagrams *datagrams);    /* NULL is fine */

/* Takes one record (n bytes as captured). packet_out's data is in the record or in the reader's memory, valid
 * until the next call; its stamp and record number are those of the record that completed it. Addresses of
 * IPv6 are their last four bytes. */
enum glint_datagram glint_datagrams_take(struct glint_datagrams *datagrams, const uint8_t *record, size_t n,
                                         int64_t stamp_ns, uint64_t number, struct glint_packet *packet_out);

/* Fragmented datagrams given up so far: their place was needed or they were too old. */
uint64_t glint_datagrams_incomplete(const struct glint_datagrams *datagrams);

/* Fragmented datagrams still waiting; at the end of the input they are incomplete too. */
uint64_t glint_datagrams_waiting(const struct glint_datagrams *datagrams);
#endif
