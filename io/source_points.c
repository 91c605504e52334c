/* io/source_points.c - see source_points.h: which format a file has, and the source over a list of files. */
#define _POSIX_C_SOURCE 200809L
#include "io/source_points.h"
#include "core/bytes.h"
#include "core/file.h"
#include "core/log.h"
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int glint_cloud_scratch_reserve(struct glint_cloud_scratch *scratch, size_t size)
{
    if (size <= scratch->cap)
        return GLINT_OK;
    free(scratch->data);
    scratch->data = malloc(size);
    scratch->cap = scratch->data ? size : 0;
    return scratch->data ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory for %zu bytes of points", size);
}

void glint_cloud_scratch_fini(struct glint_cloud_scratch *scratch)
{
    free(scratch->data);
    memset(scratch, 0, sizeof *scratch);
}

/* ---- formats ---- */

static bool ends_with(const char *text, const char *ending)
{
    const size_t n = strlen(text), m = strlen(ending);
    if (n < m)
        return false;
    for (size_t i = 0; i < m; i++) {
        const char c = text[n - m + i];
        if ((c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c) != ending[i])
            return false;
    }
    return true;
}

/* Longer endings first. */
static const struct {
    const char *ending;
    const struct glint_cloud_format *format; /* NULL: .bin, by content */
} endings[] = {
    {".pcd.bin", &glint_cloud_nuscenes},
    {".lidar.bin", &glint_cloud_argoverse2},
    {".bin", NULL},
    {".pcd", &glint_cloud_pcd},
    {".safetensors", &glint_cloud_tensors},
    {".csv", &glint_cloud_glint_csv},
};
#define N_ENDINGS (sizeof endings / sizeof endings[0])

static size_t ending_of(const char *path)
{
    for (size_t i = 0; i < N_ENDINGS; i++)
        if (ends_with(path, endings[i].ending))
            return i;
    return N_ENDINGS;
}

bool glint_cloud_ending(const char *path)
{
    return ending_of(path) < N_ENDINGS;
}

#define PROBE_RECORDS 4096 /* enough that no other content passes by chance */

static bool looks_kitti(const struct glint_cloud_file *file)
{
    for (size_t i = 0; i + 16 <= file->size && i < PROBE_RECORDS * 16; i += 16) {
        const float intensity = glint_le_f32(file->data + i + 12);
        if (!(intensity >= 0 && intensity <= 1))
            return false;
    }
    return file->size % 16 == 0;
}

static bool looks_glint_bin(const struct glint_cloud_file *file)
{
    for (size_t i = 0; i + 24 <= file->size && i < PROBE_RECORDS * 24; i += 24) {
        const float intensity = glint_le_f32(file->data + i + 12), ring = glint_le_f32(file->data + i + 16),
                    offset = glint_le_f32(file->data + i + 20);
        if (!(intensity >= 0 && intensity <= 1) ||
            !(ring >= 0 && ring <= UINT16_MAX && ring == floorf(ring)) || !(offset >= 0 && offset < 4.3f))
            return false;
    }
    return file->size % 24 == 0 && file->size > 0;
}

const struct glint_cloud_format *glint_cloud_format_of(const struct glint_cloud_file *file)
{
    const size_t ending = ending_of(file->path);
    if (ending < N_ENDINGS && endings[ending].format)
        return endings[ending].format;
    if (ending < N_ENDINGS)
        return !looks_kitti(file) && looks_glint_bin(file) ? &glint_cloud_glint_bin : &glint_cloud_kitti;
    static const char magic[] = "# .PCD";
    if (file->size >= sizeof magic - 1 && memcmp(file->data, magic, sizeof magic - 1) == 0)
        return &glint_cloud_pcd;
    return NULL;
}

const struct glint_cloud_format *glint_cloud_format_named(const char *name, const char *path)
{
    static const struct glint_cloud_format *const formats[] = {&glint_cloud_kitti, &glint_cloud_nuscenes,
                                                               &glint_cloud_argoverse2, &glint_cloud_pcd,
                                                               &glint_cloud_tensors};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(name, formats[i]->name) == 0)
            return formats[i];
    if (strcmp(name, "glint") != 0)
        return NULL;
    if (ends_with(path, ".pcd"))
        return &glint_cloud_pcd;
    return ends_with(path, ".csv") ? &glint_cloud_glint_csv : &glint_cloud_glint_bin;
}

/* ---- a frame's name ---- */

/* The file's name without folders and without the ending that made its format known. */
static void set_name(struct glint_frame *frame, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const size_t ending = ending_of(path);
    size_t n = strlen(name) - (ending < N_ENDINGS ? strlen(endings[ending].ending) : 0);
    if (n >= sizeof frame->name)
        n = sizeof frame->name - 1;
    memcpy(frame->name, name, n);
    frame->name[n] = 0;
    snprintf(frame->source, sizeof frame->source, "%s", path);
}

