/* io/nuscenes_labels.h - labels of the points of nuScenes' key frames. */
#ifndef GLINT_IO_NUSCENES_LABELS_H
#define GLINT_IO_NUSCENES_LABELS_H
#include "io/nuscenes_tables.h"

struct glint_nuscenes_labels { /* start with all zero */
    size_t n;                  /* points of the cloud's file, in its order */
    uint8_t *category;         /* index of the category table */
    uint16_t *instance; /* panoptic: 0 for stuff and noise, else a number that is the object's through the
                           scene; NULL with lidarseg alone */
};

/* lidarseg (a byte per point). GLINT_E_NOTFOUND: the sweep has none, or its file is missing. */
int glint_nuscenes_lidarseg_read(const struct glint_nuscenes_tables *tables, int32_t sweep,
                                 struct glint_nuscenes_labels *labels_out);

/* panoptic (.npz with an array "data" of uint16: category x 1000 + instance). Also GLINT_E_FORMAT with the
 * file and what was expected. */
int glint_nuscenes_panoptic_read(const struct glint_nuscenes_tables *tables, int32_t sweep,
                                 struct glint_nuscenes_labels *labels_out);

/* The same from the bytes of an .npz file; name is for messages. */
int glint_nuscenes_panoptic_parse(const char *name, const uint8_t *data, size_t size,
                                  struct glint_nuscenes_labels *labels_out);

void glint_nuscenes_labels_fini(struct glint_nuscenes_labels *labels);
#endif
