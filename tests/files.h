/* tests/files.h - files of a test: a folder of its own, removed at the end. */
#ifndef GLINT_TESTS_FILES_H
#define GLINT_TESTS_FILES_H
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* mkdtemp; include this file first */
#endif
#include "tests/util.h"
#include <dirent.h>
#include <unistd.h>

static char glint_test_folder[256];

/* Group setup and teardown for cmocka_run_group_tests. */
static inline int glint_test_folder_make(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(glint_test_folder, sizeof glint_test_folder, "%s/glint-test-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(glint_test_folder) ? 0 : -1;
}
static inline void glint_test_remove(const char *folder)
{
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        char path[1024];
        snprintf(path, sizeof path, "%.700s/%s", folder, e->d_name);
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlink(path) != 0)
            glint_test_remove(path);
    }
    if (dir)
        closedir(dir);
    rmdir(folder);
}
static inline int glint_test_folder_remove(void **state)
{
    (void)state;
    glint_test_remove(glint_test_folder);
    return 0;
}

/* The path of a file in the folder; four of them stay valid. */
static inline const char *glint_test_path(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", glint_test_folder, name);
    return path;
}
static inline const char *glint_test_write(const char *name, const void *data, size_t size)
{
    const char *path = glint_test_path(name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    return path;
}
/* The whole file, with a 0 behind it; the caller frees. */
static inline char *glint_test_read(const char *path, size_t *size_out)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot read %s", path);
    fseek(f, 0, SEEK_END);
    const long size = ftell(f);
    rewind(f);
    char *data = malloc((size_t)size + 1);
    assert_int_equal(fread(data, 1, (size_t)size, f), size);
    fclose(f);
    data[size] = 0;
    if (size_out)
        *size_out = (size_t)size;
    return data;
}
#endif
