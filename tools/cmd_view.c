/* tools/cmd_view.c - a log in the browser: frames around the one that is looked at are kept within bounded
 * memory, others are worked out again when somebody wants them. */
#include "serve/page_frame.h"
#include "tools/commands.h"
#include "tools/log_job.h"
#include <stdlib.h>

enum { BIND = 1, MEMORY };

#define MEMORY_MIB 512

struct job {
    struct glint_log_job log;
    int32_t memory_mib;
    struct glint_shelf *shelf;
    struct glint_server *server;
};

static bool take_option(void *ctx, int key, const char *value)
{
    struct job *j = ctx;
    switch (key) {
    case BIND:
        j->log.bind = value;
        return true;
    case MEMORY:
        return glint_value_int(j->log.o.command, "--memory", value, 1, 1 << 20, &j->memory_mib);
    default:
        if (j->log.n_inputs < GLINT_SESSION_INPUTS) {
            j->log.inputs[j->log.n_inputs++] = value;
            return true;
        }
        glint_usage_error(j->log.o.command, "too many inputs");
        return false;
    }
}

/* -1: go on; else the exit code. */
static int parse(struct job *j, int argc, char **argv)
{
    const int code = glint_shared_options_parse(&j->log.o, argc, argv, take_option, j);
    if (code >= 0)
        return code;
    if (j->log.n_inputs == 0)
        return glint_usage_error(j->log.o.command, "no input given");
    if (j->log.o.track && !glint_shared_options_wants_model(&j->log.o))
        return glint_usage_error(j->log.o.command, "--track needs a model");
    if (j->log.n_inputs > 1 && !glint_motion_merges(&j->log.o.motion))
        return glint_usage_error(j->log.o.command, "one log at a time (or several with --merge)");
    return -1;
}

static void stop(void *ctx)
{
    glint_shelf_stop(((struct job *)ctx)->shelf);
}

static int take(void *ctx, const struct glint_frame *frame, double progress)
{
    struct job *j = ctx;
    struct glint_message *m = glint_page_frame(frame, j->log.settings.context);
    const int status = glint_shelf_put(j->shelf, frame->index, frame->stamp_ns, progress, m);
    glint_server_wake(j->server);
    return status == GLINT_E_CANCELLED ? GLINT_E_EOF : status;
}

static void tell_end(struct job *j)
{
    struct glint_shelf_state state;
    glint_shelf_end(j->shelf);
    glint_shelf_state(j->shelf, &state);
    if (state.n_known == 0)
        glint_say("no frames in the input");
}

static int run_job(struct job *j)
{
    uint64_t first;
    int status = glint_shelf_open((size_t)j->memory_mib << 20, &j->shelf);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_OUTPUT);
    int code = glint_log_job_open(&j->log, stop, j);
    if (code)
        return code;
    j->log.settings.shelf = j->shelf;
    status = glint_server_open(&j->log.settings, &j->server);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_OUTPUT);
    glint_log_job_tell(j->server);
    while (code == GLINT_EXIT_OK && glint_shelf_next_run(j->shelf, &first) == GLINT_OK) {
        bool ended;
        code = glint_log_job_run(&j->log, first, take, j, &ended);
        if (ended)
            tell_end(j);
        glint_server_wake(j->server);
    }
    return code ? code : j->log.cut;
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return GLINT_EXIT_FAILED;
    glint_shared_options_init(&j->log.o, c);
    j->memory_mib = MEMORY_MIB;
    int code = parse(j, argc, argv);
    if (code < 0)
        code = run_job(j);
    glint_server_close(j->server);
    glint_log_job_close(&j->log); /* before the shelf, which a signal stops */
    glint_shelf_close(j->shelf);
    free(j);
    return code;
}

static const struct glint_option options[] = {
    {"--bind", "ADDR[:PORT]",
     "where the page is (default: 127.0.0.1:8765; port 0: any). Elsewhere than on this machine "
     "it wants a token: GLINT_TOKEN, or a new one",
     BIND},
    {"--memory", "MIB", "for frames around the one that is looked at (default: 512)", MEMORY},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MODEL),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_TRACK),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_TOPIC),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_SENSOR),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_CLOCK),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MOTION),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MERGE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMING),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMES),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_DAMAGE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_THREADS),
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_view = {
    "view",
    "a log in the browser: points, boxes, time per stage, a timeline",
    "INPUT [options]\n\nINPUT: as of glint run. Prints the page's address; Ctrl-C ends it.",
    "  glint view drive.pcap --track\n",
    options,
    run};
