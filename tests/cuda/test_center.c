/* tests/cuda/test_center.c - a centre head on the device against the CPU's: the same cells, order and
 * decisions. */
#include "cuda/cuda_maps.h"
#include "model/cuda/center.h"

#ifndef GLINT_CUDA_EMULATED
#define GLINT_CUDA_EMULATED 0
#endif

#define CLASSES 3
#define RAW     (11 + CLASSES)

static struct glint_center center_of(int32_t top_k)
{
    struct glint_center c = {.n_classes = CLASSES,
                             .top_k = top_k,
                             .cell = {0.4f, 0.5f},
                             .origin = {-7, -9},
                             .score = {0.1f, 0.3f, 0.0f},
                             .iou_power = 2,
                             .alpha = {0.3f, 0.5f, 0.7f},
                             .range = {-6, -6, -3, 9, 9, 3},
                             .nms_iou = {0.3f, 0.1f, 0.55f},
                             .nms_pre = {200, 1000, 90},
                             .nms_post = {50, 7, 1000},
                             .nms_range = {-5, -5, -3, 8, 8, 3}};
    return c;
}

/* A heat map with many equal values and some that are no numbers; an IoU map beyond 0 .. 1. */
static void fill_heat(struct glint_map *heat, uint64_t *seed)
{
    for (int64_t i = 0; i < (int64_t)heat->h * heat->w; i++)
        for (int32_t k = 0; k < heat->c; k++) {
            const uint64_t r = glint_test_random(seed);
            heat->data[i / heat->w * heat->pitch + i % heat->w * heat->ld + k] =
                r % 97 == 0   ? NAN
                : r % 89 == 0 ? INFINITY
                : r % 83 == 0 ? -INFINITY
                              : (float)(r / 128 % 40) / 8 - 4;
        }
}

static struct glint_cuda_least *put_least(struct glint_cuda_test *t, const struct glint_center *c,
                                          float score)
{
    struct glint_cuda_least least;
    glint_cuda_least_set(c, score, &least);
    return glint_cuda_put(t, &least, sizeof least);
}

static struct glint_candidates host_candidates(int32_t cap, int32_t n_raw, void **memory)
{
    struct glint_candidates c;
    *memory = aligned_alloc(64, glint_candidates_bytes(cap, n_raw));
    glint_candidates_init(&c, *memory, cap, n_raw);
    return c;
}

static struct glint_cuda_candidates device_candidates(struct glint_cuda_test *t, int32_t cap, int32_t n_raw)
{
    struct glint_cuda_candidates c;
    glint_cuda_candidates_init(&c, glint_cuda_put(t, NULL, glint_cuda_candidates_bytes(cap, n_raw)), cap,
                               n_raw);
    return c;
}

/* What is on the device, by one copy. */
static struct glint_candidates got_candidates(struct glint_cuda_test *t,
                                              const struct glint_cuda_candidates *d, void **memory)
{
    struct glint_candidates c;
    *memory = malloc(glint_cuda_candidates_bytes(d->cap, d->n_raw));
    glint_cuda_get(t, *memory, d->n, glint_cuda_candidates_bytes(d->cap, d->n_raw));
    glint_cuda_candidates_view(&c, *memory, d->cap, d->n_raw);
    return c;
}

static struct glint_cuda_candidates put_candidates(struct glint_cuda_test *t,
                                                   const struct glint_candidates *c)
{
    struct glint_cuda_candidates d = device_candidates(t, c->cap, c->n_raw);
    const size_t n = (size_t)c->n * 4;
    assert_ok(glint_stream_upload(t->stream, d.n, &c->n, 4));
    assert_ok(glint_stream_upload(t->stream, d.box, c->box, n * GLINT_CENTER_BOX));
    assert_ok(glint_stream_upload(t->stream, d.score, c->score, n));
    assert_ok(glint_stream_upload(t->stream, d.label, c->label, n));
    assert_ok(glint_stream_upload(t->stream, d.cell, c->cell, 2 * n));
    assert_ok(glint_stream_upload(t->stream, d.raw, c->raw, n * (size_t)c->n_raw));
    assert_ok(glint_stream_wait(t->stream));
    return d;
}

