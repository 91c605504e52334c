/* io/hesai_tables.h - nominal angles (degrees, azimuths clockwise) and firing times (ns) of the larger Hesai
 * sensors, by channel. A time of -1: the channel does not fire in that state. */
#ifndef GLINT_IO_HESAI_TABLES_H
#define GLINT_IO_HESAI_TABLES_H
#include <stdint.h>

extern const float glint_pandar64_elevation_deg[64], glint_pandar64_azimuth_deg[64];
extern const int32_t glint_pandar64_laser_ns[64];

/* Odd and even firings of a QT128 leave out different channels. */
extern const float glint_qt128_elevation_deg[128], glint_qt128_azimuth_deg[128];
extern const int32_t glint_qt128_odd_ns[128], glint_qt128_even_ns[128];

/* OT128: in standard resolution one table; in high resolution one for each of two azimuth states. */
extern const float glint_ot128_elevation_deg[128], glint_ot128_azimuth_deg[128];
extern const int32_t glint_ot128_standard_ns[128], glint_ot128_state0_ns[128], glint_ot128_state1_ns[128];

/* Pandar128E3X: in high resolution a table for each of four azimuth states, then two of the other modes. A
 * channel that does not fire has 0. */
extern const float glint_128e3x_elevation_deg[128], glint_128e3x_azimuth_deg[128];
extern const int32_t glint_128e3x_state_ns[6][128];

extern const int32_t glint_at128_laser_ns[128];
#endif
