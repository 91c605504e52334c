/* tools/first_frame.h - the first frame of an input, in memory. */
#ifndef GLINT_TOOLS_FIRST_FRAME_H
#define GLINT_TOOLS_FIRST_FRAME_H
#include "core/frame.h"

struct glint_first_frame {
    struct glint_frame_pool *pool;
    struct glint_frame *frame;
};

/* The frame that `glint run INPUT` would see first, with room for 4096 boxes.
 * sensor and calib may be NULL. Fails as the source does; GLINT_E_FORMAT for an input without a frame. All
 * zero then. */
int glint_first_frame_open(struct glint_first_frame *f, const char *path, const char *sensor,
                           const char *calib);
/* A made scan of about n_points points (standard_scan.h). GLINT_E_NOMEM. */
int glint_first_frame_make(struct glint_first_frame *f, int32_t n_points);
void glint_first_frame_close(struct glint_first_frame *f); /* all zero is fine */
#endif
