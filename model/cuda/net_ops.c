/* model/cuda/net_ops.c - which operations have a version for devices; see net.h. */
#include "model/cuda/net.h"

static const struct net_op none = {0};

static const struct net_op *const ops[GLINT_OP_COUNT] = {
    [GLINT_OP_VOXELIZE] = &glint_net_voxelize,
    [GLINT_OP_VFE] = &glint_net_vfe,
    [GLINT_OP_POSENC] = &glint_net_posenc,
    [GLINT_OP_WINDOW_ORDER] = &glint_net_window_order,
    [GLINT_OP_FLAT_LAYER] = &glint_net_flat_layer,
    [GLINT_OP_BEV_SCATTER] = &glint_net_bev_scatter,
    [GLINT_OP_CONV3X3] = &glint_net_conv,
    [GLINT_OP_CONV3X3_WIDE] = &glint_net_conv,
    [GLINT_OP_CONV2X2] = &glint_net_conv,
    [GLINT_OP_CONV1X1] = &glint_net_conv,
    [GLINT_OP_DECONV] = &glint_net_deconv,
    [GLINT_OP_ADD] = &glint_net_add,
    [GLINT_OP_CENTER_GATE] = &glint_net_center_gate,
    [GLINT_OP_CENTER_PICK] = &glint_net_center_pick,
    [GLINT_OP_CENTER_BRANCH] = &glint_net_center_branch,
    [GLINT_OP_CENTER_DECODE] = &glint_net_center_decode,
    [GLINT_OP_CENTER_NMS] = &glint_net_center_nms,
    [GLINT_OP_CENTER_JOIN] = &glint_net_center_join,
    [GLINT_OP_PATCH_MERGE] = &glint_net_patch_merge,
    [GLINT_OP_PEAK_HEAD] = &glint_net_peak_head,
    [GLINT_OP_DISTANCE_NMS] = &glint_net_distance_nms,
    [GLINT_OP_POINT_HEAD] = &glint_net_point_head,
};

const struct net_op *glint_net_op(enum glint_op op)
{
    return ops[op] ? ops[op] : &none;
}
