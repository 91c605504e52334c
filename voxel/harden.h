/* voxel/harden.h - hard voxels: at most so many voxels, in the order in which points come to them, each with
 * its first points only (OpenPCDet's and spconv's voxel generators). */
#ifndef GLINT_VOXEL_HARDEN_H
#define GLINT_VOXEL_HARDEN_H
#include "voxel/voxel.h"

struct glint_hard {
    int32_t max_voxels, max_points; /* >= 1 each */
    bool pad; /* a voxel of fewer points ends with an empty slot, the point -1, which some encoders want */
};

/* Changes what glint_voxelize has made: voxels whose first point comes late go, all points but the first
 * max_points of a voxel too; they count as clipped. Voxels stay in their order; v->shown has them by first
 * points. memory: glint_harden_bytes, for v's point list; it lives as long as the result is wanted. Empty
 * slots count in v->n_points. */
void glint_harden(const struct glint_hard *rule, struct glint_voxels *v, void *memory);
size_t glint_harden_bytes(int32_t cap_points, int32_t cap_voxels);
#endif
