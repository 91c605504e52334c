/* tools/shared_options.c - see shared_options.h. */
#include "tools/shared_options.h"
#include "core/cpu.h"
#include "tools/net_options.h"
#include "tools/ros_options.h"
#include <string.h>

#define GROUP_MOST 12

static const struct glint_option groups[GLINT_OPTIONS_COUNT][GROUP_MOST] = {
    [GLINT_OPTIONS_SENSOR] =
        {{"--sensor", "NAME", "vlp16, hdl32e, xt32, ouster ... (default: by its packets)", GLINT_KEY_SENSOR},
         {"--calib", "FILE", "the sensor's calibration or metadata file (Ouster needs it)", GLINT_KEY_CALIB}},
    [GLINT_OPTIONS_CLOCK] =
        {{"--clock", "RULE",
          "what the sensor's dates count: utc, gps (18 s ahead), tai (37 s ahead) or auto "
          "(default)",
          GLINT_KEY_CLOCK}},
    [GLINT_OPTIONS_FRAMING] = {{"--cut", "DEG",
                                "azimuth at which turns are cut, as the sensor counts it (default: 0)",
                                GLINT_KEY_CUT},
                               {"--sub-sweep", "DEG", "a frame every DEG degrees instead of every turn",
                                GLINT_KEY_SUB_SWEEP}},
    [GLINT_OPTIONS_MOTION] =
        {{"--poses", "FILE",
          "the vehicle's poses (CSV with a header, or KITTI): points are moved to one moment",
          GLINT_KEY_POSES},
         {"--pose-times", "FILE", "times of KITTI poses, seconds (default: pose k is frame k's)",
          GLINT_KEY_POSE_TIMES},
         {"--twist", "V", "instead of poses, even motion: VX,VY,VZ,WX,WY,WZ in m/s and rad/s, or VX,WZ",
          GLINT_KEY_TWIST},
         {"--deskew", "WHEN", "start, middle, end of the sweep, or off (default: middle, with poses)",
          GLINT_KEY_DESKEW},
         {"--between", "HOW", "poses: se3, or linear (default: se3)", GLINT_KEY_BETWEEN},
         {"--extrinsics", "FILE", "where sensors sit on the vehicle (YAML)", GLINT_KEY_EXTRINSICS},
         {"--frame", "NAME", "the sensor's frame in there (default: if it is the only one)", GLINT_KEY_FRAME},
         {"--stack", "K", "put K - 1 past sweeps under each one (1 to 32)", GLINT_KEY_STACK}},
    [GLINT_OPTIONS_MERGE] = {{"--merge", "A,B",
                              "one frame of several sensors, by their frames' names: of input i, of the i-th "
                              "--port, or NAME=ADDRESS:PORT",
                              GLINT_KEY_MERGE},
                             {"--deadline", "MS",
                              "merged frames go out after so long without who is missing (default: 100)",
                              GLINT_KEY_DEADLINE}},
    [GLINT_OPTIONS_LATE] =
        {{"--frame-deadline", "MS", "a frame is late so long after its last point came (default: never)",
          GLINT_KEY_FRAME_DEADLINE},
         {"--late", "WHAT",
          "late frames: mark (published, \"late\" in health) or skip (dropped and counted; "
          "default: mark)",
          GLINT_KEY_LATE}},
    [GLINT_OPTIONS_MODEL] =
        {{"--model", "DIR",
          "model folder, name of one in GLINT_MODELS, or none: points only (default: glint-tiny)",
          GLINT_KEY_MODEL},
         {"--boxes-model", "DIR", "another model, whose boxes go with --model's masks: points of objects",
          GLINT_KEY_BOXES_MODEL},
         {"--device", "D", "auto, cpu, cuda or cuda:N (default: auto)", GLINT_KEY_DEVICE},
         {"--precision", "P",
          "f32; faster: i16, maps within 4e-3; bf16, within 3e-2; f16 on CUDA (default: f32)",
          GLINT_KEY_PRECISION},
         {"--tta", "SET",
          "classes of points from several views: flips (4), rotations (4), scales (10) (default: none)",
          GLINT_KEY_TTA},
         {"--score", "S", "least score of a box, 0 to 1 (default: the model's)", GLINT_KEY_SCORE}},
    [GLINT_OPTIONS_THREADS] = {{"--threads", "N", "threads (default: the cores); 1 is one for everything",
                                GLINT_KEY_THREADS},
                               {"--pin", NULL,
                                "keep the network's threads on CPUs of their own (taskset chooses which)",
                                GLINT_KEY_PIN}},
    [GLINT_OPTIONS_OUT] = {{"--out", "FILE",
                            "may repeat; .jsonl boxes (default: -, to stdout), .mcap, dds:DOMAIN (ROS 2); "
                            ".png, .pcd, .bin, .label ... with %06d",
                            GLINT_KEY_OUT}},
    [GLINT_OPTIONS_TRACK] = {{"--track", NULL, "follow objects from frame to frame: ids, velocities, ages",
                              GLINT_KEY_TRACK}},
    [GLINT_OPTIONS_ROS] =
        {{"--topics", "A,B", "which topics .mcap and dds: get: points, detections ... (default: all)",
          GLINT_KEY_TOPICS},
         {"--layout", "L", "of points there: xyzirc, or xyzircaedt (default: xyzirc)", GLINT_KEY_LAYOUT},
         {"--compress", "C", "chunks of .mcap files: zstd, lz4 or none (default: zstd)", GLINT_KEY_COMPRESS}},
    [GLINT_OPTIONS_TRACE] = {{"--trace", "FILE",
                              "time of every stage as Chrome trace JSON, opens in Perfetto",
                              GLINT_KEY_TRACE}},
    [GLINT_OPTIONS_JSON] = {{"--json", "FILE", "counts of packets, sensors and frames; latency",
                             GLINT_KEY_JSON}},
    [GLINT_OPTIONS_FRAMES] = {{"--frames", "A:B", "only frames A to before B (of each input); N: the first N",
                               GLINT_KEY_FRAMES}},
    [GLINT_OPTIONS_DAMAGE] =
        {{"--skip-corrupt", NULL,
          "damaged records of TFRecord files, chunks of MCAP: counted and left out, not an error",
          GLINT_KEY_SKIP_CORRUPT}},
    [GLINT_OPTIONS_TOPIC] = {{"--topic", "NAME",
                              "of MCAP and db3 recordings: packets or clouds (default: the only one)",
                              GLINT_KEY_TOPIC}},
    [GLINT_OPTIONS_NET] =
        {{"--port", "N", "UDP port to listen at; may repeat (default: the sensor's)", GLINT_KEY_PORT},
         {"--iface", "IF", "network interface (default: all)", GLINT_KEY_IFACE},
         {"--address", "ADDR", "local address to listen at (default: all)", GLINT_KEY_ADDRESS},
         {"--group", "ADDR", "multicast group to join; may repeat", GLINT_KEY_GROUP},
         {"--pcap", NULL, "capture on --iface with libpcap instead of sockets (needs CAP_NET_RAW)",
          GLINT_KEY_PCAP},
         {"--filter", "BPF", "with --pcap: which packets (default: udp and the ports)", GLINT_KEY_FILTER},
         {"--duration", "S", "end after so many seconds", GLINT_KEY_DURATION},
         {"--rcvbuf", "MIB", "socket buffer to ask the kernel for (default: 32)", GLINT_KEY_RCVBUF},
         {"--ring", "MIB", "memory for packets not looked at yet (default: 64)", GLINT_KEY_RING},
         {"--hw-stamps", NULL, "time stamps of the network card, where its clock is UTC",
          GLINT_KEY_HW_STAMPS}},
    [GLINT_OPTIONS_SERVICE] =
        {{"--config", "FILE",
          "options and sensors from a YAML file (docs/SERVICE.md); those given here come after",
          GLINT_KEY_CONFIG},
         {"--check-config", NULL,
          "check all of it, files, sockets and rights included, tell what would run, and end",
          GLINT_KEY_CHECK_CONFIG},
         {"--record", "FILE", "write the packets too: .pcap, with {time} or %04d; SIGHUP begins a new file",
          GLINT_KEY_RECORD},
         {"--priority", "N", "real-time priority (2 to 98) of the receive thread; the others have N - 1",
          GLINT_KEY_PRIORITY},
         {"--cpus", "LIST", "run on these CPUs only: 2-5,7", GLINT_KEY_CPUS},
         {"--receive-cpu", "N", "the receive thread's own CPU", GLINT_KEY_RECEIVE_CPU},
         {"--lock-memory", NULL, "keep all memory in RAM (mlockall)", GLINT_KEY_LOCK_MEMORY}},
    [GLINT_OPTIONS_EVAL] =
        {{"--json", "FILE", "the metrics, full precision, null for not defined", GLINT_KEY_JSON},
         {"--report", "DIR", "a page with tables, curves and the worst frames", GLINT_KEY_REPORT},
         {"--parts", "DIR", "finished scenes are kept here until all are done (default: beside --json)",
          GLINT_KEY_PARTS},
         {"--resume", NULL, "goes on with what an interrupted run has finished", GLINT_KEY_RESUME}},
};

