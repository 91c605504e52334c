/* ros/cloud.c - see cloud.h. A value is found by its column (offset and type in a point) and read as a
 * double, or as a whole number where it is a time. */
#include "ros/cloud.h"
#include "core/bytes.h"
#include "io/source_points.h"
#include <math.h>
#include <string.h>

#define NANOS     INT64_C(1000000000)
#define UTC_NANOS (INT64_C(100000000) * NANOS) /* times above (1973) are dates, not offsets */

enum role { ROLE_X, ROLE_Y, ROLE_Z, ROLE_INTENSITY, ROLE_RING, ROLE_RETURN, ROLE_TIME, ROLE_COUNT };
enum { INT8 = 1, UINT8, INT16, UINT16, INT32, UINT32, FLOAT32, FLOAT64 }; /* of sensor_msgs/PointField */

static const uint8_t sizes[] = {0, 1, 1, 2, 2, 4, 4, 4, 8};

/* Names that drivers give to what we read; of several the one earlier in the list: Velodyne (time), Ouster
 * (t), Hesai, RoboSense and Livox (timestamp, line), Autoware (channel, return_type, time_stamp). */
static const struct {
    enum role role;
    const char *name;
} roles[] = {
    {ROLE_X, "x"},
    {ROLE_Y, "y"},
    {ROLE_Z, "z"},
    {ROLE_INTENSITY, "intensity"},
    {ROLE_INTENSITY, "i"},
    {ROLE_INTENSITY, "reflectivity"},
    {ROLE_RING, "ring"},
    {ROLE_RING, "channel"},
    {ROLE_RING, "line"},
    {ROLE_RETURN, "return_type"},
    {ROLE_RETURN, "return"},
    {ROLE_TIME, "time_stamp"},
    {ROLE_TIME, "t"},
    {ROLE_TIME, "time"},
    {ROLE_TIME, "timestamp"},
    {ROLE_TIME, "offset_time"},
};
#define N_ROLES (sizeof roles / sizeof roles[0])

/* ---- the message ---- */

struct fields { /* what the list of fields says of each role */
    struct glint_ros_column column[ROLE_COUNT];
    size_t rank[ROLE_COUNT]; /* in `roles`, N_ROLES: none */
    struct glint_ros_column reflectivity;
    bool has_ambient; /* Ouster's layout: its intensity counts photons, its reflectivity is calibrated */
};

static int fail_cloud(const char *what, const char *expected)
{
    return glint_fail(GLINT_E_FORMAT, "%s: PointCloud2: expected %s", what, expected);
}

static void take_field(struct fields *f, const char *name, struct glint_ros_column column)
{
    if (strcmp(name, "ambient") == 0)
        f->has_ambient = true;
    if (strcmp(name, "reflectivity") == 0)
        f->reflectivity = column;
    for (size_t k = 0; k < N_ROLES; k++)
        if (strcmp(name, roles[k].name) == 0 && k < f->rank[roles[k].role]) {
            f->column[roles[k].role] = column;
            f->rank[roles[k].role] = k;
        }
}

static int read_fields(struct glint_cdr_reader *r, const char *what, struct fields *f)
{
    const uint32_t n = glint_cdr_length(r, 13); /* a name's length, offset, type, count */
    memset(f, 0, sizeof *f);
    for (int k = 0; k < ROLE_COUNT; k++)
        f->rank[k] = N_ROLES;
    for (uint32_t i = 0; i < n && !r->failed; i++) {
        const char *name = glint_cdr_text(r);
        const uint32_t offset = glint_cdr_u32(r);
        const uint8_t kind = glint_cdr_u8(r);
        const uint32_t count = glint_cdr_u32(r);
        if (kind < INT8 || kind > FLOAT64)
            return glint_fail(GLINT_E_FORMAT, "%s: PointCloud2: field %.32s: no type %u", what, name, kind);
        if (count <= 1) /* some drivers say 0 */
            take_field(f, name, (struct glint_ros_column){offset, kind});
    }
    if (f->has_ambient && f->reflectivity.kind)
        f->column[ROLE_INTENSITY] = f->reflectivity;
    return GLINT_OK;
}

