/* io/waymo_files.c - see waymo_files.h. */
#define _POSIX_C_SOURCE 200809L
#include "io/waymo_files.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static bool ends_like_tfrecord(const char *path)
{
    static const char *const endings[] = {".tfrecord", ".tfrecords"};
    const size_t n = strlen(path);
    for (int i = 0; i < 2; i++)
        if (n >= strlen(endings[i]) && strcasecmp(path + n - strlen(endings[i]), endings[i]) == 0)
            return true;
    return false;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool glint_waymo_is_path(const char *path)
{
    if (!is_folder(path))
        return ends_like_tfrecord(path);
    DIR *dir = opendir(path);
    bool found = false;
    for (struct dirent *e; dir && !found && (e = readdir(dir)) != NULL;)
        found = e->d_name[0] != '.' && ends_like_tfrecord(e->d_name);
    if (dir)
        closedir(dir);
    return found;
}

static int add(struct glint_waymo_files *files, const char *folder, const char *name)
{
    if (files->n == files->cap) {
        const int32_t cap = files->cap ? 2 * files->cap : 64;
        char **path = realloc(files->path, (size_t)cap * sizeof *path);
        if (!path)
            return glint_fail(GLINT_E_NOMEM, "%s: no memory for a list of %d files", folder, cap);
        files->path = path;
        files->cap = cap;
    }
    const size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (!path)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", name);
    const char *slash = *folder && folder[strlen(folder) - 1] != '/' ? "/" : "";
    snprintf(path, size, "%s%s%s", folder, slash, name);
    files->path[files->n++] = path;
    return GLINT_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int glint_waymo_files_add(struct glint_waymo_files *files, const char *path)
{
    const int32_t first = files->n;
    if (!is_folder(path))
        return add(files, "", path);
    DIR *dir = opendir(path);
    if (!dir)
        return glint_fail(GLINT_E_IO, "%s: cannot read the folder: %s", path, strerror(errno));
    int status = GLINT_OK;
    for (struct dirent *e; status == GLINT_OK && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.' && ends_like_tfrecord(e->d_name))
            status = add(files, path, e->d_name);
    closedir(dir);
    if (status == GLINT_OK && files->n == first)
        return glint_fail(GLINT_E_FORMAT, "%s: no TFRecord file (.tfrecord) in this folder", path);
    qsort(files->path + first, (size_t)(files->n - first), sizeof *files->path, by_bytes);
    return status;
}

void glint_waymo_files_fini(struct glint_waymo_files *files)
{
    for (int32_t i = 0; i < files->n; i++)
        free(files->path[i]);
    free(files->path);
    *files = (struct glint_waymo_files){0};
}
