/* tests/clouds.h - frames for tests of point files. */
#ifndef GLINT_TESTS_CLOUDS_H
#define GLINT_TESTS_CLOUDS_H
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* mkdtemp; include this file first */
#endif
#include "tests/files.h"
#include "core/frame.h"
#include "io/source.h"

#define CLOUD_CAP 256

static struct glint_frame_pool *cloud_pool;

/* A cleared frame, the only one there is. */
static inline struct glint_frame *cloud_frame(int32_t cap_points)
{
    assert_int_equal(glint_frame_pool_open(1, cap_points, 16, &cloud_pool), GLINT_OK);
    return glint_frame_get(cloud_pool, false);
}
static inline void cloud_frame_done(struct glint_frame *frame)
{
    glint_frame_unref(frame);
    glint_frame_pool_close(cloud_pool);
}

static inline void expect_ok(int status)
{
    if (status != GLINT_OK)
        fail_msg("%s: %s", glint_status_name(status), glint_error_text());
}
static inline void expect_failure(int got, int status, const char *part)
{
    if (got != status || !strstr(glint_error_text(), part))
        fail_msg("got %s: %s; expected \"%s\"", glint_status_name(got), glint_error_text(), part);
}

/* The first frame of a file. */
static inline int cloud_read(const char *path, const char *format, struct glint_frame *frame)
{
    struct glint_source *source;
    const struct glint_source_settings settings = {.format = format};
    int status = glint_source_open(path, &settings, &source);
    if (status == GLINT_OK)
        status = source->ops->next_frame(source, frame);
    glint_source_close(source);
    return status;
}
#endif
