/* tests/parity/main.c - the program: which kernels, which instruction sets. Exit status 0 all equal, 1 a
 * difference, 2 wrong usage, 77 nothing could run here. */
#include "tests/parity/parity.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRATCH ((size_t)64 << 20)

struct entry {
    const char *name;
    const struct parity_kernel *kernel;
};

static const struct entry kernels[] = {
#define PARITY_ENTRY(name) {#name, &parity_##name},
    PARITY_KERNELS(PARITY_ENTRY)
#undef PARITY_ENTRY
};
#define N_KERNELS (sizeof kernels / sizeof kernels[0])

static const char *const sets[] = {"c", "avx2", "avx512", "cuda"};
#define N_SETS (sizeof sets / sizeof sets[0])

struct options {
    const char *kernel, *isa;
    uint64_t seed;
    int threads;
    bool list, bench;
};

static const char usage[] =
    "parity [--list] [--kernel=NAME] [--isa=c|avx2|avx512|cuda] [--seed=N] [--threads=N] "
    "[--bench]\n"
    "compares each version of each kernel with its C reference; --bench times them\n";

static const char *value_of(const char *arg, const char *name)
{
    const size_t n = strlen(name);
    return strncmp(arg, name, n) == 0 && arg[n] == '=' ? arg + n + 1 : NULL;
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *value;
        if (strcmp(argv[i], "--list") == 0)
            o->list = true;
        else if (strcmp(argv[i], "--bench") == 0)
            o->bench = true;
        else if ((value = value_of(argv[i], "--kernel")))
            o->kernel = value;
        else if ((value = value_of(argv[i], "--isa")))
            o->isa = value;
        else if ((value = value_of(argv[i], "--seed")))
            o->seed = strtoull(value, NULL, 0);
        else if ((value = value_of(argv[i], "--threads")))
            o->threads = atoi(value);
        else
            return false;
    }
    bool known_kernel = !o->kernel, known_isa = !o->isa;
    for (size_t i = 0; i < N_KERNELS; i++)
        known_kernel |= o->kernel && strcmp(o->kernel, kernels[i].name) == 0;
    for (size_t i = 0; i < N_SETS; i++)
        known_isa |= o->isa && strcmp(o->isa, sets[i]) == 0;
    return known_kernel && known_isa;
}

/* The bits of a set by name, cut to this machine; *have says whether it runs here. */
static unsigned isa_of(const char *name, bool *have)
{
    const unsigned here = glint_cpu_isa();
    const unsigned lead = strcmp(name, "avx2") == 0     ? GLINT_ISA_AVX2
                          : strcmp(name, "avx512") == 0 ? GLINT_ISA_AVX512
                          : strcmp(name, "cuda") == 0   ? GLINT_ISA_CUDA
                                                        : 0u;
    *have = (here & lead) == lead;
    return here & (lead == GLINT_ISA_CUDA ? lead : glint_cpu_isa_mask(name));
}

static uint64_t start_of(uint64_t seed, const char *name)
{
    uint64_t h = UINT64_C(14695981039346656037) ^ (seed * UINT64_C(0x9E3779B97F4A7C15));
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * UINT64_C(1099511628211);
    return h ? h : 1;
}

static int64_t run(const struct entry *e, const char *isa_name, unsigned isa, const struct options *o)
{
    struct parity p = {
        .kernel = e->name, .isa = isa_name, .seed = o->seed, .random = start_of(o->seed, e->name)};
    if (glint_exec_init(&p.exec, isa, o->threads, SCRATCH) != GLINT_OK) {
        fprintf(stderr, "parity: %s\n", glint_error_text());
        exit(1);
    }
    (o->bench ? e->kernel->bench : e->kernel->check)(&p);
    const int64_t n_shapes = p.n_shapes;
    parity_shape(&p, "end");
    if (!o->bench)
        printf("%-7s %s %s: %lld shapes\n", p.n_failed ? "FAILED" : "ok", e->name, isa_name,
               (long long)n_shapes);
    fflush(stdout);
    glint_exec_fini(&p.exec);
    return p.n_failed;
}

static int list(void)
{
    for (size_t k = 0; k < N_KERNELS; k++) {
        printf("%s:", kernels[k].name);
        for (size_t s = 0; s < N_SETS; s++) {
            bool have;
            isa_of(sets[s], &have);
            printf("%s%s", have ? " " : "", have ? sets[s] : "");
        }
        printf("\n");
    }
    return 0;
}

/* All wanted kernels in one set; returns the failures. */
static int64_t run_set(const char *set, const struct options *o, int64_t *ran)
{
    bool have;
    const unsigned isa = isa_of(set, &have);
    if (!have) {
        const char *must = strcmp(set, "cuda") == 0 ? getenv("GLINT_REQUIRE_CUDA") : NULL;
        const bool required = must && strcmp(must, "1") == 0;
        printf("%-7s %s: not on this machine%s\n", required ? "FAILED" : "skipped", set,
               required ? ", but GLINT_REQUIRE_CUDA=1" : "");
        return required;
    }
    int64_t failed = 0;
    for (size_t k = 0; k < N_KERNELS; k++)
        if (!o->kernel || strcmp(o->kernel, kernels[k].name) == 0) {
            failed += run(&kernels[k], set, isa, o);
            ++*ran;
        }
    return failed;
}

int main(int argc, char **argv)
{
    struct options o = {.seed = 1, .threads = 1};
    if (!parse(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
    if (o.list)
        return list();
    int64_t failed = 0, ran = 0;
    for (size_t s = 0; s < N_SETS; s++)
        if (o.isa ? strcmp(o.isa, sets[s]) == 0 : s > 0 || o.bench)
            failed += run_set(sets[s], &o, &ran);
    return failed ? 1 : ran ? 0 : 77;
}
