/* tools/sim_files.c - see sim_files.h. */
#include "tools/sim_files.h"
#include "sim/math.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RADIUS_M  150.0
#define MOTION_NS INT64_C(10000000)

int glint_sim_files_open(const char *folder, int32_t cap_points, struct glint_sim_files *files)
{
    struct glint_sim_files *f = files;
    char path[1000];
    memset(f, 0, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "%s", folder);
    f->cloud.cap = cap_points;
    f->cloud.record = malloc((size_t)cap_points * 6 * sizeof(float));
    f->cloud.cls = malloc((size_t)cap_points);
    f->cloud.ret = malloc((size_t)cap_points);
    f->cloud.instance = malloc((size_t)cap_points * sizeof(int32_t));
    f->objects = malloc(GLINT_SIM_OBJECTS * sizeof *f->objects);
    int status = f->cloud.record && f->cloud.cls && f->cloud.ret && f->cloud.instance && f->objects
                     ? GLINT_OK
                     : glint_fail(GLINT_E_NOMEM, "no memory for frames of %d points", cap_points);
    snprintf(path, sizeof path, "%s/labels.jsonl", folder);
    if (status == GLINT_OK)
        status = glint_output_parents(path);
    if (status == GLINT_OK)
        status = glint_file_create(&f->labels, path);
    if (status < 0)
        glint_sim_files_fini(f);
    return status;
}

void glint_sim_files_fini(struct glint_sim_files *files)
{
    if (files->labels.stream)
        glint_file_discard(&files->labels);
    files->labels.stream = NULL;
    free(files->cloud.record);
    free(files->cloud.cls);
    free(files->cloud.ret);
    free(files->cloud.instance);
    free(files->objects);
    glint_buffer_fini(&files->line);
    glint_buffer_fini(&files->content);
    memset(&files->cloud, 0, sizeof files->cloud);
    files->objects = NULL;
}

/* ---- a frame's points ---- */

static int write_file(struct glint_sim_files *f, const char *kind, const char *ending,
                      const struct glint_buffer *content)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/%s/%06" PRIu64 "%s", f->folder, kind, f->n_frames, ending);
    if (f->n_frames == 0)
        GLINT_TRY(glint_output_parents(path));
    return glint_output_write(path, content);
}

/* Floats as they lie in memory: little-endian machines, as all that Glint is built for. */
static int write_points(struct glint_sim_files *f)
{
    const struct glint_buffer points = {.data = (uint8_t *)f->cloud.record,
                                        .size = (size_t)f->cloud.n * 6 * sizeof(float)};
    return write_file(f, "frames", ".bin", &points);
}

static int write_masks(struct glint_sim_files *f)
{
    glint_buffer_clear(&f->content);
    uint8_t *at = glint_buffer_room(&f->content, (size_t)f->cloud.n * 4);
    for (int32_t i = 0; at && i < f->cloud.n; i++) {
        const uint32_t mask =
            (uint32_t)f->cloud.cls[i] + 1 + ((uint32_t)f->cloud.instance[i] & 0xffff) * 65536;
        memcpy(at + 4 * (size_t)i, &mask, 4);
    }
    f->content.size += at ? (size_t)f->cloud.n * 4 : 0;
    return write_file(f, "masks", ".label", &f->content);
}

/* ---- its labels ---- */

/* First returns alone: of one pulse an object is hit once. */
static void count_points(struct glint_sim_files *f, int32_t n)
{
    for (int32_t i = 0; i < f->cloud.n; i++) {
        const int32_t id = f->cloud.instance[i];
        int32_t lo = 0, hi = n;
        if (id <= 0 || f->cloud.ret[i] > 0)
            continue;
        while (lo < hi) {
            const int32_t mid = lo + (hi - lo) / 2;
            if (f->objects[mid].id < id)
                lo = mid + 1;
            else
                hi = mid;
        }
        if (lo < n && f->objects[lo].id == id)
            f->objects[lo].n_points++;
    }
}

static void put_numbers(struct glint_buffer *b, const char *name, const double *v, int n, int decimals)
{
    glint_buffer_text(b, ",\"");
    glint_buffer_text(b, name);
    glint_buffer_text(b, "\":[");
    for (int i = 0; i < n; i++) {
        if (i > 0)
            glint_buffer_text(b, ",");
        glint_buffer_number(b, v[i], decimals);
    }
    glint_buffer_text(b, "]");
}

