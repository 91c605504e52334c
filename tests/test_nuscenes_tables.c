/* tests/test_nuscenes_tables.c - tables, splits, token map. */
#include "tests/nuscenes_fixture.h"
#include "core/status.h"
#include "io/nuscenes_tables.h"
#include <math.h>

static void assert_reason(const char *part)
{
    if (!strstr(glint_error_text(), part))
        fail_msg("\"%s\" expected in \"%s\"", part, glint_error_text());
}

static void tables_become_arrays(void **state)
{
    (void)state;
    struct glint_nuscenes_tables *t;
    assert_int_equal(glint_nuscenes_tables_open(nusc_write("good", NULL, NULL), "v1.0-mini", &t), GLINT_OK);
    assert_int_equal(t->n_scenes, 2);
    assert_int_equal(t->n_samples, 4);
    assert_int_equal(t->n_sweeps, 5);
    assert_int_equal(t->n_other_data, 1);
    assert_int_equal(t->n_annotations, 7);
    assert_string_equal(t->scene[0].name, "scene-0103");
    assert_int_equal(t->scene[0].n_samples, 3);
    const struct glint_nuscenes_sample *s = &t->sample[1];
    assert_int_equal(s->timestamp_us, 1500000);
    const struct glint_nuscenes_sweep *key = &t->sweep[s->key];
    assert_true(key->is_key_frame);
    assert_string_equal(t->text + key->file, "samples/LIDAR_TOP/db.pcd.bin");
    assert_int_equal(t->sweep[key->prev].timestamp_us, 1450000);
    assert_int_equal(t->sweep[t->sweep[key->prev].prev].prev, -1);
    assert_true(t->pose[key->pose].t[0] == 102);
    assert_true(fabs(t->calibration[key->calibration].q[3] + sqrt(0.5)) < 1e-15);
    assert_int_equal(t->sample[0].n_annotations, 4); /* in the order of the table */
    assert_int_equal(t->of_sample[t->sample[0].first], 1);
    assert_int_equal(t->of_sample[t->sample[0].first + 1], 2);
    assert_int_equal(t->category[0].index, 17);
    assert_int_equal(t->category[1].index, -1);
    glint_nuscenes_tables_close(t);
}

static void velocities_by_neighbours(void **state)
{
    (void)state;
    struct glint_nuscenes_tables *t;
    double v[2];
    assert_int_equal(glint_nuscenes_tables_open(nusc_write("good", NULL, NULL), "v1.0-mini", &t), GLINT_OK);
    glint_nuscenes_velocity(t, 0, v); /* both: 7 m in 2.1 s, allowed to 3 s */
    assert_true(fabs(v[0] - 7 / 2.1) < 1e-12 && fabs(v[1] - 1 / 2.1) < 1e-12);
    glint_nuscenes_velocity(t, 1, v); /* the next alone: 2 m in 0.5 s */
    assert_true(fabs(v[0] - 4) < 1e-12);
    glint_nuscenes_velocity(t, 6, v); /* the one before alone, 1.6 s away */
    assert_true(isnan(v[0]) && isnan(v[1]));
    glint_nuscenes_velocity(t, 2, v);
    assert_true(isnan(v[0]));
    glint_nuscenes_tables_close(t);
}

