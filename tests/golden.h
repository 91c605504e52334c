/* tests/golden.h - cases of the FlatFormer golden files for tests; include after tests/util.h. */
#ifndef GLINT_TESTS_GOLDEN_H
#define GLINT_TESTS_GOLDEN_H
#include "core/safetensors.h"
#include "tests/util.h"
#include "voxel/cell.h"

static const char *const glint_golden_cases[] = {
    "tiny_edge_empty",  "tiny_edge_single_point",
    "tiny_edge_short",  "tiny_edge_one_group",
    "tiny_edge_border", "tiny_edge_clamp",
    "tiny_kitti",       "tiny_edge_one_group_plus_1",
    "tiny_nuscenes",    "tiny_batch2",
    "waymo_edge_100",   "tiny_edge_two_groups_minus_1",
    "waymo_edge_200",   "waymo_nuscenes",
    "waymo_kitti360",
};
#define GLINT_GOLDEN_CASES (sizeof glint_golden_cases / sizeof glint_golden_cases[0])

/* NULL where the reference data is absent: the test then calls skip(). */
static inline struct glint_safetensors *glint_golden_open(const char *name)
{
    char relative[128], path[512];
    struct glint_safetensors *file;
    snprintf(relative, sizeof relative, "golden/flatformer/%s.safetensors", name);
    if (!glint_test_shared(relative, path, sizeof path))
        return NULL;
    assert_int_equal(glint_safetensors_open(path, &file), 0);
    return file;
}

/* A tensor that must be there, of that type. */
static inline const struct glint_tensor *glint_golden_tensor(const struct glint_safetensors *file,
                                                             const char *name, enum glint_dtype dtype)
{
    const struct glint_tensor *t = glint_safetensors_find(file, name);
    if (!t)
        print_error("no tensor %s\n", name);
    assert_non_null(t);
    assert_int_equal(t->dtype, dtype);
    return t;
}
static inline const int32_t *glint_golden_i32(const struct glint_safetensors *file, const char *name)
{
    return glint_golden_tensor(file, name, GLINT_DTYPE_I32)->data;
}
static inline const float *glint_golden_f32(const struct glint_safetensors *file, const char *name)
{
    return glint_golden_tensor(file, name, GLINT_DTYPE_F32)->data;
}

/* The grid of a case by its name: "tiny..." or "waymo...". */
static inline struct glint_grid glint_golden_grid(const char *name)
{
    const struct glint_grid tiny = {
        .origin = {-51.2f, -51.2f, -5},
        .cell = {0.4f, 0.4f, 8},
        .dim = {256, 256, 1},
        .keep_lo = {-51.2f, -51.2f, -4.999f},
        .keep_hi = {51.2f, 51.2f, 2.999f},
        .filter = true,
        .clamp = true,
    };
    const struct glint_grid waymo = {
        .origin = {-74.88f, -74.88f, -2},
        .cell = {0.32f, 0.32f, 6},
        .dim = {468, 468, 1},
        .keep_lo = {-74.88f, -74.88f, -1.999f},
        .keep_hi = {74.88f, 74.88f, 3.999f},
        .filter = true,
        .clamp = true,
    };
    return strncmp(name, "waymo", 5) == 0 ? waymo : tiny;
}
#endif
