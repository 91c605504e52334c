/* core/arena.c - see arena.h. */
#define _GNU_SOURCE
#include "core/arena.h"
#include "core/status.h"
#include <assert.h>
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

void glint_arena_touch(struct glint_arena *a)
{
    for (size_t i = 0; i < a->cap; i += PAGE)
        a->base[i] = 0;
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
