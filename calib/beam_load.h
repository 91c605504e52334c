/* calib/beam_load.h - calibration files of the vendors. */
#ifndef GLINT_CALIB_BEAM_LOAD_H
#define GLINT_CALIB_BEAM_LOAD_H
#include "calib/beam.h"

/* Velodyne's DB XML (<px> with id_, rotCorrection_, vertCorrection_ in degrees, distCorrection_,
 * vertOffsetCorrection_, horizOffsetCorrection_ in cm), or YAML: a list `lasers` of maps with laser_id,
 * vert_correction and rot_correction (rad; the azimuth is the measured one minus rot_correction), and where
 * present dist_correction, vert_offset_correction and horiz_offset_correction (m). Every laser 0..n-1 once.
 * Of an HDL-64E also distCorrectionX_, distCorrectionY_ (cm) or, with two_pt_correction_available: true,
 * dist_correction_x, dist_correction_y (m); focalDistance_ (cm) or focal_distance (m) with focalSlope_ or
 * focal_slope, and the lists minIntensity_, maxIntensity_ or each laser's min_intensity, max_intensity. They
 * count when every laser has them: beams->has_near, has_focus. */
int glint_beams_load_velodyne(const char *path, int32_t n, struct glint_beams *beams_out);

/* Hesai's CSV: a header line, then laser number from 1, elevation, azimuth offset in degrees; every laser
 * once. */
int glint_beams_load_hesai(const char *path, int32_t n, struct glint_beams *beams_out);

/* Both from memory; `name` is for messages. GLINT_E_FORMAT with name, line or laser, and what was expected;
 * the loaders above also GLINT_E_NOTFOUND, GLINT_E_IO. */
int glint_beams_parse_velodyne(const char *name, const char *text, size_t size, int32_t n,
                               struct glint_beams *beams_out);
int glint_beams_parse_hesai(const char *name, const char *text, size_t size, int32_t n,
                            struct glint_beams *beams_out);
#endif
