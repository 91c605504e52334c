/* tests/fuzz/fuzz_waymo_segmentation.c - Waymo segmentation lists against themselves; the input is also taken
 * as a matrix behind its zlib stream, where damage is otherwise caught before. */
#include "tests/fuzz/fuzz.h"
#include "eval/waymo_matrix.h"
#include "eval/waymo_segmentation.h"
#include <zlib.h>

static void read_matrix(const uint8_t *data, size_t size)
{
    uLongf packed_size = compressBound(size);
    uint8_t *packed = malloc(packed_size);
    struct glint_waymo_matrix matrix = {0};
    struct glint_inflate *inflate;
    if (!packed || compress2(packed, &packed_size, data, size, 1) != Z_OK || glint_inflate_open(&inflate) < 0)
        abort();
    const struct glint_wire stream = {"input", packed, packed, packed + packed_size};
    if (glint_waymo_matrix_read(&matrix, inflate, stream) == GLINT_OK)
        for (size_t i = 0; i < matrix.n; i++)
            if (matrix.value[i] > 22 && matrix.value[i] != GLINT_WAYMO_OTHER)
                abort();
    glint_inflate_close(inflate);
    free(matrix.value);
    free(packed);
}

static void score(const char *path)
{
    const char *const truths[] = {path};
    struct glint_waymo_segmentation *metric;
    struct glint_eval_task task;
    const struct glint_waymo_inputs inputs = {.truth = truths, .n_truth = 1, .results = path};
    if (glint_waymo_segmentation_open(&inputs, &metric) < 0)
        return;
    glint_waymo_segmentation_task(metric, &task);
    for (int32_t u = 0; u < task.n_units; u++) {
        struct glint_buffer part = {0};
        const int status = task.score(task.ctx, u, &part);
        struct glint_blob in = {part.data, part.size, 0};
        if (status == GLINT_OK && (task.reduce(task.ctx, u, &in) != GLINT_OK || in.at != in.size))
            abort();
        glint_buffer_fini(&part);
    }
    const float miou = glint_waymo_segmentation_miou(metric);
    if (!(miou >= 0 && miou <= 1))
        abort();
    glint_waymo_segmentation_close(metric);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_matrix(data, size);
    score(glint_fuzz_file(data, size, ".bin"));
    return 0;
}
