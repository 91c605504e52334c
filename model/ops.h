/* model/ops.h - the parameters of the operations that several architectures share; an operation's run and
 * bind are in op_tokens.c (points and tokens) and op_maps.c (bird's-eye maps). */
#ifndef GLINT_MODEL_OPS_H
#define GLINT_MODEL_OPS_H
#include "attention/flat_layer.h"
#include "attention/mean_vfe.h"
#include "attention/posenc.h"
#include "attention/sparse_conv.h"
#include "attention/vfe.h"
#include "model/build.h"
#include "voxel/harden.h"
#include "voxel/sites.h"
#include "voxel/window.h"

/* VOXELIZE: -> voxels (, bytes of glint_harden_bytes where they become hard ones) */
struct glint_voxelize_params {
    struct glint_grid grid;
    struct glint_hard hard; /* max_voxels 0: not. Those who read points have the bytes as an input, too */
    bool show_counts;       /* a tap sees each point's voxel too, and OpenPCDet's name of the counts */
};

/* VFE: voxels -> tokens (out[0]). Further outputs are optional: members *_out are their place in layer->out,
 * 0 for none. The maps' weights are set by bind from the affines. */
struct glint_vfe_params {
    struct glint_vfe vfe;
    struct glint_affine point[GLINT_VFE_LAYERS], voxel[GLINT_VFE_LAYERS];
    float intensity_scale; /* of the column of intensity, besides its own scale; not on network inputs */
    int32_t
        tanh_out; /* floats of points: intensities under the hyperbolic tangent, where the network wants it */
    int32_t joined_out; /* layer 0's points, each with its voxel's maximum; point_out[0], voxel_out[0] too */
    int32_t in_out, mean_out, point_out[GLINT_VFE_LAYERS], voxel_out[GLINT_VFE_LAYERS];
};

/* What the configuration says of intensity; once out[0] is there. */
void glint_vfe_set_intensity(struct glint_build *b, struct glint_layer *layer, struct glint_vfe_params *p);

/* The section "vfe": {"channels": [...], "norm_eps": e}, one layer at least. halved: half of every layer's
 * channels but the last's are the voxel's maximum, so that they are even. GLINT_E_FORMAT. */
int glint_vfe_config(struct glint_json root, bool halved, int32_t channels_out[GLINT_VFE_LAYERS],
                     int32_t *n_out, double *norm_eps_out);

/* The columns of a dynamic VFE: the configuration's fields, distances from the mean, distances from the
 * centre. float_corner: half a cell is added, in double, to the range's lowest corner in float, as OpenPCDet
 * does; else as config->centre_offset has it. */
void glint_vfe_set_columns(struct glint_vfe *v, const struct glint_model_config *config, bool float_corner);

/* Fills an encoder layer: tensors LINEAR.weight [width, k], or [width, 2 k] when the voxel's maximum is
 * joined (l > 0), and the batch norm NORM. */
void glint_vfe_layer_set(struct glint_vfe_params *p, const char *linear, const char *norm, double norm_eps,
                         int32_t width);

/* MEAN_VFE: voxels -> tokens */
struct glint_mean_vfe_params {
    struct glint_mean_vfe vfe;
    float intensity_scale; /* as in glint_vfe_params */
};

/* SITES_TO_MAP: tokens, their sites -> map of their (y, x), channel (c, z) at c * dim.z + z */

/* SITES: voxels -> sites, a row per voxel */

/* SITES_STRIDED: sites -> sites. RULES: sites, sites of the outputs -> rules */
struct glint_stencil_params {
    struct glint_stencil stencil;
};

/* SPARSE_CONV: tokens, rules (, tokens added before the activation) -> tokens */
struct glint_sparse_conv_params {
    struct glint_affine affine;
    int32_t size[3]; /* of the kernel, x, y, z */
    struct glint_weights *cells;
    struct glint_sparse_conv conv;
};

/* The sites of the voxels, in dim cells (none of the grid's less); of a strided convolution (cap 0: twice as
 * many as there may be inputs, or all cells); the rules between sites (the same: submanifold); names golden,
 * or NULL. The value made is returned. */
