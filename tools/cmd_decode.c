/* tools/cmd_decode.c - packets to points only. */
#include "core/cpu.h"
#include "io/capture.h"
#include "io/decode_csv.h"
#include "io/samples_csv.h"
#include "tools/commands.h"
#include "tools/report.h"
#include "tools/session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUT = GLINT_MOTION_KEYS, SENSOR, CALIB, IMU, POSITIONS, CUT, SUB_SWEEP, FRAMES, THREADS };

struct job {
    const struct glint_command *command;
    const char *out, *imu, *positions;
    int32_t n_threads;
    const char *inputs[GLINT_SESSION_INPUTS];
    struct glint_session session;
    struct glint_motion_options motion;
    struct glint_outputs outputs;
};

static bool take(struct job *j, int arg, const char *value)
{
    if (arg > 0 && arg < GLINT_MOTION_KEYS)
        return glint_motion_take(&j->motion, j->command, arg, value);
    switch (arg) {
    case OUT:
        j->out = value;
        return true;
    case SENSOR:
        j->session.sensor = value;
        return true;
    case CALIB:
        j->session.calib = value;
        return true;
    case IMU:
        j->imu = value;
        return true;
    case POSITIONS:
        j->positions = value;
        return true;
    case FRAMES:
        return glint_value_frames(j->command, "--frames", value, &j->session.first_frame,
                                  &j->session.end_frame);
    case CUT:
        return glint_value_float(j->command, "--cut", value, -360.0, 360.0, &j->session.cut_deg);
    case SUB_SWEEP:
        return glint_value_float(j->command, "--sub-sweep", value, 1.0, 360.0, &j->session.sub_sweep_deg);
    case THREADS:
        return glint_value_int(j->command, "--threads", value, 1, 256, &j->n_threads);
    default:
        if (j->session.n_inputs < GLINT_SESSION_INPUTS) {
            j->inputs[j->session.n_inputs++] = value;
            return true;
        }
        glint_usage_error(j->command, "at most %d inputs: give their folder", GLINT_SESSION_INPUTS);
        return false;
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
        if (!take(j, arg, value))
            return 1 + GLINT_EXIT_USAGE;
    }
    if (j->session.n_inputs == 0)
        return 1 + glint_usage_error(j->command, "no input given");
    const bool samples = j->imu || j->positions;
    if (samples && j->session.n_inputs != 1)
        return 1 + glint_usage_error(j->command, "--imu and --positions take one capture");
    if (!samples && !j->out)
        return 1 + glint_usage_error(j->command, "--out FILE is needed: .pcd, .bin or .csv");
    const char *const outputs[] = {j->out, j->imu, j->positions};
    for (int i = 0; i < 3; i++)
        if (outputs[i] &&
            (!glint_outputs_apart(j->command, outputs[i], j->inputs, j->session.n_inputs, "an input") ||
             !glint_outputs_apart(j->command, outputs[i], &j->session.calib, 1, "the calibration")))
            return 1 + GLINT_EXIT_USAGE;
    return 0;
}

/* Whether the output is one table of every return: .csv or stdout for a capture. */
static bool is_table(const struct job *j)
{
    const size_t n = strlen(j->out);
    const bool csv = strcmp(j->out, "-") == 0 || (n > 4 && strcmp(j->out + n - 4, ".csv") == 0);
    struct glint_source *source;
    if (!csv || strchr(j->out, '%') || j->session.n_inputs != 1 ||
        glint_source_open(j->inputs[0], NULL, &source) < 0)
        return false;
    const bool packets = source->ops->gives_packets;
    glint_source_close(source);
    return packets;
}

static int decode_table(struct job *j)
{
    const struct glint_decoder_settings settings = {
        .sensor = j->session.sensor, .calib = j->session.calib, .capture = j->inputs[0]};
    struct glint_loss loss = {0};
    if (j->motion.poses_path || j->motion.has_twist || j->motion.extrinsics_path || j->motion.stack)
        return glint_usage_error(j->command,
                                 "a table of all returns is as the sensor measured: use %%06d in --out");
    if (j->session.first_frame > 0 || j->session.end_frame != UINT64_MAX)
        return glint_usage_error(j->command,
                                 "--frames does not go with a table of all returns: use %%06d in --out");
    struct glint_capture capture; /* opened twice: what cannot be read after that cannot be written */
    int status = glint_capture_open(j->inputs[0], NULL, &settings, &capture);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    glint_capture_close(&capture);
    status = glint_decode_csv(j->inputs[0], &settings, j->out, &loss);
    const int code =
        status < 0 ? glint_report_failure(status, status == GLINT_E_IO ? GLINT_SIDE_OUTPUT : GLINT_SIDE_INPUT)
                   : GLINT_EXIT_OK;
    glint_report_loss(&loss);
    return code;
}

