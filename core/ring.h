/* core/ring.h - a bounded queue of pointers between threads. */
#ifndef GLINT_CORE_RING_H
#define GLINT_CORE_RING_H
#include <stdbool.h>
#include <stdint.h>

enum glint_ring_policy {
    GLINT_RING_WAIT,   /* a full queue makes the producer wait: replay */
    GLINT_RING_NEWEST, /* a full queue gives up its oldest element: live */
};

struct glint_ring;

/* depth >= 1 elements. GLINT_E_ARG, GLINT_E_NOMEM. Nothing is allocated afterwards. */
int glint_ring_open(int32_t depth, enum glint_ring_policy policy, struct glint_ring **ring_out);
void glint_ring_close(struct glint_ring *ring); /* elements still inside are the caller's to drain before */

/* Pushes item. *dropped_out (may be NULL for GLINT_RING_WAIT) gets the element given up by GLINT_RING_NEWEST,
 * the caller's again, else NULL. GLINT_E_CANCELLED after finish or cancel: the item stays the caller's. */
int glint_ring_push(struct glint_ring *ring, void *item, void **dropped_out);

/* Waits for an element, oldest first. GLINT_E_EOF when finished and empty, GLINT_E_CANCELLED after cancel
 * (what is left is taken with glint_ring_take). */
int glint_ring_pop(struct glint_ring *ring, void **item_out);

void glint_ring_finish(struct glint_ring *ring); /* no more pushes; pops drain, then EOF */
void glint_ring_cancel(struct glint_ring *ring); /* both sides return at once */

/* Takes what is left, without waiting: NULL when empty. */
void *glint_ring_take(struct glint_ring *ring);
uint64_t glint_ring_dropped(const struct glint_ring *ring);
#endif
