/* model/model.c - the public face of a model; see glint/model.h. Everything is reserved in glint_model_open,
 * so that a run only walks the list of layers. */
#include "core/cpu.h"
#include "core/status.h"
#include "glint/model.h"
#include "model/device_net.h"
#include "model/height.h"
#include "model/instances.h"
#include "model/plan.h"
#include "model/run.h"
#include "model/sparse.h"
#include "model/views.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_MAX  ((size_t)8 << 30)  /* a configuration that needs more is taken for a mistake */
#define MEMORY_FREE ((size_t)16 << 30) /* of cells without bounds, where little of it is ever touched */
#define SCRATCH_MIN ((size_t)1 << 20)  /* per worker */

struct glint_model {
    struct glint_model_config config;
    struct glint_net net;
    struct glint_arena weights, memory, voxel_memory;
    struct glint_arena_touch *touch;
    struct glint_voxels voxels;
    struct glint_exec exec;
    struct glint_run run;
    struct glint_model_info info;
    bool keep_stages;
    struct glint_device_net *device; /* NULL: runs on the CPU */
    char device_note[256];           /* of "auto" on the CPU: why */
    struct glint_model *boxes;       /* settings' boxes_folder; NULL */
    struct glint_instances instances;
    struct glint_views views;
    struct glint_arena views_memory;
    struct glint_height height;
};

void glint_model_settings_default(struct glint_model_settings *s)
{
    *s = (struct glint_model_settings){
        .device = "auto",
        .n_threads = glint_cpu_count(),
        .isa = glint_cpu_isa(),
        .cap_points = 262144,
        .score = -1.0f,
    };
}

#define ON_CPU (-1)
#define ANY    (-2)

/* "cpu", "auto", or "cuda" and "cuda:N" to N. */
static int read_device(const char *text, int *index_out)
{
    const char *at = text ? text : "auto";
    *index_out = strcmp(at, "cpu") ? ANY : ON_CPU;
    if (!strcmp(at, "cpu") || !strcmp(at, "auto"))
        return GLINT_OK;
    *index_out = 0;
    if (!strcmp(at, "cuda"))
        return GLINT_OK;
    if (strncmp(at, "cuda:", 5) || strlen(at) < 6 || strlen(at) > 8 ||
        strspn(at + 5, "0123456789") != strlen(at + 5))
        return glint_fail(GLINT_E_DEVICE, "device \"%.40s\": expected auto, cpu, cuda or cuda:N", at);
    for (at += 5; *at; at++)
        *index_out = 10 * *index_out + (*at - '0');
    return GLINT_OK;
}

static int check_cpu(const struct glint_model_settings *s)
{
    if (s->precision == GLINT_PRECISION_BF16 && !(s->isa & GLINT_ISA_AVX512_BF16))
        return glint_fail(GLINT_E_DEVICE,
                          "precision bf16: AVX512_BF16 wanted, here is %s; f32 runs everywhere",
                          glint_cpu_isa_name(s->isa));
    if (s->precision == GLINT_PRECISION_F16)
        return glint_fail(GLINT_E_DEVICE, "precision f16: a CUDA device wanted; f32 runs everywhere");
    if (s->precision == GLINT_PRECISION_I16 && !(s->isa & GLINT_ISA_AVX512_VNNI))
        return glint_fail(GLINT_E_DEVICE,
                          "precision i16: AVX512_VNNI wanted, here is %s; f32 runs everywhere",
                          glint_cpu_isa_name(s->isa));
    return GLINT_OK;
}

static int check_settings(const struct glint_model_settings *s)
{
    if (s->n_threads < 1 || s->n_threads > 1024)
        return glint_fail(GLINT_E_ARG, "threads: 1..1024 expected, found %d", s->n_threads);
    if (s->cap_points < 1 || s->cap_points > 1 << 24)
        return glint_fail(GLINT_E_ARG, "points: a capacity of 1..%d expected, found %d", 1 << 24,
                          s->cap_points);
    return GLINT_OK;
}

/* Opening, in order: configuration, layers, memory (refused when absurd), weights. */

static int join_path(char *path, size_t size, const char *folder, const char *file)
{
    if (snprintf(path, size, "%s/%s", folder, file) >= (int)size)
        return glint_fail(GLINT_E_ARG, "%.64s...: path longer than %zu", folder, size - 1);
    return GLINT_OK;
}

static int open_weights(struct glint_model *m, const char *folder)
{
    char path[1024];
    struct glint_safetensors *file;
    GLINT_TRY(join_path(path, sizeof path, folder, "model.safetensors"));
    GLINT_TRY(glint_safetensors_open(path, &file));
    const int status = glint_net_bind(&m->net, file, path, &m->weights, &m->info.n_parameters);
    glint_safetensors_close(file);
    return status;
}

