/* io/waymo_frame.c - see waymo_frame.h. The message itself is small and read first; then every image of every
 * frame is a piece of work of its own for the pool (inflate, unpack, check), and in a second round every
 * return's points. Memory for the work belongs to workers, memory for results to frames. */
#include "io/waymo_frame.h"
#include "core/cpu.h"
#include "io/inflate.h"
#include "io/proto_memory.h"
#include "io/waymo.pb-c.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LIMIT ((size_t)256 << 20) /* memory of an unpacked frame, images still compressed */
#define MATRIX_LIMIT ((size_t)192 << 20) /* of an unpacked image */
#define INFLATE_LIMIT                                                                                        \
    ((size_t)40 << 20) /* of an inflated one: poses of the most pixels, floats one by one                    \
                        */
#define CAP_LABELS (1 << 16)

enum kind { RANGE, POSE, LABEL };

/* An image of a frame: where it comes from and what became of it. */
struct part {
    ProtobufCBinaryData compressed; /* size 0: there is none */
    int32_t dims[3];
    void *data; /* 4 bytes an element; kept for later frames */
    size_t cap;
};

struct slot { /* a frame */
    struct glint_waymo_frame frame;
    struct glint_proto_memory memory;
    const Glint__Waymo__Frame *message;
    char where[1100]; /* "PATH: record 1 at byte 55447" */
    struct part part[GLINT_WAYMO_LASERS][GLINT_WAYMO_RETURNS][3];
    double *inclination[GLINT_WAYMO_LASERS];
    int32_t cap_inclination[GLINT_WAYMO_LASERS];
    int status[GLINT_WAYMO_LASERS][GLINT_WAYMO_RETURNS]
              [3]; /* of the parts: pieces of work write their own alone */
    char reason[GLINT_WAYMO_LASERS][GLINT_WAYMO_RETURNS][3][320];
    int whole_status;
    char whole_reason[1400];
};

struct worker {
    struct glint_inflate *inflate;
    struct glint_proto_memory memory;
};

struct glint_waymo_reader {
    struct glint_pool *pool;
    int32_t n_frames, n_workers, n; /* n: of the present read */
    struct slot *slots;
    struct worker *workers;
    unsigned isa;
    enum glint_waymo_parts parts;
    const char *path;
    const struct glint_record *records;
};

const char *glint_waymo_laser_name(int32_t laser)
{
    static const char *const names[] = {"TOP", "FRONT", "SIDE_LEFT", "SIDE_RIGHT", "REAR"};
    return laser >= 0 && laser < GLINT_WAYMO_LASERS ? names[laser] : "?";
}

/* ---- the message ---- */

static const char *text_of(const char *text)
{
    return text ? text : "";
}

static int take_matrix4(const struct slot *s, const char *what, const Glint__Waymo__Transform *from,
                        double *to)
{
    if (!from || from->n_transform != 16)
        return glint_fail(GLINT_E_FORMAT, "%s: %s has %zu numbers, 16 expected", s->where, what,
                          from ? from->n_transform : 0);
    for (int i = 0; i < 16; i++)
        if (!isfinite(from->transform[i]))
            return glint_fail(GLINT_E_FORMAT, "%s: %s: number %d is not finite", s->where, what, i);
    memcpy(to, from->transform, 16 * sizeof *to);
    return GLINT_OK;
}

static struct glint_waymo_label label_of(const Glint__Waymo__Label *from)
{
    struct glint_waymo_label to = {
        .id = text_of(from->id),
        .type = from->type,
        .detection_difficulty = from->detection_difficulty_level,
        .tracking_difficulty = from->tracking_difficulty_level,
        .n_points = from->num_lidar_points_in_box,
        .n_top_points = from->num_top_lidar_points_in_box,
    };
    const Glint__Waymo__Box *b = from->box;
    if (b) {
        memcpy(to.center, (double[]){b->center_x, b->center_y, b->center_z}, sizeof to.center);
        memcpy(to.size, (double[]){b->length, b->width, b->height}, sizeof to.size);
        to.heading = b->heading;
    }
    if (from->metadata) {
        to.speed[0] = from->metadata->speed_x;
        to.speed[1] = from->metadata->speed_y;
    }
    return to;
}

