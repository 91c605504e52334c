/* tools/eval_run.c - see eval_run.h. Each unit's source gets a pipeline of its own around the one model. */
#define _GNU_SOURCE
#include "tools/eval_run.h"
#include "core/status.h"
#include "glint/pipeline.h"
#include "tools/open_model.h"
#include "tools/open_tracker.h"
#include "tools/places.h"
#include "tools/progress.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the network ---- */

int glint_eval_net_open(const struct glint_shared_options *options, int32_t cap_points,
                        struct glint_eval_net *net)
{
    memset(net, 0, sizeof *net);
    net->cap_points = cap_points;
    net->n_threads = options->n_threads;
    GLINT_TRY(glint_open_model(options, cap_points, false, NULL, &net->model, &net->context));
    net->tracks = options->track;
    const int status = net->tracks ? glint_tracker_settings(options, net->model, &net->tracking) : GLINT_OK;
    if (status < 0)
        glint_eval_net_close(net);
    return status;
}

void glint_eval_net_close(struct glint_eval_net *net)
{
    glint_model_close(net->model);
    net->model = NULL;
}

struct hand_on { /* a sink */
    struct glint_sink base;
    struct glint_eval_net *net;
    int (*take)(void *ctx, const struct glint_frame *frame);
    void *ctx;
};

static int hand_on_write(struct glint_sink *sink, const struct glint_frame *frame)
{
    struct hand_on *h = (struct hand_on *)sink;
    atomic_fetch_add(&h->net->frames, 1);
    return h->take(h->ctx, frame);
}

static int hand_on_finish(struct glint_sink *sink)
{
    (void)sink;
    return GLINT_OK;
}

static void hand_on_close(struct glint_sink *sink)
{
    free(sink);
}

static const struct glint_sink_ops hand_on_ops = {
    .name = "eval", .write = hand_on_write, .finish = hand_on_finish, .close = hand_on_close};

int glint_eval_net_run(struct glint_eval_net *net, struct glint_source *source,
                       int (*take)(void *ctx, const struct glint_frame *frame), void *ctx)
{
    struct glint_pipeline_settings settings;
    struct glint_pipeline *pipeline;
    struct hand_on *sink = calloc(1, sizeof *sink);
    if (!sink)
        return glint_fail(GLINT_E_NOMEM, "no memory for results");
    *sink = (struct hand_on){{&hand_on_ops, "eval"}, net, take, ctx};
    glint_pipeline_settings_default(&settings);
    settings.source = source;
    settings.model = net->model;
    settings.sinks[settings.n_sinks++] = &sink->base;
    settings.n_threads = net->n_threads;
    settings.cap_points = net->cap_points;
    settings.end_frame = UINT64_MAX;
    settings.stop_at_bad_file = true;
    int status = net->tracks ? glint_tracker_open(&net->tracking, &settings.tracker) : GLINT_OK;
    if (status == GLINT_OK)
        status = glint_pipeline_open(&settings, &pipeline);
    if (status < 0) {
        glint_tracker_close(settings.tracker);
        free(sink);
        return status;
    }
    status = glint_pipeline_run(pipeline);
    glint_pipeline_close(pipeline);
    glint_tracker_close(settings.tracker);
    atomic_store(&net->frames, 0);
    return status;
}

/* ---- identities: FNV-1a ---- */

uint64_t glint_identity_bytes(uint64_t identity, const void *bytes, size_t n)
{
    const uint8_t *b = bytes;
    identity ^= UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        identity = (identity ^ b[i]) * UINT64_C(0x100000001b3);
    return identity;
}

uint64_t glint_identity_text(uint64_t identity, const char *text)
{
    return glint_identity_bytes(identity, text ? text : "", text ? strlen(text) + 1 : 0);
}

uint64_t glint_identity_file(uint64_t identity, const char *path)
{
    struct stat s;
    int64_t facts[3] = {-1, -1, -1};
    if (stat(path, &s) == 0) {
        facts[0] = s.st_size;
        facts[1] = s.st_mtim.tv_sec;
        facts[2] = s.st_mtim.tv_nsec;
    }
    return glint_identity_bytes(glint_identity_text(identity, path), facts, sizeof facts);
}

static uint64_t identity_of_net(const struct glint_shared_options *o, uint64_t identity)
{
    char folder[PATH_MAX], path[PATH_MAX + 40];
    if (!glint_find_model(o->model, folder, sizeof folder))
        return identity;
    snprintf(path, sizeof path, "%s/config.json", folder);
    identity = glint_identity_file(identity, path);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    identity = glint_identity_file(identity, path);
    identity = glint_identity_text(identity, o->device);
    identity = glint_identity_bytes(identity, &o->precision, sizeof o->precision);
    if (o->track)
        identity = glint_identity_text(identity, "track");
    return glint_identity_bytes(identity, &o->score, sizeof o->score);
}

/* ---- units ---- */

struct shown {
    struct glint_progress progress;
    struct glint_eval_net *net;
};

static void show(void *ctx, int64_t frames_done, int64_t frames_all)
{
    struct shown *s = ctx;
    const int64_t now = frames_done + (s->net ? atomic_load(&s->net->frames) : 0);
    glint_progress_update(&s->progress, frames_all > 0 ? (double)now / (double)frames_all : -1.0,
                          (uint64_t)now);
}

/* Where parts go: NULL for none, or false for a path that is too long. */
static bool find_parts(const struct glint_shared_options *o, bool has_net, char beside[PATH_MAX],
                       const char **parts_out)
{
    *parts_out = o->parts_path;
    if (o->parts_path || !o->json_path || !(has_net || o->resume) || strcmp(o->json_path, "-") == 0)
        return true;
    *parts_out = beside;
    return snprintf(beside, PATH_MAX, "%s.parts", o->json_path) < PATH_MAX;
}

int glint_eval_do(const struct glint_shared_options *options, const struct glint_eval_task *task,
                  struct glint_eval_net *net, struct glint_eval_run_stats *stats_out)
{
    char beside[PATH_MAX];
    struct shown shown = {.net = net};
    struct glint_eval_task whole = *task;
    struct glint_eval_run_settings settings = {.n_threads = net ? 1 : options->n_threads,
                                               .resume = options->resume,
                                               .refuses = net == NULL,
                                               .progress = show,
                                               .progress_ctx = &shown};
    if (!find_parts(options, net != NULL, beside, &settings.parts))
        return glint_fail(GLINT_E_ARG, "%.200s...: too long", options->json_path);
    if (options->resume && !settings.parts)
        return glint_fail(GLINT_E_ARG, "--resume: needs --json FILE, or --parts DIR of the run before");
    if (net)
        whole.identity = identity_of_net(options, whole.identity);
    glint_progress_begin(&shown.progress);
    const int status = glint_eval_run(&whole, &settings, stats_out);
    glint_progress_end(&shown.progress);
    return status;
}

int glint_eval_failure(int status, const struct glint_eval_net *net, const struct glint_eval_run_stats *stats)
{
    const bool is_told = net && net->model && stats->n_failed > 0;
    return is_told ? glint_failure_exit(status, GLINT_SIDE_INPUT)
                   : glint_report_failure(status, GLINT_SIDE_INPUT);
}
