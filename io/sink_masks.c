/* io/sink_masks.c - point masks as nuScenes has them: lidarseg's .bin, and panoptic's .npz (docs/FORMATS.md).
 */
#include "io/sink_files.h"
#include "io/sinks.h"
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define INSTANCES 1000 /* per class */

/* 1 + class, 0: not classified. */
static uint8_t class_of(const struct glint_sink_context *ctx, const struct glint_frame *frame, int32_t i)
{
    const bool known = frame->has_masks && frame->point_class[i] < ctx->n_point_classes;
    return known ? (uint8_t)(frame->point_class[i] + 1) : 0;
}

static void encode_lidarseg(const struct glint_sink_context *ctx, const struct glint_frame *frame,
                            struct glint_buffer *content)
{
    uint8_t *out = glint_buffer_room(content, (size_t)frame->points.n);
    for (int32_t i = 0; out && i < frame->points.n; i++)
        out[i] = class_of(ctx, frame, i);
    content->size += out ? (size_t)frame->points.n : 0;
}

/* The object's number where boxes have one, else the box's; both from 1 on, so that they fit. */
static uint16_t instance_of(const struct glint_frame *frame, int32_t i)
{
    const uint16_t box = frame->point_instance[i];
    if (!frame->has_masks || box == 0 || box > frame->n_boxes)
        return 0;
    const int32_t id = frame->boxes[box - 1].id >= 0 ? frame->boxes[box - 1].id : box - 1;
    return (uint16_t)(1 + id % (INSTANCES - 1));
}

static void put_u16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
}

static void put_u32(uint8_t *at, uint32_t v)
{
    put_u16(at, v);
    put_u16(at + 2, v >> 16);
}

#define NPY_HEAD  128
#define ZIP_NAME  "data.npy"
#define ZIP_HEAD  (30 + sizeof ZIP_NAME - 1)
#define ZIP_ENTRY (46 + sizeof ZIP_NAME - 1)
#define ZIP_END   22

/* Numpy's head of n 16-bit numbers: magic, version, length, and a dictionary in blanks up to a new line. */
static void put_npy_head(uint8_t *at, int32_t n)
{
    char text[NPY_HEAD - 9];
    const int length =
        snprintf(text, sizeof text, "{'descr': '<u2', 'fortran_order': False, 'shape': (%d,), }", n);
    memcpy(at, "\x93NUMPY\x01", 8);
    put_u16(at + 8, NPY_HEAD - 10);
    memset(at + 10, ' ', NPY_HEAD - 10);
    memcpy(at + 10, text, (size_t)length);
    at[NPY_HEAD - 1] = '\n';
}

/* What a local head and a directory entry of a stored member have alike, from "version needed" on. */
static void put_zip_member(uint8_t *at, uint32_t crc, uint32_t size)
{
    memset(at, 0, 26);
    put_u16(at, 20);
    put_u16(at + 8, 0x21); /* 1 January 1980 */
    put_u32(at + 10, crc);
    put_u32(at + 14, size);
    put_u32(at + 18, size);
    put_u16(at + 22, sizeof ZIP_NAME - 1);
}

static void put_zip_end(uint8_t *at, uint32_t crc, uint32_t size)
{
    memset(at, 0, ZIP_ENTRY + ZIP_END);
    memcpy(at, "PK\1\2", 4);
    put_u16(at + 4, 20);
    put_zip_member(at + 6, crc, size);
    memcpy(at + 46, ZIP_NAME, sizeof ZIP_NAME - 1);
    uint8_t *end = at + ZIP_ENTRY;
    memcpy(end, "PK\5\6", 4);
    put_u16(end + 8, 1);
    put_u16(end + 10, 1);
    put_u32(end + 12, ZIP_ENTRY);
    put_u32(end + 16, (uint32_t)ZIP_HEAD + size);
}

/* A zip of one stored member, data.npy: class * 1000 + instance. */
static void encode_panoptic(const struct glint_sink_context *ctx, const struct glint_frame *frame,
                            struct glint_buffer *content)
{
    const size_t size = NPY_HEAD + 2 * (size_t)frame->points.n;
    uint8_t *file = glint_buffer_room(content, ZIP_HEAD + size + ZIP_ENTRY + ZIP_END);
    if (!file)
        return;
    uint8_t *npy = file + ZIP_HEAD;
    put_npy_head(npy, frame->points.n);
    for (int32_t i = 0; i < frame->points.n; i++)
        put_u16(npy + NPY_HEAD + 2 * (size_t)i,
                (uint32_t)class_of(ctx, frame, i) * INSTANCES + instance_of(frame, i));
    const uint32_t crc = (uint32_t)crc32(0, npy, (uInt)size);
    memcpy(file, "PK\3\4", 4);
    put_zip_member(file + 4, crc, (uint32_t)size);
    memcpy(file + 30, ZIP_NAME, sizeof ZIP_NAME - 1);
    put_zip_end(npy + size, crc, (uint32_t)size);
    content->size += ZIP_HEAD + size + ZIP_ENTRY + ZIP_END;
}

static int open_masks(const char *name, const char *path, const struct glint_sink_context *ctx,
                      glint_sink_encode_fn *encode, struct glint_sink **sink_out)
{
    *sink_out = NULL;
    if (ctx->n_point_classes < 1 || ctx->n_point_classes > 64)
        return glint_fail(GLINT_E_UNSUPPORTED,
                          "%s: the model gives no point classes, so there are no masks to write", path);
    return glint_sink_files_open(name, path, ctx, encode, sink_out);
}

int glint_sink_lidarseg_open(const char *path, const struct glint_sink_context *ctx,
                             struct glint_sink **sink_out)
{
    return open_masks("lidarseg", path, ctx, encode_lidarseg, sink_out);
}

int glint_sink_panoptic_open(const char *path, const struct glint_sink_context *ctx,
                             struct glint_sink **sink_out)
{
    return open_masks("panoptic", path, ctx, encode_panoptic, sink_out);
}
