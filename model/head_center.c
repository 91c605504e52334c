/* model/head_center.c - see head_center.h.
 *
 * The best cells are kept in a heap with the worst on top, so that memory is bounded whatever the maps hold;
 * most cells fail one comparison of the logit with that of the least score, before any exponential. The order
 * (score, then class, then cell) is total, so the result does not depend on how cells are visited. */
#include "model/head_center.h"
#include "core/box.h"
#include "core/status.h"
#include "model/nms.h"
#include <math.h>
#include <string.h>

#define TOP_K_MAX 65536
#define GLINT_PI  3.14159265358979323846

static const struct {
    const char *name;
    int32_t channels;
} branches[] = {
#define GLINT_CENTER_ENTRY(upper, name, channels) {#name, channels},
    GLINT_CENTER_MAP(GLINT_CENTER_ENTRY)
#undef GLINT_CENTER_ENTRY
};

const char *glint_center_branch_name(enum glint_center_branch branch, enum glint_center_style style)
{
    static const char *const pcdet[GLINT_CENTER_BRANCHES] = {"center", "center_z", "dim", "rot",
                                                             "vel",    "iou",      "hm"};
    return style == GLINT_CENTER_PCDET ? pcdet[branch] : branches[branch].name;
}

int32_t glint_center_branch_channels(enum glint_center_branch branch, int32_t n_classes)
{
    return branches[branch].channels ? branches[branch].channels : n_classes;
}

/* Memory */

static size_t carve(struct glint_candidates *c, uint8_t *memory, int32_t cap, int32_t n_raw)
{
    const size_t words[] = {GLINT_CENTER_BOX, 1, 1, 2, (size_t)n_raw, 1};
    uint8_t *part[6];
    size_t used = 0;
    for (int i = 0; i < 6; i++) {
        part[i] = memory ? memory + used : NULL;
        used += glint_arena_round((size_t)cap * words[i] * 4);
    }
    if (memory)
        *c = (struct glint_candidates){cap,
                                       0,
                                       n_raw,
                                       (float *)part[0],
                                       (float *)part[1],
                                       (int32_t *)part[2],
                                       (int32_t *)part[3],
                                       (float *)part[4],
                                       (int32_t *)part[5]};
    return used;
}

size_t glint_candidates_bytes(int32_t cap, int32_t n_raw)
{
    return carve(NULL, NULL, cap, n_raw);
}

void glint_candidates_init(struct glint_candidates *c, void *memory, int32_t cap, int32_t n_raw)
{
    carve(c, memory, cap, n_raw);
}

/* Configuration */

static int check_order(struct glint_json section, const float range[6])
{
    for (size_t k = 0; k < 3; k++)
        if (!(range[k] <= range[3 + k]))
            return glint_json_fail(glint_json_at(glint_json_get(section, "range"), k),
                                   "three lowest, then three highest coordinates expected");
    return GLINT_OK;
}

int glint_center_config(const struct glint_model_config *config, struct glint_center *c)
{
    struct glint_json decode, nms;
    double power = 0;
    const int32_t n = config->n_classes;
    GLINT_TRY(glint_config_section(config->root, "decode", "top_k score iou_power iou_alpha range", &decode));
    GLINT_TRY(glint_config_section(config->root, "nms", "iou pre post range turn_rad", &nms));
    *c = (struct glint_center){.n_classes = n};
    GLINT_TRY(glint_json_i32(decode, "top_k", 1, TOP_K_MAX, &c->top_k));
    GLINT_TRY(glint_config_floats(decode, "score", n, 0, 1, c->score));
    GLINT_TRY(glint_config_optional_f64(decode, "iou_power", 0, 16, &power));
    GLINT_TRY(glint_config_floats(decode, "range", 6, -1e4, 1e4, c->range));
    GLINT_TRY(check_order(decode, c->range));
    GLINT_TRY(glint_config_floats(nms, "iou", n, 0, 1, c->nms_iou));
    GLINT_TRY(glint_json_i32s(nms, "pre", n, GLINT_CLASSES_MAX, 1, TOP_K_MAX, c->nms_pre, NULL));
    GLINT_TRY(glint_json_i32s(nms, "post", n, GLINT_CLASSES_MAX, 1, TOP_K_MAX, c->nms_post, NULL));
    GLINT_TRY(glint_config_floats(nms, "range", 6, -1e4, 1e4, c->nms_range));
    GLINT_TRY(check_order(nms, c->nms_range));
    c->iou_power = (float)power;
    c->rectify = glint_json_has(decode, "iou_alpha");
    if (c->rectify)
        GLINT_TRY(glint_config_floats(decode, "iou_alpha", n, 0, 1, c->alpha));
    return glint_config_optional_f64(nms, "turn_rad", -10, 10, &c->nms_turn);
}

