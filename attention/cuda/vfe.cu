/* attention/cuda/vfe.cu - see vfe.h; the choice of kernel, and the kernels for any widths and all taps.
 *
 * Any widths: means by a thread per voxel and axis (points in input order, as the contract has it); decorated
 * inputs by a thread per value; a product per layer over all points; maxima by a thread per voxel and
 * channel, who goes over the voxel's rows, so that neighbours read neighbouring channels and nothing depends
 * on timing. As on the CPU the voxel's half of a joined input is one product per voxel. sm_90: 16 to 32
 * registers. Limited by memory: a point's features go out and come in once per layer. */
#include "attention/cuda/vfe.h"
#include "attention/cuda/epilogue.cuh"
#include "attention/cuda/vfe_decorate.cuh"
#include "attention/cuda/vfe_tile.h"

#define THREADS 256

static __global__ void __launch_bounds__(THREADS)
    find_means(const __grid_constant__ struct glint_vfe_points p, float *mean, float *tap)
{
    const int32_t at = (int32_t)(blockIdx.x * THREADS + threadIdx.x), v = at / 3;
    if (v >= p.most_voxels || v >= *p.n_voxels)
        return;
    mean[at] = glint_vfe_mean(p, v, at % 3);
    if (tap)
        tap[at] = mean[at];
}

static __global__ void __launch_bounds__(THREADS)
    decorate(const __grid_constant__ struct glint_vfe vfe, const __grid_constant__ struct glint_vfe_points p,
             const float *mean, float *in, float *tap)
{
    const int64_t at = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    const int32_t i = (int32_t)(at / vfe.n_columns), c = (int32_t)(at % vfe.n_columns);
    if (i >= p.most_points || i >= *p.n_points)
        return;
    const int32_t v = p.voxel[i];
    in[at] = glint_vfe_input(vfe, p, mean + 3 * (int64_t)v, i, v, c);
    if (tap)
        tap[at] = in[at];
}

/* The maximum of each channel over a voxel's points, and with its half relu(maximum + half). */
static __global__ void __launch_bounds__(THREADS)
    find_maxima(const __grid_constant__ struct glint_vfe_points p, const float *feature, const float *half,
                int32_t width, float *out, float *tap)
{
    const int64_t at = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    const int32_t v = (int32_t)(at / width), j = (int32_t)(at % width);
    if (v >= p.most_voxels || v >= *p.n_voxels)
        return;
    float most = -INFINITY;
    const int32_t end = p.start[v + 1];
    for (int32_t i = p.start[v]; i < end; i++) {
        const float f = feature[(int64_t)i * width + j];
        most = most < f ? f : most;
    }
    if (half)
        most = glint_relu_cuda(most + half[at]);
    out[at] = most;
    if (tap)
        tap[at] = most;
}

/* relu(point + its voxel's half), in place where out is feature. */
static __global__ void __launch_bounds__(THREADS)
    finish_points(const __grid_constant__ struct glint_vfe_points p, const float *feature, const float *half,
                  int32_t width, float *out, float *tap)
{
    const int64_t at = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    const int32_t i = (int32_t)(at / width), j = (int32_t)(at % width);
    if (i >= p.most_points || i >= *p.n_points)
        return;
    float v = feature[at];
    if (half)
        v = glint_relu_cuda(v + half[(int64_t)p.voxel[i] * width + j]);
    if (out)
        out[at] = v;
    if (tap)
        tap[at] = v;
}

static int32_t widest(const struct glint_vfe *v)
{
    int32_t width = 0;
    for (int32_t l = 0; l < v->n_layers; l++)
        width = v->width[l] > width ? v->width[l] : width;
    return width;
}

struct vfe_work {
    float *mean;       /* voxels x 3 */
    float *in;         /* points x columns */
    float *feature[2]; /* points x widest, by parity of the layer */
    float *voxel[2];   /* voxels x widest, by parity */
    float *half;       /* voxels x widest */
};

