/* model/op_center.c - the layers of a centre head: decode and suppression (head_center.h), then the frame's
 * boxes. */
#include "core/status.h"
#include "model/active.h"
#include "model/op_center.h"
#include "model/run.h"
#include "model/sparse.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

extern const struct glint_op_info glint_op_center_gate, glint_op_center_pick, glint_op_center_branch,
    glint_op_center_decode, glint_op_center_nms, glint_op_center_join;

/* What the layers pass on in one value: candidates and their arrays, then the cells as pixels of the map,
 * each once, and the pixels that a 3x3 convolution reads for them. */
struct picked {
    struct glint_candidates candidates;
    int32_t n_cells, n_near;
    struct glint_pixel *cells, *near;
};

static size_t picked_bytes(int32_t cap, int32_t n_raw, size_t cap_cells, size_t cap_near)
{
    return glint_arena_round(sizeof(struct picked)) + glint_candidates_bytes(cap, n_raw) +
           (cap_cells + cap_near) * sizeof(struct glint_pixel);
}

static struct picked *new_picked(const struct glint_run *r, int32_t value, int32_t cap, int32_t n_raw,
                                 size_t cap_cells)
{
    uint8_t *memory = glint_run_bytes(r, value);
    struct picked *p = (struct picked *)memory;
    memory += glint_arena_round(sizeof *p);
    glint_candidates_init(&p->candidates, memory, cap, n_raw);
    p->cells = (struct glint_pixel *)(memory + glint_candidates_bytes(cap, n_raw));
    p->near = p->cells + cap_cells;
    p->n_cells = p->n_near = 0;
    return p;
}

/* Two empty sets of a map's pixels in a value of set_bytes. */
static size_t sets_bytes(int32_t h, int32_t w)
{
    return 2 * glint_arena_round(glint_active_bytes(h, w));
}

static void new_sets(const struct glint_run *r, int32_t value, const struct glint_map *map,
                     struct glint_active set[2])
{
    uint8_t *bits = glint_run_bytes(r, value);
    glint_active_init(&set[0], bits, map->h, map->w);
    glint_active_init(&set[1], bits + sets_bytes(map->h, map->w) / 2, map->h, map->w);
}

/* The cells of set[0], and what is around them. */
static void list_cells(struct picked *p, struct glint_active set[2])
{
    glint_active_grow(&set[0], 1, &set[1]);
    p->n_cells = glint_active_list(&set[0], p->cells);
    p->n_near = glint_active_list(&set[1], p->near);
}

/* center_gate: no factor of a score is above 1, so only cells whose heat passes need the others. */

int32_t glint_build_center_gate(struct glint_build *b, const struct glint_center *center, int32_t heat)
{
    struct glint_layer *gate = glint_build_layer(b, GLINT_OP_CENTER_GATE, GLINT_STAGE_HEAD, "warm cells");
    const struct glint_value *map = &b->net->values[heat];
    const size_t cells = (size_t)map->h * (size_t)map->w;
    ((struct glint_center_params *)gate->params)->center = *center;
    const int32_t picked = glint_build_bytes(b, picked_bytes(0, 0, cells, cells));
    const int32_t sets = glint_build_bytes(b, sets_bytes(map->h, map->w));
    glint_build_in(b, gate, heat);
    glint_build_out(b, gate, picked);
    glint_build_out(b, gate, sets);
    return picked;
}

static int center_gate_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_center_params *p = layer->params;
    const struct glint_map heat = glint_run_map(r, layer->in[0]);
    struct picked *picked = new_picked(r, layer->out[0], 0, 0, (size_t)heat.h * (size_t)heat.w);
    struct glint_active set[2];
    new_sets(r, layer->out[1], &heat, set);
    glint_center_warm(&p->center, &heat, r->score, &set[0]);
    list_cells(picked, set);
    return GLINT_OK;
}

const struct glint_op_info glint_op_center_gate = {
    .name = "center_gate",
    .params_size = sizeof(struct glint_center_params),
    .run = center_gate_run,
};

/* center_pick */

