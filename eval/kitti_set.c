/* eval/kitti_set.c - see kitti_set.h. */
#include "eval/kitti_set.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void glint_kitti_scored_fini(struct glint_kitti_scored *s)
{
    glint_kitti_objects_fini(&s->truth);
    glint_kitti_objects_fini(&s->found);
    free(s->points);
    free(s->truth_box);
    free(s->found_box);
    *s = (struct glint_kitti_scored){0};
}

/* The camera's axes with ours put on them: z ahead, -x to the left, -y up. */
static const struct glint_kitti_calib upright = {.camera_from_velo = {0, -1, 0, 0, 0, 0, -1, 0, 1, 0, 0, 0},
                                                 .velo_from_camera = {0, 0, 1, 0, -1, 0, 0, 0, 0, -1, 0, 0}};

static struct glint_box *boxes_of(const struct glint_kitti_objects *objects,
                                  const struct glint_kitti_calib *calib)
{
    struct glint_box *box = malloc(((size_t)objects->n + 1) * sizeof *box);
    for (int32_t i = 0; box && i < objects->n; i++)
        glint_kitti_box_to_vehicle(calib, &objects->object[i], &box[i]);
    return box;
}

int glint_kitti_scored_place(struct glint_kitti_scored *s, const struct glint_kitti_calib *calib)
{
    free(s->points);
    free(s->truth_box);
    free(s->found_box);
    s->points = malloc(((size_t)s->truth.n + 1) * sizeof *s->points);
    s->truth_box = boxes_of(&s->truth, calib ? calib : &upright);
    s->found_box = boxes_of(&s->found, calib ? calib : &upright);
    if (!s->points || !s->truth_box || !s->found_box)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d boxes", s->truth.n + s->found.n);
    for (int32_t i = 0; i < s->truth.n; i++)
        s->points[i] = -1;
    return GLINT_OK;
}

/* Borders included, in the camera's frame: there boxes stand upright. */
static bool is_on(const struct glint_kitti_object *o, const double p[3])
{
    const double dx = p[0] - o->bottom[0], dz = p[2] - o->bottom[2], up = o->bottom[1] - p[1];
    if (!(up >= 0 && up <= o->size[0]) || fabs(dx) + fabs(dz) > o->size[1] + o->size[2])
        return false; /* nearly always, and without a sine */
    const double c = cos(o->rotation_y), s = sin(o->rotation_y);
    return fabs(c * dx - s * dz) <= 0.5 * o->size[2] && fabs(s * dx + c * dz) <= 0.5 * o->size[1];
}

void glint_kitti_scored_count(struct glint_kitti_scored *s, const struct glint_kitti_calib *calib,
                              const struct glint_points *points)
{
    const double *m = calib->camera_from_velo;
    for (int32_t i = 0; i < s->truth.n; i++)
        s->points[i] = s->truth.object[i].size[0] > 0 ? 0 : -1;
    for (int32_t k = 0; k < points->n; k++) {
        double p[3];
        for (int j = 0; j < 3; j++)
            p[j] = m[4 * j] * points->x[k] + m[4 * j + 1] * points->y[k] + m[4 * j + 2] * points->z[k] +
                   m[4 * j + 3];
        for (int32_t i = 0; i < s->truth.n; i++) {
            const struct glint_kitti_object *o = &s->truth.object[i];
            s->points[i] += s->points[i] >= 0 && is_on(o, p);
        }
    }
}

/* ---- bytes ---- */

void glint_kitti_scored_put(const struct glint_kitti_scored *s, struct glint_buffer *out)
{
    const int32_t counts[2] = {s->truth.n, s->found.n};
    const size_t n_truth = (size_t)s->truth.n, n_found = (size_t)s->found.n;
    glint_buffer_add(out, counts, sizeof counts);
    glint_buffer_add(out, s->truth.object, n_truth * sizeof *s->truth.object);
    glint_buffer_add(out, s->found.object, n_found * sizeof *s->found.object);
    glint_buffer_add(out, s->points, n_truth * sizeof *s->points);
    glint_buffer_add(out, s->truth_box, n_truth * sizeof *s->truth_box);
    glint_buffer_add(out, s->found_box, n_found * sizeof *s->found_box);
    glint_buffer_add(out, s->latency_ns, sizeof s->latency_ns);
    glint_buffer_add(out, &s->total_ns, sizeof s->total_ns);
}

/* A new block of the next n x size bytes; NULL (and *status_out) when there is none. */
static void *take(struct glint_blob *in, int32_t n, size_t size, int *status_out)
{
    const void *bytes = NULL;
    if (*status_out == GLINT_OK)
        *status_out = glint_blob_view(in, (size_t)n * size, &bytes);
    if (*status_out < 0)
        return NULL;
    void *block = malloc((size_t)n * size + 1);
    if (block)
        memcpy(block, bytes, (size_t)n * size);
    else
        *status_out = glint_fail(GLINT_E_NOMEM, "no memory for %d boxes", n);
    return block;
}

static int get(struct glint_kitti_scored *s, struct glint_blob *in)
{
    int32_t counts[2];
    int status = GLINT_OK;
    GLINT_TRY(glint_blob_read(in, counts, sizeof counts));
    if (counts[0] < 0 || counts[1] < 0)
        return glint_fail(GLINT_E_FORMAT, "a part of the evaluation has %d and %d boxes", counts[0],
                          counts[1]);
    s->truth.n = s->truth.cap = counts[0];
    s->found.n = s->found.cap = counts[1];
    s->truth.object = take(in, counts[0], sizeof *s->truth.object, &status);
    s->found.object = take(in, counts[1], sizeof *s->found.object, &status);
    s->points = take(in, counts[0], sizeof *s->points, &status);
    s->truth_box = take(in, counts[0], sizeof *s->truth_box, &status);
    s->found_box = take(in, counts[1], sizeof *s->found_box, &status);
    GLINT_TRY(status);
    GLINT_TRY(glint_blob_read(in, s->latency_ns, sizeof s->latency_ns));
    return glint_blob_read(in, &s->total_ns, sizeof s->total_ns);
}

int glint_kitti_scored_get(struct glint_kitti_scored *s, struct glint_blob *in)
{
    glint_kitti_scored_fini(s);
    const int status = get(s, in);
    if (status < 0)
        glint_kitti_scored_fini(s);
    return status;
}

int glint_kitti_set_ap(const struct glint_kitti_scored *scored, int32_t n, struct glint_kitti_ap *ap_out)
{
    struct glint_kitti_frame *frames = malloc(((size_t)n + 1) * sizeof *frames);
    if (!frames)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d frames", n);
    for (int32_t i = 0; i < n; i++)
        frames[i] = (struct glint_kitti_frame){scored[i].truth.object, scored[i].found.object,
                                               scored[i].truth.n, scored[i].found.n};
    const int status = glint_kitti_ap_compute(frames, n, ap_out);
    free(frames);
    return status;
}