static void assert_same(const struct glint_candidates *got, const struct glint_candidates *want)
{
    assert_int_equal(got->n, want->n);
    assert_memory_equal(got->score, want->score, (size_t)want->n * 4);
    assert_memory_equal(got->label, want->label, (size_t)want->n * 4);
    assert_memory_equal(got->cell, want->cell, (size_t)want->n * 8);
}

/* cells */

static void cells_whose_heat_passes(void **state)
{
    struct glint_cuda_test *t = *state;
    const struct glint_center c = center_of(10);
    uint64_t seed = 3;
    struct host_map heat = host_map_open(21, 70, CLASSES, NULL);
    fill_heat(&heat.map, &seed);
    const struct glint_cuda_map map = put_map(t, &heat.map, GLINT_DTYPE_F32, 0, CLASSES);
    static const float scores[] = {-1, 0.9f, 0, 1};
    for (int i = 0; i < 4; i++) {
        struct glint_active want, got;
        int32_t n, *count = glint_cuda_put(t, NULL, 4);
        struct glint_pixel list[21 * 70], *cells = glint_cuda_put(t, NULL, sizeof list);
        glint_active_init(&want, malloc(glint_active_bytes(21, 70)), 21, 70);
        glint_active_init(&got, malloc(glint_active_bytes(21, 70)), 21, 70);
        glint_center_warm(&c, &heat.map, scores[i], &want);
        assert_ok(glint_center_gate_cuda(t->stream, &c, &map, put_least(t, &c, scores[i]), cells, count));
        glint_cuda_get(t, &n, count, 4);
        glint_cuda_get(t, list, cells, sizeof list);
        for (int32_t k = 0; k < n; k++)
            glint_active_set(&got, (const int32_t[]){list[k].x, list[k].y, 0}, 1, 1, 1);
        assert_int_equal(n, glint_active_count(&want));
        assert_memory_equal(got.bits, want.bits, glint_active_bytes(21, 70));
        free(want.bits);
        free(got.bits);
    }
    free(heat.memory);
}

static void check_pick(struct glint_cuda_test *t, int32_t h, int32_t w, int32_t top_k, float power,
                       float score, uint64_t *seed)
{
    struct glint_center c = center_of(top_k);
    struct host_map heat = host_map_open(h, w, CLASSES, NULL), iou = host_map_open(h, w, 1, seed),
                    reg = host_map_open(h, w, 2, seed);
    const struct glint_map *maps[GLINT_CENTER_BRANCHES] = {0};
    struct glint_cuda_map device[GLINT_CENTER_BRANCHES] = {0};
    void *want_memory, *got_memory;
    struct glint_candidates want = host_candidates(top_k, RAW, &want_memory);
    struct glint_cuda_candidates out = device_candidates(t, top_k, RAW);
    c.iou_power = power;
    fill_heat(&heat.map, seed);
    maps[GLINT_CENTER_HEATMAP] = &heat.map;
    maps[GLINT_CENTER_REG] = &reg.map;
    maps[GLINT_CENTER_IOU] = power >= 0 ? &iou.map : NULL;
    for (int k = 0; k < GLINT_CENTER_BRANCHES; k++)
        if (maps[k])
            device[k] = put_map(t, maps[k], GLINT_DTYPE_F32, 0, maps[k]->c);
    glint_center_pick(&c, maps, score, &want);
    void *work = glint_cuda_put(t, NULL, glint_center_pick_work_bytes_cuda(h, w, CLASSES, top_k));
    assert_ok(glint_center_pick_cuda(t->stream, &c, device, put_least(t, &c, score), work, &out));
    struct glint_candidates got = got_candidates(t, &out, &got_memory);
    assert_same(&got, &want);
    assert_memory_equal(got.raw, want.raw, (size_t)want.n * RAW * 4);
    free(want_memory);
    free(got_memory);
    free(heat.memory);
    free(iou.memory);
    free(reg.memory);
    free_blocks(t, 0);
}

static void best_cells(void **state)
{
    uint64_t seed = 4;
    check_pick(*state, 20, 30, 100, 2, -1, &seed);
    check_pick(*state, 20, 30, 1, 2, -1, &seed);
    check_pick(*state, 20, 30, 500, -1, 0.2f, &seed); /* no map of IoU */
    check_pick(*state, 20, 30, 2000, 0.7f, -1, &seed);
    check_pick(*state, 1, 1, 5, 2, 0.999f, &seed);
    check_pick(*state, 50, 60, 3000, 1, 0, &seed); /* more than are ranked */
}

