/* calib/trajectory_load.c - files of poses, see trajectory.h. Rows are counted first, so that the poses are
 * one allocation; then a row at a time is read into named columns. */
#define _POSIX_C_SOURCE 200809L
#include "calib/trajectory.h"
#include "core/file.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROWS   10000000
#define MOST_FIELDS 64
#define LATEST      INT64_C(4000000000000000000) /* ns, in 2096: differences fit int64_t */
#define LINE_CAP    2048

struct lines { /* walks over the lines of a text */
    const char *name, *at, *end;
    int32_t number; /* of `line`, from 1 */
    char line[LINE_CAP];
};

/* The next line that is not blank, without its end; false at the end of the text. */
static bool next_line(struct lines *l)
{
    while (l->at < l->end) {
        const char *stop = memchr(l->at, '\n', (size_t)(l->end - l->at));
        const size_t n = (size_t)((stop ? stop : l->end) - l->at);
        const size_t kept = n < LINE_CAP - 1 ? n : LINE_CAP - 1;
        memcpy(l->line, l->at, kept);
        l->line[kept] = '\0';
        l->line[strcspn(l->line, "\r")] = '\0';
        l->at = stop ? stop + 1 : l->end;
        l->number++;
        if (l->line[strspn(l->line, " \t,")] != '\0')
            return true;
    }
    return false;
}

static int count_rows(struct lines l, int32_t *n_out)
{
    int32_t n = 0;
    while (next_line(&l))
        if (++n > MOST_ROWS)
            return glint_fail(GLINT_E_FORMAT, "%s: more than %d lines", l.name, MOST_ROWS);
    *n_out = n;
    return GLINT_OK;
}

static int reserve(const char *name, int32_t n, struct glint_trajectory **out)
{
    struct glint_trajectory *tr;
    GLINT_TRY(glint_trajectory_from_twist((struct glint_motion){{0}, {0}}, &tr));
    free(tr->stamp_ns);
    free(tr->pose);
    tr->constant = false;
    tr->stamp_ns = malloc(((size_t)n + 1) * sizeof *tr->stamp_ns);
    tr->pose = malloc(((size_t)n + 1) * sizeof *tr->pose);
    snprintf(tr->path, sizeof tr->path, "%s", name);
    if (!tr->stamp_ns || !tr->pose) {
        glint_trajectory_close(tr);
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for %d poses", name, n);
    }
    *out = tr;
    return GLINT_OK;
}

/* Adds a pose; stamps must rise. */
static int add(struct glint_trajectory *tr, int32_t line, int64_t stamp_ns, struct glint_pose pose)
{
    if (tr->n > 0 && stamp_ns <= tr->stamp_ns[tr->n - 1])
        return glint_fail(GLINT_E_FORMAT, "%s:%d: time %lld is not later than the row before", tr->path, line,
                          (long long)stamp_ns);
    tr->stamp_ns[tr->n] = stamp_ns;
    tr->pose[tr->n++] = pose;
    return GLINT_OK;
}

/* ---- CSV with named columns ---- */

enum column { STAMP, X, Y, Z, ROLL, PITCH, YAW, QW, QX, QY, QZ, VX, VY, VZ, WX, WY, WZ, COLUMNS };

static const struct {
    const char *name;
    enum column column;
} names[] = {{"stamp_ns", STAMP},
             {"timestamp_ns", STAMP},
             {"x", X},
             {"y", Y},
             {"z", Z},
             {"tx_m", X},
             {"ty_m", Y},
             {"tz_m", Z},
             {"roll", ROLL},
             {"pitch", PITCH},
             {"yaw", YAW},
             {"qw", QW},
             {"qx", QX},
             {"qy", QY},
             {"qz", QZ},
             {"vx", VX},
             {"speed", VX},
             {"vy", VY},
             {"vz", VZ},
             {"wx", WX},
             {"wy", WY},
             {"wz", WZ}};

struct table {
    int field[COLUMNS]; /* where the column stands, -1: nowhere */
    int n_fields;
    enum { RPY, QUATERNION, TWIST } kind;
};

static bool has_all(const struct table *t, enum column first, int n)
{
    for (int i = 0; i < n; i++)
        if (t->field[first + (enum column)i] < 0)
            return false;
    return true;
}

static int name_field(const struct lines *l, struct table *t, const char *text)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].name, text) != 0)
            continue;
        if (t->field[names[i].column] >= 0)
            return glint_fail(GLINT_E_FORMAT, "%s:%d: column %s is there twice", l->name, l->number, text);
        t->field[names[i].column] = t->n_fields;
    }
    t->n_fields++;
    return GLINT_OK;
}

