/* tests/fuzz/fuzz_model_config.c - any config.json to a network's layers, and any training configuration to
 * ours. */
#include "tests/fuzz/fuzz.h"
#include "model/build.h"

static void build(const char *text, size_t size)
{
    struct glint_model_config config;
    struct glint_net net = {0};
    if (glint_model_config_parse("input", text, size, &config) != 0)
        return;
    glint_net_build(&config, 1000, true, &net);
    glint_net_fini(&net);
    glint_model_config_close(&config);
}

static void convert(const char *text, size_t size)
{
    struct glint_json_doc *doc;
    char config[16384];
    struct glint_text out = {.data = config, .cap = sizeof config};
    if (glint_json_parse("input", text, size, &doc) != 0)
        return;
    const struct glint_arch *arch = glint_arch_recognise(glint_json_root(doc));
    if (arch && arch->convert(glint_json_root(doc), &out) == 0)
        build(config, out.used);
    glint_json_close(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *text = glint_fuzz_block(data, size);
    build((const char *)text, size);
    convert((const char *)text, size);
    free(text);
    return 0;
}
