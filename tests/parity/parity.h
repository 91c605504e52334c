/* tests/parity/parity.h - every version of a kernel against its plain C reference.
 *
 * A kernel has one file, parity_<kernel>.c, which defines `const struct parity_kernel parity_<kernel>` and is
 * named in PARITY_KERNELS below (and in CMakeLists.txt). Its `check` walks over shapes: nothing, one element,
 * every tail length, random, all in one place, one per place, capacity reached and exceeded, NaN, huge. For
 * each it calls parity_shape, makes buffers with parity_alloc, runs the reference and
 * glint_<kernel>_get(p->exec.isa), and compares. Its `bench` times the same call on sizes that matter. */
#ifndef GLINT_TESTS_PARITY_H
#define GLINT_TESTS_PARITY_H
#include "core/exec.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARITY_KERNELS(X)                                                                                    \
    X(cell)                                                                                                  \
    X(curve)                                                                                                 \
    X(deskew)                                                                                                \
    X(range_row)                                                                                             \
    X(lanes)                                                                                                 \
    X(nms)                                                                                                   \
    X(patch)                                                                                                 \
    X(peaks)                                                                                                 \
    X(window_key)                                                                                            \
    X(voxelize)                                                                                              \
    X(gemm)                                                                                                  \
    X(flat_layer)                                                                                            \
    X(set_layer)                                                                                             \
    X(sparse_conv)                                                                                           \
    X(vfe)                                                                                                   \
    X(conv)

struct parity_buffer;

struct parity {
    struct glint_exec exec; /* its isa is the one under test; one thread unless --threads */
    const char *kernel, *isa;
    uint64_t seed, random;
    char shape[200];
    bool bad_shape; /* a failure of this shape was printed: one line is enough */
    int64_t n_shapes, n_failed;
    struct parity_buffer *buffers;
};

struct parity_kernel {
    void (*check)(struct parity *p);
    void (*bench)(struct parity *p);
};

#define PARITY_DECLARE(name) extern const struct parity_kernel parity_##name;
PARITY_KERNELS(PARITY_DECLARE)
#undef PARITY_DECLARE

/* Begins a shape, described printf-like for the failure line. Checks the guards of the buffers of the shape
 * before and frees them. */
void parity_shape(struct parity *p, const char *fmt, ...) GLINT_PRINTF(2, 3);

/* Memory until the next parity_shape, aligned to 64 bytes, filled with garbage, with guard bytes right before
 * and behind it. Exits the program when there is none. parity_copy fills it. */
void *parity_alloc(struct parity *p, size_t bytes);
void *parity_copy(struct parity *p, const void *data, size_t bytes);

/* Random numbers from the seed, the kernel's name and nothing else. */
uint32_t parity_below(struct parity *p, uint32_t n); /* 0 .. n - 1 */
float parity_uniform(struct parity *p, float lo, float hi);
float parity_normal(struct parity *p); /* mean 0, deviation 1, within +-6 */
void parity_fill_uniform(struct parity *p, float *values, int64_t n, float lo, float hi);
void parity_fill_normal(struct parity *p, float *values, int64_t n);

/* Comparisons; a difference prints kernel, ISA, seed, shape, `what`, the first differing index and both
 * values, and counts as failed. They return whether all was well. */
bool parity_true(struct parity *p, const char *what, bool holds);
bool parity_same_i32(struct parity *p, const char *what, const int32_t *got, const int32_t *want, int64_t n);
bool parity_same_u32(struct parity *p, const char *what, const uint32_t *got, const uint32_t *want,
                     int64_t n);
bool parity_same_f32(struct parity *p, const char *what, const float *got, const float *want,
                     int64_t n); /* bits,
                  any NaN equals any */

/* |got - want| <= max_abs + max_rel * |want| per element, and ||got - want|| <= max_norm * ||want|| over all
 * (a negative bound is not checked; elements are). NaN and infinities must be in the same places, else it
 * fails. */
bool parity_close(struct parity *p, const char *what, const float *got, const float *want, int64_t n,
                  double max_abs, double max_rel, double max_norm);

/* Times fn(ctx): warms up, repeats for some tenths of a second, prints the median per call and per item.
 * `work` in operations per call gives a rate (0: none). */
void parity_time(struct parity *p, const char *label, int64_t n_items, const char *item, double work,
                 void (*fn)(void *ctx), void *ctx);
#endif
