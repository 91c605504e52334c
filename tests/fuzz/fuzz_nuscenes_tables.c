/* tests/fuzz/fuzz_nuscenes_tables.c - a table of nuScenes; the first byte of the input says which, the others
 * are good ones. */
#define _POSIX_C_SOURCE 200809L
#include "tests/fuzz/nuscenes_folder.h"
#include "eval/nuscenes_boxes.h"

static void use(const struct glint_nuscenes_tables *t)
{
    struct glint_nuscenes_split split;
    struct glint_nuscenes_boxes gt = {0};
    if (glint_nuscenes_split_init(&split, t, "mini_val") == GLINT_OK &&
        glint_nuscenes_ground_truth(&split, GLINT_NUSCENES_DETECTION, &gt) == GLINT_OK)
        for (int32_t i = 0; i < split.n_samples; i++)
            glint_nuscenes_filter(&split, GLINT_NUSCENES_DETECTION, i, &gt);
    glint_nuscenes_boxes_fini(&gt);
    glint_nuscenes_split_fini(&split);
}

static void put(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct glint_nuscenes_tables *t;
    char path[500];
    if (size == 0)
        return 0;
    const struct nusc_table *table = &nusc_tables[data[0] % NUSC_N_TABLES];
    snprintf(path, sizeof path, "%s/v1.0-mini/%s.json", nusc_folder_get(), table->name);
    put(path, data + 1, size - 1);
    if (glint_nuscenes_tables_open(nusc_folder_get(), "v1.0-mini", &t) == GLINT_OK)
        use(t);
    glint_nuscenes_tables_close(t);
    put(path, table->text, strlen(table->text));
    return 0;
}
