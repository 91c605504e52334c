/* eval/task.c - see task.h. The root keeps the list of units and hands them out one at a time, to the threads
 * of its own crew and to the ranks that ask; whoever is quick does more. Results are reduced in the units'
 * order. */
#define _POSIX_C_SOURCE 200809L
#include "eval/task.h"
#include "core/log.h"
#include "eval/crew.h"
#include "eval/parts.h"
#include "eval/ranks.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum state { TODO, GIVEN, FINISHED, FAILED, REDUCED };

struct unit {
    enum state state;
    int32_t rank; /* that it was given to */
    struct glint_buffer bytes;
};
struct run {
    const struct glint_eval_task *task;
    const struct glint_eval_run_settings *settings;
    struct glint_ranks ranks;
    struct glint_parts parts;
    bool keeps, cannot_keep; /* parts */
    struct glint_crew *crew;
    struct unit *units;
    int32_t next_todo, next_reduce;
    int32_t n_given, n_ended; /* units; n_over: ranks that are done */
    int32_t n_over;
    bool orderly; /* all ranks are done, so that MPI can be left */
    int64_t frames_done, frames_all;
    int status; /* of the first failure */
    char reason[1300];
    struct glint_eval_run_stats *stats;
};

/* What the root says when mpirun ends it because another rank died: made beforehand, for the signal's
 * handler. */
static char last_words[2][600];
static atomic_int last_words_at;

static void on_term(int number)
{
    const char *text = last_words[atomic_load(&last_words_at)];
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        _exit(1);
    signal(number, SIG_DFL);
    raise(number);
}

static void update_last_words(const struct run *r)
{
    const int next = 1 - atomic_load(&last_words_at);
    char *text = last_words[next];
    size_t n = (size_t)snprintf(text, 600, "\nglint: eval ended from outside; not finished:");
    for (int32_t i = 0; i < r->next_todo && n < 480; i++)
        if (r->units[i].state == GIVEN)
            n += (size_t)snprintf(text + n, 520 - n, " %.60s (rank %d)", r->task->unit_name(r->task->ctx, i),
                                  (int)r->units[i].rank);
    snprintf(text + n, 600 - n, "%s\n", r->keeps ? "; --resume does the rest" : "");
    atomic_store(&last_words_at, next);
}

static void keep_failure(struct run *r, int status, const char *reason)
{
    if (r->status == GLINT_OK) {
        r->status = status;
        snprintf(r->reason, sizeof r->reason, "%s", reason);
    }
}

static void note_parts(struct run *r, int status)
{
    if (status == GLINT_OK)
        return;
    r->cannot_keep = true;
    keep_failure(r, status, glint_error_text());
}

static void give(struct run *r, int32_t unit, int32_t rank)
{
    char who[40];
    r->units[unit].state = GIVEN;
    r->units[unit].rank = rank;
    r->n_given++;
    snprintf(who, sizeof who, "rank %d\n", (int)rank);
    if (r->keeps)
        note_parts(r, glint_parts_mark(&r->parts, unit, who));
    if (r->ranks.n > 1)
        update_last_words(r);
}

/* None any more once something failed that more work cannot mend: results cannot be kept, or are refused. */
static bool nothing_left(struct run *r)
{
    const bool is_lost = r->cannot_keep || (r->settings->refuses && r->status < 0);
    while (r->next_todo < r->task->n_units && r->units[r->next_todo].state != TODO)
        r->next_todo++;
    return r->next_todo >= r->task->n_units || is_lost;
}

static int32_t next_unit(struct run *r)
{
    return nothing_left(r) ? -1 : r->next_todo++;
}

static void tell_failed_unit(struct run *r, int32_t unit, int status, const char *reason)
{
    char text[1300];
    const char *name = r->task->unit_name(r->task->ctx, unit);
    if (r->ranks.n > 1)
        snprintf(text, sizeof text, "%s (rank %d): %s", name, (int)r->units[unit].rank, reason);
    else
        snprintf(text, sizeof text, "%s%s%s", name, name[0] ? ": " : "", reason);
    if (!r->settings->refuses)
        glint_log(GLINT_LOG_ERROR, "%s", text);
    keep_failure(r, status, text);
    r->stats->n_failed++;
}

