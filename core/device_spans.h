/* core/device_spans.h - the time that stages take on a device, in the same trace as the CPU's stages.
 *
 *     glint_device_spans_begin(spans, stream);                    // a frame's work starts here
 *     ... enqueue the voxels' kernels ...
 *     glint_device_spans_mark(spans, stream, GLINT_STAGE_VOXELIZE);    // what came since the last mark is
 * that stage's
 *     ... enqueue the layers' kernels ...
 *     glint_device_spans_mark(spans, stream, GLINT_STAGE_ATTEND);
 *     glint_stream_wait(stream);
 *     glint_device_spans_end(spans, trace, frame);                // the frame is done: times are read
 *
 * Times are taken by the device. Made while a graph is captured, the marks are taken anew by each run of the
 * graph: call `end` after each, begin and mark once; so a graph needs spans of its own, and so does each
 * frame in flight. */
#ifndef GLINT_CORE_DEVICE_SPANS_H
#define GLINT_CORE_DEVICE_SPANS_H
#include "core/device.h"
#include "core/trace.h"

#define GLINT_DEVICE_SPANS 32 /* marks of a frame, at most */

struct glint_device_spans;

/* GLINT_E_DEVICE, GLINT_E_NOMEM. Close before the device. */
int glint_device_spans_open(struct glint_device *device, struct glint_device_spans **spans_out);
void glint_device_spans_close(struct glint_device_spans *spans); /* NULL is fine */

int glint_device_spans_begin(struct glint_device_spans *spans, struct glint_stream *stream);
/* GLINT_E_CAPACITY: more than GLINT_DEVICE_SPANS. A stage may be marked several times. */
int glint_device_spans_mark(struct glint_device_spans *spans, struct glint_stream *stream,
                            enum glint_stage stage);

/* After the host has waited for the last mark: adds each stage's time to frame->latency_ns and lists it on
 * the device's track of the trace (NULL: none), so that the last mark is where the host is now. Allocates
 * nothing. */
int glint_device_spans_end(struct glint_device_spans *spans, struct glint_trace *trace,
                           struct glint_frame *frame);
#endif
