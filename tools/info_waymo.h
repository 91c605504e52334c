/* tools/info_waymo.h - what Waymo's TFRecord files hold, for glint info. */
#ifndef GLINT_TOOLS_INFO_WAYMO_H
#define GLINT_TOOLS_INFO_WAYMO_H
#include <jansson.h>
#include <stdbool.h>

/* Adds to out: segments with their place and weather, frames, times, images and points of the first frame,
 * labels by type, zones, segmentation, damaged records. Reads every record's checksum and message, of the
 * images the first frame's alone. path: a file or a folder. Fails as glint_tfrecord_next and
 * glint_waymo_read, or counts damage. */
int glint_info_waymo(const char *path, bool skip_corrupt, json_t *out);
#endif
