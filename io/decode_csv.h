/* io/decode_csv.h - every return of a capture as text: `glint decode X.pcap --out X.csv`. */
#ifndef GLINT_IO_DECODE_CSV_H
#define GLINT_IO_DECODE_CSV_H
#include "io/decoder.h"

/* Writes a header line `frame,packet,block,channel,return,x,y,z,intensity,t_ns` and one line per non-zero
 * return, unfiltered, in the sensor's own frame: frame = as the framer cuts (0-based), packet = 0-based
 * record of the capture, block = 0-based data block (Ouster: measurement id), channel = 0-based laser
 * (Ouster: beam), return = 0-based, x y z in metres with 6 decimals, intensity 0..1 with 4, t_ns UTC.
 * out_path "-" is standard output.
 *
 * settings->capture may be NULL: path. loss_out (may be NULL) accounts for all packets, also on failure. A
 * capture cut in the middle of a record: all before it is written, then its GLINT_E_FORMAT. GLINT_E_IO when
 * out_path cannot be written. A capture without any return: the table has its header only, GLINT_E_FORMAT. */
int glint_decode_csv(const char *path, const struct glint_decoder_settings *settings, const char *out_path,
                     struct glint_loss *loss_out);
#endif