static void put_object(struct glint_buffer *b, const struct glint_sim_object *o,
                       struct glint_pose sensor_from_vehicle)
{
    const struct glint_box *box = &o->box;
    double center[3], ahead[3], v[3], heading[3] = {0};
    const double at[3] = {(double)box->center[0], (double)box->center[1], (double)box->center[2]};
    const double velocity[3] = {(double)box->velocity[0], (double)box->velocity[1], 0};
    struct glint_pose turn = sensor_from_vehicle;
    memset(turn.t, 0, sizeof turn.t);
    glint_sim_sincos((double)box->yaw, &heading[1], &heading[0]);
    glint_pose_apply(sensor_from_vehicle, at, center);
    glint_pose_apply(turn, heading, ahead);
    glint_pose_apply(turn, velocity, v);
    const double size[3] = {(double)box->size[0], (double)box->size[1], (double)box->size[2]};
    glint_buffer_text(b, "{\"label\":\"");
    glint_buffer_text(b, glint_sim_label_name(o->label));
    glint_buffer_text(b, "\"");
    put_numbers(b, "center", center, 3, 3);
    put_numbers(b, "size", size, 3, 3);
    glint_buffer_text(b, ",\"yaw\":");
    glint_buffer_number(b, glint_sim_atan2(ahead[1], ahead[0]), 4);
    put_numbers(b, "velocity", v, 2, 3);
    glint_buffer_text(b, ",\"points\":");
    glint_buffer_i64(b, o->n_points);
    glint_buffer_text(b, ",\"track\":");
    glint_buffer_i64(b, o->id);
    glint_buffer_text(b, ",\"kind\":\"");
    glint_buffer_text(b, o->kind);
    glint_buffer_text(b, "\"}");
}

static int write_labels(struct glint_sim_files *f, const struct glint_sim_scan *scan, struct glint_sim *sim)
{
    const struct glint_pose inverse = glint_pose_inverse(scan->settings.vehicle_from_sensor);
    struct glint_buffer *b = &f->line;
    int32_t n = 0;
    const int status = glint_sim_objects(sim, f->begin_ns + (f->end_ns - f->begin_ns) / 2, RADIUS_M,
                                         f->objects, GLINT_SIM_OBJECTS, &n);
    if (status < 0 && status != GLINT_E_CAPACITY)
        return status;
    count_points(f, n);
    glint_buffer_clear(b);
    glint_buffer_text(b, "{\"frame\":");
    glint_buffer_i64(b, (int64_t)f->n_frames);
    glint_buffer_text(b, ",\"stamp_ns\":");
    glint_buffer_i64(b, f->stamp_ns);
    glint_buffer_text(b, ",\"boxes\":[");
    uint64_t n_boxes = 0;
    for (int32_t i = 0; i < n; i++)
        if (f->objects[i].n_points > 0) {
            glint_buffer_text(b, n_boxes++ > 0 ? "," : "");
            put_object(b, &f->objects[i], inverse);
        }
    f->n_boxes += n_boxes;
    glint_buffer_text(b, "]}\n");
    if (b->failed)
        return glint_fail(GLINT_E_NOMEM, "no memory for labels");
    if (fwrite(b->data, 1, b->size, f->labels.stream) != b->size)
        return glint_fail(GLINT_E_IO, "%s: cannot write", f->labels.path);
    return GLINT_OK;
}

static int write_frame(struct glint_sim_files *f, const struct glint_sim_scan *scan, struct glint_sim *sim)
{
    if (!f->open)
        return GLINT_OK;
    f->open = false;
    GLINT_TRY(write_points(f));
    GLINT_TRY(write_masks(f));
    GLINT_TRY(write_labels(f, scan, sim));
    f->n_frames++;
    f->n_points += (uint64_t)f->cloud.n;
    return GLINT_OK;
}

static void begin_frame(struct glint_sim_files *f, const struct glint_sim_scan *scan, int32_t c)
{
    const struct glint_sim_lanes *t = &scan->settings.sensor->table[0];
    int32_t first_ns = t->laser_ns[0];
    for (int32_t l = 1; l < scan->settings.sensor->format->lanes; l++)
        first_ns = t->laser_ns[l] < first_ns ? t->laser_ns[l] : first_ns;
    f->open = true;
    f->turn = scan->column[c].turn;
    f->begin_ns = scan->settings.start_ns + scan->column[c].t_ns;
    f->stamp_ns = scan->settings.epoch_ns + f->begin_ns + first_ns;
    f->cloud.n = 0;
    f->cloud.stamp_ns = f->stamp_ns;
}

