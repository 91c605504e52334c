/* viz/sink_png.h - a picture per frame, seen from above; see viz/scene.h. */
#ifndef GLINT_VIZ_SINK_PNG_H
#define GLINT_VIZ_SINK_PNG_H
#include "io/sink.h"
#include "viz/match.h"

struct glint_png_settings {
    int32_t size_px;   /* width and height; 0: 1200 */
    float range_m;     /* from the middle to the edge; 0: 51.2 */
    int32_t cap_boxes; /* most boxes of a frame; 0: 4096 */
    const struct glint_labels
        *labels; /* found, missed and false boxes are told apart; NULL: none. Outlives the sink */
    struct glint_match_rule rule; /* with labels; all zero: GLINT_MATCH_RULE_DEFAULT */
};

/* path may hold %06d and the like (io/sink.h); without it the input must have one frame. settings NULL: all
 * defaults. context's strings outlive the sink. The same frame gives the same bytes: fixed compression, no
 * time chunk. All memory is reserved here (some 9 MB at 1200 pixels). Writing: GLINT_E_IO with the path; a
 * file that could not be written whole is removed. GLINT_E_ARG, GLINT_E_NOMEM. */
int glint_sink_png_open(const char *path, const struct glint_png_settings *settings,
                        const struct glint_sink_context *context, struct glint_sink **sink_out);
#endif
