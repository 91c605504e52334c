/* io/source_live.c - see source_live.h. The receive thread owns the receiver; the reader only the ring.
 *
 * The reader is told GLINT_E_AGAIN once when the ring runs dry, at once, so that a batch of packets goes on
 * without waiting for it to fill; only the next call waits. */
#define _GNU_SOURCE
#include "io/source_live.h"
#include "core/clock.h"
#include "io/receive.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 50 /* how soon stop and the end of the duration are seen */
#define DRY_MS                                                                                               \
    10 /* how long the reader waits for a packet: what it has to do meanwhile is late by so much             \
        */

struct source_live {
    struct glint_source base;
    struct glint_receiver *receiver;
    struct glint_packet_ring *ring;
    struct glint_receive_counts counts;
    int64_t end_ns, rcvbuf_wanted; /* end: monotonic, 0: none */
    uint64_t most_packets;
    bool dry; /* the last call found nothing */
    atomic_bool stop, failed;
    char reason[512]; /* of a failed receiver; written before failed */
    int status;
    pthread_t thread;
    bool started;
};

void glint_live_settings_default(struct glint_live_settings *settings)
{
    *settings = (struct glint_live_settings){.rcvbuf_bytes = 32 << 20, .ring_bytes = (size_t)64 << 20};
}

/* The receive thread is the only one that writes the counts. */
static void add(_Atomic uint64_t *count, uint64_t n)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + n, memory_order_relaxed);
}

static uint64_t all_drops(const struct glint_receive_counts *c)
{
    return c->kernel_drops + c->ring_drops + c->truncated;
}

void glint_receiver_push(struct glint_receiver *r, struct glint_packet *packet, int64_t utc_to_monotonic_ns)
{
    struct glint_receive_counts *c = r->counts;
    const uint64_t drops = all_drops(c), other = c->other;
    packet->record = r->n++;
    packet->arrival_ns = packet->stamp_ns + utc_to_monotonic_ns;
    packet->dropped_before = (uint32_t)(drops - c->told_drops);
    packet->other_before = (uint32_t)(other - c->told_other);
    add(&c->received, 1);
    add(&c->bytes, packet->size);
    if (!glint_packet_ring_push(r->ring, packet)) {
        add(&c->ring_drops, 1);
        return;
    }
    c->told_drops = drops;
    c->told_other = other;
}

static bool is_over(struct source_live *s)
{
    return atomic_load(&s->stop) || (s->end_ns != 0 && glint_clock_monotonic_ns() >= s->end_ns) ||
           (s->most_packets != 0 && s->receiver->n >= s->most_packets);
}

static void *receive_main(void *arg)
{
    struct source_live *s = arg;
    int status = GLINT_OK;
    while (status == GLINT_OK && !is_over(s)) {
        status = s->receiver->ops->receive(s->receiver, WAIT_MS);
        glint_packet_ring_wake(s->ring);
    }
    if (status == GLINT_OK) /* what the kernel has already is not left behind */
        status = s->receiver->ops->receive(s->receiver, 0);
    if (status < 0) {
        snprintf(s->reason, sizeof s->reason, "%s", glint_error_text());
        s->status = status;
        atomic_store(&s->failed, true);
    }
    glint_packet_ring_finish(s->ring);
    return NULL;
}

static int next_packet(struct glint_source *source, struct glint_packet *packet_out)
{
    struct source_live *s = (struct source_live *)source;
    const int status = glint_packet_ring_pop(s->ring, s->dry ? DRY_MS : 0, packet_out);
    s->dry = status == GLINT_E_AGAIN;
    if (status == GLINT_E_EOF && atomic_load(&s->failed))
        return glint_fail(s->status, "%s", s->reason);
    return status;
}

static void account(const struct glint_source *source, struct glint_loss *loss)
{
    const struct glint_receive_counts *c = &((const struct source_live *)source)->counts;
    loss->packets_dropped += all_drops(c) - c->told_drops;
    loss->packets_received += c->other - c->told_other;
    loss->packets_foreign += c->other - c->told_other;
}

static void close_source(struct glint_source *source)
{
    struct source_live *s = (struct source_live *)source;
    atomic_store(&s->stop, true);
    if (s->started)
        pthread_join(s->thread, NULL);
    if (s->receiver)
        s->receiver->ops->close(s->receiver);
    glint_packet_ring_close(s->ring);
    free(s);
}

