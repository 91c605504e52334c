/* tests/emulate/device.cpp - core/device.h over the emulation. Device memory is the host's, a block each with
 * guard bytes that are looked at when it is freed and at every wait; fresh memory is 0xff bytes (NaN, -1).
 * Streams run at once. A graph is a list of what was enqueued. The host must not read device memory itself:
 * nothing hinders it here, a GPU does. */
#include "core/device.h"
#include "core/status.h"
#include "emulate/runtime.h"
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>
#if defined(__SANITIZE_ADDRESS__)
#define GLINT_DEVICE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GLINT_DEVICE_ASAN 1
#endif
#endif
#if GLINT_DEVICE_ASAN
#include <sanitizer/asan_interface.h>
#endif

typedef std::vector<std::function<int()>> work;
struct recording {
    work steps;
    bool open; /* until its end: streams that joined leave it then */
};

static const size_t align = 256, guard_bytes = 256;
static const unsigned char guard = 0xa5;

struct block {
    size_t bytes;
    bool pinned;
};
struct glint_device {
    std::mutex lock;
    std::map<unsigned char *, block> blocks;
    std::map<unsigned char *, bool> gaps; /* of arenas: guard_bytes each */
    size_t used;
};
struct glint_stream {
    struct glint_device *device;
    std::shared_ptr<struct recording> graph; /* between graph_begin and graph_end */
    int status;                              /* the first failure since the last wait */
    std::string why;
};
struct glint_event {
    std::chrono::steady_clock::time_point time;
    std::shared_ptr<struct recording> graph;
    bool recorded;
};
struct glint_graph {
    work steps;
};

extern "C" int glint_emulated_sees_reads(void)
{
#if GLINT_DEVICE_ASAN
    return 1;
#else
    return 0;
#endif
}
static int arch()
{
    const char *text = getenv("GLINT_EMULATED_ARCH");
    return text ? atoi(text) : 90;
}
static size_t
shared_limit() /* of a block; CUDA C++ Programming Guide, technical specifications per capability */
{
    switch (arch()) {
    case 75:
        return 64 << 10;
    case 80:
        return 163 << 10;
    case 86:
    case 89:
        return 99 << 10;
    default:
        return 227 << 10;
    }
}
static const uint64_t total_bytes = 8ull << 30;

int glint_device_count(int *n_out)
{
    *n_out = 1;
    return GLINT_OK;
}
int glint_device_open(int index, struct glint_device **device_out)
{
    *device_out = nullptr;
    if (index != 0)
        return glint_fail(GLINT_E_DEVICE, "cuda:%d: there is 1 device", index);
    *device_out = new glint_device();
    return GLINT_OK;
}
void glint_device_close(struct glint_device *device)
{
    delete device;
}
int glint_device_describe(const struct glint_device *device, struct glint_device_info *info_out)
{
    *info_out = {};
    snprintf(info_out->name, sizeof info_out->name, "emulated device");
    info_out->arch = arch();
    info_out->driver = info_out->runtime = 13000;
    info_out->n_multiprocessors = 4;
    info_out->shared_bytes = (int)shared_limit();
    info_out->l2_bytes = 1 << 20;
    info_out->total_bytes = total_bytes;
    info_out->free_bytes = total_bytes - device->used;
    return GLINT_OK;
}

int glint_device_shared_bytes(const struct glint_device *device)
{
    (void)device;
    return (int)shared_limit();
}
const char *glint_device_toolkit(void)
{
    return "emulated";
}

