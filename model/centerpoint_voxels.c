/* model/centerpoint_voxels.c - CenterPoint's sparse backbones (OpenPCDet's VoxelResBackBone8x, and
 * VoxelBackBone8x of plain convolutions): means of hard voxels, four stages of submanifold residual blocks
 * with strided convolutions between, the height compressed to channels. Sites and rules are made once and
 * shared by the layers between the same sites. */
#include "model/centerpoint.h"
#include <stdarg.h>
#include <stdio.h>

struct stage { /* where the next layers stand */
    int32_t tokens, sites, rules;
};

/* Steps between stages, and the last, of the height alone. */
static const struct glint_stencil step = {{3, 3, 3}, {2, 2, 2}, {1, 1, 1}},
                                  last_step = {{3, 3, 3}, {2, 2, 2}, {1, 1, 0}},
                                  height_step = {{1, 1, 3}, {1, 1, 2}, {0, 0, 0}};

/* Surfaces make at most twice as many sites in the second stage, then less; a few scattered voxels eight
 * times as many, of which there is room for some thousands. */
#define SCATTERED 32768

static int32_t cap_sites(const struct glint_build *b, const struct glint_centerpoint *c, int32_t stage)
{
    const int32_t voxels = b->net->cap_voxels < c->hard.max_voxels ? b->net->cap_voxels : c->hard.max_voxels;
    const int64_t cap = stage == 0 ? voxels : stage == 1 ? 2 * (int64_t)voxels : voxels + (int64_t)voxels / 2;
    return stage == 0 ? voxels : (int32_t)cap + SCATTERED;
}

static int32_t add_means(struct glint_build *b, int32_t voxels, int32_t points)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_MEAN_VFE, GLINT_STAGE_ENCODE, "vfe");
    struct glint_mean_vfe_params *p = layer->params;
    p->intensity_scale = b->config->intensity_scale;
    p->vfe.n_columns = b->config->n_fields;
    for (int32_t i = 0; i < b->config->n_fields; i++)
        p->vfe.column[i] = (struct glint_vfe_column){GLINT_VFE_FIELD, (int32_t)b->config->fields[i], 1.0f};
    const int32_t tokens = glint_build_tokens(b, "voxel_mean", b->config->n_fields);
    glint_build_in(b, layer, voxels);
    glint_build_in(b, layer, points);
    glint_build_out(b, layer, tokens);
    return tokens;
}

/* A name of at most 39 characters. */
struct name {
    char text[40];
};

GLINT_PRINTF(1, 2) static struct name name(const char *fmt, ...)
{
    struct name n;
    va_list args;
    va_start(args, fmt);
    vsnprintf(n.text, sizeof n.text, fmt, args);
    va_end(args);
    return n;
}

struct conv { /* PREFIX.KEY and its norm */
    const char *prefix, *key, *norm;
    bool bias;
    int32_t in, sites, rules, residual, n;
    const struct glint_stencil *stencil;
    enum glint_act act;
};

/* norm NULL: without it, as a tap wants to see some. */
static int32_t add_conv(struct glint_build *b, const struct glint_centerpoint *c, const struct conv *v,
                        const char *shown)
{
    char weight[64], norm[64];
    snprintf(weight, sizeof weight, "backbone_3d.%s.%s", v->prefix, v->key);
    snprintf(norm, sizeof norm, "backbone_3d.%s.%s", v->prefix, v->norm ? v->norm : "");
    const int32_t out = glint_build_tokens_of(b, shown, v->n, v->sites);
    glint_build_sparse_conv(b, GLINT_STAGE_ENCODE, weight, v->bias, v->norm ? norm : NULL, c->encoder_eps,
                            v->stencil, v->act, v->in, v->rules, v->residual, out);
    return out;
}

/* A layer more for a tap: the convolution alone. */
static void show_raw(struct glint_build *b, const struct glint_centerpoint *c, struct conv v,
                     const char *shown)
{
    v.norm = NULL;
    v.act = GLINT_ACT_NONE;
    if (b->keep_stages)
        add_conv(b, c, &v, shown);
}

/* relu(norm(conv(relu(norm(conv(x))))) + x), with biases. raw: a tap's name of the first convolution alone,
 * or NULL. */
static void add_block(struct glint_build *b, const struct glint_centerpoint *c, struct stage *s,
                      const char *prefix, int32_t n, const char *shown, const char *raw)
{
    const struct glint_stencil same = glint_stencil_same(3);
    struct conv v = {prefix,   "conv1", "bn1", true,  s->tokens,     s->sites,
                     s->rules, -1,      n,     &same, GLINT_ACT_RELU};
    if (raw)
        show_raw(b, c, v, raw);
    v.in = add_conv(b, c, &v, NULL);
    v.key = "conv2";
    v.norm = "bn2";
    v.residual = s->tokens;
    s->tokens = add_conv(b, c, &v, shown);
}

/* relu(norm(conv(x))) */
static void add_plain(struct glint_build *b, const struct glint_centerpoint *c, struct stage *s,
                      const char *prefix, int32_t n, const char *shown)
{
    const struct glint_stencil same = glint_stencil_same(3);
    const struct conv v = {prefix,   "0", "1", false, s->tokens,     s->sites,
                           s->rules, -1,  n,   &same, GLINT_ACT_RELU};
    s->tokens = add_conv(b, c, &v, shown);
}

