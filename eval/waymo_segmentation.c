/* eval/waymo_segmentation.c - see waymo_segmentation.h. */
#include "eval/waymo_segmentation.h"
#include "core/file.h"
#include "eval/waymo_index.h"
#include "eval/waymo_matrix.h"
#include "io/tfrecord.h"
#include <stdlib.h>
#include <string.h>

#define N_CLASSES (GLINT_WAYMO_N_CLASSES + 1)
#define TRUTH     0
#define RESULTS   1
#define TOP       1 /* of the lidars */

struct input {
    struct glint_file file;
    struct glint_tfrecord records;
    bool is_tfrecord, is_open;
};

struct glint_waymo_segmentation {
    struct input *input; /* ground truth, then results */
    int32_t n_inputs;
    struct glint_waymo_index index; /* a run per frame; its n is not used */
    bool skip_corrupt;
    int64_t n_damaged, n_frames;
    int64_t pixels[N_CLASSES][N_CLASSES]; /* by label, prediction */
};

static const struct glint_file *file_of(const struct input *input)
{
    return input->is_tfrecord ? &input->records.file : &input->file;
}

/* ---- opening ---- */

static int decode_key(struct glint_wire w, struct glint_waymo_key *key)
{
    struct glint_wire_field f;
    int status;
    *key = (struct glint_waymo_key){0};
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK)
        if (f.number == 2 && f.type == GLINT_WIRE_BYTES) {
            key->context = f.data;
            key->context_size = f.size;
        } else if (f.number == 3 && f.type == GLINT_WIRE_VARINT)
            key->stamp_us = (int64_t)f.value;
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int add(struct glint_waymo_segmentation *s, int side, const struct glint_waymo_key *key, int32_t file,
               uint64_t offset)
{
    struct glint_waymo_run run = {.offset = offset, .file = file, .n = 1};
    GLINT_TRY(glint_waymo_index_frame(&s->index, side, key, &run.frame));
    return glint_waymo_index_add(&s->index, side, &run, false);
}

static int index_list(struct glint_waymo_segmentation *s, int32_t number, int side)
{
    const struct glint_file *file = &s->input[number].file;
    struct glint_wire w = glint_wire_of(file->path, file->data, file->size);
    struct glint_wire_field f;
    struct glint_waymo_key key;
    int status;
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK)
        if (f.number == 1 && f.type == GLINT_WIRE_BYTES) {
            GLINT_TRY(decode_key(glint_wire_inside(&w, &f), &key));
            GLINT_TRY(add(s, side, &key, number, (uint64_t)(f.at - w.base)));
        }
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int index_records(struct glint_waymo_segmentation *s, int32_t number, int side)
{
    struct glint_tfrecord *t = &s->input[number].records;
    struct glint_record record;
    struct glint_waymo_key key;
    int32_t n_labels;
    int status;
    while ((status = glint_tfrecord_next(t, &record)) == GLINT_OK) {
        const struct glint_wire w = {t->file.path, t->file.data, record.data, record.data + record.size};
        GLINT_TRY(glint_waymo_decode_frame_key(w, &key, &n_labels));
        GLINT_TRY(add(s, side, &key, number, record.offset));
    }
    s->n_damaged += t->damage.bad_data + t->damage.bad_length + t->damage.truncated;
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int open_input(struct glint_waymo_segmentation *s, const char *path, int side)
{
    const int32_t number = s->n_inputs++;
    struct input *input = &s->input[number];
    GLINT_TRY(glint_file_open(&input->file, path));
    input->is_open = true;
    if (side == RESULTS || !glint_tfrecord_probe(input->file.data, input->file.size))
        return index_list(s, number, side);
    glint_file_close(&input->file);
    input->is_open = false;
    GLINT_TRY(glint_tfrecord_open(&input->records, path, s->skip_corrupt));
    input->is_open = input->is_tfrecord = true;
    return index_records(s, number, side);
}

static int open_all(struct glint_waymo_segmentation *s, const struct glint_waymo_inputs *inputs)
{
    s->skip_corrupt = inputs->skip_corrupt;
    for (int32_t i = 0; i < inputs->n_truth; i++)
        GLINT_TRY(open_input(s, inputs->truth[i], TRUTH));
    if (s->index.n_objects[TRUTH] == 0)
        return glint_fail(GLINT_E_FORMAT, "%s: no frame in it: there is nothing to compare with",
                          inputs->truth[0]);
    GLINT_TRY(open_input(s, inputs->results, RESULTS));
    return glint_waymo_index_finish(&s->index);
}

int glint_waymo_segmentation_open(const struct glint_waymo_inputs *inputs,
                                  struct glint_waymo_segmentation **metric_out)
{
    struct glint_waymo_segmentation *s = calloc(1, sizeof *s);
    *metric_out = NULL;
    if (s)
        s->input = calloc((size_t)inputs->n_truth + 1, sizeof *s->input);
    int status = s && s->input ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "out of memory");
    if (status == GLINT_OK)
        status = open_all(s, inputs);
    if (status < 0)
        glint_waymo_segmentation_close(s);
    else
        *metric_out = s;
    return status;
}

