/* tools/ceiling.c - see ceiling.h. The kernels of multiply-adds keep sixteen independent sums, more than the
 * latency of two units needs; the asm statements keep the compiler from leaving them out. */
#include "tools/ceiling.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/status.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if GLINT_HAVE_X86
#include <immintrin.h>
#endif

#define SUMS       16
#define LOOP_STEPS 200000 /* of a multiply-add kernel: a few ms */
#define TRIES      8

static double seconds_since(int64_t begun_ns)
{
    return (double)(glint_clock_monotonic_ns() - begun_ns) * 1e-9;
}

/* Multiply-adds */

#define KEEP(v) __asm__ volatile("" : "+x"(v))

static double flop_c(void)
{
    float a[4 * SUMS];
    for (int i = 0; i < 4 * SUMS; i++)
        a[i] = (float)i;
    for (int n = 0; n < LOOP_STEPS / 4; n++)
        for (int i = 0; i < 4 * SUMS; i++)
            a[i] = a[i] * 0.999f + 0.001f;
    volatile float out = a[0] + a[4 * SUMS - 1];
    (void)out;
    return 2.0 * 4 * SUMS * (LOOP_STEPS / 4);
}

#if GLINT_HAVE_X86
__attribute__((target("avx2,fma"))) static double flop_avx2(void)
{
    __m256 a[12];
    const __m256 x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
    for (int i = 0; i < 12; i++)
        a[i] = _mm256_set1_ps((float)i);
    for (int n = 0; n < LOOP_STEPS; n++)
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++)
            a[i] = _mm256_fmadd_ps(a[i], x, y);
    for (int i = 0; i < 12; i++)
        KEEP(a[i]);
    return 2.0 * 8 * 12 * LOOP_STEPS;
}

__attribute__((target("avx512f"))) static double flop_avx512(void)
{
    __m512 a[SUMS];
    const __m512 x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(0.001f);
    for (int i = 0; i < SUMS; i++)
        a[i] = _mm512_set1_ps((float)i);
    for (int n = 0; n < LOOP_STEPS; n++)
#pragma GCC unroll 16
        for (int i = 0; i < SUMS; i++)
            a[i] = _mm512_fmadd_ps(a[i], x, y);
    for (int i = 0; i < SUMS; i++)
        __asm__ volatile("" : "+v"(a[i]));
    return 2.0 * 16 * SUMS * LOOP_STEPS;
}

__attribute__((target("avx512f,avx512bf16"))) static double flop_avx512_bf16(void)
{
    __m512 a[SUMS];
    const __m512 one = _mm512_set1_ps(0.001f);
    const __m512bh x = _mm512_cvtne2ps_pbh(one, one);
    for (int i = 0; i < SUMS; i++)
        a[i] = _mm512_set1_ps((float)i);
    for (int n = 0; n < LOOP_STEPS; n++)
#pragma GCC unroll 16
        for (int i = 0; i < SUMS; i++)
            a[i] = _mm512_dpbf16_ps(a[i], x, x);
    for (int i = 0; i < SUMS; i++)
        __asm__ volatile("" : "+v"(a[i]));
    return 4.0 * 16 * SUMS * LOOP_STEPS;
}
#endif

struct flops {
    double (*kernel)(void);
    double done[256]; /* by item */
};

static void flops_item(void *ctx, int64_t begin, int64_t end, int worker)
{
    struct flops *f = ctx;
    (void)worker;
    for (int64_t i = begin; i < end; i++)
        f->done[i % 256] = f->kernel();
}