static int take_labels(struct slot *s)
{
    const Glint__Waymo__Frame *m = s->message;
    struct glint_waymo_frame *f = &s->frame;
    if (m->n_laser_labels > CAP_LABELS || m->n_no_label_zones > CAP_LABELS)
        return glint_fail(GLINT_E_FORMAT, "%s: %zu labels and %zu zones; at most %d expected", s->where,
                          m->n_laser_labels, m->n_no_label_zones, CAP_LABELS);
    f->labels = glint_proto_memory_take(&s->memory, m->n_laser_labels * sizeof *f->labels);
    f->zones = glint_proto_memory_take(&s->memory, m->n_no_label_zones * sizeof *f->zones);
    if (!f->labels || !f->zones)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for its labels", s->where);
    for (size_t i = 0; i < m->n_laser_labels; i++)
        f->labels[i] = label_of(m->laser_labels[i]);
    for (size_t i = 0; i < m->n_no_label_zones; i++) {
        const Glint__Waymo__Polygon2d *p = m->no_label_zones[i];
        if (p->n_x != p->n_y)
            return glint_fail(GLINT_E_FORMAT, "%s: no-label zone %zu has %zu x and %zu y", s->where, i,
                              p->n_x, p->n_y);
        f->zones[i] = (struct glint_waymo_zone){text_of(p->id), p->x, p->y, (int32_t)p->n_x};
    }
    f->n_labels = (int32_t)m->n_laser_labels;
    f->n_zones = (int32_t)m->n_no_label_zones;
    return GLINT_OK;
}

static void take_image(struct slot *s, int32_t laser, int32_t ret, const Glint__Waymo__RangeImage *from)
{
    struct part *part = s->part[laser][ret];
    if (!from)
        return;
    part[RANGE].compressed = from->range_image_compressed;
    part[POSE].compressed = from->range_image_pose_compressed;
    part[LABEL].compressed = from->segmentation_label_compressed;
    if (ret == 1) /* the first return's are for both */
        part[POSE].compressed.len = 0;
}

static int take_lasers(struct slot *s)
{
    bool seen[GLINT_WAYMO_LASERS] = {false};
    for (size_t i = 0; i < s->message->n_lasers; i++) {
        const Glint__Waymo__Laser *from = s->message->lasers[i];
        const int32_t laser = from->name - 1;
        if (laser < 0 || laser >= GLINT_WAYMO_LASERS || seen[laser])
            return glint_fail(GLINT_E_FORMAT, "%s: lidar %zu has the name %d: 1 to 5, each once, expected",
                              s->where, i, from->name);
        seen[laser] = true;
        take_image(s, laser, 0, from->ri_return1);
        take_image(s, laser, 1, from->ri_return2);
    }
    return GLINT_OK;
}

static void clear_frame(struct slot *s)
{
    struct glint_waymo_frame *f = &s->frame;
    struct glint_range_points points[GLINT_WAYMO_LASERS][GLINT_WAYMO_RETURNS];
    for (int l = 0; l < GLINT_WAYMO_LASERS; l++)
        for (int r = 0; r < GLINT_WAYMO_RETURNS; r++) {
            points[l][r] = f->laser[l].image[r].points;
            points[l][r].n = 0;
            for (int k = 0; k < 3; k++)
                s->part[l][r][k].compressed.len = 0;
        }
    *f = (struct glint_waymo_frame){.context = "", .time_of_day = "", .location = "", .weather = ""};
    for (int l = 0; l < GLINT_WAYMO_LASERS; l++)
        for (int r = 0; r < GLINT_WAYMO_RETURNS; r++)
            f->laser[l].image[r].points = points[l][r];
    memset(s->status, 0, sizeof s->status);
}

