/* tools/cmd_import.c - a published checkpoint to a model folder. */
#include "convert/import.h"
#include "glint/status.h"
#include "tools/commands.h"
#include <stdio.h>
#include <string.h>

enum { OUT = 1, ARCH, CONFIG, BASE };

/* Whether the reason of the failure is the file's. */
static bool is_about(const char *path)
{
    return path && strncmp(glint_error_text(), path, strlen(path)) == 0;
}

/* What was found and done, as the card says it. */
static void tell(const struct glint_import_result *r, const char *out)
{
    char line[sizeof r->notes];
    glint_say(
        "%s: a model folder now: %s, %d layers, %lld parameters in %d tensors; glint info %s describes it",
        out, r->arch, r->n_layers, (long long)r->n_parameters, r->n_tensors, out);
    for (const char *at = r->notes, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        snprintf(line, sizeof line, "%.*s", (int)(end - at), at);
        glint_say("%s", line[0] == '-' ? line + 2 : line);
    }
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct glint_arguments a = {c, argc, 1, argv, false};
    struct glint_import_job job = {0};
    struct glint_import_result result;
    const char *value;
    for (int arg; (arg = glint_arguments_next(&a, &value)) != GLINT_ARG_END;) {
        if (arg == GLINT_ARG_ERROR || arg == GLINT_ARG_HELP)
            return glint_arguments_exit(arg);
        if (arg == GLINT_ARG_INPUT && job.weights)
            return glint_usage_error(c, "one weights file at a time: %s", value);
        *(arg == OUT      ? &job.out
          : arg == ARCH   ? &job.arch
          : arg == CONFIG ? &job.config
          : arg == BASE   ? &job.base
                          : &job.weights) = value;
    }
    if (!job.weights || !job.out)
        return glint_usage_error(c, job.weights ? "--out DIR is needed" : "no weights file given");
    const int status = glint_import_run(&job, &result);
    if (status < 0)
        return glint_report_failure(status,
                                    status != GLINT_E_IO || is_about(job.weights) || is_about(job.config)
                                        ? GLINT_SIDE_INPUT
                                        : GLINT_SIDE_OUTPUT);
    tell(&result, job.out);
    return GLINT_EXIT_OK;
}

static const struct glint_option options[] = {
    {"--out", "DIR", "the model folder to make", OUT},
    {"--arch", "NAME", "architecture (default: by the configuration)", ARCH},
    {"--config", "FILE",
     "configuration it was trained with: OpenPCDet's .yaml, mmdetection3d's or Pointcept's .py, .json "
     "(default: the one inside the checkpoint)",
     CONFIG},
    {"--base", "DIR", "folder that base configurations are relative to (default: looked for around FILE)",
     BASE},
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_import = {
    "import",
    "a published checkpoint (.pth, .safetensors) to a model folder",
    "CHECKPOINT --out DIR [options]",
    "  glint import epoch_24.pth --out models/flatformer\n"
    "  glint import checkpoint_epoch_24.pth --config cfgs/dsvt_models/dsvt_plain_1f_onestage.yaml --out "
    "models/dsvt\n",
    options,
    run};