int32_t glint_build_center_pick(struct glint_build *b, const struct glint_center *center,
                                const int32_t maps[GLINT_CENTER_BRANCHES])
{
    struct glint_layer *pick = glint_build_layer(b, GLINT_OP_CENTER_PICK, GLINT_STAGE_HEAD, "best cells");
    struct glint_center_params *p = pick->params;
    const struct glint_value *heat = &b->net->values[maps[GLINT_CENTER_HEATMAP]];
    p->center = *center;
    for (unsigned i = 0; i < GLINT_CENTER_BRANCHES; i++) {
        p->input[i] = maps[i] < 0 ? -1 : pick->n_in;
        p->n_raw += glint_center_branch_channels(i, center->n_classes);
        if (maps[i] >= 0)
            glint_build_in(b, pick, maps[i]);
    }
    const int32_t candidates = glint_build_bytes(
        b, picked_bytes(center->top_k, p->n_raw, (size_t)center->top_k, 9 * (size_t)center->top_k));
    glint_build_out(b, pick, candidates);
    glint_build_out(b, pick, glint_build_bytes(b, sets_bytes(heat->h, heat->w)));
    return candidates;
}

/* The candidates' cells, and what is around them. */
static void list_picked(struct picked *p, struct glint_active set[2])
{
    const struct glint_candidates *c = &p->candidates;
    for (int32_t i = 0; i < c->n; i++)
        glint_active_set(&set[0], (const int32_t[]){c->cell[2 * i + 1], c->cell[2 * i], 0}, 1, 1, 1);
    list_cells(p, set);
}

/* The map of a branch that was computed in some cells only is a value of bytes; it is of heat's size. */
static struct glint_map branch_map(const struct glint_run *r, int32_t value, const struct glint_map *heat,
                                   int32_t channels)
{
    struct glint_map map;
    if (r->net->values[value].kind == GLINT_VALUE_MAP)
        return glint_run_map(r, value);
    glint_map_init(&map, glint_run_bytes(r, value), heat->h, heat->w, channels);
    return map;
}

struct glint_candidates *glint_center_candidates(const struct glint_run *r, const struct glint_layer *pick)
{
    const struct glint_center_params *p = pick->params;
    return &new_picked(r, pick->out[0], p->center.top_k, p->n_raw, (size_t)p->center.top_k)->candidates;
}

static int center_pick_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_center_params *p = layer->params;
    struct picked *picked = new_picked(r, layer->out[0], p->center.top_k, p->n_raw, (size_t)p->center.top_k);
    struct glint_active set[2];
    const struct glint_map heat = glint_run_map(r, layer->in[p->input[GLINT_CENTER_HEATMAP]]);
    struct glint_map map[GLINT_CENTER_BRANCHES];
    const struct glint_map *maps[GLINT_CENTER_BRANCHES] = {0};
    for (unsigned i = 0; i < GLINT_CENTER_BRANCHES; i++)
        if (p->input[i] >= 0) {
            map[i] = branch_map(r, layer->in[p->input[i]], &heat,
                                glint_center_branch_channels(i, p->center.n_classes));
            maps[i] = &map[i];
        }
    const float least_score = p->center.rectify ? -1.0f : r->score; /* of what is not known yet */
    glint_center_pick(&p->center, maps, least_score, &picked->candidates);
    new_sets(r, layer->out[1], &heat, set);
    list_picked(picked, set);
    return GLINT_OK;
}

static void center_pick_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_center *c = &((const struct glint_center_params *)layer->params)->center;
    snprintf(text, size, "%d classes, best %d, score from %g", c->n_classes, c->top_k, (double)c->score[0]);
}

const struct glint_op_info glint_op_center_pick = {
    .name = "center_pick",
    .params_size = sizeof(struct glint_center_params),
    .run = center_pick_run,
    .text = center_pick_text,
};

/* The two convolutions of a branch. */

static void set_branch(const struct glint_center *center, enum glint_center_branch branch, const char *prefix,
                       double norm_eps, int32_t in, int32_t hidden, struct glint_affine *first,
                       struct glint_affine *last)
{
    char name[GLINT_TENSOR_NAME], norm[GLINT_TENSOR_NAME];
    const bool pcdet = center->style == GLINT_CENTER_PCDET;
    snprintf(name, sizeof name, pcdet ? "%s.0.0" : "%s.0.conv", prefix);
    snprintf(norm, sizeof norm, pcdet ? "%s.0.1" : "%s.0.bn", prefix);
    glint_affine_set(first, name, center->branch_bias, norm, norm_eps, in, hidden, 3);
    snprintf(name, sizeof name, "%s.1", prefix);
    glint_affine_set(last, name, true, NULL, 0, hidden,
                     glint_center_branch_channels(branch, center->n_classes), 3);
    last->exact = branch != GLINT_CENTER_HEATMAP; /* few numbers, of few cells */
}

