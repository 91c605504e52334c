/* io/source.c - see source.h: which source a path gets. */
#define _POSIX_C_SOURCE 200809L
#include "io/source.h"
#include "core/file.h"
#include "io/source_nuscenes.h"
#include "io/source_pcap.h"
#include "io/source_points.h"
#include "io/source_waymo.h"
#include "io/waymo_files.h"
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MOST_KINDS 4

static const struct glint_source_kind *kinds[MOST_KINDS];
static int n_kinds;

void glint_source_add_kind(const struct glint_source_kind *kind)
{
    for (int i = 0; i < n_kinds; i++)
        if (kinds[i] == kind)
            return;
    if (n_kinds < MOST_KINDS)
        kinds[n_kinds++] = kind;
}

static const struct glint_source_kind *find_kind(const char *path, const char *format)
{
    for (int i = 0; i < n_kinds; i++)
        if (format ? strcmp(format, kinds[i]->name) == 0 : kinds[i]->probe(path))
            return kinds[i];
    return NULL;
}

static bool is_named_capture(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot &&
           (strcasecmp(dot, ".pcap") == 0 || strcasecmp(dot, ".pcapng") == 0 || strcasecmp(dot, ".cap") == 0);
}

/* By the first bytes, then by the ending; what is neither and no point file is refused here. */
static int choose(const char *path, bool *capture_out)
{
    struct glint_file file;
    GLINT_TRY(glint_file_open(&file, path));
    const struct glint_cloud_file cloud = {path, file.data, file.size};
    int status = GLINT_OK;
    *capture_out = glint_source_pcap_probe(file.data, file.size) || is_named_capture(path);
    if (file.size == 0)
        status = glint_fail(GLINT_E_FORMAT, "%s: empty file", path);
    else if (!*capture_out && !glint_cloud_format_of(&cloud))
        status = glint_fail(
            GLINT_E_FORMAT,
            "%s: no known format: expected a capture (.pcap .pcapng), messages (.mcap .db3), Waymo's frames "
            "(.tfrecord) or points (.bin .pcd.bin .lidar.bin .pcd .csv .safetensors)",
            path);
    glint_file_close(&file);
    return status;
}

static int open_nuscenes(const char *root, const struct glint_source_settings *settings,
                         struct glint_source **source_out)
{
    static const struct glint_nuscenes_stack plain;
    return glint_source_nuscenes_open(root, settings && settings->nuscenes ? settings->nuscenes : &plain,
                                      source_out);
}

int glint_source_open(const char *path, const struct glint_source_settings *settings,
                      struct glint_source **source_out)
{
    const char *format = settings ? settings->format : NULL;
    struct stat st;
    *source_out = NULL;
    const struct glint_source_kind *kind = find_kind(path, format);
    if (kind)
        return kind->open(path, settings, source_out);
    if (format ? strcmp(format, "waymo") == 0 : glint_waymo_is_path(path))
        return glint_source_waymo_open(path, settings, source_out);
    if (format && strcmp(format, "pcap") == 0)
        return glint_source_pcap_open(path, settings, source_out);
    if (!format && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))) {
        bool capture;
        GLINT_TRY(choose(path, &capture));
        if (capture)
            return glint_source_pcap_open(path, settings, source_out);
    }
    if (format ? strcmp(format, "nuscenes-tables") == 0 : glint_nuscenes_version_in(path) != NULL)
        return open_nuscenes(path, settings, source_out);
    return glint_source_points_open(path, format, source_out);
}

void glint_source_close(struct glint_source *source)
{
    if (source)
        source->ops->close(source);
}

void glint_source_account(const struct glint_source *source, struct glint_loss *loss)
{
    if (source->ops->account)
        source->ops->account(source, loss);
}
