/* eval/nuscenes_lidarseg.h - nuScenes' lidar segmentation: results are a uint8 class per point, 1..16, in
 * RESULTS/lidarseg/SPLIT/<token of the key frame>_lidarseg.bin; the truth is a uint8 category per point. */
#ifndef GLINT_EVAL_NUSCENES_LIDARSEG_H
#define GLINT_EVAL_NUSCENES_LIDARSEG_H
#include "core/json_write.h"
#include "eval/nuscenes_boxes.h"

struct glint_nuscenes_confusion {
    uint64_t count[GLINT_NUSCENES_LIDARSEG_CLASSES][GLINT_NUSCENES_LIDARSEG_CLASSES]; /* truth, found */
};

/* Category index of a label file -> class; 0 for indices that no category has. GLINT_E_FORMAT: the category
 * table has no indices. */
int glint_nuscenes_lidarseg_map(const struct glint_nuscenes_tables *tables, uint8_t class_out[256]);

/* The classes of the points of a sample's key frame (index in split->sample), mapped; the caller frees.
 * GLINT_E_NOTFOUND: the sample has no labels. */
int glint_nuscenes_lidarseg_truth(const struct glint_nuscenes_split *split, int32_t sample,
                                  const uint8_t class_of[256], uint8_t **labels_out, size_t *n_out);

/* RESULTS/lidarseg/SPLIT/TOKEN_lidarseg.bin, or RESULTS/SPLIT/..., or RESULTS/..., whichever is there. */
int glint_nuscenes_lidarseg_path(const struct glint_nuscenes_split *split, const char *split_name,
                                 const char *results, int32_t sample, char *path_out, size_t size);

/* Adds the points of all samples of a scene. GLINT_E_FORMAT with the file: its number of points is not that
 * of the truth, or a class is not 1..16; GLINT_E_NOTFOUND: a file is missing. */
int glint_nuscenes_lidarseg_score(const struct glint_nuscenes_split *split, const char *split_name,
                                  const char *results, int32_t scene, struct glint_nuscenes_confusion *sum);

/* The members of the official summary into the open object. */
void glint_nuscenes_lidarseg_put(struct glint_json_writer *w, const struct glint_nuscenes_confusion *sum);

/* Writes the classes of a sample's points where lidarseg_path says; folders are made. GLINT_E_IO. */
int glint_nuscenes_lidarseg_write(const struct glint_nuscenes_split *split, const char *split_name,
                                  const char *results, int32_t sample, const uint8_t *labels, size_t n);
#endif