static const struct glint_source_ops ops = {
    .name = "live",
    .gives_packets = true,
    .next_packet = next_packet,
    .account = account,
    .close = close_source,
};

static int place_thread(struct source_live *s, const struct glint_live_settings *settings)
{
    const struct sched_param param = {.sched_priority = settings->priority};
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    if (settings->priority > 0) {
        const int reason = pthread_setschedparam(s->thread, SCHED_FIFO, &param);
        if (reason)
            return glint_fail(GLINT_E_DEVICE, "receive thread: no real-time priority %d: %s",
                              settings->priority, strerror(reason));
    }
    if (settings->cpu_plus_1 > 0) {
        CPU_SET((size_t)(settings->cpu_plus_1 - 1), &cpus);
        const int reason = pthread_setaffinity_np(s->thread, sizeof cpus, &cpus);
        if (reason)
            return glint_fail(GLINT_E_DEVICE, "receive thread: not on CPU %d: %s", settings->cpu_plus_1 - 1,
                              strerror(reason));
    }
    return GLINT_OK;
}

/* Signals are for the program's own threads. */
static int start_thread(struct source_live *s, const struct glint_live_settings *settings)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s->started = pthread_create(&s->thread, NULL, receive_main, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!s->started)
        return glint_fail(GLINT_E_NOMEM, "cannot start the receive thread");
    pthread_setname_np(s->thread, "receive");
    return place_thread(s, settings);
}

static void describe(const struct glint_live_settings *settings, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "%s%s%s", settings->pcap ? "interface " : "udp",
                                settings->iface ? (settings->pcap ? "" : " ") : "",
                                settings->iface ? settings->iface : "");
    for (int32_t i = 0; i < settings->n_ports && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%u", i ? "," : " port ", settings->ports[i]);
}

static int start(struct source_live *s, const struct glint_live_settings *settings)
{
    GLINT_TRY(glint_packet_ring_open(settings->ring_bytes, &s->ring));
    GLINT_TRY((settings->pcap ? glint_receive_pcap_open : glint_receive_udp_open)(settings, &s->receiver));
    s->receiver->ring = s->ring;
    s->receiver->counts = &s->counts;
    s->rcvbuf_wanted = settings->rcvbuf_bytes;
    s->most_packets = settings->most_packets;
    s->end_ns = settings->duration_ns > 0 ? glint_clock_monotonic_ns() + settings->duration_ns : 0;
    return start_thread(s, settings);
}

int glint_source_live_open(const struct glint_live_settings *settings, struct glint_source **source_out)
{
    *source_out = NULL;
    if (settings->n_ports < 0 || settings->n_ports > GLINT_LIVE_PORTS)
        return glint_fail(GLINT_E_ARG, "%d ports: 0 to %d wanted", settings->n_ports, GLINT_LIVE_PORTS);
    struct source_live *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory for a live source");
    s->base.ops = &ops;
    s->dry = true;
    describe(settings, s->base.path, sizeof s->base.path);
    const int status = start(s, settings);
    if (status == GLINT_OK)
        *source_out = &s->base;
    else
        close_source(&s->base);
    return status;
}

void glint_source_live_stop(struct glint_source *source)
{
    atomic_store(&((struct source_live *)source)->stop, true);
}

bool glint_source_live_stats(const struct glint_source *source, struct glint_live_stats *stats_out)
{
    const struct source_live *s = (const struct source_live *)source;
    if (source->ops != &ops)
        return false;
    *stats_out = (struct glint_live_stats){
        .received = atomic_load(&s->counts.received),
        .bytes = atomic_load(&s->counts.bytes),
        .kernel_drops = atomic_load(&s->counts.kernel_drops),
        .ring_drops = atomic_load(&s->counts.ring_drops),
        .truncated = atomic_load(&s->counts.truncated),
        .other = atomic_load(&s->counts.other),
        .rcvbuf_bytes = s->receiver->rcvbuf_bytes,
        .rcvbuf_wanted = s->rcvbuf_wanted,
        .ring_peak = glint_packet_ring_peak(s->ring),
    };
    return true;
}
