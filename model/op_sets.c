/* model/op_sets.c - see ops_sets.h: the kernels of voxel/sets, voxel/coarsen, attention/set_layer and
 * attention/set_pool as layers. */
#include "model/ops_sets.h"
#include "core/status.h"
#include "model/run.h"
#include <stdio.h>
#include <string.h>

extern const struct glint_op_info glint_op_sets, glint_op_set_layer, glint_op_coarsen, glint_op_set_pool;

/* The kernels' tables, in values of bytes: the struct, then its arrays. */

static int32_t cap_of(const struct glint_build *b, int32_t cells)
{
    const struct glint_value *v = &b->net->values[cells];
    return v->kind == GLINT_VALUE_SITES ? v->cap : b->net->cap_voxels;
}

static void *after(void *memory, size_t size)
{
    return (uint8_t *)memory + glint_arena_round(size);
}

static int32_t run_cap(const struct glint_run *r, int32_t cells)
{
    const struct glint_value *v = &r->net->values[cells];
    return v->kind == GLINT_VALUE_SITES ? v->cap : r->net->cap_voxels;
}

/* sets */

int32_t glint_build_sets(struct glint_build *b, const char *name, int32_t cells,
                         const struct glint_set_window *window)
{
    struct glint_layer *layer =
        glint_build_layer(b, GLINT_OP_SETS, GLINT_STAGE_VOXELIZE, "%s", name ? name : "windows");
    struct glint_sets_params *p = layer->params;
    const size_t cap = b->status == GLINT_OK ? (size_t)cap_of(b, cells) : 1;
    if (b->status == GLINT_OK)
        b->status = glint_set_window_check(window);
    p->window = *window;
    snprintf(p->name, sizeof p->name, "%s", name ? name : "");
    const int32_t sets =
        glint_build_bytes(b, glint_arena_round(sizeof(struct glint_sets)) + glint_sets_bytes((int32_t)cap));
    glint_build_in(b, layer, cells);
    glint_build_out(b, layer, sets);
    if (b->keep_stages && name)
        glint_build_out(b, layer,
                        glint_build_bytes(b, cap * (2 * (size_t)window->set + 2) * sizeof(int32_t)));
    return sets;
}

static void tap_named(struct glint_run *r, const char *prefix, const char *name, enum glint_dtype dtype,
                      int32_t n_dims, const int64_t *shape, const void *data)
{
    char full[64];
    snprintf(full, sizeof full, "%s.%s", prefix, name);
    glint_run_tap(r, full, dtype, n_dims, shape, data);
}

/* Slot k of set i of a window's m, of rows first .. first + n - 1 of the order: rows repeat up to whole sets.
 */
static int32_t slot_position(int32_t first, int64_t n, int64_t m, int64_t i, int64_t k, int64_t set)
{
    return first + (int32_t)((i * set + k) * n / (m * set));
}

/* Sets first .. end - 1 are those of one window. */
static int32_t window_end(const struct glint_set_window *w, const struct glint_sets *s, const int32_t *coord,
                          int32_t first)
{
    const int32_t id = glint_set_window_id(w, coord + 3 * (int64_t)s->order[0][s->start[first]]);
    int32_t end = first + 1;
    while (end < s->n_sets && glint_set_window_id(w, coord + 3 * (int64_t)s->order[0][s->start[end]]) == id)
        end++;
    return end;
}

/* Rows of all slots along an axis: n_sets x set. */
static void fill_slots(const struct glint_set_window *w, const struct glint_sets *s, const int32_t *coord,
                       const int32_t *order, int32_t *out)
{
    for (int32_t first = 0, end; first < s->n_sets; first = end) {
        end = window_end(w, s, coord, first);
        const int32_t begin = s->start[first], n = s->start[end] - begin;
        for (int32_t i = first; i < end; i++)
            for (int32_t k = 0; k < w->set; k++)
                *out++ = order[slot_position(begin, n, end - first, i - first, k, w->set)];
    }
}

