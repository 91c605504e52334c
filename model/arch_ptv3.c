/* model/arch_ptv3.c - Point Transformer V3 for semantic segmentation (Wu et al., CVPR 2024): voxels along
 * space-filling curves, attention over patches of them, sparse convolutions for positions, a U-net of levels.
 * Tensor names are those of Pointcept's DefaultSegmentorV2 with the backbone PT-v3m1. */
#include "core/status.h"
#include "model/ops.h"
#include "model/ptv3.h"
#include <stdio.h>
#include <string.h>

#define STAGES_MAX 8
#define BLOCKS_MAX 32

struct parts { /* the configuration's own sections, checked */
    int32_t n_curves;
    enum glint_curve curve[STAGES_MAX][GLINT_LEVEL_CURVES];
    enum glint_level_depth depth;
    int32_t n_stages;
    int32_t enc_blocks[STAGES_MAX], enc_channels[STAGES_MAX], enc_heads[STAGES_MAX], patch[STAGES_MAX];
    int32_t dec_blocks[STAGES_MAX], dec_channels[STAGES_MAX], dec_heads[STAGES_MAX];
    int32_t stem_kernel, mlp_ratio;
    double norm_eps, batch_norm_eps;
};

struct stage { /* values of a level */
    int32_t level, sites, rules, skip;
    int32_t moved; /* its points where they are turned or clipped; -1: those of the frame */
};

/* Configuration */

static int read_curves(struct glint_json s, struct parts *p)
{
    const char *names[GLINT_LEVEL_CURVES];
    GLINT_TRY(glint_json_strings(s, "orders", GLINT_LEVEL_CURVES, names, &p->n_curves));
    for (int32_t i = 0; i < p->n_curves; i++) {
        p->curve[0][i] = glint_curve_find(names[i]);
        if (p->curve[0][i] == GLINT_CURVE_COUNT)
            return glint_json_fail(
                glint_json_at(glint_json_get(s, "orders"), (size_t)i),
                "\"z\", \"z-trans\", \"hilbert\" or \"hilbert-trans\" expected, found \"%s\"", names[i]);
    }
    return p->n_curves ? GLINT_OK
                       : glint_json_fail(glint_json_get(s, "orders"), "one order at least expected");
}

/* The orders of every stage: those of the stage before, permuted. */
static int read_permutations(struct glint_json s, struct parts *p)
{
    int32_t number[STAGES_MAX * GLINT_LEVEL_CURVES];
    const bool there = glint_json_has(s, "permutations");
    if (there)
        GLINT_TRY(glint_json_i32s(s, "permutations", p->n_stages * p->n_curves,
                                  STAGES_MAX * GLINT_LEVEL_CURVES, 0, p->n_curves - 1, number, NULL));
    for (int32_t stage = 0; stage < p->n_stages; stage++) {
        enum glint_curve before[GLINT_LEVEL_CURVES];
        memcpy(before, p->curve[stage ? stage - 1 : 0], sizeof before);
        for (int32_t i = 0; i < p->n_curves; i++)
            p->curve[stage][i] = before[there ? number[stage * p->n_curves + i] : i];
    }
    return GLINT_OK;
}

static int read_serialization(struct glint_json root, struct parts *p)
{
    struct glint_json s;
    const char *depth = "max";
    GLINT_TRY(glint_config_section(root, "serialization", "orders depth permutations", &s));
    GLINT_TRY(read_curves(s, p));
    if (glint_json_has(s, "depth"))
        GLINT_TRY(glint_json_string(s, "depth", &depth));
    if (strcmp(depth, "max") && strcmp(depth, "max+1"))
        return glint_json_fail(glint_json_get(s, "depth"), "\"max\" or \"max+1\" expected, found \"%s\"",
                               depth);
    p->depth = strcmp(depth, "max") ? GLINT_DEPTH_MAX_PLUS_1 : GLINT_DEPTH_MAX;
    return read_permutations(s, p);
}

