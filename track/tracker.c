/* track/tracker.c - see glint/track.h: from frame to frame. A frame goes through
 *
 *     when and where (time, pose) -> its detections in the world -> objects moved to now -> pairs, strong
 *     detections first -> objects corrected by theirs, others fade -> births -> deaths -> boxes
 *
 * Objects are kept in the order of their birth; nothing depends on addresses, threads or hashes. */
#include "track/hypotheses.h"
#include "track/odometry.h"
#include "core/status.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SCORE_BINS 256
#define INSTANCES  65536 /* numbers of glint_frame.point_instance */
#define GAIN_MOST  2.0   /* of log odds by one detection, for and against */
#define GAIN_LEAST 0.25
#define ODDS_MOST  4.0
#define PI         3.14159265358979323846

/* ---- opening ---- */

static int check(const struct glint_track_settings *s)
{
    if (s->cap_tracks < 1 || s->cap_tracks > 4096 || s->cap_boxes < 1 || s->cap_boxes > 4096)
        return glint_fail(GLINT_E_ARG, "tracking %d objects by %d boxes: 1 to 4096 wanted", s->cap_tracks,
                          s->cap_boxes);
    if (s->n_classes < 0 || s->n_classes > GLINT_TRACKER_CLASSES)
        return glint_fail(GLINT_E_ARG, "tracking %d classes: 0 to %d wanted", s->n_classes,
                          GLINT_TRACKER_CLASSES);
    return GLINT_OK;
}

static int reserve(struct glint_tracker *t)
{
    const size_t tracks = (size_t)t->cap_tracks * sizeof *t->tracks,
                 detections = (size_t)t->cap_boxes * sizeof *t->detections;
    const size_t moved = INSTANCES * sizeof *t->moved_to;
    GLINT_TRY(glint_arena_init(&t->memory, glint_arena_round(tracks) + glint_arena_round(detections) +
                                               glint_arena_round(moved) +
                                               glint_track_pairs_bytes(t->cap_tracks, t->cap_boxes)));
    glint_arena_small_pages(&t->memory);
    t->tracks = glint_arena_alloc(&t->memory, tracks);
    t->detections = glint_arena_alloc(&t->memory, detections);
    t->moved_to = glint_arena_alloc(&t->memory, moved);
    glint_track_pairs_init(t);
    return GLINT_OK;
}

int glint_tracker_open(const struct glint_track_settings *settings, struct glint_tracker **tracker_out)
{
    *tracker_out = NULL;
    if (settings)
        GLINT_TRY(check(settings));
    struct glint_tracker *t = calloc(1, sizeof *t);
    if (!t)
        return glint_fail(GLINT_E_NOMEM, "no memory for a tracker");
    if (settings)
        t->s = *settings;
    else
        glint_track_settings_default(&t->s, NULL, 0);
    t->cap_tracks = t->s.cap_tracks;
    t->cap_boxes = t->s.cap_boxes;
    t->next_id = 1;
    glint_tracker_reset(t);
    const int status = reserve(t);
    if (status < 0) {
        glint_tracker_close(t);
        return status;
    }
    *tracker_out = t;
    return GLINT_OK;
}

int glint_tracker_set(struct glint_tracker *t, const struct glint_track_settings *settings)
{
    GLINT_TRY(check(settings));
    if (t->counts.frames > 0)
        return glint_fail(GLINT_E_ARG, "tracking has begun: its settings stay");
    t->s = *settings;
    return GLINT_OK;
}

void glint_tracker_close(struct glint_tracker *t)
{
    if (!t)
        return;
    glint_arena_fini(&t->memory);
    free(t);
}

void glint_tracker_reset(struct glint_tracker *t)
{
    t->n_tracks = 0;
    t->begun = t->has_pose = false;
    t->world = glint_pose_identity();
    t->heading = 0;
    memset(t->way, 0, sizeof t->way);
    t->n_ways = t->n_last = 0;
}

void glint_tracker_counts(const struct glint_tracker *t, struct glint_track_counts *counts_out)
{
    *counts_out = t->counts;
}

/* ---- when and where ---- */

