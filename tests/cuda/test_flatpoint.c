/* tests/cuda/test_flatpoint.c - the operations of the flatpoint architecture on the device against the CPU's.
 */
#include "cuda/cuda_maps.h"
#include "model/cuda/flatpoint.h"

static const enum glint_dtype types[] = {GLINT_DTYPE_F32, GLINT_DTYPE_BF16, GLINT_DTYPE_F16};

static struct glint_cuda_conv put_linear(struct glint_cuda_test *t, const struct glint_weights *w)
{
    struct glint_cuda_conv c = {
        .kernel = 1, .stride = 1, .dilation = 1, .scale = 1, .k = w->k, .n = w->n, .type = GLINT_DTYPE_F32};
    put_conv(t, &c, w);
    return c;
}

/* n rows of exact values, and the same on the device in a type. */
static float *exact_rows(int64_t n, uint64_t *seed)
{
    float *v = malloc((size_t)n * 4 + 4);
    assert_non_null(v);
    for (int64_t i = 0; i < n; i++)
        v[i] = exact_value(seed, 127, 1.0f / 64);
    return v;
}

static const void *put_rows(struct glint_cuda_test *t, const float *v, int64_t n, enum glint_dtype type)
{
    if (type == GLINT_DTYPE_F32)
        return glint_cuda_put(t, v, (size_t)n * 4 + 4);
    uint16_t *half = malloc((size_t)n * 2 + 2);
    for (int64_t i = 0; i < n; i++)
        half[i] = exact_16(v[i], type);
    const void *device = glint_cuda_put(t, half, (size_t)n * 2 + 2);
    free(half);
    return device;
}

/* Different cells of a grid of side x side. */
static int32_t *cells_of_grid(int32_t side, int32_t n, uint64_t *seed)
{
    uint8_t *taken = calloc((size_t)side * (size_t)side, 1);
    int32_t *coord = malloc((size_t)n * 12 + 12);
    for (int32_t i = 0; i < n;) {
        const int32_t cell = (int32_t)(glint_test_random(seed) % (uint64_t)(side * side));
        if (taken[cell])
            continue;
        taken[cell] = 1;
        coord[3 * i] = cell % side;
        coord[3 * i + 1] = cell / side;
        coord[3 * i++ + 2] = 0;
    }
    free(taken);
    return coord;
}

static void merge_case(struct glint_cuda_test *t, int32_t stride, int32_t axis, int32_t dim, int32_t channels,
                       int32_t n, enum glint_dtype type)
{
    uint64_t seed = 3;
    const int32_t side = 7, places = stride * stride;
    void *memory;
    struct glint_exec x;
    assert_ok(glint_exec_init(&x, 0, 1, 1 << 22));
    struct glint_patch_merge merge = {stride, axis, exact_weights(places * dim, channels, &seed, &memory)};
    struct host_map want = host_map_open(side, side, channels, NULL);
    float *tokens = exact_rows((int64_t)n * dim, &seed);
    int32_t *coord = cells_of_grid(side * stride, n, &seed);
    int32_t *scratch = malloc(glint_patch_merge_scratch(side, side, stride));
    assert_ok(glint_patch_merge(&x, &merge, tokens, coord, n, &want.map, scratch));
    const struct glint_cuda_patch_merge device = {stride, axis, put_linear(t, &merge.w)};
    const struct glint_map shape = {.h = side, .w = side, .c = channels};
    const struct glint_cuda_map out = put_map(t, &shape, GLINT_DTYPE_F32, 0, channels);
    assert_ok(glint_patch_merge_cuda(
        t->stream, &device, put_rows(t, tokens, (int64_t)n * dim, type), type,
        glint_cuda_put(t, coord, (size_t)n * 12 + 4), glint_cuda_put(t, &n, 4), n + 3, &out,
        glint_cuda_put(t, NULL, glint_patch_merge_work_bytes_cuda(side, side, stride))));
    float *got = got_map(t, &out), *flat = malloc((size_t)(side * side * channels) * 4);
    for (int32_t i = 0; i < side * side * channels; i++)
        flat[i] =
            want.map
                .data[i / channels / side * want.map.pitch + i / channels % side * channels + i % channels];
    assert_true(relative_error(got, flat, side * side * channels) < 1e-6);
    free(got);
    free(flat);
    free(tokens);
    free(coord);
    free(scratch);
    free(memory);
    free(want.memory);
    glint_exec_fini(&x);
    free_blocks(t, 0);
}

static void merged_pillars(void **state)
{
    for (int i = 0; i < 3; i++) {
        merge_case(*state, 2, 0, 24, 40, 60, types[i]);
        merge_case(*state, 1, 1, 5, 3, 20, types[i]);
        merge_case(*state, 4, 0, 8, 70, i == 2 ? 0 : 300, types[i]);
    }
}

