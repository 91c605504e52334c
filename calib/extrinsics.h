/* calib/extrinsics.h - where the sensors sit on the vehicle: a tree of frames, as TF keeps it.
 *
 *     frames:
 *       lidar_front:
 *         parent: base_link
 *         translation: [1.2, 0.0, 1.84]            # m, of lidar_front's origin in base_link
 *         rotation_rpy_deg: [0.0, 0.0, 90.0]       # roll, pitch, yaw; or
 *         # quaternion: [0.7071068, 0, 0, 0.7071068]   w, x, y, z
 *
 * A frame's pose is "parent from frame". The one parent that has no entry of its own is the root. */
#ifndef GLINT_CALIB_EXTRINSICS_H
#define GLINT_CALIB_EXTRINSICS_H
#include "calib/pose.h"
#include <stddef.h>
#include <stdint.h>

#define GLINT_EXTRINSICS_CAP  64
#define GLINT_EXTRINSICS_NAME 64

struct glint_extrinsics {
    int32_t n; /* frames, the root is frame 0 */
    struct glint_extrinsics_frame {
        char name[GLINT_EXTRINSICS_NAME];
        int32_t parent;         /* index, -1 for the root */
        struct glint_pose pose; /* parent from frame */
    } frame[GLINT_EXTRINSICS_CAP];
    char path[1024];
};

/* Reads a file of up to 1 MiB. GLINT_E_FORMAT with file, line and what was expected for: what is no YAML,
 * unknown or repeated keys, a frame twice, no or a wrong parent, a frame that is (over others) its own
 * parent, frames that hang together with no root or with two, both or neither kind of rotation, numbers that
 * are none. GLINT_E_NOTFOUND, GLINT_E_IO. A missing translation or rotation is an error too: nothing is
 * guessed. */
int glint_extrinsics_load(const char *path, struct glint_extrinsics *extrinsics_out);
int glint_extrinsics_parse(const char *name, const char *text, size_t size,
                           struct glint_extrinsics *extrinsics_out);

/* Starts with the root alone. */
void glint_extrinsics_init(struct glint_extrinsics *e, const char *root);

/* Adds a frame below one that is there. GLINT_E_ARG (unknown parent, name used, full, name too long). */
int glint_extrinsics_add(struct glint_extrinsics *e, const char *name, const char *parent,
                         struct glint_pose parent_from_frame);

/* Index of a frame; GLINT_E_NOTFOUND with the names there are. */
int glint_extrinsics_find(const struct glint_extrinsics *e, const char *name);

/* "to from from": takes points of frame `from` to frame `to`. GLINT_E_NOTFOUND as find. */
int glint_extrinsics_between(const struct glint_extrinsics *e, const char *from, const char *to,
                             struct glint_pose *to_from_out);

/* Writes the file above, whole or not at all; `comment` (lines, may be NULL) comes first. GLINT_E_IO. */
int glint_extrinsics_write(const struct glint_extrinsics *e, const char *comment, const char *path);
#endif
