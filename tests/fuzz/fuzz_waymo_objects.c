/* tests/fuzz/fuzz_waymo_objects.c - Waymo objects: whatever opens is scored, detection and tracking, against
 * itself. */
#include "tests/fuzz/fuzz.h"
#include "eval/waymo_detection.h"
#include "eval/waymo_tracking.h"

static void run(const struct glint_eval_task *task)
{
    for (int32_t u = 0; u < task->n_units; u++) {
        struct glint_buffer part = {0};
        const int status = task->score(task->ctx, u, &part);
        struct glint_blob in = {part.data, part.size, 0};
        if (status == GLINT_OK && (task->reduce(task->ctx, u, &in) != GLINT_OK || in.at != in.size))
            abort(); /* what was written is read to its end */
        glint_buffer_fini(&part);
    }
}

static void detect(const struct glint_waymo_objects *set, enum glint_waymo_tables tables, unsigned kind)
{
    struct glint_waymo_detection *metric;
    struct glint_eval_task task;
    if (glint_waymo_detection_open(set, tables, kind, &metric) < 0)
        abort();
    glint_waymo_detection_task(metric, &task);
    run(&task);
    for (int32_t i = 0; i < glint_waymo_detection_rows(metric); i++) {
        struct glint_waymo_detection_row row;
        glint_waymo_detection_row(metric, i, &row);
        if (!(row.ap >= 0 && row.ap < 1.01f && row.aph >= 0 && row.aph < 1.01f))
            abort();
        for (int c = 0; c < GLINT_WAYMO_CUTOFFS; c++)
            if (row.tp[c] < 0 || row.fp[c] < 0 || row.fn[c] < 0)
                abort();
    }
    glint_waymo_detection_close(metric);
}

static void track(const struct glint_waymo_objects *set)
{
    struct glint_waymo_tracking *metric;
    struct glint_eval_task task;
    if (glint_waymo_tracking_open(set, GLINT_WAYMO_IOU_3D, &metric) < 0)
        abort();
    glint_waymo_tracking_task(metric, &task);
    run(&task);
    for (int32_t i = 0; i < glint_waymo_tracking_rows(metric); i++) {
        struct glint_waymo_tracking_row row;
        glint_waymo_tracking_row(metric, i, &row);
        if (!(row.mota >= 0 && row.mota <= 1 && row.motp >= 0 && row.motp <= 1))
            abort();
    }
    glint_waymo_tracking_close(metric);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 6000) /* the official search is cubic */
        return 0;
    const char *const path[] = {glint_fuzz_file(data, size, ".bin")};
    for (int i = 0; i < 2; i++) {
        const struct glint_waymo_inputs inputs = {
            .truth = path, .n_truth = 1, .results = path[0], .by_camera = i == 0};
        struct glint_waymo_objects *set;
        if (glint_waymo_objects_open(&inputs, &set) < 0)
            continue;
        detect(set, i ? GLINT_WAYMO_EXTRA : GLINT_WAYMO_STANDARD,
               i ? GLINT_WAYMO_IOU_BEV : GLINT_WAYMO_IOU_3D);
        track(set);
        glint_waymo_objects_close(set);
    }
    return 0;
}
