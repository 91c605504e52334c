/* model/sparse.h - a network's maps at active pixels only: less work, and at the pixels that are read the
 * same bits, or the same to rounding from a convolution by tiles (conv_tiles.h) on.
 *
 * From a frame's pillars follows, layer by layer, which pixels can differ from an empty frame's (active.h)
 * and which of the others a later layer reads. Each layer of maps then computes the former and writes the
 * background to the latter; all other pixels stay undefined. The background comes from the same layers on a
 * small empty grid, run once when a model opens. */
#ifndef GLINT_MODEL_SPARSE_H
#define GLINT_MODEL_SPARSE_H
#include "model/active.h"
#include "model/layer.h"

struct glint_run;
struct glint_sparse;

/* For a built network whose weights are bound. *sparse_out is NULL, and the status GLINT_OK, where the whole
 * maps must be computed: another operation than those of GLINT_OP_MAP's maps makes one, or the grid is hardly
 * larger than the network's reach. GLINT_E_NOMEM. */
int glint_sparse_open(const struct glint_net *net, struct glint_exec *x, struct glint_sparse **sparse_out);
void glint_sparse_close(struct glint_sparse *sparse);         /* NULL is fine */
size_t glint_sparse_bytes(const struct glint_sparse *sparse); /* memory it holds */

/* Whether a layer makes a map, and so is run by glint_sparse_layer instead of its operation. The layer that
 * scatters the run's pillars begins a new frame. */
bool glint_sparse_has(const struct glint_sparse *sparse, const struct glint_layer *layer);
int glint_sparse_layer(struct glint_sparse *sparse, struct glint_run *run, const struct glint_layer *layer);

/* Readies the pixels of `value` that a 3x3 convolution reads for n pixels of the same size; for the layers
 * that read a map at pixels of their own choice (GLINT_OP_CENTER_BRANCH), others have what they read anyway.
 */
int glint_sparse_want(struct glint_sparse *sparse, struct glint_run *run, int32_t value,
                      const struct glint_pixel *pixels, int32_t n);

/* Counts of a layer that glint_sparse_has, of the last frame: pixels computed and all pixels, and the work
 * that the others would take. */
struct glint_sparse_count {
    double pixels, pixels_whole, flop_saved;
};
struct glint_sparse_count glint_sparse_count(const struct glint_sparse *sparse,
                                             const struct glint_layer *layer);

/* What a device needs to do the same: per map value the pillars per pixel and the size on the small grid,
 * whose period is the largest stride; and the layer that begins a frame. made: by a layer that
 * glint_sparse_has. */
struct glint_sparse_shape {
    bool made;
    int32_t stride, small_h, small_w;
};
struct glint_sparse_shape glint_sparse_shape(const struct glint_sparse *sparse, int32_t value);
int32_t glint_sparse_period(const struct glint_sparse *sparse);
const struct glint_layer *glint_sparse_input(const struct glint_sparse *sparse);

/* Which pixels of a map value hold computed values, for tests. */
const struct glint_active *glint_sparse_active(const struct glint_sparse *sparse, int32_t value);
#endif
