/* convert/config_tree.h - private to the readers of configurations: trees of JSON values, how bases are found
 * and merged, and a bound on how large a tree may become by copies. */
#ifndef GLINT_CONVERT_CONFIG_TREE_H
#define GLINT_CONVERT_CONFIG_TREE_H
#include "core/json.h"
#include <jansson.h>

#define GLINT_TREE_VALUES 200000 /* of one configuration, copies counted */
#define GLINT_TREE_TEXT   64     /* bytes of text, keys too, that count as one more value */
#define GLINT_TREE_DEPTH  48
#define GLINT_TREE_BYTES  ((size_t)4 << 20) /* of a file */
#define GLINT_TREE_BASES  4                 /* one in another */

struct glint_tree_read {
    const char *name, *path, *base; /* as in config_file.h */
    int bases;                      /* how many files deep */
    int32_t values;                 /* so far */
    char skipped[160];              /* the first thing that was not understood; "" */
};

/* A reader: text to a tree (the caller's reference). */
typedef int glint_tree_fn(struct glint_tree_read *r, const char *text, size_t size, json_t **out);
glint_tree_fn glint_tree_yaml, glint_tree_python;

/* Reads another file, named in r's, by `read`. GLINT_E_NOTFOUND says where it was looked for. */
int glint_tree_base(struct glint_tree_read *r, const char *name, glint_tree_fn *read, json_t **out);

/* A copy of its own of value, counted. NULL: too many values, too deep, or no memory. */
json_t *glint_tree_copy(struct glint_tree_read *r, const json_t *value);

/* Counts one value, or text that a copy makes. GLINT_E_FORMAT beyond the bound. */
int glint_tree_count(struct glint_tree_read *r);
int glint_tree_count_text(struct glint_tree_read *r, size_t size);

/* A tree as a document; takes the reference. */
int glint_tree_document(const char *name, json_t *tree, struct glint_json_doc **doc_out);
#endif
