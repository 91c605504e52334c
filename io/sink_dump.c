/* io/sink_dump.c - every tensor of a run into one file per frame or batch, see sinks.h.
 *
 * A batch comes frame by frame, as the networks here run, and is put together as the golden files have it:
 * what belongs to tokens or points goes behind each other, with indices shifted; maps and detections keep
 * their item as a prefix. */
#define _POSIX_C_SOURCE 200809L
#include "core/log.h"
#include "core/safetensors.h"
#include "core/text.h"
#include "io/output.h"
#include "io/sinks.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STAGES_MAX 10 /* of tables "stageS." */

struct held { /* a tensor with its own memory */
    struct glint_tensor tensor;
    char *name;
    void *data;
};
struct held_list {
    struct held *items;
    int32_t n, cap;
};

struct sink_dump {
    struct glint_sink sink;
    pthread_mutex_t mutex;      /* the tap may come from another thread than write */
    struct held_list run;       /* of the frame that is running, under the model's names */
    struct held_list batch;     /* of the batch so far, under the file's names */
    uint64_t first_index;       /* frame that gave the batch its name */
    int32_t n_items;            /* items in the batch so far */
    int64_t n_tokens, n_padded; /* of them */
    int64_t n_rows[STAGES_MAX]; /* of their tables "stageS." */
    bool failed;                /* memory ran out in the tap */
};

/* ---- lists of tensors ---- */

static size_t tensor_bytes(const struct glint_tensor *t)
{
    return (size_t)glint_tensor_elements(t) * glint_dtype_size(t->dtype);
}

static void free_list(struct held_list *list)
{
    for (int32_t i = 0; i < list->n; i++) {
        free(list->items[i].name);
        free(list->items[i].data);
    }
    free(list->items);
    memset(list, 0, sizeof *list);
}

/* A new tensor like t, with room for its data; NULL without memory. */
static struct held *add(struct held_list *list, const char *name, const struct glint_tensor *t)
{
    if (list->n == list->cap) {
        const int32_t cap = list->cap ? 2 * list->cap : 64;
        struct held *items = realloc(list->items, (size_t)cap * sizeof *items);
        if (!items)
            return NULL;
        list->items = items;
        list->cap = cap;
    }
    struct held h = {.tensor = *t, .name = strdup(name), .data = malloc(tensor_bytes(t) + 1)};
    if (!h.name || !h.data) {
        free(h.name);
        free(h.data);
        return NULL;
    }
    h.tensor.name = h.name;
    h.tensor.data = h.data;
    list->items[list->n] = h;
    return &list->items[list->n++];
}

