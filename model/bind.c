/* model/bind.c - weights into a network; see build.h.
 *
 * Each layer's bind function runs twice over the same file: first to add up the bytes (and to check names and
 * shapes), then to fill one block of exactly that size. Batch norm is folded in double: y = (W x + b - mean)
 * f + beta with f = gamma / sqrt(variance + eps) becomes (f W) x + ((b - mean) f + beta), rounded once. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "attention/fixed.h"
#include "core/status.h"
#include "core/text.h"
#include "model/build.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LIST_ELEMENTS ((int64_t)1 << 28) /* of one tensor, when tensors are listed */

struct glint_bind {
    const struct glint_safetensors *file;
    const char *file_name;
    bool *used;                  /* one per tensor of the file */
    enum glint_narrow narrow;    /* weights in 16 bits too */
    bool filling;                /* second pass */
    struct glint_arena *weights; /* second pass */
    size_t bytes;                /* first pass */
    int64_t n_parameters;
    glint_net_tensor_fn *list; /* not NULL: tensors are told, no file is read */
    void *list_ctx;
    const float *zeros; /* what is read instead */
};

/* Tensors */

static void shape_text(char *text, size_t size, int32_t n_dims, const int64_t *shape)
{
    size_t used = (size_t)snprintf(text, size, "[");
    for (int32_t i = 0; i < n_dims && used < size; i++) {
        const char *comma = i ? ", " : "";
        used +=
            (size_t)(shape[i] < 0 ? snprintf(text + used, size - used, "%s*", comma)
                                  : snprintf(text + used, size - used, "%s%lld", comma, (long long)shape[i]));
    }
    if (used < size)
        snprintf(text + used, size - used, "]");
}

static bool same_shape(const struct glint_tensor *t, int32_t n_dims, const int64_t *shape)
{
    bool same = t->n_dims == n_dims;
    for (int32_t i = 0; same && i < n_dims; i++)
        same = shape[i] < 0 || t->shape[i] == shape[i];
    return same;
}

static int32_t find_index(const struct glint_bind *bind, const char *name)
{
    for (int32_t i = 0; i < glint_safetensors_count(bind->file); i++)
        if (!strcmp(glint_safetensors_at(bind->file, i)->name, name))
            return i;
    return -1;
}

static int check_finite(const struct glint_bind *bind, const struct glint_tensor *t)
{
    const float *v = t->data;
    for (int64_t i = 0, n = glint_tensor_elements(t); i < n; i++)
        if (!isfinite(v[i]))
            return glint_fail(GLINT_E_FORMAT, "%s: tensor \"%s\": element %lld is not a finite number",
                              bind->file_name, t->name, (long long)i);
    return GLINT_OK;
}

/* Tells the tensor; its numbers are zeros. */
static int list_tensor(const struct glint_bind *bind, const char *name, int32_t n_dims, const int64_t *shape,
                       const float **data_out)
{
    struct glint_tensor told = {.name = name, .dtype = GLINT_DTYPE_F32, .n_dims = n_dims};
    int64_t n = 1;
    for (int32_t i = 0; i < n_dims && i < GLINT_TENSOR_DIMS; i++) {
        told.shape[i] = shape[i];
        if (shape[i] > LIST_ELEMENTS || (shape[i] > 0 && n > LIST_ELEMENTS / shape[i]))
            return glint_fail(GLINT_E_FORMAT, "tensor \"%s\": larger than any network's", name);
        n *= shape[i] > 0 ? shape[i] : 1;
    }
    *data_out = bind->zeros;
    return bind->list(bind->list_ctx, &told);
}