static int check_heads(struct glint_json s, const int32_t *channels, const int32_t *heads, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (channels[i] % heads[i])
            return glint_json_fail(glint_json_at(glint_json_get(s, "heads"), (size_t)i),
                                   "a divisor of channels (%d) expected, found %d", channels[i], heads[i]);
    return GLINT_OK;
}

#define WIDTH_MAX (GLINT_CHANNELS_MAX / 3) /* q, k and v are one value */

static int read_encoder(struct glint_json root, struct parts *p)
{
    struct glint_json e;
    GLINT_TRY(glint_config_section(root, "encoder", "blocks channels heads patch", &e));
    GLINT_TRY(glint_json_i32s(e, "channels", -1, STAGES_MAX, 1, WIDTH_MAX, p->enc_channels, &p->n_stages));
    if (p->n_stages < 1)
        return glint_json_fail(glint_json_get(e, "channels"), "one stage at least expected");
    GLINT_TRY(glint_json_i32s(e, "blocks", p->n_stages, STAGES_MAX, 0, BLOCKS_MAX, p->enc_blocks, NULL));
    GLINT_TRY(glint_json_i32s(e, "heads", p->n_stages, STAGES_MAX, 1, 256, p->enc_heads, NULL));
    GLINT_TRY(glint_json_i32s(e, "patch", p->n_stages, STAGES_MAX, 1, 4096, p->patch, NULL));
    return check_heads(e, p->enc_channels, p->enc_heads, p->n_stages);
}

static int read_decoder(struct glint_json root, struct parts *p)
{
    struct glint_json d;
    const int32_t n = p->n_stages - 1;
    GLINT_TRY(glint_config_section(root, "decoder", "blocks channels heads", &d));
    GLINT_TRY(glint_json_i32s(d, "channels", n, STAGES_MAX, 1, WIDTH_MAX, p->dec_channels, NULL));
    GLINT_TRY(glint_json_i32s(d, "blocks", n, STAGES_MAX, 0, BLOCKS_MAX, p->dec_blocks, NULL));
    GLINT_TRY(glint_json_i32s(d, "heads", n, STAGES_MAX, 1, 256, p->dec_heads, NULL));
    return check_heads(d, p->dec_channels, p->dec_heads, n);
}

static int read_parts(const struct glint_model_config *config, struct parts *p)
{
    const struct glint_json root = config->root;
    *p = (struct parts){.stem_kernel = 5, .mlp_ratio = 4, .norm_eps = 1e-5, .batch_norm_eps = 1e-3};
    GLINT_TRY(glint_config_only(root,
                                "glint arch name classes point_classes input grid serialization encoder "
                                "decoder stem_kernel mlp_ratio norm_eps batch_norm_eps datasets"));
    if (config->n_point_classes < 1 || config->n_classes > 0)
        return glint_json_fail(root, "point_classes and no classes expected: this architecture makes masks");
    GLINT_TRY(read_encoder(root, p));
    GLINT_TRY(read_serialization(root, p));
    if (p->n_stages > 1)
        GLINT_TRY(read_decoder(root, p));
    GLINT_TRY(glint_config_optional_i32(root, "stem_kernel", 1, GLINT_STENCIL_SIZE, &p->stem_kernel));
    GLINT_TRY(glint_config_optional_i32(root, "mlp_ratio", 1, 16, &p->mlp_ratio));
    GLINT_TRY(glint_config_optional_f64(root, "norm_eps", 0, 1, &p->norm_eps));
    GLINT_TRY(glint_config_optional_f64(root, "batch_norm_eps", 0, 1, &p->batch_norm_eps));
    return p->stem_kernel % 2 ? GLINT_OK
                              : glint_json_fail(glint_json_get(root, "stem_kernel"), "an odd size expected");
}

/* Levels */

