/* core/procedural.c - see procedural.h. */
#include "core/procedural.h"
#include "core/json.h"
#include "core/status.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "gen/"
#define GOLDEN UINT64_C(0x9E3779B97F4A7C15) /* 2^64 divided by the golden ratio: the generator's step */

static uint64_t hash_key(const char *key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
    return h;
}

static int32_t integer_at(uint64_t start, uint64_t i)
{
    uint64_t z = start + (i + 1) * GOLDEN;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    z ^= z >> 31;
    return (int32_t)(z >> 40) - (1 << 23);
}

int32_t glint_procedural_integer(const char *key, uint64_t seed, uint64_t i)
{
    return integer_at(hash_key(key) + seed * GOLDEN, i);
}

struct expand {
    struct glint_safetensors *file;
    const char *file_name;
    struct glint_json shapes;
    uint64_t seed;
    int64_t elements; /* so far */
};

static int read_seed(struct expand *e)
{
    const char *text = glint_safetensors_metadata(e->file, "seed");
    char *end = NULL;
    const long long seed = text ? strtoll(text, &end, 10) : 0;
    if (!text || end == text || *end)
        return glint_fail(GLINT_E_FORMAT, "%s: metadata seed: an integer expected beside gen_shapes",
                          e->file_name);
    e->seed = (uint64_t)seed;
    return GLINT_OK;
}

/* Shape of KEY into t; its elements are counted. */
static int read_shape(struct expand *e, const char *key, struct glint_tensor *t)
{
    int32_t shape[GLINT_TENSOR_DIMS];
    int64_t n = 1;
    GLINT_TRY(glint_json_i32s(e->shapes, key, -1, GLINT_TENSOR_DIMS, 1, INT32_MAX, shape, &t->n_dims));
    for (int32_t i = 0; i < t->n_dims; i++) {
        t->shape[i] = shape[i];
        n = n <= GLINT_PROCEDURAL_MOST ? n * shape[i] : n; /* stays below 2^59 */
    }
    e->elements += n;
    if (n > GLINT_PROCEDURAL_MOST || e->elements > GLINT_PROCEDURAL_MOST)
        return glint_json_fail(glint_json_get(e->shapes, key), "more than %lld elements in all",
                               (long long)GLINT_PROCEDURAL_MOST);
    return GLINT_OK;
}

static void fill(float *out, int64_t n, const char *key, uint64_t seed, float scale)
{
    const uint64_t start = hash_key(key) + seed * GOLDEN;
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)integer_at(start, (uint64_t)i) * scale;
}

/* The tensor at index, "gen/KEY", becomes KEY. */
static int expand_one(struct expand *e, int32_t index)
{
    const struct glint_tensor *rule = glint_safetensors_at(e->file, index);
    struct glint_tensor t = {.name = rule->name + strlen(PREFIX), .dtype = GLINT_DTYPE_F32};
    if (rule->dtype != GLINT_DTYPE_F32 || glint_tensor_elements(rule) != 1)
        return glint_fail(GLINT_E_FORMAT, "%s: tensor %.200s: F32 [1] expected", e->file_name, rule->name);
    if (glint_safetensors_find(e->file, t.name))
        return glint_fail(GLINT_E_FORMAT, "%s: tensor %.200s: is there beside its rule", e->file_name,
                          t.name);
    GLINT_TRY(read_shape(e, t.name, &t));
    const int64_t n = glint_tensor_elements(&t);
    float *data = malloc((size_t)n * sizeof *data);
    if (!data)
        return glint_fail(GLINT_E_NOMEM, "%s: tensor %.200s: no memory", e->file_name, t.name);
    fill(data, n, t.name, e->seed, *(const float *)rule->data);
    t.data = data;
    glint_safetensors_replace(e->file, index, &t, data);
    return GLINT_OK;
}

static int expand_all(struct expand *e)
{
    GLINT_TRY(read_seed(e));
    for (int32_t i = 0; i < glint_safetensors_count(e->file); i++)
        if (!strncmp(glint_safetensors_at(e->file, i)->name, PREFIX, strlen(PREFIX)))
            GLINT_TRY(expand_one(e, i));
    for (size_t i = 0; i < glint_json_members(e->shapes); i++)
        if (!glint_safetensors_find(e->file, glint_json_key(e->shapes, i)))
            return glint_fail(GLINT_E_FORMAT, "%s: metadata gen_shapes: no tensor " PREFIX "%.200s",
                              e->file_name, glint_json_key(e->shapes, i));
    return GLINT_OK;
}

int glint_procedural_expand(struct glint_safetensors *file, const char *file_name)
{
    const char *text = glint_safetensors_metadata(file, "gen_shapes");
    struct glint_json_doc *doc;
    char name[1200];
    if (!text)
        return GLINT_OK;
    snprintf(name, sizeof name, "%s: metadata gen_shapes", file_name);
    GLINT_TRY(glint_json_parse(name, text, strlen(text), &doc));
    struct expand e = {.file = file, .file_name = file_name, .shapes = glint_json_root(doc)};
    int status = GLINT_OK;
    if (!glint_json_is_object(e.shapes))
        status = glint_json_fail(e.shapes, "an object expected");
    else if (glint_json_members(e.shapes) > 0)
        status = expand_all(&e);
    glint_json_close(doc);
    return status;
}