int glint_bind_tensor(struct glint_bind *bind, const char *name, int32_t n_dims, const int64_t *shape,
                      const float **data_out)
{
    char wanted[96], found[96];
    if (bind->list)
        return list_tensor(bind, name, n_dims, shape, data_out);
    const int32_t index = find_index(bind, name);
    shape_text(wanted, sizeof wanted, n_dims, shape);
    if (index < 0)
        return glint_fail(GLINT_E_FORMAT, "%s: tensor \"%s\": missing, F32 %s expected", bind->file_name,
                          name, wanted);
    const struct glint_tensor *t = glint_safetensors_at(bind->file, index);
    if (t->dtype != GLINT_DTYPE_F32 || !same_shape(t, n_dims, shape)) {
        shape_text(found, sizeof found, t->n_dims, t->shape);
        return glint_fail(GLINT_E_FORMAT, "%s: tensor \"%s\": F32 %s expected, found %s %s", bind->file_name,
                          name, wanted, glint_dtype_name(t->dtype), found);
    }
    if (!bind->used[index]) {
        bind->used[index] = true;
        bind->n_parameters += glint_ends_with(name, ".running_mean") || glint_ends_with(name, ".running_var")
                                  ? 0
                                  : glint_tensor_elements(t);
        GLINT_TRY(check_finite(bind, t));
    }
    *data_out = t->data;
    return GLINT_OK;
}

int glint_bind_memory(struct glint_bind *bind, size_t bytes, void **out)
{
    *out = NULL;
    bind->bytes += glint_arena_round(bytes);
    if (!bind->filling)
        return GLINT_OK;
    *out = glint_arena_alloc(bind->weights, bytes);
    return *out ? GLINT_OK
                : glint_fail(GLINT_E_NOMEM, "%s: weights are larger than measured", bind->file_name);
}

int glint_bind_vector(struct glint_bind *bind, const char *name, int32_t n, const float **out)
{
    const float *data;
    void *copy;
    *out = NULL;
    GLINT_TRY(glint_bind_tensor(bind, name, 1, (const int64_t[]){n}, &data));
    GLINT_TRY(glint_bind_memory(bind, (size_t)n * sizeof *data, &copy));
    *out = copy ? memcpy(copy, data, (size_t)n * sizeof *data) : NULL;
    return GLINT_OK;
}

/* Affine maps */

struct fold { /* per output: what multiplies the row, what is added */
    double *factor, *shift;
};

static int norm_vector(struct glint_bind *bind, const struct glint_affine *a, const char *suffix,
                       const float **out)
{
    char name[GLINT_TENSOR_NAME + 16];
    snprintf(name, sizeof name, "%s.%s", a->norm, suffix);
    return glint_bind_tensor(bind, name, 1, (const int64_t[]){a->n}, out);
}

static int fold_norm(struct glint_bind *bind, const struct glint_affine *a, const struct fold *f)
{
    const float *weight, *bias, *mean, *variance;
    GLINT_TRY(norm_vector(bind, a, "weight", &weight));
    GLINT_TRY(norm_vector(bind, a, "bias", &bias));
    GLINT_TRY(norm_vector(bind, a, "running_mean", &mean));
    GLINT_TRY(norm_vector(bind, a, "running_var", &variance));
    for (int32_t i = 0; i < a->n; i++) {
        const double v = (double)variance[i] + a->norm_eps;
        if (!(v > 0.0))
            return glint_fail(GLINT_E_FORMAT,
                              "%s: tensor \"%s.running_var\": element %d is %g, 0 or more expected",
                              bind->file_name, a->norm, i, (double)variance[i]);
        f->factor[i] = (double)weight[i] / sqrt(v);
        f->shift[i] = (f->shift[i] - (double)mean[i]) * f->factor[i] + (double)bias[i];
    }
    return GLINT_OK;
}

/* The map's bias and norm as one factor and one shift per output. */
static int read_fold(struct glint_bind *bind, const struct glint_affine *a, const struct fold *f)
{
    const float *bias = NULL;
    const int32_t n_rows = a->n_rows ? a->n_rows : a->n;
    if (a->bias[0])
        GLINT_TRY(glint_bind_tensor(bind, a->bias, 1, (const int64_t[]){n_rows}, &bias));
    for (int32_t i = 0; i < a->n; i++) {
        f->factor[i] = 1.0;
        f->shift[i] = bias ? (double)bias[a->first_row + i] : 0.0;
    }
    return a->norm[0] ? fold_norm(bind, a, f) : GLINT_OK;
}

