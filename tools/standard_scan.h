/* tools/standard_scan.h - a made scan, the same everywhere, to say how much work a network is. */
#ifndef GLINT_TOOLS_STANDARD_SCAN_H
#define GLINT_TOOLS_STANDARD_SCAN_H
#include "glint/model.h"

#define GLINT_STANDARD_SCAN_POINTS 120000

/* Runs the model on 64 beams x 1875 azimuths: flat ground 1.8 m below the sensor, two long walls, a row of
 * car-sized blocks. The model must have been opened for GLINT_STANDARD_SCAN_POINTS or more. GLINT_E_NOMEM,
 * and the model's. */
int glint_standard_scan_run(struct glint_model *model);
#endif
