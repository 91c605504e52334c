/* tests/fuzz/nuscenes_folder.h - the small nuScenes dataset in the temporary folder, one per process. */
#ifndef GLINT_TESTS_FUZZ_NUSCENES_FOLDER_H
#define GLINT_TESTS_FUZZ_NUSCENES_FOLDER_H
#include "tests/fuzz/fuzz.h"
#include "tests/nuscenes_made.h"

static char nusc_folder[300];

static void nusc_folder_remove(void)
{
    char path[500];
    for (size_t i = 0; i < NUSC_N_TABLES; i++) {
        snprintf(path, sizeof path, "%s/v1.0-mini/%s.json", nusc_folder, nusc_tables[i].name);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/v1.0-mini", nusc_folder);
    rmdir(path);
    rmdir(nusc_folder);
}

static inline const char *nusc_folder_get(void)
{
    if (!nusc_folder[0]) {
        const char *tmp =
            getenv("TMPDIR"); /* a file is written per run: in memory, where there is such a folder */
        tmp = tmp ? tmp : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(nusc_folder, sizeof nusc_folder, "%.200s/glint_fuzz_nusc_%ld", tmp, (long)getpid());
        nusc_write_tables(nusc_folder, NULL, NULL);
        atexit(nusc_folder_remove);
    }
    return nusc_folder;
}
#endif
