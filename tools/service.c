/* tools/service.c - see service.h. */
#define _GNU_SOURCE
#include "tools/service.h"
#include "core/clock.h"
#include "core/log.h"
#include "io/output.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MS             INT64_C(1000000)
#define TICK_NS        (20 * MS)
#define STATUS_NS      (5000 * MS)
#define PACKETS_A_TICK 64 /* so that the clock is not asked for every packet */
#define SILENT_NS      (1000 * MS)

/* ---- recording ---- */

static void record_failed(struct glint_service *v)
{
    v->record_failures++;
    v->record_failing = true;
    glint_log(GLINT_LOG_WARN, "%s: packets are not recorded from here on (SIGHUP tries again)",
              glint_error_text());
}

static void keep_stats(struct glint_service *v)
{
    struct glint_pcap_writer_stats s;
    glint_pcap_writer_stats(v->record, &s);
    v->record_stats.packets += s.packets;
    v->record_stats.bytes += s.bytes;
    v->record_stats.files += s.files;
    memcpy(v->record_stats.path, s.path, sizeof s.path);
}

static int record_begin(struct glint_service *v)
{
    struct glint_pcap_writer_settings settings = {.path = v->record_path, .no_sync = true};
    GLINT_TRY(glint_outputs_path(v->options->record_path, glint_clock_utc_ns(), true, v->record_path,
                                 sizeof v->record_path));
    GLINT_TRY(glint_output_parents(v->record_path));
    return glint_pcap_writer_open(&settings, &v->record);
}

static int record_end(struct glint_service *v)
{
    if (!v->record)
        return GLINT_OK;
    const int flushed = glint_pcap_writer_flush(v->record);
    keep_stats(v);
    const int closed = glint_pcap_writer_close(v->record);
    v->record = NULL;
    return flushed < 0 ? flushed : closed;
}

static void record_packet(struct glint_service *v, const struct glint_packet *p)
{
    if (v->record && !v->record_failing && glint_pcap_writer_write(v->record, p) < 0)
        record_failed(v);
}

/* A new file, also after a failure. */
static void record_anew(struct glint_service *v)
{
    if (record_end(v) < 0 && !v->record_failing)
        record_failed(v);
    v->record_failing = record_begin(v) < 0;
    if (v->record_failing)
        record_failed(v);
}

/* ---- signs of life ---- */

/* Whether frames go through. Those that a newer one pushed out of a queue prove nothing. */
static bool is_alive(struct glint_service *v, int64_t now_ns)
{
    struct glint_pipeline_stats s;
    if (!v->session->pipeline)
        return true; /* waits for the first packets */
    glint_pipeline_stats(v->session->pipeline, &s);
    const uint64_t done = s.frames_published + s.frames_dropped - s.dropped_by[GLINT_DROP_QUEUE];
    if (done != v->done || s.frames_in <= s.frames_published + s.frames_dropped) {
        v->done = done;
        v->done_ns = now_ns;
    }
    return now_ns - v->done_ns < v->notify.watchdog_ns / 2;
}

static void ping(struct glint_service *v, int64_t now_ns)
{
    if (v->notify.watchdog_ns == 0 || now_ns < v->next_ping_ns)
        return;
    v->next_ping_ns = now_ns + v->notify.watchdog_ns / 4;
    if (!is_alive(v, now_ns))
        return;
    glint_notify_send(&v->notify, "WATCHDOG=1");
    v->n_pings++;
}

/* "late,packets_lost" */
static const char *health_text(uint32_t health, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (int i = 0; i < GLINT_HEALTH_COUNT && n < size; i++)
        if (health & GLINT_HEALTH_BIT(i))
            n += (size_t)snprintf(out + n, size - n, "%s%s", n ? "," : "",
                                  glint_health_name((enum glint_health)i));
    return out;
}

static void put_status(struct glint_service *v, int64_t now_ns, char *out, size_t size)
{
    struct glint_pipeline_stats s = {0};
    char health[256];
    if (v->session->pipeline)
        glint_pipeline_stats(v->session->pipeline, &s);
    const double seconds = (double)(now_ns - v->told_ns) * 1e-9;
    const double rate = seconds > 0 ? (double)(s.frames_published - v->told_published) / seconds : 0;
    v->told_published = s.frames_published;
    v->told_ns = now_ns;
    health_text(v->health, health, sizeof health);
    if (now_ns - v->last_packet_ns > SILENT_NS)
        snprintf(out, size, "STATUS=no packets for %.0f s; %llu frames so far",
                 (double)(now_ns - v->last_packet_ns) * 1e-9, (unsigned long long)s.frames_published);
    else
        snprintf(out, size, "STATUS=%.1f frames/s, %llu published, %llu dropped, %llu degraded%s%s", rate,
                 (unsigned long long)s.frames_published, (unsigned long long)s.frames_dropped,
                 (unsigned long long)v->n_degraded, health[0] ? "; now: " : "", health);
}

