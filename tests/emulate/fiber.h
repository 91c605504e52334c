/* tests/emulate/fiber.h - stacks to switch between, without the kernel's help: some nanoseconds a switch on
 * x86-64, ucontext elsewhere. AddressSanitizer is told of every switch. */
#ifndef GLINT_TESTS_EMULATE_FIBER_H
#define GLINT_TESTS_EMULATE_FIBER_H
#include <cstddef>

struct glint_fiber {
    void *context; /* stack pointer while not running (ucontext_t * elsewhere) */
    char *stack;   /* lowest byte; NULL: the thread's own stack */
    size_t stack_bytes;
    void *fake_stack; /* AddressSanitizer's, while not running */
};

/* A fiber that will run entry(), which must not return; NULL when there is no memory. */
struct glint_fiber *glint_fiber_open(void (*entry)());
/* As if it had just been opened: whatever ran on it is forgotten. */
void glint_fiber_restart(struct glint_fiber *fiber, void (*entry)());
void glint_fiber_switch(struct glint_fiber *from, struct glint_fiber *to);
#endif
