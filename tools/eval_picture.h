/* tools/eval_picture.h - a frame of an evaluation seen from above, as a figure of its report. */
#ifndef GLINT_TOOLS_EVAL_PICTURE_H
#define GLINT_TOOLS_EVAL_PICTURE_H
#include "eval/found.h"
#include "eval/report.h"
#include "io/sink.h"

struct glint_eval_view { /* memory of the caller */
    const char *name;    /* of the frame, "000007" */
    uint64_t index;
    const struct glint_points *points; /* vehicle frame; NULL: boxes only */
    const struct glint_box *boxes;     /* vehicle frame; label: index into names */
    const uint8_t *box_state;          /* enum glint_found_state; ignored boxes are not drawn */
    const struct glint_found_object *objects;
    const uint8_t *object_state;
    int32_t n_boxes, n_objects, n_names;
    const char *const *names; /* of classes */
    float range_m;            /* from the middle to the edge */
};

/* Draws found, missed and false boxes and appends the picture. GLINT_E_NOMEM. */
int glint_eval_picture(struct glint_report *r, const char *caption, const struct glint_eval_view *view);

/* The order in which frames are shown: most wrong (missed and false) first, then by number. Writes at most
 * `most` frame numbers, only of frames with something wrong; returns how many. */
int32_t glint_eval_worst(const int32_t *n_wrong, int32_t n_frames, int32_t most, int32_t *frames_out);
#endif
