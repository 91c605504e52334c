/* tests/cuda/net_util.h - models on a CUDA device for tests: folders made from golden weights, frames of
 * their points. */
#ifndef GLINT_TESTS_CUDA_NET_UTIL_H
#define GLINT_TESTS_CUDA_NET_UTIL_H
#include "core/cpu.h"
#include "cuda_util.h"
#include "tests/golden_flatformer.h"

/* The model folder of a golden weights file. */
static inline const char *net_folder(const char *config)
{
    static char folder[512];
    char weights[512], relative[96];
    snprintf(relative, sizeof relative, "golden/flatformer/%s_weights.safetensors", config);
    if (!glint_test_shared(relative, weights, sizeof weights))
        return NULL;
    snprintf(folder, sizeof folder, "%s/golden_cuda_%s", GLINT_BUILD_DIR, config);
    if (glint_model_import(weights, NULL, NULL, folder) != GLINT_OK)
        fail_msg("import: %s", glint_error_text());
    return folder;
}

static inline struct glint_model *net_open(const char *folder, const char *device,
                                           enum glint_precision precision, int32_t cap_points,
                                           bool keep_stages)
{
    struct glint_model_settings s;
    struct glint_model *model;
    glint_model_settings_default(&s);
    s.device = device;
    s.precision = precision;
    s.n_threads = 1;
    s.cap_points = cap_points;
    s.keep_stages = keep_stages;
    if (glint_model_open(folder, &s, NULL, &model) != GLINT_OK)
        fail_msg("%s on %s: %s", folder, device, glint_error_text());
    return model;
}

static inline struct glint_safetensors *net_case(const char *name)
{
    char path[512], relative[128];
    struct glint_safetensors *file;
    snprintf(relative, sizeof relative, "golden/flatformer/%s.safetensors", name);
    if (!glint_test_shared(relative, path, sizeof path))
        return NULL;
    if (glint_safetensors_open(path, &file) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return file;
}

/* Points as they are in the file: not finite ones too. */
static inline struct glint_frame *net_frame(struct glint_frame_pool *pool,
                                            const struct glint_safetensors *file, const char *tensor)
{
    const struct glint_tensor *points = glint_safetensors_find(file, tensor);
    const char *filter = glint_safetensors_metadata(file, "range_filter");
    struct glint_frame *frame = glint_frame_get(pool, false);
    struct glint_points *p = &frame->points;
    const int64_t width = points->shape[1];
    const float *v = points->data;
    assert_true(points->shape[0] <= p->cap);
    if (width > 4)
        glint_frame_use_elongation(frame);
    for (int64_t i = 0; i < points->shape[0]; i++) {
        p->x[i] = v[i * width];
        p->y[i] = v[i * width + 1];
        p->z[i] = v[i * width + 2];
        p->intensity[i] = v[i * width + 3];
        if (width > 4)
            p->elongation[i] = v[i * width + 4];
    }
    p->n = (int32_t)points->shape[0];
    frame->as_network_input = true;
    frame->no_range_filter = filter && !strcmp(filter, "0");
    return frame;
}
#endif