const struct glint_option *glint_option_group(int group)
{
    return groups[group];
}

void glint_shared_options_init(struct glint_shared_options *s, const struct glint_command *command)
{
    *s = (struct glint_shared_options){.command = command,
                                       .device = "auto",
                                       .score = -1.0f,
                                       .n_threads = glint_cpu_count(),
                                       .end_frame = UINT64_MAX};
    glint_live_settings_default(&s->net);
    glint_ros_output_default(&s->ros);
}

bool glint_shared_options_wants_model(const struct glint_shared_options *s)
{
    return !s->model || strcmp(s->model, "none") != 0;
}

static const char *const scales[] = {
    [GLINT_TIME_UNKNOWN] = "auto", [GLINT_TIME_UTC] = "utc",   [GLINT_TIME_TAI] = "tai",
    [GLINT_TIME_GPS] = "gps",      [GLINT_TIME_HOUR] = "hour", [GLINT_TIME_CAPTURE] = "not set"};

const char *glint_time_scale_name(enum glint_time_scale scale)
{
    return scales[scale];
}

static bool take_clock(struct glint_shared_options *s, const char *value)
{
    for (int i = 0; i <= GLINT_TIME_GPS; i++)
        if (strcmp(value, scales[i]) == 0) {
            s->time_scale = (enum glint_time_scale)i;
            return true;
        }
    glint_usage_error(s->command, "--clock %s: expected auto, utc, gps or tai", value);
    return false;
}