static void add_level(struct glint_build *b, const struct parts *parts, struct stage *stages, int32_t s)
{
    static const int32_t dim[3] = {1 << 15, 1 << 15, 1 << 15};
    const struct glint_stencil stencil = glint_stencil_same(3);
    char name[40];
    struct glint_layer *layer = glint_build_layer(b, s ? GLINT_OP_LEVEL_POOL : GLINT_OP_LEVEL_SAMPLE,
                                                  GLINT_STAGE_VOXELIZE, s ? "level %d" : "grid sampling", s);
    struct glint_level_params *p = layer->params;
    p->stage = s;
    p->patch = parts->patch[s];
    p->rule = (struct glint_level_rule){.cell = b->config->cell,
                                        .in_double = b->config->cell_in_double,
                                        .depth = parts->depth,
                                        .n_curves = parts->n_curves};
    memcpy(p->rule.curve, parts->curve[s], sizeof p->rule.curve);
    p->turns = s == 0 && b->config->x_right;
    p->clips = s == 0 && b->config->clips;
    memcpy(p->clip, b->config->range, sizeof p->clip);
    if (s)
        glint_build_in(b, layer, stages[s - 1].level);
    stages[s].level = glint_build_level(b);
    stages[s].sites = glint_build_sites(b, NULL, b->net->cap_voxels, dim);
    glint_build_out(b, layer, stages[s].level);
    glint_build_out(b, layer, stages[s].sites);
    stages[s].moved =
        p->turns || p->clips ? glint_build_bytes(b, 3 * (size_t)b->net->cap_points * sizeof(float)) : -1;
    if (stages[s].moved >= 0)
        glint_build_out(b, layer, stages[s].moved);
    snprintf(name, sizeof name, "stage%d.rules.stage%d", s, s);
    stages[s].rules = glint_build_sites_rules(b, name, stages[s].sites, stages[s].sites, &stencil);
}

static int32_t add_points(struct glint_build *b, const struct stage *stage)
{
    const struct glint_model_config *config = b->config;
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_KEPT_POINTS, GLINT_STAGE_ENCODE, "features");
    struct glint_kept_points_params *p = layer->params;
    p->n_fields = config->n_fields;
    memcpy(p->fields, config->fields, sizeof p->fields);
    p->intensity_scale = config->intensity_scale;
    p->intensity_tanh = config->intensity_tanh;
    const int32_t out = glint_build_tokens_of(b, NULL, config->n_fields, stage->sites);
    glint_build_in(b, layer, stage->level);
    if (stage->moved >= 0)
        glint_build_in(b, layer, stage->moved); /* the level points to them */
    glint_build_out(b, layer, out);
    return out;
}

static int32_t add_stem(struct glint_build *b, const struct parts *parts, const struct stage *stage,
                        int32_t in)
{
    const struct glint_stencil stencil = glint_stencil_same(parts->stem_kernel);
    const int32_t rules =
        glint_build_sites_rules(b, "stage0.rules.stem", stage->sites, stage->sites, &stencil);
    const int32_t out = glint_build_tokens_of(b, "stem", parts->enc_channels[0], stage->sites);
    glint_build_sparse_conv(b, GLINT_STAGE_ENCODE, "backbone.embedding.stem.conv", false,
                            "backbone.embedding.stem.norm", parts->batch_norm_eps, &stencil, GLINT_ACT_GELU,
                            in, rules, -1, out);
    return out;
}

/* Maps of rows */

static int32_t add_linear(struct glint_build *b, enum glint_stage stage, const char *prefix, const char *norm,
                          double norm_eps, enum glint_act act, int32_t in, int32_t added, int32_t out)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_LINEAR, stage, "%s", prefix);
    struct glint_linear_params *p = layer->params;
    glint_affine_set(&p->affine, prefix, true, norm, norm_eps, b->net->values[in].c, b->net->values[out].c,
                     0);
    p->act = act;
    glint_build_in(b, layer, in);
    if (added >= 0)
        glint_build_in(b, layer, added);
    glint_build_out(b, layer, out);
    return out;
}

