/* tools/bench_table.c - the rows of a measurement: rates, limits, and the table for people.
 *
 * A stage's limit is the larger of the times that its arithmetic takes at the measured peak of this
 * instruction set and that its bytes take at the measured bandwidth of memory, with the threads of the
 * measurement. Data that stays in a cache can beat the latter. */
#include "core/cpu.h"
#include "tools/bench.h"

void glint_bench_row(struct glint_bench *b, const char *name, struct glint_times *times, double flop,
                     double bytes)
{
    json_t *rows = json_object_get(b->out, "stages"), *row = json_object();
    if (!rows) {
        rows = json_array();
        json_object_set_new(b->out, "stages", rows);
    }
    json_object_set_new(row, "stage", json_string(name));
    json_t *percentiles = glint_times_json(times);
    json_object_update(row, percentiles);
    json_decref(percentiles);
    if (flop > 0.0)
        json_object_set_new(row, "gflop", json_real(flop * 1e-9));
    if (bytes > 0.0)
        json_object_set_new(row, "mbyte", json_real(bytes * 1e-6));
    json_array_append_new(rows, row);
}

void glint_bench_loop(struct glint_bench *b)
{
    if (b->pool)
        glint_times_add(&b->loop, glint_ceiling_loop_ms(b->pool));
}

static double number(const json_t *row, const char *key)
{
    return json_number_value(json_object_get(row, key));
}

static void complete(json_t *row, const struct glint_ceilings *c, double peak, double loop_ms)
{
    const double p50 = number(row, "p50_ms"), gflop = number(row, "gflop"), mbyte = number(row, "mbyte");
    if (p50 <= 0.0)
        return;
    if (gflop > 0.0)
        json_object_set_new(row, "gflop_per_s", json_real(gflop * 1e3 / p50));
    if (mbyte > 0.0)
        json_object_set_new(row, "gb_per_s", json_real(mbyte / p50));
    if (loop_ms > 0.0)
        json_object_set_new(row, "p50_loops", json_real(p50 / loop_ms));
    if (!c || (gflop <= 0.0 && mbyte <= 0.0))
        return;
    const double by_flop = peak > 0.0 ? gflop * 1e3 / peak : 0.0, by_bytes = mbyte / c->triad_gb_per_s[1];
    const double limit = by_flop > by_bytes ? by_flop : by_bytes;
    json_object_set_new(row, "limit_ms", json_real(limit));
    json_object_set_new(row, "limited_by", json_string(by_flop > by_bytes ? "arithmetic" : "memory"));
    json_object_set_new(row, "of_limit", json_real(limit / p50));
}

static void print_row(FILE *out, const json_t *row)
{
    fprintf(out, "%-10s %8.3f %8.3f %8.3f %8.3f", json_string_value(json_object_get(row, "stage")),
            number(row, "p50_ms"), number(row, "p90_ms"), number(row, "p99_ms"), number(row, "max_ms"));
    if (number(row, "gflop") > 0.0)
        fprintf(out, " %9.3f %8.1f", number(row, "gflop"), number(row, "gflop_per_s"));
    else
        fprintf(out, " %9s %8s", "", "");
    if (number(row, "mbyte") > 0.0)
        fprintf(out, " %8.1f %7.1f", number(row, "mbyte"), number(row, "gb_per_s"));
    if (number(row, "of_limit") > 0.0)
        fprintf(out, " %5.1f %%", 100.0 * number(row, "of_limit"));
    fprintf(out, "\n");
}

static void print_ceilings(FILE *out, const struct glint_ceilings *c)
{
    fprintf(out, "ceilings: clock %.2f GHz; GFLOP/s with one thread / all:", c->clock_ghz);
    for (int i = 0; i < c->n_sets; i++)
        fprintf(out, "%s %s %.0f / %.0f", i ? "," : "", c->sets[i].name, c->sets[i].gflop_per_s[0],
                c->sets[i].gflop_per_s[1]);
    fprintf(out, "; GB/s copy %.1f / %.1f, triad %.1f / %.1f\n", c->copy_gb_per_s[0], c->copy_gb_per_s[1],
            c->triad_gb_per_s[0], c->triad_gb_per_s[1]);
}

void glint_bench_finish(struct glint_bench *b, const struct glint_ceilings *c)
{
    const char *isa = glint_cpu_isa_name(glint_cpu_isa());
    const char *set = b->precision == GLINT_PRECISION_F32 ? isa : "avx512bf16";
    const double peak = c ? glint_ceilings_gflop(c, set) : 0.0, loop = glint_times_at(&b->loop, 0.5);
    json_t *row;
    size_t i;
    if (c)
        json_object_set_new(b->out, "ceilings", glint_ceilings_json(c));
    if (b->loop.n)
        json_object_set_new(b->out, "loop", glint_times_json(&b->loop));
    fprintf(b->words, "%-10s %8s %8s %8s %8s %9s %8s %8s %7s %7s\n", "stage, ms", "p50", "p90", "p99", "max",
            "GFLOP", "GFLOP/s", "MB", "GB/s", "of limit");
    json_array_foreach(json_object_get(b->out, "stages"), i, row)
    {
        complete(row, c, peak, loop);
        print_row(b->words, row);
    }
    fprintf(b->words, "%s, %d thread%s, %s, commit %s, calibration loop %.3f ms\n", glint_cpu_name(),
            b->n_threads, b->n_threads > 1 ? "s" : "", isa,
            json_string_value(json_object_get(json_object_get(b->out, "build"), "commit")), loop);
    if (c)
        print_ceilings(b->words, c);
}
