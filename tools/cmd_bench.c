/* tools/cmd_bench.c - timings with everything one needs to repeat them. What is measured is put into one JSON
 * object, which goes to --json; a table goes to stdout. */
#define _GNU_SOURCE
#include "core/cpu.h"
#include "core/status.h"
#include "tools/bench.h"
#include "tools/commands.h"
#include "sim/made_packets.h"
#include "tools/places.h"
#include "tools/report.h"
#include "tools/standard_scan.h"
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum {
    MODEL = 1,
    REPEAT,
    THREADS,
    PIN,
    PRECISION,
    DEVICE,
    BATCH,
    JSON_FILE,
    SENSOR,
    CALIB,
    POINTS,
    WINDOW,
    IOU,
    NO_CEILINGS,
    NORMALISED,
    LIMIT
};

static const struct kind {
    const char *name;
    int (*measure)(struct glint_bench *b);
    enum { NO_INPUT, WANTS_CAPTURE, MAKES_PACKETS, MAKES_INPUT, TWO_RESULTS } input;
    int32_t repeat;
} kinds[] = {{"decode", glint_bench_decode, MAKES_PACKETS, 50},
             {"voxel", glint_bench_voxel, MAKES_INPUT, 50},
             {"nms", glint_bench_nms, MAKES_INPUT, 50},
             {"model", glint_bench_model, MAKES_INPUT, 20},
             {"pipeline", glint_bench_pipeline, WANTS_CAPTURE, 3},
             {"compare", glint_bench_compare, TWO_RESULTS, 1}};
#define N_KINDS ((int)(sizeof kinds / sizeof kinds[0]))

static bool take_place(struct glint_bench *b, const char *value)
{
    if (!b->kind) {
        b->kind = value;
    } else if (!b->input) {
        b->input = value;
    } else if (strcmp(b->kind, "compare") == 0 && !b->other) {
        b->other = value;
    } else {
        glint_usage_error(b->command, "one input at a time: %s", value);
        return false;
    }
    return true;
}

static bool take(struct glint_bench *b, int arg, const char *value)
{
    switch (arg) {
    case MODEL:
        b->model_name = value;
        return true;
    case REPEAT:
        return glint_value_int(b->command, "--repeat", value, 1, 1000000, &b->repeat);
    case PRECISION:
        return glint_value_precision(b->command, "--precision", value, &b->precision);
    case DEVICE:
        b->device = value;
        return glint_value_device(b->command, "--device", value);
    case BATCH:
        return glint_value_int(b->command, "--batch", value, 1, 4096, &b->batch);
    case THREADS:
        return glint_value_int(b->command, "--threads", value, 1, 256, &b->n_threads);
    case PIN:
        b->pin = true;
        return true;
    case POINTS:
        return glint_value_int(b->command, "--points", value, 1000, 8000000, &b->n_points);
    case WINDOW:
        return glint_value_int(b->command, "--window", value, 1, 1024, &b->window);
    case LIMIT:
        return glint_value_int(b->command, "--limit", value, 0, 10000, &b->limit_percent);
    case IOU:
        return glint_value_float(b->command, "--iou", value, 0, 1, &b->iou);
    case NO_CEILINGS:
        return b->no_ceilings = true;
    case NORMALISED:
        return b->normalised = true;
    case JSON_FILE:
        b->json_path = value;
        return true;
    case SENSOR:
        b->sensor = value;
        return true;
    case CALIB:
        b->calib = value;
        return true;
    default:
        return take_place(b, value);
    }
}

static const struct kind *find_kind(const struct glint_bench *b)
{
    for (int i = 0; i < N_KINDS; i++)
        if (b->kind && strcmp(kinds[i].name, b->kind) == 0)
            return &kinds[i];
    if (b->kind)
        glint_usage_error(b->command,
                          "no such measurement: %s; expected decode, voxel, nms, model, pipeline or compare",
                          b->kind);
    else
        glint_usage_error(b->command, "what to measure? decode, voxel, nms, model, pipeline or compare");
    return NULL;
}

/* Without a capture packets of the named sensor are made. */
static bool is_made(const struct glint_bench *b)
{
    char known[1600] = "";
    if (glint_made_find(b->sensor) >= 0)
        return true;
    for (int32_t i = 0; i < glint_made_count(); i++) {
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", glint_made_name(i));
    }
    glint_usage_error(b->command, "decode: no packets are made of a \"%.40s\"; there are: %s", b->sensor,
                      known);
    return false;
}

/* The demo's capture, beside the models, where nothing else was named. */
static bool find_input(struct glint_bench *b, const struct kind *kind)
{
    char folder[PATH_MAX];
    if (kind->input == TWO_RESULTS && !b->other) {
        glint_usage_error(b->command, "compare: two results of --json expected");
        return false;
    }
    if (b->input || (kind->input != WANTS_CAPTURE && kind->input != MAKES_PACKETS))
        return true;
    if (kind->input == MAKES_PACKETS && b->sensor)
        return is_made(b);
    glint_find_model(NULL, folder, sizeof folder);
    if (strlen(folder) + 32 < sizeof b->demo) {
        snprintf(b->demo, sizeof b->demo, "%.4000s/../../demo/demo.pcap", folder);
        b->input = access(b->demo, R_OK) == 0 ? b->demo : NULL;
    }
    if (!b->input)
        glint_usage_error(b->command, "%s: no input given", b->kind);
    return b->input;
}

