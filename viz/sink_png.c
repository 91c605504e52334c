/* viz/sink_png.c - see sink_png.h. */
#define _GNU_SOURCE
#include "viz/sink_png.h"
#include "core/arena.h"
#include "viz/match.h"
#include "viz/png_write.h"
#include "viz/scene.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct sink_png {
    struct glint_sink base;
    char pattern[1024];
    uint64_t n_written;
    struct glint_png_settings settings;
    struct glint_sink_context context;
    struct glint_arena arena; /* pixels, file bytes, states, and scratch behind them */
    struct glint_image image;
    uint8_t *file, *box_state, *label_state;
    size_t cap_file;
};

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int write_file(const char *path, const uint8_t *data, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    const int failed = write_all(fd, data, size), reason = errno;
    if (close(fd) != 0)
        return -1;
    errno = reason;
    return failed;
}

/* Beside path first, then renamed, so that no half picture bears its name; devices and pipes as they are. */
static int save(const char *path, const uint8_t *data, size_t size)
{
    char part[1200];
    struct stat st;
    const bool direct = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
    snprintf(part, sizeof part, "%s.part", path);
    if (write_file(direct ? path : part, data, size) == 0 && (direct || rename(part, path) == 0))
        return GLINT_OK;
    const int reason = errno;
    if (!direct)
        unlink(part);
    return glint_fail(GLINT_E_IO, "%s: cannot write: %s", path, strerror(reason));
}

static int fits(const struct sink_png *s, const struct glint_frame *frame)
{
    if (frame->n_boxes > s->settings.cap_boxes)
        return glint_fail(GLINT_E_CAPACITY, "%s: %d boxes, room for %d", s->pattern, frame->n_boxes,
                          s->settings.cap_boxes);
    if (s->n_written > 0 && !strchr(s->pattern, '%'))
        return glint_fail(GLINT_E_ARG, "%s: several frames, expected %%06d in the name", s->pattern);
    return GLINT_OK;
}

static int write_frame(struct glint_sink *sink, const struct glint_frame *frame)
{
    struct sink_png *s = (struct sink_png *)sink;
    struct glint_scene scene = {.frame = frame, .context = &s->context, .range_m = s->settings.range_m};
    char path[1100];
    size_t size;
    GLINT_TRY(fits(s, frame));
    GLINT_TRY(glint_sink_path(s->pattern, frame->index, path, sizeof path));
    if (s->settings.labels)
        scene.labels = glint_labels_frame(s->settings.labels, frame->index, &scene.n_labels);
    if (scene.labels) {
        glint_match(&s->settings.rule, frame->boxes, frame->n_boxes, scene.labels, scene.n_labels,
                    s->box_state, s->label_state);
        scene.box_state = s->box_state;
        scene.label_state = s->label_state;
    }
    glint_scene_draw(&s->image, &scene);
    GLINT_TRY(glint_png_encode(&s->image, &s->arena, s->file, s->cap_file, &size));
    s->n_written++;
    return save(path, s->file, size);
}

static int finish(struct glint_sink *sink)
{
    (void)sink; /* every picture is whole when write returns */
    return GLINT_OK;
}

static void close_sink(struct glint_sink *sink)
{
    struct sink_png *s = (struct sink_png *)sink;
    glint_arena_fini(&s->arena);
    free(s);
}

static const struct glint_sink_ops ops = {
    .name = "png", .write = write_frame, .finish = finish, .close = close_sink};

static int reserve(struct sink_png *s)
{
    const int32_t px = s->settings.size_px;
    const size_t pixels = (size_t)px * (size_t)px * 3, n_boxes = (size_t)s->settings.cap_boxes;
    const size_t n_labels = s->settings.labels ? (size_t)glint_labels_most(s->settings.labels) + 1 : 1;
    s->cap_file = glint_png_most_bytes(px, px);
    GLINT_TRY(glint_arena_init(&s->arena, glint_arena_round(pixels) + glint_arena_round(s->cap_file) +
                                              glint_arena_round(n_boxes) + glint_arena_round(n_labels) +
                                              glint_png_scratch_bytes(px, px)));
    s->image = (struct glint_image){px, px, glint_arena_alloc(&s->arena, pixels)};
    s->file = glint_arena_alloc(&s->arena, s->cap_file);
    s->box_state = glint_arena_alloc(&s->arena, n_boxes);
    s->label_state = glint_arena_alloc(&s->arena, n_labels);
    return GLINT_OK;
}

static int check(const struct sink_png *s)
{
    char path[1100];
    if (s->settings.size_px < 64 || s->settings.size_px > 8192)
        return glint_fail(GLINT_E_ARG, "picture size %d, expected 64 to 8192", s->settings.size_px);
    if (!(s->settings.range_m >= 1.0f && s->settings.range_m <= 1000.0f))
        return glint_fail(GLINT_E_ARG, "picture range %g m, expected 1 to 1000", (double)s->settings.range_m);
    if (s->settings.cap_boxes < 1)
        return glint_fail(GLINT_E_ARG, "%d boxes, expected 1 or more", s->settings.cap_boxes);
    return glint_sink_path(s->pattern, 0, path, sizeof path);
}

int glint_sink_png_open(const char *path, const struct glint_png_settings *settings,
                        const struct glint_sink_context *context, struct glint_sink **sink_out)
{
    *sink_out = NULL;
    struct sink_png *s = strlen(path) < sizeof s->pattern ? calloc(1, sizeof *s) : NULL;
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory, or too long a name", path);
    s->base = (struct glint_sink){&ops, s->pattern};
    memcpy(s->pattern, path, strlen(path) + 1);
    s->settings = settings ? *settings : (struct glint_png_settings){0};
    s->settings.size_px = s->settings.size_px ? s->settings.size_px : 1200;
    s->settings.range_m = s->settings.range_m != 0.0f ? s->settings.range_m : 51.2f;
    s->settings.cap_boxes = s->settings.cap_boxes ? s->settings.cap_boxes : 4096;
    if (s->settings.rule.distance_m == 0.0f)
        s->settings.rule = GLINT_MATCH_RULE_DEFAULT;
    s->context = *context;
    int status = check(s);
    if (status == GLINT_OK)
        status = reserve(s);
    if (status < 0)
        close_sink(&s->base);
    else
        *sink_out = &s->base;
    return status;
}
