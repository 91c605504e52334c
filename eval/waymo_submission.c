/* eval/waymo_submission.c - see waymo_submission.h. Objects are packed one by one by protobuf-c; files are
 * walked with eval/wire.h and each object unpacked in bounded memory. */
#include "eval/waymo_submission.h"
#include "eval/waymo_within.h"
#include "eval/wire.h"
#include "io/proto_memory.h"
#include "io/waymo.pb-c.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS_FIELD 1                 /* of Objects */
#define RESULTS_FIELD 11                /* of Submission */
#define OBJECT_LIMIT  ((size_t)1 << 20) /* memory of one object */

/* ---- what the server refuses ---- */

/* NULL: nothing. */
static const char *objection(const struct glint_waymo_prediction *r)
{
    const double numbers[9] = {r->center[0], r->center[1], r->center[2], r->size[0], r->size[1],
                               r->size[2],   r->heading,   r->speed[0],  r->speed[1]};
    if (!r->context || !r->context[0])
        return "no context_name";
    if (r->stamp_us <= 0)
        return "frame_timestamp_micros is not positive";
    if (r->type < 1 || r->type > 4)
        return "type is none of 1 (vehicle), 2 (pedestrian), 3 (sign), 4 (cyclist)";
    for (int i = 0; i < 9; i++)
        if (!isfinite(numbers[i]))
            return "a number of the box or its speed is not finite";
    if (!(r->size[0] > 0 && r->size[1] > 0 && r->size[2] > 0))
        return "length, width or height is not positive";
    if (!(r->score >= 0 && r->score <= 1))
        return "score is not within 0..1";
    return NULL;
}

/* ---- writing ---- */

static void put_varint(struct glint_buffer *b, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (uint8_t)(value & 127) | (uint8_t)(value > 127 ? 128 : 0);
        value >>= 7;
    } while (value);
    glint_buffer_add(b, bytes, n);
}

static void put_bytes_head(struct glint_buffer *b, uint32_t field, size_t size)
{
    put_varint(b, (uint64_t)field << 3 | GLINT_WIRE_BYTES);
    put_varint(b, size);
}

static char *text(const char *s)
{
    return (char *)(uintptr_t)s; /* protobuf-c's strings are not const; packing reads them only */
}

static int pack_object(struct glint_buffer *b, const Glint__Waymo__Object *o)
{
    const size_t size = glint__waymo__object__get_packed_size(o);
    put_bytes_head(b, OBJECTS_FIELD, size);
    uint8_t *room = glint_buffer_room(b, size);
    if (!room)
        return glint_fail(GLINT_E_NOMEM, "no memory for results");
    b->size += glint__waymo__object__pack(o, room);
    return GLINT_OK;
}

int glint_waymo_put_prediction(struct glint_buffer *objects, const struct glint_waymo_prediction *r)
{
    Glint__Waymo__Box box = GLINT__WAYMO__BOX__INIT;
    Glint__Waymo__Metadata metadata = GLINT__WAYMO__METADATA__INIT;
    Glint__Waymo__Label label = GLINT__WAYMO__LABEL__INIT;
    Glint__Waymo__Object object = GLINT__WAYMO__OBJECT__INIT;
    const char *reason = objection(r);
    if (reason)
        return glint_fail(GLINT_E_FORMAT, "a result at %" PRId64 " us: %s", r->stamp_us, reason);
    box.has_center_x = box.has_center_y = box.has_center_z = box.has_length = box.has_width = box.has_height =
        box.has_heading = 1;
    box.center_x = r->center[0];
    box.center_y = r->center[1];
    box.center_z = r->center[2];
    box.length = r->size[0];
    box.width = r->size[1];
    box.height = r->size[2];
    box.heading = r->heading;
    metadata.has_speed_x = metadata.has_speed_y = 1;
    metadata.speed_x = r->speed[0];
    metadata.speed_y = r->speed[1];
    label.box = &box;
    label.metadata = r->has_speed ? &metadata : NULL;
    label.has_type = 1;
    label.type = r->type;
    label.id = r->id && r->id[0] ? text(r->id) : NULL;
    object.object = &label;
    object.has_score = object.has_frame_timestamp_micros = 1;
    object.score = r->score;
    object.has_overlap_with_nlz = r->in_zone;
    object.overlap_with_nlz = r->in_zone;
    object.context_name = text(r->context);
    object.frame_timestamp_micros = r->stamp_us;
    return pack_object(objects, &object);
}

int glint_waymo_objects_write(const char *path, const struct glint_buffer *objects)
{
    return glint_output_write(path, objects);
}

