/* ros/dds_bytes.c - see dds_bytes.h. Cyclone DDS asks a "sertype" to make "serdata" of samples and of what
 * comes from the network, and to give parts of their serialized form; here a serdata is that form itself.
 * Messages are checked by who reads them, not here. There are no keys: all samples of a topic are one
 * instance. */
#include "ros/dds_bytes.h"
#include <dds/dds.h>
#include <dds/ddsi/ddsi_serdata.h>
#include <dds/ddsi/q_radmin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes { /* a serdata */
    struct ddsi_serdata base;
    size_t size;
    uint8_t data[]; /* with zeros up to a multiple of 4: so much may be asked for */
};

/* ---- serdata ---- */

static struct bytes *make(const struct ddsi_sertype *type, enum ddsi_serdata_kind kind, size_t size)
{
    const size_t padded = (size + 3) & ~(size_t)3;
    struct bytes *b = malloc(sizeof *b + padded);
    if (!b)
        return NULL;
    ddsi_serdata_init(&b->base, type, kind);
    b->base.hash = type->serdata_basehash;
    b->size = size;
    memset(b->data + size, 0, padded - size);
    return b;
}

static bool same_key(const struct ddsi_serdata *a, const struct ddsi_serdata *b)
{
    (void)a, (void)b;
    return true;
}

static uint32_t size_of(const struct ddsi_serdata *d)
{
    return (uint32_t)((const struct bytes *)d)->size;
}

/* Fragments come in order and may overlap. */
static struct ddsi_serdata *from_network(const struct ddsi_sertype *type, enum ddsi_serdata_kind kind,
                                         const struct nn_rdata *fragment, size_t size)
{
    struct bytes *b = make(type, kind, size);
    uint32_t at = 0;
    for (; b && fragment; fragment = fragment->nextfrag) {
        if (fragment->maxp1 <= at || fragment->min > at || fragment->maxp1 > size)
            continue;
        const unsigned char *payload = NN_RMSG_PAYLOADOFF(fragment->rmsg, NN_RDATA_PAYLOAD_OFF(fragment));
        memcpy(b->data + at, payload + (at - fragment->min), fragment->maxp1 - at);
        at = fragment->maxp1;
    }
    if (b && at < size)
        memset(b->data + at, 0, size - at);
    return b ? &b->base : NULL;
}

static struct ddsi_serdata *from_vectors(const struct ddsi_sertype *type, enum ddsi_serdata_kind kind,
                                         ddsrt_msg_iovlen_t n, const ddsrt_iovec_t *vectors, size_t size)
{
    struct bytes *b = make(type, kind, size);
    size_t at = 0;
    for (size_t i = 0; b && i < (size_t)n && at < size; i++) {
        const size_t left = size - at, part = vectors[i].iov_len < left ? vectors[i].iov_len : left;
        memcpy(b->data + at, vectors[i].iov_base, part);
        at += part;
    }
    if (b && at < size)
        memset(b->data + at, 0, size - at);
    return b ? &b->base : NULL;
}

static struct ddsi_serdata *from_key(const struct ddsi_sertype *type, const struct ddsi_keyhash *key)
{
    (void)key;
    struct bytes *b = make(type, SDK_KEY, 0);
    return b ? &b->base : NULL;
}

static struct ddsi_serdata *from_sample(const struct ddsi_sertype *type, enum ddsi_serdata_kind kind,
                                        const void *sample)
{
    const struct glint_dds_bytes *s = sample;
    const size_t size = kind == SDK_DATA ? s->size : 0;
    struct bytes *b = make(type, kind, size);
    if (b && size > 0)
        memcpy(b->data, s->data, size);
    return b ? &b->base : NULL;
}

static void to_network(const struct ddsi_serdata *d, size_t at, size_t n, void *out)
{
    memcpy(out, ((const struct bytes *)d)->data + at, n);
}

static struct ddsi_serdata *to_vector(const struct ddsi_serdata *d, size_t at, size_t n, ddsrt_iovec_t *out)
{
    struct ddsi_serdata *held = ddsi_serdata_ref(d);
    out->iov_base = ((struct bytes *)held)->data + at;
    out->iov_len = (ddsrt_iov_len_t)n;
    return held;
}

static void to_vector_done(struct ddsi_serdata *d, const ddsrt_iovec_t *vector)
{
    (void)vector;
    ddsi_serdata_unref(d);
}

static bool to_sample(const struct ddsi_serdata *d, void *sample, void **buffer, void *end)
{
    const struct bytes *b = (const struct bytes *)d;
    struct glint_dds_bytes *s = sample;
    (void)buffer, (void)end;
    free(s->data);
    s->data = malloc(b->size + 1);
    s->size = s->data ? b->size : 0;
    if (s->data)
        memcpy(s->data, b->data, b->size);
    return s->data != NULL;
}

