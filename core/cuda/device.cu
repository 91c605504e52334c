/* core/cuda/device.cu - core/device.h over the CUDA runtime. A device's primary context is made current in
 * the calling thread by each call that makes something; launches and copies take it from their stream. */
#include "core/cuda/kernel.h"
#include <nvtx3/nvToolsExt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct glint_device {
    int index;
    int shared_bytes;
};
struct glint_stream {
    struct glint_device *device;
    cudaStream_t stream;
};
struct glint_event {
    struct glint_device *device;
    cudaEvent_t event;
};
struct glint_graph {
    cudaGraph_t graph;
    cudaGraphExec_t exec;
};

static const size_t alignment = 256;

int glint_cuda_status(cudaError_t error, const char *what)
{
    if (error == cudaSuccess)
        return GLINT_OK;
    (void)cudaGetLastError(); /* taken: the next launch is not blamed for it */
    return glint_fail(error == cudaErrorMemoryAllocation ? GLINT_E_NOMEM : GLINT_E_DEVICE, "cuda: %s: %s",
                      what, cudaGetErrorString(error));
}

/* What the driver says of itself, for messages: its CUDA version or that there is none. */
static const char *driver_text(char *text, size_t size)
{
    int driver = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
        snprintf(text, size, "no NVIDIA driver is installed");
    else
        snprintf(text, size, "the driver is for CUDA %d.%d, this build for %d.%d", driver / 1000,
                 driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    (void)cudaGetLastError();
    return text;
}

int glint_device_count(int *n_out)
{
    char text[128];
    *n_out = 0;
    const cudaError_t error = cudaGetDeviceCount(n_out);
    (void)cudaGetLastError();
    if (error == cudaSuccess || error == cudaErrorNoDevice)
        return GLINT_OK;
    *n_out = 0;
    return glint_fail(GLINT_E_DEVICE, "cuda: %s (%s)", cudaGetErrorString(error),
                      driver_text(text, sizeof text));
}

int glint_device_open(int index, struct glint_device **device_out)
{
    int n;
    *device_out = NULL;
    GLINT_TRY(glint_device_count(&n));
    if (index < 0 || index >= n)
        return glint_fail(GLINT_E_DEVICE, "cuda:%d: there %s %d CUDA device%s", index, n == 1 ? "is" : "are",
                          n, n == 1 ? "" : "s");
    GLINT_TRY(glint_cuda_status(cudaSetDevice(index), "opening the device"));
    GLINT_TRY(glint_cuda_status(cudaFree(NULL), "opening the device")); /* makes the context now */
    struct glint_device *d = (struct glint_device *)calloc(1, sizeof *d);
    if (!d)
        return glint_fail(GLINT_E_NOMEM, "no memory");
    d->index = index;
    const int status = glint_cuda_status(
        cudaDeviceGetAttribute(&d->shared_bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, index),
        "a device's limits");
    if (status < 0) {
        free(d);
        return status;
    }
    *device_out = d;
    return GLINT_OK;
}
void glint_device_close(struct glint_device *device)
{
    free(device);
}

static int use(const struct glint_device *device)
{
    return glint_cuda_status(cudaSetDevice(device->index), "choosing the device");
}

int glint_device_describe(const struct glint_device *device, struct glint_device_info *info_out)
{
    struct cudaDeviceProp p;
    size_t free_bytes, total_bytes;
    memset(info_out, 0, sizeof *info_out);
    GLINT_TRY(use(device));
    GLINT_TRY(glint_cuda_status(cudaGetDeviceProperties(&p, device->index), "the device's properties"));
    GLINT_TRY(glint_cuda_status(cudaMemGetInfo(&free_bytes, &total_bytes), "the device's memory"));
    GLINT_TRY(glint_cuda_status(cudaDriverGetVersion(&info_out->driver), "the driver's version"));
    snprintf(info_out->name, sizeof info_out->name, "%.127s", p.name);
    info_out->index = device->index;
    info_out->arch = 10 * p.major + p.minor;
    info_out->runtime = CUDART_VERSION;
    info_out->n_multiprocessors = p.multiProcessorCount;
    info_out->shared_bytes = device->shared_bytes;
    info_out->l2_bytes = (size_t)p.l2CacheSize;
    info_out->total_bytes = total_bytes;
    info_out->free_bytes = free_bytes;
    return GLINT_OK;
}

int glint_device_shared_bytes(const struct glint_device *device)
{
    return device->shared_bytes;
}

#ifndef GLINT_CUDA_BUILT_FOR
#define GLINT_CUDA_BUILT_FOR ""
#endif
const char *glint_device_toolkit(void)
{
    static char text[160];
    snprintf(text, sizeof text, "%d.%d for %s and PTX", CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10,
             GLINT_CUDA_BUILT_FOR);
    return text;
}

/* memory */
static int allocated(cudaError_t error, size_t bytes, const char *where)
{
    char what[96];
    snprintf(what, sizeof what, "%zu bytes of %s", bytes, where);
    return glint_cuda_status(error, what);
}
int glint_device_alloc(struct glint_device *device, size_t bytes, void **out)
{
    *out = NULL;
    GLINT_TRY(use(device));
    return allocated(cudaMalloc(out, bytes ? bytes : alignment), bytes, "device memory");
}
void glint_device_free(struct glint_device *device, void *memory)
{
    if (memory && use(device) == GLINT_OK)
        (void)cudaFree(memory);
}
int glint_pinned_alloc(struct glint_device *device, size_t bytes, void **out)
{
    *out = NULL;
    GLINT_TRY(use(device));
    return allocated(cudaHostAlloc(out, bytes ? bytes : alignment, cudaHostAllocDefault), bytes,
                     "pinned memory");
}
void glint_pinned_free(struct glint_device *device, void *memory)
{
    if (memory && use(device) == GLINT_OK)
        (void)cudaFreeHost(memory);
}

int glint_device_arena_open(struct glint_device *device, size_t cap, int pinned,
                            struct glint_device_arena *arena_out)
{
    void *base;
    memset(arena_out, 0, sizeof *arena_out);
    GLINT_TRY(pinned ? glint_pinned_alloc(device, cap, &base) : glint_device_alloc(device, cap, &base));
    arena_out->device = device;
    arena_out->base = (uint8_t *)base;
    arena_out->cap = cap;
    arena_out->pinned = pinned;
    return GLINT_OK;
}
void glint_device_arena_close(struct glint_device_arena *arena)
{
    if (arena->device && arena->pinned)
        glint_pinned_free(arena->device, arena->base);
    else if (arena->device)
        glint_device_free(arena->device, arena->base);
    memset(arena, 0, sizeof *arena);
}
size_t glint_device_arena_round(size_t bytes)
{
    return (bytes + alignment - 1) / alignment * alignment;
}
int glint_device_arena_alloc(struct glint_device_arena *arena, size_t bytes, void **out)
{
    *out = NULL;
    if (bytes > arena->cap - arena->used || glint_device_arena_round(bytes) > arena->cap - arena->used)
        return glint_fail(GLINT_E_CAPACITY, "cuda: an arena of %zu bytes has no room for %zu more",
                          arena->cap, bytes);
    *out = arena->base + arena->used;
    arena->used += glint_device_arena_round(bytes);
    return GLINT_OK;
}

/* streams */
int glint_stream_open(struct glint_device *device, struct glint_stream **stream_out)
{
    *stream_out = NULL;
    GLINT_TRY(use(device));
    struct glint_stream *s = (struct glint_stream *)calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory");
    s->device = device;
    const int status =
        glint_cuda_status(cudaStreamCreateWithFlags(&s->stream, cudaStreamNonBlocking), "a stream");
    if (status < 0) {
        free(s);
        return status;
    }
    *stream_out = s;
    return GLINT_OK;
}
void glint_stream_close(struct glint_stream *stream)
{
    if (!stream)
        return;
    (void)cudaStreamSynchronize(stream->stream);
    (void)cudaStreamDestroy(stream->stream);
    (void)cudaGetLastError();
    free(stream);
}
struct glint_device *glint_stream_device(const struct glint_stream *stream)
{
    return stream->device;
}
cudaStream_t glint_stream_cuda(const struct glint_stream *stream)
{
    return stream->stream;
}
int glint_stream_wait(struct glint_stream *stream)
{
    return glint_cuda_status(cudaStreamSynchronize(stream->stream), "running on the device");
}
static int copy(struct glint_stream *stream, void *to, const void *from, size_t bytes,
                enum cudaMemcpyKind kind)
{
    if (!bytes)
        return GLINT_OK;
    return glint_cuda_status(cudaMemcpyAsync(to, from, bytes, kind, stream->stream), "a copy");
}
int glint_stream_upload(struct glint_stream *stream, void *device_to, const void *host_from, size_t bytes)
{
    return copy(stream, device_to, host_from, bytes, cudaMemcpyHostToDevice);
}
int glint_stream_download(struct glint_stream *stream, void *host_to, const void *device_from, size_t bytes)
{
    return copy(stream, host_to, device_from, bytes, cudaMemcpyDeviceToHost);
}
int glint_stream_copy(struct glint_stream *stream, void *device_to, const void *device_from, size_t bytes)
{
    return copy(stream, device_to, device_from, bytes, cudaMemcpyDeviceToDevice);
}
int glint_stream_fill(struct glint_stream *stream, void *device_to, int byte, size_t bytes)
{
    if (!bytes)
        return GLINT_OK;
    return glint_cuda_status(cudaMemsetAsync(device_to, byte, bytes, stream->stream), "a fill");
}

/* Dynamic shared memory above 48 KB has to be allowed kernel by kernel (CUDA C++ Programming Guide, "Shared
 * Memory"). */
int glint_cuda_launch(struct glint_stream *stream, const char *name, const void *kernel, dim3 grid,
                      dim3 block, size_t shared, void **args)
{
    GLINT_TRY(use(stream->device));
    if (shared > 48 << 10) {
        if (shared > (size_t)stream->device->shared_bytes)
            return glint_fail(GLINT_E_DEVICE, "cuda: %s: %zu bytes of shared memory, a block has %d", name,
                              shared, stream->device->shared_bytes);
        GLINT_TRY(glint_cuda_status(
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared), name));
    }
    return glint_cuda_status(cudaLaunchKernel(kernel, grid, block, args, shared, stream->stream), name);
}

