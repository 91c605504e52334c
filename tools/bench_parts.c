/* tools/bench_parts.c - voxel: a part of the way, measured alone. */
#define _GNU_SOURCE
#include "core/clock.h"
#include "core/cpu.h"
#include "core/frame.h"
#include "model/model_config.h"
#include "tools/bench.h"
#include "tools/first_frame.h"
#include "tools/places.h"
#include "voxel/window.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static double ms_since(int64_t begun_ns)
{
    return (double)(glint_clock_monotonic_ns() - begun_ns) * 1e-6;
}

#define ORDERS 4

struct voxel_job {
    struct glint_model_config config;
    struct glint_exec exec;
    struct glint_arena arena;
    struct glint_voxels voxels;
    int32_t n_orders; /* 0: the grid is not square, there are none */
    struct glint_window_order orders[ORDERS];
    int32_t *perm[ORDERS];
    uint32_t *scratch;
    struct glint_times times[3]; /* voxelize, orders, both */
};

/* The orders of FlatFormer on the model's grid: x and y, plain and shifted by half a window. */
static int open_orders(struct glint_bench *b, struct voxel_job *j, int32_t cap)
{
    const int32_t *dim = j->config.grid.dim;
    if (dim[0] != dim[1])
        return GLINT_OK;
    for (int i = 0; i < ORDERS; i++) {
        j->orders[i] = (struct glint_window_order){.style = GLINT_WINDOW_SNAKE,
                                                   .window = b->window,
                                                   .grid = dim[0],
                                                   .shift = i % 2 ? b->window / 2 : 0,
                                                   .axis = i / 2};
        GLINT_TRY(glint_window_check(&j->orders[i]));
        j->perm[i] = malloc((size_t)cap * sizeof **j->perm);
        if (!j->perm[i])
            return glint_fail(GLINT_E_NOMEM, "no memory for the measurement");
    }
    j->scratch = malloc((size_t)cap * 3 * sizeof *j->scratch);
    j->n_orders = ORDERS;
    return j->scratch ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for the measurement");
}

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
    for (int i = 0; i < 3; i++)
        GLINT_TRY(glint_times_open(&j->times[i], b->repeat));
    return open_orders(b, j, cap);
}

static void voxel_close(struct voxel_job *j)
{
    for (int i = 0; i < ORDERS; i++)
        free(j->perm[i]);
    for (int i = 0; i < 3; i++)
        glint_times_close(&j->times[i]);
    free(j->scratch);
    glint_arena_fini(&j->arena);
    glint_exec_fini(&j->exec);
    glint_model_config_close(&j->config);
}

static int voxel_round(struct voxel_job *j, const struct glint_points *points, double ms[3])
{
    int64_t begun = glint_clock_monotonic_ns();
    GLINT_TRY(glint_voxelize(&j->exec, &j->config.grid, points, false, &j->voxels));
    ms[0] = ms_since(begun);
    begun = glint_clock_monotonic_ns();
    for (int32_t i = 0; i < j->n_orders; i++)
        GLINT_TRY(glint_window_sort(&j->exec, &j->orders[i], j->voxels.coord, j->voxels.n_voxels, j->perm[i],
                                    j->scratch));
    ms[1] = ms_since(begun);
    ms[2] = ms[0] + ms[1];
    return GLINT_OK;
}

static uint32_t crc_ints(uint32_t crc, const int32_t *values, int64_t n)
{
    return (uint32_t)crc32(crc, (const Bytef *)values, (uInt)((size_t)n * sizeof *values));
}

static void voxel_results(struct glint_bench *b, struct voxel_job *j)
{
    static const char *const names[] = {"voxelize", "orders", "both"};
    const struct glint_voxels *v = &j->voxels;
    const int32_t *dim = j->config.grid.dim;
    const double read = 12.0 * (double)v->n_in, written = 4.0 * v->n_points + 16.0 * v->n_voxels,
                 orders = (12.0 + 4.0) * v->n_voxels * j->n_orders;
    const double bytes[] = {read + written, orders, read + written + orders};
    uint32_t crc = 0;
    json_object_set_new(b->out, "points", json_integer((json_int_t)v->n_in));
    json_object_set_new(b->out, "points_kept", json_integer(v->n_points));
    json_object_set_new(b->out, "pillars", json_integer(v->n_voxels));
    json_object_set_new(b->out, "grid", json_pack("[i, i, i]", dim[0], dim[1], dim[2]));
    json_object_set_new(b->out, "window", json_integer(b->window));
    glint_bench_put_crc(b->out, "coord_crc32", crc_ints(0, v->coord, 3 * (int64_t)v->n_voxels));
    for (int32_t i = 0; i < j->n_orders; i++)
        crc = crc_ints(crc, j->perm[i], v->n_voxels);
    glint_bench_put_crc(b->out, "orders_crc32", crc);
    for (int i = 0; i < (j->n_orders ? 3 : 1); i++)
        glint_bench_row(b, names[i], &j->times[i], 0.0, bytes[i]);
    fprintf(b->words, "%lld points, %d kept, %d pillars of a %d x %d grid (%.1f %% occupied)\n",
            (long long)v->n_in, v->n_points, v->n_voxels, dim[0], dim[1],
            100.0 * v->n_voxels / ((double)dim[0] * dim[1] * dim[2]));
}

static int measure_voxel(struct glint_bench *b, struct voxel_job *j, const struct glint_points *points)
{
    double ms[3];
    for (int32_t i = -1; i < b->repeat; i++) {
        GLINT_TRY(voxel_round(j, points, ms));
        if (i < 0)
            json_object_set_new(b->out, "cold_ms", json_real(ms[2]));
        for (int k = 0; k < 3 && i >= 0; k++)
            glint_times_add(&j->times[k], ms[k]);
        glint_bench_loop(b);
    }
    voxel_results(b, j);
    return GLINT_OK;
}

int glint_bench_voxel(struct glint_bench *b)
{
    struct voxel_job j;
    struct glint_first_frame first;
    memset(&j, 0, sizeof j);
    int status = glint_bench_first_frame(b, &first);
    if (status == GLINT_OK)
        status = voxel_open(b, &j, first.frame->points.n);
    if (status == GLINT_OK)
        status = measure_voxel(b, &j, &first.frame->points);
    const int code = status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : GLINT_EXIT_OK;
    voxel_close(&j);
    glint_first_frame_close(&first);
    return code;
}
