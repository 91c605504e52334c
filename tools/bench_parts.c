/* tools/bench_parts.c - decode and voxel: parts of the way, measured alone. */
#define _GNU_SOURCE
#include "core/clock.h"
#include "core/cpu.h"
#include "core/frame.h"
#include "io/capture.h"
#include "model/model_config.h"
#include "tools/bench.h"
#include "tools/first_frame.h"
#include "tools/places.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* All packets of a capture, payloads one after the other. */
struct packets {
    struct glint_packet *packet;
    size_t *at; /* of each payload in bytes */
    uint8_t *bytes;
    size_t n, cap, n_bytes, cap_bytes;
};

static void packets_free(struct packets *p)
{
    free(p->packet);
    free(p->at);
    free(p->bytes);
}

static int packets_add(struct packets *p, const struct glint_packet *packet)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 4096;
        p->packet = realloc(p->packet, p->cap * sizeof *p->packet);
        p->at = realloc(p->at, p->cap * sizeof *p->at);
    }
    if (p->n_bytes + packet->size > p->cap_bytes) {
        p->cap_bytes = 2 * (p->cap_bytes + packet->size);
        p->bytes = realloc(p->bytes, p->cap_bytes);
    }
    if (!p->packet || !p->at || !p->bytes)
        return glint_fail(GLINT_E_NOMEM, "no memory for %zu packets", p->cap);
    p->packet[p->n] = *packet;
    p->at[p->n++] = p->n_bytes;
    memcpy(p->bytes + p->n_bytes, packet->data, packet->size);
    p->n_bytes += packet->size;
    return GLINT_OK;
}

