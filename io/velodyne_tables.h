/* io/velodyne_tables.h - nominal angles of the larger Velodyne sensors, by laser, degrees, azimuths
 * clockwise. */
#ifndef GLINT_IO_VELODYNE_TABLES_H
#define GLINT_IO_VELODYNE_TABLES_H

extern const float glint_vls128_elevation_deg[128], glint_vls128_azimuth_deg[128];
#endif