bool glint_affine_narrows(const struct glint_affine *a, enum glint_narrow narrow, int32_t taps)
{
    const bool whole_pairs = a->kernel == 0 || a->k % 2 == 0; /* in each tap of a kernel */
    switch (narrow) {
    case GLINT_NARROW_BF16:
        return !a->exact && whole_pairs && glint_weights_pairable(taps * a->k, a->n);
    case GLINT_NARROW_I16:
        return !a->exact && glint_fixed_block(a->k) > 0 && taps * a->k <= GLINT_PAIRS_K;
    case GLINT_NARROW_NONE:
        break;
    }
    return false;
}

static int pack_pairs(struct glint_bind *bind, const struct glint_affine *a, struct glint_weights *w)
{
    void *memory;
    const bool fixed = bind->narrow == GLINT_NARROW_I16;
    if (!glint_affine_narrows(a, bind->narrow, w->k / a->k))
        return GLINT_OK;
    GLINT_TRY(glint_bind_memory(
        bind, fixed ? glint_weights_fixed_bytes(w->k, w->n) : glint_weights_pairs_bytes(w->k, w->n),
        &memory));
    if (memory && fixed)
        glint_weights_fix(w, memory);
    else if (memory)
        glint_weights_pair(w, memory);
    return GLINT_OK;
}

/* rows: n x k of the affine, not folded yet; scratch for one pass. */
static int pack(struct glint_bind *bind, const struct glint_affine *a, const struct fold *f, float *rows,
                int32_t k, struct glint_weights *out)
{
    void *memory;
    *out = (struct glint_weights){.k = k, .n = a->n};
    GLINT_TRY(glint_bind_memory(bind, glint_weights_bytes(k, a->n), &memory));
    if (!memory)
        return GLINT_OK;
    float *bias = malloc((size_t)a->n * sizeof *bias);
    if (!bias)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d numbers", a->n);
    for (int32_t o = 0; o < a->n; o++) {
        bias[o] = (float)f->shift[o];
        for (int64_t i = 0; i < k; i++)
            rows[o * (int64_t)k + i] = (float)(rows[o * (int64_t)k + i] * f->factor[o]);
    }
    glint_weights_pack(out, memory, rows, k, NULL, a->no_shift ? NULL : bias, k, a->n);
    free(bias);
    return GLINT_OK;
}

static int pack_both(struct glint_bind *bind, const struct glint_affine *a, const struct fold *f, float *rows,
                     int32_t k, struct glint_weights *out)
{
    GLINT_TRY(pack(bind, a, f, rows, k, out));
    return pack_pairs(bind, a, out);
}

/* Buffers of one affine's binding, in one block. */
static int alloc_buffers(const struct glint_affine *a, int64_t k, struct fold *f, float **rows)
{
    const size_t n = (size_t)a->n;
    f->factor = malloc(2 * n * sizeof(double) + n * (size_t)k * sizeof(float));
    if (!f->factor)
        return glint_fail(GLINT_E_NOMEM, "no memory for weights of %d x %lld", a->n, (long long)k);
    f->shift = f->factor + n;
    *rows = (float *)(f->shift + n);
    return GLINT_OK;
}

static void take_rows(const struct glint_affine *a, const float *weight, float *rows)
{
    const int64_t stride = a->n_columns ? a->n_columns : a->k;
    if (a->kernel > 0) {
        glint_conv_rows(weight + (int64_t)a->first_row * a->k * a->kernel * a->kernel, a->n, a->k, a->kernel,
                        rows);
        return;
    }
    for (int64_t o = 0; o < a->n; o++)
        memcpy(rows + o * a->k, weight + (a->first_row + o) * stride + a->first_column,
               (size_t)a->k * sizeof *rows);
}

