/* model/build.h - making a network: architecture files add values and layers; binding gives the layers their
 * weights from a safetensors file and checks that each tensor is there, has its shape, and none is left over.
 */
#ifndef GLINT_MODEL_BUILD_H
#define GLINT_MODEL_BUILD_H
#include "core/safetensors.h"
#include "model/conv_tiles.h"
#include "model/layer.h"
#include "model/model_config.h"

#define GLINT_NET_LAYERS_MAX 1024
#define GLINT_CHANNELS_MAX   GLINT_MAP_CHANNELS

struct glint_build {
    const struct glint_model_config *config;
    bool keep_stages; /* a tap may ask for every stage: leave nothing fused */
    struct glint_net *net;
    int status; /* the first failure of an adder; those after it do nothing */
};

/* ---- for architecture files; all return an index of a value, or the layer (a harmless dummy after a
 * failure) ---- */

/* `name`: golden name or NULL. */
int32_t glint_build_voxels(struct glint_build *b);
int32_t glint_build_points(struct glint_build *b, const char *name, int32_t c);
int32_t glint_build_tokens(struct glint_build *b, const char *name, int32_t c);
int32_t glint_build_order(struct glint_build *b, const char *name);
/* Rows of tokens, positions of orders, belong to sites (-1: the voxels, as above). */
int32_t glint_build_tokens_of(struct glint_build *b, const char *name, int32_t c, int32_t sites);
int32_t glint_build_order_of(struct glint_build *b, const char *name, int32_t sites);
/* Sparse sites of at most cap rows (0: as many as voxels) in dim cells along x, y, z; and the rules of
 * kernels of n_cells whose outputs they are. A tap sees sites as "coords" have it and rules as numbers of
 * pairs. */
int32_t glint_build_sites(struct glint_build *b, const char *name, int32_t cap, const int32_t dim[3]);
int32_t glint_build_level(struct glint_build *b);
int32_t glint_build_rules(struct glint_build *b, const char *name, int32_t sites, int32_t n_cells);
int32_t glint_build_map(struct glint_build *b, const char *name, int32_t h, int32_t w, int32_t c);
int32_t glint_build_slice(struct glint_build *b, const char *name, int32_t map, int32_t first_channel,
                          int32_t c);
int32_t glint_build_bytes(struct glint_build *b, size_t bytes);
void glint_build_also(struct glint_build *b, int32_t value, const char *name); /* its second golden name */

/* Appends a layer. `name` is a printf format. params: zeroed, op_info's params_size. */
struct glint_layer *glint_build_layer(struct glint_build *b, enum glint_op op, enum glint_stage stage,
                                      const char *name, ...) GLINT_PRINTF(4, 5);
void glint_build_in(struct glint_build *b, struct glint_layer *layer, int32_t value);
void glint_build_out(struct glint_build *b, struct glint_layer *layer, int32_t value);

/* ---- tensors of a layer ---- */

#define GLINT_TENSOR_NAME 112

/* One linear map in the weights file and what is folded into it. Empty strings: there is none. */
struct glint_affine {
    char weight[GLINT_TENSOR_NAME]; /* [n, k], or with kernel > 0 [n, k, kernel, kernel] */
    char bias[GLINT_TENSOR_NAME];   /* [n] */
    char norm[GLINT_TENSOR_NAME]; /* batch norm: NAME.weight, .bias, .running_mean, .running_var, [n] each */
    double norm_eps;
    int32_t k, n, kernel;
    int32_t first_row, n_rows;       /* a part of a stacked tensor [n_rows, ...]; n_rows 0: all of it */
    int32_t first_column, n_columns; /* a part of [n, n_columns], kernel 0 only; n_columns 0: all of it */
    bool exact;                      /* stays in float in a model of less precision */
    bool no_shift;                   /* the norm's factor only, no bias at all (another part has it) */
};

/* Sets an affine's names and sizes: weight PREFIX.weight, bias PREFIX.bias when with_bias, norm when not
 * NULL. */
void glint_affine_set(struct glint_affine *a, const char *prefix, bool with_bias, const char *norm,
                      double norm_eps, int32_t k, int32_t n, int32_t kernel);

/* Whether binding rounds it so; taps: of its kernel, as products of k see it. */
bool glint_affine_narrows(const struct glint_affine *a, enum glint_narrow narrow, int32_t taps);

/* Packs the map into the model's memory. While measuring *out is set but its pointers are NULL. */
int glint_bind_affine(struct glint_bind *bind, const struct glint_affine *a, struct glint_weights *out);

