/* tools/first_frame.c - see first_frame.h. A pipeline without a model, stopped behind its first frame; a sink
 * keeps it. */
#include "tools/first_frame.h"
#include "glint/pipeline.h"
#include "io/capture.h"
#include "io/sink.h"
#include "tools/standard_scan.h"
#include <stdlib.h>
#include <string.h>

struct keeper {
    struct glint_sink base;
    struct glint_first_frame *first;
};

static void copy_points(struct glint_points *to, const struct glint_points *from)
{
    const size_t n = (size_t)from->n;
    memcpy(to->x, from->x, n * sizeof *to->x);
    memcpy(to->y, from->y, n * sizeof *to->y);
    memcpy(to->z, from->z, n * sizeof *to->z);
    memcpy(to->intensity, from->intensity, n * sizeof *to->intensity);
    memcpy(to->ring, from->ring, n * sizeof *to->ring);
    memcpy(to->ret, from->ret, n * sizeof *to->ret);
    memcpy(to->offset_ns, from->offset_ns, n * sizeof *to->offset_ns);
    if (from->elongation)
        memcpy(to->elongation, from->elongation, n * sizeof *to->elongation);
    if (from->lag)
        memcpy(to->lag, from->lag, n * sizeof *to->lag);
    to->n = from->n;
}

static int keep(struct glint_sink *sink, const struct glint_frame *frame)
{
    struct glint_first_frame *first = ((struct keeper *)sink)->first;
    if (first->frame)
        return GLINT_OK;
    GLINT_TRY(glint_frame_pool_open(1, frame->points.n > 0 ? frame->points.n : 1, 4096, &first->pool));
    struct glint_frame *copy = glint_frame_get(first->pool, false);
    if (frame->points.elongation)
        glint_frame_use_elongation(copy);
    if (frame->points.lag)
        glint_frame_use_lag(copy);
    copy_points(&copy->points, &frame->points);
    copy->stamp_ns = frame->stamp_ns;
    copy->batch_size = frame->batch_size;
    copy->batch_index = frame->batch_index;
    copy->no_range_filter = frame->no_range_filter;
    copy->as_network_input = frame->as_network_input;
    memcpy(copy->source, frame->source, sizeof copy->source);
    memcpy(copy->name, frame->name, sizeof copy->name);
    first->frame = copy;
    return GLINT_OK;
}

static int finish(struct glint_sink *sink)
{
    (void)sink;
    return GLINT_OK;
}

static void close_keeper(struct glint_sink *sink)
{
    (void)sink; /* lives on the caller's stack */
}

static const struct glint_sink_ops keeper_ops = {
    .name = "first frame", .write = keep, .finish = finish, .close = close_keeper};

static int run_first(struct glint_first_frame *f, struct glint_source *source, const char *sensor,
                     const char *calib)
{
    struct keeper keeper = {{&keeper_ops, "first frame"}, f};
    struct glint_pipeline_settings settings;
    struct glint_pipeline *pipeline;
    glint_pipeline_settings_default(&settings);
    settings.source = source;
    settings.sensor = sensor;
    settings.calib = calib;
    settings.end_frame = 1;
    settings.sinks[settings.n_sinks++] = &keeper.base;
    GLINT_TRY(glint_pipeline_open(&settings, &pipeline));
    const int status = glint_pipeline_run(pipeline);
    glint_pipeline_close(pipeline);
    if (status == GLINT_OK && !f->frame)
        return glint_fail(GLINT_E_FORMAT, "%s: no frame inside", source->path);
    return f->frame ? GLINT_OK : status;
}

int glint_first_frame_make(struct glint_first_frame *f, int32_t n_points)
{
    *f = (struct glint_first_frame){0};
    GLINT_TRY(glint_frame_pool_open(1, n_points, 4096, &f->pool));
    f->frame = glint_frame_get(f->pool, false);
    glint_made_scan_fill(f->frame, n_points);
    return GLINT_OK;
}

int glint_first_frame_open(struct glint_first_frame *f, const char *path, const char *sensor,
                           const char *calib)
{
    struct glint_source *source;
    *f = (struct glint_first_frame){0};
    GLINT_TRY(glint_source_open(path, NULL, &source));
    const int status = run_first(f, source, sensor, calib);
    glint_source_close(source);
    if (status < 0)
        glint_first_frame_close(f);
    return status;
}

void glint_first_frame_close(struct glint_first_frame *f)
{
    glint_frame_unref(f->frame);
    glint_frame_pool_close(f->pool);
    *f = (struct glint_first_frame){0};
}
