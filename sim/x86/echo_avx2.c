/* sim/x86/echo_avx2.c - see sim/echo_lanes.h. */
#include "sim/x86/lanes_avx2.h"
#define ECHO glint_sim_echo_avx2
#include "sim/echo_lanes.h"
