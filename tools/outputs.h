/* tools/outputs.h - the --out files: which sink a path gets, and all of them as one. */
#ifndef GLINT_TOOLS_OUTPUTS_H
#define GLINT_TOOLS_OUTPUTS_H
#include "io/sink.h"
#include "tools/options.h"
#include "viz/sink_png.h"

#define GLINT_OUTPUTS_CAP 16

struct glint_outputs { /* start with all zero */
    struct glint_sink *sinks[GLINT_OUTPUTS_CAP];
    int32_t n;
};

/* Adds the sink of path by its ending; .png with `png`. The context's strings and path outlive it. */
int glint_outputs_add(struct glint_outputs *o, const char *path, const struct glint_sink_context *context,
                      const struct glint_png_settings *png);

/* Whether path is none of the n files (NULL: there is none), which are `what`: "an input"; else says so. */
bool glint_outputs_apart(const struct glint_command *c, const char *path, const char *const *files, int32_t n,
                         const char *what);

/* To every one of them; the first failure. */
int glint_outputs_write(struct glint_outputs *o, const struct glint_frame *frame);

/* Finishes and closes all; the first failure. */
int glint_outputs_close(struct glint_outputs *o);
#endif
