/* tools/outputs.c - see outputs.h. */
#define _GNU_SOURCE
#include "tools/outputs.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/text.h"
#include "io/output.h"
#include "io/sinks.h"
#include "serve/server.h"
#include "tools/places.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define TIME_MARK "{time}"
#define NUMBERS   10000 /* files of one name */

/* ---- opening ---- */

static int open_png(const char *path, const struct glint_sink_context *context,
                    const struct glint_png_settings *png, struct glint_sink **sink_out)
{
    char first[1100];
    GLINT_TRY(glint_sink_path(path, 0, first, sizeof first));
    GLINT_TRY(glint_output_check(first));
    return glint_sink_png_open(path, png, context, sink_out);
}

static bool is_lines(const char *path)
{
    return glint_ends_with(path, ".jsonl");
}

/* keep: nothing that is in a file is written over. */
static int open_sink(const struct glint_outputs *o, const char *path, bool keep, struct glint_sink **sink_out)
{
    if (glint_ends_with(path, ".png"))
        return open_png(path, &o->context, &o->png, sink_out);
    if (glint_sink_serve_wants(path))
        return glint_sink_serve_open(path, &o->context, sink_out);
    if (o->ros && glint_sink_dds_is(path))
        return glint_sink_dds_open(path, &o->ros->ros, &o->context, sink_out);
    if (o->ros && glint_ends_with(path, ".mcap"))
        return glint_sink_mcap_open(path, o->ros, &o->context, sink_out);
    if (keep && is_lines(path))
        return glint_sink_jsonl_append(path, &o->context, sink_out);
    return glint_sink_open_by_ending(path, &o->context, sink_out);
}

/* Puts `text` in place of n bytes at `at`; false when it does not fit. */
static bool put_in(char *path, size_t size, char *at, size_t n, const char *text)
{
    const size_t length = strlen(text), rest = strlen(at + n) + 1;
    if ((size_t)(at - path) + length + rest > size)
        return false;
    memmove(at + length, at + n, rest);
    memcpy(at, text, length);
    return true;
}

static bool is_there(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

/* drive.mcap that is there: drive-1.mcap. Per-frame formats go by the frames' numbers. */
static bool next_free(char *path, size_t size)
{
    char name[1024];
    if (is_lines(path) || strchr(path, '%') || !is_there(path))
        return true;
    snprintf(name, sizeof name, "%s", path);
    char *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash : name, '.');
    const size_t at = dot ? (size_t)(dot - name) : strlen(name);
    for (int i = 1; i < NUMBERS; i++) {
        char number[16];
        snprintf(number, sizeof number, "-%d", i);
        snprintf(path, size, "%s", name);
        if (!put_in(path, size, path + at, 0, number))
            return false;
        if (!is_there(path))
            return true;
    }
    return false;
}

int glint_outputs_path(const char *pattern, int64_t utc_ns, bool keep, char *path_out, size_t size)
{
    char stamp[24];
    struct tm tm;
    const time_t seconds = (time_t)(utc_ns / 1000000000);
    gmtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
    bool good = (size_t)snprintf(path_out, size, "%s", pattern) < size;
    for (char *at; good && (at = strstr(path_out, TIME_MARK)) != NULL;)
        good = put_in(path_out, size, at, strlen(TIME_MARK), stamp);
    good = good && (!keep || next_free(path_out, size));
    return good ? GLINT_OK : glint_fail(GLINT_E_ARG, "%.60s...: path too long, or too many files", pattern);
}

/* Opens state's path anew; on success the sink and its path, with the state telling its file. */
static int open_state(const struct glint_outputs *o, struct glint_output_state *state,
                      struct glint_sink **sink_out, char **path_out)
{
    char path[sizeof state->path];
    struct stat st;
    const bool keep = o->policy == GLINT_OUTPUTS_SERVICE || state->opened > 0;
    GLINT_TRY(glint_outputs_path(state->pattern, glint_clock_utc_ns(), keep, path, sizeof path));
    *path_out = strdup(path);
    if (!*path_out)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    const int status = open_sink(o, *path_out, keep, sink_out);
    if (status < 0) {
        free(*path_out);
        *path_out = NULL;
        return status;
    }
    memcpy(state->path, path, sizeof path);
    state->is_file = strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
    state->device = state->is_file ? st.st_dev : 0;
    state->inode = state->is_file ? st.st_ino : 0;
    state->opened++;
    return GLINT_OK;
}

