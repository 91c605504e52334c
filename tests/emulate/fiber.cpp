/* tests/emulate/fiber.cpp - see fiber.h. Stacks are mapped with a page below that faults; they are never
 * given back, a program of tests ends soon. On x86-64 a switch saves what the System V ABI says a call
 * preserves (registers rbx, rbp, r12-r15; section 3.2.1) on the stack and exchanges stack pointers. */
#include "emulate/fiber.h"
#include <cstdint>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#define GLINT_FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GLINT_FIBER_ASAN 1
#endif
#endif
#if GLINT_FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

static const size_t stack_bytes = 256 << 10;
static struct glint_fiber *previous; /* who switched to the running fiber */
static void (*start)();

#if GLINT_FIBER_ASAN
static void arrived(struct glint_fiber *now)
{
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(now ? now->fake_stack : nullptr, &bottom, &size);
    if (previous && !previous->stack_bytes) { /* the thread's own stack, seen for the first time */
        previous->stack = (char *)(uintptr_t)bottom;
        previous->stack_bytes = size;
    }
}
#else
static void arrived(struct glint_fiber *) {}
#endif

static void first()
{
    arrived(nullptr);
    start();
    abort();
}

#if defined(__x86_64__)
extern "C" void glint_fiber_exchange(void **save, void *to);
asm(".text\n"
    ".globl glint_fiber_exchange\n"
    ".type glint_fiber_exchange,@function\n"
    "glint_fiber_exchange:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n"
    ".size glint_fiber_exchange,.-glint_fiber_exchange\n"
    ".section .note.GNU-stack,\"\",@progbits\n"
    ".text\n");

static void prepare(struct glint_fiber *f)
{
    void **top = (void **)(f->stack + f->stack_bytes);
    *--top = nullptr; /* where first() would return to; keeps the stack aligned as after a call */
    *--top = (void *)first;
    for (int i = 0; i < 6; i++)
        *--top = nullptr;
    f->context = top;
}
static void exchange(struct glint_fiber *from, struct glint_fiber *to)
{
    glint_fiber_exchange(&from->context, to->context);
}
#else
static void prepare(struct glint_fiber *f)
{
    if (!f->context)
        f->context = malloc(sizeof(ucontext_t));
    ucontext_t *c = (ucontext_t *)f->context;
    getcontext(c);
    c->uc_stack.ss_sp = f->stack;
    c->uc_stack.ss_size = f->stack_bytes;
    c->uc_link = nullptr;
    makecontext(c, first, 0);
}
static void exchange(struct glint_fiber *from, struct glint_fiber *to)
{
    if (!from->context)
        from->context = malloc(sizeof(ucontext_t));
    swapcontext((ucontext_t *)from->context, (ucontext_t *)to->context);
}
#endif

struct glint_fiber *glint_fiber_open(void (*entry)())
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct glint_fiber *f = (struct glint_fiber *)calloc(1, sizeof *f);
    void *map = mmap(nullptr, stack_bytes + page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!f || map == MAP_FAILED || mprotect(map, page, PROT_NONE) != 0)
        return nullptr;
    f->stack = (char *)map + page;
    f->stack_bytes = stack_bytes;
    glint_fiber_restart(f, entry);
    return f;
}

void glint_fiber_restart(struct glint_fiber *fiber, void (*entry)())
{
    start = entry;
#if GLINT_FIBER_ASAN
    __asan_unpoison_memory_region(fiber->stack, fiber->stack_bytes);
#endif
    fiber->fake_stack = nullptr;
    prepare(fiber);
}

void glint_fiber_switch(struct glint_fiber *from, struct glint_fiber *to)
{
    previous = from;
#if GLINT_FIBER_ASAN
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->stack_bytes);
#endif
    exchange(from, to);
    arrived(from);
}