static int write_json(const struct glint_bench *b)
{
    if (!b->json_path)
        return GLINT_EXIT_OK;
    const bool to_stdout = strcmp(b->json_path, "-") == 0;
    const size_t flags = JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(10);
    const int failed =
        to_stdout ? json_dumpf(b->out, stdout, flags) : json_dump_file(b->out, b->json_path, flags);
    if (to_stdout)
        printf("\n");
    if (!failed)
        return GLINT_EXIT_OK;
    glint_say("%s: cannot write", b->json_path);
    return GLINT_EXIT_FAILED;
}

/* Rounds, then the machine's ceilings, when the measurement's peak memory is on record. */
static int measure(struct glint_bench *b, const struct kind *kind)
{
    struct glint_ceilings ceilings;
    int status = glint_pool_open(b->n_threads, &b->pool);
    if (status == GLINT_OK)
        status = glint_times_open(&b->loop, b->repeat + 16);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    glint_bench_describe(b);
    const int code = kind->measure(b);
    json_object_set_new(b->out, "peak_rss_bytes", json_integer((json_int_t)glint_report_peak_bytes()));
    if (code)
        return code;
    if (strcmp(b->device, "cpu"))
        b->no_ceilings = true; /* the host's say nothing of a device */
    if (!b->no_ceilings)
        status = glint_ceilings_measure(&ceilings, glint_cpu_isa(), b->n_threads);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    glint_bench_finish(b, b->no_ceilings ? NULL : &ceilings);
    return GLINT_EXIT_OK;
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct glint_bench b = {.command = c,
                            .n_threads = glint_cpu_count(),
                            .n_points = GLINT_STANDARD_SCAN_POINTS,
                            .window = 13,
                            .device = "cpu",
                            .iou = 0.55f,
                            .limit_percent = -1};
    struct glint_arguments a = {c, argc, 1, argv, false};
    const char *value;
    for (int arg; (arg = glint_arguments_next(&a, &value)) != GLINT_ARG_END;) {
        if (arg == GLINT_ARG_ERROR || arg == GLINT_ARG_HELP)
            return glint_arguments_exit(arg);
        if (!take(&b, arg, value))
            return GLINT_EXIT_USAGE;
    }
    const struct kind *kind = find_kind(&b);
    if (!kind || !find_input(&b, kind))
        return GLINT_EXIT_USAGE;
    if (b.repeat == 0)
        b.repeat = kind->repeat;
    b.out = json_object();
    b.words = b.json_path && strcmp(b.json_path, "-") == 0 ? stderr : stdout;
    int code = kind->input == TWO_RESULTS ? kind->measure(&b) : measure(&b, kind);
    if (code == GLINT_EXIT_OK || kind->input == TWO_RESULTS) {
        const int written = write_json(&b);
        code = code ? code : written;
    }
    json_decref(b.out);
    glint_pool_close(b.pool);
    glint_times_close(&b.loop);
    return code;
}

static const struct glint_option options[] = {
    {"--model", "DIR", "model folder, or the name of one in GLINT_MODELS (default: glint-tiny)", MODEL},
    {"--repeat", "N", "rounds after the first, cold one (default: 20 for model, 3 for pipeline, else 50)",
     REPEAT},
    {"--precision", "P", "f32; faster: i16, maps within 4e-3; bf16, within 3e-2; f16 on CUDA (default: f32)",
     PRECISION},
    {"--device", "D", "model, pipeline: cpu, cuda, cuda:N, auto (default: cpu)", DEVICE},
    {"--batch", "N",
     "model: also frames per second of so many frames in a row; a device has two on their way", BATCH},
    {"--threads", "N", "threads (default: the cores); decode and nms use one", THREADS},
    {"--pin", NULL, "model, pipeline: the network's threads on CPUs of their own", PIN},
    {"--points", "N", "size of the made scan (default: 120000)", POINTS},
    {"--window", "N", "voxel: cells per side of a window (default: 13)", WINDOW},
    {"--iou", "X", "nms: overlap above which a box goes (default: 0.55)", IOU},
    {"--sensor", "NAME",
     "sensor of a capture (default: by its packets); decode without INPUT: of made packets", SENSOR},
    {"--calib", "FILE", "the sensor's calibration or metadata file", CALIB},
    {"--no-ceilings", NULL, "leave out the machine's peak rates (a second)", NO_CEILINGS},
    {"--normalised", NULL, "compare: in units of the calibration loop, for two machines", NORMALISED},
    {"--limit", "N", "compare: exit status 1 when a stage is slower by more than N percent", LIMIT},
    {"--json", "FILE", "everything as JSON; - is stdout, the table then goes to stderr", JSON_FILE},
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_bench = {
    "bench",
    "timings with machine, build, input and percentiles",
    "decode|voxel|nms|model|pipeline [INPUT] [options]\n       glint bench compare A.json B.json "
    "[options]\n\n"
    "decode    packets in memory to returns, one thread (--sensor \"VLS-128 dual\": made ones)\n"
    "voxel     first frame to pillars and four window orders\n"
    "nms       boxes (float64 rows x y dx dy yaw) to the kept ones, one thread\n"
    "model     first frame to boxes and masks, per stage\n"
    "pipeline  packets or files to boxes, all frames\n\n"
    "Without INPUT: a made scan, made boxes, or the demo's capture. docs/PERFORMANCE.md says how to get "
    "stable "
    "numbers.",
    "  glint bench model scan.bin --repeat 50 --threads 1 --json after.json\n"
    "  glint bench compare before.json after.json --limit 10\n",
    options,
    run};
