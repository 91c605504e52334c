/* tests/cuda/test_device.c - the device layer, and through small kernels all that kernels are made of. */
#include "cuda/cuda_util.h"
#include "cuda/device_kernels.h"
#include "core/device_spans.h"

static void squares_up_to_a_count_on_the_device(void **state)
{
    struct glint_cuda_test *t = *state;
    float x[1000], got[1000];
    for (int i = 0; i < 1000; i++)
        x[i] = (float)i;
    const int32_t n = 777;
    float *on_device = glint_cuda_put(t, x, sizeof x);
    assert_ok(glint_made_square(t->stream, on_device, glint_cuda_put(t, &n, sizeof n), 1000));
    glint_cuda_get(t, got, on_device, sizeof got);
    for (int i = 0; i < 1000; i++)
        assert_true(got[i] == (i < n ? x[i] * x[i] : x[i]));
}

static void sums_by_barriers_and_shuffles(void **state)
{
    struct glint_cuda_test *t = *state;
    enum { BLOCKS = 5 };
    int32_t x[BLOCKS * 1000], got[BLOCKS], want[BLOCKS] = {0};
    uint64_t seed = 3;
    for (int i = 0; i < BLOCKS * 1000; i++) {
        x[i] = (int32_t)(glint_test_random(&seed) % 2001) - 1000;
        want[i / 1000] += x[i];
    }
    int32_t *out = glint_cuda_put(t, NULL, sizeof got);
    assert_ok(glint_made_sums(t->stream, glint_cuda_put(t, x, sizeof x), BLOCKS, out));
    glint_cuda_get(t, got, out, sizeof got);
    assert_memory_equal(got, want, sizeof want);
}

static void bins_by_atomics_in_dynamic_shared_memory(void **state)
{
    struct glint_cuda_test *t = *state;
    enum { N = 5000, BINS = 37 };
    int32_t x[N], got[BINS], want[BINS] = {0};
    uint64_t seed = 4;
    for (int i = 0; i < N; i++) {
        x[i] = (int32_t)(glint_test_random(&seed) >> 40);
        want[x[i] % BINS]++;
    }
    int32_t *bins = glint_cuda_put(t, NULL, sizeof got);
    assert_ok(glint_stream_fill(t->stream, bins, 0, sizeof got));
    assert_ok(glint_made_bins(t->stream, glint_cuda_put(t, x, sizeof x), N, BINS, bins));
    glint_cuda_get(t, got, bins, sizeof got);
    assert_memory_equal(got, want, sizeof want);
}

/* Small whole numbers are the same in both 16-bit types and their products are exact: the layout is what is
 * tested. */
static uint16_t bits_of(int value, int bf16)
{
    const float f = (float)value;
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    if (bf16)
        return (uint16_t)(u >> 16);
    return (uint16_t)(value ? (u >> 16 & 0x8000u) | (((u & 0x7fffffffu) - 0x38000000u) >> 13) : 0);
}
static void products_of_fragments(void **state)
{
    struct glint_cuda_test *t = *state;
    for (int bf16 = 0; bf16 <= (t->info.arch >= 80); bf16++) {
        uint16_t a[16 * 16], b[16 * 8];
        float want[16 * 8], got[16 * 8];
        for (int i = 0; i < 256; i++)
            a[i] = bits_of(i * 7 % 23 - 11, bf16);
        for (int i = 0; i < 128; i++)
            b[i] = bits_of(i * 5 % 19 - 9, bf16);
        for (int i = 0; i < 128; i++) {
            int sum = 0;
            for (int k = 0; k < 16; k++)
                sum += ((i / 8 * 16 + k) * 7 % 23 - 11) * ((k * 8 + i % 8) * 5 % 19 - 9);
            want[i] = (float)sum;
        }
        float *c = glint_cuda_put(t, NULL, sizeof got);
        assert_ok(glint_made_product(t->stream, glint_cuda_put(t, a, sizeof a),
                                     glint_cuda_put(t, b, sizeof b), bf16, c));
        glint_cuda_get(t, got, c, sizeof got);
        assert_memory_equal(got, want, sizeof want);
    }
}

