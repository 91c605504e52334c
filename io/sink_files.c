/* io/sink_files.c - see sink_files.h. */
#include "io/sink_files.h"
#include <stdlib.h>
#include <string.h>

struct sink_files {
    struct glint_sink sink;
    struct glint_sink_ops ops;
    struct glint_sink_context ctx;
    glint_sink_encode_fn *encode;
    bool numbered;
    uint64_t n_written;
    struct glint_buffer content;
};

static int write_file(struct glint_sink *sink, const struct glint_frame *frame)
{
    struct sink_files *s = (struct sink_files *)sink;
    char path[1024];
    if (!s->numbered && s->n_written > 0)
        return glint_fail(GLINT_E_ARG,
                          "%s: there are several frames: put %%06d for the frame's number into the name",
                          sink->path);
    GLINT_TRY(glint_sink_path(sink->path, frame->index, path, sizeof path));
    glint_buffer_clear(&s->content);
    s->encode(&s->ctx, frame, &s->content);
    GLINT_TRY(glint_output_write(path, &s->content));
    s->n_written++;
    return GLINT_OK;
}

static int finish(struct glint_sink *sink)
{
    (void)sink; /* each file was complete when its frame was written */
    return GLINT_OK;
}

static void close_sink(struct glint_sink *sink)
{
    struct sink_files *s = (struct sink_files *)sink;
    glint_buffer_fini(&s->content);
    free(s);
}

int glint_sink_files_open(const char *name, const char *path, const struct glint_sink_context *ctx,
                          glint_sink_encode_fn *encode, struct glint_sink **sink_out)
{
    char first[1024], second[1024];
    *sink_out = NULL;
    GLINT_TRY(glint_sink_path(path, 0, first, sizeof first));
    GLINT_TRY(glint_sink_path(path, 1, second, sizeof second));
    GLINT_TRY(glint_output_check(first));
    struct sink_files *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    s->ops =
        (struct glint_sink_ops){.name = name, .write = write_file, .finish = finish, .close = close_sink};
    s->sink = (struct glint_sink){&s->ops, path};
    s->ctx = *ctx;
    s->encode = encode;
    s->numbered = strcmp(first, second) != 0;
    *sink_out = &s->sink;
    return GLINT_OK;
}