static int ready_layers(struct glint_model *m)
{
    for (int32_t i = 0; i < m->net.n_layers; i++) {
        const struct glint_op_info *op = glint_op_get(m->net.layers[i].op);
        if (op->ready)
            GLINT_TRY(op->ready(&m->exec, &m->net.layers[i]));
    }
    return GLINT_OK;
}

static size_t scratch_bytes(const struct glint_net *net)
{
    size_t most = SCRATCH_MIN;
    for (int32_t i = 0; i < net->n_layers; i++) {
        const struct glint_op_info *op = glint_op_get(net->layers[i].op);
        const size_t bytes = op->scratch ? op->scratch(net, &net->layers[i]) : 0;
        most = bytes > most ? bytes : most;
    }
    return most;
}

static void open_height(struct glint_model *m, float *shifted)
{
    m->height.lo = m->config.sensor_height_m[0];
    m->height.hi = m->config.sensor_height_m[1];
    m->height.shifted = shifted;
    m->height.cap_points = m->net.cap_points;
}

static int reserve(struct glint_model *m, const struct glint_model_settings *s, int device)
{
    size_t planned;
    GLINT_TRY(glint_plan_net(&m->net, &planned));
    const size_t numbers = glint_arena_round((size_t)m->net.cap_points * sizeof(float));
    const size_t turned = m->net.x_right ? numbers : 0;
    const size_t shifted = m->config.sensor_height_m[1] > 0.0f ? numbers : 0;
    const size_t voxels = glint_voxels_bytes(m->net.cap_points, m->net.cap_voxels) + turned + shifted;
    const size_t tap = s->keep_stages ? glint_run_tap_bytes(&m->net) : 0, scratch = scratch_bytes(&m->net);
    const size_t total = planned + voxels + tap + scratch * (size_t)s->n_threads;
    const size_t most = m->config.free_grid ? MEMORY_FREE : MEMORY_MAX;
    if (total > most)
        return glint_json_fail(m->config.root,
                               "a network of these sizes needs %.1f GB of memory; %.0f GB are allowed",
                               (double)total / 1e9, (double)most / 1e9);
    GLINT_TRY(glint_arena_init(&m->memory, planned));
    if (!m->config.free_grid &&
        device == ON_CPU) /* else most of it is never used: cells are far fewer than points may be */
        m->touch = glint_arena_touch_begin(&m->memory); /* so that frames need not wait for it */
    GLINT_TRY(glint_arena_init(&m->voxel_memory, voxels));
    GLINT_TRY(glint_voxels_init(&m->voxels, &m->voxel_memory, m->net.cap_points, m->net.cap_voxels));
    if (turned)
        m->run.turned = glint_arena_alloc(&m->voxel_memory, turned);
    if (shifted)
        open_height(m, glint_arena_alloc(&m->voxel_memory, shifted));
    if (tap)
        GLINT_TRY(glint_arena_init(&m->run.tap_memory, tap));
    m->info.memory_bytes = total;
    GLINT_TRY(glint_exec_init(&m->exec, s->isa, s->n_threads, scratch));
    return s->pin ? glint_pool_pin(m->exec.pool) : GLINT_OK;
}

static void fill_info(struct glint_model *m)
{
    const struct glint_model_config *c = &m->config;
    m->info.arch = c->arch;
    m->info.name = c->name;
    m->info.n_classes = c->n_classes;
    m->info.n_point_classes = c->n_point_classes;
    m->info.classes = c->classes;
    m->info.point_classes = c->point_classes;
    m->info.uses_intensity = c->uses_intensity;
    m->info.device = m->device ? glint_device_net_name(m->device) : "cpu";
    m->info.device_note = m->device_note;
    memcpy(m->info.range, c->range, sizeof m->info.range);
    memcpy(m->info.sensor_height_m, c->sensor_height_m, sizeof m->info.sensor_height_m);
}

static enum glint_narrow narrow_of(enum glint_precision precision)
{
    switch (precision) {
    case GLINT_PRECISION_BF16:
        return GLINT_NARROW_BF16;
    case GLINT_PRECISION_I16:
        return GLINT_NARROW_I16;
    case GLINT_PRECISION_F32:
    case GLINT_PRECISION_F16: /* of devices only */
        break;
    }
    return GLINT_NARROW_NONE;
}