int glint_outputs_add(struct glint_outputs *o, const char *path, const struct glint_sink_context *context,
                      const struct glint_png_settings *png, const struct glint_ros_output *ros)
{
    if (o->n == GLINT_OUTPUTS_CAP)
        return glint_fail(GLINT_E_ARG, "%s: more than %d outputs", path, GLINT_OUTPUTS_CAP);
    struct glint_output_state *state = &o->state[o->n];
    o->context = *context;
    if (png)
        o->png = *png;
    o->ros = ros;
    *state = (struct glint_output_state){.opened = 0};
    if ((size_t)snprintf(state->pattern, sizeof state->pattern, "%s", path) >= sizeof state->pattern)
        return glint_fail(GLINT_E_ARG, "%.60s...: path too long", path);
    GLINT_TRY(open_state(o, state, &o->sinks[o->n], &o->sink_path[o->n]));
    o->n++;
    return GLINT_OK;
}

bool glint_outputs_apart(const struct glint_command *c, const char *path, const char *const *files, int32_t n,
                         const char *what)
{
    for (int32_t i = 0; i < n; i++)
        if (files[i] && glint_same_file(path, files[i])) {
            glint_usage_error(c, "%s: cannot be written, it is %s", path, what);
            return false;
        }
    return true;
}

/* ---- failing ---- */

static const char *name_of(const struct glint_outputs *o, int32_t i)
{
    if (o->state[i].path[0])
        return strcmp(o->state[i].path, "-") == 0 ? "standard output" : o->state[i].path;
    return o->sinks[i] && o->sinks[i]->path ? o->sinks[i]->path : "an output";
}

static void put_count(void *ctx, const char *name, uint64_t value)
{
    struct glint_output_state *state = ctx;
    for (int32_t i = 0; i < state->n_counts; i++)
        if (strcmp(state->counts[i].name, name) == 0) {
            state->counts[i].value += value; /* of the same output, opened before */
            return;
        }
    if (state->n_counts == GLINT_OUTPUTS_COUNTS)
        return;
    snprintf(state->counts[state->n_counts].name, sizeof state->counts[0].name, "%s", name);
    state->counts[state->n_counts++].value = value;
}

/* A sink that is to be finished and closed, with its path. */
struct ending {
    struct glint_outputs *outputs;
    int32_t i;
    struct glint_sink *sink;
    char *path;
    uint64_t frames; /* in it */
    bool locked;     /* by the caller */
};

static void not_finished(struct glint_output_state *state, uint64_t frames)
{
    snprintf(state->reason, sizeof state->reason, "%s", glint_error_text());
    state->failures++;
    state->unfinished += frames;
}

/* Finished or not, the sink is gone. */
static int end_sink(const struct ending *e)
{
    struct glint_output_state *state = &e->outputs->state[e->i];
    const int status = e->sink->ops->finish(e->sink);
    if (!e->locked)
        pthread_mutex_lock(&e->outputs->mutex);
    if (e->sink->ops->account)
        e->sink->ops->account(e->sink, put_count, state);
    if (status < 0)
        not_finished(state, e->frames);
    if (!e->locked)
        pthread_mutex_unlock(&e->outputs->mutex);
    e->sink->ops->close(e->sink);
    free(e->path);
    return status;
}

static void *end_main(void *arg)
{
    if (end_sink(arg) < 0)
        glint_log(GLINT_LOG_WARN, "%s: the old file is not whole", glint_error_text());
    free(arg);
    return NULL;
}

static void join_ending(struct glint_outputs *o)
{
    for (int32_t k = 0; k < o->n_ending; k++)
        pthread_join(o->ending[k], NULL);
    o->n_ending = 0;
}

