/* convert/archive_tensors.c - every tensor of an archive with the way to it; see archive.h. A walk with its
 * own stack, as containers may contain each other. */
#include "convert/archive.h"
#include "core/status.h"
#include <stdio.h>
#include <string.h>

#define DEPTH_MOST 16
#define VISIT_MOST 1000000
#define TELL_MOST  100000
#define WAY_CAP    512

struct level { /* a container that is being walked */
    uint32_t cell;
    bool dict;
    uint32_t index;  /* of the next element of a list */
    size_t way_size; /* of the way to the container */
};

struct walk {
    const struct glint_pickle *p;
    glint_archive_tensor_fn *fn;
    void *ctx;
    struct level level[DEPTH_MOST];
    int depth;
    int32_t visited, told;
    char way[WAY_CAP];
};

/* Adds ".key" or ".index" to the way. */
static void extend(struct walk *w, const struct level *l, const struct glint_pickle_value *key)
{
    size_t at = l->way_size;
    const char *dot = at ? "." : "";
    w->way[at] = 0;
    if (!l->dict)
        snprintf(w->way + at, WAY_CAP - at, "%s%u", dot, l->index);
    else if (key->type == GLINT_PICKLE_INT)
        snprintf(w->way + at, WAY_CAP - at, "%s%lld", dot, (long long)key->as.i);
    else if (key->type == GLINT_PICKLE_TEXT)
        snprintf(w->way + at, WAY_CAP - at, "%s%.*s", dot, key->count < 300 ? (int)key->count : 300,
                 (const char *)key->as.bytes);
    else
        snprintf(w->way + at, WAY_CAP - at, "%s?", dot);
    for (; w->way[at]; at++)
        w->way[at] = w->way[at] > 32 && w->way[at] < 127 ? w->way[at] : '?';
}

static void enter(struct walk *w, const struct glint_pickle_value *v)
{
    if (w->depth < DEPTH_MOST && v->head)
        w->level[w->depth++] =
            (struct level){.cell = v->head, .dict = v->type == GLINT_PICKLE_DICT, .way_size = strlen(w->way)};
}

static int tell(struct walk *w, const struct glint_pickle_value *v)
{
    const struct glint_pickle_tensor *t = &w->p->tensors[v->as.i];
    struct glint_numbers x = {
        .dtype = w->p->storages[t->storage].dtype, .n_dims = t->n_dims, .offset = t->offset};
    memcpy(x.shape, t->shape, sizeof x.shape);
    memcpy(x.stride, t->stride, sizeof x.stride);
    return ++w->told <= TELL_MOST ? w->fn(w->ctx, w->way, &x) : GLINT_OK;
}

static int step(struct walk *w)
{
    struct level *l = &w->level[w->depth - 1];
    const struct glint_pickle *p = w->p;
    if (!l->cell || ++w->visited > VISIT_MOST) {
        w->depth--;
        return GLINT_OK;
    }
    const uint32_t cell = l->dict ? p->cells[l->cell].next : l->cell;
    const struct glint_pickle_value *v = &p->values[p->cells[cell].value];
    extend(w, l, &p->values[p->cells[l->cell].value]);
    l->cell = p->cells[cell].next;
    l->index++;
    if (v->type == GLINT_PICKLE_TENSOR)
        return tell(w, v);
    if (v->type == GLINT_PICKLE_DICT || v->type == GLINT_PICKLE_LIST || v->type == GLINT_PICKLE_TUPLE)
        enter(w, v);
    return GLINT_OK;
}

int glint_archive_tensors(const struct glint_archive *archive, glint_archive_tensor_fn *fn, void *ctx)
{
    const struct glint_pickle *p = glint_archive_values(archive);
    struct walk w = {.p = p, .fn = fn, .ctx = ctx};
    const struct glint_pickle_value *root = &p->values[p->root];
    if (root->type == GLINT_PICKLE_TENSOR)
        return tell(&w, root);
    if (root->type == GLINT_PICKLE_DICT || root->type == GLINT_PICKLE_LIST ||
        root->type == GLINT_PICKLE_TUPLE)
        enter(&w, root);
    while (w.depth > 0)
        GLINT_TRY(step(&w));
    return GLINT_OK;
}