static int packets_read(struct packets *p, struct glint_source *source)
{
    struct glint_packet packet;
    int status;
    while ((status = source->ops->next_packet(source, &packet)) == GLINT_OK)
        GLINT_TRY(packets_add(p, &packet));
    for (size_t i = 0; i < p->n; i++)
        p->packet[i].data = p->bytes + p->at[i];
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static uint64_t decode_all(struct glint_decoder *d, const struct packets *p, struct glint_returns *returns)
{
    uint64_t points = 0;
    uint32_t lost;
    for (size_t i = 0; i < p->n; i++)
        if (d->ops->decode(d, &p->packet[i], returns, &lost) == GLINT_PACKET_LIDAR)
            points += (uint64_t)returns->n;
    return points;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Percentiles of n times in milliseconds, as a JSON object; sorts them. */
static json_t *times_json(double *ms, int32_t n)
{
    static const struct {
        const char *name;
        double share;
    } marks[] = {{"p50_ms", 0.5}, {"p90_ms", 0.9}, {"p99_ms", 0.99}, {"max_ms", 1.0}};
    json_t *out = json_object();
    qsort(ms, (size_t)n, sizeof *ms, ascending);
    for (size_t i = 0; i < 4; i++) {
        const int32_t at = (int32_t)(marks[i].share * n);
        json_object_set_new(out, marks[i].name, json_real(ms[at < n ? at : n - 1]));
    }
    return out;
}

static double ms_since(int64_t begun_ns)
{
    return (double)(glint_clock_monotonic_ns() - begun_ns) * 1e-6;
}

static int measure_decode(struct glint_bench *b, struct glint_capture *capture, struct packets *p,
                          struct glint_returns *returns, double *ms)
{
    GLINT_TRY(packets_read(p, capture->source));
    int64_t begun = glint_clock_monotonic_ns();
    const uint64_t points = decode_all(capture->decoder, p, returns);
    const double cold = ms_since(begun);
    for (int32_t i = 0; i < b->repeat; i++) {
        begun = glint_clock_monotonic_ns();
        decode_all(capture->decoder, p, returns);
        ms[i] = ms_since(begun);
    }
    json_object_set_new(b->out, "sensor", json_string(capture->decoder->sensor));
    json_object_set_new(b->out, "threads", json_integer(1));
    json_object_set_new(b->out, "packets", json_integer((json_int_t)p->n));
    json_object_set_new(b->out, "points", json_integer((json_int_t)points));
    json_object_set_new(b->out, "cold_ms", json_real(cold));
    json_object_set_new(b->out, "round", times_json(ms, b->repeat));
    const double median = ms[b->repeat / 2];
    json_object_set_new(b->out, "mpoints_per_s", json_real((double)points / median * 1e-3));
    fprintf(b->words,
            "decode %s: %zu packets, %llu points in %.3f ms (median of %d rounds, best %.3f, one thread): "
            "%.1f Mpoints/s\n",
            capture->decoder->sensor, p->n, (unsigned long long)points, median, b->repeat, ms[0],
            (double)points / median * 1e-3);
    return GLINT_OK;
}

int glint_bench_decode(struct glint_bench *b)
{
    const struct glint_decoder_settings settings = {b->sensor ? b->sensor : "auto", b->calib, b->input};
    struct glint_capture capture = {0};
    struct packets packets = {0};
    struct glint_returns *returns = calloc(1, sizeof *returns);
    double *ms = calloc((size_t)b->repeat, sizeof *ms);
    int status = returns && ms ? glint_capture_open(b->input, NULL, &settings, &capture)
                               : glint_fail(GLINT_E_NOMEM, "no memory for the measurement");
    if (status == GLINT_OK)
        status = measure_decode(b, &capture, &packets, returns, ms);
    const int code = status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : GLINT_EXIT_OK;
    glint_capture_close(&capture);
    packets_free(&packets);
    free(returns);
    free(ms);
    return code;
}

struct voxel_job {
    struct glint_model_config config;
    struct glint_exec exec;
    struct glint_arena arena;
    struct glint_voxels voxels;
    double *ms;
};

static int voxel_open(struct glint_bench *b, struct voxel_job *j, int32_t n_points)
{
    char folder[PATH_MAX], path[PATH_MAX + 32];
    if (!glint_find_model(b->model_name, folder, sizeof folder))
        return glint_fail(GLINT_E_NOTFOUND, "%s: no such model", folder);
    snprintf(path, sizeof path, "%s/config.json", folder);
    GLINT_TRY(glint_model_config_open(path, &j->config));
    GLINT_TRY(glint_exec_init(&j->exec, glint_cpu_isa(), b->n_threads, 1 << 20));
    const int32_t *dim = j->config.grid.dim;
    const int64_t cells = (int64_t)dim[0] * dim[1] * dim[2];
    const int32_t cap = cells < n_points ? (int32_t)cells : n_points > 0 ? n_points : 1;
    GLINT_TRY(glint_arena_init(&j->arena, glint_voxels_bytes(n_points, cap)));
    GLINT_TRY(glint_voxels_init(&j->voxels, &j->arena, n_points, cap));
    j->ms = calloc((size_t)b->repeat + 1, sizeof *j->ms);
    return j->ms ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for the measurement");
}

static void voxel_close(struct voxel_job *j)
{
    free(j->ms);
    glint_arena_fini(&j->arena);
    glint_exec_fini(&j->exec);
    glint_model_config_close(&j->config);
}

static int measure_voxel(struct glint_bench *b, struct voxel_job *j, const struct glint_points *points)
{
    double cold = 0.0;
    for (int32_t i = -1; i < b->repeat; i++) {
        const int64_t begun = glint_clock_monotonic_ns();
        GLINT_TRY(glint_voxelize(&j->exec, &j->config.grid, points, false, &j->voxels));
        *(i < 0 ? &cold : &j->ms[i]) = ms_since(begun);
    }
    json_object_set_new(b->out, "points", json_integer(points->n));
    json_object_set_new(b->out, "pillars", json_integer(j->voxels.n_voxels));
    json_object_set_new(b->out, "cold_ms", json_real(cold));
    json_object_set_new(b->out, "round", times_json(j->ms, b->repeat));
    fprintf(b->words, "voxelize: %d points to %d pillars in %.3f ms (median of %d, cold %.3f)\n", points->n,
            j->voxels.n_voxels, j->ms[b->repeat / 2], b->repeat, cold);
    return GLINT_OK;
}

int glint_bench_voxel(struct glint_bench *b)
{
    struct voxel_job j;
    struct glint_first_frame first;
    memset(&j, 0, sizeof j);
    int status = glint_first_frame_open(&first, b->input, b->sensor, b->calib);
    if (status == GLINT_OK)
        status = voxel_open(b, &j, first.frame->points.n);
    if (status == GLINT_OK)
        status = measure_voxel(b, &j, &first.frame->points);
    const int code = status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : GLINT_EXIT_OK;
    voxel_close(&j);
    glint_first_frame_close(&first);
    return code;
}
