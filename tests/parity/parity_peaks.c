/* tests/parity/parity_peaks.c - glint_peaks with all threads against one thread; it has one version. The
 * definition itself is checked in tests/test_peaks.c. */
#include "model/peaks.h"
#include "tests/parity/parity.h"
#include <string.h>

/* Constant far from any pillar, some bumps. gap: channels of other branches between the pixels. */
static struct glint_map make_map(struct parity *p, int32_t h, int32_t w, int32_t c, int32_t gap)
{
    struct glint_map m = {.h = h, .w = w, .c = c, .ld = c + gap, .pitch = (int64_t)(c + gap) * w};
    m.data = parity_alloc(p, (size_t)(m.pitch * h) * sizeof *m.data);
    for (int64_t i = 0; i < m.pitch * h; i++)
        m.data[i] = parity_below(p, 50) ? -4.5f : parity_uniform(p, -5, 1);
    return m;
}

static void one(struct parity *p, int32_t h, int32_t w, int32_t c, int32_t gap,
                const struct glint_peaks_rule *rule)
{
    parity_shape(p, "%d x %d x %d, gap %d, local_max %d", h, w, c, gap, rule->local_max);
    const struct glint_map heat = make_map(p, h, w, c, gap), iou = make_map(p, h, w, 1, 0);
    const size_t bytes = (size_t)rule->max_peaks * sizeof(struct glint_peak);
    struct glint_peak *want = parity_alloc(p, bytes), *got = parity_alloc(p, bytes);
    int32_t n_want = -1, n_got = -1;
    struct glint_exec alone = {.scratch = p->exec.scratch};
    parity_true(p, "reference fails", glint_peaks(&alone, &heat, &iou, rule, want, &n_want) == GLINT_OK);
    parity_true(p, "fails", glint_peaks(&p->exec, &heat, &iou, rule, got, &n_got) == GLINT_OK);
    if (parity_true(p, "number of peaks", n_got == n_want))
        parity_true(p, "peaks", n_got <= 0 || memcmp(got, want, (size_t)n_got * sizeof *got) == 0);
}

static void check(struct parity *p)
{
    for (int32_t size = 0; size < 70; size++) {
        const struct glint_peaks_rule rule = {
            .threshold = 0.1f, .max_peaks = 1 + size, .local_max = size % 2, .iou_power = 1};
        one(p, size, 70 - size, 1 + size % 4, size % 3, &rule);
    }
}

struct call {
    struct parity *p;
    struct glint_map heat, iou;
    struct glint_peaks_rule rule;
    struct glint_peak *peaks;
};

static void run(void *ctx)
{
    struct call *c = ctx;
    int32_t n;
    glint_peaks(&c->p->exec, &c->heat, &c->iou, &c->rule, c->peaks, &n);
}

static void bench(struct parity *p)
{
    for (int32_t gap = 0; gap <= 11; gap += 11) {
        parity_shape(p, "bench");
        struct call c = {.p = p, .rule = {.threshold = 0.1f, .max_peaks = 4096, .iou_power = 2}};
        c.heat = make_map(p, 468, 468, 3, gap);
        c.iou = make_map(p, 468, 468, 1, 0);
        c.peaks = parity_alloc(p, 4096 * sizeof *c.peaks);
        parity_time(p, gap ? "468 x 468 x 3 of 14 channels" : "468 x 468 x 3", 468 * 468, "cell", 0, run, &c);
    }
}

const struct parity_kernel parity_peaks = {check, bench};
