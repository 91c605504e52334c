/* io/range_image.c - see range_image.h.
 *
 * All that does not depend on the range is put into tables: sine and cosine per row and per column, and one
 * matrix from the lidar to the frame's vehicle per column. The pixels of a column were measured at one time
 * and have one pose as a rule; where a pixel's pose differs from the one its column's matrix was made of, the
 * matrix is made anew. What is left is a product of a 3 x 3 matrix and a vector per point. */
#include "io/range_image.h"
#include "core/cpu.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

/* ---- kernel ---- */

void glint_range_row_c(const struct glint_range_row *row, const int32_t *column, int32_t n, double *x,
                       double *y, double *z)
{
    for (int32_t k = 0; k < n; k++) {
        const int64_t c = column[k];
        const double *m = row->matrix + c * row->matrix_stride;
        const double range = row->pixel[GLINT_RANGE_CHANNELS * c];
        const double flat = range * row->inclination[0];
        const double d[3] = {flat * row->azimuth[2 * c], flat * row->azimuth[2 * c + 1],
                             range * row->inclination[1]};
        x[k] = m[0] * d[0] + m[4] * d[1] + m[8] * d[2] + m[12];
        y[k] = m[1] * d[0] + m[5] * d[1] + m[9] * d[2] + m[13];
        z[k] = m[2] * d[0] + m[6] * d[1] + m[10] * d[2] + m[14];
    }
}

glint_range_row_fn *glint_range_row_get(unsigned isa)
{
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        return glint_range_row_avx2;
#endif
    (void)isa;
    return glint_range_row_c;
}

/* ---- matrices ---- */

struct affine { /* r row-major */
    double r[9], t[3];
};

static struct affine affine_of(const double *m /* 4 x 4 row-major */)
{
    return (struct affine){{m[0], m[1], m[2], m[4], m[5], m[6], m[8], m[9], m[10]}, {m[3], m[7], m[11]}};
}

static struct affine multiply(const struct affine *a, const struct affine *b)
{
    struct affine out;
    for (int i = 0; i < 3; i++) {
        const double *row = a->r + 3 * i;
        for (int k = 0; k < 3; k++)
            out.r[3 * i + k] = row[0] * b->r[k] + row[1] * b->r[3 + k] + row[2] * b->r[6 + k];
        out.t[i] = row[0] * b->t[0] + row[1] * b->t[1] + row[2] * b->t[2] + a->t[i];
    }
    return out;
}

/* By cofactors: poses are rotations only as far as their numbers go. */
static bool invert(const struct affine *a, double inverse[9])
{
    const double *m = a->r;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            const int r1 = (k + 1) % 3, r2 = (k + 2) % 3, c1 = (i + 1) % 3, c2 = (i + 2) % 3;
            inverse[3 * i + k] = m[3 * r1 + c1] * m[3 * r2 + c2] - m[3 * r1 + c2] * m[3 * r2 + c1];
        }
    const double det = m[0] * inverse[0] + m[1] * inverse[3] + m[2] * inverse[6];
    if (!(fabs(det) > 1e-9) || !isfinite(det))
        return false;
    for (int i = 0; i < 9; i++)
        inverse[i] /= det;
    return true;
}

static struct affine pose_of(const float *p)
{
    const double cr = cos((double)p[0]), sr = sin((double)p[0]), cp = cos((double)p[1]),
                 sp = sin((double)p[1]), cy = cos((double)p[2]), sy = sin((double)p[2]);
    return (struct affine){{cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr, sy * cp,
                            sy * sp * sr + cy * cr, sy * sp * cr - cy * sr, -sp, cp * sr, cp * cr},
                           {(double)p[3], (double)p[4], (double)p[5]}};
}

static void store(const struct affine *a, double *m /* 4 x 4 column-major */)
{
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++)
            m[4 * k + i] = a->r[3 * i + k];
        m[12 + i] = a->t[i];
    }
    m[3] = m[7] = m[11] = m[15] = 0;
}

/* ---- an image ---- */

struct conversion {
    const struct glint_range_image *image;
    struct glint_range_points *out;
    struct affine lidar;      /* vehicle from lidar */
    struct affine from_world; /* the inverse of the frame's rotation ... */
    double origin[3];         /* ... after its position has been taken off */
    double *azimuth, *matrix;
    glint_range_row_fn *row;
};

static void column_matrix(const struct conversion *c, int32_t column, const float *pose)
{
    struct affine at = pose_of(pose);
    for (int i = 0; i < 3; i++)
        at.t[i] -= c->origin[i]; /* global positions are large, their difference is small */
    at = multiply(&c->from_world, &at);
    at = multiply(&at, &c->lidar);
    store(&at, c->matrix + 16 * (size_t)column);
    memcpy(c->out->keys + GLINT_RANGE_POSE * (size_t)column, pose, GLINT_RANGE_POSE * sizeof *pose);
}

