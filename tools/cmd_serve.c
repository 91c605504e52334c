/* tools/cmd_serve.c - results in browsers, Foxglove and Prometheus while they come. Without an input it is
 * `glint live` with one more output; recorded input comes at the pace of its stamps. */
#define _GNU_SOURCE
#include "core/clock.h"
#include "tools/commands.h"
#include "tools/log_job.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BIND = 1, SPEED, LOOP, QUEUE };

#define LONGEST_GAP_NS INT64_C(2000000000) /* a longer one between two frames is a hole in the log */

struct job {
    struct glint_log_job log;
    float speed;
    bool loop;
    struct glint_server *server;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool stopped;
    int64_t stamp_ns, due_ns; /* of the frame before: its stamp, and when it went out (monotonic) */
};

/* ---- recorded ---- */

static bool take_option(void *ctx, int key, const char *value)
{
    struct job *j = ctx;
    switch (key) {
    case BIND:
        j->log.bind = value;
        return true;
    case SPEED:
        return glint_value_float(j->log.o.command, "--speed", value, 0.01, 1000, &j->speed);
    case LOOP:
        return j->loop = true;
    case QUEUE:
        return true; /* of live input: taken by glint live */
    default:
        if (j->log.n_inputs < GLINT_SESSION_INPUTS) {
            j->log.inputs[j->log.n_inputs++] = value;
            return true;
        }
        glint_usage_error(j->log.o.command, "too many inputs");
        return false;
    }
}

static void stop(void *ctx)
{
    struct job *j = ctx;
    pthread_mutex_lock(&j->mutex);
    j->stopped = true;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->mutex);
}

/* Until the time of the monotonic clock, or the stop: false. */
static bool wait_until(struct job *j, int64_t due_ns)
{
    const struct timespec due = {due_ns / 1000000000, due_ns % 1000000000};
    pthread_mutex_lock(&j->mutex);
    while (!j->stopped && pthread_cond_timedwait(&j->changed, &j->mutex, &due) != ETIMEDOUT)
        ;
    const bool go_on = !j->stopped;
    pthread_mutex_unlock(&j->mutex);
    return go_on;
}

/* When the frame is due; a pipeline that is slower than the log sets the pace itself. */
static int64_t due(struct job *j, const struct glint_frame *frame)
{
    const int64_t now = glint_clock_monotonic_ns();
    int64_t gap = frame->stamp_ns > 0 && j->stamp_ns > 0 ? frame->stamp_ns - j->stamp_ns : 100000000;
    gap = gap < 0 || gap > LONGEST_GAP_NS ? 100000000 : gap;
    const int64_t at = j->due_ns ? j->due_ns + (int64_t)((double)gap / (double)j->speed) : now;
    j->stamp_ns = frame->stamp_ns;
    j->due_ns = at > now ? at : now;
    return j->due_ns;
}

static int take(void *ctx, const struct glint_frame *frame, double progress)
{
    struct job *j = ctx;
    (void)progress;
    if (!wait_until(j, due(j, frame)))
        return GLINT_E_EOF;
    glint_server_publish(j->server, frame);
    return GLINT_OK;
}

static int run_recorded(struct job *j)
{
    int code = glint_log_job_open(&j->log, stop, j);
    if (code)
        return code;
    const int status = glint_server_open(&j->log.settings, &j->server);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_OUTPUT);
    glint_log_job_tell(j->server);
    j->log.noted = j->server;
    do {
        bool ended;
        code = glint_log_job_run(&j->log, 0, take, j, &ended);
    } while (code == GLINT_EXIT_OK && j->loop && wait_until(j, 0));
    if (code == GLINT_EXIT_OK)
        wait_until(j, INT64_MAX); /* the last frame and the counts stay to be looked at */
    return code ? code : j->log.cut;
}

/* ---- live ---- */

/* The same arguments, and the server as an output even where they do not name it. */
static int run_live(const struct glint_command *c, const char *bind, int argc, char **argv)
{
    static char option[] = "--bind=";
    char **args = calloc((size_t)argc + 2, sizeof *args);
    int n = 0;
    if (!args)
        return GLINT_EXIT_FAILED;
    for (int i = 0; i < argc; i++)
        args[n++] = argv[i];
    if (!bind)
        args[n++] = option;
    struct glint_command live = glint_cmd_live;
    live.name = c->name;
    const int code = live.run(&live, n, args);
    free(args);
    return code;
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    pthread_condattr_t attr;
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return GLINT_EXIT_FAILED;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&j->changed, &attr);
    pthread_mutex_init(&j->mutex, NULL);
    glint_shared_options_init(&j->log.o, c);
    j->speed = 1.0f;
    int code = glint_shared_options_parse(&j->log.o, argc, argv, take_option, j);
    if (code < 0)
        code = j->log.n_inputs ? run_recorded(j) : run_live(c, j->log.bind, argc, argv);
    glint_shared_options_close(&j->log.o);
    glint_server_close(j->server);
    glint_log_job_close(&j->log);
    free(j);
    return code;
}

static const struct glint_option options[] = {
    {"--bind", "ADDR[:PORT]",
     "where to listen (default: 127.0.0.1:8765; port 0: any). Elsewhere than on this machine "
     "it wants a token: GLINT_TOKEN, or a new one",
     BIND},
    {"--speed", "N", "recorded input: times as fast as its stamps say (default: 1)", SPEED},
    {"--loop", NULL, "recorded input: again from its start, without end", LOOP},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_SENSOR),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_NET),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_CLOCK),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_OUT),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_ROS),
    {"--queue", "N", "live: frames that may wait before the oldest is dropped (default: 2)", QUEUE},
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MOTION),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MERGE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMING),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMES),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_MODEL),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_TRACK),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_TOPIC),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_LATE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_SERVICE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_THREADS),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_DAMAGE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_TRACE),
    GLINT_OPTION_GROUP(GLINT_OPTIONS_JSON),
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_serve = {"serve",
                                              "results while they come, in browsers, Foxglove and Prometheus",
                                              "[INPUT...] [options]\n\nWithout INPUT: live packets, and "
                                              "every option of glint live. INPUT: as of glint run, at "
                                              "its own pace.\nBrowsers: http://ADDR:PORT/, Foxglove: "
                                              "ws://ADDR:PORT/, Prometheus: http://ADDR:PORT/metrics",
                                              "  glint serve --sensor vlp16\n"
                                              "  glint serve --config car.yaml\n"
                                              "  glint serve drive.pcap --loop\n"
                                              "  glint serve --sensor vlp16 --bind 0.0.0.0:8765\n",
                                              options,
                                              run};
