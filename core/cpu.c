/* core/cpu.c - see cpu.h. */
#define _GNU_SOURCE
#include "core/cpu.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define GLINT_MSAN 1
#endif
#endif

unsigned glint_cpu_isa_mask(const char *name)
{
    if (strcmp(name, "c") == 0)
        return 0;
    if (strcmp(name, "avx2") == 0)
        return GLINT_ISA_AVX2;
    if (strcmp(name, "avx512") == 0)
        return GLINT_ISA_AVX2 | GLINT_ISA_AVX512 | GLINT_ISA_AVX512_VNNI | GLINT_ISA_AVX512_BF16;
    return ~0u;
}

unsigned glint_cpu_isa(void)
{
    unsigned isa = 0;
#if GLINT_HAVE_X86 && !defined(GLINT_MSAN)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        isa |= GLINT_ISA_AVX2;
    if (isa && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        isa |= GLINT_ISA_AVX512;
    if ((isa & GLINT_ISA_AVX512) && __builtin_cpu_supports("avx512vnni"))
        isa |= GLINT_ISA_AVX512_VNNI;
    if ((isa & GLINT_ISA_AVX512_VNNI) &&
        __builtin_cpu_supports("avx512bf16")) /* none is without the former */
        isa |= GLINT_ISA_AVX512_BF16;
#endif
    const char *wanted = getenv("GLINT_ISA");
    return wanted ? isa & glint_cpu_isa_mask(wanted) : isa;
}

const char *glint_cpu_isa_name(unsigned isa)
{
    if (isa & GLINT_ISA_AVX512)
        return "avx512";
    return isa & GLINT_ISA_AVX2 ? "avx2" : "c";
}

const char *glint_cpu_name(void)
{
    static char name[128];
    if (name[0])
        return name;
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[256];
    while (f && fgets(line, sizeof line, f)) {
        const char *colon = strncmp(line, "model name", 10) == 0 ? strchr(line, ':') : NULL;
        if (colon) {
            snprintf(name, sizeof name, "%.120s", colon + 2);
            name[strcspn(name, "\n")] = 0;
            break;
        }
    }
    if (f)
        fclose(f);
    return name[0] ? name : strcpy(name, "unknown");
}

int glint_cpu_count(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}
