/* model/op_flatpoint.c - operations of the "flatpoint" architecture as layers; see flatpoint.h. */
#include "core/status.h"
#include "model/flatpoint.h"
#include "model/nms.h"
#include "model/peaks.h"
#include "model/run.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

extern const struct glint_op_info glint_op_patch_merge, glint_op_peak_head, glint_op_distance_nms,
    glint_op_point_head;

/* patch_merge */

static int patch_merge_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_patch_merge_params *p = layer->params;
    return glint_bind_joined(bind, &p->affine, p->merge.stride * p->merge.stride, &p->merge.w);
}

static int patch_merge_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_patch_merge_params *p = layer->params;
    const struct glint_map out = glint_run_map(r, layer->out[0]);
    const struct glint_voxels *v = r->voxels;
    glint_run_flop(r, layer, 2.0 * v->n_voxels * p->affine.k * p->affine.n);
    return glint_patch_merge(r->exec, &p->merge, glint_run_floats(r, layer->in[0]), v->coord, v->n_voxels,
                             &out, glint_run_bytes(r, layer->out[1]));
}

static void patch_merge_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_patch_merge_params *p = layer->params;
    snprintf(text, size, "%d x %d pillars, %d -> %d", p->merge.stride, p->merge.stride, p->affine.k,
             p->affine.n);
}

const struct glint_op_info glint_op_patch_merge = {
    .name = "patch_merge",
    .params_size = sizeof(struct glint_patch_merge_params),
    .bind = patch_merge_bind,
    .run = patch_merge_run,
    .text = patch_merge_text,
};

/* peak_head: a value of peaks is one block */

struct found {
    int32_t n;
    struct glint_peak *peak;
    int32_t *cell; /* n x 2 */
    float *values; /* n x GLINT_PATCH_OUTPUTS */
    struct glint_box *box;
    int32_t *keep;
};

static const size_t found_sizes[] = {sizeof(struct glint_peak), 2 * sizeof(int32_t),
                                     GLINT_PATCH_OUTPUTS * sizeof(float), sizeof(struct glint_box),
                                     sizeof(int32_t)};

size_t glint_peak_head_bytes(int32_t max_peaks)
{
    size_t bytes = glint_arena_round(sizeof(struct found));
    for (size_t i = 0; i < sizeof found_sizes / sizeof *found_sizes; i++)
        bytes += glint_arena_round((size_t)max_peaks * found_sizes[i]);
    return bytes;
}

static struct found *carve(void *memory, int32_t max_peaks)
{
    struct found *f = memory;
    uint8_t *at = (uint8_t *)memory + glint_arena_round(sizeof *f), *part[5];
    for (int i = 0; i < 5; i++) {
        part[i] = at;
        at += glint_arena_round((size_t)max_peaks * found_sizes[i]);
    }
    *f = (struct found){
        0, (void *)part[0], (void *)part[1], (void *)part[2], (void *)part[3], (void *)part[4]};
    return f;
}

static int peak_head_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_peak_head_params *p = layer->params;
    GLINT_TRY(glint_bind_affine(bind, &p->l1, &p->head.l1));
    GLINT_TRY(glint_bind_affine(bind, &p->l2, &p->head.l2));
    return glint_bind_affine(bind, &p->l3, &p->head.l3);
}

static float least_score(const struct glint_run *r, const struct glint_peak_head_params *p, int32_t label)
{
    return r->score >= 0 ? r->score : p->score[label];
}

/* The best peaks of all classes, less those below their class's score. */
static int find_peaks(struct glint_run *r, const struct glint_peak_head_params *p,
                      const struct glint_map *heat, struct found *f)
{
    struct glint_peaks_rule rule = {.threshold = 1, .max_peaks = p->max_peaks, .local_max = true};
    int32_t n;
    for (int32_t c = 0; c < heat->c; c++)
        rule.threshold = fminf(rule.threshold, least_score(r, p, c));
    GLINT_TRY(glint_peaks(r->exec, heat, NULL, &rule, f->peak, &n));
    for (int32_t i = 0; i < n; i++)
        if (f->peak[i].score > least_score(r, p, f->peak[i].label))
            f->peak[f->n++] = f->peak[i];
    return GLINT_OK;
}

static bool finite_box(const struct glint_box *box)
{
    bool finite = isfinite(box->yaw);
    for (int k = 0; k < 3; k++)
        finite = finite && isfinite(box->center[k]) && isfinite(box->size[k]);
    return finite;
}

