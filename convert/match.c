/* convert/match.c - see match.h. All that does not fit is counted before anything is said, so that one run
 * tells the whole difference. */
#include "convert/match.h"
#include "core/status.h"
#include "core/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_SHOWN 8

struct matching {
    struct glint_match *match;
    const struct glint_weights_file *file;
    bool *used;
    int32_t n_missing, n_shape, n_left;
    char missing_data[400], shape_data[400], left_data[400];
    struct glint_text missing, shape, left;
};

static void shape_text(char *text, size_t size, int32_t n_dims, const int64_t *shape)
{
    struct glint_text t = {.data = text, .cap = size};
    text[0] = 0;
    for (int32_t i = 0; i < n_dims; i++)
        if (shape[i] < 0)
            glint_text_add(&t, "%s*", i ? ", " : "[");
        else
            glint_text_add(&t, "%s%lld", i ? ", " : "[", (long long)shape[i]);
    glint_text_add(&t, "%s", n_dims ? "]" : "[]");
}

static int add(struct glint_match *m, const struct glint_tensor *t)
{
    for (int32_t i = 0; i < m->n; i++)
        if (!strcmp(m->entries[i].name, t->name))
            return GLINT_OK;
    if (m->n == m->cap) {
        const int32_t cap = m->cap ? 2 * m->cap : 256;
        struct glint_match_entry *more = realloc(m->entries, (size_t)cap * sizeof *more);
        if (!more)
            return glint_fail(GLINT_E_NOMEM, "no memory for %d tensors", cap);
        m->entries = more;
        m->cap = cap;
    }
    struct glint_match_entry *e = &m->entries[m->n++];
    *e = (struct glint_match_entry){.wanted = *t, .source = -1};
    snprintf(e->name, sizeof e->name, "%s", t->name);
    for (int32_t i = 0; i < GLINT_TENSOR_DIMS; i++)
        e->order[i] = i;
    return GLINT_OK;
}

static int tell_wanted(void *ctx, const struct glint_tensor *tensor)
{
    return add(ctx, tensor);
}

/* Shapes */

static bool fits(const struct glint_tensor *wanted, const struct glint_numbers *have, const int32_t *order)
{
    bool same = wanted->n_dims == have->n_dims;
    for (int32_t i = 0; same && i < wanted->n_dims; i++)
        same = wanted->shape[i] < 0 || wanted->shape[i] == have->shape[order[i]];
    return same;
}

static bool fit(struct glint_match_entry *e, const struct glint_numbers *have)
{
    static const int32_t spconv1[GLINT_TENSOR_DIMS] = {4, 0, 1, 2, 3, 5};
    if (fits(&e->wanted, have, e->order))
        return true;
    if (e->wanted.n_dims != 5 || !fits(&e->wanted, have, spconv1))
        return false;
    memcpy(e->order, spconv1, sizeof e->order);
    return e->turned = true;
}

static void name_shape(struct matching *m, const struct glint_match_entry *e,
                       const struct glint_numbers *have)
{
    char wanted[80], found[80];
    shape_text(wanted, sizeof wanted, e->wanted.n_dims, e->wanted.shape);
    shape_text(found, sizeof found, have->n_dims, have->shape);
    if (m->n_shape++ < NAMES_SHOWN)
        glint_text_add(&m->shape, "%s\"%s\" %s instead of %s", m->shape.used ? ", " : "", e->name, found,
                       wanted);
}

static void match_one(struct matching *m, struct glint_match_entry *e)
{
    e->source = glint_weights_find(m->file, e->name);
    if (e->source < 0) {
        if (m->n_missing++ < NAMES_SHOWN)
            glint_text_add(&m->missing, "%s\"%s\"", m->missing.used ? ", " : "", e->name);
        return;
    }
    const struct glint_numbers *have = &glint_weights_at(m->file, e->source)->numbers;
    m->used[e->source] = true;
    if (!fit(e, have))
        name_shape(m, e, have);
    memcpy(e->wanted.shape, have->shape, sizeof e->wanted.shape); /* where the network takes any */
    for (int32_t i = 0; e->turned && i < 5; i++)
        e->wanted.shape[i] = have->shape[e->order[i]];
}

/* Counters that training keeps beside the weights. */
static bool is_counter(const char *name)
{
    return glint_ends_with(name, "num_batches_tracked") || !strcmp(name, "global_step");
}

static void find_left(struct matching *m)
{
    for (int32_t i = 0; i < glint_weights_count(m->file); i++) {
        const char *name = glint_weights_at(m->file, i)->name;
        if (m->used[i])
            continue;
        if (is_counter(name))
            m->match->n_counters++;
        else if (m->n_left++ < NAMES_SHOWN)
            glint_text_add(&m->left, "%s\"%s\"", m->left.used ? ", " : "", name);
    }
}

static void list(struct glint_text *text, int32_t n, const char *what, const char *names)
{
    if (n)
        glint_text_add(text, "%s%d %s: %s%s", text->used ? "; " : "", n, what, names,
                       n > NAMES_SHOWN ? " ..." : "");
}

static int report(const struct matching *m, const char *file_name)
{
    char data[900];
    struct glint_text text = {.data = data, .cap = sizeof data};
    if (!m->n_missing && !m->n_shape && !m->n_left)
        return GLINT_OK;
    list(&text, m->n_shape, "of another shape", m->shape_data);
    list(&text, m->n_missing, "missing", m->missing_data);
    list(&text, m->n_left, "left over", m->left_data);
    return glint_fail(GLINT_E_FORMAT, "%s: tensors and configuration do not fit: %s", file_name, data);
}

int glint_match_make(struct glint_match *match, struct glint_net *net, const struct glint_weights_file *file,
                     const char *file_name)
{
    struct matching m = {.match = match, .file = file};
    m.missing = (struct glint_text){.data = m.missing_data, .cap = sizeof m.missing_data};
    m.shape = (struct glint_text){.data = m.shape_data, .cap = sizeof m.shape_data};
    m.left = (struct glint_text){.data = m.left_data, .cap = sizeof m.left_data};
    *match = (struct glint_match){0};
    m.used = calloc((size_t)glint_weights_count(file) + 1, sizeof *m.used);
    int status = m.used ? glint_net_tensors(net, tell_wanted, match)
                        : glint_fail(GLINT_E_NOMEM, "%s: no memory", file_name);
    for (int32_t i = 0; status == GLINT_OK && i < match->n; i++) {
        match->entries[i].wanted.name = match->entries[i].name;
        match_one(&m, &match->entries[i]);
    }
    if (status == GLINT_OK) {
        find_left(&m);
        status = report(&m, file_name);
    }
    free(m.used);
    if (status != GLINT_OK)
        glint_match_fini(match);
    return status;
}

void glint_match_fini(struct glint_match *match)
{
    free(match->entries);
    *match = (struct glint_match){0};
}
