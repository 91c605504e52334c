/* calib/ouster_meta.c - see ouster_meta.h. A member is looked for in its section and at the top, so that both
 * shapes are read by the same lines. Defaults are those of Ouster's client library for files that lack a
 * member. */
#define _POSIX_C_SOURCE 200809L
#include "calib/ouster_meta.h"
#include "core/file.h"
#include "core/json.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_LARGEST (4u << 20)
#define NAMES_CAP    512
#define NAME_BYTES   256

/* The object that holds key: root's first section that has it, or root. */
static struct glint_json holder(struct glint_json root, const char *section, const char *other_section,
                                const char *key)
{
    const struct glint_json a = glint_json_get(root, section);
    if (glint_json_has(a, key))
        return a;
    const struct glint_json b = glint_json_get(root, other_section);
    return glint_json_has(b, key) ? b : root;
}

static void copy_string(struct glint_json object, const char *key, const char *otherwise, char *out,
                        size_t cap)
{
    const char *text = otherwise;
    if (glint_json_has(object, key) && glint_json_string(object, key, &text) != GLINT_OK)
        text = otherwise;
    snprintf(out, cap, "%s", text);
}

static int read_angles(struct glint_json root, struct glint_ouster_meta *m)
{
    const struct glint_json at = holder(root, "beam_intrinsics", "", "beam_altitude_angles");
    int32_t n, n_azimuth;
    GLINT_TRY(glint_json_f64s(at, "beam_altitude_angles", -1, GLINT_BEAMS_CAP, m->altitude_deg, &n));
    GLINT_TRY(glint_json_f64s(at, "beam_azimuth_angles", -1, GLINT_BEAMS_CAP, m->azimuth_deg, &n_azimuth));
    if (n == 0 || n != n_azimuth)
        return glint_json_fail(at, "%d beam_altitude_angles and %d beam_azimuth_angles", n, n_azimuth);
    for (int32_t i = 0; i < n; i++)
        if (!(m->altitude_deg[i] >= -90 && m->altitude_deg[i] <= 90 && m->azimuth_deg[i] >= -360 &&
              m->azimuth_deg[i] <= 360))
            return glint_json_fail(at, "angles of beam %d are %g, %g degrees", i, m->altitude_deg[i],
                                   m->azimuth_deg[i]);
    m->pixels = n;
    return GLINT_OK;
}

/* "1024x10": columns per frame and turns per second. */
static int columns_of_mode(struct glint_json root, int32_t *columns_out)
{
    const struct glint_json at = holder(root, "config_params", "", "lidar_mode");
    const char *mode;
    int rate;
    GLINT_TRY(glint_json_string(at, "lidar_mode", &mode));
    if (sscanf(mode, "%5dx%3d", columns_out, &rate) != 2 || *columns_out < 1 ||
        *columns_out > GLINT_OUSTER_COLUMNS_CAP)
        return glint_json_fail(at, "lidar_mode \"%.20s\", expected for example \"1024x10\"", mode);
    return GLINT_OK;
}

static int read_format(struct glint_json root, struct glint_ouster_meta *m)
{
    const struct glint_json at = holder(root, "lidar_data_format", "data_format", "columns_per_frame");
    snprintf(m->profile, sizeof m->profile, "LEGACY");
    m->columns_per_packet = 16;
    if (glint_json_has(at, "columns_per_frame")) {
        int32_t pixels;
        GLINT_TRY(glint_json_i32(at, "pixels_per_column", 1, GLINT_BEAMS_CAP, &pixels));
        if (pixels != m->pixels)
            return glint_json_fail(at, "%d pixels_per_column but %d beam angles", pixels, m->pixels);
        GLINT_TRY(
            glint_json_i32(at, "columns_per_frame", 1, GLINT_OUSTER_COLUMNS_CAP, &m->columns_per_frame));
        GLINT_TRY(glint_json_i32(at, "columns_per_packet", 1, 64, &m->columns_per_packet));
        copy_string(at, "udp_profile_lidar", "LEGACY", m->profile, sizeof m->profile);
        char header_type[16];
        copy_string(at, "header_type", "STANDARD", header_type, sizeof header_type);
        m->fusa = strcmp(header_type, "FUSA") == 0;
    } else {
        GLINT_TRY(columns_of_mode(root, &m->columns_per_frame));
    }
    m->window[0] = 0;
    m->window[1] = m->columns_per_frame - 1;
    if (glint_json_has(at, "column_window") && glint_json_is_array(glint_json_get(at, "column_window")))
        GLINT_TRY(glint_json_i32s(at, "column_window", 2, 2, 0, m->columns_per_frame - 1, m->window, NULL));
    return GLINT_OK;
}

