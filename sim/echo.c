/* sim/echo.c - the reference version, and the choice of version; see sim/trace.h. */
#include "sim/lanes_c.h"
#define ECHO glint_sim_echo_c
#include "sim/echo_lanes.h"

glint_sim_echo_fn *glint_sim_echo_get(unsigned isa)
{
    glint_sim_echo_fn *fn = glint_sim_echo_c;
#if GLINT_HAVE_X86
    if (isa & GLINT_ISA_AVX2)
        fn = glint_sim_echo_avx2;
    if (isa & GLINT_ISA_AVX512)
        fn = glint_sim_echo_avx512;
#endif
    (void)isa; /* unused in a build without */
    return fn;
}
