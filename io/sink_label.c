/* io/sink_label.c - point masks as SemanticKITTI's .label: a u32 per point of the frame, in its order. */
#include "io/sink_files.h"
#include "io/sinks.h"

/* Lower half: 1 + class, 0 = not classified; upper half: instance, 0 = none. */
static void encode(const struct glint_sink_context *ctx, const struct glint_frame *frame,
                   struct glint_buffer *content)
{
    for (int32_t i = 0; i < frame->points.n; i++) {
        const bool known = frame->has_masks && frame->point_class[i] < ctx->n_point_classes;
        const uint32_t label = known ? frame->point_class[i] + 1u : 0;
        const uint32_t instance = frame->has_masks ? frame->point_instance[i] : 0;
        glint_buffer_u32(content, label | instance << 16);
    }
}

int glint_sink_label_open(const char *path, const struct glint_sink_context *ctx,
                          struct glint_sink **sink_out)
{
    *sink_out = NULL;
    if (ctx->n_point_classes == 0)
        return glint_fail(GLINT_E_UNSUPPORTED,
                          "%s: the model gives no point classes, so there are no masks to write", path);
    return glint_sink_files_open("label", path, ctx, encode, sink_out);
}
