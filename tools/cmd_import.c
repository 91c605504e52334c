/* tools/cmd_import.c - a weights file to a model folder. */
#include "glint/model.h"
#include "glint/status.h"
#include "tools/commands.h"
#include <string.h>

enum { OUT = 1, ARCH, CONFIG };

/* Whether the reason of the failure is the file's. */
static bool is_about(const char *path)
{
    return path && strncmp(glint_error_text(), path, strlen(path)) == 0;
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct glint_arguments a = {c, argc, 1, argv, false};
    const char *value, *weights = NULL, *out = NULL, *arch = NULL, *config = NULL;
    for (int arg; (arg = glint_arguments_next(&a, &value)) != GLINT_ARG_END;) {
        if (arg == GLINT_ARG_ERROR || arg == GLINT_ARG_HELP)
            return glint_arguments_exit(arg);
        if (arg == GLINT_ARG_INPUT && weights)
            return glint_usage_error(c, "one weights file at a time: %s", value);
        *(arg == OUT ? &out : arg == ARCH ? &arch : arg == CONFIG ? &config : &weights) = value;
    }
    if (!weights || !out)
        return glint_usage_error(c, weights ? "--out DIR is needed" : "no weights file given");
    const int status = glint_model_import(weights, arch, config, out);
    if (status < 0)
        return glint_report_failure(status, status != GLINT_E_IO || is_about(weights) || is_about(config)
                                                ? GLINT_SIDE_INPUT
                                                : GLINT_SIDE_OUTPUT);
    glint_say("%s: a model folder now; glint info %s describes it", out, out);
    return GLINT_EXIT_OK;
}

static const struct glint_option options[] = {
    {"--out", "DIR", "the model folder to make", OUT},
    {"--arch", "NAME", "architecture (default: by the weights' metadata and names)", ARCH},
    {"--config", "FILE", "configuration as JSON, where the weights file does not hold it", CONFIG},
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_import = {
    "import",
    "a published checkpoint's weights to a model folder",
    "WEIGHTS.safetensors --out DIR [options]",
    "  glint import waymo_weights.safetensors --out models/waymo\n",
    options,
    run};
