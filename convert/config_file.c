/* convert/config_file.c - see config_file.h and config_tree.h. */
#include "convert/config_file.h"
#include "convert/config_tree.h"
#include "core/file.h"
#include "core/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_CAP 1024
#define UP_MOST  6 /* folders above the configuration's that are tried */

static int count(struct glint_tree_read *r, size_t n)
{
    const size_t left = r->values < GLINT_TREE_VALUES ? (size_t)(GLINT_TREE_VALUES - r->values) : 0;
    r->values = n <= left ? r->values + (int32_t)n : GLINT_TREE_VALUES + 1;
    return n <= left ? GLINT_OK
                     : glint_fail(GLINT_E_FORMAT, "%s: more than %d values", r->name, GLINT_TREE_VALUES);
}

int glint_tree_count(struct glint_tree_read *r)
{
    return count(r, 1);
}

int glint_tree_count_text(struct glint_tree_read *r, size_t size)
{
    return count(r, size / GLINT_TREE_TEXT);
}

static json_t *copy(struct glint_tree_read *r, const json_t *value, int depth)
{
    const char *key;
    json_t *member, *made;
    size_t i;
    if (depth > GLINT_TREE_DEPTH || glint_tree_count(r) < 0 ||
        glint_tree_count_text(r, json_string_length(value)) < 0)
        return NULL;
    if (json_is_object(value)) {
        json_t *out = json_object();
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
        {
            made = glint_tree_count_text(r, strlen(key)) < 0 ? NULL : copy(r, member, depth + 1);
            if (!made || json_object_set_new(out, key, made) != 0) {
                json_decref(out);
                return NULL;
            }
        }
        return out;
    }
    if (!json_is_array(value))
        return json_copy((json_t *)(uintptr_t)value);
    json_t *out = json_array();
    json_array_foreach(value, i, member)
    {
        made = copy(r, member, depth + 1);
        if (!made || json_array_append_new(out, made) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

json_t *glint_tree_copy(struct glint_tree_read *r, const json_t *value)
{
    return copy(r, value, 0);
}

int glint_tree_document(const char *name, json_t *tree, struct glint_json_doc **doc_out)
{
    char *text = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(tree);
    if (!text)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", name);
    const int status = glint_json_parse(name, text, strlen(text), doc_out);
    free(text);
    return status;
}

/* Bases */

static bool is_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    const bool there = f != NULL;
    if (f)
        fclose(f);
    return there;
}

/* FOLDER/name, in the folder of path or one above it. */
static bool look_above(const char *path, const char *name, char *out)
{
    char folder[PATH_CAP];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = 0;
    else
        strcpy(folder, ".");
    for (int up = 0; up <= UP_MOST; up++) {
        if (snprintf(out, PATH_CAP, "%s/%s", folder, name) < PATH_CAP && is_file(out))
            return true;
        if (strlen(folder) + 4 >= sizeof folder)
            return false;
        strcat(folder, "/..");
    }
    return false;
}

static int find_base(const struct glint_tree_read *r, const char *name, char *out)
{
    if (name[0] == '/' && snprintf(out, PATH_CAP, "%s", name) < PATH_CAP && is_file(out))
        return GLINT_OK;
    if (name[0] != '/' && r->base && snprintf(out, PATH_CAP, "%s/%s", r->base, name) < PATH_CAP &&
        is_file(out))
        return GLINT_OK;
    if (name[0] != '/' && look_above(r->path, name, out))
        return GLINT_OK;
    return glint_fail(
        GLINT_E_NOTFOUND,
        "%s: base configuration %.200s: not found beside it, nor in the folders above, nor below "
        "--base",
        r->name, name);
}

int glint_tree_base(struct glint_tree_read *r, const char *name, glint_tree_fn *read, json_t **out)
{
    char path[PATH_CAP] = "";
    struct glint_file file;
    if (!r->path[0])
        return glint_fail(GLINT_E_FORMAT,
                          "%s: names a base configuration, %.200s; give the file with --config", r->name,
                          name);
    GLINT_TRY(find_base(r, name, path));
    if (r->bases == GLINT_TREE_BASES)
        return glint_fail(GLINT_E_FORMAT, "%s: bases of bases, more than %d deep", r->name, GLINT_TREE_BASES);
    GLINT_TRY(glint_file_open(&file, path));
    struct glint_tree_read inner = *r;
    inner.name = inner.path = path;
    inner.bases++;
    const int status = file.size > GLINT_TREE_BYTES
                           ? glint_fail(GLINT_E_FORMAT, "%s: larger than any configuration", path)
                           : read(&inner, (const char *)file.data, file.size, out);
    r->values = inner.values;
    if (!r->skipped[0])
        memcpy(r->skipped, inner.skipped, sizeof r->skipped);
    glint_file_close(&file);
    return status;
}

/* Files */

static int read_text(const char *name, const char *path, const char *base, const char *text, size_t size,
                     glint_tree_fn *read, struct glint_json_doc **doc_out)
{
    struct glint_tree_read r = {.name = name, .path = path, .base = base};
    json_t *tree = NULL;
    *doc_out = NULL;
    if (size > GLINT_TREE_BYTES)
        return glint_fail(GLINT_E_FORMAT, "%s: larger than any configuration", name);
    GLINT_TRY(read(&r, text ? text : "", size, &tree));
    if (r.skipped[0])
        json_object_set_new(tree, "_skipped", json_string(r.skipped));
    return glint_tree_document(name, tree, doc_out);
}

int glint_config_yaml(const char *name, const char *path, const char *base, const char *text, size_t size,
                      struct glint_json_doc **doc_out)
{
    return read_text(name, path, base, text, size, glint_tree_yaml, doc_out);
}

int glint_config_python(const char *name, const char *path, const char *base, const char *text, size_t size,
                        struct glint_json_doc **doc_out)
{
    return read_text(name, path, base, text, size, glint_tree_python, doc_out);
}

int glint_config_file_load(const char *path, const char *base, struct glint_json_doc **doc_out)
{
    struct glint_file file;
    int status;
    *doc_out = NULL;
    GLINT_TRY(glint_file_open(&file, path));
    if (glint_ends_with(path, ".yaml") || glint_ends_with(path, ".yml"))
        status = glint_config_yaml(path, path, base, (const char *)file.data, file.size, doc_out);
    else if (glint_ends_with(path, ".py"))
        status = glint_config_python(path, path, base, (const char *)file.data, file.size, doc_out);
    else
        status = glint_json_parse(path, (const char *)file.data, file.size, doc_out);
    glint_file_close(&file);
    return status;
}
