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
