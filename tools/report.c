/* tools/report.c - see report.h. */
#define _GNU_SOURCE
#include "tools/report.h"
#include "tools/options.h"
#include <sys/resource.h>

static void print_stage(FILE *out, const char *name, const struct glint_trace_stats *s)
{
    fprintf(out, "%-10s %8llu %9.3f %9.3f %9.3f %9.3f\n", name, (unsigned long long)s->count,
            (double)s->p50_ns * 1e-6, (double)s->p90_ns * 1e-6, (double)s->p99_ns * 1e-6,
            (double)s->max_ns * 1e-6);
}

void glint_report_latency(struct glint_trace *trace, FILE *out)
{
    struct glint_trace_stats s;
    fprintf(out, "%-10s %8s %9s %9s %9s %9s\n", "stage, ms", "frames", "p50", "p90", "p99", "max");
    for (int stage = 0; stage <= GLINT_STAGE_COUNT; stage++) {
        glint_trace_stats(trace, stage, &s);
        if (s.count)
            print_stage(out, stage == GLINT_STAGE_COUNT ? "frame" : glint_stage_name((enum glint_stage)stage),
                        &s);
    }
}

void glint_report_add_loss(struct glint_loss *all, const struct glint_loss *one)
{
    all->packets_received += one->packets_received;
    all->packets_decoded += one->packets_decoded;
    all->packets_malformed += one->packets_malformed;
    all->packets_foreign += one->packets_foreign;
    all->packets_lost += one->packets_lost;
    all->points_dropped += one->points_dropped;
    all->points_clipped += one->points_clipped;
    all->frames_dropped += one->frames_dropped;
}

void glint_report_loss(const struct glint_loss *loss)
{
    const struct {
        uint64_t n;
        const char *what;
    } counts[] = {{loss->packets_lost, "packets lost"},
                  {loss->packets_malformed, "malformed"},
                  {loss->packets_foreign, "of something else"},
                  {loss->points_dropped, "points dropped (no number or beyond 10 km)"},
                  {loss->points_clipped, "points beyond the frame's capacity"},
                  {loss->frames_dropped, "frames dropped"}};
    char text[400];
    int n = 0;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        if (counts[i].n)
            n += snprintf(text + n, sizeof text - (size_t)n, "%s%llu %s", n ? ", " : "",
                          (unsigned long long)counts[i].n, counts[i].what);
    if (n && loss->packets_received)
        glint_say("of %llu packets: %s", (unsigned long long)loss->packets_received, text);
    else if (n)
        glint_say("%s", text);
}

int64_t glint_report_peak_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}
