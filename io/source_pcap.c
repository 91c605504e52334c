/* io/source_pcap.c - see source_pcap.h. libpcap reads the file formats; datagram.c reads the records. The
 * first record is read at open, so that a capture without packets fails there. */
#define _DEFAULT_SOURCE
#include "io/source_pcap.h"
#include "io/datagram.h"
#include <errno.h>
#include <pcap/pcap.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct source_pcap {
    struct glint_source base;
    pcap_t *pcap;
    FILE *file; /* the pcap's; closed by it */
    struct glint_datagrams *datagrams;
    double size; /* of the file in bytes */
    /* struct glint_source_pcap_stats, one writer; the account may be read by another thread */
    _Atomic uint64_t records, n_datagrams, other, incomplete;
    _Atomic uint64_t told_other, told_incomplete; /* with packets */
    _Atomic int64_t first_ns, last_ns;
    bool ended;
    int held_status; /* of the record read at open, 2: none is held */
    struct pcap_pkthdr *held_head;
    const uint8_t *held_data;
};

#define NOTHING_HELD 2
#define SECONDS_MOST INT64_C(7258118400) /* year 2200 */

bool glint_source_pcap_probe(const uint8_t *head, size_t n)
{
    static const uint8_t magic[][4] = {
        {0xd4, 0xc3, 0xb2, 0xa1}, {0xa1, 0xb2, 0xc3, 0xd4}, /* microseconds */
        {0x4d, 0x3c, 0xb2, 0xa1}, {0xa1, 0xb2, 0x3c, 0x4d}, /* nanoseconds */
        {0x34, 0xcd, 0xb2, 0xa1}, {0xa1, 0xb2, 0xcd, 0x34}, /* with extra fields */
        {0x0a, 0x0d, 0x0d, 0x0a},                           /* pcapng, section header block */
    };
    for (size_t i = 0; n >= 4 && i < sizeof magic / sizeof magic[0]; i++)
        if (memcmp(head, magic[i], 4) == 0)
            return true;
    return false;
}

/* pcap_next_ex: 1 a record, -1 a failure, -2 the end. */
static int read_record(struct source_pcap *s, struct pcap_pkthdr **head, const uint8_t **data)
{
    if (s->held_status != NOTHING_HELD) {
        *head = s->held_head;
        *data = s->held_data;
        const int status = s->held_status;
        s->held_status = NOTHING_HELD;
        return status;
    }
    return pcap_next_ex(s->pcap, head, data);
}

static int fail_cut(struct source_pcap *s)
{
    const char *why = pcap_geterr(s->pcap);
    const bool cut = strstr(why, "truncated") != NULL;
    return glint_fail(GLINT_E_FORMAT, "%s: %s at record %llu, byte %lld: %s", s->base.path,
                      cut ? "truncated" : "bad record", (unsigned long long)s->records,
                      (long long)ftello(s->file), why);
}

static int at_end(struct source_pcap *s, int status)
{
    s->ended = true;
    s->incomplete = glint_datagrams_incomplete(s->datagrams) + glint_datagrams_waiting(s->datagrams);
    if (status != PCAP_ERROR_BREAK)
        return fail_cut(s);
    if (s->n_datagrams == 0)
        return glint_fail(GLINT_E_FORMAT, "%s: no packets: none of its %llu records is a UDP datagram",
                          s->base.path, (unsigned long long)s->records);
    return GLINT_E_EOF;
}

/* The fraction is in nanoseconds, as chosen at open. 0 for what is no time (pcapng can say anything). */
static int64_t stamp_of(const struct pcap_pkthdr *head)
{
    const int64_t s = head->ts.tv_sec, ns = head->ts.tv_usec;
    return s >= 0 && s < SECONDS_MOST && ns >= 0 && ns < 1000000000 ? s * 1000000000 + ns : 0;
}

/* What was skipped since the packet before goes with this one, so that the account at a packet does not
 * depend on how far ahead the source has read. */
static void tell(struct source_pcap *s, struct glint_packet *packet)
{
    packet->other_before = (uint32_t)(s->other - s->told_other);
    packet->incomplete_before = (uint32_t)(s->incomplete - s->told_incomplete);
    s->told_other = s->other;
    s->told_incomplete = s->incomplete;
}

static int next_packet(struct glint_source *source, struct glint_packet *packet_out)
{
    struct source_pcap *s = (struct source_pcap *)source;
    while (!s->ended) {
        struct pcap_pkthdr *head;
        const uint8_t *data;
        const int status = read_record(s, &head, &data);
        if (status != 1)
            return at_end(s, status);
        const int64_t stamp_ns = stamp_of(head);
        if (s->records == 0)
            s->first_ns = stamp_ns;
        s->last_ns = stamp_ns;
        const enum glint_datagram kind =
            glint_datagrams_take(s->datagrams, data, head->caplen, stamp_ns, s->records, packet_out);
        s->records++;
        s->incomplete = glint_datagrams_incomplete(s->datagrams);
        if (kind == GLINT_DATAGRAM_PACKET) {
            s->n_datagrams++;
            tell(s, packet_out);
            return GLINT_OK;
        }
        s->other += kind == GLINT_DATAGRAM_OTHER;
    }
    return GLINT_E_EOF;
}

