/* tests/parity/parity.c - buffers with guards, comparisons and timing; see parity.h. */
#include "tests/parity/parity.h"
#include "core/clock.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD      64 /* bytes before and behind each buffer */
#define GUARD_BYTE 0xA5
#define GARBAGE    0xC3

struct parity_buffer {
    struct parity_buffer *next;
    uint8_t *block; /* GUARD, size bytes, GUARD */
    size_t size;
};

static bool fail_line(struct parity *p, const char *what)
{
    if (!p->bad_shape) {
        p->bad_shape = true;
        p->n_failed++;
        printf("FAILED %s --isa=%s --seed=%llu, %s: %s", p->kernel, p->isa, (unsigned long long)p->seed,
               p->shape, what);
        return true;
    }
    return false;
}

static void check_guards(struct parity *p, const struct parity_buffer *b)
{
    for (size_t i = 0; i < GUARD; i++) {
        if (b->block[i] != GUARD_BYTE && fail_line(p, "wrote before a buffer"))
            printf(" of %zu bytes, %zu bytes before it\n", b->size, GUARD - i);
        if (b->block[GUARD + b->size + i] != GUARD_BYTE && fail_line(p, "wrote behind a buffer"))
            printf(" of %zu bytes, at byte %zu\n", b->size, b->size + i);
    }
}

void parity_shape(struct parity *p, const char *fmt, ...)
{
    while (p->buffers) {
        struct parity_buffer *b = p->buffers;
        check_guards(p, b);
        p->buffers = b->next;
        free(b->block);
        free(b);
    }
    p->bad_shape = false;
    p->n_shapes++;
    va_list args;
    va_start(args, fmt);
    vsnprintf(p->shape, sizeof p->shape, fmt, args);
    va_end(args);
}

void *parity_alloc(struct parity *p, size_t bytes)
{
    struct parity_buffer *b = malloc(sizeof *b);
    const size_t whole = (bytes + 2 * GUARD + 63) / 64 * 64;
    if (!b || !(b->block = aligned_alloc(64, whole))) {
        fprintf(stderr, "parity: no memory for %zu bytes\n", bytes);
        exit(1);
    }
    b->size = bytes;
    b->next = p->buffers;
    p->buffers = b;
    memset(b->block, GUARD_BYTE, whole);
    memset(b->block + GUARD, GARBAGE, bytes);
    return b->block + GUARD;
}

void *parity_copy(struct parity *p, const void *data, size_t bytes)
{
    void *copy = parity_alloc(p, bytes);
    if (bytes > 0)
        memcpy(copy, data, bytes);
    return copy;
}

static uint64_t next_random(struct parity *p)
{
    p->random ^= p->random >> 12;
    p->random ^= p->random << 25;
    p->random ^= p->random >> 27;
    return p->random * UINT64_C(2685821657736338717);
}

uint32_t parity_below(struct parity *p, uint32_t n)
{
    return (uint32_t)((next_random(p) >> 32) * n >> 32);
}

float parity_uniform(struct parity *p, float lo, float hi)
{
    return lo + (hi - lo) * (float)((double)(next_random(p) >> 11) * 0x1p-53);
}

float parity_normal(struct parity *p)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (double)(next_random(p) >> 11) * 0x1p-53;
    return (float)sum;
}

void parity_fill_uniform(struct parity *p, float *values, int64_t n, float lo, float hi)
{
    for (int64_t i = 0; i < n; i++)
        values[i] = parity_uniform(p, lo, hi);
}

void parity_fill_normal(struct parity *p, float *values, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        values[i] = parity_normal(p);
}

bool parity_true(struct parity *p, const char *what, bool holds)
{
    if (!holds && fail_line(p, what))
        printf("\n");
    return holds;
}

bool parity_same_i32(struct parity *p, const char *what, const int32_t *got, const int32_t *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (got[i] != want[i]) {
            if (fail_line(p, what))
                printf("[%lld] of %lld is %d, want %d\n", (long long)i, (long long)n, got[i], want[i]);
            return false;
        }
    return true;
}

bool parity_same_u32(struct parity *p, const char *what, const uint32_t *got, const uint32_t *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (got[i] != want[i]) {
            if (fail_line(p, what))
                printf("[%lld] of %lld is %u, want %u\n", (long long)i, (long long)n, got[i], want[i]);
            return false;
        }
    return true;
}

static bool differ(struct parity *p, const char *what, int64_t i, int64_t n, const float *got,
                   const float *want)
{
    if (fail_line(p, what))
        printf("[%lld] of %lld is %.9g, want %.9g\n", (long long)i, (long long)n, (double)got[i],
               (double)want[i]);
    return false;
}

bool parity_same_f32(struct parity *p, const char *what, const float *got, const float *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(got + i, want + i, sizeof *got) != 0 && !(isnan(got[i]) && isnan(want[i])))
            return differ(p, what, i, n, got, want);
    return true;
}

bool parity_close(struct parity *p, const char *what, const float *got, const float *want, int64_t n,
                  double max_abs, double max_rel, double max_norm)
{
    double error = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        const double g = (double)got[i], w = (double)want[i];
        if (!isfinite(g) || !isfinite(w)) {
            if (g != w && !(isnan(g) && isnan(w)))
                return differ(p, what, i, n, got, want);
            continue;
        }
        error += (g - w) * (g - w);
        norm += w * w;
        if ((max_abs >= 0 || max_rel >= 0) && fabs(g - w) > fmax(max_abs, 0) + fmax(max_rel, 0) * fabs(w))
            return differ(p, what, i, n, got, want);
    }
    const bool close = max_norm < 0 || sqrt(error) <= max_norm * sqrt(norm);
    if (!close && fail_line(p, what))
        printf(": relative error by norm %.3g, bound %.3g\n", sqrt(error / norm), max_norm);
    return close;
}

static int by_value(const void *a, const void *b)
{
    const int64_t l = *(const int64_t *)a, r = *(const int64_t *)b;
    return (l > r) - (l < r);
}

void parity_time(struct parity *p, const char *label, int64_t n_items, const char *item, double work,
                 void (*fn)(void *ctx), void *ctx)
{
    enum { REPEATS_MAX = 2000 };
    static int64_t took[REPEATS_MAX];
    const int64_t budget_ns = 300 * 1000 * 1000, begin = glint_clock_monotonic_ns();
    int n = 0;
    fn(ctx);
    while (n < REPEATS_MAX && (n < 5 || glint_clock_monotonic_ns() - begin < budget_ns)) {
        const int64_t before = glint_clock_monotonic_ns();
        fn(ctx);
        took[n++] = glint_clock_monotonic_ns() - before;
    }
    qsort(took, (size_t)n, sizeof took[0], by_value);
    const double median = (double)took[n / 2];
    printf("%-12s %-7s %-36s %10.1f us  min %10.1f us  %9.3f ns/%s", p->kernel, p->isa, label, median / 1e3,
           (double)took[0] / 1e3, median / (double)n_items, item);
    if (work > 0)
        printf("  %8.2f G/s", work / median);
    printf("\n");
    fflush(stdout);
}