/* branches */

struct branch { /* of the CPU */
    struct glint_weights first, last;
    void *memory[2];
    int32_t n, hidden;
    enum glint_center_branch which;
};

/* The branch's values over the whole map. */
static struct host_map branch_map(struct glint_exec *x, const struct branch *b,
                                  const struct glint_map *shared)
{
    struct host_map hidden = host_map_open(shared->h, shared->w, b->hidden, NULL),
                    out = host_map_open(shared->h, shared->w, b->n, NULL);
    assert_ok(glint_conv3x3(x, shared, &b->first, 1, GLINT_ACT_RELU, NULL, &hidden.map));
    assert_ok(glint_conv3x3(x, &hidden.map, &b->last, 1, GLINT_ACT_NONE, NULL, &out.map));
    free(hidden.memory);
    return out;
}

static void check_values(const float *got, const struct glint_map *want, const struct glint_pixel *at,
                         double bound)
{
    const float *v = want->data + at->y * want->pitch + at->x * want->ld;
    for (int32_t k = 0; k < want->c; k++)
        assert_near(got[k], v[k], bound * (1 + fabs((double)v[k])));
}

/* The shared map on the device: of the background outside of `active`. */
static struct glint_cuda_shared put_shared(struct glint_cuda_test *t, struct host_map *shared,
                                           enum glint_dtype type, uint64_t *seed)
{
    struct host_map small = host_map_open(16, 12, shared->map.c, seed);
    struct glint_active active;
    struct glint_exec x;
    assert_ok(glint_exec_init(&x, 0, 1, 1 << 16));
    const struct glint_map whole = shared->map;
    struct glint_cuda_shared s = {.background = {put_map(t, &small.map, type, 0, whole.c), 2}};
    glint_active_init(&active, malloc(glint_active_bytes(whole.h, whole.w)), whole.h, whole.w);
    struct host_map holes = host_map_open(whole.h, whole.w, whole.c, NULL);
    memcpy(holes.memory, shared->memory, glint_map_bytes(whole.h, whole.w, whole.c));
    for (int32_t i = 0; i < whole.h * whole.w; i++) {
        const struct glint_pixel p = {(uint16_t)(i / whole.w), (uint16_t)(i % whole.w)};
        if (glint_test_random(seed) % 3) {
            glint_active_set(&active, (const int32_t[]){p.x, p.y, 0}, 1, 1, 1);
            continue;
        }
        assert_ok(glint_background_fill(&x, &small.map, 2, &p, 1, &shared->map));
        for (int32_t k = 0; k < whole.c; k++)
            holes.map.data[p.y * whole.pitch + p.x * whole.ld + k] = 1e4f; /* not to be read */
    }
    s.map = put_map(t, &holes.map, type, 0, whole.c);
    s.active = active;
    s.active.bits = glint_cuda_put(t, active.bits, glint_active_bytes(whole.h, whole.w));
    free(active.bits);
    free(holes.memory);
    free(small.memory);
    glint_exec_fini(&x);
    return s;
}