static void take_time(struct glint_tracker *t, const struct glint_frame *frame)
{
    const int64_t stamp = frame->reference_ns > 0 ? frame->reference_ns : frame->stamp_ns;
    const int64_t period = (int64_t)(1e9 * (double)t->s.period_s);
    const int64_t then = t->now_ns > INT64_MAX - period ? 0 : t->now_ns; /* an absurd stamp was before this */
    const int64_t now = stamp > 0 ? stamp : then + period;
    const double dt = t->begun ? 1e-9 * (double)(now - t->now_ns) : 0;
    if (!(dt >= 0 && dt <= (double)t->s.most_gap_s))
        glint_tracker_reset(t);
    t->dt_s = t->begun ? dt : 0;
    t->now_ns = now;
}

static double heading_of(const struct glint_pose *pose)
{
    const double *q = pose->q;
    return atan2(2 * (q[1] * q[2] + q[0] * q[3]), 1 - 2 * (q[2] * q[2] + q[3] * q[3]));
}

/* Poses begin: objects were in a world of our own. */
static void move_all(struct glint_tracker *t, const struct glint_pose *before, double heading_before)
{
    const struct glint_pose move = glint_pose_compose(t->world, glint_pose_inverse(*before));
    for (int32_t i = 0; i < t->n_tracks; i++) {
        struct glint_track *track = &t->tracks[i];
        double *x = track->motion.x;
        double p[3] = {x[GLINT_TURN_X], x[GLINT_TURN_Y], track->z};
        glint_pose_apply(move, p, p);
        glint_turn_filter_move(&track->motion, t->heading - heading_before, 0, 0);
        x[GLINT_TURN_X] = p[0];
        x[GLINT_TURN_Y] = p[1];
        track->z = p[2];
    }
}

/* Without a pose the boxes must tell. Objects have been moved to now. */
static void take_pose(struct glint_tracker *t, const struct glint_frame *frame)
{
    const struct glint_pose before = t->world;
    const double heading_before = t->heading;
    if (!frame->has_pose) {
        glint_track_odometry(t, frame);
        return;
    }
    memcpy(t->world.q, frame->pose_rotation, sizeof t->world.q);
    memcpy(t->world.t, frame->pose_position, sizeof t->world.t);
    t->heading = heading_of(&t->world);
    if (!t->has_pose)
        move_all(t, &before, heading_before);
    t->has_pose = true;
    t->n_ways = 0;
}

/* ---- detections ---- */

static bool is_usable(const struct glint_box *b)
{
    float sum = b->yaw + b->score;
    for (int k = 0; k < 3; k++)
        sum += b->center[k] + b->size[k];
    return isfinite(sum) && b->size[0] > 0 && b->size[1] > 0 && b->size[2] > 0 && b->label >= 0;
}

static int32_t bin_of(float score)
{
    return (int32_t)fminf(fmaxf(score * SCORE_BINS, 0), SCORE_BINS - 1);
}

/* The least score, in steps, with which no more than cap_boxes are taken; of too many that are all sure, the
 * first ones are. */
static int32_t least_bin(struct glint_tracker *t, const struct glint_frame *frame)
{
    int32_t count[SCORE_BINS] = {0}, sum = 0, bin = SCORE_BINS;
    if (frame->n_boxes <= t->cap_boxes)
        return 0;
    for (int32_t i = 0; i < frame->n_boxes; i++)
        count[bin_of(frame->boxes[i].score)]++;
    while (bin > 0 && sum + count[bin - 1] <= t->cap_boxes)
        sum += count[--bin];
    return bin < SCORE_BINS ? bin : SCORE_BINS - 1;
}

static void take_detection(struct glint_tracker *t, const struct glint_box *b, int32_t index)
{
    struct glint_detection *d = &t->detections[t->n_detections++];
    const double at[3] = {(double)b->center[0], (double)b->center[1], (double)b->center[2]};
    const double vx = (double)b->velocity[0], vy = (double)b->velocity[1];
    const double c = cos(t->heading), s = sin(t->heading);
    *d = (struct glint_detection){.size = {(double)b->size[0], (double)b->size[1], (double)b->size[2]},
                                  .yaw = glint_wrap_angle((double)b->yaw + t->heading),
                                  .velocity = {c * vx - s * vy, s * vx + c * vy},
                                  .range_m = hypot(at[0], at[1]),
                                  .score = (double)b->score,
                                  .label = b->label,
                                  .box = index,
                                  .track = -1};
    glint_pose_apply(t->world, at, d->center);
}