static int decode_frames(struct job *j)
{
    static const struct glint_sink_context context;
    int32_t cap_points;
    int code = glint_motion_open(&j->motion, j->command, j->session.n_inputs);
    if (code)
        return code;
    j->session.motion = &j->motion;
    code = glint_session_probe(&j->session, &cap_points);
    if (code && j->session.n_inputs == 1)
        return code;
    int status = glint_outputs_add(&j->outputs, j->out, &context, NULL);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_OUTPUT);
    j->session.outputs = &j->outputs;
    j->session.n_threads = j->n_threads;
    code = glint_session_run(&j->session);
    status = glint_outputs_close(&j->outputs);
    if (status < 0 && !j->session.output_status) {
        const int late = glint_report_failure(status, GLINT_SIDE_OUTPUT);
        code = code ? code : late;
    }
    if (!j->session.output_status)
        glint_report_loss(&j->session.loss);
    return code;
}

static int decode_samples(struct job *j)
{
    const struct glint_decoder_settings settings = {.sensor = j->session.sensor ? j->session.sensor : "auto",
                                                    .calib = j->session.calib,
                                                    .capture = j->inputs[0]};
    struct glint_samples_count count;
    const int status = glint_samples_csv(j->inputs[0], &settings, j->imu, j->positions, &count);
    if (status < 0)
        return glint_report_failure(status, status == GLINT_E_IO ? GLINT_SIDE_OUTPUT : GLINT_SIDE_INPUT);
    if ((j->imu && count.imu == 0) || (j->positions && count.positions == 0))
        fprintf(stderr, "glint: %s: no %s in it\n", j->inputs[0],
                j->imu && count.imu == 0 ? "IMU samples" : "positions");
    return GLINT_EXIT_OK;
}

static int decode(struct job *j)
{
    if (j->imu || j->positions) {
        const int code = decode_samples(j);
        if (code || !j->out)
            return code;
    }
    return is_table(j) ? decode_table(j) : decode_frames(j);
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return GLINT_EXIT_FAILED;
    j->command = c;
    j->n_threads = glint_cpu_count();
    j->session.end_frame = UINT64_MAX;
    j->session.inputs = j->inputs;
    int code = parse(j, argc, argv);
    if (code)
        code--;
    else
        code = decode(j);
    glint_motion_close(&j->motion);
    free(j);
    return code;
}

static const struct glint_option options[] = {
    {"--out", "FILE", "cloud_%06d.pcd, .bin or .csv, one file a frame; X.csv or -: one table of every return",
     OUT},
    {"--sensor", "NAME", "sensor of a capture: vlp16, hdl32e, xt32, ouster ... (default: by its packets)",
     SENSOR},
    {"--calib", "FILE", "the sensor's calibration or metadata file", CALIB},
    {"--imu", "FILE.csv", "the capture's IMU samples as a table; without --out nothing else", IMU},
    {"--positions", "FILE.csv", "the GNSS receiver's sentences and positions as a table, alike", POSITIONS},
    GLINT_MOTION_OPTIONS,
    GLINT_MERGE_OPTIONS,
    {"--cut", "DEG", "azimuth at which turns are cut, as the sensor counts it (default 0)", CUT},
    {"--sub-sweep", "DEG", "a frame every DEG degrees instead of every turn", SUB_SWEEP},
    {"--frames", "A:B", "only frames A to before B of each input", FRAMES},
    {"--threads", "N", "1: one for everything; more: reading and writing overlap (default)", THREADS},
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_decode = {"decode",
                                               "packets to points only",
                                               "INPUT... --out FILE [options]",
                                               "  glint decode drive.pcap --out 'cloud_%06d.pcd'\n",
                                               options,
                                               run};
