/* tools/bench_whole.c - model and pipeline: the network on one frame, and everything on all frames. */
#define _GNU_SOURCE
#include "core/clock.h"
#include "core/status.h"
#include "glint/model.h"
#include "tools/bench.h"
#include "tools/first_frame.h"
#include "tools/places.h"
#include "tools/report.h"
#include "tools/session.h"
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static int open_model(struct glint_bench *b, int32_t cap_points, struct glint_model **model_out)
{
    struct glint_model_settings settings;
    char folder[PATH_MAX];
    *model_out = NULL;
    if (!glint_find_model(b->model_name, folder, sizeof folder))
        return glint_fail(GLINT_E_NOTFOUND, "%s: no such model", folder);
    glint_model_settings_default(&settings);
    settings.device = b->device;
    settings.n_threads = b->n_threads;
    settings.pin = b->pin;
    settings.precision = b->precision;
    settings.cap_points = cap_points > 0 ? cap_points : 1;
    const int64_t begun = glint_clock_monotonic_ns();
    GLINT_TRY(glint_model_open(folder, &settings, NULL, model_out));
    const struct glint_model_info *info = glint_model_info(*model_out);
    json_t *model = json_object();
    json_object_set_new(model, "name", json_string(info->name));
    json_object_set_new(model, "architecture", json_string(info->arch));
    json_object_set_new(model, "parameters", json_integer((json_int_t)info->n_parameters));
    json_object_set_new(model, "memory_bytes", json_integer((json_int_t)info->memory_bytes));
    json_object_set_new(model, "device", json_string(info->device));
    json_object_set_new(model, "device_bytes", json_integer((json_int_t)info->device_bytes));
    json_object_set_new(model, "open_ms", json_real((double)(glint_clock_monotonic_ns() - begun) * 1e-6));
    json_object_set_new(b->out, "model", model);
    return GLINT_OK;
}

/* Durations per stage of the measured frames, and of all stages before publishing. */
struct stages {
    struct glint_times stage[GLINT_STAGE_COUNT + 1];
    double outside; /* ms of all frames that were not the network's */
    double all;
};

static int stages_open(struct stages *s, int32_t cap)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i <= GLINT_STAGE_COUNT; i++)
        GLINT_TRY(glint_times_open(&s->stage[i], cap));
    return GLINT_OK;
}

static void stages_close(struct stages *s)
{
    for (int i = 0; i <= GLINT_STAGE_COUNT; i++)
        glint_times_close(&s->stage[i]);
}

static void stages_add(struct stages *s, const struct glint_frame *frame)
{
    double all = 0.0;
    for (int i = 0; i < GLINT_STAGE_PUBLISH; i++) {
        if (frame->latency_ns[i] < 0)
            continue;
        const double ms = (double)frame->latency_ns[i] * 1e-6;
        glint_times_add(&s->stage[i], ms);
        all += ms;
        if (i < GLINT_STAGE_ENCODE || i > GLINT_STAGE_HEAD)
            s->outside += ms;
    }
    s->all += all;
    glint_times_add(&s->stage[GLINT_STAGE_COUNT], all);
}

/* What the work depended on: pillars, pixels that had to be computed, work saved by leaving out the rest. */
static void put_cost(struct glint_bench *b, const struct glint_model_cost *c)
{
    double flop = 0.0, saved = 0.0;
    json_t *occupancy = json_object();
    json_object_set_new(b->out, "points", json_integer(c->n_points));
    json_object_set_new(b->out, "pillars", json_integer(c->n_pillars));
    fprintf(b->words, "%d points, %d pillars", c->n_points, c->n_pillars);
    for (int i = 0; i < GLINT_STAGE_COUNT; i++) {
        flop += c->flop[i];
        saved += c->flop_saved[i];
        if (c->pixels_whole[i] <= 0.0)
            continue;
        const double share = c->pixels[i] / c->pixels_whole[i];
        const char *name = glint_stage_name((enum glint_stage)i);
        json_object_set_new(occupancy, name, json_real(share));
        fprintf(b->words, "; %s: %.1f %% of the maps' pixels computed", name, 100.0 * share);
    }
    json_object_set_new(b->out, "computed_share", occupancy);
    json_object_set_new(b->out, "gflop", json_real(flop * 1e-9));
    json_object_set_new(b->out, "gflop_whole", json_real((flop + saved) * 1e-9));
    fprintf(b->words, "\n%.2f GFLOP done of %.2f for whole maps", flop * 1e-9, (flop + saved) * 1e-9);
}

