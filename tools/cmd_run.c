/* tools/cmd_run.c - the main job: recorded input to boxes, masks, pictures. */
#define _GNU_SOURCE
#include "core/cpu.h"
#include "core/trace.h"
#include "io/output.h"
#include "io/sinks.h"
#include "tools/commands.h"
#include "tools/diagnose.h"
#include "tools/places.h"
#include "tools/report.h"
#include "tools/session.h"
#include "tools/tally.h"
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MODEL = GLINT_MOTION_KEYS,
    DEVICE,
    SENSOR,
    CALIB,
    CUT,
    SUB_SWEEP,
    OUT,
    TRACE,
    DUMP,
    FRAMES,
    THREADS,
    SCORE,
    PRECISION,
    LABELS,
    STATS
};

struct job {
    const struct glint_command *command;
    /* what was asked for */
    const char *model_name, *device, *out[GLINT_OUTPUTS_CAP], *trace_path, *dump_folder, *labels_path;
    int32_t n_out, n_threads;
    float score;
    enum glint_precision precision;
    bool stats;
    const char *inputs[GLINT_SESSION_INPUTS];
    /* what is open */
    struct glint_session session;
    struct glint_motion_options motion;
    struct glint_model *model;
    struct glint_trace *trace;
    struct glint_labels *labels;
    struct glint_outputs outputs;
    struct glint_sink_context context;
    struct glint_match_rule rule;
    struct glint_tally tally;
    struct glint_cloud_stats cloud;
};

static bool take_option(struct job *j, int arg, const char *value)
{
    const struct glint_command *c = j->command;
    if (arg < GLINT_MOTION_KEYS)
        return glint_motion_take(&j->motion, c, arg, value);
    switch (arg) {
    case MODEL:
        j->model_name = value;
        return true;
    case DEVICE:
        j->device = value;
        return glint_value_device(c, "--device", value);
    case SENSOR:
        j->session.sensor = value;
        return true;
    case CALIB:
        j->session.calib = value;
        return true;
    case TRACE:
        j->trace_path = value;
        return true;
    case DUMP:
        j->dump_folder = value;
        return true;
    case FRAMES:
        return glint_value_frames(c, "--frames", value, &j->session.first_frame, &j->session.end_frame);
    case CUT:
        return glint_value_float(c, "--cut", value, -360.0, 360.0, &j->session.cut_deg);
    case SUB_SWEEP:
        return glint_value_float(c, "--sub-sweep", value, 1.0, 360.0, &j->session.sub_sweep_deg);
    case THREADS:
        return glint_value_int(c, "--threads", value, 1, 256, &j->n_threads);
    case PRECISION:
        return glint_value_precision(c, "--precision", value, &j->precision);
    case SCORE:
        return glint_value_float(c, "--score", value, 0.0, 1.0, &j->score);
    case LABELS:
        j->labels_path = value;
        return true;
    default:
        j->stats = true;
        return true;
    }
}

static bool take_output(struct job *j, const char *value)
{
    if (j->n_out < GLINT_OUTPUTS_CAP - 1) {
        j->out[j->n_out++] = value;
        return true;
    }
    glint_usage_error(j->command, "--out %s: at most %d outputs", value, GLINT_OUTPUTS_CAP - 1);
    return false;
}

static bool take_input(struct job *j, const char *value)
{
    if (j->session.n_inputs < GLINT_SESSION_INPUTS) {
        j->inputs[j->session.n_inputs++] = value;
        return true;
    }
    glint_usage_error(j->command, "at most %d inputs: give their folder", GLINT_SESSION_INPUTS);
    return false;
}

/* Nothing that is read is written over, and nothing is written twice. */
static bool outputs_are_apart(const struct job *j)
{
    const struct glint_command *c = j->command;
    bool apart = true;
    for (int32_t i = 0; i <= j->n_out && apart; i++) {
        const char *path = i < j->n_out ? j->out[i] : j->trace_path;
        if (path)
            apart = glint_outputs_apart(c, path, j->out, i, "another output") &&
                    glint_outputs_apart(c, path, j->inputs, j->session.n_inputs, "an input") &&
                    glint_outputs_apart(c, path, &j->labels_path, 1, "the labels' file") &&
                    glint_outputs_apart(c, path, &j->session.calib, 1, "the calibration");
    }
    return apart;
}