/* A linear map (and a second one of an MLP) with its layer norm, of a block. */
static struct glint_layer *add_rows(struct glint_build *b, const struct parts *parts, enum glint_op op,
                                    const char *block, const char *map, const char *norm, int32_t k,
                                    int32_t n)
{
    struct glint_layer *layer = glint_build_layer(b, op, GLINT_STAGE_ATTEND, "%s.%s", block, map);
    struct glint_rows_params *p = layer->params;
    char prefix[GLINT_TENSOR_NAME / 2];
    snprintf(prefix, sizeof prefix, "%s.%s", block, map);
    glint_affine_set(&p->affine, prefix, true, NULL, 0, k, n, 0);
    snprintf(p->norm_name, sizeof p->norm_name, "%s.%s", block, norm);
    p->norm.eps = (float)parts->norm_eps;
    return layer;
}

/* A block's own name is that of its result; parts are shown to a tap. */
struct block {
    char prefix[40], name[24];
    const struct stage *stage;
    int32_t index, channels, heads, patch;
};

static int32_t tokens(struct glint_build *b, const struct block *k, int32_t c)
{
    return glint_build_tokens_of(b, NULL, c, k->stage->sites);
}

/* Shows what a layer adds to its input. */
static void show_branch(struct glint_build *b, const struct block *k, struct glint_layer *layer,
                        const char *part)
{
    char name[40];
    snprintf(name, sizeof name, "%s.%s", k->name, part);
    if (b->keep_stages)
        glint_build_out(b, layer, glint_build_tokens_of(b, name, k->channels, k->stage->sites));
}

/* Position encoding: x + norm(linear(convolution of `seen`)). */
static int32_t add_cpe(struct glint_build *b, const struct parts *parts, const struct block *k, int32_t x,
                       int32_t seen)
{
    const struct glint_stencil stencil = glint_stencil_same(3);
    const int32_t conv = tokens(b, k, k->channels), out = tokens(b, k, k->channels);
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s.cpe.0", k->prefix);
    glint_build_sparse_conv(b, GLINT_STAGE_ATTEND, prefix, true, NULL, 0, &stencil, GLINT_ACT_NONE, seen,
                            k->stage->rules, -1, conv);
    struct glint_layer *layer =
        add_rows(b, parts, GLINT_OP_LINEAR_NORM, k->prefix, "cpe.1", "cpe.2", k->channels, k->channels);
    glint_build_in(b, layer, conv);
    glint_build_in(b, layer, x);
    glint_build_out(b, layer, out);
    show_branch(b, k, layer, "cpe");
    return out;
}

static int32_t add_attention(struct glint_build *b, const struct parts *parts, const struct block *k,
                             int32_t x)
{
    const int32_t c = k->channels, qkv = tokens(b, k, 3 * c), attended = tokens(b, k, c);
    struct glint_layer *layer =
        add_rows(b, parts, GLINT_OP_NORM_LINEAR, k->prefix, "attn.qkv", "norm1.0", c, 3 * c);
    char prefix[64];
    glint_build_in(b, layer, x);
    glint_build_out(b, layer, qkv);
    layer = glint_build_layer(b, GLINT_OP_PATCH_ATTEND, GLINT_STAGE_ATTEND, "%s.attn", k->prefix);
    struct glint_patch_attend_params *p = layer->params;
    p->attend = (struct glint_patch_attend){.dim = c, .heads = k->heads, .size = k->patch};
    p->curve = k->index % parts->n_curves;
    glint_build_in(b, layer, qkv);
    glint_build_in(b, layer, k->stage->level);
    glint_build_out(b, layer, attended);
    snprintf(prefix, sizeof prefix, "%s.attn.proj", k->prefix);
    const int32_t out =
        add_linear(b, GLINT_STAGE_ATTEND, prefix, NULL, 0, GLINT_ACT_NONE, attended, x, tokens(b, k, c));
    if (b->status == GLINT_OK)
        show_branch(b, k, &b->net->layers[b->net->n_layers - 1], "attn");
    return out;
}