static void check_branches(struct glint_cuda_test *t, enum glint_dtype type, int32_t k, int32_t n_cells)
{
    static const int32_t values[] = {2, 1, 3}, hiddens[] = {64, 20, 70};
    uint64_t seed = 6;
    struct glint_exec x;
    struct host_map shared = host_map_open(18, 22, k, &seed), want[3];
    struct branch branch[3];
    struct glint_cuda_branches b = {.n_branches = 3, .k = k, .type = type};
    struct glint_pixel cells[40];
    int32_t pairs[80];
    assert_ok(glint_exec_init(&x, 0, 1, 1 << 22));
    const struct glint_cuda_shared s = put_shared(t, &shared, type, &seed);
    for (int i = 0; i < 3; i++) {
        branch[i] = (struct branch){.n = values[i], .hidden = hiddens[i]};
        branch[i].first = exact_weights(9 * k, hiddens[i], &seed, &branch[i].memory[0]);
        branch[i].last = exact_weights(9 * hiddens[i], values[i], &seed, &branch[i].memory[1]);
        b.branch[i] = (struct glint_cuda_branch){.n = values[i], .hidden = hiddens[i], .offset = 4 * i + 1};
        void *host = malloc(glint_cuda_branch_bytes(&b, i));
        glint_cuda_branch_pack(&b, i, &branch[i].first, &branch[i].last, host);
        glint_cuda_branch_set(&b, i, glint_cuda_put(t, host, glint_cuda_branch_bytes(&b, i)));
        free(host);
        want[i] = branch_map(&x, &branch[i], &shared.map);
    }
    for (int32_t i = 0; i < n_cells; i++) { /* corners first */
        cells[i].y = i < 4 ? (uint16_t)(i / 2 * 17) : (uint16_t)(glint_test_random(&seed) % 18);
        cells[i].x = i < 4 ? (uint16_t)(i % 2 * 21) : (uint16_t)(glint_test_random(&seed) % 22);
        pairs[2 * i] = cells[i].y;
        pairs[2 * i + 1] = cells[i].x;
    }
    float *rows = glint_cuda_put(t, NULL, 40 * 14 * 4), got[40 * 14];
    const int32_t *n = glint_cuda_put(t, &n_cells, 4);
    struct glint_cuda_branch_cells at = {.candidate_cells = glint_cuda_put(t, pairs, sizeof pairs),
                                         .n = n,
                                         .cap = 40,
                                         .rows = rows,
                                         .row_stride = 14};
    assert_ok(glint_center_branches_cuda(t->stream, &b, &s, &at));
    glint_cuda_get(t, got, rows, sizeof got);
    for (int32_t i = 0; i < 40; i++) {
        assert_true(isnan(got[14 * i]) && (i < n_cells || isnan(got[14 * i + 1])));
        for (int k_branch = 0; i < n_cells && k_branch < 3; k_branch++)
            check_values(got + 14 * i + 4 * k_branch + 1, &want[k_branch].map, &cells[i], 1e-5);
    }
    const struct glint_map shape = {.h = 18, .w = 22, .c = 3};
    at = (struct glint_cuda_branch_cells){.cells = glint_cuda_put(t, cells, sizeof cells),
                                          .n = n,
                                          .cap = 40,
                                          .map = put_map(t, &shape, GLINT_DTYPE_F32, 0, 3)};
    b.n_branches = 1;
    assert_ok(glint_center_branches_cuda(t->stream, &b, &s, &at));
    float *map = got_map(t, &at.map);
    for (int32_t i = 0; i < n_cells; i++)
        check_values(map + (cells[i].y * 22 + cells[i].x) * 3, &want[0].map, &cells[i], 1e-5);
    free(map);
    for (int i = 0; i < 3; i++) {
        free(branch[i].memory[0]);
        free(branch[i].memory[1]);
        free(want[i].memory);
    }
    free(shared.memory);
    glint_exec_fini(&x);
    free_blocks(t, 0);
}

static void branches_at_cells(void **state)
{
    check_branches(*state, GLINT_DTYPE_F32, 21, 13);
    check_branches(*state, GLINT_DTYPE_F32, 16, 0);
    check_branches(*state, GLINT_DTYPE_BF16, 32, 9);
    check_branches(*state, GLINT_DTYPE_F16, 16, 40);
    check_branches(*state, GLINT_DTYPE_F16, 13, 5); /* no whole pieces of 16 bytes */
}

/* boxes */

static void fill_raw(struct glint_candidates *c, int32_t n, uint64_t *seed)
{
    c->n = n;
    for (int32_t i = 0; i < n; i++) {
        c->score[i] = 1 - (float)(i / 3) / (float)(n + 1); /* descending, some equal */
        c->label[i] = (int32_t)(glint_test_random(seed) % CLASSES);
        c->cell[2 * i] = (int32_t)(glint_test_random(seed) % 40);
        c->cell[2 * i + 1] = (int32_t)(glint_test_random(seed) % 40);
        for (int32_t k = 0; k < c->n_raw; k++)
            c->raw[i * c->n_raw + k] = glint_test_uniform(seed, -1, 1.5f);
        if (i % 31 == 5)
            c->raw[i * c->n_raw + i % 10] = i % 2 ? NAN : 1e4f;
    }
}

