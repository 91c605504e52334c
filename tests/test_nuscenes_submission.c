/* tests/test_nuscenes_submission.c - result files: what is read, what is refused and why, and written back.
 */
#include "tests/nuscenes_fixture.h"
#include "core/status.h"
#include "eval/nuscenes_submission.h"
#include <math.h>

static struct glint_nuscenes_tables *tables;
static struct glint_nuscenes_split split;

static int set_up(void **state)
{
    if (glint_test_folder_make(state) != 0)
        return -1;
    return glint_nuscenes_tables_open(nusc_write("data", NULL, NULL), "v1.0-mini", &tables) == GLINT_OK &&
                   glint_nuscenes_split_init(&split, tables, "mini_val") == GLINT_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    glint_nuscenes_split_fini(&split);
    glint_nuscenes_tables_close(tables);
    return glint_test_folder_remove(state);
}

#define BOX                                                                                                  \
    "{\"sample_token\":\"" NUSC_TOKEN("5b") "\",\"translation\":[1,2,3],\"size\":[2,4,1.5],"                 \
                                            "\"rotation\":[1,0,0,0],\"velocity\":[NaN,0.5],\"detection_"     \
                                            "name\":\"car\",\"detection_score\":0.25,"                       \
                                            "\"attribute_name\":\"vehicle.parked\"}"
#define SUBMISSION                                                                                           \
    "{\"meta\":{\"use_lidar\":true,\"use_camera\":false},\"results\":{\"" NUSC_TOKEN(                        \
        "5b") "\":[" BOX "],\n\"" NUSC_TOKEN("5a") "\":[],\"" NUSC_TOKEN("5d") "\":[]}}"

static int parse(const char *text, enum glint_nuscenes_task task, struct glint_nuscenes_boxes *boxes)
{
    return glint_nuscenes_submission_parse("file", text, strlen(text), &split, task, boxes);
}

static void boxes_are_read(void **state)
{
    (void)state;
    struct glint_nuscenes_boxes b;
    assert_int_equal(split.n_samples, 3);
    assert_int_equal(split.n_scenes, 1);
    assert_int_equal(parse(SUBMISSION, GLINT_NUSCENES_DETECTION, &b), GLINT_OK);
    assert_int_equal(b.n, 1);
    assert_int_equal(b.of_sample[1].n, 1);
    assert_int_equal(b.of_sample[0].n, 0);
    assert_int_equal(b.box[0].sample, 1);
    assert_int_equal(b.box[0].attribute, 6);
    assert_int_equal(b.box[0].num_pts, -1);
    assert_true(b.box[0].score == 0.25 && isnan(b.box[0].velocity[0]) && b.box[0].size[1] == 4);
    assert_true(b.meta[1] && !b.meta[0]);
    glint_nuscenes_boxes_fini(&b);
}

static const char *changed(const char *from, const char *to)
{
    static char text[4096];
    const char *at = strstr(SUBMISSION, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - SUBMISSION), SUBMISSION, to, at + strlen(from));
    return text;
}

static void wrong_ones_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *reason;
    } cases[] = {
        {"\"meta\"", "\"mete\"", "\"meta\" is missing"},
        {"\"results\"", "\"result\"", "\"results\" is missing"},
        {"[1,2,3]", "[1,2]",
         "translation has 2 elements, 3 expected (sample 0000000000000000000000000000005b, box 0)"},
        {"[1,2,3]", "[1,NaN,3]", "file:1:159: translation is NaN"},
        {"[2,4,1.5]", "[2,4,NaN]", "size is NaN"},
        {"[1,0,0,0]", "[1,0,0]", "rotation has 3 elements"},
        {"\"velocity\":[NaN,0.5],", "", "\"velocity\" is missing"},
        {"0.25", "NaN", "detection_score is NaN"},
        {"\"car\"", "\"tree\"", "unknown class \"tree\""},
        {"vehicle.parked", "vehicle.flying", "unknown attribute \"vehicle.flying\""},
        {BOX, "", "no sample has any box"},
        {"\"" NUSC_TOKEN("5a") "\":[],", "",
         "results of 1 of 3 samples of the split are missing, the first is " NUSC_TOKEN("5a")},
        {NUSC_TOKEN("5a"), NUSC_TOKEN("5c"), "a sample that is not in the split: \"" NUSC_TOKEN("5c")},
        {NUSC_TOKEN("5a"), "sample", "a sample that is not in the split: \"sample\""},
        {NUSC_TOKEN("5a"), NUSC_TOKEN("5b"), "file:2:1: results of a sample that were there before"},
        {"\"sample_token\":\"" NUSC_TOKEN("5b"), "\"sample_token\":\"" NUSC_TOKEN("5a"),
         "a box of another sample"},
        {"]}}", "]}", "',' or '}' expected, found the end of the file"},
    };
    struct glint_nuscenes_boxes b;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(changed(cases[i].from, cases[i].to), GLINT_NUSCENES_DETECTION, &b),
                         GLINT_E_FORMAT);
        if (!strstr(glint_error_text(), cases[i].reason))
            fail_msg("\"%s\" expected in \"%s\"", cases[i].reason, glint_error_text());
        glint_nuscenes_boxes_fini(&b);
    }
}