static void tap_sets(struct glint_run *r, const struct glint_sets_params *p, const struct glint_sets *s,
                     const int32_t *coord, void *memory)
{
    const int64_t n = s->n;
    int32_t *window = memory, *table = window + n;
    uint8_t *in = (uint8_t *)table;
    for (int64_t i = 0; i < n; i++) {
        const int32_t *w = p->window.window;
        window[i] = glint_set_window_id(&p->window, coord + 3 * i);
        in[3 * i] = (uint8_t)(s->place[i] / w[0] / w[1]);
        in[3 * i + 1] = (uint8_t)(s->place[i] / w[0] % w[1]);
        in[3 * i + 2] = (uint8_t)(s->place[i] % w[0]);
    }
    tap_named(r, p->name, "win", GLINT_DTYPE_I32, 1, &n, window);
    tap_named(r, p->name, "coors_in_win", GLINT_DTYPE_U8, 2, (const int64_t[]){n, 3}, in);
    for (int axis = 0; axis < 2 && p->window.set; axis++)
        fill_slots(&p->window, s, coord, s->order[axis], table + (int64_t)axis * s->n_sets * p->window.set);
    if (p->window.set)
        tap_named(r, p->name, "set_inds", GLINT_DTYPE_I32, 3, (const int64_t[]){2, s->n_sets, p->window.set},
                  table);
}

static int sets_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_sets_params *p = layer->params;
    struct glint_sets *s = glint_run_bytes(r, layer->out[0]);
    int32_t n;
    const int32_t *coord = glint_run_coord(r, layer->in[0], &n);
    glint_sets_init(s, after(s, sizeof *s), run_cap(r, layer->in[0]));
    GLINT_TRY(glint_sets_make(r->exec, &p->window, coord, n, s));
    r->cost.bytes[layer->stage] += 40.0 * n;
    if (r->tap && layer->n_out > 1)
        tap_sets(r, p, s, coord, glint_run_bytes(r, layer->out[1]));
    return GLINT_OK;
}

static void sets_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_set_window *w = &((const struct glint_sets_params *)layer->params)->window;
    const size_t used = (size_t)snprintf(text, size, "windows %d x %d x %d shifted by %d %d %d", w->window[0],
                                         w->window[1], w->window[2], w->shift[0], w->shift[1], w->shift[2]);
    if (w->set && used < size)
        snprintf(text + used, size - used, ", sets of %d", w->set);
}

const struct glint_op_info glint_op_sets = {
    .name = "sets",
    .params_size = sizeof(struct glint_sets_params),
    .run = sets_run,
    .text = sets_text,
};

/* set_layer */

struct glint_layer *glint_build_set_layer(struct glint_build *b, const char *name, int32_t tokens,
                                          int32_t sets, int32_t places, int32_t residual, int32_t out)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_SET_LAYER, GLINT_STAGE_ATTEND, "%s", name);
    glint_build_in(b, layer, tokens);
    glint_build_in(b, layer, sets);
    glint_build_in(b, layer, places);
    if (residual >= 0)
        glint_build_in(b, layer, residual);
    glint_build_out(b, layer, out);
    return layer;
}

static void set_attention(const char *prefix, int32_t dim, struct glint_affine *qk, struct glint_affine *v,
                          struct glint_affine *out)
{
    char name[GLINT_TENSOR_NAME];
    *qk = (struct glint_affine){.k = dim, .n = 2 * dim, .n_rows = 3 * dim};
    snprintf(qk->weight, sizeof qk->weight, "%s.self_attn.in_proj_weight", prefix);
    snprintf(qk->bias, sizeof qk->bias, "%s.self_attn.in_proj_bias", prefix);
    *v = *qk;
    v->n = dim;
    v->first_row = 2 * dim;
    snprintf(name, sizeof name, "%s.self_attn.out_proj", prefix);
    glint_affine_set(out, name, true, NULL, 0, dim, dim, 0);
}

