/* model/run.c - see run.h. */
#include "model/run.h"
#include "core/probe.h"
#include "core/status.h"
#include "model/plan.h"
#include "model/ptv3.h"
#include "model/sparse.h"
#include <assert.h>
#include <string.h>

/* Operations */

#define GLINT_OP_EXTERN(upper, name) extern const struct glint_op_info glint_op_##name;
GLINT_OP_MAP(GLINT_OP_EXTERN)
#undef GLINT_OP_EXTERN

const struct glint_op_info *glint_op_get(enum glint_op op)
{
    static const struct glint_op_info *const ops[] = {
#define GLINT_OP_ENTRY(upper, name) &glint_op_##name,
        GLINT_OP_MAP(GLINT_OP_ENTRY)
#undef GLINT_OP_ENTRY
    };
    return ops[op];
}

/* Values */

void *glint_run_bytes(const struct glint_run *run, int32_t value)
{
    return run->memory + run->net->values[value].offset;
}

float *glint_run_floats(const struct glint_run *run, int32_t value)
{
    return glint_run_bytes(run, value);
}

int32_t *glint_run_ints(const struct glint_run *run, int32_t value)
{
    return glint_run_bytes(run, value);
}

struct glint_map glint_run_map(const struct glint_run *run, int32_t value)
{
    const struct glint_value *v = &run->net->values[value];
    const struct glint_value *own = v->parent < 0 ? v : &run->net->values[v->parent];
    struct glint_map map;
    assert(own->kind == GLINT_VALUE_MAP);
    glint_value_map(own, run->memory + own->offset, &map);
    return v->parent < 0 ? map : glint_map_slice(&map, v->first_channel, v->c);
}

int32_t glint_run_rows(const struct glint_run *run, int32_t value)
{
    const int32_t sites = run->net->values[value].sites;
    return sites < 0 ? run->voxels->n_voxels : glint_run_sites(run, sites)->n;
}

struct glint_sites *glint_run_new_sites(const struct glint_run *run, int32_t value)
{
    const struct glint_value *v = &run->net->values[value];
    uint8_t *memory = glint_run_bytes(run, value);
    struct glint_sites *s = (struct glint_sites *)memory;
    glint_sites_init(s, memory + glint_arena_round(sizeof *s), v->cap, v->dim);
    return s;
}

const struct glint_sites *glint_run_sites(const struct glint_run *run, int32_t value)
{
    return glint_run_bytes(run, value);
}

const int32_t *glint_run_coord(const struct glint_run *run, int32_t value, int32_t *n_out)
{
    if (run->net->values[value].kind == GLINT_VALUE_VOXELS) {
        *n_out = run->voxels->n_voxels;
        return run->voxels->coord;
    }
    assert(run->net->values[value].kind == GLINT_VALUE_SITES);
    const struct glint_sites *s = glint_run_sites(run, value);
    *n_out = s->n;
    return s->coord;
}

struct glint_rules *glint_run_new_rules(const struct glint_run *run, int32_t value)
{
    const struct glint_value *v = &run->net->values[value];
    uint8_t *memory = glint_run_bytes(run, value);
    struct glint_rules *r = (struct glint_rules *)memory;
    glint_rules_init(r, memory + glint_arena_round(sizeof *r),
                     v->sites < 0 ? run->net->cap_voxels : run->net->values[v->sites].cap, v->n_cells);
    return r;
}

const struct glint_rules *glint_run_rules(const struct glint_run *run, int32_t value)
{
    return glint_run_bytes(run, value);
}

void glint_run_flop(struct glint_run *run, const struct glint_layer *layer, double flop)
{
    run->cost.flop[layer->stage] += flop;
}

/* The tap: tensors under their golden names, whole, in the conventions of the golden files (maps channel
 * first, points in the order of the input). */

void glint_run_tap(struct glint_run *run, const char *name, enum glint_dtype dtype, int32_t n_dims,
                   const int64_t *shape, const void *data)
{
    struct glint_tensor t = {.name = name, .dtype = dtype, .n_dims = n_dims, .data = data};
    if (!run->tap || !name[0])
        return;
    memcpy(t.shape, shape, (size_t)n_dims * sizeof *shape);
    run->tap(run->tap_ctx, &t);
}

static void tap_names(struct glint_run *run, const struct glint_value *v, int32_t n_dims,
                      const int64_t *shape, const void *data)
{
    const bool integers =
        v->kind == GLINT_VALUE_ORDER || v->kind == GLINT_VALUE_SITES || v->kind == GLINT_VALUE_RULES;
    const enum glint_dtype dtype = integers ? GLINT_DTYPE_I32 : GLINT_DTYPE_F32;
    glint_run_tap(run, v->name, dtype, n_dims, shape, data);
    glint_run_tap(run, v->also, dtype, n_dims, shape, data);
}