static int read_header(struct lines *l, struct table *t)
{
    char *save = NULL;
    t->n_fields = 0;
    for (int i = 0; i < COLUMNS; i++)
        t->field[i] = -1;
    for (char *text = strtok_r(l->line, ", \t", &save); text; text = strtok_r(NULL, ", \t", &save)) {
        if (t->n_fields == MOST_FIELDS)
            return glint_fail(GLINT_E_FORMAT, "%s:%d: more than %d columns", l->name, l->number, MOST_FIELDS);
        GLINT_TRY(name_field(l, t, text));
    }
    const bool poses = has_all(t, X, 3), rpy = has_all(t, ROLL, 3), quaternion = has_all(t, QW, 4);
    const bool twist = has_all(t, WX, 3) && has_all(t, VX, 1);
    t->kind = quaternion ? QUATERNION : rpy ? RPY : TWIST;
    if (t->field[STAMP] < 0 || !((poses && (rpy || quaternion)) || (!poses && twist)))
        return glint_fail(GLINT_E_FORMAT,
                          "%s:%d: expected a header with stamp_ns and x, y, z, roll, pitch, yaw (or qw, qx, "
                          "qy, qz), or stamp_ns, speed, wx, wy, wz",
                          l->name, l->number);
    return GLINT_OK;
}

static int bad_field(const struct lines *l, int column, const char *text)
{
    return glint_fail(GLINT_E_FORMAT, "%s:%d: column %d is \"%.40s\", a number expected", l->name, l->number,
                      column + 1, text);
}

/* One row by columns; what is not in the table is 0. */
static int read_row(struct lines *l, const struct table *t, int64_t *stamp_out, double value[COLUMNS])
{
    char *fields[MOST_FIELDS], *save = NULL, *end;
    int n = 0;
    for (char *text = strtok_r(l->line, ", \t", &save); text && n < MOST_FIELDS;
         text = strtok_r(NULL, ", \t", &save))
        fields[n++] = text;
    if (n < t->n_fields)
        return glint_fail(GLINT_E_FORMAT, "%s:%d: %d columns, %d expected", l->name, l->number, n,
                          t->n_fields);
    for (int c = 0; c < COLUMNS; c++) {
        const int at = t->field[c];
        value[c] = 0;
        if (at < 0 || c == STAMP)
            continue;
        value[c] = strtod(fields[at], &end);
        if (end == fields[at] || *end || !(fabs(value[c]) < 1e9))
            return bad_field(l, at, fields[at]);
    }
    errno = 0;
    *stamp_out = strtoll(fields[t->field[STAMP]], &end, 10);
    if (errno || *stamp_out > LATEST || *stamp_out < -LATEST || end == fields[t->field[STAMP]] || *end)
        return bad_field(l, t->field[STAMP], fields[t->field[STAMP]]);
    return GLINT_OK;
}

static int pose_of_row(const struct lines *l, const struct table *t, const double value[COLUMNS],
                       struct glint_pose *pose)
{
    *pose = glint_pose_from_rpy(value[ROLL], value[PITCH], value[YAW], value + X);
    if (t->kind == QUATERNION) {
        memcpy(pose->q, value + QW, sizeof pose->q);
        if (glint_pose_unit(pose) < 0)
            return glint_fail(GLINT_E_FORMAT, "%s:%d: qw, qx, qy, qz are no unit quaternion", l->name,
                              l->number);
    }
    return GLINT_OK;
}

/* The mean of both rows' twists for the time between them. */
static struct glint_pose integrate(const struct glint_trajectory *tr, const double before[COLUMNS],
                                   const double now[COLUMNS], int64_t stamp_ns)
{
    struct glint_motion m;
    if (tr->n == 0)
        return glint_pose_identity();
    const double dt = (double)(stamp_ns - tr->stamp_ns[tr->n - 1]) * 1e-9;
    for (int k = 0; k < 3; k++) {
        m.v_m[k] = (before[VX + k] + now[VX + k]) / 2 * dt;
        m.w_rad[k] = (before[WX + k] + now[WX + k]) / 2 * dt;
    }
    return glint_pose_compose(tr->pose[tr->n - 1], glint_pose_exp(m));
}

