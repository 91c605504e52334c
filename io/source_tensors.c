/* io/source_tensors.c - frames as tensors: a .safetensors file with "points_raw" or "points" (n x 3 or more,
 * F32: x, y, z, intensity, elongation, ...), or a batch of frames as "points_raw.0", "points_raw.1", ...
 *
 * The points are a network's input as they are: none is left out, whatever its value, because golden files
 * name points by their index. Networks filter them. */
#include "core/safetensors.h"
#include "io/source_points.h"
#include <stdio.h>
#include <string.h>

#define CAP_BATCH 4096

/* The tensor of a frame; a file that holds one frame alone names it without a number. */
static const struct glint_tensor *find_item(const struct glint_safetensors *file, int32_t item,
                                            bool *single_out)
{
    static const char *const names[] = {"points_raw", "points"};
    const struct glint_tensor *t = NULL;
    *single_out = false;
    for (int i = 0; i < 2 && !t; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.%d", names[i], item);
        t = item == 0 ? glint_safetensors_find(file, names[i]) : NULL;
        *single_out = t != NULL;
        if (!t)
            t = glint_safetensors_find(file, name);
    }
    return t;
}

static int check_item(const char *path, const struct glint_tensor *t)
{
    if (t->dtype != GLINT_DTYPE_F32 || t->n_dims != 2 || t->shape[1] < 3)
        return glint_fail(GLINT_E_FORMAT, "%s: tensor %s: expected F32 [points, 3 or more]", path, t->name);
    if (t->shape[0] > GLINT_CLOUD_CAP_POINTS)
        return glint_fail(GLINT_E_FORMAT, "%s: tensor %s: %lld points; a scan has at most %d", path, t->name,
                          (long long)t->shape[0], GLINT_CLOUD_CAP_POINTS);
    return GLINT_OK;
}

static int count_items(const char *path, const struct glint_safetensors *file, int32_t *n_frames_out,
                       int32_t *cap_points_out)
{
    int32_t n = 0, cap = 0;
    bool single = false;
    for (const struct glint_tensor *t; !single && n < CAP_BATCH && (t = find_item(file, n, &single)) != NULL;
         n++) {
        GLINT_TRY(check_item(path, t));
        cap = t->shape[0] > cap ? (int32_t)t->shape[0] : cap;
    }
    if (n == 0)
        return glint_fail(GLINT_E_FORMAT,
                          "%s: no tensor points_raw, points or points_raw.0: no frame in this file", path);
    *n_frames_out = n;
    *cap_points_out = cap;
    return GLINT_OK;
}

static int tensors_count(const struct glint_cloud_file *file, int32_t *n_frames_out, int32_t *cap_points_out)
{
    struct glint_safetensors *tensors;
    GLINT_TRY(glint_safetensors_parse(file->path, file->data, file->size, &tensors));
    const int status = count_items(file->path, tensors, n_frames_out, cap_points_out);
    glint_safetensors_close(tensors);
    return status;
}

static void fill(const struct glint_tensor *t, struct glint_frame *frame)
{
    struct glint_points *p = &frame->points;
    const size_t width = (size_t)t->shape[1];
    const int64_t n = t->shape[0] < p->cap ? t->shape[0] : p->cap;
    const float *in = t->data;
    if (width > 4)
        glint_frame_use_elongation(frame);
    for (int64_t i = 0; i < n; i++, in += width) {
        p->x[i] = in[0];
        p->y[i] = in[1];
        p->z[i] = in[2];
        p->intensity[i] = width > 3 ? in[3] : 0;
        if (width > 4)
            p->elongation[i] = in[4];
        p->ring[i] = 0;
        p->ret[i] = 0;
        p->offset_ns[i] = 0;
    }
    p->n = (int32_t)n;
    frame->loss.points_clipped += (uint64_t)(t->shape[0] - n);
}

static int tensors_read(const struct glint_cloud_file *file, int32_t item,
                        struct glint_cloud_scratch *scratch, struct glint_frame *frame)
{
    struct glint_safetensors *tensors;
    int32_t n_frames, cap;
    bool single;
    (void)scratch;
    GLINT_TRY(glint_safetensors_parse(file->path, file->data, file->size, &tensors));
    int status = count_items(file->path, tensors, &n_frames, &cap);
    if (status == GLINT_OK && (item < 0 || item >= n_frames))
        status = glint_fail(GLINT_E_ARG, "%s: frame %d of %d", file->path, item, n_frames);
    if (status == GLINT_OK) {
        const char *filter = glint_safetensors_metadata(tensors, "range_filter");
        fill(find_item(tensors, item, &single), frame);
        frame->batch_index = item;
        frame->batch_size = n_frames;
        frame->no_range_filter = filter && strcmp(filter, "0") == 0;
        frame->as_network_input = true;
    }
    glint_safetensors_close(tensors);
    return status;
}

const struct glint_cloud_format glint_cloud_tensors = {"tensors", tensors_count, tensors_read};
