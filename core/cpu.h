/* core/cpu.h - which instruction sets this machine has, detected once. */
#ifndef GLINT_CORE_CPU_H
#define GLINT_CORE_CPU_H

#define GLINT_ISA_AVX2        0x1u /* with FMA and F16C */
#define GLINT_ISA_AVX512      0x2u /* F, BW, DQ, VL */
#define GLINT_ISA_AVX512_BF16 0x4u
#define GLINT_ISA_AVX512_VNNI 0x8u
#define GLINT_ISA_CUDA        0x10000u

/* The machine's sets, cut to what GLINT_ISA in the environment allows ("c", "avx2", "avx512").
 * 0 in builds for MemorySanitizer. */
unsigned glint_cpu_isa(void);

/* "avx512" | "avx2" | "c": the best set in isa. Static storage. */
const char *glint_cpu_isa_name(unsigned isa);

/* Mask for a name of glint_cpu_isa_name, with all lower sets; 0 for "c"; ~0u for others. */
unsigned glint_cpu_isa_mask(const char *name);

/* The processor's name as the system tells it, "unknown" otherwise. Static storage. */
const char *glint_cpu_name(void);

/* Cores this process may run on. */
int glint_cpu_count(void);
#endif
