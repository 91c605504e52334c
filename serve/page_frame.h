/* serve/page_frame.h - a frame as the page takes it: one binary message, whose arrays go to the graphics card
 * as they are.
 *
 *     u32 "GLF1", u32 bytes of JSON (a multiple of 4), u32 points n, u32 flags (1: classes and instances mean
 *     something), then the JSON, padded by spaces, then the arrays, each padded to a multiple of 4 bytes:
 *     f32 x[n], f32 y[n], f32 z[n] (m, vehicle frame), u32 offset_ns[n], u16 intensity[n] (0..65535 is 0..1),
 *     u16 ring[n], u16 instance[n] (0: none, else 1 + index of a box), u8 class[n] (255: none)
 *
 * all little endian. The JSON is an object with "frame", "stamp_ns" (text: more digits than a double has),
 * "source", "points", "boxes" (as in .jsonl, "age" beside), "loss", "latency_us", "total_us" and what else
 * docs/VIEW.md lists. */
#ifndef GLINT_SERVE_PAGE_FRAME_H
#define GLINT_SERVE_PAGE_FRAME_H
#include "io/sink.h"
#include "serve/message.h"

#define GLINT_PAGE_FRAME_MAGIC 0x31464c47u /* "GLF1" */

/* NULL without memory. Thread-safe. */
struct glint_message *glint_page_frame(const struct glint_frame *frame,
                                       const struct glint_sink_context *context);
#endif
