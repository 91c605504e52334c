/* tools/eval_semantickitti.c - glint eval semantickitti. */
#include "tools/commands.h"

static int run(const struct glint_command *command, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return glint_usage_error(command, "not there yet");
}

static const struct glint_option none[] = {{0}};
const struct glint_command glint_eval_semantickitti = {
    "eval semantickitti", "SemanticKITTI", "...", "", none, run};