/* rows: as pack leaves them, folded. */
static int pack_tiles(struct glint_bind *bind, const struct glint_affine *a, const struct glint_weights *w,
                      const float *rows, struct glint_winograd *out)
{
    void *memory;
    *out = (struct glint_winograd){0};
    GLINT_TRY(glint_bind_memory(bind, glint_winograd_bytes(a->k, a->n), &memory));
    if (memory)
        glint_winograd_pack(out, memory, rows, w->bias, a->k, a->n);
    if (bind->narrow != GLINT_NARROW_I16 || !glint_affine_narrows(a, bind->narrow, 1))
        return GLINT_OK;
    GLINT_TRY(glint_bind_memory(bind, glint_winograd_fixed_bytes(a->k, a->n), &memory));
    if (memory)
        glint_winograd_fix(out, memory);
    return GLINT_OK;
}

static int bind_map(struct glint_bind *bind, const struct glint_affine *a, struct glint_weights *out,
                    struct glint_winograd *tiles_out)
{
    const int32_t k = a->k * (a->kernel > 0 ? a->kernel * a->kernel : 1);
    const int64_t shape[] = {a->n_rows ? a->n_rows : a->n, a->n_columns ? a->n_columns : a->k, a->kernel,
                             a->kernel};
    const float *weight;
    struct fold f;
    float *rows = NULL;
    GLINT_TRY(glint_bind_tensor(bind, a->weight, a->kernel > 0 ? 4 : 2, shape, &weight));
    GLINT_TRY(alloc_buffers(a, k, &f, &rows));
    int status = read_fold(bind, a, &f);
    if (status == GLINT_OK && bind->filling)
        take_rows(a, weight, rows);
    if (status == GLINT_OK)
        status = pack(bind, a, &f, rows, k, out);
    if (status == GLINT_OK)
        status = tiles_out && glint_conv_tiles_pay(a->k, a->n) ? pack_tiles(bind, a, out, rows, tiles_out)
                                                               : pack_pairs(bind, a, out);
    free(f.factor);
    return status;
}

int glint_bind_affine(struct glint_bind *bind, const struct glint_affine *a, struct glint_weights *out)
{
    return bind_map(bind, a, out, NULL);
}

int glint_bind_conv(struct glint_bind *bind, const struct glint_affine *a, struct glint_weights *out,
                    struct glint_winograd *tiles_out)
{
    return bind_map(bind, a, out, tiles_out);
}

int glint_bind_norm(struct glint_bind *bind, const char *norm, double eps, int32_t n, const float **scale_out,
                    const float **shift_out)
{
    struct glint_affine a = {.norm_eps = eps, .k = 1, .n = n};
    struct fold f;
    float *rows;
    void *memory = NULL;
    snprintf(a.norm, sizeof a.norm, "%s", norm);
    *scale_out = *shift_out = NULL;
    GLINT_TRY(alloc_buffers(&a, 1, &f, &rows));
    int status = read_fold(bind, &a, &f);
    if (status == GLINT_OK)
        status = glint_bind_memory(bind, 2 * (size_t)n * sizeof(float), &memory);
    float *scale = memory, *shift = scale ? scale + n : NULL;
    for (int32_t i = 0; status == GLINT_OK && scale && i < n; i++) {
        scale[i] = (float)f.factor[i];
        shift[i] = (float)f.shift[i];
    }
    *scale_out = scale;
    *shift_out = shift;
    free(f.factor);
    return status;
}

/* rows[o][i] = weight[i][o][place], weight [k, n, s, s] */
static void take_place(const struct glint_affine *a, const float *weight, int32_t place, float *rows)
{
    const int64_t places = (int64_t)a->kernel * a->kernel;
    for (int64_t o = 0; o < a->n; o++)
        for (int64_t i = 0; i < a->k; i++)
            rows[o * a->k + i] = weight[(i * a->n + o) * places + place];
}

