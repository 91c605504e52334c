/* calib/beam_robosense.h - angles of RoboSense's lasers: files and device packets. */
#ifndef GLINT_CALIB_BEAM_ROBOSENSE_H
#define GLINT_CALIB_BEAM_ROBOSENSE_H
#include "calib/beam.h"

/* The angle.csv of RSView and of the sensor's USB stick: per laser, in the packets' order, a line "vertical,
 * horizontal" in degrees; or with the laser's number from 1 before them. A first line of words is passed
 * over. GLINT_E_FORMAT with name and line, the loader also GLINT_E_NOTFOUND, GLINT_E_IO. */
int glint_beams_load_robosense(const char *path, int32_t n, struct glint_beams *beams_out);
int glint_beams_parse_robosense(const char *name, const char *text, size_t size, int32_t n,
                                struct glint_beams *beams_out);

#define GLINT_ROBOSENSE_ANGLE_BYTES 96 /* of each of the two lists */

/* Angles of a device packet (DIFOP): per laser a sign (0 or 1) and u16, big endian, in unit_deg; the lists of
 * vertical and horizontal angles. False, and the beams as they were, when the sensor has none in it: all 0, a
 * sign of FF, an angle of 90 degrees or more. */
bool glint_beams_read_robosense(const uint8_t *vertical, const uint8_t *horizontal, double unit_deg,
                                int32_t n, struct glint_beams *beams);
#endif
