/* voxel/curve.h - cells to places along space-filling curves: z order and Hilbert's, as Point Transformer V3
 * (Wu et al., CVPR 2024) serialises voxels. */
#ifndef GLINT_VOXEL_CURVE_H
#define GLINT_VOXEL_CURVE_H
#include "core/exec.h"

enum glint_curve {
    GLINT_CURVE_Z,             /* bit i of x, y, z is bit 3 i + 2, 3 i + 1, 3 i */
    GLINT_CURVE_Z_TRANS,       /* the same with x and y exchanged */
    GLINT_CURVE_HILBERT,       /* Skilling, Programming the Hilbert curve, AIP Conf. Proc. 707 (2004) */
    GLINT_CURVE_HILBERT_TRANS, /* the same with x and y exchanged */
    GLINT_CURVE_COUNT
};

#define GLINT_CURVE_DEPTH_MAX 20 /* bits of a coordinate: 60 of a code, 3 for a prefix */

/* "z", "z-trans", "hilbert", "hilbert-trans"; GLINT_CURVE_COUNT for no such name. */
const char *glint_curve_name(enum glint_curve curve);
enum glint_curve glint_curve_find(const char *name);

/* code_out[i] = prefix << 3 depth | place of cell i along the curve through a cube of 2^depth cells per side.
 * 0 <= depth <= GLINT_CURVE_DEPTH_MAX; coordinates lie in 0 .. 2^depth - 1; prefix (a cloud's number in a
 * batch) leaves the code positive. Codes of different cells differ; those of one cube of 2^k cells per side
 * that lies at multiples of 2^k are neighbours: code >> 3 k is the cube's. One thread; all versions give the
 * same codes. */
typedef void glint_curve_fn(enum glint_curve curve, int32_t depth, int64_t prefix,
                            const int32_t *coord /* n x 3: x y z */, int32_t n, int64_t *code_out);
glint_curve_fn glint_curve_c, glint_curve_avx2, glint_curve_avx512;
glint_curve_fn *glint_curve_get(unsigned isa);

/* order_out[i] = index of the i-th smallest of n codes below 2^bits; equal codes stay in their order, and the
 * result is the same for any number of threads. x may be NULL: the caller's thread alone. scratch:
 * glint_curve_sort_bytes(n), aligned to 8. Allocates nothing. */
void glint_curve_sort(struct glint_exec *x, const int64_t *code, int32_t n, int32_t bits, int32_t *order_out,
                      void *scratch);
size_t glint_curve_sort_bytes(int32_t n);
#endif