void glint_waymo_segmentation_close(struct glint_waymo_segmentation *s)
{
    if (!s)
        return;
    for (int32_t i = 0; i < s->n_inputs; i++) {
        if (s->input[i].is_open && s->input[i].is_tfrecord)
            glint_tfrecord_close(&s->input[i].records);
        else if (s->input[i].is_open)
            glint_file_close(&s->input[i].file);
    }
    free(s->input);
    glint_waymo_index_fini(&s->index);
    free(s);
}

/* ---- a frame's labels ---- */

struct labels {   /* the zlib streams of the TOP lidar's returns */
    int n_lasers; /* in the message */
    bool is_top;  /* the (last) one is the TOP lidar's */
    struct glint_wire stream[2];
    bool has[2];
};

static int decode_return(struct glint_wire w, struct glint_wire *stream_out, bool *has_out)
{
    struct glint_wire_field f;
    int status;
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK)
        if (f.number == 6 && f.type == GLINT_WIRE_BYTES) {
            *stream_out = glint_wire_inside(&w, &f);
            *has_out = f.size > 0;
        }
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int decode_laser(struct glint_wire w, struct labels *l)
{
    struct glint_wire_field f;
    int status;
    l->is_top = l->has[0] = l->has[1] = false;
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK)
        if (f.number == 1 && f.type == GLINT_WIRE_VARINT)
            l->is_top = f.value == TOP;
        else if ((f.number == 2 || f.number == 3) && f.type == GLINT_WIRE_BYTES)
            GLINT_TRY(
                decode_return(glint_wire_inside(&w, &f), &l->stream[f.number - 2], &l->has[f.number - 2]));
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

/* Of a SegmentationFrame all there are (there may be one only); of a Frame the TOP lidar's, where labelled.
 */
static int decode_labels(struct glint_wire w, bool is_frame, struct labels *out)
{
    struct glint_wire_field f;
    int status;
    memset(out, 0, sizeof *out);
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK) {
        if (f.number != (is_frame ? 5u : 1u) || f.type != GLINT_WIRE_BYTES)
            continue;
        struct labels one = {.n_lasers = out->n_lasers + 1};
        GLINT_TRY(decode_laser(glint_wire_inside(&w, &f), &one));
        if (!is_frame || (one.is_top && (one.has[0] || one.has[1])))
            *out = one;
    }
    if (is_frame)
        out->n_lasers = out->is_top ? 1 : 0;
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

