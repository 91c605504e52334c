/* tools/outputs.c - see outputs.h. */
#include "tools/outputs.h"
#include "core/text.h"
#include "io/output.h"
#include "io/sinks.h"
#include "tools/places.h"
#include <string.h>

static int open_png(const char *path, const struct glint_sink_context *context,
                    const struct glint_png_settings *png, struct glint_sink **sink_out)
{
    char first[1100];
    GLINT_TRY(glint_sink_path(path, 0, first, sizeof first));
    GLINT_TRY(glint_output_check(first));
    return glint_sink_png_open(path, png, context, sink_out);
}

int glint_outputs_add(struct glint_outputs *o, const char *path, const struct glint_sink_context *context,
                      const struct glint_png_settings *png)
{
    if (o->n == GLINT_OUTPUTS_CAP)
        return glint_fail(GLINT_E_ARG, "%s: more than %d outputs", path, GLINT_OUTPUTS_CAP);
    if (glint_ends_with(path, ".png"))
        GLINT_TRY(open_png(path, context, png, &o->sinks[o->n]));
    else
        GLINT_TRY(glint_sink_open_by_ending(path, context, &o->sinks[o->n]));
    o->n++;
    return GLINT_OK;
}

bool glint_outputs_apart(const struct glint_command *c, const char *path, const char *const *files, int32_t n,
                         const char *what)
{
    for (int32_t i = 0; i < n; i++)
        if (files[i] && glint_same_file(path, files[i])) {
            glint_usage_error(c, "%s: cannot be written, it is %s", path, what);
            return false;
        }
    return true;
}

int glint_outputs_write(struct glint_outputs *o, const struct glint_frame *frame)
{
    for (int32_t i = 0; i < o->n; i++)
        GLINT_TRY(o->sinks[i]->ops->write(o->sinks[i], frame));
    return GLINT_OK;
}

int glint_outputs_close(struct glint_outputs *o)
{
    int first = GLINT_OK;
    for (int32_t i = 0; i < o->n; i++) {
        const int status = glint_sink_finish_close(o->sinks[i]);
        first = first < 0 ? first : status;
    }
    o->n = 0;
    return first;
}
