/* sim/x86/trace_avx512.c - see sim/trace_lanes.h. */
#include "sim/x86/lanes_avx512.h"
#define TRACE glint_sim_trace_avx512
#define LOOK  glint_sim_look_avx512
#define FILL  glint_sim_fill_avx512
#include "sim/trace_lanes.h"