/* With a NULL memory only adds up what it takes. */
static size_t carve(struct vfe_work *w, const struct glint_vfe *v, int32_t most_points, int32_t most_voxels,
                    void *memory)
{
    const size_t points = (size_t)most_points, voxels = (size_t)most_voxels, wide = (size_t)widest(v);
    const struct {
        float **to;
        size_t floats;
    } part[] = {
        {&w->mean, voxels * 3},
        {&w->in, points * (size_t)v->n_columns},
        {&w->feature[0], points * wide},
        {&w->feature[1], v->n_layers > 1 ? points * wide : 0},
        {&w->voxel[0], voxels * wide},
        {&w->voxel[1], v->n_layers > 1 ? voxels * wide : 0},
        {&w->half, v->n_layers > 1 ? voxels * wide : 0},
    };
    size_t total = 0;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (memory)
            *part[i].to = (float *)((uint8_t *)memory + total);
        total += (part[i].floats * sizeof(float) + 255) / 256 * 256;
    }
    return total;
}

size_t glint_vfe_cuda_scratch(const struct glint_vfe_cuda *v, int32_t most_points, int32_t most_voxels,
                              bool taps)
{
    struct vfe_work unused;
    if (!taps && glint_vfe_tile_takes(v))
        return 256;
    return carve(&unused, &v->vfe, most_points, most_voxels, NULL);
}

struct vfe_run {
    struct glint_stream *s;
    const struct glint_vfe_cuda *v;
    const struct glint_vfe_points *p;
    const struct glint_vfe_taps *taps;
    struct vfe_work w;
};

static int multiply(const struct vfe_run *r, const struct glint_matrix_cuda *m, bool points, const float *a,
                    float *c, enum glint_act act)
{
    struct glint_gemm_cuda g = {};
    g.w = m;
    g.m = points ? r->p->n_points : r->p->n_voxels;
    g.most = points ? r->p->most_points : r->p->most_voxels;
    g.a = a;
    g.lda = m->k;
    g.c = c;
    g.ldc = m->n;
    g.act = act;
    return glint_gemm_cuda(r->s, &g);
}

/* Layer l, whose input's points (and maxima) are there. */
static int run_layer(const struct vfe_run *r, int32_t l, float *voxel_out)
{
    const struct glint_vfe_points *p = r->p;
    const int32_t width = r->v->vfe.width[l];
    const bool last = l + 1 == r->v->vfe.n_layers;
    float *feature = r->w.feature[l & 1], *most = last ? voxel_out : r->w.voxel[l & 1];
    const float *from = l == 0 ? r->w.in : r->w.feature[(l - 1) & 1], *half = l == 0 ? NULL : r->w.half;
    float *tap = r->taps->layer_point[l];
    if (l > 0)
        GLINT_TRY(multiply(r, &r->v->voxel[l], false, r->w.voxel[(l - 1) & 1], r->w.half, GLINT_ACT_NONE));
    GLINT_TRY(multiply(r, &r->v->point[l], true, from, feature, l == 0 ? GLINT_ACT_RELU : GLINT_ACT_NONE));
    GLINT_TRY(GLINT_LAUNCH(find_maxima, glint_blocks((int64_t)p->most_voxels * width, THREADS), THREADS, 0,
                           r->s, *p, feature, half, width, most, r->taps->layer_voxel[l]));
    if (!tap && (last || l == 0))
        return GLINT_OK;
    return GLINT_LAUNCH(finish_points, glint_blocks((int64_t)p->most_points * width, THREADS), THREADS, 0,
                        r->s, *p, feature, half, width, last || l == 0 ? NULL : feature, tap);
}