/* memory: [guard][block][guard] */
static int alloc(struct glint_device *device, size_t bytes, bool pinned, void **out)
{
    *out = nullptr;
    void *whole = nullptr;
    const size_t all = align + bytes + guard_bytes;
    if (bytes > total_bytes - device->used || posix_memalign(&whole, align, all) != 0)
        return glint_fail(GLINT_E_NOMEM, "cuda: %zu bytes: out of memory", bytes);
    unsigned char *start = (unsigned char *)whole + align;
    memset(whole, guard, align);
    memset(start, 0xff, bytes);
    memset(start + bytes, guard, guard_bytes);
    std::lock_guard<std::mutex> lock(device->lock);
    device->blocks[start] = {bytes, pinned};
    device->used += bytes;
#if GLINT_DEVICE_ASAN
    __asan_poison_memory_region(whole, align);
    __asan_poison_memory_region(start + bytes, guard_bytes);
#endif
    *out = start;
    return GLINT_OK;
}
static bool intact(const unsigned char *from, size_t bytes)
{
#if !GLINT_DEVICE_ASAN /* which tells of the access itself */
    for (size_t i = 0; i < bytes; i++)
        if (from[i] != guard)
            return false;
#else
    (void)from, (void)bytes;
#endif
    return true;
}
static int check(struct glint_device *device)
{
    std::lock_guard<std::mutex> lock(device->lock);
    for (const auto &b : device->blocks)
        if (!intact(b.first - align, align) || !intact(b.first + b.second.bytes, guard_bytes))
            return glint_fail(GLINT_E_DEVICE, "cuda: something wrote beside a block of %zu bytes",
                              b.second.bytes);
    for (const auto &g : device->gaps)
        if (!intact(g.first, guard_bytes))
            return glint_fail(GLINT_E_DEVICE, "cuda: something wrote behind a piece of an arena");
    return GLINT_OK;
}
static void release(struct glint_device *device, void *memory, bool pinned)
{
    if (!memory)
        return;
    const int status = check(device);
    std::lock_guard<std::mutex> lock(device->lock);
    auto found = device->blocks.find((unsigned char *)memory);
    if (status != GLINT_OK || found == device->blocks.end() || found->second.pinned != pinned) {
        fprintf(stderr, "emulated device: %s\n",
                status ? glint_error_text() : "freed what was not allocated");
        abort();
    }
    unsigned char *start = found->first;
    for (auto g = device->gaps.lower_bound(start);
         g != device->gaps.end() && g->first < start + found->second.bytes;)
        g = device->gaps.erase(g);
#if GLINT_DEVICE_ASAN
    __asan_unpoison_memory_region(start - align, align + found->second.bytes + guard_bytes);
#endif
    device->used -= found->second.bytes;
    device->blocks.erase(found);
    free(start - align);
}
int glint_device_alloc(struct glint_device *device, size_t bytes, void **out)
{
    return alloc(device, bytes, false, out);
}
void glint_device_free(struct glint_device *device, void *memory)
{
    release(device, memory, false);
}
int glint_pinned_alloc(struct glint_device *device, size_t bytes, void **out)
{
    return alloc(device, bytes, true, out);
}
void glint_pinned_free(struct glint_device *device, void *memory)
{
    release(device, memory, true);
}

int glint_device_arena_open(struct glint_device *device, size_t cap, int pinned,
                            struct glint_device_arena *arena_out)
{
    void *base;
    *arena_out = {};
    GLINT_TRY(alloc(device, cap, pinned != 0, &base));
    *arena_out = {device, (uint8_t *)base, cap, 0, pinned};
    return GLINT_OK;
}
void glint_device_arena_close(struct glint_device_arena *arena)
{
    if (arena->device)
        release(arena->device, arena->base, arena->pinned != 0);
    *arena = {};
}
size_t glint_device_arena_round(size_t bytes)
{
    return (bytes + guard_bytes + align - 1) / align * align;
}
int glint_device_arena_alloc(struct glint_device_arena *arena, size_t bytes, void **out)
{
    const size_t takes = glint_device_arena_round(bytes);
    *out = nullptr;
    if (takes > arena->cap - arena->used)
        return glint_fail(GLINT_E_CAPACITY, "cuda: an arena of %zu bytes has no room for %zu more",
                          arena->cap, bytes);
    unsigned char *piece = arena->base + arena->used;
    memset(piece + bytes, guard, guard_bytes);
#if GLINT_DEVICE_ASAN
    __asan_poison_memory_region(piece + bytes, takes - bytes);
#endif
    std::lock_guard<std::mutex> lock(arena->device->lock);
    arena->device->gaps[piece + bytes] = true;
    arena->used += takes;
    *out = piece;
    return GLINT_OK;
}

