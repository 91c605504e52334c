/* model/layer.h - a network as plain data: values, and layers that turn values into values.
 *
 * An architecture file (arch_*.c) makes the list from a configuration (build.h); plan.h gives the values
 * memory by their lifetimes; run.h walks the list. Layers run in the order of the list. */
#ifndef GLINT_MODEL_LAYER_H
#define GLINT_MODEL_LAYER_H
#include "attention/gemm.h"
#include "core/arena.h"
#include "glint/frame.h"
#include <stddef.h>

/* X(ENUM, name). The information of an operation is `glint_op_<name>` in the file that implements it. */
#define GLINT_OP_MAP(X)                                                                                      \
    X(VOXELIZE, voxelize)           /* frame -> voxels */                                                    \
    X(VFE, vfe)                     /* voxels -> tokens (, points) */                                        \
    X(POSENC, posenc)               /* voxels -> tokens */                                                   \
    X(WINDOW_ORDER, window_order)   /* voxels -> order */                                                    \
    X(FLAT_LAYER, flat_layer)       /* tokens, tokens (positions), order -> tokens */                        \
    X(SITES, sites)                 /* voxels -> sites */                                                    \
    X(SITES_STRIDED, sites_strided) /* sites -> sites of a strided convolution */                            \
    X(RULES, rules)                 /* sites, sites of the outputs -> rules */                               \
    X(SPARSE_CONV, sparse_conv)     /* tokens, rules (, tokens added before the activation) -> tokens */     \
    X(SETS, sets)                   /* voxels or sites -> sets */                                            \
    X(SET_LAYER, set_layer)         /* tokens, sets, sets of places (, tokens) -> tokens */                  \
    X(COARSEN, coarsen)             /* voxels or sites -> sites, table */                                    \
    X(SET_POOL, set_pool)           /* tokens, table -> tokens of sites */                                   \
    X(BEV_SCATTER, bev_scatter)     /* tokens, voxels or sites of one z -> map */                            \
    X(CONV3X3, conv3x3)             /* map (, map added after the activation) -> map */                      \
    X(MEAN_VFE, mean_vfe)           /* voxels -> tokens */                                                   \
    X(SITES_TO_MAP, sites_to_map)   /* tokens of sites -> map */                                             \
    X(CONV2X2, conv2x2)             /* map -> map of half the size */                                        \
    X(CONV3X3_WIDE, conv3x3_wide)   /* map (, map added after the activation) -> map; a dilated kernel */    \
    X(CONV1X1, conv1x1)             /* map -> map */                                                         \
    X(DECONV, deconv)               /* map -> map */                                                         \
    X(ADD, add)                     /* map, map -> map */                                                    \
    X(CENTER_GATE, center_gate)     /* heat map -> cells that can score */                                   \
    X(CENTER_PICK, center_pick)     /* maps -> candidates */                                                 \
    X(CENTER_BRANCH, center_branch) /* map, candidates -> candidates' values */                              \
    X(CENTER_DECODE, center_decode) /* candidates -> candidates with boxes */                                \
    X(CENTER_NMS, center_nms)       /* candidates -> detections, frame's boxes where there is one head */    \
    X(CENTER_JOIN, center_join)     /* heads' detections -> frame's boxes */                                 \
    X(PATCH_MERGE, patch_merge)     /* tokens, voxels -> map */                                              \
    X(PEAK_HEAD, peak_head)         /* heat map, map -> peaks with boxes */                                  \
    X(DISTANCE_NMS, distance_nms)   /* peaks with boxes -> frame's boxes */                                  \
    X(POINT_HEAD, point_head)       /* points, tokens, map, voxels -> frame's masks */                       \
    X(LEVEL_SAMPLE, level_sample)   /* frame -> level, its sites */                                          \
    X(LEVEL_POOL, level_pool)       /* level -> level, its sites */                                          \
    X(KEPT_POINTS, kept_points)     /* level -> tokens */                                                    \
    X(LINEAR, linear)               /* tokens (, tokens added) -> tokens */                                  \
    X(NORM_LINEAR, norm_linear)     /* tokens -> tokens */                                                   \
    X(LINEAR_NORM, linear_norm)     /* tokens, tokens added -> tokens */                                     \
    X(NORM_MLP, norm_mlp)           /* tokens -> tokens */                                                   \
    X(PATCH_ATTEND, patch_attend)   /* tokens, level -> tokens */                                            \
    X(CLUSTER_MAX, cluster_max)     /* tokens, level, coarser level -> its tokens */                         \
    X(CLUSTER_ADD, cluster_add)     /* tokens, tokens of a coarser level, it -> tokens */                    \
    X(ROW_CLASSES, row_classes)     /* tokens, level -> frame's masks */

