/* tools/open_tracker.h - the tracker that --track asks for. */
#ifndef GLINT_TOOLS_OPEN_TRACKER_H
#define GLINT_TOOLS_OPEN_TRACKER_H
#include "glint/track.h"
#include "tools/shared_options.h"

/* For the classes of the model (NULL: none), as its config.json and --score say. GLINT_E_FORMAT. */
int glint_tracker_settings(const struct glint_shared_options *options, const struct glint_model *model,
                           struct glint_track_settings *settings_out);

/* With these settings; NULL without --track. Where *tracker is open already (live: the model comes with the
 * first packets) it gets them. GLINT_E_FORMAT, GLINT_E_NOMEM. */
int glint_open_tracker(const struct glint_shared_options *options, const struct glint_model *model,
                       struct glint_tracker **tracker);

/* The least score that the network's boxes must have, of the model in `folder`: what --score says, or the
 * model's (< 0), or less with --track where its config.json wants that. */
float glint_tracker_least_score(const struct glint_shared_options *options, const char *folder);
#endif
