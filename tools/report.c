/* tools/report.c - see report.h. */
#define _GNU_SOURCE
#include "tools/report.h"
#include "tools/options.h"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static void print_stage(FILE *out, const char *name, const struct glint_trace_stats *s)
{
    fprintf(out, "%-10s %8llu %9.3f %9.3f %9.3f %9.3f\n", name, (unsigned long long)s->count,
            (double)s->p50_ns * 1e-6, (double)s->p90_ns * 1e-6, (double)s->p99_ns * 1e-6,
            (double)s->max_ns * 1e-6);
}

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void glint_samples_add(struct glint_samples *s, const struct glint_frame *frame)
{
    int64_t sum = 0;
    for (int i = 0; i < GLINT_STAGE_PUBLISH; i++)
        sum += frame->latency_ns[i] > 0 ? frame->latency_ns[i] : 0;
    s->ns[s->n++ % GLINT_SAMPLES_CAP] = sum;
}

void glint_samples_stats(struct glint_samples *s, struct glint_trace_stats *out)
{
    const size_t n = s->n < GLINT_SAMPLES_CAP ? (size_t)s->n : GLINT_SAMPLES_CAP;
    *out = (struct glint_trace_stats){.count = s->n};
    if (n == 0)
        return;
    qsort(s->ns, n, sizeof s->ns[0], ascending);
    out->p50_ns = s->ns[(n - 1) / 2];
    out->p90_ns = s->ns[(n * 90 - 1) / 100];
    out->p99_ns = s->ns[(n * 99 - 1) / 100];
    out->max_ns = s->ns[n - 1];
}

void glint_report_latency(struct glint_trace *trace, struct glint_samples *samples, FILE *out)
{
    struct glint_trace_stats s;
    fprintf(out, "%-10s %8s %9s %9s %9s %9s\n", "stage, ms", "frames", "p50", "p90", "p99", "max");
    for (int stage = 0; stage < GLINT_STAGE_COUNT; stage++) {
        glint_trace_stats(trace, stage, &s);
        if (s.count)
            print_stage(out, glint_stage_name((enum glint_stage)stage), &s);
    }
    glint_samples_stats(samples, &s);
    print_stage(out, "to boxes", &s);
}

void glint_report_add_loss(struct glint_loss *all, const struct glint_loss *one)
{
    all->packets_received += one->packets_received;
    all->packets_decoded += one->packets_decoded;
    all->packets_malformed += one->packets_malformed;
    all->packets_foreign += one->packets_foreign;
    all->packets_lost += one->packets_lost;
    all->packets_duplicate += one->packets_duplicate;
    all->packets_dropped += one->packets_dropped;
    all->points_dropped += one->points_dropped;
    all->points_clipped += one->points_clipped;
    all->frames_dropped += one->frames_dropped;
    all->frames_without_pose += one->frames_without_pose;
    all->sensors_missed += one->sensors_missed;
    all->records_corrupt += one->records_corrupt;
}

void glint_report_loss(const struct glint_loss *loss)
{
    const struct {
        uint64_t n;
        const char *what, *which;
    } counts[] = {
        {loss->packets_lost, "packet", " lost"},
        {loss->packets_malformed, "packet", " malformed"},
        {loss->packets_foreign, "packet", " of something else"},
        {loss->points_dropped, "point", " dropped (no number, beyond 10 km, or too late for its frame)"},
        {loss->points_clipped, "point", " beyond the frame's capacity"},
        {loss->frames_dropped, "frame", " dropped"},
        {loss->frames_without_pose, "frame", " not moved (no pose for its time)"},
        {loss->sensors_missed, "sensor", " missed when its frame was due"},
        {loss->records_corrupt, "damaged record", " skipped"}};
    char text[560];
    int n = 0;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        if (counts[i].n)
            n += snprintf(text + n, sizeof text - (size_t)n, "%s%llu %s%s%s", n ? ", " : "",
                          (unsigned long long)counts[i].n, counts[i].what, counts[i].n > 1 ? "s" : "",
                          counts[i].which);
    if (n && loss->packets_received)
        glint_say("%llu packets received: %s", (unsigned long long)loss->packets_received, text);
    else if (n)
        glint_say("%s", text);
}

/* What Linux tells of this program alone: ru_maxrss keeps the size of the process that started it. */
static int64_t peak_of_program(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long long kib = 0;
    while (f && kib == 0 && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtoll(line + 6, NULL, 10);
    if (f)
        fclose(f);
    return kib * 1024;
}

int64_t glint_report_peak_bytes(void)
{
    struct rusage usage;
    const int64_t peak = peak_of_program();
    if (peak > 0)
        return peak;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}
