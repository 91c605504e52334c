/* eval/nuscenes_tracks.c - see nuscenes_tracks.h.
 *
 * Thresholds are scores of boxes, and boxes are compared with them by >=: a last bit decides whether a box is
 * there. So means are summed in the original's order (numpy's: eight partial sums, halves beyond 128) and
 * holes are filled with its expression. That one gives the later box the weight (t_later - t) / (t_later -
 * t_earlier), the mirror image of what one would do; it is the published result that counts. */
#include "eval/nuscenes_tracks.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct work { /* boxes of one side in time order, and by track */
    const struct glint_track_scene *scene;
    enum glint_track_side side;
    int32_t n, n_ids, n_seen;
    struct glint_track_box *box; /* n */
    int32_t *frame;              /* n */
    int32_t *of_id, *id_first;   /* box numbers track by track; n_ids + 1 */
    int32_t *seen;               /* n_ids: in order of their first box */
    double *scores;              /* n */
};

static const struct glint_track_box *boxes_of(const struct work *w, int32_t f, int32_t *n_out)
{
    const struct glint_track_frame *frame = &w->scene->frames[f];
    *n_out = w->side == GLINT_TRACK_TRUTH ? frame->n_truth : frame->n_found;
    return w->side == GLINT_TRACK_TRUTH ? frame->truth : frame->found;
}

static void gather(struct work *w)
{
    w->n = 0;
    for (int32_t f = 0; f < w->scene->n_frames; f++) {
        int32_t n;
        const struct glint_track_box *box = boxes_of(w, f, &n);
        for (int32_t i = 0; i < n; i++, w->n++) {
            w->box[w->n] = box[i];
            w->frame[w->n] = f;
        }
    }
}

/* A counting sort by track; and the tracks by their first box. */
static void sort_by_track(struct work *w)
{
    memset(w->id_first, 0, ((size_t)w->n_ids + 2) * sizeof *w->id_first);
    for (int32_t i = 0; i < w->n; i++) {
        if (w->id_first[w->box[i].id + 2]++ == 0)
            w->seen[w->n_seen++] = w->box[i].id;
    }
    for (int32_t id = 2; id < w->n_ids + 2; id++)
        w->id_first[id] += w->id_first[id - 1];
    for (int32_t i = 0; i < w->n; i++)
        w->of_id[w->id_first[w->box[i].id + 1]++] = i;
}

static double sum_of(const double *v, int32_t n)
{
    double part[8], sum = 0;
    if (n < 8) {
        for (int32_t i = 0; i < n; i++)
            sum += v[i];
        return sum;
    }
    if (n > 128) {
        const int32_t half = n / 2 - n / 2 % 8;
        return sum_of(v, half) + sum_of(v + half, n - half);
    }
    int32_t i = 8;
    memcpy(part, v, sizeof part);
    for (; i < n - n % 8; i += 8)
        for (int k = 0; k < 8; k++)
            part[k] += v[i + k];
    sum = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
    for (; i < n; i++)
        sum += v[i];
    return sum;
}

static void take_mean_scores(struct work *w)
{
    for (int32_t id = 0; id < w->n_ids; id++) {
        const int32_t *of_id = w->of_id + w->id_first[id], n = w->id_first[id + 1] - w->id_first[id];
        for (int32_t i = 0; i < n; i++)
            w->scores[i] = w->box[of_id[i]].score;
        const double mean = n > 0 ? sum_of(w->scores, n) / n : 0;
        for (int32_t i = 0; i < n; i++)
            w->box[of_id[i]].score = mean;
    }
}

/* The box that fills the track's hole in frame f; false: there is no hole. */
static bool fill(const struct work *w, int32_t id, int32_t f, struct glint_track_box *out)
{
    const int32_t *at = w->of_id + w->id_first[id], *end = w->of_id + w->id_first[id + 1];
    if (w->frame[*at] >= f || w->frame[end[-1]] <= f)
        return false;
    while (w->frame[*at] <= f)
        if (w->frame[*at++] == f)
            return false;
    const struct glint_track_box *left = &w->box[at[-1]], *right = &w->box[*at];
    const struct glint_track_frame *frames = w->scene->frames;
    const int64_t t_left = frames[w->frame[at[-1]]].time_us, t_right = frames[w->frame[*at]].time_us;
    const double r = (double)(t_right - frames[f].time_us) / (double)(t_right - t_left);
    *out = *right;
    out->x = (1.0 - r) * left->x + r * right->x;
    out->y = (1.0 - r) * left->y + r * right->y;
    out->score = (1.0 - r) * left->score + r * right->score;
    return true;
}

/* All boxes of all frames; counts them alone where tracks->box is NULL. */
static int32_t lay_out(const struct work *w, struct glint_tracks *tracks)
{
    struct glint_track_box box;
    int32_t n = 0, next = 0;
    for (int32_t f = 0; f < w->scene->n_frames; f++) {
        tracks->first[f] = n;
        for (; next < w->n && w->frame[next] == f; next++, n++)
            if (tracks->box)
                tracks->box[n] = w->box[next];
        for (int32_t i = 0; i < w->n_seen; i++)
            if (fill(w, w->seen[i], f, &box)) {
                if (tracks->box)
                    tracks->box[n] = box;
                n++;
            }
    }
    tracks->first[w->scene->n_frames] = n;
    return n;
}

static bool reserve(struct work *w)
{
    for (int32_t f = 0, n; f < w->scene->n_frames; f++) {
        boxes_of(w, f, &n);
        w->n += n;
    }
    w->n_ids = w->side == GLINT_TRACK_TRUTH ? w->scene->n_truth_ids : w->scene->n_found_ids;
    const size_t n = (size_t)w->n + 1, n_ids = (size_t)w->n_ids + 2;
    w->box = malloc(n * sizeof *w->box);
    w->frame = malloc(n * sizeof *w->frame);
    w->of_id = malloc(n * sizeof *w->of_id);
    w->scores = malloc(n * sizeof *w->scores);
    w->id_first = malloc(n_ids * sizeof *w->id_first);
    w->seen = malloc(n_ids * sizeof *w->seen);
    return w->box && w->frame && w->of_id && w->scores && w->id_first && w->seen;
}

static int build(struct work *w, struct glint_tracks *tracks)
{
    tracks->first = malloc(((size_t)w->scene->n_frames + 1) * sizeof *tracks->first);
    if (!reserve(w) || !tracks->first)
        return glint_fail(GLINT_E_NOMEM, "no memory for the tracks of a scene");
    gather(w);
    sort_by_track(w);
    if (w->side == GLINT_TRACK_FOUND)
        take_mean_scores(w);
    const int32_t n = lay_out(w, tracks);
    tracks->box = malloc(((size_t)n + 1) * sizeof *tracks->box);
    if (!tracks->box)
        return glint_fail(GLINT_E_NOMEM, "no memory for %d boxes of tracks", n);
    lay_out(w, tracks);
    return GLINT_OK;
}

int glint_tracks_init(struct glint_tracks *tracks, const struct glint_track_scene *scene,
                      enum glint_track_side side)
{
    struct work w = {.scene = scene, .side = side};
    *tracks = (struct glint_tracks){0};
    const int status = build(&w, tracks);
    free(w.box);
    free(w.frame);
    free(w.of_id);
    free(w.scores);
    free(w.id_first);
    free(w.seen);
    if (status < 0)
        glint_tracks_fini(tracks);
    return status;
}

void glint_tracks_fini(struct glint_tracks *tracks)
{
    free(tracks->box);
    free(tracks->first);
    *tracks = (struct glint_tracks){0};
}
