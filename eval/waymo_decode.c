/* eval/waymo_decode.c - see waymo_decode.h. */
#include "eval/waymo_decode.h"
#include <math.h>

/* The end of a message is no failure of the message around it. */
static int ended(int status)
{
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static bool is(const struct glint_wire_field *f, uint32_t number, enum glint_wire_type type)
{
    return f->number == number && f->type == type;
}

/* A value of an enumeration 0..most; others are as absent. */
static void take_enum(const struct glint_wire_field *f, uint32_t number, uint64_t most, uint8_t *out)
{
    if (is(f, number, GLINT_WIRE_VARINT) && f->value <= most)
        *out = (uint8_t)f->value;
}

#define LAST_CAMERA 8

/* ---- keys ---- */

int glint_waymo_decode_object_key(struct glint_wire w, struct glint_waymo_key *key)
{
    struct glint_wire_field f;
    uint8_t camera = 0;
    int status;
    *key = (struct glint_waymo_key){0};
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK) {
        if (is(&f, 4, GLINT_WIRE_BYTES)) {
            key->context = f.data;
            key->context_size = f.size;
        } else if (is(&f, 5, GLINT_WIRE_VARINT))
            key->stamp_us = (int64_t)f.value;
        else
            take_enum(&f, 6, LAST_CAMERA, &camera);
    }
    key->camera = camera;
    return ended(status);
}

static int decode_context_name(struct glint_wire w, struct glint_waymo_key *key)
{
    struct glint_wire_field f;
    int status;
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK)
        if (is(&f, 1, GLINT_WIRE_BYTES)) {
            key->context = f.data;
            key->context_size = f.size;
        }
    return ended(status);
}

int glint_waymo_decode_frame_key(struct glint_wire w, struct glint_waymo_key *key, int32_t *n_labels_out)
{
    struct glint_wire_field f;
    int status;
    *key = (struct glint_waymo_key){0};
    *n_labels_out = 0;
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK) {
        if (is(&f, 1, GLINT_WIRE_BYTES))
            GLINT_TRY(decode_context_name(glint_wire_inside(&w, &f), key));
        else if (is(&f, 2, GLINT_WIRE_VARINT))
            key->stamp_us = (int64_t)f.value;
        else if (is(&f, GLINT_WAYMO_FRAME_LASER_LABELS, GLINT_WIRE_BYTES))
            ++*n_labels_out;
    }
    return ended(status);
}

/* ---- objects ---- */

static int decode_box(struct glint_wire w, struct glint_waymo_box *box)
{
    double *const value[] = {&box->x,      &box->y,      &box->z,      &box->width,
                             &box->length, &box->height, &box->heading};
    struct glint_wire_field f;
    int status;
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK)
        if (f.type == GLINT_WIRE_64 && f.number <= 7) {
            *value[f.number - 1] = glint_wire_f64(&f);
            if (!isfinite(*value[f.number - 1]))
                return glint_wire_fail(&w, f.at, "a box has a value that is not finite");
        }
    return ended(status);
}

static int decode_metadata(struct glint_wire w, double *speed_out)
{
    struct glint_wire_field f;
    double v[2] = {0, 0};
    bool has[2] = {false, false};
    int status;
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK)
        if (f.type == GLINT_WIRE_64 && f.number <= 2) {
            v[f.number - 1] = glint_wire_f64(&f);
            has[f.number - 1] = true;
        }
    *speed_out = has[0] && has[1] ? sqrt(v[0] * v[0] + v[1] * v[1]) : 0;
    return ended(status);
}

static int8_t camera_by_name(const struct glint_wire_field *f)
{
    static const char *const names[] = {"UNKNOWN",    "FRONT",     "FRONT_LEFT", "FRONT_RIGHT", "SIDE_LEFT",
                                        "SIDE_RIGHT", "REAR_LEFT", "REAR",       "REAR_RIGHT"};
    for (int8_t i = 1; i <= LAST_CAMERA; i++)
        if (strlen(names[i]) == f->size && memcmp(names[i], f->data, f->size) == 0)
            return i;
    return 0;
}

static int decode_label(struct glint_wire w, struct glint_waymo_object *o)
{
    struct glint_wire_field f;
    int status;
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK) {
        if (is(&f, 1, GLINT_WIRE_BYTES))
            GLINT_TRY(decode_box(glint_wire_inside(&w, &f), &o->box));
        else if (is(&f, 2, GLINT_WIRE_BYTES))
            GLINT_TRY(decode_metadata(glint_wire_inside(&w, &f), &o->speed));
        else if (is(&f, 4, GLINT_WIRE_BYTES)) {
            o->id = (const char *)f.data;
            o->id_size = f.size;
        } else if (is(&f, 7, GLINT_WIRE_VARINT))
            o->n_points = (int32_t)(uint32_t)f.value;
        else if (is(&f, 11, GLINT_WIRE_BYTES))
            o->visible_camera = camera_by_name(&f);
        take_enum(&f, 3, GLINT_WAYMO_N_TYPES, &o->type);
        take_enum(&f, 5, 2, &o->detection_level);
        take_enum(&f, 6, 2, &o->tracking_level);
    }
    return ended(status);
}

static void init_object(struct glint_waymo_object *o, const uint8_t *at)
{
    *o = (struct glint_waymo_object){.at = at, .id = "", .score = 1, .visible_camera = -1};
}

int glint_waymo_decode_label(struct glint_wire w, struct glint_waymo_object *o)
{
    init_object(o, w.at);
    return decode_label(w, o);
}

int glint_waymo_decode_object(struct glint_wire w, struct glint_waymo_object *o)
{
    struct glint_wire_field f;
    int status;
    init_object(o, w.at);
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK) {
        if (is(&f, 1, GLINT_WIRE_BYTES))
            GLINT_TRY(decode_label(glint_wire_inside(&w, &f), o));
        else if (is(&f, 2, GLINT_WIRE_32)) {
            o->score = glint_wire_f32(&f);
            if (isnan(o->score))
                return glint_wire_fail(&w, f.at, "a score is not a number");
        } else if (is(&f, 3, GLINT_WIRE_VARINT))
            o->in_zone = f.value != 0;
        take_enum(&f, 6, LAST_CAMERA, &o->camera);
    }
    return ended(status);
}
