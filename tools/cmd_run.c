/* tools/cmd_run.c - the main job: recorded input to boxes, masks, pictures. */
#define _GNU_SOURCE
#include "core/cpu.h"
#include "core/trace.h"
#include "io/output.h"
#include "io/sinks.h"
#include "tools/account.h"
#include "tools/commands.h"
#include "tools/diagnose.h"
#include "tools/net_options.h"
#include "tools/open_model.h"
#include "tools/open_tracker.h"
#include "tools/report.h"
#include "tools/session.h"
#include "tools/tally.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DUMP = 1, LABELS, STATS };

struct job {
    /* what was asked for */
    struct glint_shared_options o;
    const char *dump_folder, *labels_path;
    bool stats;
    const char *inputs[GLINT_SESSION_INPUTS];
    int32_t n_inputs;
    /* what is open */
    struct glint_session session;
    struct glint_model *model;
    struct glint_tracker *tracker;
    struct glint_trace *trace;
    struct glint_labels *labels;
    struct glint_outputs outputs;
    struct glint_sink_context context;
    struct glint_match_rule rule;
    struct glint_tally tally;
    struct glint_cloud_stats cloud;
};

static bool take_input(struct job *j, const char *value)
{
    if (j->n_inputs < GLINT_SESSION_INPUTS) {
        j->inputs[j->n_inputs++] = value;
        return true;
    }
    glint_usage_error(j->o.command, "at most %d inputs: give their folder", GLINT_SESSION_INPUTS);
    return false;
}

static bool take(void *ctx, int key, const char *value)
{
    struct job *j = ctx;
    switch (key) {
    case DUMP:
        j->dump_folder = value;
        return true;
    case LABELS:
        j->labels_path = value;
        return true;
    case STATS:
        return j->stats = true;
    default:
        return take_input(j, value);
    }
}

/* Nothing that is read is written over, and nothing is written twice. */
static bool files_are_apart(const struct job *j)
{
    const struct glint_shared_options *o = &j->o;
    const char *const written[] = {o->trace_path, o->json_path};
    for (int32_t i = 0; i < o->n_out + 2; i++) {
        const char *path = i < o->n_out ? o->out[i] : written[i - o->n_out];
        if (path && !glint_outputs_apart(o->command, path, &j->labels_path, 1, "the labels' file"))
            return false;
    }
    return glint_shared_options_apart(o, j->inputs, j->n_inputs, NULL, 0);
}

/* -1: go on; else the exit code. */
static int parse(struct job *j, int argc, char **argv)
{
    struct glint_shared_options *o = &j->o;
    const int code = glint_shared_options_parse(o, argc, argv, take, j);
    if (code >= 0)
        return code;
    if (j->n_inputs == 0)
        return glint_usage_error(o->command, "no input given");
    if ((j->dump_folder || o->track) && !glint_shared_options_wants_model(o))
        return glint_usage_error(o->command, "%s needs a model", j->dump_folder ? "--dump" : "--track");
    if (o->n_out == 0)
        o->out[o->n_out++] = "-";
    return files_are_apart(j) ? -1 : GLINT_EXIT_USAGE;
}

static int open_labels(struct job *j)
{
    if (!j->labels_path)
        return GLINT_EXIT_OK;
    int status = glint_labels_open(j->labels_path, j->context.classes, j->context.n_classes, &j->labels);
    if (status == GLINT_OK)
        status = glint_tally_open(&j->tally, j->labels, &j->rule, &j->context);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : GLINT_EXIT_OK;
}