static int open_views(struct glint_model *m, const struct glint_model_settings *s)
{
    bool can = false;
    for (int32_t i = 0; i < m->net.n_layers; i++)
        can = can || m->net.layers[i].op == GLINT_OP_ROW_CLASSES;
    if (s->views != GLINT_VIEWS_NONE && !can)
        return glint_fail(GLINT_E_UNSUPPORTED, "several views: \"%s\" is no model that they are for (ptv3)",
                          m->config.name);
    glint_views_choose(&m->views, s->views);
    GLINT_TRY(glint_views_init(&m->views, &m->views_memory, s->cap_points, m->config.n_point_classes));
    m->run.views = m->views.n > 1 ? &m->views : NULL;
    m->info.memory_bytes += m->views_memory.cap;
    return GLINT_OK;
}

/* The bound network on a device. The host's memory for values stays untouched but for what comes back. */
static int open_device(struct glint_model *m, const struct glint_model_settings *s, struct glint_trace *trace,
                       int device)
{
    const struct glint_device_net_settings settings = {device, s->precision, s->keep_stages};
    m->run.exec = &m->exec;
    m->run.trace = trace;
    m->run.config = &m->config;
    m->run.net = &m->net;
    m->run.voxels = &m->voxels;
    m->run.memory = m->memory.base;
    m->run.score = s->score;
    if (device == ON_CPU)
        return GLINT_OK;
    GLINT_TRY(glint_device_net_open(&m->run, &settings, &m->device));
    m->info.device_bytes = glint_device_net_bytes(m->device);
    return GLINT_OK;
}

static int open_model(struct glint_model *m, const char *folder, const struct glint_model_settings *s,
                      struct glint_trace *trace, int device)
{
    char path[1024];
    GLINT_TRY(join_path(path, sizeof path, folder, "config.json"));
    GLINT_TRY(glint_model_config_open(path, &m->config));
    GLINT_TRY(glint_net_build(&m->config, s->cap_points, s->keep_stages, &m->net));
    if (device == ON_CPU)
        GLINT_TRY(check_cpu(s));
    else
        GLINT_TRY(glint_device_net_check(&m->net, s->precision, device));
    m->net.narrow = device == ON_CPU ? narrow_of(s->precision) : GLINT_NARROW_NONE;
    m->net.keep_stages = s->keep_stages;
    GLINT_TRY(reserve(m, s, device));
    GLINT_TRY(open_weights(m, folder));
    GLINT_TRY(ready_layers(m));
    m->info.memory_bytes += m->weights.cap;
    if (!s->whole_maps && (!s->keep_stages || device != ON_CPU)) /* a device fills in the rest for the tap */
        GLINT_TRY(glint_sparse_open(&m->net, &m->exec, &m->run.sparse));
    if (m->run.sparse)
        m->info.memory_bytes += glint_sparse_bytes(m->run.sparse);
    GLINT_TRY(open_device(m, s, trace, device));
    fill_info(m);
    glint_instances_match(m->info.classes, m->info.n_classes, m->info.point_classes, m->info.n_point_classes,
                          &m->instances);
    return open_views(m, s);
}

/* The other model, which makes the boxes; what frames then have of both. */
static int open_boxes(struct glint_model *m, const struct glint_model_settings *settings,
                      struct glint_trace *trace)
{
    struct glint_model_settings s = *settings;
    s.boxes_folder = NULL;
    s.views = GLINT_VIEWS_NONE;
    s.keep_stages = false;
    if (m->info.n_classes > 0 || m->info.n_point_classes < 1)
        return glint_fail(
            GLINT_E_UNSUPPORTED,
            "%s: a model of boxes goes with one that makes masks and no boxes, which \"%s\" is not",
            settings->boxes_folder, m->info.name);
    GLINT_TRY(glint_model_open(settings->boxes_folder, &s, trace, &m->boxes));
    const struct glint_model_info *boxes = &m->boxes->info;
    if (boxes->n_classes < 1)
        return glint_fail(GLINT_E_UNSUPPORTED, "%s: this model makes no boxes", settings->boxes_folder);
    m->info.n_classes = boxes->n_classes;
    m->info.classes = boxes->classes;
    m->info.memory_bytes += boxes->memory_bytes;
    m->info.uses_intensity = m->info.uses_intensity || boxes->uses_intensity;
    memcpy(m->info.range, boxes->range, sizeof m->info.range);
    memcpy(m->info.sensor_height_m, boxes->sensor_height_m, sizeof m->info.sensor_height_m);
    glint_instances_match(boxes->classes, boxes->n_classes, m->info.point_classes, m->info.n_point_classes,
                          &m->instances);
    return GLINT_OK;
}

