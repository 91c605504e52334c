/* tools/cmd_bench.c - timings with everything one needs to repeat them. What is measured is put into one JSON
 * object, which goes to --json; a table goes to stdout. */
#define _GNU_SOURCE
#include "core/clock.h"
#include "core/cpu.h"
#include "tools/bench.h"
#include "tools/commands.h"
#include "tools/places.h"
#include "tools/report.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { MODEL = 1, REPEAT, THREADS, JSON_FILE, SENSOR, CALIB };

static const struct {
    const char *name;
    int (*measure)(struct glint_bench *b);
    bool needs_input; /* the others have a made scan */
} kinds[] = {{"decode", glint_bench_decode, true},
             {"voxel", glint_bench_voxel, false},
             {"model", glint_bench_model, false},
             {"pipeline", glint_bench_pipeline, true}};
#define N_KINDS ((int)(sizeof kinds / sizeof kinds[0]))

static bool take(struct glint_bench *b, int arg, const char *value)
{
    switch (arg) {
    case MODEL:
        b->model_name = value;
        return true;
    case REPEAT:
        return glint_value_int(b->command, "--repeat", value, 1, 1000000, &b->repeat);
    case THREADS:
        return glint_value_int(b->command, "--threads", value, 1, 256, &b->n_threads);
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
        break;
    }
    if (!b->kind) {
        b->kind = value;
    } else if (!b->input) {
        b->input = value;
    } else {
        glint_usage_error(b->command, "one input at a time: %s", value);
        return false;
    }
    return true;
}

static int find_kind(const struct glint_bench *b)
{
    for (int i = 0; i < N_KINDS; i++)
        if (b->kind && strcmp(kinds[i].name, b->kind) == 0)
            return i;
    if (b->kind)
        glint_usage_error(b->command, "no such measurement: %s; expected decode, voxel, model or pipeline",
                          b->kind);
    else
        glint_usage_error(b->command, "what to measure? decode, voxel, model or pipeline");
    return -1;
}

/* CRC-32 of the file: tells inputs apart. 0 and no size for a folder. */
static void describe_input(struct glint_bench *b)
{
    json_t *input = json_object();
    json_object_set_new(b->out, "input", input);
    if (!b->input) {
        json_object_set_new(input, "made", json_string("standard scan, 64 beams x 1875"));
        return;
    }
    FILE *f = glint_is_folder(b->input) ? NULL : fopen(b->input, "rb");
    unsigned char block[65536];
    uLong crc = crc32(0, NULL, 0);
    json_int_t bytes = 0;
    for (size_t n; f && (n = fread(block, 1, sizeof block, f)) > 0; bytes += (json_int_t)n)
        crc = crc32(crc, block, (uInt)n);
    json_object_set_new(input, "path", json_string(b->input));
    if (f) {
        char text[16];
        snprintf(text, sizeof text, "%08lx", (unsigned long)crc);
        json_object_set_new(input, "bytes", json_integer(bytes));
        json_object_set_new(input, "crc32", json_string(text));
        fclose(f);
    }
}

static void describe_machine(struct glint_bench *b)
{
    json_t *machine = json_object();
    json_object_set_new(b->out, "measures", json_string(b->kind));
    json_object_set_new(machine, "processor", json_string(glint_cpu_name()));
    json_object_set_new(machine, "cores", json_integer(glint_cpu_count()));
    json_object_set_new(machine, "isa", json_string(glint_cpu_isa_name(glint_cpu_isa())));
    json_object_set_new(b->out, "machine", machine);
    json_t *build = json_object();
    json_object_set_new(build, "version", json_string(GLINT_VERSION));
    json_object_set_new(build, "commit", json_string(GLINT_COMMIT));
    json_object_set_new(build, "type", json_string(GLINT_BUILD_TYPE));
    json_object_set_new(build, "compiler", json_string(__VERSION__));
    json_object_set_new(b->out, "build", build);
    json_object_set_new(b->out, "threads", json_integer(b->n_threads));
    json_object_set_new(b->out, "repeat", json_integer(b->repeat));
}

static int write_json(const struct glint_bench *b)
{
    if (!b->json_path)
        return GLINT_EXIT_OK;
    const bool to_stdout = strcmp(b->json_path, "-") == 0;
    const int failed =
        to_stdout ? json_dumpf(b->out, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(10))
                  : json_dump_file(b->out, b->json_path,
                                   JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(10));
    if (to_stdout)
        printf("\n");
    if (!failed)
        return GLINT_EXIT_OK;
    glint_say("%s: cannot write", b->json_path);
    return GLINT_EXIT_FAILED;
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct glint_bench b = {.command = c, .n_threads = glint_cpu_count(), .repeat = 20};
    struct glint_arguments a = {c, argc, 1, argv, false};
    const char *value;
    for (int arg; (arg = glint_arguments_next(&a, &value)) != GLINT_ARG_END;) {
        if (arg == GLINT_ARG_ERROR || arg == GLINT_ARG_HELP)
            return glint_arguments_exit(arg);
        if (!take(&b, arg, value))
            return GLINT_EXIT_USAGE;
    }
    const int kind = find_kind(&b);
    if (kind < 0)
        return GLINT_EXIT_USAGE;
    if (!b.input && kinds[kind].needs_input)
        return glint_usage_error(c, "%s: no input given", b.kind);
    b.out = json_object();
    b.words = b.json_path && strcmp(b.json_path, "-") == 0 ? stderr : stdout;
    describe_machine(&b);
    describe_input(&b);
    int code = kinds[kind].measure(&b);
    json_object_set_new(b.out, "peak_rss_bytes", json_integer((json_int_t)glint_report_peak_bytes()));
    if (code == GLINT_EXIT_OK)
        code = write_json(&b);
    json_decref(b.out);
    return code;
}

static const struct glint_option options[] = {
    {"--model", "DIR", "model folder, or the name of one in GLINT_MODELS (default: glint-tiny)", MODEL},
    {"--repeat", "N", "times the input is run after the first, cold one (default: 20)", REPEAT},
    {"--threads", "N", "threads (default: the cores)", THREADS},
    {"--sensor", "NAME", "sensor of a capture (default: by its packets)", SENSOR},
    {"--calib", "FILE", "the sensor's calibration or metadata file", CALIB},
    {"--json", "FILE", "everything as JSON; - is stdout, the table then goes to stderr", JSON_FILE},
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_bench = {
    "bench",
    "timings with machine, build, input and percentiles",
    "decode|voxel|model|pipeline [INPUT] [options]\n\nvoxel and model take the first frame of INPUT, or a "
    "made scan of 120,000 points without one",
    "  glint bench model scan.bin --repeat 50 --threads 1 --json model.json\n",
    options,
    run};
