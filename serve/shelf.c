/* serve/shelf.c - see shelf.h. Frames are an array in order of their index; what is farthest from the cursor
 * is given up first, where a frame behind it counts as twice as far as one ahead, because logs are watched
 * forwards. */
#define _POSIX_C_SOURCE 200809L
#include "serve/shelf.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NEAR                                                                                                 \
    16 /* frames: so far ahead a wanted frame is waited for; farther, the worker starts again there */
#define BEHIND 16 /* steps backwards start so far before the frame that is wanted */

struct entry {
    uint64_t index;
    struct glint_message *message;
};

struct glint_shelf {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct entry *entries; /* n of them, in order */
    size_t n, cap, bytes, budget;
    uint64_t cursor, was, limit; /* what is looked at, and was before; limit: no frame is there or beyond */
    uint64_t next;               /* the index that the worker comes to next */
    uint64_t n_known, run_first;
    uint64_t hole, hole_end; /* the numbers last found to be no frame's: hole <= number < hole_end */
    bool complete, stopped, started;
    int64_t first_stamp_ns, last_stamp_ns;
    double progress;
};

int glint_shelf_open(size_t budget, struct glint_shelf **shelf_out)
{
    *shelf_out = NULL;
    if (budget < 1 << 20)
        return glint_fail(GLINT_E_ARG, "%zu bytes for frames: at least 1 MiB is wanted", budget);
    struct glint_shelf *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory for a log's frames");
    s->budget = budget;
    glint_message_allow(budget); /* --memory may be more than all clients together get */
    s->limit = UINT64_MAX;
    s->progress = -1;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    *shelf_out = s;
    return GLINT_OK;
}

