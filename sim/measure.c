/* sim/measure.c - see measure.h. Where a packet's firings have two tables of lanes in turn (a QT128's), the
 * columns of each table are cast together: column c is row (c % tables) * half + c / tables of the returns.
 */
#include "sim/measure.h"
#include "sim/math.h"
#include "sim/packet_layouts.h"
#include <stdlib.h>
#include <string.h>

static int32_t lanes_of(const struct glint_sim_scan *s)
{
    return s->settings.sensor->format->lanes;
}

static int32_t row_of(const struct glint_sim_scan *s, int32_t c)
{
    const int32_t tables = s->settings.sensor->n_tables;
    return c % tables * (s->n_columns / tables) + c / tables;
}

/* ---- memory ---- */

static void free_scan(struct glint_sim_scan *s)
{
    free(s->column);
    free(s->column_ns);
    free(s->angle);
    free(s->azimuth);
    free(s->elevation);
    for (int k = 0; k < 3; k++)
        free(s->dir[k]);
    free(s->returns.range_m);
    free(s->returns.intensity);
    free(s->returns.cls);
    free(s->returns.instance);
    free(s->returns.range2_m);
    free(s->returns.intensity2);
    free(s->returns.cls2);
    free(s->returns.instance2);
    for (int r = 0; r < GLINT_FIRING_RETURNS; r++)
        if (s->settings.sensor->format->returns > 1) {
            free(s->ranges[r]);
            free(s->intensities[r]);
            free(s->classes[r]);
            free(s->instances[r]);
        }
    free(s);
}

void glint_sim_scan_close(struct glint_sim_scan *scan)
{
    if (scan)
        free_scan(scan);
}

/* The echoes: strongest, and with two returns the other. */
static bool room_for_echoes(struct glint_sim_returns *r, size_t n, bool two)
{
    r->range_m = calloc(n, sizeof(float));
    r->intensity = calloc(n, sizeof(float));
    r->cls = calloc(n, 1);
    r->instance = calloc(n, sizeof(int32_t));
    if (!two)
        return r->range_m && r->intensity && r->cls && r->instance;
    r->range2_m = calloc(n, sizeof(float));
    r->intensity2 = calloc(n, sizeof(float));
    r->cls2 = calloc(n, 1);
    r->instance2 = calloc(n, sizeof(int32_t));
    return r->range_m && r->intensity && r->cls && r->instance && r->range2_m && r->intensity2 && r->cls2 &&
           r->instance2;
}

/* Returns as the packets have them: the strongest alone needs no copy. */
static bool room_for_returns(struct glint_sim_scan *s, size_t n)
{
    const int32_t returns = s->settings.sensor->format->returns;
    bool all = true;
    s->ranges[0] = s->returns.range_m;
    s->intensities[0] = s->returns.intensity;
    s->classes[0] = s->returns.cls;
    s->instances[0] = s->returns.instance;
    for (int32_t r = 0; r < returns && returns > 1; r++) {
        s->ranges[r] = calloc(n, sizeof(float));
        s->intensities[r] = calloc(n, sizeof(float));
        s->classes[r] = calloc(n, 1);
        s->instances[r] = calloc(n, sizeof(int32_t));
        all = all && s->ranges[r] && s->intensities[r] && s->classes[r] && s->instances[r];
    }
    return all;
}

static bool room_for_rays(struct glint_sim_scan *s, size_t n)
{
    const size_t columns = (size_t)s->cap_columns;
    s->column = calloc(columns, sizeof *s->column);
    s->column_ns = calloc(columns, sizeof *s->column_ns);
    s->angle = calloc(columns, sizeof *s->angle);
    if (s->settings.sensor->format->angles != GLINT_ANGLE_NONE)
        return s->column && s->column_ns && s->angle;
    s->azimuth = calloc(n, sizeof(float));
    s->elevation = calloc(n, sizeof(float));
    for (int k = 0; k < 3; k++)
        s->dir[k] = calloc(n, sizeof(float));
    return s->column && s->column_ns && s->angle && s->azimuth && s->elevation && s->dir[0] && s->dir[1] &&
           s->dir[2];
}

int glint_sim_scan_open(const struct glint_sim_scan_settings *settings, struct glint_sim_scan **scan_out)
{
    const struct glint_packet_format *f = settings->sensor->format;
    *scan_out = NULL;
    if (settings->cap_packets < 1 || settings->cap_packets > 100000)
        return glint_fail(GLINT_E_ARG, "a piece of %d packets, expected 1 to 100000", settings->cap_packets);
    struct glint_sim_scan *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "no memory for a scan");
    s->settings = *settings;
    s->cap_columns = settings->cap_packets * f->firings;
    const size_t n = (size_t)s->cap_columns * (size_t)f->lanes;
    if (!room_for_echoes(&s->returns, n, f->returns > 1) || !room_for_returns(s, n) || !room_for_rays(s, n)) {
        free_scan(s);
        return glint_fail(GLINT_E_NOMEM, "no memory for a scan of %zu rays", n);
    }
    *scan_out = s;
    return GLINT_OK;
}

