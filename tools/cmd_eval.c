/* tools/cmd_eval.c - official metrics: chooses the dataset. */
#include "tools/commands.h"
#include <stdio.h>
#include <string.h>

static const struct glint_command *const datasets[] = {&glint_eval_nuscenes, &glint_eval_waymo,
                                                       &glint_eval_kitti, &glint_eval_semantickitti};
#define N_DATASETS ((int)(sizeof datasets / sizeof datasets[0]))

/* "eval nuscenes" is known as "nuscenes" */
static const char *short_name(const struct glint_command *dataset)
{
    return strchr(dataset->name, ' ') + 1;
}

static void help(FILE *out)
{
    fprintf(out, "glint eval - official metrics of results, or of a model run over a dataset\n\n"
                 "usage: glint eval DATASET ... [--model DIR | --results FILE] [--json FILE]\n\ndatasets:\n");
    for (int i = 0; i < N_DATASETS; i++)
        fprintf(out, "  %-13s %s\n", short_name(datasets[i]), datasets[i]->help);
    fprintf(out,
            "\nglint eval DATASET --help tells more; docs/EVALUATION.md has worked examples.\n\nexample:\n"
            "  glint eval kitti --labels label_2 --results pred --json kitti.json\n");
}

static int no_such_dataset(const struct glint_command *command, const char *given)
{
    const char *names[N_DATASETS];
    for (int i = 0; i < N_DATASETS; i++)
        names[i] = short_name(datasets[i]);
    const char *near = glint_nearest_name(given, names, N_DATASETS);
    return glint_usage_error(command, "no such dataset: %s%s%s", given, near ? ", did you mean " : "",
                             near ? near : "");
}

static int run(const struct glint_command *command, int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return GLINT_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help(stdout);
        return GLINT_EXIT_OK;
    }
    for (int i = 0; i < N_DATASETS; i++)
        if (strcmp(argv[1], short_name(datasets[i])) == 0)
            return datasets[i]->run(datasets[i], argc - 1, argv + 1);
    return no_such_dataset(command, argv[1]);
}

static const struct glint_option none[] = {{0}};
const struct glint_command glint_cmd_eval = {
    "eval",        "official metrics: nuscenes, waymo, kitti, semantickitti",
    "DATASET ...", "  glint eval kitti --labels label_2 --results pred\n",
    none,          run};