int32_t glint_build_center_map(struct glint_build *b, const struct glint_center *center,
                               enum glint_center_branch branch, const char *prefix, double norm_eps,
                               int32_t shared, int32_t hidden, const char *name)
{
    const struct glint_value *s = &b->net->values[shared];
    const int32_t out =
        glint_build_map(b, name, s->h, s->w, glint_center_branch_channels(branch, center->n_classes));
    struct glint_conv_params *first = glint_build_conv(b, GLINT_STAGE_HEAD, prefix, false, NULL, 0, 3, 1,
                                                       GLINT_ACT_RELU, shared, -1, hidden)
                                          ->params;
    struct glint_conv_params *last =
        glint_build_conv(b, GLINT_STAGE_HEAD, prefix, true, NULL, 0, 3, 1, GLINT_ACT_NONE, hidden, -1, out)
            ->params;
    if (b->status == GLINT_OK)
        set_branch(center, branch, prefix, norm_eps, s->c, b->net->values[hidden].c, &first->affine,
                   &last->affine);
    first->plain = last->plain = b->keep_stages;
    return out;
}

/* center_branch: two convolutions at the picked cells; the maps between are this layer's own and hold nothing
 * elsewhere. */

int32_t glint_build_center_branch(struct glint_build *b, const struct glint_center *center,
                                  enum glint_center_branch branch, const char *prefix, double norm_eps,
                                  int32_t shared, int32_t hidden, int32_t candidates)
{
    struct glint_layer *layer = glint_build_layer(b, GLINT_OP_CENTER_BRANCH, GLINT_STAGE_HEAD, "%s", prefix);
    struct glint_center_branch_params *p = layer->params;
    const struct glint_value *s = &b->net->values[shared];
    const int32_t n = glint_center_branch_channels(branch, center->n_classes);
    set_branch(center, branch, prefix, norm_eps, s->c, hidden, &p->first.affine, &p->last.affine);
    p->last.affine.exact = true;
    p->offset = glint_center_raw_offset(branch, center->n_classes);
    glint_build_in(b, layer, shared);
    glint_build_in(b, layer, candidates);
    glint_build_out(b, layer, glint_build_bytes(b, glint_map_bytes(s->h, s->w, hidden)));
    const int32_t out = glint_build_bytes(b, glint_map_bytes(s->h, s->w, n));
    glint_build_out(b, layer, out);
    return out;
}

static int center_branch_bind(struct glint_bind *bind, struct glint_layer *layer)
{
    struct glint_center_branch_params *p = layer->params;
    GLINT_TRY(glint_bind_affine(bind, &p->first.affine, &p->first.weights));
    return glint_bind_affine(bind, &p->last.affine, &p->last.weights);
}

static struct glint_map own_map(const struct glint_run *r, int32_t value, const struct glint_map *like,
                                int32_t channels)
{
    struct glint_map map;
    glint_map_init(&map, glint_run_bytes(r, value), like->h, like->w, channels);
    glint_map_clear_border(&map);
    return map;
}

