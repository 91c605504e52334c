/* tests/test_safetensors.c */
#define _POSIX_C_SOURCE 200809L
#include "tests/util.h"
#include "core/safetensors.h"
#include "core/status.h"
#include <unistd.h>

struct block { /* a file in memory, of exactly its size */
    uint8_t *data;
    size_t size;
};

/* Header text and n bytes 0, 1, 2 ... of data, at an address of `shift` modulo 8. */
static struct block make(const char *header, size_t n, size_t shift)
{
    const size_t length = strlen(header);
    struct block b = {.size = 8 + length + n};
    b.data = (uint8_t *)malloc(b.size + shift) + shift;
    for (size_t i = 0; i < 8; i++)
        b.data[i] = (uint8_t)(length >> (8 * i));
    memcpy(b.data + 8, header, length);
    for (size_t i = 0; i < n; i++)
        b.data[8 + length + i] = (uint8_t)i;
    return b;
}

static void refused(const char *header, size_t n, const char *reason)
{
    const struct block b = make(header, n, 0);
    struct glint_safetensors *file;
    const int status = glint_safetensors_parse("file", b.data, b.size, &file);
    if (status != GLINT_E_FORMAT || file || !strstr(glint_error_text(), reason))
        fail_msg("%s: %s, \"%s\" expected in \"%s\"", header, glint_status_name(status), reason,
                 glint_error_text());
    free(b.data);
}

static void tensors_and_metadata_are_found(void **state)
{
    (void)state;
    const struct block b = make("{\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[8,11]},"
                                "\"a\":{\"dtype\":\"I32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
                                "\"none\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[8,8]},"
                                "\"__metadata__\":{\"k\":\"v\"}}   ",
                                11, 0);
    struct glint_safetensors *file;
    assert_int_equal(glint_safetensors_parse("file", b.data, b.size, &file), GLINT_OK);
    assert_int_equal(glint_safetensors_count(file), 3);
    assert_string_equal(glint_safetensors_at(file, 0)->name, "b"); /* as the header lists them */
    const struct glint_tensor *a = glint_safetensors_find(file, "a"), *u = glint_safetensors_find(file, "b");
    assert_int_equal(a->dtype, GLINT_DTYPE_I32);
    assert_int_equal(a->n_dims, 2);
    assert_int_equal(glint_tensor_elements(a), 2);
    assert_int_equal(((const int32_t *)a->data)[1], 0x07060504);
    assert_int_equal(((const uint8_t *)u->data)[2], 10);
    assert_int_equal(glint_tensor_elements(glint_safetensors_find(file, "none")), 0);
    assert_null(glint_safetensors_find(file, "__metadata__"));
    assert_null(glint_safetensors_at(file, 3));
    assert_string_equal(glint_safetensors_metadata(file, "k"), "v");
    assert_null(glint_safetensors_metadata(file, "a"));
    glint_safetensors_close(file);
    free(b.data);
}

static void data_is_aligned_to_its_type_wherever_it_lies(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 8; shift++) {
        const struct block b = make("{\"o\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                                    "\"f\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[1,9]}}",
                                    9, shift);
        struct glint_safetensors *file;
        assert_int_equal(glint_safetensors_parse("file", b.data, b.size, &file), GLINT_OK);
        const struct glint_tensor *f = glint_safetensors_find(file, "f");
        assert_int_equal((uintptr_t)f->data % 8, 0);
        assert_true(*(const int64_t *)f->data == 0x0807060504030201);
        glint_safetensors_close(file);
        free(b.data - shift);
    }
}

