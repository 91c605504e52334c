/* model/run.h - running a network: what the operations' run functions see. */
#ifndef GLINT_MODEL_RUN_H
#define GLINT_MODEL_RUN_H
#include "core/exec.h"
#include "core/tensor.h"
#include "core/trace.h"
#include "glint/model.h"
#include "model/bev.h"
#include "model/build.h"
#include "model/layer.h"
#include "voxel/rules.h"
#include "voxel/voxel.h"

struct glint_sparse;
struct glint_views;

struct glint_run {
    struct glint_exec *exec;
    struct glint_sparse *sparse; /* NULL: whole maps */
    struct glint_trace *trace;
    const struct glint_model_config *config;
    const struct glint_net *net;
    struct glint_voxels *voxels;
    uint8_t *memory;            /* the plan's */
    struct glint_frame *frame;  /* the one being run */
    struct glint_points points; /* its points as the network wants them: turned, where it has other axes */
    float *turned;              /* net->cap_points: for that; NULL: they are as they come */
    float score;                /* least score of a box; < 0: the layer's own */
    struct glint_model_cost cost;
    struct glint_views *views; /* model/views.h; NULL: the frame itself alone */
    glint_tap_fn *tap;         /* NULL: none */
    void *tap_ctx;
    struct glint_arena tap_memory; /* for the tensors made for the tap only; empty without keep_stages */
};

/* Runs all layers on run->frame: spans around each stretch of layers of one stage, values shown to the tap.
 */
int glint_run_net(struct glint_run *run);

/* The memory of a value. */
float *glint_run_floats(const struct glint_run *run, int32_t value);
int32_t *glint_run_ints(const struct glint_run *run, int32_t value);
void *glint_run_bytes(const struct glint_run *run, int32_t value);
struct glint_map glint_run_map(const struct glint_run *run, int32_t value); /* slices too */

/* Rows of a value of tokens or an order: of its sites, or the voxels. */
int32_t glint_run_rows(const struct glint_run *run, int32_t value);

/* Cells of voxels or sites, n x 3 (x, y, z): a row per token. */
const int32_t *glint_run_coord(const struct glint_run *run, int32_t value, int32_t *n_out);

/* Sites and rules, filled in place by the layer that makes them: `new` begins with an empty set of the
 * value's capacity and dim. */
struct glint_sites *glint_run_new_sites(const struct glint_run *run, int32_t value);
const struct glint_sites *glint_run_sites(const struct glint_run *run, int32_t value);
struct glint_rules *glint_run_new_rules(const struct glint_run *run, int32_t value);
const struct glint_rules *glint_run_rules(const struct glint_run *run, int32_t value);

/* Counts work done (2 per multiply-add) for the layer's stage. */
void glint_run_flop(struct glint_run *run, const struct glint_layer *layer, double flop);

/* The cost of the last run, what follows from the layers' values included; of the run's memory nothing is
 * read. */
void glint_run_cost(const struct glint_run *run, struct glint_model_cost *cost_out);

/* Shows a tensor to the tap, if there is one: data row-major, of n_dims dimensions. */
void glint_run_tap(struct glint_run *run, const char *name, enum glint_dtype dtype, int32_t n_dims,
                   const int64_t *shape, const void *data);

/* Shows a tap, if there is one, what a layer has made: its values in the run's memory, and what its operation
 * shows besides. */
void glint_run_show(struct glint_run *run, const struct glint_layer *layer);

/* Bytes of tap_memory that a network's values need. */
size_t glint_run_tap_bytes(const struct glint_net *net);
#endif