static void at_most_500_boxes(void **state)
{
    (void)state;
    struct glint_nuscenes_boxes b;
    char *text = malloc(501 * sizeof BOX + 1000);
    for (int n = 500; n <= 501; n++) {
        size_t size = (size_t)sprintf(text, "{\"meta\":{},\"results\":{\"" NUSC_TOKEN("5b") "\":[");
        for (int i = 0; i < n; i++)
            size += (size_t)sprintf(text + size, "%s%s", i ? "," : "", BOX);
        sprintf(text + size, "],\"" NUSC_TOKEN("5a") "\":[],\"" NUSC_TOKEN("5d") "\":[]}}");
        assert_int_equal(parse(text, GLINT_NUSCENES_DETECTION, &b), n == 500 ? GLINT_OK : GLINT_E_FORMAT);
        glint_nuscenes_boxes_fini(&b);
    }
    assert_non_null(strstr(glint_error_text(), "more than 500 boxes in a sample"));
    free(text);
}

static void tracks_have_ids(void **state)
{
    (void)state;
    static const char text[] = "{\"results\":{\"" NUSC_TOKEN("5a") "\":[],\"" NUSC_TOKEN("5b") "\":["
#define TRACK(id)                                                                                            \
    "{\"sample_token\":\"" NUSC_TOKEN(                                                                       \
        "5b") "\",\"translation\":[1,2,3],\"size\":[2,4,1.5],"                                               \
              "\"rotation\":[1,0,0,0],\"velocity\":[0,0.5],\"tracking_id\":" id                              \
              ",\"tracking_name\":\"car\","                                                                  \
              "\"tracking_score\":0.5}"
        TRACK("\"7\"") "," TRACK("\"x\"") "," TRACK("7") "],\"" NUSC_TOKEN("5d") "\":[]},\"meta\":{}}";
    struct glint_nuscenes_boxes b;
    assert_int_equal(parse(text, GLINT_NUSCENES_TRACKING, &b), GLINT_OK);
    assert_int_equal(b.n_tracks, 2);
    assert_string_equal(b.track[1], "x");
    assert_int_equal(b.box[2].track, b.box[0].track);
    assert_int_equal(b.box[0].name, 2);
    struct glint_nuscenes_boxes back; /* written and read again */
    const char *path = glint_test_path("tracks.json");
    assert_int_equal(glint_nuscenes_submission_write(path, &split, GLINT_NUSCENES_TRACKING, &b), GLINT_OK);
    assert_int_equal(glint_nuscenes_submission_read(path, &split, GLINT_NUSCENES_TRACKING, &back), GLINT_OK);
    assert_int_equal(back.n_tracks, 2);
    assert_string_equal(back.track[0], "7");
    assert_memory_equal(b.box, back.box, 3 * sizeof *b.box);
    glint_nuscenes_boxes_fini(&back);
    glint_nuscenes_boxes_fini(&b);
    assert_int_equal(parse(SUBMISSION, GLINT_NUSCENES_TRACKING, &b), GLINT_E_FORMAT);
    glint_nuscenes_boxes_fini(&b);
}

static void written_files_read_back(void **state)
{
    (void)state;
    struct glint_nuscenes_boxes a, b;
    const char *path = glint_test_path("back.json");
    assert_int_equal(parse(SUBMISSION, GLINT_NUSCENES_DETECTION, &a), GLINT_OK);
    a.box[0].translation[0] = 1234.5 + 1e-9 / 3;
    assert_int_equal(glint_nuscenes_submission_write(path, &split, GLINT_NUSCENES_DETECTION, &a), GLINT_OK);
    assert_int_equal(glint_nuscenes_submission_read(path, &split, GLINT_NUSCENES_DETECTION, &b), GLINT_OK);
    assert_int_equal(b.n, 1);
    assert_true(isnan(b.box[0].velocity[0]));
    a.box[0].velocity[0] = b.box[0].velocity[0] = 0;
    assert_memory_equal(&a.box[0], &b.box[0], sizeof a.box[0]);
    assert_memory_equal(a.meta, b.meta, sizeof a.meta);
    glint_nuscenes_boxes_fini(&a);
    glint_nuscenes_boxes_fini(&b);
}

/* Annotations: range, points, racks. */
static void boxes_that_are_not_evaluated_go(void **state)
{
    (void)state;
    struct glint_nuscenes_boxes gt;
    assert_int_equal(glint_nuscenes_ground_truth(&split, GLINT_NUSCENES_DETECTION, &gt), GLINT_OK);
    assert_int_equal(gt.n, 5); /* neither rack nor animal */
    assert_int_equal(gt.of_sample[0].n, 2);
    for (int32_t i = 0; i < split.n_samples; i++)
        glint_nuscenes_filter(&split, GLINT_NUSCENES_DETECTION, i, &gt);
    assert_int_equal(gt.of_sample[0].n, 1); /* the bicycle stands in the rack */
    assert_int_equal(gt.of_sample[1].n, 1); /* the bicycle has no points */
    assert_true(gt.box[gt.of_sample[0].first].ego_dist == 10);
    assert_int_equal(gt.box[gt.of_sample[0].first].attribute, 5);
    glint_nuscenes_boxes_fini(&gt);
    struct glint_nuscenes_split other;
    assert_int_equal(glint_nuscenes_split_init(&other, tables, "test"), GLINT_E_NOTFOUND);
    glint_nuscenes_split_fini(&other);
    assert_int_equal(glint_nuscenes_split_init(&other, tables, "all"), GLINT_E_ARG);
    glint_nuscenes_split_fini(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_are_read),          cmocka_unit_test(wrong_ones_are_refused_with_the_reason),
        cmocka_unit_test(at_most_500_boxes),       cmocka_unit_test(tracks_have_ids),
        cmocka_unit_test(written_files_read_back), cmocka_unit_test(boxes_that_are_not_evaluated_go),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
