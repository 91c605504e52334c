/* model/ops_sets.h - the operations of window transformers on sparse cells (op_sets.c): their parameters, and
 * how an architecture adds them. "Cells" are the network's voxels or sites. */
#ifndef GLINT_MODEL_OPS_SETS_H
#define GLINT_MODEL_OPS_SETS_H
#include "attention/set_layer.h"
#include "attention/set_pool.h"
#include "model/build.h"
#include "voxel/coarsen.h"
#include "voxel/sets.h"

/* SETS: cells -> bytes (struct glint_sets) (, bytes for a tap's tables) */
struct glint_sets_params {
    struct glint_set_window window;
    char name[24]; /* before .win, .coors_in_win, .set_inds: what a tap sees */
};
/* name: NULL for none. Returns the sets' value. */
int32_t glint_build_sets(struct glint_build *b, const char *name, int32_t cells,
                         const struct glint_set_window *window);

/* SET_LAYER: tokens, their sets, the sets whose places are the positions (, tokens added before the last
 * norm) -> tokens (, for a tap: see the members *_out, places in layer->out, 0 for none) */
struct glint_set_layer_params {
    struct glint_set_layer layer;
    int32_t axis; /* order of the sets */
    struct glint_affine qk, v, out, fc1, fc2;
    char norm1[GLINT_TENSOR_NAME], norm2[GLINT_TENSOR_NAME]; /* prefixes; "" for none */
    char outer[GLINT_TENSOR_NAME], last[GLINT_TENSOR_NAME];
    struct glint_affine position[2]; /* the table's network; position[0].n 0: sinusoidal */
    struct glint_weights position_weights[2];
    int32_t position_size[3];    /* the window of the positions */
    float base;                  /* of a sinusoidal table */
    char tau[GLINT_TENSOR_NAME]; /* temperatures of cosine attention, [1, 1, 1] or, tau_each, [1, heads, 1,
                                    1]; "": none */
    bool tau_each;
    float tau_least;
    float *table; /* position_size's cells x dim; filled by ready */
    int32_t attended_out, inner_out, layered_out, position_out;
    int32_t set; /* slots of a tap's sets; 0: nothing of them is shown */
};

/* Adds a layer; tensors are set by the caller in the params (glint_set_layer_tensors for the usual ones).
 * residual -1: none. Returns the layer. */
struct glint_layer *glint_build_set_layer(struct glint_build *b, const char *name, int32_t tokens,
                                          int32_t sets, int32_t places, int32_t residual, int32_t out);

/* ATTENTION.self_attn (torch's MultiheadAttention), PREFIX.linear1, .linear2, .norm1, .norm2, of p->layer's
 * sizes. */
void glint_set_layer_tensors(struct glint_set_layer_params *p, const char *prefix, const char *attention);

/* COARSEN: cells -> sites, bytes (struct glint_coarse) */
struct glint_coarsen_params {
    int32_t dim[3], stride[3];
    char name[16]; /* before .pool_index, .pool_slot */
};
/* Returns the sites' value, NAME.coords to a tap; *table_out: for glint_build_set_pool. */
int32_t glint_build_coarsen(struct glint_build *b, const char *name, int32_t cells, const int32_t dim[3],
                            const int32_t stride[3], int32_t *table_out);

/* SET_POOL: tokens, a coarsen's table -> tokens of its sites */
struct glint_set_pool_params {
    struct glint_set_pool pool;
    struct glint_affine q, k, v, out;
    char norm[GLINT_TENSOR_NAME], slots[GLINT_TENSOR_NAME]; /* norm: prefix */
    float *empty_key;
};
/* Tensors PREFIX.self_attn, .norm, .pos_embedding. */
void glint_build_set_pool(struct glint_build *b, const char *prefix, int32_t heads, int32_t n_slots,
                          double norm_eps, int32_t tokens, int32_t table, int32_t out);
#endif
