/* eval/nuscenes_lidarseg.c - see nuscenes_lidarseg.h. */
#include "eval/nuscenes_lidarseg.h"
#include "core/file.h"
#include "eval/segmentation.h"
#include "io/nuscenes_labels.h"
#include "io/output.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CLASSES GLINT_NUSCENES_LIDARSEG_CLASSES

int glint_nuscenes_lidarseg_map(const struct glint_nuscenes_tables *t, uint8_t class_out[256])
{
    memset(class_out, 0, 256);
    bool some = false;
    for (int32_t i = 0; i < t->n_categories; i++) {
        const struct glint_nuscenes_category *c = &t->category[i];
        if (c->index < 0 || c->index > 255)
            continue;
        some = true;
        class_out[c->index] = (uint8_t)glint_nuscenes_lidarseg_of(c->name);
    }
    return some ? GLINT_OK
                : glint_fail(GLINT_E_FORMAT,
                             "%s/%s/category.json: no category has an \"index\", as lidarseg's have", t->root,
                             t->version);
}

static const struct glint_nuscenes_sweep *key_frame(const struct glint_nuscenes_split *split, int32_t sample)
{
    const struct glint_nuscenes_tables *t = split->tables;
    return &t->sweep[t->sample[split->sample[sample].sample].key];
}

int glint_nuscenes_lidarseg_truth(const struct glint_nuscenes_split *split, int32_t sample,
                                  const uint8_t class_of[256], uint8_t **labels_out, size_t *n_out)
{
    const struct glint_nuscenes_tables *t = split->tables;
    struct glint_nuscenes_labels labels;
    *labels_out = NULL;
    *n_out = 0;
    GLINT_TRY(glint_nuscenes_lidarseg_read(t, t->sample[split->sample[sample].sample].key, &labels));
    for (size_t i = 0; i < labels.n; i++)
        labels.category[i] = class_of[labels.category[i]];
    *labels_out = labels.category;
    *n_out = labels.n;
    return GLINT_OK;
}

int glint_nuscenes_lidarseg_path(const struct glint_nuscenes_split *split, const char *split_name,
                                 const char *results, int32_t sample, char *path_out, size_t size)
{
    char token[GLINT_TOKEN_TEXT], folders[3][1400];
    struct stat st;
    glint_token_format(key_frame(split, sample)->token, token);
    snprintf(folders[0], sizeof folders[0], "%.1200s/lidarseg/%.60s", results, split_name);
    snprintf(folders[1], sizeof folders[1], "%.1200s/%.60s", results, split_name);
    snprintf(folders[2], sizeof folders[2], "%.1200s", results);
    for (int i = 0; i < 3; i++)
        if (snprintf(path_out, size, "%s/%s_lidarseg.bin", folders[i], token) < (int)size &&
            strlen(results) <= 1200 && stat(folders[i], &st) == 0 && (i < 2 || stat(path_out, &st) == 0))
            return GLINT_OK;
    if (snprintf(path_out, size, "%s/%s_lidarseg.bin", folders[0], token) >= (int)size ||
        strlen(results) > 1200)
        return glint_fail(GLINT_E_ARG, "%.60s...: path too long", results);
    return GLINT_OK; /* which is not there: whoever opens it says so */
}

static int check_result(const struct glint_file *file, size_t n_truth)
{
    if (file->size != n_truth)
        return glint_fail(GLINT_E_FORMAT, "%s: classes of %zu points, but the key frame has %zu", file->path,
                          file->size, n_truth);
    for (size_t i = 0; i < file->size; i++)
        if (file->data[i] < 1 || file->data[i] >= CLASSES)
            return glint_fail(GLINT_E_FORMAT, "%s: offset %zu: class 1..%d expected, found %d", file->path, i,
                              CLASSES - 1, file->data[i]);
    return GLINT_OK;
}

static int score_sample(const struct glint_nuscenes_split *split, const char *split_name, const char *results,
                        int32_t sample, const uint8_t class_of[256], struct glint_nuscenes_confusion *sum)
{
    char path[2048];
    struct glint_file file;
    uint8_t *truth;
    size_t n;
    GLINT_TRY(glint_nuscenes_lidarseg_path(split, split_name, results, sample, path, sizeof path));
    GLINT_TRY(glint_nuscenes_lidarseg_truth(split, sample, class_of, &truth, &n));
    int status = glint_file_open(&file, path);
    if (status == GLINT_OK)
        status = check_result(&file, n);
    if (status == GLINT_OK)
        glint_confusion_add(sum->count[0], CLASSES, truth, file.data, n);
    glint_file_close(&file);
    free(truth);
    return status;
}

int glint_nuscenes_lidarseg_score(const struct glint_nuscenes_split *split, const char *split_name,
                                  const char *results, int32_t scene, struct glint_nuscenes_confusion *sum)
{
    uint8_t class_of[256];
    GLINT_TRY(glint_nuscenes_lidarseg_map(split->tables, class_of));
    for (int32_t k = split->scene_first[scene]; k < split->scene_first[scene + 1]; k++)
        GLINT_TRY(score_sample(split, split_name, results, split->of_scene[k], class_of, sum));
    glint_confusion_ignore(sum->count[0], CLASSES, 0);
    return GLINT_OK;
}

void glint_nuscenes_lidarseg_put(struct glint_json_writer *w, const struct glint_nuscenes_confusion *sum)
{
    const uint64_t *matrix = sum->count[0];
    glint_json_put_f64(w, "miou", glint_confusion_mean_iou(matrix, CLASSES));
    glint_json_put_f64(w, "freq_weighted_iou", glint_confusion_weighted_iou(matrix, CLASSES));
    glint_json_put_object(w, "iou_per_class");
    for (int32_t c = 0; c < CLASSES; c++)
        glint_json_put_f64(w, glint_nuscenes_lidarseg[c], glint_confusion_iou(matrix, CLASSES, c));
    glint_json_put_end(w);
    glint_json_put_array(w, "confusion_matrix_rows_gt_cols_pred");
    for (int32_t i = 0; i < CLASSES; i++) {
        glint_json_put_array(w, NULL);
        for (int32_t k = 0; k < CLASSES; k++)
            glint_json_put_i64(w, NULL, (int64_t)sum->count[i][k]);
        glint_json_put_end(w);
    }
    glint_json_put_end(w);
}

int glint_nuscenes_lidarseg_write(const struct glint_nuscenes_split *split, const char *split_name,
                                  const char *results, int32_t sample, const uint8_t *labels, size_t n)
{
    char path[2048], token[GLINT_TOKEN_TEXT];
    glint_token_format(key_frame(split, sample)->token, token);
    if (snprintf(path, sizeof path, "%s/lidarseg/%s/%s_lidarseg.bin", results, split_name, token) >=
        (int)sizeof path)
        return glint_fail(GLINT_E_ARG, "%.60s...: path too long", results);
    struct glint_buffer content = {0};
    GLINT_TRY(glint_output_parents(path));
    glint_buffer_add(&content, labels, n);
    const int status = glint_output_write(path, &content);
    glint_buffer_fini(&content);
    return status;
}