/* The best cells: a heap in the output's score, label and cell, the worst first. */

struct ranked {
    float score;
    int32_t label, y, x;
};

static struct ranked get(const struct glint_candidates *h, int32_t i)
{
    return (struct ranked){h->score[i], h->label[i], h->cell[2 * i], h->cell[2 * i + 1]};
}

static void put(struct glint_candidates *h, int32_t i, struct ranked r)
{
    h->score[i] = r.score;
    h->label[i] = r.label;
    h->cell[2 * i] = r.y;
    h->cell[2 * i + 1] = r.x;
}

static bool worse(struct ranked a, struct ranked b)
{
    if (a.score != b.score)
        return a.score < b.score;
    if (a.label != b.label)
        return a.label > b.label;
    return a.y != b.y ? a.y > b.y : a.x > b.x;
}

static void sift_up(struct glint_candidates *h, int32_t i, struct ranked r)
{
    for (; i > 0 && worse(r, get(h, (i - 1) / 2)); i = (i - 1) / 2)
        put(h, i, get(h, (i - 1) / 2));
    put(h, i, r);
}

static void sift_down(struct glint_candidates *h, int32_t i, int32_t n, struct ranked r)
{
    for (int32_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && worse(get(h, child + 1), get(h, child)))
            child++;
        if (!worse(get(h, child), r))
            break;
        put(h, i, get(h, child));
        i = child;
    }
    put(h, i, r);
}

static void offer(struct glint_candidates *h, struct ranked r)
{
    if (h->n < h->cap)
        sift_up(h, h->n++, r);
    else if (worse(get(h, 0), r))
        sift_down(h, 0, h->n, r);
}

/* Worst to the end, one after another: descending. */
static void sort_heap(struct glint_candidates *h)
{
    for (int32_t n = h->n - 1; n > 0; n--) {
        const struct ranked last = get(h, n);
        put(h, n, get(h, 0));
        sift_down(h, 0, n, last);
    }
}

static const float *at(const struct glint_map *map, int64_t y, int64_t x)
{
    return map->data + y * map->pitch + x * map->ld;
}

static float cell_score(const struct glint_center *c, float logit, const struct glint_map *iou, int32_t y,
                        int32_t x)
{
    const float score = (float)(1.0 / (1.0 + exp(-(double)logit)));
    if (!iou || c->iou_power == 0.0f)
        return score;
    const float v = *at(iou, y, x);
    const float fit = v > 1.0f ? 1.0f : v < 0.0f ? 0.0f : v;
    return score * (c->iou_power == 2.0f ? fit * fit : (float)pow((double)fit, (double)c->iou_power));
}

/* No logit below this can reach the score: sigmoid's inverse, with room for rounding. */
static float least_logit(float score)
{
    if (score <= 0.0f)
        return -INFINITY;
    return score >= 1.0f ? INFINITY : (float)(log((double)score / (1.0 - (double)score)) - 1e-3);
}

/* Least score and logit of each class. */
static void least_of(const struct glint_center *c, float least_score, float least[GLINT_CLASSES_MAX],
                     float logit[GLINT_CLASSES_MAX])
{
    for (int32_t k = 0; k < c->n_classes; k++) {
        least[k] = least_score >= 0.0f ? least_score : c->score[k];
        logit[k] = least_logit(least[k]);
    }
}

void glint_center_warm(const struct glint_center *c, const struct glint_map *heat, float least_score,
                       struct glint_active *cells)
{
    float least[GLINT_CLASSES_MAX], logit[GLINT_CLASSES_MAX];
    least_of(c, least_score, least, logit);
    for (int32_t y = 0; y < heat->h; y++)
        for (int32_t x = 0; x < heat->w; x++) {
            const float *h = at(heat, y, x);
            for (int32_t k = 0; k < c->n_classes; k++)
                if (h[k] >= logit[k])
                    glint_active_set(cells, (const int32_t[]){x, y, 0}, 1, 1, 1);
        }
}

static void collect(const struct glint_center *c, const struct glint_map *heat, const struct glint_map *iou,
                    float least_score, struct glint_candidates *out)
{
    float least[GLINT_CLASSES_MAX], logit[GLINT_CLASSES_MAX];
    least_of(c, least_score, least, logit);
    for (int32_t y = 0; y < heat->h; y++)
        for (int32_t x = 0; x < heat->w; x++) {
            const float *h = at(heat, y, x);
            for (int32_t k = 0; k < c->n_classes; k++) {
                if (!(h[k] >= logit[k]))
                    continue;
                const float score = cell_score(c, h[k], iou, y, x);
                if (score > least[k])
                    offer(out, (struct ranked){score, k, y, x});
            }
        }
    sort_heap(out);
}

