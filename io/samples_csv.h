/* io/samples_csv.h - motion and positions of a capture as tables: `glint decode X.pcap --imu FILE --positions
 * FILE`. */
#ifndef GLINT_IO_SAMPLES_CSV_H
#define GLINT_IO_SAMPLES_CSV_H
#include "io/decoder.h"

struct glint_samples_count {
    uint64_t imu, positions;
};

/* Writes one line per IMU sample, stamp_ns,ax,ay,az,wx,wy,wz (UTC, m/s^2, rad/s, the IMU's axes), and one per
 * position, stamp_ns,utc_ns,fix,latitude_deg,longitude_deg,speed_m_s,track_deg,pps,sentence (pps -1: not
 * told; the sentence in quotes). Either path may be NULL. Failures as glint_decode_csv's; a capture without
 * samples gives tables with their first line only. */
int glint_samples_csv(const char *path, const struct glint_decoder_settings *settings, const char *imu_path,
                      const char *positions_path, struct glint_samples_count *count_out);
#endif
