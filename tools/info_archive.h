/* tools/info_archive.h - what `glint info` says of a PyTorch checkpoint. */
#ifndef GLINT_TOOLS_INFO_ARCHIVE_H
#define GLINT_TOOLS_INFO_ARCHIVE_H
#include <jansson.h>
#include <stdbool.h>

bool glint_info_is_archive(const char *path); /* by its ending */

/* Adds its members to out: format, tensors wherever they are in it. A status. */
int glint_info_archive(const char *path, json_t *out);
#endif
