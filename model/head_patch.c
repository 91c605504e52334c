/* model/head_patch.c - see head_patch.h. */
#include "model/head_patch.h"
#include "core/box.h"
#include <math.h>
#include <string.h>

#define PEAKS_AT_ONCE 28

struct patch_job {
    struct glint_exec *x;
    const struct glint_head_patch *head;
    const struct glint_map *map;
    const int32_t *cells;
    float *out;
};

size_t glint_head_patch_scratch(const struct glint_head_patch *head, int32_t channels)
{
    const size_t patch = (size_t)head->patch * (size_t)head->patch * (size_t)channels;
    return PEAKS_AT_ONCE * (glint_arena_round(patch * sizeof(float)) +
                            2 * glint_arena_round((size_t)head->l1.n * sizeof(float)));
}

static void copy_patch(const struct glint_map *map, int32_t k, int32_t cy, int32_t cx, float *to)
{
    for (int32_t dy = -(k / 2); dy <= k / 2; dy++)
        for (int32_t dx = -(k / 2); dx <= k / 2; dx++, to += map->c) {
            const int32_t y = cy + dy, px = cx + dx;
            if (y >= 0 && y < map->h && px >= 0 && px < map->w)
                memcpy(to, map->data + y * map->pitch + px * map->ld, (size_t)map->c * sizeof *to);
            else
                memset(to, 0, (size_t)map->c * sizeof *to);
        }
}

static void layer(const struct patch_job *j, const struct glint_weights *w, const float *in, int64_t ld,
                  int32_t m, float *out, int64_t ldc, enum glint_act act)
{
    const float *rows[PEAKS_AT_ONCE];
    for (int32_t i = 0; i < m; i++)
        rows[i] = in + i * ld;
    glint_gemm_get(j->x->isa)(&(struct glint_gemm){
        .w = w, .m = m, .n_segments = 1, .rows = rows, .c = out, .ldc = ldc, .act = act});
}

static void regress(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct patch_job *j = ctx;
    const struct glint_head_patch *h = j->head;
    struct glint_arena *scratch = &j->x->scratch[worker];
    const size_t mark = glint_arena_mark(scratch);
    const int32_t m = (int32_t)(end - begin), k = h->l1.k, hidden = h->l1.n;
    float *patch = glint_arena_alloc(scratch, PEAKS_AT_ONCE * (size_t)k * sizeof *patch);
    float *a = glint_arena_alloc(scratch, PEAKS_AT_ONCE * (size_t)hidden * sizeof *a);
    float *b = glint_arena_alloc(scratch, PEAKS_AT_ONCE * (size_t)hidden * sizeof *b);
    for (int32_t i = 0; i < m; i++)
        copy_patch(j->map, h->patch, j->cells[2 * (begin + i)], j->cells[2 * (begin + i) + 1],
                   patch + (int64_t)i * k);
    layer(j, &h->l1, patch, k, m, a, hidden, GLINT_ACT_RELU);
    layer(j, &h->l2, a, hidden, m, b, hidden, GLINT_ACT_RELU);
    layer(j, &h->l3, b, hidden, m, j->out + begin * GLINT_PATCH_OUTPUTS, GLINT_PATCH_OUTPUTS, GLINT_ACT_NONE);
    glint_arena_reset(scratch, mark);
}

int glint_head_patch(struct glint_exec *x, const struct glint_head_patch *head, const struct glint_map *map,
                     const int32_t *cells, int32_t n, float *out)
{
    if (head->l1.k != head->patch * head->patch * map->c || head->l2.n != head->l1.n ||
        head->l3.n != GLINT_PATCH_OUTPUTS)
        return glint_fail(GLINT_E_ARG, "box head of %d inputs on a map of %d channels", head->l1.k, map->c);
    struct patch_job job = {x, head, map, cells, out};
    glint_pool_for(x->pool, n, PEAKS_AT_ONCE, regress, &job);
    return GLINT_OK;
}

void glint_head_patch_box(const struct glint_head_patch *head, const float *v, int32_t row, int32_t column,
                          struct glint_box *box)
{
    const float place[2] = {(float)row + v[0], (float)column + v[1]};
    float yaw = 0.5f * atan2f(v[8], v[9]);
    if (cosf(yaw) * v[7] + sinf(yaw) * v[6] < 0)
        yaw += 3.14159265f;
    *box = (struct glint_box){
        .center = {place[head->row_axis] * head->cell_m + head->origin_m[0],
                   place[1 - head->row_axis] * head->cell_m + head->origin_m[1], v[2]},
        .size = {expf(v[3]), expf(v[4]), expf(v[5])},
        .yaw = (float)glint_wrap_angle(yaw),
        .id = -1,
    };
}
