/* tools/session.c - see session.h. Each input gets a pipeline of its own whose only sink passes frames on,
 * with their number in the whole run, to the outputs, which live longer than a pipeline. */
#define _GNU_SOURCE
#include "tools/session.h"
#include "io/capture.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct glint_pipeline *volatile interrupted;
static volatile sig_atomic_t stopped; /* also between two pipelines */

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
    if (interrupted)
        glint_pipeline_stop(interrupted);
}

struct forward {
    struct glint_sink base;
    struct glint_session *session;
};

void glint_session_set(struct glint_session *s, const struct glint_shared_options *options,
                       const char *const *inputs, int32_t n_inputs)
{
    s->inputs = inputs;
    s->n_inputs = n_inputs;
    s->sensor = options->sensor;
    s->calib = options->calib;
    s->time_scale = options->time_scale;
    s->cut_deg = options->cut_deg;
    s->sub_sweep_deg = options->sub_sweep_deg;
    s->first_frame = options->first_frame;
    s->end_frame = options->end_frame;
    s->n_threads = options->n_threads;
    s->motion = &options->motion;
}

static bool is_merged(const struct glint_session *s)
{
    return s->motion && s->motion->n_merge > 0;
}

static int32_t n_runs(const struct glint_session *s)
{
    return is_merged(s) ? 1 : s->n_inputs;
}

static void show_progress(struct glint_session *s)
{
    struct glint_pipeline_stats stats;
    glint_pipeline_stats(s->pipeline, &stats);
    const double part = stats.progress < 0.0 ? -1.0 : (s->at + stats.progress) / n_runs(s);
    glint_progress_update(&s->progress, part, s->n_frames);
}

static int forward_write(struct glint_sink *sink, const struct glint_frame *frame)
{
    struct glint_session *s = ((struct forward *)sink)->session;
    struct glint_frame numbered = *frame;
    numbered.index += s->base;
    s->next = numbered.index + 1;
    s->n_frames++;
    s->n_points += (uint64_t)frame->points.n;
    s->n_boxes += (uint64_t)frame->n_boxes;
    glint_samples_add(&s->samples, frame);
    const int status = glint_outputs_write(s->outputs, &numbered);
    if (status < 0) {
        s->output_status = status;
        return status;
    }
    if (s->on_frame)
        s->on_frame(s->ctx, &numbered);
    show_progress(s);
    return GLINT_OK;
}

static int forward_finish(struct glint_sink *sink)
{
    (void)sink; /* the outputs are finished after the last input */
    return GLINT_OK;
}

static void forward_close(struct glint_sink *sink)
{
    free(sink);
}

static const struct glint_sink_ops forward_ops = {"outputs", forward_write, forward_finish, forward_close};

/* An open input: frames, or packets with their decoder. */
struct input {
    struct glint_source *source;
    struct glint_capture capture;
};

/* All inputs as one. */
static int merged_open(const struct glint_session *s, struct input *in)
{
    const struct glint_motion_options *m = s->motion;
    struct glint_source_merge_settings settings = {.n_inputs = m->n_merge,
                                                   .sensor = s->sensor,
                                                   .calib = s->calib,
                                                   .deadline_ns = m->deadline_ms * INT64_C(1000000)};
    memset(in, 0, sizeof *in);
    for (int32_t i = 0; i < m->n_merge; i++) {
        settings.input[i].path = s->inputs[i];
        settings.input[i].name = m->merge_name[i];
        settings.input[i].mount = m->merge_mount[i];
    }
    return glint_source_merge_open(&settings, &in->source);
}

static int input_open(const struct glint_session *s, const char *path, struct input *in)
{
    if (is_merged(s))
        return merged_open(s, in);
    const struct glint_decoder_settings decoder = {
        .sensor = s->sensor, .calib = s->calib, .capture = path, .scale = s->time_scale};
    memset(in, 0, sizeof *in);
    GLINT_TRY(glint_source_open(path, NULL, &in->source));
    if (!in->source->ops->gives_packets)
        return GLINT_OK;
    glint_source_close(in->source);
    in->source = NULL;
    GLINT_TRY(glint_capture_open(path, NULL, &decoder, &in->capture));
    in->source = in->capture.source;
    return GLINT_OK;
}

