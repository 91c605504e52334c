/* bench/bench_waymo_metric.c - what the Waymo detection metric costs on two Objects files, part by part,
 * against what it must cost at least on this machine:
 *
 *     bench_waymo_metric TRUTH.bin RESULTS.bin [THREADS]        one JSON object on stdout
 *
 * The limit is the sum of what cannot be left out, each at the speed of a loop that does nothing else over
 * data in the cache: reading both files twice (to find the frames, then their objects), walking and storing
 * the fields of every object, direction and corners of every box, one comparison of two upright boxes for
 * every pair of equal type in a frame, and the official overlap of those whose upright boxes meet. */
#define _POSIX_C_SOURCE 200809L
#include "core/bytes.h"
#include "core/clock.h"
#include "core/file.h"
#include "eval/waymo_decode.h"
#include "eval/waymo_detection.h"
#include "eval/waymo_pairs.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define CAP_SAMPLE 4096
#define REPEAT     50

static double seconds_since(int64_t begun_ns)
{
    return (double)(glint_clock_monotonic_ns() - begun_ns) * 1e-9;
}

static void must(int status)
{
    if (status < 0) {
        fprintf(stderr, "%s\n", glint_error_text());
        exit(1);
    }
}

static volatile uint64_t sink_u64;
static volatile double sink_f64;

/* ---- the least costs ---- */

static double read_all(const char *path)
{
    struct glint_file file;
    must(glint_file_open(&file, path));
    const int64_t begun = glint_clock_monotonic_ns();
    uint64_t sum = 0;
    for (size_t i = 0; i + 8 <= file.size; i += 8)
        sum += glint_le64(file.data + i);
    sink_u64 = sum;
    const double seconds = seconds_since(begun);
    glint_file_close(&file);
    return seconds;
}

/* Seconds per object: key and content of the first ones, again and again. */
static double walk_objects(const char *path)
{
    struct glint_file file;
    struct glint_waymo_key key;
    struct glint_waymo_object object;
    struct glint_wire_field f;
    int64_t n = 0;
    must(glint_file_open(&file, path));
    const size_t size = file.size < 1 << 18 ? file.size : 1 << 18;
    const int64_t begun = glint_clock_monotonic_ns();
    for (int round = 0; round < REPEAT; round++) {
        struct glint_wire w = glint_wire_of(path, file.data, file.size);
        while (w.at < file.data + size && glint_wire_next(&w, &f) == GLINT_OK) {
            must(glint_waymo_decode_object_key(glint_wire_inside(&w, &f), &key));
            must(glint_waymo_decode_object(glint_wire_inside(&w, &f), &object));
            sink_f64 = object.box.x;
            n++;
        }
    }
    const double seconds = seconds_since(begun);
    glint_file_close(&file);
    return seconds / (double)n;
}

struct sample { /* boxes and pairs of some frames */
    struct glint_waymo_shape a[CAP_SAMPLE], b[CAP_SAMPLE];
    int32_t n;
};

static void take_sample(struct sample *s, const struct glint_waymo_pairs *p)
{
    for (int32_t k = 0; k < p->n_pairs && s->n < CAP_SAMPLE; k++, s->n++) {
        s->a[s->n] = p->prediction_shape[p->pair[k].prediction];
        s->b[s->n] = p->truth_shape[p->pair[k].truth];
    }
}

static double shapes(struct sample *s)
{
    const int64_t begun = glint_clock_monotonic_ns();
    for (int round = 0; round < REPEAT; round++)
        for (int32_t i = 0; i < s->n; i++) {
            const struct glint_waymo_box box = s->a[i].box;
            glint_waymo_shape_init(&s->a[i], &box);
        }
    return seconds_since(begun) / REPEAT / s->n;
}

static double overlaps(const struct sample *s)
{
    double sum = 0;
    const int64_t begun = glint_clock_monotonic_ns();
    for (int round = 0; round < REPEAT; round++)
        for (int32_t i = 0; i < s->n; i++)
            sum += glint_waymo_iou(&s->a[i], &s->b[i], GLINT_WAYMO_IOU_3D);
    sink_f64 = sum;
    return seconds_since(begun) / REPEAT / s->n;
}

/* One upright box against 64, as a frame has of a type. */
static double comparisons(const struct sample *s)
{
    static double low[64][2], high[64][2];
    int64_t near = 0;
    for (int i = 0; i < 64; i++)
        for (int k = 0; k < 2; k++) {
            low[i][k] = s->b[i % s->n].low[k];
            high[i][k] = s->b[i % s->n].high[k];
        }
    const int64_t begun = glint_clock_monotonic_ns();
    for (int round = 0; round < REPEAT; round++)
        for (int32_t i = 0; i < s->n; i++)
            for (int j = 0; j < 64; j++)
                near += (s->a[i].low[0] <= high[j][0]) & (low[j][0] <= s->a[i].high[0]) &
                        (s->a[i].low[1] <= high[j][1]) & (low[j][1] <= s->a[i].high[1]);
    sink_u64 = (uint64_t)near;
    return seconds_since(begun) / REPEAT / s->n / 64;
}