static void copies_in_all_directions(void **state)
{
    struct glint_cuda_test *t = *state;
    uint8_t *pinned;
    uint8_t got[1000];
    assert_ok(glint_pinned_alloc(t->device, 1000, (void **)&pinned));
    for (int i = 0; i < 1000; i++)
        pinned[i] = (uint8_t)(i * 7);
    uint8_t *a = glint_cuda_put(t, NULL, 1000), *b = glint_cuda_put(t, NULL, 1000);
    assert_ok(glint_stream_upload(t->stream, a, pinned, 1000));
    assert_ok(glint_stream_fill(t->stream, b, 9, 1000));
    assert_ok(glint_stream_copy(t->stream, b + 100, a + 3, 500));
    assert_ok(glint_stream_copy(t->stream, b, a, 0));
    assert_ok(glint_stream_download(t->stream, pinned, b, 1000));
    assert_ok(glint_stream_wait(t->stream));
    glint_cuda_get(t, got, b, 1000);
    assert_memory_equal(got, pinned, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(got[i], i < 100 || i >= 600 ? 9 : (uint8_t)((i - 97) * 7));
    glint_pinned_free(t->device, pinned);
}

static void an_arena_is_handed_out_until_it_is_full(void **state)
{
    struct glint_cuda_test *t = *state;
    static const size_t sizes[] = {1, 256, 0, 1000};
    for (int pinned = 0; pinned < 2; pinned++) {
        struct glint_device_arena arena;
        size_t cap = 0;
        for (int i = 0; i < 4; i++)
            cap += glint_device_arena_round(sizes[i]);
        assert_ok(glint_device_arena_open(t->device, cap, pinned, &arena));
        for (int i = 0; i < 4; i++) {
            void *piece;
            assert_ok(glint_device_arena_alloc(&arena, sizes[i], &piece));
            assert_int_equal((uintptr_t)piece % 256, 0);
            assert_ok(glint_stream_fill(t->stream, piece, 3, sizes[i]));
        }
        void *more;
        assert_int_equal(glint_device_arena_alloc(&arena, 1, &more), GLINT_E_CAPACITY);
        assert_null(more);
        assert_int_equal(glint_device_arena_alloc(&arena, SIZE_MAX - 3, &more), GLINT_E_CAPACITY);
        assert_ok(glint_stream_wait(t->stream));
        glint_device_arena_close(&arena);
        glint_device_arena_close(&arena);
    }
}

static void what_cannot_be_had_is_named(void **state)
{
    struct glint_cuda_test *t = *state;
    struct glint_device *none;
    void *memory;
    assert_int_equal(glint_device_alloc(t->device, (size_t)1 << 50, &memory), GLINT_E_NOMEM);
    assert_null(memory);
    assert_non_null(strstr(glint_error_text(), "1125899906842624 bytes"));
    assert_int_equal(glint_device_open(1000, &none), GLINT_E_DEVICE);
    assert_null(none);
    assert_non_null(strstr(glint_error_text(), "cuda:1000"));
    assert_int_equal(glint_device_open(-1, &none), GLINT_E_DEVICE);
    struct glint_device_info info;
    assert_ok(glint_device_describe(t->device, &info));
    assert_true(info.name[0] && info.arch >= 75 && info.n_multiprocessors > 0 &&
                info.shared_bytes >= 48 << 10);
    assert_true(info.free_bytes <= info.total_bytes && info.total_bytes > 0);
    int n;
    assert_ok(glint_device_count(&n));
    assert_true(n >= 1);
    assert_true(glint_device_toolkit()[0]);
}

static void events_order_streams_and_measure_time(void **state)
{
    struct glint_cuda_test *t = *state;
    struct glint_stream *other;
    struct glint_event *before, *after;
    float x[4096], got[4096];
    int32_t n = 4096;
    for (int i = 0; i < n; i++)
        x[i] = 1.0f + (float)i * 1e-6f;
    assert_ok(glint_stream_open(t->device, &other));
    assert_ok(glint_event_open(t->device, &before));
    assert_ok(glint_event_open(t->device, &after));
    float *a = glint_cuda_put(t, NULL, sizeof x);
    int32_t *count = glint_cuda_put(t, &n, sizeof n);
    for (int round = 0; round < 20; round++) { /* one stream squares what the other has brought */
        assert_ok(glint_event_record(before, t->stream));
        assert_ok(glint_stream_upload(t->stream, a, x, sizeof x));
        assert_ok(glint_made_square(t->stream, a, count, n));
        assert_ok(glint_event_record(after, t->stream));
        assert_ok(glint_stream_after(other, after));
        assert_ok(glint_made_square(other, a, count, n));
        assert_ok(glint_stream_download(other, got, a, sizeof got));
        assert_ok(glint_stream_wait(other));
        for (int i = 0; i < n; i++)
            assert_true(got[i] == (x[i] * x[i]) * (x[i] * x[i]));
    }
    int done;
    int64_t ns;
    assert_ok(glint_event_wait(after));
    assert_ok(glint_event_done(after, &done));
    assert_int_equal(done, 1);
    assert_ok(glint_event_elapsed(before, after, &ns));
    assert_true(ns >= 0 && ns < INT64_C(60000000000));
    glint_event_close(before);
    glint_event_close(after);
    glint_stream_close(other);
}

/* Copies in, work on two streams, copies out; run thrice, each with what is in pinned memory then. */
static void graphs_repeat_what_was_enqueued(void **state)
{
    struct glint_cuda_test *t = *state;
    struct glint_stream *other;
    struct glint_event *fork, *join, *from, *to;
    struct glint_graph *graph;
    float *in, *out;
    int32_t n = 64;
    assert_ok(glint_stream_open(t->device, &other));
    assert_ok(glint_event_open(t->device, &fork));
    assert_ok(glint_event_open(t->device, &join));
    assert_ok(glint_event_open(t->device, &from));
    assert_ok(glint_event_open(t->device, &to));
    assert_ok(glint_pinned_alloc(t->device, 128 * sizeof *in, (void **)&in));
    assert_ok(glint_pinned_alloc(t->device, 128 * sizeof *in, (void **)&out));
    float *a = glint_cuda_put(t, NULL, 128 * sizeof *a);
    int32_t *count = glint_cuda_put(t, &n, sizeof n);
    memset(in, 0, 128 * sizeof *in);
    memset(out, 0, 128 * sizeof *in);

    assert_ok(glint_graph_begin(t->stream));
    assert_ok(glint_event_stamp(from, t->stream));
    assert_ok(glint_stream_upload(t->stream, a, in, 128 * sizeof *in));
    assert_ok(glint_event_record(fork, t->stream));
    assert_ok(glint_stream_after(other, fork));
    assert_ok(glint_made_square(other, a + 64, count, 64));
    assert_ok(glint_made_square(t->stream, a, count, 64));
    assert_ok(glint_event_record(join, other));
    assert_ok(glint_stream_after(t->stream, join));
    assert_ok(glint_stream_download(t->stream, out, a, 128 * sizeof *in));
    assert_ok(glint_event_stamp(to, t->stream));
    assert_ok(glint_graph_end(t->stream, &graph));
    assert_ok(glint_stream_wait(t->stream));
    assert_true(out[1] == 0.0f); /* nothing ran */

    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < 128; i++)
            in[i] = (float)(i + round);
        assert_ok(glint_graph_run(graph, t->stream));
        assert_ok(glint_stream_wait(t->stream));
        for (int i = 0; i < 128; i++)
            assert_true(out[i] == (float)((i + round) * (i + round)));
        int64_t ns;
        assert_ok(glint_event_elapsed(from, to, &ns));
        assert_true(ns >= 0 && ns < INT64_C(60000000000));
    }
    assert_ok(glint_made_square(other, a, count, 64)); /* the other stream is no part of it any more */
    assert_ok(glint_stream_wait(other));
    glint_graph_close(graph);
    glint_graph_close(NULL);
    glint_pinned_free(t->device, in);
    glint_pinned_free(t->device, out);
    glint_event_close(fork);
    glint_event_close(join);
    glint_event_close(from);
    glint_event_close(to);
    glint_stream_close(other);
}