/* Those that are through already. */
static void join_ended(struct glint_outputs *o)
{
    int32_t n = 0;
    for (int32_t k = 0; k < o->n_ending; k++)
        if (pthread_tryjoin_np(o->ending[k], NULL) != 0)
            o->ending[n++] = o->ending[k];
    o->n_ending = n;
}

/* What the i-th has open, NULL for nothing; it is no longer the outputs'. */
static struct ending take_out(struct glint_outputs *o, int32_t i)
{
    const struct ending e = {o, i, o->sinks[i], o->sink_path[i], o->state[i].in_file, true};
    o->state[i].in_file = 0;
    o->sinks[i] = NULL;
    o->sink_path[i] = NULL;
    return e;
}

/* Finishing may wait for the disk, and frames do not wait for that. */
static void end_aside(const struct ending *ending)
{
    struct glint_outputs *o = ending->outputs;
    struct ending *e = malloc(sizeof *e);
    if (e && o->n_ending < GLINT_OUTPUTS_ENDING) {
        *e = *ending;
        e->locked = false;
        if (pthread_create(&o->ending[o->n_ending], NULL, end_main, e) == 0) {
            o->n_ending++;
            return;
        }
    }
    free(e);
    end_sink(ending);
}

static void mark_failing(struct glint_outputs *o, int32_t i, bool failing)
{
    o->n_failing += (failing ? 1 : 0) - (o->state[i].failing ? 1 : 0);
    o->state[i].failing = failing;
}

/* What it has written is finished as well as that goes. */
static void give_up(struct glint_outputs *o, int32_t i)
{
    struct glint_output_state *state = &o->state[i];
    snprintf(state->reason, sizeof state->reason, "%s", glint_error_text());
    state->failures++;
    mark_failing(o, i, true);
    glint_log(GLINT_LOG_WARN, "%s: this output is left out from here on (SIGHUP tries again)", state->reason);
    const struct ending e = take_out(o, i);
    end_aside(&e); /* it may sync what it has written */
}

bool glint_outputs_failing(const struct glint_outputs *o)
{
    return o->n_failing > 0;
}

/* ---- opening anew ---- */

static bool was_moved(const struct glint_output_state *state)
{
    struct stat st;
    return state->is_file && (strstr(state->pattern, TIME_MARK) || stat(state->path, &st) != 0 ||
                              st.st_dev != state->device || st.st_ino != state->inode);
}

static void reopen_one(struct glint_outputs *o, int32_t i)
{
    struct glint_output_state *state = &o->state[i];
    struct glint_sink *fresh = NULL;
    char *path;
    if (!state->pattern[0] || (!state->failing && !was_moved(state)))
        return;
    if (open_state(o, state, &fresh, &path) < 0) {
        snprintf(state->reason, sizeof state->reason, "%s", glint_error_text());
        glint_log(GLINT_LOG_WARN, "%s: cannot be opened anew%s", state->reason,
                  state->failing ? "" : ", goes on in the old file");
        return;
    }
    const struct ending old = take_out(o, i);
    if (old.sink)
        end_aside(&old);
    o->sinks[i] = fresh;
    o->sink_path[i] = path;
    mark_failing(o, i, false);
    glint_log(GLINT_LOG_INFO, "output opened anew: %s", name_of(o, i));
}

static void reopen_all(struct glint_outputs *o)
{
    if (!atomic_exchange(&o->reopen, false))
        return;
    join_ended(o);
    for (int32_t i = 0; i < o->n; i++)
        reopen_one(o, i);
}

void glint_outputs_want_reopen(struct glint_outputs *o)
{
    atomic_store(&o->reopen, true);
}

void glint_outputs_tick(struct glint_outputs *o)
{
    if (!atomic_load(&o->reopen) || pthread_mutex_trylock(&o->mutex) != 0)
        return;
    reopen_all(o);
    pthread_mutex_unlock(&o->mutex);
}

/* ---- frames ---- */

