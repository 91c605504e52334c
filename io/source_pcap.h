/* io/source_pcap.h - captures (pcap, pcapng) as a source of packets.
 *
 * Each record is one packet of the link; a UDP datagram may take several (IPv4 fragments). Time stamps are
 * kept to the nanosecond. A file cut in the middle of a record gives all before it and then GLINT_E_FORMAT
 * "...truncated". */
#ifndef GLINT_IO_SOURCE_PCAP_H
#define GLINT_IO_SOURCE_PCAP_H
#include "io/source.h"

/* Whether the first n bytes of a file look like a capture: any byte order, us or ns, or pcapng. */
bool glint_source_pcap_probe(const uint8_t *head, size_t n);

/* Opens a capture. GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_FORMAT ("no packets", what libpcap says of the
 * header), GLINT_E_UNSUPPORTED (link type). settings may be NULL. */
int glint_source_pcap_open(const char *path, const struct glint_source_settings *settings,
                           struct glint_source **source_out);

/* The same from memory, which must stay until close; `name` is for messages. */
int glint_source_pcap_open_memory(const uint8_t *data, size_t size, const char *name,
                                  struct glint_source **source_out);

/* What was read so far. May be asked from another thread than the one that reads. */
struct glint_source_pcap_stats {
    uint64_t records;          /* in the file */
    uint64_t datagrams;        /* given as packets */
    uint64_t other;            /* records that carry no UDP: ARP, TCP, ... */
    uint64_t incomplete;       /* fragmented datagrams whose rest never came */
    int64_t first_ns, last_ns; /* stamps of the first and last record */
};
/* false when source is no capture. */
bool glint_source_pcap_stats(const struct glint_source *source, struct glint_source_pcap_stats *stats_out);

/* Adds to the loss what came after the last packet and never became one: other records are received and
 * foreign, incomplete datagrams received and malformed (those before a packet go with it, see struct
 * glint_packet). Call it once, at the end: then received = decoded + malformed + foreign holds for all that
 * the capture has. Does nothing for a source that is no capture. */
void glint_source_pcap_account(const struct glint_source *source, struct glint_loss *loss);
#endif