static void check_boxes(struct glint_cuda_test *t, struct glint_center c, int32_t n, float score)
{
    uint64_t seed = 11;
    void *memory, *got_memory;
    struct glint_candidates host = host_candidates(700, RAW, &memory);
    fill_raw(&host, n, &seed);
    const struct glint_cuda_candidates in = put_candidates(t, &host);
    struct glint_cuda_candidates out = device_candidates(t, 700, RAW);
    assert_ok(glint_center_boxes_cuda(t->stream, &c, put_least(t, &c, score), &in, &out));
    struct glint_candidates got = got_candidates(t, &out, &got_memory);
    glint_center_boxes(&c, score, &host);
    if (!c.rectify)
        assert_same(&got, &host);
    assert_int_equal(got.n, host.n);
    assert_memory_equal(got.source, host.source, (size_t)host.n * 4);
    assert_memory_equal(got.raw, host.raw, (size_t)host.n * RAW * 4);
    for (int32_t i = 0; i < host.n; i++)
        assert_near(got.score[i], host.score[i], 1e-6);
    for (int32_t i = 0; i < host.n * GLINT_CENTER_BOX; i++)
        assert_near(got.box[i], host.box[i], 2e-6 * (1 + fabs((double)host.box[i])));
    free(memory);
    free(got_memory);
    free_blocks(t, 0);
}

static void boxes_of_candidates(void **state)
{
    struct glint_center c = center_of(700);
    check_boxes(*state, c, 600, -1);
    check_boxes(*state, c, 0, -1);
    c.style = GLINT_CENTER_PCDET;
    c.rectify = true;
    check_boxes(*state, c, 300, 0.2f);
}

/* suppression */

static void fill_boxes(struct glint_candidates *c, int32_t n, uint64_t *seed)
{
    fill_raw(c, n, seed);
    for (int32_t i = 0; i < n; i++) {
        float *b = c->box + i * GLINT_CENTER_BOX;
        for (int k = 0; k < GLINT_CENTER_BOX; k++)
            b[k] = glint_test_uniform(seed, -9, 9);
        for (int k = 3; k < 6; k++)
            b[k] = glint_test_uniform(seed, 0.3f, 4);
        b[2] = glint_test_uniform(seed, -2, 2);
        if (i % 7 == 3) /* the same box again */
            memcpy(b, b - GLINT_CENTER_BOX, GLINT_CENTER_BOX * sizeof *b);
        if (i % 41 == 8)
            b[3 + i % 4] = i % 3 ? 0 : NAN;
        if (i % 37 == 8) /* side by side */
            b[6] = 0;
    }
}

static void check_nms(struct glint_cuda_test *t, const struct glint_center *c, int32_t n, bool mixed_scores)
{
    uint64_t seed = 17;
    void *memory, *want_memory, *got_memory;
    struct glint_candidates host = host_candidates(n + 20, RAW, &memory),
                            want = host_candidates(n + 20, 0, &want_memory);
    struct glint_center_work work;
    fill_boxes(&host, n, &seed);
    for (int32_t i = 0; mixed_scores && i < n; i++)
        host.score[i] = (float)(glint_test_random(&seed) % 50) / 50;
    void *work_memory = aligned_alloc(64, glint_center_work_bytes(n + 20) / 64 * 64 + 64);
    glint_center_work_init(&work, work_memory, n + 20);
    glint_center_nms(c, &host, &work, &want);
    const struct glint_cuda_candidates in = put_candidates(t, &host);
    struct glint_cuda_candidates out = device_candidates(t, n + 20, 0);
    assert_ok(glint_center_nms_cuda(t->stream, c, &in,
                                    glint_cuda_put(t, NULL, glint_center_nms_work_bytes_cuda(n + 20)), &out));
    struct glint_candidates got = got_candidates(t, &out, &got_memory);
    assert_same(&got, &want);
    assert_memory_equal(got.source, want.source, (size_t)want.n * 4);
    assert_memory_equal(got.box, want.box, (size_t)want.n * GLINT_CENTER_BOX * 4);
    assert_true(n == 0 || (want.n > 0 && want.n < n));
    free(memory);
    free(want_memory);
    free(got_memory);
    free(work_memory);
    free_blocks(t, 0);
}

