/* tests/test_check.c - a run's tensors against a case: rows, maps, orders, detections, and the first that
 * differs. */
#include "tests/util.h"
#include "convert/check.h"
#include "core/status.h"

#define PATH GLINT_BUILD_DIR "/test_check.safetensors"

enum { P = 40, C = 6, S = 12 };

static int32_t coords[P][4], turned_coords[P][4], rows[5] = {3, 0, 39, 17, 8}, win[4] = {2, 5, 4, 3};
static float tokens[P][C], some[5][C], map[C][S][S], crop[C][4][3];
static double rowsum[P], stats[C][3];
static float boxes[3][7] = {{1, 2, 3, 4, 5, 6, 0.1f}, {9, 2, 3, 4, 5, 6, 0.2f}, {-5, 2, 3, 4, 5, 6, 0.3f}};
static float scores[3] = {0.9f, 0.5f, 0.5f};
static int32_t labels[3] = {1, 0, 0};
static float many[100000][2];

static void fill(void)
{
    uint64_t seed = 11;
    memset(rowsum, 0, sizeof rowsum);
    memset(stats, 0, sizeof stats);
    for (int i = 0; i < 100000; i++)
        many[i][0] = many[i][1] = 1;
    for (int i = 0; i < P; i++) {
        const int32_t at[4] = {0, 0, i / 7, i % 7};
        memcpy(coords[i], at, sizeof at);
        memcpy(turned_coords[P - 1 - i], at, sizeof at);
        for (int k = 0; k < C; k++)
            rowsum[i] += (double)(tokens[i][k] = glint_test_uniform(&seed, -3, 3));
    }
    for (int i = 0; i < 5; i++)
        memcpy(some[i], tokens[rows[i]], sizeof some[i]);
    for (int k = 0; k < C; k++)
        for (int i = 0; i < S * S; i++) {
            const double v = (double)(map[k][i / S][i % S] = glint_test_uniform(&seed, -2, 2));
            stats[k][0] += v / (S * S);
            stats[k][1] += fabs(v) / (S * S);
            stats[k][2] = fmax(stats[k][2], fabs(v));
        }
    for (int k = 0; k < C; k++)
        for (int y = 0; y < 4; y++)
            memcpy(crop[k][y], &map[k][2 + y][5], sizeof crop[k][y]);
}

static struct glint_safetensors *write_case(bool turned)
{
    const struct glint_tensor t[] = {
        {"coords", GLINT_DTYPE_I32, 2, {P, 4}, turned ? turned_coords : coords},
        {"rows", GLINT_DTYPE_I32, 1, {5}, rows},
        {"enc", GLINT_DTYPE_F32, 2, {5, C}, some},
        {"enc.rowsum", GLINT_DTYPE_F64, 1, {P}, rowsum},
        {"neck", GLINT_DTYPE_F32, 3, {C, 4, 3}, crop},
        {"neck.win", GLINT_DTYPE_I32, 1, {4}, win},
        {"neck.stats", GLINT_DTYPE_F64, 2, {C, 3}, stats},
        {"det.boxes", GLINT_DTYPE_F32, 2, {3, 7}, boxes},
        {"det.scores", GLINT_DTYPE_F32, 1, {3}, scores},
        {"det.labels", GLINT_DTYPE_I32, 1, {3}, labels},
        {"elsewhere", GLINT_DTYPE_F32, 1, {3}, scores},
        {"many", GLINT_DTYPE_F32, 2, {100000, 2}, many},
    };
    struct glint_safetensors *file;
    assert_int_equal(glint_safetensors_write(PATH, t, sizeof t / sizeof *t, NULL, 0), GLINT_OK);
    assert_int_equal(glint_safetensors_open(PATH, &file), GLINT_OK);
    return file;
}

static void tap(struct glint_check *c, const char *name, enum glint_dtype type, int32_t n_dims,
                const int64_t *shape, const void *data)
{
    struct glint_tensor t = {.name = name, .dtype = type, .n_dims = n_dims, .data = data};
    memcpy(t.shape, shape, (size_t)n_dims * sizeof *shape);
    glint_check_tap(c, &t);
}

