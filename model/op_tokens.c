/* model/op_tokens.c - operations on points and tokens: the kernels of voxel/ and attention/ as layers. */
#include "core/status.h"
#include "model/ops.h"
#include "model/run.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

extern const struct glint_op_info glint_op_voxelize, glint_op_vfe, glint_op_mean_vfe, glint_op_posenc,
    glint_op_window_order, glint_op_flat_layer;

/* voxelize */

/* The voxel that a tap sees as the i-th. */
static int32_t shown(const struct glint_voxels *v, int32_t i)
{
    return v->shown ? v->shown[i] : i;
}

/* Each point's voxel, -1 for none. */
static void tap_point_voxels(struct glint_run *r)
{
    const struct glint_voxels *v = r->voxels;
    const size_t mark = glint_arena_mark(&r->tap_memory);
    int32_t *out = glint_arena_alloc(&r->tap_memory, (size_t)v->n_in * sizeof *out);
    for (int64_t p = 0; out && p < v->n_in; p++)
        out[p] = -1;
    for (int32_t i = 0; out && i < v->n_voxels; i++)
        for (int32_t k = v->start[shown(v, i)]; k < v->start[shown(v, i) + 1]; k++)
            if (v->point[k] >= 0)
                out[v->point[k]] = i;
    if (out)
        glint_run_tap(r, "point_voxel", GLINT_DTYPE_I32, 1, (const int64_t[]){v->n_in}, out);
    glint_arena_reset(&r->tap_memory, mark);
}

static void voxelize_show(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_voxelize_params *p = layer->params;
    const struct glint_voxels *v = r->voxels;
    const size_t mark = glint_arena_mark(&r->tap_memory);
    int32_t *out = glint_arena_alloc(&r->tap_memory, (size_t)v->n_voxels * 4 * sizeof *out);
    if (!out)
        return;
    for (int32_t i = 0; i < v->n_voxels; i++) {
        out[4 * i] = 0; /* batch */
        for (int k = 0; k < 3; k++)
            out[4 * i + 1 + k] = v->coord[3 * shown(v, i) + 2 - k];
    }
    glint_run_tap(r, "coords", GLINT_DTYPE_I32, 2, (const int64_t[]){v->n_voxels, 4}, out);
    for (int32_t i = 0; i < v->n_voxels; i++)
        out[i] = v->start[shown(v, i) + 1] - v->start[shown(v, i)];
    glint_run_tap(r, p->show_counts ? "voxel_count" : "pillar_count", GLINT_DTYPE_I32, 1,
                  (const int64_t[]){v->n_voxels}, out);
    if (p->show_counts)
        tap_point_voxels(r);
    glint_run_tap(r, "rejected", GLINT_DTYPE_I32, 1, (const int64_t[]){v->n_rejected}, v->rejected);
    glint_arena_reset(&r->tap_memory, mark);
}

static int voxelize_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_voxelize_params *p = layer->params;
    GLINT_TRY(glint_voxelize(r->exec, &p->grid, &r->points, r->frame->no_range_filter, r->voxels));
    if (r->voxels->n_clipped > 0)
        r->frame->health |= GLINT_HEALTH_BIT(GLINT_HEALTH_NETWORK_CLIPPED);
    if (p->hard.max_voxels > 0) /* which leaves out points as the reference does */
        glint_harden(&p->hard, r->voxels, glint_run_bytes(r, layer->out[1]));
    r->cost.n_points = r->voxels->n_points;
    r->cost.n_pillars = r->voxels->n_voxels;
    return GLINT_OK;
}

static void voxelize_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_grid *g = &((const struct glint_voxelize_params *)layer->params)->grid;
    if (g->dim[2] > 1)
        snprintf(text, size, "grid %d x %d x %d, voxel %g x %g x %g m", g->dim[0], g->dim[1], g->dim[2],
                 (double)g->cell[0], (double)g->cell[1], (double)g->cell[2]);
    else
        snprintf(text, size, "grid %d x %d, pillar %g x %g m", g->dim[0], g->dim[1], (double)g->cell[0],
                 (double)g->cell[1]);
}