/* peaks */

static void peaks_case(struct glint_cuda_test *t, int32_t h, int32_t w, int32_t classes, int32_t most,
                       bool local, float power)
{
    uint64_t seed = 5;
    struct glint_exec x;
    struct host_map heat = host_map_open(h, w, classes, NULL), iou = host_map_open(h, w, 1, &seed);
    const float least[4] = {0.3f, 0.5f, 0.2f, 0.9f};
    struct glint_peaks_rule rule = {1, most, local, power < 0 ? 1 : power};
    assert_ok(glint_exec_init(&x, 0, 1, (size_t)1 << 22));
    for (int64_t i = 0; i < (int64_t)h * w * classes; i++) {
        const uint64_t r = glint_test_random(&seed);
        heat.map.data[i / classes / w * heat.map.pitch + i / classes % w * classes + i % classes] =
            r % 53 == 0   ? NAN
            : r % 59 == 0 ? INFINITY
                          : (float)(r / 64 % 30) / 6 - 3;
    }
    for (int32_t k = 0; k < classes; k++)
        rule.threshold = fminf(rule.threshold, least[k]);
    struct glint_peak *want = malloc((size_t)(most + 1) * sizeof *want),
                      *got = malloc((size_t)(most + 1) * sizeof *got);
    int32_t n, n_got, n_want = 0;
    assert_ok(glint_peaks(&x, &heat.map, power < 0 ? NULL : &iou.map, &rule, want, &n));
    for (int32_t i = 0; i < n; i++)
        if (want[i].score > least[want[i].label])
            want[n_want++] = want[i];
    const struct glint_cuda_map heat_map = put_map(t, &heat.map, GLINT_DTYPE_F32, 0, classes),
                                iou_map = put_map(t, &iou.map, GLINT_DTYPE_F32, 0, 1);
    struct glint_peak *out = glint_cuda_put(t, NULL, (size_t)most * sizeof *out);
    int32_t *count = glint_cuda_put(t, NULL, 4);
    assert_ok(glint_peaks_cuda(
        t->stream, &heat_map, power < 0 ? NULL : &iou_map, &rule, glint_cuda_put(t, least, sizeof least),
        glint_cuda_put(t, NULL, glint_peaks_work_bytes_cuda(h, w, classes, most)), out, count));
    glint_cuda_get(t, &n_got, count, 4);
    assert_int_equal(n_got, n_want);
    glint_cuda_get(t, got, out, (size_t)n_got * sizeof *got);
    assert_memory_equal(got, want, (size_t)n_got * sizeof *got);
    free(want);
    free(got);
    free(heat.memory);
    free(iou.memory);
    glint_exec_fini(&x);
    free_blocks(t, 0);
}

static void peaks(void **state)
{
    peaks_case(*state, 30, 40, 4, 50, true, -1);
    peaks_case(*state, 30, 40, 4, 5000, true, -1);
    peaks_case(*state, 30, 40, 3, 300, false, 2);
    peaks_case(*state, 7, 5, 1, 20, true, 0.5f);
    peaks_case(*state, 1, 1, 2, 1, true, -1);
    peaks_case(*state, 9, 9, 4, 0, true, -1);
}

/* boxes */

