/* tools/eval_waymo_found.c - see eval_waymo_found.h.
 *
 * Which results count is by type: those at least as sure as the cutoff where precision and recall of level 2
 * are best together (F1). As in the metric, labelled boxes without a point need not be found, and results
 * that overlap a no-label zone are not false. The files are searched once, by the frames' keys alone, for all
 * frames that are drawn. */
#include "tools/eval_waymo_found.h"
#include "core/frame.h"
#include "eval/found.h"
#include "eval/report_found.h"
#include "eval/waymo_decode.h"
#include "io/source_waymo.h"
#include "tools/eval_picture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPES   GLINT_WAYMO_N_TYPES
#define RULE_M  2.0f
#define SHOWN_M 76.0f /* labels reach 75 m */
enum { MOST_SHOWN = 6 };

static const char *const names[TYPES] = {"vehicle", "pedestrian", "sign", "cyclist"};

/* ---- frames ---- */

struct seen { /* a frame's boxes; label: type less one */
    struct glint_box *box;
    struct glint_found_object *object;
    uint8_t *box_state, *object_state;
    int32_t n_boxes, n_objects;
};

struct work {
    const struct glint_eval_waymo_found *f;
    float least[TYPES];
    struct glint_waymo_list truth, results;
    struct glint_found found;
    int32_t *n_missed, *n_false, *n_wrong; /* per frame */
    int32_t n_frames;
};

static void seen_fini(struct seen *s)
{
    free(s->box);
    free(s->object);
    free(s->box_state);
    free(s->object_state);
    *s = (struct seen){0};
}

static float least_score(const struct glint_eval_waymo_found *f, int type)
{
    struct glint_waymo_detection_row row;
    float least = 0; /* without a single match all of a type's boxes are shown, as false */
    double best = 0;
    glint_waymo_detection_row(f->detection, f->by_type ? 2 * type + 1 : 1, &row);
    for (int32_t c = 0; c < GLINT_WAYMO_CUTOFFS; c++) {
        const double all = (double)(2 * row.tp[c] + row.fp[c] + row.fn[c]);
        const double f1 = row.tp[c] > 0 ? (double)(2 * row.tp[c]) / all : 0;
        if (f1 > best) {
            best = f1;
            least = glint_waymo_cutoff(c);
        }
    }
    return least;
}

static struct glint_box box_of(const struct glint_waymo_object *o)
{
    const struct glint_waymo_box *b = &o->box;
    return (struct glint_box){.center = {(float)b->x, (float)b->y, (float)b->z},
                              .size = {(float)b->length, (float)b->width, (float)b->height},
                              .yaw = (float)b->heading,
                              .score = o->score,
                              .label = o->type - 1,
                              .id = -1};
}

static bool seen_init(struct seen *s, const struct glint_waymo_list *truth,
                      const struct glint_waymo_list *results)
{
    s->n_objects = truth->n;
    s->n_boxes = results->n;
    s->object = malloc(((size_t)truth->n + 1) * sizeof *s->object);
    s->box = malloc(((size_t)results->n + 1) * sizeof *s->box);
    s->object_state = malloc((size_t)truth->n + 1);
    s->box_state = malloc((size_t)results->n + 1);
    if (!s->object || !s->box || !s->object_state || !s->box_state)
        return false;
    for (int32_t i = 0; i < truth->n; i++) {
        const struct glint_waymo_object *o = &truth->object[i];
        s->object[i] = (struct glint_found_object){box_of(o), o->n_points, o->n_points <= 0};
    }
    for (int32_t i = 0; i < results->n; i++)
        s->box[i] = box_of(&results->object[i]);
    return true;
}

/* fini in every case. */
static int look(struct work *w, int32_t frame, struct seen *s)
{
    const struct glint_found_rule rule = {RULE_M, w->least};
    GLINT_TRY(glint_waymo_objects_read(w->f->set, frame, GLINT_WAYMO_TRUTH, &w->truth));
    GLINT_TRY(glint_waymo_objects_read(w->f->set, frame, GLINT_WAYMO_RESULTS, &w->results));
    if (!seen_init(s, &w->truth, &w->results))
        return glint_fail(GLINT_E_NOMEM, "no memory for the boxes of a frame");
    glint_found_match(&rule, s->box, s->n_boxes, s->object, s->n_objects, TYPES, s->box_state,
                      s->object_state);
    for (int32_t i = 0; i < s->n_boxes; i++)
        if (w->results.object[i].in_zone && s->box_state[i] == GLINT_FOUND_NOT)
            s->box_state[i] = GLINT_FOUND_IGNORED;
    return GLINT_OK;
}