/* ---- the work ---- */

struct counts {
    int64_t frames, objects, equal_types, overlaps, matches;
};

static void count_pairs(const struct glint_waymo_pairs *p, struct counts *c)
{
    int64_t of_type[2][GLINT_WAYMO_N_TYPES + 1] = {{0}};
    for (int32_t i = 0; i < p->truth.n; i++)
        of_type[0][p->truth.object[i].type]++;
    for (int32_t i = 0; i < p->prediction.n; i++)
        of_type[1][p->prediction.object[i].type]++;
    for (int t = 1; t <= GLINT_WAYMO_N_TYPES; t++)
        c->equal_types += of_type[0][t] * of_type[1][t];
    c->objects += p->truth.n + p->prediction.n;
    c->matches += p->n_pairs;
}

static struct counts look_at_all(const struct glint_waymo_objects *set, struct sample *sample)
{
    struct glint_waymo_pairs pairs = {0};
    struct counts c = {0};
    for (int32_t u = 0; u < glint_waymo_objects_units(set); u++) {
        const struct glint_waymo_unit *unit = glint_waymo_objects_unit(set, u);
        for (int32_t f = unit->first; f < unit->end; f++, c.frames++) {
            must(glint_waymo_pairs_read(&pairs, set, f));
            must(glint_waymo_pairs_find(&pairs, GLINT_WAYMO_IOU_3D, false));
            count_pairs(&pairs, &c);
            take_sample(sample, &pairs);
        }
        glint_waymo_objects_release(set, u);
    }
    c.overlaps = pairs.n_overlaps;
    glint_waymo_pairs_fini(&pairs);
    return c;
}

static int64_t peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

int main(int argc, char **argv)
{
    static struct sample sample;
    if (argc < 3) {
        fprintf(stderr, "usage: bench_waymo_metric TRUTH.bin RESULTS.bin [THREADS]\n");
        return 2;
    }
    const char *const truth[] = {argv[1]};
    const struct glint_waymo_inputs inputs = {
        .truth = truth, .n_truth = 1, .results = argv[2], .by_camera = true};
    const struct glint_eval_run_settings settings = {.n_threads = argc > 3 ? atoi(argv[3]) : 1};
    struct glint_waymo_objects *set;
    struct glint_waymo_detection *metric;
    struct glint_waymo_detection_row row;
    struct glint_eval_task task;
    struct glint_eval_run_stats stats;
    int64_t begun = glint_clock_monotonic_ns();
    must(glint_waymo_objects_open(&inputs, &set));
    const double index = seconds_since(begun);
    must(glint_waymo_detection_open(set, GLINT_WAYMO_STANDARD, GLINT_WAYMO_IOU_3D, &metric));
    glint_waymo_detection_task(metric, &task);
    must(glint_eval_run(&task, &settings, &stats));
    glint_waymo_detection_row(metric, 0, &row);
    const double whole = seconds_since(begun);
    const int64_t memory = peak_kib();
    const struct counts c = look_at_all(set, &sample);
    if (sample.n == 0) {
        fprintf(stderr, "no pair of boxes overlaps\n");
        return 1;
    }
    const double reading = 2 * (read_all(argv[1]) + read_all(argv[2]));
    const double per_object = 0.5 * (walk_objects(argv[1]) + walk_objects(argv[2])),
                 per_shape = shapes(&sample);
    const double per_overlap = overlaps(&sample), per_comparison = comparisons(&sample);
    const double limit = reading + per_object * (double)c.objects + per_shape * (double)c.objects +
                         per_overlap * (double)c.overlaps + per_comparison * (double)c.equal_types;
    printf("{\"frames\": %lld, \"objects\": %lld, \"pairs_of_equal_type\": %lld, \"overlaps\": %lld, "
           "\"pairs_that_can_match\": %lld,\n",
           (long long)c.frames, (long long)c.objects, (long long)c.equal_types, (long long)c.overlaps,
           (long long)c.matches);
    printf(" \"threads\": %d, \"whole_s\": %.3f, \"index_s\": %.3f, \"peak_memory_mib\": %lld, "
           "\"vehicle_ap_1\": %.9g,\n",
           (int)settings.n_threads, whole, index, (long long)(memory / 1024), (double)row.ap);
    printf(" \"limit\": {\"one_thread_s\": %.3f, \"reading_twice_s\": %.3f, \"object_ns\": %.1f, "
           "\"shape_ns\": %.1f, "
           "\"overlap_ns\": %.1f, \"comparison_ns\": %.3f},\n",
           limit, reading, 1e9 * per_object, 1e9 * per_shape, 1e9 * per_overlap, 1e9 * per_comparison);
    printf(" \"cpu_time_over_limit\": %.3f}\n", whole * (double)settings.n_threads / limit);
    glint_waymo_detection_close(metric);
    glint_waymo_objects_close(set);
    return 0;
}
