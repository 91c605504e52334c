/* tests/test_options.c - the command line's words; their output on stderr is part of the test log. */
#include "tests/util.h"
#include "tools/options.h"

enum { OUT = 1, QUIET };
static const struct glint_option options[] = {
    {"--out", "FILE", "a file", OUT}, {"--quiet", NULL, "no words", QUIET}, {NULL, NULL, NULL, 0}};
static const struct glint_command command = {"try", "a command", "INPUT", "  glint try x\n", options, NULL};

static void options_and_inputs_in_any_order(void **state)
{
    (void)state;
    char *argv[] = {"try", "a.bin", "--out=x", "-", "--quiet", "--out", "y", "--", "--out"};
    struct glint_arguments a = {&command, 9, 1, argv, false};
    const struct {
        int arg;
        const char *value;
    } want[] = {
        {GLINT_ARG_INPUT, "a.bin"}, {OUT, "x"},           {GLINT_ARG_INPUT, "-"}, {QUIET, NULL}, {OUT, "y"},
        {GLINT_ARG_INPUT, "--out"}, {GLINT_ARG_END, NULL}};
    for (int i = 0; i < 7; i++) {
        const char *value;
        assert_int_equal(glint_arguments_next(&a, &value), want[i].arg);
        if (want[i].value)
            assert_string_equal(value, want[i].value);
        else
            assert_null(value);
    }
}

static void wrong_options_are_errors(void **state)
{
    (void)state;
    char *wrong[] = {"--uot", "--out", "--quiet=1", "-x"};
    for (int i = 0; i < 4; i++) {
        char *argv[] = {"try", wrong[i]};
        struct glint_arguments a = {&command, 2, 1, argv, false};
        const char *value;
        assert_int_equal(glint_arguments_next(&a, &value), GLINT_ARG_ERROR);
    }
    assert_int_equal(glint_arguments_exit(GLINT_ARG_ERROR), 2);
    assert_int_equal(glint_arguments_exit(GLINT_ARG_HELP), 0);
}

static void numbers_are_checked(void **state)
{
    (void)state;
    int32_t i = -1;
    float f = -1;
    assert_true(glint_value_int(&command, "--n", "12", 1, 64, &i));
    assert_int_equal(i, 12);
    const char *bad[] = {"", "0", "65", "4x", "x", "1e3", "99999999999999999999"};
    for (int k = 0; k < 7; k++)
        assert_false(glint_value_int(&command, "--n", bad[k], 1, 64, &i));
    assert_int_equal(i, 12);
    assert_true(glint_value_float(&command, "--score", "0.25", 0, 1, &f));
    const char *bad_floats[] = {"", "nan", "-0.1", "1.1", "half", "inf"};
    for (int k = 0; k < 6; k++)
        assert_false(glint_value_float(&command, "--score", bad_floats[k], 0, 1, &f));
    assert_float_equal(f, 0.25f, 0);
}

static void frames_are_a_range(void **state)
{
    (void)state;
    uint64_t from, to;
    assert_true(glint_value_frames(&command, "--frames", "3:7", &from, &to));
    assert_int_equal(from, 3);
    assert_int_equal(to, 7);
    assert_true(glint_value_frames(&command, "--frames", ":7", &from, &to));
    assert_int_equal(from, 0);
    assert_true(glint_value_frames(&command, "--frames", "3:", &from, &to));
    assert_true(to == UINT64_MAX);
    assert_true(glint_value_frames(&command, "--frames", "3", &from, &to));
    assert_true(from == 0 && to == 3);
    const char *bad[] = {"", "0", ":0", "7:3", "3:3", "a:b", "-1:4", "1:2:3", "1:+5", "5x"};
    for (int k = 0; k < 10; k++)
        assert_false(glint_value_frames(&command, "--frames", bad[k], &from, &to));
}

static void devices_are_known(void **state)
{
    (void)state;
    const char *good[] = {"auto", "cpu", "cuda", "cuda:0", "cuda:12"},
               *bad[] = {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cud"};
    for (int k = 0; k < 5; k++)
        assert_true(glint_value_device(&command, "--device", good[k]));
    for (int k = 0; k < 6; k++)
        assert_false(glint_value_device(&command, "--device", bad[k]));
}

static void the_nearest_name_is_meant(void **state)
{
    (void)state;
    static const char *const names[] = {"--threads", "--trace", "--out"};
    assert_string_equal(glint_nearest_name("--thraeds", names, 3), "--threads");
    assert_string_equal(glint_nearest_name("--tace", names, 3), "--trace");
    assert_null(glint_nearest_name("--sensor", names, 3));
    assert_null(glint_nearest_name("--a-name-longer-than-thirty-one-letters", names, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_inputs_in_any_order),
        cmocka_unit_test(wrong_options_are_errors),
        cmocka_unit_test(numbers_are_checked),
        cmocka_unit_test(frames_are_a_range),
        cmocka_unit_test(devices_are_known),
        cmocka_unit_test(the_nearest_name_is_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
