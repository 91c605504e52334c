/* attention/cuda/flat_layer.cu - see flat_layer.h.
 *
 * Projections and everything after the attention work on tokens where they lie; only the attention gathers by
 * the permutation. Five launches: q, k, v as one product with the position added on load; attention; output
 * map, residual and norm; inner map and GELU; outer map, residual and norm. */
#include "attention/cuda/flat_layer.h"
#include "attention/cuda/attend.h"
#include "attention/cuda/flat_group.h"
#include "core/cuda/kernel.h"

/* Whether one product can do q, k and v: the position is added for whole tiles of outputs. */
static bool joined(int32_t dim)
{
    return 2 * dim % 64 == 0;
}

struct packing {
    enum glint_precision precision;
    uint8_t *host;
    const uint8_t *device;
    size_t used;
};

static void pack(struct packing *p, struct glint_matrix_cuda *m, const struct glint_weights *a,
                 const struct glint_weights *b)
{
    const struct glint_weights *part[2] = {a, b};
    const int32_t n = a->n + (b ? b->n : 0);
    if (p->host)
        glint_matrix_cuda_pack(m, p->precision, part, b ? 2 : 1, p->host + p->used, p->device + p->used);
    p->used += glint_matrix_cuda_bytes(p->precision, a->k, n);
}

static const float *pack_vector(struct packing *p, const float *values, int32_t n)
{
    const size_t at = p->used;
    for (int32_t i = 0; p->host && i < n; i++)
        ((float *)(p->host + at))[i] = values[i];
    p->used += ((size_t)n * sizeof(float) + 255) / 256 * 256;
    return p->host ? (const float *)(p->device + at) : NULL;
}

static void pack_all(struct packing *p, struct glint_flat_layer_cuda *l, const struct glint_flat_layer *layer)
{
    if (joined(layer->dim)) {
        pack(p, &l->qkv, &layer->qk, &layer->v);
    } else {
        pack(p, &l->qkv, &layer->qk, NULL);
        pack(p, &l->v, &layer->v, NULL);
    }
    pack(p, &l->out, &layer->out, NULL);
    pack(p, &l->fc1, &layer->fc1, NULL);
    pack(p, &l->fc2, &layer->fc2, NULL);
    l->norm1_weight = pack_vector(p, layer->norm1_weight, layer->dim);
    l->norm1_bias = pack_vector(p, layer->norm1_bias, layer->dim);
    l->norm2_weight = pack_vector(p, layer->norm2_weight, layer->dim);
    l->norm2_bias = pack_vector(p, layer->norm2_bias, layer->dim);
}

size_t glint_flat_layer_cuda_weights_bytes(const struct glint_flat_layer *layer,
                                           enum glint_precision precision)
{
    struct packing p = {precision, NULL, NULL, 0};
    struct glint_flat_layer_cuda unused;
    pack_all(&p, &unused, layer);
    return p.used;
}

void glint_flat_layer_cuda_pack(struct glint_flat_layer_cuda *l, const struct glint_flat_layer *layer,
                                enum glint_precision precision, void *host, const void *device)
{
    struct packing p = {precision, (uint8_t *)host, (const uint8_t *)device, 0};
    *l = {};
    l->dim = layer->dim;
    l->heads = layer->heads;
    l->ffn = layer->ffn;
    l->group = layer->group;
    l->short_group = layer->short_group;
    l->precision = precision;
    l->norm_eps = layer->norm_eps;
    pack_all(&p, l, layer);
}

/* What a layer keeps between its launches. Rows of 16 bits, or of floats in fp32. */
struct work {
    void *qkv;      /* most x 3 dim */
    void *attended; /* most x dim */
    float *y;       /* most x dim: normed sum with the attention */
    void *y_half;   /* the same in 16 bits; or NULL */
    void *hidden;   /* most x ffn */
    void *padded;   /* ceil(most / g) g x dim, for attn_out */
    int32_t *n_padded;
};

/* With a NULL memory only adds up what it takes. */
static size_t carve(struct work *w, const struct glint_flat_layer_cuda *l, int32_t most, bool attn_out,
                    void *memory)
{
    const size_t one = glint_precision_size(l->precision), rows = (size_t)most, dim = (size_t)l->dim;
    const bool half = l->precision != GLINT_PRECISION_FP32 && dim <= 256;
    const size_t padded = ((size_t)most + (size_t)l->group) * dim;
    const struct {
        void *to;
        size_t bytes;
    } part[] = {
        {&w->qkv, rows * 3 * dim * one},           {&w->attended, rows * dim * one},
        {&w->y, rows * dim * sizeof(float)},       {&w->y_half, half ? rows * dim * one : 0},
        {&w->hidden, rows * (size_t)l->ffn * one}, {&w->padded, attn_out ? padded * one : 0},
        {&w->n_padded, sizeof(int32_t)},
    };
    size_t total = 0;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (memory)
            *(void **)part[i].to = part[i].bytes > 0 ? (uint8_t *)memory + total : NULL;
        total += (part[i].bytes + 255) / 256 * 256;
    }
    return total;
}

size_t glint_flat_layer_cuda_scratch(const struct glint_flat_layer_cuda *l, int32_t most, bool attn_out)
{
    struct work unused;
    return glint_flat_group_takes(l) ? 256 : carve(&unused, l, most, attn_out, NULL);
}

/* A call's parts that all products of the layer share. */
struct run {
    struct glint_stream *s;
    const struct glint_flat_layer_cuda *l;
    const int32_t *n;
    int32_t most;
    bool half;
};

