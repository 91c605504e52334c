/* io/kitti_calib.h - KITTI's calibration files, and the way between its camera and our vehicle frame.
 *
 * The vehicle frame of a KITTI scan is that of its laser scanner (x forward, y left, z up, the origin in the
 * scanner, 1.73 m above the ground). Names of adapters: glint_kitti_box_to_vehicle,
 * glint_kitti_box_to_camera. Source: readme.txt of the object development kit; A. Geiger et al., Vision meets
 * Robotics, IJRR 2013. */
#ifndef GLINT_IO_KITTI_CALIB_H
#define GLINT_IO_KITTI_CALIB_H
#include "glint/frame.h"
#include "io/kitti.h"

struct glint_kitti_calib {       /* matrices 3 x 4, row-major */
    double p2[12];               /* image of camera 2 from the rectified camera 0: u w, v w, w */
    double camera_from_velo[12]; /* R0_rect * Tr_velo_to_cam */
    double velo_from_camera[12]; /* its inverse */
};

/* Reads P2, R0_rect (or R_rect) and Tr_velo_to_cam (or Tr_velo_cam); other lines are let be.
 * GLINT_E_NOTFOUND, GLINT_E_FORMAT with file:line: a matrix is missing or short, or what should be a rotation
 * is none (1e-2). */
int glint_kitti_calib_read(const char *path, struct glint_kitti_calib *calib_out);
int glint_kitti_calib_parse(const char *name, const uint8_t *text, size_t size,
                            struct glint_kitti_calib *calib_out);

/* A label's or result's box in the vehicle frame: centre instead of bottom, yaw of the heading seen from
 * above. label and id are -1, the score is kept. */
void glint_kitti_box_to_vehicle(const struct glint_kitti_calib *calib,
                                const struct glint_kitti_object *object, struct glint_box *box_out);

/* The other way: size, bottom, rotation_y, score, and alpha; occluded and truncated are "not given". type and
 * bbox are the caller's. The two are each other's inverse as far as float goes. */
void glint_kitti_box_to_camera(const struct glint_kitti_calib *calib, const struct glint_box *box,
                               struct glint_kitti_object *object_out);

/* The part of the image (width x height, px) that the object's 3D box takes, as labels are drawn: the upright
 * rectangle around what of its edges is before the camera, cut at the borders 0..width-1, 0..height-1. False:
 * nothing of it is in the image; bbox is then not written. */
bool glint_kitti_project(const struct glint_kitti_calib *calib, const int32_t image[2],
                         struct glint_kitti_object *object);
#endif
