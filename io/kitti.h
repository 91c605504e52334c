/* io/kitti.h - KITTI object files: a line per object, as labels (label_2/000000.txt) and as results.
 *
 *     type truncated occluded alpha x1 y1 x2 y2 height width length x y z rotation_y [score]
 *
 * Camera coordinates (x right, y down, z forward, metres) of the rectified camera 0; x y z is the middle of
 * the bottom face, rotation_y counts about the y axis. Source: readme.txt of the object development kit.
 * io/kitti_calib.h takes the boxes to our frame and back. */
#ifndef GLINT_IO_KITTI_H
#define GLINT_IO_KITTI_H
#include "io/output.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct glint_kitti_object {
    char type[24];
    double truncated;  /* 0..1, -1: not given */
    int32_t occluded;  /* 0 seen, 1 partly, 2 largely, 3 unknown, -1 not given */
    double alpha;      /* angle of observation, rad; -10: not given */
    double bbox[4];    /* left, top, right, bottom in the image, px */
    double size[3];    /* height, width, length, m */
    double bottom[3];  /* x, y, z of the bottom face's middle, m */
    double rotation_y; /* rad */
    double score;      /* results; 0 for labels */
};

struct glint_kitti_objects { /* start with all zero */
    struct glint_kitti_object *object;
    int32_t n, cap;
};
void glint_kitti_objects_fini(struct glint_kitti_objects *objects);

enum glint_kitti_kind {
    GLINT_KITTI_LABELS, /* 15 columns; a 16th is let be */
    GLINT_KITTI_RESULTS /* 16 columns */
};

/* Replaces what was in objects by the objects of a file, in its order; an empty file has none.
 * GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_FORMAT with file:line and the column, GLINT_E_NOMEM. On failure
 * objects is empty, but keeps its memory. */
int glint_kitti_objects_read(const char *path, enum glint_kitti_kind kind,
                             struct glint_kitti_objects *objects);
int glint_kitti_objects_parse(const char *name, const uint8_t *text, size_t size, enum glint_kitti_kind kind,
                              struct glint_kitti_objects *objects);

/* Appends the line of a result, with its newline: 2 decimals for the image, 4 for metres and radians, 6 for
 * the score. */
void glint_kitti_object_write(const struct glint_kitti_object *object, struct glint_buffer *out);
#endif
