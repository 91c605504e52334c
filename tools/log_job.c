/* tools/log_job.c - see log_job.h. */
#define _GNU_SOURCE
#include "tools/log_job.h"
#include "core/cpu.h"
#include "tools/open_model.h"
#include "tools/open_tracker.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- signals ---- */

/* Who is stopped. The thread outlives the job: a signal while it is closed finds none. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct glint_log_job *running;

static void run_is(struct glint_log_job *job)
{
    pthread_mutex_lock(&mutex);
    running = job;
    pthread_mutex_unlock(&mutex);
}

static void *wait_for_signal(void *arg)
{
    sigset_t set;
    int number;
    (void)arg;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigwait(&set, &number);
    pthread_mutex_lock(&mutex);
    if (running)
        running->stop(running->stop_ctx);
    pthread_mutex_unlock(&mutex);
    sigwait(&set, &number);
    _exit(128 + number);
}

/* Before any other thread, so that all of them leave the signals to this one. It ends with the program. */
static int listen_to_signals(struct glint_log_job *job)
{
    pthread_t thread;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    run_is(job);
    if (pthread_create(&thread, NULL, wait_for_signal, NULL) != 0)
        return glint_fail(GLINT_E_NOMEM, "no thread for signals");
    pthread_detach(thread);
    return GLINT_OK;
}

/* ---- open ---- */

static int open_address(struct glint_log_job *job)
{
    GLINT_TRY(glint_serve_address_parse(job->bind ? job->bind : "127.0.0.1", &job->settings.address));
    GLINT_TRY(glint_serve_token(&job->settings.address, job->token));
    const char *slash = strrchr(job->inputs[0], '/');
    snprintf(job->title, sizeof job->title, "%s", slash && slash[1] ? slash + 1 : job->inputs[0]);
    job->settings.token = job->token;
    job->settings.title = job->title;
    job->settings.context = &job->context;
    return GLINT_OK;
}

static int open_trace(struct glint_log_job *job)
{
    if (!job->o.trace_path)
        return GLINT_OK;
    GLINT_TRY(glint_trace_open(1 << 16, &job->trace));
    return glint_trace_stream_begin(job->trace, job->o.trace_path);
}

int glint_log_job_open(struct glint_log_job *job, void (*stop)(void *ctx), void *ctx)
{
    job->stop = stop;
    job->stop_ctx = ctx;
    int status = open_address(job);
    if (status == GLINT_OK)
        status = listen_to_signals(job);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_OUTPUT);
    int code = glint_motion_open(&job->o.motion, job->o.command, job->n_inputs, NULL);
    if (code)
        return code;
    glint_session_set(&job->session, &job->o, job->inputs, job->n_inputs);
    code = glint_session_probe(&job->session, &job->cap_points);
    if (code && job->cap_points == 0)
        return code;
    status = open_trace(job);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_OUTPUT);
    status = glint_open_model(&job->o, job->cap_points, false, job->trace, &job->model, &job->context);
    if (status == GLINT_OK)
        status = glint_open_tracker(&job->o, job->model, &job->tracker);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : GLINT_EXIT_OK;
}

void glint_log_job_close(struct glint_log_job *job)
{
    run_is(NULL);
    glint_tracker_close(job->tracker);
    glint_model_close(job->model);
    glint_motion_close(&job->o.motion);
    if (glint_trace_stream_end(job->trace) < 0)
        glint_say("%s", glint_error_text());
    glint_trace_close(job->trace);
}

/* ---- a pass ---- */

/* Failed passes without a frame, in a row, that are no jumps behind the end, but a file that is gone. */
#define BARREN 100

struct taker {
    struct glint_sink sink;
    struct glint_log_job *job;
    glint_log_take_fn *take;
    void *ctx;
    bool any, enough;
};

static int taker_write(struct glint_sink *sink, const struct glint_frame *frame)
{
    struct taker *t = (struct taker *)sink;
    struct glint_pipeline_stats stats;
    glint_pipeline_stats(t->job->session.pipeline, &stats);
    const int status = t->enough ? GLINT_E_EOF : t->take(t->ctx, frame, stats.progress);
    t->enough = t->enough || status == GLINT_E_EOF;
    t->any = true;
    return status;
}

static void taker_note(struct glint_sink *sink, const struct glint_sink_run *run)
{
    struct glint_log_job *job = ((struct taker *)sink)->job;
    struct glint_sink_run all = *run;
    uint64_t dropped[GLINT_DROP_COUNT];
    if (!job->noted)
        return;
    for (int32_t i = 0; i < run->n_reasons && i < GLINT_DROP_COUNT; i++)
        dropped[i] = job->dropped_before[i] + run->dropped[i];
    all.frames_in += job->in_before;
    all.dropped = dropped;
    glint_server_note(job->noted, &all);
}

static int taker_finish(struct glint_sink *sink)
{
    (void)sink;
    return GLINT_OK;
}

static void taker_close(struct glint_sink *sink)
{
    (void)sink;
}

static const struct glint_sink_ops ops = {
    .name = "taker", .write = taker_write, .finish = taker_finish, .close = taker_close, .note = taker_note};

int glint_log_job_run(struct glint_log_job *job, uint64_t first, glint_log_take_fn *take, void *ctx,
                      bool *ended_out)
{
    struct taker taker = {.sink = {&ops, "page"}, .job = job, .take = take, .ctx = ctx};
    struct glint_outputs outputs = {.sinks = {&taker.sink}, .n = 1};
    struct glint_session *s = &job->session;
    memset(s, 0, sizeof *s);
    glint_session_set(s, &job->o, job->inputs, job->n_inputs);
    s->no_progress = true;
    s->first_frame = first > s->first_frame ? first : s->first_frame;
    s->model = job->model;
    s->tracker = job->tracker;
    s->trace = job->trace;
    if (job->tracker)
        glint_tracker_reset(job->tracker);
    s->outputs = &outputs;
    const int code = glint_session_run(s);
    job->in_before += s->frames_in;
    for (int i = 0; i < GLINT_DROP_COUNT; i++)
        job->dropped_before[i] += s->dropped_by[i];
    *ended_out = !taker.enough;
    if (taker.enough)
        return GLINT_EXIT_OK;
    job->n_barren = taker.any ? 0 : job->n_barren + 1;
    if (code != GLINT_EXIT_INPUT || (!taker.any && first == 0) || job->n_barren == BARREN)
        return code;
    job->cut = code;
    return GLINT_EXIT_OK;
}

void glint_log_job_tell(const struct glint_server *server)
{
    char url[256];
    glint_server_url(server, url, sizeof url);
    printf("%s\n", url);
    fflush(stdout);
}