static void take_detections(struct glint_tracker *t, struct glint_frame *frame)
{
    const int32_t least = least_bin(t, frame);
    t->n_detections = 0;
    for (int32_t i = 0; i < frame->n_boxes; i++) {
        struct glint_box *b = &frame->boxes[i];
        b->id = -1;
        b->yaw_rate = b->age_s = b->unseen_s = 0;
        if (!is_usable(b) || b->score < t->s.keep_score)
            continue;
        if (t->n_detections == t->cap_boxes || bin_of(b->score) < least)
            t->counts.not_looked_at++;
        else
            take_detection(t, b, i);
    }
}

/* ---- objects ---- */

void glint_track_noise(const struct glint_track_class *c, double range_m, double sigma_out[2])
{
    for (int k = 0; k < 2; k++)
        sigma_out[k] = (double)c->noise_m[k] + (double)c->noise_per_m * range_m;
}

struct glint_rect glint_track_rect(const struct glint_track *track)
{
    const double *x = track->motion.x;
    return (struct glint_rect){x[GLINT_TURN_X], x[GLINT_TURN_Y], track->size[0], track->size[1],
                               x[GLINT_TURN_YAW]};
}

struct glint_rect glint_detection_rect(const struct glint_detection *d)
{
    return (struct glint_rect){d->center[0], d->center[1], d->size[0], d->size[1], d->yaw};
}

static void predict(struct glint_tracker *t)
{
    for (int32_t i = 0; i < t->n_tracks; i++) {
        struct glint_track *track = &t->tracks[i];
        const struct glint_track_class *c = glint_track_class(t, track->label);
        const struct glint_turn_noise noise = {(double)c->accel, (double)c->turn, (double)c->turn_decay_s};
        glint_turn_filter_predict(&track->motion, t->dt_s, &noise);
        track->detection = -1;
        track->sight = GLINT_SIGHT_NONE;
    }
}

/* A network says front for back now and then: the object's own yaw is turned when most of the newest
 * detections, or its way, say so. Returns the yaw that was meant. */
static double settle_yaw(struct glint_tracker *t, struct glint_track *track, const struct glint_detection *d)
{
    const struct glint_track_class *c = glint_track_class(t, track->label);
    double *x = track->motion.x;
    const bool opposite = fabs(glint_wrap_angle(d->yaw - x[GLINT_TURN_YAW])) > 0.5 * PI;
    const double forward =
        x[GLINT_TURN_VX] * cos(x[GLINT_TURN_YAW]) + x[GLINT_TURN_VY] * sin(x[GLINT_TURN_YAW]);
    track->facing *= exp(-t->dt_s / (double)t->s.yaw_memory_s);
    track->facing += opposite ? -d->score : d->score;
    if (t->has_pose && c->slip_mps < 100 && fabs(forward) > 2)
        track->facing += forward > 0 ? 1 : -1;
    if (track->facing < 0) {
        x[GLINT_TURN_YAW] = glint_wrap_angle(x[GLINT_TURN_YAW] + PI);
        track->facing = -track->facing;
        return opposite ? d->yaw : d->yaw + PI;
    }
    return opposite ? d->yaw + PI : d->yaw;
}

static void limit_speed(struct glint_tracker *t, struct glint_track *track, const struct glint_track_class *c)
{
    double *x = track->motion.x;
    const double speed = hypot(x[GLINT_TURN_VX], x[GLINT_TURN_VY]), most = (double)c->most_mps;
    if (!t->has_pose || speed <= most)
        return;
    x[GLINT_TURN_VX] *= most / speed;
    x[GLINT_TURN_VY] *= most / speed;
}

