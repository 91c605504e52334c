/* core/trace_stream.c - a trace to disk while it is filled; see glint/trace.h.
 *
 * A thread of its own takes events out of the ring a few times a second, so that those who trace never wait
 * for a disk. Each time it writes them and the end of the file in one piece over the end that was there:
 * between any two writes the file is whole, and whoever kills the program finds all but the last moment. Only
 * a kill -9 in the middle of a write may cut it, which Linux does between two pages: then the last line is
 * partial, and the end is missing. What cannot be sought in (a pipe) gets its end at the end. */
#define _POSIX_C_SOURCE 200809L
#include "core/clock.h"
#include "core/log.h"
#include "core/status.h"
#include "core/trace_format.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHUNK     32 /* events of a write: a small one is seldom cut */
#define PERIOD_NS INT64_C(200000000)
#define BLOCK     (1 << 18) /* text of a write; more than a chunk's: an event is below 900 bytes */

struct glint_trace_stream {
    struct glint_trace *trace;
    pthread_t thread;
    bool stop;
    int fd, status;
    bool is_file;
    off_t at; /* where the end of the file begins */
    char path[1024], reason[1280];
    uint64_t next, n_lost; /* event to be written next; those that were overwritten before */
    int n_named;
    char names[GLINT_TRACE_THREADS][32];
    struct glint_trace_text text;
    char block[BLOCK + 64];
};

static int write_all(const struct glint_trace_stream *s, const char *data, size_t size, off_t at)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = s->is_file ? pwrite(s->fd, data + done, size - done, at + (off_t)done)
                                     : write(s->fd, data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

/* What is in the block goes out, with the file's end behind it. */
static void flush(struct glint_trace_stream *s, bool last)
{
    fflush(s->text.out);
    const size_t n = (size_t)ftello(s->text.out), tail = strlen(GLINT_TRACE_TAIL);
    const bool ends = s->is_file || last;
    memcpy(s->block + n, GLINT_TRACE_TAIL, tail);
    rewind(s->text.out);
    if (s->status < 0)
        return;
    if (write_all(s, s->block, n + (ends ? tail : 0), s->at) != 0) {
        s->status = GLINT_E_IO;
        snprintf(s->reason, sizeof s->reason, "%s: cannot write: %s", s->path, strerror(errno));
    }
    s->at += (off_t)n;
}

/* Under the trace's mutex. */
static void put_names(struct glint_trace_stream *s)
{
    const struct glint_trace *t = s->trace;
    for (int i = 0; i < t->n_threads; i++) {
        if (i < s->n_named && strcmp(s->names[i], t->threads[i].name) == 0)
            continue;
        memcpy(s->names[i], t->threads[i].name, sizeof s->names[i]);
        glint_trace_put_thread(&s->text, i, s->names[i]);
    }
    s->n_named = t->n_threads;
}

static size_t take(struct glint_trace_stream *s, struct glint_trace_event *chunk)
{
    struct glint_trace *t = s->trace;
    pthread_mutex_lock(&t->mutex);
    const uint64_t before = s->next;
    put_names(s);
    const size_t n = glint_trace_copy(t, &s->next, t->n_events, chunk, CHUNK);
    t->call_at = s->next + t->cap_events / 4;
    s->n_lost += s->next - before - n;
    pthread_mutex_unlock(&t->mutex);
    return n;
}

static void write_events(struct glint_trace_stream *s)
{
    struct glint_trace_event chunk[CHUNK];
    const uint64_t lost = s->n_lost;
    const bool failed = s->status < 0;
    for (size_t n; (n = take(s, chunk)) > 0;) {
        for (size_t i = 0; i < n; i++)
            glint_trace_put_event(&s->text, &chunk[i]);
        flush(s, false);
    }
    if (s->status < 0 && !failed)
        glint_log(GLINT_LOG_WARN, "%s: the trace ends here", s->reason);
    if (s->n_lost > lost)
        glint_trace_put_counter(&s->text, "trace events lost", glint_clock_monotonic_ns(), (double)s->n_lost);
}

/* Until it is called or its time has come; true: the last time. */
static bool wait_for_work(struct glint_trace_stream *s)
{
    struct glint_trace *t = s->trace;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PERIOD_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&t->mutex);
    while (!s->stop && t->n_events < t->call_at && pthread_cond_timedwait(&t->call, &t->mutex, &until) == 0)
        ;
    const bool last = s->stop;
    pthread_mutex_unlock(&t->mutex);
    return last;
}

static void *run(void *arg)
{
    struct glint_trace_stream *s = arg;
    for (bool last = false; !last;) {
        last = wait_for_work(s);
        write_events(s);
        if (last)
            flush(s, true);
    }
    return NULL;
}

static int open_file(struct glint_trace_stream *s, const char *path)
{
    struct stat st;
    s->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (s->fd < 0 || fstat(s->fd, &st) != 0)
        return glint_fail(GLINT_E_IO, "%s: cannot write: %s", path, strerror(errno));
    s->is_file = S_ISREG(st.st_mode);
    s->text.out = fmemopen(s->block, BLOCK, "w");
    if (!s->text.out)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    glint_trace_put_head(&s->text);
    flush(s, false);
    return s->status < 0 ? glint_fail(s->status, "%s", s->reason) : GLINT_OK;
}

static void stream_free(struct glint_trace_stream *s)
{
    if (s->text.out)
        fclose(s->text.out);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

static int start(struct glint_trace_stream *s)
{
    struct glint_trace *t = s->trace;
    pthread_mutex_lock(&t->mutex);
    t->stream = s;
    s->next = t->n_events;
    t->call_at = s->next + t->cap_events / 4;
    pthread_mutex_unlock(&t->mutex);
    if (pthread_create(&s->thread, NULL, run, s) == 0)
        return GLINT_OK;
    t->stream = NULL;
    return glint_fail(GLINT_E_NOMEM, "%s: no thread for the trace", s->path);
}

int glint_trace_stream_begin(struct glint_trace *t, const char *path)
{
    if (!t || t->stream || strlen(path) >= sizeof t->stream->path)
        return glint_fail(GLINT_E_ARG, "%.200s: no trace, written already, or too long a name", path);
    struct glint_trace_stream *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for a trace", path);
    s->trace = t;
    s->fd = -1;
    memcpy(s->path, path, strlen(path) + 1);
    s->text.opened_ns = t->opened_ns;
    s->text.opened_utc_ns = t->opened_utc_ns;
    int status = open_file(s, path);
    if (status == GLINT_OK)
        status = start(s);
    if (status < 0)
        stream_free(s);
    return status;
}

int glint_trace_stream_end(struct glint_trace *t)
{
    struct glint_trace_stream *s = t ? t->stream : NULL;
    if (!s)
        return GLINT_OK;
    pthread_mutex_lock(&t->mutex);
    s->stop = true;
    t->stream = NULL;
    pthread_cond_signal(&t->call);
    pthread_mutex_unlock(&t->mutex);
    pthread_join(s->thread, NULL);
    const int fd = s->fd;
    s->fd = -1;
    if (close(fd) != 0 && s->status == GLINT_OK) {
        s->status = GLINT_E_IO;
        snprintf(s->reason, sizeof s->reason, "%s: cannot write: %s", s->path, strerror(errno));
    }
    const int status = s->status < 0 ? glint_fail(s->status, "%s", s->reason) : GLINT_OK;
    stream_free(s);
    return status;
}
