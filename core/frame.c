/* core/frame.c - see frame.h. Each frame is one block with its arrays behind each other; pages that are
 * never touched (elongation, instances) cost no memory. */
#include "core/frame.h"
#include "core/bytes.h"
#include "core/arena.h"
#include "core/status.h"
#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MOST_POINTS (1 << 28)
#define MOST_BOXES  (1 << 24)

struct slot { /* a frame and what it does not show */
    struct glint_frame frame;
    float *elongation, *lag;
    struct glint_arena memory;
    struct slot *next_free;
    bool used; /* ever */
};

struct glint_frame_pool {
    int32_t n_frames, n_used, n_warm; /* n_used: so many were ever out */
    struct slot *slots, *free_list;
    bool cancelled;
    pthread_mutex_t mutex;
    pthread_cond_t came_back;
};

const char *glint_stage_name(enum glint_stage stage)
{
    static const char *const names[] = {
#define STAGE_NAME(upper, name) #name,
        GLINT_STAGE_MAP(STAGE_NAME)
#undef STAGE_NAME
    };
    return (unsigned)stage < GLINT_STAGE_COUNT ? names[stage] : "?";
}

const char *glint_health_name(enum glint_health which)
{
    static const char *const names[] = {
#define HEALTH_NAME(upper, name) #name,
        GLINT_HEALTH_MAP(HEALTH_NAME)
#undef HEALTH_NAME
    };
    return (unsigned)which < GLINT_HEALTH_COUNT ? names[which] : "?";
}

/* Counts only grow, but for lost packets that come late after all. */
uint32_t glint_health_of_loss(const struct glint_loss *before, const struct glint_loss *now)
{
    uint32_t bits = 0;
    if (now->packets_lost > before->packets_lost)
        bits |= GLINT_HEALTH_BIT(GLINT_HEALTH_PACKETS_LOST);
    if (now->packets_dropped > before->packets_dropped)
        bits |= GLINT_HEALTH_BIT(GLINT_HEALTH_PACKETS_DROPPED);
    if (now->packets_malformed > before->packets_malformed || now->records_corrupt > before->records_corrupt)
        bits |= GLINT_HEALTH_BIT(GLINT_HEALTH_INPUT_DAMAGED);
    if (now->points_clipped > before->points_clipped)
        bits |= GLINT_HEALTH_BIT(GLINT_HEALTH_POINTS_CLIPPED);
    return bits;
}

static size_t slot_bytes(size_t points, size_t boxes)
{
    return 7 * glint_arena_round(points * 4)   /* x y z intensity elongation lag offset */
           + 2 * glint_arena_round(points * 2) /* ring instance */
           + 3 * glint_arena_round(points)     /* return class confidence */
           + glint_arena_round(boxes * sizeof(struct glint_box));
}

static int slot_init(struct slot *s, int32_t cap_points, int32_t cap_boxes)
{
    const size_t n = (size_t)cap_points;
    GLINT_TRY(glint_arena_init(&s->memory, slot_bytes(n, (size_t)cap_boxes)));
    glint_arena_small_pages(&s->memory); /* capacities are those of the slowest turn with all returns */
    struct glint_frame *f = &s->frame;
    f->points = (struct glint_points){
        .cap = cap_points,
        .x = glint_arena_alloc(&s->memory, n * 4),
        .y = glint_arena_alloc(&s->memory, n * 4),
        .z = glint_arena_alloc(&s->memory, n * 4),
        .intensity = glint_arena_alloc(&s->memory, n * 4),
        .offset_ns = glint_arena_alloc(&s->memory, n * 4),
        .ring = glint_arena_alloc(&s->memory, n * 2),
        .ret = glint_arena_alloc(&s->memory, n),
    };
    f->cap_boxes = cap_boxes;
    f->boxes = glint_arena_alloc(&s->memory, (size_t)cap_boxes * sizeof *f->boxes);
    f->point_class = glint_arena_alloc(&s->memory, n);
    f->point_confidence = glint_arena_alloc(&s->memory, n);
    f->point_instance = glint_arena_alloc(&s->memory, n * 2);
    s->elongation = glint_arena_alloc(&s->memory, n * 4);
    s->lag = glint_arena_alloc(&s->memory, n * 4);
    assert(s->elongation && s->lag);
    return GLINT_OK;
}