static void patch_case(struct glint_cuda_test *t, int32_t patch, int32_t channels, int32_t n,
                       enum glint_dtype type)
{
    uint64_t seed = 7;
    enum { HIDDEN = 70, CAP = 100 };
    void *memory[3];
    struct glint_exec x;
    struct host_map map = host_map_open(19, 23, channels, &seed);
    struct glint_head_patch head = {.patch = patch, .row_axis = 0, .cell_m = 0.8f, .origin_m = {-8, -9}};
    struct glint_peak peaks[CAP];
    int32_t cells[2 * CAP], n_got, n_want = 0;
    float want[CAP * GLINT_PATCH_OUTPUTS], got[CAP * GLINT_PATCH_OUTPUTS];
    struct glint_box boxes[CAP];
    assert_ok(glint_exec_init(&x, 0, 1, (size_t)1 << 22));
    head.l1 = exact_weights(patch * patch * channels, HIDDEN, &seed, &memory[0]);
    head.l2 = made_weights(HIDDEN, HIDDEN, &seed, &memory[1]);
    head.l3 = made_weights(HIDDEN, GLINT_PATCH_OUTPUTS, &seed, &memory[2]);
    for (int32_t i = 0; i < CAP; i++) {
        peaks[i] = (struct glint_peak){1.0f / (float)(i + 1), i % 3, (int32_t)(glint_test_random(&seed) % 19),
                                       (int32_t)(glint_test_random(&seed) % 23)};
        cells[2 * i] = peaks[i].row;
        cells[2 * i + 1] = peaks[i].col;
    }
    map.map.data[11 * map.map.pitch + 12 * channels] = INFINITY; /* boxes near it are none */
    assert_ok(glint_head_patch(&x, &head, &map.map, cells, n, want));
    struct glint_cuda_head_patch device = {
        patch, 0, put_linear(t, &head.l1), put_linear(t, &head.l2), put_linear(t, &head.l3), 0.8f, {-8, -9}};
    struct host_map finite = host_map_open(19, 23, channels, NULL);
    memcpy(finite.memory, map.memory, glint_map_bytes(19, 23, channels));
    const struct glint_cuda_map on_device = put_map(t, &finite.map, type, 0, channels);
    float *values = glint_cuda_put(t, NULL, sizeof got);
    struct glint_box *out = glint_cuda_put(t, NULL, sizeof boxes);
    int32_t *count = glint_cuda_put(t, NULL, 4);
    assert_ok(glint_head_patch_cuda(
        t->stream, &device, &on_device, glint_cuda_put(t, peaks, sizeof peaks), glint_cuda_put(t, &n, 4), CAP,
        glint_cuda_put(t, NULL, glint_head_patch_work_bytes_cuda(&device, CAP)), values, out, count));
    glint_cuda_get(t, got, values, sizeof got);
    glint_cuda_get(t, boxes, out, sizeof boxes);
    glint_cuda_get(t, &n_got, count, 4);
    for (int32_t i = 0; i < n; i++) {
        struct glint_box box;
        bool finite_values = true;
        for (int k = 0; k < GLINT_PATCH_OUTPUTS; k++)
            finite_values = finite_values && isfinite(want[i * GLINT_PATCH_OUTPUTS + k]);
        if (!finite_values)
            continue;
        for (int k = 0; k < GLINT_PATCH_OUTPUTS; k++)
            assert_near(got[i * GLINT_PATCH_OUTPUTS + k], want[i * GLINT_PATCH_OUTPUTS + k], 2e-4);
        glint_head_patch_box(&head, got + i * GLINT_PATCH_OUTPUTS, peaks[i].row, peaks[i].col, &box);
        if (!isfinite(box.size[0]) || !isfinite(box.size[1]) || !isfinite(box.size[2]))
            continue;
        const struct glint_box *found = &boxes[n_want++];
        assert_true(found->score == peaks[i].score && found->label == peaks[i].label && found->id == -1);
        for (int k = 0; k < 3; k++) {
            assert_near(found->center[k], box.center[k], 1e-5);
            assert_near(found->size[k] / box.size[k], 1, 1e-6);
        }
        assert_near(found->yaw, box.yaw, 1e-6);
    }
    assert_int_equal(n_got, n_want);
    for (int i = 0; i < 3; i++)
        free(memory[i]);
    free(map.memory);
    free(finite.memory);
    glint_exec_fini(&x);
    free_blocks(t, 0);
}

static void boxes_of_peaks(void **state)
{
    patch_case(*state, 5, 12, 90, GLINT_DTYPE_F32);
    patch_case(*state, 1, 7, 0, GLINT_DTYPE_F32);
    patch_case(*state, 3, 16, 100, GLINT_DTYPE_BF16);
}

/* points */

struct points { /* sorted into pillars of a grid of 16 x 16 */
    int32_t n_points, n_voxels, n_in;
    int32_t point[600], start[101], *coord;
};

static struct points made_points(int32_t n_voxels, uint64_t *seed)
{
    struct points p = {.n_voxels = n_voxels, .coord = cells_of_grid(16, n_voxels, seed)};
    for (int32_t v = 0; v < n_voxels; v++) {
        p.start[v] = p.n_points;
        p.n_points += 1 + (int32_t)(glint_test_random(seed) % 5);
    }
    p.start[n_voxels] = p.n_points;
    p.n_in = p.n_points + 50; /* every other input point at first belongs to no pillar */
    for (int32_t i = 0; i < p.n_points; i++)
        p.point[i] = i < 50 ? 2 * (49 - i) + 1 : i + 50;
    return p;
}