/* ---- rays ---- */

static void set_columns(struct glint_sim_scan *s)
{
    const struct glint_sim_sensor *sensor = s->settings.sensor;
    for (int32_t c = 0; c < s->n_columns; c++) {
        const int32_t row = row_of(s, c);
        glint_sim_sensor_column(sensor, s->first_packet * sensor->format->firings + c, &s->column[c]);
        s->column_ns[row] = (int32_t)(s->column[c].t_ns - s->column[0].t_ns);
        s->angle[row] = s->column[c].head_rad;
    }
}

/* Directions of a pattern, ray by ray. */
static void set_pattern(struct glint_sim_scan *s)
{
    const struct glint_sim_sensor *sensor = s->settings.sensor;
    const int32_t lanes = lanes_of(s);
    for (int32_t c = 0; c < s->n_columns; c++) {
        const int32_t at = c * lanes;
        glint_sim_sensor_pattern(sensor, s->first_packet * sensor->format->firings + c, s->azimuth + at,
                                 s->elevation + at);
        for (int32_t l = at; l < at + lanes; l++) {
            double sn, cs, up, flat;
            glint_sim_sincos((double)s->azimuth[l], &sn, &cs);
            glint_sim_sincos((double)s->elevation[l], &up, &flat);
            s->dir[0][l] = (float)(flat * cs);
            s->dir[1][l] = (float)(flat * sn);
            s->dir[2][l] = (float)up;
        }
    }
}

/* What a target of 10 % is seen to: sensitivity 1 is at 0.8 of the range, and it goes by the square. */
static float sensitivity_of(const struct glint_sim_sensor *sensor)
{
    const float ratio = sensor->range10_m / (0.8f * sensor->range_max_m);
    return ratio * ratio;
}

static void set_rays(const struct glint_sim_scan *s, int32_t table, struct glint_sim_rays *rays)
{
    const struct glint_sim_sensor *sensor = s->settings.sensor;
    const struct glint_sim_lanes *lanes = &sensor->table[table];
    const bool pattern = s->dir[0] != NULL;
    const int32_t half = s->n_columns / sensor->n_tables;
    *rays = (struct glint_sim_rays){.n_columns = half,
                                    .n_lasers = lanes_of(s),
                                    .start_ns = s->settings.start_ns + s->column[0].t_ns,
                                    .column_ns = s->column_ns + table * half,
                                    .laser_ns = lanes->laser_ns,
                                    .angle = pattern ? NULL : s->angle + table * half,
                                    .vehicle_from_sensor = s->settings.vehicle_from_sensor,
                                    .range_min_m = sensor->range_min_m,
                                    .range_max_m = sensor->range_max_m,
                                    .noise_m = sensor->noise_m,
                                    .sensitivity = sensitivity_of(sensor),
                                    .dropout = s->settings.dropout,
                                    .divergence_rad = sensor->divergence_rad,
                                    .noise_seed = s->settings.noise_seed};
    for (int k = 0; k < 3; k++) {
        rays->dir[k] = pattern ? s->dir[k] : lanes->dir[k];
        rays->off[k] = sensor->has_off && !pattern ? lanes->off[k] : NULL;
    }
}

/* ---- echoes to returns ---- */

/* Of two echoes: the later one where it is wanted, else the other; a lone one is both. */
static void copy_return(struct glint_sim_scan *s, int32_t r, size_t n, int which)
{
    const struct glint_sim_returns *e = &s->returns;
    for (size_t i = 0; i < n; i++) {
        const bool farther = e->range2_m[i] > e->range_m[i];
        const bool second = e->range2_m[i] > 0 && (which == 2 || (which == 1 ? farther : !farther));
        const bool none = which == 2 && !second; /* Ouster: no second return */
        s->ranges[r][i] = none ? 0 : second ? e->range2_m[i] : e->range_m[i];
        s->intensities[r][i] = second ? e->intensity2[i] : e->intensity[i];
        s->classes[r][i] = second ? e->cls2[i] : e->cls[i];
        s->instances[r][i] = second ? e->instance2[i] : e->instance[i];
    }
}

static void copy_strongest(struct glint_sim_scan *s, int32_t r, size_t n)
{
    memcpy(s->ranges[r], s->returns.range_m, n * sizeof(float));
    memcpy(s->intensities[r], s->returns.intensity, n * sizeof(float));
    memcpy(s->classes[r], s->returns.cls, n);
    memcpy(s->instances[r], s->returns.instance, n * sizeof(int32_t));
}