int glint_frame_pool_open(int32_t n_frames, int32_t cap_points, int32_t cap_boxes,
                          struct glint_frame_pool **pool_out)
{
    *pool_out = NULL;
    if (n_frames < 1 || n_frames > 4096 || cap_points < 1 || cap_points > MOST_POINTS || cap_boxes < 0 ||
        cap_boxes > MOST_BOXES)
        return glint_fail(GLINT_E_ARG, "%d frames of %d points and %d boxes: 1..4096, 1..%d and 0..%d wanted",
                          n_frames, cap_points, cap_boxes, MOST_POINTS, MOST_BOXES);
    struct glint_frame_pool *p = calloc(1, sizeof *p);
    struct slot *slots = calloc((size_t)n_frames, sizeof *slots);
    if (!p || !slots) {
        free(p);
        free(slots);
        return glint_fail(GLINT_E_NOMEM, "no memory for %d frames", n_frames);
    }
    p->slots = slots;
    p->n_frames = n_frames;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->came_back, NULL);
    for (int32_t i = n_frames; i-- > 0;) {
        const int status = slot_init(&slots[i], cap_points, cap_boxes);
        if (status != GLINT_OK) {
            glint_frame_pool_close(p);
            return status;
        }
        slots[i].frame.pool = p;
        slots[i].next_free = p->free_list;
        p->free_list = &slots[i];
    }
    *pool_out = p;
    return GLINT_OK;
}

void glint_frame_pool_warm(struct glint_frame_pool *p, int32_t n_frames)
{
    p->n_warm = n_frames < p->n_frames ? n_frames : p->n_frames;
}

void glint_frame_pool_close(struct glint_frame_pool *p)
{
    if (!p)
        return;
    for (int32_t i = 0; i < p->n_frames; i++)
        glint_arena_fini(&p->slots[i].memory);
    pthread_cond_destroy(&p->came_back);
    pthread_mutex_destroy(&p->mutex);
    free(p->slots);
    free(p);
}

/* Everything but the memory, its sizes and its owner. */
static void clear(struct glint_frame *f)
{
    const struct glint_frame was = *f;
    memset(f, 0, sizeof *f);
    f->points = was.points;
    f->points.n = 0;
    f->points.elongation = f->points.lag = NULL;
    f->cap_boxes = was.cap_boxes;
    f->boxes = was.boxes;
    f->point_class = was.point_class;
    f->point_confidence = was.point_confidence;
    f->point_instance = was.point_instance;
    f->pool = was.pool;
    f->batch_size = 1;
    f->coverage = -1;
    for (int i = 0; i < GLINT_STAGE_COUNT; i++)
        f->latency_ns[i] = -1;
    f->refs = 1;
}

static void copy_points(struct glint_frame *to, const struct glint_frame *from)
{
    const struct glint_points *p = &from->points;
    struct glint_points *q = &to->points;
    const size_t n = (size_t)q->n;
    memcpy(q->x, p->x, n * sizeof *q->x);
    memcpy(q->y, p->y, n * sizeof *q->y);
    memcpy(q->z, p->z, n * sizeof *q->z);
    memcpy(q->intensity, p->intensity, n * sizeof *q->intensity);
    memcpy(q->ring, p->ring, n * sizeof *q->ring);
    memcpy(q->ret, p->ret, n * sizeof *q->ret);
    memcpy(q->offset_ns, p->offset_ns, n * sizeof *q->offset_ns);
    if (p->elongation) {
        glint_frame_use_elongation(to);
        memcpy(q->elongation, p->elongation, n * sizeof *q->elongation);
    }
    if (p->lag) {
        glint_frame_use_lag(to);
        memcpy(q->lag, p->lag, n * sizeof *q->lag);
    }
    if (!from->has_masks)
        return;
    memcpy(to->point_class, from->point_class, n);
    memcpy(to->point_confidence, from->point_confidence, n);
    memcpy(to->point_instance, from->point_instance, n * sizeof *to->point_instance);
}

void glint_frame_copy(struct glint_frame *to, const struct glint_frame *from)
{
    const struct glint_frame was = *to;
    *to = *from;
    to->points = was.points;
    to->points.elongation = to->points.lag = NULL;
    to->boxes = was.boxes;
    to->cap_boxes = was.cap_boxes;
    to->point_class = was.point_class;
    to->point_confidence = was.point_confidence;
    to->point_instance = was.point_instance;
    to->queued_ns = was.queued_ns;
    to->refs = was.refs;
    to->pool = was.pool;
    to->points.n = from->points.n < was.points.cap ? from->points.n : was.points.cap;
    to->loss.points_clipped += (uint64_t)(from->points.n - to->points.n);
    to->n_boxes = from->n_boxes < was.cap_boxes ? from->n_boxes : was.cap_boxes;
    copy_points(to, from);
    if (to->n_boxes > 0)
        memcpy(to->boxes, from->boxes, (size_t)to->n_boxes * sizeof *to->boxes);
}

