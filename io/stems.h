/* io/stems.h - the frames of a dataset's folder: names of its files without their ending. */
#ifndef GLINT_IO_STEMS_H
#define GLINT_IO_STEMS_H
#include "core/status.h"
#include <stdint.h>

#define GLINT_STEM_CAP 64

struct glint_stems { /* start with all zero */
    char (*name)[GLINT_STEM_CAP];
    int32_t n, cap;
};

/* Files of the folder that end so (".txt"), in byte order of their names; names that begin with a dot are
 * left out. GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_FORMAT: there is none, or a name is too long. */
int glint_stems_of_folder(const char *folder, const char *ending, struct glint_stems *stems_out);

/* One per line of a text file, in its order (KITTI's ImageSets/val.txt); blank lines are left out. Names have
 * no slash. GLINT_E_NOTFOUND, GLINT_E_FORMAT with file:line: no name, too long, twice. */
int glint_stems_of_file(const char *path, struct glint_stems *stems_out);

void glint_stems_fini(struct glint_stems *stems);
#endif