/* The message of the frame's last run (the last one counts); false: the frame is not in this side's files. */
static bool message_of(const struct glint_waymo_segmentation *s, int32_t frame, int side,
                       struct glint_wire *message, bool *is_frame)
{
    const struct glint_waymo_index_frame *f = &s->index.frame[frame];
    if (f->run[side] == f->end[side])
        return false;
    const struct glint_waymo_run *run = &s->index.run[side][f->end[side] - 1];
    const struct input *input = &s->input[run->file];
    const struct glint_file *file = file_of(input);
    const uint8_t *at = file->data + run->offset;
    struct glint_wire w = {file->path, file->data, at, file->data + file->size};
    struct glint_wire_field field;
    *is_frame = input->is_tfrecord;
    if (input->is_tfrecord) {
        *message = (struct glint_wire){file->path, file->data, at + 12, at + 12 + glint_le64(at)};
        return true;
    }
    if (glint_wire_next(&w, &field) != GLINT_OK) /* it was read when the file was indexed */
        return false;
    *message = glint_wire_inside(&w, &field);
    return true;
}

/* ---- a unit ---- */

struct scorer {
    struct glint_inflate *inflate;
    struct glint_waymo_matrix truth, prediction;
    int64_t n_frames;
    int64_t pixels[N_CLASSES][N_CLASSES];
};

static int class_of(uint8_t value)
{
    return value == GLINT_WAYMO_OTHER ? 0 : value;
}

static int score_return(struct scorer *c, const struct labels *truth, const struct labels *prediction,
                        int which)
{
    if (!truth->has[which])
        return GLINT_OK;
    GLINT_TRY(glint_waymo_matrix_read(&c->truth, c->inflate, truth->stream[which]));
    const bool predicted = prediction->has[which];
    if (predicted)
        GLINT_TRY(glint_waymo_matrix_read(&c->prediction, c->inflate, prediction->stream[which]));
    if (predicted && c->prediction.n != c->truth.n)
        return glint_fail(GLINT_E_FORMAT, "%s: byte %zu: %zu classes, where the ground truth has %zu",
                          prediction->stream[which].name,
                          (size_t)(prediction->stream[which].at - prediction->stream[which].base),
                          c->prediction.n, c->truth.n);
    for (size_t i = 0; i < c->truth.n; i++)
        c->pixels[class_of(c->truth.value[i])][predicted ? class_of(c->prediction.value[i]) : 0]++;
    return GLINT_OK;
}

static int score_frame(const struct glint_waymo_segmentation *s, int32_t frame, struct scorer *c)
{
    struct labels truth, prediction = {0};
    struct glint_wire message;
    bool is_frame;
    if (!message_of(s, frame, TRUTH, &message, &is_frame))
        return GLINT_OK;
    GLINT_TRY(decode_labels(message, is_frame, &truth));
    if (truth.n_lasers == 0)
        return GLINT_OK;
    if (truth.n_lasers > 1 || !truth.is_top)
        return glint_wire_fail(&message, message.at, "labels of another lidar than TOP");
    if (message_of(s, frame, RESULTS, &message, &is_frame))
        GLINT_TRY(decode_labels(message, is_frame, &prediction));
    if (prediction.n_lasers != 1 || !prediction.is_top) /* counts as nothing predicted */
        prediction = (struct labels){0};
    c->n_frames++;
    GLINT_TRY(score_return(c, &truth, &prediction, 0));
    return score_return(c, &truth, &prediction, 1);
}

static int score(void *ctx, int32_t unit, struct glint_buffer *out)
{
    const struct glint_waymo_segmentation *s = ctx;
    const struct glint_waymo_unit *u = &s->index.unit[unit];
    struct scorer c = {0};
    int status = glint_inflate_open(&c.inflate);
    for (int32_t f = u->first; f < u->end && status == GLINT_OK; f++)
        status = score_frame(s, f, &c);
    glint_inflate_close(c.inflate);
    free(c.truth.value);
    free(c.prediction.value);
    glint_buffer_add(out, &c.n_frames, sizeof c.n_frames);
    glint_buffer_add(out, c.pixels, sizeof c.pixels);
    return status == GLINT_OK && out->failed ? glint_fail(GLINT_E_NOMEM, "out of memory") : status;
}