int glint_cloud_read(const struct glint_cloud_format *format, const struct glint_cloud_file *file,
                     int32_t item, struct glint_cloud_scratch *scratch, struct glint_frame *frame)
{
    set_name(frame, file->path);
    frame->batch_index = 0;
    frame->batch_size = 1;
    return format->read(file, item, scratch, frame);
}

/* ---- the source ---- */

struct source_points {
    struct glint_source source;
    char **paths; /* n_paths, owned */
    size_t n_paths, cap_paths, next;
    char format[32]; /* "": by each file */
    bool is_folder;
    int32_t cap_points;
    uint64_t n_frames; /* so far, files that could not be read among them: their numbers stay unused */
    struct glint_cloud_scratch scratch;
    struct glint_loss loss; /* of the files so far */

    struct glint_file file; /* open while it has items left */
    const struct glint_cloud_format *file_format;
    int32_t item, n_items;
};

static void close_file(struct source_points *s)
{
    glint_file_close(&s->file);
    s->item = s->n_items = 0;
}

/* Opens paths[i] and finds its format, frames and points. */
static int open_file(struct source_points *s, size_t i, int32_t *cap_points_out)
{
    const char *path = s->paths[i];
    GLINT_TRY(glint_file_open(&s->file, path));
    const struct glint_cloud_file file = {path, s->file.data, s->file.size};
    int status = GLINT_OK;
    s->file_format = s->format[0] ? glint_cloud_format_named(s->format, path) : glint_cloud_format_of(&file);
    if (file.size == 0)
        status = glint_fail(GLINT_E_FORMAT, "%s: empty file", path);
    else if (!s->file_format)
        status = glint_fail(GLINT_E_FORMAT, "%s: no known format of points", path);
    else
        status = s->file_format->count(&file, &s->n_items, cap_points_out);
    if (status < 0)
        close_file(s);
    return status;
}

static int next_frame(struct glint_source *source, struct glint_frame *frame)
{
    struct source_points *s = (struct source_points *)source;
    if (s->item == s->n_items) {
        close_file(s);
        if (s->next == s->n_paths)
            return GLINT_E_EOF;
        int32_t cap_points;
        const int status = open_file(s, s->next++, &cap_points);
        s->n_frames += status < 0;
        GLINT_TRY(status);
    }
    const struct glint_cloud_file file = {s->paths[s->next - 1], s->file.data, s->file.size};
    const int status = glint_cloud_read(s->file_format, &file, s->item++, &s->scratch, frame);
    const uint64_t index = s->n_frames++;
    if (status < 0) {
        close_file(s);
        return status;
    }
    frame->index = index;
    s->loss.points_dropped += frame->loss.points_dropped;
    s->loss.points_clipped += frame->loss.points_clipped;
    frame->loss = s->loss;
    return GLINT_OK;
}

static int32_t cap_points(struct glint_source *source)
{
    return ((struct source_points *)source)->cap_points;
}

static double progress(struct glint_source *source)
{
    const struct source_points *s = (struct source_points *)source;
    const double part = s->n_items > 0 ? (double)s->item / s->n_items - 1 : 0;
    return ((double)s->next + part) / (double)s->n_paths;
}

static void close_source(struct glint_source *source)
{
    struct source_points *s = (struct source_points *)source;
    close_file(s);
    for (size_t i = 0; i < s->n_paths; i++)
        free(s->paths[i]);
    free(s->paths);
    glint_cloud_scratch_fini(&s->scratch);
    free(s);
}

static const struct glint_source_ops ops = {
    .name = "points",
    .next_frame = next_frame,
    .cap_points = cap_points,
    .progress = progress,
    .close = close_source,
};

