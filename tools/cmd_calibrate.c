/* tools/cmd_calibrate.c - where one sensor sits relative to another, from scans of both that overlap. */
#include "calib/extrinsics.h"
#include "calib/icp.h"
#include "glint/status.h"
#include "tools/commands.h"
#include "tools/first_frame.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEG (3.14159265358979323846 / 180)

enum { INIT = 1, NAME_A, NAME_B, OUT };

struct job {
    const struct glint_command *command;
    const char *input[2], *init, *name[2], *out; /* [0] A, [1] B */
    int n_inputs;
    struct glint_extrinsics tree;
    struct glint_pose guess; /* A from B */
    struct glint_icp_result result;
};

/* ---- the command line ---- */

static bool take(struct job *j, int arg, const char *value)
{
    switch (arg) {
    case INIT:
        j->init = value;
        return true;
    case NAME_A:
        j->name[0] = value;
        return true;
    case NAME_B:
        j->name[1] = value;
        return true;
    case OUT:
        j->out = value;
        return true;
    default:
        if (j->n_inputs == 2) {
            glint_usage_error(j->command, "%s: a third input, two scans expected", value);
            return false;
        }
        j->input[j->n_inputs++] = value;
        return true;
    }
}

/* 0, or what to return plus one. */
static int parse(struct job *j, int argc, char **argv)
{
    struct glint_arguments a = {j->command, argc, 1, argv, false};
    const char *value;
    for (int arg; (arg = glint_arguments_next(&a, &value)) != GLINT_ARG_END;) {
        if (arg == GLINT_ARG_ERROR || arg == GLINT_ARG_HELP)
            return 1 + glint_arguments_exit(arg);
        if (!take(j, arg, value))
            return 1 + GLINT_EXIT_USAGE;
    }
    if (j->n_inputs < 2)
        return 1 +
               glint_usage_error(j->command, "two inputs expected: a scan of sensor A and one of sensor B");
    return j->out ? 0 : 1 + glint_usage_error(j->command, "--out FILE.yaml is needed");
}

/* ---- the tree before and after ---- */

/* Without --a and --b: the two frames of the file besides its root, or the root and its only one. */
static int choose_names(struct job *j)
{
    const struct glint_extrinsics *e = &j->tree;
    if (j->name[0] && j->name[1])
        return 0;
    if (j->name[0] || j->name[1] || e->n > 3)
        return glint_usage_error(
            j->command, "%s has %d frames: --a NAME and --b NAME say which are the sensors'", j->init, e->n);
    j->name[0] = e->frame[e->n == 3 ? 1 : 0].name;
    j->name[1] = e->frame[e->n - 1].name;
    return 0;
}

/* B's pose is what changes, so A may not hang on it. */
static int check_order(const struct job *j)
{
    const struct glint_extrinsics *e = &j->tree;
    const int b = glint_extrinsics_find(e, j->name[1]);
    for (int i = glint_extrinsics_find(e, j->name[0]); i >= 0; i = e->frame[i].parent)
        if (i == b)
            return glint_usage_error(j->command, "%s hangs below %s: give the scans in the other order",
                                     j->name[0], j->name[1]);
    return 0;
}

static int open_tree(struct job *j)
{
    if (!j->init) {
        j->name[0] = j->name[0] ? j->name[0] : "lidar_a";
        j->name[1] = j->name[1] ? j->name[1] : "lidar_b";
        j->guess = glint_pose_identity();
        glint_extrinsics_init(&j->tree, j->name[0]);
        const int status = glint_extrinsics_add(&j->tree, j->name[1], j->name[0], j->guess);
        return status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : 0;
    }
    int status = glint_extrinsics_load(j->init, &j->tree);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    const int code = choose_names(j);
    if (code)
        return code;
    status = glint_extrinsics_between(&j->tree, j->name[1], j->name[0], &j->guess);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : check_order(j);
}

/* Parent from B = parent from A, A from B. */
static void set_result(struct job *j)
{
    struct glint_extrinsics *e = &j->tree;
    struct glint_extrinsics_frame *b = &e->frame[glint_extrinsics_find(e, j->name[1])];
    struct glint_pose parent_from_a = glint_pose_identity();
    (void)glint_extrinsics_between(e, j->name[0], e->frame[b->parent].name,
                                   &parent_from_a); /* both are there */
    b->pose = glint_pose_compose(parent_from_a, j->result.a_from_b);
}

