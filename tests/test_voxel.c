/* tests/test_voxel.c - voxel sets: golden cases in each instruction set, capacities, the lost first voxel. */
#include "tests/golden.h"
#include "voxel/voxel.h"

#define CAP_POINTS 130000

struct set {
    struct glint_exec exec;
    struct glint_arena arena;
    struct glint_voxels voxels;
    struct glint_points points;
};

static void open_set(struct set *s, unsigned isa, int threads, int32_t cap_points, int32_t cap_voxels)
{
    assert_int_equal(glint_exec_init(&s->exec, isa, threads, 64), GLINT_OK);
    assert_int_equal(glint_arena_init(&s->arena, glint_voxels_bytes(cap_points, cap_voxels)), GLINT_OK);
    assert_int_equal(glint_voxels_init(&s->voxels, &s->arena, cap_points, cap_voxels), GLINT_OK);
    s->points = (struct glint_points){.cap = cap_points};
    s->points.x = calloc((size_t)cap_points * 3, sizeof(float));
    s->points.y = s->points.x + cap_points;
    s->points.z = s->points.y + cap_points;
}

static void close_set(struct set *s)
{
    free(s->points.x);
    glint_arena_fini(&s->arena);
    glint_exec_fini(&s->exec);
}

static void put_points(struct set *s, const struct glint_tensor *t)
{
    const float *rows = t->data;
    s->points.n = (int32_t)t->shape[0];
    assert_true(s->points.n <= s->points.cap);
    for (int32_t i = 0; i < s->points.n; i++) {
        s->points.x[i] = rows[i * t->shape[1]];
        s->points.y[i] = rows[i * t->shape[1] + 1];
        s->points.z[i] = rows[i * t->shape[1] + 2];
    }
}

/* Rows of coords and pillar_count that belong to one frame of a batch. */
static void check_pillars(const struct glint_voxels *v, const struct glint_safetensors *file, int32_t batch)
{
    const struct glint_tensor *coords = glint_golden_tensor(file, "coords", GLINT_DTYPE_I32);
    const int32_t *rows = coords->data;
    const int32_t *count = coords->shape[0] ? glint_golden_i32(file, "pillar_count") : NULL;
    int32_t n = 0;
    for (int64_t i = 0; i < coords->shape[0]; i++) {
        if (rows[4 * i] != batch)
            continue;
        assert_true(n < v->n_voxels);
        for (int k = 0; k < 3; k++)
            assert_int_equal(v->coord[3 * n + k], rows[4 * i + 3 - k]);
        assert_int_equal(v->start[n + 1] - v->start[n], count[i]);
        n++;
    }
    assert_int_equal(v->n_voxels, n);
}

static void check_rejected(const struct glint_voxels *v, const struct glint_safetensors *file,
                           const char *name)
{
    const struct glint_tensor *t = glint_golden_tensor(file, name, GLINT_DTYPE_I32);
    assert_int_equal(v->n_rejected, t->shape[0]);
    if (v->n_rejected > 0)
        assert_memory_equal(v->rejected, t->data, (size_t)t->shape[0] * 4);
    assert_int_equal(v->n_in, v->n_points + v->n_rejected);
}

/* Each kept point, in input order, against pt_coords (y, x), and input order inside voxels. */
static void check_points(const struct glint_voxels *v, const struct glint_safetensors *file)
{
    const struct glint_tensor *t = glint_safetensors_find(file, "pt_coords");
    if (!t || t->dtype != GLINT_DTYPE_I16)
        return;
    static int32_t voxel_of[CAP_POINTS];
    const int16_t *want = t->data;
    memset(voxel_of, 0xff, sizeof voxel_of);
    for (int32_t i = 0; i < v->n_voxels; i++)
        for (int32_t j = v->start[i]; j < v->start[i + 1]; j++) {
            assert_true(j == v->start[i] || v->point[j - 1] < v->point[j]);
            voxel_of[v->point[j]] = i;
        }
    int32_t kept = 0;
    for (int32_t i = 0; i < v->n_in; i++) {
        if (voxel_of[i] < 0)
            continue;
        assert_int_equal(v->coord[3 * voxel_of[i] + 1], want[2 * kept]);
        assert_int_equal(v->coord[3 * voxel_of[i]], want[2 * kept + 1]);
        kept++;
    }
    assert_int_equal(kept, t->shape[0]);
}