static double default_beam_offset_mm(const char *product)
{
    if (strncmp(product, "OS-0-", 5) == 0)
        return 27.67;
    if (strncmp(product, "OS-1-", 5) == 0)
        return 15.806;
    if (strncmp(product, "OS-2-", 5) == 0)
        return 13.762;
    return 12.163; /* first generation */
}

static int read_offset(struct glint_json root, struct glint_ouster_meta *m)
{
    double matrix[16], mm = default_beam_offset_mm(m->product);
    const struct glint_json full = holder(root, "beam_intrinsics", "", "beam_to_lidar_transform");
    const struct glint_json plain = holder(root, "beam_intrinsics", "", "lidar_origin_to_beam_origin_mm");
    m->beam_offset_m[1] = 0;
    if (glint_json_has(full, "beam_to_lidar_transform")) {
        GLINT_TRY(glint_json_f64s(full, "beam_to_lidar_transform", 16, 16, matrix, NULL));
        mm = matrix[3];
        m->beam_offset_m[1] = matrix[11] * 1e-3;
    } else if (glint_json_has(plain, "lidar_origin_to_beam_origin_mm")) {
        GLINT_TRY(glint_json_f64(plain, "lidar_origin_to_beam_origin_mm", -1000, 1000, &mm));
    }
    m->beam_offset_m[0] = mm * 1e-3;
    if (!(m->beam_offset_m[0] >= -1 && m->beam_offset_m[0] <= 1 && m->beam_offset_m[1] >= -1 &&
          m->beam_offset_m[1] <= 1))
        return glint_json_fail(full, "beams start %g, %g m from the lidar's origin", m->beam_offset_m[0],
                               m->beam_offset_m[1]);
    return GLINT_OK;
}

static int read_transform(struct glint_json root, struct glint_ouster_meta *m)
{
    double matrix[16] = {-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 36.18, 0, 0, 0, 1};
    const struct glint_json at = holder(root, "lidar_intrinsics", "", "lidar_to_sensor_transform");
    if (glint_json_has(at, "lidar_to_sensor_transform"))
        GLINT_TRY(glint_json_f64s(at, "lidar_to_sensor_transform", 16, 16, matrix, NULL));
    for (int i = 0; i < 12; i++) {
        m->lidar_to_sensor[i] = i % 4 == 3 ? matrix[i] * 1e-3 : matrix[i];
        if (!(m->lidar_to_sensor[i] >= -10 && m->lidar_to_sensor[i] <= 10))
            return glint_json_fail(at, "lidar_to_sensor_transform[%d] is %g", i, matrix[i]);
    }
    return GLINT_OK;
}

int glint_ouster_meta_parse(const char *name, const char *text, size_t size,
                            struct glint_ouster_meta *meta_out)
{
    struct glint_json_doc *doc;
    memset(meta_out, 0, sizeof *meta_out);
    snprintf(meta_out->path, sizeof meta_out->path, "%s", name);
    GLINT_TRY(glint_json_parse(name, text, size, &doc));
    const struct glint_json root = glint_json_root(doc);
    copy_string(holder(root, "sensor_info", "", "prod_line"), "prod_line", "", meta_out->product,
                sizeof meta_out->product);
    int status = read_angles(root, meta_out);
    if (status == GLINT_OK)
        status = read_format(root, meta_out);
    if (status == GLINT_OK)
        status = read_offset(root, meta_out);
    if (status == GLINT_OK)
        status = read_transform(root, meta_out);
    glint_json_close(doc);
    return status;
}