int glint_bind_deconv(struct glint_bind *bind, const struct glint_affine *a, struct glint_weights *out)
{
    const float *weight;
    struct fold f;
    float *rows = NULL;
    GLINT_TRY(
        glint_bind_tensor(bind, a->weight, 4, (const int64_t[]){a->k, a->n, a->kernel, a->kernel}, &weight));
    GLINT_TRY(alloc_buffers(a, a->k, &f, &rows));
    int status = read_fold(bind, a, &f);
    for (int32_t place = 0; status == GLINT_OK && place < a->kernel * a->kernel; place++) {
        if (bind->filling)
            take_place(a, weight, place, rows);
        status = pack_both(bind, a, &f, rows, a->k, &out[place]);
    }
    free(f.factor);
    return status;
}

/* rows[o][m * k + i] = weight[m * n + o][i] */
static void join_rows(const struct glint_affine *a, const float *weight, int32_t n_maps, float *rows)
{
    for (int64_t o = 0; o < a->n; o++)
        for (int64_t m = 0; m < n_maps; m++)
            memcpy(rows + (o * n_maps + m) * a->k, weight + (m * a->n + o) * a->k,
                   (size_t)a->k * sizeof *rows);
}

int glint_bind_joined(struct glint_bind *bind, const struct glint_affine *a, int32_t n_maps,
                      struct glint_weights *out)
{
    const float *weight;
    struct fold f;
    float *rows = NULL;
    GLINT_TRY(
        glint_bind_tensor(bind, a->weight, 2, (const int64_t[]){(int64_t)n_maps * a->n, a->k}, &weight));
    GLINT_TRY(alloc_buffers(a, (int64_t)n_maps * a->k, &f, &rows));
    int status = read_fold(bind, a, &f);
    if (status == GLINT_OK && bind->filling)
        join_rows(a, weight, n_maps, rows);
    if (status == GLINT_OK)
        status = pack_both(bind, a, &f, rows, n_maps * a->k, out);
    free(f.factor);
    return status;
}

/* rows[o][i] = weight[o][cell][i], folded. */
static void take_cell(const struct glint_affine *a, const float *weight, int64_t n_cells, int64_t cell,
                      const double *factor, float *rows)
{
    for (int64_t o = 0; o < a->n; o++)
        for (int64_t i = 0; i < a->k; i++)
            rows[o * a->k + i] = (float)(weight[(o * n_cells + cell) * a->k + i] * factor[o]);
}

static int fill_cells(const struct glint_affine *a, const float *weight, const struct fold *f, float *rows,
                      int32_t n_cells, void *memory, struct glint_weights **cells_out, const float **bias_out)
{
    uint8_t *bytes = memory;
    struct glint_weights *cells = memory;
    float *bias = (float *)(bytes + glint_arena_round((size_t)n_cells * sizeof *cells));
    bytes = (uint8_t *)bias + glint_arena_round((size_t)a->n * sizeof *bias);
    for (int32_t o = 0; o < a->n; o++)
        bias[o] = (float)f->shift[o];
    for (int32_t cell = 0; cell < n_cells; cell++) {
        take_cell(a, weight, n_cells, cell, f->factor, rows);
        glint_weights_pack(&cells[cell], bytes, rows, a->k, NULL, NULL, a->k, a->n);
        bytes += glint_arena_round(glint_weights_bytes(a->k, a->n));
    }
    *cells_out = cells;
    *bias_out = bias;
    return GLINT_OK;
}

