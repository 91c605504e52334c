/* io/sink.h - where results go. Writers, pictures and later networks are sinks; tools make them and hand them
 * to the pipeline. */
#ifndef GLINT_IO_SINK_H
#define GLINT_IO_SINK_H
#include "core/status.h"
#include "glint/frame.h"
#include <stddef.h>

struct glint_sink_context { /* what a sink may need to know; strings outlive the sink */
    int32_t n_classes, n_point_classes;
    const char *const *classes, *const *point_classes;
};

struct glint_sink;
typedef void glint_sink_count_fn(void *ctx, const char *name, uint64_t value);

struct glint_sink_run { /* what frames do not tell: counts of the run so far */
    uint64_t frames_in;
    int32_t n_reasons;
    const char *const *reasons; /* why frames were dropped: static storage */
    const uint64_t *dropped;    /* for each reason */
};

struct glint_sink_ops { /* made with named members: optional ones may be added */
    const char *name;
    int (*write)(struct glint_sink *sink, const struct glint_frame *frame);
    int (*finish)(struct glint_sink *sink); /* all data safely written, or GLINT_E_IO */
    void (*close)(struct glint_sink *sink); /* frees; after finish, or to give up */
    /* Optional, for sinks with a queue of their own or with listeners: gives each of its counts to put, under
     * a name as in JSON ("dropped_queue_full"), for --json, metrics and diagnostics. From any thread. */
    void (*account)(const struct glint_sink *sink, glint_sink_count_fn *put, void *ctx);
    /* Optional: after each frame, in the thread that writes. */
    void (*note)(struct glint_sink *sink, const struct glint_sink_run *run);
};
struct glint_sink { /* first member of each sink's own struct */
    const struct glint_sink_ops *ops;
    const char *path; /* for messages */
};

/* "%06d" (or %d, %04d ...) in a path becomes the frame's number; a path without it and with several frames is
 * an error for per-frame formats. GLINT_E_ARG when there is anything else to expand. */
int glint_sink_path(const char *pattern, uint64_t index, char *path_out, size_t size);
int glint_sink_finish_close(struct glint_sink *sink); /* finish, close, first failure; NULL is fine */
#endif
