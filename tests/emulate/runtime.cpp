/* tests/emulate/runtime.cpp - runs the blocks of a launch on the host; see cuda.h.
 *
 * A fiber takes the next thread of its block that has not started, runs it to its end and takes another; so a
 * kernel in which nobody waits is a loop on one stack. A thread that has to wait leaves its fiber suspended
 * with it, and another goes on: one that may continue, or a new one with the next thread. The last of those
 * who meet computes for all
 * (`meet`) and continues; the others become ready. Nothing ready and somebody waiting: these wait for threads
 * that left, or that wait elsewhere, and the launch ends with that in words. */
#include "emulate/runtime.h"
#include "core/status.h"
#include "emulate/fiber.h"
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <vector>

struct glint_emulated_place glint_emulated;

enum waiting { FRESH, READY, AT_BARRIER, IN_WARP, LEFT };

struct copy {
    void *to;
    unsigned char bytes[16];
    uint64_t group;
};
struct thread {
    uint3 index;
    enum waiting state;
    struct fiber_slot *fiber;
    const char *where;
    void *slot;
    unsigned mask;
    uint64_t group; /* of asynchronous copies: the open one */
    std::vector<copy> copies;
};
struct fiber_slot {
    struct glint_fiber *fiber;
    int thread; /* what it runs, or is to run next */
};

struct runtime {
    const struct glint_emulated_kernel *kernel;
    std::vector<thread> threads;
    std::vector<int> order; /* in which the block's threads run */
    std::deque<int> queue;  /* who may run */
    std::vector<fiber_slot *> all, idle;
    fiber_slot *now;
    struct glint_fiber host;
    int n_at_barrier, n_left;
    std::vector<unsigned> in_warp; /* per warp: the lanes that wait in it */
    unsigned char *shared;
    bool failed;
    char why[512];
    enum glint_emulated_order how;
    uint64_t seed, random, n_switches, n_launches;
};
static struct runtime &run = *new runtime(); /* never destroyed: fibers stay suspended on their stacks */

extern "C" void glint_emulated_set_order(enum glint_emulated_order order, uint64_t seed)
{
    run.how = order;
    run.seed = seed;
}
extern "C" uint64_t glint_emulated_n_switches(void)
{
    return run.n_switches;
}
extern "C" uint64_t glint_emulated_n_launches(void)
{
    return run.n_launches;
}

static uint64_t random_next()
{
    run.random ^= run.random << 13;
    run.random ^= run.random >> 7;
    run.random ^= run.random << 17;
    return run.random;
}
static void arrange(int *order, size_t n)
{
    if (run.how == GLINT_EMULATED_REVERSE)
        std::reverse(order, order + n);
    for (size_t i = n; run.how == GLINT_EMULATED_SHUFFLED && i > 1; i--)
        std::swap(order[i - 1], order[random_next() % i]);
}

static void switch_to(struct glint_fiber *from, struct glint_fiber *to)
{
    run.n_switches++;
    glint_fiber_switch(from, to);
}
static void fiber_main();
static void enter(int t)
{
    glint_emulated.thread = run.threads[(size_t)t].index;
}

static fiber_slot *idle_fiber()
{
    if (run.idle.empty()) {
        fiber_slot *f = new fiber_slot();
        f->fiber = glint_fiber_open(fiber_main);
        if (!f->fiber)
            abort();
        run.all.push_back(f);
        return f;
    }
    fiber_slot *f = run.idle.back();
    run.idle.pop_back();
    return f;
}

/* The running fiber's thread waits, or the fiber has none: another one runs. Returns when it is continued. */
static void give_way(fiber_slot *me, bool idle)
{
    if (idle)
        run.idle.push_back(me);
    struct glint_fiber *to = &run.host;
    if (!run.queue.empty() && !run.failed) {
        const int t = run.queue.front();
        run.queue.pop_front();
        fiber_slot *f = run.threads[(size_t)t].fiber;
        if (run.threads[(size_t)t].state == FRESH)
            f = idle_fiber();
        f->thread = t;
        run.now = f;
        if (f == me)
            return;
        to = f->fiber;
    }
    switch_to(me->fiber, to);
}

