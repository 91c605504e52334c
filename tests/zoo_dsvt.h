/* tests/zoo_dsvt.h - what tests know of the golden DSVT cases; include after tests/golden_zoo.h. */
#ifndef GLINT_TESTS_ZOO_DSVT_H
#define GLINT_TESTS_ZOO_DSVT_H
#include "tests/golden_zoo.h"

static const char *const zoo_dsvt_cases[] = {
    "pillar_tiny_edge_1",        "pillar_tiny_edge_18",     "pillar_tiny_edge_19",
    "pillar_tiny_edge_53",       "pillar_tiny_edge_border", "pillar_tiny_kittifov000004",
    "pillar_tiny_nuscenes",      "voxel_tiny_edge_1",       "voxel_tiny_edge_24",
    "voxel_tiny_edge_25",        "voxel_tiny_edge_71",      "voxel_tiny_edge_border",
    "voxel_tiny_kittifov000002", "voxel_tiny_nuscenes",     "pillar_waymo_kitti000001",
};
#define ZOO_DSVT_CASES (sizeof zoo_dsvt_cases / sizeof zoo_dsvt_cases[0])

struct zoo_dsvt { /* of a configuration, from its README */
    int32_t n_stages, set;
    int32_t dim[4][3], window[4][3], pool[4][3]; /* x, y, z; pool: before the stage */
};

static const struct zoo_dsvt zoo_dsvt_configs[] = {
    {1, 36, {{468, 468, 1}}, {{12, 12, 1}}, {{1, 1, 1}}},
    {1, 18, {{256, 256, 1}}, {{8, 8, 1}}, {{1, 1, 1}}},
    {4,
     24,
     {{128, 128, 32}, {128, 128, 8}, {128, 128, 2}, {128, 128, 1}},
     {{8, 8, 32}, {8, 8, 8}, {8, 8, 2}, {8, 8, 1}},
     {{1, 1, 1}, {1, 1, 4}, {1, 1, 4}, {1, 1, 2}}},
};

static inline const struct zoo_dsvt *zoo_dsvt_config(const char *name)
{
    return &zoo_dsvt_configs[!strncmp(name, "pillar_waymo", 12) ? 0 : !strncmp(name, "pillar", 6) ? 1 : 2];
}

/* The rows of a stage as x, y, z; free() them. */
static inline int32_t *zoo_dsvt_coords(const struct glint_safetensors *file, int32_t stage, int32_t *n_out)
{
    char name[32];
    snprintf(name, sizeof name, "stage%d.coords", stage);
    const struct glint_tensor *t = glint_safetensors_find(file, stage ? name : "coords");
    assert_non_null(t);
    *n_out = (int32_t)t->shape[0];
    int32_t *coord = malloc(((size_t)*n_out + 1) * 3 * sizeof *coord);
    assert_non_null(coord);
    for (int32_t i = 0; i < *n_out; i++)
        for (int k = 0; k < 3; k++)
            coord[3 * i + k] = (int32_t)glint_zoo_integer(t, 4 * (int64_t)i + 3 - k);
    return coord;
}
#endif