static int32_t add_mlp(struct glint_build *b, const struct parts *parts, const struct block *k, int32_t x)
{
    const int32_t c = k->channels, hidden = parts->mlp_ratio * c;
    struct glint_layer *layer =
        add_rows(b, parts, GLINT_OP_NORM_MLP, k->prefix, "mlp.0.fc1", "norm2.0", c, hidden);
    struct glint_rows_params *p = layer->params;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s.mlp.0.fc2", k->prefix);
    glint_affine_set(&p->affine2, prefix, true, NULL, 0, hidden, c, 0);
    const int32_t out = glint_build_tokens_of(b, k->name, c, k->stage->sites);
    glint_build_in(b, layer, x);
    glint_build_out(b, layer, out);
    show_branch(b, k, layer, "mlp");
    return out;
}

/* The first block of a decoder's stage has its convolution see the skip branch alone, as the reference does:
 * the sparse tensor is not renewed after the addition. */
static int32_t add_block(struct glint_build *b, const struct parts *parts, const struct block *k, int32_t x,
                         int32_t seen)
{
    x = add_cpe(b, parts, k, x, seen);
    x = add_attention(b, parts, k, x);
    return add_mlp(b, parts, k, x);
}

/* The encoder */

static int32_t add_down(struct glint_build *b, const struct parts *parts, const struct stage *stages,
                        int32_t s, int32_t x)
{
    char prefix[64], name[40];
    snprintf(prefix, sizeof prefix, "backbone.enc.enc%d.down.proj", s);
    snprintf(name, sizeof name, "enc%d.down", s);
    const int32_t c = parts->enc_channels[s];
    const int32_t wide = add_linear(b, GLINT_STAGE_ENCODE, prefix, NULL, 0, GLINT_ACT_NONE, x, -1,
                                    glint_build_tokens_of(b, NULL, c, stages[s - 1].sites));
    const int32_t out = glint_build_tokens_of(b, name, c, stages[s].sites);
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_CLUSTER_MAX, GLINT_STAGE_ENCODE, "%s", name);
    struct glint_cluster_max_params *p = layer->params;
    snprintf(p->norm, sizeof p->norm, "backbone.enc.enc%d.down.norm.0", s);
    p->norm_eps = parts->batch_norm_eps;
    p->channels = c;
    glint_build_in(b, layer, wide);
    glint_build_in(b, layer, stages[s - 1].level);
    glint_build_in(b, layer, stages[s].level);
    glint_build_out(b, layer, out);
    return out;
}

static int32_t add_encoder(struct glint_build *b, const struct parts *parts, struct stage *stages, int32_t x)
{
    for (int32_t s = 0; s < parts->n_stages; s++) {
        if (s)
            x = add_down(b, parts, stages, s, x);
        for (int32_t i = 0; i < parts->enc_blocks[s]; i++) {
            struct block k = {.stage = &stages[s],
                              .index = i,
                              .channels = parts->enc_channels[s],
                              .heads = parts->enc_heads[s],
                              .patch = parts->patch[s]};
            snprintf(k.prefix, sizeof k.prefix, "backbone.enc.enc%d.block%d", s, i);
            snprintf(k.name, sizeof k.name, "enc%d.block%d", s, i);
            x = add_block(b, parts, &k, x, x);
        }
        stages[s].skip = x;
    }
    return x;
}

/* The decoder */