/* streams */
static bool records(struct glint_stream *stream)
{
    if (stream->graph && !stream->graph->open)
        stream->graph.reset();
    return stream->graph != nullptr;
}
static int submit(struct glint_stream *stream, std::function<int()> step)
{
    if (records(stream)) {
        stream->graph->steps.push_back(std::move(step));
        return GLINT_OK;
    }
    if (stream->status != GLINT_OK)
        return GLINT_OK; /* as on a device: told at the wait, nothing runs any more */
    stream->status = step();
    if (stream->status != GLINT_OK)
        stream->why = glint_error_text();
    return GLINT_OK;
}
int glint_emulated_launch(struct glint_stream *stream, const char *name, dim3 grid, dim3 block, size_t shared,
                          std::function<void()> thread)
{
    if (shared > shared_limit())
        return glint_fail(GLINT_E_DEVICE, "cuda: %s: %zu bytes of shared memory, a block has %zu", name,
                          shared, shared_limit());
    const glint_emulated_kernel kernel = {name, grid, block, shared, std::move(thread)};
    return submit(stream, [kernel] { return glint_emulated_run(kernel); });
}
int glint_stream_open(struct glint_device *device, struct glint_stream **stream_out)
{
    *stream_out = new glint_stream();
    (*stream_out)->device = device;
    return GLINT_OK;
}
void glint_stream_close(struct glint_stream *stream)
{
    delete stream;
}
struct glint_device *glint_stream_device(const struct glint_stream *stream)
{
    return stream->device;
}
int glint_stream_wait(struct glint_stream *stream)
{
    if (records(stream))
        return glint_fail(GLINT_E_DEVICE, "cuda: a wait while a graph is made");
    const int status = stream->status;
    stream->status = GLINT_OK;
    if (status != GLINT_OK)
        return glint_fail(status, "%s", stream->why.c_str());
    return check(stream->device);
}
static int move(struct glint_stream *stream, void *to, const void *from, size_t bytes)
{
    return submit(stream, [to, from, bytes] {
        if (bytes)
            memmove(to, from, bytes);
        return GLINT_OK;
    });
}
int glint_stream_upload(struct glint_stream *stream, void *device_to, const void *host_from, size_t bytes)
{
    return move(stream, device_to, host_from, bytes);
}
int glint_stream_download(struct glint_stream *stream, void *host_to, const void *device_from, size_t bytes)
{
    return move(stream, host_to, device_from, bytes);
}
int glint_stream_copy(struct glint_stream *stream, void *device_to, const void *device_from, size_t bytes)
{
    return move(stream, device_to, device_from, bytes);
}
int glint_stream_fill(struct glint_stream *stream, void *device_to, int byte, size_t bytes)
{
    return submit(stream, [device_to, byte, bytes] {
        if (bytes)
            memset(device_to, byte, bytes);
        return GLINT_OK;
    });
}

/* events */
int glint_event_open(struct glint_device *device, struct glint_event **event_out)
{
    (void)device;
    *event_out = new glint_event();
    return GLINT_OK;
}
void glint_event_close(struct glint_event *event)
{
    delete event;
}
int glint_event_record(struct glint_event *event, struct glint_stream *stream)
{
    event->recorded = !records(stream);
    event->graph = stream->graph;
    event->time = std::chrono::steady_clock::now();
    return GLINT_OK;
}
int glint_event_stamp(struct glint_event *event, struct glint_stream *stream)
{
    return submit(stream, [event] {
        event->time = std::chrono::steady_clock::now();
        event->recorded = true;
        return GLINT_OK;
    });
}
int glint_event_wait(struct glint_event *event)
{
    (void)event;
    return GLINT_OK;
}
int glint_event_done(struct glint_event *event, int *done_out)
{
    (void)event;
    *done_out = 1;
    return GLINT_OK;
}
int glint_event_elapsed(const struct glint_event *from, const struct glint_event *to, int64_t *ns_out)
{
    *ns_out = 0;
    if (!from->recorded || !to->recorded)
        return glint_fail(GLINT_E_DEVICE, "cuda: the time between events that were not recorded");
    *ns_out = std::chrono::duration_cast<std::chrono::nanoseconds>(to->time - from->time).count();
    return GLINT_OK;
}
int glint_stream_after(struct glint_stream *stream, struct glint_event *event)
{
    if (event->graph && event->graph->open)
        stream->graph = event->graph; /* joins it */
    return GLINT_OK;
}

/* graphs */
int glint_graph_begin(struct glint_stream *stream)
{
    if (records(stream))
        return glint_fail(GLINT_E_DEVICE, "cuda: a graph is begun in a graph");
    stream->graph = std::make_shared<struct recording>();
    stream->graph->open = true;
    return GLINT_OK;
}
int glint_graph_end(struct glint_stream *stream, struct glint_graph **graph_out)
{
    *graph_out = nullptr;
    if (!records(stream))
        return glint_fail(GLINT_E_DEVICE, "cuda: a graph is ended that was not begun");
    *graph_out = new glint_graph{stream->graph->steps};
    stream->graph->open = false;
    return GLINT_OK;
}
int glint_graph_run(struct glint_graph *graph, struct glint_stream *stream)
{
    for (const auto &step : graph->steps)
        GLINT_TRY(submit(stream, step));
    return GLINT_OK;
}
void glint_graph_close(struct glint_graph *graph)
{
    delete graph;
}

void glint_range_push(const char *name)
{
    (void)name;
}
void glint_range_pop(void) {}