struct glint_frame *glint_frame_get(struct glint_frame_pool *p, bool wait)
{
    pthread_mutex_lock(&p->mutex);
    while (wait && !p->free_list && !p->cancelled)
        pthread_cond_wait(&p->came_back, &p->mutex);
    struct slot *s = p->cancelled ? NULL : p->free_list;
    if (s) {
        p->free_list = s->next_free;
        p->n_used += !s->used;
        s->used = true;
    }
    pthread_mutex_unlock(&p->mutex);
    if (!s)
        return NULL;
    clear(&s->frame);
    return &s->frame;
}

void glint_frame_pool_cancel(struct glint_frame_pool *p)
{
    pthread_mutex_lock(&p->mutex);
    p->cancelled = true;
    pthread_cond_broadcast(&p->came_back);
    pthread_mutex_unlock(&p->mutex);
}

/* refs is a plain integer in the public header, which C++ reads too: atomic by builtins. */
void glint_frame_ref(struct glint_frame *f)
{
    __atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
}

/* On top of the list, whose memory is in the caches then; behind it while there are frames to warm. */
static void give_back(struct glint_frame_pool *p, struct slot *s)
{
    struct slot **at = &p->free_list;
    while (p->n_used < p->n_warm && *at)
        at = &(*at)->next_free;
    s->next_free = *at;
    *at = s;
}

void glint_frame_unref(struct glint_frame *f)
{
    if (!f || __atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    struct glint_frame_pool *p = f->pool;
    struct slot *s = (struct slot *)f; /* its first member */
    pthread_mutex_lock(&p->mutex);
    give_back(p, s);
    pthread_cond_signal(&p->came_back);
    pthread_mutex_unlock(&p->mutex);
}

void glint_frame_use_elongation(struct glint_frame *f)
{
    f->points.elongation = ((struct slot *)f)->elongation;
    memset(f->points.elongation, 0, (size_t)f->points.cap * sizeof *f->points.elongation);
}

void glint_frame_use_lag(struct glint_frame *f)
{
    f->points.lag = ((struct slot *)f)->lag;
    memset(f->points.lag, 0, (size_t)f->points.cap * sizeof *f->points.lag);
}

void glint_frame_no_viewpoint(struct glint_frame *f)
{
    for (int k = 0; k < 3; k++)
        f->viewpoint[k] = NAN;
}

void glint_frame_add_point(struct glint_frame *f, float x, float y, float z, float intensity, uint16_t ring,
                           uint8_t ret, uint32_t offset_ns)
{
    struct glint_points *p = &f->points;
    if (!glint_point_is_sane(x, y, z, intensity)) {
        f->loss.points_dropped++;
        return;
    }
    if (p->n >= p->cap) {
        f->loss.points_clipped++;
        return;
    }
    const int32_t i = p->n++;
    p->x[i] = x;
    p->y[i] = y;
    p->z[i] = z;
    p->intensity[i] = intensity;
    p->ring[i] = ring;
    p->ret[i] = ret;
    p->offset_ns[i] = offset_ns;
}

#define XYZI_BLOCK 256

/* Whether all records of a block may enter: no branch per point, so that a compiler can use vectors. */
static bool all_sane(const float *v, int32_t n)
{
    int32_t strange = 0;
    for (int32_t i = 0; i < n; i++, v += 4)
        strange += !glint_point_is_sane(v[0], v[1], v[2], v[3]);
    return strange == 0;
}

static void add_block(struct glint_points *p, const float *v, int32_t n)
{
    float *restrict x = p->x + p->n, *restrict y = p->y + p->n, *restrict z = p->z + p->n;
    float *restrict intensity = p->intensity + p->n;
    for (int32_t i = 0; i < n; i++) {
        x[i] = v[4 * i];
        y[i] = v[4 * i + 1];
        z[i] = v[4 * i + 2];
        intensity[i] = v[4 * i + 3];
    }
    memset(p->ring + p->n, 0, (size_t)n * sizeof *p->ring);
    memset(p->ret + p->n, 0, (size_t)n * sizeof *p->ret);
    memset(p->offset_ns + p->n, 0, (size_t)n * sizeof *p->offset_ns);
    p->n += n;
}

void glint_frame_add_xyzi(struct glint_frame *f, const uint8_t *records, int32_t n)
{
    float v[4 * XYZI_BLOCK];
    for (int32_t first = 0; first < n; first += XYZI_BLOCK) {
        const int32_t count = n - first < XYZI_BLOCK ? n - first : XYZI_BLOCK;
        for (int32_t i = 0; i < 4 * count; i++)
            v[i] = glint_le_f32(records + 16 * (int64_t)first + 4 * i);
        if (f->points.cap - f->points.n >= count && all_sane(v, count)) {
            add_block(&f->points, v, count);
            continue;
        }
        for (int32_t i = 0; i < count; i++)
            glint_frame_add_point(f, v[4 * i], v[4 * i + 1], v[4 * i + 2], v[4 * i + 3], 0, 0, 0);
    }
}
