/* tests/model_fixture.h - a FlatFormer small enough to make here: its configuration and random weights under
 * the reference's names; tests change one thing and see what is said. Include after tests/util.h. */
#ifndef GLINT_TESTS_MODEL_FIXTURE_H
#define GLINT_TESTS_MODEL_FIXTURE_H
#include "core/safetensors.h"
#include "core/status.h"
#include <stdarg.h>

#define FIXTURE_TENSORS 256

static const char fixture_config[] =
    "{\"glint\": 1, \"arch\": \"flatformer\", \"name\": \"fixture\", \"classes\": [\"car\", \"person\"],\n"
    "\"input\": {\"fields\": [\"x\", \"y\", \"z\", \"intensity\"]},\n"
    "\"grid\": {\"range\": [-8, -8, -2, 8, 8, 2], \"pillar\": [0.5, 0.5, 4]},\n"
    "\"vfe\": {\"channels\": [8, 16], \"norm_eps\": 0.001},\n"
    "\"encoder\": {\"channels\": 16, \"heads\": 2, \"ffn\": 24, \"blocks\": 1, \"window\": 5, \"group\": 12, "
    "\"norm_eps\": 1e-5},\n"
    "\"backbone\": {\"channels\": [16, 24], \"layers\": [1, 1], \"strides\": [1, 2], \"norm_eps\": 0.001},\n"
    "\"neck\": {\"channels\": [8, 16], \"upsample\": [1, 2], \"norm_eps\": 0.001},\n"
    "\"head\": {\"channels\": 8, \"norm_eps\": 0.001, \"branch_norm_eps\": 1e-5},\n"
    "\"decode\": {\"top_k\": 50, \"score\": [0.1, 0.2], \"iou_power\": 2, \"range\": [-8, -8, -10, 8, 8, "
    "10]},\n"
    "\"nms\": {\"iou\": [0.5, 0.5], \"pre\": [40, 40], \"post\": [20, 20], \"range\": [-8, -8, -10, 8, 8, "
    "10]}}\n";

struct fixture {
    int32_t n;
    struct glint_tensor tensor[FIXTURE_TENSORS];
    char name[FIXTURE_TENSORS][112];
    float *data[FIXTURE_TENSORS];
    uint64_t seed;
};

/* A tensor of random numbers in [lo, hi]. */
static inline void fixture_add(struct fixture *f, float lo, float hi, int32_t n_dims, const int64_t *shape,
                               const char *fmt, ...) GLINT_PRINTF(6, 7);
static inline void fixture_add(struct fixture *f, float lo, float hi, int32_t n_dims, const int64_t *shape,
                               const char *fmt, ...)
{
    struct glint_tensor *t = &f->tensor[f->n];
    va_list args;
    va_start(args, fmt);
    vsnprintf(f->name[f->n], sizeof f->name[0], fmt, args);
    va_end(args);
    *t = (struct glint_tensor){.name = f->name[f->n], .dtype = GLINT_DTYPE_F32, .n_dims = n_dims};
    for (int32_t i = 0; i < n_dims; i++)
        t->shape[i] = shape[i];
    const int64_t size = glint_tensor_elements(t);
    t->data = f->data[f->n] = malloc((size_t)size * sizeof(float));
    for (int64_t i = 0; i < size; i++)
        f->data[f->n][i] = glint_test_uniform(&f->seed, lo, hi);
    f->n++;
}

static inline void fixture_norm(struct fixture *f, int64_t n, const char *prefix)
{
    fixture_add(f, 0.5f, 1.5f, 1, &n, "%s.weight", prefix);
    fixture_add(f, -0.2f, 0.2f, 1, &n, "%s.bias", prefix);
    fixture_add(f, -0.2f, 0.2f, 1, &n, "%s.running_mean", prefix);
    fixture_add(f, 0.5f, 1.5f, 1, &n, "%s.running_var", prefix);
}

static inline void fixture_conv(struct fixture *f, int64_t out, int64_t in, int64_t kernel,
                                const char *weight, const char *norm)
{
    const float size = 1.0f / (float)(in * kernel);
    fixture_add(f, -size, size, 4, (const int64_t[]){out, in, kernel, kernel}, "%s.weight", weight);
    if (norm)
        fixture_norm(f, weight[0] == 'n' ? in : out, norm); /* the neck's weights are [in, out, s, s] */
    else
        fixture_add(f, -0.5f, 0.5f, 1, &out, "%s.bias", weight);
}

