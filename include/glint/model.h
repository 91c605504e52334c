/* glint/model.h - a network from a model folder (config.json + model.safetensors). */
#ifndef GLINT_MODEL_H
#define GLINT_MODEL_H
#include "glint/frame.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct glint_model;
struct glint_trace;
struct glint_tensor;

enum glint_precision {
    GLINT_PRECISION_F32,
    GLINT_PRECISION_BF16, /* inputs and weights of linear layers and convolutions are rounded to bfloat16 (8
                           * bits), except in the first layer, in maps of few outputs and in 3x3 convolutions
                           * of stride 1; sums and all else in float. Differs from F32 by norm: tokens 1.2e-2,
                           * maps 3e-2. GLINT_E_DEVICE without AVX512_BF16. On a CUDA device
                           * in all layers but the first */
    GLINT_PRECISION_F16,  /* the same in half floats (11 bits), of CUDA devices: GLINT_E_DEVICE on the CPU */
    GLINT_PRECISION_I16, /* inputs and weights, except in the first layer, are rounded to integers with shared
                          * scales (14 bits), their sums exact in blocks; attention's own products to bfloat16
                          * where the machine has that. Differs from F32 by norm: tokens 3e-3, maps 4e-3.
                          * GLINT_E_DEVICE without AVX512_VNNI */
};

/* Views of a frame whose classes of points are averaged: test-time augmentation, of models that make masks by
 * cells (ptv3). */
enum glint_views_set {
    GLINT_VIEWS_NONE,
    GLINT_VIEWS_FLIPS,     /* 4: as it is, x mirrored, y mirrored, both */
    GLINT_VIEWS_ROTATIONS, /* 4: by quarters of a turn */
    GLINT_VIEWS_SCALES,    /* 10: scaled by 0.9, 0.95, 1, 1.05, 1.1, as it is and with x and y mirrored */
};

struct glint_model_settings {
    const char
        *device; /* "cpu"; "cuda", "cuda:N": GLINT_E_DEVICE or GLINT_E_UNSUPPORTED, with the reason, where
                  * that cannot be; "auto": the first CUDA device, or the CPU where that cannot be */
    int32_t n_threads; /* >= 1 */
    bool pin;          /* keep each thread but the caller's on a CPU of its own (GLINT_E_ARG: too few CPUs) */
    unsigned isa;      /* glint_cpu_isa() */
    int32_t cap_points;         /* most points of a frame; more are clipped by the source */
    float score;                /* least score of a box; < 0: the model's own, per class */
    enum glint_views_set views; /* GLINT_E_UNSUPPORTED where the model cannot */
    const char *boxes_folder; /* another model, whose boxes frames get beside this one's masks, each point the
                               * box it lies in; this one must make no boxes. NULL: none. Open only */
    enum glint_precision precision;
    /* Both: the same numbers, to the rounding of the precision. */
    bool whole_maps;  /* compute also what no pillar reaches in the bird's-eye maps: slower */
    bool keep_stages; /* make every stage's tensor visible to the tap (more memory) */
};
void glint_model_settings_default(struct glint_model_settings *s);

/* What a model is; strings belong to the model. */
struct glint_model_info {
    const char *arch, *name;
    int32_t n_classes, n_point_classes; /* n_point_classes 0: no masks */
    const char *const *classes, *const *point_classes;
    int64_t n_parameters;
    const char *device;      /* "cpu", or "cuda:0, " and its name */
    const char *device_note; /* why "auto" came to run on the CPU; "": no "auto", or a device */
    size_t device_bytes;     /* memory of the device reserved; 0 on the CPU */
    size_t memory_bytes;     /* weights and work memory reserved; with boxes_folder of both */
    float range[6];          /* x y z lowest, x y z highest, m */
    float
        sensor_height_m[2]; /* height of the sensor above ground it was trained for, lo and hi; 0 0 unknown */
    bool uses_intensity;
};

/* Loads and checks everything and reserves all memory for runs. trace may be NULL. GLINT_E_NOTFOUND,
 * GLINT_E_FORMAT (config or weights, with file, member or tensor), GLINT_E_NOMEM, GLINT_E_DEVICE. */
int glint_model_open(const char *folder, const struct glint_model_settings *settings,
                     struct glint_trace *trace, struct glint_model **model_out);
void glint_model_close(struct glint_model *model); /* NULL is fine */
const struct glint_model_info *glint_model_info(const struct glint_model *model);

/* Points of the frame -> its boxes and masks (score order inside a class). Allocates nothing. One thread at a
 * time. More boxes than frame->cap_boxes: the best are kept. */
int glint_model_run(struct glint_model *model, struct glint_frame *frame);

/* The same for n frames, one after another. On a CUDA device two are on their way at once: more frames per
 * second, each a little later. The first failure ends it; frames that were begun before have their results.
 */
int glint_model_run_many(struct glint_model *model, struct glint_frame *const *frames, int32_t n);

/* Called during a run for each tensor of a stage, under the golden names, whole; the view is valid during the
 * call only. Needs keep_stages. Maps come as [channels, h, w]. NULL: none. */
typedef void glint_tap_fn(void *ctx, const struct glint_tensor *tensor);
void glint_model_set_tap(struct glint_model *model, glint_tap_fn *fn, void *ctx);

/* Work of the last run: multiply-adds x 2 actually done per stage, and the counts it depended on. */
struct glint_model_cost {
    double flop[GLINT_STAGE_COUNT];
    double flop_saved[GLINT_STAGE_COUNT]; /* what whole maps would take besides, pixel by pixel */
    double
        bytes[GLINT_STAGE_COUNT]; /* values that layers read and write and their weights, each once a layer */
    double pixels[GLINT_STAGE_COUNT];       /* computed, of all maps that layers make ... */
    double pixels_whole[GLINT_STAGE_COUNT]; /* ... and those that there are */
    int32_t n_points, n_pillars;
};
void glint_model_cost(const struct glint_model *model, struct glint_model_cost *cost_out);

/* One line of text per layer: index, operation, name, shapes, parameters; returns the number of layers and
 * writes line i to text (for glint info). */
int32_t glint_model_layers(const struct glint_model *model);
void glint_model_layer_text(const struct glint_model *model, int32_t index, char *text, size_t size);

/* Writes a model folder from a weights file whose metadata holds its configuration ("config"). arch may be
 * NULL: found out. GLINT_E_FORMAT says what does not fit. */
int glint_model_import(const char *weights_path, const char *arch, const char *config_path,
                       const char *out_folder);

#ifdef __cplusplus
}
#endif
#endif