static void fiber_main()
{
    fiber_slot *me = run.now;
    for (;;) {
        const int t = me->thread;
        run.threads[(size_t)t].state = READY;
        run.threads[(size_t)t].fiber = me;
        enter(t);
        run.kernel->thread();
        run.threads[(size_t)t].state = LEFT;
        run.n_left++;
        give_way(me, true);
    }
}

/* Ends the launch: the block's fibers stay where they are and are forgotten, with what is on their stacks, so
 * nothing there may own memory. Does not return in a kernel. */
static void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (!run.failed)
        vsnprintf(run.why, sizeof run.why, fmt, args);
    va_end(args);
    run.failed = true;
    give_way(run.now, false);
}
static void wait_for_others()
{
    fiber_slot *f = run.now;
    const int t = f->thread;
    give_way(f, false);
    run.now = f;
    enter(t);
}

static thread &current()
{
    return run.threads[(size_t)run.now->thread];
}
int glint_emulated_lane()
{
    return run.now->thread & 31;
}
struct text {
    char at[48];
};
static text text_of(const uint3 &i)
{
    text t;
    snprintf(t.at, sizeof t.at, "(%u, %u, %u)", i.x, i.y, i.z);
    return t;
}

/* barriers */
static void meet_at_barrier(const char *where, void *slot, glint_emulated_meet *meet)
{
    thread &me = current();
    me.where = where;
    me.slot = slot;
    me.state = AT_BARRIER;
    if ((size_t)++run.n_at_barrier < run.threads.size()) {
        wait_for_others();
        return;
    }
    for (thread &t : run.threads) {
        if (t.where != where && strcmp(t.where, where) != 0)
            fail("threads %s and %s of a block wait at different barriers, %s and %s", text_of(t.index).at,
                 text_of(me.index).at, t.where, where);
        t.state = READY;
    }
    if (meet) {
        std::vector<void *> slots;
        for (thread &t : run.threads)
            slots.push_back(t.slot);
        meet(slots.data(), (unsigned)slots.size());
    }
    run.n_at_barrier = 0;
    for (int t : run.order)
        if (t != run.now->thread)
            run.queue.push_back(t);
}
void glint_emulated_barrier(const char *where)
{
    meet_at_barrier(where, nullptr, nullptr);
}
static void meet_count(void **slots, unsigned n)
{
    int count = 0;
    for (unsigned i = 0; i < n; i++)
        count += *(int *)slots[i];
    for (unsigned i = 0; i < n; i++)
        *(int *)slots[i] = count;
}
int glint_emulated_barrier_count(const char *where, int predicate)
{
    meet_at_barrier(where, &predicate, meet_count);
    return predicate;
}

