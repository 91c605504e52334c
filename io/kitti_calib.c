/* io/kitti_calib.c - see kitti_calib.h.
 *
 * The camera's axes are not quite those of the scanner: a heading in the camera's x-z plane, turned into the
 * scanner's frame, leaves the x-y plane a little. Both ways drop that component: the heading angle goes
 * through the 2 x 2 matrix of what remains and back through that matrix' inverse, so that no error is left.
 */
#include "io/kitti_calib.h"
#include "core/box.h"
#include "core/file.h"
#include "io/number.h"
#include <math.h>
#include <string.h>

#define MOST_ELEMENT 1e9
#define NEAR_M       0.1 /* edges are cut at this distance before the camera */

/* ---- reading ---- */

enum matrix { P2, RECT, VELO, N_MATRICES };

struct reader {
    const char *name;
    int64_t line;
    double m[N_MATRICES][12];
    bool seen[N_MATRICES];
};

static const struct {
    const char *key;
    enum matrix matrix;
    int n;
} keys[] = {{"P2", P2, 12},
            {"R0_rect", RECT, 9},
            {"R_rect", RECT, 9},
            {"Tr_velo_to_cam", VELO, 12},
            {"Tr_velo_cam", VELO, 12}};
#define N_KEYS ((int)(sizeof keys / sizeof keys[0]))

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static int read_matrix(struct reader *r, int key, const char *at, const char *end)
{
    double *m = r->m[keys[key].matrix];
    for (int i = 0; i < keys[key].n; i++) {
        while (at < end && is_blank(*at))
            at++;
        const char *stop = glint_number_read(at, end, &m[i]);
        if (!stop || !(fabs(m[i]) <= MOST_ELEMENT))
            return glint_fail(GLINT_E_FORMAT, "%s:%lld: %s: expected %d numbers, number %d is none", r->name,
                              (long long)r->line, keys[key].key, keys[key].n, i + 1);
        at = stop;
    }
    while (at < end && is_blank(*at))
        at++;
    if (at < end)
        return glint_fail(GLINT_E_FORMAT, "%s:%lld: %s: more than %d numbers", r->name, (long long)r->line,
                          keys[key].key, keys[key].n);
    r->seen[keys[key].matrix] = true;
    return GLINT_OK;
}

static int read_line(struct reader *r, const char *at, const char *end)
{
    const char *stop = at;
    while (stop < end && !is_blank(*stop) && *stop != ':')
        stop++;
    for (int i = 0; i < N_KEYS; i++)
        if ((size_t)(stop - at) == strlen(keys[i].key) && memcmp(at, keys[i].key, strlen(keys[i].key)) == 0)
            return read_matrix(r, i, stop + (stop < end && *stop == ':'), end);
    return GLINT_OK;
}

static int read_lines(struct reader *r, const char *text, size_t size)
{
    size_t at = 0;
    for (r->line = 1; at < size; r->line++) {
        const char *newline = memchr(text + at, '\n', size - at);
        const size_t end = newline ? (size_t)(newline - text) : size;
        GLINT_TRY(read_line(r, text + at, text + end));
        at = end + 1;
    }
    static const char *const what[N_MATRICES] = {"P2", "R0_rect", "Tr_velo_to_cam"};
    for (int i = 0; i < N_MATRICES; i++)
        if (!r->seen[i])
            return glint_fail(GLINT_E_FORMAT, "%s: expected a line of %s", r->name, what[i]);
    return GLINT_OK;
}

/* The 3 x 4 matrix of first Tr, then the 3 x 3 matrix rect. */
static void compose(const double rect[9], const double tr[12], double out[12])
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 4; j++)
            out[4 * i + j] = rect[3 * i] * tr[j] + rect[3 * i + 1] * tr[4 + j] + rect[3 * i + 2] * tr[8 + j];
}

static bool is_rotation(const double m[12])
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            double dot = 0;
            for (int k = 0; k < 3; k++)
                dot += m[4 * k + i] * m[4 * k + j];
            if (!(fabs(dot - (i == j)) <= 1e-2))
                return false;
        }
    return true;
}

/* The exact inverse, by cofactors: the files' rotations are rounded, their transpose would not do. */
static void invert(const double m[12], double out[12])
{
    double det = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            const int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
            out[4 * i + j] = m[4 * a + c] * m[4 * b + d] - m[4 * a + d] * m[4 * b + c];
        }
    for (int i = 0; i < 3; i++)
        det += m[i] * out[4 * i];
    for (int i = 0; i < 3; i++) {
        double *row = out + 4 * i;
        for (int j = 0; j < 3; j++)
            row[j] /= det;
        row[3] = -(row[0] * m[3] + row[1] * m[7] + row[2] * m[11]);
    }
}

int glint_kitti_calib_parse(const char *name, const uint8_t *text, size_t size,
                            struct glint_kitti_calib *calib_out)
{
    struct reader r = {.name = name};
    GLINT_TRY(read_lines(&r, (const char *)text, size));
    memcpy(calib_out->p2, r.m[P2], sizeof calib_out->p2);
    compose(r.m[RECT], r.m[VELO], calib_out->camera_from_velo);
    if (!is_rotation(calib_out->camera_from_velo))
        return glint_fail(GLINT_E_FORMAT, "%s: R0_rect times Tr_velo_to_cam: expected a rotation", name);
    invert(calib_out->camera_from_velo, calib_out->velo_from_camera);
    return GLINT_OK;
}