static int open_on(const char *folder, const struct glint_model_settings *settings, struct glint_trace *trace,
                   int device, struct glint_model **model_out)
{
    struct glint_model *m = calloc(1, sizeof *m);
    if (!m)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for a model", folder);
    int status = open_model(m, folder, settings, trace, device);
    if (status == GLINT_OK && settings->boxes_folder)
        status = open_boxes(m, settings, trace);
    if (status != GLINT_OK) {
        glint_model_close(m);
        return status;
    }
    m->keep_stages = settings->keep_stages;
    *model_out = m;
    return GLINT_OK;
}

/* The first device, where there is one that can; else the CPU, and why: told where a device is there. */
static int open_anywhere(const char *folder, const struct glint_model_settings *settings,
                         struct glint_trace *trace, struct glint_model **model_out)
{
    char why[sizeof((struct glint_model *)0)->device_note];
    int status = open_on(folder, settings, trace, 0, model_out);
    if (status != GLINT_E_DEVICE && status != GLINT_E_UNSUPPORTED && status != GLINT_E_NOMEM)
        return status;
    snprintf(why, sizeof why, "%.255s", glint_error_text());
    status = open_on(folder, settings, trace, ON_CPU, model_out);
    if (status != GLINT_OK)
        return settings->precision == GLINT_PRECISION_F16 ? glint_fail(status, "precision f16: %s", why)
                                                          : status;
    memcpy((*model_out)->device_note, why, sizeof why);
    return GLINT_OK;
}

int glint_model_open(const char *folder, const struct glint_model_settings *settings,
                     struct glint_trace *trace, struct glint_model **model_out)
{
    int device;
    *model_out = NULL;
    GLINT_TRY(read_device(settings->device, &device));
    GLINT_TRY(check_settings(settings));
    return device == ANY ? open_anywhere(folder, settings, trace, model_out)
                         : open_on(folder, settings, trace, device, model_out);
}

void glint_model_close(struct glint_model *m)
{
    if (!m)
        return;
    glint_model_close(m->boxes);
    glint_device_net_close(m->device);
    glint_sparse_close(m->run.sparse);
    glint_exec_fini(&m->exec);
    glint_arena_fini(&m->run.tap_memory);
    glint_arena_fini(&m->voxel_memory);
    glint_arena_touch_end(m->touch);
    glint_arena_fini(&m->memory);
    glint_arena_fini(&m->weights);
    glint_arena_fini(&m->views_memory);
    glint_net_fini(&m->net);
    glint_model_config_close(&m->config);
    free(m);
}

const struct glint_model_info *glint_model_info(const struct glint_model *m)
{
    return &m->info;
}

/* The network on the frame, or on each of its views. */
static int run_views(struct glint_model *m, struct glint_frame *frame)
{
    const struct glint_points points = frame->points;
    int status = GLINT_OK;
    if (m->device) {
        GLINT_TRY(glint_device_net_begin(m->device, frame));
        return glint_device_net_end(m->device, &m->run);
    }
    if (!m->run.views)
        return glint_run_net(&m->run);
    if (points.n > m->views.cap_points)
        return glint_fail(GLINT_E_CAPACITY, "%d points; the model was opened for %d", points.n,
                          m->views.cap_points);
    for (m->views.at = 0; status == GLINT_OK && m->views.at < m->views.n; m->views.at++) {
        glint_views_turn(&m->views, &points, &frame->points);
        status = glint_run_net(&m->run);
    }
    frame->points = points;
    return status;
}

/* With the ground where the network knows it. The frame has its own points again when this returns. */
static int run_at_height(struct glint_model *m, struct glint_frame *frame)
{
    const float shift = glint_height_choose(&m->height, frame, m->config.name);
    float *const z = glint_height_shift(&m->height, shift, &frame->points);
    const int status = run_views(m, frame);
    frame->points.z = z;
    if (status == GLINT_OK && !m->boxes) /* else they are that model's, which has done so */
        glint_height_shift_back(shift, frame);
    return status;
}

int glint_model_run(struct glint_model *m, struct glint_frame *frame)
{
    m->run.frame = frame;
    frame->n_boxes = 0;
    frame->has_masks = false;
    if (m->boxes)
        GLINT_TRY(glint_model_run(m->boxes, frame)); /* masks that it makes too are written over */
    GLINT_TRY(run_at_height(m, frame));
    if (frame->has_masks)
        glint_instances_set(&m->exec, &m->instances, frame);
    return GLINT_OK;
}

/* Points have left the frame, for memory of the device's own, when this returns. */
static int begin_on_device(struct glint_model *m, struct glint_frame *frame, float *shift_out)
{
    frame->n_boxes = 0;
    frame->has_masks = false;
    *shift_out = glint_height_choose(&m->height, frame, m->config.name);
    float *const z = glint_height_shift(&m->height, *shift_out, &frame->points);
    const int status = glint_device_net_begin(m->device, frame);
    frame->points.z = z;
    return status;
}

