/* tests/fuzz/fuzz_kitti.c - any file of KITTI and SemanticKITTI; the first byte says which: 'l' labels, 'r'
 * results, 'c' calibration, 's' two .label files of half the input each. */
#include "tests/fuzz/fuzz.h"
#include "eval/kitti_set.h"
#include "eval/semantickitti.h"
#include "glint/status.h"
#include <math.h>

static const int32_t image[2] = {1242, 375};

/* What was read is finite, can be compared with itself, and written and read again. */
static void check_objects(const struct glint_kitti_objects *o, enum glint_kitti_kind kind)
{
    struct glint_kitti_ap ap;
    struct glint_kitti_objects back = {0};
    struct glint_buffer text = {0};
    const struct glint_kitti_frame frame = {o->object, o->object, o->n, o->n};
    for (int32_t i = 0; i < o->n; i++) {
        if (!isfinite(o->object[i].bottom[0]) || !isfinite(o->object[i].score))
            abort();
        glint_kitti_object_write(&o->object[i], &text);
    }
    if (kind == GLINT_KITTI_RESULTS &&
        (glint_kitti_objects_parse("again", text.data, text.size, GLINT_KITTI_RESULTS, &back) != GLINT_OK ||
         back.n != o->n))
        abort();
    if (o->n < 40 &&
        (glint_kitti_ap_compute(&frame, 1, &ap) != GLINT_OK || !(ap.curve[0][0][0][0].ap_r40 <= 100)))
        abort();
    glint_kitti_objects_fini(&back);
    glint_buffer_fini(&text);
}

static void read_objects(const uint8_t *data, size_t size, enum glint_kitti_kind kind)
{
    struct glint_kitti_objects o = {0};
    if (glint_kitti_objects_parse("input", data, size, kind, &o) == GLINT_OK)
        check_objects(&o, kind);
    glint_kitti_objects_fini(&o);
}

static void read_calib(const uint8_t *data, size_t size)
{
    struct glint_kitti_calib calib;
    struct glint_kitti_object o = {.size = {1.5, 1.6, 4}, .bottom = {1, 1.6, 15}, .rotation_y = 0.3};
    struct glint_box box;
    if (glint_kitti_calib_parse("input", data, size, &calib) != GLINT_OK)
        return;
    for (int i = 0; i < 12; i++)
        if (!isfinite(calib.velo_from_camera[i]))
            abort();
    glint_kitti_box_to_vehicle(&calib, &o, &box);
    glint_kitti_box_to_camera(&calib, &box, &o);
    if (glint_kitti_project(&calib, image, &o) && !(o.bbox[0] >= 0 && o.bbox[2] <= image[0]))
        abort();
}

static void read_points(const uint8_t *data, size_t size)
{
    struct glint_semantickitti_counts counts = {{{0}}};
    struct glint_semantickitti_iou iou;
    const size_t half = size / 2;
    if (glint_semantickitti_add(&counts, (struct glint_label_bytes){"truth", data, half},
                                (struct glint_label_bytes){"found", data + half, size - half}) == GLINT_OK) {
        glint_semantickitti_finish(&counts, GLINT_SEMANTICKITTI_CLASSES, &iou);
        if (!(iou.iou_mean >= 0 && iou.iou_mean <= 1))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    uint8_t *block = glint_fuzz_block(data + 1, size - 1);
    if (data[0] == 'l' || data[0] == 'r')
        read_objects(block, size - 1, data[0] == 'l' ? GLINT_KITTI_LABELS : GLINT_KITTI_RESULTS);
    if (data[0] == 'c')
        read_calib(block, size - 1);
    if (data[0] == 's')
        read_points(block, size - 1);
    free(block);
    return 0;
}
