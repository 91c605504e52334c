/* tests/fuzz/fuzz_nuscenes_submission.c - a result file of either task, evaluated when it is taken. */
#define _POSIX_C_SOURCE 200809L
#include "tests/fuzz/nuscenes_folder.h"
#include "eval/nuscenes_detection.h"
#include "eval/nuscenes_submission.h"

static struct glint_nuscenes_tables *tables;
static struct glint_nuscenes_split split;

static void close_tables(void)
{
    glint_nuscenes_split_fini(&split);
    glint_nuscenes_tables_close(tables);
}

static void open_tables(void)
{
    if (glint_nuscenes_tables_open(nusc_folder_get(), "v1.0-mini", &tables) != GLINT_OK ||
        glint_nuscenes_split_init(&split, tables, "mini_val") != GLINT_OK)
        abort();
    atexit(close_tables);
}

static void evaluate(struct glint_nuscenes_boxes *pred)
{
    struct glint_nuscenes_boxes gt;
    struct glint_nuscenes_detection *d;
    struct glint_nuscenes_detection_result *result = malloc(sizeof *result);
    struct glint_buffer part = {0};
    if (!result || glint_nuscenes_ground_truth(&split, GLINT_NUSCENES_DETECTION, &gt) != GLINT_OK ||
        glint_nuscenes_detection_open(&d) != GLINT_OK ||
        glint_nuscenes_detection_score(&split, &gt, pred, 0, &part) != GLINT_OK)
        abort();
    struct glint_blob blob = {part.data, part.size, 0};
    if (glint_nuscenes_detection_add(d, &blob) != GLINT_OK || blob.at != blob.size)
        abort();
    glint_nuscenes_detection_finish(d, "input", result);
    glint_nuscenes_detection_close(d);
    glint_nuscenes_boxes_fini(&gt);
    glint_buffer_fini(&part);
    free(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct glint_nuscenes_boxes boxes;
    uint8_t *text = glint_fuzz_block(data, size);
    if (!tables)
        open_tables();
    if (glint_nuscenes_submission_parse("input", text, size, &split, GLINT_NUSCENES_DETECTION, &boxes) ==
        GLINT_OK)
        evaluate(&boxes);
    glint_nuscenes_boxes_fini(&boxes);
    glint_nuscenes_submission_parse("input", text, size, &split, GLINT_NUSCENES_TRACKING, &boxes);
    glint_nuscenes_boxes_fini(&boxes);
    free(text);
    return 0;
}
