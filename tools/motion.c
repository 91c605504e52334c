/* tools/motion.c - see motion.h. */
#include "tools/motion.h"
#include "calib/extrinsics.h"
#include "glint/status.h"
#include "tools/shared_options.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One of the words; false after a line. */
static bool take_word(const struct glint_command *c, const char *option, const char *value,
                      const char *const *words, int n, int *out)
{
    char list[128] = "";
    for (*out = 0; *out < n; ++*out) {
        if (strcmp(words[*out], value) == 0)
            return true;
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", *out ? ", " : "", words[*out]);
    }
    glint_usage_error(c, "%s %s: expected one of %s", option, value, list);
    return false;
}

/* Six numbers, or two: forward speed and turn to the left. */
static bool take_twist(struct glint_motion_options *m, const struct glint_command *c, const char *value)
{
    double v[6];
    char end;
    const int n = sscanf(value, "%lf,%lf,%lf,%lf,%lf,%lf%c", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &end);
    m->has_twist = true;
    if (n == 6) {
        memcpy(m->twist.v_m, v, sizeof m->twist.v_m);
        memcpy(m->twist.w_rad, v + 3, sizeof m->twist.w_rad);
        return true;
    }
    if (sscanf(value, "%lf,%lf%c", &v[0], &v[1], &end) == 2) {
        m->twist = (struct glint_motion){{v[0], 0, 0}, {0, 0, v[1]}};
        return true;
    }
    glint_usage_error(c, "--twist %s: expected VX,VY,VZ,WX,WY,WZ or VX,WZ", value);
    return false;
}

static bool take_names(struct glint_motion_options *m, const struct glint_command *c, const char *value)
{
    m->n_merge = 0;
    if (strlen(value) >= sizeof m->names) {
        glint_usage_error(c, "--merge: the names are too long");
        return false;
    }
    strcpy(m->names, value);
    for (char *at = m->names, *end; at; at = end) {
        end = strchr(at, ',');
        if (end)
            *end++ = '\0';
        if (!at[0] || m->n_merge == GLINT_MERGE_SENSORS) {
            glint_usage_error(c, "--merge %s: expected A,B,...: 1 to %d frames of sensors", value,
                              GLINT_MERGE_SENSORS);
            return false;
        }
        m->merge_name[m->n_merge++] = at;
    }
    return true;
}

bool glint_motion_take(struct glint_motion_options *m, const struct glint_command *c, int key,
                       const char *value)
{
    static const char *const moments[] = {"off", "start", "middle", "end"}; /* as enum glint_deskew */
    static const char *const ways[] = {"se3", "linear"};
    int word = 0;
    switch (key) {
    case GLINT_KEY_POSES:
        m->poses_path = value;
        return true;
    case GLINT_KEY_POSE_TIMES:
        m->times_path = value;
        return true;
    case GLINT_KEY_TWIST:
        return take_twist(m, c, value);
    case GLINT_KEY_DESKEW:
        m->has_deskew = take_word(c, "--deskew", value, moments, 4, &word);
        m->deskew = (enum glint_deskew)word;
        return m->has_deskew;
    case GLINT_KEY_BETWEEN:
        if (!take_word(c, "--between", value, ways, 2, &word))
            return false;
        m->linear = word == 1;
        return true;
    case GLINT_KEY_EXTRINSICS:
        m->extrinsics_path = value;
        return true;
    case GLINT_KEY_FRAME:
        m->frame = value;
        return true;
    case GLINT_KEY_MERGE:
        return take_names(m, c, value);
    case GLINT_KEY_DEADLINE:
        return glint_value_int(c, "--deadline", value, 1, 60000, &m->deadline_ms);
    default:
        return glint_value_int(c, "--stack", value, 1, GLINT_PIPELINE_STACK, &m->stack);
    }
}

