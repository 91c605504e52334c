/* model/op_rows.c - operations on rows of tokens by themselves, and attention over patches of them. */
#include "core/status.h"
#include "model/ptv3.h"
#include <stdio.h>

extern const struct glint_op_info glint_op_linear, glint_op_norm_linear, glint_op_linear_norm,
    glint_op_norm_mlp, glint_op_patch_attend;

/* What a tap sees apart; NULL: nobody looks. */
static float *branch_of(const struct glint_run *r, const struct glint_layer *layer)
{
    return layer->n_out > 1 ? glint_run_floats(r, layer->out[1]) : NULL;
}

static void count(struct glint_run *r, const struct glint_layer *layer, double rows,
                  const struct glint_weights *w)
{
    glint_run_flop(r, layer, 2.0 * rows * w->k * w->n);
    r->cost.bytes[layer->stage] += 4.0 * (rows * (w->k + w->n) + (double)w->k * w->n);
}

/* linear */

static int linear_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_linear_params *p = layer->params;
    return glint_bind_affine(bind, &p->affine, &p->weights);
}

static int linear_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_linear_params *p = layer->params;
    const struct glint_weights *w = &p->weights;
    const int32_t m = glint_run_rows(r, layer->out[0]);
    const float *in = glint_run_floats(r, layer->in[0]);
    const float *added = layer->n_in > 1 ? glint_run_floats(r, layer->in[1]) : NULL;
    float *out = glint_run_floats(r, layer->out[0]), *branch = branch_of(r, layer);
    count(r, layer, m, w);
    GLINT_TRY(glint_linear(r->exec, w, in, w->k, m, out, w->n, p->act, added, w->n));
    return branch ? glint_linear(r->exec, w, in, w->k, m, branch, w->n, p->act, NULL, 0) : GLINT_OK;
}

static void linear_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_linear_params *p = layer->params;
    snprintf(text, size, "%d -> %d%s%s", p->affine.k, p->affine.n, p->act == GLINT_ACT_GELU ? ", gelu" : "",
             layer->n_in > 1 ? ", residual" : "");
}

const struct glint_op_info glint_op_linear = {
    .name = "linear",
    .params_size = sizeof(struct glint_linear_params),
    .bind = linear_bind,
    .run = linear_run,
    .text = linear_text,
};

/* norm_linear, linear_norm, norm_mlp */

static int rows_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_rows_params *p = layer->params;
    const int32_t n = layer->op == GLINT_OP_LINEAR_NORM ? p->affine.n : p->affine.k;
    char name[GLINT_TENSOR_NAME + 8];
    GLINT_TRY(glint_bind_affine(bind, &p->affine, &p->weights));
    if (layer->op == GLINT_OP_NORM_MLP)
        GLINT_TRY(glint_bind_affine(bind, &p->affine2, &p->weights2));
    snprintf(name, sizeof name, "%s.weight", p->norm_name);
    GLINT_TRY(glint_bind_vector(bind, name, n, &p->norm.weight));
    snprintf(name, sizeof name, "%s.bias", p->norm_name);
    return glint_bind_vector(bind, name, n, &p->norm.bias);
}

static size_t rows_scratch(const struct glint_net *net, const struct glint_layer *layer)
{
    const struct glint_rows_params *p = layer->params;
    (void)net;
    return glint_rows_scratch(p->affine.k + p->affine.n);
}

static void rows_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_rows_params *p = layer->params;
    if (layer->op == GLINT_OP_NORM_MLP)
        snprintf(text, size, "%d -> %d -> %d, gelu, residual", p->affine.k, p->affine.n, p->affine2.n);
    else
        snprintf(text, size, "%d -> %d%s", p->affine.k, p->affine.n, layer->n_in > 1 ? ", residual" : "");
}

static int norm_linear_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_rows_params *p = layer->params;
    const int32_t m = glint_run_rows(r, layer->out[0]);
    count(r, layer, m, &p->weights);
    return glint_norm_linear(r->exec, &p->norm, &p->weights, glint_run_floats(r, layer->in[0]), m,
                             glint_run_floats(r, layer->out[0]));
}

const struct glint_op_info glint_op_norm_linear = {
    .name = "norm_linear",
    .params_size = sizeof(struct glint_rows_params),
    .bind = rows_bind,
    .scratch = rows_scratch,
    .run = norm_linear_run,
    .text = rows_text,
};

static int linear_norm_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_rows_params *p = layer->params;
    const int32_t m = glint_run_rows(r, layer->out[0]);
    count(r, layer, m, &p->weights);
    return glint_linear_norm(r->exec, &p->weights, &p->norm, glint_run_floats(r, layer->in[0]), m,
                             glint_run_floats(r, layer->in[1]), glint_run_floats(r, layer->out[0]),
                             branch_of(r, layer));
}

const struct glint_op_info glint_op_linear_norm = {
    .name = "linear_norm",
    .params_size = sizeof(struct glint_rows_params),
    .bind = rows_bind,
    .scratch = rows_scratch,
    .run = linear_norm_run,
    .text = rows_text,
};

static int norm_mlp_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_rows_params *p = layer->params;
    const int32_t m = glint_run_rows(r, layer->out[0]);
    count(r, layer, m, &p->weights);
    count(r, layer, m, &p->weights2);
    return glint_norm_mlp(r->exec, &p->norm, &p->weights, &p->weights2, glint_run_floats(r, layer->in[0]), m,
                          glint_run_floats(r, layer->out[0]), branch_of(r, layer));
}

const struct glint_op_info glint_op_norm_mlp = {
    .name = "norm_mlp",
    .params_size = sizeof(struct glint_rows_params),
    .bind = rows_bind,
    .scratch = rows_scratch,
    .run = norm_mlp_run,
    .text = rows_text,
};

/* patch_attend */

static int patch_attend_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_patch_attend_params *p = layer->params;
    const struct glint_level *level = &glint_run_get_level(r, layer->in[1])->level;
    struct glint_patch_attend attend = p->attend;
    attend.narrow = r->net->narrow != GLINT_NARROW_NONE;
    glint_run_flop(r, layer, glint_patch_attend_flop(&attend, level->n));
    return glint_patch_attend(r->exec, &attend, glint_run_floats(r, layer->in[0]), level->order[p->curve],
                              level->n, glint_run_floats(r, layer->out[0]));
}

static size_t patch_attend_scratch(const struct glint_net *net, const struct glint_layer *layer)
{
    (void)net;
    return glint_patch_attend_scratch(&((const struct glint_patch_attend_params *)layer->params)->attend);
}

static void patch_attend_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_patch_attend_params *p = layer->params;
    snprintf(text, size, "%d heads, patches of %d, order %d", p->attend.heads, p->attend.size, p->curve);
}

const struct glint_op_info glint_op_patch_attend = {
    .name = "patch_attend",
    .params_size = sizeof(struct glint_patch_attend_params),
    .scratch = patch_attend_scratch,
    .run = patch_attend_run,
    .text = patch_attend_text,
};