/* a product from rows in the layer's precision, k wide, to rows in it or of floats */
static struct glint_gemm_cuda product(const struct run *r, const struct glint_matrix_cuda *w, const void *a)
{
    struct glint_gemm_cuda g = {};
    g.w = w;
    g.m = r->n;
    g.most = r->most;
    if (r->half)
        g.a_half = a;
    else
        g.a = (const float *)a;
    g.lda = w->k;
    g.ldc = w->n;
    return g;
}

static void store(const struct run *r, struct glint_gemm_cuda *g, void *c)
{
    if (r->half)
        g->c_half = c;
    else
        g->c = (float *)c;
}

static int project(const struct run *r, const struct work *w, const float *in, const float *pe)
{
    const struct glint_flat_layer_cuda *l = r->l;
    struct glint_gemm_cuda g = product(r, &l->qkv, NULL);
    g.a_half = NULL;
    g.a = in;
    g.add = pe;
    g.n_add = 2 * l->dim;
    g.ldc = 3 * l->dim;
    store(r, &g, w->qkv);
    if (l->v.values)
        g.n_add = (2 * l->dim + 63) / 64 * 64;
    GLINT_TRY(glint_gemm_cuda(r->s, &g));
    if (!l->v.values)
        return GLINT_OK;
    g.w = &l->v;
    g.add = NULL;
    store(r, &g, (uint8_t *)w->qkv + 2 * (size_t)l->dim * glint_precision_size(l->precision));
    return glint_gemm_cuda(r->s, &g);
}

static int attend(const struct run *r, const struct work *w, const int32_t *perm)
{
    const struct glint_flat_layer_cuda *l = r->l;
    const size_t row = (size_t)l->dim * glint_precision_size(l->precision);
    struct glint_attend_cuda a = {};
    a.precision = l->precision;
    a.dim = l->dim;
    a.heads = l->heads;
    a.group = l->group;
    a.short_group = l->short_group;
    a.q = w->qkv;
    a.k = (const uint8_t *)w->qkv + row;
    a.v = (const uint8_t *)w->qkv + 2 * row;
    a.ld = 3 * l->dim;
    a.perm = perm;
    a.n = r->n;
    a.most = r->most;
    a.out = w->attended;
    a.ldo = l->dim;
    a.padded_out = w->padded;
    return glint_attend_cuda(r->s, &a);
}

/* Rows that all groups have together. */
static __global__ void count_padded(const int32_t *n, int32_t most, int32_t group, int32_t short_group,
                                    int32_t *n_out)
{
    const int32_t rows = *n < most ? *n : most;
    *n_out = rows < group && short_group == (int32_t)GLINT_SHORT_GROUP_SINGLE
                 ? rows
                 : (rows + group - 1) / group * group;
}

/* The attention's output of all groups, before the residual. */
static int show_attention(const struct run *r, const struct work *w, float *attn_out)
{
    const struct glint_flat_layer_cuda *l = r->l;
    GLINT_TRY(GLINT_LAUNCH(count_padded, 1, 1, 0, r->s, r->n, r->most, l->group, (int32_t)l->short_group,
                           w->n_padded));
    struct glint_gemm_cuda g = product(r, &l->out, w->padded);
    g.m = w->n_padded;
    g.most = (r->most + l->group - 1) / l->group * l->group;
    g.c = attn_out;
    return glint_gemm_cuda(r->s, &g);
}

static void set_norm(struct glint_gemm_cuda *g, const float *weight, const float *bias, float eps)
{
    g->norm_weight = weight;
    g->norm_bias = bias;
    g->norm_eps = eps;
}

/* From the attention's concatenated heads to the layer's output. */
static int finish(const struct run *r, const struct work *w, const float *in, float *out)
{
    const struct glint_flat_layer_cuda *l = r->l;
    struct glint_gemm_cuda g = product(r, &l->out, w->attended);
    g.residual = in;
    g.ldr = l->dim;
    set_norm(&g, l->norm1_weight, l->norm1_bias, l->norm_eps);
    g.c = w->y;
    g.c_half = w->y_half;
    GLINT_TRY(glint_gemm_cuda(r->s, &g));
    g = product(r, &l->fc1, w->y_half);
    if (!w->y_half)
        g.a = w->y;
    g.act = GLINT_ACT_GELU;
    store(r, &g, w->hidden);
    GLINT_TRY(glint_gemm_cuda(r->s, &g));
    g = product(r, &l->fc2, w->hidden);
    g.residual = w->y;
    g.ldr = l->dim;
    set_norm(&g, l->norm2_weight, l->norm2_bias, l->norm_eps);
    g.c = out;
    return glint_gemm_cuda(r->s, &g);
}

int glint_flat_layer_cuda(struct glint_stream *s, const struct glint_flat_layer_cuda *l, const float *in,
                          const float *pe, const int32_t *perm, const int32_t *n, int32_t most, float *out,
                          float *attn_out, void *scratch)
{
    if (l->dim < 1 || l->heads < 1 || l->dim % l->heads != 0 || l->group < 1 || l->ffn < 1 || most < 1)
        return glint_fail(GLINT_E_ARG, "layer of width %d, %d heads, groups of %d, inner width %d", l->dim,
                          l->heads, l->group, l->ffn);
    if (glint_flat_group_takes(l))
        return glint_flat_group_cuda(s, l, in, pe, perm, n, most, out, attn_out);
    const struct run r = {s, l, n, most, l->precision != GLINT_PRECISION_FP32};
    struct work w;
    (void)carve(&w, l, most, attn_out != NULL, scratch);
    GLINT_TRY(project(&r, &w, in, pe));
    GLINT_TRY(attend(&r, &w, perm));
    if (attn_out)
        GLINT_TRY(show_attention(&r, &w, attn_out));
    return finish(&r, &w, in, out);
}
