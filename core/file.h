/* core/file.h - a whole file, read-only, mapped. */
#ifndef GLINT_CORE_FILE_H
#define GLINT_CORE_FILE_H
#include <stddef.h>
#include <stdint.h>

struct glint_file {
    const uint8_t *data; /* NULL for an empty file */
    size_t size;
    char path[1024];
};

/* Maps path. GLINT_E_NOTFOUND, GLINT_E_IO (a folder, no permission), with the path in the text;
 * *f is then all zero. The file must not shrink while it is mapped. */
int glint_file_open(struct glint_file *f, const char *path);
void glint_file_close(struct glint_file *f);
#endif