static void correct_motion(struct glint_tracker *t, struct glint_track *track,
                           const struct glint_detection *d)
{
    const struct glint_track_class *c = glint_track_class(t, track->label);
    const double yaw = settle_yaw(t, track, d),
                 off = fabs(glint_wrap_angle(yaw - track->motion.x[GLINT_TURN_YAW]));
    double sigma[2];
    glint_track_noise(c, d->range_m, sigma);
    glint_turn_filter_place(&track->motion, d->center[0], d->center[1], d->yaw, sigma[0], sigma[1]);
    glint_turn_filter_yaw(&track->motion, yaw, fmax((double)c->noise_yaw_rad, off > 0.5 ? 2 * off : 0));
    if (c->noise_velocity > 0 && t->has_pose && isfinite(d->velocity[0] + d->velocity[1]))
        glint_turn_filter_velocity(&track->motion, d->velocity[0], d->velocity[1], (double)c->noise_velocity);
    if (c->slip_mps < 100 && t->has_pose)
        glint_turn_filter_slip(&track->motion, (double)c->slip_mps);
    limit_speed(t, track, c);
}

/* Classes beyond those that are counted keep no votes, and lose to any that are. */
static void vote(struct glint_track *track, const struct glint_detection *d)
{
    float *votes = track->votes;
    if (d->label >= GLINT_TRACKER_CLASSES)
        return;
    for (int32_t i = 0; i < GLINT_TRACKER_CLASSES; i++)
        votes[i] *= 0.98f;
    votes[d->label] += (float)d->score;
    if (track->label >= GLINT_TRACKER_CLASSES || votes[d->label] > votes[track->label])
        track->label = d->label;
}

static void fade(struct glint_tracker *t, struct glint_track *track, enum glint_sight sight)
{
    const struct glint_track_class *c = glint_track_class(t, track->label);
    const float in_s[] = {[GLINT_SIGHT_NONE] = c->fade_s,
                          [GLINT_SIGHT_POINTS] = c->fade_points_s,
                          [GLINT_SIGHT_HIDDEN] = c->fade_hidden_s,
                          [GLINT_SIGHT_EMPTY] = c->fade_empty_s};
    track->odds -= t->dt_s / fmax((double)in_s[sight], 1e-3);
}

static double log_odds(double p)
{
    p = fmin(fmax(p, 1e-3), 1 - 1e-3);
    return log(p / (1 - p));
}

/* A detection of birth_score says nothing, stronger ones are for the object, weaker ones against it. */
static void believe(const struct glint_tracker *t, struct glint_track *track, const struct glint_detection *d)
{
    const struct glint_track_class *c = glint_track_class(t, d->label);
    const double gain = log_odds(d->score) - log_odds((double)c->birth_score);
    track->odds = fmin(track->odds + fmin(fmax(gain, -GAIN_LEAST), GAIN_MOST), ODDS_MOST);
}

static void correct(struct glint_tracker *t, struct glint_track *track)
{
    const struct glint_detection *d = &t->detections[track->detection];
    correct_motion(t, track, d);
    track->hits++;
    const double part = fmax(1.0 / track->hits, 0.1);
    for (int k = 0; k < 3; k++)
        track->size[k] += part * (d->size[k] - track->size[k]);
    track->z += fmax(1.0 / track->hits, 0.3) * (d->center[2] - track->z);
    believe(t, track, d);
    track->score += fmax(1.0 / track->hits, 0.3) * (d->score - track->score);
    track->seen_ns = t->now_ns;
    vote(track, d);
}

/* ---- births and deaths ---- */

/* The detection is a second one of an object that has its own already. */
static bool is_double(const struct glint_tracker *t, const struct glint_detection *d)
{
    const struct glint_rect b = glint_detection_rect(d);
    for (int32_t i = 0; i < t->n_tracks; i++) {
        const struct glint_track *track = &t->tracks[i];
        const struct glint_rect a = glint_track_rect(track);
        if (track->detection >= 0 && glint_track_same_kind(t, track->label, d->label) &&
            fabs(a.x - b.x) + fabs(a.y - b.y) < a.dx + b.dx + a.dy + b.dy &&
            glint_rect_iou(&a, &b) > (double)t->s.double_iou)
            return true;
    }
    return false;
}

