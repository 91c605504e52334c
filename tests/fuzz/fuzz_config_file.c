/* tests/fuzz/fuzz_config_file.c - configurations of other frameworks: read, and put into the terms of a
 * network here, or refused. The first byte chooses YAML or Python. */
#include "tests/fuzz/fuzz.h"
#include "convert/config_file.h"
#include "convert/published.h"

static void translate(const struct glint_json_doc *doc)
{
    struct glint_published p;
    static char data[65536];
    struct glint_text config = {.data = data, .cap = sizeof data};
    char *text = NULL;
    struct glint_json_doc *training = NULL;
    int status = glint_published_read(glint_json_root(doc), "input", &p);
    const struct glint_arch *arch = status == 0 && p.arch ? glint_arch_find(p.arch) : NULL;
    if (arch && arch->convert)
        text = json_dumps(p.training, JSON_COMPACT);
    if (text && glint_json_parse("input", text, strlen(text), &training) == 0)
        status = arch->convert(glint_json_root(training), &config);
    if (training && status == 0 && config.status == 0)
        glint_published_overlay(&p, &config);
    glint_json_close(training);
    free(text);
    glint_published_fini(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *block = (char *)glint_fuzz_block(data + 1, size - 1);
    struct glint_json_doc *doc;
    const int status = data[0] % 2 ? glint_config_python("input", "", NULL, block, size - 1, &doc)
                                   : glint_config_yaml("input", "", NULL, block, size - 1, &doc);
    if (status == 0)
        translate(doc);
    glint_json_close(doc);
    free(block);
    return 0;
}
