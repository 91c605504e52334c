/* tests/test_level.c - grid sampling, orders, clusters and patches: the golden cases of PTv3, each integer;
 * what is refused; the same with more threads. */
#include "attention/patch_attend.h"
#include "tests/golden_zoo.h"
#include "voxel/level.h"

#define STAGES_MAX 5
#define CAP        40000

static const char *const cases[] = {"tiny_edge_2",  "tiny_edge_40",  "tiny_edge_64",
                                    "tiny_edge_65", "tiny_edge_127", "tiny_scan",
                                    "tiny_batch2",  "tiny_shuffle",  "base_nuscenes"};

struct one { /* one cloud of a case */
    struct glint_zoo z;
    const struct glint_safetensors *file, *index; /* the points; the integer tables */
    int32_t cloud, base[STAGES_MAX], n_stages;    /* rows of the clouds before it */
    int32_t size;                                 /* of patches */
    struct glint_level level[STAGES_MAX];
    struct glint_level_points points;
    int32_t *golden_row; /* of my rows, stage 0 */
};

static const struct glint_tensor *find(const struct one *o, const char *name, bool of_cloud)
{
    char full[96];
    const struct glint_tensor *t = glint_safetensors_find(o->file, name);
    if (!t && o->index)
        t = glint_safetensors_find(o->index, name);
    snprintf(full, sizeof full, "%s.%d", name, o->cloud);
    if (!t && of_cloud)
        t = glint_safetensors_find(o->file, full);
    return t;
}

static const struct glint_tensor *stage(const struct one *o, int32_t s, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "stage%d.%s", s, what);
    return find(o, name, false);
}

static struct glint_points points_of(const struct glint_tensor *t)
{
    struct glint_points p = {.n = (int32_t)t->shape[0]};
    float *all = malloc(3 * sizeof(float) * ((size_t)p.n + 1));
    assert_non_null(all);
    p.x = all;
    p.y = all + p.n;
    p.z = all + 2 * p.n;
    for (int32_t i = 0; i < p.n; i++)
        for (int k = 0; k < 3; k++)
            all[k * p.n + i] = ((const float *)t->data)[4 * i + k];
    return p;
}

/* The curves of a stage: those before it, permuted where the case is shuffled. */
static void permute(const struct one *o, int32_t s, enum glint_curve curve[GLINT_LEVEL_CURVES])
{
    const struct glint_tensor *perms = find(o, "perms", false);
    enum glint_curve before[GLINT_LEVEL_CURVES];
    memcpy(before, curve, sizeof before);
    for (int i = 0; perms && i < GLINT_LEVEL_CURVES; i++)
        curve[i] = before[glint_zoo_integer(perms, 4 * s + i)];
}

static void check_sampling(struct one *o)
{
    const struct glint_tensor *coord = find(o, "grid_coord", false), *kept = find(o, "sample_index", true);
    const struct glint_tensor *inverse = find(o, "inverse", true), *low = find(o, "grid_min", true);
    const struct glint_level *l = &o->level[0];
    const int32_t first = o->base[0];
    for (int k = 0; k < 3; k++)
        assert_int_equal(o->points.low[k], glint_zoo_integer(low, k));
    for (int64_t i = 0; i < inverse->shape[0]; i++) /* rows meet through their points */
        o->golden_row[o->points.row[i]] = (int32_t)glint_zoo_integer(inverse, i);
    assert_int_equal(l->n, kept->shape[0]);
    for (int64_t i = 0; i < inverse->shape[0]; i++)
        assert_int_equal(o->golden_row[o->points.row[i]], glint_zoo_integer(inverse, i));
    for (int32_t i = 0; i < l->n; i++) {
        const int32_t golden = o->golden_row[i];
        assert_int_equal(o->points.kept[i], glint_zoo_integer(kept, golden));
        for (int k = 0; k < 3; k++)
            assert_int_equal(l->coord[3 * i + k],
                             glint_zoo_integer(coord, 3 * (int64_t)(first + golden) + k));
    }
}

/* A row of a stage as the case counts it, within its cloud. */
static int32_t golden_row(const struct one *o, int32_t s, int32_t row)
{
    return s == 0 ? o->golden_row[row] : row;
}

static void check_orders(const struct one *o, int32_t s)
{
    const struct glint_level *l = &o->level[s];
    const struct glint_tensor *code = stage(o, s, "code"), *order = stage(o, s, "order");
    const int64_t all = order->shape[1], first = o->base[s];
    for (int j = 0; j < GLINT_LEVEL_CURVES; j++)
        for (int32_t i = 0; i < l->n; i++) {
            assert_int_equal(glint_zoo_integer(order, j * all + first + i),
                             first + golden_row(o, s, l->order[j][i]));
            if (code)
                assert_int_equal(glint_zoo_integer(code, j * all + first + golden_row(o, s, i)),
                                 l->code[j][i] | (int64_t)o->cloud << (3 * l->depth));
        }
}