static bool take_deadline(struct glint_shared_options *s, const char *value)
{
    float ms;
    if (!glint_value_float(s->command, "--frame-deadline", value, 0.001, 3.6e6, &ms))
        return false;
    s->deadline_ns = (int64_t)((double)ms * 1e6);
    return true;
}

static bool take_late(struct glint_shared_options *s, const char *value)
{
    if (strcmp(value, "mark") != 0 && strcmp(value, "skip") != 0) {
        glint_usage_error(s->command, "--late %s: expected mark or skip", value);
        return false;
    }
    s->late = value[0] == 's' ? GLINT_LATE_SKIP : GLINT_LATE_MARK;
    return true;
}

static bool take_out(struct glint_shared_options *s, const char *value)
{
    if (s->n_out < GLINT_OUTPUTS_CAP - 1) {
        s->out[s->n_out++] = value;
        return true;
    }
    glint_usage_error(s->command, "--out %s: at most %d outputs", value, GLINT_OUTPUTS_CAP - 1);
    return false;
}

/* Options whose value is taken as it is: where it goes, NULL for others. */
static const char **text_of(struct glint_shared_options *s, int key)
{
    switch (key) {
    case GLINT_KEY_SENSOR:
        return &s->sensor;
    case GLINT_KEY_CALIB:
        return &s->calib;
    case GLINT_KEY_TOPIC:
        return &s->topic;
    case GLINT_KEY_MODEL:
        return &s->model;
    case GLINT_KEY_BOXES_MODEL:
        return &s->boxes_model;
    case GLINT_KEY_TRACE:
        return &s->trace_path;
    case GLINT_KEY_JSON:
        return &s->json_path;
    case GLINT_KEY_REPORT:
        return &s->report_path;
    case GLINT_KEY_PARTS:
        return &s->parts_path;
    default:
        return NULL;
    }
}

static bool take_views(struct glint_shared_options *s, const char *value)
{
    static const char *const names[] = {"none", "flips", "rotations", "scales"};
    for (int i = 0; i < 4; i++)
        if (!strcmp(value, names[i])) {
            s->views = (enum glint_views_set)i;
            return true;
        }
    glint_usage_error(s->command, "--tta %s: expected flips, rotations, scales or none", value);
    return false;
}

