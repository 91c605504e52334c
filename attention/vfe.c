/* attention/vfe.c - see vfe.h.
 *
 * Chunks of whole voxels, small enough that their points' features stay in the cache. The joined input of
 * layer l > 0 is never made: W [point; voxel] = Wp point + Wv voxel, and the voxel's half is one product per
 * voxel. ReLU and the rounding of an addition are monotone, so max over points of relu(p + v) = relu(max(p) +
 * v) to the last bit: where nobody asks for the last layer's points, only their maximum is finished.
 *
 * A voxel with more points than a chunk is done in blocks: layer l of a block needs the voxel's maximum of
 * layer l - 1, so there the lower layers are computed again for each layer. */
#include "attention/vfe.h"
#include "attention/act.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define CHUNK        448 /* points whose features are held at a time */
#define CHUNK_VOXELS 64  /* voxels of a chunk, and of a thread's piece */

struct job {
    const struct glint_vfe *vfe;
    const struct glint_points *points;
    const float *field[6]; /* by enum glint_point_field; NULL reads as 0 */
    const int32_t *point, *start, *coord;
    float *voxel_out;
    struct glint_vfe_taps taps;
    struct glint_arena *scratch;
    glint_gemm_fn *gemm;
};

struct work { /* of one worker, for one chunk: voxels first .. first + n_voxels - 1 */
    const struct job *job;
    int32_t first, n_voxels;
    int32_t begin, n;               /* points in hand: sorted positions begin .. begin + n - 1 */
    float *mean;                    /* n_voxels x 3 */
    float *in;                      /* n x n_columns */
    float *feature[2];              /* n x width[l], by parity of l */
    float *voxel[GLINT_VFE_LAYERS]; /* n_voxels x width[l]: max over points, of all blocks */
    float *half[GLINT_VFE_LAYERS];  /* n_voxels x width[l]: the voxel's half of layer l */
    const float **rows;
};

static int32_t widest(const struct glint_vfe *v)
{
    int32_t width = 0;
    for (int32_t l = 0; l < v->n_layers; l++)
        width = v->width[l] > width ? v->width[l] : width;
    return width;
}

static void *take(struct glint_arena *arena, size_t floats, size_t *total)
{
    *total += glint_arena_round(floats * sizeof(float));
    return arena ? glint_arena_alloc(arena, floats * sizeof(float)) : NULL;
}

static size_t carve(struct glint_arena *arena, const struct glint_vfe *v, struct work *w)
{
    size_t total = glint_arena_round(CHUNK * sizeof(float *));
    w->rows = arena ? glint_arena_alloc(arena, CHUNK * sizeof(float *)) : NULL;
    w->mean = take(arena, (size_t)CHUNK_VOXELS * 3, &total);
    w->in = take(arena, (size_t)CHUNK * (size_t)v->n_columns, &total);
    for (int i = 0; i < 2; i++)
        w->feature[i] = take(arena, (size_t)CHUNK * (size_t)widest(v), &total);
    for (int32_t l = 0; l < v->n_layers; l++) {
        w->voxel[l] = take(arena, (size_t)CHUNK_VOXELS * (size_t)v->width[l], &total);
        w->half[l] = take(arena, (size_t)CHUNK_VOXELS * (size_t)v->width[l], &total);
    }
    return total;
}

size_t glint_vfe_scratch(const struct glint_vfe *vfe)
{
    struct work unused;
    return carve(NULL, vfe, &unused);
}

static float field(const struct job *job, int32_t index, int32_t p)
{
    return job->field[index] ? job->field[index][p] : 0.0f;
}

/* Whether sorted position i is an empty slot. */
static bool is_empty(const struct job *job, int32_t i)
{
    return job->point[i] < 0;
}

static void find_means(struct work *w)
{
    const struct job *job = w->job;
    for (int32_t v = 0; v < w->n_voxels; v++) {
        const int32_t begin = job->start[w->first + v];
        const int32_t end = job->start[w->first + v + 1] - is_empty(job, job->start[w->first + v + 1] - 1);
        for (int32_t a = 0; a < 3; a++) {
            float sum = 0.0f;
            for (int32_t i = begin; i < end; i++)
                sum += field(job, a, job->point[i]);
            w->mean[3 * v + a] = sum / (float)(end - begin);
        }
    }
    if (job->taps.mean)
        memcpy(job->taps.mean + (int64_t)w->first * 3, w->mean, (size_t)w->n_voxels * 3 * sizeof(float));
}