#define ENTRY(name, dtype, shape, offsets)                                                                   \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void wrong_offsets_are_refused(void **state)
{
    (void)state;
    refused("{" ENTRY("a", "F32", "[2]", "[0,8]") "," ENTRY("b", "F32", "[2]", "[4,12]") "}", 12,
            "overlaps tensor a");
    refused("{" ENTRY("b", "F32", "[2]", "[0,8]") "," ENTRY("a", "F32", "[2]", "[0,8]") "}", 8, "overlaps");
    refused("{" ENTRY("a", "F32", "[2]", "[0,8]") "}", 7, "outside the 7 bytes");
    refused("{" ENTRY("a", "F32", "[2]", "[0,8]") "}", 9, "9 bytes of data, 8 belong");
    refused("{" ENTRY("a", "F32", "[2]", "[4,12]") "}", 12, "starts at 4");
    refused("{" ENTRY("a", "F32", "[2]", "[0,4]") "}", 4, "8 bytes by its shape, 4 by its data_offsets");
    refused("{" ENTRY("a", "F32", "[2]", "[8,0]") "}", 8, "outside");
    refused("{" ENTRY("a", "F32", "[2]", "[-8,0]") "}", 8, "outside");
    refused("{" ENTRY("a", "U8", "[8]", "[9223372036854775800,9223372036854775807]") "}", 8, "outside");
    refused("{" ENTRY("a", "U8", "[8]", "[0,9223372036854775808]") "}", 8, "too big integer");
    refused("{" ENTRY("a", "U8", "[8]", "[0,8,8]") "}", 8, "two integers");
    refused("{" ENTRY("a", "U8", "[8]", "[0,8.0]") "}", 8, "two integers");
    refused("{" ENTRY("a", "U8", "[8]", "{}") "}", 8, "two integers");
}

static void wrong_types_and_shapes_are_refused(void **state)
{
    (void)state;
    refused("{" ENTRY("a", "F33", "[2]", "[0,8]") "}", 8, "tensor a: dtype F33 not known");
    refused("{\"a\":{\"dtype\":4,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "dtype: a string");
    refused("{" ENTRY("a", "F32", "[-2]", "[0,8]") "}", 8, "integers >= 0");
    refused("{" ENTRY("a", "F32", "2", "[0,8]") "}", 8, "an array expected");
    refused("{" ENTRY("a", "F32", "[4294967296,4294967296]", "[0,8]") "}", 8, "more elements");
    refused("{" ENTRY("a", "F32", "[2305843009213693952]", "[0,8]") "}", 8, "more elements");
    refused("{" ENTRY("a", "F32", "[1,1,1,1,1,1,2]", "[0,8]") "}", 8, "7 dimensions");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[8]}}", 8, "data_offsets");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8],\"x\":1}}", 8, "nothing else");
    refused("{\"a\":[]}", 0, "an object expected");
    refused("{\"__metadata__\":{\"a\":1}}", 0, "__metadata__.a: a string expected");
    refused("{\"__metadata__\":\"a\"}", 0, "__metadata__: an object expected");
    refused("{" ENTRY("a", "U8", "[1]", "[0,1]") "," ENTRY("a", "U8", "[1]", "[1,2]") "}", 2, "duplicate");
}

static void wrong_headers_are_refused(void **state)
{
    (void)state;
    refused("[]", 0, "'{' expected");
    refused("", 0, "'{' expected");
    refused("{", 0, "line 1");
    refused("{} x", 0, "line 1");
    static const uint64_t lengths[] = {3, 100, 1u << 31, UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct block b = make("{}", 0, 0);
        struct glint_safetensors *file;
        for (int k = 0; k < 8; k++)
            b.data[k] = (uint8_t)(lengths[i] >> (8 * k));
        assert_int_equal(glint_safetensors_parse("file", b.data, b.size, &file), GLINT_E_FORMAT);
        assert_non_null(strstr(glint_error_text(), "cut short"));
        free(b.data);
    }
}

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    const struct block b =
        make("{" ENTRY("a", "F32", "[2]", "[0,8]") ",\"__metadata__\":{\"k\":\"v\"}}", 8, 0);
    for (size_t size = 0; size <= b.size; size++) {
        uint8_t *cut = malloc(size ? size : 1);
        memcpy(cut, b.data, size);
        struct glint_safetensors *file;
        assert_int_equal(glint_safetensors_parse("file", cut, size, &file),
                         size < b.size ? GLINT_E_FORMAT : GLINT_OK);
        glint_safetensors_close(file);
        free(cut);
    }
    free(b.data);
}