void glint_set_layer_tensors(struct glint_set_layer_params *p, const char *prefix, const char *attention)
{
    char name[GLINT_TENSOR_NAME];
    set_attention(attention, p->layer.dim, &p->qk, &p->v, &p->out);
    snprintf(name, sizeof name, "%s.linear1", prefix);
    glint_affine_set(&p->fc1, name, true, NULL, 0, p->layer.dim, p->layer.ffn, 0);
    snprintf(name, sizeof name, "%s.linear2", prefix);
    glint_affine_set(&p->fc2, name, true, NULL, 0, p->layer.ffn, p->layer.dim, 0);
    snprintf(p->norm1, sizeof p->norm1, "%s.norm1", prefix);
    snprintf(p->norm2, sizeof p->norm2, "%s.norm2", prefix);
}

static int bind_norm(struct glint_bind *bind, const char *prefix, int32_t n, struct glint_norm_weights *out)
{
    char name[GLINT_TENSOR_NAME + 8];
    *out = (struct glint_norm_weights){NULL, NULL};
    if (!prefix[0])
        return GLINT_OK;
    snprintf(name, sizeof name, "%s.weight", prefix);
    GLINT_TRY(glint_bind_vector(bind, name, n, &out->weight));
    snprintf(name, sizeof name, "%s.bias", prefix);
    return glint_bind_vector(bind, name, n, &out->bias);
}

static int bind_positions(struct glint_bind *bind, struct glint_set_layer_params *p)
{
    void *table;
    const size_t places =
        (size_t)p->position_size[0] * (size_t)p->position_size[1] * (size_t)p->position_size[2];
    for (int i = 0; i < 2 && p->position[0].n; i++)
        GLINT_TRY(glint_bind_affine(bind, &p->position[i], &p->position_weights[i]));
    GLINT_TRY(glint_bind_memory(bind, places * (size_t)p->layer.dim * sizeof(float), &table));
    p->layer.position = p->table = table;
    return GLINT_OK;
}

/* A temperature for each head. */
static int bind_tau(struct glint_bind *bind, struct glint_set_layer_params *p)
{
    const int32_t heads = p->layer.heads;
    const float *tau;
    void *memory;
    if (!p->tau[0])
        return GLINT_OK;
    GLINT_TRY(glint_bind_tensor(bind, p->tau, p->tau_each ? 4 : 3,
                                p->tau_each ? (const int64_t[]){1, heads, 1, 1} : (const int64_t[]){1, 1, 1},
                                &tau));
    GLINT_TRY(glint_bind_memory(bind, (size_t)heads * sizeof *tau, &memory));
    for (int32_t h = 0; memory && h < heads; h++) {
        const float t = tau[p->tau_each ? h : 0];
        ((float *)memory)[h] = t > p->tau_least ? t : p->tau_least;
    }
    p->layer.temperature = memory;
    return GLINT_OK;
}

static int set_layer_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_set_layer_params *p = layer->params;
    struct glint_set_layer *l = &p->layer;
    GLINT_TRY(glint_bind_affine(bind, &p->qk, &l->qk));
    GLINT_TRY(glint_bind_affine(bind, &p->v, &l->v));
    GLINT_TRY(glint_bind_affine(bind, &p->out, &l->out));
    GLINT_TRY(glint_bind_affine(bind, &p->fc1, &l->fc1));
    GLINT_TRY(glint_bind_affine(bind, &p->fc2, &l->fc2));
    GLINT_TRY(bind_norm(bind, p->norm1, l->dim, &l->norm1));
    GLINT_TRY(bind_norm(bind, p->norm2, l->dim, &l->norm2));
    GLINT_TRY(bind_norm(bind, p->outer, l->dim, &l->outer));
    GLINT_TRY(bind_norm(bind, p->last, l->dim, &l->last));
    GLINT_TRY(bind_tau(bind, p));
    return bind_positions(bind, p);
}

static int set_layer_ready(struct glint_exec *x, const struct glint_layer *layer)
{
    const struct glint_set_layer_params *p = layer->params;
    if (!p->position[0].n) {
        glint_set_sines(p->position_size, p->layer.dim, p->base, p->table);
        return GLINT_OK;
    }
    return glint_set_positions(x, &p->position_weights[0], &p->position_weights[1], p->position_size,
                               p->table);
}

