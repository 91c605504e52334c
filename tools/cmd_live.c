/* tools/cmd_live.c - the main job on packets from the network. The newest frame wins: when the network is
 * slower than the sensor, older waiting frames are dropped and counted, and the receive thread never waits.
 */
#define _GNU_SOURCE
#include "core/cpu.h"
#include "core/trace.h"
#include "glint/pipeline.h"
#include "io/decoder.h"
#include "tools/commands.h"
#include "tools/glint_commit.h"
#include "tools/net_options.h"
#include "tools/open_model.h"
#include "tools/progress.h"
#include "tools/report.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { QUEUE = 1 };

#define SENSORS_CAP 8

struct live_sink {
    struct glint_sink base;
    struct job *job;
};

struct job {
    struct glint_shared_options o;
    int32_t queue;

    struct glint_source *source;
    struct glint_model *model;
    struct glint_trace *trace;
    struct glint_outputs outputs;
    struct glint_sink_context context;
    struct glint_pipeline *pipeline;
    struct live_sink sink;
    struct glint_progress progress;
    struct glint_samples samples;
    int code; /* of a failure that has been told already */
    int output_status;
    uint64_t n_frames, n_points, n_boxes;
    int64_t latest_ns;
};

/* ---- options ---- */

static bool take(void *ctx, int key, const char *value)
{
    struct job *j = ctx;
    if (key == QUEUE)
        return glint_value_int(j->o.command, "--queue", value, 1, 64, &j->queue);
    glint_usage_error(j->o.command, "%s: no input is wanted; captures go to glint run", value);
    return false;
}

/* -1: go on; else the exit code. */
static int parse(struct job *j, int argc, char **argv)
{
    struct glint_shared_options *o = &j->o;
    const int code = glint_shared_options_parse(o, argc, argv, take, j);
    if (code >= 0)
        return code;
    if (o->n_out == 0)
        o->out[o->n_out++] = "-";
    if (!glint_shared_options_apart(o, NULL, 0, NULL, 0))
        return GLINT_EXIT_USAGE;
    return glint_net_check(o->command, &o->net, o->sensor);
}

/* ---- model and outputs: when the sensor is known ---- */

static int open_rest(void *ctx, int32_t cap_points, struct glint_model **model_out)
{
    struct job *j = ctx;
    GLINT_TRY(glint_open_model(&j->o, cap_points, false, j->trace, &j->model, &j->context));
    const struct glint_png_settings png = {.range_m = glint_model_reach(j->model)};
    *model_out = j->model;
    int status = GLINT_OK;
    for (int32_t i = 0; i < j->o.n_out && status == GLINT_OK; i++)
        status = glint_outputs_add(&j->outputs, j->o.out[i], &j->context, &png);
    if (status < 0)
        j->code = glint_report_failure(status, GLINT_SIDE_OUTPUT);
    return status;
}

/* ---- frames ---- */

static int sink_write(struct glint_sink *sink, const struct glint_frame *frame)
{
    struct job *j = ((struct live_sink *)sink)->job;
    j->n_frames++;
    j->n_points += (uint64_t)frame->points.n;
    j->n_boxes += (uint64_t)frame->n_boxes;
    j->latest_ns = frame->total_ns > j->latest_ns ? frame->total_ns : j->latest_ns;
    glint_samples_add(&j->samples, frame);
    j->output_status = glint_outputs_write(&j->outputs, frame);
    glint_progress_update(&j->progress, -1, j->n_frames);
    return j->output_status;
}

static int sink_finish(struct glint_sink *sink)
{
    (void)sink; /* the outputs are finished at the end */
    return GLINT_OK;
}

static void sink_close(struct glint_sink *sink)
{
    (void)sink; /* part of the job */
}

static const struct glint_sink_ops sink_ops = {"outputs", sink_write, sink_finish, sink_close};

static int open_pipeline(struct job *j)
{
    struct glint_pipeline_settings s;
    glint_pipeline_settings_default(&s);
    j->sink = (struct live_sink){{&sink_ops, "outputs"}, j};
    s.source = j->source;
    s.sensor = j->o.sensor;
    s.calib = j->o.calib;
    s.cut_deg = (double)j->o.cut_deg;
    s.sub_sweep_deg = (double)j->o.sub_sweep_deg;
    glint_motion_set(&j->o.motion, &s);
    s.time_scale = (int32_t)j->o.time_scale;
    s.open_model = open_rest;
    s.open_model_ctx = j;
    s.sinks[s.n_sinks++] = &j->sink.base;
    s.trace = j->trace;
    s.n_threads = j->o.n_threads > 1 ? j->o.n_threads : 2; /* the input never waits for the rest */
    s.first_frame = j->o.first_frame;
    s.end_frame = j->o.end_frame;
    s.policy = GLINT_QUEUE_NEWEST;
    s.queue_depth = j->queue;
    return glint_pipeline_open(&s, &j->pipeline);
}

/* ---- what is told ---- */

