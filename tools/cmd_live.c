/* tools/cmd_live.c - the main job on packets from the network. The newest frame wins: when the network is
 * slower than the sensor, older waiting frames are dropped and counted, and the receive thread never waits.
 */
#define _GNU_SOURCE
#include "core/cpu.h"
#include "core/trace.h"
#include "glint/pipeline.h"
#include "io/decoder.h"
#include "tools/motion.h"
#include "tools/commands.h"
#include "tools/glint_commit.h"
#include "tools/net_options.h"
#include "tools/outputs.h"
#include "tools/places.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "glint/model.h"
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SENSOR = GLINT_MOTION_KEYS,
    CALIB,
    MODEL,
    DEVICE,
    OUT,
    TRACE,
    FRAMES,
    THREADS,
    SCORE,
    PRECISION,
    QUEUE,
    JSON,
    CLOCK
};

#define SENSORS_CAP 8

struct live_sink {
    struct glint_sink base;
    struct job *job;
};

struct job {
    const struct glint_command *command;
    const char *sensor, *calib, *model_name, *device, *out[GLINT_OUTPUTS_CAP], *trace_path, *json_path;
    int32_t n_out, n_threads, queue, time_scale;
    uint64_t frames;
    float score;
    enum glint_precision precision;
    struct glint_live_settings net;
    struct glint_motion_options motion;

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

static bool take_out(struct job *j, const char *value)
{
    if (j->n_out < GLINT_OUTPUTS_CAP) {
        j->out[j->n_out++] = value;
        return true;
    }
    glint_usage_error(j->command, "--out %s: at most %d outputs", value, GLINT_OUTPUTS_CAP);
    return false;
}

static bool take_frames(struct job *j, const char *value)
{
    int32_t n = 0;
    const bool good = glint_value_int(j->command, "--frames", value, 1, INT32_MAX, &n);
    j->frames = (uint64_t)n;
    return good;
}

static const char *const scales[] = {
    [GLINT_TIME_UNKNOWN] = "auto", [GLINT_TIME_UTC] = "utc",   [GLINT_TIME_TAI] = "tai",
    [GLINT_TIME_GPS] = "gps",      [GLINT_TIME_HOUR] = "hour", [GLINT_TIME_CAPTURE] = "not set"};

static bool take_clock(struct job *j, const char *value)
{
    for (int32_t i = 0; i <= GLINT_TIME_GPS; i++)
        if (strcmp(value, scales[i]) == 0) {
            j->time_scale = i;
            return true;
        }
    glint_usage_error(j->command, "--clock %s: auto, utc, gps or tai is wanted", value);
    return false;
}

static bool take(struct job *j, int key, const char *value)
{
    const struct glint_command *c = j->command;
    if (key < GLINT_MOTION_KEYS)
        return glint_motion_take(&j->motion, c, key, value);
    switch (key) {
    case SENSOR:
        j->sensor = value;
        return true;
    case CALIB:
        j->calib = value;
        return true;
    case MODEL:
        j->model_name = value;
        return true;
    case DEVICE:
        j->device = value;
        return glint_value_device(c, "--device", value);
    case OUT:
        return take_out(j, value);
    case TRACE:
        j->trace_path = value;
        return true;
    case FRAMES:
        return take_frames(j, value);
    case THREADS:
        return glint_value_int(c, "--threads", value, 1, 256, &j->n_threads);
    case PRECISION:
        return glint_value_precision(c, "--precision", value, &j->precision);
    case SCORE:
        return glint_value_float(c, "--score", value, 0.0, 1.0, &j->score);
    case QUEUE:
        return glint_value_int(c, "--queue", value, 1, 64, &j->queue);
    case JSON:
        j->json_path = value;
        return true;
    case CLOCK:
        return take_clock(j, value);
    default:
        return glint_net_take(c, &j->net, key, value);
    }
}

/* 0, or what to return plus one. */
static int parse(struct job *j, int argc, char **argv)
{
    struct glint_arguments a = {j->command, argc, 1, argv, false};
    const char *value;
    for (int arg; (arg = glint_arguments_next(&a, &value)) != GLINT_ARG_END;) {
        if (arg == GLINT_ARG_ERROR || arg == GLINT_ARG_HELP)
            return 1 + glint_arguments_exit(arg);
        if (arg == GLINT_ARG_INPUT)
            return 1 +
                   glint_usage_error(j->command, "%s: no input is wanted; captures go to glint run", value);
        if (!take(j, arg, value))
            return 1 + GLINT_EXIT_USAGE;
    }
    if (j->net.n_ports == 0 && !glint_net_default_ports(&j->net, j->sensor) && !j->net.pcap)
        return 1 + glint_usage_error(j->command, "which port? --sensor NAME, or --port N");
    if (j->net.pcap && !j->net.iface)
        return 1 + glint_usage_error(j->command, "--pcap needs the interface: --iface IF");
    if (j->n_out == 0)
        j->out[j->n_out++] = "-";
    return 0;
}

/* ---- model and outputs: when the sensor is known ---- */

static bool wants_model(const struct job *j)
{
    return !j->model_name || strcmp(j->model_name, "none") != 0;
}

static int open_model(struct job *j, int32_t cap_points)
{
    struct glint_model_settings settings;
    char folder[PATH_MAX];
    if (!glint_find_model(j->model_name, folder, sizeof folder))
        return glint_fail(GLINT_E_NOTFOUND, "%.900s: no such model (GLINT_MODELS names the folder of models)",
                          folder);
    glint_model_settings_default(&settings);
    settings.device = j->device;
    settings.n_threads = j->n_threads;
    settings.cap_points = cap_points;
    settings.score = j->score;
    settings.precision = j->precision;
    GLINT_TRY(glint_model_open(folder, &settings, j->trace, &j->model));
    const struct glint_model_info *info = glint_model_info(j->model);
    j->context = (struct glint_sink_context){info->n_classes, info->n_point_classes, info->classes,
                                             info->point_classes};
    return GLINT_OK;
}

/* How far a picture reaches: the model's range, from its middle. */
static float picture_range(const struct job *j)
{
    float reach = 0.0f;
    for (int k = 0; j->model && k < 2; k++)
        reach = fmaxf(reach, fmaxf(fabsf(glint_model_info(j->model)->range[k]),
                                   fabsf(glint_model_info(j->model)->range[k + 3])));
    return reach >= 1.0f && reach <= 1000.0f ? reach : 51.2f;
}

static int open_rest(void *ctx, int32_t cap_points, struct glint_model **model_out)
{
    struct job *j = ctx;
    const struct glint_png_settings png = {.range_m = picture_range(j)};
    if (wants_model(j))
        GLINT_TRY(open_model(j, cap_points));
    *model_out = j->model;
    int status = GLINT_OK;
    for (int32_t i = 0; i < j->n_out && status == GLINT_OK; i++)
        status = glint_outputs_add(&j->outputs, j->out[i], &j->context, &png);
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
    s.sensor = j->sensor;
    s.calib = j->calib;
    glint_motion_set(&j->motion, &s);
    s.time_scale = j->time_scale;
    s.open_model = open_rest;
    s.open_model_ctx = j;
    s.sinks[s.n_sinks++] = &j->sink.base;
    s.trace = j->trace;
    s.n_threads = j->n_threads > 1 ? j->n_threads : 2; /* the input never waits for the rest */
    s.end_frame = j->frames > 0 ? j->frames : UINT64_MAX;
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
    json_object_set_new(clock, "scale", json_string(scales[s->time_scale]));
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
                 scales[s->time_scale], s->clock_offset_ns * 1e-6, s->clock_drift_ppm,
                 s->clock_jumps ? ", it jumped" : "");
    else
        snprintf(text, size, "clock %s", scales[s->time_scale]);
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
    return j->json_path ? glint_net_write_json(describe(j, &s, &net), j->json_path) : GLINT_OK;
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
    if (status == GLINT_OK && j->trace_path && j->pipeline)
        status = glint_trace_export(j->trace, j->trace_path);
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
    int status = glint_source_live_open(&j->net, &j->source);
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
    j->command = c;
    j->device = "auto";
    j->n_threads = glint_cpu_count();
    j->score = -1.0f;
    j->queue = 2;
    glint_live_settings_default(&j->net);
    int code = parse(j, argc, argv) - 1;
    if (code < 0) {
        code = glint_motion_open(&j->motion, c, 0);
        code = code == GLINT_EXIT_OK ? live(j) : code;
    }
    glint_net_stop_on_signal(NULL);
    glint_pipeline_close(j->pipeline);
    glint_model_close(j->model);
    glint_source_close(j->source);
    glint_motion_close(&j->motion);
    glint_trace_close(j->trace);
    free(j);
    return code;
}

