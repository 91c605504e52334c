/* eval/nuscenes_match.c - a scene's share of the detection metric; see nuscenes_detection.h.
 *
 * The metric walks all results of a class by falling score and gives each the nearest annotation of its
 * sample that is still free. Only the order within a sample decides who gets what, so samples are matched on
 * their own, for the four thresholds in one pass: a bit per threshold says that an annotation is taken. */
#include "eval/nuscenes_detection.h"
#include "eval/nuscenes_record.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

const double glint_nuscenes_thresholds[] = {0.5, 1, 2, 4};

struct matcher {
    struct glint_nuscenes_scene_head head;
    struct glint_buffer records, errors;
    const struct glint_nuscenes_box **gt, **pred; /* of one class and sample */
    uint8_t *taken;                               /* per gt: bit per threshold */
    int32_t n_gt, n_pred;
    struct glint_token sample;
};

/* Falling score; among equal scores the later place first. */
static int by_score(const void *a, const void *b)
{
    const struct glint_nuscenes_box *x = *(const struct glint_nuscenes_box *const *)a,
                                    *y = *(const struct glint_nuscenes_box *const *)b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->place > y->place ? -1 : x->place < y->place;
}

/* 1 - IoU of the sizes, centres and orientations aligned. */
static double scale_error(const double a[3], const double b[3])
{
    double both = 1, va = 1, vb = 1;
    for (int i = 0; i < 3; i++) {
        both *= a[i] < b[i] ? a[i] : b[i];
        va *= a[i];
        vb *= b[i];
    }
    return 1 - both / (va + vb - both);
}

static double yaw_error(const double gt[4], const double pred[4], double period)
{
    const double turn = glint_nuscenes_yaw(gt) - glint_nuscenes_yaw(pred);
    double d = fmod(turn + period / 2, period);
    d = (d < 0 ? d + period : d) - period / 2;
    return fabs(d > PI ? d - 2 * PI : d);
}

static void fill_errors(const struct glint_nuscenes_box *gt, const struct glint_nuscenes_box *pred,
                        double distance, double error[GLINT_NUSCENES_ERRORS])
{
    const struct glint_nuscenes_task_info *info = glint_nuscenes_task_info(GLINT_NUSCENES_DETECTION);
    const double dx = pred->velocity[0] - gt->velocity[0], dy = pred->velocity[1] - gt->velocity[1];
    const bool turns_alike = strcmp(info->name[gt->name], "barrier") == 0; /* by half a turn */
    error[0] = distance;
    error[1] = scale_error(gt->size, pred->size);
    error[2] = yaw_error(gt->rotation, pred->rotation, turns_alike ? PI : 2 * PI);
    error[3] = sqrt(dx * dx + dy * dy);
    error[4] = gt->attribute < 0 ? NAN : gt->attribute == pred->attribute ? 0 : 1;
}

/* The free annotation that is nearest, per threshold: -1 where none is nearer than it. */
static void find_nearest(const struct matcher *m, const struct glint_nuscenes_box *pred,
                         int32_t index[GLINT_NUSCENES_THRESHOLDS], double nearest[GLINT_NUSCENES_THRESHOLDS])
{
    for (int k = 0; k < GLINT_NUSCENES_THRESHOLDS; k++) {
        nearest[k] = glint_nuscenes_thresholds[k];
        index[k] = -1;
    }
    for (int32_t i = 0; i < m->n_gt; i++) {
        const double dx = pred->translation[0] - m->gt[i]->translation[0],
                     dy = pred->translation[1] - m->gt[i]->translation[1];
        const double d = sqrt(dx * dx + dy * dy);
        for (int k = GLINT_NUSCENES_THRESHOLDS - 1; k >= 0 && d < glint_nuscenes_thresholds[k]; k--)
            if (d < nearest[k] && !(m->taken[i] >> k & 1)) {
                nearest[k] = d;
                index[k] = i;
            }
    }
}

static bool bad_size(const double size[3])
{
    return !(size[0] > 0 && size[1] > 0 && size[2] > 0);
}

static void note_sizes(struct matcher *m, const struct glint_nuscenes_box *gt,
                       const struct glint_nuscenes_box *pred)
{
    if (m->head.bad || (!bad_size(gt->size) && !bad_size(pred->size)))
        return;
    m->head.bad = bad_size(gt->size) ? 1 : 2;
    m->head.bad_class = gt->name;
    m->head.bad_sample = m->sample;
    memcpy(m->head.bad_size, m->head.bad == 1 ? gt->size : pred->size, sizeof m->head.bad_size);
}

static void match_one(struct matcher *m, const struct glint_nuscenes_box *pred)
{
    int32_t index[GLINT_NUSCENES_THRESHOLDS];
    double nearest[GLINT_NUSCENES_THRESHOLDS];
    struct glint_nuscenes_record record = {
        .score = pred->score, .place = pred->place, .name = (uint8_t)pred->name};
    find_nearest(m, pred, index, nearest);
    for (int k = 0; k < GLINT_NUSCENES_THRESHOLDS; k++) {
        if (index[k] < 0)
            continue;
        const struct glint_nuscenes_box *gt = m->gt[index[k]];
        m->taken[index[k]] = (uint8_t)(m->taken[index[k]] | 1 << k);
        record.matched = (uint8_t)(record.matched | 1 << k);
        note_sizes(m, gt, pred);
        if (k == GLINT_NUSCENES_TP_THRESHOLD) {
            struct glint_nuscenes_match_errors errors;
            fill_errors(gt, pred, nearest[k], errors.error);
            glint_buffer_add(&m->errors, &errors, sizeof errors);
            m->head.n_errors++;
        }
    }
    glint_buffer_add(&m->records, &record, sizeof record);
    m->head.n_records++;
}