/* GLINT_OK, or what ends the run. */
static int write_one(struct glint_outputs *o, int32_t i, const struct glint_frame *frame)
{
    struct glint_output_state *state = &o->state[i];
    if (!o->sinks[i]) {
        state->missed++;
        return GLINT_OK;
    }
    const int status = o->sinks[i]->ops->write(o->sinks[i], frame);
    if (status >= 0) {
        state->frames++;
        state->in_file++;
        return GLINT_OK;
    }
    state->missed++;
    if (status == GLINT_E_AGAIN) { /* whoever reads is slow: nothing waits */
        state->slow++;
        return GLINT_OK;
    }
    if (o->policy == GLINT_OUTPUTS_ALL || (o->policy == GLINT_OUTPUTS_ANY && o->n_failing + 1 == o->n))
        return status;
    give_up(o, i);
    return GLINT_OK;
}

void glint_outputs_note(struct glint_outputs *o, const struct glint_sink_run *run)
{
    pthread_mutex_lock(&o->mutex);
    for (int32_t i = 0; i < o->n; i++)
        if (o->sinks[i] && o->sinks[i]->ops->note)
            o->sinks[i]->ops->note(o->sinks[i], run);
    pthread_mutex_unlock(&o->mutex);
}

int glint_outputs_write(struct glint_outputs *o, const struct glint_frame *frame)
{
    int status = GLINT_OK;
    pthread_mutex_lock(&o->mutex);
    reopen_all(o);
    for (int32_t i = 0; i < o->n && status >= 0; i++)
        status = write_one(o, i, frame);
    pthread_mutex_unlock(&o->mutex);
    return status;
}

int glint_outputs_close(struct glint_outputs *o)
{
    int first = GLINT_OK;
    char reason[1024] = "";
    join_ending(o);
    for (int32_t i = 0; i < o->n; i++) {
        struct glint_output_state *state = &o->state[i];
        const struct ending e = take_out(o, i);
        int status = e.sink ? end_sink(&e) : GLINT_OK;
        if (state->failing)
            status = glint_fail(GLINT_E_IO, "%s", state->reason);
        if (first == GLINT_OK && status < 0)
            snprintf(reason, sizeof reason, "%s", glint_error_text());
        first = first < 0 ? first : status;
    }
    o->n_states = o->n > 0 ? o->n : o->n_states;
    o->n = 0;
    return first < 0 ? glint_fail(first, "%s", reason) : GLINT_OK;
}

/* ---- the account ---- */

void glint_outputs_tell(const struct glint_outputs *o)
{
    for (int32_t i = 0; i < o->n_states; i++)
        if (o->state[i].missed + o->state[i].unfinished > 0)
            glint_say("%s: %llu frames written, %llu of them in files that could not be finished; %llu not "
                      "written (%s)",
                      name_of(o, i), (unsigned long long)o->state[i].frames,
                      (unsigned long long)o->state[i].unfinished, (unsigned long long)o->state[i].missed,
                      o->state[i].reason);
}

static json_t *json_state(const struct glint_output_state *state)
{
    json_t *one = json_object();
    json_object_set_new(one, "output", json_string(state->path));
    json_object_set_new(one, "frames", json_integer((json_int_t)state->frames));
    json_object_set_new(one, "missed", json_integer((json_int_t)state->missed));
    json_object_set_new(one, "slow_reader", json_integer((json_int_t)state->slow));
    json_object_set_new(one, "unfinished", json_integer((json_int_t)state->unfinished));
    json_object_set_new(one, "failures", json_integer((json_int_t)state->failures));
    json_object_set_new(one, "failing", json_boolean(state->failing));
    json_object_set_new(one, "opened", json_integer((json_int_t)state->opened));
    if (state->reason[0])
        json_object_set_new(one, "reason", json_string(state->reason));
    for (int32_t i = 0; i < state->n_counts; i++)
        json_object_set_new(one, state->counts[i].name, json_integer((json_int_t)state->counts[i].value));
    return one;
}

json_t *glint_outputs_json(const struct glint_outputs *o)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < (o->n_states > o->n ? o->n_states : o->n); i++)
        json_array_append_new(list, json_state(&o->state[i]));
    return list;
}
