/* model/build.c - see build.h. The lists have fixed capacities, reserved at the start, so that layers and
 * values keep their places while an architecture adds to them; what does not fit sets build->status, and a
 * spare layer takes the writes that follow. */
#include "model/build.h"
#include "core/status.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MAX   (4 * GLINT_NET_LAYERS_MAX)
#define PARAMS_BYTES (GLINT_NET_LAYERS_MAX * (size_t)4096)
#define SPARE_PARAMS 65536

/* Adding a model's architecture is one file and one line here. */
static const struct glint_arch *const archs[] = {
    &glint_arch_centerpoint, &glint_arch_dsvt, &glint_arch_flatformer,
    &glint_arch_flatpoint,   &glint_arch_ptv3, &glint_arch_sst,
};

/* Values */

static int32_t add_value(struct glint_build *b, struct glint_value value, const char *name)
{
    struct glint_net *net = b->net;
    if (b->status != GLINT_OK)
        return 0;
    if (net->n_values == net->cap_values) {
        b->status = glint_json_fail(b->config->root, "more than %d values in the network", net->cap_values);
        return 0;
    }
    snprintf(value.name, sizeof value.name, "%s", name ? name : "");
    value.first = value.last = -1;
    net->values[net->n_values] = value;
    return net->n_values++;
}

static bool check_channels(struct glint_build *b, const char *name, int32_t c)
{
    if (b->status == GLINT_OK && (c < 1 || c > GLINT_CHANNELS_MAX))
        b->status = glint_json_fail(b->config->root, "%s would have %d channels; 1..%d are possible",
                                    name && *name ? name : "a value", c, GLINT_CHANNELS_MAX);
    return b->status == GLINT_OK;
}

int32_t glint_build_voxels(struct glint_build *b)
{
    return add_value(b, (struct glint_value){.kind = GLINT_VALUE_VOXELS, .sites = -1, .parent = -1}, NULL);
}

int32_t glint_build_points(struct glint_build *b, const char *name, int32_t c)
{
    check_channels(b, name, c);
    return add_value(b, (struct glint_value){.kind = GLINT_VALUE_POINTS, .c = c, .sites = -1, .parent = -1},
                     name);
}

int32_t glint_build_tokens(struct glint_build *b, const char *name, int32_t c)
{
    return glint_build_tokens_of(b, name, c, -1);
}

int32_t glint_build_order(struct glint_build *b, const char *name)
{
    return glint_build_order_of(b, name, -1);
}

int32_t glint_build_tokens_of(struct glint_build *b, const char *name, int32_t c, int32_t sites)
{
    check_channels(b, name, c);
    return add_value(
        b, (struct glint_value){.kind = GLINT_VALUE_TOKENS, .c = c, .sites = sites, .parent = -1}, name);
}

int32_t glint_build_order_of(struct glint_build *b, const char *name, int32_t sites)
{
    return add_value(b, (struct glint_value){.kind = GLINT_VALUE_ORDER, .c = 1, .sites = sites, .parent = -1},
                     name);
}

int32_t glint_build_sites(struct glint_build *b, const char *name, int32_t cap, const int32_t dim[3])
{
    if (cap <= 0)
        cap = b->net->cap_voxels;
    return add_value(b,
                     (struct glint_value){.kind = GLINT_VALUE_SITES,
                                          .cap = cap,
                                          .dim = {dim[0], dim[1], dim[2]},
                                          .sites = -1,
                                          .parent = -1},
                     name);
}

int32_t glint_build_level(struct glint_build *b)
{
    return add_value(
        b,
        (struct glint_value){.kind = GLINT_VALUE_LEVEL, .cap = b->net->cap_voxels, .sites = -1, .parent = -1},
        NULL);
}

int32_t glint_build_rules(struct glint_build *b, const char *name, int32_t sites, int32_t n_cells)
{
    return add_value(
        b, (struct glint_value){.kind = GLINT_VALUE_RULES, .sites = sites, .n_cells = n_cells, .parent = -1},
        name);
}

int32_t glint_build_map(struct glint_build *b, const char *name, int32_t h, int32_t w, int32_t c)
{
    check_channels(b, name, c);
    if (b->status == GLINT_OK && (h < 1 || w < 1))
        b->status =
            glint_json_fail(b->config->root, "%s would be a map of %d x %d", name ? name : "a value", h, w);
    return add_value(
        b, (struct glint_value){.kind = GLINT_VALUE_MAP, .h = h, .w = w, .c = c, .sites = -1, .parent = -1},
        name);
}

int32_t glint_build_slice(struct glint_build *b, const char *name, int32_t map, int32_t first_channel,
                          int32_t c)
{
    if (b->status != GLINT_OK)
        return 0;
    const struct glint_value *m = &b->net->values[map];
    assert(m->kind == GLINT_VALUE_MAP && m->parent < 0 && first_channel >= 0 && first_channel + c <= m->c);
    const struct glint_value slice = {.kind = GLINT_VALUE_MAP,
                                      .h = m->h,
                                      .w = m->w,
                                      .c = c,
                                      .sites = -1,
                                      .parent = map,
                                      .first_channel = first_channel};
    return add_value(b, slice, name);
}