static bool seen(const struct glint_value *v)
{
    return v->name[0] || v->also[0];
}

static void tap_map(struct glint_run *run, int32_t value)
{
    const struct glint_map m = glint_run_map(run, value);
    float *out = glint_arena_alloc(&run->tap_memory, (size_t)m.h * (size_t)m.w * (size_t)m.c * sizeof *out);
    if (!out)
        return;
    for (int32_t y = 0; y < m.h; y++)
        for (int32_t c = 0; c < m.c; c++)
            for (int32_t x = 0; x < m.w; x++)
                out[((int64_t)c * m.h + y) * m.w + x] = m.data[y * m.pitch + x * m.ld + c];
    tap_names(run, &run->net->values[value], 3, (const int64_t[]){m.c, m.h, m.w}, out);
}

/* rank[i] = place of input point i among the kept ones. */
static void rank_points(const struct glint_voxels *v, int32_t n_in, int32_t *rank)
{
    int32_t next = 0;
    memset(rank, 0, (size_t)n_in * sizeof *rank);
    for (int32_t i = 0; i < v->n_points; i++)
        rank[v->point[i]] = 1;
    for (int32_t i = 0; i < n_in; i++) {
        const int32_t kept = rank[i];
        rank[i] = next;
        next += kept;
    }
}

static void tap_points(struct glint_run *run, int32_t value)
{
    const struct glint_voxels *v = run->voxels;
    const int32_t c = run->net->values[value].c, n_in = run->frame->points.n;
    const float *in = glint_run_floats(run, value);
    int32_t *rank = glint_arena_alloc(&run->tap_memory, (size_t)n_in * sizeof *rank);
    float *out = glint_arena_alloc(&run->tap_memory, (size_t)v->n_points * (size_t)c * sizeof *out);
    if (!rank || !out)
        return;
    rank_points(v, n_in, rank);
    for (int64_t i = 0; i < v->n_points; i++)
        memcpy(out + (int64_t)rank[v->point[i]] * c, in + i * c, (size_t)c * sizeof *out);
    tap_names(run, &run->net->values[value], 2, (const int64_t[]){v->n_points, c}, out);
}

/* Rows in the order in which a tap sees them. */
static void tap_rows(struct glint_run *run, int32_t value)
{
    const struct glint_value *v = &run->net->values[value];
    const int32_t n = glint_run_rows(run, value);
    const int32_t *shown = v->sites < 0 ? run->voxels->shown : glint_run_sites(run, v->sites)->shown;
    const float *rows = glint_run_floats(run, value);
    const size_t row = (size_t)v->c * sizeof(float);
    float *out = shown ? glint_arena_alloc(&run->tap_memory, (size_t)n * row) : NULL;
    for (int64_t i = 0; out && i < n; i++)
        memcpy(out + i * v->c, rows + (int64_t)shown[i] * v->c, row);
    if (!shown || out)
        tap_names(run, v, v->kind == GLINT_VALUE_ORDER ? 1 : 2, (const int64_t[]){n, v->c},
                  shown ? out : rows);
}

/* As the golden files have coordinates: batch, z, y, x. */
static void tap_sites(struct glint_run *run, int32_t value)
{
    const struct glint_sites *s = glint_run_sites(run, value);
    int32_t *out = glint_arena_alloc(&run->tap_memory, (size_t)s->n * 4 * sizeof *out);
    if (!out)
        return;
    for (int64_t i = 0; i < s->n; i++) {
        const int32_t *c = s->coord + 3 * (int64_t)(s->shown ? s->shown[i] : i);
        out[4 * i] = 0;
        for (int k = 0; k < 3; k++)
            out[4 * i + 1 + k] = c[2 - k];
    }
    tap_names(run, &run->net->values[value], 2, (const int64_t[]){s->n, 4}, out);
}

static void tap_rules(struct glint_run *run, int32_t value)
{
    const struct glint_rules *r = glint_run_rules(run, value);
    int64_t count[GLINT_STENCIL_SIZE * GLINT_STENCIL_SIZE * GLINT_STENCIL_SIZE];
    int32_t out[sizeof count / sizeof *count];
    glint_rules_count(r, count);
    for (int32_t k = 0; k < r->n_cells; k++)
        out[k] = (int32_t)count[k];
    tap_names(run, &run->net->values[value], 1, (const int64_t[]){r->n_cells}, out);
}