static inline void fixture_layer(struct fixture *f, int32_t index)
{
    static const struct {
        const char *name;
        int64_t out, in;
    } parts[] = {
        {"attn.attn.out_proj.", 16, 16}, {"fc1.", 24, 16}, {"fc2.", 16, 24}, {"attn.attn.in_proj_", 48, 16}};
    char prefix[64];
    snprintf(prefix, sizeof prefix, "middle_encoder.block_list.0.block.%d", index);
    for (int i = 0; i < 4; i++) {
        fixture_add(f, -0.3f, 0.3f, 2, (const int64_t[]){parts[i].out, parts[i].in}, "%s.%sweight", prefix,
                    parts[i].name);
        fixture_add(f, -0.1f, 0.1f, 1, &parts[i].out, "%s.%sbias", prefix, parts[i].name);
    }
    for (int i = 1; i <= 2; i++) {
        fixture_add(f, 0.5f, 1.5f, 1, (const int64_t[]){16}, "%s.norm%d.weight", prefix, i);
        fixture_add(f, -0.1f, 0.1f, 1, (const int64_t[]){16}, "%s.norm%d.bias", prefix, i);
    }
}

static inline void fixture_head(struct fixture *f)
{
    static const struct {
        const char *name;
        int64_t n;
    } branches[] = {{"reg", 2}, {"height", 1}, {"dim", 3},    {"rot", 2},
                    {"vel", 2}, {"iou", 1},    {"heatmap", 2}};
    char weight[64], norm[64];
    fixture_conv(f, 8, 24, 3, "bbox_head.shared_conv.conv", "bbox_head.shared_conv.bn");
    for (int i = 0; i < 7; i++) {
        snprintf(weight, sizeof weight, "bbox_head.task_heads.0.%s.0.conv", branches[i].name);
        snprintf(norm, sizeof norm, "bbox_head.task_heads.0.%s.0.bn", branches[i].name);
        fixture_conv(f, 8, 8, 3, weight, norm);
        snprintf(weight, sizeof weight, "bbox_head.task_heads.0.%s.1", branches[i].name);
        fixture_conv(f, branches[i].n, 8, 3, weight, NULL);
    }
}

/* All tensors of fixture_config. */
static inline struct fixture *fixture_open(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->seed = 7;
    fixture_add(f, -0.3f, 0.3f, 2, (const int64_t[]){8, 10}, "voxel_encoder.vfe_layers.0.linear.weight");
    fixture_norm(f, 8, "voxel_encoder.vfe_layers.0.norm");
    fixture_add(f, -0.3f, 0.3f, 2, (const int64_t[]){16, 16}, "voxel_encoder.vfe_layers.1.linear.weight");
    fixture_norm(f, 16, "voxel_encoder.vfe_layers.1.norm");
    for (int32_t i = 0; i < 4; i++)
        fixture_layer(f, i);
    fixture_conv(f, 16, 16, 3, "backbone.blocks.0.0.0", "backbone.blocks.0.0.1");
    fixture_conv(f, 16, 16, 3, "backbone.blocks.0.1.0", "backbone.blocks.0.1.1");
    fixture_conv(f, 24, 16, 3, "backbone.blocks.1.0.0", "backbone.blocks.1.0.1");
    fixture_conv(f, 24, 24, 3, "backbone.blocks.1.1.0", "backbone.blocks.1.1.1");
    fixture_conv(f, 16, 8, 1, "neck.deblocks.0.0", "neck.deblocks.0.1");
    fixture_conv(f, 24, 16, 2, "neck.deblocks.1.0", "neck.deblocks.1.1");
    fixture_head(f);
    return f;
}

static inline void fixture_close(struct fixture *f)
{
    for (int32_t i = 0; i < f->n; i++)
        free(f->data[i]);
    free(f);
}

static inline int32_t fixture_find(const struct fixture *f, const char *name)
{
    for (int32_t i = 0; i < f->n; i++)
        if (!strcmp(f->name[i], name))
            return i;
    fail_msg("no tensor %s in the fixture", name);
    return -1;
}

/* Writes the folder: config text (NULL: fixture_config) and weights. */
static inline void fixture_write(const struct fixture *f, const char *folder, const char *config)
{
    char path[600];
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/config.json", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(config ? config : fixture_config, file);
    fclose(file);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    assert_int_equal(glint_safetensors_write(path, f->tensor, f->n, NULL, 0), GLINT_OK);
}

/* fixture_config with the first `from` replaced by `to`, in static memory. */
static inline const char *fixture_replace(const char *from, const char *to)
{
    static char text[sizeof fixture_config + 1024];
    const char *at = strstr(fixture_config, from);
    if (!at)
        fail_msg("no \"%s\" in the fixture's config", from);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - fixture_config), fixture_config, to,
             at + strlen(from));
    return text;
}
#endif
