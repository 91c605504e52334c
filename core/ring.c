/* core/ring.c - see ring.h. A mutex and two conditions: frames and packet batches pass some thousand times a
 * second at most, so waiting well matters more than the last nanosecond of a push. */
#include "core/ring.h"
#include "core/status.h"
#include <pthread.h>
#include <stdlib.h>

struct glint_ring {
    pthread_mutex_t mutex;
    pthread_cond_t filled, emptied;
    enum glint_ring_policy policy;
    bool finished, cancelled;
    uint64_t dropped;
    int32_t depth, n, first; /* n elements from `first` on */
    void *items[];
};

int glint_ring_open(int32_t depth, enum glint_ring_policy policy, struct glint_ring **ring_out)
{
    *ring_out = NULL;
    if (depth < 1 || depth > 1 << 20)
        return glint_fail(GLINT_E_ARG, "queue of %d elements: 1 to %d wanted", depth, 1 << 20);
    struct glint_ring *r = calloc(1, sizeof *r + (size_t)depth * sizeof *r->items);
    if (!r)
        return glint_fail(GLINT_E_NOMEM, "no memory for a queue of %d elements", depth);
    r->depth = depth;
    r->policy = policy;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->filled, NULL);
    pthread_cond_init(&r->emptied, NULL);
    *ring_out = r;
    return GLINT_OK;
}

void glint_ring_close(struct glint_ring *r)
{
    if (!r)
        return;
    pthread_cond_destroy(&r->emptied);
    pthread_cond_destroy(&r->filled);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}

/* Under the mutex, of a ring that is not empty. */
static void *take_first(struct glint_ring *r)
{
    void *item = r->items[r->first];
    r->first = (r->first + 1) % r->depth;
    r->n--;
    pthread_cond_signal(&r->emptied);
    return item;
}

int glint_ring_push(struct glint_ring *r, void *item, void **dropped_out)
{
    void *dropped = NULL;
    int status = GLINT_OK;
    pthread_mutex_lock(&r->mutex);
    while (r->policy == GLINT_RING_WAIT && r->n == r->depth && !r->finished && !r->cancelled)
        pthread_cond_wait(&r->emptied, &r->mutex);
    if (r->finished || r->cancelled) {
        status = GLINT_E_CANCELLED;
    } else {
        if (r->n == r->depth) {
            dropped = take_first(r);
            r->dropped++;
        }
        r->items[(r->first + r->n++) % r->depth] = item;
        pthread_cond_signal(&r->filled);
    }
    pthread_mutex_unlock(&r->mutex);
    if (dropped_out)
        *dropped_out = dropped;
    return status;
}

int glint_ring_pop(struct glint_ring *r, void **item_out)
{
    int status = GLINT_OK;
    *item_out = NULL;
    pthread_mutex_lock(&r->mutex);
    while (r->n == 0 && !r->finished && !r->cancelled)
        pthread_cond_wait(&r->filled, &r->mutex);
    if (r->cancelled)
        status = GLINT_E_CANCELLED;
    else if (r->n == 0)
        status = GLINT_E_EOF;
    else
        *item_out = take_first(r);
    pthread_mutex_unlock(&r->mutex);
    return status;
}

/* finish and cancel */
static void end(struct glint_ring *r, bool *how)
{
    pthread_mutex_lock(&r->mutex);
    *how = true;
    pthread_cond_broadcast(&r->filled);
    pthread_cond_broadcast(&r->emptied);
    pthread_mutex_unlock(&r->mutex);
}

void glint_ring_finish(struct glint_ring *r)
{
    end(r, &r->finished);
}

void glint_ring_cancel(struct glint_ring *r)
{
    end(r, &r->cancelled);
}

void *glint_ring_take(struct glint_ring *r)
{
    pthread_mutex_lock(&r->mutex);
    void *item = r->n > 0 ? take_first(r) : NULL;
    pthread_mutex_unlock(&r->mutex);
    return item;
}

uint64_t glint_ring_dropped(const struct glint_ring *ring)
{
    struct glint_ring *r = (struct glint_ring *)(uintptr_t)ring; /* the mutex is not part of the value */
    pthread_mutex_lock(&r->mutex);
    const uint64_t dropped = r->dropped;
    pthread_mutex_unlock(&r->mutex);
    return dropped;
}