int glint_bind_cells(struct glint_bind *bind, const struct glint_affine *a, const int32_t size[3],
                     struct glint_weights **cells_out, const float **bias_out)
{
    const int32_t n_cells = size[0] * size[1] * size[2];
    const float *weight;
    struct fold f;
    float *rows = NULL;
    void *memory = NULL;
    *cells_out = NULL;
    *bias_out = NULL;
    GLINT_TRY(glint_bind_tensor(bind, a->weight, 5, (const int64_t[]){a->n, size[2], size[1], size[0], a->k},
                                &weight));
    GLINT_TRY(alloc_buffers(a, a->k, &f, &rows));
    int status = read_fold(bind, a, &f);
    if (status == GLINT_OK)
        status = glint_bind_memory(bind,
                                   glint_arena_round((size_t)n_cells * sizeof **cells_out) +
                                       glint_arena_round((size_t)a->n * sizeof **bias_out) +
                                       (size_t)n_cells * glint_arena_round(glint_weights_bytes(a->k, a->n)),
                                   &memory);
    if (status == GLINT_OK && memory)
        status = fill_cells(a, weight, &f, rows, n_cells, memory, cells_out, bias_out);
    free(f.factor);
    return status;
}

void glint_affine_set(struct glint_affine *a, const char *prefix, bool with_bias, const char *norm,
                      double norm_eps, int32_t k, int32_t n, int32_t kernel)
{
    *a = (struct glint_affine){.norm_eps = norm_eps, .k = k, .n = n, .kernel = kernel};
    snprintf(a->weight, sizeof a->weight, "%s.weight", prefix);
    if (with_bias)
        snprintf(a->bias, sizeof a->bias, "%s.bias", prefix);
    if (norm)
        snprintf(a->norm, sizeof a->norm, "%s", norm);
}

/* The whole file */

static int bind_layers(struct glint_bind *bind, struct glint_net *net)
{
    for (int32_t i = 0; i < net->n_layers; i++) {
        const struct glint_op_info *op = glint_op_get(net->layers[i].op);
        if (op->bind)
            GLINT_TRY(op->bind(bind, &net->layers[i]));
    }
    return GLINT_OK;
}

/* Training counters are no weights. */
static int check_none_left(const struct glint_bind *bind)
{
    for (int32_t i = 0; i < glint_safetensors_count(bind->file); i++) {
        const char *name = glint_safetensors_at(bind->file, i)->name;
        if (!bind->used[i] && !glint_ends_with(name, ".num_batches_tracked"))
            return glint_fail(GLINT_E_FORMAT, "%s: tensor \"%s\": no layer of the configuration has it",
                              bind->file_name, name);
    }
    return GLINT_OK;
}

int glint_net_tensors(struct glint_net *net, glint_net_tensor_fn *fn, void *ctx)
{
    /* pages of zeros that nobody has written take no memory */
    void *zeros = mmap(NULL, LIST_ELEMENTS * sizeof(float), PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (zeros == MAP_FAILED)
        return glint_fail(GLINT_E_NOMEM, "no room for a network's zeros");
    struct glint_bind bind = {.file_name = "zeros", .list = fn, .list_ctx = ctx, .zeros = zeros};
    const int status = bind_layers(&bind, net);
    munmap(zeros, LIST_ELEMENTS * sizeof(float));
    return status;
}

int glint_net_bind(struct glint_net *net, const struct glint_safetensors *file, const char *file_name,
                   struct glint_arena *weights, int64_t *n_parameters_out)
{
    struct glint_bind bind = {
        .file = file, .file_name = file_name, .narrow = net->narrow, .weights = weights};
    *weights = (struct glint_arena){0};
    bind.used = calloc((size_t)glint_safetensors_count(file) + 1, sizeof *bind.used);
    if (!bind.used)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", file_name);
    int status = bind_layers(&bind, net);
    if (status == GLINT_OK)
        status = check_none_left(&bind);
    if (status == GLINT_OK)
        status = glint_arena_init(weights, bind.bytes);
    bind.filling = true;
    if (status == GLINT_OK)
        status = bind_layers(&bind, net);
    *n_parameters_out = bind.n_parameters;
    free(bind.used);
    return status;
}