static int read_csv(struct lines *l, struct glint_trajectory *tr)
{
    struct table t = {0};
    double before[COLUMNS] = {0}, value[COLUMNS];
    int64_t stamp = 0;
    GLINT_TRY(read_header(l, &t));
    while (next_line(l)) {
        struct glint_pose pose;
        GLINT_TRY(read_row(l, &t, &stamp, value));
        if (t.kind == TWIST)
            pose = integrate(tr, before, value, stamp);
        else
            GLINT_TRY(pose_of_row(l, &t, value, &pose));
        GLINT_TRY(add(tr, l->number, stamp, pose));
        memcpy(before, value, sizeof before);
    }
    return GLINT_OK;
}

/* ---- KITTI ---- */

static int read_matrix(struct lines *l, struct glint_pose *pose)
{
    double m[12];
    const char *at = l->line;
    for (int i = 0; i < 12; i++) {
        char *end;
        m[i] = strtod(at, &end);
        if (end == at)
            return glint_fail(GLINT_E_FORMAT, "%s:%d: 12 numbers of a 3 x 4 matrix expected, %d found",
                              l->name, l->number, i);
        at = end;
    }
    if (at[strspn(at, " \t")] != '\0' || glint_pose_from_matrix(m, pose) < 0)
        return glint_fail(GLINT_E_FORMAT, "%s:%d: not a 3 x 4 matrix of a rotation and a position", l->name,
                          l->number);
    return GLINT_OK;
}

static int read_time(struct lines *times, const struct lines *l, int64_t *stamp_out)
{
    char *end;
    if (!next_line(times))
        return glint_fail(GLINT_E_FORMAT, "%s: no time for the pose of %s:%d", times->name, l->name,
                          l->number);
    const double s = strtod(times->line, &end);
    if (end == times->line || end[strspn(end, " \t")] || !(fabs(s) < 4e9))
        return glint_fail(GLINT_E_FORMAT, "%s:%d: \"%.40s\", a time in seconds expected", times->name,
                          times->number, times->line);
    *stamp_out = llround(s * 1e9);
    return GLINT_OK;
}

static int read_kitti(struct lines *l, struct lines *times, struct glint_trajectory *tr)
{
    tr->by_frame = !times;
    if (tr->by_frame) {
        tr->gap_ns = INT64_C(1500000000);
        tr->beyond_ns = INT64_C(1000000000);
    }
    do {
        struct glint_pose pose;
        int64_t stamp = (int64_t)tr->n * 1000000000 + 500000000;
        GLINT_TRY(read_matrix(l, &pose));
        if (times)
            GLINT_TRY(read_time(times, l, &stamp));
        GLINT_TRY(add(tr, times ? times->number : l->number, stamp, pose));
    } while (next_line(l));
    return GLINT_OK;
}

/* ---- both ---- */

int glint_trajectory_parse(const char *name, const char *text, size_t size, const char *times_name,
                           const char *times, size_t times_size, struct glint_trajectory **trajectory_out)
{
    struct lines l = {.name = name, .at = text, .end = text + size};
    struct lines at_times = {.name = times_name, .at = times, .end = times ? times + times_size : NULL};
    int32_t n = 0;
    *trajectory_out = NULL;
    GLINT_TRY(count_rows(l, &n));
    struct glint_trajectory *tr = NULL;
    GLINT_TRY(reserve(name, n, &tr));
    int status = GLINT_OK;
    if (next_line(&l)) {
        const char first = l.line[strspn(l.line, " \t")];
        const bool header = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');
        status = header ? read_csv(&l, tr) : read_kitti(&l, times ? &at_times : NULL, tr);
    }
    if (status == GLINT_OK && tr->n == 0)
        status = glint_fail(GLINT_E_FORMAT, "%s: no poses in it", name);
    if (status < 0) {
        glint_trajectory_close(tr);
        return status;
    }
    *trajectory_out = tr;
    return GLINT_OK;
}

static const char *text_of(const struct glint_file *f)
{
    return f->data ? (const char *)f->data : "";
}

int glint_trajectory_load(const char *path, const char *times_path, struct glint_trajectory **trajectory_out)
{
    struct glint_file file, times = {0};
    *trajectory_out = NULL;
    GLINT_TRY(glint_file_open(&file, path));
    int status = times_path ? glint_file_open(&times, times_path) : GLINT_OK;
    if (status == GLINT_OK)
        status = glint_trajectory_parse(path, text_of(&file), file.size, times_path,
                                        times_path ? text_of(&times) : NULL, times.size, trajectory_out);
    if (times_path)
        glint_file_close(&times);
    glint_file_close(&file);
    return status;
}
