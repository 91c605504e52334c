/* attention/mean_vfe.c - see mean_vfe.h. */
#include "attention/mean_vfe.h"

#define GRAIN 1024 /* voxels of a piece of work */

struct job {
    const struct glint_mean_vfe *vfe;
    const float *field[6]; /* by enum glint_point_field; NULL reads as 0 */
    const int32_t *point, *start;
    float *out;
};

static void means(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct job *j = ctx;
    const int32_t n = j->vfe->n_columns;
    (void)worker;
    for (int64_t v = begin; v < end; v++)
        for (int32_t c = 0; c < n; c++) {
            const struct glint_vfe_column *column = &j->vfe->column[c];
            const float *field = j->field[column->index];
            float sum = 0.0f;
            for (int32_t i = j->start[v]; field && i < j->start[v + 1]; i++)
                sum += field[j->point[i]];
            j->out[v * n + c] = sum / (float)(j->start[v + 1] - j->start[v]) * column->scale;
        }
}

int glint_mean_vfe(struct glint_exec *x, const struct glint_mean_vfe *vfe, const struct glint_points *points,
                   const int32_t *point, const int32_t *start, int32_t n_voxels, float *out)
{
    struct job j = {vfe,
                    {points->x, points->y, points->z, points->intensity, points->elongation, points->lag},
                    point,
                    start,
                    out};
    for (int32_t c = 0; c < vfe->n_columns; c++)
        if (vfe->column[c].source != GLINT_VFE_FIELD)
            return glint_fail(GLINT_E_ARG, "mean of points: column %d is none of their own values", c);
    glint_pool_for(x->pool, n_voxels, GRAIN, means, &j);
    return GLINT_OK;
}