void glint_shelf_close(struct glint_shelf *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        glint_message_unref(s->entries[i].message);
    free(s->entries);
    glint_message_take_back(s->budget);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

void glint_shelf_stop(struct glint_shelf *s)
{
    pthread_mutex_lock(&s->mutex);
    s->stopped = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

/* ---- under the mutex ---- */

/* Where index is, or would be. */
static size_t place(const struct glint_shelf *s, uint64_t index)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (s->entries[mid].index < index)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool has(const struct glint_shelf *s, uint64_t index)
{
    const size_t i = place(s, index);
    return i < s->n && s->entries[i].index == index;
}

static uint64_t distance(const struct glint_shelf *s, uint64_t index)
{
    return index >= s->cursor ? index - s->cursor : 2 * (s->cursor - index);
}

static bool is_wanted_elsewhere(const struct glint_shelf *s)
{
    return !has(s, s->cursor) && s->cursor < s->limit && (s->cursor < s->next || s->cursor - s->next > NEAR);
}

static void take_out(struct glint_shelf *s, size_t i)
{
    s->bytes -= s->entries[i].message->size;
    glint_message_unref(s->entries[i].message);
    memmove(s->entries + i, s->entries + i + 1, (s->n - i - 1) * sizeof *s->entries);
    s->n--;
}

/* Gives up frames that are farther away than index, until size bytes fit. */
static bool make_room(struct glint_shelf *s, uint64_t index, size_t size)
{
    while (s->n > 0 && s->bytes + size > s->budget) {
        const uint64_t first = distance(s, s->entries[0].index);
        const uint64_t last = distance(s, s->entries[s->n - 1].index);
        const uint64_t mine = distance(s, index);
        if ((first > last ? first : last) <= mine)
            return false;
        take_out(s, first > last ? 0 : s->n - 1);
    }
    return true;
}

static int insert(struct glint_shelf *s, uint64_t index, struct glint_message *message)
{
    if (s->n == s->cap) {
        const size_t cap = s->cap ? 2 * s->cap : 64;
        struct entry *more = realloc(s->entries, cap * sizeof *more);
        if (!more)
            return glint_fail(GLINT_E_NOMEM, "no memory for a log's frames");
        s->entries = more;
        s->cap = cap;
    }
    const size_t i = place(s, index);
    memmove(s->entries + i + 1, s->entries + i, (s->n - i) * sizeof *s->entries);
    s->entries[i] = (struct entry){index, glint_message_ref(message)};
    s->bytes += message->size;
    s->n++;
    return GLINT_OK;
}

/* The number of the frame that stands for this one. */
static uint64_t standing_for(const struct glint_shelf *s, uint64_t index)
{
    if (index >= s->limit && s->n_known)
        index = s->n_known - 1;
    return index >= s->hole && index < s->hole_end ? s->hole_end : index;
}

/* The worker gives `index` next: the numbers since the one before are no frames', and who waits for one of
 * them gets this one. */
static void note_hole(struct glint_shelf *s, uint64_t index)
{
    if (index <= s->next || s->cursor < s->next || s->cursor >= index)
        return;
    s->hole = s->next;
    s->hole_end = s->cursor = index;
}

static void note(struct glint_shelf *s, uint64_t index, int64_t stamp_ns, double progress)
{
    s->next = index;
    if (s->n_known == 0)
        s->first_stamp_ns = stamp_ns;
    if (index < s->n_known)
        return;
    s->n_known = index + 1;
    s->last_stamp_ns = stamp_ns;
    s->progress = progress;
}

/* ---- the worker ---- */

int glint_shelf_next_run(struct glint_shelf *s, uint64_t *first_out)
{
    pthread_mutex_lock(&s->mutex);
    s->next = UINT64_MAX; /* nobody is on the way to any frame */
    while (s->started && !s->stopped && !is_wanted_elsewhere(s))
        pthread_cond_wait(&s->changed, &s->mutex);
    const bool backwards = s->started && s->cursor < s->was && s->was - s->cursor < BEHIND;
    s->run_first = s->cursor - (backwards ? s->cursor < BEHIND ? s->cursor : BEHIND : 0);
    *first_out = s->next = s->run_first;
    s->started = true;
    const int status = s->stopped ? GLINT_E_CANCELLED : GLINT_OK;
    pthread_mutex_unlock(&s->mutex);
    return status;
}

static int put(struct glint_shelf *s, uint64_t index, struct glint_message *message)
{
    while (!s->stopped && !is_wanted_elsewhere(s) && !has(s, index)) {
        if (make_room(s, index, message->size))
            return insert(s, index, message);
        if (index < s->cursor)
            return GLINT_OK; /* on the way to it: not kept */
        pthread_cond_wait(&s->changed, &s->mutex);
    }
    return s->stopped ? GLINT_E_CANCELLED : is_wanted_elsewhere(s) ? GLINT_E_EOF : GLINT_OK;
}

int glint_shelf_put(struct glint_shelf *s, uint64_t index, int64_t stamp_ns, double progress,
                    struct glint_message *message)
{
    if (!message)
        return glint_fail(GLINT_E_NOMEM, "no memory for frame %llu", (unsigned long long)index);
    pthread_mutex_lock(&s->mutex);
    note_hole(s, index);
    note(s, index, stamp_ns, progress);
    const int status = put(s, index, message);
    s->next = index + 1;
    pthread_mutex_unlock(&s->mutex);
    glint_message_unref(message);
    return status;
}

void glint_shelf_end(struct glint_shelf *s)
{
    pthread_mutex_lock(&s->mutex);
    if (s->next >= s->n_known && s->run_first <= s->n_known) {
        s->complete = true;
        s->limit = s->n_known;
    } else if (s->run_first > s->n_known && s->next == s->run_first) {
        s->limit = s->run_first; /* started behind the end */
    }
    if (s->cursor >= s->limit || s->cursor >= s->next)
        s->cursor = s->n_known ? s->n_known - 1 : 0;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

/* ---- readers ---- */

void glint_shelf_want(struct glint_shelf *s, uint64_t index)
{
    pthread_mutex_lock(&s->mutex);
    index = standing_for(s, index);
    if (index != s->cursor)
        s->was = s->cursor;
    s->cursor = index;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

struct glint_message *glint_shelf_get(struct glint_shelf *s, uint64_t index, uint64_t *index_out)
{
    pthread_mutex_lock(&s->mutex);
    *index_out = index = standing_for(s, index);
    const size_t i = place(s, index);
    struct glint_message *m =
        i < s->n && s->entries[i].index == index ? glint_message_ref(s->entries[i].message) : NULL;
    pthread_mutex_unlock(&s->mutex);
    return m;
}

void glint_shelf_state(struct glint_shelf *s, struct glint_shelf_state *state_out)
{
    pthread_mutex_lock(&s->mutex);
    *state_out = (struct glint_shelf_state){.n_known = s->n_known,
                                            .complete = s->complete,
                                            .n_kept = s->n,
                                            .bytes = s->bytes,
                                            .budget = s->budget,
                                            .first_stamp_ns = s->first_stamp_ns,
                                            .last_stamp_ns = s->last_stamp_ns,
                                            .cursor = s->cursor,
                                            .progress = s->progress};
    pthread_mutex_unlock(&s->mutex);
}