/* 0, or what to return plus one. */
static int parse(struct job *j, int argc, char **argv)
{
    struct glint_arguments a = {j->command, argc, 1, argv, false};
    const char *value;
    for (int arg; (arg = glint_arguments_next(&a, &value)) != GLINT_ARG_END;) {
        if (arg == GLINT_ARG_ERROR || arg == GLINT_ARG_HELP)
            return 1 + glint_arguments_exit(arg);
        const bool good = arg == GLINT_ARG_INPUT ? take_input(j, value)
                          : arg == OUT           ? take_output(j, value)
                                                 : take_option(j, arg, value);
        if (!good)
            return 1 + GLINT_EXIT_USAGE;
    }
    if (j->session.n_inputs == 0)
        return 1 + glint_usage_error(j->command, "no input given");
    if (j->n_out == 0)
        j->out[j->n_out++] = "-";
    return outputs_are_apart(j) ? 0 : 1 + GLINT_EXIT_USAGE;
}

static int open_model(struct job *j, int32_t cap_points)
{
    struct glint_model_settings settings;
    char folder[PATH_MAX];
    if (!glint_find_model(j->model_name, folder, sizeof folder)) {
        glint_say("%s: no such model (GLINT_MODELS names the folder of models)", folder);
        return GLINT_EXIT_INPUT;
    }
    glint_model_settings_default(&settings);
    settings.device = j->device;
    settings.n_threads = j->n_threads;
    settings.cap_points = cap_points;
    settings.score = j->score;
    settings.precision = j->precision;
    settings.keep_stages = j->dump_folder != NULL;
    const int status = glint_model_open(folder, &settings, j->trace, &j->model);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : GLINT_EXIT_OK;
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

/* How far the picture reaches: the model's range, from its middle. */
static float picture_range(const struct glint_model_info *info)
{
    float reach = 0.0f;
    for (int k = 0; k < 2; k++)
        reach = fmaxf(reach, fmaxf(fabsf(info->range[k]), fabsf(info->range[k + 3])));
    return reach >= 1.0f && reach <= 1000.0f ? reach : 51.2f;
}

static int open_outputs(struct job *j)
{
    const struct glint_png_settings png = {.range_m = j->rule.reach_m, .labels = j->labels, .rule = j->rule};
    int status = GLINT_OK;
    for (int32_t i = 0; i < j->n_out && status == GLINT_OK; i++)
        status = glint_outputs_add(&j->outputs, j->out[i], &j->context, &png);
    if (status == GLINT_OK && j->dump_folder) {
        struct glint_sink **sink = &j->outputs.sinks[j->outputs.n];
        status = glint_sink_dump_open(j->dump_folder, &j->context, sink);
        if (status == GLINT_OK) {
            glint_model_set_tap(j->model, glint_sink_dump_tap, *sink);
            j->outputs.n++;
        }
    }
    if (status == GLINT_OK && j->trace_path)
        status = glint_output_check(j->trace_path);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_OUTPUT) : GLINT_EXIT_OK;
}

static int open_all(struct job *j)
{
    int32_t cap_points;
    int code = glint_motion_open(&j->motion, j->command, j->session.n_inputs);
    if (code)
        return code;
    j->session.motion = &j->motion;
    code = glint_session_probe(&j->session, &cap_points);
    if (code && j->session.n_inputs == 1)
        return code;
    if (glint_trace_open(1 << 16, &j->trace) < 0)
        return glint_report_failure(GLINT_E_NOMEM, GLINT_SIDE_INPUT);
    code = open_model(j, cap_points);
    if (code)
        return code;
    const struct glint_model_info *info = glint_model_info(j->model);
    j->context = (struct glint_sink_context){info->n_classes, info->n_point_classes, info->classes,
                                             info->point_classes};
    j->rule = GLINT_MATCH_RULE_DEFAULT;
    j->rule.reach_m = picture_range(info);
    code = open_labels(j);
    return code ? code : open_outputs(j);
}