static float *optional_out(const struct glint_run *r, const struct glint_layer *layer, int32_t place)
{
    return r->tap && place > 0 ? glint_run_floats(r, layer->out[place]) : NULL;
}

/* The attention of the first and the last set, slot by slot. */
static void tap_attended(struct glint_run *r, const struct glint_set_layer_params *p,
                         const struct glint_sets *s, const float *attended)
{
    const int32_t dim = p->layer.dim;
    const size_t mark = glint_arena_mark(&r->tap_memory);
    float *out = glint_arena_alloc(&r->tap_memory, (size_t)p->set * (size_t)dim * sizeof *out);
    const int32_t *coord = r->voxels->coord;
    const struct glint_set_window *w = NULL;
    for (int32_t i = 0; i < r->net->n_layers && !w;
         i++) /* the layer that made the sets knows their windows */
        if (r->net->layers[i].op == GLINT_OP_SETS &&
            glint_run_bytes(r, r->net->layers[i].out[0]) == (const void *)s)
            w = &((const struct glint_sets_params *)r->net->layers[i].params)->window;
    for (int last = 0; out && w && s->n_sets && last < 2; last++) {
        int32_t first = 0, end = window_end(w, s, coord, 0);
        while (last && end < s->n_sets) {
            first = end;
            end = window_end(w, s, coord, first);
        }
        const int32_t n = s->start[end] - s->start[first], i = last ? end - first - 1 : 0;
        for (int32_t k = 0; k < p->set; k++) {
            const int32_t at = slot_position(s->start[first], n, end - first, i, k, p->set);
            memcpy(out + (int64_t)k * dim, attended + (int64_t)s->order[p->axis][at] * dim,
                   (size_t)dim * sizeof *out);
        }
        glint_run_tap(r, last ? "stage0.block0.layer0.mha_last_set" : "stage0.block0.layer0.mha_first_set",
                      GLINT_DTYPE_F32, 2, (const int64_t[]){p->set, dim}, out);
    }
    glint_arena_reset(&r->tap_memory, mark);
}

static void write_positions(const struct glint_set_layer_params *p, const int32_t *place, int32_t n,
                            float *out)
{
    const int64_t dim = p->layer.dim;
    for (int32_t i = 0; i < n; i++)
        memcpy(out + i * dim, p->table + place[i] * dim, (size_t)dim * sizeof *out);
}

static double set_layer_flop(const struct glint_set_layer *l, const struct glint_sets *s)
{
    double pairs = 0;
    for (int32_t i = 0; i < s->n_sets; i++)
        pairs += (double)(s->start[i + 1] - s->start[i]) * (s->start[i + 1] - s->start[i]);
    return 2.0 * s->n * (4.0 * l->dim * l->dim + 2.0 * l->dim * l->ffn) + 4.0 * pairs * l->dim;
}

static int set_layer_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_set_layer_params *p = layer->params;
    const struct glint_sets *s = glint_run_bytes(r, layer->in[1]), *places = glint_run_bytes(r, layer->in[2]);
    const struct glint_set_rows rows = {.n = s->n,
                                        .n_sets = s->n_sets,
                                        .in = glint_run_floats(r, layer->in[0]),
                                        .place = places->place,
                                        .order = s->order[p->axis],
                                        .start = s->start,
                                        .residual =
                                            layer->n_in > 3 ? glint_run_floats(r, layer->in[3]) : NULL,
                                        .out = glint_run_floats(r, layer->out[0]),
                                        .attended = optional_out(r, layer, p->attended_out),
                                        .inner = optional_out(r, layer, p->inner_out),
                                        .layered = optional_out(r, layer, p->layered_out)};
    glint_run_flop(r, layer, set_layer_flop(&p->layer, s));
    GLINT_TRY(glint_set_layer(r->exec, &p->layer, &rows));
    if (rows.attended)
        tap_attended(r, p, s, rows.attended);
    if (r->tap && p->position_out)
        write_positions(p, places->place, s->n, glint_run_floats(r, layer->out[p->position_out]));
    return GLINT_OK;
}