/* events */
int glint_event_open(struct glint_device *device, struct glint_event **event_out)
{
    *event_out = NULL;
    GLINT_TRY(use(device));
    struct glint_event *e = (struct glint_event *)calloc(1, sizeof *e);
    if (!e)
        return glint_fail(GLINT_E_NOMEM, "no memory");
    e->device = device;
    const int status = glint_cuda_status(cudaEventCreate(&e->event), "an event");
    if (status < 0) {
        free(e);
        return status;
    }
    *event_out = e;
    return GLINT_OK;
}
void glint_event_close(struct glint_event *event)
{
    if (!event)
        return;
    (void)cudaEventDestroy(event->event);
    (void)cudaGetLastError();
    free(event);
}
int glint_event_record(struct glint_event *event, struct glint_stream *stream)
{
    GLINT_TRY(use(stream->device));
    return glint_cuda_status(cudaEventRecord(event->event, stream->stream), "recording an event");
}
/* In a graph a recorded event is only an edge; an external one is a node that takes the time at every run. */
int glint_event_stamp(struct glint_event *event, struct glint_stream *stream)
{
    GLINT_TRY(use(stream->device));
    enum cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
    GLINT_TRY(glint_cuda_status(cudaStreamIsCapturing(stream->stream, &capture), "recording an event"));
    const unsigned flags =
        capture == cudaStreamCaptureStatusActive ? cudaEventRecordExternal : cudaEventRecordDefault;
    return glint_cuda_status(cudaEventRecordWithFlags(event->event, stream->stream, flags),
                             "recording an event");
}
int glint_event_wait(struct glint_event *event)
{
    return glint_cuda_status(cudaEventSynchronize(event->event), "running on the device");
}
int glint_event_done(struct glint_event *event, int *done_out)
{
    const cudaError_t error = cudaEventQuery(event->event);
    *done_out = error == cudaSuccess;
    if (error == cudaErrorNotReady) {
        (void)cudaGetLastError();
        return GLINT_OK;
    }
    return glint_cuda_status(error, "running on the device");
}
int glint_event_elapsed(const struct glint_event *from, const struct glint_event *to, int64_t *ns_out)
{
    float ms = 0;
    *ns_out = 0;
    GLINT_TRY(
        glint_cuda_status(cudaEventElapsedTime(&ms, from->event, to->event), "the time between events"));
    *ns_out = (int64_t)((double)ms * 1e6);
    return GLINT_OK;
}
int glint_stream_after(struct glint_stream *stream, struct glint_event *event)
{
    return glint_cuda_status(cudaStreamWaitEvent(stream->stream, event->event, 0), "waiting for an event");
}

