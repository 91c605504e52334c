/* tools/open_tracker.c - see open_tracker.h. */
#define _GNU_SOURCE
#include "tools/open_tracker.h"
#include "core/status.h"
#include "tools/places.h"
#include <limits.h>
#include <stdio.h>

static int settings_for(const struct glint_shared_options *options, const struct glint_model *model,
                        struct glint_track_settings *s)
{
    char folder[PATH_MAX], path[PATH_MAX + 16];
    const struct glint_model_info *info = model ? glint_model_info(model) : NULL;
    glint_track_settings_default(s, info ? info->classes : NULL, info ? info->n_classes : 0);
    if (!info || !glint_find_model(options->model, folder, sizeof folder))
        return GLINT_OK;
    snprintf(path, sizeof path, "%s/config.json", folder);
    return glint_track_settings_read(s, path, info->classes, info->n_classes);
}

int glint_open_tracker(const struct glint_shared_options *options, const struct glint_model *model,
                       struct glint_tracker **tracker)
{
    struct glint_track_settings settings;
    if (!options->track)
        return GLINT_OK;
    GLINT_TRY(settings_for(options, model, &settings));
    return *tracker ? glint_tracker_set(*tracker, &settings) : glint_tracker_open(&settings, tracker);
}
