/* model/op_levels.c - operations on levels of sparse cells: points to cells, coarser levels, values between
 * levels, and classes back to the points. */
#include "attention/act.h"
#include "core/status.h"
#include "model/ptv3.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

extern const struct glint_op_info glint_op_level_sample, glint_op_level_pool, glint_op_kept_points,
    glint_op_cluster_max, glint_op_cluster_add, glint_op_row_classes;

/* The value */

size_t glint_run_level_bytes(int32_t cap)
{
    return glint_arena_round(sizeof(struct glint_run_level)) + glint_level_bytes(cap) +
           7 * glint_arena_round((size_t)cap * sizeof(int32_t));
}

const struct glint_run_level *glint_run_get_level(const struct glint_run *run, int32_t value)
{
    return glint_run_bytes(run, value);
}

static struct glint_run_level *new_level(const struct glint_run *run, int32_t value)
{
    const int32_t cap = run->net->values[value].cap;
    const size_t rows = glint_arena_round((size_t)cap * sizeof(int32_t));
    uint8_t *memory = glint_run_bytes(run, value);
    struct glint_run_level *l = (struct glint_run_level *)memory;
    *l = (struct glint_run_level){0};
    memory += glint_arena_round(sizeof *l);
    glint_level_init(&l->level, memory, cap);
    memory += glint_level_bytes(cap);
    l->points.row = (int32_t *)memory;
    l->points.kept = (int32_t *)(memory + rows);
    l->shown = (int32_t *)(memory + 2 * rows);
    l->place = (int32_t *)(memory + 3 * rows);
    l->mean = (float *)(memory + 4 * rows);
    return l;
}

/* The level's cells as sites, axes the other way round. */
static int make_sites(struct glint_run *r, const struct glint_level *level, int32_t value,
                      const int32_t *shown)
{
    struct glint_sites *s = glint_run_new_sites(r, value);
    s->n = level->n;
    s->shown = shown;
    for (int k = 0; k < 3; k++)
        s->dim[k] = 1 << level->depth;
    if (level->depth > 15) /* x * y must stay below 2^31; coordinates do */
        s->dim[0] = s->dim[1] = s->dim[2] = 1 << 15;
    for (int64_t i = 0; i < level->n; i++)
        for (int k = 0; k < 3; k++)
            s->coord[3 * i + k] = level->coord[3 * i + 2 - k];
    return glint_sites_index(r->exec, s);
}

/* What a tap sees */

/* Cells in the order of a 64-bit FNV hash of their coordinates, as the reference's sampling leaves them:
 * shown (n), with the place of each row in `place` (n). memory: of n x 40 bytes. */
static void hash_order(const struct glint_level *l, int32_t *shown, int32_t *place, void *memory)
{
    int64_t *hash = memory;
    for (int64_t i = 0; i < l->n; i++) {
        uint64_t h = UINT64_C(14695981039346656037);
        for (int k = 0; k < 3; k++)
            h = h * UINT64_C(1099511628211) ^ (uint64_t)l->coord[3 * i + k];
        memcpy(&hash[i], &h, sizeof h);
    }
    glint_curve_sort(NULL, hash, l->n, 64, shown, hash + l->n);
    for (int32_t i = 0; i < l->n; i++)
        place[shown[i]] = i;
}

struct level_tap {
    struct glint_run *r;
    const struct glint_level *l;
    int32_t stage;
    const int32_t *place; /* of each row among those shown; NULL: as they are */
    void *memory;         /* glint_run_level_tap_bytes */
};

size_t glint_run_level_tap_bytes(int32_t cap)
{
    return (size_t)cap * (GLINT_LEVEL_CURVES + 1) * sizeof(int64_t) + GLINT_ARENA_ALIGN;
}

static void tap(const struct level_tap *t, const char *what, enum glint_dtype dtype, int64_t rows,
                int64_t columns, const void *data)
{
    char name[48];
    snprintf(name, sizeof name, "stage%d.%s", t->stage, what);
    if (rows)
        glint_run_tap(t->r, name, dtype, 2, (const int64_t[]){rows, columns}, data);
    else
        glint_run_tap(t->r, name, dtype, 1, (const int64_t[]){columns}, data);
}

static int32_t place_of(const struct level_tap *t, int32_t row)
{
    return t->place ? t->place[row] : row;
}

static void tap_coord(const struct level_tap *t)
{
    const struct glint_level *l = t->l;
    int16_t *out = t->memory;
    for (int64_t i = 0; i < l->n; i++)
        for (int k = 0; k < 3; k++)
            out[3 * (int64_t)place_of(t, (int32_t)i) + k] = (int16_t)l->coord[3 * i + k];
    if (t->stage > 0)
        tap(t, "grid_coord", GLINT_DTYPE_I16, l->n, 3, out);
    else
        glint_run_tap(t->r, "grid_coord", GLINT_DTYPE_I16, 2, (const int64_t[]){l->n, 3}, out);
}

