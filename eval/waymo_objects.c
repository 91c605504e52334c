/* eval/waymo_objects.c - see waymo_objects.h: files, and from their bytes to keys and objects. */
#define _DEFAULT_SOURCE /* madvise */
#include "eval/waymo_objects.h"
#include "core/file.h"
#include "eval/waymo_index.h"
#include "eval/waymo_within.h"
#include "io/tfrecord.h"
#include <stdlib.h>
#include <sys/mman.h>

#define RELEASE_STEP (64u << 20) /* bytes read between two releases */

struct input {
    struct glint_file file;        /* of Objects */
    struct glint_tfrecord records; /* or of Frames */
    bool is_tfrecord, is_open;
};

struct glint_waymo_objects {
    struct input *input; /* ground truth, then results */
    int32_t n_inputs;
    struct glint_waymo_index index;
    bool skip_corrupt;
    int64_t n_damaged;
};

static const struct glint_file *file_of(const struct input *input)
{
    return input->is_tfrecord ? &input->records.file : &input->file;
}

/* The pages that lie wholly in bytes from..to go back to the system, which keeps them in its cache while it
 * can. */
static void release(const struct glint_file *file, uint64_t from, uint64_t to)
{
    const uint64_t page = 4096, first = (from + page - 1) / page * page, end = to / page * page;
    if (first < end)
        madvise((void *)(uintptr_t)(file->data + first), (size_t)(end - first), MADV_DONTNEED);
}

/* ---- opening ---- */

static int index_objects(struct glint_waymo_objects *set, int32_t number, int side)
{
    const struct glint_file *file = &set->input[number].file;
    struct glint_waymo_within within; /* a Submission? */
    GLINT_TRY(glint_waymo_within(file->path, file->data, file->size, &within));
    struct glint_wire w = glint_wire_of(file->path, file->data, file->size);
    w.at += within.from;
    w.end = w.base + within.end;
    struct glint_wire_field f;
    bool joins = false; /* something else between two objects parts their runs */
    uint64_t released = 0;
    int status;
    while ((status = glint_wire_next(&w, &f)) == GLINT_OK) {
        const bool is_object = f.number == GLINT_WAYMO_OBJECTS_OBJECT && f.type == GLINT_WIRE_BYTES;
        if (is_object) {
            struct glint_waymo_key key;
            struct glint_waymo_run run = {.offset = (uint64_t)(f.at - w.base), .file = number, .n = 1};
            GLINT_TRY(glint_waymo_decode_object_key(glint_wire_inside(&w, &f), &key));
            key.camera = set->index.by_camera ? key.camera : 0;
            GLINT_TRY(glint_waymo_index_frame(&set->index, side, &key, &run.frame));
            GLINT_TRY(glint_waymo_index_add(&set->index, side, &run, joins));
        }
        joins = is_object;
        if ((uint64_t)(w.at - w.base) - released > RELEASE_STEP) {
            release(file, released, (uint64_t)(f.at - w.base));
            released = (uint64_t)(f.at - w.base);
        }
    }
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int index_frames(struct glint_waymo_objects *set, int32_t number, int side)
{
    struct glint_tfrecord *t = &set->input[number].records;
    struct glint_record record;
    int status;
    while ((status = glint_tfrecord_next(t, &record)) == GLINT_OK) {
        const struct glint_wire w = {t->file.path, t->file.data, record.data, record.data + record.size};
        struct glint_waymo_run run = {.offset = (uint64_t)(record.data - t->file.data), .file = number};
        struct glint_waymo_key key;
        GLINT_TRY(glint_waymo_decode_frame_key(w, &key, &run.n));
        GLINT_TRY(glint_waymo_index_frame(&set->index, side, &key, &run.frame));
        GLINT_TRY(glint_waymo_index_add(&set->index, side, &run, false));
    }
    set->n_damaged += t->damage.bad_data + t->damage.bad_length + t->damage.truncated;
    return status == GLINT_E_EOF ? GLINT_OK : status;
}

static int open_input(struct glint_waymo_objects *set, const char *path, int side)
{
    const int32_t number = set->n_inputs++;
    struct input *input = &set->input[number];
    GLINT_TRY(glint_file_open(&input->file, path));
    input->is_open = true;
    if (side == GLINT_WAYMO_RESULTS || !glint_tfrecord_probe(input->file.data, input->file.size)) {
        return index_objects(set, number, side);
    }
    glint_file_close(&input->file);
    input->is_open = false;
    GLINT_TRY(glint_tfrecord_open(&input->records, path, set->skip_corrupt));
    input->is_open = input->is_tfrecord = true;
    return index_frames(set, number, side);
}

static int open_all(struct glint_waymo_objects *set, const struct glint_waymo_inputs *inputs)
{
    set->index.by_camera = inputs->by_camera;
    set->skip_corrupt = inputs->skip_corrupt;
    for (int32_t i = 0; i < inputs->n_truth; i++)
        GLINT_TRY(open_input(set, inputs->truth[i], GLINT_WAYMO_TRUTH));
    if (set->index.n_objects[GLINT_WAYMO_TRUTH] == 0)
        return glint_fail(GLINT_E_FORMAT, "%s: no labelled object in it: there is nothing to compare with",
                          inputs->truth[0]);
    GLINT_TRY(open_input(set, inputs->results, GLINT_WAYMO_RESULTS));
    return glint_waymo_index_finish(&set->index);
}

int glint_waymo_objects_open(const struct glint_waymo_inputs *inputs, struct glint_waymo_objects **set_out)
{
    *set_out = NULL;
    struct glint_waymo_objects *set = calloc(1, sizeof *set);
    if (set)
        set->input = calloc((size_t)inputs->n_truth + 1, sizeof *set->input);
    int status = set && set->input ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "out of memory");
    if (status == GLINT_OK)
        status = open_all(set, inputs);
    if (status < 0)
        glint_waymo_objects_close(set);
    else
        *set_out = set;
    return status;
}