static double progress(struct glint_source *source)
{
    struct source_pcap *s = (struct source_pcap *)source;
    const double at = (double)ftello(s->file);
    return s->size > 0 && at >= 0 ? at / s->size : -1;
}

static void close_source(struct glint_source *source)
{
    struct source_pcap *s = (struct source_pcap *)source;
    if (s->pcap)
        pcap_close(s->pcap);
    else if (s->file)
        fclose(s->file);
    glint_datagrams_close(s->datagrams);
    free(s);
}

static const struct glint_source_ops ops = {
    .name = "pcap",
    .gives_packets = true,
    .next_packet = next_packet,
    .progress = progress,
    .account = glint_source_pcap_account,
    .close = close_source,
};

static int start(struct source_pcap *s)
{
    char why[PCAP_ERRBUF_SIZE] = "";
    s->pcap = pcap_fopen_offline_with_tstamp_precision(s->file, PCAP_TSTAMP_PRECISION_NANO, why);
    if (!s->pcap)
        return glint_fail(GLINT_E_FORMAT, "%s: not a capture: %s", s->base.path, why);
    const int link_type = pcap_datalink(s->pcap);
    if (!glint_datagram_link_known(link_type)) {
        const char *name = pcap_datalink_val_to_name(link_type);
        return glint_fail(GLINT_E_UNSUPPORTED,
                          "%s: link type %d (%s): expected Ethernet, Linux cooked, raw IP or loopback",
                          s->base.path, link_type, name ? name : "?");
    }
    GLINT_TRY(glint_datagrams_open(link_type, &s->datagrams));
    s->held_status = pcap_next_ex(s->pcap, &s->held_head, &s->held_data);
    if (s->held_status == PCAP_ERROR_BREAK)
        return glint_fail(GLINT_E_FORMAT, "%s: no packets", s->base.path);
    return s->held_status == 1 ? GLINT_OK : fail_cut(s);
}

/* Takes the file, also on failure. */
static int open_file(FILE *file, double size, const char *name, struct glint_source **source_out)
{
    struct source_pcap *s = calloc(1, sizeof *s);
    if (!s) {
        fclose(file);
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for a source", name);
    }
    s->base.ops = &ops;
    snprintf(s->base.path, sizeof s->base.path, "%s", name);
    s->file = file;
    s->size = size;
    const int status = start(s);
    if (status == GLINT_OK)
        *source_out = &s->base;
    else
        close_source(&s->base);
    return status;
}

int glint_source_pcap_open(const char *path, const struct glint_source_settings *settings,
                           struct glint_source **source_out)
{
    (void)settings;
    *source_out = NULL;
    struct stat st;
    if (stat(path, &st) != 0)
        return glint_fail(errno == ENOENT || errno == ENOTDIR ? GLINT_E_NOTFOUND : GLINT_E_IO,
                          "%s: cannot open: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return glint_fail(GLINT_E_IO, "%s: not a regular file", path);
    if (st.st_size == 0)
        return glint_fail(GLINT_E_FORMAT, "%s: empty file", path);
    FILE *file = fopen(path, "rb");
    if (!file)
        return glint_fail(GLINT_E_IO, "%s: cannot open: %s", path, strerror(errno));
    return open_file(file, (double)st.st_size, path, source_out);
}

int glint_source_pcap_open_memory(const uint8_t *data, size_t size, const char *name,
                                  struct glint_source **source_out)
{
    *source_out = NULL;
    if (size == 0)
        return glint_fail(GLINT_E_FORMAT, "%s: empty file", name);
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "rb"); /* only read from */
    if (!file)
        return glint_fail(GLINT_E_NOMEM, "%s: cannot open %zu bytes of memory: %s", name, size,
                          strerror(errno));
    return open_file(file, (double)size, name, source_out);
}

bool glint_source_pcap_stats(const struct glint_source *source, struct glint_source_pcap_stats *stats_out)
{
    if (source->ops != &ops)
        return false;
    const struct source_pcap *s = (const struct source_pcap *)source;
    *stats_out = (struct glint_source_pcap_stats){
        .records = s->records,
        .datagrams = s->n_datagrams,
        .other = s->other,
        .incomplete = s->incomplete,
        .first_ns = s->first_ns,
        .last_ns = s->last_ns,
    };
    return true;
}

void glint_source_pcap_account(const struct glint_source *source, struct glint_loss *loss)
{
    if (source->ops != &ops)
        return;
    const struct source_pcap *s = (const struct source_pcap *)source;
    const uint64_t other = s->other - s->told_other, incomplete = s->incomplete - s->told_incomplete;
    loss->packets_received += other + incomplete;
    loss->packets_foreign += other;
    loss->packets_malformed += incomplete;
}