int32_t glint_build_voxel_sites(struct glint_build *b, const char *name, int32_t voxels, int32_t cap,
                                const int32_t dim[3]);
int32_t glint_build_sites_strided(struct glint_build *b, const char *name, int32_t sites,
                                  const struct glint_stencil *stencil, int32_t cap);
int32_t glint_build_sites_rules(struct glint_build *b, const char *name, int32_t in, int32_t out,
                                const struct glint_stencil *stencil);
/* Tensors PREFIX.weight [n, kz, ky, kx, k], PREFIX.bias with_bias, batch norm `norm` or NULL. residual -1:
 * none. `out` has the rules' sites. The kernel is that of the rules. */
struct glint_layer *glint_build_sparse_conv(struct glint_build *b, enum glint_stage stage, const char *prefix,
                                            bool with_bias, const char *norm, double norm_eps,
                                            const struct glint_stencil *stencil, enum glint_act act,
                                            int32_t in, int32_t rules, int32_t residual, int32_t out);

/* POSENC: voxels -> tokens */
struct glint_posenc_params {
    struct glint_posenc posenc; /* made by bind */
    enum { GLINT_POSENC_FLATFORMER, GLINT_POSENC_WINDOW } style;
    int32_t dim;
    int32_t n_values;      /* FLATFORMER: the grid's side */
    int32_t window, shift; /* WINDOW */
    float temperature;     /* WINDOW */
};

/* WINDOW_ORDER: voxels -> order (out[0]), scratch of 4 int32 per voxel (out[1], bytes) */
struct glint_window_order_params {
    struct glint_window_order order;
};

/* FLAT_LAYER: tokens, positions, order -> tokens; attention output (out[1], bytes) when a tap wants it */
struct glint_flat_layer_params {
    struct glint_flat_layer layer;
    struct glint_affine qk, v, out, fc1, fc2;
    char norm1[GLINT_TENSOR_NAME], norm2[GLINT_TENSOR_NAME]; /* prefixes */
    bool first; /* the first layer of the network: the groups themselves are shown to a tap */
};

/* CONV3X3, CONV3X3_WIDE, CONV2X2 and CONV1X1: map (, map to add) -> map */
struct glint_conv_params {
    struct glint_affine affine;
    struct glint_weights weights;
    int32_t dilation;            /* of CONV3X3_WIDE */
    struct glint_winograd tiles; /* stride 1, by tiles; n 0: not */
    int32_t stride;
    bool plain; /* never by tiles, and tap by tap where it can be: as near to a reference as we come */
    enum glint_act act;
};

#define GLINT_DECONV_MAX 4

/* DECONV: map -> map */
struct glint_deconv_params {
    struct glint_affine affine;
    struct glint_weights weights[GLINT_DECONV_MAX * GLINT_DECONV_MAX];
    enum glint_act act;
};

/* Adds a 3x3 (kernel 3), 2x2 (stride 2, no padding) or 1x1 convolution from `in` to `out`, relu or none;
 * prefix and norm as in glint_affine_set; residual -1: none. */
struct glint_layer *glint_build_conv(struct glint_build *b, enum glint_stage stage, const char *prefix,
                                     bool with_bias, const char *norm, double norm_eps, int32_t kernel,
                                     int32_t stride, enum glint_act act, int32_t in, int32_t residual,
                                     int32_t out);
/* A 3x3 convolution with kernel cells `dilation` pixels apart, stride 1, padded to the same size. */
struct glint_layer *glint_build_conv_wide(struct glint_build *b, enum glint_stage stage, const char *prefix,
                                          bool with_bias, const char *norm, double norm_eps, int32_t dilation,
                                          enum glint_act act, int32_t in, int32_t residual, int32_t out);
struct glint_layer *glint_build_deconv(struct glint_build *b, enum glint_stage stage, const char *prefix,
                                       const char *norm, double norm_eps, int32_t scale, enum glint_act act,
                                       int32_t in, int32_t out);
#endif