static void input_close(struct input *in)
{
    if (in->capture.source)
        glint_capture_close(&in->capture);
    else
        glint_source_close(in->source);
}

static int32_t cap_points_of(const struct input *in)
{
    return in->capture.source ? in->capture.cap_points : glint_pipeline_cap_points(in->source, NULL);
}

int glint_session_probe(struct glint_session *s, int32_t *cap_points_out)
{
    int first = GLINT_EXIT_OK;
    *cap_points_out = 0;
    glint_log_to_stderr(false); /* what there is to tell of an input is told when it runs */
    for (int32_t i = 0; i < n_runs(s); i++) {
        struct input in;
        const int status = input_open(s, s->inputs[i], &in);
        if (status < 0) {
            const int code = glint_report_failure(status, GLINT_SIDE_INPUT);
            first = first ? first : code;
            continue;
        }
        const int32_t cap = glint_motion_cap_points(s->motion, cap_points_of(&in));
        *cap_points_out = cap > *cap_points_out ? cap : *cap_points_out;
        input_close(&in);
    }
    glint_log_to_stderr(true);
    return first;
}

static int pipeline_open(struct glint_session *s, const struct input *in)
{
    struct glint_pipeline_settings settings;
    glint_pipeline_settings_default(&settings);
    struct forward *forward = calloc(1, sizeof *forward);
    if (!forward)
        return glint_fail(GLINT_E_NOMEM, "no memory for an output");
    forward->base = (struct glint_sink){&forward_ops, "outputs"};
    forward->session = s;
    settings.source = in->source;
    settings.decoder = in->capture.decoder;
    settings.model = s->model;
    settings.sinks[settings.n_sinks++] = &forward->base;
    settings.trace = s->trace;
    settings.n_threads = s->n_threads;
    settings.cut_deg = (double)s->cut_deg;
    settings.sub_sweep_deg = (double)s->sub_sweep_deg;
    settings.first_frame = s->first_frame;
    settings.end_frame = s->end_frame;
    settings.sensor = s->sensor; /* for further sensors of a capture */
    settings.calib = s->calib;
    settings.time_scale = (int32_t)s->time_scale;
    glint_motion_set(s->motion, &settings);
    settings.cap_points = glint_motion_cap_points(s->motion, cap_points_of(in));
    const int status = glint_pipeline_open(&settings, &s->pipeline);
    if (status < 0)
        free(forward);
    return status;
}

static int run_input(struct glint_session *s, const char *path)
{
    struct input in;
    struct glint_pipeline_stats stats;
    int status = input_open(s, path, &in);
    if (status == GLINT_OK)
        status = pipeline_open(s, &in);
    if (status == GLINT_OK) {
        interrupted = s->pipeline;
        if (stopped)
            glint_pipeline_stop(s->pipeline);
        status = glint_pipeline_run(s->pipeline);
        interrupted = NULL;
        glint_pipeline_stats(s->pipeline, &stats);
        stats.loss.frames_dropped = stats.frames_dropped;
        glint_report_add_loss(&s->loss, &stats.loss);
        s->wall_ns += stats.wall_ns;
        if (in.capture.decoder)
            memcpy(s->sensor_name, in.capture.decoder->sensor, sizeof s->sensor_name);
    }
    glint_pipeline_close(s->pipeline);
    s->pipeline = NULL;
    input_close(&in);
    return status;
}

int glint_session_run(struct glint_session *s)
{
    int first = GLINT_EXIT_OK;
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    glint_progress_begin(&s->progress);
    for (s->at = 0; s->at < n_runs(s); s->at++) {
        s->base = s->next;
        const int status = run_input(s, s->inputs[s->at]);
        if (status >= 0)
            continue;
        glint_progress_end(&s->progress);
        const int code =
            glint_report_failure(status, s->output_status ? GLINT_SIDE_OUTPUT : GLINT_SIDE_INPUT);
        first = first ? first : code;
        if (s->output_status || status == GLINT_E_CANCELLED)
            break;
    }
    glint_progress_end(&s->progress);
    if (first && s->n_frames == 0)
        s->loss.frames_dropped = 0; /* each has been told */
    return first;
}