/* ---- the work ---- */

static int load(const char *path, float **xyz_out, int32_t *n_out)
{
    struct glint_first_frame first;
    *xyz_out = NULL;
    const int status = glint_first_frame_open(&first, path, NULL, NULL);
    if (status < 0)
        return status;
    const struct glint_points *p = &first.frame->points;
    float *xyz = malloc(((size_t)p->n + 1) * 3 * sizeof *xyz);
    for (int32_t i = 0; xyz && i < p->n; i++) {
        xyz[3 * (size_t)i] = p->x[i];
        xyz[3 * (size_t)i + 1] = p->y[i];
        xyz[3 * (size_t)i + 2] = p->z[i];
    }
    *n_out = p->n;
    *xyz_out = xyz;
    glint_first_frame_close(&first);
    return xyz ? GLINT_OK : GLINT_E_NOMEM;
}

static int register_scans(struct job *j)
{
    float *xyz[2] = {NULL, NULL};
    int32_t n[2] = {0, 0};
    int status = load(j->input[0], &xyz[0], &n[0]);
    if (status == GLINT_OK)
        status = load(j->input[1], &xyz[1], &n[1]);
    if (status == GLINT_OK)
        status = glint_icp(xyz[0], n[0], xyz[1], n[1], j->guess, NULL, &j->result);
    free(xyz[0]);
    free(xyz[1]);
    return status;
}

/* Lines with what is known about the result, for people and for the file. */
static void describe(const struct job *j, char *text, size_t size)
{
    const struct glint_icp_result *r = &j->result;
    const double *t = r->a_from_b.t;
    double rpy[3];
    char rival[80] = "no other pose near the first guess fits nearly as well\n";
    if (r->rival > 0)
        snprintf(rival, sizeof rival, "another pose fits %.0f %% as well\n", 100 * r->rival);
    glint_pose_to_rpy(r->a_from_b, rpy);
    snprintf(text, size,
             "%s from %s: translation %.4f, %.4f, %.4f m, roll, pitch, yaw %.4f, %.4f, %.4f deg\n"
             "moved from the first guess by %.4f m, %.4f deg in %d steps\n"
             "overlap %.1f %% of the points of %s; of those, %.1f %% within 0.1 m of a surface: rms %.4f m, "
             "median "
             "%.4f m\n"
             "least determined %s: standard deviation %.5f m (condition %.4f; 1 is best)\n%s",
             j->name[0], j->name[1], t[0], t[1], t[2], rpy[0] / DEG, rpy[1] / DEG, rpy[2] / DEG, r->moved_m,
             r->moved_rad / DEG, r->iterations, 100 * r->overlap, j->name[1], 100 * r->inliers, r->rms_m,
             r->median_m, r->weak_text, r->sigma_m, r->condition, rival);
}

static int calibrate(struct job *j)
{
    char text[1200];
    const int code = open_tree(j);
    if (code)
        return code;
    int status = register_scans(j);
    if (j->result.n_pairs > 0) {
        describe(j, text, sizeof text);
        fputs(text, stderr);
    }
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    set_result(j);
    status = glint_extrinsics_write(&j->tree, text, j->out);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_OUTPUT) : GLINT_EXIT_OK;
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return GLINT_EXIT_FAILED;
    j->command = c;
    int code = parse(j, argc, argv);
    code = code ? code - 1 : calibrate(j);
    free(j);
    return code;
}

static const struct glint_option options[] = {
    {"--out", "FILE", "extrinsics (YAML) with the pose found", OUT},
    {"--init", "FILE", "extrinsics (YAML) with a first guess, right to some metres and ten degrees", INIT},
    {"--a", "NAME", "frame of sensor A in there (default: the first, or lidar_a)", NAME_A},
    {"--b", "NAME", "frame of sensor B, whose pose is found (default: the second, or lidar_b)", NAME_B},
    {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_calibrate = {
    "calibrate",
    "where a sensor sits relative to another, from scans that overlap",
    "A B --out FILE [options]\n\nA, B: a scan of each sensor at the same moment, standing: .pcap (its first "
    "frame), .bin, .pcd",
    "  glint calibrate front.pcap left.pcap --init guess.yaml --out extrinsics.yaml\n",
    options,
    run};
