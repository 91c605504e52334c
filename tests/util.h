/* tests/util.h - what tests share: cmocka with its prerequisites, and the reference data's place. */
#ifndef GLINT_TESTS_UTIL_H
#define GLINT_TESTS_UTIL_H
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

/* As doubles, at most `most` apart; never for a NaN. */
#define assert_near(a, b, most) assert_true(fabs((double)(a) - (double)(b)) <= (most))

/* Whether GLINT_SHARED/relative is there; a test that needs it calls skip() when not. */
static inline int glint_test_shared(const char *relative, char *path_out, size_t size)
{
    struct stat st;
    snprintf(path_out, size, "%s/%s", GLINT_SHARED, relative);
    return stat(path_out, &st) == 0;
}

/* xorshift64*: the same numbers on every machine. */
static inline uint64_t glint_test_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}
static inline float glint_test_uniform(uint64_t *state, float lo, float hi)
{
    return lo + (hi - lo) * (float)((double)(glint_test_random(state) >> 11) * 0x1p-53);
}
#endif