/* The same of a 3x3 convolution of stride 1, by tiles where that pays, their products rounded in I16 (in BF16
 * they stay in float): then *out is in float only. tiles_out->n 0: it does not. */
int glint_bind_conv(struct glint_bind *bind, const struct glint_affine *a, struct glint_weights *out,
                    struct glint_winograd *tiles_out);

/* A transposed convolution's s * s maps (weight [k, n, s, s], a->kernel = s), out: s * s. */
int glint_bind_deconv(struct glint_bind *bind, const struct glint_affine *a, struct glint_weights *out);

/* A linear map of n_maps joined inputs whose parts are stacked in one tensor: weight [n_maps * n, k] (rows m
 * * n .. of input m) becomes n x (n_maps * k), the inputs one after another; norm and bias are [n]. */
int glint_bind_joined(struct glint_bind *bind, const struct glint_affine *a, int32_t n_maps,
                      struct glint_weights *out);
/* A sparse convolution's n_cells maps (weight [n, k, ...] as spconv 2 has it: [n, kz, ky, kx, k]), stays in
 * float; out: n_cells, whose bias is 0, and *bias_out: n, what is added once. NULL while measuring. */
int glint_bind_cells(struct glint_bind *bind, const struct glint_affine *a, const int32_t size[3],
                     struct glint_weights **cells_out, const float **bias_out);

/* A copy of a vector [n]; NULL while measuring. */
int glint_bind_vector(struct glint_bind *bind, const char *name, int32_t n, const float **out);

/* A batch norm [n] that is folded into no map: y = v * scale + shift. NULL while measuring. */
int glint_bind_norm(struct glint_bind *bind, const char *norm, double eps, int32_t n, const float **scale_out,
                    const float **shift_out);

/* Memory of the model for tables (*out NULL while measuring). */
int glint_bind_memory(struct glint_bind *bind, size_t bytes, void **out);

/* The file, for operations with tensors of their own shape: the tensor, checked (dims -1: any), marked as
 * used. */
int glint_bind_tensor(struct glint_bind *bind, const char *name, int32_t n_dims, const int64_t *shape,
                      const float **data_out);

/* ---- for model.c ---- */

/* The whole net: config -> layers (net zeroed before; glint_net_fini frees). GLINT_E_FORMAT, GLINT_E_NOMEM.
 */
int glint_net_build(const struct glint_model_config *config, int32_t cap_points, bool keep_stages,
                    struct glint_net *net);
/* Weights of all layers into one arena (initialised here, the caller's to free, also on failure). Rounded too
 * as net->narrow says (gemm.h). */
int glint_net_bind(struct glint_net *net, const struct glint_safetensors *file, const char *file_name,
                   struct glint_arena *weights, int64_t *n_parameters_out);
/* Tells every tensor that the layers would bind (name, shape with -1: any; data NULL), in their order; some
 * more than once. No file is needed. A failure of fn ends it. */
typedef int glint_net_tensor_fn(void *ctx, const struct glint_tensor *tensor);
int glint_net_tensors(struct glint_net *net, glint_net_tensor_fn *fn, void *ctx);
void glint_net_fini(struct glint_net *net);

/* ---- architectures ---- */

struct glint_text { /* text of at most `cap` bytes, always ended by 0; status GLINT_E_CAPACITY when cut */
    char *data;
    size_t used, cap;
    int status;
};
void glint_text_add(struct glint_text *text, const char *fmt, ...) GLINT_PRINTF(2, 3);

struct glint_arch {
    const char *name;
    bool free_grid; /* wants cells without bounds ("cell" in the grid section) */
    bool turns;     /* can have its points with x right and y forward */
    int (*build)(
        struct glint_build *b); /* adds all layers; returns its own failures, b->status is checked after */
    /* Whether a training configuration (of an imported weights file) is of this architecture, and its
     * translation into our config.json. */
    bool (*recognise)(struct glint_json foreign);
    int (*convert)(struct glint_json foreign, struct glint_text *config_out);
};
extern const struct glint_arch glint_arch_centerpoint, glint_arch_dsvt, glint_arch_flatformer,
    glint_arch_flatpoint, glint_arch_ptv3, glint_arch_sst;

/* NULL for an unknown name. The table is in build.c. */
const struct glint_arch *glint_arch_find(const char *name);
const struct glint_arch *glint_arch_recognise(struct glint_json foreign);
#endif
