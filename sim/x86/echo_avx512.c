/* sim/x86/echo_avx512.c - see sim/echo_lanes.h. */
#include "sim/x86/lanes_avx512.h"
#define ECHO glint_sim_echo_avx512
#include "sim/echo_lanes.h"
