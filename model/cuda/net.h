/* model/cuda/net.h - the parts of a network on a device among each other; from outside it is
 * model/device_net.h.
 *
 * A bound net becomes a program: each of its layers an entry of the table of operations (net_ops.c) that
 * enqueues kernels. Values have device memory by their lifetimes (net_plan.c), maps are computed where they
 * matter only (net_sparse.c). Launches are over the capacities of a bucket, a size of frame; how many points,
 * pillars or boxes there are stays on the device. A stretch of layers of one stage becomes one graph per
 * bucket and slot, recorded when it is first needed, so that a frame is five launches of graphs with events
 * between them (net.c). */
#ifndef GLINT_MODEL_CUDA_NET_H
#define GLINT_MODEL_CUDA_NET_H
#include "attention/cuda/flat_layer.h"
#include "attention/cuda/posenc.h"
#include "attention/cuda/vfe.h"
#include "core/device.h"
#include "model/cuda/active.h"
#include "model/cuda/center.h"
#include "model/cuda/conv.h"
#include "model/cuda/flatpoint.h"
#include "model/device_net.h"
#include "model/op_center.h"
#include "voxel/cuda/voxelize.h"

#define NET_SLOTS    GLINT_DEVICE_FRAMES
#define NET_BUCKETS  8
#define NET_FIELDS   6   /* enum glint_point_field */
#define NET_VARIANTS 4   /* without the range filter, or of a network's inputs */
#define NET_STAGES   32  /* stretches of layers of one stage */
#define NET_COUNTS   256 /* numbers that kernels leave for kernels and for the host */

struct net_value {
    void *data; /* device */
    size_t bytes;
    struct glint_cuda_map map; /* of maps, slices too */
};

/* What a layer of the net has on the device. */
struct net_layer {
    const struct glint_layer *layer;
    bool done_before; /* an earlier layer does its work too */
    int32_t n_group;  /* layers that this one does: itself and those that follow it */
    size_t weight_bytes, scratch_bytes;
    const uint8_t *weights;
    void *scratch;
    union {
        struct glint_vfe_cuda vfe[2]; /* of a frame, of a network's inputs */
        struct glint_flat_layer_cuda flat;
        struct glint_posenc posenc;
        struct glint_cuda_conv conv;
        struct glint_cuda_branches branches;
        struct {
            const struct glint_cuda_least *least;
            int32_t count; /* of the gate's cells */
        } center;
        struct glint_cuda_patch_merge merge;
        struct {
            struct glint_cuda_head_patch head;
            const float *least, *distance;    /* per class; of each pair */
            int32_t n_peaks, n_boxes, n_keep; /* counts */
        } peaks;
        struct glint_cuda_head_points points;
    } u;
    /* of layers that make maps at active pixels */
    struct glint_cuda_places places; /* where it computes */
    struct glint_cuda_background background;
    const struct glint_pixel *fill; /* where its background is read */
    const int32_t *n_fill;
    int32_t cap_fill;
};

struct net_slot { /* a frame on its way */
    struct glint_frame *frame;
    uint8_t *host_in, *device_in; /* a head, then the fields of the points, each of the bucket's size */
    uint8_t *host_out;            /* as net_out_at says */
    int32_t bucket, variant, n_points;
    int64_t begun_ns, staged_ns;
    struct glint_event *sent, *arrived, *stage[NET_STAGES + 1], *done;
};

struct net_stretch {
    enum glint_stage stage;
    int32_t first, end; /* layers */
};

struct glint_device_net {
    struct glint_run *run;
    const struct glint_net *net;
    struct glint_device_net_settings settings;
    char name[160], track[16];
    struct glint_device *device;
    struct glint_stream *in, *work, *side;
    struct glint_event *forked, *joined;
    enum glint_dtype map_type; /* of maps that convolutions read */

    struct net_value *values; /* net->n_values */
    struct net_layer *layers; /* net->n_layers */
    int32_t n_stretches;
    struct net_stretch stretch[NET_STAGES];

    struct glint_device_arena weights, memory, pinned;
    struct glint_voxels_cuda voxels;
    int32_t *counts; /* NET_COUNTS, device; those taken for layers come first */
    int32_t n_counts;
    uint8_t *masks; /* classes, then confidences, cap_points each; NULL where there are none */
    float *planes;  /* a map for a tap; NULL without keep_stages */
    float *host_planes;
    const struct net_layer *boxes; /* the layer that makes the frame's boxes, NULL: none does */
    int32_t boxes_value;           /* and the value that they are in, boxes_bytes of it */

    struct net_sparse *sparse; /* NULL: whole maps */