/* Values of the cells */

int32_t glint_center_raw_offset(enum glint_center_branch branch, int32_t n_classes)
{
    int32_t offset = 0;
    for (unsigned b = 0; b < branch; b++)
        offset += glint_center_branch_channels(b, n_classes);
    return offset;
}

static void copy_raw(const struct glint_center *c, const struct glint_map *const maps[], int32_t y, int32_t x,
                     float *raw)
{
    for (unsigned b = 0; b < GLINT_CENTER_BRANCHES; b++) {
        const int32_t n = glint_center_branch_channels(b, c->n_classes);
        if (maps[b])
            memcpy(raw, at(maps[b], y, x), (size_t)n * sizeof *raw);
        else
            memset(raw, 0, (size_t)n * sizeof *raw);
        raw += n;
    }
}

void glint_center_pick(const struct glint_center *c,
                       const struct glint_map *const maps[GLINT_CENTER_BRANCHES], float least_score,
                       struct glint_candidates *out)
{
    out->n = 0;
    collect(c, maps[GLINT_CENTER_HEATMAP], maps[GLINT_CENTER_IOU], least_score, out);
    for (int32_t i = 0; i < out->n; i++)
        copy_raw(c, maps, out->cell[2 * i], out->cell[2 * i + 1], out->raw + (size_t)i * (size_t)out->n_raw);
}

/* Boxes */

static void decode_box(const struct glint_center *c, const int32_t cell[2], const float *raw,
                       float box[GLINT_CENTER_BOX])
{
    /* reg 2, height 1, dim 3, rot 2, vel 2: the order of GLINT_CENTER_MAP */
    box[0] = ((float)cell[1] + raw[0]) * c->cell[0] + c->origin[0];
    box[1] = ((float)cell[0] + raw[1]) * c->cell[1] + c->origin[1];
    box[2] = raw[2];
    for (int k = 0; k < 3; k++)
        box[3 + k] = expf(raw[3 + k]);
    box[6] = c->style == GLINT_CENTER_PCDET ? atan2f(raw[7], raw[6]) : atan2f(raw[6], raw[7]);
    box[7] = raw[8];
    box[8] = raw[9];
}

static bool in_range(const float *center, const float range[6])
{
    for (int k = 0; k < 3; k++)
        if (!(center[k] >= range[k] && center[k] <= range[3 + k]))
            return false;
    return true;
}

static bool finite_box(const float box[GLINT_CENTER_BOX])
{
    bool finite = true;
    for (int k = 0; k < GLINT_CENTER_BOX; k++)
        finite = finite && isfinite(box[k]);
    return finite;
}

static float rectified(const struct glint_center *c, int32_t label, float score, float iou)
{
    const double alpha = (double)c->alpha[label], q = ((double)iou + 1) / 2;
    const double fit = q > 1 ? 1 : q > 0 ? q : 0;
    return (float)(pow((double)score, 1 - alpha) * pow(fit, alpha));
}

void glint_center_boxes(const struct glint_center *c, float least_score, struct glint_candidates *candidates)
{
    const int32_t iou = glint_center_raw_offset(GLINT_CENTER_IOU, c->n_classes);
    const size_t n_raw = (size_t)candidates->n_raw;
    int32_t kept = 0;
    for (int32_t i = 0; i < candidates->n; i++) {
        float box[GLINT_CENTER_BOX];
        const float *raw = candidates->raw + (size_t)i * n_raw;
        decode_box(c, candidates->cell + 2 * i, raw, box);
        struct ranked cell = get(candidates, i);
        if (c->rectify)
            cell.score = rectified(c, cell.label, cell.score, raw[iou]);
        if (!in_range(box, c->range) || !finite_box(box) || (c->rectify && !(cell.score > least_score)))
            continue;
        put(candidates, kept, cell);
        memcpy(candidates->box + (size_t)kept * GLINT_CENTER_BOX, box, sizeof box);
        memmove(candidates->raw + (size_t)kept * n_raw, raw, n_raw * sizeof *raw);
        candidates->source[kept] = kept;
        kept++;
    }
    candidates->n = kept;
}

/* Suppression */

static size_t carve_work(struct glint_center_work *w, uint8_t *memory, int32_t cap)
{
    const size_t n = (size_t)cap;
    const size_t rects = glint_arena_round(n * sizeof(struct glint_rect)),
                 list = glint_arena_round(n * sizeof(int32_t));
    if (memory) {
        w->rects = (struct glint_rect *)memory;
        w->list = (int32_t *)(memory + rects);
        w->keep = (int32_t *)(memory + rects + list);
        w->scratch = memory + rects + 2 * list;
    }
    return rects + 2 * list + glint_nms_scratch(cap);
}