static int center_branch_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_center_branch_params *p = layer->params;
    const struct picked *picked = glint_run_bytes(r, layer->in[1]);
    const struct glint_candidates *c = &picked->candidates;
    const struct glint_map shared = glint_run_map(r, layer->in[0]);
    const struct glint_map hidden = own_map(r, layer->out[0], &shared, p->first.weights.n);
    const struct glint_map out = own_map(r, layer->out[1], &shared, p->last.weights.n);
    if (r->sparse)
        GLINT_TRY(glint_sparse_want(r->sparse, r, layer->in[0], picked->near, picked->n_near));
    GLINT_TRY(glint_conv3x3_at(r->exec, &shared, &p->first.weights, 1, GLINT_ACT_RELU, NULL, &hidden,
                               picked->near, picked->n_near));
    GLINT_TRY(glint_conv3x3_at(r->exec, &hidden, &p->last.weights, 1, GLINT_ACT_NONE, NULL, &out,
                               picked->cells, picked->n_cells));
    for (int32_t i = 0; i < c->n; i++)
        memcpy(c->raw + (size_t)i * (size_t)c->n_raw + p->offset,
               out.data + c->cell[2 * i] * out.pitch + c->cell[2 * i + 1] * out.ld,
               (size_t)out.c * sizeof *out.data);
    glint_run_flop(r, layer, 2.0 * picked->n_near * (double)p->first.weights.k * p->first.weights.n);
    glint_run_flop(r, layer, 2.0 * picked->n_cells * (double)p->last.weights.k * p->last.weights.n);
    const double pixels = (double)shared.h * shared.w;
    r->cost.flop_saved[layer->stage] +=
        2.0 * (pixels - picked->n_near) * (double)p->first.weights.k * p->first.weights.n +
        2.0 * (pixels - picked->n_cells) * (double)p->last.weights.k * p->last.weights.n;
    return GLINT_OK;
}

static bool center_branch_reads_half(const struct glint_net *net, const struct glint_layer *layer)
{
    const struct glint_center_branch_params *p = layer->params;
    return glint_affine_narrows(&p->first.affine, net->narrow, 9);
}

static void center_branch_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_center_branch_params *p = layer->params;
    snprintf(text, size, "3x3 %d -> %d, relu, 3x3 -> %d, at the best cells", p->first.affine.k,
             p->first.affine.n, p->last.affine.n);
}

const struct glint_op_info glint_op_center_branch = {
    .name = "center_branch",
    .params_size = sizeof(struct glint_center_branch_params),
    .bind = center_branch_bind,
    .run = center_branch_run,
    .reads_half = center_branch_reads_half,
    .text = center_branch_text,
};

/* center_decode */

/* A name of the head, of one of several. */
static const char *head_name(const struct glint_center_params *p, const char *name, char *text, size_t size)
{
    if (!p->one_of_several)
        return name;
    snprintf(text, size, "head%d.%s", p->head, name);
    return text;
}

static void tap_head(struct glint_run *r, const struct glint_center_params *p, const char *name,
                     enum glint_dtype dtype, int32_t n_dims, const int64_t *shape, const void *data)
{
    char text[40];
    glint_run_tap(r, head_name(p, name, text, sizeof text), dtype, n_dims, shape, data);
}

static bool has_branch(const struct glint_center *c, enum glint_center_branch branch)
{
    return !c->branches || c->branches >> branch & 1;
}

/* Boxes of a head without velocities have seven columns. */
static void tap_boxes(struct glint_run *r, const struct glint_center_params *p, const char *name,
                      const struct glint_candidates *c)
{
    const size_t mark = glint_arena_mark(&r->tap_memory);
    const int64_t columns =
        has_branch(&p->center, GLINT_CENTER_VEL) ? GLINT_CENTER_BOX : GLINT_CENTER_BOX - 2;
    float *out = glint_arena_alloc(&r->tap_memory, (size_t)c->n * GLINT_CENTER_BOX * sizeof *out);
    for (int64_t i = 0; out && i < c->n; i++)
        memcpy(out + i * columns, c->box + i * GLINT_CENTER_BOX, (size_t)columns * sizeof *out);
    if (out)
        tap_head(r, p, name, GLINT_DTYPE_F32, 2, (const int64_t[]){c->n, columns}, out);
    glint_arena_reset(&r->tap_memory, mark);
}

/* Scores before rectification. */
static void tap_heat(struct glint_run *r, const struct glint_center_params *p,
                     const struct glint_candidates *c)
{
    const size_t mark = glint_arena_mark(&r->tap_memory);
    const int32_t heat = glint_center_raw_offset(GLINT_CENTER_HEATMAP, p->center.n_classes);
    float *out = glint_arena_alloc(&r->tap_memory, (size_t)c->n * sizeof *out);
    const int64_t n = c->n;
    for (int64_t i = 0; out && i < n; i++)
        out[i] = (float)(1.0 / (1.0 + exp(-(double)c->raw[i * c->n_raw + heat + c->label[i]])));
    if (out)
        tap_head(r, p, "dec.hm_scores", GLINT_DTYPE_F32, 1, &n, out);
    glint_arena_reset(&r->tap_memory, mark);
}