static void tap_orders(const struct level_tap *t)
{
    const struct glint_level *l = t->l;
    int64_t *code = t->memory;
    int32_t *order = t->memory;
    for (int64_t j = 0; j < l->n_curves; j++)
        for (int32_t i = 0; i < l->n; i++)
            code[j * l->n + place_of(t, i)] = l->code[j][i] | (int64_t)t->r->frame->batch_index
                                                                  << 3 * l->depth;
    tap(t, "code", GLINT_DTYPE_I64, l->n_curves, l->n, code);
    for (int64_t j = 0; j < l->n_curves; j++)
        for (int32_t i = 0; i < l->n; i++)
            order[j * l->n + i] = place_of(t, l->order[j][i]);
    tap(t, "order", GLINT_DTYPE_I32, l->n_curves, l->n, order);
    for (int64_t j = 0; j < l->n_curves; j++)
        for (int32_t i = 0; i < l->n; i++)
            order[j * l->n + place_of(t, l->order[j][i])] = i;
    tap(t, "inverse", GLINT_DTYPE_I32, l->n_curves, l->n, order);
}

/* Positions as the patches of attention have them, and where these begin. */
static void tap_patches(const struct level_tap *t, int32_t size)
{
    const int32_t n = t->l->n, count = glint_patch_count(n, size);
    int32_t *pad = t->memory, at = 0;
    for (int32_t i = 0; i < n; i++) /* where each position's own result is in the padding: in its place */
        pad[i] = i;
    tap(t, "unpad", GLINT_DTYPE_I32, 0, n, pad);
    int32_t *start = pad + 2 * (int64_t)n;
    for (int32_t i = 0; i < count; i++) {
        const struct glint_patch p = glint_patch_at(n, size, i);
        start[i] = at;
        for (int32_t j = p.fresh; j < p.first + p.n; j++)
            pad[at++] = j;
        for (int32_t j = p.first; j < p.fresh; j++)
            pad[at++] = j;
    }
    start[count] = at;
    tap(t, "pad", GLINT_DTYPE_I32, 0, at, pad);
    tap(t, "cu_seqlens", GLINT_DTYPE_I32, 0, count + 1, start);
}

static void tap_level(const struct level_tap *t, int32_t patch)
{
    tap_coord(t);
    tap_orders(t);
    if (t->l->n > 0)
        tap_patches(t, patch);
}

/* level_sample */

static void clip(const float *in, int32_t n, float lo, float hi, float *out)
{
    for (int32_t i = 0; i < n; i++) /* a NaN stays */
        out[i] = in[i] < lo ? lo : in[i] > hi ? hi : in[i];
}

/* The frame's points as the network wants them, in `out` where they are others. */
static void move_points(const struct glint_run *r, const struct glint_level_params *p, float *out,
                        struct glint_points *points)
{
    float **axis[3] = {&points->x, &points->y, &points->z};
    const int64_t cap = r->net->cap_points;
    if (p->turns && !r->frame->as_network_input) {
        for (int32_t i = 0; i < points->n; i++) {
            out[i] = -points->y[i];
            out[cap + i] = points->x[i];
        }
        points->x = out;
        points->y = out + cap;
    }
    for (int k = 0; k < 3 && p->clips && !r->frame->no_range_filter; k++) {
        clip(*axis[k], points->n, p->clip[k], p->clip[3 + k], out + k * cap);
        *axis[k] = out + k * cap;
    }
}

/* What the sampling has made of the points, rows as they are shown. */
static void tap_sampling(const struct level_tap *t, const struct glint_run_level *l)
{
    const int32_t n = t->l->n, n_points = t->r->frame->points.n, end = n;
    int32_t *out = t->memory;
    for (int32_t i = 0; i < n; i++)
        out[t->place[i]] = l->points.kept[i];
    glint_run_tap(t->r, "sample_index", GLINT_DTYPE_I32, 1, (const int64_t[]){n}, out);
    for (int32_t i = 0; i < n_points; i++)
        out[i] = l->points.row[i] < 0 ? -1 : t->place[l->points.row[i]];
    glint_run_tap(t->r, "inverse", GLINT_DTYPE_I32, 1, (const int64_t[]){n_points}, out);
    glint_run_tap(t->r, "grid_min", GLINT_DTYPE_I32, 1, (const int64_t[]){3}, l->points.low);
    glint_run_tap(t->r, "offset", GLINT_DTYPE_I32, 1, (const int64_t[]){1}, &end);
}

static void set_points_of_rows(struct glint_run_level *l)
{
    for (int64_t i = 0; i < l->level.n; i++)
        for (int k = 0; k < 3; k++)
            l->mean[3 * i + k] = l->xyz[k][l->points.kept[i]];
}