/* Four items per thread, so that one that starts late still has its share. */
static double best_gflop(struct glint_pool *pool, double (*kernel)(void))
{
    const int n = 4 * glint_pool_threads(pool);
    double best = 0.0;
    for (int i = 0; i < TRIES; i++) {
        struct flops f = {.kernel = kernel};
        const int64_t begun = glint_clock_monotonic_ns();
        glint_pool_for(pool, n, 1, flops_item, &f);
        const double rate = f.done[0] * n / seconds_since(begun) * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}

static void measure_set(struct glint_ceilings *c, struct glint_pool *pool, const char *name,
                        double (*kernel)(void))
{
    c->sets[c->n_sets].name = name;
    c->sets[c->n_sets].gflop_per_s[0] = best_gflop(NULL, kernel);
    c->sets[c->n_sets++].gflop_per_s[1] = best_gflop(pool, kernel);
}

static void measure_sets(struct glint_ceilings *c, struct glint_pool *pool, unsigned isa)
{
    measure_set(c, pool, "c", flop_c);
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        measure_set(c, pool, "avx2", flop_avx2);
    if (isa & GLINT_ISA_AVX512)
        measure_set(c, pool, "avx512", flop_avx512);
    if (isa & GLINT_ISA_AVX512_BF16)
        measure_set(c, pool, "avx512bf16", flop_avx512_bf16);
#endif
    (void)isa;
}

/* Memory */

struct streams {
    float *a, *b, *c;
};

static void copy_item(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct streams *s = ctx;
    (void)worker;
    memcpy(s->c + begin, s->a + begin, (size_t)(end - begin) * sizeof *s->a);
}

static void triad_item(void *ctx, int64_t begin, int64_t end, int worker)
{
    const struct streams *s = ctx;
    float *restrict c = s->c;
    const float *restrict a = s->a, *restrict b = s->b;
    (void)worker;
    for (int64_t i = begin; i < end; i++)
        c[i] = a[i] + 3.0f * b[i];
}

static double best_gb(struct glint_pool *pool, glint_pool_fn *fn, struct streams *s, int64_t n, int arrays)
{
    double best = 0.0;
    for (int i = 0; i < TRIES / 2; i++) {
        const int64_t begun = glint_clock_monotonic_ns();
        glint_pool_for(pool, n, 1 << 18, fn, s);
        const double rate = (double)n * (double)sizeof(float) * arrays / seconds_since(begun) * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}

/* Twice the last cache per array, within reason. */
static size_t stream_bytes(void)
{
    const size_t least = (size_t)32 << 20, most = (size_t)128 << 20;
    size_t bytes = least;
#ifdef _SC_LEVEL3_CACHE_SIZE
    const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (cache > 0 && 2 * (size_t)cache > bytes)
        bytes = 2 * (size_t)cache;
#endif
    return bytes < most ? bytes : most;
}

static int measure_memory(struct glint_ceilings *c, struct glint_pool *pool)
{
    const size_t bytes = stream_bytes();
    float *memory = malloc(3 * bytes);
    if (!memory)
        return glint_fail(GLINT_E_NOMEM, "no memory to measure its bandwidth");
    memset(memory, 0, 3 * bytes);
    const int64_t n = (int64_t)(bytes / sizeof(float));
    struct streams s = {memory, memory + n, memory + 2 * n};
    struct glint_pool *pools[2] = {NULL, pool};
    for (int i = 0; i < 2; i++) {
        c->copy_gb_per_s[i] = best_gb(pools[i], copy_item, &s, n, 2);
        c->triad_gb_per_s[i] = best_gb(pools[i], triad_item, &s, n, 3);
    }
    free(memory);
    return GLINT_OK;
}

int glint_ceilings_measure(struct glint_ceilings *c, unsigned isa, int n_threads)
{
    struct glint_pool *pool;
    *c = (struct glint_ceilings){.n_threads = n_threads};
    GLINT_TRY(glint_pool_open(n_threads, &pool));
    c->clock_ghz = glint_ceiling_clock_ghz();
    measure_sets(c, pool, isa);
    const int status = measure_memory(c, pool);
    glint_pool_close(pool);
    return status;
}

double glint_ceilings_gflop(const struct glint_ceilings *c, const char *set)
{
    for (int i = 0; i < c->n_sets; i++)
        if (strcmp(c->sets[i].name, set) == 0)
            return c->sets[i].gflop_per_s[1];
    return 0.0;
}

static json_t *pair_json(const double pair[2])
{
    return json_pack("{s:f, s:f}", "one_thread", pair[0], "all_threads", pair[1]);
}

json_t *glint_ceilings_json(const struct glint_ceilings *c)
{
    json_t *out = json_object(), *flop = json_object();
    json_object_set_new(out, "threads", json_integer(c->n_threads));
    json_object_set_new(out, "clock_ghz", json_real(c->clock_ghz));
    for (int i = 0; i < c->n_sets; i++)
        json_object_set_new(flop, c->sets[i].name, pair_json(c->sets[i].gflop_per_s));
    json_object_set_new(out, "gflop_per_s", flop);
    json_object_set_new(out, "copy_gb_per_s", pair_json(c->copy_gb_per_s));
    json_object_set_new(out, "triad_gb_per_s", pair_json(c->triad_gb_per_s));
    return out;
}

/* The clock: an addition that waits for the one before it takes one cycle on every processor of today. */

#define ADD(v)                                                                                               \
    __asm__ volatile("" : "+r"(v));                                                                          \
    v += 1
#define ADD_4(v)                                                                                             \
    ADD(v);                                                                                                  \
    ADD(v);                                                                                                  \
    ADD(v);                                                                                                  \
    ADD(v)

double glint_ceiling_clock_ghz(void)
{
    enum { ADDITIONS = 32 * 40000 };
    double best = 0.0;
    for (int i = 0; i < TRIES; i++) {
        uint64_t v = 0;
        const int64_t begun = glint_clock_monotonic_ns();
        for (int n = 0; n < ADDITIONS / 32; n++) {
            ADD_4(v);
            ADD_4(v);
            ADD_4(v);
            ADD_4(v);
            ADD_4(v);
            ADD_4(v);
            ADD_4(v);
            ADD_4(v);
        }
        __asm__ volatile("" : "+r"(v));
        const double rate = ADDITIONS / seconds_since(begun) * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}

/* The loop: a product of small matrices in plain floats, and a counting sort of keys: the two kinds of work
 * that Glint does most. */

#define SIDE 64
#define KEYS 4096

static void loop_item(void *ctx, int64_t begin, int64_t end, int worker)
{
    static _Thread_local float a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];
    static _Thread_local uint16_t key[KEYS], sorted[KEYS];
    (void)ctx;
    (void)worker;
    for (int64_t round = begin * 8; round < end * 8; round++) {
        for (int i = 0; i < SIDE; i++)
            for (int j = 0; j < SIDE; j++) {
                a[i][j] = (float)(i + j + (int)round);
                b[i][j] = (float)(i - j);
                c[i][j] = 0.0f;
            }
        for (int i = 0; i < SIDE; i++)
            for (int k = 0; k < SIDE; k++)
                for (int j = 0; j < SIDE; j++)
                    c[i][j] += a[i][k] * b[k][j];
        uint32_t state = 1 + (uint32_t)round, count[257] = {0};
        for (int i = 0; i < KEYS; i++) {
            state = state * 1664525u + 1013904223u;
            key[i] = (uint16_t)(state >> 16);
            count[(key[i] >> 8) + 1]++;
        }
        for (int i = 0; i < 256; i++)
            count[i + 1] += count[i];
        for (int i = 0; i < KEYS; i++)
            sorted[count[key[i] >> 8]++] = key[i];
        volatile float out = c[SIDE - 1][SIDE - 1] + (float)sorted[KEYS - 1];
        (void)out;
    }
}

double glint_ceiling_loop_ms(struct glint_pool *pool)
{
    const int64_t begun = glint_clock_monotonic_ns();
    glint_pool_for(pool, 4 * glint_pool_threads(pool), 1, loop_item, NULL);
    return seconds_since(begun) * 1e3;
}
