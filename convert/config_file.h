/* convert/config_file.h - configurations as other frameworks write them, read as JSON documents.
 *
 * YAML (OpenPCDet; core types of YAML 1.1, anchors; _BASE_CONFIG_ of any section) and the part of Python that
 * configurations are written in (mmdetection3d, Pointcept): assignments of literals, dict(...), names
 * assigned before, indexing, + - * /; _base_ files. Nothing is run; what is not of these is skipped, and
 * named when something that is needed is missing. Both are bounded in size, depth and number of values. */
#ifndef GLINT_CONVERT_CONFIG_FILE_H
#define GLINT_CONVERT_CONFIG_FILE_H
#include "core/json.h"

/* By the ending of path: .yaml and .yml, .py, else JSON. base: the folder that names of base configurations
 * are relative to; NULL: path's folder, then the folders above it. GLINT_E_NOTFOUND, GLINT_E_IO,
 * GLINT_E_FORMAT. */
int glint_config_file_load(const char *path, const char *base, struct glint_json_doc **doc_out);

/* The same over text. path: for messages and for bases; "" where there can be none. */
int glint_config_yaml(const char *name, const char *path, const char *base, const char *text, size_t size,
                      struct glint_json_doc **doc_out);
int glint_config_python(const char *name, const char *path, const char *base, const char *text, size_t size,
                        struct glint_json_doc **doc_out);
#endif