static void put_stages(struct glint_bench *b, struct stages *s, const struct glint_model *model)
{
    struct glint_model_cost cost = {0};
    double flop = 0.0, bytes = 0.0;
    glint_model_cost(model, &cost);
    for (int i = 0; i < GLINT_STAGE_COUNT; i++) {
        flop += cost.flop[i];
        bytes += cost.bytes[i];
        if (s->stage[i].n)
            glint_bench_row(b, glint_stage_name((enum glint_stage)i), &s->stage[i], cost.flop[i],
                            cost.bytes[i]);
    }
    glint_bench_row(b, "to boxes", &s->stage[GLINT_STAGE_COUNT], flop, bytes);
    put_cost(b, &cost);
    const double outside = s->all > 0.0 ? s->outside / s->all : 0.0;
    json_object_set_new(b->out, "outside_network", json_real(outside));
    fprintf(b->words, "; %.1f %% of the time outside the network\n", 100.0 * outside);
}

/* A run of the frame as if it came anew. */
static int run_once(struct glint_model *model, struct stages *stages, struct glint_frame *frame)
{
    frame->n_boxes = 0;
    frame->has_masks = false;
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        frame->latency_ns[i] = -1;
    GLINT_TRY(glint_model_run(model, frame));
    if (stages)
        stages_add(stages, frame);
    return GLINT_OK;
}

/* Frames per second of batches of the frame, the median of the rounds. */
static int measure_batch(struct glint_bench *b, struct glint_model *model, struct glint_frame *frame)
{
    struct glint_times times = {0};
    struct glint_frame **frames = calloc((size_t)b->batch, sizeof *frames);
    int status = frames ? glint_times_open(&times, b->repeat) : GLINT_E_NOMEM;
    if (status != GLINT_OK) {
        free(frames);
        return glint_fail(status, "no memory for a batch of %d", b->batch);
    }
    for (int32_t i = 0; i < b->batch; i++)
        frames[i] = frame;
    for (int32_t i = 0; i < b->repeat && status == GLINT_OK; i++) {
        const int64_t begun = glint_clock_monotonic_ns();
        status = glint_model_run_many(model, frames, b->batch);
        glint_times_add(&times, (double)(glint_clock_monotonic_ns() - begun) * 1e-6);
    }
    const double rate = status == GLINT_OK ? 1e3 * b->batch / glint_times_at(&times, 0.5) : 0.0;
    json_object_set_new(b->out, "batch", json_integer(b->batch));
    json_object_set_new(b->out, "batch_frames_per_s", json_real(rate));
    fprintf(b->words, "%.1f frames/s in batches of %d\n", rate, b->batch);
    glint_times_close(&times);
    free(frames);
    return status;
}

static int measure_model(struct glint_bench *b, struct glint_frame *frame, struct stages *stages)
{
    struct glint_model *model;
    GLINT_TRY(open_model(b, frame->points.n, &model));
    const int64_t begun = glint_clock_monotonic_ns();
    int status = run_once(model, NULL, frame);
    json_object_set_new(b->out, "cold_ms", json_real((double)(glint_clock_monotonic_ns() - begun) * 1e-6));
    glint_bench_loop(b);
    const size_t heap = mallinfo2().uordblks;
    for (int32_t i = 0; i < b->repeat && status == GLINT_OK; i++) {
        status = run_once(model, stages, frame);
        glint_bench_loop(b);
    }
    if (status == GLINT_OK) {
        json_object_set_new(b->out, "heap_growth_bytes",
                            json_integer((json_int_t)mallinfo2().uordblks - (json_int_t)heap));
        json_object_set_new(b->out, "boxes", json_integer(frame->n_boxes));
        put_stages(b, stages, model);
        fprintf(b->words, "%d boxes; cold %.3f ms, model opened in %.1f ms; peak memory %lld MiB\n",
                frame->n_boxes, json_number_value(json_object_get(b->out, "cold_ms")),
                json_number_value(json_object_get(json_object_get(b->out, "model"), "open_ms")),
                (long long)(glint_report_peak_bytes() >> 20));
        const struct glint_model_info *info = glint_model_info(model);
        if (info->device_bytes > 0)
            fprintf(b->words, "%s: %.1f MB of its memory\n", info->device, (double)info->device_bytes * 1e-6);
        if (b->batch > 0)
            status = measure_batch(b, model, frame);
    }
    glint_model_close(model);
    return status;
}