static struct held *find(const struct held_list *list, const char *name)
{
    for (int32_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    return NULL;
}

static bool add_copy(struct held_list *list, const char *name, const struct glint_tensor *t)
{
    struct held *h = add(list, name, t);
    if (h && tensor_bytes(t) > 0)
        memcpy(h->data, t->data, tensor_bytes(t));
    return h != NULL;
}

void glint_sink_dump_tap(void *sink, const struct glint_tensor *tensor)
{
    struct sink_dump *s = sink;
    pthread_mutex_lock(&s->mutex);
    struct held *known = find(&s->run, tensor->name); /* a stage that runs twice: the last one counts */
    if (known) {
        free(known->name);
        free(known->data);
        *known = s->run.items[--s->run.n];
    }
    if (!add_copy(&s->run, tensor->name, tensor))
        s->failed = true;
    pthread_mutex_unlock(&s->mutex);
}

/* ---- batches ---- */

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

enum join {
    JOIN_ROWS,   /* behind those of the items before */
    JOIN_PREFIX, /* kept apart as itemB.NAME */
    JOIN_NUMBER, /* kept apart as NAME.B */
    JOIN_FIRST,  /* of the first item */
    JOIN_LAST,   /* of the last item */
    JOIN_TABLE,  /* "stageS.": columns behind those of the items before, rows counted on */
    JOIN_SUM,
};

static enum join join_of(const struct glint_tensor *t)
{
    static const char *const of_points[] = {"points_raw",   "points",  "rejected", "point_label",
                                            "sample_index", "inverse", "grid_min"};
    if (t->n_dims == 0 || t->n_dims > 2 || starts_with(t->name, "dec.") || starts_with(t->name, "det."))
        return JOIN_PREFIX;
    for (size_t i = 0; i < sizeof of_points / sizeof *of_points; i++)
        if (strcmp(t->name, of_points[i]) == 0)
            return JOIN_NUMBER;
    if (starts_with(t->name, "stage") && strstr(t->name, ".rules."))
        return JOIN_SUM;
    if ((starts_with(t->name, "stage") && t->dtype != GLINT_DTYPE_I16) || strcmp(t->name, "offset") == 0)
        return JOIN_TABLE;
    if (glint_ends_with(t->name, ".first_group"))
        return JOIN_FIRST;
    return glint_ends_with(t->name, ".last_group") ? JOIN_LAST : JOIN_ROWS;
}

/* Indices into the tokens (perm, flat2win) or into the padded sequence (win2flat) of the whole batch. */
static void shift(struct held *h, size_t skip, int64_t by)
{
    int32_t *values = h->data;
    const size_t n = (size_t)glint_tensor_elements(&h->tensor);
    for (size_t i = skip; i < n && h->tensor.dtype == GLINT_DTYPE_I32; i++)
        values[i] += (int32_t)by;
}

/* Column 0 of coords [.., 4] is the item. */
static void set_item(struct held *h, size_t skip, int32_t item)
{
    int32_t *values = h->data;
    const size_t n = (size_t)glint_tensor_elements(&h->tensor);
    const bool fits = h->tensor.dtype == GLINT_DTYPE_I32 && h->tensor.n_dims == 2 && h->tensor.shape[1] == 4;
    for (size_t i = skip; fits && i < n; i += 4)
        values[i] = item;
}

static bool same_but_rows(const struct glint_tensor *a, const struct glint_tensor *b)
{
    return a->dtype == b->dtype && a->n_dims == b->n_dims && (a->n_dims < 2 || a->shape[1] == b->shape[1]);
}

/* Puts t's rows behind those of its name; *skip_out elements were there before. */
static struct held *append_rows(struct held_list *batch, const struct glint_tensor *t, size_t *skip_out)
{
    struct held *h = find(batch, t->name);
    if (h && !same_but_rows(&h->tensor, t))
        return NULL;
    *skip_out = h ? (size_t)glint_tensor_elements(&h->tensor) : 0;
    if (!h)
        return add_copy(batch, t->name, t) ? &batch->items[batch->n - 1] : NULL;
    const size_t had = tensor_bytes(&h->tensor), more = tensor_bytes(t);
    void *data = realloc(h->data, had + more + 1);
    if (!data)
        return NULL;
    if (more > 0)
        memcpy((char *)data + had, t->data, more);
    h->data = data;
    h->tensor.data = data;
    h->tensor.shape[0] += t->shape[0];
    return h;
}

static bool join_rows(struct sink_dump *s, const struct glint_tensor *t)
{
    size_t skip;
    struct held *h = append_rows(&s->batch, t, &skip);
    if (!h)
        return false;
    if (starts_with(t->name, "perm.") || strcmp(t->name, "flat2win") == 0)
        shift(h, skip, s->n_tokens);
    if (strcmp(t->name, "win2flat") == 0)
        shift(h, skip, s->n_padded);
    if (strcmp(t->name, "coords") == 0 || strcmp(t->name, "pt_coords") == 0)
        set_item(h, skip, s->n_items);
    return true;
}

static int32_t stage_of(const struct glint_tensor *t)
{
    const int32_t stage = starts_with(t->name, "stage") ? t->name[5] - '0' : 0;
    return stage >= 0 && stage < STAGES_MAX ? stage : 0;
}

/* Columns of t behind those of h, row by row; `skip` columns of t are left out. */
static bool append_columns(struct held *h, const struct glint_tensor *t, int64_t skip)
{
    const int64_t rows = t->n_dims == 2 ? t->shape[0] : 1, had = h->tensor.shape[t->n_dims - 1];
    const int64_t more = t->shape[t->n_dims - 1] - skip;
    const size_t item = glint_dtype_size(t->dtype);
    if (h->tensor.n_dims != t->n_dims || h->tensor.dtype != t->dtype || more < 0 ||
        (t->n_dims == 2 && h->tensor.shape[0] != rows))
        return false;
    char *data = malloc((size_t)(rows * (had + more)) * item + 1), *at = data;
    for (int64_t r = 0; data && r < rows; r++) {
        memcpy(at, (char *)h->data + (size_t)(r * had) * item, (size_t)had * item);
        at += (size_t)had * item;
        memcpy(at, (const char *)t->data + (size_t)(r * (more + skip) + skip) * item, (size_t)more * item);
        at += (size_t)more * item;
    }
    if (!data)
        return false;
    free(h->data);
    h->data = data;
    h->tensor.data = data;
    h->tensor.shape[t->n_dims - 1] = had + more;
    return true;
}

/* How far a table's integers go on: rows of the items before, or places in their padding. */
static int64_t shift_of(const struct sink_dump *s, const struct glint_tensor *t)
{
    char pad[64];
    const bool unpad = glint_ends_with(t->name, ".unpad");
    if (!unpad && !glint_ends_with(t->name, ".cu_seqlens"))
        return s->n_rows[stage_of(t)];
    snprintf(pad, sizeof pad, unpad ? "stage%d.pad" : "stage%d.cu_seqlens", stage_of(t));
    const struct held *h = find(&s->batch, pad);
    const int64_t n = h ? glint_tensor_elements(&h->tensor) : 0;
    return unpad || n == 0 ? n : ((const int32_t *)h->data)[n - 1];
}

static bool join_table(struct sink_dump *s, const struct glint_tensor *t)
{
    struct held *h = find(&s->batch, t->name);
    struct held_list moved = {0};
    if (!h)
        return add_copy(&s->batch, t->name, t);
    const bool starts = glint_ends_with(t->name, ".cu_seqlens");
    const int64_t by = shift_of(s, t);
    bool done = add_copy(&moved, t->name, t);
    if (done) {
        shift(&moved.items[0], 0, by);
        done = append_columns(h, &moved.items[0].tensor, starts);
    }
    free_list(&moved);
    return done;
}

static bool join_sum(struct sink_dump *s, const struct glint_tensor *t)
{
    struct held *h = find(&s->batch, t->name);
    if (!h)
        return add_copy(&s->batch, t->name, t);
    int32_t *sum = h->data;
    const bool fits = t->dtype == GLINT_DTYPE_I32 && h->tensor.dtype == t->dtype &&
                      glint_tensor_elements(t) == glint_tensor_elements(&h->tensor);
    for (int64_t i = 0; fits && i < glint_tensor_elements(t); i++)
        sum[i] += ((const int32_t *)t->data)[i];
    return fits;
}

static bool join_one(struct sink_dump *s, const struct glint_tensor *t)
{
    char name[256];
    struct held *before = find(&s->batch, t->name);
    switch (join_of(t)) {
    case JOIN_PREFIX:
        snprintf(name, sizeof name, "item%d.%s", s->n_items, t->name);
        return add_copy(&s->batch, name, t);
    case JOIN_NUMBER:
        snprintf(name, sizeof name, "%s.%d", t->name, s->n_items);
        return add_copy(&s->batch, name, t);
    case JOIN_FIRST:
        return before || add_copy(&s->batch, t->name, t);
    case JOIN_TABLE:
        return join_table(s, t);
    case JOIN_SUM:
        return join_sum(s, t);
    case JOIN_LAST:
        if (before) {
            free(before->name);
            free(before->data);
            *before = s->batch.items[--s->batch.n];
        }
        return add_copy(&s->batch, t->name, t);
    default:
        return join_rows(s, t);
    }
}

/* Moves the run's tensors into the batch. */
static int join_run(struct sink_dump *s)
{
    const struct held *coords = find(&s->run, "coords"), *padded = find(&s->run, "flat2win");
    for (int32_t i = 0; i < s->run.n; i++)
        if (!join_one(s, &s->run.items[i].tensor))
            return glint_fail(GLINT_E_NOMEM,
                              "%s: tensor %s of item %d does not go with the items before, or no memory",
                              s->sink.path, s->run.items[i].name, s->n_items);
    for (int32_t i = 0; i < s->run.n; i++)
        if (glint_ends_with(s->run.items[i].name, ".order"))
            s->n_rows[stage_of(&s->run.items[i].tensor)] += s->run.items[i].tensor.shape[1];
    s->n_tokens += coords ? coords->tensor.shape[0] : 0;
    s->n_padded += padded ? padded->tensor.shape[0] : 0;
    s->n_items++;
    return GLINT_OK;
}

/* ---- the sink ---- */

static void forget_batch(struct sink_dump *s)
{
    free_list(&s->batch);
    s->n_items = 0;
    s->n_tokens = s->n_padded = 0;
    memset(s->n_rows, 0, sizeof s->n_rows);
}

static int write_list(struct sink_dump *s, const struct held_list *list, const struct glint_frame *frame)
{
    char path[1024 + 32], stamp[24];
    snprintf(path, sizeof path, "%s/frame_%06llu.safetensors", s->sink.path,
             (unsigned long long)s->first_index);
    snprintf(stamp, sizeof stamp, "%lld", (long long)frame->stamp_ns);
    const char *const meta[] = {"format", "glint dump 1", "source",   frame->source,
                                "name",   frame->name,    "stamp_ns", stamp};
    struct glint_tensor *tensors = malloc((size_t)(list->n + 1) * sizeof *tensors);
    if (!tensors)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", path);
    for (int32_t i = 0; i < list->n; i++)
        tensors[i] = list->items[i].tensor;
    const int status = glint_safetensors_write(path, tensors, list->n, meta, 4);
    free(tensors);
    return status;
}

static int write_run(struct sink_dump *s, const struct glint_frame *frame)
{
    if (s->failed)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory for the tensors of frame %llu", s->sink.path,
                          (unsigned long long)frame->index);
    if (frame->batch_size <= 1) {
        s->first_index = frame->index;
        return write_list(s, &s->run, frame);
    }
    if (frame->batch_index == 0) {
        forget_batch(s);
        s->first_index = frame->index;
    }
    if (frame->batch_index != s->n_items) /* a frame before was dropped: no file for this batch */
        return glint_fail(GLINT_E_FORMAT, "%s: item %d of a batch came as number %d", s->sink.path,
                          frame->batch_index, s->n_items);
    GLINT_TRY(join_run(s));
    if (s->n_items < frame->batch_size)
        return GLINT_OK;
    const int status = write_list(s, &s->batch, frame);
    forget_batch(s);
    return status;
}

