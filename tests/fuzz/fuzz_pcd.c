/* tests/fuzz/fuzz_pcd.c - point files: PCD, and the first byte's choice of the other formats. */
#include "tests/fuzz/fuzz.h"
#include "io/source_points.h"
#include <math.h>

static void read_one(const struct glint_cloud_format *format, const char *path, const uint8_t *data,
                     size_t size)
{
    static struct glint_frame_pool *pool;
    static struct glint_cloud_scratch scratch;
    if (!pool && glint_frame_pool_open(1, 1000, 1, &pool) < 0)
        abort();
    const struct glint_cloud_file file = {path, data, size};
    struct glint_frame *frame = glint_frame_get(pool, false);
    int32_t n_frames, cap;
    if (format->count(&file, &n_frames, &cap) == GLINT_OK && (n_frames < 1 || cap < 0))
        abort();
    if (glint_cloud_read(format, &file, 0, &scratch, frame) == GLINT_OK && format != &glint_cloud_tensors)
        for (int32_t i = 0; i < frame->points.n; i++)
            if (!isfinite(frame->points.x[i]) || !isfinite(frame->points.intensity[i]))
                abort();
    glint_frame_unref(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        const struct glint_cloud_format *format;
        const char *path;
    } others[] = {{&glint_cloud_kitti, "1.bin"},
                  {&glint_cloud_nuscenes, "a__2.pcd.bin"},
                  {&glint_cloud_argoverse2, "3.lidar.bin"},
                  {&glint_cloud_glint_bin, "4.bin"},
                  {&glint_cloud_glint_csv, "5.csv"},
                  {&glint_cloud_tensors, "6.safetensors"}};
    if (size < 2)
        return 0;
    uint8_t *block = glint_fuzz_block(data, size);
    read_one(&glint_cloud_pcd, "input.pcd", block, size);
    free(block);
    const size_t k = data[0] % (sizeof others / sizeof others[0]);
    block = glint_fuzz_block(data + 1, size - 1);
    read_one(others[k].format, others[k].path, block, size - 1);
    free(block);
    return 0;
}
