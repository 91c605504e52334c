/* tests/test_procedural.c */
#define _POSIX_C_SOURCE 200809L
#include "tests/golden_zoo.h"
#include "core/procedural.h"
#include "core/status.h"

static void integers_are_those_of_the_rule(void **state)
{
    (void)state;
    static const int32_t want[] = {-5396950, -1832756, -3582717, -2251306};
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(glint_procedural_integer("a.b.weight", 12345, i), want[i]);
}

/* A file of two scalars, gen/a.b.weight = 0.5 and other = 2, with this text as the metadata but for its
 * braces. */
static struct glint_safetensors *file_with(const char *metadata, uint8_t *block, size_t size)
{
    static const float data[] = {0.5f, 2};
    struct glint_safetensors *file;
    const int length = snprintf((char *)block + 8, size - 8,
                                "{\"__metadata__\":{%s},\"gen/a.b.weight\":{\"dtype\":\"F32\",\"shape\":[1],"
                                "\"data_offsets\":[0,4]},\"other\":{\"dtype\":\"F32\",\"shape\":[1],"
                                "\"data_offsets\":[4,8]}}",
                                metadata);
    for (size_t i = 0; i < 8; i++)
        block[i] = (uint8_t)((uint64_t)length >> (8 * i));
    memcpy(block + 8 + length, data, sizeof data);
    assert_int_equal(glint_safetensors_parse("file", block, 8 + (size_t)length + sizeof data, &file),
                     GLINT_OK);
    return file;
}

static void a_rule_becomes_its_tensor(void **state)
{
    (void)state;
    uint8_t block[1024];
    struct glint_safetensors *file =
        file_with("\"gen_shapes\":\"{\\\"a.b.weight\\\": [2, 2]}\",\"seed\":\"12345\"", block, sizeof block);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(glint_procedural_expand(file, "file"), GLINT_OK);
        assert_int_equal(glint_safetensors_count(file), 2);
        const struct glint_tensor *t = glint_safetensors_find(file, "a.b.weight");
        assert_non_null(t);
        assert_int_equal(t->n_dims, 2);
        assert_int_equal(t->shape[0], 2);
        assert_true(((const float *)t->data)[0] == -5396950 * 0.5f);
        assert_true(((const float *)t->data)[3] == -2251306 * 0.5f);
        assert_true(*(const float *)glint_safetensors_find(file, "other")->data == 2.0f);
        assert_null(glint_safetensors_find(file, "gen/a.b.weight"));
    }
    glint_safetensors_close(file);
}

static void refused(const char *metadata, const char *reason)
{
    uint8_t block[1024];
    struct glint_safetensors *file = file_with(metadata, block, sizeof block);
    assert_int_equal(glint_procedural_expand(file, "file"), GLINT_E_FORMAT);
    if (!strstr(glint_error_text(), reason))
        fail_msg("\"%s\" expected in \"%s\"", reason, glint_error_text());
    glint_safetensors_close(file);
}

static void wrong_rules_are_refused(void **state)
{
    (void)state;
    refused("\"gen_shapes\":\"{\\\"a.b.weight\\\": [2]}\"", "seed");
    refused("\"gen_shapes\":\"{\\\"a.b.weight\\\": [2]}\",\"seed\":\"1x\"", "seed");
    refused("\"gen_shapes\":\"[1]\",\"seed\":\"1\"", "object");
    refused("\"gen_shapes\":\"{\\\"b\\\": [2]}\",\"seed\":\"1\"", "a.b.weight");
    refused("\"gen_shapes\":\"{\\\"a.b.weight\\\": [2], \\\"c\\\": [1]}\",\"seed\":\"1\"", "no tensor gen/c");
    refused("\"gen_shapes\":\"{\\\"a.b.weight\\\": [0]}\",\"seed\":\"1\"", "a.b.weight");
    refused("\"gen_shapes\":\"{\\\"a.b.weight\\\": [65536, 65536, 2147483647]}\",\"seed\":\"1\"", "elements");
}

static void files_without_rules_stay(void **state)
{
    (void)state;
    uint8_t block[1024];
    struct glint_safetensors *file = file_with("\"gen_shapes\":\"{}\"", block, sizeof block);
    assert_int_equal(glint_procedural_expand(file, "file"), GLINT_OK);
    assert_non_null(glint_safetensors_find(file, "gen/a.b.weight"));
    glint_safetensors_close(file);
}

static void reference_weights_are_whole(void **state)
{
    (void)state;
    struct glint_safetensors *file = glint_zoo_weights("dsvt/pillar_waymo_weights");
    if (!file)
        skip();
    const struct glint_tensor *t =
        glint_safetensors_find(file, "backbone_3d.stage_0.0.encoder_list.0.linear1.weight");
    if (!t)
        t = glint_safetensors_find(file, "backbone_3d.stage_0.0.encoder_list.0.win_attn.linear1.weight");
    assert_non_null(t);
    assert_int_equal(t->shape[0], 384);
    assert_int_equal(t->shape[1], 192);
    glint_safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_those_of_the_rule), cmocka_unit_test(a_rule_becomes_its_tensor),
        cmocka_unit_test(wrong_rules_are_refused),        cmocka_unit_test(files_without_rules_stay),
        cmocka_unit_test(reference_weights_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
