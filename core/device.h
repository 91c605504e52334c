/* core/device.h - a CUDA device as the rest of Glint sees it: memory, streams, events, graphs; no CUDA
 * header.
 *
 * Three versions, chosen when linking: core/cuda/device.cu (a build with the CUDA toolkit),
 * core/device_none.c (one without: open says so) and tests/emulate/device.cpp (kernels run on the host, for
 * tests). Functions return GLINT_OK or a status; what CUDA refuses is GLINT_E_DEVICE with CUDA's own text.
 *
 * Everything is made when a model is opened; in a frame nothing is allocated and the host waits once, for the
 * results:
 *
 *     GLINT_TRY(glint_device_open(0, &device));
 *     GLINT_TRY(glint_stream_open(device, &stream));
 *     GLINT_TRY(glint_device_alloc(device, bytes, &on_device));
 *     GLINT_TRY(glint_pinned_alloc(device, bytes, &on_host));
 *     ...
 *     GLINT_TRY(glint_stream_upload(stream, on_device, on_host, bytes));
 *     GLINT_TRY(glint_square_cuda(stream, on_device, n));
 *     GLINT_TRY(glint_stream_download(stream, on_host, on_device, bytes));
 *     GLINT_TRY(glint_stream_wait(stream));
 *
 * A device and what was opened on it may be used by several threads, one at a time for each stream. */
#ifndef GLINT_CORE_DEVICE_H
#define GLINT_CORE_DEVICE_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct glint_device;
struct glint_stream;
struct glint_event;
struct glint_graph;

struct glint_device_info {
    char name[128];
    int index;
    int arch;            /* 10 * major + minor compute capability: 90 */
    int driver, runtime; /* CUDA versions as 1000 * major + 10 * minor: 13000 */
    int n_multiprocessors;
    int shared_bytes; /* of one block, at most */
    size_t l2_bytes;
    uint64_t total_bytes, free_bytes; /* free: now */
};

/* How many devices there are: GLINT_OK and 0 without; GLINT_E_DEVICE with the reason where that is not known:
 * no driver, a driver older than this build needs, a build without CUDA. */
int glint_device_count(int *n_out);

/* GLINT_E_DEVICE with the reason; on failure *device_out is NULL. Close what was opened on it first. */
int glint_device_open(int index, struct glint_device **device_out);
void glint_device_close(struct glint_device *device); /* NULL is fine */
int glint_device_describe(const struct glint_device *device, struct glint_device_info *info_out);
/* Its shared_bytes, known since it was opened: costs nothing. */
int glint_device_shared_bytes(const struct glint_device *device);

/* "13.0 for sm_75 sm_80 ... and PTX": what this build's kernels were compiled by and for; "emulated"; ""
 * without. */
const char *glint_device_toolkit(void);

/* Memory. Uninitialised, aligned to 256 bytes; bytes may be 0 (then *out is not to be read). GLINT_E_NOMEM
 * names the bytes. Pinned memory is the host's and is copied without the host waiting. free: NULL is fine;
 * waits for the device. */
int glint_device_alloc(struct glint_device *device, size_t bytes, void **out);
void glint_device_free(struct glint_device *device, void *memory);
int glint_pinned_alloc(struct glint_device *device, size_t bytes, void **out);
void glint_pinned_free(struct glint_device *device, void *memory);

/* One block of device (or pinned) memory handed out in pieces, each aligned to 256 bytes, until it is closed.
 * In the emulation a gap that must not be touched follows every piece: reserve by glint_device_arena_round.
 */
struct glint_device_arena {
    struct glint_device *device;
    uint8_t *base;
    size_t cap, used;
    int pinned;
};
int glint_device_arena_open(struct glint_device *device, size_t cap, int pinned,
                            struct glint_device_arena *arena_out);
void glint_device_arena_close(struct glint_device_arena *arena); /* zeroed or opened */
int glint_device_arena_alloc(struct glint_device_arena *arena, size_t bytes,
                             void **out);      /* GLINT_E_CAPACITY */
size_t glint_device_arena_round(size_t bytes); /* what a piece takes */

/* A queue of work on the device. All below enqueue and return; `wait` is the host's wait and tells of
 * failures of what was enqueued before, as GLINT_E_DEVICE. Copies to and from memory that is not pinned may
 * wait. */
int glint_stream_open(struct glint_device *device, struct glint_stream **stream_out);
void glint_stream_close(struct glint_stream *stream); /* waits; NULL is fine */
struct glint_device *glint_stream_device(const struct glint_stream *stream);
int glint_stream_wait(struct glint_stream *stream);
int glint_stream_upload(struct glint_stream *stream, void *device_to, const void *host_from, size_t bytes);
int glint_stream_download(struct glint_stream *stream, void *host_to, const void *device_from, size_t bytes);
int glint_stream_copy(struct glint_stream *stream, void *device_to, const void *device_from, size_t bytes);
int glint_stream_fill(struct glint_stream *stream, void *device_to, int byte, size_t bytes);

/* Moments in a stream. `after`: what is enqueued on the stream from now on waits, on the device, for the
 * event's last record. elapsed: between two recorded and reached events, in ns (resolution: about half a
 * microsecond). */
int glint_event_open(struct glint_device *device, struct glint_event **event_out);
void glint_event_close(struct glint_event *event); /* NULL is fine */
int glint_event_record(struct glint_event *event, struct glint_stream *stream);
int glint_event_stamp(struct glint_event *event,
                      struct glint_stream *stream);             /* for times: also in a graph */
int glint_event_wait(struct glint_event *event);                /* the host waits */
int glint_event_done(struct glint_event *event, int *done_out); /* without waiting */
int glint_event_elapsed(const struct glint_event *from, const struct glint_event *to, int64_t *ns_out);
int glint_stream_after(struct glint_stream *stream, struct glint_event *event);

/* Graphs: between begin and end what is enqueued on the stream (and on streams that come `after` its events)
 * is not run but becomes a graph, with the pointers and numbers it was given. end gives NULL on failure, and
 * the stream is usable as before. An event that is recorded in a graph orders its
 * parts; one that is stamped there has the time of the graph's last run. */
int glint_graph_begin(struct glint_stream *stream);
int glint_graph_end(struct glint_stream *stream, struct glint_graph **graph_out);
int glint_graph_run(struct glint_graph *graph, struct glint_stream *stream);
void glint_graph_close(struct glint_graph *graph); /* NULL is fine; not while it runs */

/* A named range on the host's timeline for NVIDIA's profilers (NVTX); nothing without CUDA. */
void glint_range_push(const char *name);
void glint_range_pop(void);

#ifdef __cplusplus
}
#endif
#endif