int glint_ouster_meta_load(const char *path, struct glint_ouster_meta *meta_out)
{
    struct glint_file file;
    GLINT_TRY(glint_file_open(&file, path));
    const int status =
        file.size == 0 || file.size > FILE_LARGEST
            ? glint_fail(GLINT_E_FORMAT, "%s: %zu bytes, expected an Ouster metadata file", path, file.size)
            : glint_ouster_meta_parse(path, (const char *)file.data, file.size, meta_out);
    glint_file_close(&file);
    return status;
}

/* ---- beside a capture ---- */

struct names {
    int32_t n;
    char name[NAMES_CAP][NAME_BYTES];
    size_t alike[NAMES_CAP]; /* leading characters shared with the capture's name */
};

static size_t shared_prefix(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

static bool is_json(const char *name)
{
    const size_t n = strlen(name);
    return n > 5 && n < NAME_BYTES && strcmp(name + n - 5, ".json") == 0;
}

/* Before: more alike, then by the alphabet, so that the order of the folder does not matter. */
static bool goes_before(const struct names *s, int32_t i, size_t alike, const char *name)
{
    return s->alike[i] > alike || (s->alike[i] == alike && strcmp(s->name[i], name) < 0);
}

static void add_name(struct names *s, const char *name, size_t alike)
{
    int32_t at = s->n;
    while (at > 0 && !goes_before(s, at - 1, alike, name))
        at--;
    if (at == NAMES_CAP)
        return;
    const int32_t moved = (s->n < NAMES_CAP ? s->n : NAMES_CAP - 1) - at;
    memmove(s->name[at + 1], s->name[at], (size_t)moved * NAME_BYTES);
    memmove(&s->alike[at + 1], &s->alike[at], (size_t)moved * sizeof s->alike[0]);
    snprintf(s->name[at], NAME_BYTES, "%s", name);
    s->alike[at] = alike;
    s->n += s->n < NAMES_CAP;
}

static void list(const char *folder, const char *stem, struct names *s)
{
    DIR *dir = opendir(folder);
    s->n = 0;
    for (const struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
        if (is_json(e->d_name))
            add_name(s, e->d_name, shared_prefix(e->d_name, stem));
    if (dir)
        closedir(dir);
}

/* Folder of the path ("." for none) and its file name without the ending. */
static void split(const char *path, char *folder, char *stem, size_t cap)
{
    const char *slash = strrchr(path, '/');
    snprintf(folder, cap, "%.*s", slash ? (int)(slash - path) + (slash == path) : 1, slash ? path : ".");
    snprintf(stem, cap, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(stem, '.');
    if (dot && dot != stem)
        *dot = '\0';
}

static bool load_fitting(const char *path, glint_ouster_fits_fn *fits, void *ctx,
                         struct glint_ouster_meta *meta_out)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           glint_ouster_meta_load(path, meta_out) == GLINT_OK && fits(ctx, meta_out);
}

int glint_ouster_meta_find(const char *capture, glint_ouster_fits_fn *fits, void *ctx,
                           struct glint_ouster_meta *meta_out)
{
    char folder[1024], stem[1024], path[2400];
    split(capture, folder, stem, sizeof folder);
    snprintf(path, sizeof path, "%s/%s.json", folder, stem);
    if (load_fitting(path, fits, ctx, meta_out))
        return GLINT_OK;
    struct names *s = malloc(sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory to list %s", folder);
    list(folder, stem, s);
    bool found = false;
    for (int32_t i = 0; i < s->n && !found; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, s->name[i]);
        found = load_fitting(path, fits, ctx, meta_out);
    }
    const int32_t n = s->n;
    free(s);
    return found ? GLINT_OK
                 : glint_fail(GLINT_E_NOTFOUND,
                              "%s: these Ouster packets need the sensor's metadata (--calib FILE): there is "
                              "no %s.json that "
                              "fits them, nor among the %d *.json files of %s",
                              capture, stem, n, folder);
}
