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

static int open_sink(const struct glint_outputs *o, const char *path, struct glint_sink **sink_out)
{
    if (glint_ends_with(path, ".png"))
        return open_png(path, &o->context, &o->png, sink_out);
    if (glint_sink_serve_wants(path))
        return glint_sink_serve_open(path, &o->context, sink_out);
    if (o->ros && glint_ends_with(path, ".mcap"))
        return glint_sink_mcap_open(path, o->ros, &o->context, sink_out);
    if (o->policy == GLINT_OUTPUTS_SERVICE && is_lines(path))
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

/* Opens state's path anew; on success the sink, with the state telling its file. */
static int open_state(const struct glint_outputs *o, struct glint_output_state *state,
                      struct glint_sink **sink_out)
{
    char path[sizeof state->path], before[sizeof state->path];
    struct stat st;
    GLINT_TRY(glint_outputs_path(state->pattern, glint_clock_utc_ns(), o->policy == GLINT_OUTPUTS_SERVICE,
                                 path, sizeof path));
    snprintf(before, sizeof before, "%s", state->path);
    snprintf(state->path, sizeof state->path, "%s", path); /* the sink keeps it for its messages */
    const int status = open_sink(o, state->path, sink_out);
    if (status < 0) {
        snprintf(state->path, sizeof state->path, "%s", before);
        return status;
    }
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
    GLINT_TRY(open_state(o, state, &o->sinks[o->n]));
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

/* Finished or not, the sink is gone. */
static int end_sink(struct glint_outputs *o, int32_t i, struct glint_sink *sink, bool finish)
{
    const int status = finish && sink ? sink->ops->finish(sink) : GLINT_OK;
    if (sink && sink->ops->account)
        sink->ops->account(sink, put_count, &o->state[i]);
    if (sink)
        sink->ops->close(sink);
    return status;
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
    end_sink(o, i, o->sinks[i], true);
    o->sinks[i] = NULL;
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
    struct glint_sink *old = o->sinks[i], *fresh = NULL;
    if (!state->pattern[0] || (!state->failing && !was_moved(state)))
        return;
    if (open_state(o, state, &fresh) < 0) {
        snprintf(state->reason, sizeof state->reason, "%s", glint_error_text());
        glint_log(GLINT_LOG_WARN, "%s: cannot be opened anew%s", state->reason,
                  state->failing ? "" : ", goes on in the old file");
        return;
    }
    o->sinks[i] = fresh;
    if (end_sink(o, i, old, true) < 0) {
        state->failures++;
        glint_log(GLINT_LOG_WARN, "%s: the old file is not whole", glint_error_text());
    }
    mark_failing(o, i, false);
    glint_log(GLINT_LOG_INFO, "output opened anew: %s", name_of(o, i));
}

static void reopen_all(struct glint_outputs *o)
{
    if (!atomic_exchange(&o->reopen, false))
        return;
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
        return GLINT_OK;
    }
    state->missed++;
    if (o->policy == GLINT_OUTPUTS_ALL || (o->policy == GLINT_OUTPUTS_ANY && o->n_failing + 1 == o->n))
        return status;
    give_up(o, i);
    return GLINT_OK;
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
    for (int32_t i = 0; i < o->n; i++) {
        struct glint_output_state *state = &o->state[i];
        int status = end_sink(o, i, o->sinks[i], true);
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
        if (o->state[i].missed > 0)
            glint_say("%s: %llu frames written, %llu not (%s)", name_of(o, i),
                      (unsigned long long)o->state[i].frames, (unsigned long long)o->state[i].missed,
                      o->state[i].reason);
}

static json_t *json_state(const struct glint_output_state *state)
{
    json_t *one = json_object();
    json_object_set_new(one, "output", json_string(state->path));
    json_object_set_new(one, "frames", json_integer((json_int_t)state->frames));
    json_object_set_new(one, "missed", json_integer((json_int_t)state->missed));
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
