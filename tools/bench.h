/* tools/bench.h - the measurements of `glint bench`. */
#ifndef GLINT_TOOLS_BENCH_H
#define GLINT_TOOLS_BENCH_H
#include "tools/options.h"
#include <jansson.h>
#include <stdio.h>

struct glint_bench {
    const struct glint_command *command;
    const char *kind, *input, *model_name, *json_path, *sensor, *calib;
    int32_t repeat, n_threads;
    json_t *out; /* results go in here */
    FILE *words; /* and a table for people there */
};

/* Each returns an exit code and has printed its failure.
 *
 * decode: packets already in memory -> returns, one thread, every round over all packets.
 * voxel: first frame -> pillars of the model's grid.
 * model: first frame, already in memory -> boxes and masks: everything between, nothing else. Cold is the
 * first run. pipeline: files -> boxes, all frames, `repeat` times, as `glint run` does without its outputs.
 */
int glint_bench_decode(struct glint_bench *b);
int glint_bench_voxel(struct glint_bench *b);
int glint_bench_model(struct glint_bench *b);
int glint_bench_pipeline(struct glint_bench *b);
#endif
