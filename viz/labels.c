/* viz/labels.c - see labels.h. All labels lie in one array, a line of the file being a run of it. */
#include "viz/labels.h"
#include "core/file.h"
#include "core/json.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METRES_MOST 1e6

struct labelled_frame {
    uint64_t frame;
    int32_t first, n; /* in labels->label */
};

struct glint_labels {
    struct labelled_frame *frame; /* ascending */
    struct glint_label *label;
    int32_t n_frames, cap_frames, n_labels, cap_labels, most;
};

struct reader {
    struct glint_labels *labels;
    const char *const *classes;
    int32_t n_classes;
};

static int32_t class_index(const struct reader *r, const char *name)
{
    for (int32_t i = 0; i < r->n_classes; i++)
        if (strcmp(r->classes[i], name) == 0)
            return i;
    return -1;
}

/* Room for one more element; *cap doubles. The array's new place, NULL when there is no memory. */
static void *grow(void *array, int32_t n, int32_t *cap, size_t size)
{
    if (n < *cap)
        return array;
    const int32_t wanted = *cap == 0 ? 64 : *cap <= INT32_MAX / 2 ? 2 * *cap : 0;
    void *bigger = wanted > 0 ? realloc(array, (size_t)wanted * size) : NULL;
    if (bigger)
        *cap = wanted;
    else
        glint_fail(GLINT_E_NOMEM, "no memory for %d labels", *cap);
    return bigger;
}

static int read_floats(struct glint_json object, const char *key, int32_t n, float *out)
{
    double values[3];
    int32_t count;
    GLINT_TRY(glint_json_f64s(object, key, n, n, values, &count));
    for (int32_t i = 0; i < n; i++) {
        if (!(fabs(values[i]) <= METRES_MOST))
            return glint_json_fail(glint_json_get(object, key), "metres expected, found %g", values[i]);
        out[i] = (float)values[i];
    }
    return GLINT_OK;
}

static int read_box(const struct reader *r, struct glint_json json, struct glint_label *label)
{
    const char *name;
    double yaw;
    *label = (struct glint_label){.points = -1, .box = {.id = -1, .score = 1.0f}};
    GLINT_TRY(glint_json_string(json, "label", &name));
    snprintf(label->name, sizeof label->name, "%s", name);
    label->box.label = class_index(r, name);
    GLINT_TRY(read_floats(json, "center", 3, label->box.center));
    GLINT_TRY(read_floats(json, "size", 3, label->box.size));
    for (int k = 0; k < 3; k++)
        if (!(label->box.size[k] >= 0))
            return glint_json_fail(glint_json_get(json, "size"), "sizes of 0 or more expected");
    GLINT_TRY(glint_json_f64(json, "yaw", -1e3, 1e3, &yaw));
    label->box.yaw = (float)yaw;
    if (glint_json_has(json, "points"))
        GLINT_TRY(glint_json_i32(json, "points", 0, INT32_MAX, &label->points));
    return GLINT_OK;
}

static int read_line(const struct reader *r, struct glint_json root)
{
    struct glint_labels *l = r->labels;
    int32_t frame;
    GLINT_TRY(glint_json_i32(root, "frame", 0, INT32_MAX, &frame));
    struct labelled_frame *frames = grow(l->frame, l->n_frames, &l->cap_frames, sizeof *l->frame);
    if (!frames)
        return GLINT_E_NOMEM;
    l->frame = frames;
    struct labelled_frame *f = &l->frame[l->n_frames];
    *f = (struct labelled_frame){(uint64_t)frame, l->n_labels, 0};
    if (l->n_frames > 0 && f->frame <= f[-1].frame)
        return glint_fail(GLINT_E_FORMAT, "frame %d follows frame %d: expected ascending frames", frame,
                          (int)f[-1].frame);
    l->n_frames++;
    const struct glint_json boxes = glint_json_get(root, "boxes");
    if (!glint_json_is_array(boxes))
        return glint_fail(GLINT_E_FORMAT, "boxes: expected an array");
    for (size_t i = 0; i < glint_json_size(boxes); i++) {
        struct glint_label *label = grow(l->label, l->n_labels, &l->cap_labels, sizeof *l->label);
        if (!label)
            return GLINT_E_NOMEM;
        l->label = label;
        GLINT_TRY(read_box(r, glint_json_at(boxes, i), &label[l->n_labels]));
        l->n_labels++;
        f->n++;
    }
    l->most = f->n > l->most ? f->n : l->most;
    return GLINT_OK;
}

static int parse_line(const struct reader *r, const char *path, int64_t number, const char *text, size_t size)
{
    struct glint_json_doc *doc;
    char name[1100];
    snprintf(name, sizeof name, "%s line %lld", path, (long long)number);
    GLINT_TRY(glint_json_parse(name, text, size, &doc));
    int status = read_line(r, glint_json_root(doc));
    if (status == GLINT_E_FORMAT && !strstr(glint_error_text(), path)) {
        char reason[256];
        snprintf(reason, sizeof reason, "%s", glint_error_text());
        status = glint_fail(status, "%s: %s", name, reason);
    }
    glint_json_close(doc);
    return status;
}

static int read_all(const struct reader *r, const struct glint_file *file)
{
    struct glint_labels *l = r->labels;
    l->label = grow(NULL, 0, &l->cap_labels, sizeof *l->label); /* frames may all be without */
    if (!l->label)
        return GLINT_E_NOMEM;
    size_t at = 0;
    for (int64_t number = 1; at < file->size; number++) {
        const char *text = (const char *)file->data + at, *newline = memchr(text, '\n', file->size - at);
        const size_t size = newline ? (size_t)(newline - text) : file->size - at;
        if (size > 0)
            GLINT_TRY(parse_line(r, file->path, number, text, size));
        at += size + 1;
    }
    return l->n_frames
               ? GLINT_OK
               : glint_fail(GLINT_E_FORMAT, "%s: empty, expected one JSON object per line", file->path);
}

int glint_labels_open(const char *path, const char *const *classes, int32_t n_classes,
                      struct glint_labels **labels_out)
{
    struct glint_file file;
    *labels_out = NULL;
    GLINT_TRY(glint_file_open(&file, path));
    struct reader r = {calloc(1, sizeof *r.labels), classes, n_classes};
    int status = r.labels ? read_all(&r, &file) : glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    glint_file_close(&file);
    if (status < 0)
        glint_labels_close(r.labels);
    else
        *labels_out = r.labels;
    return status;
}

void glint_labels_close(struct glint_labels *labels)
{
    if (!labels)
        return;
    free(labels->frame);
    free(labels->label);
    free(labels);
}

const struct glint_label *glint_labels_frame(const struct glint_labels *labels, uint64_t frame,
                                             int32_t *n_out)
{
    int32_t lo = 0, hi = labels->n_frames;
    while (lo < hi) {
        const int32_t mid = lo + (hi - lo) / 2;
        if (labels->frame[mid].frame < frame)
            lo = mid + 1;
        else
            hi = mid;
    }
    const bool there = lo < labels->n_frames && labels->frame[lo].frame == frame;
    *n_out = there ? labels->frame[lo].n : 0;
    return there ? labels->label + labels->frame[lo].first : NULL;
}

int32_t glint_labels_most(const struct glint_labels *labels)
{
    return labels->most;
}