static void begin_track(struct glint_tracker *t, int32_t detection)
{
    struct glint_detection *d = &t->detections[detection];
    struct glint_track *track = &t->tracks[t->n_tracks];
    const struct glint_track_class *c = glint_track_class(t, d->label);
    double sigma[2];
    glint_track_noise(c, d->range_m, sigma);
    *track = (struct glint_track){.z = d->center[2],
                                  .odds = log_odds(d->score),
                                  .score = d->score,
                                  .facing = d->score,
                                  .label = d->label,
                                  .hits = 1,
                                  .born_ns = t->now_ns,
                                  .seen_ns = t->now_ns,
                                  .detection = detection};
    memcpy(track->size, d->size, sizeof track->size);
    glint_turn_filter_init(&track->motion, d->center[0], d->center[1], d->yaw, fmax(sigma[0], sigma[1]),
                           (double)c->noise_yaw_rad, (double)c->first_mps);
    if (c->noise_velocity > 0 && t->has_pose && isfinite(d->velocity[0] + d->velocity[1]))
        glint_turn_filter_velocity(&track->motion, d->velocity[0], d->velocity[1], (double)c->noise_velocity);
    if (d->label < GLINT_TRACKER_CLASSES)
        track->votes[d->label] = (float)d->score;
    d->track = t->n_tracks++;
}

static void begin_tracks(struct glint_tracker *t)
{
    for (int32_t k = 0; k < t->n_detections; k++) {
        const struct glint_detection *d = &t->detections[k];
        const struct glint_track_class *c = glint_track_class(t, d->label);
        if (d->track >= 0 || d->score < (double)c->birth_score || is_double(t, d))
            continue;
        if (t->n_tracks == t->cap_tracks)
            t->counts.not_begun++;
        else
            begin_track(t, k);
    }
}

static void confirm(struct glint_tracker *t)
{
    for (int32_t i = 0; i < t->n_tracks; i++) {
        struct glint_track *track = &t->tracks[i];
        if (track->confirmed || track->detection < 0 ||
            track->odds < log_odds((double)glint_track_class(t, track->label)->confirm) ||
            t->next_id == INT32_MAX)
            continue;
        track->confirmed = true;
        track->id = t->next_id++;
        t->counts.tracks++;
    }
}

static bool is_over(const struct glint_tracker *t, const struct glint_track *track)
{
    const double unseen_s = 1e-9 * (double)(t->now_ns - track->seen_ns);
    const double *x = track->motion.x;
    return track->odds < log_odds((double)t->s.death) ||
           (!track->confirmed && unseen_s > (double)t->s.doubt_s) ||
           !isfinite(x[GLINT_TURN_X] + x[GLINT_TURN_Y] + x[GLINT_TURN_YAW]);
}

static void bury(struct glint_tracker *t)
{
    int32_t n = 0;
    for (int32_t i = 0; i < t->n_tracks; i++) {
        if (is_over(t, &t->tracks[i]))
            continue;
        if (t->tracks[i].detection >= 0)
            t->detections[t->tracks[i].detection].track = n;
        if (n != i)
            t->tracks[n] = t->tracks[i];
        n++;
    }
    t->n_tracks = n;
}

/* ---- boxes ---- */

static void show(const struct glint_tracker *t, const struct glint_track *track, struct glint_box *b)
{
    const double *x = track->motion.x, c = cos(t->heading), s = sin(t->heading);
    const double at[3] = {x[GLINT_TURN_X], x[GLINT_TURN_Y], track->z};
    double here[3];
    glint_pose_apply(glint_pose_inverse(t->world), at, here);
    for (int k = 0; k < 3; k++) {
        b->center[k] = (float)here[k];
        b->size[k] = (float)track->size[k];
    }
    b->yaw = (float)glint_wrap_angle(x[GLINT_TURN_YAW] - t->heading);
    b->velocity[0] = (float)(c * x[GLINT_TURN_VX] + s * x[GLINT_TURN_VY]);
    b->velocity[1] = (float)(c * x[GLINT_TURN_VY] - s * x[GLINT_TURN_VX]);
    b->yaw_rate = (float)x[GLINT_TURN_RATE];
    b->score = (float)track->score;
    b->label = track->label;
    b->id = track->id;
    b->age_s = (float)(1e-9 * (double)(t->now_ns - track->born_ns));
    b->unseen_s = (float)(1e-9 * (double)(t->now_ns - track->seen_ns));
}