/* The columns of a row that have a point. */
static int32_t find_columns(const float *pixel, int32_t width, int32_t *columns)
{
    int32_t n = 0;
    for (int32_t c = 0; c < width; c++) {
        columns[n] = c;
        n += pixel[GLINT_RANGE_CHANNELS * c] > 0;
    }
    return n;
}

static void check_poses(const struct conversion *c, const float *pose, int32_t n)
{
    const size_t size = GLINT_RANGE_POSE * sizeof *pose;
    for (int32_t k = 0; k < n; k++) {
        const size_t at = GLINT_RANGE_POSE * (size_t)c->out->columns[k];
        if (memcmp(c->out->keys + at, pose + at, size) != 0)
            column_matrix(c, c->out->columns[k], pose + at);
    }
}

static void convert_row(const struct conversion *c, int32_t v)
{
    const struct glint_range_image *image = c->image;
    struct glint_range_points *out = c->out;
    const size_t first = (size_t)v * (size_t)image->width;
    const struct glint_range_row row = {
        .pixel = image->pixel + first * GLINT_RANGE_CHANNELS,
        .azimuth = c->azimuth,
        .inclination = {cos(image->inclination[v]), sin(image->inclination[v])},
        .matrix = c->matrix,
        .matrix_stride = image->pose ? 16 : 0,
    };
    const int32_t n = find_columns(row.pixel, image->width, out->columns);
    if (image->pose)
        check_poses(c, image->pose + first * GLINT_RANGE_POSE, n);
    c->row(&row, out->columns, n, out->x + out->n, out->y + out->n, out->z + out->n);
    for (int32_t k = 0; k < n; k++)
        out->pixel[out->n + k] = (int32_t)first + out->columns[k];
    out->n += n;
}

static void fill_azimuths(const struct conversion *c)
{
    const double *e = c->image->extrinsic, w = c->image->width;
    const double correction = atan2(e[4], e[0]);
    for (int32_t i = 0; i < c->image->width; i++) {
        const double a = (2 * ((w - i - 0.5) / w) - 1) * pi - correction;
        c->azimuth[2 * i] = cos(a);
        c->azimuth[2 * i + 1] = sin(a);
    }
}

static int reserve(struct glint_range_points *p, int32_t width, int32_t n)
{
    if (n > p->cap || width > p->cap_width) {
        const size_t most = (size_t)(n > p->cap ? n : p->cap),
                     w = (size_t)(width > p->cap_width ? width : p->cap_width);
        glint_range_points_fini(p);
        p->x = malloc(most * sizeof *p->x);
        p->y = malloc(most * sizeof *p->y);
        p->z = malloc(most * sizeof *p->z);
        p->pixel = malloc(most * sizeof *p->pixel);
        p->work = malloc(w * 18 * sizeof *p->work);
        p->keys = malloc(w * GLINT_RANGE_POSE * sizeof *p->keys);
        p->columns = malloc((w + 1) * sizeof *p->columns);
        if (!p->x || !p->y || !p->z || !p->pixel || !p->work || !p->keys || !p->columns) {
            glint_range_points_fini(p);
            return glint_fail(GLINT_E_NOMEM, "no memory for an image of %d pixels", n);
        }
        p->cap = (int32_t)most;
        p->cap_width = (int32_t)w;
    }
    p->n = 0;
    return GLINT_OK;
}

void glint_range_points_fini(struct glint_range_points *p)
{
    free(p->x);
    free(p->y);
    free(p->z);
    free(p->pixel);
    free(p->work);
    free(p->keys);
    free(p->columns);
    *p = (struct glint_range_points){0};
}

int glint_range_image_points(const struct glint_range_image *image, unsigned isa,
                             struct glint_range_points *points)
{
    if (image->height == 0 || image->width == 0) {
        points->n = 0;
        return GLINT_OK;
    }
    GLINT_TRY(reserve(points, image->width, image->height * image->width));
    struct conversion c = {.image = image,
                           .out = points,
                           .lidar = affine_of(image->extrinsic),
                           .azimuth = points->work,
                           .matrix = points->work + 2 * (size_t)image->width,
                           .row = glint_range_row_get(isa)};
    fill_azimuths(&c);
    store(&c.lidar, c.matrix);
    if (image->pose) {
        const struct affine frame = affine_of(image->frame_pose);
        memcpy(c.origin, frame.t, sizeof c.origin);
        if (!invert(&frame, c.from_world.r))
            return glint_fail(GLINT_E_FORMAT,
                              "the frame's pose has no inverse: a rotation and a position expected");
        memset(points->keys, 0xff, GLINT_RANGE_POSE * (size_t)image->width * sizeof *points->keys);
        for (int32_t i = 0; i < image->width; i++) /* the first row's, as all of a column have as a rule */
            column_matrix(&c, i, image->pose + GLINT_RANGE_POSE * (size_t)i);
    }
    for (int32_t v = 0; v < image->height; v++)
        convert_row(&c, v);
    return GLINT_OK;
}
