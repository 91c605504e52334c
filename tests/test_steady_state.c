/* tests/test_steady_state.c - after warm-up a frame allocates nothing: malloc and its kin are replaced in
 * this program, for every library in it. Not in builds with sanitizers, which replace them too. */
#include "tests/fakes.h"
#include "core/trace.h"
#include "glint/model.h"
#include "glint/pipeline.h"
#include <errno.h>
#include <stdatomic.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define COUNTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define COUNTS 0
#endif
#endif
#ifndef COUNTS
#define COUNTS 1
#endif

static _Atomic long n_allocations;

#if COUNTS
/* glibc's own, under their internal names. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
int posix_memalign(void **out, size_t alignment, size_t size);

void *malloc(size_t size)
{
    n_allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    n_allocations++;
    return __libc_calloc(n, size);
}

void *realloc(void *block, size_t size)
{
    n_allocations++;
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    n_allocations++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    n_allocations++;
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}
#endif

#define WARM 5 /* frames; then every thread, queue and pool has been through its first round */

static long after_warm_up;

static void note(struct fake_sink *sink, const struct glint_frame *frame)
{
    (void)sink;
    if (frame->index == WARM)
        after_warm_up = n_allocations;
}

static struct fake_sink sink;

/* Allocations between frame WARM and the last one. */
static long count(struct glint_source *source, struct glint_model *model, int32_t n_threads,
                  struct glint_trace *trace)
{
    struct glint_pipeline_settings s;
    struct glint_pipeline *p;
    glint_pipeline_settings_default(&s);
    s.source = source;
    s.model = model;
    s.n_threads = n_threads;
    s.trace = trace;
    fake_sink_init(&sink, "sink");
    sink.on_write = note;
    s.sinks[s.n_sinks++] = &sink.sink;
    assert_int_equal(glint_pipeline_open(&s, &p), GLINT_OK);
    assert_int_equal(glint_pipeline_run(p), GLINT_OK);
    const long n = n_allocations - after_warm_up;
    glint_pipeline_close(p);
    assert_true(sink.n > 3 * WARM);
    return n;
}

static void allocations_are_seen(void **state)
{
    (void)state;
    if (!COUNTS)
        skip();
    const long before = n_allocations;
    void *volatile block = malloc(1);
    free(block);
    assert_true(n_allocations > before);
}

static void frames_of_files_allocate_nothing(void **state)
{
    (void)state;
    if (!COUNTS)
        skip();
    for (int32_t threads = 1; threads <= 2; threads++) {
        struct fake_frames source;
        struct glint_trace *trace;
        assert_int_equal(glint_trace_open(100, &trace), GLINT_OK); /* smaller than the run */
        fake_frames_init(&source, 500);
        assert_int_equal(count(&source.source, NULL, threads, trace), 0);
        glint_trace_close(trace);
    }
}

static void frames_of_packets_allocate_nothing(void **state)
{
    (void)state;
    if (!COUNTS)
        skip();
    for (int32_t threads = 1; threads <= 2; threads++) {
        struct fake_packets source;
        fake_packets_init(&source, 2000);
        assert_int_equal(count(&source.source, NULL, threads, NULL), 0);
    }
}

/* The default model, over frames of different sizes. */
static void the_model_allocates_nothing(void **state)
{
    (void)state;
    if (!COUNTS)
        skip();
    for (int32_t threads = 1; threads <= 2; threads++) {
        struct fake_packets source;
        struct glint_model_settings settings;
        struct glint_model *model;
        struct glint_trace *trace;
        fake_packets_init(&source, 1650);
        glint_model_settings_default(&settings);
        settings.cap_points = FAKE_PACKETS_PER_TURN * FAKE_RETURNS_PER_PACKET;
        settings.n_threads = threads;
        assert_int_equal(glint_trace_open(1000, &trace), GLINT_OK);
        if (glint_model_open(GLINT_SOURCE_DIR "/data/models/glint-tiny", &settings, trace, &model) !=
            GLINT_OK)
            fail_msg("%s", glint_error_text());
        assert_int_equal(count(&source.source, model, threads, trace), 0);
        glint_model_close(model);
        glint_trace_close(trace);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_seen),
        cmocka_unit_test(frames_of_files_allocate_nothing),
        cmocka_unit_test(frames_of_packets_allocate_nothing),
        cmocka_unit_test(the_model_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
