/* io/sink_cloud.c - the points of a frame as .pcd (PCL's format, binary), .bin or .csv; see docs/FORMATS.md.
 */
#include "io/sink_files.h"
#include "io/sinks.h"
#include <string.h>

#define PCD_RECORD 23 /* bytes of a point */
#define BIN_RECORD 24

static void put_u32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    p[2] = (uint8_t)(value >> 16);
    p[3] = (uint8_t)(value >> 24);
}

static void put_f32(uint8_t *p, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_u32(p, bits);
}

/* The names are those that PCL's and Autoware's point types use; t is nanoseconds after the stamp, as in
 * ouster-ros. */
static void encode_pcd(const struct glint_sink_context *ctx, const struct glint_frame *frame,
                       struct glint_buffer *b)
{
    const struct glint_points *p = &frame->points;
    (void)ctx;
    glint_buffer_text(b, "# .PCD v0.7 - Point Cloud Data file format\n");
    if (frame->stamp_ns > 0) {
        glint_buffer_text(b, "# stamp_ns ");
        glint_buffer_i64(b, frame->stamp_ns);
        glint_buffer_text(b, "\n");
    }
    glint_buffer_text(b, "VERSION 0.7\nFIELDS x y z intensity ring return_type t\nSIZE 4 4 4 4 2 1 4\n"
                         "TYPE F F F F U U U\nCOUNT 1 1 1 1 1 1 1\nWIDTH ");
    glint_buffer_i64(b, p->n);
    glint_buffer_text(b, "\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS ");
    glint_buffer_i64(b, p->n);
    glint_buffer_text(b, "\nDATA binary\n");
    uint8_t *out = glint_buffer_room(b, (size_t)p->n * PCD_RECORD);
    for (int32_t i = 0; out && i < p->n; i++, out += PCD_RECORD) {
        put_f32(out, p->x[i]);
        put_f32(out + 4, p->y[i]);
        put_f32(out + 8, p->z[i]);
        put_f32(out + 12, p->intensity[i]);
        out[16] = (uint8_t)p->ring[i];
        out[17] = (uint8_t)(p->ring[i] >> 8);
        out[18] = p->ret[i];
        put_u32(out + 19, p->offset_ns[i]);
    }
    b->size += out ? (size_t)p->n * PCD_RECORD : 0;
}

static void encode_bin(const struct glint_sink_context *ctx, const struct glint_frame *frame,
                       struct glint_buffer *b)
{
    const struct glint_points *p = &frame->points;
    (void)ctx;
    uint8_t *out = glint_buffer_room(b, (size_t)p->n * BIN_RECORD);
    for (int32_t i = 0; out && i < p->n; i++, out += BIN_RECORD) {
        put_f32(out, p->x[i]);
        put_f32(out + 4, p->y[i]);
        put_f32(out + 8, p->z[i]);
        put_f32(out + 12, p->intensity[i]);
        put_f32(out + 16, p->ring[i]);
        put_f32(out + 20, (float)(p->offset_ns[i] * 1e-9));
    }
    b->size += out ? (size_t)p->n * BIN_RECORD : 0;
}

static void encode_csv(const struct glint_sink_context *ctx, const struct glint_frame *frame,
                       struct glint_buffer *b)
{
    const struct glint_points *p = &frame->points;
    (void)ctx;
    glint_buffer_text(b, "x,y,z,intensity,ring,offset_ns\n");
    for (int32_t i = 0; i < p->n; i++) {
        const float values[4] = {p->x[i], p->y[i], p->z[i], p->intensity[i]};
        for (int k = 0; k < 4; k++) {
            glint_buffer_number(b, values[k], 4);
            glint_buffer_add(b, ",", 1);
        }
        glint_buffer_i64(b, p->ring[i]);
        glint_buffer_add(b, ",", 1);
        glint_buffer_i64(b, p->offset_ns[i]);
        glint_buffer_add(b, "\n", 1);
    }
}

int glint_sink_cloud_open(const char *path, const struct glint_sink_context *ctx,
                          struct glint_sink **sink_out)
{
    const char *dot = strrchr(path, '.');
    *sink_out = NULL;
    if (dot && strcmp(dot, ".pcd") == 0)
        return glint_sink_files_open("pcd", path, ctx, encode_pcd, sink_out);
    if (dot && strcmp(dot, ".bin") == 0)
        return glint_sink_files_open("bin", path, ctx, encode_bin, sink_out);
    if (dot && strcmp(dot, ".csv") == 0)
        return glint_sink_files_open("csv", path, ctx, encode_csv, sink_out);
    return glint_fail(GLINT_E_ARG, "%s: clouds are written as .pcd, .bin or .csv", path);
}
