/* sim/trace.c - the reference version, and the choice of version; see
 * sim/trace.h. */
#include "sim/lanes_c.h"
#define TRACE glint_sim_trace_c
#define LOOK  glint_sim_look_c
#define FILL  glint_sim_fill_c
#include "sim/trace_lanes.h"

glint_sim_trace_fn *glint_sim_trace_get(unsigned isa)
{
    glint_sim_trace_fn *fn = glint_sim_trace_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_sim_trace_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_sim_trace_avx512;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}

glint_sim_look_fn *glint_sim_look_get(unsigned isa)
{
    glint_sim_look_fn *fn = glint_sim_look_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_sim_look_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_sim_look_avx512;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}

glint_sim_fill_fn *glint_sim_fill_get(unsigned isa)
{
    glint_sim_fill_fn *fn = glint_sim_fill_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_sim_fill_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_sim_fill_avx512;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}
