/* tests/test_track_settings.c - what is known of classes, and a model's own settings of tracking. */
#include "tests/files.h"
#include "glint/track.h"

static const char *const classes[] = {"Vehicle", "motorcycle", "bicycle", "traffic_cone", "dragon"};

static int read_text(const char *text, struct glint_track_settings *s)
{
    const char *path = glint_test_write("config.json", text, strlen(text));
    glint_track_settings_default(s, classes, 5);
    return glint_track_settings_read(s, path, classes, 5);
}

static void names_say_how_things_move(void **state)
{
    (void)state;
    struct glint_track_settings s;
    glint_track_settings_default(&s, classes, 5);
    assert_string_equal(s.classes[0].group, "vehicle");
    assert_string_equal(s.classes[1].group, s.classes[2].group);
    assert_true(s.classes[1].most_mps > s.classes[2].most_mps);
    assert_true(s.classes[3].most_mps <= 2);
    assert_string_equal(s.classes[4].group, "dragon");
}

static void a_model_may_say_otherwise(void **state)
{
    (void)state;
    struct glint_track_settings s, d;
    glint_track_settings_default(&d, classes, 5);
    assert_int_equal(read_text("{\"arch\": \"x\"}", &s), GLINT_OK);
    assert_memory_equal(&s, &d, sizeof s);
    assert_int_equal(read_text("{\"track\": {\"cap_tracks\": 7, \"gate\": 9, \"_note\": 1, \"classes\": "
                               "{\"bicycle\": {\"accel\": "
                               "2.5, \"noise_m\": [0.5, 0.25], \"group\": \"wheels\"}}}}",
                               &s),
                     GLINT_OK);
    assert_true(s.cap_tracks == 7 && s.gate == 9 && s.classes[2].accel == 2.5f &&
                s.classes[2].noise_m[1] == 0.25f);
    assert_string_equal(s.classes[2].group, "wheels");
    assert_true(s.classes[1].accel == d.classes[1].accel);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"{\"track\": 3}", "track: an object expected"},
        {"{\"track\": {\"gait\": 9}}", "track.gait"},
        {"{\"track\": {\"gate\": 1000}}", "track.gate"},
        {"{\"track\": {\"gate\": \"x\"}}", "track.gate"},
        {"{\"track\": {\"classes\": {\"cat\": {}}}}", "track.classes.cat"},
        {"{\"track\": {\"classes\": {\"bicycle\": {\"accel\": -1}}}}", "track.classes.bicycle.accel"},
        {"{\"track\": {\"classes\": {\"bicycle\": {\"noise_m\": [1]}}}}", "noise_m"},
        {"{\"track\": {\"classes\": {\"bicycle\": {\"noise_m\": [1, 0]}}}}", "noise_m"},
        {"{\"track\": {\"classes\": {\"bicycle\": 5}}}", "track.classes.bicycle: an object expected"},
        {"{\"track\": {\"classes\": []}}", "track.classes: an object expected"},
        {"{\"track\": {\"cap_tracks\": 0}}", "track.cap_tracks"},
    };
    struct glint_track_settings s;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(read_text(wrong[i][0], &s), GLINT_E_FORMAT);
        if (!strstr(glint_error_text(), wrong[i][1]))
            print_message("%s: %s\n", wrong[i][0], glint_error_text());
        assert_non_null(strstr(glint_error_text(), wrong[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_how_things_move),
        cmocka_unit_test(a_model_may_say_otherwise),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
