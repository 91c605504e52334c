/* tests/parity/parity_conv.c - the convolutions of model/bev.h, with the kernels of each instruction set. */
#include "model/conv_tiles.h"
#include "tests/parity/parity.h"
#include <math.h>
#include <stdio.h>

struct shape {
    int32_t h, w, c_in, c_out, stride, up; /* up > 0: a transposed convolution */
    bool residual, slice;                  /* slice: channels of a wider map */
    bool tiles;                            /* by tiles; the reference is the plain one */
};

static struct glint_map make_map(struct parity *p, int32_t h, int32_t w, int32_t c, bool slice)
{
    struct glint_map map;
    const int32_t wide = slice ? 2 * c : c;
    const size_t bytes = glint_map_bytes(h, w, wide);
    float *memory = parity_alloc(p, bytes);
    for (size_t i = 0; i < bytes / sizeof *memory;
         i++) /* finite everywhere: residual maps are compared whole */
        memory[i] = (float)((i * 2654435761u >> 8) % 2001) * 1e-3f - 1.0f;
    glint_map_init(&map, memory, h, w, wide);
    glint_map_clear_border(&map);
    return glint_map_slice(&map, slice ? c : 0, c);
}

static struct glint_weights make_weights(struct parity *p, int32_t k, int32_t n)
{
    struct glint_weights w;
    float *rows = parity_alloc(p, (size_t)n * (size_t)k * sizeof *rows);
    parity_fill_uniform(p, rows, (int64_t)n * k, -1, 1);
    glint_weights_pack(&w, parity_alloc(p, glint_weights_bytes(k, n)), rows, k, NULL, rows, k, n);
    return w;
}

static struct glint_winograd make_winograd(struct parity *p, const struct glint_weights *w, int32_t c)
{
    struct glint_winograd tiles;
    float *rows = parity_alloc(p, (size_t)w->n * (size_t)w->k * sizeof *rows);
    for (int64_t o = 0; o < w->n; o++)
        for (int64_t k = 0; k < w->k; k++)
            rows[o * w->k + k] = w->panels[(o / GLINT_PANEL * w->k + k) * GLINT_PANEL + o % GLINT_PANEL];
    glint_winograd_pack(&tiles, parity_alloc(p, glint_winograd_bytes(c, w->n)), rows, w->bias, c, w->n);
    return tiles;
}

struct call {
    struct glint_exec *x;
    struct glint_map in, out, residual;
    struct glint_weights w[9];
    struct glint_winograd tiles;
    struct shape s;
};

static void run(void *ctx)
{
    struct call *c = ctx;
    const struct glint_map *residual = c->s.residual ? &c->residual : NULL;
    if (c->s.tiles && c->tiles.n)
        glint_conv_tiles(c->x, &c->in, &c->tiles, c->s.c_out & 1 ? GLINT_ACT_RELU_LAST : GLINT_ACT_RELU,
                         residual, &c->out, NULL, 0);
    else if (c->s.up)
        glint_deconv(c->x, &c->in, c->w, c->s.up, GLINT_ACT_RELU, &c->out);
    else
        glint_conv3x3(c->x, &c->in, c->w, c->s.stride, c->s.c_out & 1 ? GLINT_ACT_RELU_LAST : GLINT_ACT_RELU,
                      residual, &c->out);
}

static void make_call(struct parity *p, struct call *c)
{
    const struct shape s = c->s;
    const int32_t oh = s.up ? s.up * s.h : (s.h - 1) / s.stride + 1;
    const int32_t ow = s.up ? s.up * s.w : (s.w - 1) / s.stride + 1;
    c->in = make_map(p, s.h, s.w, s.c_in, s.slice);
    c->out = make_map(p, oh, ow, s.c_out, s.slice);
    c->residual = make_map(p, oh, ow, s.c_out, false);
    for (int32_t i = 0; i < (s.up ? s.up * s.up : 1); i++)
        c->w[i] = make_weights(p, s.up ? s.c_in : 9 * s.c_in, s.c_out);
}