/* Last and strongest, where the strongest is the last with the second strongest instead (VLP-16 User Manual,
 * "Dual Return"); an HDL-64E the other way round; three: first, last, strongest; Ouster: strongest, second.
 */
static void order_returns(struct glint_sim_scan *s, size_t n)
{
    const struct glint_packet_format *f = s->settings.sensor->format;
    enum { NEARER, FARTHER, OTHER };
    if (f->returns == 1)
        return;
    if (f->angles == GLINT_ANGLE_COLUMN) {
        copy_strongest(s, 0, n);
        copy_return(s, 1, n, OTHER);
        return;
    }
    const bool near_first = f->returns == 3 || strncmp(f->sensor, "HDL-64E", 7) == 0;
    copy_return(s, 0, n, near_first ? NEARER : FARTHER);
    copy_return(s, 1, n, near_first ? FARTHER : NEARER);
    if (f->returns == 3)
        copy_strongest(s, 2, n);
}

/* To whole units: what the packets can say. */
static void round_ranges(float *restrict range, size_t n, float unit_m, float most_m)
{
    const float per_m = 1 / unit_m, most = most_m * per_m + 0.5f;
    for (size_t i = 0; i < n; i++) {
        const float raw = range[i] * per_m + 0.5f, whole = (float)(int32_t)raw * unit_m;
        range[i] = raw >= 1 && raw <= most ? whole : 0;
    }
}

static void round_intensities(float *restrict intensity, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float grey = intensity[i] * 255 + 0.5f;
        intensity[i] = (float)(int32_t)(grey > 255 ? 255 : grey) * (1.0f / 255);
    }
}

static void round_returns(struct glint_sim_scan *s, size_t n)
{
    const struct glint_packet_format *f = s->settings.sensor->format;
    for (int32_t r = 0; r < f->returns; r++) {
        round_ranges(s->ranges[r], n, f->unit_m, f->range_most_m);
        round_intensities(s->intensities[r], n);
    }
}

int glint_sim_scan_cast(struct glint_sim_scan *scan, struct glint_sim *sim, struct glint_exec *x,
                        int32_t n_packets)
{
    struct glint_sim_scan *s = scan;
    const struct glint_sim_sensor *sensor = s->settings.sensor;
    if (n_packets < 0 || n_packets * sensor->format->firings > s->cap_columns)
        return glint_fail(GLINT_E_ARG, "%d packets, at most %d are room for", n_packets,
                          s->settings.cap_packets);
    s->first_packet = s->next_packet;
    s->n_packets = n_packets;
    s->n_columns = n_packets * sensor->format->firings;
    if (n_packets == 0)
        return GLINT_OK;
    set_columns(s);
    if (s->dir[0])
        set_pattern(s);
    for (int32_t t = 0; t < sensor->n_tables; t++) {
        struct glint_sim_rays rays;
        set_rays(s, t, &rays);
        const size_t at = (size_t)t * (size_t)rays.n_columns * (size_t)rays.n_lasers;
        const struct glint_sim_returns *r = &s->returns;
        const bool two = r->range2_m != NULL;
        const struct glint_sim_returns out = {r->range_m + at,
                                              r->intensity + at,
                                              r->cls + at,
                                              r->instance + at,
                                              two ? r->range2_m + at : NULL,
                                              two ? r->intensity2 + at : NULL,
                                              two ? r->cls2 + at : NULL,
                                              two ? r->instance2 + at : NULL};
        GLINT_TRY(glint_sim_cast(sim, x, &rays, &out));
    }
    const size_t n = (size_t)s->n_columns * (size_t)lanes_of(s);
    order_returns(s, n);
    round_returns(s, n);
    s->next_packet += n_packets;
    return GLINT_OK;
}

/* ---- packets ---- */

int64_t glint_sim_scan_time(const struct glint_sim_scan *scan, int64_t packet)
{
    struct glint_sim_column c;
    glint_sim_sensor_column(scan->settings.sensor, packet * scan->settings.sensor->format->firings, &c);
    return scan->settings.start_ns + c.t_ns;
}