/* The boxes of all peaks; absurd weights can make some that are no boxes, which are left out. */
static void make_boxes(const struct glint_peak_head_params *p, struct found *f)
{
    int32_t n = 0;
    for (int32_t i = 0; i < f->n; i++) {
        const struct glint_peak *peak = &f->peak[i];
        struct glint_box *box = &f->box[n];
        glint_head_patch_box(&p->head, f->values + (size_t)i * GLINT_PATCH_OUTPUTS, peak->row, peak->col,
                             box);
        box->score = peak->score;
        box->label = peak->label;
        n += finite_box(box);
    }
    f->n = n;
}

static int peak_head_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_peak_head_params *p = layer->params;
    const struct glint_map heat = glint_run_map(r, layer->in[0]), map = glint_run_map(r, layer->in[1]);
    struct found *f = carve(glint_run_bytes(r, layer->out[0]), p->max_peaks);
    GLINT_TRY(find_peaks(r, p, &heat, f));
    for (int32_t i = 0; i < f->n; i++) {
        f->cell[2 * i] = f->peak[i].row;
        f->cell[2 * i + 1] = f->peak[i].col;
    }
    GLINT_TRY(glint_head_patch(r->exec, &p->head, &map, f->cell, f->n, f->values));
    const struct glint_weights *l1 = &p->head.l1, *l2 = &p->head.l2, *l3 = &p->head.l3;
    glint_run_flop(r, layer,
                   2.0 * f->n * ((double)l1->k * l1->n + (double)l2->k * l2->n + (double)l3->k * l3->n));
    glint_run_tap(r, "head.box", GLINT_DTYPE_F32, 2, (const int64_t[]){f->n, GLINT_PATCH_OUTPUTS}, f->values);
    make_boxes(p, f);
    return GLINT_OK;
}

static size_t peak_head_scratch(const struct glint_net *net, const struct glint_layer *layer)
{
    const struct glint_peak_head_params *p = layer->params;
    const size_t patch = glint_head_patch_scratch(&p->head, net->values[layer->in[1]].c);
    const size_t peaks = glint_peaks_scratch(p->max_peaks);
    return patch > peaks ? patch : peaks;
}

static void peak_head_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_peak_head_params *p = layer->params;
    snprintf(text, size, "best %d peaks, patch of %d x %d, %d -> %d -> %d", p->max_peaks, p->head.patch,
             p->head.patch, p->l1.k, p->l1.n, p->l3.n);
}

const struct glint_op_info glint_op_peak_head = {
    .name = "peak_head",
    .params_size = sizeof(struct glint_peak_head_params),
    .bind = peak_head_bind,
    .scratch = peak_head_scratch,
    .run = peak_head_run,
    .text = peak_head_text,
};

/* distance_nms */

/* Classes of one group exclude each other at the larger of their distances. */
static void distance_matrix(const struct glint_peak_head_params *p, int32_t n, float *matrix)
{
    for (int32_t a = 0; a < n; a++)
        for (int32_t b = 0; b < n; b++)
            matrix[a * n + b] =
                p->class_group[a] == p->class_group[b] ? fmaxf(p->distance_m[a], p->distance_m[b]) : 0.0f;
}

/* The frame's boxes as one table, for comparison with other implementations: det.boxes has x y z l w h yaw.
 */
static void distance_nms_show(struct glint_run *r, const struct glint_layer *layer)
{
    (void)layer;
    const int32_t n = r->frame->n_boxes;
    const size_t mark = glint_arena_mark(&r->tap_memory);
    float *box = glint_arena_alloc(&r->tap_memory, (size_t)n * 7 * sizeof *box);
    float *score = glint_arena_alloc(&r->tap_memory, (size_t)n * sizeof *score);
    int32_t *label = glint_arena_alloc(&r->tap_memory, (size_t)n * sizeof *label);
    for (int32_t i = 0; box && score && label && i < n; i++) {
        const struct glint_box *b = &r->frame->boxes[i];
        memcpy(box + 7 * i, b->center, sizeof b->center);
        memcpy(box + 7 * i + 3, b->size, sizeof b->size);
        box[7 * i + 6] = b->yaw;
        score[i] = b->score;
        label[i] = b->label;
    }
    if (box && score && label) {
        glint_run_tap(r, "det.boxes", GLINT_DTYPE_F32, 2, (const int64_t[]){n, 7}, box);
        glint_run_tap(r, "det.scores", GLINT_DTYPE_F32, 1, (const int64_t[]){n}, score);
        glint_run_tap(r, "det.labels", GLINT_DTYPE_I32, 1, (const int64_t[]){n}, label);
    }
    glint_arena_reset(&r->tap_memory, mark);
}