/* The values of the branches that there are. */
static void tap_raw(struct glint_run *r, const struct glint_center_params *p,
                    const struct glint_candidates *c)
{
    const size_t mark = glint_arena_mark(&r->tap_memory);
    float *out = glint_arena_alloc(&r->tap_memory, (size_t)c->n * (size_t)c->n_raw * sizeof *out);
    int32_t n = 0;
    for (int32_t i = 0; out && i < c->n; i++) {
        const float *raw = c->raw + (size_t)i * (size_t)c->n_raw;
        for (unsigned k = 0; k < GLINT_CENTER_BRANCHES; k++) {
            const int32_t wide = glint_center_branch_channels(k, p->center.n_classes);
            if (has_branch(&p->center, k)) {
                memcpy(out + n, raw, (size_t)wide * sizeof *out);
                n += wide;
            }
            raw += wide;
        }
    }
    int32_t columns = 0;
    for (unsigned k = 0; k < GLINT_CENTER_BRANCHES; k++)
        if (has_branch(&p->center, k))
            columns += glint_center_branch_channels(k, p->center.n_classes);
    if (out)
        tap_head(r, p, "dec.raw", GLINT_DTYPE_F32, 2, (const int64_t[]){c->n, columns}, out);
    glint_arena_reset(&r->tap_memory, mark);
}

static void tap_decoded(struct glint_run *r, const struct glint_center_params *p,
                        const struct glint_candidates *c)
{
    const int64_t n = c->n;
    tap_boxes(r, p, "dec.boxes", c);
    if (p->center.rectify)
        tap_heat(r, p, c);
    tap_head(r, p, "dec.scores", GLINT_DTYPE_F32, 1, &n, c->score);
    for (int32_t i = 0; i < c->n; i++) /* labels are counted over all heads */
        c->label[i] += p->first_label[0];
    tap_head(r, p, "dec.labels", GLINT_DTYPE_I32, 1, &n, c->label);
    for (int32_t i = 0; i < c->n; i++)
        c->label[i] -= p->first_label[0];
    tap_head(r, p, "dec.cells", GLINT_DTYPE_I32, 2, (const int64_t[]){n, 2}, c->cell);
    tap_raw(r, p, c);
}

static int center_decode_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_center_params *p = layer->params;
    struct picked *picked = glint_run_bytes(r, layer->in[0]);
    glint_center_boxes(&p->center, r->score, &picked->candidates);
    return GLINT_OK;
}

static void center_decode_show(struct glint_run *r, const struct glint_layer *layer)
{
    struct picked *picked = glint_run_bytes(r, layer->in[0]);
    tap_decoded(r, layer->params, &picked->candidates);
}

const struct glint_op_info glint_op_center_decode = {
    .name = "center_decode",
    .params_size = sizeof(struct glint_center_params),
    .run = center_decode_run,
    .show = center_decode_show,
};

/* What detections are kept in: the arrays' owner, then the arrays. */
static size_t detections_bytes(int32_t cap)
{
    return glint_arena_round(sizeof(struct glint_candidates)) + glint_candidates_bytes(cap, 0);
}

static struct glint_candidates *new_detections(const struct glint_run *r, int32_t value, int32_t cap)
{
    uint8_t *memory = glint_run_bytes(r, value);
    struct glint_candidates *d = (struct glint_candidates *)memory;
    glint_candidates_init(d, memory + glint_arena_round(sizeof *d), cap, 0);
    return d;
}

static struct glint_center_params *add_boxes(struct glint_build *b, const struct glint_center *center,
                                             int32_t candidates, struct glint_center_params **decode_out,
                                             int32_t *detections_out)
{
    struct glint_layer *decode = glint_build_layer(b, GLINT_OP_CENTER_DECODE, GLINT_STAGE_HEAD, "boxes");
    *decode_out = decode->params;
    (*decode_out)->center = *center;
    glint_build_in(b, decode, candidates);
    struct glint_layer *nms = glint_build_layer(b, GLINT_OP_CENTER_NMS, GLINT_STAGE_NMS, "suppression");
    struct glint_center_params *p = nms->params;
    p->center = *center;
    *detections_out = glint_build_bytes(b, detections_bytes(center->top_k));
    glint_build_in(b, nms, candidates);
    glint_build_out(b, nms, *detections_out);
    glint_build_out(b, nms, glint_build_bytes(b, glint_center_work_bytes(center->top_k)));
    return p;
}

