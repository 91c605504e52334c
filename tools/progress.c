/* tools/progress.c - see progress.h. */
#define _GNU_SOURCE
#include "tools/progress.h"
#include "core/clock.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR 32

void glint_progress_begin(struct glint_progress *p)
{
    *p = (struct glint_progress){.begun_ns = glint_clock_monotonic_ns(), .on = isatty(STDERR_FILENO) == 1};
}

void glint_progress_update(struct glint_progress *p, double done, uint64_t count)
{
    const int64_t now = p->on ? glint_clock_monotonic_ns() : 0;
    if (!p->on || now - p->begun_ns < INT64_C(1000000000) || now - p->shown_ns < INT64_C(100000000))
        return;
    char bar[BAR + 1];
    const int filled = done < 0.0 ? 0 : done > 1.0 ? BAR : (int)(done * BAR);
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)filled);
    bar[BAR] = 0;
    const double seconds = (double)(now - p->begun_ns) * 1e-9;
    if (done > 0.0)
        fprintf(stderr, "\r[%s] %3d %%  frames: %llu  %.1f/s  %.0f s left   ", bar, (int)(100.0 * done),
                (unsigned long long)count, (double)count / seconds, seconds * fmax(1.0 - done, 0.0) / done);
    else
        fprintf(stderr, "\rframes: %llu  %.1f/s   ", (unsigned long long)count, (double)count / seconds);
    fflush(stderr);
    p->shown_ns = now;
    p->drawn = true;
}

void glint_progress_end(struct glint_progress *p)
{
    if (p->drawn)
        fprintf(stderr, "\r%*s\r", BAR + 60, "");
    p->drawn = false;
}
