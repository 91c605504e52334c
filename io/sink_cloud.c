/* io/sink_cloud.c - the points of a frame as .pcd (PCL's format, binary), .bin or .csv; see docs/FORMATS.md.
 */
#include "io/sink_files.h"
#include "io/sinks.h"
#include <string.h>

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
    for (int32_t i = 0; i < p->n; i++) {
        glint_buffer_f32(b, p->x[i]);
        glint_buffer_f32(b, p->y[i]);
        glint_buffer_f32(b, p->z[i]);
        glint_buffer_f32(b, p->intensity[i]);
        glint_buffer_u16(b, p->ring[i]);
        glint_buffer_add(b, &p->ret[i], 1);
        glint_buffer_u32(b, p->offset_ns[i]);
    }
}

static void encode_bin(const struct glint_sink_context *ctx, const struct glint_frame *frame,
                       struct glint_buffer *b)
{
    const struct glint_points *p = &frame->points;
    (void)ctx;
    for (int32_t i = 0; i < p->n; i++) {
        glint_buffer_f32(b, p->x[i]);
        glint_buffer_f32(b, p->y[i]);
        glint_buffer_f32(b, p->z[i]);
        glint_buffer_f32(b, p->intensity[i]);
        glint_buffer_f32(b, p->ring[i]);
        glint_buffer_f32(b, (float)(p->offset_ns[i] * 1e-9));
    }
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
