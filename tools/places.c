/* tools/places.c - see places.h. */
#define _GNU_SOURCE
#include "tools/places.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool glint_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_model(const char *folder)
{
    char config[PATH_MAX];
    struct stat st;
    const int n = snprintf(config, sizeof config, "%s/config.json", folder);
    return n > 0 && (size_t)n < sizeof config && stat(config, &st) == 0;
}

static bool try_place(const char *place, const char *below, const char *name, char *out, size_t size)
{
    const int n = snprintf(out, size, "%s%s/%s", place, below, name);
    return n > 0 && (size_t)n < size && is_model(out);
}

/* path's folder and its name in there */
static const char *split(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    snprintf(folder, PATH_MAX, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    return slash ? slash + 1 : path;
}

bool glint_same_file(const char *a, const char *b)
{
    char a_folder[PATH_MAX], b_folder[PATH_MAX];
    struct stat s, t;
    if (strcmp(a, b) == 0)
        return true;
    const bool a_there = stat(a, &s) == 0, b_there = stat(b, &t) == 0;
    if (a_there || b_there)
        return a_there && b_there && S_ISREG(s.st_mode) && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
    return strcmp(split(a, a_folder), split(b, b_folder)) == 0 && stat(a_folder, &s) == 0 &&
           stat(b_folder, &t) == 0 && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

/* The folder of the running program, "." when the system does not tell. */
static void program_folder(char *out, size_t size)
{
    const ssize_t n = readlink("/proc/self/exe", out, size - 1);
    out[n > 0 ? n : 0] = 0;
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = 0;
    else
        snprintf(out, size, ".");
}

bool glint_find_model(const char *given, char *folder_out, size_t size)
{
    char program[PATH_MAX];
    const char *name = given ? given : GLINT_DEFAULT_MODEL, *models = getenv("GLINT_MODELS");
    if (given && (glint_is_folder(given) || strchr(given, '/'))) {
        snprintf(folder_out, size, "%s", given);
        return glint_is_folder(given);
    }
    if (models && try_place(models, "", name, folder_out, size))
        return true;
    program_folder(program, sizeof program);
    if (try_place(program, "/../data/models", name, folder_out, size) ||
        try_place(program, "/../share/glint/models", name, folder_out, size) ||
        try_place(GLINT_SOURCE_DIR, "/data/models", name, folder_out, size))
        return true;
    snprintf(folder_out, size, "%s", name);
    return false;
}