static json_t *json_loss(const struct glint_loss *l)
{
    json_t *o = json_object();
    json_object_set_new(o, "received", json_integer((json_int_t)l->packets_received));
    json_object_set_new(o, "decoded", json_integer((json_int_t)l->packets_decoded));
    json_object_set_new(o, "malformed", json_integer((json_int_t)l->packets_malformed));
    json_object_set_new(o, "foreign", json_integer((json_int_t)l->packets_foreign));
    json_object_set_new(o, "lost", json_integer((json_int_t)l->packets_lost));
    json_object_set_new(o, "duplicate", json_integer((json_int_t)l->packets_duplicate));
    json_object_set_new(o, "points_dropped", json_integer((json_int_t)l->points_dropped));
    json_object_set_new(o, "points_clipped", json_integer((json_int_t)l->points_clipped));
    return o;
}

static json_t *json_frames(const struct job *j, const struct glint_pipeline_stats *s)
{
    json_t *o = json_object();
    json_object_set_new(o, "in", json_integer((json_int_t)s->frames_in));
    json_object_set_new(o, "published", json_integer((json_int_t)s->frames_published));
    json_object_set_new(o, "dropped", json_integer((json_int_t)s->frames_dropped));
    json_object_set_new(o, "points", json_integer((json_int_t)j->n_points));
    json_object_set_new(o, "boxes", json_integer((json_int_t)j->n_boxes));
    return o;
}

static json_t *json_latency(struct job *j)
{
    struct glint_trace_stats s;
    json_t *o = json_object();
    glint_trace_stats(j->trace, GLINT_STAGE_COUNT, &s); /* last packet of a frame came -> published */
    json_object_set_new(o, "p50", json_real((double)s.p50_ns * 1e-6));
    json_object_set_new(o, "p90", json_real((double)s.p90_ns * 1e-6));
    json_object_set_new(o, "p99", json_real((double)s.p99_ns * 1e-6));
    json_object_set_new(o, "max", json_real((double)s.max_ns * 1e-6));
    return o;
}

static json_t *json_sensor(const struct glint_pipeline_sensor *s)
{
    char address[24];
    json_t *o = json_object(), *clock = json_object();
    snprintf(address, sizeof address, "%u.%u.%u.%u", s->src_ip >> 24, s->src_ip >> 16 & 255,
             s->src_ip >> 8 & 255, s->src_ip & 255);
    json_object_set_new(o, "name", json_string(s->name));
    json_object_set_new(o, "address", json_string(address));
    json_object_set_new(o, "port", json_integer(s->port));
    json_object_set_new(o, "frames", json_integer((json_int_t)s->frames));
    json_object_set_new(o, "packets", json_loss(&s->loss));
    json_object_set_new(clock, "scale",
                        json_string(glint_time_scale_name((enum glint_time_scale)s->time_scale)));
    json_object_set_new(clock, "set", s->time_scale == GLINT_TIME_CAPTURE ? json_false() : json_true());
    if (s->has_clock) {
        json_object_set_new(clock, "offset_ms", json_real(s->clock_offset_ns * 1e-6));
        json_object_set_new(clock, "drift_ppm", json_real(s->clock_drift_ppm));
        json_object_set_new(clock, "jumps", json_integer((json_int_t)s->clock_jumps));
    }
    json_object_set_new(o, "clock", clock);
    return o;
}

static json_t *json_sensors(const struct job *j)
{
    struct glint_pipeline_sensor sensors[SENSORS_CAP];
    const int32_t n = j->pipeline ? glint_pipeline_sensors(j->pipeline, sensors, SENSORS_CAP) : 0;
    json_t *list = json_array();
    for (int32_t i = 0; i < n; i++)
        json_array_append_new(list, json_sensor(&sensors[i]));
    return list;
}

static void clock_text(const struct glint_pipeline_sensor *s, char *text, size_t size)
{
    if (s->time_scale == GLINT_TIME_CAPTURE)
        snprintf(text, size, "clock not set: its times are moved to those of arrival");
    else if (s->has_clock)
        snprintf(text, size, "clock %s: packets arrive %.3f ms after their time, drift %+.1f ppm%s",
                 glint_time_scale_name((enum glint_time_scale)s->time_scale), s->clock_offset_ns * 1e-6,
                 s->clock_drift_ppm, s->clock_jumps ? ", it jumped" : "");
    else
        snprintf(text, size, "clock %s", glint_time_scale_name((enum glint_time_scale)s->time_scale));
}

static void tell_sensors(const struct job *j)
{
    struct glint_pipeline_sensor sensors[SENSORS_CAP];
    const int32_t n = j->pipeline ? glint_pipeline_sensors(j->pipeline, sensors, SENSORS_CAP) : 0;
    for (int32_t i = 0; i < n; i++) {
        const struct glint_pipeline_sensor *s = &sensors[i];
        char clock[160];
        clock_text(s, clock, sizeof clock);
        glint_say("%s: %llu packets, %llu lost, %llu double; %llu frames; %s", s->name,
                  (unsigned long long)s->loss.packets_received, (unsigned long long)s->loss.packets_lost,
                  (unsigned long long)s->loss.packets_duplicate, (unsigned long long)s->frames, clock);
    }
}