static bool take_checked(struct glint_shared_options *s, int key, const char *value)
{
    const struct glint_command *c = s->command;
    switch (key) {
    case GLINT_KEY_CLOCK:
        return take_clock(s, value);
    case GLINT_KEY_CUT:
        return glint_value_float(c, "--cut", value, -360.0, 360.0, &s->cut_deg);
    case GLINT_KEY_SUB_SWEEP:
        return glint_value_float(c, "--sub-sweep", value, 1.0, 360.0, &s->sub_sweep_deg);
    case GLINT_KEY_DEVICE:
        s->device = value;
        s->device_asked = true;
        return glint_value_device(c, "--device", value);
    case GLINT_KEY_TTA:
        return take_views(s, value);
    case GLINT_KEY_PRECISION:
        return glint_value_precision(c, "--precision", value, &s->precision);
    case GLINT_KEY_SCORE:
        return glint_value_float(c, "--score", value, 0.0, 1.0, &s->score);
    case GLINT_KEY_THREADS:
        s->threads_given = true;
        return glint_value_int(c, "--threads", value, 1, 256, &s->n_threads);
    case GLINT_KEY_PIN:
        s->pin = true;
        return true;
    case GLINT_KEY_TRACK:
        s->track = true;
        return true;
    case GLINT_KEY_OUT:
        return take_out(s, value);
    case GLINT_KEY_FRAME_DEADLINE:
        return take_deadline(s, value);
    case GLINT_KEY_LATE:
        return take_late(s, value);
    case GLINT_KEY_RESUME:
        s->resume = true;
        return true;
    case GLINT_KEY_SKIP_CORRUPT:
        s->skip_corrupt = true;
        return true;
    default:
        return glint_value_frames(c, "--frames", value, &s->first_frame, &s->end_frame);
    }
}

static bool take_shared(struct glint_shared_options *s, int key, const char *value)
{
    const char **text = text_of(s, key);
    if (key >= GLINT_KEY_NET)
        return glint_net_take(s->command, &s->net, key, value);
    if (key >= GLINT_KEY_TOPICS && key <= GLINT_KEY_COMPRESS)
        return glint_ros_take(s->command, &s->ros, key, value);
    if (key >= GLINT_KEY_SERVICE && key < GLINT_KEY_MOTION)
        return glint_service_take(&s->service, s->command, key, value);
    if (key >= GLINT_KEY_MOTION)
        return glint_motion_take(&s->motion, s->command, key, value);
    if (!text)
        return take_checked(s, key, value);
    *text = value;
    return true;
}

struct any { /* an option of whoever it is */
    struct glint_shared_options *shared;
    bool (*take)(void *ctx, int key, const char *value);
    void *ctx;
};

static bool take_any(void *ctx, int key, const char *value)
{
    const struct any *any = ctx;
    return key >= GLINT_SHARED_KEYS ? take_shared(any->shared, key, value) : any->take(any->ctx, key, value);
}

void glint_shared_options_close(struct glint_shared_options *s)
{
    glint_service_options_close(&s->service);
}

int glint_shared_options_parse(struct glint_shared_options *s, int argc, char **argv,
                               bool (*take)(void *ctx, int key, const char *value), void *ctx)
{
    struct glint_arguments a = {s->command, argc, 1, argv, false};
    struct any any = {s, take, ctx};
    const char *value;
    int code = glint_service_load(&s->service, s->command, argc, argv, take_any, &any);
    if (code)
        return code;
    for (int key; (key = glint_arguments_next(&a, &value)) != GLINT_ARG_END;) {
        if (key == GLINT_ARG_ERROR || key == GLINT_ARG_HELP)
            return glint_arguments_exit(key);
        if (!take_any(&any, key, value))
            return GLINT_EXIT_USAGE;
    }
    code = glint_service_apply(s);
    return code ? code : -1;
}

/* ---- files ---- */

static bool is_apart(const struct glint_shared_options *s, const char *path, const char *const *inputs,
                     int32_t n_inputs)
{
    const struct glint_motion_options *m = &s->motion;
    const struct glint_command *c = s->command;
    return glint_outputs_apart(c, path, inputs, n_inputs, "an input") &&
           glint_outputs_apart(c, path, &s->calib, 1, "the calibration") &&
           glint_outputs_apart(c, path, &m->poses_path, 1, "the poses' file") &&
           glint_outputs_apart(c, path, &m->times_path, 1, "the poses' times") &&
           glint_outputs_apart(c, path, &m->extrinsics_path, 1, "the extrinsics");
}

bool glint_shared_options_apart(const struct glint_shared_options *s, const char *const *inputs,
                                int32_t n_inputs, const char *const *extra, int32_t n_extra)
{
    const char *paths[GLINT_OUTPUTS_CAP + 8];
    int32_t n = 0;
    for (int32_t i = 0; i < s->n_out; i++)
        paths[n++] = s->out[i];
    paths[n++] = s->trace_path;
    paths[n++] = s->json_path;
    for (int32_t i = 0; i < n_extra && i < 6; i++)
        paths[n++] = extra[i];
    for (int32_t i = 0; i < n; i++)
        if (paths[i] && (!glint_outputs_apart(s->command, paths[i], paths, i, "another output") ||
                         !is_apart(s, paths[i], inputs, n_inputs)))
            return false;
    return true;
}