static int32_t pick(const struct glint_nuscenes_boxes *boxes, int32_t sample, int32_t name,
                    const struct glint_nuscenes_box **out)
{
    const struct glint_nuscenes_range *range = &boxes->of_sample[sample];
    int32_t n = 0;
    for (int32_t i = 0; i < range->n; i++)
        if (boxes->box[range->first + i].name == name)
            out[n++] = &boxes->box[range->first + i];
    return n;
}

const char *const glint_nuscenes_distance_bins[] = {"0-10 m", "10-20 m", "20-30 m", "30-40 m", "40-50 m"};
const char *const glint_nuscenes_point_bins[] = {"1-4", "5-9", "10-19", "20-49", "50-"};

/* After the matching of a class: which annotations were found. */
static void count_recall(struct matcher *m)
{
    struct glint_nuscenes_recall *r = &m->head.recall;
    for (int32_t i = 0; i < m->n_gt; i++) {
        const int32_t points = m->gt[i]->num_pts, tens = (int32_t)(m->gt[i]->ego_dist / 10);
        const int d = tens < GLINT_NUSCENES_BINS ? tens : GLINT_NUSCENES_BINS - 1;
        const int p = points < 5 ? 0 : points < 10 ? 1 : points < 20 ? 2 : points < 50 ? 3 : 4;
        const int found = m->taken[i] >> GLINT_NUSCENES_TP_THRESHOLD & 1;
        r->by_distance[d]++;
        r->by_points[p]++;
        r->found_by_distance[d] += found;
        r->found_by_points[p] += found;
    }
}

static void match_sample(struct matcher *m, const struct glint_nuscenes_boxes *gt,
                         const struct glint_nuscenes_boxes *pred, int32_t sample)
{
    for (int32_t c = 0; c < GLINT_NUSCENES_DETECTION_CLASSES; c++) {
        m->n_gt = pick(gt, sample, c, m->gt);
        m->n_pred = pick(pred, sample, c, m->pred);
        m->head.n_gt[c] += m->n_gt;
        m->head.n_pred[c] += m->n_pred;
        memset(m->taken, 0, (size_t)m->n_gt);
        if (m->n_pred > 1)
            qsort(m->pred, (size_t)m->n_pred, sizeof *m->pred, by_score);
        for (int32_t i = 0; i < m->n_pred; i++)
            match_one(m, m->pred[i]);
        count_recall(m);
    }
}

static int allocate(struct matcher *m, const struct glint_nuscenes_split *split,
                    const struct glint_nuscenes_boxes *gt, const struct glint_nuscenes_boxes *pred,
                    int32_t scene)
{
    int32_t most_gt = 1, most_pred = 1;
    for (int32_t k = split->scene_first[scene]; k < split->scene_first[scene + 1]; k++) {
        const int32_t i = split->of_scene[k];
        most_gt = gt->of_sample[i].n > most_gt ? gt->of_sample[i].n : most_gt;
        most_pred = pred->of_sample[i].n > most_pred ? pred->of_sample[i].n : most_pred;
    }
    m->gt = malloc((size_t)most_gt * sizeof *m->gt);
    m->pred = malloc((size_t)most_pred * sizeof *m->pred);
    m->taken = malloc((size_t)most_gt);
    return m->gt && m->pred && m->taken ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "no memory to match boxes");
}

static void matcher_fini(struct matcher *m)
{
    free(m->gt);
    free(m->pred);
    free(m->taken);
    glint_buffer_fini(&m->records);
    glint_buffer_fini(&m->errors);
}

int glint_nuscenes_detection_score(const struct glint_nuscenes_split *split, struct glint_nuscenes_boxes *gt,
                                   struct glint_nuscenes_boxes *pred, int32_t scene, struct glint_buffer *out)
{
    struct matcher m = {.n_gt = 0};
    int status = allocate(&m, split, gt, pred, scene);
    for (int32_t k = split->scene_first[scene]; status == GLINT_OK && k < split->scene_first[scene + 1];
         k++) {
        const int32_t sample = split->of_scene[k];
        m.sample = split->tables->sample[split->sample[sample].sample].token;
        glint_nuscenes_filter(split, GLINT_NUSCENES_DETECTION, sample, gt);
        glint_nuscenes_filter(split, GLINT_NUSCENES_DETECTION, sample, pred);
        match_sample(&m, gt, pred, sample);
    }
    if (status == GLINT_OK) {
        glint_buffer_add(out, &m.head, sizeof m.head);
        glint_buffer_add(out, m.records.data, m.records.size);
        glint_buffer_add(out, m.errors.data, m.errors.size);
        if (m.records.failed || m.errors.failed || out->failed)
            status = glint_fail(GLINT_E_NOMEM, "no memory for the matches of a scene");
    }
    matcher_fini(&m);
    return status;
}