static int32_t add_up_map(struct glint_build *b, const struct parts *parts, int32_t s, const char *map,
                          const char *name, int32_t in, int32_t sites)
{
    char prefix[64], norm[64];
    snprintf(prefix, sizeof prefix, "backbone.dec.dec%d.up.%s.0", s, map);
    snprintf(norm, sizeof norm, "backbone.dec.dec%d.up.%s.1", s, map);
    return add_linear(b, GLINT_STAGE_ENCODE, prefix, norm, parts->batch_norm_eps, GLINT_ACT_GELU, in, -1,
                      glint_build_tokens_of(b, name, parts->dec_channels[s], sites));
}

static int32_t add_up(struct glint_build *b, const struct parts *parts, const struct stage *stages, int32_t s,
                      int32_t x, int32_t *skip_out)
{
    char name[40];
    const int32_t up = add_up_map(b, parts, s, "proj", NULL, x, stages[s + 1].sites);
    snprintf(name, sizeof name, "dec%d.up.skip", s);
    *skip_out = add_up_map(b, parts, s, "proj_skip", name, stages[s].skip, stages[s].sites);
    snprintf(name, sizeof name, "dec%d.up", s);
    const int32_t out = glint_build_tokens_of(b, name, parts->dec_channels[s], stages[s].sites);
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_CLUSTER_ADD, GLINT_STAGE_ENCODE, "%s", name);
    glint_build_in(b, layer, *skip_out);
    glint_build_in(b, layer, up);
    glint_build_in(b, layer, stages[s + 1].level);
    glint_build_out(b, layer, out);
    return out;
}

static int32_t add_decoder(struct glint_build *b, const struct parts *parts, const struct stage *stages,
                           int32_t x)
{
    for (int32_t s = parts->n_stages - 2; s >= 0; s--) {
        int32_t skip;
        x = add_up(b, parts, stages, s, x, &skip);
        for (int32_t i = 0; i < parts->dec_blocks[s]; i++) {
            struct block k = {.stage = &stages[s],
                              .index = i,
                              .channels = parts->dec_channels[s],
                              .heads = parts->dec_heads[s],
                              .patch = parts->patch[s]};
            snprintf(k.prefix, sizeof k.prefix, "backbone.dec.dec%d.block%d", s, i);
            snprintf(k.name, sizeof k.name, "dec%d.block%d", s, i);
            x = add_block(b, parts, &k, x, i ? x : skip);
        }
    }
    return x;
}

static void add_head(struct glint_build *b, const struct stage *stage, int32_t x)
{
    const int32_t logits =
        add_linear(b, GLINT_STAGE_HEAD, "seg_head", NULL, 0, GLINT_ACT_NONE, x, -1,
                   glint_build_tokens_of(b, "logits", b->config->n_point_classes, stage->sites));
    if (b->status == GLINT_OK)
        ((struct glint_linear_params *)b->net->layers[b->net->n_layers - 1].params)->affine.exact = true;
    struct glint_layer *layer =
        glint_build_layer(b, GLINT_OP_ROW_CLASSES, GLINT_STAGE_HEAD, "classes of the points");
    glint_build_in(b, layer, logits);
    glint_build_in(b, layer, stage->level);
    glint_build_out(b, layer, glint_build_bytes(b, 12 * (size_t)b->net->cap_voxels));
}

static int build(struct glint_build *b)
{
    struct parts parts;
    struct stage stages[STAGES_MAX] = {0};
    GLINT_TRY(read_parts(b->config, &parts));
    for (int32_t s = 0; s < parts.n_stages; s++)
        add_level(b, &parts, stages, s);
    int32_t x = add_stem(b, &parts, &stages[0], add_points(b, &stages[0]));
    x = add_encoder(b, &parts, stages, x);
    x = add_decoder(b, &parts, stages, x);
    add_head(b, &stages[0], x);
    return b->status;
}

const struct glint_arch glint_arch_ptv3 = {
    .name = "ptv3",
    .free_grid = true,
    .turns = true,
    .build = build,
    .recognise = glint_ptv3_recognise,
    .convert = glint_ptv3_convert,
};
