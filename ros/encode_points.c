/* ros/encode_points.c - sensor_msgs/PointCloud2 in Autoware's layouts (autoware_point_types, PointXYZIRC and
 * PointXYZIRCAEDT), with the masks behind. */
#include "ros/encode.h"
#include <math.h>
#include <string.h>

enum { UINT8 = 2, UINT16 = 4, UINT32 = 6, FLOAT32 = 7 }; /* of sensor_msgs/PointField */

struct field {
    const char *name;
    uint32_t offset;
    uint8_t datatype;
};

static const struct field base[] = {{"x", 0, FLOAT32},          {"y", 4, FLOAT32},
                                    {"z", 8, FLOAT32},          {"intensity", 12, UINT8},
                                    {"return_type", 13, UINT8}, {"channel", 14, UINT16}};
static const struct field polar[] = {{"azimuth", 16, FLOAT32},
                                     {"elevation", 20, FLOAT32},
                                     {"distance", 24, FLOAT32},
                                     {"time_stamp", 28, UINT32}};
static const struct field masks[] = {{"label", 0, UINT8}, {"confidence", 1, UINT8}, {"instance", 2, UINT16}};
#define COUNT(list) (uint32_t)(sizeof(list) / sizeof(list)[0])

static void put_fields(struct glint_cdr *c, const struct field *list, uint32_t n, uint32_t at)
{
    for (uint32_t i = 0; i < n; i++) {
        glint_cdr_put_text(c, list[i].name);
        glint_cdr_put_u32(c, at + list[i].offset);
        glint_cdr_put_u8(c, list[i].datatype);
        glint_cdr_put_u32(c, 1);
    }
}

static void store32(uint8_t *out, uint32_t bits)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(bits >> 8 * i); /* one store where the machine is little-endian */
}

static void store_f32(uint8_t *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    store32(out, bits);
}

static void store_base(const struct glint_points *p, int32_t i, uint8_t *out)
{
    const float intensity = p->intensity[i] * 255.0f + 0.5f;
    store_f32(out, p->x[i]);
    store_f32(out + 4, p->y[i]);
    store_f32(out + 8, p->z[i]);
    out[12] = intensity >= 255.0f ? 255 : intensity > 0 ? (uint8_t)intensity : 0;
    out[13] = (uint8_t)(p->ret[i] + 1); /* 0 is "invalid" there */
    out[14] = (uint8_t)p->ring[i];
    out[15] = (uint8_t)(p->ring[i] >> 8);
}

/* About the origin of the message's frame; azimuth from +x counter-clockwise, 0 to 2 pi. */
static void store_polar(const struct glint_points *p, int32_t i, uint8_t *out)
{
    const float x = p->x[i], y = p->y[i], z = p->z[i];
    const float flat = sqrtf(x * x + y * y), azimuth = atan2f(y, x);
    store_f32(out, azimuth < 0 ? azimuth + 6.28318531f : azimuth);
    store_f32(out + 4, atan2f(z, flat));
    store_f32(out + 8, sqrtf(flat * flat + z * z));
    store32(out + 12, p->offset_ns[i]);
}

static void store_masks(const struct glint_frame *f, int32_t i, uint8_t *out)
{
    out[0] = f->point_class[i];
    out[1] = f->point_confidence[i];
    out[2] = (uint8_t)f->point_instance[i];
    out[3] = (uint8_t)(f->point_instance[i] >> 8);
}

static void store_points(const struct glint_frame *frame, bool with_polar, uint32_t step, uint8_t *out)
{
    for (int32_t i = 0; i < frame->points.n; i++, out += step) {
        store_base(&frame->points, i, out);
        if (with_polar)
            store_polar(&frame->points, i, out + 16);
        if (frame->has_masks)
            store_masks(frame, i, out + step - 4);
    }
}

void glint_ros_put_points(struct glint_ros_encoder *e)
{
    struct glint_cdr *c = &e->cdr;
    const bool with_polar = e->settings->layout == GLINT_ROS_XYZIRCAEDT, with_masks = e->frame->has_masks;
    const uint32_t n = (uint32_t)e->frame->points.n, mask_at = with_polar ? 32 : 16;
    const uint32_t step = mask_at + (with_masks ? 4 : 0);
    glint_ros_put_header(e, e->settings->frame_id);
    glint_cdr_put_u32(c, 1); /* height: not organised */
    glint_cdr_put_u32(c, n);
    glint_cdr_put_u32(c, COUNT(base) + (with_polar ? COUNT(polar) : 0) + (with_masks ? COUNT(masks) : 0));
    put_fields(c, base, COUNT(base), 0);
    if (with_polar)
        put_fields(c, polar, COUNT(polar), 0);
    if (with_masks)
        put_fields(c, masks, COUNT(masks), mask_at);
    glint_cdr_put_u8(c, 0); /* little-endian */
    glint_cdr_put_u32(c, step);
    glint_cdr_put_u32(c, step * n);
    glint_cdr_put_u32(c, step * n);
    uint8_t *out = glint_cdr_put_room(c, (size_t)step * n);
    if (out)
        store_points(e->frame, with_polar, step, out);
    glint_cdr_put_u8(c, 1); /* every point is finite */
}
