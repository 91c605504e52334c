/* serve/page_frame.c - see page_frame.h. */
#include "serve/page_frame.h"
#include "core/json_write.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define HEAD 16

static size_t padded(size_t bytes)
{
    return (bytes + 3) & ~(size_t)3;
}

static size_t array_bytes(size_t n)
{
    return 4 * 4 * n + 3 * padded(2 * n) + padded(n);
}

/* ---- what is beside the points ---- */

static double rounded(float value)
{
    return round((double)value * 1e3) * 1e-3;
}

static void put_rounded(struct glint_json_writer *w, const char *key, const float *values, size_t n)
{
    double d[4];
    for (size_t i = 0; i < n; i++)
        d[i] = rounded(values[i]);
    glint_json_put_f64s(w, key, d, n);
}

static void put_label(struct glint_json_writer *w, const struct glint_sink_context *c, int32_t label)
{
    char text[24];
    snprintf(text, sizeof text, "class_%d", label);
    glint_json_put_text(w, "label", label >= 0 && label < c->n_classes ? c->classes[label] : text);
}

static void put_boxes(struct glint_json_writer *w, const struct glint_frame *f,
                      const struct glint_sink_context *c)
{
    glint_json_put_array(w, "boxes");
    for (int32_t i = 0; i < f->n_boxes; i++) {
        const struct glint_box *b = &f->boxes[i];
        glint_json_put_object(w, NULL);
        put_label(w, c, b->label);
        glint_json_put_f64(w, "score", rounded(b->score));
        put_rounded(w, "center", b->center, 3);
        put_rounded(w, "size", b->size, 3);
        glint_json_put_f64(w, "yaw", rounded(b->yaw));
        put_rounded(w, "velocity", b->velocity, 2);
        if (b->id >= 0) {
            glint_json_put_i64(w, "id", b->id);
            glint_json_put_f64(w, "age", rounded(b->age_s));
            glint_json_put_f64(w, "unseen", rounded(b->unseen_s));
        }
        glint_json_put_end(w);
    }
    glint_json_put_end(w);
}

