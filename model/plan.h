/* model/plan.h - memory of a network's values: each gets an offset, and values that do not live at the same
 * time share memory. */
#ifndef GLINT_MODEL_PLAN_H
#define GLINT_MODEL_PLAN_H
#include "model/bev.h"
#include "model/layer.h"

/* A block that is needed from step `first` to step `last`, both inclusive. */
struct glint_plan_block {
    size_t bytes;
    int32_t first, last;
    size_t offset; /* result, a multiple of 64 */
};

/* Places the blocks so that no two which live together overlap; returns the bytes needed in all. Greedy by
 * size, each into the smallest gap that fits (Pisarchyk and Lee, Efficient Memory Management for Deep Neural
 * Net Inference, 2020, section 5.2). GLINT_E_NOMEM. */
int glint_plan_blocks(struct glint_plan_block *blocks, int32_t n, size_t *bytes_out);

/* A map value (no slice) in memory of its own; with NULL memory only the bytes that it takes. */
size_t glint_value_map(const struct glint_value *value, void *memory, struct glint_map *map);

/* Finds each value's lifetime from the layers, how maps are kept, its size, and its offset. net->narrow and
 * keep_stages are set. */
int glint_plan_net(struct glint_net *net, size_t *bytes_out);
#endif
