/* tools/cmd_trace.c - where the time went: a trace file as a table. */
#include "core/json_write.h"
#include "tools/commands.h"
#include "tools/eval_json.h"
#include "tools/shared_options.h"
#include "tools/trace_table.h"
#include <stdio.h>
#include <string.h>

struct job {
    struct glint_shared_options o;
    const char *path;
    struct glint_trace_table table;
};

static bool take(void *ctx, int key, const char *value)
{
    struct job *j = ctx;
    (void)key;
    if (!j->path) {
        j->path = value;
        return true;
    }
    glint_usage_error(j->o.command, "%s: one file at a time", value);
    return false;
}

static const int ranks[] = {500, 900, 990, 999, 1000}; /* the last one is the largest */
static const char *const rank_names[] = {"p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms"};
#define N_RANKS ((int)(sizeof ranks / sizeof ranks[0]))

static double ms(int64_t ns)
{
    return 1e-6 * (double)ns;
}

static void print_table(const struct glint_trace_table *t)
{
    printf("%-14s %8s %9s %9s %9s %9s %9s\n", "stage, ms", "frames", "p50", "p90", "p99", "p99.9", "max");
    for (int i = 0; i < GLINT_TABLE_SERIES; i++) {
        if (t->series[i].n == 0)
            continue;
        printf("%-14s %8llu", glint_trace_series_name(i), (unsigned long long)t->series[i].n);
        for (int k = 0; k < N_RANKS; k++)
            printf(" %9.3f", ms(glint_trace_rank(&t->series[i], ranks[k])));
        printf("\n");
    }
}

static void print_critical(const struct glint_trace_table *t)
{
    double share, ns;
    const int usual = glint_trace_critical(t, false, &share, &ns);
    if (usual < 0)
        return;
    printf("critical stage: %s, %.0f %% of the sweep latency (%.3f ms of a usual frame)\n",
           glint_trace_series_name(usual), 100 * share, 1e-6 * ns);
    const int slow = glint_trace_critical(t, true, &share, &ns);
    printf("in the slowest hundredth: %s, %.0f %% (%.3f ms)\n", glint_trace_series_name(slow), 100 * share,
           1e-6 * ns);
}

static void print_threads(const struct glint_trace_table *t)
{
    for (int i = 0; i < GLINT_TABLE_THREADS; i++)
        if (t->thread[i].busy_us > 0 && t->span_us > 0)
            printf("thread %s: busy %.1f %% of %.2f s\n", t->thread[i].name[0] ? t->thread[i].name : "?",
                   100 * t->thread[i].busy_us / t->span_us, 1e-6 * t->span_us);
}

static void print(const struct glint_trace_table *t)
{
    print_table(t);
    printf("frames: %llu published, %.0f dropped; packets: %.0f lost\n", (unsigned long long)t->frames,
           t->frames_dropped, t->packets_lost);
    if (t->events_lost > 0)
        printf("events of the trace itself lost: %.0f (frames that miss stages above)\n", t->events_lost);
    print_critical(t);
    print_threads(t);
}

static void put_critical(struct glint_json_writer *w, const char *key, const struct glint_trace_table *t,
                         bool slowest)
{
    double share, ns;
    const int stage = glint_trace_critical(t, slowest, &share, &ns);
    if (stage < 0) {
        glint_json_put_null(w, key);
        return;
    }
    glint_json_put_object(w, key);
    glint_json_put_text(w, "stage", glint_trace_series_name(stage));
    glint_json_put_f64(w, "share", share);
    glint_json_put_f64(w, "ms", 1e-6 * ns);
    glint_json_put_end(w);
}

static void put(struct glint_json_writer *w, const void *ctx)
{
    const struct glint_trace_table *t = ctx;
    glint_json_put_object(w, "stages");
    for (int i = 0; i < GLINT_TABLE_SERIES; i++) {
        if (t->series[i].n == 0)
            continue;
        glint_json_put_object(w, glint_trace_series_name(i));
        glint_json_put_i64(w, "frames", (int64_t)t->series[i].n);
        for (int k = 0; k < N_RANKS; k++)
            glint_json_put_f64(w, rank_names[k], ms(glint_trace_rank(&t->series[i], ranks[k])));
        glint_json_put_end(w);
    }
    glint_json_put_end(w);
    glint_json_put_i64(w, "frames", (int64_t)t->frames);
    glint_json_put_i64(w, "frames_dropped", (int64_t)t->frames_dropped);
    glint_json_put_i64(w, "packets_lost", (int64_t)t->packets_lost);
    glint_json_put_i64(w, "events_lost", (int64_t)t->events_lost);
    glint_json_put_bool(w, "cut_short", t->is_cut);
    put_critical(w, "critical", t, false);
    put_critical(w, "critical_slowest", t, true);
}

static int tell(const struct job *j)
{
    if (j->table.is_cut)
        glint_say("the file ends early, what is before that is told: %s", j->table.cut_reason);
    if (!glint_eval_json_on_stdout(j->o.json_path))
        print(&j->table);
    const int status = j->o.json_path ? glint_eval_json(j->o.json_path, put, &j->table) : GLINT_OK;
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_OUTPUT) : GLINT_EXIT_OK;
}

static int run(const struct glint_command *c, int argc, char **argv)
{
    struct job j = {.path = NULL};
    glint_shared_options_init(&j.o, c);
    int code = glint_shared_options_parse(&j.o, argc, argv, take, &j);
    if (code >= 0)
        return code;
    if (!j.path)
        return glint_usage_error(c, "no trace file given");
    if (!glint_shared_options_apart(&j.o, &j.path, 1, NULL, 0))
        return GLINT_EXIT_USAGE;
    const int status = glint_trace_table_read(j.path, &j.table);
    if (status < 0)
        return glint_report_failure(status, GLINT_SIDE_INPUT);
    code = tell(&j);
    glint_trace_table_free(&j.table);
    return code;
}

static const struct glint_option options[] = {GLINT_OPTION_GROUP(GLINT_OPTIONS_JSON), {NULL, NULL, NULL, 0}};

const struct glint_command glint_cmd_trace = {
    "trace",
    "where the time went: a trace file as a table, and its critical stage",
    "FILE [--json FILE]",
    "  glint run drive.pcap --trace trace.json --out boxes.jsonl\n  glint trace trace.json\n",
    options,
    run};
