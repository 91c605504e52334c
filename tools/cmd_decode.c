/* tools/cmd_decode.c - packets to points only. */
#include "core/cpu.h"
#include "io/capture.h"
#include "io/decode_csv.h"
#include "io/samples_csv.h"
#include "io/waymo_csv.h"
#include "io/waymo_files.h"
#include "tools/account.h"
#include "tools/commands.h"
#include "tools/net_options.h"
#include "tools/places.h"
#include "tools/report.h"
#include "tools/session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMU = 1, POSITIONS };

struct job {
    struct glint_shared_options o;
    const char *out, *imu, *positions;
    const char *inputs[GLINT_SESSION_INPUTS];
    int32_t n_inputs;
    struct glint_session session;
    struct glint_outputs outputs;
};

static bool take(void *ctx, int key, const char *value)
{
    struct job *j = ctx;
    switch (key) {
    case IMU:
        j->imu = value;
        return true;
    case POSITIONS:
        j->positions = value;
        return true;
    default:
        if (j->n_inputs < GLINT_SESSION_INPUTS) {
            j->inputs[j->n_inputs++] = value;
            return true;
        }
        glint_usage_error(j->o.command, "at most %d inputs: give their folder", GLINT_SESSION_INPUTS);
        return false;
    }
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
    const bool samples = j->imu || j->positions;
    if (samples && j->n_inputs != 1)
        return glint_usage_error(o->command, "--imu and --positions take one capture");
    if (!samples && o->n_out == 0)
        return glint_usage_error(o->command, "--out FILE is needed: .pcd, .bin or .csv");
    j->out = o->n_out > 0 ? o->out[0] : NULL;
    const char *const tables[] = {j->imu, j->positions};
    return glint_shared_options_apart(o, j->inputs, j->n_inputs, tables, 2) ? -1 : GLINT_EXIT_USAGE;
}

/* Whether the output may be one table of all points: .csv or stdout, of one input. */
static bool wants_table(const struct job *j)
{
    const size_t n = strlen(j->out);
    const bool csv = strcmp(j->out, "-") == 0 || (n > 4 && strcmp(j->out + n - 4, ".csv") == 0);
    return csv && j->o.n_out == 1 && !strchr(j->out, '%') && j->n_inputs == 1;
}

/* Whether it is one: of a capture. */
static bool is_table(const struct job *j)
{
    struct glint_source *source;
    if (!wants_table(j) || j->o.topic || glint_source_open(j->inputs[0], NULL, &source) < 0)
        return false;
    const bool packets = source->ops->gives_packets;
    glint_source_close(source);
    return packets;
}

static int decode_table(struct job *j)
{
    const struct glint_decoder_settings settings = {
        .sensor = j->o.sensor, .calib = j->o.calib, .capture = j->inputs[0], .scale = j->o.time_scale};
    const struct glint_motion_options *m = &j->o.motion;
    struct glint_loss loss = {0};
    if (m->poses_path || m->has_twist || m->extrinsics_path || m->stack)
        return glint_usage_error(j->o.command,
                                 "a table of all returns is as the sensor measured: use %%06d in --out");
    if (j->o.json_path)
        return glint_usage_error(j->o.command, "--json counts frames: use %%06d in --out");
    if (j->o.first_frame > 0 || j->o.end_frame != UINT64_MAX)
        return glint_usage_error(j->o.command,
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

static bool is_waymo_table(const struct job *j)
{
    return wants_table(j) && glint_waymo_is_path(j->inputs[0]) && !glint_is_folder(j->inputs[0]);
}

/* Every point of Waymo's frames with what its pixel says. */
static int decode_waymo(struct job *j)
{
    const struct glint_waymo_csv_settings settings = {.n_threads = j->o.n_threads,
                                                      .skip_corrupt = j->o.skip_corrupt,
                                                      .first_frame = j->o.first_frame,
                                                      .end_frame = j->o.end_frame};
    const struct glint_motion_options *m = &j->o.motion;
    struct glint_waymo_csv_count count = {0};
    if (m->poses_path || m->has_twist || m->extrinsics_path || m->stack)
        return glint_usage_error(j->o.command, "a table of all points is as in the file: use %%06d in --out");
    const int status = glint_waymo_csv(j->inputs[0], j->out, &settings, &count);
    const int code =
        status < 0 ? glint_report_failure(status, status == GLINT_E_IO ? GLINT_SIDE_OUTPUT : GLINT_SIDE_INPUT)
                   : GLINT_EXIT_OK;
    glint_report_loss(&(struct glint_loss){.records_corrupt = count.corrupt});
    return code;
}

static int decode_frames(struct job *j)
{
    static const struct glint_sink_context context;
    int32_t cap_points;
    int code = glint_motion_open(&j->o.motion, j->o.command, j->n_inputs, NULL);
    if (code)
        return code;
    glint_session_set(&j->session, &j->o, j->inputs, j->n_inputs);
    code = glint_session_probe(&j->session, &cap_points);
    if (code && cap_points == 0) /* nothing that could run */
        return code;
    int status = GLINT_OK;
    for (int32_t i = 0; i < j->o.n_out && status == GLINT_OK; i++)
        status = glint_outputs_add(&j->outputs, j->o.out[i], &context, NULL, NULL);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_OUTPUT);
    j->session.outputs = &j->outputs;
    code = glint_session_run(&j->session);
    status = glint_outputs_close(&j->outputs);
    if (status < 0 && !j->session.output_status) {
        const int late = glint_report_failure(status, GLINT_SIDE_OUTPUT);
        code = code ? code : late;
    }
    if (!j->session.output_status)
        glint_report_loss(&j->session.loss);
    if (j->o.json_path) {
        status = glint_net_write_json(glint_account_json(&j->session, "decode", NULL), j->o.json_path);
        if (status < 0 && code == GLINT_EXIT_OK)
            code = glint_report_failure(status, GLINT_SIDE_OUTPUT);
    }
    return code;
}

static int decode_samples(struct job *j)
{
    const struct glint_decoder_settings settings = {.sensor = j->o.sensor ? j->o.sensor : "auto",
                                                    .calib = j->o.calib,
                                                    .capture = j->inputs[0],
                                                    .scale = j->o.time_scale};
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
    if (is_waymo_table(j))
        return decode_waymo(j);
    return is_table(j) ? decode_table(j) : decode_frames(j);
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return GLINT_EXIT_FAILED;
    glint_shared_options_init(&j->o, c);
    int code = parse(j, argc, argv);
    if (code < 0)
        code = decode(j);
    glint_motion_close(&j->o.motion);
    free(j);
    return code;
}

static const struct glint_option options[] = {
    GLINT_OPTION_GROUP(GLINT_OPTIONS_OUT),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_SENSOR),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_CLOCK),
    {"--imu", "FILE.csv", "the capture's IMU samples as a table; without --out nothing else", IMU},
    {"--positions", "FILE.csv", "the GNSS receiver's sentences and positions as a table, alike", POSITIONS},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MOTION),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MERGE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMING),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMES),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_DAMAGE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_TOPIC),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_THREADS),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_JSON),
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_decode = {
    "decode",
    "packets to points only",
    "INPUT... --out FILE [options]\n\nFILE: cloud_%06d.pcd, .bin or "
    ".csv, one file a frame; X.csv or - of one capture: one "
    "table of every return",
    "  glint decode drive.pcap --out 'cloud_%06d.pcd'\n",
    options,
    run};
