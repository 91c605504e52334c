/* core/frame.h - frames from a fixed pool; see glint/frame.h for what is in one. */
#ifndef GLINT_CORE_FRAME_H
#define GLINT_CORE_FRAME_H
#include "glint/frame.h"
#include <math.h>

struct glint_frame_pool;

/* All memory for n_frames frames of up to cap_points points and cap_boxes boxes. GLINT_E_NOMEM, GLINT_E_ARG.
 */
int glint_frame_pool_open(int32_t n_frames, int32_t cap_points, int32_t cap_boxes,
                          struct glint_frame_pool **pool_out);
/* n_frames of them are each used once before any is used again: their pages come with the first frames, as
 * far as frames really reach, and not hours later, when a queue is full for the first time. */
void glint_frame_pool_warm(struct glint_frame_pool *pool, int32_t n_frames);
void glint_frame_pool_close(struct glint_frame_pool *pool); /* no frame may be out; NULL is fine */

/* A cleared frame with one reference, or NULL when all are out (wait: until one comes back). Always NULL
 * after glint_frame_pool_cancel. Thread-safe. points.elongation is NULL until glint_frame_use_elongation. */
struct glint_frame *glint_frame_get(struct glint_frame_pool *pool, bool wait);
void glint_frame_pool_cancel(struct glint_frame_pool *pool);

void glint_frame_ref(struct glint_frame *frame);
void glint_frame_unref(struct glint_frame *frame); /* the last one gives it back; NULL is fine */

/* The bits of a frame's health that follow from what was lost between two accounts, the earlier one first. */
uint32_t glint_health_of_loss(const struct glint_loss *before, const struct glint_loss *now);

/* Everything in `from` but its memory and owner into a frame that the caller holds alone. Points and boxes
 * beyond its capacity are left out, points counted as clipped. */
void glint_frame_copy(struct glint_frame *to, const struct glint_frame *from);

/* Gives points.elongation, or points.lag, its (zeroed) memory. */
void glint_frame_use_elongation(struct glint_frame *frame);
void glint_frame_use_lag(struct glint_frame *frame);

/* The points were measured from several places, or it is not known from where. */
void glint_frame_no_viewpoint(struct glint_frame *frame);

/* What may enter a frame: finite, within 10 km of the origin. */
static inline bool glint_point_is_sane(float x, float y, float z, float intensity)
{
    return x * x + y * y + z * z <= 1e8f && isfinite(intensity); /* false for a NaN */
}

/* Appends a point unless it is not finite or beyond 10 km (loss.points_dropped) or the frame is full
 * (loss.points_clipped). Readers use it; decoders with their own loops keep the same rules. */
void glint_frame_add_point(struct glint_frame *frame, float x, float y, float z, float intensity,
                           uint16_t ring, uint8_t ret, uint32_t offset_ns);

/* The same for n records of f32 x, y, z, intensity (little endian, 16 bytes each); ring, return and offset 0.
 */
void glint_frame_add_xyzi(struct glint_frame *frame, const uint8_t *records, int32_t n);
#endif