int32_t glint_build_bytes(struct glint_build *b, size_t bytes)
{
    return add_value(
        b, (struct glint_value){.kind = GLINT_VALUE_BYTES, .bytes = bytes, .sites = -1, .parent = -1}, NULL);
}

void glint_build_also(struct glint_build *b, int32_t value, const char *name)
{
    if (b->status == GLINT_OK)
        snprintf(b->net->values[value].also, sizeof b->net->values[value].also, "%s", name);
}

/* Layers */

static struct glint_layer *spare_layer(struct glint_net *net)
{
    struct glint_layer *spare = &net->layers[net->cap_layers];
    memset(net->params.base, 0, SPARE_PARAMS);
    *spare = (struct glint_layer){.params = net->params.base};
    return spare;
}

struct glint_layer *glint_build_layer(struct glint_build *b, enum glint_op op, enum glint_stage stage,
                                      const char *name, ...)
{
    struct glint_net *net = b->net;
    const size_t size = glint_op_get(op)->params_size;
    assert(size <= SPARE_PARAMS);
    void *params = NULL;
    if (b->status == GLINT_OK && net->n_layers < net->cap_layers)
        params = glint_arena_alloc(&net->params, size ? size : 1);
    if (b->status == GLINT_OK && !params)
        b->status = glint_json_fail(b->config->root, "more than %d layers in the network", net->cap_layers);
    if (b->status != GLINT_OK)
        return spare_layer(net);
    struct glint_layer *layer = &net->layers[net->n_layers++];
    *layer = (struct glint_layer){.op = op, .stage = stage, .params = memset(params, 0, size)};
    va_list args;
    va_start(args, name);
    vsnprintf(layer->name, sizeof layer->name, name, args);
    va_end(args);
    return layer;
}

void glint_build_in(struct glint_build *b, struct glint_layer *layer, int32_t value)
{
    (void)b;
    assert(layer->n_in < GLINT_LAYER_VALUES);
    layer->in[layer->n_in++] = value;
}

void glint_build_out(struct glint_build *b, struct glint_layer *layer, int32_t value)
{
    (void)b;
    assert(layer->n_out < GLINT_LAYER_VALUES);
    layer->out[layer->n_out++] = value;
}

/* The net */

static int init_net(struct glint_net *net, const struct glint_model_config *config, int32_t cap_points)
{
    const int64_t cells = (int64_t)config->grid.dim[0] * config->grid.dim[1] * config->grid.dim[2];
    *net = (struct glint_net){
        .cap_layers = GLINT_NET_LAYERS_MAX, .cap_values = VALUES_MAX, .cap_points = cap_points};
    net->cap_voxels = (int32_t)(cells < cap_points ? cells : cap_points);
    if (config->max_pillars > 0 && config->max_pillars < net->cap_voxels)
        net->cap_voxels = config->max_pillars;
    net->layers = calloc((size_t)net->cap_layers + 1, sizeof *net->layers);
    net->values = calloc((size_t)net->cap_values, sizeof *net->values);
    if (!net->layers || !net->values)
        return glint_fail(GLINT_E_NOMEM, "no memory for a network's layers");
    GLINT_TRY(glint_arena_init(&net->params, PARAMS_BYTES + SPARE_PARAMS));
    glint_arena_alloc(&net->params, SPARE_PARAMS);
    return GLINT_OK;
}

int glint_net_build(const struct glint_model_config *config, int32_t cap_points, bool keep_stages,
                    struct glint_net *net)
{
    struct glint_build b = {.config = config, .keep_stages = keep_stages, .net = net};
    const struct glint_arch *arch = glint_arch_find(config->arch);
    *net = (struct glint_net){0};
    if (!arch)
        return glint_json_fail(glint_json_get(config->root, "arch"), "\"%s\" is not known here",
                               config->arch);
    if (config->x_right && !arch->turns)
        return glint_json_fail(glint_json_get(glint_json_get(config->root, "input"), "axes"),
                               "\"x forward, y left, z up\" expected for this architecture");
    if (arch->free_grid != config->free_grid)
        return glint_json_fail(glint_json_get(config->root, "grid"), "%s expected for this architecture",
                               arch->free_grid ? "a cell size \"cell\"" : "\"range\" and \"pillar\"");
    int status = init_net(net, config, cap_points);
    if (status == GLINT_OK)
        status = arch->build(&b);
    if (status == GLINT_OK)
        status = b.status;
    if (status != GLINT_OK)
        glint_net_fini(net);
    return status;
}

void glint_net_fini(struct glint_net *net)
{
    free(net->layers);
    free(net->values);
    glint_arena_fini(&net->params);
    *net = (struct glint_net){0};
}

/* Architectures */

const struct glint_arch *glint_arch_find(const char *name)
{
    for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
        if (!strcmp(archs[i]->name, name))
            return archs[i];
    return NULL;
}

const struct glint_arch *glint_arch_recognise(struct glint_json foreign)
{
    for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
        if (archs[i]->recognise && archs[i]->recognise(foreign))
            return archs[i];
    return NULL;
}

void glint_text_add(struct glint_text *text, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(text->data + text->used, text->cap - text->used, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= text->cap - text->used) {
        text->status = GLINT_E_CAPACITY;
        text->used = text->cap - 1;
    } else {
        text->used += (size_t)n;
    }
}
