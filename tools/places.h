/* tools/places.h - where the program and its models are. */
#ifndef GLINT_TOOLS_PLACES_H
#define GLINT_TOOLS_PLACES_H
#include <stdbool.h>
#include <stddef.h>

#define GLINT_DEFAULT_MODEL "glint-tiny"

/* The model folder for --model: `given` is a folder, or the name of one in GLINT_MODELS, beside the program
 * (../data/models of a build folder, ../share/glint/models of an installation) or in the source tree it was
 * built from; NULL means the default model. False when there is none: folder_out then says what was looked
 * for. */
bool glint_find_model(const char *given, char *folder_out, size_t size);

/* Names an existing directory. */
bool glint_is_folder(const char *path);

/* Whether two paths name one file, there already or not. Devices and pipes under two names are two. */
bool glint_same_file(const char *a, const char *b);
#endif
