/* sim/x86/trace_avx2.c - see sim/trace_lanes.h. */
#include "sim/x86/lanes_avx2.h"
#define TRACE glint_sim_trace_avx2
#define LOOK  glint_sim_look_avx2
#define FILL  glint_sim_fill_avx2
#include "sim/trace_lanes.h"