static int reduce(void *ctx, int32_t unit, struct glint_blob *in)
{
    struct glint_waymo_segmentation *s = ctx;
    int64_t n_frames, pixels[N_CLASSES][N_CLASSES];
    (void)unit;
    GLINT_TRY(glint_blob_read(in, &n_frames, sizeof n_frames));
    GLINT_TRY(glint_blob_read(in, pixels, sizeof pixels));
    s->n_frames += n_frames;
    for (int i = 0; i < N_CLASSES; i++)
        for (int j = 0; j < N_CLASSES; j++)
            s->pixels[i][j] += pixels[i][j];
    return GLINT_OK;
}

static const char *unit_name(void *ctx, int32_t unit)
{
    return ((struct glint_waymo_segmentation *)ctx)->index.unit[unit].name;
}

static int64_t unit_frames(void *ctx, int32_t unit)
{
    const struct glint_waymo_unit *u = &((struct glint_waymo_segmentation *)ctx)->index.unit[unit];
    return u->end - u->first;
}

void glint_waymo_segmentation_task(struct glint_waymo_segmentation *s, struct glint_eval_task *task)
{
    *task = (struct glint_eval_task){
        .name = "waymo segmentation",
        .n_units = s->index.n_units,
        .unit_name = unit_name,
        .unit_frames = unit_frames,
        .score = score,
        .reduce = reduce,
        .ctx = s,
    };
}

/* ---- the result ---- */

int64_t glint_waymo_segmentation_damaged(const struct glint_waymo_segmentation *s)
{
    return s->n_damaged;
}

int64_t glint_waymo_segmentation_frames(const struct glint_waymo_segmentation *s)
{
    return s->n_frames;
}

/* Pixels that are not labelled do not count against a prediction. */
void glint_waymo_segmentation_row(const struct glint_waymo_segmentation *s, int32_t id,
                                  struct glint_waymo_segmentation_row *row)
{
    static const char *const names[N_CLASSES] = {
        "TYPE_UNDEFINED",     "TYPE_CAR",           "TYPE_TRUCK",     "TYPE_BUS",
        "TYPE_OTHER_VEHICLE", "TYPE_MOTORCYCLIST",  "TYPE_BICYCLIST", "TYPE_PEDESTRIAN",
        "TYPE_SIGN",          "TYPE_TRAFFIC_LIGHT", "TYPE_POLE",      "TYPE_CONSTRUCTION_CONE",
        "TYPE_BICYCLE",       "TYPE_MOTORCYCLE",    "TYPE_BUILDING",  "TYPE_VEGETATION",
        "TYPE_TREE_TRUNK",    "TYPE_CURB",          "TYPE_ROAD",      "TYPE_LANE_MARKER",
        "TYPE_OTHER_GROUND",  "TYPE_WALKABLE",      "TYPE_SIDEWALK"};
    int64_t both = s->pixels[id][id], either = -both;
    for (int i = 0; i < N_CLASSES; i++)
        either += s->pixels[id][i] + (i > 0 ? s->pixels[i][id] : 0);
    *row = (struct glint_waymo_segmentation_row){
        .id = id,
        .name = names[id],
        .iou = either > 0 ? (float)both / (float)either : 1,
        .n_intersection = both,
        .n_union = either,
    };
}

float glint_waymo_segmentation_miou(const struct glint_waymo_segmentation *s)
{
    float sum = 0;
    for (int32_t id = 1; id < N_CLASSES; id++) {
        struct glint_waymo_segmentation_row row;
        glint_waymo_segmentation_row(s, id, &row);
        sum += row.iou;
    }
    return sum / GLINT_WAYMO_N_CLASSES;
}