static int add_path(struct source_points *s, const char *folder, const char *name)
{
    if (s->n_paths == s->cap_paths) {
        const size_t cap = s->cap_paths ? 2 * s->cap_paths : 64;
        char **paths = realloc(s->paths, cap * sizeof *paths);
        if (!paths)
            return glint_fail(GLINT_E_NOMEM, "%s: no memory for a list of %zu files", s->source.path, cap);
        s->paths = paths;
        s->cap_paths = cap;
    }
    const size_t size = (folder ? strlen(folder) + 1 : 0) + strlen(name) + 1;
    char *path = malloc(size);
    if (!path)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", s->source.path);
    const bool slash = folder && *folder && folder[strlen(folder) - 1] != '/';
    snprintf(path, size, "%s%s%s", folder ? folder : "", slash ? "/" : "", name);
    s->paths[s->n_paths++] = path;
    return GLINT_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Tables of other things are no point files. */
static bool is_other_table(const char *path)
{
    struct glint_file file;
    if (endings[ending_of(path)].format != &glint_cloud_glint_csv || glint_file_open(&file, path) < 0)
        return false;
    const bool other = !glint_cloud_is_csv(file.data, file.size);
    glint_file_close(&file);
    return other;
}

/* Leaves out what lies beside scans. Where files say by a double ending that they are scans, a plain .bin is
 * something else (labels, flow). */
static void drop_others(struct source_points *s)
{
    size_t n_named = 0, n = 0;
    for (size_t i = 0; i < s->n_paths; i++)
        n_named += endings[ending_of(s->paths[i])].format == &glint_cloud_nuscenes ||
                   endings[ending_of(s->paths[i])].format == &glint_cloud_argoverse2;
    for (size_t i = 0; i < s->n_paths; i++) {
        const bool plain = n_named > 0 && !endings[ending_of(s->paths[i])].format;
        if (plain || is_other_table(s->paths[i])) {
            glint_log(plain ? GLINT_LOG_INFO : GLINT_LOG_DEBUG,
                      "%s: left out: no scan like the others in this folder", s->paths[i]);
            free(s->paths[i]);
        } else {
            s->paths[n++] = s->paths[i];
        }
    }
    s->n_paths = n;
}

/* Whether a folder has a file that ends like a point file. */
static bool has_point_files(const char *path)
{
    DIR *dir = opendir(path);
    bool found = false;
    for (struct dirent *entry; dir && !found && (entry = readdir(dir)) != NULL;)
        found = entry->d_name[0] != '.' && glint_cloud_ending(entry->d_name);
    if (dir)
        closedir(dir);
    return found;
}

/* Datasets keep their scans in a folder within: the first by its name that has some is named. */
static int refuse_folder(const char *path)
{
    DIR *dir = opendir(path);
    char inside[4096], best[4096] = "";
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        const int n = snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && n < (int)sizeof inside && (!best[0] || strcmp(inside, best) < 0) &&
            has_point_files(inside))
            memcpy(best, inside, (size_t)n + 1);
    }
    if (dir)
        closedir(dir);
    if (best[0])
        return glint_fail(GLINT_E_FORMAT, "%s: no point file directly in this folder; %s has some", path,
                          best);
    return glint_fail(
        GLINT_E_FORMAT,
        "%s: no point file in this folder (.bin .pcd .csv .safetensors); captures are given one by one",
        path);
}

static int list_folder(struct source_points *s, const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return glint_fail(GLINT_E_IO, "%s: cannot read the folder: %s", path, strerror(errno));
    int status = GLINT_OK;
    for (struct dirent *entry; status == GLINT_OK && (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.' && glint_cloud_ending(entry->d_name))
            status = add_path(s, path, entry->d_name);
    closedir(dir);
    if (status < 0)
        return status;
    if (s->n_paths > 0)
        qsort(s->paths, s->n_paths, sizeof *s->paths, by_bytes);
    if (!s->format[0])
        drop_others(s);
    return s->n_paths ? GLINT_OK : refuse_folder(path);
}

/* The most points of any file. In a folder a file that cannot be read says so when its turn comes. */
static int measure(struct source_points *s)
{
    for (size_t i = 0; i < s->n_paths; i++) {
        int32_t cap = 0;
        const int status = open_file(s, i, &cap);
        if (status < 0 && !s->is_folder)
            return status;
        if (status == GLINT_OK && cap > s->cap_points)
            s->cap_points = cap;
        close_file(s);
    }
    return GLINT_OK;
}

int glint_source_points_open(const char *path, const char *format, struct glint_source **source_out)
{
    struct stat st;
    *source_out = NULL;
    if (strlen(path) >= sizeof(*source_out)->path)
        return glint_fail(GLINT_E_ARG, "%.60s...: path too long", path);
    if (stat(path, &st) != 0)
        return glint_fail(errno == ENOENT || errno == ENOTDIR ? GLINT_E_NOTFOUND : GLINT_E_IO,
                          "%s: cannot open: %s", path, strerror(errno));
    struct source_points *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    s->source.ops = &ops;
    snprintf(s->source.path, sizeof s->source.path, "%s", path);
    s->is_folder = S_ISDIR(st.st_mode);
    int status = GLINT_OK;
    snprintf(s->format, sizeof s->format, "%s", format ? format : "");
    if (format && !glint_cloud_format_named(format, path))
        status = glint_fail(GLINT_E_ARG, "%s: unknown format of points", format);
    if (status == GLINT_OK)
        status = s->is_folder ? list_folder(s, path) : add_path(s, NULL, path);
    if (status == GLINT_OK)
        status = measure(s);
    if (status < 0) {
        close_source(&s->source);
        return status;
    }
    *source_out = &s->source;
    return GLINT_OK;
}
