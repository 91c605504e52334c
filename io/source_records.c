/* io/source_records.c - point files of fixed records: KITTI, nuScenes, Argoverse 2, and our own .bin and
 * .csv. */
#include "core/bytes.h"
#include "io/number.h"
#include "io/source_points.h"
#include <math.h>
#include <string.h>

/* A count of records for files that are nothing else. */
static int count_records(const struct glint_cloud_file *file, size_t record, const char *fields,
                         int32_t *n_out)
{
    if (file->size == 0)
        return glint_fail(GLINT_E_FORMAT, "%s: empty file", file->path);
    if (file->size % record != 0)
        return glint_fail(GLINT_E_FORMAT, "%s: size of %zu bytes is no multiple of a point's %zu (%s)",
                          file->path, file->size, record, fields);
    if (file->size / record > GLINT_CLOUD_CAP_POINTS)
        return glint_fail(GLINT_E_FORMAT, "%s: %zu points; a scan has at most %d", file->path,
                          file->size / record, GLINT_CLOUD_CAP_POINTS);
    *n_out = (int32_t)(file->size / record);
    return GLINT_OK;
}

static float from_255(float value)
{
    return value / 255.0f;
}

static uint16_t to_u16(double value)
{
    return value >= 0 && value <= UINT16_MAX ? (uint16_t)value : 0; /* NaN: 0 */
}

/* ---- KITTI: f32 x, y, z, reflectance 0..1 ---- */

static int kitti_count(const struct glint_cloud_file *file, int32_t *n_frames_out, int32_t *cap_points_out)
{
    *n_frames_out = 1;
    return count_records(file, 16, "f32 x y z intensity", cap_points_out);
}

static int kitti_read(const struct glint_cloud_file *file, int32_t item, struct glint_cloud_scratch *scratch,
                      struct glint_frame *frame)
{
    (void)item, (void)scratch;
    int32_t n = 0;
    GLINT_TRY(count_records(file, 16, "f32 x y z intensity", &n));
    glint_frame_add_xyzi(frame, file->data, n);
    return GLINT_OK;
}

const struct glint_cloud_format glint_cloud_kitti = {"kitti", kitti_count, kitti_read};

/* ---- nuScenes: f32 x, y, z, intensity 0..255, ring; x right, y forward ---- */

void glint_nuscenes_to_vehicle(const float sensor[3], float vehicle_out[3])
{
    const float forward = sensor[1], left = -sensor[0];
    vehicle_out[0] = forward;
    vehicle_out[1] = left;
    vehicle_out[2] = sensor[2];
}

void glint_nuscenes_from_vehicle(const float vehicle[3], float sensor_out[3])
{
    const float right = -vehicle[1], forward = vehicle[0];
    sensor_out[0] = right;
    sensor_out[1] = forward;
    sensor_out[2] = vehicle[2];
}

static int nuscenes_count(const struct glint_cloud_file *file, int32_t *n_frames_out, int32_t *cap_points_out)
{
    *n_frames_out = 1;
    return count_records(file, 20, "f32 x y z intensity ring", cap_points_out);
}

/* The samples' names end in "__" and the time in microseconds. */
static int64_t nuscenes_stamp(const char *path)
{
    const char *mark = NULL, *slash = strrchr(path, '/');
    for (const char *p = slash ? slash : path; (p = strstr(p, "__")) != NULL; p += 2)
        mark = p + 2;
    int64_t us;
    const char *end = mark ? glint_number_read_i64(mark, mark + strlen(mark), &us) : NULL;
    return end && *end == '.' && us > 0 && us < INT64_MAX / 1000 ? us * 1000 : 0;
}

static int nuscenes_read(const struct glint_cloud_file *file, int32_t item,
                         struct glint_cloud_scratch *scratch, struct glint_frame *frame)
{
    (void)item, (void)scratch;
    int32_t n;
    GLINT_TRY(count_records(file, 20, "f32 x y z intensity ring", &n));
    frame->stamp_ns = nuscenes_stamp(file->path);
    for (int32_t i = 0; i < n; i++) {
        const uint8_t *p = file->data + (size_t)i * 20;
        const float sensor[3] = {glint_le_f32(p), glint_le_f32(p + 4), glint_le_f32(p + 8)};
        float at[3];
        glint_nuscenes_to_vehicle(sensor, at);
        glint_frame_add_point(frame, at[0], at[1], at[2], from_255(glint_le_f32(p + 12)),
                              to_u16(glint_le_f32(p + 16)), 0, 0);
    }
    return GLINT_OK;
}

const struct glint_cloud_format glint_cloud_nuscenes = {"nuscenes", nuscenes_count, nuscenes_read};

/* ---- Argoverse 2: f32 x, y, z (ego vehicle), u8 intensity, u8 laser, u16 0, i32 offset ns ---- */

static int argoverse2_count(const struct glint_cloud_file *file, int32_t *n_frames_out,
                            int32_t *cap_points_out)
{
    *n_frames_out = 1;
    return count_records(file, 20, "f32 x y z, u8 intensity, u8 laser, u16 0, i32 offset ns", cap_points_out);
}

/* Sweeps are named by their time in nanoseconds. */
static int64_t argoverse2_stamp(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int64_t ns;
    const char *end = glint_number_read_i64(name, name + strlen(name), &ns);
    return end && (*end == '.' || *end == 0) && ns > 0 ? ns : 0;
}

