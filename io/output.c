/* io/output.c - see output.h. */
#define _POSIX_C_SOURCE 200809L
#include "io/output.h"
#include "io/number.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- buffer ---- */

void glint_buffer_fini(struct glint_buffer *b)
{
    free(b->data);
    memset(b, 0, sizeof *b);
}

void glint_buffer_clear(struct glint_buffer *b)
{
    b->size = 0;
    b->failed = false;
}

uint8_t *glint_buffer_room(struct glint_buffer *b, size_t n)
{
    if ((n > b->cap - b->size || !b->data) && !b->failed) {
        size_t cap = b->cap ? b->cap : 4096;
        while (cap - b->size < n && cap <= SIZE_MAX / 2)
            cap *= 2;
        uint8_t *data = cap - b->size < n ? NULL : realloc(b->data, cap);
        b->failed = !data;
        if (data) {
            b->data = data;
            b->cap = cap;
        }
    }
    return b->failed ? NULL : b->data + b->size;
}

void glint_buffer_add(struct glint_buffer *b, const void *data, size_t n)
{
    uint8_t *room = glint_buffer_room(b, n);
    if (room && n > 0) {
        memcpy(room, data, n);
        b->size += n;
    }
}

void glint_buffer_text(struct glint_buffer *b, const char *text)
{
    glint_buffer_add(b, text, strlen(text));
}

void glint_buffer_number(struct glint_buffer *b, double value, int decimals)
{
    uint8_t *room = glint_buffer_room(b, GLINT_NUMBER_TEXT);
    if (room)
        b->size += glint_number_write((char *)room, value, decimals);
}

void glint_buffer_i64(struct glint_buffer *b, int64_t value)
{
    uint8_t *room = glint_buffer_room(b, GLINT_NUMBER_TEXT);
    if (room)
        b->size += glint_number_write_i64((char *)room, value);
}

void glint_buffer_u32(struct glint_buffer *b, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24)};
    glint_buffer_add(b, bytes, 4);
}

/* ---- folders ---- */

int glint_output_parents(const char *path)
{
    char folder[1024];
    if (strlen(path) >= sizeof folder)
        return glint_fail(GLINT_E_ARG, "%.60s...: path too long", path);
    strcpy(folder, path);
    for (char *slash = folder; (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
        *slash = 0;
        struct stat st;
        if (mkdir(folder, 0777) == 0 || (stat(folder, &st) == 0 && S_ISDIR(st.st_mode)))
            continue;
        const int reason = errno == EEXIST ? ENOTDIR : errno;
        return glint_fail(GLINT_E_IO, "%s: cannot make folder %s: %s", path, folder, strerror(reason));
    }
    return GLINT_OK;
}

int glint_output_check(const char *path)
{
    char folder[1024];
    struct stat st;
    GLINT_TRY(glint_output_parents(path));
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return glint_fail(GLINT_E_IO, "%s: cannot write: it is a folder", path);
        if (!S_ISREG(st.st_mode))
            return GLINT_OK;
    }
    strcpy(folder, path); /* its length was checked above */
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    if (access(slash ? folder : ".", W_OK | X_OK) != 0)
        return glint_fail(GLINT_E_IO, "%s: cannot write: %s", path, strerror(errno));
    return GLINT_OK;
}

/* ---- files ---- */

/* A pipe whose reader is gone raises SIGPIPE, which would end the program. It is blocked in this thread for
 * the write, and one that came is taken away. */
static ssize_t write_quietly(int fd, const void *data, size_t size)
{
    sigset_t pipe_set, old, pending;
    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
    const ssize_t n = write(fd, data, size);
    const int reason = errno;
    if (n < 0 && reason == EPIPE && !sigismember(&pending, SIGPIPE)) {
        const struct timespec at_once = {0, 0};
        while (sigtimedwait(&pipe_set, NULL, &at_once) < 0 && errno == EINTR)
            continue;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = reason;
    return n;
}

int glint_output_all(int fd, const char *path, const void *data, size_t size, size_t *written_out)
{
    size_t done = 0;
    int status = GLINT_OK;
    while (done < size) {
        const ssize_t n = write_quietly(fd, (const uint8_t *)data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            status = glint_fail(GLINT_E_IO, "%s: cannot write: %s", path,
                                n < 0 ? strerror(errno) : "nothing written");
            break;
        }
        done += (size_t)n;
    }
    if (written_out)
        *written_out = done;
    return status;
}

/* Opens path for writing; a missing folder is made (paths with numbers in folder names). */
static int open_new(const char *path, int flags)
{
    int fd = open(path, flags, 0666);
    if (fd < 0 && errno == ENOENT) {
        GLINT_TRY(glint_output_parents(path));
        fd = open(path, flags, 0666);
    }
    return fd >= 0 ? fd : glint_fail(GLINT_E_IO, "%s: cannot write: %s", path, strerror(errno));
}

static int write_to(const char *path, int flags, const struct glint_buffer *content)
{
    const int fd = open_new(path, flags);
    if (fd < 0)
        return fd;
    const int status = glint_output_all(fd, path, content->data, content->size, NULL);
    if (close(fd) != 0 && status == GLINT_OK)
        return glint_fail(GLINT_E_IO, "%s: cannot write: %s", path, strerror(errno));
    return status;
}

int glint_output_write(const char *path, const struct glint_buffer *content)
{
    char part[1024 + 8];
    struct stat st;
    if (content->failed)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for its content", path);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return write_to(path, O_WRONLY | O_CLOEXEC, content);
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return glint_fail(GLINT_E_ARG, "%.60s...: path too long", path);
    int status = write_to(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, content);
    if (status == GLINT_OK && rename(part, path) != 0)
        status = glint_fail(GLINT_E_IO, "%s: cannot write: %s", path, strerror(errno));
    if (status < 0)
        unlink(part);
    return status;
}