static const struct glint_option options[] = {
    {"--sensor", "NAME", "vlp16, hdl32e, xt32, ouster ... (default: by its packets)", SENSOR},
    {"--calib", "FILE", "the sensor's calibration or metadata file (Ouster needs it)", CALIB},
    GLINT_NET_OPTIONS,
    GLINT_MOTION_OPTIONS,
    {"--clock", "RULE",
     "what the sensor's dates count: utc, gps (18 s ahead), tai (37 s ahead) or auto (default)", CLOCK},
    {"--model", "DIR", "model folder, name of one, or none: points only (default: glint-tiny)", MODEL},
    {"--device", "D", "auto, cpu, cuda or cuda:N (default: auto)", DEVICE},
    {"--out", "FILE", "may repeat; .jsonl boxes (default: -), .png, .pcd, .bin ... with %06d", OUT},
    {"--frames", "N", "end after N frames", FRAMES},
    {"--queue", "N", "frames that may wait before the oldest is dropped (default: 2)", QUEUE},
    {"--threads", "N", "threads of the network (default: the cores)", THREADS},
    {"--precision", "P", "f32, or bf16: faster, maps within 1e-2 (default: f32)", PRECISION},
    {"--score", "S", "least score of a box, 0 to 1 (default: the model's)", SCORE},
    {"--trace", "FILE", "time of every stage as Chrome trace JSON, opens in Perfetto", TRACE},
    {"--json", "FILE", "counts of packets and frames, latency", JSON},
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_live = {"live",
                                             "packets from the network in, boxes and masks out",
                                             "--sensor NAME [options]",
                                             "  glint live --sensor vlp16 --out boxes.jsonl\n  glint live "
                                             "--sensor ouster --calib os1.json --port 7502 "
                                             "--duration 60 --json stats.json\n",
                                             options,
                                             run};
