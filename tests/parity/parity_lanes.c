/* tests/parity/parity_lanes.c - the kernels of io/lanes.h. */
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
        glint_lanes_kernels_get(p->exec.isa)->append(lanes, shot, &block, got);
    }
    compare(p, got, want);
}

/* Units in memory of exactly their size, every length and both orders of bytes. */
static void read_units(struct parity *p, int32_t bytes, bool big, int32_t n)
{
    parity_shape(p, "read %d units of %d bytes, %s endian", n, bytes, big ? "big" : "little");
    struct glint_shot *want = parity_alloc(p, sizeof *want), *got = parity_alloc(p, sizeof *got);
    uint8_t *units = parity_alloc(p, (size_t)(n * bytes));
    for (int32_t i = 0; i < n * bytes; i++)
        units[i] = (uint8_t)parity_below(p, 256);
    memset(want, 0, sizeof *want);
    memset(got, 0, sizeof *got);
    glint_lanes_read_c(units, bytes, big, n, 0.004f, want);
    glint_lanes_kernels_get(p->exec.isa)->read(units, bytes, big, n, 0.004f, got);
    parity_same_f32(p, "distance", got->distance, want->distance, n);
    parity_same_f32(p, "intensity", got->intensity, want->intensity, n);
    same_count(p, "hit", got->hit, want->hit, n, sizeof got->hit[0]);
}

static void place(struct parity *p, int32_t n)
{
    const struct glint_lanes_kernels *k = glint_lanes_kernels_get(p->exec.isa);
    parity_shape(p, "place %d lanes", n);
    struct glint_lanes *lanes = parity_alloc(p, sizeof *lanes);
    struct glint_shot *want = parity_alloc(p, sizeof *want), *got = parity_alloc(p, sizeof *got);
    fill(p, lanes, want, n, 30);
    for (int32_t i = 0; i < GLINT_LANES_CAP; i++) {
        for (int a = 0; a < 3; a++) {
            lanes->dir[a][i] = parity_uniform(p, -1, 1);
            lanes->off[a][i] = parity_uniform(p, -0.2f, 0.2f);
        }
        lanes->when[i] = parity_uniform(p, -1, 1);
        want->distance[i] = parity_uniform(p, 0, 300);
    }
    const float c = parity_uniform(p, -1, 1), s = parity_uniform(p, -1, 1);
    for (int turning = 0; turning < 2; turning++) {
        *got = *want;
        if (turning) {
            glint_lanes_turning_c(lanes, c, s, 0.003f, want);
            k->turning(lanes, c, s, 0.003f, got);
        } else {
            glint_lanes_place_c(lanes, c, s, want);
            k->place(lanes, c, s, got);
        }
        parity_same_f32(p, "x", got->x, want->x, n);
        parity_same_f32(p, "y", got->y, want->y, n);
        parity_same_f32(p, "z", got->z, want->z, n);
    }
}

static void check(struct parity *p)
{
    for (int32_t n = 0; n <= 40; n++) {
        for (int big = 0; big < 2; big++)
            for (int32_t bytes = 3; bytes <= 4; bytes++)
                read_units(p, bytes, big, n);
        place(p, n);
    }
    place(p, 128);
    read_units(p, 3, false, 128);
    read_units(p, 4, false, 128);
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