/* A result of any rank; bytes become the unit's, or are the reason of a failure. */
static void end_unit(struct run *r, int32_t unit, int status, const char *reason, struct glint_buffer *bytes)
{
    struct unit *u = &r->units[unit];
    r->n_ended++;
    r->frames_done += r->task->unit_frames(r->task->ctx, unit);
    if (status < 0) {
        u->state = FAILED;
        tell_failed_unit(r, unit, status, reason);
    } else {
        u->state = FINISHED;
        u->bytes = *bytes;
        *bytes = (struct glint_buffer){0};
        if (r->keeps)
            note_parts(r, glint_parts_write(&r->parts, unit, &u->bytes));
    }
    if (r->ranks.n > 1)
        update_last_words(r);
}

static void reduce_ready(struct run *r)
{
    for (; r->next_reduce < r->task->n_units && r->units[r->next_reduce].state == FINISHED;
         r->next_reduce++) {
        struct unit *u = &r->units[r->next_reduce];
        struct glint_blob blob = {u->bytes.data, u->bytes.size, 0};
        const int status = r->task->reduce(r->task->ctx, r->next_reduce, &blob);
        glint_buffer_fini(&u->bytes);
        u->state = REDUCED;
        if (status < 0)
            keep_failure(r, status, glint_error_text());
    }
}

static void take_from_crew(struct run *r, int64_t wait_ns)
{
    struct glint_crew_result result;
    if (!glint_crew_take(r->crew, wait_ns, &result))
        return;
    end_unit(r, result.unit, result.status, result.reason, &result.bytes);
    glint_buffer_fini(&result.bytes);
}

static int answer_rank(struct run *r, const struct glint_ranks_message *m, struct glint_buffer *bytes)
{
    if (m->unit == GLINT_RANKS_OVER) {
        r->n_over++;
        return GLINT_OK;
    }
    if (m->unit != GLINT_RANKS_READY) {
        if (m->status < 0) /* a reason, which is text */
            glint_buffer_add(bytes, "", 1);
        end_unit(r, m->unit, m->status, (const char *)bytes->data, bytes);
        return GLINT_OK;
    }
    const int32_t unit = next_unit(r);
    if (unit >= 0)
        give(r, unit, m->rank);
    return glint_ranks_assign(&r->ranks, m->rank, unit >= 0 ? unit : GLINT_RANKS_OVER);
}

static int poll_ranks(struct run *r)
{
    bool came = r->ranks.n > 1;
    while (came) {
        struct glint_ranks_message m;
        struct glint_buffer bytes = {0};
        int status = glint_ranks_poll(&r->ranks, &m, &bytes, &came);
        if (status == GLINT_OK && came)
            status = answer_rank(r, &m, &bytes);
        glint_buffer_fini(&bytes);
        GLINT_TRY(status);
    }
    return GLINT_OK;
}

static int lead(struct run *r)
{
    const int64_t wait_ns = r->ranks.n > 1 ? 1000000 : 50000000;
    int32_t unit;
    do {
        while (glint_crew_idle(r->crew) > 0 && (unit = next_unit(r)) >= 0) {
            give(r, unit, 0);
            glint_crew_give(r->crew, unit);
        }
        take_from_crew(r, wait_ns);
        GLINT_TRY(poll_ranks(r));
        reduce_ready(r);
        if (r->settings->progress)
            r->settings->progress(r->settings->progress_ctx, r->frames_done, r->frames_all);
    } while (r->n_ended < r->n_given || !nothing_left(r) || r->n_over < r->ranks.n - 1);
    r->orderly = true;
    return GLINT_OK;
}

static int send_result(struct run *r, struct glint_crew_result *result)
{
    const struct glint_ranks_message m = {.unit = result->unit, .status = result->status};
    if (result->status < 0) {
        glint_buffer_clear(&result->bytes);
        glint_buffer_text(&result->bytes, result->reason);
    }
    const int status = glint_ranks_send(&r->ranks, &m, &result->bytes);
    glint_buffer_fini(&result->bytes);
    return status;
}

/* A worker: asks for a unit for each idle thread until it is told that it is over. */
static int follow(struct run *r)
{
    int32_t n_asked = 0, n_busy = 0;
    bool over = false, came;
    while (!over || n_asked + n_busy > 0) {
        int32_t unit;
        for (; !over && n_asked + n_busy < r->settings->n_threads; n_asked++)
            GLINT_TRY(
                glint_ranks_send(&r->ranks, &(struct glint_ranks_message){.unit = GLINT_RANKS_READY}, NULL));
        GLINT_TRY(glint_ranks_assigned(&r->ranks, &unit, &came));
        if (came) {
            n_asked--;
            over = over || unit < 0;
            if (unit >= 0) {
                glint_crew_give(r->crew, unit);
                n_busy++;
            }
        }
        struct glint_crew_result result;
        if (glint_crew_take(r->crew, 1000000, &result)) {
            n_busy--;
            GLINT_TRY(send_result(r, &result));
        }
    }
    r->orderly = true;
    return glint_ranks_send(&r->ranks, &(struct glint_ranks_message){.unit = GLINT_RANKS_OVER}, NULL);
}

