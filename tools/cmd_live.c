/* tools/cmd_live.c - the main job on packets from the network. The newest frame wins: when the network is
 * slower than the sensor, older waiting frames are dropped and counted, and the receive thread never waits.
 */
#define _GNU_SOURCE
#include "core/arena.h"
#include "core/log.h"
#include "core/trace.h"
#include "io/output.h"
#include "serve/server.h"
#include "tools/account.h"
#include "tools/check_config.h"
#include "tools/commands.h"
#include "tools/net_options.h"
#include "tools/open_model.h"
#include "tools/open_tracker.h"
#include "tools/service.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { QUEUE = 1, BIND };

struct job {
    struct glint_shared_options o;
    char url[300]; /* of --bind */
    bool bound;
    struct glint_session session;
    struct glint_source *source;
    struct glint_service service;
    struct glint_model *model;
    struct glint_tracker *tracker;
    int32_t hangups; /* seen by the trace */
    struct glint_trace *trace;
    struct glint_outputs outputs;
    struct glint_sink_context context;
};

/* ---- options ---- */

/* One more output. */
static bool take_bind(struct job *j, const char *value)
{
    if (strlen(value) > sizeof j->url - 8) {
        glint_usage_error(j->o.command, "--bind %.40s...: too long", value);
        return false;
    }
    j->bound = true; /* the last one counts */
    snprintf(j->url, sizeof j->url, "http://%s", value);
    return true;
}

static bool take(void *ctx, int key, const char *value)
{
    struct job *j = ctx;
    if (key == BIND)
        return take_bind(j, value);
    if (key == QUEUE)
        return glint_value_int(j->o.command, "--queue", value, 1, 64, &j->session.queue);
    glint_usage_error(j->o.command, "%s: no input is wanted; captures go to glint run", value);
    return false;
}

/* -1: go on; else the exit code. */
static int parse(struct job *j, int argc, char **argv)
{
    struct glint_shared_options *o = &j->o;
    int code = glint_shared_options_parse(o, argc, argv, take, j);
    if (code >= 0)
        return code;
    if (j->bound && o->n_out < GLINT_OUTPUTS_CAP) /* always: options leave it a place */
        o->out[o->n_out++] = j->url;
    if (o->n_out == 0)
        o->out[o->n_out++] = "-";
    if (o->track && !glint_shared_options_wants_model(o))
        return glint_usage_error(o->command, "--track needs a model");
    if (!glint_shared_options_apart(o, NULL, 0, NULL, 0))
        return GLINT_EXIT_USAGE;
    code = glint_net_check(o->command, &o->net, o->sensor);
    if (code < 0)
        code = glint_motion_open(&o->motion, o->command, 0, &o->net);
    return code == GLINT_EXIT_OK ? -1 : code;
}

/* ---- running ---- */

/* Model and outputs, when the sensor is known. */
static int open_rest(void *ctx, int32_t cap_points, struct glint_model **model_out)
{
    struct job *j = ctx;
    GLINT_TRY(glint_open_model(&j->o, cap_points, false, j->trace, &j->model, &j->context));
    GLINT_TRY(glint_open_tracker(&j->o, j->model, &j->tracker));
    const struct glint_png_settings png = {.range_m = glint_model_reach(j->model)};
    *model_out = j->model;
    int status = GLINT_OK;
    for (int32_t i = 0; i < j->o.n_out && status == GLINT_OK; i++)
        status = glint_outputs_add(&j->outputs, j->o.out[i], &j->context, &png, &j->o.ros);
    if (status == GLINT_OK && j->o.trace_path)
        status = glint_trace_stream_begin(j->trace, j->o.trace_path);
    if (status == GLINT_OK && j->o.json_path && strcmp(j->o.json_path, "-") != 0)
        status = glint_output_check(j->o.json_path);
    j->session.output_status = status;
    return status;
}

static int write_account(struct job *j, const struct glint_live_stats *net)
{
    json_t *account = glint_account_json(&j->session, "live", net), *record = glint_service_json(&j->service);
    if (record)
        json_object_set_new(account, "record", record);
    return glint_net_write_json(account, j->o.json_path);
}

static int tell(struct job *j)
{
    struct glint_session *s = &j->session;
    struct glint_live_stats net;
    glint_source_live_stats(j->source, &net);
    char drops[200];
    glint_say("%llu packets in %.1f s; frames: %llu published, %llu dropped%s",
              (unsigned long long)net.received, (double)s->wall_ns * 1e-9, (unsigned long long)s->n_frames,
              (unsigned long long)s->frames_dropped, glint_account_drops(s, drops, sizeof drops));
    glint_account_tell_sensors(s);
    glint_report_loss(&s->loss);
    glint_outputs_tell(&j->outputs);
    glint_net_tell_drops(&net);
    if (isatty(STDERR_FILENO) == 1 && s->n_frames > 0)
        glint_report_latency(j->trace, &s->samples, stderr);
    return j->o.json_path ? write_account(j, &net) : GLINT_OK;
}