static float base(const struct work *w, const struct glint_vfe_column *c, int32_t v)
{
    const struct job *job = w->job;
    switch (c->source) {
    case GLINT_VFE_MEAN:
        return w->mean[3 * v + c->index];
    case GLINT_VFE_CENTRE:
        return (float)job->coord[3 * (w->first + v) + c->index] * job->vfe->cell[c->index] +
               job->vfe->centre_offset[c->index];
    case GLINT_VFE_FIELD:
        break;
    }
    return 0.0f;
}

/* The points in hand of voxel v, as rows 0 .. n - 1 of the chunk: begin_out .. end_out. */
static void points_of(const struct work *w, int32_t v, int32_t *begin_out, int32_t *end_out)
{
    const int32_t *start = w->job->start + w->first + v;
    *begin_out = start[0] > w->begin ? start[0] - w->begin : 0;
    *end_out = start[1] < w->begin + w->n ? start[1] - w->begin : w->n;
}

static void decorate(struct work *w)
{
    const struct job *job = w->job;
    const int32_t columns = job->vfe->n_columns;
    for (int32_t v = 0; v < w->n_voxels; v++) {
        int32_t begin, end;
        points_of(w, v, &begin, &end);
        for (int32_t c = 0; c < columns; c++) {
            const struct glint_vfe_column *column = &job->vfe->column[c];
            const float subtract = base(w, column, v);
            for (int32_t i = begin; i < end; i++)
                w->in[(int64_t)i * columns + c] =
                    is_empty(job, w->begin + i)
                        ? 0.0f
                        : (field(job, column->index, job->point[w->begin + i]) - subtract) * column->scale;
        }
    }
    if (job->taps.in)
        memcpy(job->taps.in + (int64_t)w->begin * columns, w->in,
               (size_t)w->n * (size_t)columns * sizeof(float));
}

/* c (m x n) = a (m x k) weights' + bias, act. */
static void product(struct work *w, const struct glint_weights *weights, const float *a, int32_t m, float *c,
                    enum glint_act act)
{
    for (int32_t i = 0; i < m; i++)
        w->rows[i] = a + (int64_t)i * weights->k;
    const struct glint_gemm g = {
        .w = weights, .m = m, .n_segments = 1, .rows = w->rows, .c = c, .ldc = weights->n, .act = act};
    w->job->gemm(&g);
}

/* Adds the voxel's half (where there is one) to its points and activates them. */
static void finish_points(struct work *w, int32_t l, float *feature)
{
    const int32_t width = w->job->vfe->width[l];
    for (int32_t v = 0; v < w->n_voxels; v++) {
        const float *half = w->half[l] + (int64_t)v * width;
        int32_t begin, end;
        points_of(w, v, &begin, &end);
        for (int32_t i = begin; i < end; i++)
            for (int32_t j = 0; j < width; j++)
                feature[(int64_t)i * width + j] = glint_relu(feature[(int64_t)i * width + j] + half[j]);
    }
}

/* Folds the points in hand, before the voxel's half, into the voxels' maxima. */
static void fold_max(struct work *w, int32_t l, const float *feature)
{
    const int32_t width = w->job->vfe->width[l];
    for (int32_t v = 0; v < w->n_voxels; v++) {
        float *most = w->voxel[l] + (int64_t)v * width;
        int32_t begin, end;
        points_of(w, v, &begin, &end);
        for (int32_t i = begin; i < end; i++) {
            const float *f = feature + (int64_t)i * width;
            for (int32_t j = 0; j < width; j++)
                most[j] = most[j] < f[j] ? f[j] : most[j];
        }
    }
}

/* Layer l of the points in hand, whose layer l - 1 (or decorated input) is there. fold: into the maxima too.
 */
static void point_layer(struct work *w, int32_t l, bool fold)
{
    const struct glint_vfe *vfe = w->job->vfe;
    float *to = w->feature[l & 1];
    const float *from = l == 0 ? w->in : w->feature[(l - 1) & 1];
    product(w, &vfe->point[l], from, w->n, to, l == 0 ? GLINT_ACT_RELU : GLINT_ACT_NONE);
    if (fold)
        fold_max(w, l, to);
    float *tap = w->job->taps.layer_point[l];
    if (l > 0 && (tap || l + 1 < vfe->n_layers))
        finish_points(w, l, to);
    if (tap)
        memcpy(tap + (int64_t)w->begin * vfe->width[l], to,
               (size_t)w->n * (size_t)vfe->width[l] * sizeof(float));
}

