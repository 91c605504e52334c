/* calib/kdtree.c - see kdtree.h. The tree is the order of the points: of a range, the middle one splits the
 * others along the longest side of their box; what lies left and right of it are its subtrees. */
#include "calib/kdtree.h"
#include <stdlib.h>
#include <string.h>

#define LEAF 8 /* points that are searched one by one */

struct node {
    float p[3];
    int32_t index;
};

struct glint_kdtree {
    int32_t n;
    struct node *node;
    uint8_t *axis; /* of the split at each point that is one */
};

static int longest_side(const struct node *v, int32_t lo, int32_t hi)
{
    float least[3], most[3];
    int axis = 0;
    memcpy(least, v[lo].p, sizeof least);
    memcpy(most, v[lo].p, sizeof most);
    for (int32_t i = lo + 1; i < hi; i++)
        for (int k = 0; k < 3; k++) {
            least[k] = v[i].p[k] < least[k] ? v[i].p[k] : least[k];
            most[k] = v[i].p[k] > most[k] ? v[i].p[k] : most[k];
        }
    for (int k = 1; k < 3; k++)
        if (most[k] - least[k] > most[axis] - least[axis])
            axis = k;
    return axis;
}

static void swap(struct node *a, struct node *b)
{
    const struct node t = *a;
    *a = *b;
    *b = t;
}

/* Hoare's selection: the k-th by axis comes to its place, smaller ones before it. */
static void select_kth(struct node *v, int32_t lo, int32_t hi, int32_t k, int axis)
{
    hi--;
    while (lo < hi) {
        const int32_t mid = lo + (hi - lo) / 2;
        if (v[mid].p[axis] < v[lo].p[axis])
            swap(&v[mid], &v[lo]);
        if (v[hi].p[axis] < v[lo].p[axis])
            swap(&v[hi], &v[lo]);
        if (v[hi].p[axis] < v[mid].p[axis])
            swap(&v[hi], &v[mid]);
        const float pivot = v[mid].p[axis];
        int32_t i = lo, j = hi;
        while (i <= j) {
            while (v[i].p[axis] < pivot)
                i++;
            while (v[j].p[axis] > pivot)
                j--;
            if (i <= j)
                swap(&v[i++], &v[j--]);
        }
        if (k <= j)
            hi = j;
        else if (k >= i)
            lo = i;
        else
            return;
    }
}

static void split(struct glint_kdtree *t, int32_t lo, int32_t hi)
{
    while (hi - lo > LEAF) {
        const int32_t mid = lo + (hi - lo) / 2;
        const int axis = longest_side(t->node, lo, hi);
        select_kth(t->node, lo, hi, mid, axis);
        t->axis[mid] = (uint8_t)axis;
        split(t, lo, mid);
        lo = mid + 1;
    }
}

int glint_kdtree_open(const float *xyz, int32_t n, struct glint_kdtree **tree_out)
{
    *tree_out = NULL;
    if (n < 1)
        return glint_fail(GLINT_E_ARG, "a tree of %d points", n);
    struct glint_kdtree *t = calloc(1, sizeof *t);
    struct node *nodes = malloc((size_t)n * sizeof *nodes);
    uint8_t *axes = malloc((size_t)n);
    if (!t || !nodes || !axes) {
        free(t);
        free(nodes);
        free(axes);
        return glint_fail(GLINT_E_NOMEM, "no memory for a tree of %d points", n);
    }
    for (int32_t i = 0; i < n; i++) {
        memcpy(nodes[i].p, xyz + 3 * (size_t)i, sizeof nodes[i].p);
        nodes[i].index = i;
    }
    t->n = n;
    t->node = nodes;
    t->axis = axes;
    split(t, 0, n);
    *tree_out = t;
    return GLINT_OK;
}

void glint_kdtree_close(struct glint_kdtree *tree)
{
    if (!tree)
        return;
    free(tree->node);
    free(tree->axis);
    free(tree);
}

struct search {
    const struct glint_kdtree *t;
    const float *p;
    int32_t k, n;
    float worst; /* squared distance a point must stay below */
    int32_t *index;
    float *d2;
};

static void offer(struct search *s, const struct node *v)
{
    const float dx = v->p[0] - s->p[0], dy = v->p[1] - s->p[1], dz = v->p[2] - s->p[2];
    const float d2 = dx * dx + dy * dy + dz * dz;
    if (!(d2 < s->worst))
        return;
    int32_t i = s->n < s->k ? s->n++ : s->k - 1;
    for (; i > 0 && s->d2[i - 1] > d2; i--) {
        s->d2[i] = s->d2[i - 1];
        s->index[i] = s->index[i - 1];
    }
    s->d2[i] = d2;
    s->index[i] = v->index;
    if (s->n == s->k)
        s->worst = s->d2[s->k - 1];
}

/* The side that p is on first; the other only when the split is nearer than the worst so far. */
static void visit(struct search *s, int32_t lo, int32_t hi)
{
    while (hi - lo > LEAF) {
        const int32_t mid = lo + (hi - lo) / 2;
        const int axis = s->t->axis[mid];
        const float d = s->p[axis] - s->t->node[mid].p[axis];
        if (d < 0)
            visit(s, lo, mid);
        else
            visit(s, mid + 1, hi);
        if (!(d * d < s->worst))
            return;
        offer(s, &s->t->node[mid]);
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (int32_t i = lo; i < hi; i++)
        offer(s, &s->t->node[i]);
}

int32_t glint_kdtree_nearest(const struct glint_kdtree *tree, const float p[3], int32_t k, float radius,
                             int32_t *index_out, float *d2_out)
{
    struct search s = {
        tree, p, k < GLINT_KDTREE_NEAREST ? k : GLINT_KDTREE_NEAREST, 0, radius * radius, index_out, d2_out};
    if (k > 0)
        visit(&s, 0, tree->n);
    return s.n;
}
