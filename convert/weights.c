/* convert/weights.c - see weights.h. */
#include "convert/weights.h"
#include "convert/archive.h"
#include "core/file.h"
#include "core/procedural.h"
#include "core/safetensors.h"
#include "core/status.h"
#include "model/build.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTES_CAP   2048
#define NESTED_MOST 3
#define NAME_MOST   200

struct glint_weights_file {
    const char *path;                /* in the same block */
    struct glint_safetensors *plain; /* one of both */
    struct glint_archive *archive;
    int32_t n;
    struct glint_weights_tensor *tensors;
    uint32_t *storages; /* of an archive: per tensor */
    char *names;        /* all of them, one after another */
    char *config;       /* a copy that ends with 0 */
    struct glint_text notes;
    char notes_data[NOTES_CAP];
};

/* Text of the archive that is no plain letter is shown as '?'. */
static void copy_plain(char *out, const struct glint_pickle_value *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = text->as.bytes[i] > 32 && text->as.bytes[i] < 127 ? (char)text->as.bytes[i] : '?';
    out[n] = 0;
}

static void numbers_of(const struct glint_pickle *p, int64_t index, struct glint_numbers *out)
{
    const struct glint_pickle_tensor *t = &p->tensors[index];
    *out = (struct glint_numbers){
        .dtype = p->storages[t->storage].dtype, .n_dims = t->n_dims, .offset = t->offset};
    memcpy(out->shape, t->shape, sizeof out->shape);
    memcpy(out->stride, t->stride, sizeof out->stride);
}

/* The state dict */

static bool has_tensors(const struct glint_pickle *p, const struct glint_pickle_value *dict)
{
    for (uint32_t cell = dict->head; cell; cell = p->cells[p->cells[cell].next].next)
        if (p->values[p->cells[p->cells[cell].next].value].type == GLINT_PICKLE_TENSOR)
            return true;
    return false;
}

static const struct glint_pickle_value *
find_member(struct glint_weights_file *f, const struct glint_pickle *p, const struct glint_pickle_value *dict)
{
    static const char *const keys[] = {"model_state", "state_dict", "model_state_dict",
                                       "model",       "module",     "net"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct glint_pickle_value *v = glint_pickle_get(p, dict, keys[i]);
        if (v && v->type == GLINT_PICKLE_DICT) {
            glint_text_add(&f->notes, "- Weights are its member `%s`.\n", keys[i]);
            return v;
        }
    }
    return NULL;
}

static int find_state(struct glint_weights_file *f, const struct glint_pickle_value **out)
{
    const struct glint_pickle *p = glint_archive_values(f->archive);
    const struct glint_pickle_value *dict = &p->values[p->root];
    for (int depth = 0; dict && depth < NESTED_MOST && dict->type == GLINT_PICKLE_DICT; depth++) {
        *out = dict;
        if (has_tensors(p, dict))
            return GLINT_OK;
        dict = find_member(f, p, dict);
    }
    return glint_fail(GLINT_E_FORMAT,
                      "%s: no state dict in it: a dict of tensors expected, or one with model_state, "
                      "state_dict or model",
                      f->path);
}

static int add_tensor(struct glint_weights_file *f, const struct glint_pickle_value *key, uint32_t tensor,
                      size_t *used)
{
    const struct glint_pickle *p = glint_archive_values(f->archive);
    char *name = f->names + *used;
    if (key->count > NAME_MOST)
        return glint_fail(GLINT_E_FORMAT, "%s: a tensor's name of %u letters", f->path, key->count);
    copy_plain(name, key, key->count);
    *used += key->count + 1;
    f->tensors[f->n].name = name;
    f->storages[f->n] = p->tensors[tensor].storage;
    numbers_of(p, tensor, &f->tensors[f->n++].numbers);
    return GLINT_OK;
}

static int list_state(struct glint_weights_file *f, const struct glint_pickle_value *state)
{
    const struct glint_pickle *p = glint_archive_values(f->archive);
    size_t used = 0;
    int32_t others = 0;
    for (uint32_t cell = state->head; cell; cell = p->cells[p->cells[cell].next].next) {
        const struct glint_pickle_value *key = &p->values[p->cells[cell].value],
                                        *v = &p->values[p->cells[p->cells[cell].next].value];
        if (key->type == GLINT_PICKLE_TEXT && v->type == GLINT_PICKLE_TENSOR)
            GLINT_TRY(add_tensor(f, key, (uint32_t)v->as.i, &used));
        else
            others++;
    }
    if (others)
        glint_text_add(&f->notes, "- %d members beside the tensors are no tensors and left out.\n", others);
    return GLINT_OK;
}

/* Bytes of all names of tensors, or GLINT_E_FORMAT when they are absurd. */
static int64_t names_size(const struct glint_weights_file *f, const struct glint_pickle_value *state)
{
    const struct glint_pickle *p = glint_archive_values(f->archive);
    int64_t size = 1;
    for (uint32_t cell = state->head; cell; cell = p->cells[p->cells[cell].next].next) {
        const struct glint_pickle_value *key = &p->values[p->cells[cell].value];
        size += key->type == GLINT_PICKLE_TEXT && key->count <= NAME_MOST ? key->count + 1 : 1;
    }
    return size;
}