static void one(struct parity *p, struct shape s)
{
    parity_shape(p, "%d x %d, %d -> %d, stride %d, up %d, residual %d, slice %d, tiles %d", s.h, s.w, s.c_in,
                 s.c_out, s.stride, s.up, s.residual, s.slice, s.tiles);
    struct glint_exec reference = p->exec;
    reference.isa = 0;
    struct call c = {.x = &reference, .s = s};
    make_call(p, &c);
    const int64_t values =
        c.out.h * c.out.pitch - 2 * c.out.ld; /* from the first pixel to the last, gaps included */
    float *want = parity_alloc(p, (size_t)values * sizeof *want);
    run(&c);
    for (int64_t i = 0; i < values; i++)
        want[i] = c.out.data[i];
    c.x = &p->exec;
    if (s.tiles)
        c.tiles = make_winograd(p, &c.w[0], s.c_in);
    run(&c);
    parity_close(p, "map", c.out.data, want, values, -1, -1, s.tiles ? 4e-6 : 2e-6);
}

static void check(struct parity *p)
{
    for (int32_t size = 1; size <= 9; size++)
        for (int32_t stride = 1; stride <= 2; stride++)
            one(p, (struct shape){size, 10 - size, 1 + size * 3, 1 + size * 5, stride, 0, size & 1, size & 2,
                                  false});
    for (int32_t size = 1; size <= 9; size++)
        one(p, (struct shape){size, 12 - size, 15 + size, 1 + size * 5, 1, 0, size & 1, size & 2, true});
    one(p, (struct shape){33, 70, 64, 64, 1, 0, true, false, false});
    one(p, (struct shape){66, 71, 64, 64, 1, 0, true, false, true});
    one(p, (struct shape){6, 9, 256, 40, 1, 0, false, false, true});
    one(p, (struct shape){33, 70, 32, 48, 2, 0, false, false, false});
    for (int32_t up = 1; up <= 3; up++)
        one(p, (struct shape){5, 3 + 60 * up, 24, 33, 1, up, false, up & 1, false});
}

static void bench(struct parity *p)
{
    static const struct shape shapes[] = {
        {468, 468, 128, 128, 1, 0, false, false, false}, {234, 234, 128, 128, 1, 0, false, false, false},
        {468, 468, 256, 64, 1, 0, false, false, false},  {468, 468, 64, 64, 1, 0, true, false, false},
        {468, 468, 64, 128, 2, 0, false, false, false},  {468, 468, 64, 3, 1, 0, false, false, false},
        {234, 234, 128, 128, 1, 2, false, true, false},  {468, 468, 64, 64, 1, 0, true, false, true},
        {234, 234, 128, 128, 1, 0, true, false, true},   {468, 468, 256, 64, 1, 0, false, false, true},
        {468, 468, 64, 3, 1, 0, false, false, true},
    };
    for (size_t i = 0; i < (p->exec.isa ? sizeof shapes / sizeof shapes[0] : 0); i++) {
        char label[80];
        parity_shape(p, "bench %zu", i);
        struct call c = {.x = &p->exec, .s = shapes[i]};
        make_call(p, &c);
        if (c.s.tiles)
            c.tiles = make_winograd(p, &c.w[0], c.s.c_in);
        snprintf(label, sizeof label, "%s %d->%d, %dx%d%s",
                 c.s.up      ? "deconv"
                 : c.s.tiles ? "tiles"
                             : "3x3",
                 c.s.c_in, c.s.c_out, c.s.h, c.s.w, c.s.stride == 2 ? ", stride 2" : "");
        const double pixels = (double)c.out.h * c.out.w;
        parity_time(p, label, (int64_t)pixels, "pixel",
                    2.0 * (c.s.up ? 1 : 9) * pixels * c.s.c_in * c.s.c_out, run, &c);
    }
}

const struct parity_kernel parity_conv = {check, bench};
