/* tools/open_model.c - see open_model.h. */
#define _GNU_SOURCE
#include "tools/open_model.h"
#include "tools/open_tracker.h"
#include "core/log.h"
#include "core/status.h"
#include "tools/places.h"
#include <limits.h>
#include <math.h>
#include <unistd.h>

/* Why a model runs on the CPU is worth a line where a device was hoped for: by who says auto, or has an
 * NVIDIA driver. */
static void tell_of_device(const struct glint_shared_options *options, const struct glint_model_info *info)
{
    const bool driver =
        access("/proc/driver/nvidia/version", F_OK) == 0 || access("/dev/nvidiactl", F_OK) == 0;
    if (info->device_note[0] && (options->device_asked || driver))
        glint_log(GLINT_LOG_INFO, "%s runs on the CPU: %s", info->name, info->device_note);
}

int glint_open_model(const struct glint_shared_options *options, int32_t cap_points, bool keep_stages,
                     struct glint_trace *trace, struct glint_model **model_out,
                     struct glint_sink_context *context_out)
{
    struct glint_model_settings settings;
    char folder[PATH_MAX], boxes[PATH_MAX];
    *model_out = NULL;
    *context_out = (struct glint_sink_context){0};
    if (!glint_shared_options_wants_model(options))
        return GLINT_OK;
    if (!glint_find_model(options->model, folder, sizeof folder))
        return glint_fail(GLINT_E_NOTFOUND, "%.900s: no such model (GLINT_MODELS names the folder of models)",
                          folder);
    if (options->boxes_model && !glint_find_model(options->boxes_model, boxes, sizeof boxes))
        return glint_fail(GLINT_E_NOTFOUND, "%.900s: no such model (GLINT_MODELS names the folder of models)",
                          boxes);
    glint_model_settings_default(&settings);
    settings.boxes_folder = options->boxes_model ? boxes : NULL;
    settings.device = options->device;
    settings.n_threads = options->n_threads;
    settings.pin = options->pin;
    settings.cap_points = cap_points;
    settings.score = glint_tracker_least_score(options, folder);
    settings.precision = options->precision;
    settings.views = options->views;
    settings.keep_stages = keep_stages;
    GLINT_TRY(glint_model_open(folder, &settings, trace, model_out));
    const struct glint_model_info *info = glint_model_info(*model_out);
    tell_of_device(options, info);
    *context_out = (struct glint_sink_context){info->n_classes, info->n_point_classes, info->classes,
                                               info->point_classes};
    return GLINT_OK;
}

float glint_model_reach(const struct glint_model *model)
{
    const struct glint_model_info *info = model ? glint_model_info(model) : NULL;
    float reach = 0.0f;
    for (int k = 0; info && k < 2; k++)
        reach = fmaxf(reach, fmaxf(fabsf(info->range[k]), fabsf(info->range[k + 3])));
    return reach >= 1.0f && reach <= 500.0f ? reach : 51.2f;
}
