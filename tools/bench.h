/* tools/bench.h - the measurements of `glint bench`.
 *
 * A measurement adds rows, one per stage or kernel, to the result; cmd_bench.c then measures the machine's
 * ceilings (last, so that their memory is not the measurement's), completes the rows and prints them. */
#ifndef GLINT_TOOLS_BENCH_H
#define GLINT_TOOLS_BENCH_H
#include "core/frame.h"
#include "core/pool.h"
#include "tools/ceiling.h"
#include "tools/options.h"
#include "tools/times.h"
#include <jansson.h>
#include <stdio.h>

struct glint_bench {
    const struct glint_command *command;
    const char *kind, *input, *other, *model_name, *json_path, *sensor, *calib;
    const char *device;
    int32_t repeat, n_threads, n_points, window, limit_percent, batch;
    bool pin;
    float iou;
    enum glint_precision precision;
    bool normalised, no_ceilings;
    char demo[4096];         /* the input when none was given and one was found */
    json_t *out;             /* results go in here, rows to its array "stages" */
    FILE *words;             /* and words for people there */
    struct glint_pool *pool; /* of the calibration loop */
    struct glint_times loop; /* of the calibration loop, taken between the rounds */
};

/* Each returns an exit code and has printed its failure.
 *
 * decode: packets already in memory, of a capture or made ones (made_packets.h) -> returns, one thread, every
 * round over all packets. voxel: first frame -> pillars of the model's grid, and their four window orders.
 * nms: boxes (float64 rows x, y, dx, dy, yaw in descending score, or made ones) -> the kept ones, one thread.
 * model: first frame, already in memory -> boxes and masks: everything between, nothing else. Cold is the
 * first run; with a batch also frames per second of so many, one after another or as the device takes them.
 * pipeline: files -> boxes, all frames, `repeat` times, as `glint run` does without its outputs; cold is the
 * first frame. compare: two results (input and other), see bench_compare.c. */
int glint_bench_decode(struct glint_bench *b);
int glint_bench_voxel(struct glint_bench *b);
int glint_bench_nms(struct glint_bench *b);
int glint_bench_model(struct glint_bench *b);
int glint_bench_pipeline(struct glint_bench *b);
int glint_bench_compare(struct glint_bench *b);

/* bench_describe.c: "machine", "build", "settings", and "input" with its bytes and CRC-32. */
void glint_bench_describe(struct glint_bench *b);
/* "frame": points and the CRC-32 of their coordinates and intensities, whatever file they came from. */
void glint_bench_describe_frame(struct glint_bench *b, const struct glint_frame *frame);
void glint_bench_put_crc(json_t *object, const char *key, uint32_t crc);

/* The frame to measure: the first of the input, or a made one; described. */
struct glint_first_frame;
int glint_bench_first_frame(struct glint_bench *b, struct glint_first_frame *first);

/* bench_table.c: a row of the result. flop and bytes: the work of one round, 0 where it is not known. */
void glint_bench_row(struct glint_bench *b, const char *name, struct glint_times *times, double flop,
                     double bytes);
/* Between two rounds: the calibration loop, once. */
void glint_bench_loop(struct glint_bench *b);
/* Completes the rows by the ceilings (NULL: not measured) and prints the table. */
void glint_bench_finish(struct glint_bench *b, const struct glint_ceilings *c);
#endif