int glint_bench_model(struct glint_bench *b)
{
    struct glint_first_frame first = {0};
    struct stages stages;
    int status = stages_open(&stages, b->repeat);
    if (status == GLINT_OK)
        status = glint_bench_first_frame(b, &first);
    if (status == GLINT_OK)
        status = measure_model(b, first.frame, &stages);
    stages_close(&stages);
    glint_first_frame_close(&first);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : GLINT_EXIT_OK;
}

#define PIPELINE_FRAMES 65536 /* measured at most */

struct replay {
    struct glint_bench *bench;
    struct stages stages;
    uint64_t n;
};

/* The first frame is the cold one. */
static void take_frame(void *ctx, const struct glint_frame *frame)
{
    struct replay *r = ctx;
    double ms = 0.0;
    for (int i = 0; i < GLINT_STAGE_PUBLISH; i++)
        ms += frame->latency_ns[i] > 0 ? (double)frame->latency_ns[i] * 1e-6 : 0.0;
    if (r->n++ == 0)
        json_object_set_new(r->bench->out, "cold_ms", json_real(ms));
    else
        stages_add(&r->stages, frame);
}

static void put_replay(struct glint_bench *b, struct glint_session *s, struct replay *r)
{
    const double seconds = (double)s->wall_ns * 1e-9;
    const double rate = seconds > 0.0 ? (double)s->n_frames / seconds : 0.0;
    json_object_set_new(b->out, "frames", json_integer((json_int_t)s->n_frames));
    json_object_set_new(b->out, "all_points", json_integer((json_int_t)s->n_points));
    json_object_set_new(b->out, "boxes", json_integer((json_int_t)s->n_boxes));
    json_object_set_new(b->out, "wall_s", json_real(seconds));
    json_object_set_new(b->out, "frames_per_s", json_real(rate));
    put_stages(b, &r->stages, s->model);
    fprintf(b->words, "%llu frames, %.0f points each, %.1f frames/s; cold %.3f ms; peak memory %lld MiB\n",
            (unsigned long long)s->n_frames, s->n_frames ? (double)s->n_points / (double)s->n_frames : 0.0,
            rate, json_number_value(json_object_get(b->out, "cold_ms")),
            (long long)(glint_report_peak_bytes() >> 20));
}

static int measure_pipeline(struct glint_bench *b, struct glint_session *s, struct replay *r)
{
    struct glint_outputs none = {0};
    const char **inputs = calloc((size_t)b->repeat, sizeof *inputs);
    if (!inputs)
        return GLINT_EXIT_FAILED;
    for (int32_t i = 0; i < b->repeat; i++)
        inputs[i] = b->input;
    s->inputs = inputs;
    s->n_inputs = b->repeat;
    s->outputs = &none;
    s->on_frame = take_frame;
    s->ctx = r;
    glint_bench_loop(b);
    const int code = glint_session_run(s);
    for (int i = 0; i < 5; i++)
        glint_bench_loop(b);
    if (!code)
        put_replay(b, s, r);
    free(inputs);
    return code;
}

int glint_bench_pipeline(struct glint_bench *b)
{
    struct glint_session *s = calloc(1, sizeof *s);
    struct replay *r = calloc(1, sizeof *r);
    int32_t cap_points;
    int status = s && r ? stages_open(&r->stages, PIPELINE_FRAMES) : glint_fail(GLINT_E_NOMEM, "no memory");
    if (status == GLINT_OK) {
        r->bench = b;
        s->inputs = &b->input;
        s->n_inputs = 1;
        s->sensor = b->sensor;
        s->calib = b->calib;
        s->end_frame = UINT64_MAX;
        s->n_threads = b->n_threads;
    }
    int code =
        status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : glint_session_probe(s, &cap_points);
    if (!code) {
        status = open_model(b, cap_points, &s->model);
        code = status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : measure_pipeline(b, s, r);
    }
    glint_model_close(s ? s->model : NULL);
    if (r)
        stages_close(&r->stages);
    free(r);
    free(s);
    return code;
}