static void points_case(struct glint_cuda_test *t, int32_t n_voxels, int32_t hidden, int32_t classes,
                        enum glint_dtype type)
{
    enum { DIM = 20, CHANNELS = 12 };
    uint64_t seed = 13;
    void *memory[4];
    struct glint_exec x;
    struct points p = made_points(n_voxels, &seed);
    struct host_map map = host_map_open(8, 8, CHANNELS, &seed);
    float *features = exact_rows((int64_t)p.n_points * DIM, &seed),
          *tokens = exact_rows((int64_t)n_voxels * DIM, &seed);
    struct glint_head_points head = {.stride = 2, .row_axis = 0};
    head.point = exact_weights(DIM, hidden, &seed, &memory[0]);
    head.token = exact_weights(DIM, hidden, &seed, &memory[1]);
    head.cell = exact_weights(CHANNELS, hidden, &seed, &memory[2]);
    head.out = made_weights(hidden, classes, &seed, &memory[3]);
    float *no_bias = calloc((size_t)hidden + GLINT_PANEL, sizeof *no_bias);
    head.token.bias = no_bias;
    assert_ok(glint_exec_init(&x, 0, 1, (size_t)1 << 22));
    const size_t n_logits = (size_t)(p.n_points * classes);
    float *scratch = malloc((size_t)(n_voxels * hidden) * 4 + 4), *want = malloc(n_logits * 4 + 4),
          *got = malloc(n_logits * 4 + 4);
    uint8_t class_want[700], class_got[700], sure_want[700] = {0}, sure_got[700];
    memset(class_want, 255, sizeof class_want);
    assert_ok(glint_head_points(&x, &head, features, p.point, p.start, p.coord, n_voxels, tokens, &map.map,
                                scratch, class_want, sure_want, want));
    const struct glint_cuda_head_points device = {2,
                                                  0,
                                                  put_linear(t, &head.point),
                                                  put_linear(t, &head.token),
                                                  put_linear(t, &head.cell),
                                                  put_linear(t, &head.out)};
    const struct glint_cuda_point_rows rows = {.n_points = glint_cuda_put(t, &p.n_points, 4),
                                               .n_voxels = glint_cuda_put(t, &p.n_voxels, 4),
                                               .cap_points = 600,
                                               .cap_voxels = 100,
                                               .point = glint_cuda_put(t, p.point, sizeof p.point),
                                               .start = glint_cuda_put(t, p.start, sizeof p.start),
                                               .coord = glint_cuda_put(t, p.coord, (size_t)n_voxels * 12 + 4),
                                               .features =
                                                   put_rows(t, features, (int64_t)p.n_points * DIM, type),
                                               .tokens = put_rows(t, tokens, (int64_t)n_voxels * DIM, type),
                                               .feature_type = type,
                                               .token_type = type};
    const struct glint_cuda_map on_device = put_map(t, &map.map, type, 0, CHANNELS);
    uint8_t *class_out = glint_cuda_put(t, NULL, 700), *sure = glint_cuda_put(t, NULL, 700);
    float *logits = glint_cuda_put(t, NULL, n_logits * 4);
    void *work = glint_cuda_put(t, NULL, glint_head_points_work_bytes_cuda(&device, 600, 100));
    assert_ok(
        glint_head_points_cuda(t->stream, &device, &rows, &on_device, work, class_out, sure, p.n_in, logits));
    glint_cuda_get(t, got, logits, n_logits * 4);
    glint_cuda_get(t, class_got, class_out, 700);
    glint_cuda_get(t, sure_got, sure, 700);
    assert_true(relative_error(got, want, (int64_t)n_logits) < 1e-6);
    assert_memory_equal(class_got, class_want, (size_t)p.n_in);
    for (int32_t i = 0; i < p.n_in; i++)
        assert_true(abs(sure_got[i] - sure_want[i]) <= 1);
    assert_ok(
        glint_head_points_cuda(t->stream, &device, &rows, &on_device, work, class_out, sure, p.n_in, NULL));
    glint_cuda_get(t, class_got, class_out, 700);
    assert_memory_equal(class_got, class_want, (size_t)p.n_in);
    for (int i = 0; i < 4; i++)
        free(memory[i]);
    free(no_bias);
    free(p.coord);
    free(map.memory);
    free(features);
    free(tokens);
    free(scratch);
    free(want);
    free(got);
    glint_exec_fini(&x);
    free_blocks(t, 0);
}

static void classes_of_points(void **state)
{
    points_case(*state, 90, 64, 20, GLINT_DTYPE_F32);
    points_case(*state, 30, 100, 1, GLINT_DTYPE_F32);
    points_case(*state, 70, 24, 64, GLINT_DTYPE_F16);
    points_case(*state, 70, 24, 5, GLINT_DTYPE_BF16);
}

static const struct CMUnitTest tests[] = {
    cuda_test(merged_pillars),
    cuda_test(peaks),
    cuda_test(boxes_of_peaks),
    cuda_test(classes_of_points),
};
glint_cuda_main(tests)
