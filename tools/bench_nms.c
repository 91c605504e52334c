/* tools/bench_nms.c - rotated suppression alone, on boxes from a file or on made ones. */
#include "core/clock.h"
#include "core/file.h"
#include "core/status.h"
#include "model/nms.h"
#include "tools/bench.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MADE_BOXES 4096
#define CROWD      20 /* boxes around one place, as a detector gives them */

static double uniform(uint64_t *state, double lo, double hi)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return lo + (hi - lo) * (double)(*state >> 11) * 0x1p-53;
}

static struct glint_rect *make_boxes(int32_t n)
{
    struct glint_rect *r = calloc((size_t)n, sizeof *r);
    uint64_t state = 8;
    for (int32_t i = 0; r && i < n; i++) {
        uint64_t place = (uint64_t)(i % (n / CROWD + 1)) * 977 + 1; /* scores of one crowd are spread */
        r[i].x = uniform(&place, -75, 75) + uniform(&state, -0.5, 0.5);
        r[i].y = uniform(&place, -75, 75) + uniform(&state, -0.5, 0.5);
        r[i].yaw = uniform(&place, -3.1, 3.1) + uniform(&state, -0.2, 0.2);
        r[i].dx = uniform(&state, 3.5, 5);
        r[i].dy = uniform(&state, 1.6, 2.1);
    }
    return r;
}

/* n rows of five doubles. */
static int read_boxes(const char *path, struct glint_rect **out, int32_t *n_out)
{
    struct glint_file file;
    GLINT_TRY(glint_file_open(&file, path));
    const size_t row = 5 * sizeof(double), n = file.size / row;
    int status = GLINT_OK;
    if (n == 0 || file.size % row != 0 || n > 1 << 20)
        status = glint_fail(GLINT_E_FORMAT,
                            "%s: %zu bytes; expected rows of 5 float64 (x y dx dy yaw), at most 2^20", path,
                            file.size);
    else if (!(*out = malloc(n * sizeof **out)))
        status = glint_fail(GLINT_E_NOMEM, "no memory for %zu boxes", n);
    else
        memcpy(*out, file.data, n * row);
    _Static_assert(sizeof(struct glint_rect) == 5 * sizeof(double), "rows are rectangles");
    *n_out = (int32_t)n;
    glint_file_close(&file);
    return status;
}

static int measure(struct glint_bench *b, const struct glint_rect *rects, int32_t n)
{
    const struct glint_nms_rule rule = {(double)b->iou, n, n};
    int32_t *keep = malloc((size_t)n * sizeof *keep), kept = 0;
    void *scratch = malloc(glint_nms_scratch(n));
    struct glint_times times = {0};
    int status = keep && scratch ? glint_times_open(&times, b->repeat)
                                 : glint_fail(GLINT_E_NOMEM, "no memory for %d boxes", n);
    for (int32_t i = -1; status == GLINT_OK && i < b->repeat; i++) {
        const int64_t begun = glint_clock_monotonic_ns();
        kept = glint_nms_rotated(rects, NULL, n, &rule, keep, scratch);
        const double ms = (double)(glint_clock_monotonic_ns() - begun) * 1e-6;
        if (i < 0)
            json_object_set_new(b->out, "cold_ms", json_real(ms));
        else
            glint_times_add(&times, ms);
        glint_bench_loop(b);
    }
    if (status == GLINT_OK) {
        json_object_set_new(b->out, "boxes", json_integer(n));
        json_object_set_new(b->out, "iou", json_real((double)b->iou));
        json_object_set_new(b->out, "kept", json_integer(kept));
        glint_bench_put_crc(b->out, "kept_crc32",
                            (uint32_t)crc32(0, (const Bytef *)keep, (uInt)((size_t)kept * sizeof *keep)));
        glint_bench_row(b, "nms", &times, 0.0, 0.0);
        fprintf(b->words, "rotated NMS, IoU %.2f: %d of %d boxes kept\n", (double)b->iou, kept, n);
    }
    glint_times_close(&times);
    free(keep);
    free(scratch);
    return status;
}

int glint_bench_nms(struct glint_bench *b)
{
    struct glint_rect *rects = NULL;
    int32_t n = MADE_BOXES;
    int status = GLINT_OK;
    b->n_threads = 1;
    if (b->input)
        status = read_boxes(b->input, &rects, &n);
    else if (!(rects = make_boxes(n)))
        status = glint_fail(GLINT_E_NOMEM, "no memory for %d boxes", n);
    if (status == GLINT_OK)
        status = measure(b, rects, n);
    free(rects);
    return status < 0 ? glint_report_failure(status, GLINT_SIDE_INPUT) : GLINT_EXIT_OK;
}
