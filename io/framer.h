/* io/framer.h - returns to frames: cut where the azimuth passes the cut angle or the sensor's frame id changes. */
#ifndef GLINT_IO_FRAMER_H
#define GLINT_IO_FRAMER_H
#include "core/frame.h"
#include "io/decoder.h"

struct glint_framer_settings {
    double cut_deg;        /* azimuth, sensor's count */
    bool to_vehicle;       /* turn points into the vehicle frame */
};
struct glint_framer;
int glint_framer_open(const struct glint_framer_settings *settings, const struct glint_decoder *decoder,
                      struct glint_framer **framer_out);
void glint_framer_close(struct glint_framer *framer);

/* Takes the returns from *pos on and puts them into frame until it is complete. GLINT_OK: frame complete, call again with
 * the next frame and the same returns; GLINT_E_AGAIN: all taken, more packets wanted. A frame's stamp is the time of its
 * first point. */
int glint_framer_push(struct glint_framer *framer, const struct glint_returns *returns, int32_t *pos,
                      struct glint_frame *frame);
#endif
