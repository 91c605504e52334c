/* voxel/harden.c - see harden.h. A voxel's first point in input order is the first of its list, so the order
 * of first appearance is that of those numbers: they are marked in a table of all points and read off. */
#include "voxel/harden.h"
#include <string.h>

size_t glint_harden_bytes(int32_t cap_points, int32_t cap_voxels)
{
    return glint_arena_round(((size_t)cap_points + (size_t)cap_voxels) * sizeof(int32_t)) +
           glint_arena_round((size_t)cap_voxels * sizeof(int32_t));
}

/* shown[i] = voxel that appears as the i-th, of the first max_voxels; returns their number. Marks in key[0]:
 * voxel + 1 where one begins; afterwards keeps[voxel] in key[1]. */
static int32_t by_first_point(struct glint_voxels *v, int32_t max_voxels, int32_t *shown)
{
    uint32_t *begins = v->key[0], *keeps = v->key[1];
    int32_t n = 0;
    memset(begins, 0, (size_t)v->n_in * sizeof *begins);
    memset(keeps, 0, (size_t)v->n_voxels * sizeof *keeps);
    for (int32_t i = 0; i < v->n_voxels; i++)
        begins[v->point[v->start[i]]] = (uint32_t)i + 1;
    for (int64_t p = 0; p < v->n_in && n < max_voxels; p++)
        if (begins[p]) {
            shown[n++] = (int32_t)begins[p] - 1;
            keeps[begins[p] - 1] = 1;
        }
    return n;
}

/* The points that voxel i keeps, to list; returns their number. */
static int32_t take_points(const struct glint_hard *rule, const struct glint_voxels *v, int32_t i,
                           int32_t *list)
{
    const int32_t n = v->start[i + 1] - v->start[i];
    const int32_t kept = n < rule->max_points ? n : rule->max_points;
    memcpy(list, v->point + v->start[i], (size_t)kept * sizeof *list);
    if (rule->pad && n < rule->max_points)
        list[kept] = -1;
    return kept + (rule->pad && n < rule->max_points);
}

void glint_harden(const struct glint_hard *rule, struct glint_voxels *v, void *memory)
{
    int32_t *list = memory;
    int32_t *shown = (int32_t *)((uint8_t *)memory +
                                 glint_arena_round(((size_t)v->cap_points + (size_t)v->cap_voxels) * 4));
    const int32_t n_shown = by_first_point(v, rule->max_voxels, shown), n_before = v->n_points;
    int32_t n = 0, used = 0, kept = 0;
    for (int32_t i = 0; i < v->n_voxels; i++) {
        if (!v->key[1][i])
            continue;
        const int32_t taken = take_points(rule, v, i, list + used);
        kept += taken - (list[used + taken - 1] < 0);
        v->key[1][i] = (uint32_t)n; /* its new number; those before are read no more */
        memmove(v->coord + 3 * (int64_t)n, v->coord + 3 * (int64_t)i, 3 * sizeof *v->coord);
        v->start[n++] = used; /* the old starts from i on are still there: n <= i */
        used += taken;
    }
    for (int32_t i = 0; i < n_shown; i++)
        shown[i] = (int32_t)v->key[1][shown[i]];
    v->n_clipped += n_before - kept;
    v->start[n] = used;
    v->n_voxels = n;
    v->n_points = used;
    v->point = list;
    v->shown = shown;
}
