/* io/framer.h - returns to frames: cut where the azimuth passes the cut angle or the sensor's frame id
 * changes.
 *
 * The turns a capture begins and ends in are frames too, though not whole. A turn without any return gives no
 * frame. Azimuths are those of blocks: all returns of one firing are in one frame. A block that comes late
 * (packets in wrong order) makes no cut; with frame ids, returns of an older frame than the current are
 * dropped and counted, but when there are more than 32 packets of them on end: then the sensor has started
 * again. */
#ifndef GLINT_IO_FRAMER_H
#define GLINT_IO_FRAMER_H
#include "core/frame.h"
#include "io/decoder.h"

/* Where frames begin. Members are private. */
struct glint_cutter {
    bool by_frame_id, begun;
    float sector_deg;        /* a frame spans so much: 360, a turn */
    float cut_deg, last_deg; /* last: from the cut angle, the furthest of this turn */
    int64_t last_ns, first_ns;
    int64_t frame_id;
};
void glint_cutter_init(struct glint_cutter *c, double cut_deg, bool by_frame_id);

/* Frames of parts of a turn: one begins at the cut angle and every sector_deg (1..360) after it, by azimuth.
 */
void glint_cutter_set_sector(struct glint_cutter *c, double sector_deg);

/* Index of the first return at or after `from` that begins another frame, returns->n when there is none. The
 * first return ever begins none. Call again with the index to go on. */
int32_t glint_cutter_find(struct glint_cutter *c, const struct glint_returns *returns, int32_t from);

/* Whether the returns belong to a frame that is over (frame ids only). */
bool glint_cutter_late(const struct glint_cutter *c, const struct glint_returns *returns);

struct glint_framer_settings {
    double cut_deg;       /* azimuth, sensor's count; with another than 0 frame numbers do not cut */
    double sub_sweep_deg; /* 0: whole turns; else a frame every so many degrees, 1..360 */
    bool to_vehicle;      /* turn points into the vehicle frame */
};
struct glint_framer;

/* The decoder stays open until the framer is closed. GLINT_E_ARG for angles out of range, GLINT_E_UNSUPPORTED
 * for angles where the sensor's scan is no turn. */
int glint_framer_open(const struct glint_framer_settings *settings, const struct glint_decoder *decoder,
                      struct glint_framer **framer_out);
void glint_framer_close(struct glint_framer *framer); /* NULL is fine */

/* Takes the returns from *pos on and puts them into frame until it is complete. GLINT_OK: frame complete,
 * call again with the next frame and the same returns; GLINT_E_AGAIN: all taken, more packets wanted. At the
 * end of the input the frame at hand, if it has points, is the last one: nothing is held back.
 *
 * frame->coverage is the share of the sweep (of the turn or the part of it, inside the sensor's window) that
 * blocks were received of, in whole degrees; -1 where the sensor's scan is no turn.
 *
 * With a frame's first point come its index, name, source (the sensor) and stamp: the earliest time of its
 * first block; offsets before it are 0. Points that may not enter a frame (glint_point_is_sane) are dropped,
 * those beyond the capacity clipped; both are counted in frame->loss since the framer was opened (its packet
 * counters are not touched). */
int glint_framer_push(struct glint_framer *framer, const struct glint_returns *returns, int32_t *pos,
                      struct glint_frame *frame);
#endif