static void check_clusters(const struct one *o, int32_t s)
{
    const struct glint_level *fine = &o->level[s - 1], *l = &o->level[s];
    const struct glint_tensor *cluster = stage(o, s, "cluster"), *coord = stage(o, s, "grid_coord");
    for (int32_t i = 0; i < fine->n; i++)
        assert_int_equal(glint_zoo_integer(cluster, o->base[s - 1] + golden_row(o, s - 1, i)),
                         o->base[s] + l->cluster[i]);
    for (int32_t i = 0; i < 3 * l->n; i++)
        assert_int_equal(glint_zoo_integer(coord, 3 * o->base[s] + i), l->coord[i]);
    for (int32_t c = 0; c < l->n; c++)
        for (int32_t i = l->start[c]; i < l->start[c + 1]; i++)
            assert_int_equal(l->cluster[fine->order[0][i]], c);
}

/* The case has its padding as one list over the clouds: a patch's fresh positions, then the borrowed ones. */
static void check_patches(const struct one *o, int32_t s, int32_t *pad_at, int32_t *start_at)
{
    const struct glint_tensor *pad = stage(o, s, "pad"), *start = stage(o, s, "cu_seqlens");
    const int32_t n = o->level[s].n, count = glint_patch_count(n, o->size);
    for (int32_t i = 0; i < count; i++) {
        const struct glint_patch p = glint_patch_at(n, o->size, i);
        assert_int_equal(glint_zoo_integer(start, (*start_at)++), *pad_at);
        for (int32_t j = p.fresh; j < p.first + p.n; j++)
            assert_int_equal(glint_zoo_integer(pad, (*pad_at)++), o->base[s] + j);
        for (int32_t j = p.first; j < p.fresh; j++)
            assert_int_equal(glint_zoo_integer(pad, (*pad_at)++), o->base[s] + j);
    }
}

static void open_case(struct one *o, const char *name, int32_t stages)
{
    char path[64];
    snprintf(path, sizeof path, "ptv3/%s", name);
    o->file = glint_zoo_open(path);
    snprintf(path, sizeof path, "ptv3/%s_index", name);
    o->index = strncmp(name, "base", 4) ? NULL : glint_zoo_open(path);
    o->n_stages = stages;
    for (int32_t s = 0; s < stages; s++) {
        void *memory = aligned_alloc(64, glint_level_bytes(CAP));
        assert_non_null(memory);
        glint_level_init(&o->level[s], memory, CAP);
    }
    o->points.row = malloc(3 * CAP * sizeof(int32_t));
    assert_non_null(o->points.row);
    o->points.kept = o->points.row + CAP;
    o->golden_row = o->points.kept + CAP;
}

static void close_case(struct one *o)
{
    for (int32_t s = 0; s < o->n_stages; s++)
        free(o->level[s].coord ? (void *)o->level[s].code[0] : NULL); /* the block begins with the codes */
    free(o->points.row);
    glint_safetensors_close((struct glint_safetensors *)(uintptr_t)o->index);
    glint_safetensors_close((struct glint_safetensors *)(uintptr_t)o->file);
}

static void make_levels(struct glint_exec *x, struct one *o)
{
    struct glint_level_rule rule = {
        .cell = 0.05, .n_curves = 4, .curve = {0, GLINT_CURVE_Z_TRANS, GLINT_CURVE_HILBERT, 3}};
    const struct glint_points p = points_of(find(o, "points", true));
    permute(o, 0, rule.curve);
    assert_int_equal(glint_level_sample(x, &rule, &p, &o->level[0], &o->points), GLINT_OK);
    assert_int_equal(o->points.n_refused, 0);
    for (int32_t s = 1; s < o->n_stages; s++) {
        permute(o, s, rule.curve);
        assert_int_equal(glint_level_pool(x, &o->level[s - 1], rule.curve, 4, &o->level[s]), GLINT_OK);
    }
    free(p.x);
}

static void check_cloud(struct glint_exec *x, struct one *o, int32_t *pad, int32_t *start)
{
    make_levels(x, o);
    check_sampling(o);
    for (int32_t s = 0; s < o->n_stages; s++) {
        check_orders(o, s);
        check_patches(o, s, &pad[s], &start[s]);
        if (s > 0)
            check_clusters(o, s);
    }
    for (int32_t s = 0; s < o->n_stages; s++)
        o->base[s] += o->level[s].n;
}

static void golden_cases(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const bool base = !strncmp(cases[c], "base", 4);
        struct one o = {.size = base ? 1024 : 64};
        struct glint_exec x;
        int32_t pad[STAGES_MAX] = {0}, start[STAGES_MAX] = {0};
        open_case(&o, cases[c], base ? 5 : 4);
        if (!o.file)
            skip();
        assert_int_equal(glint_exec_init(&x, glint_cpu_isa(), 1 + (int)(c % 3), 1 << 16), GLINT_OK);
        const int32_t clouds = (int32_t)find(&o, "offset", false)->shape[0];
        for (; o.cloud < clouds; o.cloud++)
            check_cloud(&x, &o, pad, start);
        for (int32_t s = 0; s < o.n_stages; s++)
            assert_int_equal(stage(&o, s, "pad")->shape[0], pad[s]);
        glint_exec_fini(&x);
        close_case(&o);
    }
}