static void suppression(void **state)
{
    struct glint_center c = center_of(700);
    check_nms(*state, &c, 500, false);
    check_nms(*state, &c, 700, true); /* more than shared memory holds */
    check_nms(*state, &c, 64, false);
    check_nms(*state, &c, 0, false);
    c.joint = true;
    c.style = GLINT_CENTER_PCDET;
    c.nms_turn = 1.5707963;
    check_nms(*state, &c, 300, true);
    c.circle = 4;
    check_nms(*state, &c, 130, false);
}

static void rotated(void **state)
{
    struct glint_cuda_test *t = *state;
    enum { N = 1000 };
    static struct glint_rect rects[N];
    static int32_t order[N], want[N], got[N];
    static double scratch[5 * N];
    uint64_t seed = 23;
    for (int32_t i = 0; i < N; i++) {
        const double x = (double)glint_test_uniform(&seed, -30, 30),
                     y = (double)glint_test_uniform(&seed, -30, 30);
        rects[i] = (struct glint_rect){x, y, (double)glint_test_uniform(&seed, -0.2f, 5),
                                       (double)glint_test_uniform(&seed, 0, 3),
                                       (double)glint_test_uniform(&seed, -7, 7)};
        if (i % 50 == 9)
            ((double *)&rects[i])[i % 5] = i % 100 == 9 ? (double)NAN : (double)INFINITY;
        if (i % 20 == 11) /* on a grid, turned by quarters: they touch, or are equal */
            rects[i] =
                (struct glint_rect){floor(x), floor(y), 2, 1, i % 40 == 11 ? 0 : 1.57079632679489661923};
        order[i] = N - 1 - i;
    }
    static const struct glint_nms_rule rules[] = {
        {0.1, N, N}, {0.0, 600, 40}, {0.5, 65, N}, {0.999, N, N}, {1.0, N, 0}};
    void *work = glint_cuda_put(t, NULL, glint_nms_work_bytes_cuda(N));
    const struct glint_rect *device = glint_cuda_put(t, rects, sizeof rects);
    const int32_t *list = glint_cuda_put(t, order, sizeof order);
    int32_t *keep = glint_cuda_put(t, NULL, sizeof got), *count = glint_cuda_put(t, NULL, 4);
    for (int i = 0; i < 10; i++) {
        const int32_t n = i % 3 ? N - 37 * i : N;
        int32_t n_got;
        assert_ok(glint_nms_rotated_cuda(t->stream, device, i % 2 ? list : NULL, glint_cuda_put(t, &n, 4), N,
                                         &rules[i / 2], keep, count, work));
        glint_cuda_get(t, &n_got, count, 4);
        glint_cuda_get(t, got, keep, sizeof got);
        assert_int_equal(n_got,
                         glint_nms_rotated(rects, i % 2 ? order : NULL, n, &rules[i / 2], want, scratch));
        assert_memory_equal(got, want, (size_t)n_got * 4);
    }
    assert_int_equal(glint_nms_rotated_cuda(t->stream, device, NULL, count, GLINT_CUDA_NMS_CAP + 1, &rules[0],
                                            keep, count, work),
                     GLINT_E_ARG);
}

/* Pairs whose IoU is the threshold itself, and the next number above it: decided as on the host, to the last
 * bit. On a GPU without turns, as its sines may differ in theirs. */