static size_t set_layer_scratch(const struct glint_net *net, const struct glint_layer *layer)
{
    (void)net;
    return glint_set_layer_scratch(&((const struct glint_set_layer_params *)layer->params)->layer);
}

static void set_layer_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_set_layer_params *p = layer->params;
    snprintf(text, size, "%d heads, sets of up to %d, %d -> %d -> %d", p->layer.heads, p->layer.largest,
             p->layer.dim, p->layer.ffn, p->layer.dim);
}

const struct glint_op_info glint_op_set_layer = {
    .name = "set_layer",
    .params_size = sizeof(struct glint_set_layer_params),
    .bind = set_layer_bind,
    .ready = set_layer_ready,
    .scratch = set_layer_scratch,
    .run = set_layer_run,
    .text = set_layer_text,
};

/* coarsen */

int32_t glint_build_coarsen(struct glint_build *b, const char *name, int32_t cells, const int32_t dim[3],
                            const int32_t stride[3], int32_t *table_out)
{
    struct glint_layer *layer =
        glint_build_layer(b, GLINT_OP_COARSEN, GLINT_STAGE_VOXELIZE, "%s.coords", name);
    struct glint_coarsen_params *p = layer->params;
    const int32_t cap = b->status == GLINT_OK ? cap_of(b, cells) : 1;
    int32_t coarse[3];
    char coords[40];
    for (int k = 0; k < 3; k++) {
        p->dim[k] = dim[k];
        p->stride[k] = stride[k];
        coarse[k] = (dim[k] + stride[k] - 1) / stride[k];
    }
    snprintf(p->name, sizeof p->name, "%s", name);
    snprintf(coords, sizeof coords, "%.16s.coords", name);
    const int32_t sites = glint_build_sites(b, coords, cap, coarse);
    *table_out =
        glint_build_bytes(b, glint_arena_round(sizeof(struct glint_coarse)) + glint_coarse_bytes(cap));
    glint_build_in(b, layer, cells);
    glint_build_out(b, layer, sites);
    glint_build_out(b, layer, *table_out);
    if (b->keep_stages)
        glint_build_out(b, layer, glint_build_bytes(b, 2 * (size_t)cap * sizeof(int32_t)));
    return sites;
}

/* Of each row its coarse cell, and its place there. */
static void tap_coarse(struct glint_run *r, const struct glint_coarsen_params *p,
                       const struct glint_coarse *c, int32_t *memory)
{
    const int64_t n = c->n_in;
    for (int32_t i = 0; i < c->n; i++)
        for (int32_t k = c->start[i]; k < c->start[i + 1]; k++) {
            memory[c->member[k]] = i;
            memory[n + c->member[k]] = c->slot[k];
        }
    tap_named(r, p->name, "pool_index", GLINT_DTYPE_I32, 1, &n, memory);
    tap_named(r, p->name, "pool_slot", GLINT_DTYPE_I32, 1, &n, memory + n);
}

static int coarsen_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_coarsen_params *p = layer->params;
    struct glint_sites *sites = glint_run_new_sites(r, layer->out[0]);
    struct glint_coarse *c = glint_run_bytes(r, layer->out[1]);
    int32_t n;
    const int32_t *coord = glint_run_coord(r, layer->in[0], &n);
    glint_coarse_init(c, after(c, sizeof *c), run_cap(r, layer->in[0]));
    GLINT_TRY(glint_coarsen(r->exec, p->dim, p->stride, coord, n, c));
    sites->n = c->n;
    memcpy(sites->coord, c->coord, (size_t)c->n * 3 * sizeof *c->coord);
    r->cost.bytes[layer->stage] += 24.0 * n + 24.0 * c->n;
    if (r->tap && layer->n_out > 2)
        tap_coarse(r, p, c, glint_run_bytes(r, layer->out[2]));
    return GLINT_OK;
}

static void coarsen_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_coarsen_params *p = layer->params;
    snprintf(text, size, "cells of %d x %d x %d", p->stride[0], p->stride[1], p->stride[2]);
}

