/* io/pcap_write.h - packets to capture files (pcap, nanosecond stamps, Ethernet), which stay whole whatever
 * happens.
 *
 * Only whole records are handed to the system, some at a time: after kill -9 a file holds all records but
 * those of the last flush interval, and at worst ends inside of one, which readers report after all before
 * it. When the disk is full the file is cut back to its last whole record. Ethernet, IPv4 and UDP headers are
 * made from the packet's addresses. */
#ifndef GLINT_IO_PCAP_WRITE_H
#define GLINT_IO_PCAP_WRITE_H
#include "io/source.h"

struct glint_pcap_writer_settings { /* all zero but the path: one file, flushed every 200 ms */
    const char *path;               /* with %d, %04d ...: a number per file, needed for rotation */
    uint64_t rotate_bytes;          /* a new file before one gets larger; 0: never */
    int64_t rotate_ns;              /* a new file after this much time, by the packets' stamps; 0: never */
    int64_t flush_ns;               /* at most so long packets stay in memory (by the clock); 0: 200 ms */
    bool no_sync;                   /* close does not wait for the disk */
    bool overwrite;                 /* else a file that exists is not touched: GLINT_E_IO */
};

struct glint_pcap_writer;
/* Makes the first file. GLINT_E_ARG (rotation without a number in the path), GLINT_E_IO, GLINT_E_NOMEM. */
int glint_pcap_writer_open(const struct glint_pcap_writer_settings *settings,
                           struct glint_pcap_writer **writer_out);

/* Adds a packet. GLINT_E_IO: disk full or the like; what was written before stays readable, nothing more is
 * taken. */
int glint_pcap_writer_write(struct glint_pcap_writer *writer, const struct glint_packet *packet);

/* Writes what waits, if it has waited long enough: to be called when no packets come. */
int glint_pcap_writer_tick(struct glint_pcap_writer *writer);

/* Goes on in another file: the next number of a path with one; else at the path, if the file was moved away
 * from there (log rotation), and where it was otherwise. Does not wait for the disk. GLINT_E_IO as write. */
int glint_pcap_writer_rotate(struct glint_pcap_writer *writer);

/* Writes what waits. */
int glint_pcap_writer_flush(struct glint_pcap_writer *writer);

struct glint_pcap_writer_stats {
    uint64_t packets, bytes, files; /* safely handed to the system; file heads counted in bytes */
    char path[1024];                /* of the file at hand */
};
void glint_pcap_writer_stats(const struct glint_pcap_writer *writer,
                             struct glint_pcap_writer_stats *stats_out);

/* Writes what waits and syncs the file. The writer is gone also on failure; NULL is fine. */
int glint_pcap_writer_close(struct glint_pcap_writer *writer);
#endif