static void broken_tables_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *table, *from, *to, *reason;
    } cases[] = {
        {"scene", "scene-0103\"}", "scene-0103\"", "a key in quotes expected"},
        {"sample", "\"timestamp\":1000000,", "", "sample.json:1:2: row without \"timestamp\""},
        {"sample", "1500000", "\"x\"", "sample.json:2:57: a number expected"},
        {"sample", "c1\"}", "cf\"}", "scene_token 000000000000000000000000000000cf is in no row"},
        {"sample", "0000005b", "0000005a", "a row with this token was there before"},
        {"sensor", "LIDAR_TOP", "LIDAR_BOTTOM", "no sensor with channel LIDAR_TOP"},
        {"calibrated_sensor", "[0.7071067811865476,0", "[0.8,0", "a unit quaternion expected"},
        {"calibrated_sensor", "[1,0,2]", "[1,0]", "3 numbers expected, found 2"},
        {"sample_data", "true", "1", "true or false expected, found '1'"},
        {"sample_data", "\"prev\":\"\"", "\"prev\":\"00\"",
         "a token of 32 hexadecimal digits expected, found \"00\""},
        {"sample_data", "\"next\":\"" NUSC_TOKEN("d1"), "\"next\":\"" NUSC_TOKEN("d2"), "prev or next"},
        {"ego_pose", NUSC_TOKEN("d1"), NUSC_TOKEN("d3"), "no pose for samples/LIDAR_TOP/d1.pcd.bin"},
        {"sample_annotation", NUSC_TOKEN("f1"), NUSC_TOKEN("f9"), "instance_token"},
        {"attribute", "parked\"}]", "parked\"}]]", "the end of the file expected"},
    };
    struct glint_nuscenes_tables *t;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *root =
            nusc_write("bad", cases[i].table, nusc_changed(cases[i].table, cases[i].from, cases[i].to));
        assert_int_equal(glint_nuscenes_tables_open(root, "v1.0-mini", &t), GLINT_E_FORMAT);
        assert_null(t);
        assert_reason(cases[i].reason);
        assert_reason(cases[i].table);
    }
    assert_int_equal(glint_nuscenes_tables_open(nusc_write("bad", "ego_pose", NULL), "v1.0-mini", &t),
                     GLINT_E_NOTFOUND);
    assert_reason("ego_pose.json");
    assert_int_equal(glint_nuscenes_tables_open(nusc_write("bad", "instance", ""), "v1.0-mini", &t),
                     GLINT_E_FORMAT);
    assert_int_equal(glint_nuscenes_tables_open("/nowhere", "v1.0-mini", &t), GLINT_E_NOTFOUND);
}

static void splits_have_their_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int n;
    } cases[] = {{"train", 700}, {"val", 150}, {"test", 150}, {"mini_train", 8}, {"mini_val", 2}};
    char scene[16];
    int in_any[1200] = {0};
    for (size_t i = 0; i < 5; i++) {
        int n = 0;
        for (int k = 0; k < 1200; k++) {
            snprintf(scene, sizeof scene, "scene-%04d", k);
            const int in = glint_nuscenes_in_split(cases[i].name, scene);
            n += in;
            in_any[k] += i < 3 ? in : 0;
        }
        assert_int_equal(n, cases[i].n);
    }
    for (int k = 0; k < 1200; k++)
        assert_true(in_any[k] <= 1);
    assert_int_equal(glint_nuscenes_in_split("val", "scene-0003"), 1);
    assert_int_equal(glint_nuscenes_in_split("mini_val", "scene-0916"), 1);
    assert_int_equal(glint_nuscenes_in_split("mini_val", "scene-91600"), 0);
    assert_int_equal(glint_nuscenes_in_split("all", "scene-0003"), -1);
}

static void tokens_are_found(void **state)
{
    (void)state;
    struct glint_token_map map = {0};
    struct glint_token t, none = {0, 0};
    char text[GLINT_TOKEN_TEXT];
    assert_true(glint_token_parse("0123456789abcdef00112233445566ff", 32, &t));
    glint_token_format(t, text);
    assert_string_equal(text, "0123456789abcdef00112233445566ff");
    assert_false(glint_token_parse("0123456789ABCDEF00112233445566ff", 32, &t));
    assert_false(glint_token_parse("00000000000000000000000000000000", 32, &t));
    for (int32_t i = 0; i < 10000; i++)
        assert_int_equal(glint_token_map_add(&map, (struct glint_token){1, (uint64_t)i << 32}, i), GLINT_OK);
    for (int32_t i = 0; i < 10000; i++)
        assert_int_equal(glint_token_map_find(&map, (struct glint_token){1, (uint64_t)i << 32}), i);
    assert_int_equal(glint_token_map_find(&map, (struct glint_token){2, 0}), -1);
    assert_int_equal(glint_token_map_find(&map, none), -1);
    assert_int_equal(glint_token_map_add(&map, (struct glint_token){1, 0}, 5), GLINT_E_ARG);
    glint_token_map_fini(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_become_arrays),      cmocka_unit_test(velocities_by_neighbours),
        cmocka_unit_test(broken_tables_are_refused), cmocka_unit_test(splits_have_their_sizes),
        cmocka_unit_test(tokens_are_found),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
