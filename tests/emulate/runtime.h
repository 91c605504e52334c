/* tests/emulate/runtime.h - between the emulated device (device.cpp) and what runs kernels (runtime.cpp). */
#ifndef GLINT_TESTS_EMULATE_RUNTIME_H
#define GLINT_TESTS_EMULATE_RUNTIME_H
#include "emulate/cuda.h"

struct glint_emulated_kernel {
    const char *name;
    dim3 grid, block;
    size_t shared;
    std::function<void()> thread;
};

/* Runs all blocks, at once. GLINT_E_DEVICE with the kernel, the block and the place when it breaks a rule. */
int glint_emulated_run(const struct glint_emulated_kernel &kernel);
#endif
