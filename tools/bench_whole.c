/* tools/bench_whole.c - model and pipeline: the network on one frame, and everything on all frames. */
#define _GNU_SOURCE
#include "core/clock.h"
#include "core/cpu.h"
#include "core/status.h"
#include "core/trace.h"
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

static int open_model(struct glint_bench *b, int32_t cap_points, struct glint_trace *trace,
                      struct glint_model **model_out)
{
    struct glint_model_settings settings;
    char folder[PATH_MAX];
    *model_out = NULL;
    if (!glint_find_model(b->model_name, folder, sizeof folder))
        return glint_fail(GLINT_E_NOTFOUND, "%s: no such model", folder);
    glint_model_settings_default(&settings);
    settings.device = "cpu";
    settings.n_threads = b->n_threads;
    settings.cap_points = cap_points > 0 ? cap_points : 1;
    const int64_t begun = glint_clock_monotonic_ns();
    GLINT_TRY(glint_model_open(folder, &settings, trace, model_out));
    const struct glint_model_info *info = glint_model_info(*model_out);
    json_t *model = json_object();
    json_object_set_new(model, "folder", json_string(folder));
    json_object_set_new(model, "name", json_string(info->name));
    json_object_set_new(model, "architecture", json_string(info->arch));
    json_object_set_new(model, "parameters", json_integer((json_int_t)info->n_parameters));
    json_object_set_new(model, "memory_bytes", json_integer((json_int_t)info->memory_bytes));
    json_object_set_new(model, "open_ms", json_real((double)(glint_clock_monotonic_ns() - begun) * 1e-6));
    json_object_set_new(b->out, "model", model);
    return GLINT_OK;
}

/* One row of the table and of "stages"; flop: work of one frame, 0 where it is not known. */
static void put_stage(struct glint_bench *b, json_t *stages, const char *name,
                      const struct glint_trace_stats *s, double flop)
{
    json_t *row = json_object();
    const double p50 = (double)s->p50_ns * 1e-6;
    json_object_set_new(row, "stage", json_string(name));
    json_object_set_new(row, "count", json_integer((json_int_t)s->count));
    json_object_set_new(row, "p50_ms", json_real(p50));
    json_object_set_new(row, "p90_ms", json_real((double)s->p90_ns * 1e-6));
    json_object_set_new(row, "p99_ms", json_real((double)s->p99_ns * 1e-6));
    json_object_set_new(row, "max_ms", json_real((double)s->max_ns * 1e-6));
    fprintf(b->words, "%-10s %8.3f %8.3f %8.3f %8.3f", name, p50, (double)s->p90_ns * 1e-6,
            (double)s->p99_ns * 1e-6, (double)s->max_ns * 1e-6);
    if (flop > 0.0 && p50 > 0.0) {
        json_object_set_new(row, "gflop", json_real(flop * 1e-9));
        json_object_set_new(row, "gflop_per_s", json_real(flop * 1e-6 / p50));
        fprintf(b->words, " %9.3f %9.1f", flop * 1e-9, flop * 1e-6 / p50);
    }
    fprintf(b->words, "\n");
    json_array_append_new(stages, row);
}

static void put_stages(struct glint_bench *b, struct glint_trace *trace, struct glint_samples *samples,
                       const struct glint_model *model)
{
    struct glint_model_cost cost = {0};
    json_t *stages = json_array();
    double all = 0.0;
    if (model)
        glint_model_cost(model, &cost);
    fprintf(b->words, "%-10s %8s %8s %8s %8s %9s %9s\n", "stage, ms", "p50", "p90", "p99", "max", "GFLOP",
            "GFLOP/s");
    struct glint_trace_stats s;
    for (int i = 0; i < GLINT_STAGE_COUNT; i++) {
        glint_trace_stats(trace, i, &s);
        all += cost.flop[i];
        if (s.count)
            put_stage(b, stages, glint_stage_name((enum glint_stage)i), &s, cost.flop[i]);
    }
    glint_samples_stats(samples, &s);
    put_stage(b, stages, "to boxes", &s, all);
    json_object_set_new(b->out, "stages", stages);
    if (model) {
        json_object_set_new(b->out, "points", json_integer(cost.n_points));
        json_object_set_new(b->out, "pillars", json_integer(cost.n_pillars));
        fprintf(b->words, "%d points, %d pillars\n", cost.n_points, cost.n_pillars);
    }
}