/* warps */
static void check_warp(thread *lanes, unsigned mask, const char *where)
{
    for (int l = 0; l < 32; l++) {
        if (!(mask >> l & 1u))
            continue;
        if (lanes[l].where != where && strcmp(lanes[l].where, where) != 0)
            fail("lanes of a warp meet at different places, %s and %s", lanes[l].where, where);
        if (lanes[l].mask != mask)
            fail("lanes of a warp meet with different masks at %s", where);
    }
}
void glint_emulated_warp(const char *where, unsigned mask, void *slot, glint_emulated_meet *meet)
{
    const int t = run.now->thread, lane = t & 31, warp = t / 32;
    const int n_lanes = std::min(32, (int)run.threads.size() - 32 * warp);
    thread *lanes = &run.threads[(size_t)(32 * warp)];
    mask &= n_lanes == 32 ? 0xffffffffu : (1u << n_lanes) - 1u;
    if (!(mask >> lane & 1u))
        fail("lane %d is not in its own mask at %s", lane, where);
    lanes[lane].where = where;
    lanes[lane].mask = mask;
    lanes[lane].slot = slot;
    lanes[lane].state = IN_WARP;
    unsigned &inside = run.in_warp[(size_t)warp];
    inside |= 1u << lane;
    if ((inside & mask) != mask) {
        wait_for_others();
        return;
    }
    check_warp(lanes, mask, where);
    void *slots[32] = {};
    for (int l = 0; l < 32; l++)
        if (mask >> l & 1u)
            slots[l] = lanes[l].slot;
    if (meet)
        meet(slots, mask);
    inside &= ~mask;
    int ready[32];
    size_t n_ready = 0;
    for (int l = 0; l < 32; l++)
        if (mask >> l & 1u) {
            lanes[l].state = READY;
            if (l != lane)
                ready[n_ready++] = 32 * warp + l;
        }
    arrange(ready, n_ready);
    run.queue.insert(run.queue.begin(), ready,
                     ready + n_ready); /* the warp goes on: its stacks are in the cache */
}
void glint_emulated_meet_shuffle(void **slots, unsigned mask)
{
    for (int l = 0; l < 32; l++) {
        if (!(mask >> l & 1u))
            continue;
        glint_emulated_shuffle *s = (glint_emulated_shuffle *)slots[l];
        const int from = s->from & 31;
        if (mask >> from & 1u)
            s->result = ((glint_emulated_shuffle *)slots[from])->value;
        else
            s->result = 0xffffffffffffffffu; /* undefined in CUDA: a lane that does not take part */
    }
}
static void meet_ballot(void **slots, unsigned mask)
{
    unsigned votes = 0;
    for (int l = 0; l < 32; l++)
        if (mask >> l & 1u && *(unsigned *)slots[l])
            votes |= 1u << l;
    for (int l = 0; l < 32; l++)
        if (mask >> l & 1u)
            *(unsigned *)slots[l] = votes;
}
unsigned glint_emulated_ballot(const char *where, unsigned mask, int predicate)
{
    unsigned slot = predicate != 0;
    glint_emulated_warp(where, mask, &slot, meet_ballot);
    return slot;
}
static void meet_match(void **slots, unsigned mask)
{
    uint64_t values[32] = {};
    for (int l = 0; l < 32; l++)
        if (mask >> l & 1u)
            values[l] = *(uint64_t *)slots[l];
    for (int l = 0; l < 32; l++) {
        unsigned same = 0;
        for (int k = 0; k < 32; k++)
            if (mask >> k & 1u && values[k] == values[l])
                same |= 1u << k;
        if (mask >> l & 1u)
            *(uint64_t *)slots[l] = same;
    }
}
unsigned glint_emulated_match(const char *where, unsigned mask, uint64_t value)
{
    glint_emulated_warp(where, mask, &value, meet_match);
    return (unsigned)value;
}
void glint_emulated_syncwarp(const char *where, unsigned mask)
{
    glint_emulated_warp(where, mask, nullptr, nullptr);
}

void glint_emulated_trap(const char *where)
{
    fail("__trap() at %s", where);
}
unsigned char *glint_emulated_shared_bytes()
{
    return run.shared;
}

/* asynchronous copies: read when they are asked for or later, in CUDA; here at once, and written at the wait
 */
void glint_emulated_async_copy(void *to, const void *from, bool valid)
{
    if (((uintptr_t)to | (valid ? (uintptr_t)from : 0)) & 15)
        fail("an asynchronous copy between addresses that are not aligned to 16 bytes");
    thread &me = current();
    copy c = {to, {}, me.group};
    if (valid)
        memcpy(c.bytes, from, 16);
    me.copies.push_back(c);
}
void glint_emulated_async_commit()
{
    current().group++;
}
void glint_emulated_async_wait(int n_left)
{
    thread &me = current();
    size_t kept = 0;
    for (size_t i = 0; i < me.copies.size(); i++) {
        if (me.copies[i].group + (uint64_t)n_left < me.group)
            memcpy(me.copies[i].to, me.copies[i].bytes, 16);
        else
            me.copies[kept++] = me.copies[i];
    }
    me.copies.resize(kept);
}