static int check(const struct glint_motion_options *m, const struct glint_command *c, int32_t n_inputs)
{
    const bool poses = m->poses_path || m->has_twist;
    if (m->poses_path && m->has_twist)
        return glint_usage_error(c, "--poses and --twist: one of them expected");
    if (m->times_path && !m->poses_path)
        return glint_usage_error(c, "--pose-times goes with --poses");
    if (!poses && m->has_deskew && m->deskew != GLINT_DESKEW_OFF)
        return glint_usage_error(c, "--deskew needs --poses FILE or --twist V");
    if (!poses && m->stack > 1)
        return glint_usage_error(c,
                                 "--stack needs --poses FILE or --twist V (0,0 for a vehicle that stands)");
    if (m->frame && !m->extrinsics_path)
        return glint_usage_error(c, "--frame goes with --extrinsics FILE");
    if (m->n_merge > 0 && !m->extrinsics_path)
        return glint_usage_error(c, "--merge goes with --extrinsics FILE");
    if (m->n_merge > 0 && m->frame)
        return glint_usage_error(c, "--merge names the frames, --frame is for a single sensor");
    if (m->n_merge > 0 && m->n_merge != n_inputs)
        return glint_usage_error(c, "--merge names %d sensors, but there are %d inputs", m->n_merge,
                                 n_inputs);
    if (m->deadline_ms > 0 && m->n_merge == 0)
        return glint_usage_error(c, "--deadline goes with --merge");
    return 0;
}

static int open_trajectory(struct glint_motion_options *m)
{
    int status = GLINT_OK;
    if (m->has_twist)
        status = glint_trajectory_from_twist(m->twist, &m->trajectory);
    else if (m->poses_path)
        status = glint_trajectory_load(m->poses_path, m->times_path, &m->trajectory);
    if (status == GLINT_OK && m->trajectory)
        m->trajectory->how = m->linear ? GLINT_INTERPOLATE_LINEAR : GLINT_INTERPOLATE_SE3;
    return status;
}

static int open_mount(struct glint_motion_options *m, const struct glint_command *c)
{
    if (!m->extrinsics_path)
        return 0;
    struct glint_extrinsics *e = calloc(1, sizeof *e);
    int code = 0, status = e ? glint_extrinsics_load(m->extrinsics_path, e) : GLINT_E_NOMEM;
    const char *frame = m->frame;
    for (int32_t i = 0; i < m->n_merge && status == GLINT_OK; i++)
        status = glint_extrinsics_between(e, m->merge_name[i], e->frame[0].name, &m->merge_mount[i]);
    if (m->n_merge > 0)
        frame = e ? e->frame[0].name : NULL; /* then points are in the vehicle's frame */
    if (status == GLINT_OK && !frame && e->n == 2)
        frame = e->frame[1].name;
    if (status == GLINT_OK && !frame)
        code = glint_usage_error(c, "%s has %d frames: --frame NAME says which is the sensor's",
                                 m->extrinsics_path, e->n);
    else if (status == GLINT_OK)
        status = glint_extrinsics_between(e, frame, e->frame[0].name, &m->mount);
    if (status < 0)
        code = glint_report_failure(status, GLINT_SIDE_INPUT);
    m->has_mount = code == 0 && m->n_merge == 0;
    free(e);
    return code;
}

int glint_motion_open(struct glint_motion_options *m, const struct glint_command *c, int32_t n_inputs)
{
    int code = check(m, c, n_inputs);
    if (code)
        return code;
    const int status = open_trajectory(m);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    if (m->trajectory && !m->has_deskew)
        m->deskew = GLINT_DESKEW_MIDDLE;
    return open_mount(m, c);
}

void glint_motion_close(struct glint_motion_options *m)
{
    glint_trajectory_close(m->trajectory);
    m->trajectory = NULL;
}

void glint_motion_set(const struct glint_motion_options *m, struct glint_pipeline_settings *settings)
{
    if (!m)
        return;
    settings->poses = m->trajectory;
    settings->mount = m->has_mount ? &m->mount : NULL;
    settings->deskew = m->trajectory ? m->deskew : GLINT_DESKEW_OFF;
    settings->stack = m->stack;
}

int32_t glint_motion_cap_points(const struct glint_motion_options *m, int32_t cap_points)
{
    const int32_t n = m && m->stack > 1 ? m->stack : 1;
    return cap_points > INT32_MAX / n ? INT32_MAX : cap_points * n;
}