const struct glint_op_info glint_op_voxelize = {
    .name = "voxelize",
    .params_size = sizeof(struct glint_voxelize_params),
    .run = voxelize_run,
    .show = voxelize_show,
    .text = voxelize_text,
};

/* vfe */

int glint_vfe_config(struct glint_json root, bool halved, int32_t channels_out[GLINT_VFE_LAYERS],
                     int32_t *n_out, double *norm_eps_out)
{
    struct glint_json vfe;
    GLINT_TRY(glint_config_section(root, "vfe", "channels norm_eps", &vfe));
    const struct glint_json channels = glint_json_get(vfe, "channels");
    GLINT_TRY(
        glint_json_i32s(vfe, "channels", -1, GLINT_VFE_LAYERS, 1, GLINT_CHANNELS_MAX, channels_out, n_out));
    if (*n_out < 1)
        return glint_json_fail(channels, "one layer at least expected");
    for (int32_t l = 0; halved && l + 1 < *n_out; l++)
        if (channels_out[l] % 2)
            return glint_json_fail(glint_json_at(channels, (size_t)l),
                                   "an even number expected, found %d: half of it is the voxel's maximum",
                                   channels_out[l]);
    return glint_json_f64(vfe, "norm_eps", 0, 1, norm_eps_out);
}

/* Where the corner is rounded makes a step of a float now and then, some 8e-6 m in every point's distance. */
static void set_centres(struct glint_vfe *v, const struct glint_model_config *config, bool float_corner)
{
    double size[3] = {0, 0, 0};
    const struct glint_json grid = glint_json_get(config->root, "grid");
    const bool given = float_corner && glint_json_f64s(grid, "pillar", 3, 3, size, NULL) == GLINT_OK;
    for (int k = 0; k < 3; k++) {
        v->cell[k] = config->grid.cell[k];
        v->centre_offset[k] =
            given ? (float)(size[k] / 2 + (double)config->range[k]) : config->centre_offset[k];
    }
}

void glint_vfe_set_columns(struct glint_vfe *v, const struct glint_model_config *config, bool float_corner)
{
    for (int32_t i = 0; i < config->n_fields; i++)
        v->column[v->n_columns++] =
            (struct glint_vfe_column){GLINT_VFE_FIELD, (int32_t)config->fields[i], 1.0f};
    for (int32_t k = 0; k < 3; k++)
        v->column[v->n_columns++] = (struct glint_vfe_column){GLINT_VFE_MEAN, k, 1.0f};
    for (int32_t k = 0; k < 3; k++)
        v->column[v->n_columns++] = (struct glint_vfe_column){GLINT_VFE_CENTRE, k, 1.0f};
    set_centres(v, config, float_corner);
}

void glint_vfe_layer_set(struct glint_vfe_params *p, const char *linear, const char *norm, double norm_eps,
                         int32_t width)
{
    struct glint_vfe *v = &p->vfe;
    const int32_t l = v->n_layers++;
    const int32_t k = l ? v->width[l - 1] : v->n_columns;
    v->width[l] = width;
    glint_affine_set(&p->point[l], linear, false, norm, norm_eps, k, width, 0);
    p->point[l].exact = l == 0; /* coordinates are among its inputs */
    if (l == 0)
        return;
    p->point[l].n_columns = 2 * k; /* [point, voxel's maximum] */
    p->voxel[l] = p->point[l];
    p->voxel[l].first_column = k;
    p->voxel[l].no_shift = true;
}

static int vfe_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_vfe_params *p = layer->params;
    for (int32_t l = 0; l < p->vfe.n_layers; l++) {
        GLINT_TRY(glint_bind_affine(bind, &p->point[l], &p->vfe.point[l]));
        if (l > 0)
            GLINT_TRY(glint_bind_affine(bind, &p->voxel[l], &p->vfe.voxel[l]));
    }
    return GLINT_OK;
}