void glint_build_center_boxes(struct glint_build *b, const struct glint_center *center, int32_t candidates)
{
    struct glint_center_params *decode;
    int32_t detections;
    add_boxes(b, center, candidates, &decode, &detections);
}

int32_t glint_build_center_head(struct glint_build *b, const struct glint_center *center, int32_t candidates,
                                int32_t head, int32_t first_label, float show_circle)
{
    struct glint_center_params *decode;
    int32_t detections;
    struct glint_center_params *nms = add_boxes(b, center, candidates, &decode, &detections);
    decode->one_of_several = nms->one_of_several = true;
    decode->head = nms->head = head;
    decode->first_label[0] = first_label;
    nms->show_circle = show_circle;
    return detections;
}

struct glint_candidates *glint_center_detections(const struct glint_run *r, const struct glint_layer *nms)
{
    return new_detections(r, nms->out[0], ((const struct glint_center_params *)nms->params)->center.top_k);
}

/* center_nms */

/* FlatFormer's golden files have a box's lower face instead of its centre, OpenPCDet's count labels from 1.
 */
static void tap_detections(struct glint_run *r, const struct glint_center_params *p,
                           struct glint_candidates *d)
{
    const struct glint_center_params one = {.center = p->center}; /* no head's names */
    const bool pcdet = p->center.style == GLINT_CENTER_PCDET;
    for (int32_t i = 0; !pcdet && i < d->n; i++)
        d->box[i * GLINT_CENTER_BOX + 2] -= d->box[i * GLINT_CENTER_BOX + 5] / 2;
    for (int32_t i = 0; pcdet && i < d->n; i++)
        d->label[i]++;
    tap_boxes(r, &one, "det.boxes", d);
    glint_run_tap(r, "det.scores", GLINT_DTYPE_F32, 1, (const int64_t[]){d->n}, d->score);
    glint_run_tap(r, "det.labels", GLINT_DTYPE_I32, 1, (const int64_t[]){d->n}, d->label);
    glint_run_tap(r, "det.src", GLINT_DTYPE_I32, 1, (const int64_t[]){d->n}, d->source);
}

/* How many detections come before detection i in score. */
static int32_t rank(const struct glint_candidates *d, int32_t i)
{
    int32_t before = 0;
    for (int32_t k = 0; k < d->n; k++)
        before += d->score[k] > d->score[i] || (d->score[k] == d->score[i] && k < i);
    return before;
}

#define QUARTER_TURN 1.57079632679489661923

/* From x right, y forward to x forward, y left. */
static void turn_back(struct glint_box *b)
{
    const float x = b->center[0], vx = b->velocity[0];
    b->center[0] = b->center[1];
    b->center[1] = -x;
    b->velocity[0] = b->velocity[1];
    b->velocity[1] = -vx;
    b->yaw = (float)glint_wrap_angle((double)b->yaw - QUARTER_TURN);
}

/* The detections that the layer has made; a head of several leaves that to the layer that joins them. */
static void center_publish(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_center_params *p = layer->params;
    const struct glint_candidates *d = glint_run_bytes(r, layer->out[0]);
    struct glint_frame *frame = r->frame;
    if (p->one_of_several)
        return;
    frame->n_boxes = 0;
    for (int32_t i = 0; i < d->n; i++)
        if (d->n <= frame->cap_boxes || rank(d, i) < frame->cap_boxes) {
            struct glint_box *box = &frame->boxes[frame->n_boxes++];
            glint_center_box(p->center.style, d->box + (size_t)i * GLINT_CENTER_BOX, d->score[i], d->label[i],
                             box);
            if (r->turned && !frame->as_network_input)
                turn_back(box);
        }
}