static const float floats[6] = {1, -2, 3.5f, 0, 1e30f, -0.0f};
static const uint8_t bytes[3] = {7, 8, 9};
static const double one = 0.1;

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    char path[] = "/tmp/glint_test_XXXXXX";
    close(mkstemp(path));
    const struct glint_tensor tensors[] = {
        {.name = "bytes", .dtype = GLINT_DTYPE_U8, .n_dims = 1, .shape = {3}, .data = bytes},
        {.name = "floats", .dtype = GLINT_DTYPE_F32, .n_dims = 2, .shape = {2, 3}, .data = floats},
        {.name = "nothing", .dtype = GLINT_DTYPE_F32, .n_dims = 2, .shape = {0, 3}},
        {.name = "scalar", .dtype = GLINT_DTYPE_F64, .data = &one},
    };
    static const char *const meta[] = {"config", "{\"a\": \"\\u00e9\"}", "empty", ""};
    assert_int_equal(glint_safetensors_write(path, tensors, 4, meta, 2), GLINT_OK);
    struct glint_safetensors *file;
    assert_int_equal(glint_safetensors_open(path, &file), GLINT_OK);
    assert_int_equal(glint_safetensors_count(file), 4);
    const struct glint_tensor *t = glint_safetensors_find(file, "floats");
    assert_int_equal(t->shape[1], 3);
    assert_memory_equal(t->data, floats, sizeof floats);
    assert_memory_equal(glint_safetensors_find(file, "bytes")->data, bytes, sizeof bytes);
    assert_memory_equal(glint_safetensors_find(file, "scalar")->data, &one, sizeof one);
    assert_string_equal(glint_safetensors_metadata(file, "config"), meta[1]);
    assert_string_equal(glint_safetensors_metadata(file, "empty"), "");
    glint_safetensors_close(file);
    assert_int_equal(glint_safetensors_write(path, tensors, 0, NULL, 0), GLINT_OK); /* replaces the old one */
    assert_int_equal(glint_safetensors_open(path, &file), GLINT_OK);
    assert_int_equal(glint_safetensors_count(file), 0);
    glint_safetensors_close(file);
    unlink(path);
}

static void unwritable_output_is_reported(void **state)
{
    (void)state;
    const struct glint_tensor twice[2] = {{.name = "a", .data = &one}, {.name = "a", .data = &one}};
    assert_int_equal(glint_safetensors_write("/no/such/folder/x", twice, 1, NULL, 0), GLINT_E_IO);
    assert_non_null(strstr(glint_error_text(), "/no/such/folder/x"));
    assert_int_equal(glint_safetensors_write("/tmp/glint_never", twice, 2, NULL, 0), GLINT_E_ARG);
    assert_int_equal(access("/tmp/glint_never", F_OK), -1);
}

static void the_reference_files_open(void **state)
{
    (void)state;
    static const char *const names[] = {"golden/flatformer/tiny_kitti.safetensors",
                                        "golden/flatformer/waymo_weights.safetensors",
                                        "default-model/glint-sim-tiny.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[1024];
        struct glint_safetensors *file;
        if (!glint_test_shared(names[i], path, sizeof path))
            skip();
        if (glint_safetensors_open(path, &file) != GLINT_OK)
            fail_msg("%s", glint_error_text());
        assert_true(glint_safetensors_count(file) > 10);
        glint_safetensors_close(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_and_metadata_are_found),
        cmocka_unit_test(data_is_aligned_to_its_type_wherever_it_lies),
        cmocka_unit_test(wrong_offsets_are_refused),
        cmocka_unit_test(wrong_types_and_shapes_are_refused),
        cmocka_unit_test(wrong_headers_are_refused),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(unwritable_output_is_reported),
        cmocka_unit_test(the_reference_files_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