void glint_waymo_objects_close(struct glint_waymo_objects *set)
{
    if (!set)
        return;
    for (int32_t i = 0; i < set->n_inputs; i++) {
        if (!set->input[i].is_open)
            continue;
        if (set->input[i].is_tfrecord)
            glint_tfrecord_close(&set->input[i].records);
        else
            glint_file_close(&set->input[i].file);
    }
    free(set->input);
    glint_waymo_index_fini(&set->index);
    free(set);
}

int32_t glint_waymo_objects_units(const struct glint_waymo_objects *set)
{
    return set->index.n_units;
}

const struct glint_waymo_unit *glint_waymo_objects_unit(const struct glint_waymo_objects *set, int32_t unit)
{
    return &set->index.unit[unit];
}

int64_t glint_waymo_objects_stamp_us(const struct glint_waymo_objects *set, int32_t frame)
{
    return set->index.frame[frame].stamp_us;
}

int64_t glint_waymo_objects_count(const struct glint_waymo_objects *set, enum glint_waymo_side side)
{
    return set->index.n_objects[side];
}

int64_t glint_waymo_objects_damaged(const struct glint_waymo_objects *set)
{
    return set->n_damaged;
}

/* ---- reading ---- */

static int reserve(struct glint_waymo_list *list, int32_t more)
{
    if (list->n <= list->cap - more)
        return GLINT_OK;
    const size_t cap = 2 * ((size_t)list->n + (size_t)more);
    void *grown = realloc(list->object, cap * sizeof *list->object);
    if (!grown)
        return glint_fail(GLINT_E_NOMEM, "out of memory for the objects of a frame");
    list->object = grown;
    list->cap = (int32_t)cap;
    return GLINT_OK;
}

/* The objects of a run; how they lie was checked when the file was indexed, what is inside was not. */
static int read_run(const struct glint_waymo_objects *set, const struct glint_waymo_run *run,
                    struct glint_waymo_list *list)
{
    const struct input *input = &set->input[run->file];
    const struct glint_file *file = file_of(input);
    const uint32_t wanted = input->is_tfrecord ? GLINT_WAYMO_FRAME_LASER_LABELS : GLINT_WAYMO_OBJECTS_OBJECT;
    struct glint_wire w = {file->path, file->data, file->data + run->offset, file->data + file->size};
    struct glint_wire_field f;
    GLINT_TRY(reserve(list, run->n));
    for (int32_t n = 0; n < run->n;) {
        GLINT_TRY(glint_wire_next(&w, &f));
        if (f.number != wanted || f.type != GLINT_WIRE_BYTES)
            continue;
        struct glint_waymo_object *object = &list->object[list->n];
        const struct glint_wire message = glint_wire_inside(&w, &f);
        GLINT_TRY(input->is_tfrecord ? glint_waymo_decode_label(message, object)
                                     : glint_waymo_decode_object(message, object));
        list->n++;
        n++;
    }
    return GLINT_OK;
}

int glint_waymo_objects_read(const struct glint_waymo_objects *set, int32_t frame, enum glint_waymo_side side,
                             struct glint_waymo_list *list)
{
    const struct glint_waymo_index_frame *f = &set->index.frame[frame];
    list->n = 0;
    for (int32_t i = f->run[side]; i < f->end[side]; i++)
        GLINT_TRY(read_run(set, &set->index.run[side][i], list));
    return GLINT_OK;
}

/* Runs that follow each other in the file go back together. */
static void release_side(const struct glint_waymo_objects *set, const struct glint_waymo_unit *u, int side)
{
    const struct glint_waymo_run *runs = set->index.run[side];
    const int32_t first = set->index.frame[u->first].run[side], end = set->index.frame[u->end - 1].end[side];
    for (int32_t i = first, next; i < end; i = next) {
        for (next = i + 1;
             next < end && runs[next].file == runs[i].file && runs[next].offset > runs[next - 1].offset;)
            next++;
        const struct glint_file *file = file_of(&set->input[runs[i].file]);
        if (next - i > 1 && runs[next - 1].offset - runs[i].offset < RELEASE_STEP)
            release(file, runs[i].offset, runs[next - 1].offset);
    }
}

void glint_waymo_objects_release(const struct glint_waymo_objects *set, int32_t unit)
{
    release_side(set, &set->index.unit[unit], GLINT_WAYMO_TRUTH);
    release_side(set, &set->index.unit[unit], GLINT_WAYMO_RESULTS);
}

int glint_waymo_objects_fail(const struct glint_waymo_objects *set, const struct glint_waymo_object *object,
                             const char *what)
{
    for (int32_t i = 0; i < set->n_inputs; i++) {
        const struct glint_file *file = file_of(&set->input[i]);
        const uintptr_t at = (uintptr_t)object->at, base = (uintptr_t)file->data;
        if (file->data && at >= base && at - base <= file->size)
            return glint_fail(GLINT_E_FORMAT, "%s: byte %zu: %s", file->path, (size_t)(at - base), what);
    }
    return glint_fail(GLINT_E_FORMAT, "an object: %s", what);
}
