/* core/clock.h - time: monotonic for durations, UTC for stamps, both int64 nanoseconds. */
#ifndef GLINT_CORE_CLOCK_H
#define GLINT_CORE_CLOCK_H
#include <stdint.h>

int64_t glint_clock_monotonic_ns(void);
int64_t glint_clock_utc_ns(void);
#endif