/* graphs */
int glint_graph_begin(struct glint_stream *stream)
{
    GLINT_TRY(use(stream->device));
    return glint_cuda_status(cudaStreamBeginCapture(stream->stream, cudaStreamCaptureModeThreadLocal),
                             "beginning a graph");
}
int glint_graph_end(struct glint_stream *stream, struct glint_graph **graph_out)
{
    *graph_out = NULL;
    cudaGraph_t made = NULL;
    GLINT_TRY(use(stream->device));
    GLINT_TRY(glint_cuda_status(cudaStreamEndCapture(stream->stream, &made), "ending a graph"));
    struct glint_graph *g = (struct glint_graph *)calloc(1, sizeof *g);
    int status = g ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory");
    if (g) {
        g->graph = made;
        status = glint_cuda_status(cudaGraphInstantiate(&g->exec, made, 0), "making a graph");
        if (status == GLINT_OK) /* so that its first run is as quick as the others */
            status = glint_cuda_status(cudaGraphUpload(g->exec, stream->stream), "making a graph");
    }
    if (status < 0) {
        if (g && g->exec)
            (void)cudaGraphExecDestroy(g->exec);
        (void)cudaGraphDestroy(made);
        free(g);
        return status;
    }
    *graph_out = g;
    return GLINT_OK;
}
int glint_graph_run(struct glint_graph *graph, struct glint_stream *stream)
{
    GLINT_TRY(use(stream->device));
    return glint_cuda_status(cudaGraphLaunch(graph->exec, stream->stream), "running a graph");
}
void glint_graph_close(struct glint_graph *graph)
{
    if (!graph)
        return;
    (void)cudaGraphExecDestroy(graph->exec);
    (void)cudaGraphDestroy(graph->graph);
    (void)cudaGetLastError();
    free(graph);
}

void glint_range_push(const char *name)
{
    nvtxRangePushA(name);
}
void glint_range_pop(void)
{
    nvtxRangePop();
}