enum glint_op {
#define GLINT_OP_ENUM(upper, name) GLINT_OP_##upper,
    GLINT_OP_MAP(GLINT_OP_ENUM)
#undef GLINT_OP_ENUM
        GLINT_OP_COUNT
};

enum glint_value_kind {
    GLINT_VALUE_VOXELS, /* the frame's points sorted into pillars (struct glint_voxels); one per network */
    GLINT_VALUE_POINTS, /* n_points x c float, in the voxels' point order */
    GLINT_VALUE_TOKENS, /* n x c float, a row per site of `sites`, or per voxel in pillar order */
    GLINT_VALUE_ORDER,  /* n int32: sorted position -> row, as for tokens */
    GLINT_VALUE_SITES,  /* sparse sites (struct glint_sites), made by a layer */
    GLINT_VALUE_RULES,  /* pairs of rows for sparse convolutions (struct glint_rules), made by a layer */
    GLINT_VALUE_LEVEL,  /* cells and their orders (struct glint_run_level of ptv3.h), made by a layer */
    GLINT_VALUE_MAP,    /* h x w x c float with a border (struct glint_map) */
    GLINT_VALUE_BYTES,  /* `bytes` for whatever its layers keep there */
};

struct glint_value {
    enum glint_value_kind kind;
    char name[40]; /* the golden name under which a tap sees it; "" for none */
    char also[40]; /* a second one */
    int32_t c, h, w;
    int32_t sites;   /* tokens, orders, rules: the sites of their rows (of the outputs); -1: the voxels */
    int32_t cap;     /* sites, levels: most rows */
    int32_t dim[3];  /* sites: cells along x, y, z */
    int32_t n_cells; /* rules: of the kernel */
    int32_t parent;  /* a channel slice of this map, from first_channel; -1: memory of its own */
    int32_t first_channel;
    bool half, half_only; /* a map that is kept in 16 bits too, or only so; set by glint_plan_net */
    int32_t block;        /* of struct glint_map */
    size_t bytes;
    int32_t first, last; /* layers of first and last use; set by glint_plan, -1 unused */
    size_t offset;       /* in the model's memory; set by glint_plan */
};

/* Whether `sites` means something: a value with rows, or pairs of them. */
static inline bool glint_value_has_rows(const struct glint_value *v)
{
    return v->kind == GLINT_VALUE_TOKENS || v->kind == GLINT_VALUE_ORDER || v->kind == GLINT_VALUE_RULES;
}

#define GLINT_LAYER_VALUES 12

struct glint_layer {
    enum glint_op op;
    enum glint_stage stage; /* whose span and cost it belongs to */
    char name[56];          /* where its weights are in the file, or what it makes: for people */
    int32_t n_in, n_out;
    int32_t in[GLINT_LAYER_VALUES], out[GLINT_LAYER_VALUES]; /* indices of values */
    void *params;                                            /* the operation's own struct */
};

struct glint_net {
    int32_t n_layers, cap_layers, n_values, cap_values;
    struct glint_layer *layers;
    struct glint_value *values;
    struct glint_arena params; /* the layers' parameters */
    int32_t cap_points, cap_voxels;
    bool x_right; /* its points and boxes have x right and y forward: frames' are turned on the way in and out
                   */
    enum glint_narrow narrow; /* what products round to */
    bool keep_stages;         /* a tap may ask for any map: all are kept in float (too) */
};

struct glint_bind;
struct glint_exec;
struct glint_run;

/* What an operation is. Functions may be NULL where there is nothing to do. */
struct glint_op_info {
    const char *name;
    size_t params_size;
    /* Takes the layer's weights from the file (build.h). Called twice: to measure, then to fill. */
    int (*bind)(struct glint_bind *bind, struct glint_layer *layer);
    /* Works out what follows from the weights alone, once they are there: a table, in memory that bind took.
     */
    int (*ready)(struct glint_exec *x, const struct glint_layer *layer);
    /* Bytes of scratch per worker that run may take from exec->scratch. */
    size_t (*scratch)(const struct glint_net *net, const struct glint_layer *layer);
    int (*run)(struct glint_run *run, const struct glint_layer *layer);
    /* The end of run: from the layer's outputs to the frame, for those that make what leaves the model. */
    void (*publish)(struct glint_run *run, const struct glint_layer *layer);
    /* After run: tensors besides the layer's values that a tap sees; there is a tap. */
    void (*show)(struct glint_run *run, const struct glint_layer *layer);
    /* Whether its products of the map in[0] take 16 bits in a network of less precision. */
    bool (*reads_half)(const struct glint_net *net, const struct glint_layer *layer);
    /* Parameters in words, for glint info. */
    void (*text)(const struct glint_layer *layer, char *text, size_t size);
};

const struct glint_op_info *glint_op_get(enum glint_op op);
#endif
