/* tools/session.c - see session.h. Each input gets a pipeline of its own whose only sink passes frames on,
 * with their number in the whole run, to the outputs, which live longer than a pipeline. */
#define _GNU_SOURCE
#include "tools/session.h"
#include "core/log.h"
#include "io/capture.h"
#include "io/source_merge.h"
#include "io/source_several.h"
#include "tools/nuscenes_net.h"
#include "tools/places.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct glint_pipeline *volatile interrupted;
static struct glint_source *volatile listening;
static volatile sig_atomic_t stopped; /* also between two pipelines */
static struct glint_outputs *volatile reopening;
static atomic_int hangups; /* read by another thread */

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
    if (listening)
        glint_source_live_stop(listening); /* what has come is still worked on */
    else if (interrupted)
        glint_pipeline_stop(interrupted);
}

/* Log rotation. */
static void on_hangup(int number)
{
    const int before = errno;
    (void)number;
    if (reopening)
        glint_outputs_want_reopen(reopening);
    hangups++;
    errno = before;
}

int32_t glint_session_hangups(void)
{
    return hangups;
}

struct forward {
    struct glint_sink base;
    struct glint_session *session;
};

/* What the model's folder says; a folder that cannot be read is told when the model is opened. */
static struct glint_nuscenes_stack stack_for(const struct glint_shared_options *options)
{
    struct glint_nuscenes_stack stack = {.n_past = 0};
    char folder[4096];
    if (glint_shared_options_wants_model(options) && glint_find_model(options->model, folder, sizeof folder))
        (void)glint_nuscenes_net_stack(folder, &stack);
    stack.allow_missing = true;
    return stack;
}

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
    s->skip_corrupt = options->skip_corrupt;
    s->topic = options->topic;
    s->deadline_ns = options->deadline_ns;
    s->late = options->late;
    s->motion = &options->motion;
    s->nuscenes = stack_for(options);
}

/* Several inputs become one. */
static bool is_joined(const struct glint_session *s)
{
    return glint_motion_merges(s->motion) && s->n_inputs > 1;
}

static int32_t n_runs(const struct glint_session *s)
{
    return s->live || is_joined(s) ? 1 : s->n_inputs;
}

static void show_progress(struct glint_session *s)
{
    struct glint_pipeline_stats stats;
    glint_pipeline_stats(s->pipeline, &stats);
    const double part = stats.progress < 0.0 ? -1.0 : (s->at + stats.progress) / n_runs(s);
    if (!s->no_progress)
        glint_progress_update(&s->progress, part, s->n_frames);
}

static void count_health(struct glint_session *s, uint32_t health)
{
    s->frames_degraded += health != 0;
    for (int i = 0; i < GLINT_HEALTH_COUNT; i++)
        s->health[i] += (health >> i) & 1;
}

/* Of this input's pipeline and of those before. */
static void note_run(struct glint_session *s)
{
    struct glint_pipeline_stats stats;
    const char *reasons[GLINT_DROP_COUNT];
    uint64_t dropped[GLINT_DROP_COUNT];
    glint_pipeline_stats(s->pipeline, &stats);
    for (int i = 0; i < GLINT_DROP_COUNT; i++) {
        reasons[i] = glint_drop_name((enum glint_drop)i);
        dropped[i] = s->dropped_by[i] + stats.dropped_by[i];
    }
    const struct glint_sink_run run = {s->frames_in + stats.frames_in, GLINT_DROP_COUNT, reasons, dropped};
    glint_outputs_note(s->outputs, &run);
}

