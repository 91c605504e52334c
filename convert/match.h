/* convert/match.h - which tensor of a file is which of a network. */
#ifndef GLINT_CONVERT_MATCH_H
#define GLINT_CONVERT_MATCH_H
#include "convert/weights.h"
#include "model/build.h"

struct glint_match_entry {
    struct glint_tensor wanted; /* name in name[], F32, the network's shape */
    char name[GLINT_TENSOR_NAME + 16];
    int32_t source;                   /* in the weights file */
    int32_t order[GLINT_TENSOR_DIMS]; /* of its dimensions (glint_numbers_permute) */
    bool turned;                      /* not the identity */
};

struct glint_match {
    int32_t n, cap;
    struct glint_match_entry *entries; /* in the layers' order, each once */
    int32_t n_counters;                /* tensors that are no weights: num_batches_tracked, global_step */
};

/* GLINT_E_FORMAT names what is missing, has another shape, or is left over. Weights of sparse convolutions as
 * spconv 1 has them ([kz, ky, kx, in, out]) are taken for [out, kz, ky, kx, in]. */
int glint_match_make(struct glint_match *match, struct glint_net *net, const struct glint_weights_file *file,
                     const char *file_name);
void glint_match_fini(struct glint_match *match); /* one that is all zero is fine */
#endif