/* Everything is written and closed even after a failure, so that what came before it is whole. */
static int finish(struct job *j, int code)
{
    const int recorded = glint_service_end(&j->service);
    int status = glint_outputs_close(&j->outputs);
    const int traced = glint_trace_stream_end(j->trace);
    const int told = tell(j);
    status = status < 0 ? status : traced < 0 ? traced : recorded < 0 ? recorded : told;
    if (status < 0 && code == GLINT_EXIT_OK)
        code = glint_report_failure(status, GLINT_SIDE_OUTPUT);
    return code;
}

/* SIGHUP, and the trace was moved away: the next one begins. */
static void renew_trace(struct job *j)
{
    const int32_t n = glint_session_hangups();
    if (n == j->hangups)
        return;
    j->hangups = n;
    if (!j->o.trace_path || access(j->o.trace_path, F_OK) == 0)
        return;
    int status = glint_trace_stream_end(j->trace);
    if (status == GLINT_OK)
        status = glint_trace_stream_begin(j->trace, j->o.trace_path);
    if (status < 0)
        glint_log(GLINT_LOG_WARN, "%s: the trace ends here", glint_error_text());
}

static void on_frame(void *ctx, const struct glint_frame *frame)
{
    renew_trace(ctx);
    glint_service_frame(&((struct job *)ctx)->service, frame);
}

static void on_open(void *ctx)
{
    glint_service_ready(&((struct job *)ctx)->service);
}

static void set_session(struct job *j)
{
    struct glint_session *s = &j->session;
    glint_session_set(s, &j->o, NULL, 0);
    s->tracker = j->tracker;
    s->open_model = open_rest;
    s->on_frame = on_frame;
    s->on_open = on_open;
    s->ctx = j;
    s->trace = j->trace;
    s->outputs = &j->outputs;
    s->places = j->o.service.place;
    s->n_places = j->o.service.n_places;
    s->is_service = j->o.service.config != NULL;
    j->outputs.policy = s->is_service ? GLINT_OUTPUTS_SERVICE : GLINT_OUTPUTS_ANY;
}

/* The page is there before the sensor is: other outputs wait for its first packets. */
static int open_server(const struct glint_shared_options *o)
{
    for (int32_t i = 0; i < o->n_out; i++)
        if (glint_sink_serve_wants(o->out[i]))
            return glint_sink_serve_prepare(o->out[i]);
    return GLINT_OK;
}

static int live(struct job *j)
{
    struct glint_session *s = &j->session;
    int code = glint_service_enter(&j->o.service);
    if (code)
        return code;
    if (glint_trace_open(1 << 16, &j->trace) < 0)
        return glint_report_failure(GLINT_E_NOMEM, GLINT_SIDE_INPUT);
    glint_trace_touch(j->trace);
    glint_memory_touch(s->samples.ns, sizeof s->samples.ns);
    int status = glint_open_tracker(&j->o, NULL, &j->tracker); /* its classes come with the model */
    if (status == GLINT_OK)
        status = glint_source_live_open(&j->o.net, &j->source);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    status = open_server(&j->o);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_OUTPUT);
    glint_net_warn_buffer(j->source);
    glint_say("listening: %s", j->source->path);
    set_session(j);
    code = glint_service_open(&j->service, &j->o.service, s, j->source);
    return code ? code : finish(j, glint_session_run(s));
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return GLINT_EXIT_FAILED;
    glint_shared_options_init(&j->o, c);
    j->session.queue = 2;
    int code = parse(j, argc, argv);
    if (code < 0)
        code = j->o.service.check ? glint_check_config(&j->o) : live(j);
    glint_sink_serve_forget();
    glint_service_close(&j->service);
    glint_tracker_close(j->tracker);
    glint_model_close(j->model);
    glint_source_close(j->source);
    glint_motion_close(&j->o.motion);
    glint_shared_options_close(&j->o);
    glint_trace_close(j->trace);
    free(j);
    return code;
}

static const struct glint_option options[] = {
    GLINT_OPTION_GROUP(GLINT_OPTIONS_SENSOR),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_NET),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_CLOCK),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_OUT),
    {"--bind", "ADDR[:PORT]",
     "browsers, Foxglove, Prometheus: as glint serve; the same as --out http://ADDR:PORT", BIND},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_ROS),
    {"--queue", "N", "frames that may wait before the oldest is dropped (default: 2)", QUEUE},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MOTION),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MERGE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMING),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMES),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MODEL),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_LATE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_TRACK),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_THREADS),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_TRACE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_JSON),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_SERVICE),
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_live = {
    "live",
    "packets from the network in, boxes and masks out",
    "(--sensor NAME | --port N | --config FILE) [options]",
    "  glint live --sensor vlp16 --out boxes.jsonl\n"
    "  glint live --sensor ouster --calib os1.json --port 7502 --duration 60 --json stats.json\n"
    "  glint live --port 2368 --port 2369 --merge front,left --extrinsics car.yaml\n"
    "  glint live --config /etc/glint/car.yaml --check-config\n",
    options,
    run};