/* "A. One, B. Two" to a list; at most cap of them, in `copy`. */
static size_t split(char *copy, char **list, size_t cap)
{
    size_t n = 0;
    for (char *p = copy; p && *p && n < cap;) {
        char *comma = strchr(p, ',');
        if (comma)
            *comma = 0;
        p += strspn(p, " ");
        if (*p)
            list[n++] = p;
        p = comma ? comma + 1 : NULL;
    }
    return n;
}

int glint_waymo_submission_write(const char *path, const struct glint_waymo_submission *about,
                                 const struct glint_buffer *objects)
{
    char authors[1024], *list[64];
    Glint__Waymo__Submission s = GLINT__WAYMO__SUBMISSION__INIT;
    struct glint_buffer out = {0};
    if (!about->account || !about->account[0] || !about->method || !about->method[0])
        return glint_fail(GLINT_E_ARG, "%s: a submission needs the account's e-mail and a name of the method",
                          path);
    snprintf(authors, sizeof authors, "%s", about->authors ? about->authors : "");
    s.authors = list;
    s.n_authors = split(authors, list, sizeof list / sizeof list[0]);
    s.has_task = s.has_sensor_type = s.has_number_past_frames_exclude_current =
        s.has_number_future_frames_exclude_current = 1;
    s.task = (int32_t)about->task;
    s.sensor_type = 1; /* LIDAR_ALL */
    s.number_past_frames_exclude_current = about->past_frames;
    s.account_name = text(about->account);
    s.unique_method_name = text(about->method);
    s.affiliation = text(about->affiliation);
    s.description = text(about->description);
    s.method_link = text(about->link);
    s.has_latency_second = about->latency_s > 0;
    s.latency_second = about->latency_s;
    uint8_t *room = glint_buffer_room(&out, glint__waymo__submission__get_packed_size(&s));
    out.size = room ? glint__waymo__submission__pack(&s, room) : 0;
    put_bytes_head(&out, RESULTS_FIELD, objects->size);
    glint_buffer_add(&out, objects->data, objects->size);
    out.failed |= objects->failed;
    const int status = glint_output_write(path, &out);
    glint_buffer_fini(&out);
    return status;
}

/* ---- reading back ---- */

static const char *objection_to_head(const Glint__Waymo__Submission *s, bool tracking)
{
    if (s->task != (tracking ? GLINT_WAYMO_TASK_TRACKING_3D : GLINT_WAYMO_TASK_DETECTION_3D))
        return tracking ? "task is not 4 (TRACKING_3D)" : "task is not 2 (DETECTION_3D)";
    if (!s->account_name || !s->account_name[0])
        return "no account_name";
    return !s->unique_method_name || !s->unique_method_name[0] ? "no unique_method_name" : NULL;
}

/* All of a submission but its results. */
static int check_head(const char *path, const uint8_t *data, const struct glint_waymo_within *place,
                      size_t size, bool tracking)
{
    struct ProtobufCAllocator allocator;
    struct glint_proto_memory memory;
    struct glint_buffer head = {0};
    glint_proto_memory_init(&memory, OBJECT_LIMIT);
    glint_proto_memory_allocator(&memory, &allocator);
    glint_buffer_add(&head, data, place->field);
    glint_buffer_add(&head, data + place->end, size - place->end);
    const Glint__Waymo__Submission *s =
        head.failed ? NULL : glint__waymo__submission__unpack(&allocator, head.size, head.data);
    const char *reason = s ? objection_to_head(s, tracking) : NULL;
    int status = GLINT_OK;
    if (!s)
        status = glint_proto_memory_fail(&memory, path, "Submission");
    else if (reason)
        status = glint_fail(GLINT_E_FORMAT, "%s: %s", path, reason);
    glint_buffer_fini(&head);
    glint_proto_memory_fini(&memory);
    return status;
}

struct seen { /* an object with an id: hashes of its frame and of both */
    uint64_t frame, object;
    int64_t number;
};

struct walk {
    const char *path;
    const uint8_t *data;
    bool tracking;
    struct glint_proto_memory memory;
    struct glint_buffer seen; /* struct seen */
    int64_t n;
};

static uint64_t hash(uint64_t h, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) /* FNV-1a */
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h;
}

static void remember(struct walk *w, const Glint__Waymo__Object *o)
{
    const char *id = o->object->id ? o->object->id : "";
    struct seen s = {.number = w->n};
    s.frame = hash(UINT64_C(14695981039346656037), o->context_name, strlen(o->context_name) + 1);
    s.frame = hash(s.frame, &o->frame_timestamp_micros, sizeof o->frame_timestamp_micros);
    s.object = id[0] ? hash(hash(s.frame, id, strlen(id)), &o->object->type, sizeof o->object->type)
                     : hash(s.frame, &s.number, sizeof s.number);
    glint_buffer_add(&w->seen, &s, sizeof s);
}