static float *optional_out(const struct glint_run *r, const struct glint_layer *layer, int32_t place)
{
    return place > 0 ? glint_run_floats(r, layer->out[place]) : NULL;
}

/* A frame's intensity is 0..1; the network may have been trained on another scale. */
static void scale_intensity(struct glint_vfe_column *column, int32_t n_columns, float scale)
{
    for (int32_t i = 0; i < n_columns; i++)
        if (column[i].source == GLINT_VFE_FIELD && column[i].index == GLINT_FIELD_INTENSITY)
            column[i].scale *= scale;
}

void glint_vfe_set_intensity(struct glint_build *b, struct glint_layer *layer, struct glint_vfe_params *p)
{
    p->intensity_scale = b->config->intensity_scale;
    if (!b->config->intensity_tanh)
        return;
    p->tanh_out = layer->n_out;
    glint_build_out(b, layer, glint_build_points(b, NULL, 1));
}

/* The frame's points, with the intensity the network wants where that is another function of it. */
static struct glint_points network_points(const struct glint_run *r, const struct glint_layer *layer,
                                          const struct glint_vfe_params *p)
{
    struct glint_points points = r->points;
    float *out = optional_out(r, layer, p->tanh_out);
    if (!out || r->frame->as_network_input || r->frame->intensity_is_tanh)
        return points;
    for (int32_t i = 0; i < points.n; i++)
        out[i] = tanhf(points.intensity[i]);
    points.intensity = out;
    return points;
}

static double vfe_flop(const struct glint_vfe *v, double n_points, double n_voxels)
{
    double flop = 2.0 * n_points * v->n_columns * v->width[0];
    for (int32_t l = 1; l < v->n_layers; l++)
        flop += 2.0 * (n_points + n_voxels) * v->width[l - 1] * v->width[l];
    return flop;
}

/* What the next layer sees of the first: each point's values and its voxel's maximum. */
static void join_layer(const struct glint_voxels *v, const float *point, const float *voxel, int32_t width,
                       float *out)
{
    const size_t row = (size_t)width * sizeof *out;
    for (int64_t i = 0; i < v->n_voxels; i++)
        for (int64_t p = v->start[i]; p < v->start[i + 1]; p++) {
            memcpy(out + 2 * p * width, point + p * width, row);
            memcpy(out + (2 * p + 1) * width, voxel + i * width, row);
        }
}

static int vfe_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_vfe_params *p = layer->params;
    const struct glint_voxels *v = r->voxels;
    const struct glint_points points = network_points(r, layer, p);
    struct glint_vfe vfe = p->vfe;
    if (!r->frame->as_network_input)
        scale_intensity(vfe.column, vfe.n_columns, p->intensity_scale);
    struct glint_vfe_taps taps = {.in = optional_out(r, layer, p->in_out),
                                  .mean = optional_out(r, layer, p->mean_out)};
    for (int32_t l = 0; l < vfe.n_layers; l++) {
        taps.layer_point[l] = optional_out(r, layer, p->point_out[l]);
        taps.layer_voxel[l] = optional_out(r, layer, p->voxel_out[l]);
    }
    glint_run_flop(r, layer, vfe_flop(&vfe, v->n_points, v->n_voxels));
    GLINT_TRY(glint_vfe(r->exec, &vfe, &points, v->point, v->start, v->coord, v->n_voxels,
                        glint_run_floats(r, layer->out[0]), &taps));
    if (p->joined_out > 0)
        join_layer(v, taps.layer_point[0], taps.layer_voxel[0], vfe.width[0],
                   glint_run_floats(r, layer->out[p->joined_out]));
    return GLINT_OK;
}

static size_t vfe_scratch(const struct glint_net *net, const struct glint_layer *layer)
{
    (void)net;
    return glint_vfe_scratch(&((const struct glint_vfe_params *)layer->params)->vfe);
}

static void vfe_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_vfe *v = &((const struct glint_vfe_params *)layer->params)->vfe;
    size_t used = (size_t)snprintf(text, size, "%d", v->n_columns);
    for (int32_t l = 0; l < v->n_layers && used < size; l++)
        used += (size_t)snprintf(text + used, size - used, " -> %d", v->width[l]);
}