    int32_t bucket[NET_BUCKETS], n_buckets; /* capacities, ascending */
    bool reads_field[NET_FIELDS];
    bool tanh;                     /* intensities are staged under the hyperbolic tangent */
    size_t boxes_bytes, out_bytes; /* of host_out: voxel counts, counts, boxes, masks */
    struct net_slot slot[NET_SLOTS];
    int32_t first, n_begun; /* slots in use */
    struct glint_graph *graph[NET_SLOTS][NET_BUCKETS][NET_VARIANTS][NET_STAGES];

    /* of the frame whose work is being enqueued */
    struct net_slot *now;
    int32_t most_points, most_voxels;
};

/* One operation on devices. */
struct net_op {
    bool there;
    /* Sizes: weight_bytes (aligned to 256), scratch_bytes, and what it needs of u to know them. */
    int (*size)(struct glint_device_net *d, struct net_layer *l);
    /* Weights into host memory that will be copied to l->weights. */
    void (*pack)(struct glint_device_net *d, struct net_layer *l, uint8_t *host);
    /* Bytes of its out[i], of those values whose makers know them alone. */
    size_t (*value)(const struct glint_device_net *d, const struct glint_layer *layer, int32_t i);
    /* Enqueues it on d->work for d->now. */
    int (*run)(struct glint_device_net *d, const struct net_layer *l);
    /* keep_stages: brings what is in no value (a value of bytes) to the run's memory, after the stream was
     * waited for. */
    int (*fetch)(struct glint_device_net *d, const struct net_layer *l);
    /* Of a layer that begins maps: what it writes to the whole of `out` where there are no pillars. */
    int (*empty)(struct glint_device_net *d, const struct net_layer *l, const struct glint_cuda_map *out);
    /* Of d->boxes: the frame's boxes from a copy of d->boxes_value and of d->counts. */
    void (*take)(struct glint_device_net *d, void *copy, const int32_t *counts);
};
const struct net_op *glint_net_op(enum glint_op op);

/* net_plan.c: sizes and types of values, memory, weights to the device. */
int glint_net_plan(struct glint_device_net *d);
int glint_net_count(struct glint_device_net *d, int32_t *index_out); /* a number in d->counts, 0 at first */

/* net_sparse.c: the maps at active pixels only (model/sparse.h). size: host memory and the bytes of the
 * device that it will want, before any is reserved; open: sets and lists there, and the backgrounds, by the
 * layers themselves on the small grid; run: a frame's sets and lists; places and fills of layers are then
 * ready. */
struct net_sparse;
int glint_net_sparse_size(struct glint_device_net *d, size_t *bytes);
int glint_net_sparse_open(struct glint_device_net *d);
int glint_net_sparse_run(const struct glint_device_net *d, struct glint_stream *s);
bool glint_net_sparse_beside(const struct glint_device_net *d, int32_t first, int32_t end); /* run there */
void glint_net_sparse_close(struct net_sparse *s);
/* Pixels computed of the map that a layer makes, of the last frame's counts. */
double glint_net_pixels(const struct glint_device_net *d, const struct net_layer *l, const int32_t *counts,
                        bool of_output);
struct glint_cuda_shared glint_net_shared(const struct glint_device_net *d, int32_t value);

/* net_maps.c: a convolution, deconvolution or sum of any maps, for frames and for backgrounds. */
int glint_net_map_layer(struct glint_device_net *d, const struct net_layer *l,
                        const struct glint_cuda_map *in, const struct glint_cuda_map *other,
                        const struct glint_cuda_map *out, const struct glint_cuda_places *at);

/* net_show.c: brings values of a layer to the run's memory, in its layouts, and shows them to the tap. */
int glint_net_show(struct glint_device_net *d, const struct net_layer *l);
void glint_net_cost(struct glint_device_net *d, const int32_t *counts);

/* What the operations of one folder file share. */
static inline const struct net_value *net_in(const struct glint_device_net *d, const struct net_layer *l,
                                             int32_t i)
{
    return &d->values[l->layer->in[i]];
}
static inline const struct net_value *net_out(const struct glint_device_net *d, const struct net_layer *l,
                                              int32_t i)
{
    return &d->values[l->layer->out[i]];
}
static inline size_t net_round(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

extern const struct net_op glint_net_voxelize, glint_net_vfe, glint_net_posenc, glint_net_window_order,
    glint_net_flat_layer, glint_net_bev_scatter, glint_net_conv, glint_net_deconv, glint_net_add,
    glint_net_center_gate, glint_net_center_pick, glint_net_center_branch, glint_net_center_decode,
    glint_net_center_nms, glint_net_center_join, glint_net_patch_merge, glint_net_peak_head,
    glint_net_distance_nms, glint_net_point_head;
#endif
