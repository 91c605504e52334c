/* tests/cuda/test_net_steady.c - after the first frame of a kind a network on a device allocates nothing,
 * neither on the host nor on the device: malloc and its kin are replaced in this program. Emulated it counts
 * the emulation's too. Not in builds with sanitizers, which replace them. */
#include "net_util.h"
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
static _Thread_local int paused;

#if GLINT_CUDA_EMULATED
/* What the emulation needs to run kernels and copies is its own. Linked with --wrap. */
#define WRAP(name, parameters, arguments)                                                                    \
    int __real_##name parameters;                                                                            \
    int __wrap_##name parameters;                                                                            \
    int __wrap_##name parameters                                                                             \
    {                                                                                                        \
        paused++;                                                                                            \
        const int status = __real_##name arguments;                                                          \
        paused--;                                                                                            \
        return status;                                                                                       \
    }
WRAP(glint_graph_run, (struct glint_graph * graph, struct glint_stream *s), (graph, s))
WRAP(glint_stream_upload, (struct glint_stream * s, void *to, const void *from, size_t n), (s, to, from, n))
WRAP(glint_stream_download, (struct glint_stream * s, void *to, const void *from, size_t n), (s, to, from, n))
#endif

#if COUNTS
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
int posix_memalign(void **out, size_t alignment, size_t size);

void *malloc(size_t size)
{
    n_allocations += !paused;
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    n_allocations += !paused;
    return __libc_calloc(n, size);
}

void *realloc(void *block, size_t size)
{
    n_allocations += !paused;
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    n_allocations += !paused;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    n_allocations += !paused;
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}
#endif

static void allocations_are_seen(void **state)
{
    (void)state;
    const long before = n_allocations;
    void *volatile block = malloc(8);
    free(block);
    assert_true(!COUNTS || n_allocations == before + 1);
}

static void frames_allocate_nothing(void **state)
{
    struct glint_frame_pool *pool;
    struct glint_frame *frame[2];
    uint64_t random = 7;
    (void)state;
    if (!COUNTS)
        skip();
    assert_ok(glint_frame_pool_open(2, 4000, 64, &pool));
    for (int i = 0; i < 2; i++) {
        frame[i] = glint_frame_get(pool, false);
        for (int k = 0; k < 40 + 40 * i; k++)
            glint_frame_add_point(frame[i], glint_test_uniform(&random, -40, 40),
                                  glint_test_uniform(&random, -40, 40), glint_test_uniform(&random, -2, -1),
                                  0, 0, 0, 0);
    }
    struct glint_model *model =
        net_open(GLINT_SOURCE_DIR "/data/models/glint-tiny", "cuda", GLINT_PRECISION_F32, 4000, false);
    assert_ok(glint_model_run(model, frame[0]));
    const long before = n_allocations;
    assert_ok(glint_model_run_many(model, frame, 2));
    assert_int_equal(n_allocations - before, 0);
    glint_model_close(model);
    for (int i = 0; i < 2; i++)
        glint_frame_unref(frame[i]);
    glint_frame_pool_close(pool);
}

static const struct CMUnitTest tests[] = {cuda_test(allocations_are_seen),
                                          cuda_test(frames_allocate_nothing)};

int main(void)
{
    int status = glint_cuda_begin();
    if (status)
        return status;
    status = cmocka_run_group_tests(tests, NULL, NULL);
    glint_stream_close(glint_cuda_test.stream);
    glint_device_close(glint_cuda_test.device);
    return status;
}
