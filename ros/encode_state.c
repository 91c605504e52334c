/* ros/encode_state.c - how it is going (diagnostic_msgs/DiagnosticArray) and where the vehicle is
 * (tf2_msgs/TFMessage). */
#include "ros/encode.h"
#include <inttypes.h>
#include <stdio.h>

/* ---- diagnostics ---- */

enum { OK = 0, WARN = 1 }; /* of DiagnosticStatus */
#define MOST_VALUES 40

struct values { /* key and value pairs, as text */
    uint32_t n;
    char key[MOST_VALUES][32], value[MOST_VALUES][32];
};

static void add(struct values *v, const char *key, const char *unit, double value, int decimals)
{
    if (v->n == MOST_VALUES)
        return;
    snprintf(v->key[v->n], sizeof v->key[0], "%s%s", key, unit);
    snprintf(v->value[v->n], sizeof v->value[0], "%.*f", decimals, value);
    v->n++;
}

static void add_count(struct values *v, const char *key, uint64_t value)
{
    if (v->n == MOST_VALUES)
        return;
    snprintf(v->key[v->n], sizeof v->key[0], "%s", key);
    snprintf(v->value[v->n], sizeof v->value[0], "%" PRIu64, value);
    v->n++;
}

static void add_loss(struct values *v, const struct glint_loss *loss)
{
    add_count(v, "packets_received", loss->packets_received);
    add_count(v, "packets_decoded", loss->packets_decoded);
    add_count(v, "packets_lost", loss->packets_lost);
    add_count(v, "packets_malformed", loss->packets_malformed);
    add_count(v, "packets_foreign", loss->packets_foreign);
    add_count(v, "packets_duplicate", loss->packets_duplicate);
    add_count(v, "packets_dropped", loss->packets_dropped);
    add_count(v, "points_dropped", loss->points_dropped);
    add_count(v, "points_clipped", loss->points_clipped);
    add_count(v, "frames_dropped", loss->frames_dropped);
    add_count(v, "frames_without_pose", loss->frames_without_pose);
    add_count(v, "sensors_missed", loss->sensors_missed);
}

static void put_count(void *ctx, const char *name, uint64_t value)
{
    add_count(ctx, name, value);
}

static void collect(const struct glint_ros_settings *settings, const struct glint_frame *frame,
                    struct values *v)
{
    v->n = 0;
    add_count(v, "frame", frame->index);
    add_count(v, "points", (uint64_t)frame->points.n);
    add_count(v, "boxes", (uint64_t)frame->n_boxes);
    if (frame->coverage >= 0)
        add(v, "coverage", "", (double)frame->coverage, 4);
    add_loss(v, &frame->loss);
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        if (frame->latency_ns[i] >= 0)
            add(v, glint_stage_name((enum glint_stage)i), "_ms", (double)frame->latency_ns[i] * 1e-6, 3);
    if (settings->account)
        settings->account(settings->account_ctx, put_count, v);
}

/* In what this very frame is degraded: "packets_lost, sensor_missing (left)"; "" in nothing. */
static void describe(const struct glint_frame *frame, char *text, size_t size)
{
    size_t n = 0;
    text[0] = 0;
    for (int i = 0; i < GLINT_HEALTH_COUNT && n < size; i++)
        if (frame->health & GLINT_HEALTH_BIT(i))
            n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "",
                                  glint_health_name((enum glint_health)i));
    if (frame->missing[0] && n < size)
        snprintf(text + n, size - n, " (%s)", frame->missing);
}

void glint_ros_put_diagnostics(struct glint_ros_encoder *e)
{
    struct glint_cdr *c = &e->cdr;
    struct values v;
    char text[768];
    collect(e->settings, e->frame, &v);
    describe(e->frame, text, sizeof text);
    glint_ros_put_header(e, "");
    glint_cdr_put_u32(c, 1);
    glint_cdr_put_u8(c, text[0] ? WARN : OK);
    glint_cdr_put_text(c, "glint: frames");
    glint_cdr_put_text(c, text[0] ? text : "ok");
    glint_cdr_put_text(c, e->frame->source);
    glint_cdr_put_u32(c, v.n);
    for (uint32_t i = 0; i < v.n; i++) {
        glint_cdr_put_text(c, v.key[i]);
        glint_cdr_put_text(c, v.value[i]);
    }
}

/* ---- tf ---- */

/* The vehicle in the world of the given poses. */
void glint_ros_put_tf(struct glint_ros_encoder *e)
{
    const double *p = e->frame->pose_position, *q = e->frame->pose_rotation; /* w x y z */
    glint_cdr_put_u32(&e->cdr, 1);
    glint_ros_put_header(e, e->settings->map_id);
    glint_cdr_put_text(&e->cdr, e->settings->frame_id);
    glint_ros_put_xyz(&e->cdr, p[0], p[1], p[2]);
    glint_ros_put_xyz(&e->cdr, q[1], q[2], q[3]);
    glint_cdr_put_f64(&e->cdr, q[0]);
}
