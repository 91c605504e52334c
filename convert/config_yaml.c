/* convert/config_yaml.c - YAML as OpenPCDet's configurations have it; see config_file.h. Scalars without
 * quotes are what PyYAML takes them for. A section with _BASE_CONFIG_ is that file with the section put over
 * it: members that are sections are merged, others replaced (pcdet/config.py). */
#include "convert/config_tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define BASE "_BASE_CONFIG_"

struct reader {
    struct glint_tree_read *r;
    yaml_document_t doc;
};

static int wrong(const struct reader *y, const yaml_node_t *node, const char *what)
{
    return glint_fail(GLINT_E_FORMAT, "%s:%lu: %s", y->r->name, (unsigned long)node->start_mark.line + 1,
                      what);
}

/* Values */

static bool is_word(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(text, *words))
            return true;
    return false;
}

static json_t *plain_scalar(const char *text)
{
    static const char *const none[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const yes[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL};
    static const char *const no[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL};
    char *end;
    if (is_word(text, none))
        return json_null();
    if (is_word(text, yes) || is_word(text, no))
        return json_boolean(is_word(text, yes));
    if (strspn(text, "+-0123456789.eE") == strlen(text) && strpbrk(text, "0123456789")) {
        const long long i = strtoll(text, &end, 10);
        if (!*end)
            return json_integer(i);
        const double d = strtod(text, &end);
        if (!*end)
            return json_real(d);
    }
    return json_string(text);
}

static json_t *scalar(const yaml_node_t *node)
{
    const char *text = (const char *)node->data.scalar.value;
    return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain_scalar(text) : json_string(text);
}

static int make(struct reader *y, int index, int depth, json_t **out);

static int make_sequence(struct reader *y, const yaml_node_t *node, int depth, json_t *out)
{
    for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
        json_t *value = NULL;
        GLINT_TRY(make(y, *i, depth + 1, &value));
        json_array_append_new(out, value);
    }
    return GLINT_OK;
}

static int make_mapping(struct reader *y, const yaml_node_t *node, int depth, json_t *out)
{
    for (yaml_node_pair_t *i = node->data.mapping.pairs.start; i < node->data.mapping.pairs.top; i++) {
        const yaml_node_t *key = yaml_document_get_node(&y->doc, i->key);
        json_t *value = NULL;
        if (!key || key->type != YAML_SCALAR_NODE)
            return wrong(y, node, "a plain key expected");
        GLINT_TRY(glint_tree_count_text(y->r, key->data.scalar.length));
        GLINT_TRY(make(y, i->value, depth + 1, &value));
        if (json_object_set_new(out, (const char *)key->data.scalar.value, value) != 0)
            return wrong(y, key, "a key that is no UTF-8");
    }
    return GLINT_OK;
}

/* Anchors are nodes that are there several times: each time is a copy, and counted. */
static int make(struct reader *y, int index, int depth, json_t **out)
{
    const yaml_node_t *node = yaml_document_get_node(&y->doc, index);
    int status = GLINT_OK;
    GLINT_TRY(glint_tree_count(y->r));
    if (!node || depth > GLINT_TREE_DEPTH)
        return glint_fail(GLINT_E_FORMAT, "%s: nested deeper than %d", y->r->name, GLINT_TREE_DEPTH);
    if (node->type == YAML_SCALAR_NODE)
        GLINT_TRY(glint_tree_count_text(y->r, node->data.scalar.length));
    *out = node->type == YAML_SCALAR_NODE     ? scalar(node)
           : node->type == YAML_SEQUENCE_NODE ? json_array()
                                              : json_object();
    if (!*out)
        return wrong(y, node, "text that is no UTF-8, or no memory");
    if (node->type == YAML_SEQUENCE_NODE)
        status = make_sequence(y, node, depth, *out);
    else if (node->type == YAML_MAPPING_NODE)
        status = make_mapping(y, node, depth, *out);
    if (status < 0) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

/* Bases */

static int put_over(struct glint_tree_read *r, json_t *config, const json_t *section, int depth);

static int put_member(struct glint_tree_read *r, json_t *config, const char *key, const json_t *value,
                      int depth)
{
    if (!json_is_object(value)) {
        json_t *made = glint_tree_copy(r, value);
        return made && json_object_set_new(config, key, made) == 0
                   ? GLINT_OK
                   : glint_fail(GLINT_E_FORMAT, "%s: %.60s: too large", r->name, key);
    }
    if (!json_is_object(json_object_get(config, key)))
        json_object_set_new(config, key, json_object());
    return put_over(r, json_object_get(config, key), value, depth + 1);
}

/* config: what is there already, changed; as merge_new_config. */
static int put_over(struct glint_tree_read *r, json_t *config, const json_t *section, int depth)
{
    const char *key;
    json_t *value, *base = NULL;
    if (depth > GLINT_TREE_DEPTH)
        return glint_fail(GLINT_E_FORMAT, "%s: nested deeper than %d", r->name, GLINT_TREE_DEPTH);
    const char *name = json_string_value(json_object_get(section, BASE));
    if (name) {
        GLINT_TRY(glint_tree_base(r, name, glint_tree_yaml, &base));
        json_object_update(config, base);
        json_decref(base);
    }
    json_object_foreach((json_t *)(uintptr_t)section, key, value)
        GLINT_TRY(put_member(r, config, key, value, depth));
    return GLINT_OK;
}

static int parse(struct reader *y, const char *text, size_t size)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", y->r->name);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    int status = GLINT_OK;
    if (!yaml_parser_load(&parser, &y->doc))
        status =
            glint_fail(GLINT_E_FORMAT, "%s:%lu: %s", y->r->name, (unsigned long)parser.problem_mark.line + 1,
                       parser.problem ? parser.problem : "not YAML");
    yaml_parser_delete(&parser);
    return status;
}

/* The parser's own stack grows with depth: bounded before it. */
static int check_depth(const struct glint_tree_read *r, const char *text, size_t size)
{
    int depth = 0;
    for (size_t i = 0; i < size; i++) {
        depth += text[i] == '[' || text[i] == '{';
        depth -= (text[i] == ']' || text[i] == '}') && depth > 0;
        if (depth > GLINT_TREE_DEPTH)
            return glint_fail(GLINT_E_FORMAT, "%s: nested deeper than %d", r->name, GLINT_TREE_DEPTH);
    }
    return GLINT_OK;
}

int glint_tree_yaml(struct glint_tree_read *r, const char *text, size_t size, json_t **out)
{
    struct reader y = {.r = r};
    json_t *written = NULL;
    GLINT_TRY(check_depth(r, text, size));
    GLINT_TRY(parse(&y, text, size));
    const yaml_node_t *root = yaml_document_get_root_node(&y.doc);
    int status = root && root->type == YAML_MAPPING_NODE
                     ? make(&y, 1, 0, &written)
                     : glint_fail(GLINT_E_FORMAT, "%s: a mapping expected", r->name);
    yaml_document_delete(&y.doc);
    GLINT_TRY(status);
    *out = json_object();
    status = put_over(r, *out, written, 0);
    json_decref(written);
    if (status < 0) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}