/* The maxima of layer l are complete: add the voxel's half and activate. */
static void finish_voxels(struct work *w, int32_t l)
{
    const struct glint_vfe *vfe = w->job->vfe;
    const int64_t n = (int64_t)w->n_voxels * vfe->width[l], at = (int64_t)w->first * vfe->width[l];
    for (int64_t i = 0; i < n && l > 0; i++)
        w->voxel[l][i] = glint_relu(w->voxel[l][i] + w->half[l][i]);
    if (w->job->taps.layer_voxel[l])
        memcpy(w->job->taps.layer_voxel[l] + at, w->voxel[l], (size_t)n * sizeof(float));
    if (l + 1 == vfe->n_layers)
        memcpy(w->job->voxel_out + at, w->voxel[l], (size_t)n * sizeof(float));
}

static void run_chunk(struct work *w)
{
    const struct glint_vfe *vfe = w->job->vfe;
    const int32_t begin = w->job->start[w->first], end = w->job->start[w->first + w->n_voxels];
    const bool one_block = end - begin <= CHUNK;
    find_means(w);
    for (int32_t l = 0; l < vfe->n_layers; l++) {
        for (int64_t i = 0; i < (int64_t)w->n_voxels * vfe->width[l]; i++)
            w->voxel[l][i] = -INFINITY;
        if (l > 0)
            product(w, &vfe->voxel[l], w->voxel[l - 1], w->n_voxels, w->half[l], GLINT_ACT_NONE);
        for (w->begin = begin; w->begin < end; w->begin += CHUNK) {
            w->n = end - w->begin < CHUNK ? end - w->begin : CHUNK;
            const int32_t from = one_block ? l : 0;
            if (from == 0)
                decorate(w);
            for (int32_t below = from; below <= l; below++)
                point_layer(w, below, below == l);
        }
        finish_voxels(w, l);
    }
}

static void run_voxels(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct job *job = ctx;
    struct glint_arena *arena = &job->scratch[worker];
    const size_t mark = glint_arena_mark(arena);
    struct work w = {.job = job};
    carve(arena, job->vfe, &w);
    for (int32_t v = (int32_t)begin; v < (int32_t)end; v += w.n_voxels) {
        w.first = v;
        w.n_voxels = 1;
        while (v + w.n_voxels < (int32_t)end && job->start[v + w.n_voxels + 1] - job->start[v] <= CHUNK)
            w.n_voxels++;
        run_chunk(&w);
    }
    glint_arena_reset(arena, mark);
}

static int check(const struct glint_exec *x, const struct glint_vfe *v)
{
    if (v->n_layers < 1 || v->n_layers > GLINT_VFE_LAYERS || v->n_columns < 1 ||
        v->n_columns > GLINT_VFE_COLUMNS)
        return glint_fail(GLINT_E_ARG,
                          "voxel encoder of %d layers and %d columns: 1 to %d and 1 to %d wanted",
                          v->n_layers, v->n_columns, GLINT_VFE_LAYERS, GLINT_VFE_COLUMNS);
    const size_t wanted = glint_vfe_scratch(v);
    for (int i = 0; i < x->n_workers; i++)
        if (x->scratch[i].cap - x->scratch[i].used < wanted)
            return glint_fail(GLINT_E_CAPACITY,
                              "the voxel encoder wants %zu bytes of scratch, worker %d has %zu left", wanted,
                              i, x->scratch[i].cap - x->scratch[i].used);
    return GLINT_OK;
}

int glint_vfe(struct glint_exec *x, const struct glint_vfe *vfe, const struct glint_points *points,
              const int32_t *point, const int32_t *start, const int32_t *coord, int32_t n_voxels,
              float *voxel_out, const struct glint_vfe_taps *taps)
{
    GLINT_TRY(check(x, vfe));
    struct job job = {
        .vfe = vfe,
        .points = points,
        .field = {points->x, points->y, points->z, points->intensity, points->elongation, points->lag},
        .point = point,
        .start = start,
        .coord = coord,
        .voxel_out = voxel_out,
        .scratch = x->scratch,
        .gemm = glint_gemm_get(x->isa),
    };
    if (taps)
        job.taps = *taps;
    glint_pool_for(x->pool, n_voxels, CHUNK_VOXELS, run_voxels, &job);
    return GLINT_OK;
}
