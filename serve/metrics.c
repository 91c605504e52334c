/* serve/metrics.c - see metrics.h. Everything is computed from the frames that are published, each with its
 * stages' times and its sensor's account: nothing has to be told from elsewhere. */
#define _POSIX_C_SOURCE 200809L
#include "serve/metrics.h"
#include "core/clock.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SENSORS   16 /* further ones are with the last */
#define REASONS   8  /* why frames are dropped */
#define N_BUCKETS 14

/* Upper ends in microseconds: from a decoded packet to far beyond a sensor's turn. */
static const int64_t bucket_us[N_BUCKETS] = {100,   250,   500,    1000,   2500,   5000,    10000,
                                             25000, 50000, 100000, 250000, 500000, 1000000, 2500000};

struct histogram {
    uint64_t buckets[N_BUCKETS + 1], count;
    int64_t sum_ns;
};

struct sensor {
    char name[256];
    struct glint_loss loss; /* the newest */
    uint64_t frames;
};

struct glint_metrics {
    pthread_mutex_t mutex;
    struct histogram stages[GLINT_STAGE_COUNT], sweep, age;
    struct sensor sensors[SENSORS];
    int32_t n_sensors;
    uint64_t frames_in, dropped[REASONS];
    const char *reasons[REASONS];
    int32_t n_reasons;
    uint64_t frames, points, boxes;
    int64_t stamp_ns, published_ns;             /* UTC, of the newest */
    uint64_t health_frames[GLINT_HEALTH_COUNT]; /* frames with each bit */
    uint32_t last_health;
    int32_t last_points, last_boxes, last_missing;
    float last_coverage;
};

int glint_metrics_open(struct glint_metrics **metrics_out)
{
    struct glint_metrics *m = *metrics_out = calloc(1, sizeof *m);
    if (!m)
        return glint_fail(GLINT_E_NOMEM, "no memory for metrics");
    pthread_mutex_init(&m->mutex, NULL);
    return GLINT_OK;
}

void glint_metrics_close(struct glint_metrics *m)
{
    if (!m)
        return;
    pthread_mutex_destroy(&m->mutex);
    free(m);
}

/* ---- a frame ---- */

static void add(struct histogram *h, int64_t ns)
{
    int i = 0;
    while (i < N_BUCKETS && ns > bucket_us[i] * 1000)
        i++;
    h->buckets[i]++;
    h->count++;
    h->sum_ns += ns;
}

static struct sensor *sensor_of(struct glint_metrics *m, const char *name)
{
    for (int32_t i = 0; i < m->n_sensors; i++)
        if (strcmp(m->sensors[i].name, name) == 0)
            return &m->sensors[i];
    if (m->n_sensors == SENSORS)
        return &m->sensors[SENSORS - 1];
    struct sensor *s = &m->sensors[m->n_sensors++];
    snprintf(s->name, sizeof s->name, "%s", name);
    return s;
}

static int32_t count_missing(const char *names)
{
    int32_t n = names[0] != 0;
    for (; *names; names++)
        n += *names == ',';
    return n;
}

static void add_times(struct glint_metrics *m, const struct glint_frame *f)
{
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        if (f->latency_ns[i] >= 0)
            add(&m->stages[i], f->latency_ns[i]);
    if (f->arrival_ns > 0)
        add(&m->sweep, f->total_ns);
    m->published_ns = glint_clock_utc_ns();
    m->stamp_ns = f->stamp_ns;
    const int64_t age = m->published_ns - f->stamp_ns;
    if (f->stamp_ns > 0 && age >= 0 && age < INT64_C(60000000000)) /* else a recording */
        add(&m->age, age);
}

void glint_metrics_add(struct glint_metrics *m, const struct glint_frame *f)
{
    pthread_mutex_lock(&m->mutex);
    struct sensor *s = sensor_of(m, f->source);
    s->loss = f->loss;
    s->frames++;
    m->frames++;
    m->points += (uint64_t)f->points.n;
    m->boxes += (uint64_t)f->n_boxes;
    m->last_points = f->points.n;
    m->last_boxes = f->n_boxes;
    m->last_missing = count_missing(f->missing);
    m->last_coverage = f->coverage;
    m->last_health = f->health;
    for (int i = 0; i < GLINT_HEALTH_COUNT; i++)
        m->health_frames[i] += f->health >> i & 1;
    add_times(m, f);
    pthread_mutex_unlock(&m->mutex);
}

void glint_metrics_note(struct glint_metrics *m, const struct glint_sink_run *run)
{
    pthread_mutex_lock(&m->mutex);
    m->frames_in = run->frames_in;
    m->n_reasons = run->n_reasons < REASONS ? run->n_reasons : REASONS;
    for (int32_t i = 0; i < m->n_reasons; i++) {
        m->reasons[i] = run->reasons[i];
        m->dropped[i] = run->dropped[i];
    }
    pthread_mutex_unlock(&m->mutex);
}

/* ---- text ---- */

