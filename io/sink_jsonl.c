/* io/sink_jsonl.c - results as lines of JSON, see sinks.h. Written by hand: a library would allocate per
 * frame and print numbers with all their digits. */
#define _GNU_SOURCE /* F_GETPIPE_SZ */
#include "core/clock.h"
#include "io/output.h"
#include "io/sinks.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

struct sink_jsonl {
    struct glint_sink sink;
    struct glint_sink_context ctx;
    int fd;
    bool may_wait;                 /* for a pipe's reader */
    bool is_stdout, can_take_back; /* a regular file can be cut back to whole lines */
    off_t size;
    struct glint_buffer line;
};

/* ---- JSON ---- */

/* Length of the UTF-8 character at s, 0 when it is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_length(const unsigned char *s)
{
    const unsigned a = s[0];
    const size_t n = a < 0x80 ? 1 : a < 0xc2 ? 0 : a < 0xe0 ? 2 : a < 0xf0 ? 3 : a < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((a == 0xe0 && s[1] < 0xa0) || (a == 0xed && s[1] > 0x9f) || (a == 0xf0 && s[1] < 0x90) ||
        (a == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

static void put_string(struct glint_buffer *b, const char *text)
{
    glint_buffer_text(b, "\"");
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        const size_t n = utf8_length(s);
        if (n == 0) {
            glint_buffer_text(b, "\\ufffd");
        } else if (*s == '"' || *s == '\\') {
            const char escaped[2] = {'\\', (char)*s};
            glint_buffer_add(b, escaped, 2);
        } else if (*s < 0x20 || *s == 0x7f) {
            char escaped[8];
            snprintf(escaped, sizeof escaped, "\\u%04x", *s);
            glint_buffer_add(b, escaped, 6);
        } else {
            glint_buffer_add(b, s, n);
        }
        s += n ? n : 1;
    }
    glint_buffer_text(b, "\"");
}

/* `before` is what comes before the value: ,"key": */
static void put_i64(struct glint_buffer *b, const char *before, int64_t value)
{
    glint_buffer_text(b, before);
    glint_buffer_i64(b, value);
}

