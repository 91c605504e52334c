/* core/file.h - a whole file, read-only, mapped; and files that appear whole or not at all. */
#ifndef GLINT_CORE_FILE_H
#define GLINT_CORE_FILE_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct glint_file {
    const uint8_t *data; /* NULL for an empty file */
    size_t size;
    char path[1024];
};

/* Maps path. GLINT_E_NOTFOUND, GLINT_E_IO (a folder, no permission), with the path in the text;
 * *f is then all zero. The file must not shrink while it is mapped. */
int glint_file_open(struct glint_file *f, const char *path);
void glint_file_close(struct glint_file *f);

/* The bytes before `upto` are not needed soon: gives their memory back, some MB at a time, so that a file
 * read once from front to back does not fill it. They can still be read. *dropped starts with 0 and is kept
 * by the caller. */
void glint_file_done(const struct glint_file *f, size_t upto, size_t *dropped);

/* A file being written under another name ("path.part") until it is complete. What is no regular file (a
 * device, a pipe) is written as it is. */
struct glint_file_out {
    FILE *stream; /* write with stdio; errors are found by commit */
    char path[1024], part[1032];
};

/* GLINT_E_IO when path cannot be written, GLINT_E_ARG when it is too long. */
int glint_file_create(struct glint_file_out *f, const char *path);

/* Flushes, closes and gives the file its name, replacing what was there. GLINT_E_IO (disk full): the part
 * is removed and what was there stays. The stream is closed either way. */
int glint_file_commit(struct glint_file_out *f);
void glint_file_discard(struct glint_file_out *f); /* removes the part */
#endif
