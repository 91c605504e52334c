/* attention/posenc.c - see posenc.h. The sine of a float quotient is taken in double and rounded once:
 * arguments reach hundreds of radians, where a float range reduction would show. */
#include "attention/posenc.h"
#include <assert.h>
#include <math.h>
#include <string.h>

size_t glint_posenc_bytes(int32_t dim, int32_t n_values)
{
    return (size_t)n_values * 2 * (size_t)(dim / 4) * sizeof(float);
}

void glint_posenc_flatformer(struct glint_posenc *p, void *memory, int32_t dim, int32_t n_values)
{
    const int32_t length = 2 * (dim / 4);
    float *table = memory;
    for (int32_t j = 0; j < length / 2; j++) {
        const float exponent = (float)(2 * j) / (float)length;
        const float divisor = (float)pow(10000.0, (double)exponent);
        for (int32_t c = 0; c < n_values; c++) {
            const float angle = (float)c / divisor;
            table[(int64_t)c * length + 2 * j] = (float)sin((double)angle);
            table[(int64_t)c * length + 2 * j + 1] = (float)cos((double)angle);
        }
    }
    *p = (struct glint_posenc){.dim = dim, .half = length, .n_values = n_values, .table = table};
}

void glint_posenc_window(struct glint_posenc *p, void *memory, int32_t dim, int32_t window, int32_t shift,
                         float temperature)
{
    const int32_t q = dim / 4;
    float *table = memory;
    for (int32_t k = 0; k < q; k++) {
        const float exponent = -(float)k / (float)q;
        const float factor = (float)pow((double)temperature, (double)exponent);
        for (int32_t c = 0; c < window; c++) {
            const float angle = ((float)c - (float)(window - 1) / 2.0f) * factor;
            table[(int64_t)c * 2 * q + k] = (float)sin((double)angle);
            table[(int64_t)c * 2 * q + q + k] = (float)cos((double)angle);
        }
    }
    *p = (struct glint_posenc){
        .dim = dim, .half = 2 * q, .n_values = window, .table = table, .shift = shift, .modulo = window};
}

struct job {
    const struct glint_posenc *p;
    const int32_t *coord;
    float *out;
};

static const float *table_row(const struct glint_posenc *p, int32_t c)
{
    const int32_t row = p->modulo ? (c + p->shift) % p->modulo : c;
    assert(row >= 0 && row < p->n_values);
    return p->table + (int64_t)row * p->half;
}

static void write_rows(void *ctx, int64_t begin, int64_t end, int worker)
{
    (void)worker;
    const struct job *job = ctx;
    const struct glint_posenc *p = job->p;
    const size_t half = (size_t)p->half, rest = (size_t)p->dim - 2 * half;
    for (int64_t i = begin; i < end; i++) {
        float *out = job->out + i * p->dim;
        memcpy(out, table_row(p, job->coord[3 * i]), half * sizeof *out);
        memcpy(out + half, table_row(p, job->coord[3 * i + 1]), half * sizeof *out);
        memset(out + 2 * half, 0, rest * sizeof *out);
    }
}

int glint_posenc(struct glint_exec *x, const struct glint_posenc *p, const int32_t *coord, int32_t n,
                 float *out)
{
    struct job job = {p, coord, out};
    glint_pool_for(x->pool, n, 1024, write_rows, &job);
    return GLINT_OK;
}
