/* tools/open_model.h - the model that a command's options want. */
#ifndef GLINT_TOOLS_OPEN_MODEL_H
#define GLINT_TOOLS_OPEN_MODEL_H
#include "io/sink.h"
#include "tools/shared_options.h"

/* Opens it for frames of up to cap_points points; NULL with --model none. context_out, for sinks, points into
 * the model. GLINT_E_NOTFOUND (says which), or as glint_model_open. */
int glint_open_model(const struct glint_shared_options *options, int32_t cap_points, bool keep_stages,
                     struct glint_trace *trace, struct glint_model **model_out,
                     struct glint_sink_context *context_out);

/* How far a picture reaches, metres: the model's range, from its middle; 51.2 without a model. */
float glint_model_reach(const struct glint_model *model);
#endif
