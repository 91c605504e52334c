/* core/arena.c - see arena.h. */
#define _GNU_SOURCE
#include "core/arena.h"
#include "core/status.h"
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE      ((size_t)4096)
#define HUGE_PAGE ((size_t)2 << 20)

size_t glint_arena_round(size_t bytes)
{
    return (bytes + GLINT_ARENA_ALIGN - 1) / GLINT_ARENA_ALIGN * GLINT_ARENA_ALIGN;
}

int glint_arena_init(struct glint_arena *a, size_t cap)
{
    *a = (struct glint_arena){.cap = glint_arena_round(cap ? cap : 1)};
    if (a->cap >= HUGE_PAGE)
        a->cap = (a->cap + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    a->base = aligned_alloc(a->cap >= HUGE_PAGE ? HUGE_PAGE : GLINT_ARENA_ALIGN, a->cap);
    if (!a->base) {
        const size_t wanted = a->cap;
        a->cap = 0;
        return glint_fail(GLINT_E_NOMEM, "no memory for %zu bytes", wanted);
    }
#ifdef MADV_HUGEPAGE
    if (a->cap >= HUGE_PAGE)
        madvise(a->base, a->cap, MADV_HUGEPAGE); /* a wish: maps are walked in rows far apart */
#endif
    return GLINT_OK;
}

void glint_arena_fini(struct glint_arena *a)
{
    free(a->base);
    *a = (struct glint_arena){0};
}

void glint_arena_small_pages(struct glint_arena *a)
{
#ifdef MADV_NOHUGEPAGE
    if (a->cap >= HUGE_PAGE)
        madvise(a->base, a->cap, MADV_NOHUGEPAGE);
#endif
}

void glint_memory_touch(void *memory, size_t bytes)
{
    volatile uint8_t *p = memory; /* a page is there once it was written */
    for (size_t i = 0; i < bytes; i += PAGE)
        p[i] = p[i];
    if (bytes > 0)
        p[bytes - 1] = p[bytes - 1];
}

/* Not by writing, which would race with the arena's user, but by asking the system for writable pages. */

#define TOUCH_PIECE ((size_t)4 << 20) /* between looks at `stop` */

struct glint_arena_touch {
    pthread_t thread;
    uint8_t *base;
    size_t size;
    _Atomic bool stop;
};

static void *touch_main(void *arg)
{
    struct glint_arena_touch *t = arg;
#ifdef MADV_POPULATE_WRITE
    for (size_t at = 0; at < t->size && !atomic_load(&t->stop); at += TOUCH_PIECE)
        if (madvise(t->base + at, t->size - at < TOUCH_PIECE ? t->size - at : TOUCH_PIECE,
                    MADV_POPULATE_WRITE) != 0)
            break; /* an older system */
#else
    (void)t;
#endif
    return NULL;
}

struct glint_arena_touch *glint_arena_touch_begin(const struct glint_arena *a)
{
    if (a->cap < HUGE_PAGE) /* not worth a thread, nor whole pages */
        return NULL;
    struct glint_arena_touch *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->base = a->base;
    t->size = a->cap;
    if (pthread_create(&t->thread, NULL, touch_main, t) == 0)
        return t;
    free(t);
    return NULL;
}

void glint_arena_touch_end(struct glint_arena_touch *t)
{
    if (!t)
        return;
    atomic_store(&t->stop, true);
    pthread_join(t->thread, NULL);
    free(t);
}

void *glint_arena_alloc(struct glint_arena *a, size_t bytes)
{
    const size_t size = glint_arena_round(bytes);
    if (size < bytes || size > a->cap - a->used)
        return NULL;
    void *block = a->base + a->used;
    a->used += size;
    if (a->used > a->high)
        a->high = a->used;
    return block;
}

size_t glint_arena_mark(const struct glint_arena *a)
{
    return a->used;
}

void glint_arena_reset(struct glint_arena *a, size_t mark)
{
    assert(mark <= a->used);
    a->used = mark;
}