static void put_count(struct glint_buffer *b, const char *before, uint64_t value)
{
    put_i64(b, before, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

static void put_array(struct glint_buffer *b, const char *before, const float *values, int n, int decimals)
{
    glint_buffer_text(b, before);
    for (int i = 0; i < n; i++) {
        glint_buffer_text(b, i ? "," : "[");
        glint_buffer_number(b, values[i], decimals);
    }
    glint_buffer_text(b, "]");
}

static void put_name(struct glint_buffer *b, const char *const *names, int32_t n, int32_t index)
{
    char number[24];
    if (index >= 0 && index < n) {
        put_string(b, names[index]);
    } else {
        snprintf(number, sizeof number, "class_%d", index);
        put_string(b, number);
    }
}

/* Ages in seconds; unseen only where the object was not detected in this frame. */
static void put_track(struct glint_buffer *b, const struct glint_box *box)
{
    put_i64(b, ",\"id\":", box->id);
    glint_buffer_text(b, ",\"age\":");
    glint_buffer_number(b, box->age_s, 3);
    if (box->unseen_s > 0) {
        glint_buffer_text(b, ",\"unseen\":");
        glint_buffer_number(b, box->unseen_s, 3);
    }
}

static void put_box(struct glint_buffer *b, const struct glint_sink_context *ctx, const struct glint_box *box)
{
    glint_buffer_text(b, "{\"label\":");
    put_name(b, ctx->classes, ctx->n_classes, box->label);
    glint_buffer_text(b, ",\"score\":");
    glint_buffer_number(b, box->score, 4);
    put_array(b, ",\"center\":", box->center, 3, 4);
    put_array(b, ",\"size\":", box->size, 3, 4);
    glint_buffer_text(b, ",\"yaw\":");
    glint_buffer_number(b, box->yaw, 4);
    put_array(b, ",\"velocity\":", box->velocity, 2, 4);
    if (box->id >= 0)
        put_track(b, box);
    glint_buffer_text(b, "}");
}

static void put_boxes(struct glint_buffer *b, const struct glint_sink_context *ctx,
                      const struct glint_frame *frame)
{
    glint_buffer_text(b, ",\"boxes\":[");
    for (int32_t i = 0; i < frame->n_boxes; i++) {
        if (i > 0)
            glint_buffer_text(b, ",");
        put_box(b, ctx, &frame->boxes[i]);
    }
    glint_buffer_text(b, "]");
}

/* Points per class. */
static void put_classes(struct glint_buffer *b, const struct glint_sink_context *ctx,
                        const struct glint_frame *frame)
{
    int64_t counts[256] = {0}, other = 0;
    for (int32_t i = 0; i < frame->points.n; i++)
        counts[frame->point_class[i]]++;
    glint_buffer_text(b, ",\"classes\":{");
    for (int32_t c = 0; c < 256; c++) {
        if (c >= ctx->n_point_classes) {
            other += counts[c];
            continue;
        }
        glint_buffer_text(b, c ? "," : "");
        put_string(b, ctx->point_classes[c]);
        put_i64(b, ":", counts[c]);
    }
    if (other > 0)
        put_i64(b, ctx->n_point_classes > 0 ? ",\"unclassified\":" : "\"unclassified\":", other);
    glint_buffer_text(b, "}");
}

static void put_loss(struct glint_buffer *b, const struct glint_loss *loss)
{
    put_count(b, ",\"loss\":{\"packets_lost\":", loss->packets_lost);
    put_count(b, ",\"malformed\":", loss->packets_malformed);
    put_count(b, ",\"received\":", loss->packets_received);
    put_count(b, ",\"decoded\":", loss->packets_decoded);
    put_count(b, ",\"foreign\":", loss->packets_foreign);
    put_count(b, ",\"points_dropped\":", loss->points_dropped);
    put_count(b, ",\"points_clipped\":", loss->points_clipped);
    put_count(b, ",\"frames_dropped\":", loss->frames_dropped);
    if (loss->packets_duplicate > 0)
        put_count(b, ",\"duplicate\":", loss->packets_duplicate);
    if (loss->packets_dropped > 0)
        put_count(b, ",\"dropped\":", loss->packets_dropped);
    if (loss->frames_without_pose > 0)
        put_count(b, ",\"frames_without_pose\":", loss->frames_without_pose);
    if (loss->sensors_missed > 0)
        put_count(b, ",\"sensors_missed\":", loss->sensors_missed);
    if (loss->records_corrupt > 0)
        put_count(b, ",\"records_corrupt\":", loss->records_corrupt);
    glint_buffer_text(b, "}");
}

/* Stages that ran, and the time from the input's last byte to now (or to when it was published). */
static void put_latency(struct glint_buffer *b, const struct glint_frame *frame)
{
    int64_t total = frame->total_ns;
    if (total <= 0 && frame->arrival_ns > 0)
        total = glint_clock_monotonic_ns() - frame->arrival_ns;
    glint_buffer_text(b, ",\"latency_us\":{");
    for (int i = 0; i < GLINT_STAGE_COUNT; i++) {
        if (frame->latency_ns[i] < 0)
            continue;
        glint_buffer_text(b, "\"");
        glint_buffer_text(b, glint_stage_name((enum glint_stage)i));
        put_i64(b, "\":", frame->latency_ns[i] / 1000);
        glint_buffer_text(b, ",");
    }
    put_i64(b, "\"total\":", total > 0 ? total / 1000 : 0);
    glint_buffer_text(b, "}");
}

static void put_doubles(struct glint_buffer *b, const char *before, const double *values, int n)
{
    glint_buffer_text(b, before);
    for (int i = 0; i < n; i++) {
        glint_buffer_text(b, i ? "," : "[");
        glint_buffer_number(b, values[i], 6);
    }
    glint_buffer_text(b, "]");
}

/* Where the vehicle was at the moment that points and boxes hold at. */
static void put_pose(struct glint_buffer *b, const struct glint_frame *frame)
{
    put_i64(b, ",\"ego\":{\"stamp_ns\":", frame->reference_ns);
    put_doubles(b, ",\"position\":", frame->pose_position, 3);
    put_doubles(b, ",\"rotation\":", frame->pose_rotation, 4);
    glint_buffer_text(b, "}");
}

/* "left,rear" as a list of names. */
static void put_missing(struct glint_buffer *b, const char *names)
{
    char name[sizeof((struct glint_frame *)0)->missing];
    glint_buffer_text(b, ",\"missing\":[");
    for (const char *at = names; *at;) {
        const size_t n = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        glint_buffer_text(b, at == names ? "" : ",");
        put_string(b, name);
        at += n + (at[n] == ',');
    }
    glint_buffer_text(b, "]");
}

/* Names of what is not as it should be. */
static void put_health(struct glint_buffer *b, uint32_t health)
{
    const char *before = ",\"health\":[\"";
    for (int i = 0; i < GLINT_HEALTH_COUNT; i++) {
        if (!(health & GLINT_HEALTH_BIT(i)))
            continue;
        glint_buffer_text(b, before);
        glint_buffer_text(b, glint_health_name((enum glint_health)i));
        before = "\",\"";
    }
    glint_buffer_text(b, "\"]");
}

static void put_frame(struct glint_buffer *b, const struct glint_sink_context *ctx,
                      const struct glint_frame *frame)
{
    put_count(b, "{\"frame\":", frame->index);
    put_i64(b, ",\"stamp_ns\":", frame->stamp_ns);
    glint_buffer_text(b, ",\"source\":");
    put_string(b, frame->source);
    put_i64(b, ",\"points\":", frame->points.n);
    if (frame->coverage >= 0) {
        glint_buffer_text(b, ",\"coverage\":");
        glint_buffer_number(b, frame->coverage, 4);
    }
    put_boxes(b, ctx, frame);
    if (frame->has_masks)
        put_classes(b, ctx, frame);
    if (frame->has_pose)
        put_pose(b, frame);
    if (frame->missing[0])
        put_missing(b, frame->missing);
    if (frame->health)
        put_health(b, frame->health);
    put_loss(b, &frame->loss);
    put_latency(b, frame);
    glint_buffer_text(b, "}\n");
}

/* ---- the sink ---- */

/* A pipe is a row of pages, into the last of which small pieces go: room for twice as much is enough. When
 * its reader is gone the write is to fail. */
static bool has_room(const struct sink_jsonl *s)
{
    struct pollfd at = {.fd = s->fd};
    int used = 0;
    const int room = fcntl(s->fd, F_GETPIPE_SZ);
    if (room < 0 || ioctl(s->fd, FIONREAD, &used) != 0 || (poll(&at, 1, 0) > 0 && at.revents & POLLERR))
        return true;
    return (size_t)room >= (size_t)used + 2 * s->line.size + 8192;
}

static int write_line(struct glint_sink *sink, const struct glint_frame *frame)
{
    struct sink_jsonl *s = (struct sink_jsonl *)sink;
    size_t written;
    glint_buffer_clear(&s->line);
    put_frame(&s->line, &s->ctx, frame);
    if (s->line.failed)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for a line", sink->path);
    if (!s->may_wait && !has_room(s))
        return GLINT_E_AGAIN;
    const int status = glint_output_all(s->fd, sink->path, s->line.data, s->line.size, &written);
    if (status == GLINT_OK)
        s->size += (off_t)written;
    else if (s->can_take_back && written > 0 && ftruncate(s->fd, s->size) == 0)
        lseek(s->fd, s->size, SEEK_SET);
    return status;
}

static int finish(struct glint_sink *sink)
{
    struct sink_jsonl *s = (struct sink_jsonl *)sink;
    if (s->can_take_back && fsync(s->fd) != 0 && errno != EINVAL && errno != ENOTSUP && errno != EROFS)
        return glint_fail(GLINT_E_IO, "%s: cannot write: %s", sink->path, strerror(errno));
    if (!s->is_stdout && s->fd >= 0) {
        const int failed = close(s->fd);
        s->fd = -1;
        s->can_take_back = false;
        if (failed)
            return glint_fail(GLINT_E_IO, "%s: cannot write: %s", sink->path, strerror(errno));
    }
    return GLINT_OK;
}

static void close_sink(struct glint_sink *sink)
{
    struct sink_jsonl *s = (struct sink_jsonl *)sink;
    if (!s->is_stdout && s->fd >= 0)
        close(s->fd);
    glint_buffer_fini(&s->line);
    free(s);
}

static const struct glint_sink_ops ops = {
    .name = "jsonl", .write = write_line, .finish = finish, .close = close_sink};

/* Behind the last newline of what is there, by its last pieces. */
static int find_end(struct sink_jsonl *s, off_t size)
{
    char piece[4096];
    for (off_t end = size; end > 0;) {
        const off_t from = end > (off_t)sizeof piece ? end - (off_t)sizeof piece : 0;
        const ssize_t n = pread(s->fd, piece, (size_t)(end - from), from);
        if (n != end - from)
            return glint_fail(GLINT_E_IO, "%s: cannot read its end: %s", s->sink.path, strerror(errno));
        for (ssize_t i = n; i > 0; i--)
            if (piece[i - 1] == '\n') {
                s->size = from + i;
                return GLINT_OK;
            }
        end = from;
    }
    return GLINT_OK;
}

static int go_behind_lines(struct sink_jsonl *s, off_t size)
{
    GLINT_TRY(find_end(s, size));
    if ((s->size < size && ftruncate(s->fd, s->size) != 0) || lseek(s->fd, s->size, SEEK_SET) < 0)
        return glint_fail(GLINT_E_IO, "%s: cannot write: %s", s->sink.path, strerror(errno));
    return GLINT_OK;
}

/* A pipe is opened for writing only, so that its reader's end is seen, and without waiting for one. */
static int open_to_append(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
        return open(path, O_CREAT | O_CLOEXEC | O_RDWR, 0666);
    const int fd = open(path, O_CLOEXEC | O_WRONLY | O_NONBLOCK);
    if (fd >= 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    return fd;
}

static int open_file(struct sink_jsonl *s, const char *path, bool append)
{
    struct stat st;
    if (s->is_stdout) {
        s->fd = STDOUT_FILENO;
    } else {
        GLINT_TRY(glint_output_check(path));
        s->fd = append ? open_to_append(path) : open(path, O_CREAT | O_CLOEXEC | O_WRONLY | O_TRUNC, 0666);
    }
    if (s->fd < 0 || fstat(s->fd, &st) != 0)
        return glint_fail(GLINT_E_IO, "%s: cannot write: %s", path, strerror(errno));
    s->can_take_back = !s->is_stdout && S_ISREG(st.st_mode);
    s->may_wait = !append || !S_ISFIFO(st.st_mode);
    return append && s->can_take_back ? go_behind_lines(s, st.st_size) : GLINT_OK;
}

static int open_sink(const char *path, const struct glint_sink_context *ctx, bool append,
                     struct glint_sink **sink_out)
{
    *sink_out = NULL;
    struct sink_jsonl *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    s->is_stdout = strcmp(path, "-") == 0;
    s->sink = (struct glint_sink){&ops, s->is_stdout ? "standard output" : path};
    s->ctx = *ctx;
    s->fd = -1;
    glint_buffer_room(&s->line, 1 << 16); /* lines of usual size need no more */
    const int status = open_file(s, path, append);
    if (status < 0) {
        close_sink(&s->sink);
        return status;
    }
    *sink_out = &s->sink;
    return GLINT_OK;
}

int glint_sink_jsonl_open(const char *path, const struct glint_sink_context *ctx,
                          struct glint_sink **sink_out)
{
    return open_sink(path, ctx, false, sink_out);
}

int glint_sink_jsonl_append(const char *path, const struct glint_sink_context *ctx,
                            struct glint_sink **sink_out)
{
    return open_sink(path, ctx, true, sink_out);
}
