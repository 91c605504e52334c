/* eval/crew.c - see crew.h. Each thread has one slot that goes free -> given -> done -> free. */
#define _POSIX_C_SOURCE 200809L
#include "eval/crew.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum state { FREE, GIVEN, DONE };

struct member {
    struct glint_crew *crew;
    pthread_t thread;
    enum state state;
    struct glint_crew_result result;
};
struct glint_crew {
    const struct glint_eval_task *task;
    pthread_mutex_t mutex;
    pthread_cond_t given, done;
    bool over;
    int32_t n, n_started;
    struct member members[];
};

static void do_unit(struct member *m)
{
    const struct glint_eval_task *task = m->crew->task;
    struct glint_crew_result *r = &m->result;
    r->status = task->score(task->ctx, r->unit, &r->bytes);
    if (r->status >= 0 && r->bytes.failed)
        r->status = glint_fail(GLINT_E_NOMEM, "no memory for the unit's results");
    if (r->status < 0)
        snprintf(r->reason, sizeof r->reason, "%s", glint_error_text());
}

static void *work(void *arg)
{
    struct member *m = arg;
    struct glint_crew *c = m->crew;
    pthread_mutex_lock(&c->mutex);
    for (;;) {
        while (m->state != GIVEN && !c->over)
            pthread_cond_wait(&c->given, &c->mutex);
        if (m->state != GIVEN)
            break;
        pthread_mutex_unlock(&c->mutex);
        do_unit(m);
        pthread_mutex_lock(&c->mutex);
        m->state = DONE;
        pthread_cond_signal(&c->done);
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

int glint_crew_open(const struct glint_eval_task *task, int32_t n_threads, struct glint_crew **crew_out)
{
    struct glint_crew *c = calloc(1, sizeof *c + (size_t)n_threads * sizeof c->members[0]);
    if (!c)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d threads", (int)n_threads);
    c->task = task;
    c->n = n_threads;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->given, NULL);
    pthread_cond_init(&c->done, NULL);
    for (int32_t i = 0; i < n_threads; i++) {
        c->members[i].crew = c;
        if (pthread_create(&c->members[i].thread, NULL, work, &c->members[i]) != 0) {
            glint_crew_close(c);
            return glint_fail(GLINT_E_NOMEM, "cannot start thread %d of %d", (int)i + 1, (int)n_threads);
        }
        c->n_started++;
    }
    *crew_out = c;
    return GLINT_OK;
}

void glint_crew_close(struct glint_crew *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->mutex);
    c->over = true;
    pthread_cond_broadcast(&c->given);
    pthread_mutex_unlock(&c->mutex);
    for (int32_t i = 0; i < c->n_started; i++) {
        pthread_join(c->members[i].thread, NULL);
        glint_buffer_fini(&c->members[i].result.bytes);
    }
    pthread_cond_destroy(&c->done);
    pthread_cond_destroy(&c->given);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

/* The first member in a state, with the mutex held; NULL: none is. */
static struct member *find(struct glint_crew *c, enum state state)
{
    for (int32_t i = 0; i < c->n; i++)
        if (c->members[i].state == state)
            return &c->members[i];
    return NULL;
}

int32_t glint_crew_idle(struct glint_crew *c)
{
    int32_t idle = 0;
    pthread_mutex_lock(&c->mutex);
    for (int32_t i = 0; i < c->n; i++)
        idle += c->members[i].state == FREE;
    pthread_mutex_unlock(&c->mutex);
    return idle;
}

void glint_crew_give(struct glint_crew *c, int32_t unit)
{
    pthread_mutex_lock(&c->mutex);
    struct member *m = find(c, FREE);
    if (m) {
        m->result = (struct glint_crew_result){.unit = unit};
        m->state = GIVEN;
    }
    pthread_cond_broadcast(&c->given);
    pthread_mutex_unlock(&c->mutex);
}

bool glint_crew_take(struct glint_crew *c, int64_t wait_ns, struct glint_crew_result *result_out)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)(wait_ns % 1000000000);
    until.tv_sec += (time_t)(wait_ns / 1000000000) + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&c->mutex);
    struct member *m = find(c, DONE);
    if (!m && wait_ns > 0) {
        pthread_cond_timedwait(&c->done, &c->mutex, &until);
        m = find(c, DONE);
    }
    if (m) {
        *result_out = m->result;
        m->result = (struct glint_crew_result){0};
        m->state = FREE;
    }
    pthread_mutex_unlock(&c->mutex);
    return m != NULL;
}