static int read_message(struct slot *s, const char *path, const struct glint_record *record)
{
    struct ProtobufCAllocator allocator;
    struct glint_waymo_frame *f = &s->frame;
    clear_frame(s);
    snprintf(s->where, sizeof s->where, "%.1000s: record %lld at byte %llu", path, (long long)record->number,
             (unsigned long long)record->offset);
    glint_proto_memory_reset(&s->memory);
    glint_proto_memory_allocator(&s->memory, &allocator);
    const Glint__Waymo__Frame *m = glint__waymo__frame__unpack(&allocator, record->size, record->data);
    if (!m)
        return glint_proto_memory_fail(&s->memory, s->where, "Frame");
    s->message = m;
    f->stamp_us = m->timestamp_micros;
    if (m->context) {
        f->context = text_of(m->context->name);
        const Glint__Waymo__Stats *stats = m->context->stats;
        f->time_of_day = text_of(stats ? stats->time_of_day : NULL);
        f->location = text_of(stats ? stats->location : NULL);
        f->weather = text_of(stats ? stats->weather : NULL);
    }
    f->has_pose = m->pose && m->pose->n_transform > 0;
    if (f->has_pose)
        GLINT_TRY(take_matrix4(s, "the vehicle's pose", m->pose, f->pose));
    GLINT_TRY(take_labels(s));
    return take_lasers(s);
}

/* ---- images ---- */

/* Shape and number of elements of a matrix. */
static int check_shape(struct part *part, const char *what, const Glint__Waymo__MatrixShape *shape, size_t n,
                       int channels)
{
    const size_t n_dims = shape ? shape->n_dims : 0;
    if (n_dims != 3 && !(n_dims == 2 && channels == 0))
        return glint_fail(GLINT_E_FORMAT, "%s: %zu dimensions, expected [height, width, channels]", what,
                          n_dims);
    int64_t pixels = 1;
    part->dims[2] = 1;
    for (size_t i = 0; i < n_dims; i++) {
        part->dims[i] = shape->dims[i];
        if (part->dims[i] < 1 || part->dims[i] > GLINT_WAYMO_CAP_PIXELS)
            return glint_fail(GLINT_E_FORMAT, "%s: dimension %zu is %d, 1 to %d expected", what, i,
                              part->dims[i], GLINT_WAYMO_CAP_PIXELS);
        pixels *= i < 2 ? part->dims[i] : 1;
    }
    const bool fits = channels ? part->dims[2] == channels : part->dims[2] <= 2;
    if (!fits || pixels > GLINT_WAYMO_CAP_PIXELS)
        return glint_fail(GLINT_E_FORMAT, "%s: [%d, %d, %d]: %s%d channels and at most %d pixels expected",
                          what, part->dims[0], part->dims[1], part->dims[2], channels ? "" : "at most ",
                          channels ? channels : 2, GLINT_WAYMO_CAP_PIXELS);
    if ((uint64_t)n != (uint64_t)pixels * (uint64_t)part->dims[2])
        return glint_fail(GLINT_E_FORMAT, "%s: [%d, %d, %d] with %zu numbers", what, part->dims[0],
                          part->dims[1], part->dims[2], n);
    return GLINT_OK;
}

/* Keeps n elements of 4 bytes. */
static int keep(struct part *part, const char *what, const void *data, size_t n)
{
    if (n > part->cap) {
        free(part->data);
        part->data = malloc(n * 4);
        part->cap = part->data ? n : 0;
        if (!part->data)
            return glint_fail(GLINT_E_NOMEM, "%s: no memory for %zu numbers", what, n);
    }
    memcpy(part->data, data, n * 4);
    return GLINT_OK;
}

static int read_floats(struct worker *w, struct part *part, const char *what, const uint8_t *data,
                       size_t size, int channels)
{
    struct ProtobufCAllocator allocator;
    glint_proto_memory_allocator(&w->memory, &allocator);
    const Glint__Waymo__MatrixFloat *m = glint__waymo__matrix_float__unpack(&allocator, size, data);
    if (!m)
        return glint_proto_memory_fail(&w->memory, what, "MatrixFloat");
    GLINT_TRY(check_shape(part, what, m->shape, m->n_data, channels));
    return keep(part, what, m->data, m->n_data);
}

static int read_integers(struct worker *w, struct part *part, const char *what, const uint8_t *data,
                         size_t size)
{
    struct ProtobufCAllocator allocator;
    glint_proto_memory_allocator(&w->memory, &allocator);
    const Glint__Waymo__MatrixInt32 *m = glint__waymo__matrix_int32__unpack(&allocator, size, data);
    if (!m)
        return glint_proto_memory_fail(&w->memory, what, "MatrixInt32");
    GLINT_TRY(check_shape(part, what, m->shape, m->n_data, 0));
    return keep(part, what, m->data, m->n_data);
}

