/* io/sink_label.c - point masks as SemanticKITTI's .label: a u32 per point of the frame, in its order. */
#include "io/sink_files.h"
#include "io/sinks.h"
#include <string.h>

/* SemanticKITTI's classes and what its files have for them. */
static const struct {
    const char *name;
    uint16_t label;
} official[] = {{"car", 10},           {"bicycle", 11}, {"motorcycle", 15},  {"truck", 18},
                {"other-vehicle", 20}, {"person", 30},  {"bicyclist", 31},   {"motorcyclist", 32},
                {"road", 40},          {"parking", 44}, {"sidewalk", 48},    {"other-ground", 49},
                {"building", 50},      {"fence", 51},   {"vegetation", 70},  {"trunk", 71},
                {"terrain", 72},       {"pole", 80},    {"traffic-sign", 81}};

#define N_OFFICIAL ((int32_t)(sizeof official / sizeof *official))

static uint16_t official_label(const char *name)
{
    for (int32_t i = 0; i < N_OFFICIAL; i++)
        if (!strcmp(official[i].name, name))
            return official[i].label;
    return 0;
}

/* Of each class of points: SemanticKITTI's own where they are its 19, else 1 + its index. */
static void find_labels(const struct glint_sink_context *ctx, uint16_t labels[256])
{
    bool all = ctx->n_point_classes == N_OFFICIAL;
    for (int32_t i = 0; all && i < ctx->n_point_classes; i++)
        all = official_label(ctx->point_classes[i]) != 0;
    for (int32_t i = 0; i < 256; i++)
        labels[i] = i >= ctx->n_point_classes ? 0
                    : all                     ? official_label(ctx->point_classes[i])
                                              : (uint16_t)(i + 1);
}

/* Lower half: the class, 0 = not classified; upper half: instance, 0 = none. */
static void encode(const struct glint_sink_context *ctx, const struct glint_frame *frame,
                   struct glint_buffer *content)
{
    uint16_t labels[256];
    find_labels(ctx, labels);
    for (int32_t i = 0; i < frame->points.n; i++) {
        const uint32_t label = frame->has_masks ? labels[frame->point_class[i]] : 0;
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
