/* tests/test_model_config.c - config.json: a good one, and each member made bad in turn: the message names
 * it. */
#include "tests/util.h"
#include "core/status.h"
#include "model/model_config.h"

/* Sections of a good document; a case replaces one of them. */
struct document {
    const char *head, *classes, *input, *grid;
};
static const struct document good = {
    .head = "\"glint\": 1, \"arch\": \"flatformer\", \"name\": \"m\"",
    .classes = "\"classes\": [\"car\", \"pedestrian\"]",
    .input = "\"input\": {\"fields\": [\"x\", \"y\", \"z\", \"intensity\", \"elongation\"], \"intensity\": "
             "\"0..255\", "
             "\"sensor_height_m\": [1.5, 2.2], \"axes\": \"x forward, y left, z up\"}",
    .grid = "\"grid\": {\"range\": [-74.88, -74.88, -2, 74.88, 74.88, 4], \"pillar\": [0.32, 0.32, 6], "
            "\"filter\": [-74.88, -74.88, -1.999, 74.88, 74.88, 3.999], \"max_pillars\": 60000}",
};

static int parse(const struct document *d, struct glint_model_config *config)
{
    char text[4096];
    const int n = snprintf(text, sizeof text, "{%s, %s, %s, %s}", d->head, d->classes, d->input, d->grid);
    return glint_model_config_parse("config.json", text, (size_t)n, config);
}

static void a_good_document_is_read(void **state)
{
    (void)state;
    struct glint_model_config c;
    assert_int_equal(parse(&good, &c), GLINT_OK);
    assert_string_equal(c.arch, "flatformer");
    assert_int_equal(c.n_classes, 2);
    assert_string_equal(c.classes[1], "pedestrian");
    assert_int_equal(c.n_point_classes, 0);
    assert_int_equal(c.n_fields, 5);
    assert_int_equal(c.fields[4], GLINT_FIELD_ELONGATION);
    assert_true(c.uses_intensity);
    assert_true(c.intensity_scale == 255.0f);
    assert_true(c.sensor_height_m[1] == 2.2f);
    assert_int_equal(c.grid.dim[0], 468); /* 149.76 / 0.32 in float */
    assert_int_equal(c.grid.dim[1], 468);
    assert_int_equal(c.grid.dim[2], 1);
    assert_true(c.grid.filter && c.grid.keep_lo[2] == -1.999f && c.grid.keep_hi[2] == 3.999f);
    assert_false(c.grid.drop_first);
    assert_int_equal(c.max_pillars, 60000);
    glint_model_config_close(&c);
}