static int read_part(struct worker *w, struct part *part, const char *what, enum kind kind)
{
    const uint8_t *data;
    size_t size;
    GLINT_TRY(w->inflate ? GLINT_OK : glint_inflate_open(&w->inflate));
    GLINT_TRY(glint_inflate_run(w->inflate, what, part->compressed.data, part->compressed.len, INFLATE_LIMIT,
                                &data, &size));
    glint_proto_memory_reset(&w->memory);
    if (kind == LABEL)
        return read_integers(w, part, what, data, size);
    return read_floats(w, part, what, data, size, kind == POSE ? GLINT_RANGE_POSE : GLINT_RANGE_CHANNELS);
}

/* Pieces of work: images of all frames, those of one kind and lidar behind each other, TOP's, which are the
 * largest, first. */
#define PIECES (GLINT_WAYMO_LASERS * GLINT_WAYMO_RETURNS * 3)

static void read_pieces(void *ctx, int64_t begin, int64_t end, int worker)
{
    static const char *const kinds[] = {"range image", "pixel poses", "segmentation"};
    struct glint_waymo_reader *r = ctx;
    for (int64_t i = begin; i < end; i++) {
        struct slot *s = &r->slots[i % r->n];
        const int64_t piece = i / r->n;
        const int laser = (int)(piece / (GLINT_WAYMO_RETURNS * 3)), ret = (int)(piece / 3 % 2),
                  kind = (int)(piece % 3);
        struct part *part = &s->part[laser][ret][kind];
        if (s->whole_status != GLINT_OK || part->compressed.len == 0 ||
            (kind == LABEL && r->parts != GLINT_WAYMO_CLASSES))
            continue;
        char what[64];
        snprintf(what, sizeof what, "%s, return %d, %s", glint_waymo_laser_name(laser), ret + 1, kinds[kind]);
        s->status[laser][ret][kind] = read_part(&r->workers[worker], part, what, (enum kind)kind);
        if (s->status[laser][ret][kind] < 0)
            snprintf(s->reason[laser][ret][kind], sizeof s->reason[0][0][0], "%s", glint_error_text());
    }
}

/* The first failure of a frame's pieces, in the order of lidars, becomes the frame's. */
static void gather(struct slot *s)
{
    for (int i = 0; i < PIECES && s->whole_status == GLINT_OK; i++) {
        const int laser = i / 6, ret = i / 3 % 2, kind = i % 3;
        s->whole_status = s->status[laser][ret][kind];
        if (s->whole_status < 0)
            snprintf(s->whole_reason, sizeof s->whole_reason, "%s: %s", s->where,
                     s->reason[laser][ret][kind]);
    }
}

/* ---- lidars ---- */

static const Glint__Waymo__LaserCalibration *calibration_of(const struct slot *s, int32_t laser)
{
    const Glint__Waymo__Context *c = s->message->context;
    for (size_t i = 0; c && i < c->n_laser_calibrations; i++)
        if (c->laser_calibrations[i]->name == laser + 1)
            return c->laser_calibrations[i];
    return NULL;
}

/* The list ascends and the first row is the highest. */
static int take_inclinations(struct slot *s, int32_t laser, int32_t height,
                             const Glint__Waymo__LaserCalibration *from)
{
    if (height > s->cap_inclination[laser]) {
        free(s->inclination[laser]);
        s->inclination[laser] = malloc((size_t)height * sizeof *s->inclination[laser]);
        s->cap_inclination[laser] = s->inclination[laser] ? height : 0;
        if (!s->inclination[laser])
            return glint_fail(GLINT_E_NOMEM, "%s: no memory for inclinations", s->where);
    }
    double *to = s->inclination[laser];
    const double lo = from->beam_inclination_min, hi = from->beam_inclination_max;
    if (from->n_beam_inclinations != 0 && from->n_beam_inclinations != (size_t)height)
        return glint_fail(GLINT_E_FORMAT, "%s: %s has %zu beam inclinations, its image %d rows", s->where,
                          glint_waymo_laser_name(laser), from->n_beam_inclinations, height);
    for (int32_t v = 0; v < height; v++) {
        const int32_t i = height - 1 - v;
        to[v] = from->n_beam_inclinations ? from->beam_inclinations[i] : lo + (i + 0.5) / height * (hi - lo);
        if (!isfinite(to[v]))
            return glint_fail(GLINT_E_FORMAT, "%s: %s: inclination %d is not finite", s->where,
                              glint_waymo_laser_name(laser), i);
    }
    s->frame.laser[laser].inclination = to;
    return GLINT_OK;
}

