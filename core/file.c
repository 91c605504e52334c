/* core/file.c - see file.h. */
#define _DEFAULT_SOURCE /* madvise */
#include "core/file.h"
#include "core/status.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int glint_file_open(struct glint_file *f, const char *path)
{
    memset(f, 0, sizeof *f);
    if (strlen(path) >= sizeof f->path)
        return glint_fail(GLINT_E_ARG, "%.60s...: path longer than %zu bytes", path, sizeof f->path - 1);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return glint_fail(errno == ENOENT || errno == ENOTDIR ? GLINT_E_NOTFOUND : GLINT_E_IO,
                          "%s: cannot open: %s", path, strerror(errno));
    int status = GLINT_OK;
    struct stat st;
    if (fstat(fd, &st) != 0)
        status = glint_fail(GLINT_E_IO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        status = glint_fail(GLINT_E_IO, "%s: not a regular file", path);
    else if (st.st_size > 0) {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) {
            status = glint_fail(GLINT_E_IO, "%s: cannot map: %s", path, strerror(errno));
        } else {
            f->data = map;
            f->size = (size_t)st.st_size;
        }
    }
    close(fd);
    if (status == GLINT_OK)
        strcpy(f->path, path);
    return status;
}

void glint_file_close(struct glint_file *f)
{
    if (f->data)
        munmap((void *)(uintptr_t)f->data, f->size);
    memset(f, 0, sizeof *f);
}

void glint_file_done(const struct glint_file *f, size_t upto, size_t *dropped)
{
    const size_t step = (size_t)16 << 20; /* a multiple of every page size */
    if (upto / step * step <= *dropped)
        return;
    const size_t end = upto / step * step;
    madvise((void *)(uintptr_t)(f->data + *dropped), end - *dropped, MADV_DONTNEED); /* a hint */
    *dropped = end;
}

int glint_file_create(struct glint_file_out *f, const char *path)
{
    f->stream = NULL;
    if (strlen(path) >= sizeof f->path)
        return glint_fail(GLINT_E_ARG, "%.60s...: path longer than %zu bytes", path, sizeof f->path - 1);
    strcpy(f->path, path);
    struct stat st;
    strcpy(f->part, path);
    if (stat(path, &st) != 0 || S_ISREG(st.st_mode)) /* never rename over a device */
        strcat(f->part, ".part");
    f->stream = fopen(f->part, "wb");
    if (!f->stream)
        return glint_fail(GLINT_E_IO, "%s: cannot write: %s", path, strerror(errno));
    return GLINT_OK;
}

static bool has_part(const struct glint_file_out *f)
{
    return strcmp(f->part, f->path) != 0;
}

int glint_file_commit(struct glint_file_out *f)
{
    errno = 0;
    const bool failed = ferror(f->stream) != 0; /* errno of the failing write is gone by now */
    int status = GLINT_OK;
    if (fclose(f->stream) != 0 || failed || (has_part(f) && rename(f->part, f->path) != 0)) {
        status = glint_fail(GLINT_E_IO, "%s: cannot write: %s", f->path,
                            errno ? strerror(errno) : "output error (disk full?)");
        if (has_part(f))
            remove(f->part);
    }
    f->stream = NULL;
    return status;
}

void glint_file_discard(struct glint_file_out *f)
{
    if (!f->stream)
        return;
    fclose(f->stream);
    if (has_part(f))
        remove(f->part);
    f->stream = NULL;
}
