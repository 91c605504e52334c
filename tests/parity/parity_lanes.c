/* tests/parity/parity_lanes.c - glint_lanes_append_fn. */
#include "io/lanes.h"
#include "tests/parity/parity.h"
#include <stdlib.h>
#include <string.h>

static void fill(struct parity *p, struct glint_lanes *lanes, struct glint_shot *shot, int32_t n,
                 uint32_t sparse)
{
    lanes->n = n;
    for (int32_t i = 0; i < GLINT_LANES_CAP; i++) {
        lanes->t_ns[i] = (int32_t)parity_below(p, 200000) - 100000;
        lanes->channel[i] = (uint16_t)i;
        lanes->ring[i] = (uint16_t)parity_below(p, 65536);
        shot->hit[i] = parity_below(p, 100) < sparse ? 0 : 1 + parity_below(p, 65535);
        shot->x[i] = parity_uniform(p, -100, 100);
        shot->y[i] = parity_uniform(p, -100, 100);
        shot->z[i] = parity_uniform(p, -100, 100);
        shot->intensity[i] = parity_uniform(p, 0, 1);
    }
}

static void same_count(struct parity *p, const char *what, const void *got, const void *want, int32_t n,
                       size_t each)
{
    for (int32_t i = 0; i < n; i++)
        if (memcmp((const char *)got + (size_t)i * each, (const char *)want + (size_t)i * each, each) != 0) {
            const float bad[2] = {0, 1}; /* says the name and the place */
            parity_same_f32(p, what, &bad[0], &bad[1], 1);
            return;
        }
}

static void compare(struct parity *p, const struct glint_returns *got, const struct glint_returns *want)
{
    const float counts[2] = {(float)got->n, (float)want->n};
    parity_same_f32(p, "n", &counts[0], &counts[1], 1);
    parity_same_f32(p, "x", got->x, want->x, want->n);
    parity_same_f32(p, "y", got->y, want->y, want->n);
    parity_same_f32(p, "z", got->z, want->z, want->n);
    parity_same_f32(p, "intensity", got->intensity, want->intensity, want->n);
    parity_same_f32(p, "azimuth", got->azimuth, want->azimuth, want->n);
    same_count(p, "t_ns", got->t_ns, want->t_ns, want->n, sizeof got->t_ns[0]);
    same_count(p, "block", got->block, want->block, want->n, sizeof got->block[0]);
    same_count(p, "channel", got->channel, want->channel, want->n, sizeof got->channel[0]);
    same_count(p, "ring", got->ring, want->ring, want->n, sizeof got->ring[0]);
    same_count(p, "ret", got->ret, want->ret, want->n, sizeof got->ret[0]);
}

static void one(struct parity *p, int32_t n, uint32_t sparse)
{
    parity_shape(p, "%d lanes, %u of 100 without return", n, sparse);
    struct glint_lanes *lanes = parity_alloc(p, sizeof *lanes);
    struct glint_shot *shot = parity_alloc(p, sizeof *shot);
    struct glint_returns *want = parity_alloc(p, sizeof *want), *got = parity_alloc(p, sizeof *got);
    want->n = got->n = 0;
    for (uint8_t b = 0; b < 3; b++) {
        const struct glint_block block = {(float)b * 0.25f, INT64_C(1700000000000000000) + b,
                                          (uint16_t)(60000 + b), b};
        fill(p, lanes, shot, n, sparse);
        glint_lanes_append_c(lanes, shot, &block, want);
        glint_lanes_append_get(p->exec.isa)(lanes, shot, &block, got);
    }
    compare(p, got, want);
}

static void check(struct parity *p)
{
    static const uint32_t sparse[] = {0, 50, 97, 100};
    for (size_t s = 0; s < 4; s++) {
        for (int32_t n = 0; n <= 40; n++)
            one(p, n, sparse[s]);
        one(p, 64, sparse[s]);
        one(p, 128, sparse[s]);
    }
}

/* Timed as part of `glint bench decode`. */
static void bench(struct parity *p)
{
    (void)p;
}

const struct parity_kernel parity_lanes = {check, bench};