const struct glint_op_info glint_op_vfe = {
    .name = "vfe",
    .params_size = sizeof(struct glint_vfe_params),
    .bind = vfe_bind,
    .scratch = vfe_scratch,
    .run = vfe_run,
    .text = vfe_text,
};

/* mean_vfe */

static int mean_vfe_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_mean_vfe_params *p = layer->params;
    const struct glint_voxels *v = r->voxels;
    struct glint_mean_vfe vfe = p->vfe;
    if (!r->frame->as_network_input)
        scale_intensity(vfe.column, vfe.n_columns, p->intensity_scale);
    glint_run_flop(r, layer, (double)v->n_points * vfe.n_columns);
    return glint_mean_vfe(r->exec, &vfe, &r->points, v->point, v->start, v->n_voxels,
                          glint_run_floats(r, layer->out[0]));
}

const struct glint_op_info glint_op_mean_vfe = {
    .name = "mean_vfe",
    .params_size = sizeof(struct glint_mean_vfe_params),
    .run = mean_vfe_run,
};

/* posenc */

static int posenc_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_posenc_params *p = layer->params;
    const int32_t n = p->style == GLINT_POSENC_WINDOW ? p->window : p->n_values;
    void *table;
    GLINT_TRY(glint_bind_memory(bind, glint_posenc_bytes(p->dim, n), &table));
    if (!table)
        return GLINT_OK;
    if (p->style == GLINT_POSENC_WINDOW)
        glint_posenc_window(&p->posenc, table, p->dim, p->window, p->shift, p->temperature);
    else
        glint_posenc_flatformer(&p->posenc, table, p->dim, n);
    return GLINT_OK;
}

static int posenc_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_posenc_params *p = layer->params;
    return glint_posenc(r->exec, &p->posenc, r->voxels->coord, r->voxels->n_voxels,
                        glint_run_floats(r, layer->out[0]));
}

static void posenc_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_posenc_params *p = layer->params;
    if (p->style == GLINT_POSENC_WINDOW)
        snprintf(text, size, "%d, place in window of %d shifted by %d", p->dim, p->window, p->shift);
    else
        snprintf(text, size, "%d, place in grid of %d", p->dim, p->n_values);
}

const struct glint_op_info glint_op_posenc = {
    .name = "posenc",
    .params_size = sizeof(struct glint_posenc_params),
    .bind = posenc_bind,
    .run = posenc_run,
    .text = posenc_text,
};

/* window_order */

static int window_order_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_window_order_params *p = layer->params;
    return glint_window_sort(r->exec, &p->order, r->voxels->coord, r->voxels->n_voxels,
                             glint_run_ints(r, layer->out[0]), glint_run_bytes(r, layer->out[1]));
}

static void window_order_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_window_order *o = &((const struct glint_window_order_params *)layer->params)->order;
    snprintf(text, size, "window %d, shift %d, along %c", o->window, o->shift, o->axis ? 'y' : 'x');
}

const struct glint_op_info glint_op_window_order = {
    .name = "window_order",
    .params_size = sizeof(struct glint_window_order_params),
    .run = window_order_run,
    .text = window_order_text,
};

/* flat_layer */

static int bind_norm(struct glint_bind *bind, const char *prefix, int32_t n, const float **weight,
                     const float **bias)
{
    char name[GLINT_TENSOR_NAME + 8];
    snprintf(name, sizeof name, "%s.weight", prefix);
    GLINT_TRY(glint_bind_vector(bind, name, n, weight));
    snprintf(name, sizeof name, "%s.bias", prefix);
    return glint_bind_vector(bind, name, n, bias);
}