/* fragments: layouts as in core/cuda/fragment.h */
struct matrices {
    uint32_t *x;
    const unsigned char *row;
    int n, transposed;
};
static void meet_matrices(void **slots, unsigned mask)
{
    if (mask != 0xffffffffu)
        fail("a fragment is loaded by a part of a warp");
    const int n = ((matrices *)slots[0])->n;
    for (int lane = 0; lane < 32; lane++) {
        const matrices *m = (matrices *)slots[lane];
        for (int i = 0; i < n; i++) {
            const int g = lane >> 2, t = 2 * (lane & 3);
            uint16_t pair[2];
            for (int k = 0; k < 2; k++) {
                const int row = m->transposed ? t + k : g, column = m->transposed ? g : t + k;
                memcpy(&pair[k], ((matrices *)slots[8 * i + row])->row + 2 * column, 2);
            }
            m->x[i] = (uint32_t)pair[0] | (uint32_t)pair[1] << 16;
        }
    }
}
void glint_emulated_load_matrices(uint32_t *x, int n_matrices, const void *row, bool transposed)
{
    if ((uintptr_t)row & 15)
        fail("a fragment's row in shared memory that is not aligned to 16 bytes");
    matrices m = {x, (const unsigned char *)row, n_matrices, transposed};
    glint_emulated_warp(transposed ? "ldmatrix.trans" : "ldmatrix", 0xffffffffu, &m, meet_matrices);
}
struct product {
    float *c;
    const uint32_t *a, *b;
    bool bfloat;
};
static float wide(uint32_t pair, int k, bool bfloat)
{
    const unsigned short bits = (unsigned short)(k ? pair >> 16 : pair);
    return bfloat ? __bfloat162float({bits}) : __half2float({bits});
}
static void meet_product(void **slots, unsigned mask)
{
    if (mask != 0xffffffffu)
        fail("fragments are multiplied by a part of a warp");
    const bool bfloat = ((product *)slots[0])->bfloat;
    float a[16][16], b[16][8], c[16][8] = {};
    for (int lane = 0; lane < 32; lane++) {
        const product *p = (product *)slots[lane];
        const int g = lane >> 2, t = 2 * (lane & 3);
        for (int k = 0; k < 2; k++) {
            a[g][t + k] = wide(p->a[0], k, bfloat), a[g + 8][t + k] = wide(p->a[1], k, bfloat);
            a[g][t + 8 + k] = wide(p->a[2], k, bfloat), a[g + 8][t + 8 + k] = wide(p->a[3], k, bfloat);
            b[t + k][g] = wide(p->b[0], k, bfloat), b[t + 8 + k][g] = wide(p->b[1], k, bfloat);
        }
    }
    for (int i = 0; i < 16; i++)
        for (int k = 0; k < 16; k++)
            for (int j = 0; j < 8; j++)
                c[i][j] += a[i][k] * b[k][j];
    for (int lane = 0; lane < 32; lane++) {
        float *to = ((product *)slots[lane])->c;
        for (int i = 0; i < 4; i++)
            to[i] += c[(lane >> 2) + 8 * (i >> 1)][2 * (lane & 3) + (i & 1)];
    }
}
void glint_emulated_mma_16(float *c, const uint32_t *a, const uint32_t *b, bool bfloat)
{
    product p = {c, a, b, bfloat};
    glint_emulated_warp(bfloat ? "mma bf16" : "mma f16", 0xffffffffu, &p, meet_product);
}

