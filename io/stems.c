/* io/stems.c - see stems.h. */
#define _POSIX_C_SOURCE 200809L
#include "io/stems.h"
#include "core/file.h"
#include "core/text.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_STEMS 10000000

void glint_stems_fini(struct glint_stems *stems)
{
    free(stems->name);
    *stems = (struct glint_stems){0};
}

static int add(struct glint_stems *s, const char *name, size_t n)
{
    if (n == 0 || n >= GLINT_STEM_CAP || memchr(name, '/', n) || memchr(name, '\0', n))
        return glint_fail(GLINT_E_FORMAT, "expected a frame's name of 1 to %d letters without a slash",
                          GLINT_STEM_CAP - 1);
    if (s->n == s->cap) {
        const int32_t cap = s->cap ? 2 * s->cap : 256;
        void *bigger = cap <= 2 * MOST_STEMS ? realloc(s->name, (size_t)cap * sizeof *s->name) : NULL;
        if (!bigger)
            return glint_fail(GLINT_E_NOMEM, "no memory for the names of %d frames", cap);
        s->name = bigger;
        s->cap = cap;
    }
    memcpy(s->name[s->n], name, n);
    s->name[s->n++][n] = '\0';
    return GLINT_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The reason of the last failure, with where it was before it. */
static int at_place(int status, const char *path, int64_t line)
{
    char reason[300];
    if (status != GLINT_E_FORMAT)
        return status;
    snprintf(reason, sizeof reason, "%s", glint_error_text());
    return line > 0 ? glint_fail(status, "%s:%lld: %s", path, (long long)line, reason)
                    : glint_fail(status, "%s: %s", path, reason);
}

static int read_folder(const char *folder, const char *ending, struct glint_stems *s)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return glint_fail(errno == ENOENT ? GLINT_E_NOTFOUND : GLINT_E_IO, "%s: %s", folder, strerror(errno));
    int status = GLINT_OK;
    for (struct dirent *entry; status == GLINT_OK && (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.' && glint_ends_with(entry->d_name, ending)) {
            status = add(s, entry->d_name, strlen(entry->d_name) - strlen(ending));
            if (status < 0)
                status = at_place(status, entry->d_name, 0);
        }
    closedir(dir);
    return status;
}

int glint_stems_of_folder(const char *folder, const char *ending, struct glint_stems *stems_out)
{
    *stems_out = (struct glint_stems){0};
    int status = read_folder(folder, ending, stems_out);
    if (status == GLINT_OK && stems_out->n == 0)
        status = glint_fail(GLINT_E_FORMAT, "%s: no file in this folder ends with %s", folder, ending);
    if (status < 0)
        glint_stems_fini(stems_out);
    else
        qsort(stems_out->name, (size_t)stems_out->n, sizeof *stems_out->name, by_bytes);
    return status;
}

static int read_lines(const struct glint_file *file, struct glint_stems *s)
{
    const char *at = file->size ? (const char *)file->data : "", *end = at + file->size;
    for (int64_t number = 1; at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
        const char *next = newline ? newline + 1 : end;
        while (stop > at && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
            stop--;
        const int status = stop > at ? add(s, at, (size_t)(stop - at)) : GLINT_OK;
        if (status < 0)
            return at_place(status, file->path, number);
        at = next;
    }
    return s->n > 0 ? GLINT_OK
                    : glint_fail(GLINT_E_FORMAT, "%s: expected a frame's name per line", file->path);
}

static int refuse_twice(const char *path, const struct glint_stems *s)
{
    struct glint_stems sorted = {malloc((size_t)s->n * sizeof *s->name), s->n, s->n};
    if (!sorted.name)
        return glint_fail(GLINT_E_NOMEM, "no memory for the names of %d frames", s->n);
    memcpy(sorted.name, s->name, (size_t)s->n * sizeof *s->name);
    qsort(sorted.name, (size_t)s->n, sizeof *s->name, by_bytes);
    int status = GLINT_OK;
    for (int32_t i = 1; i < s->n && status == GLINT_OK; i++)
        if (strcmp(sorted.name[i - 1], sorted.name[i]) == 0)
            status = glint_fail(GLINT_E_FORMAT, "%s: frame %s is there twice", path, sorted.name[i]);
    glint_stems_fini(&sorted);
    return status;
}

int glint_stems_of_file(const char *path, struct glint_stems *stems_out)
{
    struct glint_file file;
    *stems_out = (struct glint_stems){0};
    GLINT_TRY(glint_file_open(&file, path));
    int status = read_lines(&file, stems_out);
    if (status == GLINT_OK)
        status = refuse_twice(path, stems_out);
    glint_file_close(&file);
    if (status < 0)
        glint_stems_fini(stems_out);
    return status;
}
