/* tests/test_steady_state.c - after warm-up a frame allocates nothing: malloc and its kin are replaced in
 * this program, for every library in it. Not in builds with sanitizers, which replace them too. */
#include "tests/files.h"
#include "tests/fakes.h"
#include "calib/trajectory.h"
#include "core/trace.h"
#include "glint/model.h"
#include "glint/pipeline.h"
#include "glint/track.h"
#include "io/sinks.h"
#include "io/source_pcap.h"
#include "io/source_points.h"
#include "tests/golden_zoo.h"
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

static long after_warm_up, at_last_frame;

static void note(struct fake_sink *sink, const struct glint_frame *frame)
{
    (void)sink;
    if (frame->index == WARM)
        after_warm_up = n_allocations;
    at_last_frame = n_allocations;
}

static struct fake_sink sink;

/* Allocations between frame WARM and the last one, of `least` frames at least. settings without sinks: the
 * fake one comes last. */
static long count_with(struct glint_pipeline_settings *s, int least)
{
    struct glint_pipeline *p;
    fake_sink_init(&sink, "sink");
    sink.on_write = note;
    s->sinks[s->n_sinks++] = &sink.sink;
    if (glint_pipeline_open(s, &p) != GLINT_OK || glint_pipeline_run(p) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    glint_pipeline_close(p);
    assert_true(sink.n >= least);
    return at_last_frame - after_warm_up;
}

static long count(struct glint_source *source, struct glint_model *model, int32_t n_threads,
                  struct glint_trace *trace)
{
    struct glint_pipeline_settings s;
    glint_pipeline_settings_default(&s);
    s.source = source;
    s.model = model;
    s.n_threads = n_threads;
    s.trace = trace;
    return count_with(&s, 3 * WARM);
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
    const long between = n_allocations;
    fclose(fopen("/dev/null", "r")); /* libraries' too */
    assert_true(n_allocations > between);
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

/* Moved and stacked; also when there is no pose for the second half. */
static void frames_in_motion_allocate_nothing(void **state)
{
    (void)state;
    if (!COUNTS)
        skip();
    for (int32_t threads = 1; threads <= 2; threads++) {
        const int64_t start = INT64_C(1700000000000000000);
        const int64_t stamps[2] = {start - 100000000, start + 1000000000};
        const struct glint_pose poses[2] = {{{1, 0, 0, 0}, {0, 0, 0}}, {{0.8, 0, 0, 0.6}, {10, 3, 0}}};
        struct glint_pipeline_settings s;
        struct fake_packets source;
        struct glint_trajectory *trajectory;
        assert_int_equal(glint_trajectory_make(2, stamps, poses, &trajectory), GLINT_OK);
        trajectory->gap_ns = stamps[1] - stamps[0];
        fake_packets_init(&source, 2000);
        glint_pipeline_settings_default(&s);
        s.source = &source.source;
        s.n_threads = threads;
        s.poses = trajectory;
        s.deskew = GLINT_DESKEW_MIDDLE;
        s.stack = 3;
        assert_int_equal(count_with(&s, 3 * WARM), 0);
        const struct glint_loss *last = &sink.seen[sink.n - 1].loss;
        assert_true(last->frames_without_pose > 2 && last->frames_without_pose < (uint64_t)sink.n);
        glint_trajectory_close(trajectory);
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

/* A network of the zoo as a folder; false: the golden cases are not here. */
static bool import_zoo(const char *weights, const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.safetensors", GLINT_ZOO_FOLDER, weights);
    struct glint_safetensors *there = COUNTS ? glint_zoo_open(weights) : NULL;
    if (!there)
        return false;
    glint_safetensors_close(there);
    if (glint_model_import(path, NULL, NULL, folder) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    return true;
}

static void count_zoo(const char *folder, struct glint_model_settings *settings)
{
    struct fake_packets source;
    struct glint_model *model;
    fake_packets_init(&source, 1650);
    settings->cap_points = FAKE_PACKETS_PER_TURN * FAKE_RETURNS_PER_PACKET;
    settings->n_threads = 2;
    if (glint_model_open(folder, settings, NULL, &model) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    assert_int_equal(count(&source.source, model, 1, NULL), 0);
    glint_model_close(model);
}

/* A network on sparse cells, whose levels have other sizes in every frame. */
static void a_network_of_levels_allocates_nothing(void **state)
{
    (void)state;
    struct glint_model_settings settings;
    if (!import_zoo("ptv3/tiny_weights", GLINT_BUILD_DIR "/steady_ptv3"))
        skip();
    glint_model_settings_default(&settings);
    settings.views = GLINT_VIEWS_FLIPS;
    settings.boxes_folder = GLINT_SOURCE_DIR "/data/models/glint-tiny";
    count_zoo(GLINT_BUILD_DIR "/steady_ptv3", &settings);
}

/* Sites and rulebooks of other sizes in every frame. */
static void sparse_voxels_allocate_nothing(void **state)
{
    (void)state;
    struct glint_model_settings settings;
    if (!import_zoo("centerpoint/voxel_tiny_weights", GLINT_BUILD_DIR "/steady_centerpoint"))
        skip();
    glint_model_settings_default(&settings);
    count_zoo(GLINT_BUILD_DIR "/steady_centerpoint", &settings);
}

/* Sets and pooled cells of other sizes in every frame; windows of any number of pillars. */
static void sets_allocate_nothing(void **state)
{
    (void)state;
    struct glint_model_settings settings;
    if (!import_zoo("dsvt/voxel_tiny_weights", GLINT_BUILD_DIR "/steady_dsvt"))
        skip();
    glint_model_settings_default(&settings);
    count_zoo(GLINT_BUILD_DIR "/steady_dsvt", &settings);
    if (glint_model_import(GLINT_SOURCE_DIR "/tests/golden/sst_cosine_weights.safetensors", NULL, NULL,
                           GLINT_BUILD_DIR "/steady_sst") != GLINT_OK)
        fail_msg("%s", glint_error_text());
    glint_model_settings_default(&settings);
    count_zoo(GLINT_BUILD_DIR "/steady_sst", &settings);
}

/* The whole way: a source that reads files, the default model, tracking, sinks that write. */
static long count_real(struct glint_source *source, int32_t n_threads, int least)
{
    struct glint_pipeline_settings s;
    struct glint_model_settings settings;
    struct glint_model *model;
    static char label_path[512];
    glint_pipeline_settings_default(&s);
    s.source = source;
    s.n_threads = n_threads;
    glint_model_settings_default(&settings);
    settings.n_threads = n_threads;
    if (glint_model_open(GLINT_SOURCE_DIR "/data/models/glint-tiny", &settings, NULL, &model) != GLINT_OK)
        fail_msg("%s", glint_error_text());
    s.model = model;
    const struct glint_model_info *info = glint_model_info(model);
    const struct glint_sink_context context = {info->n_classes, info->n_point_classes, info->classes,
                                               info->point_classes};
    snprintf(label_path, sizeof label_path, "%s", glint_test_path("%06d.label"));
    assert_int_equal(glint_sink_jsonl_open("/dev/null", &context, &s.sinks[s.n_sinks++]), GLINT_OK);
    assert_int_equal(glint_sink_label_open(label_path, &context, &s.sinks[s.n_sinks++]), GLINT_OK);
    struct glint_track_settings tracking;
    glint_track_settings_default(&tracking, info->classes, info->n_classes);
    assert_int_equal(glint_tracker_open(&tracking, &s.tracker), GLINT_OK);
    const long n = count_with(&s, least);
    glint_tracker_close(s.tracker);
    glint_model_close(model);
    return n;
}

static void a_capture_to_boxes_allocates_nothing(void **state)
{
    (void)state;
    if (!COUNTS)
        skip();
    for (int32_t threads = 1; threads <= 2; threads++) {
        struct glint_source *source;
        assert_int_equal(glint_source_pcap_open(GLINT_SOURCE_DIR "/data/demo/demo.pcap", NULL, &source),
                         GLINT_OK);
        assert_int_equal(count_real(source, threads, 2 * WARM), 0);
        glint_source_close(source);
    }
}

/* Scans of different sizes, on the ground around the sensor. */
static void write_scans(const char *folder, int n)
{
    static float points[8000][4];
    uint64_t random = 7;
    mkdir(folder, 0777);
    for (int i = 0; i < n; i++) {
        char name[32];
        for (int k = 0; k < 8000; k++)
            for (int c = 0; c < 4; c++)
                points[k][c] = c < 2    ? glint_test_uniform(&random, -40, 40)
                               : c == 2 ? glint_test_uniform(&random, -2, -1)
                                        : 0;
        snprintf(name, sizeof name, "scans/%02d.bin", i);
        glint_test_write(name, points, (size_t)(i % 3 == 0 ? 8000 : 2000 + 100 * i) * sizeof points[0]);
    }
}

static void a_folder_to_boxes_allocates_nothing(void **state)
{
    (void)state;
    if (!COUNTS)
        skip();
    write_scans(glint_test_path("scans"), 20);
    for (int32_t threads = 1; threads <= 2; threads++) {
        struct glint_source *source;
        assert_int_equal(glint_source_points_open(glint_test_path("scans"), NULL, &source), GLINT_OK);
        assert_int_equal(count_real(source, threads, 20), 0);
        glint_source_close(source);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_seen),
        cmocka_unit_test(frames_of_files_allocate_nothing),
        cmocka_unit_test(frames_of_packets_allocate_nothing),
        cmocka_unit_test(frames_in_motion_allocate_nothing),
        cmocka_unit_test(the_model_allocates_nothing),
        cmocka_unit_test(a_network_of_levels_allocates_nothing),
        cmocka_unit_test(sets_allocate_nothing),
        cmocka_unit_test(sparse_voxels_allocate_nothing),
        cmocka_unit_test(a_capture_to_boxes_allocates_nothing),
        cmocka_unit_test(a_folder_to_boxes_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, glint_test_folder_make, glint_test_folder_remove);
}
