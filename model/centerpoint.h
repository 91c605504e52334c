/* model/centerpoint.h - what the files of the CenterPoint architecture share (arch_centerpoint.c). */
#ifndef GLINT_MODEL_CENTERPOINT_H
#define GLINT_MODEL_CENTERPOINT_H
#include "model/head_center.h"
#include "model/ops.h"

#define GLINT_CENTERPOINT_LEVELS 8 /* most of each backbone */

enum glint_centerpoint_encoder {
    GLINT_CENTERPOINT_PILLARS,      /* dynamic pillars: all points, height not looked at */
    GLINT_CENTERPOINT_HARD_PILLARS, /* the first points of the first pillars, empty slots among the maxima */
    GLINT_CENTERPOINT_VOXELS,       /* means of hard voxels, residual sparse backbone of strides 1 2 4 8 */
};

struct glint_centerpoint { /* the configuration's own sections, checked */
    enum glint_centerpoint_encoder encoder;
    int32_t n_vfe, vfe[GLINT_VFE_LAYERS];               /* pillars */
    struct glint_hard hard;                             /* of hard pillars and voxels; max_voxels 0: none */
    int32_t n_sparse, sparse[GLINT_CENTERPOINT_LEVELS]; /* voxels: channels per stage */
    bool sparse_plain;                                  /* convolutions instead of residual blocks */
    int32_t sparse_blocks, sparse_out;
    double encoder_eps;
    int32_t n_levels, channels[GLINT_CENTERPOINT_LEVELS], layers[GLINT_CENTERPOINT_LEVELS],
        strides[GLINT_CENTERPOINT_LEVELS], neck[GLINT_CENTERPOINT_LEVELS];
    int32_t upsample[GLINT_CENTERPOINT_LEVELS]; /* 0: by a half */
    double backbone_eps;
    int32_t shared;
    bool bias; /* before the head's norms */
    bool velocity;
    double head_eps;
    int32_t n_heads, first_label[GLINT_CENTER_HEADS];
    struct glint_center heads[GLINT_CENTER_HEADS];
    float radius[GLINT_CENTER_HEADS]; /* squares of distances, for circle suppression; 0: not given */
};

/* Reads and checks the configuration. GLINT_E_FORMAT. */
int glint_centerpoint_config(const struct glint_model_config *config, struct glint_centerpoint *c);

/* Points to a bird's-eye map: the layers of each kind of encoder; the map is returned. */
int32_t glint_centerpoint_pillars(struct glint_build *b, const struct glint_centerpoint *c);
int32_t glint_centerpoint_voxels(struct glint_build *b, const struct glint_centerpoint *c);

/* The grid's voxels as the encoder wants them; *points_out: a value that those who read their points must
 * have as an input, or -1. */
int32_t glint_centerpoint_voxelize(struct glint_build *b, const struct glint_centerpoint *c,
                                   int32_t *points_out);

/* See struct glint_arch. */
bool glint_centerpoint_recognise(struct glint_json foreign);
int glint_centerpoint_convert(struct glint_json foreign, struct glint_text *text);
#endif