/* Rather there than not. */
static bool is_believed(const struct glint_track *track)
{
    return track->odds >= 0;
}

static bool is_shown_unseen(const struct glint_tracker *t, const struct glint_track *track)
{
    const double unseen_s = 1e-9 * (double)(t->now_ns - track->seen_ns);
    return is_believed(track) && (track->sight == GLINT_SIGHT_POINTS ||
                                  (track->sight != GLINT_SIGHT_EMPTY &&
                                   unseen_s <= (double)glint_track_class(t, track->label)->show_s));
}

static bool is_shown_seen(const struct glint_tracker *t, const struct glint_track *track)
{
    const struct glint_detection *d = &t->detections[track->detection];
    return is_believed(track) || d->score >= (double)glint_track_class(t, d->label)->birth_score;
}

static void renumber(const struct glint_tracker *t, struct glint_frame *frame)
{
    for (int32_t i = 0; i < frame->points.n; i++)
        frame->point_instance[i] = t->moved_to[frame->point_instance[i]];
}

/* Boxes too weak for an object to begin with have done their duty, unless they are of one. */
static void drop_weak(struct glint_tracker *t, struct glint_frame *frame)
{
    int32_t n = 0;
    t->moved_to[0] = 0;
    for (int32_t i = 0; i < frame->n_boxes; i++) {
        const struct glint_box *b = &frame->boxes[i];
        const bool stays = b->id >= 0 || !(b->score < glint_track_class(t, b->label)->birth_score);
        if (i + 1 < INSTANCES)
            t->moved_to[i + 1] = (uint16_t)(stays ? n + 1 : 0);
        if (stays)
            frame->boxes[n++] = *b;
    }
    if (n < frame->n_boxes && frame->has_masks)
        renumber(t, frame);
    frame->n_boxes = n;
}

static void put_boxes(struct glint_tracker *t, struct glint_frame *frame)
{
    for (int32_t i = 0; i < t->n_tracks; i++) {
        const struct glint_track *track = &t->tracks[i];
        if (track->confirmed && track->detection >= 0 && is_shown_seen(t, track))
            show(t, track, &frame->boxes[t->detections[track->detection].box]);
    }
    drop_weak(t, frame);
    for (int32_t i = 0; i < t->n_tracks; i++) {
        const struct glint_track *track = &t->tracks[i];
        if (track->confirmed && track->detection < 0 && frame->n_boxes < frame->cap_boxes &&
            is_shown_unseen(t, track)) {
            struct glint_box *b = &frame->boxes[frame->n_boxes++];
            show(t, track, b);
            b->score *= (float)(1 / (1 + exp(-track->odds)));
        }
    }
}

/* ---- a frame ---- */

static void correct_all(struct glint_tracker *t)
{
    for (int32_t i = 0; i < t->n_tracks; i++)
        if (t->tracks[i].detection >= 0)
            correct(t, &t->tracks[i]);
        else
            fade(t, &t->tracks[i], t->tracks[i].sight);
}

int glint_tracker_run(struct glint_tracker *t, struct glint_frame *frame)
{
    const double strong = (double)t->s.strong_score;
    take_time(t, frame);
    predict(t);
    take_pose(t, frame);
    take_detections(t, frame);
    glint_track_pairs_find(t, strong, INFINITY);
    glint_track_pairs_find(t, 0, strong);
    glint_track_hypotheses(t, frame);
    correct_all(t);
    begin_tracks(t);
    confirm(t);
    bury(t);
    put_boxes(t, frame);
    t->begun = true;
    t->counts.frames++;
    return GLINT_OK;
}
