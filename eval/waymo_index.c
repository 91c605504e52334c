/* eval/waymo_index.c - see waymo_index.h. */
#include "eval/waymo_index.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

void glint_waymo_index_fini(struct glint_waymo_index *x)
{
    for (int32_t i = 0; i < x->n_units; i++) {
        free(x->unit_key[i].text);
        free((char *)(uintptr_t)x->unit[i].name);
    }
    free(x->unit);
    free(x->unit_key);
    free(x->frame);
    free(x->run[0]);
    free(x->run[1]);
    free(x->unit_slot);
    free(x->frame_slot);
    memset(x, 0, sizeof *x);
}

static int out_of_memory(void)
{
    return glint_fail(GLINT_E_NOMEM, "out of memory for the frames of an evaluation");
}

/* Room for one more element. */
static int grow(void *array, int32_t *cap, int32_t n, size_t size)
{
    if (n < *cap)
        return GLINT_OK;
    if (*cap > INT32_MAX / 2)
        return glint_fail(GLINT_E_UNSUPPORTED, "more than %d parts in a file", INT32_MAX);
    const int32_t more = *cap ? 2 * *cap : 64;
    void *grown = realloc(*(void **)array, (size_t)more * size);
    if (!grown)
        return out_of_memory();
    *(void **)array = grown;
    *cap = more;
    return GLINT_OK;
}

/* ---- hash tables ---- */

static uint64_t hash_bytes(const void *data, size_t size)
{
    const uint8_t *p = data;
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h ^ h >> 29;
}

static uint64_t hash_frame(int32_t unit, int64_t stamp_us)
{
    const uint64_t h = ((uint64_t)stamp_us ^ (uint64_t)unit << 40) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 31;
}

static uint64_t hash_of(const struct glint_waymo_index *x, bool frames, int32_t i)
{
    return frames ? hash_frame(x->frame[i].unit, x->frame[i].stamp_us)
                  : hash_bytes(x->unit_key[i].text, x->unit_key[i].size);
}

static void place(int32_t *slot, int32_t n_slots, uint64_t hash, int32_t i)
{
    uint64_t at = hash & (uint64_t)(n_slots - 1);
    while (slot[at] >= 0)
        at = (at + 1) & (uint64_t)(n_slots - 1);
    slot[at] = i;
}

/* At most half full. */
static int rehash(struct glint_waymo_index *x, bool frames)
{
    int32_t **slot = frames ? &x->frame_slot : &x->unit_slot;
    int32_t *n_slots = frames ? &x->n_frame_slots : &x->n_unit_slots;
    const int32_t n = frames ? x->n_frames : x->n_units;
    if (n < *n_slots / 2)
        return GLINT_OK;
    const int32_t more = *n_slots ? 2 * *n_slots : 256;
    int32_t *fresh = *n_slots > INT32_MAX / 4 ? NULL : malloc((size_t)more * sizeof *fresh);
    if (!fresh)
        return out_of_memory();
    memset(fresh, -1, (size_t)more * sizeof *fresh);
    for (int32_t i = 0; i < n; i++)
        place(fresh, more, hash_of(x, frames, i), i);
    free(*slot);
    *slot = fresh;
    *n_slots = more;
    return GLINT_OK;
}

/* ---- units ---- */

static char *name_of(const struct glint_waymo_key *key, bool by_camera)
{
    char *name = malloc(key->context_size + 40);
    if (!name)
        return NULL;
    if (key->context_size)
        memcpy(name, key->context, key->context_size);
    name[key->context_size] = '\0';
    if (key->context_size == 0)
        strcpy(name, "(no context)");
    if (by_camera && key->camera)
        sprintf(name + strlen(name), " camera %d", key->camera);
    return name;
}

static int add_unit(struct glint_waymo_index *x, const struct glint_waymo_key *key, const char *text,
                    size_t size)
{
    int32_t cap = x->cap_units;
    GLINT_TRY(grow(&x->unit, &cap, x->n_units, sizeof *x->unit));
    GLINT_TRY(grow(&x->unit_key, &x->cap_units, x->n_units, sizeof *x->unit_key));
    char *copy = malloc(size + 1), *name = name_of(key, x->by_camera);
    if (!copy || !name) {
        free(copy);
        free(name);
        return out_of_memory();
    }
    memcpy(copy, text, size);
    x->unit_key[x->n_units].text = copy;
    x->unit_key[x->n_units].size = size;
    x->unit[x->n_units++] = (struct glint_waymo_unit){.name = name};
    GLINT_TRY(rehash(x, false));
    place(x->unit_slot, x->n_unit_slots, hash_bytes(text, size), x->n_units - 1);
    return GLINT_OK;
}