static void tap_value(struct glint_run *run, int32_t value)
{
    const struct glint_value *v = &run->net->values[value];
    const size_t mark = glint_arena_mark(&run->tap_memory);
    if (!seen(v))
        return;
    if (v->kind == GLINT_VALUE_MAP)
        tap_map(run, value);
    else if (v->kind == GLINT_VALUE_POINTS)
        tap_points(run, value);
    else if (v->kind == GLINT_VALUE_TOKENS || v->kind == GLINT_VALUE_ORDER)
        tap_rows(run, value);
    else if (v->kind == GLINT_VALUE_SITES)
        tap_sites(run, value);
    else if (v->kind == GLINT_VALUE_RULES)
        tap_rules(run, value);
    glint_arena_reset(&run->tap_memory, mark);
}

size_t glint_run_tap_bytes(const struct glint_net *net)
{
    const size_t points = (size_t)net->cap_points, voxels = (size_t)net->cap_voxels;
    size_t most = (4 * voxels + points) * sizeof(int32_t) + 2 * GLINT_ARENA_ALIGN;
    for (int32_t i = 0; i < net->n_values; i++) {
        const struct glint_value *v = &net->values[i];
        size_t bytes = 0;
        if (seen(v) && v->kind == GLINT_VALUE_MAP)
            bytes = (size_t)v->h * (size_t)v->w * (size_t)v->c * sizeof(float);
        if (seen(v) && v->kind == GLINT_VALUE_POINTS)
            bytes = points * ((size_t)v->c * sizeof(float) + sizeof(int32_t));
        if (seen(v) && v->kind == GLINT_VALUE_TOKENS)
            bytes =
                (v->sites < 0 ? voxels : (size_t)net->values[v->sites].cap) * (size_t)v->c * sizeof(float);
        if (v->kind == GLINT_VALUE_LEVEL)
            bytes = glint_run_level_tap_bytes(v->cap);
        if (seen(v) && v->kind == GLINT_VALUE_SITES)
            bytes = (size_t)v->cap * 4 * sizeof(int32_t);
        most = bytes > most ? bytes : most;
    }
    return most + 4 * GLINT_ARENA_ALIGN;
}

/* The list */

void glint_run_show(struct glint_run *run, const struct glint_layer *layer)
{
    const struct glint_op_info *op = glint_op_get(layer->op);
    if (!run->tap)
        return;
    if (op->show)
        op->show(run, layer);
    for (int32_t i = 0; i < layer->n_out; i++)
        tap_value(run, layer->out[i]);
}

static int do_layer(struct glint_run *run, const struct glint_layer *layer)
{
    if (run->sparse && glint_sparse_has(run->sparse, layer))
        return glint_sparse_layer(run->sparse, run, layer);
    GLINT_TRY(glint_op_get(layer->op)->run(run, layer));
    glint_run_show(run, layer);
    return GLINT_OK;
}

/* A layer is a part of its stage's span, under the name of its operation. */
static int run_layer(struct glint_run *run, const struct glint_layer *layer)
{
    const int64_t begun = glint_span_begin(run->trace);
    const int status = do_layer(run, layer);
    glint_span_part(run->trace, glint_op_get(layer->op)->name, run->frame->index, begun);
    return status;
}

/* The frame's points in the network's axes. Those that are a network's input have those already, and their
 * fifth value, whatever it is, as the elongation. */
static void take_points(struct glint_run *run)
{
    run->points = run->frame->points;
    if (run->frame->as_network_input && !run->points.lag)
        run->points.lag = run->points.elongation;
    if (!run->turned || run->frame->as_network_input)
        return;
    const int32_t n = run->points.n < run->net->cap_points ? run->points.n : run->net->cap_points;
    for (int32_t i = 0; i < n; i++)
        run->turned[i] = -run->frame->points.y[i];
    run->points.x = run->turned;
    run->points.y = run->frame->points.x;
}

int glint_run_net(struct glint_run *run)
{
    const struct glint_net *net = run->net;
    run->cost = (struct glint_model_cost){0};
    take_points(run);
    for (int32_t i = 0; i < net->n_layers;) {
        const enum glint_stage stage = net->layers[i].stage;
        GLINT_PROBE2(stage__begin, glint_stage_name(stage), run->frame->index);
        const int64_t begun = glint_span_begin(run->trace);
        int status = GLINT_OK;
        for (; status == GLINT_OK && i < net->n_layers && net->layers[i].stage == stage; i++)
            status = run_layer(run, &net->layers[i]);
        glint_span_end(run->trace, stage, run->frame, begun);
        GLINT_TRY(status);
    }
    return GLINT_OK;
}
