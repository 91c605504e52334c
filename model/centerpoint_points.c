/* model/centerpoint_points.c - CenterPoint's encoders of points: voxels, and pillars to a map. */
#include "model/centerpoint.h"
#include <stdio.h>

/* Dynamic pillars take points of any height: one cell, too high to miss any. */
static void free_height(struct glint_grid *g)
{
    g->origin[2] = -1e30f;
    g->cell[2] = 2e30f;
}

int32_t glint_centerpoint_voxelize(struct glint_build *b, const struct glint_centerpoint *c,
                                   int32_t *points_out)
{
    struct glint_layer *layer =
        glint_build_layer(b, GLINT_OP_VOXELIZE, GLINT_STAGE_VOXELIZE, "%s",
                          c->encoder == GLINT_CENTERPOINT_VOXELS ? "voxels" : "pillars");
    struct glint_voxelize_params *p = layer->params;
    const int32_t voxels = glint_build_voxels(b);
    p->grid = b->config->grid;
    p->grid.x_major = c->encoder == GLINT_CENTERPOINT_PILLARS; /* the reference's order */
    if (c->encoder == GLINT_CENTERPOINT_PILLARS)
        free_height(&p->grid);
    p->hard = c->hard;
    p->show_counts = true;
    glint_build_out(b, layer, voxels);
    *points_out = -1;
    if (c->hard.max_voxels > 0) {
        *points_out = glint_build_bytes(b, glint_harden_bytes(b->net->cap_points, b->net->cap_voxels));
        glint_build_out(b, layer, *points_out);
    }
    return voxels;
}

static int32_t more(struct glint_build *b, struct glint_layer *layer, int32_t value)
{
    glint_build_out(b, layer, value);
    return layer->n_out - 1;
}

/* What a tap sees; with empty slots among the points, of dynamic pillars only. */
static void show(struct glint_build *b, struct glint_layer *layer, struct glint_vfe_params *p)
{
    p->in_out = more(b, layer, glint_build_points(b, "vfe.in", p->vfe.n_columns));
    if (p->vfe.n_layers < 2)
        return;
    p->point_out[0] = more(b, layer, glint_build_points(b, NULL, p->vfe.width[0]));
    p->voxel_out[0] = more(b, layer, glint_build_tokens(b, NULL, p->vfe.width[0]));
    p->joined_out = more(b, layer, glint_build_points(b, "vfe.pfn0.point", 2 * p->vfe.width[0]));
}

/* Layers but the last have half of their width, the pillar's maximum is the other half. */
static int32_t add_vfe(struct glint_build *b, const struct glint_centerpoint *c, int32_t voxels,
                       int32_t points)
{
    char linear[64], norm[64];
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_VFE, GLINT_STAGE_ENCODE, "vfe");
    struct glint_vfe_params *p = layer->params;
    glint_vfe_set_columns(&p->vfe, b->config, true);
    for (int32_t l = 0; l < c->n_vfe; l++) {
        snprintf(linear, sizeof linear, "vfe.pfn_layers.%d.linear", l);
        snprintf(norm, sizeof norm, "vfe.pfn_layers.%d.norm", l);
        glint_vfe_layer_set(p, linear, norm, c->encoder_eps, l + 1 < c->n_vfe ? c->vfe[l] / 2 : c->vfe[l]);
    }
    const int32_t tokens =
        glint_build_tokens(b, c->encoder == GLINT_CENTERPOINT_HARD_PILLARS ? "pillar_features" : "vfe.out",
                           c->vfe[c->n_vfe - 1]);
    glint_build_in(b, layer, voxels);
    if (points >= 0)
        glint_build_in(b, layer, points);
    glint_build_out(b, layer, tokens);
    glint_vfe_set_intensity(b, layer, p);
    if (b->keep_stages && c->encoder == GLINT_CENTERPOINT_PILLARS)
        show(b, layer, p);
    return tokens;
}

int32_t glint_centerpoint_pillars(struct glint_build *b, const struct glint_centerpoint *c)
{
    int32_t points;
    const int32_t voxels = glint_centerpoint_voxelize(b, c, &points);
    const int32_t tokens = add_vfe(b, c, voxels, points);
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_BEV_SCATTER, GLINT_STAGE_BEV, "canvas");
    const int32_t map =
        glint_build_map(b, "bev", b->config->grid.dim[1], b->config->grid.dim[0], c->vfe[c->n_vfe - 1]);
    glint_build_in(b, layer, tokens);
    glint_build_in(b, layer, voxels);
    glint_build_out(b, layer, map);
    return map;
}
