/* tools/open_tracker.c - see open_tracker.h. */
#define _GNU_SOURCE
#include "tools/open_tracker.h"
#include "core/json.h"
#include "tools/places.h"
#include <limits.h>
#include <stdio.h>

int glint_tracker_settings(const struct glint_shared_options *options, const struct glint_model *model,
                           struct glint_track_settings *s)
{
    char folder[PATH_MAX], path[PATH_MAX + 16];
    const struct glint_model_info *info = model ? glint_model_info(model) : NULL;
    glint_track_settings_default(s, info ? info->classes : NULL, info ? info->n_classes : 0);
    if (!info || !glint_find_model(options->model, folder, sizeof folder))
        return GLINT_OK;
    snprintf(path, sizeof path, "%s/config.json", folder);
    GLINT_TRY(glint_track_settings_read(s, path, info->classes, info->n_classes));
    for (int32_t i = 0; i < s->n_classes && options->score >= 0; i++)
        s->classes[i].birth_score = options->score;
    return GLINT_OK;
}

float glint_tracker_least_score(const struct glint_shared_options *options, const char *folder)
{
    char path[PATH_MAX + 16];
    struct glint_json_doc *doc;
    double keep = 0;
    snprintf(path, sizeof path, "%s/config.json", folder);
    if (!options->track || glint_json_load(path, &doc) < 0) /* the model says what is wrong with it */
        return options->score;
    const struct glint_json track = glint_json_get(glint_json_root(doc), "track");
    if (glint_json_is_object(track) && glint_json_has(track, "keep_score"))
        (void)glint_json_f64(track, "keep_score", 0, 1, &keep);
    glint_json_close(doc);
    return keep > 0 && (options->score < 0 || options->score > (float)keep) ? (float)keep : options->score;
}

int glint_open_tracker(const struct glint_shared_options *options, const struct glint_model *model,
                       struct glint_tracker **tracker)
{
    struct glint_track_settings settings;
    if (!options->track)
        return GLINT_OK;
    GLINT_TRY(glint_tracker_settings(options, model, &settings));
    return *tracker ? glint_tracker_set(*tracker, &settings) : glint_tracker_open(&settings, tracker);
}