/* Blocks of stage i, from number `first` of its list on; of plain convolutions the first stage has one. */
static void add_blocks(struct glint_build *b, const struct glint_centerpoint *c, struct stage *s, int32_t i,
                       int32_t first)
{
    const int32_t n = c->sparse_plain && i == 0 ? 1 : c->sparse_blocks;
    for (int32_t k = 0; k < n; k++) {
        const bool last = k + 1 == n;
        const struct name shown =
            last ? name("sparse.conv%d", i + 1) : name("sparse.conv%d.%d", i + 1, k + first);
        if (c->sparse_plain) {
            add_plain(b, c, s, name("conv%d.%d", i + 1, k + first).text, c->sparse[i], shown.text);
            continue;
        }
        add_block(b, c, s, name("conv%d.%d", i + 1, k + first).text, c->sparse[i], shown.text,
                  i == 0 && k == 0 ? "sparse.conv1.0.conv1.raw" : NULL);
    }
}

static void add_input(struct glint_build *b, const struct glint_centerpoint *c, struct stage *s)
{
    const struct glint_stencil same = glint_stencil_same(3);
    const struct conv v = {"conv_input", "0", "1",          false, s->tokens,     s->sites,
                           s->rules,     -1,  c->sparse[0], &same, GLINT_ACT_RELU};
    show_raw(b, c, v, "sparse.input_conv.raw");
    s->tokens = add_conv(b, c, &v, "sparse.conv_input");
}

/* From stage i - 1 to i: other sites, rules to them and among them. */
static void add_step(struct glint_build *b, const struct glint_centerpoint *c, struct stage *s, int32_t i)
{
    const struct glint_stencil same = glint_stencil_same(3), *k = i == 3 ? &last_step : &step;
    const int32_t sites = glint_build_sites_strided(b, name("sparse.conv%d.coords", i + 1).text, s->sites, k,
                                                    cap_sites(b, c, i));
    const int32_t rules = glint_build_sites_rules(b, name("rules.spconv%d", i + 1).text, s->sites, sites, k);
    const struct name prefix = name("conv%d.0", i + 1);
    const struct conv v = {prefix.text, "0", "1",          false, s->tokens,     sites,
                           rules,       -1,  c->sparse[i], k,     GLINT_ACT_RELU};
    s->tokens = add_conv(b, c, &v, name("sparse.conv%d.down", i + 1).text);
    s->sites = sites;
    s->rules = glint_build_sites_rules(b, name("rules.res%d", i + 1).text, sites, sites, &same);
}

static void add_output(struct glint_build *b, const struct glint_centerpoint *c, struct stage *s)
{
    const int32_t sites =
        glint_build_sites_strided(b, "sparse.conv_out.coords", s->sites, &height_step, cap_sites(b, c, 3));
    const int32_t rules = glint_build_sites_rules(b, "rules.spconv_down2", s->sites, sites, &height_step);
    const struct conv v = {"conv_out", "0", "1",           false,        s->tokens,     sites,
                           rules,      -1,  c->sparse_out, &height_step, GLINT_ACT_RELU};
    show_raw(b, c, v, "sparse.conv_out.down");
    s->tokens = add_conv(b, c, &v, "sparse.conv_out");
    s->sites = sites;
}

/* Channel 2 c + z, and so on for other heights. */
static int32_t add_map(struct glint_build *b, const struct glint_centerpoint *c, const struct stage *s)
{
    struct glint_layer *layer =
        glint_build_layer(b, GLINT_OP_SITES_TO_MAP, GLINT_STAGE_BEV, "height to channels");
    const int32_t *dim = b->net->values[s->sites].dim;
    const int32_t map = glint_build_map(b, "bev", dim[1], dim[0], c->sparse_out * dim[2]);
    glint_build_in(b, layer, s->tokens);
    glint_build_in(b, layer, s->sites);
    glint_build_out(b, layer, map);
    return map;
}

int32_t glint_centerpoint_voxels(struct glint_build *b, const struct glint_centerpoint *c)
{
    const struct glint_stencil same = glint_stencil_same(3);
    const struct glint_grid *g = &b->config->grid;
    const int32_t dim[3] = {g->dim[0], g->dim[1], g->dim[2] + 1}; /* one more, as the reference has */
    int32_t points;
    const int32_t voxels = glint_centerpoint_voxelize(b, c, &points);
    struct stage s = {.sites = glint_build_voxel_sites(b, NULL, voxels, cap_sites(b, c, 0), dim)};
    s.tokens = add_means(b, voxels, points);
    s.rules = glint_build_sites_rules(b, "rules.subm1", s.sites, s.sites, &same);
    glint_build_also(b, s.rules, "rules.res1");
    add_input(b, c, &s);
    add_blocks(b, c, &s, 0, 0);
    for (int32_t i = 1; i < c->n_sparse; i++) {
        add_step(b, c, &s, i);
        add_blocks(b, c, &s, i, 1);
    }
    add_output(b, c, &s);
    return add_map(b, c, &s);
}
