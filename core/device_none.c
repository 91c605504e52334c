/* core/device_none.c - core/device.h in a build without CUDA: nothing opens, and the reason is given. */
#include "core/device.h"
#include "core/status.h"

static int none(void)
{
    return glint_fail(GLINT_E_DEVICE,
                      "cuda: this build of Glint has no CUDA (configure with -DGLINT_CUDA=ON)");
}
int glint_device_count(int *n_out)
{
    *n_out = 0;
    return none();
}
int glint_device_open(int index, struct glint_device **device_out)
{
    (void)index;
    *device_out = NULL;
    return none();
}
void glint_device_close(struct glint_device *device)
{
    (void)device;
}
int glint_device_describe(const struct glint_device *device, struct glint_device_info *info_out)
{
    (void)device, (void)info_out;
    return none();
}
int glint_device_shared_bytes(const struct glint_device *device)
{
    (void)device;
    return 0;
}
const char *glint_device_toolkit(void)
{
    return "";
}
int glint_device_alloc(struct glint_device *device, size_t bytes, void **out)
{
    (void)device, (void)bytes;
    *out = NULL;
    return none();
}
void glint_device_free(struct glint_device *device, void *memory)
{
    (void)device, (void)memory;
}
int glint_pinned_alloc(struct glint_device *device, size_t bytes, void **out)
{
    return glint_device_alloc(device, bytes, out);
}
void glint_pinned_free(struct glint_device *device, void *memory)
{
    (void)device, (void)memory;
}
int glint_device_arena_open(struct glint_device *device, size_t cap, int pinned,
                            struct glint_device_arena *arena_out)
{
    (void)device, (void)cap, (void)pinned;
    *arena_out = (struct glint_device_arena){0};
    return none();
}
void glint_device_arena_close(struct glint_device_arena *arena)
{
    (void)arena;
}
int glint_device_arena_alloc(struct glint_device_arena *arena, size_t bytes, void **out)
{
    (void)arena, (void)bytes;
    *out = NULL;
    return none();
}
size_t glint_device_arena_round(size_t bytes)
{
    return bytes;
}
int glint_stream_open(struct glint_device *device, struct glint_stream **stream_out)
{
    (void)device;
    *stream_out = NULL;
    return none();
}
void glint_stream_close(struct glint_stream *stream)
{
    (void)stream;
}
struct glint_device *glint_stream_device(const struct glint_stream *stream)
{
    (void)stream;
    return NULL;
}
int glint_stream_wait(struct glint_stream *stream)
{
    (void)stream;
    return none();
}
int glint_stream_upload(struct glint_stream *stream, void *device_to, const void *host_from, size_t bytes)
{
    (void)stream, (void)device_to, (void)host_from, (void)bytes;
    return none();
}
int glint_stream_download(struct glint_stream *stream, void *host_to, const void *device_from, size_t bytes)
{
    (void)stream, (void)host_to, (void)device_from, (void)bytes;
    return none();
}
int glint_stream_copy(struct glint_stream *stream, void *device_to, const void *device_from, size_t bytes)
{
    (void)stream, (void)device_to, (void)device_from, (void)bytes;
    return none();
}
int glint_stream_fill(struct glint_stream *stream, void *device_to, int byte, size_t bytes)
{
    (void)stream, (void)device_to, (void)byte, (void)bytes;
    return none();
}
int glint_event_open(struct glint_device *device, struct glint_event **event_out)
{
    (void)device;
    *event_out = NULL;
    return none();
}
void glint_event_close(struct glint_event *event)
{
    (void)event;
}
int glint_event_record(struct glint_event *event, struct glint_stream *stream)
{
    (void)event, (void)stream;
    return none();
}
int glint_event_stamp(struct glint_event *event, struct glint_stream *stream)
{
    return glint_event_record(event, stream);
}
int glint_event_wait(struct glint_event *event)
{
    (void)event;
    return none();
}
int glint_event_done(struct glint_event *event, int *done_out)
{
    (void)event;
    *done_out = 0;
    return none();
}
int glint_event_elapsed(const struct glint_event *from, const struct glint_event *to, int64_t *ns_out)
{
    (void)from, (void)to;
    *ns_out = 0;
    return none();
}
int glint_stream_after(struct glint_stream *stream, struct glint_event *event)
{
    (void)stream, (void)event;
    return none();
}
int glint_graph_begin(struct glint_stream *stream)
{
    (void)stream;
    return none();
}
int glint_graph_end(struct glint_stream *stream, struct glint_graph **graph_out)
{
    (void)stream;
    *graph_out = NULL;
    return none();
}
int glint_graph_run(struct glint_graph *graph, struct glint_stream *stream)
{
    (void)graph, (void)stream;
    return none();
}
void glint_graph_close(struct glint_graph *graph)
{
    (void)graph;
}
void glint_range_push(const char *name)
{
    (void)name;
}
void glint_range_pop(void) {}