static int32_t count_not(const uint8_t *state, int32_t n)
{
    int32_t count = 0;
    for (int32_t i = 0; i < n; i++)
        count += state[i] == GLINT_FOUND_NOT;
    return count;
}

static int find_in_unit(struct work *w, const struct glint_waymo_unit *unit)
{
    int status = GLINT_OK;
    for (int32_t i = unit->first; i < unit->end && status == GLINT_OK; i++) {
        struct seen s = {0};
        status = look(w, i, &s);
        if (status == GLINT_OK) {
            glint_found_add(&w->found, s.box, s.box_state, s.n_boxes, s.object, s.object_state, s.n_objects);
            w->n_missed[i] = count_not(s.object_state, s.n_objects);
            w->n_false[i] = count_not(s.box_state, s.n_boxes);
            w->n_wrong[i] = w->n_missed[i] + w->n_false[i];
        }
        seen_fini(&s);
    }
    return status;
}

static int find(struct work *w)
{
    const int32_t n_units = glint_waymo_objects_units(w->f->set);
    w->n_frames = n_units > 0 ? glint_waymo_objects_unit(w->f->set, n_units - 1)->end : 0;
    w->n_missed = calloc((size_t)w->n_frames + 1, sizeof *w->n_missed);
    w->n_false = calloc((size_t)w->n_frames + 1, sizeof *w->n_false);
    w->n_wrong = calloc((size_t)w->n_frames + 1, sizeof *w->n_wrong);
    if (!w->n_missed || !w->n_false || !w->n_wrong)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d frames", w->n_frames);
    for (int type = 0; type < TYPES; type++)
        w->least[type] = least_score(w->f, type);
    for (int32_t u = 0; u < n_units; u++) {
        GLINT_TRY(find_in_unit(w, glint_waymo_objects_unit(w->f->set, u)));
        glint_waymo_objects_release(w->f->set, u);
    }
    return GLINT_OK;
}

static void put_found(const struct work *w, struct glint_report *page)
{
    char rule[600];
    const float *s = w->least;
    snprintf(
        rule, sizeof rule,
        "An object is found when a box of its type is within %.0f m of its centre, seen from above, with "
        "at least the score where the metric's precision and recall are best together: %.2f (vehicle), "
        "%.2f (pedestrian), %.2f (sign), %.2f (cyclist); 0 for a type that the metric never matches. "
        "Labels without a point and results that overlap a no-label zone do not count against it.",
        (double)RULE_M, (double)s[0], (double)s[1], (double)s[2], (double)s[3]);
    glint_report_found(page, &w->found, names, TYPES, rule);
}

/* ---- points ---- */

struct spot { /* where a frame is */
    const char *context, *path;
    int64_t stamp_us, number;
    uint64_t offset;
    int32_t frame;
    bool has_points; /* its record was found */
};

static void spot_init(struct spot *s, const struct glint_waymo_objects *set, int32_t frame)
{
    int32_t u = 0;
    while (glint_waymo_objects_unit(set, u)->end <= frame)
        u++;
    *s = (struct spot){.context = glint_waymo_objects_unit(set, u)->name,
                       .stamp_us = glint_waymo_objects_stamp_us(set, frame),
                       .frame = frame};
}

static bool is_at(const struct spot *s, const struct glint_waymo_key *key)
{
    return !s->has_points && s->stamp_us == key->stamp_us && strlen(s->context) == key->context_size &&
           memcmp(s->context, key->context, key->context_size) == 0;
}

/* Looks for the frames among a file's records up to the first that is damaged in its length. */
static void search_file(const char *path, struct spot *spots, int32_t n)
{
    struct glint_tfrecord t;
    struct glint_record record;
    if (glint_tfrecord_open(&t, path, false) < 0)
        return;
    while (glint_tfrecord_probe(t.file.data, t.file.size) && glint_tfrecord_skip(&t, &record) == GLINT_OK) {
        const struct glint_wire w = {path, t.file.data, record.data, record.data + record.size};
        struct glint_waymo_key key;
        int32_t n_labels;
        if (glint_waymo_decode_frame_key(w, &key, &n_labels) < 0)
            continue;
        for (int32_t i = 0; i < n; i++)
            if (is_at(&spots[i], &key)) {
                spots[i].path = path;
                spots[i].offset = record.offset;
                spots[i].number = record.number;
                spots[i].has_points = true;
            }
    }
    glint_tfrecord_close(&t);
}

