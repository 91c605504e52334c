/* tests/cuda/test_emulate.c - the emulation sees what is wrong with a kernel: each broken in one way.
 * Emulated only. */
#include "cuda/broken_kernels.h"
#include "cuda/cuda_util.h"
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#define N 64

/* What reverse gives when broken so; the wait's status. */
static int reverse(struct glint_cuda_test *t, enum glint_broken how, int32_t n, float *got)
{
    float x[N];
    for (int i = 0; i < N; i++)
        x[i] = (float)i;
    float *out = glint_cuda_put(t, NULL, (size_t)n * sizeof *got);
    assert_ok(glint_broken_reverse(t->stream, how, glint_cuda_put(t, x, (size_t)n * sizeof *x), n, out));
    const int status = glint_stream_wait(t->stream);
    if (status == GLINT_OK)
        glint_cuda_get(t, got, out, (size_t)n * sizeof *got);
    return status;
}
static bool reversed(const float *got)
{
    for (int i = 0; i < N; i++)
        if (!(got[i] == (float)(N - 1 - i)))
            return false;
    return true;
}

static void good_ones_run_also_after_bad_ones(void **state)
{
    float got[N];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(reverse(*state, GLINT_BROKEN_NOTHING, N, got), GLINT_OK);
        assert_true(reversed(got));
        assert_int_equal(reverse(*state, GLINT_BROKEN_TRAP, N, got), GLINT_E_DEVICE);
        assert_int_equal(reverse(*state, GLINT_BROKEN_LEAVES, N, got), GLINT_E_DEVICE);
    }
}

static void says(struct glint_cuda_test *t, enum glint_broken how, int32_t n, const char *words)
{
    float got[N];
    assert_int_equal(reverse(t, how, n, got), GLINT_E_DEVICE);
    if (!strstr(glint_error_text(), words) || !strstr(glint_error_text(), "reverse, block (0, 0, 0)"))
        fail_msg("expected \"%s\" in: %s", words, glint_error_text());
}
static void rules_of_meeting_are_kept(void **state)
{
    struct glint_cuda_test *t = *state;
    says(t, GLINT_BROKEN_LEAVES, N, "32 threads wait, one of them");
    says(t, GLINT_BROKEN_LEAVES, N, "32 left");
    says(t, GLINT_BROKEN_TWO_BARRIERS, N, "wait at different barriers");
    says(t, GLINT_BROKEN_TWO_BARRIERS, N, "broken_kernels.cu:");
    says(t, GLINT_BROKEN_SHUFFLE_LEAVES, N, "wait");
    says(t, GLINT_BROKEN_SHUFFLE_PLACES, N, "meet at different places");
    says(t, GLINT_BROKEN_SHUFFLE_MASKS, N, "different masks");
    says(t, GLINT_BROKEN_NOT_IN_MASK, N, "not in its own mask");
    says(t, GLINT_BROKEN_PART_OF_A_WARP, 16, "part of a warp");
    says(t, GLINT_BROKEN_ASYNC_ALIGNMENT, N, "not aligned to 16 bytes");
    says(t, GLINT_BROKEN_MATRIX_ALIGNMENT, N, "not aligned to 16 bytes");
    says(t, GLINT_BROKEN_TRAP, N, "__trap()");
}

static void what_was_not_brought_is_not_a_number(void **state)
{
    float got[N];
    assert_int_equal(reverse(*state, GLINT_BROKEN_NO_ASYNC_WAIT, N, got), GLINT_OK);
    for (int i = 0; i < N; i++)
        assert_true(isnan(got[i]));
    assert_int_equal(reverse(*state, GLINT_BROKEN_UNSET_SHARED, N, got), GLINT_OK);
    for (int i = 0; i < N; i++)
        assert_int_equal(isnan(got[i]), N - 1 - i == 3);
}

static void races_show_in_one_of_the_orders(void **state)
{
    float got[GLINT_EMULATED_N_ORDERS][N];
    int n_right = 0;
    for (int order = 0; order < GLINT_EMULATED_N_ORDERS; order++) {
        glint_emulated_set_order((enum glint_emulated_order)order, 1);
        assert_int_equal(reverse(*state, GLINT_BROKEN_NO_BARRIER, N, got[order]), GLINT_OK);
        n_right += reversed(got[order]);
    }
    assert_int_equal(n_right, 0);
    assert_memory_not_equal(got[0], got[1], sizeof got[0]);
}

/* AddressSanitizer ends a program, guard bytes fail the wait: either is seen from outside. */
static void bounds_of_memory_are_kept(void **state)
{
    static const enum glint_broken ways[] = {GLINT_BROKEN_BEHIND, GLINT_BROKEN_BEFORE,
                                             GLINT_BROKEN_BEHIND_SHARED};
    const int n_ways = glint_emulated_sees_reads() ? 3 : 2;
    for (int i = 0; i < n_ways; i++) {
        const pid_t child = fork();
        if (child == 0) {
            float got[N];
            fclose(stderr);
            _exit(reverse(*state, ways[i], N, got) == GLINT_OK ? 0 : 1);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
    }
}

static void launches_that_cannot_be_are_refused(void **state)
{
    struct glint_cuda_test *t = *state;
    for (int how = 0; how < 3; how++) {
        int status = glint_broken_launch(t->stream, how);
        if (status == GLINT_OK)
            status = glint_stream_wait(t->stream);
        assert_int_equal(status, GLINT_E_DEVICE);
        assert_non_null(strstr(glint_error_text(), "nothing"));
    }
}

/* A block of threads that meet nobody is one loop: two switches, in and out. */
static void who_waits_for_nobody_is_not_switched(void **state)
{
    struct glint_cuda_test *t = *state;
    float got[N];
    uint64_t before = glint_emulated_n_switches();
    assert_int_equal(reverse(t, GLINT_BROKEN_NO_BARRIER, N, got), GLINT_OK);
    assert_int_equal(glint_emulated_n_switches() - before, 2);
    before = glint_emulated_n_switches();
    assert_int_equal(reverse(t, GLINT_BROKEN_NOTHING, N, got), GLINT_OK);
    assert_true(glint_emulated_n_switches() - before >= N);
}

static const struct CMUnitTest tests[] = {
    cuda_test(good_ones_run_also_after_bad_ones),
    cuda_test(rules_of_meeting_are_kept),
    cuda_test(what_was_not_brought_is_not_a_number),
    cuda_test(races_show_in_one_of_the_orders),
    cuda_test(bounds_of_memory_are_kept),
    cuda_test(launches_that_cannot_be_are_refused),
    cuda_test(who_waits_for_nobody_is_not_switched),
};
glint_cuda_main(tests)
