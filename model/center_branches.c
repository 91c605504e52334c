/* model/center_branches.c - a centre head put together of its layers; see head_center.h. */
#include "model/head_center.h"
#include <stdio.h>

static bool is_there(const struct glint_center_branches *h, enum glint_center_branch branch)
{
    return h->center->branches >> branch & 1;
}

static bool is_whole(const struct glint_build *b, const struct glint_center_branches *h,
                     enum glint_center_branch branch)
{
    return b->keep_stages || branch == GLINT_CENTER_HEATMAP ||
           (branch == GLINT_CENTER_IOU && h->center->iou_power > 0);
}

int32_t glint_build_center_branches(struct glint_build *b, const struct glint_center_branches *h)
{
    int32_t maps[GLINT_CENTER_BRANCHES];
    char prefix[GLINT_CENTER_BRANCHES][64], name[40];
    for (unsigned i = 0; i < GLINT_CENTER_BRANCHES; i++) {
        const char *branch = glint_center_branch_name(i, h->center->style);
        snprintf(prefix[i], sizeof prefix[i], "%s.%s", h->prefix, branch);
        snprintf(name, sizeof name, "%s.%s", h->name, branch);
        maps[i] =
            is_there(h, i) && is_whole(b, h, i)
                ? glint_build_center_map(b, h->center, i, prefix[i], h->norm_eps, h->shared, h->hidden, name)
                : -1;
    }
    const int32_t candidates = glint_build_center_pick(b, h->center, maps);
    for (unsigned i = 0; i < GLINT_CENTER_BRANCHES; i++)
        if (is_there(h, i) && maps[i] < 0)
            glint_build_center_branch(b, h->center, i, prefix[i], h->norm_eps, h->shared,
                                      b->net->values[h->hidden].c, candidates);
    return candidates;
}
