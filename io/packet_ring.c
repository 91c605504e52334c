/* io/packet_ring.c - see packet_ring.h. `head` and `tail` count bytes ever written and read; their places are
 * modulo the size. An entry that does not fit before the end of the memory leaves a gap there, so that every
 * packet is in one piece. The reader gives an entry back when it asks for the next one.
 *
 * Sleeping: the reader says so in `asleep` and looks once more; the writer asks `asleep` after it has moved
 * head. Both are sequentially consistent, so that one of the two always sees the other. */
#include "io/packet_ring.h"
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LEAST_BYTES (1u << 20)
#define ALIGN       16u
#define GAP         UINT32_MAX /* size of an entry that only fills the memory's end */

struct entry { /* in the memory, before its data; data of the packet is not used */
    struct glint_packet packet;
};

struct glint_packet_ring {
    uint8_t *memory;
    size_t size;
    int event;
    _Alignas(64) _Atomic uint64_t head; /* the writer's */
    _Atomic uint64_t peak;
    uint64_t seen_tail;                 /* what the writer knows of tail */
    _Alignas(64) _Atomic uint64_t tail; /* the reader's */
    uint64_t held;                      /* bytes of the entry the reader has, given back at its next call */
    _Alignas(64) atomic_bool asleep, finished;
};

int glint_packet_ring_open(size_t bytes, struct glint_packet_ring **ring_out)
{
    *ring_out = NULL;
    if (bytes < LEAST_BYTES || bytes > SIZE_MAX / 2)
        return glint_fail(GLINT_E_ARG, "packet ring of %zu bytes: %u or more wanted", bytes, LEAST_BYTES);
    struct glint_packet_ring *r = aligned_alloc(64, (sizeof *r + 63) / 64 * 64);
    if (!r)
        return glint_fail(GLINT_E_NOMEM, "no memory for a packet ring");
    memset(r, 0, sizeof *r);
    r->size = bytes / ALIGN * ALIGN;
    r->memory = aligned_alloc(64, (r->size + 63) / 64 * 64);
    r->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!r->memory || r->event < 0) {
        const int status = r->memory ? glint_fail(GLINT_E_IO, "no event descriptor for a packet ring")
                                     : glint_fail(GLINT_E_NOMEM, "no memory for %zu bytes of packets", bytes);
        glint_packet_ring_close(r);
        return status;
    }
    memset(r->memory, 0, r->size); /* page faults here, not at the first turn */
    *ring_out = r;
    return GLINT_OK;
}

void glint_packet_ring_close(struct glint_packet_ring *r)
{
    if (!r)
        return;
    if (r->event >= 0)
        close(r->event);
    free(r->memory);
    free(r);
}

static size_t entry_bytes(uint32_t payload)
{
    return (sizeof(struct entry) + payload + ALIGN - 1) / ALIGN * ALIGN;
}

static bool has_room(struct glint_packet_ring *r, uint64_t head, size_t need)
{
    if (head - r->seen_tail + need <= r->size)
        return true;
    r->seen_tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    return head - r->seen_tail + need <= r->size;
}

bool glint_packet_ring_push(struct glint_packet_ring *r, const struct glint_packet *packet)
{
    const uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    const size_t at = (size_t)(head % r->size), need = entry_bytes(packet->size);
    const size_t gap = r->size - at < need ? r->size - at : 0;
    if (packet->size >= GAP || !has_room(r, head, gap + need))
        return false;
    if (gap >= sizeof(struct entry))
        ((struct entry *)(void *)(r->memory + at))->packet.size = GAP;
    struct entry *e = (struct entry *)(void *)(r->memory + (gap ? 0 : at));
    e->packet = *packet;
    if (packet->size > 0)
        memcpy(e + 1, packet->data, packet->size);
    const uint64_t now = head + gap + need;
    r->seen_tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    if (now - r->seen_tail > atomic_load_explicit(&r->peak, memory_order_relaxed))
        atomic_store_explicit(&r->peak, now - r->seen_tail, memory_order_relaxed);
    atomic_store(&r->head, now);
    return true;
}

void glint_packet_ring_wake(struct glint_packet_ring *r)
{
    const uint64_t one = 1;
    if (atomic_load(&r->asleep) && atomic_exchange(&r->asleep, false) &&
        write(r->event, &one, sizeof one) < 0)
        return; /* it is set already: the reader wakes all the same */
}

void glint_packet_ring_finish(struct glint_packet_ring *r)
{
    atomic_store(&r->finished, true);
    glint_packet_ring_wake(r);
}

/* The entry at the tail, NULL when the ring is empty; gaps are passed over. */
static struct entry *front(struct glint_packet_ring *r)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    if (tail == atomic_load(&r->head))
        return NULL;
    const size_t at = (size_t)(tail % r->size), rest = r->size - at;
    struct entry *e = (struct entry *)(void *)(r->memory + at);
    if (rest >= sizeof *e && e->packet.size != GAP)
        return e;
    atomic_store_explicit(&r->tail, tail + rest, memory_order_release);
    return (struct entry *)(void *)r->memory; /* a gap always has its entry behind it */
}

static void sleep_until_woken(struct glint_packet_ring *r, int timeout_ms)
{
    struct pollfd fd = {.fd = r->event, .events = POLLIN};
    uint64_t count;
    while (read(r->event, &count, sizeof count) > 0)
        ; /* of a wake that came too late the last time */
    atomic_store(&r->asleep, true);
    const uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    if (tail == atomic_load(&r->head) && !atomic_load(&r->finished))
        poll(&fd, 1, timeout_ms);
    atomic_store(&r->asleep, false);
}

int glint_packet_ring_pop(struct glint_packet_ring *r, int timeout_ms, struct glint_packet *packet_out)
{
    if (r->held)
        atomic_fetch_add_explicit(&r->tail, r->held, memory_order_release);
    r->held = 0;
    struct entry *e = front(r);
    if (!e && timeout_ms > 0) {
        sleep_until_woken(r, timeout_ms);
        e = front(r);
    }
    if (!e) {
        const bool over = atomic_load(&r->finished);
        e = over ? front(r) : NULL; /* pushed before finish */
        if (!e)
            return over ? GLINT_E_EOF : GLINT_E_AGAIN;
    }
    *packet_out = e->packet;
    packet_out->data = (const uint8_t *)(e + 1);
    r->held = entry_bytes(e->packet.size);
    return GLINT_OK;
}

size_t glint_packet_ring_used(const struct glint_packet_ring *r)
{
    const uint64_t tail = atomic_load(&r->tail);
    return (size_t)(atomic_load(&r->head) - tail);
}

size_t glint_packet_ring_peak(const struct glint_packet_ring *r)
{
    return (size_t)atomic_load_explicit(&r->peak, memory_order_relaxed);
}