static void tap_finest(struct glint_run *r, const struct glint_layer *layer, struct glint_run_level *l)
{
    const size_t mark = glint_arena_mark(&r->tap_memory);
    const struct level_tap t = {
        .r = r,
        .l = &l->level,
        .place = l->place,
        .memory = glint_arena_alloc(&r->tap_memory, glint_run_level_tap_bytes(l->level.cap))};
    set_points_of_rows(l);
    if (t.memory) {
        hash_order(&l->level, l->shown, l->place, t.memory);
        tap_sampling(&t, l);
        tap_level(&t, ((const struct glint_level_params *)layer->params)->patch);
    }
    glint_arena_reset(&r->tap_memory, mark);
}

static int level_sample_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_level_params *p = layer->params;
    struct glint_run_level *l = new_level(r, layer->out[0]);
    struct glint_points points = r->frame->points;
    if (points.n > r->net->cap_points) /* before they are moved to where there is room for as many */
        return glint_fail(GLINT_E_CAPACITY, "%d points; the model was opened for %d", points.n,
                          r->net->cap_points);
    if (layer->n_out > 2)
        move_points(r, p, glint_run_floats(r, layer->out[2]), &points);
    l->xyz[0] = points.x;
    l->xyz[1] = points.y;
    l->xyz[2] = points.z;
    GLINT_TRY(glint_level_sample(r->exec, &p->rule, &points, &l->level, &l->points));
    r->cost.n_points = points.n - (int32_t)l->points.n_refused;
    r->cost.n_pillars = l->level.n;
    if (r->tap)
        tap_finest(r, layer, l);
    return make_sites(r, &l->level, layer->out[1], r->tap ? l->shown : NULL);
}

static void level_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_level_params *p = layer->params;
    size_t used = 0;
    if (p->stage == 0)
        used = (size_t)snprintf(text, size, "cells of %g m, ", p->rule.cell);
    for (int32_t i = 0; i < p->rule.n_curves && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
                                 glint_curve_name(p->rule.curve[i]));
}

const struct glint_op_info glint_op_level_sample = {
    .name = "level_sample",
    .params_size = sizeof(struct glint_level_params),
    .run = level_sample_run,
    .text = level_text,
};

/* level_pool */

/* The mean of the finer level's coordinates, which the network has no use for. */
static void tap_mean(const struct level_tap *t, const struct glint_run_level *fine,
                     const struct glint_run_level *l)
{
    char name[48];
    for (int64_t c = 0; c < l->level.n; c++)
        for (int k = 0; k < 3; k++) {
            double sum = 0;
            for (int32_t i = l->level.start[c]; i < l->level.start[c + 1]; i++)
                sum += (double)fine->mean[3 * (int64_t)fine->level.order[0][i] + k];
            l->mean[3 * c + k] = (float)(sum / (l->level.start[c + 1] - l->level.start[c]));
        }
    snprintf(name, sizeof name, "enc%d.down.coord", t->stage);
    glint_run_tap(t->r, name, GLINT_DTYPE_F32, 2, (const int64_t[]){l->level.n, 3}, l->mean);
}

static void tap_coarser(struct glint_run *r, const struct glint_layer *layer,
                        const struct glint_run_level *fine, const struct glint_run_level *l)
{
    const struct glint_level_params *p = layer->params;
    const size_t mark = glint_arena_mark(&r->tap_memory);
    const struct level_tap t = {
        .r = r,
        .l = &l->level,
        .stage = p->stage,
        .memory = glint_arena_alloc(&r->tap_memory, glint_run_level_tap_bytes(l->level.cap))};
    const int32_t *place = p->stage == 1 ? fine->place : NULL;
    int32_t *cluster = t.memory;
    for (int32_t i = 0; t.memory && i < fine->level.n; i++)
        cluster[place ? place[i] : i] = l->level.cluster[i];
    if (t.memory) {
        tap(&t, "cluster", GLINT_DTYPE_I32, 0, fine->level.n, cluster);
        tap_level(&t, p->patch);
        tap_mean(&t, fine, l);
    }
    glint_arena_reset(&r->tap_memory, mark);
}

static int level_pool_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_level_params *p = layer->params;
    const struct glint_run_level *fine = glint_run_get_level(r, layer->in[0]);
    struct glint_run_level *l = new_level(r, layer->out[0]);
    GLINT_TRY(glint_level_pool(r->exec, &fine->level, p->rule.curve, p->rule.n_curves, &l->level));
    if (r->tap)
        tap_coarser(r, layer, fine, l);
    return make_sites(r, &l->level, layer->out[1], NULL);
}

