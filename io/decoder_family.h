/* io/decoder_family.h - what a family of sensors gives to decoder.c, and what decoder.c gives to families. */
#ifndef GLINT_IO_DECODER_FAMILY_H
#define GLINT_IO_DECODER_FAMILY_H
#include "io/decoder.h"

/* Models are rows of the family's own table; model numbers here are their indices. */
struct glint_decoder_family {
    const char *name; /* "velodyne" */
    bool by_metadata; /* the model need not be known to open */
    int32_t n_models;
    const char *(*model_name)(int32_t model); /* "Velodyne VLP-16" */
    /* Model of a packet, -1: none of ours. */
    int32_t (*model_of)(const struct glint_packet *packet);
    /* A packet of a sensor of the family that does not say which (position packets); may be NULL. */
    bool (*is_accessory)(const struct glint_packet *packet);
    /* model -1: only the family was named; the packets tell. */
    int (*open)(const struct glint_decoder_settings *settings, int32_t model,
                const struct glint_packet *packets, int32_t n_packets, struct glint_decoder **decoder_out);
};
extern const struct glint_decoder_family glint_family_velodyne, glint_family_hesai, glint_family_hesai_at,
    glint_family_ouster, glint_family_robosense, glint_family_livox;

/* "XT-32" is found in "Hesai PandarXT32": case, spaces and marks do not count. */
bool glint_decoder_name_has(const char *name, const char *part);

/* The model most of the packets are of, -1 for none, and how many they are (votes_out may be NULL). */
int32_t glint_family_vote(const struct glint_decoder_family *family, const struct glint_packet *packets,
                          int32_t n_packets, int32_t *votes_out);

/* The sensor's time to UTC. sensor_ns counts from 1970; year_known false: only its place in an hour means
 * something, and the hour is taken from the capture.
 *
 * One rule for all sensors: a date is believed within a day of the capture's. Else - never set, set wrong,
 * counting since the start; with only the hour's place: more than a minute from the capture - the sensor's
 * time is moved to the capture's clock by one offset, d->clock_offset_ns, and by another only when it strays
 * by more than a minute. Captures without a clock of their own (before 1980) leave the sensor's time as it
 * is.
 *
 * A believed clock that at its first stamp is ahead of the capture by the leap seconds of its date (within 2
 * s) counts TAI (37 s since 2017) or GPS time (18 s); they are taken off, and d->time_scale says so. */
int64_t glint_decoder_utc(struct glint_decoder *d, int64_t sensor_ns, bool year_known, int64_t capture_ns);

/* Whether a date is within a day of the capture's, or the capture has none. */
bool glint_decoder_believes(int64_t date_ns, int64_t capture_ns);

/* TAI - UTC in seconds at a UTC time, from 1999 on. */
int32_t glint_leap_seconds(int64_t utc_ns);

/* Packets missing between two sequence numbers a and b of `modulus` values; 0 when b is not after a (late,
 * double) or so far away that the sensor has started anew. */
uint32_t glint_decoder_missing(uint64_t a, uint64_t b, uint64_t modulus);
#endif