static void points_without_a_cell_are_refused(void **state)
{
    float xs[] = {0, NAN, 1, INFINITY, 1e30f, 1, 1e4f}, ys[] = {0, 0, NAN, 0, 0, 0.01f, 0}, zs[7] = {0};
    int32_t row[7], kept[7];
    struct glint_points p = {.n = 7, .x = xs, .y = ys, .z = zs};
    struct glint_level level;
    struct glint_level_points out = {.row = row, .kept = kept};
    const struct glint_level_rule rule = {.cell = 0.05, .n_curves = 1};
    struct glint_exec x;
    void *memory = aligned_alloc(64, glint_level_bytes(7));
    (void)state;
    assert_non_null(memory);
    assert_int_equal(glint_exec_init(&x, 0, 1, 64), GLINT_OK);
    glint_level_init(&level, memory, 7);
    assert_int_equal(glint_level_sample(&x, &rule, &p, &level, &out), GLINT_OK);
    assert_int_equal(level.n, 2);
    assert_int_equal(out.n_refused, 5);
    assert_int_equal(row[0], 0);
    assert_int_equal(row[1], -1);
    assert_int_equal(row[5], 1);
    p.n = 8;
    assert_int_equal(glint_level_sample(&x, &rule, &p, &level, &out), GLINT_E_CAPACITY);
    p.n = 0;
    assert_int_equal(glint_level_sample(&x, &rule, &p, &level, &out), GLINT_OK);
    assert_int_equal(level.n, 0);
    glint_exec_fini(&x);
    free(memory);
}

/* The two rules of depth differ where the largest coordinate is 2^k - 1. */
static void rules_of_depth(void **state)
{
    float xs[] = {0, 0.36f}, ys[2] = {0}, zs[2] = {0};
    int32_t row[2], kept[2];
    const struct glint_points p = {.n = 2, .x = xs, .y = ys, .z = zs};
    struct glint_level level;
    struct glint_level_points out = {.row = row, .kept = kept};
    struct glint_level_rule rule = {.cell = 0.05, .n_curves = 1};
    struct glint_exec x;
    void *memory = aligned_alloc(64, glint_level_bytes(2));
    (void)state;
    assert_non_null(memory);
    assert_int_equal(glint_exec_init(&x, 0, 1, 64), GLINT_OK);
    glint_level_init(&level, memory, 2);
    assert_int_equal(glint_level_sample(&x, &rule, &p, &level, &out), GLINT_OK);
    assert_int_equal(level.coord[3], 7);
    assert_int_equal(level.depth, 3);
    rule.depth = GLINT_DEPTH_MAX_PLUS_1;
    assert_int_equal(glint_level_sample(&x, &rule, &p, &level, &out), GLINT_OK);
    assert_int_equal(level.depth, 4);
    glint_exec_fini(&x);
    free(memory);
}

/* At the borders of cells they are not the same. */
static void quotients_in_float_and_in_double(void **state)
{
    float xs[2] = {0, 0}, ys[2] = {0}, zs[2] = {0};
    int32_t row[2], kept[2], differ = 0;
    const struct glint_points p = {.n = 2, .x = xs, .y = ys, .z = zs};
    struct glint_level level;
    struct glint_level_points out = {.row = row, .kept = kept};
    struct glint_level_rule rule = {.cell = 0.05, .n_curves = 1};
    struct glint_exec x;
    void *memory = aligned_alloc(64, glint_level_bytes(2));
    (void)state;
    assert_non_null(memory);
    assert_int_equal(glint_exec_init(&x, 0, 1, 64), GLINT_OK);
    glint_level_init(&level, memory, 2);
    for (int32_t i = 1; i < 2000; i++) {
        int32_t cell[2];
        xs[1] = (float)i * 0.05f;
        for (int d = 0; d < 2; d++) {
            rule.in_double = d;
            assert_int_equal(glint_level_sample(&x, &rule, &p, &level, &out), GLINT_OK);
            cell[d] = level.coord[3 * (level.n - 1)];
        }
        assert_int_equal(cell[0], (int32_t)floorf(xs[1] / 0.05f));
        assert_int_equal(cell[1], (int32_t)floor((double)xs[1] / 0.05));
        differ += cell[0] != cell[1];
    }
    assert_true(differ > 10);
    glint_exec_fini(&x);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_cases), cmocka_unit_test(points_without_a_cell_are_refused),
        cmocka_unit_test(rules_of_depth), cmocka_unit_test(quotients_in_float_and_in_double)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
