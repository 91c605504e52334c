/* tools/info_archive.c - see info_archive.h. */
#include "tools/info_archive.h"
#include "convert/archive.h"
#include "core/status.h"
#include "core/text.h"
#include <stdio.h>

struct found {
    json_t *tensors;
    uint64_t elements;
};

bool glint_info_is_archive(const char *path)
{
    return glint_ends_with(path, ".pth") || glint_ends_with(path, ".pt") || glint_ends_with(path, ".ckpt");
}

static int add_tensor(void *ctx, const char *way, const struct glint_numbers *t)
{
    struct found *found = ctx;
    char text[768];
    int n = snprintf(text, sizeof text, "%.500s %s [", way, glint_dtype_name(t->dtype));
    for (int32_t k = 0; k < t->n_dims; k++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%lld", k ? ", " : "", (long long)t->shape[k]);
    snprintf(text + n, sizeof text - (size_t)n, "]");
    json_array_append_new(found->tensors, json_string(text));
    found->elements += (uint64_t)glint_numbers_count(t);
    return GLINT_OK;
}

int glint_info_archive(const char *path, json_t *out)
{
    struct glint_archive *archive;
    struct found found = {.tensors = json_array()};
    int status = glint_archive_open(path, &archive);
    if (status == GLINT_OK)
        status = glint_archive_tensors(archive, add_tensor, &found);
    if (status == GLINT_OK) {
        const struct glint_pickle *p = glint_archive_values(archive);
        const struct glint_pickle_value *meta = glint_pickle_get(p, &p->values[p->root], "meta");
        json_object_set_new(out, "kind", json_string("checkpoint"));
        json_object_set_new(out, "format", json_string(glint_archive_format(archive)));
        json_object_set_new(out, "holds_configuration",
                            json_boolean(glint_pickle_get(p, meta, "config") != NULL));
        json_object_set_new(out, "n_tensors", json_integer((json_int_t)json_array_size(found.tensors)));
        json_object_set_new(out, "elements", json_integer((json_int_t)found.elements));
        json_object_set(out, "tensors", found.tensors);
    }
    json_decref(found.tensors);
    glint_archive_close(archive);
    return status;
}