/* In the file: two stages on a track of the device's own, one after the other, and the same times in the
 * frame. */
static void stages_on_the_device_are_in_the_trace(void **state)
{
    struct glint_cuda_test *t = *state;
    struct glint_device_spans *spans;
    struct glint_trace *trace;
    struct glint_graph *graph = NULL;
    struct glint_frame frame = {.index = 7};
    const char *path = GLINT_BUILD_DIR "/test_cuda_device.trace.json";
    float x[1000] = {0};
    int32_t n = 1000;
    float *a = glint_cuda_put(t, x, sizeof x);
    int32_t *count = glint_cuda_put(t, &n, sizeof n);
    assert_ok(glint_trace_open(100, &trace));
    assert_ok(glint_device_spans_open(t->device, &spans));
    for (int in_graph = 0; in_graph < 2; in_graph++) {
        for (int i = 0; i < GLINT_STAGE_COUNT; i++)
            frame.latency_ns[i] = -1;
        if (in_graph)
            assert_ok(glint_graph_begin(t->stream));
        assert_ok(glint_device_spans_begin(spans, t->stream));
        assert_ok(glint_made_square(t->stream, a, count, n));
        assert_ok(glint_device_spans_mark(spans, t->stream, GLINT_STAGE_ENCODE));
        assert_ok(glint_made_square(t->stream, a, count, n));
        assert_ok(glint_device_spans_mark(spans, t->stream, GLINT_STAGE_HEAD));
        if (in_graph) {
            assert_ok(glint_graph_end(t->stream, &graph));
            assert_ok(glint_graph_run(graph, t->stream));
        }
        assert_ok(glint_stream_wait(t->stream));
        assert_ok(glint_device_spans_end(spans, trace, &frame));
        assert_true(frame.latency_ns[GLINT_STAGE_ENCODE] >= 0 && frame.latency_ns[GLINT_STAGE_HEAD] >= 0);
        assert_true(frame.latency_ns[GLINT_STAGE_ATTEND] == -1);
    }
    assert_ok(glint_trace_export(trace, path));
    char text[4096] = "";
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    remove(path);
    assert_non_null(strstr(text, "\"cuda:0\""));
    assert_non_null(strstr(text, "\"encode\""));
    assert_non_null(strstr(text, "\"head\""));
    assert_null(strstr(text, "\"attend\""));
    glint_graph_close(graph);
    glint_device_spans_close(spans);
    glint_trace_close(trace);
}