static struct glint_waymo_prediction result_of(const Glint__Waymo__Object *o)
{
    struct glint_waymo_prediction r = {.context = o->context_name,
                                       .stamp_us = o->frame_timestamp_micros,
                                       .score = o->has_score ? o->score : 1};
    const Glint__Waymo__Label *l = o->object;
    if (!l)
        return r;
    r.type = l->type;
    r.id = l->id;
    if (l->box) {
        memcpy(r.center, (double[]){l->box->center_x, l->box->center_y, l->box->center_z}, sizeof r.center);
        memcpy(r.size, (double[]){l->box->length, l->box->width, l->box->height}, sizeof r.size);
        r.heading = l->box->heading;
    }
    if (l->metadata) {
        r.speed[0] = l->metadata->speed_x;
        r.speed[1] = l->metadata->speed_y;
    }
    return r;
}

static int check_object(struct walk *w, const struct glint_wire_field *f)
{
    struct ProtobufCAllocator allocator;
    glint_proto_memory_reset(&w->memory);
    glint_proto_memory_allocator(&w->memory, &allocator);
    const Glint__Waymo__Object *o = glint__waymo__object__unpack(&allocator, f->size, f->data);
    const struct glint_waymo_prediction r = o ? result_of(o) : (struct glint_waymo_prediction){0};
    const char *reason = !o ? "no valid Object message" : !o->object ? "no object" : objection(&r);
    if (!reason && w->tracking && (!r.id || !r.id[0]))
        reason = "no id, which tracking needs";
    if (reason)
        return glint_fail(GLINT_E_FORMAT, "%s: object %" PRId64 " at byte %zu: %s", w->path, w->n,
                          (size_t)(f->at - w->data), reason);
    remember(w, o);
    w->n++;
    return w->seen.failed ? glint_fail(GLINT_E_NOMEM, "%s: no memory for %" PRId64 " objects", w->path, w->n)
                          : GLINT_OK;
}

static int by_frame(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    if (x->object != y->object)
        return x->object < y->object ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static int check_ids(struct walk *w, struct glint_waymo_check *check)
{
    struct seen *s = (struct seen *)(void *)w->seen.data;
    if (w->n > 0)
        qsort(s, (size_t)w->n, sizeof *s, by_frame);
    for (int64_t i = 0; i < w->n; i++) {
        const bool same_frame = i > 0 && s[i].frame == s[i - 1].frame;
        check->n_frames += !same_frame;
        if (same_frame && s[i].object == s[i - 1].object)
            return glint_fail(GLINT_E_FORMAT,
                              "%s: objects %" PRId64 " and %" PRId64
                              " of one frame and type have the same id",
                              w->path, s[i - 1].number, s[i].number);
    }
    return GLINT_OK;
}

static int check_objects(struct walk *walk, size_t from, size_t end)
{
    struct glint_wire w = glint_wire_of(walk->path, walk->data, end);
    w.at += from;
    struct glint_wire_field f;
    int status;
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK)
        if (f.number == OBJECTS_FIELD && f.type == GLINT_WIRE_BYTES)
            GLINT_TRY(check_object(walk, &f));
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int check_file(const struct glint_file *file, bool tracking, struct glint_waymo_check *check)
{
    struct glint_waymo_within place;
    struct walk walk = {.path = file->path, .data = file->data, .tracking = tracking};
    GLINT_TRY(glint_waymo_within(file->path, file->data, file->size, &place));
    check->is_submission = place.is_submission;
    if (place.is_submission)
        GLINT_TRY(check_head(file->path, file->data, &place, file->size, tracking));
    glint_proto_memory_init(&walk.memory, OBJECT_LIMIT);
    int status = check_objects(&walk, place.from, place.end);
    check->n_objects = walk.n;
    if (status == GLINT_OK && walk.n == 0)
        status = glint_fail(GLINT_E_FORMAT, "%s: no object in it", file->path);
    if (status == GLINT_OK)
        status = check_ids(&walk, check);
    glint_proto_memory_fini(&walk.memory);
    glint_buffer_fini(&walk.seen);
    return status;
}

int glint_waymo_submission_check(const char *path, bool tracking, struct glint_waymo_check *check_out)
{
    struct glint_file file;
    *check_out = (struct glint_waymo_check){0};
    GLINT_TRY(glint_file_open(&file, path));
    const int status = check_file(&file, tracking, check_out);
    glint_file_close(&file);
    return status;
}