/* Takes off what data parallel and other wrappers put before every name. */
static void strip_prefix(struct glint_weights_file *f, const char *prefix)
{
    const size_t n = strlen(prefix);
    for (bool all = f->n > 0; all;) {
        for (int32_t i = 0; i < f->n && all; i++)
            all = strncmp(f->tensors[i].name, prefix, n) == 0 && f->tensors[i].name[n];
        for (int32_t i = 0; i < f->n && all; i++)
            f->tensors[i].name += n;
        if (all)
            glint_text_add(&f->notes, "- `%s` is taken off the beginning of every name.\n", prefix);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_names(const struct glint_weights_file *f)
{
    const char **names = calloc((size_t)f->n + 1, sizeof *names);
    int status = names ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "%s: no memory", f->path);
    for (int32_t i = 0; i < f->n && names; i++)
        names[i] = f->tensors[i].name;
    if (names)
        qsort(names, (size_t)f->n, sizeof *names, by_name);
    for (int32_t i = 1; i < f->n && status == GLINT_OK; i++)
        if (!strcmp(names[i - 1], names[i]))
            status = glint_fail(GLINT_E_FORMAT, "%s: tensor %s is there twice", f->path, names[i]);
    free(names);
    return status;
}

static int copy_config(struct glint_weights_file *f)
{
    const struct glint_pickle *p = glint_archive_values(f->archive);
    const struct glint_pickle_value *meta = glint_pickle_get(p, &p->values[p->root], "meta"),
                                    *text = glint_pickle_get(p, meta, "config");
    text = text ? text : glint_pickle_get(p, meta, "cfg"); /* mmengine's name of it */
    if (!text || text->type != GLINT_PICKLE_TEXT)
        return GLINT_OK;
    f->config = malloc((size_t)text->count + 1);
    if (!f->config)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", f->path);
    memcpy(f->config, text->as.bytes, text->count);
    f->config[text->count] = 0;
    return GLINT_OK;
}

static int open_archive(struct glint_weights_file *f)
{
    const struct glint_pickle_value *state = NULL;
    GLINT_TRY(glint_archive_open(f->path, &f->archive));
    GLINT_TRY(find_state(f, &state));
    f->tensors = calloc((size_t)state->count + 1, sizeof *f->tensors);
    f->storages = calloc((size_t)state->count + 1, sizeof *f->storages);
    f->names = calloc(1, (size_t)names_size(f, state));
    if (!f->tensors || !f->storages || !f->names)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", f->path);
    GLINT_TRY(list_state(f, state));
    strip_prefix(f, "module.");
    GLINT_TRY(check_names(f));
    return copy_config(f);
}

/* Safetensors */

static int open_plain(struct glint_weights_file *f)
{
    GLINT_TRY(glint_safetensors_open(f->path, &f->plain));
    GLINT_TRY(glint_procedural_expand(f->plain, f->path));
    f->tensors = calloc((size_t)glint_safetensors_count(f->plain) + 1, sizeof *f->tensors);
    if (!f->tensors)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", f->path);
    for (; f->n < glint_safetensors_count(f->plain); f->n++) {
        const struct glint_tensor *t = glint_safetensors_at(f->plain, f->n);
        struct glint_numbers *x = &f->tensors[f->n].numbers;
        int64_t step = 1;
        *x = (struct glint_numbers){.bytes = t->data, .dtype = t->dtype, .n_dims = t->n_dims};
        for (int32_t i = t->n_dims - 1; i >= 0; i--) {
            x->shape[i] = t->shape[i];
            x->stride[i] = step;
            step *= t->shape[i];
        }
        f->tensors[f->n].name = t->name;
    }
    return GLINT_OK;
}

/* Both */

static int open_any(struct glint_weights_file *f)
{
    struct glint_file file;
    GLINT_TRY(glint_file_open(&file, f->path));
    const bool archive = glint_archive_begins(file.data, file.size);
    glint_file_close(&file);
    return archive ? open_archive(f) : open_plain(f);
}

int glint_weights_open(const char *path, struct glint_weights_file **file_out)
{
    *file_out = NULL;
    struct glint_weights_file *f = calloc(1, sizeof *f + strlen(path) + 1);
    if (!f)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    f->path = strcpy((char *)(f + 1), path);
    f->notes = (struct glint_text){.data = f->notes_data, .cap = NOTES_CAP};
    const int status = open_any(f);
    if (status != GLINT_OK)
        glint_weights_close(f);
    else
        *file_out = f;
    return status;
}

void glint_weights_close(struct glint_weights_file *f)
{
    if (!f)
        return;
    glint_safetensors_close(f->plain);
    glint_archive_close(f->archive);
    free(f->tensors);
    free(f->storages);
    free(f->names);
    free(f->config);
    free(f);
}

int32_t glint_weights_count(const struct glint_weights_file *f)
{
    return f->n;
}

const struct glint_weights_tensor *glint_weights_at(const struct glint_weights_file *f, int32_t index)
{
    return index >= 0 && index < f->n ? &f->tensors[index] : NULL;
}

int32_t glint_weights_find(const struct glint_weights_file *f, const char *name)
{
    for (int32_t i = 0; i < f->n; i++)
        if (strcmp(f->tensors[i].name, name) == 0)
            return i;
    return -1;
}

int glint_weights_numbers(const struct glint_weights_file *f, int32_t index, struct glint_numbers *out,
                          void **owned_out)
{
    *out = f->tensors[index].numbers;
    *owned_out = NULL;
    return f->archive ? glint_archive_storage(f->archive, f->storages[index], &out->bytes, owned_out)
                      : GLINT_OK;
}

const char *glint_weights_config(const struct glint_weights_file *f, bool *python_out)
{
    *python_out = f->archive != NULL;
    return f->archive ? f->config : glint_safetensors_metadata(f->plain, "config");
}

const char *glint_weights_format(const struct glint_weights_file *f)
{
    return f->archive ? glint_archive_format(f->archive) : "safetensors";
}

const char *glint_weights_notes(const struct glint_weights_file *f)
{
    return f->notes_data;
}
