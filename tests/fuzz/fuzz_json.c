/* tests/fuzz/fuzz_json.c - any text, and every getter on every node of what it gives. */
#include "tests/fuzz/fuzz.h"
#include "core/json.h"

static void visit(struct glint_json node, int depth)
{
    for (size_t i = 0; i < glint_json_size(node) && i < 64; i++)
        visit(glint_json_at(node, i), depth + 1);
    for (size_t i = 0; i < glint_json_members(node) && i < 64; i++) {
        const char *key = glint_json_key(node, i), *text;
        int32_t number, count, numbers[8];
        double real, reals[8];
        bool truth;
        glint_json_i32(node, key, -5, 100000, &number);
        glint_json_f64(node, key, -1, 1e9, &real);
        glint_json_bool(node, key, &truth);
        glint_json_string(node, key, &text);
        glint_json_f64s(node, key, -1, 8, reals, &count);
        glint_json_i32s(node, key, 3, 8, 0, 1 << 20, numbers, &count);
        visit(glint_json_get(node, key), depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *text = glint_fuzz_block(data, size);
    struct glint_json_doc *doc;
    if (glint_json_parse("input", (const char *)text, size, &doc) == 0)
        visit(glint_json_root(doc), 0);
    glint_json_close(doc);
    free(text);
    return 0;
}