static void head(struct glint_buffer *b, const char *name, const char *type, const char *help)
{
    char line[512];
    snprintf(line, sizeof line, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
    glint_buffer_text(b, line);
}

static void value(struct glint_buffer *b, const char *name, const char *labels, double v)
{
    char number[40];
    snprintf(number, sizeof number, " %.17g\n", v);
    glint_buffer_text(b, name);
    glint_buffer_text(b, labels);
    glint_buffer_text(b, number);
}

static void single(struct glint_buffer *b, const char *name, const char *type, const char *help, double v)
{
    head(b, name, type, help);
    value(b, name, "", v);
}

/* A label's value: \, " and newlines are escaped. */
static void escape(const char *text, char *out, size_t size)
{
    size_t n = 0;
    for (; *text && n + 3 < size; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n')
            out[n++] = '\\';
        out[n++] = *text == '\n' ? 'n' : *text;
    }
    out[n] = 0;
}

static void histogram(struct glint_buffer *b, const char *name, const char *label, const struct histogram *h)
{
    char full[96], labels[128];
    uint64_t below = 0;
    snprintf(full, sizeof full, "%s_bucket", name);
    for (int i = 0; i <= N_BUCKETS; i++) {
        below += h->buckets[i];
        if (i < N_BUCKETS)
            snprintf(labels, sizeof labels, "{%s%sle=\"%g\"}", label, label[0] ? "," : "",
                     (double)bucket_us[i] * 1e-6);
        else
            snprintf(labels, sizeof labels, "{%s%sle=\"+Inf\"}", label, label[0] ? "," : "");
        value(b, full, labels, (double)below);
    }
    snprintf(labels, sizeof labels, label[0] ? "{%s}" : "%s", label);
    snprintf(full, sizeof full, "%s_sum", name);
    value(b, full, labels, (double)h->sum_ns * 1e-9);
    snprintf(full, sizeof full, "%s_count", name);
    value(b, full, labels, (double)h->count);
}

static void write_times(const struct glint_metrics *m, struct glint_buffer *b)
{
    char label[64];
    head(b, "glint_stage_seconds", "histogram", "time of each stage on a frame");
    for (int i = 0; i < GLINT_STAGE_COUNT; i++) {
        snprintf(label, sizeof label, "stage=\"%s\"", glint_stage_name((enum glint_stage)i));
        if (m->stages[i].count)
            histogram(b, "glint_stage_seconds", label, &m->stages[i]);
    }
    head(b, "glint_sweep_latency_seconds", "histogram", "last packet of a frame received to its result");
    histogram(b, "glint_sweep_latency_seconds", "", &m->sweep);
    head(b, "glint_point_age_seconds", "histogram",
         "stamp of a frame's first point to its result, live input");
    histogram(b, "glint_point_age_seconds", "", &m->age);
}

static const struct {
    const char *result;
    size_t at;
} packet_counts[] = {{"received", offsetof(struct glint_loss, packets_received)},
                     {"decoded", offsetof(struct glint_loss, packets_decoded)},
                     {"malformed", offsetof(struct glint_loss, packets_malformed)},
                     {"foreign", offsetof(struct glint_loss, packets_foreign)},
                     {"lost", offsetof(struct glint_loss, packets_lost)},
                     {"duplicate", offsetof(struct glint_loss, packets_duplicate)},
                     {"dropped", offsetof(struct glint_loss, packets_dropped)}},
  drop_counts[] = {{"frame", offsetof(struct glint_loss, frames_dropped)},
                   {"frame_without_pose", offsetof(struct glint_loss, frames_without_pose)},
                   {"point_absurd", offsetof(struct glint_loss, points_dropped)},
                   {"point_clipped", offsetof(struct glint_loss, points_clipped)},
                   {"sensor_missed", offsetof(struct glint_loss, sensors_missed)},
                   {"record_corrupt", offsetof(struct glint_loss, records_corrupt)}};

static double count_at(const struct glint_loss *loss, size_t at)
{
    uint64_t n;
    memcpy(&n, (const char *)loss + at, sizeof n);
    return (double)n;
}

static void write_sensors(const struct glint_metrics *m, struct glint_buffer *b)
{
    char name[512], labels[640];
    head(b, "glint_packets_total", "counter",
         "packets of a sensor; received = decoded + malformed + foreign");
    for (int32_t i = 0; i < m->n_sensors; i++) {
        escape(m->sensors[i].name, name, sizeof name);
        for (size_t k = 0; k < sizeof packet_counts / sizeof packet_counts[0]; k++) {
            snprintf(labels, sizeof labels, "{sensor=\"%s\",result=\"%s\"}", name, packet_counts[k].result);
            value(b, "glint_packets_total", labels, count_at(&m->sensors[i].loss, packet_counts[k].at));
        }
    }
    head(b, "glint_dropped_total", "counter", "what was left out, by reason");
    for (int32_t i = 0; i < m->n_sensors; i++) {
        escape(m->sensors[i].name, name, sizeof name);
        for (size_t k = 0; k < sizeof drop_counts / sizeof drop_counts[0]; k++) {
            snprintf(labels, sizeof labels, "{sensor=\"%s\",reason=\"%s\"}", name, drop_counts[k].result);
            value(b, "glint_dropped_total", labels, count_at(&m->sensors[i].loss, drop_counts[k].at));
        }
    }
    head(b, "glint_sensor_frames_total", "counter", "frames published of a sensor");
    for (int32_t i = 0; i < m->n_sensors; i++) {
        escape(m->sensors[i].name, name, sizeof name);
        snprintf(labels, sizeof labels, "{sensor=\"%s\"}", name);
        value(b, "glint_sensor_frames_total", labels, (double)m->sensors[i].frames);
    }
}

static void write_health(const struct glint_metrics *m, struct glint_buffer *b)
{
    char labels[80];
    single(b, "glint_degraded", "gauge", "1 while the newest frame is not as it should be",
           m->last_health != 0);
    head(b, "glint_health", "gauge", "what is not as it should be with the newest frame: 1");
    for (int i = 0; i < GLINT_HEALTH_COUNT; i++) {
        snprintf(labels, sizeof labels, "{reason=\"%s\"}", glint_health_name((enum glint_health)i));
        value(b, "glint_health", labels, m->last_health >> i & 1);
    }
    head(b, "glint_degraded_frames_total", "counter", "frames that were published degraded, by reason");
    for (int i = 0; i < GLINT_HEALTH_COUNT; i++) {
        snprintf(labels, sizeof labels, "{reason=\"%s\"}", glint_health_name((enum glint_health)i));
        value(b, "glint_degraded_frames_total", labels, (double)m->health_frames[i]);
    }
}

static void write_run(const struct glint_metrics *m, struct glint_buffer *b)
{
    char labels[80];
    single(b, "glint_frames_in_total", "counter",
           "frames that came in = published + dropped + those on their way", (double)m->frames_in);
    head(b, "glint_frames_dropped_total", "counter", "frames that were not published, by reason");
    for (int32_t i = 0; i < m->n_reasons; i++) {
        snprintf(labels, sizeof labels, "{reason=\"%s\"}", m->reasons[i]);
        value(b, "glint_frames_dropped_total", labels, (double)m->dropped[i]);
    }
}

static void write_frames(const struct glint_metrics *m, struct glint_buffer *b)
{
    single(b, "glint_frames_total", "counter", "frames published", (double)m->frames);
    single(b, "glint_points_total", "counter", "points published", (double)m->points);
    single(b, "glint_boxes_total", "counter", "boxes published", (double)m->boxes);
    single(b, "glint_frame_points", "gauge", "points of the newest frame", m->last_points);
    single(b, "glint_frame_boxes", "gauge", "boxes of the newest frame", m->last_boxes);
    single(b, "glint_sensors_missing", "gauge", "sensors that the newest frame lacks", m->last_missing);
    if (m->last_coverage >= 0)
        single(b, "glint_frame_coverage", "gauge", "share of the sweep that was received",
               (double)m->last_coverage);
    if (m->frames)
        single(b, "glint_last_frame_timestamp_seconds", "gauge", "when the newest frame was published, UTC",
               (double)m->published_ns * 1e-9);
}

static void write_server(const struct glint_metrics_server *s, struct glint_buffer *b)
{
    single(b, "glint_server_connections", "gauge", "connections open", (double)s->connections);
    head(b, "glint_server_clients", "gauge", "WebSocket clients");
    value(b, "glint_server_clients", "{protocol=\"page\"}", (double)s->clients_page);
    value(b, "glint_server_clients", "{protocol=\"foxglove\"}", (double)s->clients_foxglove);
    single(b, "glint_server_refused_total", "counter", "connections and requests refused",
           (double)s->refused);
    single(b, "glint_server_messages_sent_total", "counter", "messages of topics sent to clients",
           (double)s->frames_sent);
    head(b, "glint_server_messages_dropped_total", "counter", "messages of topics that clients did not get");
    value(b, "glint_server_messages_dropped_total", "{reason=\"slow_client\"}",
          (double)s->frames_dropped_slow);
    value(b, "glint_server_messages_dropped_total", "{reason=\"busy_server\"}",
          (double)s->frames_dropped_busy);
    single(b, "glint_server_sent_bytes_total", "counter", "bytes sent to WebSocket clients",
           (double)s->bytes_sent);
}

/* Resident memory: the second number of statm, in pages. */
static double resident_bytes(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

void glint_metrics_write(struct glint_metrics *m, const struct glint_metrics_server *server,
                         struct glint_buffer *out)
{
    pthread_mutex_lock(&m->mutex);
    write_frames(m, out);
    write_run(m, out);
    write_health(m, out);
    write_times(m, out);
    write_sensors(m, out);
    pthread_mutex_unlock(&m->mutex);
    write_server(server, out);
    single(out, "process_resident_memory_bytes", "gauge", "resident memory", resident_bytes());
}