const struct glint_op_info glint_op_coarsen = {
    .name = "coarsen",
    .params_size = sizeof(struct glint_coarsen_params),
    .run = coarsen_run,
    .text = coarsen_text,
};

/* set_pool */

void glint_build_set_pool(struct glint_build *b, const char *prefix, int32_t heads, int32_t n_slots,
                          double norm_eps, int32_t tokens, int32_t table, int32_t out)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_SET_POOL, GLINT_STAGE_ATTEND, "%s", prefix);
    struct glint_set_pool_params *p = layer->params;
    const int32_t dim = b->net->values[tokens].c;
    p->pool =
        (struct glint_set_pool){.dim = dim, .heads = heads, .n_slots = n_slots, .norm_eps = (float)norm_eps};
    set_attention(prefix, dim, &p->q, &p->v, &p->out);
    p->q.n = dim;
    p->k = p->q;
    p->k.first_row = dim;
    snprintf(p->norm, sizeof p->norm, "%s.norm", prefix);
    snprintf(p->slots, sizeof p->slots, "%s.pos_embedding", prefix);
    glint_build_in(b, layer, tokens);
    glint_build_in(b, layer, table);
    glint_build_out(b, layer, out);
}

static int set_pool_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_set_pool_params *p = layer->params;
    struct glint_set_pool *l = &p->pool;
    const size_t bytes = (size_t)l->n_slots * (size_t)l->dim * sizeof(float);
    const float *slots;
    void *memory;
    GLINT_TRY(glint_bind_affine(bind, &p->q, &l->q));
    GLINT_TRY(glint_bind_affine(bind, &p->k, &l->k));
    GLINT_TRY(glint_bind_affine(bind, &p->v, &l->v));
    GLINT_TRY(glint_bind_affine(bind, &p->out, &l->out));
    GLINT_TRY(bind_norm(bind, p->norm, l->dim, &l->norm));
    GLINT_TRY(glint_bind_tensor(bind, p->slots, 2, (const int64_t[]){l->n_slots, l->dim}, &slots));
    GLINT_TRY(glint_bind_memory(bind, bytes, &memory));
    l->slots = memory ? memcpy(memory, slots, bytes) : NULL;
    GLINT_TRY(glint_bind_memory(bind, bytes, &memory));
    l->empty_key = p->empty_key = memory;
    return GLINT_OK;
}

static int set_pool_ready(struct glint_exec *x, const struct glint_layer *layer)
{
    const struct glint_set_pool_params *p = layer->params;
    glint_set_pool_ready(x, &p->pool, p->empty_key);
    return GLINT_OK;
}

static int set_pool_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_set_pool *p = &((const struct glint_set_pool_params *)layer->params)->pool;
    const struct glint_coarse *c = glint_run_bytes(r, layer->in[1]);
    const struct glint_set_pool_rows rows = {.n = c->n,
                                             .in = glint_run_floats(r, layer->in[0]),
                                             .start = c->start,
                                             .member = c->member,
                                             .slot = c->slot,
                                             .out = glint_run_floats(r, layer->out[0])};
    glint_run_flop(r, layer, 4.0 * p->dim * ((double)p->dim * (c->n_in + c->n) + (double)c->n * p->n_slots));
    return glint_set_pool(r->exec, p, &rows);
}

static size_t set_pool_scratch(const struct glint_net *net, const struct glint_layer *layer)
{
    (void)net;
    return glint_set_pool_scratch(&((const struct glint_set_pool_params *)layer->params)->pool);
}

static void set_pool_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_set_pool *p = &((const struct glint_set_pool_params *)layer->params)->pool;
    snprintf(text, size, "%d places, %d heads", p->n_slots, p->heads);
}

const struct glint_op_info glint_op_set_pool = {
    .name = "set_pool",
    .params_size = sizeof(struct glint_set_pool_params),
    .bind = set_pool_bind,
    .ready = set_pool_ready,
    .scratch = set_pool_scratch,
    .run = set_pool_run,
    .text = set_pool_text,
};