/* A run of these tensors; found: detections in another order. */
static void run(struct glint_check *c, const struct glint_safetensors *file)
{
    float other[3][7];
    memcpy(other[0], boxes[0], sizeof other[0]);
    memcpy(other[1], boxes[2], sizeof other[1]);
    memcpy(other[2], boxes[1], sizeof other[2]);
    assert_int_equal(glint_check_begin(c, file, GLINT_CHECK_TOLERANCE), GLINT_OK);
    tap(c, "points", GLINT_DTYPE_F32, 1, (const int64_t[]){3}, scores);
    tap(c, "coords", GLINT_DTYPE_I32, 2, (const int64_t[]){P, 4}, coords);
    tap(c, "enc", GLINT_DTYPE_F32, 2, (const int64_t[]){P, C}, tokens);
    tap(c, "many", GLINT_DTYPE_F32, 2, (const int64_t[]){100000, 2}, many);
    tap(c, "only.here", GLINT_DTYPE_F32, 2, (const int64_t[]){P, C}, tokens);
    tap(c, "neck", GLINT_DTYPE_F32, 3, (const int64_t[]){C, S, S}, map);
    tap(c, "det.boxes", GLINT_DTYPE_F32, 2, (const int64_t[]){3, 7}, other);
    tap(c, "det.scores", GLINT_DTYPE_F32, 1, (const int64_t[]){3}, scores);
    tap(c, "det.labels", GLINT_DTYPE_I32, 1, (const int64_t[]){3}, labels);
    assert_int_equal(glint_check_end(c), GLINT_OK);
}

static const struct glint_check_row *row(const struct glint_check *c, const char *name)
{
    for (int32_t i = 0; i < c->n; i++)
        if (!strcmp(c->rows[i].name, name))
            return &c->rows[i];
    fail_msg("no row %s", name);
    return NULL;
}

static void the_same_is_the_same(void **state)
{
    (void)state;
    fill();
    struct glint_safetensors *file = write_case(false);
    struct glint_check c;
    run(&c, file);
    assert_int_equal(c.n, 5);
    assert_int_equal(c.n_differ, 0);
    assert_int_equal(c.first, -1);
    assert_string_equal(c.unseen, "elsewhere");
    assert_non_null(strstr(row(&c, "enc")->note, "5 rows, sums of all rows"));
    assert_non_null(strstr(row(&c, "det")->note, "3 of 3 detections"));
    glint_check_fini(&c);
    glint_safetensors_close(file);
}

/* The case's rows in another order: found by their voxels. */
static void orders_are_matched(void **state)
{
    (void)state;
    fill();
    double sums[P];
    for (int i = 0; i < P; i++)
        sums[i] = rowsum[P - 1 - i];
    memcpy(rowsum, sums, sizeof sums);
    for (int i = 0; i < 5; i++)
        memcpy(some[i], tokens[P - 1 - rows[i]], sizeof some[i]);
    struct glint_safetensors *file = write_case(true);
    struct glint_check c;
    run(&c, file);
    assert_int_equal(c.n_differ, 0);
    assert_string_equal(row(&c, "coords")->note, "in another order");
    glint_check_fini(&c);
    glint_safetensors_close(file);
}

/* One change at a time; which tensor is the first. */
static void expect_first(float *value, float to, const char *name)
{
    struct glint_check c;
    struct glint_safetensors *file = write_case(false);
    const float was = *value;
    *value = to;
    run(&c, file);
    if (c.first < 0 || strcmp(c.rows[c.first].name, name))
        fail_msg("%s expected, found %s", name, c.first < 0 ? "nothing" : c.rows[c.first].name);
    *value = was;
    glint_check_fini(&c);
    glint_safetensors_close(file);
}

static void what_differs_is_named(void **state)
{
    (void)state;
    fill();
    expect_first(&tokens[17][2], tokens[17][2] + 0.01f, "enc"); /* a row that is there */
    expect_first(&tokens[5][2], tokens[5][2] + 0.2f, "enc");    /* one whose sum is */
    expect_first(&tokens[17][2], NAN, "enc");
    expect_first(&map[3][3][6], map[3][3][6] + 0.01f, "neck"); /* inside the crop */
    expect_first(&map[3][11][0], 5.0f, "neck");                /* the largest of its channel */
    expect_first(&many[500][1], 1.002f, "many");               /* one of very many: 4e-6 by norm */
    expect_first(&scores[0], 0.91f, "det");
    struct glint_safetensors *file = write_case(false);
    struct glint_check c;
    boxes[1][0] += 0.01f;
    run(&c, file);
    boxes[1][0] -= 0.01f;
    assert_string_equal(c.rows[c.first].name, "det");
    assert_int_equal(c.rows[c.first].n_wrong, 1);
    glint_check_fini(&c);
    coords[4][3]++;
    run(&c, file);
    assert_string_equal(c.rows[c.first].name, "coords");
    coords[4][3]--;
    glint_check_fini(&c);
    assert_int_equal(glint_check_begin(&c, file, 1e-5), GLINT_OK);
    assert_int_equal(glint_check_end(&c), GLINT_E_FORMAT); /* nothing in common */
    glint_check_fini(&c);
    glint_safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_is_the_same),
        cmocka_unit_test(orders_are_matched),
        cmocka_unit_test(what_differs_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