static void thresholds_to_the_last_bit(void **state)
{
    struct glint_cuda_test *t = *state;
    const struct glint_nms_rule all = {0, 2, 2};
    const int32_t n = 2, *count = glint_cuda_put(t, &n, 4);
    int32_t *keep = glint_cuda_put(t, NULL, 8), *n_out = glint_cuda_put(t, NULL, 4), found, suppressed = 0;
    struct glint_rect *device = glint_cuda_put(t, NULL, 2 * sizeof *device);
    void *work = glint_cuda_put(t, NULL, glint_nms_work_bytes_cuda(2));
    uint64_t seed = 37;
    for (int i = 0; i < 120; i++) {
        struct glint_rect r[2];
        for (int k = 0; k < 2; k++)
            r[k] = (struct glint_rect){
                (double)glint_test_uniform(&seed, -1, 1), (double)glint_test_uniform(&seed, -1, 1),
                (double)glint_test_uniform(&seed, 1, 4), (double)glint_test_uniform(&seed, 1, 3),
                GLINT_CUDA_EMULATED ? (double)glint_test_uniform(&seed, -4, 4) : 0};
        struct glint_nms_rule rule = all;
        const double iou = glint_rect_iou(&r[0], &r[1]);
        rule.threshold = i % 2 ? iou : nextafter(iou, 0);
        assert_ok(glint_stream_upload(t->stream, device, r, sizeof r));
        assert_ok(glint_nms_rotated_cuda(t->stream, device, NULL, count, 2, &rule, keep, n_out, work));
        glint_cuda_get(t, &found, n_out, 4);
        assert_int_equal(found, i % 2 || !(iou > 0) ? 2 : 1);
        suppressed += found == 1;
    }
    assert_true(suppressed > 40);
}

static void by_distance(void **state)
{
    struct glint_cuda_test *t = *state;
    enum { N = 200 };
    static struct glint_box boxes[N];
    static const float distance[] = {2, 1, 1, 0.5f};
    int32_t want[N], got[N], n = N, n_got;
    uint64_t seed = 29;
    for (int32_t i = 0; i < N; i++) {
        boxes[i] = (struct glint_box){.label = (int32_t)(glint_test_random(&seed) % 4) - 1};
        for (int k = 0; k < 3; k++)
            boxes[i].center[k] = glint_test_uniform(&seed, -5, 5);
    }
    boxes[7].center[0] = NAN;
    int32_t *keep = glint_cuda_put(t, NULL, sizeof got), *count = glint_cuda_put(t, NULL, 4);
    for (int i = 0; i < 2; i++) {
        const int32_t post = i ? 30 : N;
        assert_ok(glint_nms_distance_cuda(t->stream, glint_cuda_put(t, boxes, sizeof boxes), NULL,
                                          glint_cuda_put(t, &n, 4), N,
                                          glint_cuda_put(t, distance, sizeof distance), 2, post, keep, count,
                                          glint_cuda_put(t, NULL, glint_nms_work_bytes_cuda(N))));
        glint_cuda_get(t, &n_got, count, 4);
        glint_cuda_get(t, got, keep, sizeof got);
        assert_int_equal(n_got, glint_nms_distance(boxes, NULL, n, distance, 2, post, want));
        assert_memory_equal(got, want, (size_t)n_got * 4);
    }
}

static void several_heads(void **state)
{
    struct glint_cuda_test *t = *state;
    static const int32_t first_label[] = {0, 3, 7};
    uint64_t seed = 31;
    void *memory[3], *want_memory, *got_memory;
    struct glint_candidates host[3], want = host_candidates(60, 0, &want_memory);
    struct glint_cuda_candidates heads[3], out = device_candidates(t, 60, 0);
    want.n = 0;
    for (int h = 0; h < 3; h++) {
        host[h] = host_candidates(20, 0, &memory[h]);
        fill_boxes(&host[h], h == 1 ? 0 : 11 + h, &seed);
        heads[h] = put_candidates(t, &host[h]);
        for (int32_t i = 0; i < host[h].n; i++)
            glint_candidates_take(&host[h], i, first_label[h], &want);
        free(memory[h]);
    }
    assert_ok(glint_center_join_cuda(t->stream, heads, 3, first_label, &out));
    struct glint_candidates got = got_candidates(t, &out, &got_memory);
    assert_same(&got, &want);
    assert_memory_equal(got.box, want.box, (size_t)want.n * GLINT_CENTER_BOX * 4);
    free(want_memory);
    free(got_memory);
}

static const struct CMUnitTest tests[] = {
    cuda_test(cells_whose_heat_passes),    cuda_test(best_cells),  cuda_test(branches_at_cells),
    cuda_test(boxes_of_candidates),        cuda_test(suppression), cuda_test(rotated),
    cuda_test(thresholds_to_the_last_bit), cuda_test(by_distance), cuda_test(several_heads),
};
glint_cuda_main(tests)