static void a_graph_that_is_not_begun_does_not_end(void **state)
{
    struct glint_cuda_test *t = *state;
    struct glint_graph *graph;
    assert_int_equal(glint_graph_end(t->stream, &graph), GLINT_E_DEVICE);
    assert_null(graph);
    squares_up_to_a_count_on_the_device(state); /* the stream is as before */
    assert_ok(glint_graph_begin(t->stream));
    assert_int_equal(glint_graph_begin(t->stream), GLINT_E_DEVICE);
    (void)glint_graph_end(t->stream, &graph);
    glint_graph_close(graph);
    squares_up_to_a_count_on_the_device(state);
}

static const struct CMUnitTest tests[] = {
    cuda_test(squares_up_to_a_count_on_the_device),
    cuda_test(sums_by_barriers_and_shuffles),
    cuda_test(bins_by_atomics_in_dynamic_shared_memory),
    cuda_test(products_of_fragments),
    cuda_test(copies_in_all_directions),
    cuda_test(an_arena_is_handed_out_until_it_is_full),
    cuda_test(what_cannot_be_had_is_named),
    cuda_test(events_order_streams_and_measure_time),
    cuda_test(graphs_repeat_what_was_enqueued),
    cuda_test(stages_on_the_device_are_in_the_trace),
    cuda_test(a_graph_that_is_not_begun_does_not_end),
};
glint_cuda_main(tests)