static int find_unit(struct glint_waymo_index *x, const struct glint_waymo_key *key, int32_t *unit_out)
{
    char stack[256], *text = key->context_size + 16 > sizeof stack ? malloc(key->context_size + 16) : stack;
    if (!text)
        return out_of_memory();
    if (key->context_size)
        memcpy(text, key->context, key->context_size);
    size_t size = key->context_size;
    if (x->by_camera)
        size += (size_t)sprintf(text + size, "_%d", key->camera);
    int status = GLINT_OK;
    *unit_out = -1;
    uint64_t at = hash_bytes(text, size);
    for (; x->n_unit_slots; at++) {
        const int32_t i = x->unit_slot[at & (uint64_t)(x->n_unit_slots - 1)];
        if (i < 0)
            break;
        if (x->unit_key[i].size == size && memcmp(x->unit_key[i].text, text, size) == 0) {
            *unit_out = i;
            break;
        }
    }
    if (*unit_out < 0) {
        status = add_unit(x, key, text, size);
        *unit_out = x->n_units - 1;
    }
    if (text != stack)
        free(text);
    return status;
}

/* ---- frames ---- */

static int add_frame(struct glint_waymo_index *x, int32_t unit, int64_t stamp_us)
{
    GLINT_TRY(grow(&x->frame, &x->cap_frames, x->n_frames, sizeof *x->frame));
    x->frame[x->n_frames++] = (struct glint_waymo_index_frame){.unit = unit, .stamp_us = stamp_us};
    GLINT_TRY(rehash(x, true));
    place(x->frame_slot, x->n_frame_slots, hash_frame(unit, stamp_us), x->n_frames - 1);
    return GLINT_OK;
}

static int find_frame(struct glint_waymo_index *x, int32_t unit, int64_t stamp_us, int32_t *frame_out)
{
    for (uint64_t at = hash_frame(unit, stamp_us); x->n_frame_slots; at++) {
        const int32_t i = x->frame_slot[at & (uint64_t)(x->n_frame_slots - 1)];
        if (i < 0)
            break;
        if (x->frame[i].unit == unit && x->frame[i].stamp_us == stamp_us) {
            *frame_out = i;
            return GLINT_OK;
        }
    }
    *frame_out = x->n_frames;
    return add_frame(x, unit, stamp_us);
}

static bool same_key(const struct glint_waymo_key *a, const struct glint_waymo_key *b)
{
    return a->stamp_us == b->stamp_us && a->camera == b->camera && a->context_size == b->context_size &&
           (a->context_size == 0 || memcmp(a->context, b->context, a->context_size) == 0);
}

int glint_waymo_index_frame(struct glint_waymo_index *x, int side, const struct glint_waymo_key *key,
                            int32_t *frame_out)
{
    if (!x->last[side].valid || !same_key(&x->last[side].key, key)) {
        int32_t unit;
        x->last[side].valid = false;
        GLINT_TRY(find_unit(x, key, &unit));
        GLINT_TRY(find_frame(x, unit, key->stamp_us, &x->last[side].frame));
        x->last[side].key = *key;
        x->last[side].valid = true;
    }
    *frame_out = x->last[side].frame;
    return GLINT_OK;
}

int glint_waymo_index_add(struct glint_waymo_index *x, int side, const struct glint_waymo_run *run,
                          bool joins)
{
    x->n_objects[side] += run->n;
    if (joins && x->n_runs[side] > 0) {
        struct glint_waymo_run *last = &x->run[side][x->n_runs[side] - 1];
        if (last->frame == run->frame && last->file == run->file) {
            last->n += run->n;
            return GLINT_OK;
        }
    }
    GLINT_TRY(grow(&x->run[side], &x->cap_runs[side], x->n_runs[side], sizeof *x->run[side]));
    x->run[side][x->n_runs[side]++] = *run;
    return GLINT_OK;
}

/* ---- order ---- */

struct ranked_unit {
    struct glint_waymo_unit_key key;
    int32_t unit;
};

static int by_key(const void *a, const void *b)
{
    const struct glint_waymo_unit_key *p = &((const struct ranked_unit *)a)->key;
    const struct glint_waymo_unit_key *q = &((const struct ranked_unit *)b)->key;
    const int order = memcmp(p->text, q->text, p->size < q->size ? p->size : q->size);
    return order ? order : (p->size > q->size) - (p->size < q->size);
}

