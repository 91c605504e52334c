/* io/waymo_files.h - which TFRecord files a path means: itself, or those in a folder. */
#ifndef GLINT_IO_WAYMO_FILES_H
#define GLINT_IO_WAYMO_FILES_H
#include "core/status.h"
#include <stdbool.h>
#include <stdint.h>

struct glint_waymo_files { /* start with all zero */
    char **path;           /* n, owned */
    int32_t n, cap;
};

/* Whether a path ends like a TFRecord file (.tfrecord, .tfrecords), or is a folder with such a file. */
bool glint_waymo_is_path(const char *path);

/* Adds a file, or the TFRecord files of a folder (not of folders inside it) in byte order of their names.
 * GLINT_E_FORMAT: a folder without one; GLINT_E_IO; GLINT_E_NOMEM. What is no folder is not looked at. */
int glint_waymo_files_add(struct glint_waymo_files *files, const char *path);
void glint_waymo_files_fini(struct glint_waymo_files *files);
#endif