static int open_outputs(struct job *j)
{
    const struct glint_png_settings png = {.range_m = j->rule.reach_m, .labels = j->labels, .rule = j->rule};
    int status = GLINT_OK;
    for (int32_t i = 0; i < j->o.n_out && status == GLINT_OK; i++)
        status = glint_outputs_add(&j->outputs, j->o.out[i], &j->context, &png, &j->o.ros);
    if (status == GLINT_OK && j->dump_folder) {
        struct glint_sink **sink = &j->outputs.sinks[j->outputs.n];
        status = glint_sink_dump_open(j->dump_folder, &j->context, sink);
        if (status == GLINT_OK) {
            glint_model_set_tap(j->model, glint_sink_dump_tap, *sink);
            j->outputs.n++;
        }
    }
    if (status == GLINT_OK && j->o.trace_path)
        status = glint_trace_stream_begin(j->trace, j->o.trace_path);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_OUTPUT) : GLINT_EXIT_OK;
}

static int open_all(struct job *j)
{
    struct glint_shared_options *o = &j->o;
    int32_t cap_points;
    int code = glint_motion_open(&o->motion, o->command, j->n_inputs, NULL);
    if (code)
        return code;
    glint_session_set(&j->session, o, j->inputs, j->n_inputs);
    code = glint_session_probe(&j->session, &cap_points);
    if (code && cap_points == 0) /* nothing that could run */
        return code;
    if (glint_trace_open(1 << 16, &j->trace) < 0)
        return glint_report_failure(GLINT_E_NOMEM, GLINT_SIDE_INPUT);
    int status = glint_open_model(o, cap_points, j->dump_folder != NULL, j->trace, &j->model, &j->context);
    if (status == GLINT_OK)
        status = glint_open_tracker(o, j->model, &j->tracker);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    j->rule = GLINT_MATCH_RULE_DEFAULT;
    j->rule.reach_m = glint_model_reach(j->model);
    code = open_labels(j);
    return code ? code : open_outputs(j);
}

#define LOOKED_AT 3 /* frames that are looked at even where boxes come out: they may be wrong */

static void on_frame(void *ctx, const struct glint_frame *frame)
{
    struct job *j = ctx;
    glint_tally_add(&j->tally, frame);
    if (!j->model)
        return;
    if (j->session.n_boxes == 0 || j->cloud.n_frames < LOOKED_AT) /* until a box comes all are of interest */
        glint_cloud_stats_add(&j->cloud, frame, glint_model_info(j->model));
}

static void tell_findings(const struct glint_finding *findings, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        fprintf(stderr, "  %s\n", findings[i].text);
}

static void tell_what_differs(const struct job *j, int code)
{
    struct glint_finding findings[GLINT_FINDING_CAP];
    float ground;
    if (j->session.n_frames == 0 && code == GLINT_EXIT_OK)
        glint_say("no frames in the input%s", j->session.end_frame < UINT64_MAX || j->session.first_frame > 0
                                                  ? ", or none of those of --frames"
                                                  : "");
    if (j->session.n_frames == 0 || !j->model || j->cloud.as_network_input)
        return;
    const int32_t n = glint_diagnose(&j->cloud, glint_model_info(j->model), findings);
    const bool masks_only = glint_model_info(j->model)->n_classes == 0;
    if (j->session.n_boxes > 0 || masks_only) {
        if (n > 0)
            glint_say("%s may be wrong or missing: the input differs from what the model expects:",
                      masks_only ? "masks" : "boxes");
        tell_findings(findings, n);
        return;
    }
    glint_say("no boxes in %llu frame%s%s", (unsigned long long)j->session.n_frames,
              j->session.n_frames > 1 ? "s" : "",
              n ? ", and the input differs from what the model expects:" : "");
    tell_findings(findings, n);
    if (n == 0 && glint_cloud_ground(&j->cloud, &ground))
        fprintf(stderr,
                "  nothing unusual in the input (ground at z = %.1f m): a lower --score shows weaker boxes\n",
                (double)ground);
    else if (n == 0)
        fprintf(stderr, "  nothing unusual in the input, though no ground was seen near the sensor\n");
}