static int check_columns(struct glint_ros_cloud *c, const struct fields *f, const char *what)
{
    for (int k = 0; k < ROLE_COUNT; k++) {
        c->column[k] = f->column[k];
        const uint32_t size = sizes[f->column[k].kind];
        if (size > 0 && (size > c->point_step || f->column[k].offset > c->point_step - size))
            return glint_fail(GLINT_E_FORMAT,
                              "%s: PointCloud2: field %s at offset %u does not fit into point_step %u", what,
                              roles[f->rank[k]].name, f->column[k].offset, c->point_step);
    }
    c->return_from_1 =
        f->rank[ROLE_RETURN] < N_ROLES && strcmp(roles[f->rank[ROLE_RETURN]].name, "return_type") == 0;
    if (!c->column[ROLE_X].kind || !c->column[ROLE_Y].kind || !c->column[ROLE_Z].kind)
        return fail_cloud(what, "fields x, y and z");
    return GLINT_OK;
}

/* Every row must lie in the data. */
static int check_size(struct glint_ros_cloud *c, uint32_t height, uint32_t n_data, const char *what)
{
    const uint64_t n = (uint64_t)height * c->width, row = (uint64_t)c->width * c->point_step;
    if (n > GLINT_CLOUD_CAP_POINTS)
        return glint_fail(GLINT_E_FORMAT, "%s: PointCloud2: %llu points; a scan has at most %d", what,
                          (unsigned long long)n, GLINT_CLOUD_CAP_POINTS);
    if (n > 0 &&
        (row > (height > 1 ? c->row_step : n_data) || (uint64_t)(height - 1) * c->row_step + row > n_data))
        return glint_fail(GLINT_E_FORMAT,
                          "%s: PointCloud2: %u x %u points of %u bytes, rows of %u, do not lie in %u bytes",
                          what, c->width, height, c->point_step, c->row_step, n_data);
    c->n_points = (int32_t)n;
    return GLINT_OK;
}

int glint_ros_cloud_open(const uint8_t *message, size_t size, const char *what,
                         struct glint_ros_cloud *cloud_out)
{
    struct glint_cdr_reader r;
    struct glint_ros_cloud c = {0};
    struct fields fields;
    GLINT_TRY(glint_cdr_open(&r, message, size, what));
    c.stamp_ns = glint_cdr_stamp(&r);
    c.frame_id = glint_cdr_text(&r);
    const uint32_t height = glint_cdr_u32(&r);
    c.width = glint_cdr_u32(&r);
    GLINT_TRY(read_fields(&r, what, &fields));
    c.big_endian = glint_cdr_u8(&r) != 0;
    c.point_step = glint_cdr_u32(&r);
    c.row_step = glint_cdr_u32(&r);
    const uint32_t n_data = glint_cdr_length(&r, 1);
    c.data = glint_cdr_bytes(&r, n_data);
    if (r.failed)
        return fail_cloud(what, "a whole message");
    GLINT_TRY(check_columns(&c, &fields, what));
    GLINT_TRY(check_size(&c, height, n_data, what));
    *cloud_out = c;
    return GLINT_OK;
}

/* ---- values ---- */

static const uint8_t *point_at(const struct glint_ros_cloud *c, int32_t i)
{
    const uint32_t row = (uint32_t)i / c->width, column = (uint32_t)i % c->width;
    return c->data + (size_t)row * c->row_step + (size_t)column * c->point_step;
}

static uint64_t bits_of(const uint8_t *p, size_t size, bool big_endian)
{
    uint64_t bits = 0;
    for (size_t k = 0; k < size; k++)
        bits |= (uint64_t)p[k] << 8 * (big_endian ? size - 1 - k : k);
    return bits;
}

static int64_t whole_at(const struct glint_ros_cloud *c, enum role role, const uint8_t *point)
{
    const struct glint_ros_column *column = &c->column[role];
    const uint64_t bits = bits_of(point + column->offset, sizes[column->kind], c->big_endian);
    switch (column->kind) {
    case INT8:
        return (int8_t)bits;
    case INT16:
        return (int16_t)bits;
    case INT32:
        return (int32_t)bits;
    default:
        return (int64_t)bits;
    }
}