static struct ddsi_serdata *to_untyped(const struct ddsi_serdata *d)
{
    struct bytes *b = make(d->type, SDK_KEY, 0);
    if (b)
        b->base.type = NULL;
    return b ? &b->base : NULL;
}

static bool untyped_to_sample(const struct ddsi_sertype *type, const struct ddsi_serdata *d, void *sample,
                              void **buffer, void *end)
{
    (void)type, (void)d, (void)sample, (void)buffer, (void)end;
    return true;
}

static void free_serdata(struct ddsi_serdata *d)
{
    free(d);
}

static size_t print(const struct ddsi_sertype *type, const struct ddsi_serdata *d, char *text, size_t size)
{
    (void)type;
    return (size_t)snprintf(text, size, "%zu bytes", ((const struct bytes *)d)->size);
}

static void key_hash(const struct ddsi_serdata *d, struct ddsi_keyhash *out, bool force_md5)
{
    (void)d, (void)force_md5;
    memset(out, 0, sizeof *out);
}

static const struct ddsi_serdata_ops serdata_ops = {
    .eqkey = same_key,
    .get_size = size_of,
    .from_ser = from_network,
    .from_ser_iov = from_vectors,
    .from_keyhash = from_key,
    .from_sample = from_sample,
    .to_ser = to_network,
    .to_ser_ref = to_vector,
    .to_ser_unref = to_vector_done,
    .to_sample = to_sample,
    .to_untyped = to_untyped,
    .untyped_to_sample = untyped_to_sample,
    .free = free_serdata,
    .print = print,
    .get_keyhash = key_hash,
};

/* ---- sertype ---- */

static void free_type(struct ddsi_sertype *type)
{
    ddsi_sertype_fini(type);
    free(type);
}

static void zero_samples(const struct ddsi_sertype *type, void *samples, size_t n)
{
    (void)type;
    memset(samples, 0, n * sizeof(struct glint_dds_bytes));
}

static void realloc_samples(void **out, const struct ddsi_sertype *type, void *old, size_t n_old, size_t n)
{
    (void)type;
    struct glint_dds_bytes *samples = realloc(old, n * sizeof *samples);
    if (samples && n > n_old)
        memset(samples + n_old, 0, (n - n_old) * sizeof *samples);
    for (size_t i = 0; i < n; i++)
        out[i] = samples ? samples + i : NULL;
}

static void free_samples(const struct ddsi_sertype *type, void **samples, size_t n, dds_free_op_t op)
{
    struct glint_dds_bytes *s = n > 0 ? samples[0] : NULL;
    (void)type;
    for (size_t i = 0; s && (op & DDS_FREE_CONTENTS_BIT) && i < n; i++) {
        free(s[i].data);
        s[i] = (struct glint_dds_bytes){NULL, 0};
    }
    if (op & DDS_FREE_ALL_BIT)
        free(s);
}

static bool same_type(const struct ddsi_sertype *a, const struct ddsi_sertype *b)
{
    (void)a, (void)b;
    return true; /* the names were compared */
}

static uint32_t hash_type(const struct ddsi_sertype *type)
{
    (void)type;
    return 0;
}

static size_t serialized_size(const struct ddsi_sertype *type, const void *sample)
{
    (void)type;
    return ((const struct glint_dds_bytes *)sample)->size;
}

static bool serialize_into(const struct ddsi_sertype *type, const void *sample, void *out, size_t size)
{
    const struct glint_dds_bytes *s = sample;
    (void)type;
    if (size < s->size)
        return false;
    memcpy(out, s->data, s->size);
    return true;
}

/* No type information is sent: readers are matched by the names of topic and type, as ROS 2's are. */
static const struct ddsi_sertype_ops sertype_ops = {
    .version = ddsi_sertype_v0,
    .free = free_type,
    .zero_samples = zero_samples,
    .realloc_samples = realloc_samples,
    .free_samples = free_samples,
    .equal = same_type,
    .hash = hash_type,
    .get_serialized_size = serialized_size,
    .serialize_into = serialize_into,
};

struct ddsi_sertype *glint_dds_bytes_type(const char *name)
{
    struct ddsi_sertype *type = calloc(1, sizeof *type);
    if (!type)
        return NULL;
    ddsi_sertype_init(type, name, &sertype_ops, &serdata_ops, true);
    type->allowed_data_representation = DDS_DATA_REPRESENTATION_FLAG_XCDR1;
    return type;
}

void glint_dds_bytes_type_drop(struct ddsi_sertype *type)
{
    ddsi_sertype_unref(type);
}