/* launches */
static void begin_block(size_t n)
{
    run.queue.clear();
    run.n_at_barrier = run.n_left = 0;
    std::fill(run.in_warp.begin(), run.in_warp.end(), 0u);
    if (run.kernel->shared)
        memset(run.shared, 0xff, run.kernel->shared);
    for (size_t i = 0; i < n; i++) {
        run.threads[i].state = FRESH;
        run.threads[i].group = 0;
        run.threads[i].copies.clear();
        run.order[i] = (int)i;
    }
    arrange(run.order.data(), n);
    run.queue.insert(run.queue.end(), run.order.begin(), run.order.end());
}
static void tell_of_waiting()
{
    size_t n = 0;
    const thread *one = nullptr;
    for (const thread &t : run.threads)
        if (t.state == AT_BARRIER || t.state == IN_WARP)
            n++, one = &t;
    run.failed = true;
    snprintf(run.why, sizeof run.why, "%zu threads wait, one of them, %s, at %s, %s, and %d left", n,
             text_of(one->index).at, one->where,
             one->state == IN_WARP ? "for lanes of its warp" : "for the block", run.n_left);
}
static void forget_fibers()
{
    run.idle.clear();
    for (fiber_slot *f : run.all) {
        glint_fiber_restart(f->fiber, fiber_main);
        run.idle.push_back(f);
    }
}
static int run_block(const uint3 &block)
{
    const size_t n = run.threads.size();
    glint_emulated.block = block;
    begin_block(n);
    run.now = idle_fiber();
    run.now->thread = run.queue.front();
    run.queue.pop_front();
    switch_to(&run.host, run.now->fiber);
    if (!run.failed && (size_t)run.n_left < n)
        tell_of_waiting();
    if (!run.failed)
        return GLINT_OK;
    forget_fibers();
    return glint_fail(GLINT_E_DEVICE, "cuda: %s, block %s: %s", run.kernel->name, text_of(block).at, run.why);
}

static void place_threads(const dim3 &size)
{
    const size_t n = (size_t)size.x * size.y * size.z;
    run.threads.resize(n);
    run.order.resize(n);
    run.in_warp.resize((n + 31) / 32);
    for (size_t i = 0; i < n; i++)
        run.threads[i].index = {(unsigned)(i % size.x), (unsigned)(i / size.x % size.y),
                                (unsigned)(i / ((size_t)size.x * size.y))};
}

int glint_emulated_run(const struct glint_emulated_kernel &kernel)
{
    static std::mutex one_at_a_time;
    std::lock_guard<std::mutex> lock(one_at_a_time);
    const dim3 &g = kernel.grid, &b = kernel.block;
    if (!g.x || !g.y || !g.z || !b.x || !b.y || !b.z || g.x > 0x7fffffffu || g.y > 65535 || g.z > 65535 ||
        b.z > 64 || (uint64_t)b.x * b.y * b.z > 1024)
        return glint_fail(GLINT_E_DEVICE, "cuda: %s: invalid configuration: grid %u %u %u, block %u %u %u",
                          kernel.name, g.x, g.y, g.z, b.x, b.y, b.z);
    run.n_launches++;
    run.kernel = &kernel;
    run.random = run.seed * 2 + 0x9e3779b97f4a7c15u;
    run.failed = false;
    run.host = {};
    place_threads(b);
    glint_emulated.block_size = b;
    glint_emulated.grid_size = g;
    void *shared = nullptr;
    if (kernel.shared && posix_memalign(&shared, 128, kernel.shared) != 0)
        return glint_fail(GLINT_E_NOMEM, "no memory");
    run.shared = (unsigned char *)shared;
    std::vector<int> blocks((size_t)g.x * g.y * g.z);
    for (size_t i = 0; i < blocks.size(); i++)
        blocks[i] = (int)i;
    arrange(blocks.data(), blocks.size());
    int status = GLINT_OK;
    for (size_t i = 0; i < blocks.size() && status == GLINT_OK; i++) {
        const unsigned at = (unsigned)blocks[i];
        status = run_block({at % g.x, at / g.x % g.y, at / (g.x * g.y)});
    }
    free(run.shared);
    return status;
}