static void check_case(struct set *s, const char *name, struct glint_safetensors *file)
{
    const struct glint_grid grid = glint_golden_grid(name);
    const char *filter = glint_safetensors_metadata(file, "range_filter");
    const bool batch = glint_safetensors_find(file, "points_raw.0");
    for (int32_t item = 0; item < (batch ? 2 : 1); item++) {
        const char *raw = !batch ? "points_raw" : item ? "points_raw.1" : "points_raw.0";
        put_points(s, glint_golden_tensor(file, raw, GLINT_DTYPE_F32));
        assert_int_equal(glint_voxelize(&s->exec, &grid, &s->points, filter[0] == '0', &s->voxels), GLINT_OK);
        check_pillars(&s->voxels, file, item);
        check_rejected(&s->voxels, file, !batch ? "rejected" : item ? "rejected.1" : "rejected.0");
        check_points(&s->voxels, file);
    }
}

static void golden_cases(void **state)
{
    (void)state;
    static const char *const sets[] = {"c", "avx2", "avx512"};
    for (size_t i = 0; i < 3; i++) {
        struct set s;
        open_set(&s, glint_cpu_isa() & glint_cpu_isa_mask(sets[i]), 1 + (int)i, CAP_POINTS, 20000);
        for (size_t c = 0; c < GLINT_GOLDEN_CASES; c++) {
            struct glint_safetensors *file = glint_golden_open(glint_golden_cases[c]);
            if (!file) {
                close_set(&s);
                skip();
            }
            check_case(&s, glint_golden_cases[c], file);
            glint_safetensors_close(file);
        }
        close_set(&s);
    }
}

/* The variant of the golden files without the first pillar names its rows by their number after the drop. */
static void the_first_voxel_can_be_lost(void **state)
{
    (void)state;
    struct set s;
    struct glint_grid g = {.cell = {1, 1, 1}, .dim = {4, 4, 1}, .drop_first = true};
    open_set(&s, 0, 1, 8, 8);
    static const float x[] = {3.5f, 1.5f, 2.5f, 1.5f, 9, 3.5f}, y[] = {3.5f, 0.5f, 1.5f, 0.5f, 0, 3.5f};
    memcpy(s.points.x, x, sizeof x);
    memcpy(s.points.y, y, sizeof y);
    s.points.n = 6;
    assert_int_equal(glint_voxelize(&s.exec, &g, &s.points, false, &s.voxels), GLINT_OK);
    assert_int_equal(s.voxels.n_voxels, 2);
    assert_int_equal(s.voxels.n_dropped, 2);
    assert_int_equal(s.voxels.n_points, 3);
    assert_int_equal(s.voxels.n_rejected, 1);
    assert_int_equal(s.voxels.rejected[0], 4);
    static const int32_t point[] = {2, 0, 5}, start[] = {0, 1, 3}, coord[] = {2, 1, 0, 3, 3, 0};
    assert_memory_equal(s.voxels.point, point, sizeof point);
    assert_memory_equal(s.voxels.start, start, sizeof start);
    assert_memory_equal(s.voxels.coord, coord, sizeof coord);
    s.points.n = 0;
    assert_int_equal(glint_voxelize(&s.exec, &g, &s.points, false, &s.voxels), GLINT_OK);
    assert_int_equal(s.voxels.n_voxels + s.voxels.n_dropped, 0);
    s.points.n = 1;
    assert_int_equal(glint_voxelize(&s.exec, &g, &s.points, false, &s.voxels), GLINT_OK);
    assert_int_equal(s.voxels.n_voxels, 0);
    close_set(&s);
}

static void what_does_not_fit_is_counted_or_refused(void **state)
{
    (void)state;
    struct set s;
    struct glint_grid g = {.cell = {1, 1, 1}, .dim = {8, 1, 1}};
    open_set(&s, 0, 1, 8, 3);
    for (int32_t i = 0; i < 8; i++)
        s.points.x[i] = (float)(i / 2);
    s.points.n = 8;
    assert_int_equal(glint_voxelize(&s.exec, &g, &s.points, false, &s.voxels), GLINT_OK);
    assert_int_equal(s.voxels.n_voxels, 3);
    assert_int_equal(s.voxels.n_points, 6);
    assert_int_equal(s.voxels.n_clipped, 2);
    assert_int_equal(s.voxels.start[3], 6);
    s.points.n = 9;
    assert_int_equal(glint_voxelize(&s.exec, &g, &s.points, false, &s.voxels), GLINT_E_CAPACITY);
    assert_int_equal(s.voxels.n_voxels, 0);
    s.points.n = 8;
    g.cell[1] = -1;
    assert_int_equal(glint_voxelize(&s.exec, &g, &s.points, false, &s.voxels), GLINT_E_ARG);
    assert_int_equal(glint_voxels_init(&s.voxels, &s.arena, 1 << 20, 8), GLINT_E_NOMEM);
    assert_int_equal(glint_voxels_init(&s.voxels, &s.arena, 0, 8), GLINT_E_ARG);
    close_set(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_cases),
        cmocka_unit_test(the_first_voxel_can_be_lost),
        cmocka_unit_test(what_does_not_fit_is_counted_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