int glint_sim_files_take(struct glint_sim_files *files, const struct glint_sim_scan *scan,
                         struct glint_sim *sim)
{
    for (int32_t c = 0; c < scan->n_columns; c++) {
        if (files->open && scan->column[c].turn != files->turn)
            GLINT_TRY(write_frame(files, scan, sim));
        if (!files->open)
            begin_frame(files, scan, c);
        glint_sim_scan_points(scan, c, &files->cloud);
        files->end_ns = scan->settings.start_ns + scan->column[c].t_ns;
    }
    return GLINT_OK;
}

int glint_sim_files_finish(struct glint_sim_files *files, const struct glint_sim_scan *scan,
                           struct glint_sim *sim)
{
    int status = write_frame(files, scan, sim);
    if (status == GLINT_OK) {
        status = glint_file_commit(&files->labels);
        files->labels.stream = NULL;
    }
    glint_sim_files_fini(files);
    return status;
}

/* ---- motion ---- */

static void put_csv(struct glint_buffer *b, int64_t stamp_ns, const double *v, int n, int decimals)
{
    glint_buffer_i64(b, stamp_ns);
    for (int i = 0; i < n; i++) {
        glint_buffer_text(b, ",");
        glint_buffer_number(b, v[i], decimals);
    }
    glint_buffer_text(b, "\n");
}

static void put_pose(struct glint_buffer *b, struct glint_sim *sim, struct glint_pose vehicle_from_sensor,
                     int64_t t_ns, int64_t stamp_ns)
{
    const struct glint_pose p = glint_pose_compose(glint_sim_pose(sim, t_ns), vehicle_from_sensor);
    const double row[] = {p.t[0], p.t[1], p.t[2], p.q[0], p.q[1], p.q[2], p.q[3]};
    put_csv(b, stamp_ns, row, 7, 6);
}

/* In the sensor's axes; the velocity is that of its place: v + w x r. */
static void put_imu(struct glint_buffer *b, struct glint_sim *sim, struct glint_pose vehicle_from_sensor,
                    int64_t t_ns, int64_t stamp_ns)
{
    const struct glint_sim_imu m = glint_sim_imu(sim, t_ns);
    const double *w = m.rate, *r = vehicle_from_sensor.t;
    const double v[3] = {m.velocity[0] + w[1] * r[2] - w[2] * r[1], m.velocity[1] + w[2] * r[0] - w[0] * r[2],
                         m.velocity[2] + w[0] * r[1] - w[1] * r[0]};
    struct glint_pose turn = glint_pose_inverse(vehicle_from_sensor);
    memset(turn.t, 0, sizeof turn.t);
    double row[9];
    glint_pose_apply(turn, m.acceleration, row);
    glint_pose_apply(turn, w, row + 3);
    glint_pose_apply(turn, v, row + 6);
    put_csv(b, stamp_ns, row, 9, 6);
}

int glint_sim_files_motion(const char *folder, struct glint_sim *sim, struct glint_pose vehicle_from_sensor,
                           int64_t epoch_ns, int64_t end_ns)
{
    struct glint_buffer poses = {0}, imu = {0};
    char path[1000];
    glint_buffer_text(&poses, "stamp_ns,x,y,z,qw,qx,qy,qz\n");
    glint_buffer_text(&imu, "stamp_ns,ax,ay,az,wx,wy,wz,vx,vy,vz\n");
    for (int64_t t_ns = 0; t_ns < end_ns + MOTION_NS; t_ns += MOTION_NS) {
        put_pose(&poses, sim, vehicle_from_sensor, t_ns, epoch_ns + t_ns);
        put_imu(&imu, sim, vehicle_from_sensor, t_ns, epoch_ns + t_ns);
    }
    snprintf(path, sizeof path, "%s/poses.csv", folder);
    int status = glint_output_parents(path);
    if (status == GLINT_OK)
        status = glint_output_write(path, &poses);
    snprintf(path, sizeof path, "%s/imu.csv", folder);
    if (status == GLINT_OK)
        status = glint_output_write(path, &imu);
    glint_buffer_fini(&poses);
    glint_buffer_fini(&imu);
    return status;
}
