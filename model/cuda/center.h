/* model/cuda/center.h - a centre head (model/head_center.h) on the device: cells, values, boxes, suppression,
 * with the same cells, order and decisions as on the host.
 *
 *     glint_center_gate_cuda      heat map -> cells whose heat passes          (where there is an IoU)
 *     glint_center_branches_cuda  shared map at these cells -> their IoU
 *     glint_center_pick_cuda      heat map, IoU map -> candidates
 *     glint_center_branches_cuda  shared map at the candidates -> raw values, all branches in one launch
 *     glint_center_boxes_cuda     raw values -> boxes
 *     glint_center_nms_cuda       boxes -> detections
 */
#ifndef GLINT_MODEL_CUDA_CENTER_H
#define GLINT_MODEL_CUDA_CENTER_H
#ifdef __cplusplus
extern "C" {
#endif
#include "model/cuda/conv.h"
#include "model/cuda/nms.h"
#include "model/head_center.h"

/* struct glint_candidates on the device: the same arrays and order. */
struct glint_cuda_candidates {
    int32_t cap, n_raw;
    int32_t *n;
    float *box; /* n x 9 */
    float *score;
    int32_t *label;
    int32_t *cell;   /* n x 2: y, x */
    float *raw;      /* n x n_raw */
    int32_t *source; /* of detections: index of the candidate */
};
/* Carves from device memory (aligned to 256). The arrays lie from n on in one block, so that one copy takes
 * them all: glint_cuda_candidates_view sets the same pointers into a copy on the host. */
size_t glint_cuda_candidates_bytes(int32_t cap, int32_t n_raw);
void glint_cuda_candidates_init(struct glint_cuda_candidates *c, void *memory, int32_t cap, int32_t n_raw);
void glint_cuda_candidates_view(struct glint_candidates *c, void *host_copy, int32_t cap, int32_t n_raw);

/* Least scores as the host works them out; its copy on the device is what kernels read, so that a recorded
 * graph can be given others. least_score < 0: center->score, as picking wants it where scores are rectified.
 */
struct glint_cuda_least {
    float score[GLINT_CLASSES_MAX], logit[GLINT_CLASSES_MAX];
    float boxes; /* of glint_center_boxes where scores are rectified */
};
void glint_cuda_least_set(const struct glint_center *center, float least_score, struct glint_cuda_least *out);

/* Cells whose heat alone passes, in no particular order: the list, its number (reset here). heat: floats. */
int glint_center_gate_cuda(struct glint_stream *s, const struct glint_center *center,
                           const struct glint_cuda_map *heat, const struct glint_cuda_least *least,
                           struct glint_pixel *cells, int32_t *n);

/* Some branches of a head at some cells: per branch 3x3 to hidden channels, ReLU, 3x3 to few values (floats).
 */
struct glint_cuda_branch {
    int32_t n, hidden; /* values, channels between */
    int32_t offset;    /* of the values in a row of the output */
    const void *first; /* device: set by glint_cuda_branch_set */
    const float *first_bias, *last, *last_bias;
};
struct glint_cuda_branches {
    int32_t n_branches, k; /* k: channels of the shared map, of the same type */
    enum glint_dtype type; /* of it and of the first weights; the last are floats */
    struct glint_cuda_branch branch[GLINT_CENTER_BRANCHES];
};
size_t glint_cuda_branch_bytes(const struct glint_cuda_branches *b, int32_t index);
void glint_cuda_branch_pack(const struct glint_cuda_branches *b, int32_t index,
                            const struct glint_weights *first, const struct glint_weights *last, void *host);
void glint_cuda_branch_set(struct glint_cuda_branches *b, int32_t index, const void *device);

/* Where the shared map is undefined: pixels not in `active` are read from the background. bits NULL: the
 * whole map is defined. */
struct glint_cuda_shared {
    struct glint_cuda_map map;
    struct glint_active active;
    struct glint_cuda_background background;
};

/* Values of the cells: *n of at most cap cells, y and x as glint_pixel (`cells`) or as pairs of int32
 * (`candidate_cells`), one of them NULL. Cell i's values go to row i of rows (row_stride floats each) or,
 * rows NULL, to the cell's pixel of map (floats). */
struct glint_cuda_branch_cells {
    const struct glint_pixel *cells;
    const int32_t *candidate_cells;
    const int32_t *n;
    int32_t cap;
    float *rows;
    int32_t row_stride;
    struct glint_cuda_map map;
};
int glint_center_branches_cuda(struct glint_stream *s, const struct glint_cuda_branches *b,
                               const struct glint_cuda_shared *shared,
                               const struct glint_cuda_branch_cells *at);

/* glint_center_pick. maps: of floats; data NULL: none. The candidates' n and arrays but boxes and sources. */
size_t glint_center_pick_work_bytes_cuda(int32_t h, int32_t w, int32_t n_classes, int32_t top_k);
int glint_center_pick_cuda(struct glint_stream *s, const struct glint_center *center,
                           const struct glint_cuda_map maps[GLINT_CENTER_BRANCHES],
                           const struct glint_cuda_least *least, void *work,
                           struct glint_cuda_candidates *out);

/* glint_center_boxes from `in` to `out` (of the same n_raw, no less cap, memory of its own): floats equal to
 * rounding of exp, atan2 and pow. */
int glint_center_boxes_cuda(struct glint_stream *s, const struct glint_center *center,
                            const struct glint_cuda_least *least, const struct glint_cuda_candidates *in,
                            struct glint_cuda_candidates *out);

/* glint_center_nms. out: cap as in's, n_raw 0. GLINT_E_ARG where more than GLINT_CUDA_NMS_CAP candidates may
 * be compared. */
size_t glint_center_nms_work_bytes_cuda(int32_t cap);
int glint_center_nms_cuda(struct glint_stream *s, const struct glint_center *center,
                          const struct glint_cuda_candidates *in, void *work,
                          struct glint_cuda_candidates *out);

/* Several heads' detections one after another, labels counted on from first_label. out: cap the sum. */
int glint_center_join_cuda(struct glint_stream *s, const struct glint_cuda_candidates *heads, int32_t n_heads,
                           const int32_t *first_label, struct glint_cuda_candidates *out);

#ifdef __cplusplus
}
#endif
#endif