static int forward_write(struct glint_sink *sink, const struct glint_frame *frame)
{
    struct glint_session *s = ((struct forward *)sink)->session;
    struct glint_frame numbered = *frame;
    numbered.index += s->base;
    s->next = numbered.index + 1;
    if (glint_outputs_failing(s->outputs))
        numbered.health |= GLINT_HEALTH_BIT(GLINT_HEALTH_OUTPUT_FAILING);
    const int status = glint_outputs_write(s->outputs, &numbered);
    if (status < 0) {
        s->output_status = status;
        return status;
    }
    s->n_frames++;
    s->n_points += (uint64_t)frame->points.n;
    s->n_boxes += (uint64_t)frame->n_boxes;
    glint_samples_add(&s->samples, frame);
    count_health(s, numbered.health);
    note_run(s);
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

static const struct glint_sink_ops forward_ops = {
    .name = "outputs", .write = forward_write, .finish = forward_finish, .close = forward_close};

/* An open input: frames, or packets with their decoder. */
struct input {
    struct glint_source *source;
    struct glint_decoder *decoder; /* NULL: frames, or chosen by the pipeline */
    int32_t cap_points;            /* of a frame; 0: the pipeline finds out */
    bool is_frames;
};

static void input_close(const struct glint_session *s, struct input *in)
{
    if (!s->live)
        glint_source_close(in->source);
    glint_decoder_close(in->decoder);
}

static int capture_open(const struct glint_session *s, const char *path, struct glint_capture *capture)
{
    const struct glint_decoder_settings decoder = {
        .sensor = s->sensor, .calib = s->calib, .capture = path, .scale = s->time_scale};
    const struct glint_source_settings source = {.topic = s->topic, .skip_corrupt = s->skip_corrupt};
    return glint_capture_open(path, &source, &decoder, capture);
}

/* Captures: their packets in turns, merged by the pipeline; the first one's decoder, and room for all. */
static int open_captures(const struct glint_session *s, struct input *in)
{
    struct glint_capture capture;
    int64_t cap = 0;
    for (int32_t i = s->n_inputs; i-- > 0;) {
        GLINT_TRY(capture_open(s, s->inputs[i], &capture));
        cap += capture.cap_points;
        if (i == 0) {
            in->decoder = capture.decoder;
            capture.decoder = NULL;
        }
        glint_capture_close(&capture);
    }
    in->cap_points = cap > INT32_MAX / 4 ? INT32_MAX / 4 : (int32_t)cap;
    return glint_source_several_open(s->inputs, s->n_inputs, &in->source);
}

/* Folders of frames with stamps: merged by their source. */
static int open_frames(const struct glint_session *s, struct input *in)
{
    const struct glint_pipeline_merge *m = &s->motion->merge;
    struct glint_source_merge_settings settings = {.n_inputs = s->n_inputs, .deadline_ns = m->deadline_ns};
    for (int32_t i = 0; i < s->n_inputs; i++) {
        settings.input[i].path = s->inputs[i];
        settings.input[i].name = m->sensor[i].name;
        settings.input[i].mount = *m->sensor[i].mount;
    }
    in->is_frames = true;
    return glint_source_merge_open(&settings, &in->source);
}

static int joined_open(const struct glint_session *s, struct input *in)
{
    int32_t n_captures = 0;
    for (int32_t i = 0; i < s->n_inputs; i++) {
        struct glint_source *look;
        GLINT_TRY(glint_source_open(s->inputs[i], NULL, &look));
        n_captures += look->ops->gives_packets;
        glint_source_close(look);
    }
    if (n_captures > 0 && n_captures < s->n_inputs)
        return glint_fail(GLINT_E_UNSUPPORTED, "%d captures and %d inputs of frames: they cannot be merged",
                          n_captures, s->n_inputs - n_captures);
    return n_captures ? open_captures(s, in) : open_frames(s, in);
}

static int single_open(const struct glint_session *s, const char *path, struct input *in)
{
    struct glint_capture capture;
    const struct glint_source_settings source = {.n_threads = s->n_threads,
                                                 .skip_corrupt = s->skip_corrupt,
                                                 .topic = s->topic,
                                                 .nuscenes = &s->nuscenes};
    GLINT_TRY(glint_source_open(path, &source, &in->source));
    in->is_frames = !in->source->ops->gives_packets;
    if (in->is_frames)
        return GLINT_OK;
    glint_source_close(in->source);
    in->source = NULL;
    GLINT_TRY(capture_open(s, path, &capture));
    *in = (struct input){
        .source = capture.source, .decoder = capture.decoder, .cap_points = capture.cap_points};
    if (glint_motion_merges(s->motion) && in->cap_points < INT32_MAX / 4 / GLINT_PIPELINE_MERGE)
        in->cap_points *= s->motion->merge.n_sensors;
    return GLINT_OK;
}

static int input_open(const struct glint_session *s, int32_t at, struct input *in)
{
    *in = (struct input){.source = s->live && s->reader ? s->reader : s->live};
    if (s->live)
        return GLINT_OK;
    const int status = is_joined(s) ? joined_open(s, in) : single_open(s, s->inputs[at], in);
    if (status < 0)
        input_close(s, in);
    return status;
}

/* 0: the pipeline finds out. */
static int32_t cap_points_of(const struct glint_session *s, const struct input *in)
{
    const int32_t cap = in->cap_points ? in->cap_points : glint_pipeline_cap_points(in->source, NULL);
    return s->live ? 0 : glint_motion_cap_points(s->motion, cap);
}

int glint_session_probe(struct glint_session *s, int32_t *cap_points_out)
{
    int first = GLINT_EXIT_OK;
    *cap_points_out = 0;
    glint_log_to_stderr(false); /* what there is to tell of an input is told when it runs */
    for (int32_t i = 0; i < n_runs(s); i++) {
        struct input in;
        const int status = input_open(s, i, &in);
        if (status < 0) {
            const int code = glint_report_failure(status, GLINT_SIDE_INPUT);
            first = first ? first : code;
            continue;
        }
        const int32_t cap = cap_points_of(s, &in);
        *cap_points_out = cap > *cap_points_out ? cap : *cap_points_out;
        input_close(s, &in);
    }
    glint_log_to_stderr(true);
    return first;
}

/* What is the input's: live input drops the oldest instead of waiting. */
static void set_input(const struct glint_session *s, const struct input *in,
                      struct glint_pipeline_settings *settings)
{
    settings->source = in->source;
    settings->decoder = in->decoder;
    settings->sensor = s->sensor; /* live, and for further sensors of a capture */
    settings->calib = s->calib;
    settings->time_scale = (int32_t)s->time_scale;
    glint_motion_set(s->motion, settings);
    settings->merge = glint_motion_merges(s->motion) && !in->is_frames ? &s->motion->merge : NULL;
    settings->cap_points = cap_points_of(s, in);
    settings->model = s->model;
    settings->tracker = s->tracker;
    settings->n_threads = s->n_threads;
    if (!s->live)
        return;
    settings->places = s->places;
    settings->n_places = s->n_places;
    settings->skip_failed_frames = s->is_service;
    settings->open_model = s->open_model;
    settings->open_model_ctx = s->ctx;
    settings->n_threads = s->n_threads > 1 ? s->n_threads : 2; /* the input never waits for the rest */
    settings->policy = GLINT_QUEUE_NEWEST;
    settings->queue_depth = s->queue;
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
    set_input(s, in, &settings);
    settings.sinks[settings.n_sinks++] = &forward->base;
    settings.trace = s->trace;
    settings.cut_deg = (double)s->cut_deg;
    settings.sub_sweep_deg = (double)s->sub_sweep_deg;
    settings.first_frame = s->first_frame;
    settings.end_frame = s->end_frame;
    settings.deadline_ns = s->deadline_ns;
    settings.late = s->late;
    const int status = glint_pipeline_open(&settings, &s->pipeline);
    if (status < 0)
        free(forward);
    return status;
}

static void add_results(struct glint_session *s, const struct input *in)
{
    struct glint_pipeline_stats stats;
    glint_pipeline_stats(s->pipeline, &stats);
    glint_report_add_loss(&s->loss, &stats.loss);
    s->frames_in += stats.frames_in;
    s->frames_dropped += stats.frames_dropped;
    for (int i = 0; i < GLINT_DROP_COUNT; i++)
        s->dropped_by[i] += stats.dropped_by[i];
    s->wall_ns += stats.wall_ns;
    s->n_sensors +=
        glint_pipeline_sensors(s->pipeline, s->sensors + s->n_sensors, GLINT_SESSION_SENSORS - s->n_sensors);
    if (in->decoder)
        memcpy(s->sensor_name, in->decoder->sensor, sizeof s->sensor_name);
}

/* Options of packets, given for an input that has points: told once. */
static void tell_unused(struct glint_session *s, const struct input *in)
{
    const struct {
        bool given;
        const char *name;
    } options[] = {{s->sensor, "--sensor"},
                   {s->calib, "--calib"},
                   {s->time_scale != GLINT_TIME_UNKNOWN, "--clock"},
                   {s->cut_deg != 0.0f, "--cut"},
                   {s->sub_sweep_deg != 0.0f, "--sub-sweep"}};
    char list[80] = "";
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (options[i].given) {
            const size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", options[i].name);
        }
    if (!in->is_frames || s->told_unused || !list[0])
        return;
    s->told_unused = true;
    glint_log(GLINT_LOG_WARN, "%s has points, not packets: %s without effect", in->source->path, list);
}

static int run_input(struct glint_session *s, int32_t at)
{
    struct input in;
    GLINT_TRY(input_open(s, at, &in));
    tell_unused(s, &in);
    int status = pipeline_open(s, &in);
    if (status == GLINT_OK) {
        if (s->on_open)
            s->on_open(s->ctx);
        interrupted = s->pipeline;
        if (stopped && !s->live)
            glint_pipeline_stop(s->pipeline);
        status = glint_pipeline_run(s->pipeline);
        interrupted = NULL;
        add_results(s, &in);
    }
    glint_pipeline_close(s->pipeline);
    s->pipeline = NULL;
    input_close(s, &in);
    return status;
}

/* A limit on file sizes and a closed pipe are failures of an output, not the program's end. A terminal that
 * is closed is the end, others who send SIGHUP want outputs opened anew. */
static void watch_signals(struct glint_session *s)
{
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    listening = s->live;
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    signal(SIGXFSZ, SIG_IGN);
    if (!s->live)
        return;
    reopening = s->outputs;
    signal(SIGPIPE, SIG_IGN);
    act = (struct sigaction){.sa_handler = isatty(STDERR_FILENO) == 1 ? on_signal : on_hangup,
                             .sa_flags = SA_RESTART};
    sigaction(SIGHUP, &act, NULL);
}

/* A live run that was ended before anything came has done what was asked for. */
static bool is_early_end(const struct glint_session *s, int status)
{
    return s->live && stopped && status == GLINT_E_FORMAT && !s->output_status;
}

int glint_session_run(struct glint_session *s)
{
    int first = GLINT_EXIT_OK;
    watch_signals(s);
    glint_progress_begin(&s->progress);
    for (s->at = 0; s->at < n_runs(s); s->at++) {
        s->base = s->next;
        const int status = run_input(s, s->at);
        if (status >= 0 || is_early_end(s, status))
            continue;
        glint_progress_end(&s->progress);
        const int code =
            glint_report_failure(status, s->output_status ? GLINT_SIDE_OUTPUT : GLINT_SIDE_INPUT);
        first = first ? first : code;
        if (s->output_status || status == GLINT_E_CANCELLED)
            break;
    }
    glint_progress_end(&s->progress);
    listening = NULL;
    reopening = NULL;
    if (first && s->n_frames == 0)
        s->loss.frames_dropped = 0; /* each has been told */
    return first;
}