void glint_sim_scan_packet(const struct glint_sim_scan *scan, int32_t i, uint8_t bytes[GLINT_PACKET_BYTES],
                           struct glint_packet *packet_out)
{
    const struct glint_sim_scan *s = scan;
    const struct glint_packet_format *f = s->settings.sensor->format;
    struct glint_firing firings[GLINT_FIRINGS_CAP];
    const int64_t base_ns = s->settings.epoch_ns + s->settings.start_ns;
    for (int32_t k = 0; k < f->firings; k++) {
        const int32_t c = i * f->firings + k;
        const size_t at = (size_t)row_of(s, c) * (size_t)f->lanes;
        struct glint_firing *firing = &firings[k];
        *firing = (struct glint_firing){.t_ns = base_ns + s->column[c].t_ns,
                                        .angle = s->column[c].angle,
                                        .turn = s->column[c].turn,
                                        .azimuth = s->azimuth ? s->azimuth + at : NULL,
                                        .elevation = s->elevation ? s->elevation + at : NULL};
        for (int32_t r = 0; r < f->returns; r++) {
            firing->range[r] = s->ranges[r] + at;
            firing->intensity[r] = s->intensities[r] + at;
        }
    }
    glint_packet_make(f, (uint32_t)(s->first_packet + i), firings, bytes, packet_out);
    packet_out->stamp_ns += f->packet_ns;
    if (s->settings.src_ip)
        packet_out->src_ip = s->settings.src_ip;
    if (s->settings.port)
        packet_out->src_port = packet_out->dst_port = s->settings.port;
}

/* ---- points ---- */

/* A column's lanes as points. */
struct lanes_at {
    float x[GLINT_PACKET_LANES], y[GLINT_PACKET_LANES], z[GLINT_PACKET_LANES];
    float ring[GLINT_PACKET_LANES], after_s[GLINT_PACKET_LANES];
};

/* Points of one return of a column. Every lane is written, and moved on from only where it saw something. */
static void append(const struct glint_sim_scan *s, int32_t r, size_t at, const struct lanes_at *restrict p,
                   struct glint_sim_cloud *cloud)
{
    const float *restrict range = s->ranges[r] + at, *restrict intensity = s->intensities[r] + at;
    const uint8_t *restrict cls = s->classes[r] + at;
    const int32_t *restrict instance = s->instances[r] + at;
    float *restrict record = cloud->record;
    uint8_t *restrict cls_out = cloud->cls, *restrict ret_out = cloud->ret;
    int32_t *restrict instance_out = cloud->instance;
    const int32_t lanes = lanes_of(s), last = cloud->cap - 1;
    int32_t n = cloud->n;
    for (int32_t l = 0; l < lanes; l++) {
        float *to = record + 6 * (size_t)n;
        to[0] = p->x[l];
        to[1] = p->y[l];
        to[2] = p->z[l];
        to[3] = intensity[l];
        to[4] = p->ring[l];
        to[5] = p->after_s[l];
        cls_out[n] = cls[l];
        instance_out[n] = instance[l];
        ret_out[n] = (uint8_t)r;
        n += range[l] > 0 && n < last;
    }
    cloud->n = n;
}

/* Where a column's rays end: off + range * dir, turned by the head; of a pattern range * dir. */
static void place(const struct glint_sim_scan *s, int32_t c, int32_t r, size_t at,
                  const struct glint_sim_lanes *t, struct lanes_at *restrict p)
{
    const float *restrict range = s->ranges[r] + at;
    const int32_t lanes = lanes_of(s);
    double sn, cs;
    if (s->dir[0]) {
        const float *dir[3] = {s->dir[0] + at, s->dir[1] + at, s->dir[2] + at};
        for (int32_t l = 0; l < lanes; l++) {
            p->x[l] = range[l] * dir[0][l];
            p->y[l] = range[l] * dir[1][l];
            p->z[l] = range[l] * dir[2][l];
        }
        return;
    }
    glint_sim_sincos((double)s->column[c].head_rad, &sn, &cs);
    const float cf = (float)cs, sf = (float)sn;
    for (int32_t l = 0; l < lanes; l++) {
        const float d = range[l];
        const float x = t->off[0][l] + d * t->dir[0][l], y = t->off[1][l] + d * t->dir[1][l];
        p->x[l] = cf * x - sf * y;
        p->y[l] = sf * x + cf * y;
        p->z[l] = t->off[2][l] + d * t->dir[2][l];
    }
}

void glint_sim_scan_points(const struct glint_sim_scan *scan, int32_t c, struct glint_sim_cloud *cloud)
{
    const struct glint_sim_scan_settings *settings = &scan->settings;
    const struct glint_sim_lanes *t = &settings->sensor->table[c % settings->sensor->n_tables];
    const int32_t lanes = lanes_of(scan);
    const size_t at = (size_t)row_of(scan, c) * (size_t)lanes;
    const int64_t after_ns = settings->epoch_ns + settings->start_ns + scan->column[c].t_ns - cloud->stamp_ns;
    struct lanes_at p;
    for (int32_t l = 0; l < lanes; l++) {
        p.ring[l] = (float)t->ring[l];
        p.after_s[l] = (float)((double)(after_ns + t->laser_ns[l]) * 1e-9);
    }
    for (int32_t r = 0; r < settings->sensor->format->returns; r++) {
        place(scan, c, r, at, t, &p);
        append(scan, r, at, &p, cloud);
    }
}