const struct glint_op_info glint_op_level_pool = {
    .name = "level_pool",
    .params_size = sizeof(struct glint_level_params),
    .run = level_pool_run,
    .text = level_text,
};

/* kept_points */

static const float *field_of(const struct glint_points *p, enum glint_point_field field)
{
    switch (field) {
    case GLINT_FIELD_INTENSITY:
        return p->intensity;
    case GLINT_FIELD_ELONGATION:
        return p->elongation;
    default:
        return p->lag;
    }
}

static int kept_points_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_kept_points_params *p = layer->params;
    const struct glint_run_level *l = glint_run_get_level(r, layer->in[0]);
    const struct glint_frame *frame = r->frame;
    float *out = glint_run_floats(r, layer->out[0]);
    for (int32_t k = 0; k < p->n_fields; k++) {
        const bool intensity = p->fields[k] == GLINT_FIELD_INTENSITY;
        const float *in = k < 3 ? l->xyz[k] : field_of(&frame->points, p->fields[k]);
        const bool bent =
            intensity && p->intensity_tanh && !frame->as_network_input && !frame->intensity_is_tanh;
        const float scale = intensity && !frame->as_network_input ? p->intensity_scale : 1.0f;
        for (int64_t i = 0; i < l->level.n; i++) {
            const float v = in ? in[l->points.kept[i]] : 0.0f;
            out[i * p->n_fields + k] = bent ? tanhf(v) : v * scale;
        }
    }
    return GLINT_OK;
}

const struct glint_op_info glint_op_kept_points = {
    .name = "kept_points",
    .params_size = sizeof(struct glint_kept_points_params),
    .run = kept_points_run,
};

/* cluster_max */

static int cluster_max_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_cluster_max_params *p = layer->params;
    return glint_bind_norm(bind, p->norm, p->norm_eps, p->channels, &p->scale, &p->shift);
}

struct cluster_max {
    const struct glint_cluster_max_params *p;
    const struct glint_level *fine, *coarse;
    const float *in;
    float *out;
};

static void max_rows(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct cluster_max *j = ctx;
    const int32_t n = j->p->channels;
    for (int64_t c = begin; c < end; c++) {
        float *out = j->out + c * n;
        const int32_t *row = j->fine->order[0] + j->coarse->start[c];
        const int32_t rows = j->coarse->start[c + 1] - j->coarse->start[c];
        memcpy(out, j->in + (int64_t)row[0] * n, (size_t)n * sizeof *out);
        for (int32_t i = 1; i < rows; i++) {
            const float *in = j->in + (int64_t)row[i] * n;
            for (int32_t k = 0; k < n; k++)
                out[k] = in[k] > out[k] ? in[k] : out[k];
        }
        for (int32_t k = 0; k < n; k++)
            out[k] = glint_gelu(out[k] * j->p->scale[k] + j->p->shift[k]);
    }
}

static int cluster_max_run(struct glint_run *r, const struct glint_layer *layer)
{
    struct cluster_max j = {.p = layer->params,
                            .fine = &glint_run_get_level(r, layer->in[1])->level,
                            .coarse = &glint_run_get_level(r, layer->in[2])->level,
                            .in = glint_run_floats(r, layer->in[0]),
                            .out = glint_run_floats(r, layer->out[0])};
    glint_pool_for(r->exec->pool, j.coarse->n, 256, max_rows, &j);
    return GLINT_OK;
}

const struct glint_op_info glint_op_cluster_max = {
    .name = "cluster_max",
    .params_size = sizeof(struct glint_cluster_max_params),
    .bind = cluster_max_bind,
    .run = cluster_max_run,
};

/* cluster_add */

struct cluster_add {
    const int32_t *cluster;
    const float *in, *coarse;
    float *out;
    int32_t n;
};

static void add_rows(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct cluster_add *j = ctx;
    for (int64_t i = begin; i < end; i++) {
        const float *in = j->in + i * j->n, *coarse = j->coarse + (int64_t)j->cluster[i] * j->n;
        for (int32_t k = 0; k < j->n; k++)
            j->out[i * j->n + k] = in[k] + coarse[k];
    }
}

static int cluster_add_run(struct glint_run *r, const struct glint_layer *layer)
{
    struct cluster_add j = {.cluster = glint_run_get_level(r, layer->in[2])->level.cluster,
                            .in = glint_run_floats(r, layer->in[0]),
                            .coarse = glint_run_floats(r, layer->in[1]),
                            .out = glint_run_floats(r, layer->out[0]),
                            .n = r->net->values[layer->out[0]].c};
    glint_pool_for(r->exec->pool, glint_run_rows(r, layer->out[0]), 1024, add_rows, &j);
    return GLINT_OK;
}

const struct glint_op_info glint_op_cluster_add = {.name = "cluster_add", .run = cluster_add_run};