size_t glint_center_work_bytes(int32_t cap)
{
    return carve_work(NULL, NULL, cap);
}

void glint_center_work_init(struct glint_center_work *work, void *memory, int32_t cap)
{
    carve_work(work, memory, cap);
}

void glint_candidates_take(const struct glint_candidates *in, int32_t i, int32_t first_label,
                           struct glint_candidates *out)
{
    put(out, out->n, get(in, i));
    out->label[out->n] += first_label;
    memcpy(out->box + (size_t)out->n * GLINT_CENTER_BOX, in->box + (size_t)i * GLINT_CENTER_BOX,
           GLINT_CENTER_BOX * sizeof *in->box);
    out->source[out->n++] = i;
}

/* Indices of the boxes of class k, or of all classes, in descending score; equal scores as in `in`, which has
 * them so already unless they were rectified. */
static int32_t list_class(const struct glint_candidates *in, int32_t k, bool joint, int32_t *list)
{
    int32_t n = 0;
    for (int32_t i = 0; i < in->n; i++) {
        if (!joint && in->label[i] != k)
            continue;
        int32_t at = n++;
        for (; at > 0 && in->score[list[at - 1]] < in->score[i]; at--)
            list[at] = list[at - 1];
        list[at] = i;
    }
    return n;
}

static bool near_kept(const struct glint_candidates *in, float radius, int32_t i, const int32_t *keep,
                      int32_t n)
{
    const float *a = in->box + (size_t)i * GLINT_CENTER_BOX;
    for (int32_t k = 0; k < n; k++) {
        const float *b = in->box + (size_t)keep[k] * GLINT_CENTER_BOX;
        const float dx = a[0] - b[0], dy = a[1] - b[1];
        if (dx * dx + dy * dy <= radius) /* the square of the distance, as the reference has it */
            return true;
    }
    return false;
}

/* All boxes, greedily: circle suppression of the original CenterPoint. */
static int32_t nms_circle(const struct glint_center *c, const struct glint_candidates *in, int32_t *keep)
{
    int32_t n = 0;
    for (int32_t i = 0; i < in->n && n < c->nms_post[0]; i++)
        if (!near_kept(in, c->circle, i, keep, n))
            keep[n++] = i;
    return n;
}

static int32_t nms_class(const struct glint_center *c, const struct glint_candidates *in, int32_t k,
                         const struct glint_center_work *work)
{
    const struct glint_nms_rule rule = {c->nms_iou[k], c->nms_pre[k], c->nms_post[k]};
    if (c->circle > 0.0f)
        return nms_circle(c, in, work->keep);
    return glint_nms_rotated(work->rects, work->list, list_class(in, k, c->joint, work->list), &rule,
                             work->keep, work->scratch);
}

void glint_center_nms(const struct glint_center *c, const struct glint_candidates *in,
                      const struct glint_center_work *work, struct glint_candidates *out)
{
    const double turn = c->style == GLINT_CENTER_PCDET ? 1.0 : -1.0;
    const int32_t rounds = c->joint || c->circle > 0.0f ? 1 : c->n_classes;
    out->n = 0;
    for (int32_t i = 0; i < in->n; i++) {
        const float *b = in->box + (size_t)i * GLINT_CENTER_BOX;
        work->rects[i] = (struct glint_rect){b[0], b[1], b[3], b[4], turn * (double)b[6] + c->nms_turn};
    }
    for (int32_t k = 0; k < rounds; k++) {
        const int32_t n = nms_class(c, in, k, work);
        for (int32_t i = 0; i < n; i++)
            if (in_range(in->box + (size_t)work->keep[i] * GLINT_CENTER_BOX, c->nms_range))
                glint_candidates_take(in, work->keep[i], 0, out);
    }
}

void glint_center_box(enum glint_center_style style, const float box[GLINT_CENTER_BOX], float score,
                      int32_t label, struct glint_box *out)
{
    *out = (struct glint_box){.center = {box[0], box[1], box[2]},
                              .size = {box[3], box[4], box[5]},
                              .yaw = (float)glint_wrap_angle((double)box[6]),
                              .velocity = {box[7], box[8]},
                              .score = score,
                              .label = label,
                              .id = -1};
    if (style == GLINT_CENTER_PCDET)
        return;
    out->size[0] = box[4]; /* dy is along the heading */
    out->size[1] = box[3];
    out->yaw = (float)glint_wrap_angle(-(double)box[6] - GLINT_PI / 2);
}