/* A run of the frame as if it came anew. */
static int run_once(struct glint_model *model, struct glint_trace *trace, struct glint_samples *samples,
                    struct glint_frame *frame)
{
    frame->n_boxes = 0;
    frame->has_masks = false;
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        frame->latency_ns[i] = -1;
    frame->arrival_ns = glint_clock_monotonic_ns();
    GLINT_TRY(glint_model_run(model, frame));
    glint_trace_frame_done(trace, frame);
    glint_samples_add(samples, frame);
    return GLINT_OK;
}

static int measure_model(struct glint_bench *b, struct glint_frame *frame, struct glint_trace *trace,
                         struct glint_samples *samples)
{
    struct glint_model *model;
    GLINT_TRY(open_model(b, frame->points.n, trace, &model));
    const int64_t begun = glint_clock_monotonic_ns();
    int status = glint_model_run(model, frame); /* cold: not in the trace's statistics */
    json_object_set_new(b->out, "cold_ms", json_real((double)(glint_clock_monotonic_ns() - begun) * 1e-6));
    const size_t heap = mallinfo2().uordblks;
    for (int32_t i = 0; i < b->repeat && status == GLINT_OK; i++)
        status = run_once(model, trace, samples, frame);
    if (status == GLINT_OK) {
        json_object_set_new(b->out, "heap_growth_bytes",
                            json_integer((json_int_t)mallinfo2().uordblks - (json_int_t)heap));
        json_object_set_new(b->out, "boxes", json_integer(frame->n_boxes));
        put_stages(b, trace, samples, model);
        fprintf(b->words, "%s, %d thread%s, %s, %d boxes, peak memory %lld MiB\n", glint_cpu_name(),
                b->n_threads, b->n_threads > 1 ? "s" : "", glint_cpu_isa_name(glint_cpu_isa()),
                frame->n_boxes, (long long)(glint_report_peak_bytes() >> 20));
    }
    glint_model_close(model);
    return status;
}

int glint_bench_model(struct glint_bench *b)
{
    struct glint_first_frame first = {0};
    struct glint_trace *trace = NULL;
    struct glint_samples *samples = calloc(1, sizeof *samples);
    int status = samples ? glint_trace_open((size_t)b->repeat * 16 + 64, &trace)
                         : glint_fail(GLINT_E_NOMEM, "no memory");
    if (status == GLINT_OK)
        status = glint_first_frame_open(&first, b->input, b->sensor, b->calib);
    if (status == GLINT_OK)
        status = measure_model(b, first.frame, trace, samples);
    free(samples);
    glint_first_frame_close(&first);
    glint_trace_close(trace);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : GLINT_EXIT_OK;
}

static int measure_pipeline(struct glint_bench *b, struct glint_session *s)
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
    const int code = glint_session_run(s);
    const double seconds = (double)s->wall_ns * 1e-9;
    json_object_set_new(b->out, "frames", json_integer((json_int_t)s->n_frames));
    json_object_set_new(b->out, "all_points", json_integer((json_int_t)s->n_points));
    json_object_set_new(b->out, "wall_s", json_real(seconds));
    json_object_set_new(b->out, "frames_per_s", json_real(seconds > 0 ? (double)s->n_frames / seconds : 0.0));
    put_stages(b, s->trace, &s->samples, s->model);
    fprintf(b->words, "%llu frames in %.2f s: %.1f frames/s, %s, %d threads, %s\n",
            (unsigned long long)s->n_frames, seconds, seconds > 0 ? (double)s->n_frames / seconds : 0.0,
            glint_cpu_name(), b->n_threads, glint_cpu_isa_name(glint_cpu_isa()));
    free(inputs);
    return code;
}

int glint_bench_pipeline(struct glint_bench *b)
{
    struct glint_session *s = calloc(1, sizeof *s);
    int32_t cap_points;
    if (!s)
        return GLINT_EXIT_FAILED;
    s->inputs = &b->input;
    s->n_inputs = 1;
    s->sensor = b->sensor;
    s->calib = b->calib;
    s->end_frame = UINT64_MAX;
    s->n_threads = b->n_threads;
    int code = glint_session_probe(s, &cap_points);
    int status = code ? GLINT_OK : glint_trace_open(1 << 16, &s->trace);
    if (!code && status == GLINT_OK)
        status = open_model(b, cap_points, s->trace, &s->model);
    if (!code)
        code = status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : measure_pipeline(b, s);
    glint_model_close(s->model);
    glint_trace_close(s->trace);
    free(s);
    return code;
}