static int check(const struct glint_vfe *v, const struct glint_vfe_points *p)
{
    if (v->n_layers < 1 || v->n_layers > GLINT_VFE_LAYERS || v->n_columns < 1 ||
        v->n_columns > GLINT_VFE_COLUMNS)
        return glint_fail(GLINT_E_ARG,
                          "voxel encoder of %d layers and %d columns: 1 to %d and 1 to %d wanted",
                          v->n_layers, v->n_columns, GLINT_VFE_LAYERS, GLINT_VFE_COLUMNS);
    if (p->most_points < 1 || p->most_voxels < 1)
        return glint_fail(GLINT_E_ARG, "voxel encoder over up to %d points in %d voxels: at least 1 wanted",
                          p->most_points, p->most_voxels);
    return GLINT_OK;
}

/* Whether nothing is wanted but the last layer's points. */
static bool plain(const struct glint_vfe_taps *t, int32_t n_layers)
{
    bool any = t->in || t->mean;
    for (int32_t l = 0; l < n_layers; l++)
        any = any || t->layer_voxel[l] || (l + 1 < n_layers && t->layer_point[l]);
    return !any;
}

int glint_vfe_cuda(struct glint_stream *s, const struct glint_vfe_cuda *v, const struct glint_vfe_points *p,
                   float *voxel_out, const struct glint_vfe_taps *taps, void *scratch)
{
    static const struct glint_vfe_taps none = {};
    struct vfe_run r = {s, v, p, taps ? taps : &none, {}};
    GLINT_TRY(check(&v->vfe, p));
    if (glint_vfe_tile_takes(v) && plain(r.taps, v->vfe.n_layers))
        return glint_vfe_tile_cuda(s, v, p, voxel_out, r.taps->layer_point[v->vfe.n_layers - 1]);
    (void)carve(&r.w, &v->vfe, p->most_points, p->most_voxels, scratch);
    GLINT_TRY(GLINT_LAUNCH(find_means, glint_blocks((int64_t)p->most_voxels * 3, THREADS), THREADS, 0, s, *p,
                           r.w.mean, r.taps->mean));
    GLINT_TRY(GLINT_LAUNCH(decorate, glint_blocks((int64_t)p->most_points * v->vfe.n_columns, THREADS),
                           THREADS, 0, s, v->vfe, *p, r.w.mean, r.w.in, r.taps->in));
    for (int32_t l = 0; l < v->vfe.n_layers; l++)
        GLINT_TRY(run_layer(&r, l, voxel_out));
    return GLINT_OK;
}

/* Weights */

static size_t pack(const struct glint_weights *w, enum glint_precision precision, uint8_t *host,
                   const uint8_t *device, size_t at, struct glint_matrix_cuda *m_out)
{
    if (host)
        glint_matrix_cuda_pack(m_out, precision, &w, 1, host + at, device + at);
    return at + glint_matrix_cuda_bytes(precision, w->k, w->n);
}

static size_t pack_all(struct glint_vfe_cuda *v, const struct glint_vfe *vfe, enum glint_precision precision,
                       uint8_t *host, const uint8_t *device)
{
    size_t at = 0;
    for (int32_t l = 0; l < vfe->n_layers; l++) {
        at = pack(&vfe->point[l], l == 0 ? GLINT_PRECISION_FP32 : precision, host, device, at, &v->point[l]);
        if (l > 0)
            at = pack(&vfe->voxel[l], precision, host, device, at, &v->voxel[l]);
    }
    return at;
}

size_t glint_vfe_cuda_weights_bytes(const struct glint_vfe *vfe, enum glint_precision precision)
{
    struct glint_vfe_cuda unused;
    return pack_all(&unused, vfe, precision, NULL, NULL);
}

void glint_vfe_cuda_pack(struct glint_vfe_cuda *v, const struct glint_vfe *vfe,
                         enum glint_precision precision, void *host, const void *device)
{
    *v = {};
    v->vfe = *vfe;
    v->precision = precision;
    (void)pack_all(v, vfe, precision, (uint8_t *)host, (const uint8_t *)device);
}