/* rank[unit]: its place in the order; units and their keys are put there. */
static int rank_units(struct glint_waymo_index *x, int32_t *rank)
{
    struct ranked_unit *ranked = malloc((size_t)x->n_units * sizeof *ranked);
    struct glint_waymo_unit *moved = malloc((size_t)x->n_units * sizeof *moved);
    if (ranked && moved) {
        for (int32_t i = 0; i < x->n_units; i++)
            ranked[i] = (struct ranked_unit){x->unit_key[i], i};
        qsort(ranked, (size_t)x->n_units, sizeof *ranked, by_key);
        for (int32_t i = 0; i < x->n_units; i++) {
            rank[ranked[i].unit] = i;
            moved[i] = x->unit[ranked[i].unit];
            x->unit_key[i] = ranked[i].key;
        }
        memcpy(x->unit, moved, (size_t)x->n_units * sizeof *moved);
    }
    const bool done = ranked && moved;
    free(ranked);
    free(moved);
    return done ? GLINT_OK : out_of_memory();
}

struct ranked_frame {
    int32_t unit, frame;
    int64_t stamp_us;
};

static int by_time(const void *a, const void *b)
{
    const struct ranked_frame *p = a, *q = b;
    return p->unit != q->unit ? p->unit - q->unit : (p->stamp_us > q->stamp_us) - (p->stamp_us < q->stamp_us);
}

static void put_frames(struct glint_waymo_index *x, const struct ranked_frame *ranked, int32_t *rank)
{
    for (int32_t i = 0; i < x->n_frames; i++) {
        rank[ranked[i].frame] = i;
        x->frame[i] =
            (struct glint_waymo_index_frame){.unit = ranked[i].unit, .stamp_us = ranked[i].stamp_us};
    }
    for (int32_t i = x->n_frames - 1; i >= 0; i--)
        x->unit[x->frame[i].unit].first = i;
    for (int32_t i = 0; i < x->n_frames; i++)
        x->unit[x->frame[i].unit].end = i + 1;
}

static int rank_frames(struct glint_waymo_index *x, const int32_t *unit_rank, int32_t *rank)
{
    struct ranked_frame *ranked = malloc((size_t)x->n_frames * sizeof *ranked);
    if (!ranked)
        return out_of_memory();
    for (int32_t i = 0; i < x->n_frames; i++)
        ranked[i] = (struct ranked_frame){unit_rank[x->frame[i].unit], i, x->frame[i].stamp_us};
    qsort(ranked, (size_t)x->n_frames, sizeof *ranked, by_time);
    put_frames(x, ranked, rank);
    free(ranked);
    return GLINT_OK;
}

static bool runs_in_order(const struct glint_waymo_index *x, int side)
{
    for (int32_t i = 1; i < x->n_runs[side]; i++)
        if (x->run[side][i].frame < x->run[side][i - 1].frame)
            return false;
    return true;
}

/* Stable counting sort by frame; files in order need none. */
static int sort_runs(struct glint_waymo_index *x, int side, const int32_t *frame_rank)
{
    struct glint_waymo_run *run = x->run[side];
    for (int32_t i = 0; i < x->n_runs[side]; i++) {
        run[i].frame = frame_rank[run[i].frame];
        x->frame[run[i].frame].end[side]++;
    }
    for (int32_t i = 0, sum = 0; i < x->n_frames; i++) {
        x->frame[i].run[side] = sum;
        sum += x->frame[i].end[side];
        x->frame[i].end[side] = sum;
    }
    if (runs_in_order(x, side))
        return GLINT_OK;
    struct glint_waymo_run *sorted = malloc((size_t)x->n_runs[side] * sizeof *sorted);
    if (!sorted)
        return out_of_memory();
    for (int32_t i = x->n_runs[side] - 1; i >= 0; i--) /* from behind: end[] walks down to run[] */
        sorted[--x->frame[run[i].frame].end[side]] = run[i];
    for (int32_t i = 0; i < x->n_frames; i++)
        x->frame[i].end[side] = i + 1 < x->n_frames ? x->frame[i + 1].run[side] : x->n_runs[side];
    free(run);
    x->run[side] = sorted;
    x->cap_runs[side] = x->n_runs[side];
    return GLINT_OK;
}

int glint_waymo_index_finish(struct glint_waymo_index *x)
{
    int32_t *unit_rank = malloc(((size_t)x->n_units + 1) * sizeof *unit_rank);
    int32_t *frame_rank = malloc(((size_t)x->n_frames + 1) * sizeof *frame_rank);
    int status = unit_rank && frame_rank ? GLINT_OK : out_of_memory();
    if (status == GLINT_OK && x->n_frames > 0)
        status = rank_units(x, unit_rank);
    if (status == GLINT_OK && x->n_frames > 0)
        status = rank_frames(x, unit_rank, frame_rank);
    for (int side = 0; side < 2 && status == GLINT_OK; side++)
        status = sort_runs(x, side, frame_rank);
    free(unit_rank);
    free(frame_rank);
    free(x->unit_slot);
    free(x->frame_slot);
    x->unit_slot = x->frame_slot = NULL;
    x->n_unit_slots = x->n_frame_slots = 0;
    return status;
}
