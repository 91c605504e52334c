/* convert/import.h - a model folder from what others trained: weights (convert/weights.h) and the
 * configuration they were trained with (convert/config_file.h, convert/published.h).
 *
 *     struct glint_import_job job = {.weights = "epoch_24.pth", .config = "dsvt.yaml", .out = "models/dsvt"};
 *     struct glint_import_result result;
 *     int status = glint_import_run(&job, &result);
 *
 * The folder gets config.json, model.safetensors (the network's tensors as F32, under their own names) and
 * README.md. Every tensor of the network must be there with its shape and none may be left over; nothing is
 * written before that is known, and config.json comes last: a folder with it is whole. */
#ifndef GLINT_CONVERT_IMPORT_H
#define GLINT_CONVERT_IMPORT_H
#include <stdint.h>

struct glint_import_job {
    const char *weights;
    const char *arch;   /* NULL: by the configuration */
    const char *config; /* .yaml, .py or .json; NULL: the one inside the weights file */
    const char *base;   /* folder that names of base configurations are relative to; NULL: looked for */
    const char *out;    /* made when it is not there */
};

struct glint_import_result {
    char arch[32];
    int32_t n_layers, n_tensors, n_converted; /* converted: not F32 in the file */
    int64_t n_parameters;
    char notes[4096]; /* what was chosen, changed and left out: lines "- ...\n" */
};

/* GLINT_E_NOTFOUND, GLINT_E_IO, GLINT_E_FORMAT: file, and member or tensor; up to eight names of what is
 * missing, of another shape, or left over. result_out may be NULL. */
int glint_import_run(const struct glint_import_job *job, struct glint_import_result *result_out);
#endif