int glint_kitti_calib_read(const char *path, struct glint_kitti_calib *calib_out)
{
    struct glint_file file;
    GLINT_TRY(glint_file_open(&file, path));
    const int status = glint_kitti_calib_parse(path, file.data, file.size, calib_out);
    glint_file_close(&file);
    return status;
}

/* ---- boxes ---- */

static void apply(const double m[12], const double p[3], double out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = m[4 * i] * p[0] + m[4 * i + 1] * p[1] + m[4 * i + 2] * p[2] + m[4 * i + 3];
}

void glint_kitti_box_to_vehicle(const struct glint_kitti_calib *calib,
                                const struct glint_kitti_object *object, struct glint_box *box_out)
{
    const double *m = calib->velo_from_camera;
    const double middle[3] = {object->bottom[0], object->bottom[1] - 0.5 * object->size[0],
                              object->bottom[2]};
    double p[3];
    apply(m, middle, p);
    const double x = cos(object->rotation_y), z = -sin(object->rotation_y); /* heading, camera frame */
    *box_out =
        (struct glint_box){.size = {(float)object->size[2], (float)object->size[1], (float)object->size[0]},
                           .yaw = (float)atan2(m[4] * x + m[6] * z, m[0] * x + m[2] * z),
                           .score = (float)object->score,
                           .label = -1,
                           .id = -1};
    for (int k = 0; k < 3; k++)
        box_out->center[k] = (float)p[k];
}

void glint_kitti_box_to_camera(const struct glint_kitti_calib *calib, const struct glint_box *box,
                               struct glint_kitti_object *object_out)
{
    const double *m = calib->velo_from_camera;
    const double middle[3] = {box->center[0], box->center[1], box->center[2]};
    struct glint_kitti_object *o = object_out;
    o->truncated = -1;
    o->occluded = -1;
    for (int k = 0; k < 3; k++)
        o->size[k] = box->size[2 - k];
    apply(calib->camera_from_velo, middle, o->bottom);
    o->bottom[1] += 0.5 * o->size[0];
    /* (c, s) = M (x, z), so (x, z) is along the adjugate of M times (c, s), times the sign of det M. */
    const double c = cos((double)box->yaw), s = sin((double)box->yaw);
    const double sign = m[0] * m[6] - m[2] * m[4] < 0 ? -1 : 1;
    const double x = sign * (m[6] * c - m[2] * s), z = sign * (m[0] * s - m[4] * c);
    o->rotation_y = atan2(-z, x);
    o->alpha = glint_wrap_angle(o->rotation_y - atan2(o->bottom[0], o->bottom[2]));
    o->score = box->score;
}

/* ---- into the image ---- */

static void corners_of(const struct glint_kitti_object *o, double corner[8][3])
{
    const double c = cos(o->rotation_y), s = sin(o->rotation_y);
    for (int i = 0; i < 8; i++) {
        const double along = (i & 1 ? 0.5 : -0.5) * o->size[2], across = (i & 2 ? 0.5 : -0.5) * o->size[1];
        corner[i][0] = o->bottom[0] + c * along + s * across;
        corner[i][1] = o->bottom[1] - (i & 4 ? o->size[0] : 0);
        corner[i][2] = o->bottom[2] - s * along + c * across;
    }
}

/* Widens the rectangle by the image of a point before the camera. */
static void include(const struct glint_kitti_calib *calib, const double p[3], double bbox[4])
{
    double uvw[3];
    apply(calib->p2, p, uvw);
    if (!(uvw[2] > 0))
        return;
    for (int k = 0; k < 2; k++) {
        bbox[k] = fmin(bbox[k], uvw[k] / uvw[2]);
        bbox[k + 2] = fmax(bbox[k + 2], uvw[k] / uvw[2]);
    }
}

/* Where the edge from a to b passes the near plane. */
static void include_crossing(const struct glint_kitti_calib *calib, const double a[3], const double b[3],
                             double bbox[4])
{
    if ((a[2] < NEAR_M) == (b[2] < NEAR_M))
        return;
    const double t = (NEAR_M - a[2]) / (b[2] - a[2]);
    const double p[3] = {a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), NEAR_M};
    include(calib, p, bbox);
}

bool glint_kitti_project(const struct glint_kitti_calib *calib, const int32_t image[2],
                         struct glint_kitti_object *object)
{
    double corner[8][3], bbox[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    corners_of(object, corner);
    for (int i = 0; i < 8; i++) {
        if (corner[i][2] >= NEAR_M)
            include(calib, corner[i], bbox);
        for (int bit = 1; bit < 8; bit <<= 1)
            if (!(i & bit))
                include_crossing(calib, corner[i], corner[i | bit], bbox);
    }
    for (int k = 0; k < 2; k++) {
        bbox[k] = fmax(bbox[k], 0);
        bbox[k + 2] = fmin(bbox[k + 2], image[k] - 1);
    }
    const bool inside = bbox[0] < bbox[2] && bbox[1] < bbox[3];
    if (inside)
        memcpy(object->bbox, bbox, sizeof bbox);
    return inside;
}
