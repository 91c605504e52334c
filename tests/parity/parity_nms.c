/* tests/parity/parity_nms.c - glint_nms_rotated against the plain rule (every pair's exact IoU); it has one
 * version. */
#include "model/nms.h"
#include "tests/parity/parity.h"
#include <math.h>

/* Boxes of cars in heaps of about `crowd` around the same places, as a head without peak filtering decodes
 * them. */
static struct glint_rect *crowds(struct parity *p, int32_t n, int32_t crowd, float extent)
{
    struct glint_rect *r = parity_alloc(p, (size_t)n * sizeof *r);
    const uint32_t n_places = (uint32_t)(n / crowd + 1);
    float *place = parity_alloc(p, (size_t)n_places * 3 * sizeof *place);
    parity_fill_uniform(p, place, 3 * (int64_t)n_places, -extent, extent);
    for (int32_t i = 0; i < n; i++) {
        const float *at = place + 3 * parity_below(p, n_places);
        r[i] = (struct glint_rect){
            .x = (double)(at[0] + 0.3f * parity_normal(p)),
            .y = (double)(at[1] + 0.3f * parity_normal(p)),
            .dx = (double)(4.5f + 0.2f * parity_normal(p)),
            .dy = (double)(1.9f + 0.1f * parity_normal(p)),
            .yaw = (double)(at[2] + 0.1f * parity_normal(p)),
        };
    }
    return r;
}

static int32_t plain_rule(const struct glint_rect *r, int32_t n, double threshold, int32_t *keep)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < n; i++) {
        bool gone = false;
        for (int32_t k = 0; k < kept && !gone; k++)
            gone = glint_rect_iou(&r[keep[k]], &r[i]) > threshold;
        if (!gone)
            keep[kept++] = i;
    }
    return kept;
}

static void check(struct parity *p)
{
    static const double thresholds[] = {0, 0.1, 0.2, 0.55, 0.8};
    for (size_t t = 0; t < sizeof thresholds / sizeof thresholds[0]; t++)
        for (int32_t n = 0; n <= 320; n = n < 35 ? n + 1 : n * 3) {
            parity_shape(p, "%d boxes in heaps, threshold %g", n, thresholds[t]);
            const struct glint_rect *r = crowds(p, n, 10, 15);
            int32_t *want = parity_alloc(p, (size_t)n * sizeof *want),
                    *got = parity_alloc(p, (size_t)n * sizeof *got);
            void *scratch = parity_alloc(p, glint_nms_scratch(n));
            const struct glint_nms_rule rule = {thresholds[t], n, n};
            const int32_t n_want = plain_rule(r, n, thresholds[t], want);
            if (parity_true(p, "number kept", glint_nms_rotated(r, NULL, n, &rule, got, scratch) == n_want))
                parity_same_i32(p, "kept", got, want, n_want);
        }
}

struct call {
    const struct glint_rect *rects;
    int32_t n, *keep;
    struct glint_nms_rule rule;
    void *scratch;
};

static void run(void *ctx)
{
    const struct call *c = ctx;
    glint_nms_rotated(c->rects, NULL, c->n, &c->rule, c->keep, c->scratch);
}

static void bench(struct parity *p)
{
    static const struct {
        const char *label;
        int32_t crowd;
        float extent;
        double threshold;
    } cases[] = {
        {"4096 boxes, heaps of 20, 0.55", 20, 75, 0.55},
        {"4096 boxes, heaps of 20, 0.2", 20, 75, 0.2},
        {"4096 boxes, spread, 0.55", 1, 75, 0.55},
        {"4096 boxes, one crowd, 0.8", 20, 15, 0.8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        parity_shape(p, "bench");
        struct call c = {.n = 4096, .rule = {cases[i].threshold, 4096, 4096}};
        c.rects = crowds(p, c.n, cases[i].crowd, cases[i].extent);
        c.keep = parity_alloc(p, (size_t)c.n * sizeof *c.keep);
        c.scratch = parity_alloc(p, glint_nms_scratch(c.n));
        parity_time(p, cases[i].label, c.n, "box", 0, run, &c);
    }
}

const struct parity_kernel parity_nms = {check, bench};