static int flat_layer_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_flat_layer_params *p = layer->params;
    struct glint_flat_layer *l = &p->layer;
    GLINT_TRY(glint_bind_affine(bind, &p->qk, &l->qk));
    GLINT_TRY(glint_bind_affine(bind, &p->v, &l->v));
    GLINT_TRY(glint_bind_affine(bind, &p->out, &l->out));
    GLINT_TRY(glint_bind_affine(bind, &p->fc1, &l->fc1));
    GLINT_TRY(glint_bind_affine(bind, &p->fc2, &l->fc2));
    GLINT_TRY(bind_norm(bind, p->norm1, l->dim, &l->norm1_weight, &l->norm1_bias));
    return bind_norm(bind, p->norm2, l->dim, &l->norm2_weight, &l->norm2_bias);
}

/* Tokens that the groups hold together: n rounded up to whole groups, or n when there is less than one. */
static int32_t padded(const struct glint_flat_layer *l, int32_t n)
{
    const int32_t groups = (n + l->group - 1) / l->group;
    return n < l->group && l->short_group == GLINT_SHORT_GROUP_SINGLE ? n : groups * l->group;
}

/* Padded position -> sorted position: the last group holds its own tokens, then the ones before them. */
static void tap_groups(struct glint_run *r, const struct glint_flat_layer *l, const float *attn)
{
    const int32_t n = r->voxels->n_voxels, m = padded(l, n), g = n < l->group ? n : l->group;
    const size_t mark = glint_arena_mark(&r->tap_memory);
    int32_t *flat = glint_arena_alloc(&r->tap_memory, (size_t)m * sizeof *flat);
    if (!flat || n == 0)
        return;
    for (int32_t i = 0; i < m; i++)
        flat[i] = i < n ? i : n - g + (i - n);
    glint_run_tap(r, "flat2win", GLINT_DTYPE_I32, 1, (const int64_t[]){m}, flat);
    glint_arena_reset(&r->tap_memory, mark);
    if (attn) {
        const int64_t shape[] = {g, l->dim};
        glint_run_tap(r, "enc.b0.l0.attn.first_group", GLINT_DTYPE_F32, 2, shape, attn);
        glint_run_tap(r, "enc.b0.l0.attn.last_group", GLINT_DTYPE_F32, 2, shape,
                      attn + (int64_t)(m - g) * l->dim);
    }
}

static double flat_layer_flop(const struct glint_flat_layer *l, int32_t n)
{
    const double m = padded(l, n), g = n < l->group ? n : l->group;
    return 2.0 * m * (4.0 * l->dim * l->dim + 2.0 * l->dim * l->ffn) + 4.0 * m * g * l->dim;
}

static int flat_layer_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_flat_layer_params *p = layer->params;
    const int32_t n = r->voxels->n_voxels;
    float *attn = r->tap && layer->n_out > 1 ? glint_run_bytes(r, layer->out[1]) : NULL;
    glint_run_flop(r, layer, flat_layer_flop(&p->layer, n));
    GLINT_TRY(glint_flat_layer(r->exec, &p->layer, glint_run_floats(r, layer->in[0]),
                               glint_run_floats(r, layer->in[1]), glint_run_ints(r, layer->in[2]), n,
                               glint_run_floats(r, layer->out[0]), attn));
    return GLINT_OK;
}

static void flat_layer_show(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_flat_layer_params *p = layer->params;
    if (p->first)
        tap_groups(r, &p->layer, layer->n_out > 1 ? glint_run_bytes(r, layer->out[1]) : NULL);
}

static size_t flat_layer_scratch(const struct glint_net *net, const struct glint_layer *layer)
{
    (void)net;
    return glint_flat_layer_scratch(&((const struct glint_flat_layer_params *)layer->params)->layer);
}

static void flat_layer_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_flat_layer *l = &((const struct glint_flat_layer_params *)layer->params)->layer;
    snprintf(text, size, "%d heads, groups of %d, %d -> %d -> %d", l->heads, l->group, l->dim, l->ffn,
             l->dim);
}

const struct glint_op_info glint_op_flat_layer = {
    .name = "flat_layer",
    .params_size = sizeof(struct glint_flat_layer_params),
    .bind = flat_layer_bind,
    .scratch = flat_layer_scratch,
    .run = flat_layer_run,
    .show = flat_layer_show,
    .text = flat_layer_text,
};