/* A frame of its own pool with the points; *frame_out is NULL where they cannot be read. */
static int read_points(struct glint_waymo_reader *reader, const struct spot *s,
                       struct glint_frame_pool **pool_out, struct glint_frame **frame_out)
{
    struct glint_tfrecord t;
    struct glint_record record;
    const struct glint_waymo_frame *from;
    *pool_out = NULL;
    *frame_out = NULL;
    if (!s->has_points || glint_tfrecord_open(&t, s->path, false) < 0)
        return GLINT_OK;
    int status = GLINT_OK;
    glint_tfrecord_seek(&t, s->offset, s->number);
    if (glint_tfrecord_next(&t, &record) == GLINT_OK) {
        glint_waymo_read(reader, s->path, &record, 1, GLINT_WAYMO_POINTS);
        if (glint_waymo_reader_frame(reader, 0, &from) == GLINT_OK && glint_waymo_cap_points(from) > 0)
            status = glint_frame_pool_open(1, glint_waymo_cap_points(from), 1, pool_out);
    }
    if (*pool_out) {
        *frame_out = glint_frame_get(*pool_out, false);
        glint_waymo_to_frame(from, NULL, *frame_out);
    }
    glint_tfrecord_close(&t);
    return status;
}

/* ---- pictures ---- */

static int draw(struct work *w, const struct spot *spot, struct glint_waymo_reader *reader,
                struct glint_report *page)
{
    struct seen s = {0};
    struct glint_frame_pool *pool = NULL;
    struct glint_frame *frame = NULL;
    char caption[300];
    int status = look(w, spot->frame, &s);
    if (status == GLINT_OK)
        status = read_points(reader, spot, &pool, &frame);
    if (status == GLINT_OK) {
        const struct glint_eval_view view = {spot->context,
                                             (uint64_t)spot->frame,
                                             frame ? &frame->points : NULL,
                                             s.box,
                                             s.box_state,
                                             s.object,
                                             s.object_state,
                                             s.n_boxes,
                                             s.n_objects,
                                             TYPES,
                                             names,
                                             SHOWN_M};
        snprintf(caption, sizeof caption, "%.200s at %lld us: %d missed, %d false%s", spot->context,
                 (long long)spot->stamp_us, w->n_missed[spot->frame], w->n_false[spot->frame],
                 frame ? "" : " (boxes alone)");
        status = glint_eval_picture(page, caption, &view);
    }
    glint_frame_unref(frame);
    glint_frame_pool_close(pool);
    seen_fini(&s);
    return status;
}

static int show_worst(struct work *w, struct glint_report *page)
{
    int32_t worst[MOST_SHOWN], status = GLINT_OK;
    struct spot spots[MOST_SHOWN];
    struct glint_waymo_reader *reader = NULL;
    const int32_t n = glint_eval_worst(w->n_wrong, w->n_frames, MOST_SHOWN, worst);
    for (int32_t i = 0; i < n; i++)
        spot_init(&spots[i], w->f->set, worst[i]);
    if (n > 0 && glint_waymo_reader_open(1, NULL, &reader) == GLINT_OK) /* not without protobuf-c */
        for (int32_t i = 0; i < w->f->n_paths; i++)
            search_file(w->f->path[i], spots, n);
    glint_report_heading(page, "Worst frames");
    glint_report_words(page, n ? "Most missed and false boxes first, seen from above, forward is up. Points "
                                 "are those of the TFRecord files; where there are none, boxes are alone."
                               : "No box is missed and none is false.");
    glint_report_figures_begin(page);
    for (int32_t i = 0; i < n && status == GLINT_OK; i++)
        status = draw(w, &spots[i], reader, page);
    glint_report_figures_end(page);
    glint_waymo_reader_close(reader);
    return status;
}

int glint_eval_waymo_found(const struct glint_eval_waymo_found *f, struct glint_report *page)
{
    struct work w = {.f = f};
    int status = find(&w);
    if (status == GLINT_OK) {
        put_found(&w, page);
        status = show_worst(&w, page);
    }
    free(w.truth.object);
    free(w.results.object);
    free(w.n_missed);
    free(w.n_false);
    free(w.n_wrong);
    return status;
}
