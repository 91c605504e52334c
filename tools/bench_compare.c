/* tools/bench_compare.c - two results side by side: ratios per stage, and which of them mean something.
 *
 * A median's own uncertainty is taken from the spread between the quartiles, both results' together, and
 * never below 2 %, which is what one machine differs by from hour to hour at best. Beyond three times that a
 * change is told. --normalised divides by the calibration loop of each result first, so that two machines, or
 * one machine loaded differently, can be compared: roughly, as no loop is like all stages. */
#include "tools/bench.h"
#include <math.h>
#include <string.h>

#define LEAST_NOISE  0.02
#define LEAST_MS     0.05 /* shorter stages are the clock's noise: neither in the mean nor in the limit */
#define NOISE_FACTOR 3.0

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *a, const char *b)
{
    const json_t *inner = json_object_get(object, a);
    const char *s = json_string_value(b ? json_object_get(inner, b) : inner);
    return s ? s : "?";
}

static int load(const char *path, json_t **out)
{
    json_error_t error;
    *out = json_load_file(path, 0, &error);
    if (!*out) {
        glint_say("%s: line %d: %s", path, error.line, error.text);
        return GLINT_EXIT_INPUT;
    }
    if (json_is_array(json_object_get(*out, "stages")))
        return GLINT_EXIT_OK;
    glint_say("%s: no \"stages\": expected what glint bench --json writes", path);
    return GLINT_EXIT_INPUT;
}

static const json_t *find_row(const json_t *result, const char *name)
{
    const json_t *row;
    size_t i;
    json_array_foreach(json_object_get(result, "stages"), i,
                       row) if (strcmp(text(row, "stage", NULL), name) == 0) return row;
    return NULL;
}

/* Of the median, as a share of it. */
static double noise(const json_t *row)
{
    const double spread = number(row, "p75_ms") - number(row, "p25_ms"), p50 = number(row, "p50_ms");
    return p50 > 0.0 ? 0.5 * spread / p50 : 1.0;
}

struct sums {
    double log_ratio;
    int n;
    double worst; /* the largest ratio that is more than noise, 0: none */
};

static void compare_row(struct glint_bench *b, const json_t *old, const json_t *new, struct sums *sums)
{
    const char *key = b->normalised ? "p50_loops" : "p50_ms";
    const double was = number(old, key), is = number(new, key);
    const double least =
        number(old, "p50_ms") < number(new, "p50_ms") ? number(old, "p50_ms") : number(new, "p50_ms");
    if (was <= 0.0 || is <= 0.0)
        return;
    const double ratio = is / was, n1 = noise(old), n2 = noise(new);
    const double margin = NOISE_FACTOR * fmax(LEAST_NOISE, sqrt(n1 * n1 + n2 * n2));
    const bool counts = least >= LEAST_MS, slower = ratio > 1.0 + margin,
               faster = ratio < 1.0 / (1.0 + margin);
    const char *word = !counts ? "(short)" : slower ? "SLOWER" : faster ? "faster" : "";
    fprintf(b->words, "%-10s %10.3f %10.3f %8.3f   +-%4.1f %%  %s\n", text(old, "stage", NULL), was, is,
            ratio, 100.0 * margin, word);
    json_t *row = json_pack("{s:s, s:f, s:f, s:f, s:f}", "stage", text(old, "stage", NULL), "a", was, "b", is,
                            "ratio", ratio, "margin", margin);
    json_array_append_new(json_object_get(b->out, "stages"), row);
    if (!counts)
        return;
    if (strcmp(text(old, "stage", NULL), "to boxes") != 0) {
        sums->log_ratio += log(ratio);
        sums->n++;
    }
    if (slower && ratio > sums->worst)
        sums->worst = ratio;
}

/* What makes the two hard to compare, in words. */
static void say_differences(const struct glint_bench *b, const json_t *old, const json_t *new)
{
    static const char *const same[][2] = {{"measures", NULL}, {"machine", "processor"}, {"machine", "isa"},
                                          {"build", "type"},  {"build", "compiler"},    {"frame", "crc32"},
                                          {"input", "crc32"}, {"model", "name"},        {"precision", NULL},
                                          {"device", NULL}};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        const char *x = text(old, same[i][0], same[i][1]), *y = text(new, same[i][0], same[i][1]);
        if (strcmp(x, y) != 0)
            fprintf(b->words, "note: %s%s%s differs: %s, %s\n", same[i][0], same[i][1] ? " " : "",
                    same[i][1] ? same[i][1] : "", x, y);
    }
    if (number(old, "threads") != number(new, "threads"))
        fprintf(b->words, "note: threads differ: %.0f, %.0f\n", number(old, "threads"),
                number(new, "threads"));
}

static int compare(struct glint_bench *b, const json_t *old, const json_t *new)
{
    struct sums sums = {0};
    const json_t *row;
    size_t i;
    json_object_set_new(b->out, "measures", json_string("compare"));
    json_object_set_new(b->out, "stages", json_array());
    say_differences(b, old, new);
    fprintf(b->words, "%-10s %10.10s %10.10s %8s   %s\n", b->normalised ? "p50, loops" : "p50, ms",
            text(old, "build", "commit"), text(new, "build", "commit"), "ratio", "noise");
    json_array_foreach(json_object_get(old, "stages"), i, row)
    {
        const json_t *other = find_row(new, text(row, "stage", NULL));
        if (other)
            compare_row(b, row, other, &sums);
    }
    if (sums.n == 0) {
        glint_say("%s, %s: no stage in common", b->input, b->other);
        return GLINT_EXIT_INPUT;
    }
    const double mean = exp(sums.log_ratio / sums.n);
    json_object_set_new(b->out, "geometric_mean", json_real(mean));
    fprintf(b->words, "geometric mean of %d stages: %.3f (below 1: the second is faster)\n", sums.n, mean);
    if (b->limit_percent < 0 || sums.worst <= 1.0 + 0.01 * b->limit_percent)
        return GLINT_EXIT_OK;
    glint_say("slower by %.0f %%; the limit is %d %%", 100.0 * (sums.worst - 1.0), b->limit_percent);
    return GLINT_EXIT_FAILED;
}

int glint_bench_compare(struct glint_bench *b)
{
    json_t *old = NULL, *new = NULL;
    int code = load(b->input, &old);
    if (!code)
        code = load(b->other, &new);
    if (!code)
        code = compare(b, old, new);
    json_decref(old);
    json_decref(new);
    return code;
}
