/* convert/published.c - see published.h. */
#include "convert/published.h"
#include "core/status.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FIND_DEPTH 24

static const struct glint_framework *const frameworks[] = {
    &glint_published_mmdet3d, &glint_published_openpcdet, &glint_published_pointcept};

int glint_published_read(struct glint_json root, const char *name, struct glint_published *out)
{
    *out = (struct glint_published){0};
    out->notes = (struct glint_text){.data = out->notes_data, .cap = sizeof out->notes_data};
    for (size_t i = 0; i < sizeof frameworks / sizeof *frameworks && !out->framework; i++)
        if (glint_json_is_object(root) && frameworks[i]->recognise(root)) {
            out->framework = frameworks[i]->name;
            out->training = json_object();
            out->overlay = json_object();
            if (!out->training || !out->overlay)
                return glint_fail(GLINT_E_NOMEM, "no memory for a configuration");
            glint_published_set(out, "name", json_string(name));
            GLINT_TRY(frameworks[i]->read(root, out));
        }
    return GLINT_OK;
}

void glint_published_fini(struct glint_published *p)
{
    json_decref(p->training);
    json_decref(p->overlay);
    p->training = p->overlay = NULL;
}

/* The overlay */

static void merge(json_t *into, const json_t *over)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)over, key, value)
    {
        json_t *there = json_object_get(into, key);
        if (json_is_object(there) && json_is_object(value))
            json_object_update(there, value);
        else
            json_object_set(into, key, value);
    }
}

/* A member of config.json on a line of its own. */
static void write_members(const json_t *config, struct glint_text *text)
{
    const char *key, *comma = "";
    json_t *value;
    glint_text_add(text, "{");
    json_object_foreach((json_t *)(uintptr_t)config, key, value)
    {
        char *member = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        glint_text_add(text, "%s\n  \"%s\": %s", comma, key, member ? member : "null");
        free(member);
        comma = ",";
    }
    glint_text_add(text, "\n}\n");
}

int glint_published_overlay(const struct glint_published *p, struct glint_text *text)
{
    json_t *config = json_loadb(text->data, text->used, 0, NULL);
    if (!config)
        return glint_fail(GLINT_E_FORMAT, "config.json: not what was converted");
    merge(config, p->overlay);
    text->used = 0;
    write_members(config, text);
    json_decref(config);
    return GLINT_OK;
}

/* What the frameworks' readers share */

json_t *glint_published_node(struct glint_json value)
{
    return value.node;
}

static struct glint_json find(struct glint_json value, const char *key, const char *text, int depth)
{
    struct glint_json none = value;
    none.node = NULL;
    const char *found = json_string_value(json_object_get(value.node, key));
    if (found && !strcmp(found, text))
        return value;
    const size_t n = glint_json_is_object(value) ? glint_json_members(value) : glint_json_size(value);
    for (size_t i = 0; i < n && depth < FIND_DEPTH; i++) {
        struct glint_json inner = glint_json_is_object(value)
                                      ? glint_json_get(value, glint_json_key(value, i))
                                      : glint_json_at(value, i);
        inner = find(inner, key, text, depth + 1);
        if (inner.node)
            return inner;
    }
    return none;
}

struct glint_json glint_published_find(struct glint_json value, const char *key, const char *text)
{
    return find(value, key, text, 0);
}

void glint_published_set(struct glint_published *p, const char *key, json_t *value)
{
    json_object_set_new(p->training, key, value);
}

int glint_published_copy(struct glint_published *p, const char *key, struct glint_json object,
                         const char *member, const char *otherwise)
{
    if (glint_json_has(object, member))
        glint_published_set(p, key, json_incref(glint_json_get(object, member).node));
    else if (otherwise)
        glint_published_set(p, key, json_loads(otherwise, JSON_DECODE_ANY, NULL));
    else
        return glint_json_fail(glint_json_get(object, member), "missing");
    return GLINT_OK;
}

int glint_published_bool(struct glint_json object, const char *member, bool wanted)
{
    bool value = wanted;
    GLINT_TRY(glint_config_optional_bool(object, member, &value));
    return value == wanted ? GLINT_OK
                           : glint_json_fail(glint_json_get(object, member),
                                             "%s: not what the network here does", value ? "true" : "false");
}

int glint_published_text(struct glint_json object, const char *member, const char *wanted)
{
    const char *value = wanted;
    if (glint_json_has(object, member))
        GLINT_TRY(glint_json_string(object, member, &value));
    return !strcmp(value, wanted) ? GLINT_OK
                                  : glint_json_fail(glint_json_get(object, member),
                                                    "\"%s\" expected, found \"%.60s\"", wanted, value);
}

json_t *glint_published_input(struct glint_published *p)
{
    if (!json_object_get(p->overlay, "input"))
        json_object_set_new(p->overlay, "input", json_object());
    return json_object_get(p->overlay, "input");
}

int glint_published_classes(struct glint_published *p, const char *key, struct glint_json names, bool lower)
{
    json_t *out = json_array();
    for (size_t i = 0; i < glint_json_size(names); i++) {
        char name[64] = "";
        const char *text = json_string_value(glint_json_at(names, i).node);
        for (size_t k = 0; text && text[k] && k < sizeof name - 1; k++)
            name[k] = lower ? (char)tolower((unsigned char)text[k]) : text[k];
        if (!text || json_array_append_new(out, json_string(name)) != 0) {
            json_decref(out);
            return glint_json_fail(names, "names expected");
        }
    }
    json_object_set_new(p->overlay, key, out);
    return GLINT_OK;
}
