/* io/source_several.h - several captures, taken at the same time, as one source of packets: in the order of
 * their records' stamps, as if they had come over one network. packet->input says which capture one is of.
 *
 * A capture that ends or fails early does not end the others; its failure comes when all are at their end. */
#ifndef GLINT_IO_SOURCE_SEVERAL_H
#define GLINT_IO_SOURCE_SEVERAL_H
#include "io/source.h"

#define GLINT_SEVERAL_MOST 16

/* paths: 1 to GLINT_SEVERAL_MOST, used during open only. Fails as glint_source_open; GLINT_E_ARG for another
 * number, or for an input that gives no packets. */
int glint_source_several_open(const char *const *paths, int32_t n, struct glint_source **source_out);
#endif