static int distance_nms_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_peak_head_params *p = layer->params;
    const struct found *f = glint_run_bytes(r, layer->in[0]);
    const int32_t n_classes = r->config->n_classes;
    float matrix[GLINT_CLASSES_MAX * GLINT_CLASSES_MAX];
    distance_matrix(p, n_classes, matrix);
    const int32_t n = glint_nms_distance(f->box, NULL, f->n, matrix, n_classes, r->frame->cap_boxes, f->keep);
    for (int32_t i = 0; i < n; i++)
        r->frame->boxes[i] = f->box[f->keep[i]];
    r->frame->n_boxes = n;
    return GLINT_OK;
}

const struct glint_op_info glint_op_distance_nms = {
    .name = "distance_nms",
    .params_size = sizeof(struct glint_peak_head_params),
    .run = distance_nms_run,
    .show = distance_nms_show,
};

/* point_head */

static int point_head_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_point_head_params *p = layer->params;
    GLINT_TRY(glint_bind_affine(bind, &p->point, &p->head.point));
    GLINT_TRY(glint_bind_affine(bind, &p->token, &p->head.token));
    GLINT_TRY(glint_bind_affine(bind, &p->cell, &p->head.cell));
    return glint_bind_affine(bind, &p->out, &p->head.out);
}

static int point_head_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_point_head_params *p = layer->params;
    const struct glint_voxels *v = r->voxels;
    const struct glint_map map = glint_run_map(r, layer->in[2]);
    struct glint_frame *frame = r->frame;
    float *logits = layer->n_out > 1 ? glint_run_floats(r, layer->out[1]) : NULL;
    memset(frame->point_class, 255, (size_t)frame->points.n);
    memset(frame->point_confidence, 0, (size_t)frame->points.n);
    const double per_point = (double)p->point.k * p->point.n + (double)p->out.k * p->out.n;
    const double per_pillar = (double)(p->token.k + p->cell.k) * p->cell.n;
    glint_run_flop(r, layer, 2.0 * (v->n_points * per_point + v->n_voxels * per_pillar));
    GLINT_TRY(glint_head_points(r->exec, &p->head, glint_run_floats(r, layer->in[0]), v->point, v->start,
                                v->coord, v->n_voxels, glint_run_floats(r, layer->in[1]), &map,
                                glint_run_floats(r, layer->out[0]), frame->point_class,
                                frame->point_confidence, logits));
    frame->has_masks = true;
    return GLINT_OK;
}

static void point_head_show(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_point_head_params *p = layer->params;
    const struct glint_voxels *v = r->voxels;
    const struct glint_frame *frame = r->frame;
    const float *logits = layer->n_out > 1 ? glint_run_floats(r, layer->out[1]) : NULL;
    if (logits) {
        glint_run_tap(r, "point.index", GLINT_DTYPE_I32, 1, (const int64_t[]){v->n_points}, v->point);
        glint_run_tap(r, "point.logits", GLINT_DTYPE_F32, 2, (const int64_t[]){v->n_points, p->n_classes},
                      logits);
        glint_run_tap(r, "point_label", GLINT_DTYPE_U8, 1, (const int64_t[]){frame->points.n},
                      frame->point_class);
    }
}

static size_t point_head_scratch(const struct glint_net *net, const struct glint_layer *layer)
{
    (void)net;
    const struct glint_point_head_params *p = layer->params;
    return glint_head_points_scratch(&p->head);
}

static void point_head_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_point_head_params *p = layer->params;
    snprintf(text, size, "%d + %d + %d -> %d -> %d", p->point.k, p->token.k, p->cell.k, p->out.k, p->out.n);
}

const struct glint_op_info glint_op_point_head = {
    .name = "point_head",
    .params_size = sizeof(struct glint_point_head_params),
    .bind = point_head_bind,
    .scratch = point_head_scratch,
    .run = point_head_run,
    .show = point_head_show,
    .text = point_head_text,
};