/* What the head keeps, and what it would by distance. */
static void tap_kept(struct glint_run *r, const struct glint_center_params *p,
                     const struct glint_candidates *in, struct glint_center_work *work,
                     struct glint_candidates *d)
{
    struct glint_center by_distance = p->center;
    const int64_t n = d->n;
    tap_head(r, p, "keep", GLINT_DTYPE_I32, 1, &n, d->source);
    if (!(p->show_circle > 0.0f))
        return;
    by_distance.circle = p->show_circle;
    glint_center_nms(&by_distance, in, work, d);
    const int64_t n_circle = d->n;
    tap_head(r, p, "circle_keep", GLINT_DTYPE_I32, 1, &n_circle, d->source);
    glint_center_nms(&p->center, in, work, d);
}

static int center_nms_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_center_params *p = layer->params;
    const struct picked *picked = glint_run_bytes(r, layer->in[0]);
    struct glint_candidates *d = new_detections(r, layer->out[0], p->center.top_k);
    struct glint_center_work work;
    glint_center_work_init(&work, glint_run_bytes(r, layer->out[1]), p->center.top_k);
    glint_center_nms(&p->center, &picked->candidates, &work, d);
    center_publish(r, layer);
    return GLINT_OK;
}

static void center_nms_show(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_center_params *p = layer->params;
    const struct picked *picked = glint_run_bytes(r, layer->in[0]);
    struct glint_candidates *d = glint_run_bytes(r, layer->out[0]);
    struct glint_center_work work;
    glint_center_work_init(&work, glint_run_bytes(r, layer->out[1]), p->center.top_k);
    if (p->one_of_several)
        tap_kept(r, p, &picked->candidates, &work, d);
    else
        tap_detections(r, p, d);
}

static void center_nms_text(const struct glint_layer *layer, char *text, size_t size)
{
    const struct glint_center *c = &((const struct glint_center_params *)layer->params)->center;
    if (c->circle > 0.0f) {
        snprintf(text, size, "all classes, squared distance %g m2", (double)c->circle);
        return;
    }
    size_t used = (size_t)snprintf(text, size, c->joint ? "all classes, rotated IoU" : "rotated IoU");
    for (int32_t k = 0; k < (c->joint ? 1 : c->n_classes) && used < size; k++)
        used += (size_t)snprintf(text + used, size - used, " %g", (double)c->nms_iou[k]);
}

const struct glint_op_info glint_op_center_nms = {
    .name = "center_nms",
    .params_size = sizeof(struct glint_center_params),
    .run = center_nms_run,
    .publish = center_publish,
    .show = center_nms_show,
    .text = center_nms_text,
};

/* center_join */

void glint_build_center_join(struct glint_build *b, const struct glint_center *heads, int32_t n_heads,
                             const int32_t *detections, const int32_t *first_label)
{
    struct glint_layer *join = glint_build_layer(b, GLINT_OP_CENTER_JOIN, GLINT_STAGE_NMS, "all heads");
    struct glint_center_params *p = join->params;
    int32_t cap = 0;
    p->center = heads[0];
    for (int32_t i = 0; i < n_heads; i++) {
        cap += heads[i].top_k;
        p->first_label[i] = first_label[i];
        glint_build_in(b, join, detections[i]);
    }
    p->center.top_k = cap;
    glint_build_out(b, join, glint_build_bytes(b, detections_bytes(cap)));
}

static int center_join_run(struct glint_run *r, const struct glint_layer *layer)
{
    const struct glint_center_params *p = layer->params;
    struct glint_candidates *all = new_detections(r, layer->out[0], p->center.top_k);
    for (int32_t h = 0; h < layer->n_in; h++) {
        const struct glint_candidates *d = glint_run_bytes(r, layer->in[h]);
        for (int32_t i = 0; i < d->n; i++)
            glint_candidates_take(d, i, p->first_label[h], all);
    }
    center_publish(r, layer);
    return GLINT_OK;
}

static void center_join_show(struct glint_run *r, const struct glint_layer *layer)
{
    tap_detections(r, layer->params, glint_run_bytes(r, layer->out[0]));
}

const struct glint_op_info glint_op_center_join = {
    .name = "center_join",
    .params_size = sizeof(struct glint_center_params),
    .run = center_join_run,
    .publish = center_publish,
    .show = center_join_show,
};