static int same_size(const struct slot *s, int32_t laser, const struct part *a, const struct part *b)
{
    if (a->dims[0] == b->dims[0] && a->dims[1] == b->dims[1])
        return GLINT_OK;
    return glint_fail(GLINT_E_FORMAT, "%s: images of %s of [%d, %d] and [%d, %d] pixels, the same expected",
                      s->where, glint_waymo_laser_name(laser), a->dims[0], a->dims[1], b->dims[0],
                      b->dims[1]);
}

/* Puts the images of a lidar into the frame and checks that they fit each other. */
static int put_laser(struct slot *s, int32_t laser, bool labels)
{
    struct glint_waymo_laser *to = &s->frame.laser[laser];
    const struct part *first = NULL;
    for (int r = 0; r < GLINT_WAYMO_RETURNS; r++) {
        const struct part *part = s->part[laser][r];
        if (part[RANGE].compressed.len == 0)
            continue;
        first = first ? first : &part[RANGE];
        GLINT_TRY(same_size(s, laser, first, &part[RANGE]));
        to->image[r].height = part[RANGE].dims[0];
        to->image[r].width = part[RANGE].dims[1];
        to->image[r].pixel = part[RANGE].data;
        if (labels && part[LABEL].compressed.len > 0) {
            GLINT_TRY(same_size(s, laser, first, &part[LABEL]));
            to->image[r].label = part[LABEL].data;
            to->image[r].n_label = part[LABEL].dims[2];
        }
    }
    if (!first)
        return GLINT_OK;
    const struct part *pose = &s->part[laser][0][POSE];
    if (pose->compressed.len > 0) {
        GLINT_TRY(same_size(s, laser, first, pose));
        to->pose = pose->data;
    }
    if (laser == 0 && !to->pose)
        return glint_fail(GLINT_E_FORMAT, "%s: TOP has no pixel poses", s->where);
    if (to->pose && !s->frame.has_pose)
        return glint_fail(GLINT_E_FORMAT, "%s: pixels have poses, the vehicle has none", s->where);
    const Glint__Waymo__LaserCalibration *from = calibration_of(s, laser);
    if (!from)
        return glint_fail(GLINT_E_FORMAT, "%s: %s has an image and no calibration", s->where,
                          glint_waymo_laser_name(laser));
    GLINT_TRY(take_matrix4(s, "a lidar's extrinsic", from->extrinsic, to->extrinsic));
    return take_inclinations(s, laser, first->dims[0], from);
}

static void put_lasers(struct slot *s, bool labels)
{
    for (int32_t l = 0; l < GLINT_WAYMO_LASERS && s->whole_status == GLINT_OK; l++) {
        s->whole_status = put_laser(s, l, labels);
        if (s->whole_status < 0)
            snprintf(s->whole_reason, sizeof s->whole_reason, "%s", glint_error_text());
    }
}

/* ---- points ---- */

static void make_points(void *ctx, int64_t begin, int64_t end, int worker)
{
    struct glint_waymo_reader *r = ctx;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        struct slot *s = &r->slots[i % r->n];
        const int laser = (int)(i / r->n / 2), ret = (int)(i / r->n % 2);
        struct glint_waymo_laser *l = &s->frame.laser[laser];
        struct glint_waymo_image *image = &l->image[ret];
        if (s->whole_status != GLINT_OK || image->height == 0)
            continue;
        const struct glint_range_image from = {image->height,  image->width, image->pixel, l->pose,
                                               l->inclination, l->extrinsic, s->frame.pose};
        int *status = &s->status[laser][ret][RANGE];
        *status = glint_range_image_points(&from, r->isa, &image->points);
        if (*status < 0)
            snprintf(s->reason[laser][ret][RANGE], sizeof s->reason[0][0][0], "%s, return %d: %s",
                     glint_waymo_laser_name(laser), ret + 1, glint_error_text());
    }
}