static int argoverse2_read(const struct glint_cloud_file *file, int32_t item,
                           struct glint_cloud_scratch *scratch, struct glint_frame *frame)
{
    int32_t n;
    (void)item, (void)scratch;
    GLINT_TRY(count_records(file, 20, "f32 x y z, u8 intensity, u8 laser, u16 0, i32 offset ns", &n));
    frame->stamp_ns = argoverse2_stamp(file->path);
    glint_frame_no_viewpoint(frame); /* they are in the vehicle's frame */
    for (int32_t i = 0; i < n; i++) {
        const uint8_t *p = file->data + (size_t)i * 20;
        const int32_t offset = (int32_t)glint_le32(p + 16);
        glint_frame_add_point(frame, glint_le_f32(p), glint_le_f32(p + 4), glint_le_f32(p + 8),
                              from_255(p[12]), p[13], 0, offset > 0 ? (uint32_t)offset : 0);
    }
    return GLINT_OK;
}

const struct glint_cloud_format glint_cloud_argoverse2 = {"argoverse2", argoverse2_count, argoverse2_read};

/* ---- our own .bin: f32 x, y, z, intensity, ring, offset in seconds ---- */

static int glint_bin_count(const struct glint_cloud_file *file, int32_t *n_frames_out,
                           int32_t *cap_points_out)
{
    *n_frames_out = 1;
    return count_records(file, 24, "f32 x y z intensity ring offset_s", cap_points_out);
}

static uint32_t seconds_to_ns(double seconds)
{
    return seconds > 0 && seconds < 4.29 ? (uint32_t)lround(seconds * 1e9) : 0;
}

static int glint_bin_read(const struct glint_cloud_file *file, int32_t item,
                          struct glint_cloud_scratch *scratch, struct glint_frame *frame)
{
    (void)item, (void)scratch;
    int32_t n;
    GLINT_TRY(count_records(file, 24, "f32 x y z intensity ring offset_s", &n));
    for (int32_t i = 0; i < n; i++) {
        const uint8_t *p = file->data + (size_t)i * 24;
        glint_frame_add_point(frame, glint_le_f32(p), glint_le_f32(p + 4), glint_le_f32(p + 8),
                              glint_le_f32(p + 12), to_u16(glint_le_f32(p + 16)), 0,
                              seconds_to_ns(glint_le_f32(p + 20)));
    }
    return GLINT_OK;
}

const struct glint_cloud_format glint_cloud_glint_bin = {"glint", glint_bin_count, glint_bin_read};

/* ---- our own .csv ---- */

#define CSV_HEADER "x,y,z,intensity,ring,offset_ns"

bool glint_cloud_is_csv(const uint8_t *data, size_t size)
{
    const size_t head = sizeof CSV_HEADER - 1;
    const uint8_t after = size > head ? data[head] : '\n';
    return size >= head && memcmp(data, CSV_HEADER, head) == 0 && (after == '\n' || after == '\r');
}

/* The line at p: its end, without newline, and where the next one starts. */
static const char *line_end(const char *p, const char *end, const char **next_out)
{
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    *next_out = newline ? newline + 1 : end;
    return newline ? newline : end;
}

static int glint_csv_count(const struct glint_cloud_file *file, int32_t *n_frames_out,
                           int32_t *cap_points_out)
{
    if (file->size == 0)
        return glint_fail(GLINT_E_FORMAT, "%s: empty file", file->path);
    if (!glint_cloud_is_csv(file->data, file->size))
        return glint_fail(GLINT_E_FORMAT, "%s: first line is not \"%s\"", file->path, CSV_HEADER);
    size_t n = 0;
    const char *end = (const char *)file->data + file->size;
    for (const char *p = (const char *)file->data; p < end; n++)
        line_end(p, end, &p);
    if (n - 1 > GLINT_CLOUD_CAP_POINTS)
        return glint_fail(GLINT_E_FORMAT, "%s: %zu lines; a scan has at most %d points", file->path, n,
                          GLINT_CLOUD_CAP_POINTS);
    *n_frames_out = 1;
    *cap_points_out = (int32_t)(n - 1);
    return GLINT_OK;
}

static bool csv_line(const char *p, const char *end, double value[6])
{
    if (end > p && end[-1] == '\r')
        end--;
    for (int k = 0; k < 6; k++) {
        p = glint_number_read(p, end, &value[k]);
        if (!p || (k < 5 && (p == end || *p++ != ',')))
            return false;
    }
    return p == end;
}

static int glint_csv_read(const struct glint_cloud_file *file, int32_t item,
                          struct glint_cloud_scratch *scratch, struct glint_frame *frame)
{
    (void)item, (void)scratch;
    int32_t n_frames, cap;
    GLINT_TRY(glint_csv_count(file, &n_frames, &cap));
    const char *end = (const char *)file->data + file->size;
    const char *p, *next;
    line_end((const char *)file->data, end, &p);
    for (int32_t line = 2; p < end; line++) {
        const char *stop = line_end(p, end, &next);
        double v[6];
        if (!csv_line(p, stop, v))
            return glint_fail(GLINT_E_FORMAT, "%s: line %d is not six numbers \"%s\"", file->path, line,
                              CSV_HEADER);
        const double offset = v[5] > 0 && v[5] <= UINT32_MAX ? v[5] : 0;
        glint_frame_add_point(frame, (float)v[0], (float)v[1], (float)v[2], (float)v[3], to_u16(v[4]), 0,
                              (uint32_t)offset);
        p = next;
    }
    return GLINT_OK;
}

const struct glint_cloud_format glint_cloud_glint_csv = {"glint", glint_csv_count, glint_csv_read};
