/* tools/standard_scan.h - a made scan, the same everywhere, to say how much work a network is. */
#ifndef GLINT_TOOLS_STANDARD_SCAN_H
#define GLINT_TOOLS_STANDARD_SCAN_H
#include "glint/model.h"

#define GLINT_STANDARD_SCAN_POINTS 120000

/* Fills a cleared frame of at least GLINT_STANDARD_SCAN_POINTS: 64 beams x 1875 azimuths over flat ground 1.8
 * m below the sensor, two long walls, two rows of car-sized blocks. */
void glint_standard_scan_fill(struct glint_frame *frame);

/* The same scene with about n_points points, at most so many: 32 beams below 40,000 points, 128 above
 * 300,000. n_points >= 32. */
void glint_made_scan_fill(struct glint_frame *frame, int32_t n_points);

/* Runs a model on the standard scan that was opened for as many points. GLINT_E_NOMEM, and the model's
 * failures. */
int glint_standard_scan_run(struct glint_model *model);
#endif
