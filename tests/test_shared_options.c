/* tests/test_shared_options.c - the options that commands share: found in their groups, taken once for all.
 */
#include "tests/util.h"
#include "tools/shared_options.h"

enum { OWN = 1 };
static const struct glint_option options[] = {GLINT_OPTION_GROUP(GLINT_OPTIONS_SENSOR),
                                              {"--own", "X", "the command's", OWN},
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_OUT),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_JSON),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_FRAMES),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_CLOCK),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_MOTION),
                                              GLINT_OPTION_GROUP(GLINT_OPTIONS_NET),
                                              {NULL, NULL, NULL, 0}};
static const struct glint_command command = {"try", "a command", "INPUT", "  glint try x\n", options, NULL};

static const char *own, *input;

static bool take(void *ctx, int key, const char *value)
{
    (void)ctx;
    if (key == OWN)
        own = value;
    else
        input = value;
    return true;
}

static int parse(struct glint_shared_options *s, int n, char **argv)
{
    own = input = NULL;
    glint_shared_options_init(s, &command);
    return glint_shared_options_parse(s, n, argv, take, NULL);
}

static void groups_stand_for_their_options(void **state)
{
    (void)state;
    struct glint_shared_options s;
    char *argv[] = {"try",     "x.pcap", "--sensor", "xt32", "--own=7",  "--out", "a",      "--out", "b",
                    "--clock", "tai",    "--stack",  "3",    "--frames", "2:9",   "--port", "7502"};
    assert_int_equal(parse(&s, 17, argv), -1);
    assert_string_equal(s.sensor, "xt32");
    assert_string_equal(own, "7");
    assert_string_equal(input, "x.pcap");
    assert_int_equal(s.n_out, 2);
    assert_string_equal(s.out[1], "b");
    assert_int_equal(s.time_scale, GLINT_TIME_TAI);
    assert_int_equal(s.motion.stack, 3);
    assert_true(s.first_frame == 2 && s.end_frame == 9);
    assert_true(s.net.n_ports == 1 && s.net.ports[0] == 7502);
}

static void what_was_not_picked_is_unknown(void **state)
{
    (void)state;
    struct glint_shared_options s;
    char *wrong[][3] = {{"try", "--cut", "3"},
                        {"try", "--sensr", "x"},
                        {"try", "--clock", "utd"},
                        {"try", "--out", NULL},
                        {"try", "--merge", "a,b"}};
    for (int i = 0; i < 5; i++)
        assert_int_equal(parse(&s, wrong[i][2] ? 3 : 2, wrong[i]), GLINT_EXIT_USAGE);
}

static void written_files_are_apart(void **state)
{
    (void)state;
    struct glint_shared_options s;
    const char *const inputs[] = {"in.pcap"}, *const extra[] = {"more.csv", NULL};
    char *good[] = {"try", "--out", "a.jsonl", "--out", "b.pcd", "--json", "c.json", "--calib", "d.json"};
    char *bad[][5] = {
        {"try", "--out", "a.jsonl", "--out", "a.jsonl"}, {"try", "--out", "c.json", "--json", "./c.json"},
        {"try", "--out", "in.pcap", "--json", "c.json"}, {"try", "--calib", "d.json", "--json", "d.json"},
        {"try", "--poses", "p.csv", "--out", "p.csv"},   {"try", "--extrinsics", "e.yaml", "--out", "e.yaml"},
        {"try", "--out", "x", "--json", "more.csv"}};
    assert_int_equal(parse(&s, 9, good), -1);
    assert_true(glint_shared_options_apart(&s, inputs, 1, extra, 2));
    for (int i = 0; i < 7; i++) {
        assert_int_equal(parse(&s, 5, bad[i]), -1);
        assert_false(glint_shared_options_apart(&s, inputs, 1, extra, 2));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(groups_stand_for_their_options),
                                       cmocka_unit_test(what_was_not_picked_is_unknown),
                                       cmocka_unit_test(written_files_are_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
