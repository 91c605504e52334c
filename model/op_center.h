/* model/op_center.h - the parameters of a centre head's layers, and their values in a run's memory for those
 * who run the layers elsewhere. */
#ifndef GLINT_MODEL_OP_CENTER_H
#define GLINT_MODEL_OP_CENTER_H
#include "model/head_center.h"
#include "model/ops.h"

struct glint_run;

/* CENTER_GATE, CENTER_PICK, CENTER_DECODE, CENTER_NMS, CENTER_JOIN */
struct glint_center_params {
    struct glint_center center;
    int32_t input[GLINT_CENTER_BRANCHES]; /* place of the branch's map among the inputs, -1: none */
    int32_t n_raw;
    bool one_of_several; /* heads */
    int32_t head;
    float show_circle;
    int32_t first_label[GLINT_CENTER_HEADS]; /* joining: of each head; else of this one */
};

/* CENTER_BRANCH */
struct glint_center_branch_params {
    struct glint_conv_params first, last;
    int32_t offset; /* of the branch's values in a row of raw */
};

/* Begins anew what a layer of CENTER_PICK (its candidates) or CENTER_NMS (its detections) leaves in the run's
 * memory: empty, with room for top_k, to be filled by the caller. */
struct glint_candidates *glint_center_candidates(const struct glint_run *run, const struct glint_layer *pick);
struct glint_candidates *glint_center_detections(const struct glint_run *run, const struct glint_layer *nms);
#endif