struct bad {
    struct document part; /* what replaces the good part */
    const char *said;     /* in the message */
};
#define FIELDS "\"fields\": [\"x\", \"y\", \"z\"]"
#define RANGE  "\"range\": [-8, -8, -2, 8, 8, 4]"
#define PILLAR "\"pillar\": [1, 1, 6]"
static const struct bad bads[] = {
    {{.head = "\"arch\": \"a\", \"name\": \"m\""}, "glint: missing"},
    {{.head = "\"glint\": 2, \"arch\": \"a\", \"name\": \"m\""}, "glint: 1..1 expected"},
    {{.head = "\"glint\": 1, \"name\": \"m\""}, "arch: missing"},
    {{.head = "\"glint\": 1, \"arch\": 5, \"name\": \"m\""}, "arch: a string expected"},
    {{.head = "\"glint\": 1, \"arch\": \"a\""}, "name: missing"},
    {{.classes = "\"classes\": []"}, "classes: one class"},
    {{.classes = "\"classes\": 3"}, "classes: an array of strings"},
    {{.classes = "\"classes\": [1]"}, "classes[0]: a string"},
    {{.classes = "\"classes\": [\"a\", \"\"]"}, "classes[1]: a name"},
    {{.classes = "\"classes\": [\"a\", \"b\", \"a\"]"}, "classes[2]: a name"},
    {{.classes = "\"classes\": [\"a\"], \"point_classes\": [\"b\", \"b\"]"}, "point_classes[1]: a name"},
    {{.input = "\"input\": 1"}, "input: an object"},
    {{.input = "\"input\": {}"}, "input.fields: "},
    {{.input = "\"input\": {\"fields\": [\"x\", \"y\"]}"}, "input.fields: x, y and z"},
    {{.input = "\"input\": {\"fields\": [\"x\", \"z\", \"y\"]}"}, "input.fields[1]: "},
    {{.input = "\"input\": {\"fields\": [\"x\", \"y\", \"z\", \"x\"]}"}, "input.fields[3]: "},
    {{.input = "\"input\": {\"fields\": [\"x\", \"y\", \"z\", \"colour\"]}"}, "input.fields[3]: "},
    {{.input = "\"input\": {" FIELDS ", \"intensity\": \"0..7\"}"}, "input.intensity: "},
    {{.input = "\"input\": {" FIELDS ", \"axes\": \"x right\"}"}, "input.axes: "},
    {{.input = "\"input\": {" FIELDS ", \"sensor_height_m\": [2]}"}, "input.sensor_height_m: "},
    {{.input = "\"input\": {" FIELDS ", \"sensor_height_m\": [2, 1]}"}, "input.sensor_height_m: lowest"},
    {{.input = "\"input\": {" FIELDS ", \"sensor_height_m\": [-2, 1]}"}, "input.sensor_height_m[0]: "},
    {{.input = "\"input\": {" FIELDS ", \"intensty\": \"0..1\"}"}, "input.intensty: unknown member"},
    {{.grid = "\"other\": {}"}, "grid: "},
    {{.grid = "\"grid\": {" PILLAR "}"}, "grid.range: "},
    {{.grid = "\"grid\": {" RANGE "}"}, "grid.pillar: "},
    {{.grid = "\"grid\": {" PILLAR ", \"range\": [0, 0, 0, 1, 1]}"}, "grid.range: 6 numbers"},
    {{.grid = "\"grid\": {" PILLAR ", \"range\": [0, 1, 0, 1, 1, 1]}"}, "grid.range[1]: "},
    {{.grid = "\"grid\": {" PILLAR ", \"range\": [0, 0, 0, 1e30, 1, 1]}"}, "grid.range[3]: "},
    {{.grid = "\"grid\": {" RANGE ", \"pillar\": [0, 1, 6]}"}, "grid.pillar[0]: "},
    {{.grid = "\"grid\": {" RANGE ", \"pillar\": [-1, 1, 6]}"}, "grid.pillar[0]: "},
    {{.grid = "\"grid\": {" RANGE ", \"pillar\": [0.001, 1, 6]}"}, "grid.pillar[0]: at most 4096 cells"},
    {{.grid = "\"grid\": {" RANGE ", \"pillar\": [1, 1, 0.005]}"}, "grid.pillar[2]: at most 1024 cells"},
    {{.grid = "\"grid\": {\"range\": [0, 0, 0, 4, 4, 4], \"pillar\": [0.001, 0.001, 0.004]}"}, "cells"},
    {{.grid = "\"grid\": {" RANGE ", " PILLAR ", \"cells\": [16, 17, 1]}"}, "grid.cells[1]: 16, "},
    {{.grid = "\"grid\": {" RANGE ", " PILLAR ", \"cells\": [16, 16]}"}, "grid.cells: 3"},
    {{.grid = "\"grid\": {" RANGE ", " PILLAR ", \"filter\": [1]}"}, "grid.filter: "},
    {{.grid = "\"grid\": {" RANGE ", " PILLAR ", \"max_pillars\": 0}"}, "grid.max_pillars: "},
    {{.grid = "\"grid\": {" RANGE ", " PILLAR ", \"drop_first_pillar\": 1}"}, "grid.drop_first_pillar: "},
    {{.grid = "\"grid\": {" RANGE ", " PILLAR ", \"size\": 1}"}, "grid.size: unknown member"},
};

static void every_bad_member_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        struct document d = good;
        const struct document *part = &bads[i].part;
        d.head = part->head ? part->head : d.head;
        d.classes = part->classes ? part->classes : d.classes;
        d.input = part->input ? part->input : d.input;
        d.grid = part->grid ? part->grid : d.grid;
        struct glint_model_config c;
        assert_int_equal(parse(&d, &c), GLINT_E_FORMAT);
        if (strncmp(glint_error_text(), "config.json: ", 13) || !strstr(glint_error_text(), bads[i].said))
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, glint_error_text(), bads[i].said);
        assert_null(c.doc);
    }
}

static void other_files_are_errors(void **state)
{
    (void)state;
    struct glint_model_config c;
    assert_int_equal(glint_model_config_open("/nonexistent/config.json", &c), GLINT_E_NOTFOUND);
    assert_int_equal(glint_model_config_parse("c", "[1]", 3, &c), GLINT_E_FORMAT);
    assert_int_equal(glint_model_config_parse("c", "{", 1, &c), GLINT_E_FORMAT);
    assert_int_equal(glint_model_config_parse("c", "", 0, &c), GLINT_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_document_is_read),
        cmocka_unit_test(every_bad_member_is_named),
        cmocka_unit_test(other_files_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