static void put_count(struct glint_json_writer *w, const char *key, uint64_t value)
{
    glint_json_put_i64(w, key, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

static void put_loss(struct glint_json_writer *w, const struct glint_loss *l)
{
    glint_json_put_object(w, "loss");
    put_count(w, "received", l->packets_received);
    put_count(w, "decoded", l->packets_decoded);
    put_count(w, "malformed", l->packets_malformed);
    put_count(w, "foreign", l->packets_foreign);
    put_count(w, "lost", l->packets_lost);
    put_count(w, "duplicate", l->packets_duplicate);
    put_count(w, "dropped", l->packets_dropped);
    put_count(w, "points_dropped", l->points_dropped);
    put_count(w, "points_clipped", l->points_clipped);
    put_count(w, "frames_dropped", l->frames_dropped);
    put_count(w, "frames_without_pose", l->frames_without_pose);
    put_count(w, "sensors_missed", l->sensors_missed);
    put_count(w, "records_corrupt", l->records_corrupt);
    glint_json_put_end(w);
}

static void put_latency(struct glint_json_writer *w, const struct glint_frame *f)
{
    glint_json_put_object(w, "latency_us");
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        if (f->latency_ns[i] >= 0)
            glint_json_put_i64(w, glint_stage_name((enum glint_stage)i), f->latency_ns[i] / 1000);
    glint_json_put_end(w);
    glint_json_put_i64(w, "total_us", f->total_ns / 1000);
}

static void put_health(struct glint_json_writer *w, uint32_t health)
{
    glint_json_put_array(w, "health");
    for (int i = 0; i < GLINT_HEALTH_COUNT; i++)
        if (health & GLINT_HEALTH_BIT(i))
            glint_json_put_text(w, NULL, glint_health_name((enum glint_health)i));
    glint_json_put_end(w);
}

static void put_pose(struct glint_json_writer *w, const struct glint_frame *f)
{
    if (!f->has_pose)
        return;
    glint_json_put_object(w, "pose");
    glint_json_put_f64s(w, "position", f->pose_position, 3);
    glint_json_put_f64s(w, "rotation", f->pose_rotation, 4);
    glint_json_put_end(w);
}

static void put_all(struct glint_json_writer *w, const struct glint_frame *f,
                    const struct glint_sink_context *c)
{
    char stamp[24];
    snprintf(stamp, sizeof stamp, "%lld", (long long)f->stamp_ns);
    glint_json_put_object(w, NULL);
    put_count(w, "frame", f->index);
    glint_json_put_text(w, "stamp_ns", stamp);
    glint_json_put_text(w, "source", f->source);
    glint_json_put_text(w, "name", f->name);
    glint_json_put_text(w, "missing", f->missing);
    glint_json_put_f64(w, "coverage", rounded(f->coverage));
    glint_json_put_i64(w, "points", f->points.n);
    put_health(w, f->health);
    put_pose(w, f);
    put_boxes(w, f, c);
    put_loss(w, &f->loss);
    put_latency(w, f);
    glint_json_put_end(w);
}

/* ---- points ---- */

static uint8_t *put_array(uint8_t *at, const void *values, size_t bytes)
{
    memcpy(at, values, bytes);
    memset(at + bytes, 0, padded(bytes) - bytes);
    return at + padded(bytes);
}

static uint8_t *put_intensity(uint8_t *at, const float *intensity, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float v = intensity[i] > 0.0f ? intensity[i] < 1.0f ? intensity[i] : 1.0f : 0.0f; /* NaN: 0 */
        const uint16_t u = (uint16_t)(v * 65535.0f + 0.5f);
        memcpy(at + 2 * i, &u, 2);
    }
    memset(at + 2 * n, 0, padded(2 * n) - 2 * n);
    return at + padded(2 * n);
}

static void put_points(uint8_t *at, const struct glint_frame *f)
{
    const struct glint_points *p = &f->points;
    const size_t n = (size_t)p->n;
    at = put_array(at, p->x, 4 * n);
    at = put_array(at, p->y, 4 * n);
    at = put_array(at, p->z, 4 * n);
    at = put_array(at, p->offset_ns, 4 * n);
    at = put_intensity(at, p->intensity, n);
    at = put_array(at, p->ring, 2 * n);
    if (f->has_masks) {
        at = put_array(at, f->point_instance, 2 * n);
        put_array(at, f->point_class, n);
    } else {
        memset(at, 0, padded(2 * n));
        memset(at + padded(2 * n), 255, padded(n));
    }
}

static struct glint_message *whole(const struct glint_frame *f, const char *json, size_t json_size)
{
    const uint32_t head[4] = {GLINT_PAGE_FRAME_MAGIC, (uint32_t)padded(json_size), (uint32_t)f->points.n,
                              f->has_masks};
    struct glint_message *m =
        glint_message_new(HEAD + padded(json_size) + array_bytes((size_t)f->points.n), false);
    if (!m)
        return NULL;
    memcpy(m->bytes, head, HEAD); /* little endian, as every machine this runs on */
    memcpy(m->bytes + HEAD, json, json_size);
    memset(m->bytes + HEAD + json_size, ' ', padded(json_size) - json_size);
    put_points(m->bytes + HEAD + padded(json_size), f);
    return m;
}

struct glint_message *glint_page_frame(const struct glint_frame *frame,
                                       const struct glint_sink_context *context)
{
    struct glint_json_writer w;
    struct glint_message *m = NULL;
    glint_json_writer_init(&w, 0);
    put_all(&w, frame, context);
    if (glint_json_writer_finish(&w) == GLINT_OK)
        m = whole(frame, w.text, w.size);
    glint_json_writer_fini(&w);
    return m;
}