/* Of a device, as many frames at once as it takes. */
static int run_pipelined(struct glint_model *m, struct glint_frame *const *frames, int32_t n)
{
    float shift[GLINT_DEVICE_FRAMES] = {0};
    int status = GLINT_OK;
    int32_t begun = 0, ended = 0;
    while (ended < n && (status == GLINT_OK || ended < begun)) {
        while (status == GLINT_OK && begun < n && begun - ended < GLINT_DEVICE_FRAMES) {
            status = begin_on_device(m, frames[begun], &shift[begun % GLINT_DEVICE_FRAMES]);
            begun += status == GLINT_OK;
        }
        if (ended == begun)
            break;
        const int ending = glint_device_net_end(m->device, &m->run);
        if (ending == GLINT_OK)
            glint_height_shift_back(shift[ended % GLINT_DEVICE_FRAMES], frames[ended]);
        status = status == GLINT_OK ? ending : status;
        ended++;
    }
    return status;
}

int glint_model_run_many(struct glint_model *m, struct glint_frame *const *frames, int32_t n)
{
    if (m->device && !m->boxes && !m->run.tap)
        return run_pipelined(m, frames, n);
    for (int32_t i = 0; i < n; i++)
        GLINT_TRY(glint_model_run(m, frames[i]));
    return GLINT_OK;
}

void glint_model_set_tap(struct glint_model *m, glint_tap_fn *fn, void *ctx)
{
    m->run.tap = m->keep_stages ? fn : NULL;
    m->run.tap_ctx = ctx;
}

void glint_model_cost(const struct glint_model *m, struct glint_model_cost *cost_out)
{
    struct glint_model_cost boxes = {0};
    if (m->device)
        *cost_out = m->run.cost;
    else
        glint_run_cost(&m->run, cost_out);
    if (m->boxes)
        glint_model_cost(m->boxes, &boxes);
    for (int s = 0; s < GLINT_STAGE_COUNT; s++) {
        cost_out->flop[s] += boxes.flop[s];
        cost_out->flop_saved[s] += boxes.flop_saved[s];
        cost_out->bytes[s] += boxes.bytes[s];
        cost_out->pixels[s] += boxes.pixels[s];
        cost_out->pixels_whole[s] += boxes.pixels_whole[s];
    }
}

/* Words for people */

int32_t glint_model_layers(const struct glint_model *m)
{
    return m->net.n_layers;
}

static void shape_text(const struct glint_net *net, int32_t value, char *text, size_t size)
{
    const struct glint_value *v = &net->values[value];
    switch (v->kind) {
    case GLINT_VALUE_VOXELS:
        snprintf(text, size, "pillars");
        break;
    case GLINT_VALUE_POINTS:
        snprintf(text, size, "points x %d", v->c);
        break;
    case GLINT_VALUE_TOKENS:
        snprintf(text, size, "%s x %d", v->sites < 0 ? "P" : "S", v->c);
        break;
    case GLINT_VALUE_ORDER:
        snprintf(text, size, "order");
        break;
    case GLINT_VALUE_SITES:
        snprintf(text, size, "sites %d", v->cap);
        break;
    case GLINT_VALUE_LEVEL:
        snprintf(text, size, "level");
        break;
    case GLINT_VALUE_RULES:
        snprintf(text, size, "rules %d", v->n_cells);
        break;
    case GLINT_VALUE_MAP:
        snprintf(text, size, "%d x %d x %d", v->c, v->h, v->w);
        break;
    case GLINT_VALUE_BYTES:
        snprintf(text, size, "boxes");
        break;
    }
}

void glint_model_layer_text(const struct glint_model *m, int32_t index, char *text, size_t size)
{
    if (index < 0 || index >= m->net.n_layers) {
        snprintf(text, size, "%s", "");
        return;
    }
    const struct glint_layer *layer = &m->net.layers[index];
    const struct glint_op_info *op = glint_op_get(layer->op);
    char in[48] = "points", out[48] = "", params[160] = "";
    if (layer->n_in)
        shape_text(&m->net, layer->in[0], in, sizeof in);
    if (layer->n_out)
        shape_text(&m->net, layer->out[0], out, sizeof out);
    if (op->text)
        op->text(layer, params, sizeof params);
    snprintf(text, size, "%3d  %-8s  %-13s  %-16s -> %-16s  %-48s %s", index, glint_stage_name(layer->stage),
             op->name, in, out, layer->name, params);
}