#define LOOKED_AT 3 /* frames that are looked at even where boxes come out: they may be wrong */

static void on_frame(void *ctx, const struct glint_frame *frame)
{
    struct job *j = ctx;
    glint_tally_add(&j->tally, frame);
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
    if (j->session.n_frames == 0 || j->cloud.as_network_input)
        return;
    const int32_t n = glint_diagnose(&j->cloud, glint_model_info(j->model), findings);
    if (j->session.n_boxes > 0) {
        if (n > 0)
            glint_say("boxes may be wrong or missing: the input differs from what the model expects:");
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
            j->n_threads, j->n_threads > 1 ? "s" : "", glint_cpu_isa_name(glint_cpu_isa()),
            (long long)(glint_report_peak_bytes() >> 20));
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
    if (status == GLINT_OK && j->trace_path)
        status = glint_trace_export(j->trace, j->trace_path);
    if (status < 0 && !j->session.output_status) {
        const int late = glint_report_failure(status, GLINT_SIDE_OUTPUT);
        code = code ? code : late;
    }
    if (code != GLINT_EXIT_FAILED && !j->session.output_status) /* else all is told */
        tell_results(j, code);
    return code;
}

static void close_all(struct job *j)
{
    glint_outputs_close(&j->outputs);
    glint_tally_close(&j->tally);
    glint_labels_close(j->labels);
    glint_model_close(j->model);
    glint_motion_close(&j->motion);
    glint_trace_close(j->trace);
    free(j);
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
    j->session.end_frame = UINT64_MAX;
    j->session.inputs = j->inputs;
    glint_cloud_stats_clear(&j->cloud);
    int code = parse(j, argc, argv);
    if (code) {
        free(j);
        return code - 1;
    }
    code = open_all(j);
    if (code == GLINT_EXIT_OK) {
        j->session.n_threads =
            j->dump_folder ? 1 : j->n_threads; /* the dump's tap wants model and sinks in one thread */
        j->session.model = j->model;
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
    {"--model", "DIR", "model folder, or the name of one in GLINT_MODELS (default: glint-tiny)", MODEL},
    {"--device", "D", "auto, cpu, cuda or cuda:N (default: auto)", DEVICE},
    {"--sensor", "NAME", "sensor of a capture: vlp16, hdl32e, xt32, ouster ... (default: by its packets)",
     SENSOR},
    {"--calib", "FILE", "the sensor's calibration or metadata file", CALIB},
    {"--out", "FILE",
     "may repeat; .jsonl boxes (default: -, to stdout), .png pictures and .label masks with %06d", OUT},
    GLINT_MOTION_OPTIONS,
    GLINT_MERGE_OPTIONS,
    {"--trace", "FILE", "time of every stage as Chrome trace JSON, opens in Perfetto", TRACE},
    {"--dump", "DIR", "every stage's tensors as DIR/frame_000000.safetensors", DUMP},
    {"--cut", "DEG", "azimuth at which turns are cut, as the sensor counts it (default 0)", CUT},
    {"--sub-sweep", "DEG", "a frame every DEG degrees instead of every turn", SUB_SWEEP},
    {"--frames", "A:B", "only frames A to before B of each input", FRAMES},
    {"--threads", "N", "threads of the network (default: the cores); 1 is one for everything", THREADS},
    {"--precision", "P", "f32, or bf16: faster, maps within 1e-2 (default: f32)", PRECISION},
    {"--score", "S", "least score of a box, 0 to 1 (default: the model's)", SCORE},
    {"--labels", "FILE",
     ".jsonl of labelled boxes: pictures tell found, missed and false apart; a table sums up", LABELS},
    {"--stats", NULL, "latency per stage at the end (on a terminal always)", STATS},
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_run = {
    "run",
    "recorded packets and scans in, boxes and masks out",
    "INPUT... [options]\n\nINPUT: .pcap, .pcapng, .bin, .pcd, .safetensors, or a folder of them",
    "  glint run drive.pcap --out boxes.jsonl --out 'bev_%06d.png'\n",
    options,
    run};
