/* core/device_spans.c - see device_spans.h. A device's clock is not the host's: only differences are taken
 * from it, and the last mark is set to the moment at which the host learned of it. */
#include "core/device_spans.h"
#include "core/clock.h"
#include "core/status.h"
#include <stdio.h>
#include <stdlib.h>

struct glint_device_spans {
    char track[16];
    struct glint_event *events[GLINT_DEVICE_SPANS + 1]; /* events[0]: the beginning */
    enum glint_stage stages[GLINT_DEVICE_SPANS];        /* ended by events[i + 1] */
    int n;
};

int glint_device_spans_open(struct glint_device *device, struct glint_device_spans **spans_out)
{
    struct glint_device_info info;
    *spans_out = NULL;
    GLINT_TRY(glint_device_describe(device, &info));
    struct glint_device_spans *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory");
    snprintf(s->track, sizeof s->track, "cuda:%d", info.index);
    for (int i = 0; i <= GLINT_DEVICE_SPANS; i++) {
        const int status = glint_event_open(device, &s->events[i]);
        if (status < 0) {
            glint_device_spans_close(s);
            return status;
        }
    }
    *spans_out = s;
    return GLINT_OK;
}

void glint_device_spans_close(struct glint_device_spans *spans)
{
    for (int i = 0; spans && i <= GLINT_DEVICE_SPANS; i++)
        glint_event_close(spans->events[i]);
    free(spans);
}

int glint_device_spans_begin(struct glint_device_spans *spans, struct glint_stream *stream)
{
    spans->n = 0;
    return glint_event_stamp(spans->events[0], stream);
}

int glint_device_spans_mark(struct glint_device_spans *spans, struct glint_stream *stream,
                            enum glint_stage stage)
{
    if (spans->n == GLINT_DEVICE_SPANS)
        return glint_fail(GLINT_E_CAPACITY, "more than %d stages on a device", GLINT_DEVICE_SPANS);
    spans->stages[spans->n] = stage;
    return glint_event_stamp(spans->events[++spans->n], stream);
}

int glint_device_spans_end(struct glint_device_spans *spans, struct glint_trace *trace,
                           struct glint_frame *frame)
{
    int64_t ns[GLINT_DEVICE_SPANS], total = 0;
    const int64_t now = glint_clock_monotonic_ns();
    for (int i = 0; i < spans->n; i++) {
        GLINT_TRY(glint_event_elapsed(spans->events[i], spans->events[i + 1], &ns[i]));
        total += ns[i];
    }
    int64_t at = now - total;
    for (int i = 0; i < spans->n; i++) {
        int64_t *latency = &frame->latency_ns[spans->stages[i]];
        *latency = (*latency < 0 ? 0 : *latency) + ns[i];
        glint_span_device(trace, spans->track, spans->stages[i], frame->index, at, ns[i]);
        at += ns[i];
    }
    return GLINT_OK;
}