static int write_frame(struct glint_sink *sink, const struct glint_frame *frame)
{
    struct sink_dump *s = (struct sink_dump *)sink;
    pthread_mutex_lock(&s->mutex);
    const int status = write_run(s, frame);
    free_list(&s->run);
    s->failed = false;
    pthread_mutex_unlock(&s->mutex);
    return status;
}

static int finish(struct glint_sink *sink)
{
    struct sink_dump *s = (struct sink_dump *)sink;
    if (s->n_items > 0)
        glint_log(GLINT_LOG_WARN, "%s: the last batch is not complete and was not written", sink->path);
    return GLINT_OK;
}

static void close_sink(struct glint_sink *sink)
{
    struct sink_dump *s = (struct sink_dump *)sink;
    free_list(&s->run);
    free_list(&s->batch);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

static const struct glint_sink_ops ops = {
    .name = "dump", .write = write_frame, .finish = finish, .close = close_sink};

int glint_sink_dump_open(const char *folder, const struct glint_sink_context *ctx,
                         struct glint_sink **sink_out)
{
    char first[1024];
    (void)ctx;
    *sink_out = NULL;
    if (snprintf(first, sizeof first, "%s/frame_000000.safetensors", folder) >= (int)sizeof first)
        return glint_fail(GLINT_E_ARG, "%.60s...: path too long", folder);
    GLINT_TRY(glint_output_check(first));
    struct sink_dump *s = calloc(1, sizeof *s);
    if (!s)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", folder);
    s->sink = (struct glint_sink){&ops, folder};
    pthread_mutex_init(&s->mutex, NULL);
    *sink_out = &s->sink;
    return GLINT_OK;
}