static json_t *describe(struct job *j, const struct glint_pipeline_stats *s,
                        const struct glint_live_stats *net)
{
    json_t *o = json_object();
    json_object_set_new(o, "command", json_string("live"));
    json_object_set_new(o, "commit", json_string(GLINT_COMMIT));
    json_object_set_new(o, "processor", json_string(glint_cpu_name()));
    json_object_set_new(o, "cores", json_integer(glint_cpu_count()));
    json_object_set_new(o, "wall_s", json_real((double)s->wall_ns * 1e-9));
    json_object_set_new(o, "network", glint_net_json(net));
    json_object_set_new(o, "packets", json_loss(&s->loss));
    json_object_set_new(o, "sensors", json_sensors(j));
    json_object_set_new(o, "frames", json_frames(j, s));
    json_object_set_new(o, "latency_ms", json_latency(j));
    json_object_set_new(o, "peak_memory_bytes", json_integer((json_int_t)glint_report_peak_bytes()));
    return o;
}

static int tell(struct job *j)
{
    struct glint_pipeline_stats s = {.progress = -1};
    struct glint_live_stats net;
    glint_source_live_stats(j->source, &net);
    if (j->pipeline)
        glint_pipeline_stats(j->pipeline, &s);
    const double seconds = (double)s.wall_ns * 1e-9;
    glint_say("%llu packets in %.1f s; frames: %llu published, %llu dropped",
              (unsigned long long)net.received, seconds, (unsigned long long)s.frames_published,
              (unsigned long long)s.frames_dropped);
    tell_sensors(j);
    glint_report_loss(&s.loss);
    glint_net_tell_drops(&net);
    if (isatty(STDERR_FILENO) == 1 && j->n_frames > 0)
        glint_report_latency(j->trace, &j->samples, stderr);
    return j->o.json_path ? glint_net_write_json(describe(j, &s, &net), j->o.json_path) : GLINT_OK;
}

/* ---- running ---- */

static int run_pipeline(struct job *j)
{
    glint_progress_begin(&j->progress);
    const int status = glint_pipeline_run(j->pipeline);
    glint_progress_end(&j->progress);
    return status < 0
               ? glint_report_failure(status, j->output_status < 0 ? GLINT_SIDE_OUTPUT : GLINT_SIDE_INPUT)
               : GLINT_EXIT_OK;
}

/* Everything is written and closed even after a failure, so that what came before it is whole. */
static int finish(struct job *j, int code)
{
    int status = glint_outputs_close(&j->outputs);
    if (status == GLINT_OK && j->o.trace_path && j->pipeline)
        status = glint_trace_export(j->trace, j->o.trace_path);
    const int told = tell(j);
    status = status < 0 ? status : told;
    if (status < 0 && code == GLINT_EXIT_OK)
        code = glint_report_failure(status, GLINT_SIDE_OUTPUT);
    return code;
}

static int live(struct job *j)
{
    if (glint_trace_open(1 << 16, &j->trace) < 0)
        return glint_report_failure(GLINT_E_NOMEM, GLINT_SIDE_INPUT);
    int status = glint_source_live_open(&j->o.net, &j->source);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    glint_net_stop_on_signal(j->source);
    glint_net_warn_buffer(j->source);
    glint_say("listening: %s", j->source->path);
    status = open_pipeline(j);
    int code = j->code;
    if (status < 0 && code == GLINT_EXIT_OK)
        code = glint_report_failure(status, GLINT_SIDE_INPUT);
    if (status == GLINT_OK)
        code = run_pipeline(j);
    return finish(j, code);
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return GLINT_EXIT_FAILED;
    glint_shared_options_init(&j->o, c);
    j->queue = 2;
    int code = parse(j, argc, argv);
    const bool parsed = code < 0;
    if (parsed)
        code = glint_motion_open(&j->o.motion, c, 0);
    if (code == GLINT_EXIT_OK && parsed)
        code = live(j);
    glint_net_stop_on_signal(NULL);
    glint_pipeline_close(j->pipeline);
    glint_model_close(j->model);
    glint_source_close(j->source);
    glint_motion_close(&j->o.motion);
    glint_trace_close(j->trace);
    free(j);
    return code;
}

static const struct glint_option options[] = {
    GLINT_OPTION_GROUP(GLINT_OPTIONS_SENSOR),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_NET),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_CLOCK),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_OUT),
    {"--queue", "N", "frames that may wait before the oldest is dropped (default: 2)", QUEUE},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MOTION),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMING),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMES),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MODEL),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_THREADS),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_TRACE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_JSON),
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_live = {"live",
                                             "packets from the network in, boxes and masks out",
                                             "--sensor NAME [options]",
                                             "  glint live --sensor vlp16 --out boxes.jsonl\n  glint live "
                                             "--sensor ouster --calib os1.json --port 7502 "
                                             "--duration 60 --json stats.json\n",
                                             options,
                                             run};
