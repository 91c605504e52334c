/* core/arena.h - bump memory: reserved once, handed out aligned, taken back by marks. */
#ifndef GLINT_CORE_ARENA_H
#define GLINT_CORE_ARENA_H
#include <stddef.h>
#include <stdint.h>

#define GLINT_ARENA_ALIGN 64 /* every block starts on a cache line */

struct glint_arena {
    uint8_t *base;
    size_t cap, used, high; /* high: the most that was ever used, for reports */
};

/* Reserves cap bytes (rounded up); GLINT_E_NOMEM. Not thread-safe: one arena, one user. */
int glint_arena_init(struct glint_arena *a, size_t cap);
void glint_arena_fini(struct glint_arena *a);

/* A wish: small pages, for memory that is mostly used in part and from its beginning. Of a fresh arena. */
void glint_arena_small_pages(struct glint_arena *a);

/* Has the system provide an arena's memory ahead of its first use, in a thread beside everything else: what
 * is in it stays, and it may be used meanwhile. Where that cannot be done nothing happens. Begin once the
 * arena is there, end before glint_arena_fini; end does not wait for the rest. */
struct glint_arena_touch;
struct glint_arena_touch *glint_arena_touch_begin(const struct glint_arena *a); /* NULL: it is not done */
void glint_arena_touch_end(struct glint_arena_touch *touch);                    /* NULL is fine */

/* Has the system provide memory, of whatever origin, now: what is in it stays. Its user waits for it. */
void glint_memory_touch(void *memory, size_t bytes);

/* bytes of uninitialised memory, or NULL when the arena is full. Valid until reset below it. */
void *glint_arena_alloc(struct glint_arena *a, size_t bytes);

/* A mark is the arena's fill; reset takes back all that was handed out since. */
size_t glint_arena_mark(const struct glint_arena *a);
void glint_arena_reset(struct glint_arena *a, size_t mark);

/* What a block of `bytes` takes from an arena. */
size_t glint_arena_round(size_t bytes);
#endif