static void tell_results(struct job *j, int code)
{
    const struct glint_session *s = &j->session;
    const double seconds = (double)s->wall_ns * 1e-9;
    glint_report_loss(&s->loss);
    tell_what_differs(j, code);
    if (j->stats || isatty(STDERR_FILENO) == 1) {
        fprintf(
            stderr,
            "%llu frame%s, %llu points, %llu boxes in %.2f s: %.1f frames/s, %d thread%s, %s, peak memory "
            "%lld MiB\n",
            (unsigned long long)s->n_frames, s->n_frames == 1 ? "" : "s", (unsigned long long)s->n_points,
            (unsigned long long)s->n_boxes, seconds, seconds > 0 ? (double)s->n_frames / seconds : 0.0,
            j->o.n_threads, j->o.n_threads > 1 ? "s" : "", glint_cpu_isa_name(glint_cpu_isa()),
            (long long)(glint_report_peak_bytes() >> 20));
        glint_account_tell_sensors(s);
        glint_report_latency(j->trace, &j->session.samples, stderr);
    }
    if (j->tally.labels)
        glint_tally_print(&j->tally, stderr);
}

/* Everything is written and closed even after a failure, so that what came before it is whole. */
static int run_job(struct job *j)
{
    int code = glint_session_run(&j->session);
    int status = glint_outputs_close(&j->outputs);
    const int traced = glint_trace_stream_end(j->trace);
    status = status < 0 ? status : traced;
    if (status < 0 && !j->session.output_status) {
        const int late = glint_report_failure(status, GLINT_SIDE_OUTPUT);
        code = code ? code : late;
    }
    if (code != GLINT_EXIT_FAILED && !j->session.output_status) /* else all is told */
        tell_results(j, code);
    if (j->o.json_path) {
        status = glint_net_write_json(glint_account_json(&j->session, "run", NULL), j->o.json_path);
        if (status < 0 && code == GLINT_EXIT_OK)
            code = glint_report_failure(status, GLINT_SIDE_OUTPUT);
    }
    return code;
}

static void close_all(struct job *j)
{
    glint_outputs_close(&j->outputs);
    glint_tally_close(&j->tally);
    glint_labels_close(j->labels);
    glint_tracker_close(j->tracker);
    glint_model_close(j->model);
    glint_motion_close(&j->o.motion);
    glint_trace_close(j->trace);
    free(j);
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return GLINT_EXIT_FAILED;
    glint_shared_options_init(&j->o, c);
    glint_cloud_stats_clear(&j->cloud);
    int code = parse(j, argc, argv);
    const bool parsed = code < 0;
    if (parsed)
        code = open_all(j);
    if (parsed && code == GLINT_EXIT_OK) {
        if (j->dump_folder)
            j->session.n_threads = 1; /* the dump's tap wants model and sinks in one thread */
        j->session.model = j->model;
        j->session.tracker = j->tracker;
        j->session.trace = j->trace;
        j->session.outputs = &j->outputs;
        j->session.on_frame = on_frame;
        j->session.ctx = j;
        code = run_job(j);
    }
    close_all(j);
    return code;
}

static const struct glint_option options[] = {
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MODEL),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_TRACK),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_SENSOR),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_CLOCK),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_OUT),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_ROS),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MOTION),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MERGE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMING),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMES),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_DAMAGE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_TOPIC),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_LATE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_THREADS),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_TRACE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_JSON),
    {"--dump", "DIR", "every stage's tensors as DIR/frame_000000.safetensors", DUMP},
    {"--labels", "FILE",
     ".jsonl of labelled boxes: pictures tell found, missed and false apart; a table sums up", LABELS},
    {"--stats", NULL, "sensors, their clocks, and latency per stage at the end (on a terminal always)",
     STATS},
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_run = {
    "run",
    "recorded packets and scans in, boxes and masks out",
    "INPUT... [options]\n\nINPUT: .pcap, .pcapng, .mcap, .db3, .bin, .pcd, .safetensors, .tfrecord, or a "
    "folder of them",
    "  glint run drive.pcap --out boxes.jsonl --out 'bev_%06d.png'\n"
    "  glint run drive.pcap --track --poses poses.csv --out tracks.jsonl\n",
    options,
    run};
