/* model/ptv3.h - the operations of Point Transformer V3 ("ptv3"): clouds as levels of sparse cells
 * (voxel/level.h), what happens to their rows (attention/rows.h, patch_attend.h), and classes for points.
 * op_levels.c and op_rows.c have them. */
#ifndef GLINT_MODEL_PTV3_H
#define GLINT_MODEL_PTV3_H
#include "attention/patch_attend.h"
#include "attention/rows.h"
#include "model/build.h"
#include "model/run.h"
#include "voxel/level.h"

/* A value of kind LEVEL, filled in place by the layer that makes it. */
struct glint_run_level {
    struct glint_level level;
    struct glint_level_points points; /* of the finest level */
    const float *xyz[3];              /* that level's points, as the network sees them */
    float *mean;                      /* n x 3, for a tap: mean coordinates of the clusters, m */
    int32_t *shown, *place;           /* finest level, for a tap: its order of rows; each row's place in it */
};
size_t glint_run_level_bytes(int32_t cap);     /* of a value */
size_t glint_run_level_tap_bytes(int32_t cap); /* of tap memory, for its tables */
const struct glint_run_level *glint_run_get_level(const struct glint_run *run, int32_t value);

/* LEVEL_SAMPLE: -> level (out[0]), its sites (out[1], their x, y, z the cell's z, y, x: kernels count z
 * fastest), bytes for moved points (out[2], where points are turned or clipped). LEVEL_POOL: level -> level,
 * its sites. */
struct glint_level_params {
    int32_t stage;                /* 0: LEVEL_SAMPLE */
    struct glint_level_rule rule; /* of LEVEL_POOL the curves only */
    int32_t patch;                /* of the attention over the level; for the tap */
    bool turns; /* points come with x forward and y left; wanted are x right and y forward */
    bool clips;
    float clip[6]; /* coordinates are brought into this range; lowest, highest, m */
};

/* KEPT_POINTS: level -> tokens: the fields of the points that stand for its cells. Its params are
 * glint_kept_points_params. */
struct glint_kept_points_params {
    int32_t n_fields;
    enum glint_point_field fields[GLINT_FIELDS_MAX];
    float intensity_scale; /* not on network inputs */
    bool intensity_tanh;
};

/* LINEAR: tokens (, tokens added) -> tokens (, tokens before the addition) */
struct glint_linear_params {
    struct glint_affine affine;
    struct glint_weights weights;
    enum glint_act act;
};

/* NORM_LINEAR, LINEAR_NORM and NORM_MLP: as rows.h has them; tokens (, tokens added: LINEAR_NORM) -> tokens
 * (, the branch) */
struct glint_rows_params {
    struct glint_affine affine, affine2;
    struct glint_weights weights, weights2;
    char norm_name[GLINT_TENSOR_NAME];
    struct glint_layer_norm norm;
};

/* PATCH_ATTEND: tokens (q, k, v), level -> tokens */
struct glint_patch_attend_params {
    struct glint_patch_attend attend;
    int32_t curve; /* place of the order among the level's */
};

/* CLUSTER_MAX: tokens, finer level, coarser level -> tokens of the coarser: gelu(batch norm(maximum)) */
struct glint_cluster_max_params {
    char norm[GLINT_TENSOR_NAME];
    double norm_eps;
    int32_t channels;
    const float *scale, *shift; /* set by bind */
};

/* CLUSTER_ADD: tokens, tokens of the coarser level, that level -> tokens: each with its cluster's added */

/* ROW_CLASSES: logits, level -> frame's masks; bytes for the tap */

/* The configuration that Pointcept's networks have in the golden weights into ours. */
bool glint_ptv3_recognise(struct glint_json foreign);
int glint_ptv3_convert(struct glint_json foreign, struct glint_text *text);
#endif