/* ---- the reader ---- */

static void read_messages(void *ctx, int64_t begin, int64_t end, int worker)
{
    struct glint_waymo_reader *r = ctx;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        struct slot *s = &r->slots[i];
        s->whole_status = read_message(s, r->path, &r->records[i]);
        if (s->whole_status < 0)
            snprintf(s->whole_reason, sizeof s->whole_reason, "%s", glint_error_text());
    }
}

void glint_waymo_read(struct glint_waymo_reader *r, const char *path, const struct glint_record *records,
                      int32_t n, enum glint_waymo_parts parts)
{
    r->n = n < r->n_frames ? n : r->n_frames;
    r->parts = parts;
    r->path = path;
    r->records = records;
    glint_pool_for(r->pool, r->n, 1, read_messages, r);
    if (parts == GLINT_WAYMO_LABELS)
        return;
    glint_pool_for(r->pool, (int64_t)PIECES * r->n, 1, read_pieces, r);
    for (int32_t i = 0; i < r->n; i++) {
        gather(&r->slots[i]);
        put_lasers(&r->slots[i], parts == GLINT_WAYMO_CLASSES);
    }
    glint_pool_for(r->pool, (int64_t)GLINT_WAYMO_LASERS * GLINT_WAYMO_RETURNS * r->n, 1, make_points, r);
    for (int32_t i = 0; i < r->n; i++)
        gather(&r->slots[i]);
}

int glint_waymo_reader_frame(const struct glint_waymo_reader *r, int32_t i,
                             const struct glint_waymo_frame **frame_out)
{
    const struct slot *s = &r->slots[i];
    *frame_out = s->whole_status == GLINT_OK ? &s->frame : NULL;
    return s->whole_status == GLINT_OK ? GLINT_OK : glint_fail(s->whole_status, "%s", s->whole_reason);
}

int glint_waymo_reader_open(int32_t n_frames, struct glint_pool *pool, struct glint_waymo_reader **reader_out)
{
    struct glint_waymo_reader *r = calloc(1, sizeof *r);
    *reader_out = r;
    if (r) {
        r->pool = pool;
        r->isa = glint_cpu_isa();
        r->n_workers = glint_pool_threads(pool);
        r->slots = calloc((size_t)n_frames, sizeof *r->slots);
        r->workers = calloc((size_t)r->n_workers, sizeof *r->workers);
        r->n_frames = r->slots ? n_frames : 0;
        r->n_workers = r->workers ? r->n_workers : 0;
    }
    if (!r || !r->slots || !r->workers) {
        glint_waymo_reader_close(r);
        *reader_out = NULL;
        return glint_fail(GLINT_E_NOMEM, "no memory to read frames");
    }
    for (int32_t i = 0; i < n_frames; i++)
        glint_proto_memory_init(&r->slots[i].memory, HEADER_LIMIT);
    for (int32_t i = 0; i < r->n_workers; i++)
        glint_proto_memory_init(&r->workers[i].memory, MATRIX_LIMIT);
    return GLINT_OK;
}

static void slot_fini(struct slot *s)
{
    glint_proto_memory_fini(&s->memory);
    for (int l = 0; l < GLINT_WAYMO_LASERS; l++) {
        free(s->inclination[l]);
        for (int r = 0; r < GLINT_WAYMO_RETURNS; r++) {
            glint_range_points_fini(&s->frame.laser[l].image[r].points);
            for (int k = 0; k < 3; k++)
                free(s->part[l][r][k].data);
        }
    }
}

void glint_waymo_reader_close(struct glint_waymo_reader *r)
{
    if (!r)
        return;
    for (int32_t i = 0; i < r->n_frames; i++)
        slot_fini(&r->slots[i]);
    for (int32_t i = 0; i < r->n_workers; i++) {
        glint_inflate_close(r->workers[i].inflate);
        glint_proto_memory_fini(&r->workers[i].memory);
    }
    free(r->slots);
    free(r->workers);
    free(r);
}
