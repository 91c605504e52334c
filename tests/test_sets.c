/* tests/test_sets.c - windows and sets: those of the golden DSVT cases, and a small one by hand. */
#include "tests/zoo_dsvt.h"
#include "core/status.h"
#include "voxel/sets.h"

static struct glint_sets sets_of(int32_t cap)
{
    struct glint_sets s;
    glint_sets_init(&s, aligned_alloc(64, glint_sets_bytes(cap)), cap);
    return s;
}

/* The golden table repeats rows up to whole sets: the distinct ones, in order, are ours. */
static void check_table(const struct glint_safetensors *file, const char *prefix, const struct glint_sets *s,
                        int32_t set)
{
    char name[64];
    snprintf(name, sizeof name, "%s.set_inds", prefix);
    const struct glint_tensor *t = glint_zoo_tensor(file, name, GLINT_DTYPE_I32);
    const int32_t *table = t->data;
    assert_int_equal(t->shape[1], s->n_sets);
    assert_int_equal(t->shape[2], set);
    for (int axis = 0; axis < 2; axis++)
        for (int32_t k = 0; k < s->n_sets; k++, table += set) {
            int32_t at = s->start[k];
            for (int32_t i = 0; i < set; i++)
                if (i == 0 || table[i] != table[i - 1])
                    assert_int_equal(s->order[axis][at++], table[i]);
            assert_int_equal(at, s->start[k + 1]);
        }
}

static void check_windows(const struct glint_safetensors *file, const char *prefix,
                          const struct glint_set_window *w, const struct glint_sets *s, const int32_t *coord)
{
    char name[64];
    snprintf(name, sizeof name, "%s.win", prefix);
    const int32_t *window = glint_zoo_tensor(file, name, GLINT_DTYPE_I32)->data;
    snprintf(name, sizeof name, "%s.coors_in_win", prefix);
    const uint8_t *in = glint_zoo_tensor(file, name, GLINT_DTYPE_U8)->data;
    for (int32_t i = 0; i < s->n; i++) {
        assert_int_equal(glint_set_window_id(w, coord + 3 * i), window[i]);
        assert_int_equal(glint_set_window_place(w, coord + 3 * i), s->place[i]);
        assert_int_equal(s->place[i],
                         (in[3 * i] * w->window[1] + in[3 * i + 1]) * w->window[0] + in[3 * i + 2]);
    }
}

static void check_stage(struct glint_exec *x, const struct glint_safetensors *file, const struct zoo_dsvt *c,
                        int32_t stage)
{
    int32_t n;
    int32_t *coord = zoo_dsvt_coords(file, stage, &n);
    struct glint_sets s = sets_of(n);
    for (int shift = 0; shift < 2; shift++) {
        struct glint_set_window w = {.set = c->set};
        char prefix[32];
        for (int k = 0; k < 3; k++) {
            w.dim[k] = c->dim[stage][k];
            w.window[k] = c->window[stage][k] * (shift && k < 2 ? 2 : 1);
            w.shift[k] = shift && k < 2 ? c->window[stage][k] / 2 : 0;
        }
        snprintf(prefix, sizeof prefix, "stage%d.shift%d", stage, shift);
        assert_int_equal(glint_sets_make(x, &w, coord, n, &s), GLINT_OK);
        check_table(file, prefix, &s, c->set);
        check_windows(file, prefix, &w, &s, coord);
    }
    free(s.start);
    free(coord);
}

static void golden_sets(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZOO_DSVT_CASES; i++) {
        char name[64];
        snprintf(name, sizeof name, "dsvt/%s", zoo_dsvt_cases[i]);
        struct glint_safetensors *file = glint_zoo_open(name);
        const struct zoo_dsvt *c = zoo_dsvt_config(zoo_dsvt_cases[i]);
        struct glint_exec x;
        if (!file)
            skip();
        assert_int_equal(glint_exec_init(&x, 0, 1 + (int)(i % 3), 64), GLINT_OK);
        for (int32_t stage = 0; stage < c->n_stages; stage++)
            check_stage(&x, file, c, stage);
        glint_exec_fini(&x);
        glint_safetensors_close(file);
    }
}

/* 5 x 4 cells, windows of 4 x 2 shifted by (1, 0): window 0 has x 0..2, window 3 (of Ny = 3) x 3..4. */
static void by_hand(void **state)
{
    (void)state;
    static const int32_t coord[] = {2, 1, 0, 0, 0, 0, 4, 0, 0, 1, 0, 0, 3, 3, 0, 2, 0, 0, 0, 1, 0};
    static const int32_t order0[] = {1, 3, 5, 6, 0, 2, 4}, order1[] = {1, 6, 3, 5, 0, 2, 4};
    static const int32_t start[] = {0, 2, 5, 6, 7}; /* 5 rows in sets of 2 or 3, 1, 1 */
    const struct glint_set_window w = {.dim = {5, 4, 1}, .window = {4, 2, 1}, .shift = {1, 0, 0}, .set = 3};
    struct glint_exec x = {.isa = 0, .n_workers = 1};
    struct glint_sets s = sets_of(7);
    assert_int_equal(glint_sets_make(&x, &w, coord, 7, &s), GLINT_OK);
    assert_int_equal(s.n_sets, 4);
    assert_memory_equal(s.start, start, sizeof start);
    assert_memory_equal(s.order[0], order0, sizeof order0);
    assert_memory_equal(s.order[1], order1, sizeof order1);
    assert_int_equal(s.place[0], 1 * 4 + 3);
    struct glint_set_window whole = w;
    whole.set = 0;
    assert_int_equal(glint_sets_make(&x, &whole, coord, 7, &s), GLINT_OK);
    assert_int_equal(s.n_sets, 3);
    assert_int_equal(s.start[1], 5);
    assert_int_equal(glint_sets_make(&x, &w, coord, 0, &s), GLINT_OK);
    assert_int_equal(s.n_sets, 0);
    assert_int_equal(s.start[0], 0);
    free(s.start);
}

static void refused(const struct glint_set_window *w, const char *reason)
{
    static const int32_t coord[] = {4, 3, 0};
    struct glint_exec x = {.isa = 0, .n_workers = 1};
    struct glint_sets s = sets_of(1);
    assert_int_equal(glint_sets_make(&x, w, coord, 1, &s), GLINT_E_ARG);
    assert_int_equal(s.n_sets, 0);
    if (!strstr(glint_error_text(), reason))
        fail_msg("\"%s\" expected in \"%s\"", reason, glint_error_text());
    free(s.start);
}

static void wrong_windows_are_refused(void **state)
{
    (void)state;
    refused(&(struct glint_set_window){.dim = {5, 4, 1}, .window = {4, 0, 1}}, "along y");
    refused(&(struct glint_set_window){.dim = {5, 4, 1}, .window = {4, 2, 1}, .shift = {0, 3, 0}},
            "shifted by 3");
    refused(&(struct glint_set_window){.dim = {5, 4, 1}, .window = {4, 2, 1}, .set = -1}, "sets");
    refused(&(struct glint_set_window){.dim = {65536, 65536, 1}, .window = {1, 1, 1}}, "too many");
    refused(&(struct glint_set_window){.dim = {4, 4, 1}, .window = {4, 2, 1}}, "row 0: cell 4 along x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_sets),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(wrong_windows_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