static double value_at(const struct glint_ros_cloud *c, enum role role, const uint8_t *point)
{
    const struct glint_ros_column *column = &c->column[role];
    float single;
    double value;
    if (column->kind == 0)
        return 0;
    if (column->kind < FLOAT32)
        return (double)whole_at(c, role, point);
    const uint64_t bits = bits_of(point + column->offset, sizes[column->kind], c->big_endian);
    const uint32_t half = (uint32_t)bits;
    if (column->kind == FLOAT32)
        return memcpy(&single, &half, sizeof single), (double)single;
    return memcpy(&value, &bits, sizeof value), value;
}

/* Nanoseconds: whole numbers are, numbers with a fraction are seconds unless too large for that. False: none.
 */
static bool time_at(const struct glint_ros_cloud *c, const uint8_t *point, int64_t *ns_out)
{
    if (c->column[ROLE_TIME].kind < FLOAT32)
        return *ns_out = whole_at(c, ROLE_TIME, point), true;
    const double t = value_at(c, ROLE_TIME, point);
    if (!(fabs(t) < 9e18))
        return false;
    if (fabs(t) > 9e9)
        return *ns_out = (int64_t)t, true;
    const double seconds = floor(t); /* in two parts: a date in nanoseconds has more digits than a double */
    *ns_out = (int64_t)seconds * NANOS + llround((t - seconds) * 1e9);
    return true;
}

/* ---- the frame ---- */

/* Where offsets count from: the first point for dates and for times counted backwards, else 0. */
static int64_t time_origin(const struct glint_ros_cloud *c, int64_t *stamp_out)
{
    int64_t least = INT64_MAX, ns;
    for (int32_t i = 0; i < c->n_points; i++)
        if (time_at(c, point_at(c, i), &ns) && ns < least)
            least = ns;
    if (least == INT64_MAX || (least >= 0 && least < UTC_NANOS))
        return 0;
    if (least >= UTC_NANOS)
        *stamp_out = least;
    else if (c->stamp_ns > 0 && least > -10 * NANOS)
        *stamp_out = c->stamp_ns + least;
    return least;
}

static bool divides_intensity(const struct glint_ros_cloud *c)
{
    if (c->column[ROLE_INTENSITY].kind < FLOAT32)
        return true;
    for (int32_t i = 0; i < c->n_points; i++)
        if (value_at(c, ROLE_INTENSITY, point_at(c, i)) > 1)
            return true;
    return false;
}

static float to_intensity(double value, bool divide)
{
    const float scaled = (float)(divide ? value / 255.0 : value);
    return scaled >= 0 ? fminf(scaled, 1) : 0; /* NaN: 0 */
}

static uint16_t to_small(double value, double most)
{
    return value >= 0 && value <= most ? (uint16_t)value : 0;
}

static uint32_t to_offset(int64_t ns, int64_t origin)
{
    const uint64_t offset = (uint64_t)ns - (uint64_t)origin; /* origin <= ns or 0 */
    return ns < origin ? 0 : offset > UINT32_MAX ? UINT32_MAX : (uint32_t)offset;
}

void glint_ros_cloud_read(const struct glint_ros_cloud *c, struct glint_frame *frame)
{
    const bool divide = divides_intensity(c), timed = c->column[ROLE_TIME].kind != 0;
    frame->stamp_ns = c->stamp_ns;
    const int64_t origin = timed ? time_origin(c, &frame->stamp_ns) : 0;
    for (int32_t i = 0; i < c->n_points; i++) {
        const uint8_t *p = point_at(c, i);
        int64_t ns = origin;
        if (!timed || !time_at(c, p, &ns))
            ns = origin;
        const uint16_t ret = to_small(value_at(c, ROLE_RETURN, p), UINT8_MAX);
        glint_frame_add_point(frame, (float)value_at(c, ROLE_X, p), (float)value_at(c, ROLE_Y, p),
                              (float)value_at(c, ROLE_Z, p),
                              to_intensity(value_at(c, ROLE_INTENSITY, p), divide),
                              to_small(value_at(c, ROLE_RING, p), UINT16_MAX),
                              (uint8_t)(ret - (c->return_from_1 && ret > 0)), to_offset(ns, origin));
    }
}
