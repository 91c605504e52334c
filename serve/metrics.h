/* serve/metrics.h - what Prometheus reads: counts and times of all frames since the start. Thread-safe. */
#ifndef GLINT_SERVE_METRICS_H
#define GLINT_SERVE_METRICS_H
#include "io/output.h"
#include "io/sink.h"

struct glint_metrics;

struct glint_metrics_server { /* of the server itself, when they are read */
    uint64_t connections, clients_page, clients_foxglove, refused;
    uint64_t frames_sent, frames_dropped_slow, frames_dropped_busy, bytes_sent;
};

int glint_metrics_open(struct glint_metrics **metrics_out); /* GLINT_E_NOMEM */
void glint_metrics_close(struct glint_metrics *metrics);    /* NULL is fine */

void glint_metrics_add(struct glint_metrics *metrics, const struct glint_frame *frame);

/* Counts of the run that no frame carries. */
void glint_metrics_note(struct glint_metrics *metrics, const struct glint_sink_run *run);

/* Appends the text format, version 0.0.4; docs/VIEW.md lists the names. */
void glint_metrics_write(struct glint_metrics *metrics, const struct glint_metrics_server *server,
                         struct glint_buffer *out);
#endif