static void status(struct glint_service *v, int64_t now_ns)
{
    char text[600];
    if (v->notify.fd < 0 || now_ns < v->next_status_ns)
        return;
    v->next_status_ns = now_ns + STATUS_NS;
    put_status(v, now_ns, text, sizeof text);
    glint_notify_send(&v->notify, text);
}

/* SIGHUP: the outputs are opened anew by the thread that writes frames, or here while none come. */
static void hang_up(struct glint_service *v)
{
    const int32_t n = glint_session_hangups();
    glint_outputs_tick(v->session->outputs);
    if (n == v->hangups)
        return;
    v->hangups = n;
    if (v->options->record_path)
        record_anew(v);
}

static void tick(struct glint_service *v)
{
    const int64_t now_ns = glint_clock_monotonic_ns();
    if (v->n_packets != v->told_packets)
        v->last_packet_ns = now_ns;
    v->told_packets = v->n_packets;
    if (now_ns < v->next_ns)
        return;
    v->next_ns = now_ns + TICK_NS;
    hang_up(v);
    if (v->record && !v->record_failing && glint_pcap_writer_tick(v->record) < 0)
        record_failed(v);
    ping(v, now_ns);
    status(v, now_ns);
}

/* ---- the source ---- */

static int next_packet(struct glint_source *source, struct glint_packet *packet_out)
{
    struct glint_service *v = (struct glint_service *)source; /* base is its first member */
    const int status_now = v->live->ops->next_packet(v->live, packet_out);
    if (status_now == GLINT_OK) {
        if (v->options->record_path)
            record_packet(v, packet_out);
        if (v->n_packets++ % PACKETS_A_TICK != 0)
            return status_now;
    }
    if (status_now == GLINT_E_EOF && !v->ending) {
        v->ending = true;
        glint_notify_send(&v->notify, "STOPPING=1\nSTATUS=finishing");
    }
    tick(v);
    return status_now;
}

static void account(const struct glint_source *source, struct glint_loss *loss)
{
    glint_source_account(((const struct glint_service *)source)->live, loss);
}

static void close_nothing(struct glint_source *source)
{
    (void)source; /* the live source is its maker's */
}

static const struct glint_source_ops ops = {.name = "live",
                                            .gives_packets = true,
                                            .next_packet = next_packet,
                                            .account = account,
                                            .close = close_nothing};

/* ---- open and close ---- */

int glint_service_open(struct glint_service *v, const struct glint_service_options *options,
                       struct glint_session *session, struct glint_source *live)
{
    v->base.ops = &ops;
    memcpy(v->base.path, live->path, sizeof v->base.path);
    v->live = live;
    v->options = options;
    v->session = session;
    session->live = live;
    session->reader = &v->base;
    v->last_packet_ns = v->told_ns = v->done_ns = glint_clock_monotonic_ns();
    if (isatty(STDERR_FILENO) !=
        1) /* nothing is open yet that a reload could open anew; session.c has the handler */
        signal(SIGHUP, SIG_IGN);
    if (!glint_notify_open(&v->notify))
        glint_log(GLINT_LOG_WARN, "NOTIFY_SOCKET cannot be used: the service manager is told nothing");
    if (options->n_places == 0) /* else when the pipeline is there: it does not wait for packets */
        glint_notify_send(&v->notify, "READY=1\nSTATUS=listening, no packets yet");
    const int status_now = options->record_path ? record_begin(v) : GLINT_OK;
    return status_now < 0 ? glint_report_failure(status_now, GLINT_SIDE_OUTPUT) : 0;
}

void glint_service_ready(struct glint_service *v)
{
    if (v->options->n_places > 0)
        glint_notify_send(&v->notify, "READY=1\nSTATUS=listening, no packets yet");
}

void glint_service_frame(struct glint_service *v, const struct glint_frame *frame)
{
    v->health = frame->health;
    v->n_degraded += frame->health != 0;
}

int glint_service_end(struct glint_service *v)
{
    if (!v->ending)
        glint_notify_send(&v->notify, "STOPPING=1\nSTATUS=finishing");
    v->ending = true;
    return record_end(v);
}

void glint_service_close(struct glint_service *v)
{
    if (!v->live) /* never opened: there is no socket */
        return;
    (void)record_end(v);
    glint_notify_close(&v->notify);
}

static void put_count(json_t *o, const char *name, uint64_t n)
{
    json_object_set_new(o, name, json_integer((json_int_t)n));
}

json_t *glint_service_json(const struct glint_service *v)
{
    if (!v->options || !v->options->record_path)
        return NULL;
    json_t *o = json_object();
    put_count(o, "packets", v->record_stats.packets);
    put_count(o, "bytes", v->record_stats.bytes);
    put_count(o, "files", v->record_stats.files);
    put_count(o, "missed", v->n_packets - v->record_stats.packets); /* those that waited in memory included */
    put_count(o, "failures", v->record_failures);
    json_object_set_new(o, "last_file", json_string(v->record_stats.path));
    return o;
}