/* Takes up what a run before has finished. */
static int take_parts(struct run *r)
{
    char who[100];
    for (int32_t i = 0; i < r->task->n_units; i++) {
        struct unit *u = &r->units[i];
        const int status = glint_parts_read(&r->parts, i, &u->bytes);
        if (status == GLINT_OK) {
            u->state = FINISHED;
            r->frames_done += r->task->unit_frames(r->task->ctx, i);
            r->stats->n_resumed++;
        } else if (status == GLINT_E_FORMAT) {
            glint_log(GLINT_LOG_WARN, "%s: done again", glint_error_text());
        } else if (status != GLINT_E_NOTFOUND) {
            return status;
        }
        if (status != GLINT_OK && glint_parts_marked(&r->parts, i, who, sizeof who))
            glint_log(GLINT_LOG_WARN, "%s was not finished: it was with %s",
                      r->task->unit_name(r->task->ctx, i), who);
    }
    return GLINT_OK;
}

static int run_root(struct run *r)
{
    const struct glint_eval_run_settings *s = r->settings;
    for (int32_t i = 0; i < r->task->n_units; i++)
        r->frames_all += r->task->unit_frames(r->task->ctx, i);
    if (s->parts) {
        GLINT_TRY(glint_parts_open(&r->parts, s->parts, r->task->identity, s->resume));
        r->keeps = true;
        GLINT_TRY(take_parts(r));
    }
    struct sigaction term = {.sa_handler = on_term}, before;
    if (r->ranks.n > 1) {
        update_last_words(r);
        sigaction(SIGTERM, &term, &before);
    }
    int status = lead(r);
    if (r->ranks.n > 1)
        sigaction(SIGTERM, &before, NULL);
    if (status == GLINT_OK && r->status < 0)
        status = glint_fail(r->status, "%s", r->reason);
    if (status == GLINT_OK && r->keeps)
        glint_parts_remove(&r->parts);
    return status;
}

static int run_with(const struct glint_ranks *ranks, const struct glint_eval_task *task,
                    const struct glint_eval_run_settings *settings, struct glint_eval_run_stats *stats_out,
                    bool *orderly_out)
{
    struct run r = {.task = task, .settings = settings, .stats = stats_out, .ranks = *ranks};
    stats_out->is_root = r.ranks.rank == 0;
    stats_out->n_ranks = r.ranks.n;
    r.units = calloc((size_t)task->n_units + 1, sizeof *r.units);
    if (!r.units)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d units", (int)task->n_units);
    int status = glint_crew_open(task, settings->n_threads, &r.crew);
    if (status == GLINT_OK)
        status = stats_out->is_root ? run_root(&r) : follow(&r);
    glint_crew_close(r.crew);
    for (int32_t i = 0; i < task->n_units; i++)
        glint_buffer_fini(&r.units[i].bytes);
    free(r.units);
    *orderly_out = r.orderly;
    return status;
}

int glint_eval_run(const struct glint_eval_task *task, const struct glint_eval_run_settings *settings,
                   struct glint_eval_run_stats *stats_out)
{
    struct glint_ranks ranks;
    bool orderly = false;
    *stats_out = (struct glint_eval_run_stats){.is_root = true, .n_ranks = 1};
    GLINT_TRY(glint_ranks_open(&ranks));
    const int status = run_with(&ranks, task, settings, stats_out, &orderly);
    if (orderly)
        glint_ranks_close(
            &ranks); /* else the others wait for something: mpirun ends them with this process */
    return status;
}

int glint_eval_run_alone(const struct glint_eval_task *task, int32_t n_threads,
                         struct glint_eval_run_stats *stats_out)
{
    const struct glint_ranks ranks = {.rank = 0, .n = 1};
    const struct glint_eval_run_settings settings = {.n_threads = n_threads};
    bool orderly;
    *stats_out = (struct glint_eval_run_stats){.is_root = true, .n_ranks = 1};
    return run_with(&ranks, task, &settings, stats_out, &orderly);
}
