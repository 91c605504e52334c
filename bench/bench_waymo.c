/* bench/bench_waymo.c - the time of reading Waymo's TFRecord files:
 *
 *     bench_waymo FILE [--threads N] [--parts labels|points|classes|frames] [--repeat R]
 *
 * Each round opens the file, reads all of it and closes it; "frames" goes through the source, as glint run
 * does. Prints one JSON object: milliseconds per frame (median over the rounds), frames, points, most memory.
 */
#define _GNU_SOURCE
#include "core/clock.h"
#include "core/frame.h"
#include "io/source_waymo.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define BATCH  4
#define ROUNDS 1000

struct job {
    const char *path, *parts;
    int n_threads, repeat;
    int64_t frames, points; /* of a round */
};

static int64_t count_points(const struct glint_waymo_frame *f)
{
    int64_t n = 0;
    for (int l = 0; l < GLINT_WAYMO_LASERS; l++)
        for (int r = 0; r < GLINT_WAYMO_RETURNS; r++)
            n += f->laser[l].image[r].points.n;
    return n;
}

/* Records in batches to points. */
static int read_parts(struct job *j, enum glint_waymo_parts parts)
{
    struct glint_pool *pool = NULL;
    struct glint_waymo_reader *reader;
    struct glint_tfrecord file;
    struct glint_record batch[BATCH];
    const int32_t most = j->n_threads == 1 ? 1 : j->n_threads < BATCH ? 2 : BATCH;
    if (j->n_threads > 1)
        GLINT_TRY(glint_pool_open(j->n_threads, &pool));
    GLINT_TRY(glint_waymo_reader_open(most, pool, &reader));
    GLINT_TRY(glint_tfrecord_open(&file, j->path, false));
    for (int status = GLINT_OK; status == GLINT_OK;) {
        int32_t n = 0;
        while (n < most && (status = glint_tfrecord_next(&file, &batch[n])) == GLINT_OK)
            n++;
        glint_waymo_read(reader, j->path, batch, n, parts);
        for (int32_t i = 0; i < n; i++) {
            const struct glint_waymo_frame *f;
            GLINT_TRY(glint_waymo_reader_frame(reader, i, &f));
            j->points += count_points(f);
            j->frames++;
        }
        glint_tfrecord_release(&file, file.at);
        if (status < 0 && status != GLINT_E_EOF)
            return status;
    }
    glint_tfrecord_close(&file);
    glint_waymo_reader_close(reader);
    glint_pool_close(pool);
    return GLINT_OK;
}

/* Frames of the source. */
static int read_frames(struct job *j)
{
    const struct glint_source_settings settings = {.n_threads = j->n_threads};
    struct glint_source *source;
    struct glint_frame_pool *pool;
    int status;
    GLINT_TRY(glint_source_open(j->path, &settings, &source));
    GLINT_TRY(glint_frame_pool_open(1, source->ops->cap_points(source), 1, &pool));
    do {
        struct glint_frame *frame = glint_frame_get(pool, false);
        status = source->ops->next_frame(source, frame);
        j->points += status == GLINT_OK ? frame->points.n : 0;
        j->frames += status == GLINT_OK;
        glint_frame_unref(frame);
    } while (status == GLINT_OK);
    glint_frame_pool_close(pool);
    glint_source_close(source);
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int round_of(struct job *j)
{
    j->frames = j->points = 0;
    if (strcmp(j->parts, "frames") == 0)
        return read_frames(j);
    if (strcmp(j->parts, "labels") == 0)
        return read_parts(j, GLINT_WAYMO_LABELS);
    return read_parts(j, strcmp(j->parts, "classes") == 0 ? GLINT_WAYMO_CLASSES : GLINT_WAYMO_POINTS);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int parse(struct job *j, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (i + 1 < argc && strcmp(argv[i], "--threads") == 0)
            j->n_threads = atoi(argv[++i]);
        else if (i + 1 < argc && strcmp(argv[i], "--repeat") == 0)
            j->repeat = atoi(argv[++i]);
        else if (i + 1 < argc && strcmp(argv[i], "--parts") == 0)
            j->parts = argv[++i];
        else
            j->path = argv[i];
    }
    return j->path && j->n_threads >= 1 && j->n_threads <= 256 && j->repeat >= 1 && j->repeat <= ROUNDS;
}

int main(int argc, char **argv)
{
    struct job j = {.parts = "points", .n_threads = 1, .repeat = 5};
    static double ms[ROUNDS];
    struct rusage usage;
    if (!parse(&j, argc, argv)) {
        fprintf(
            stderr,
            "usage: bench_waymo FILE [--threads N] [--parts labels|points|classes|frames] [--repeat R]\n");
        return 2;
    }
    for (int i = 0; i < j.repeat; i++) {
        const int64_t begun = glint_clock_monotonic_ns();
        if (round_of(&j) < 0) {
            fprintf(stderr, "bench_waymo: %s\n", glint_error_text());
            return 3;
        }
        ms[i] = (double)(glint_clock_monotonic_ns() - begun) * 1e-6 / (double)(j.frames ? j.frames : 1);
    }
    qsort(ms, (size_t)j.repeat, sizeof ms[0], ascending);
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"parts\": \"%s\", \"threads\": %d, \"median_ms\": %.4f, \"min_ms\": %.4f, \"max_ms\": %.4f, "
           "\"frames\": "
           "%lld, \"points\": %lld, \"peak_mb\": %.1f}\n",
           j.parts, j.n_threads, ms[j.repeat / 2], ms[0], ms[j.repeat - 1], (long long)j.frames,
           (long long)j.points, (double)usage.ru_maxrss / 1e3);
    return 0;
}
