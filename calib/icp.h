/* calib/icp.h - the rigid motion that lays one scan onto another: point-to-plane ICP, coarse to fine.
 *
 *     struct glint_icp_result r;
 *     int status = glint_icp(a, n_a, b, n_b, guess, NULL, &r);
 *     if (status == GLINT_OK)
 *         use r.a_from_b;  // and look at r.weak: what the scene does not determine
 *
 * Surfaces of A are planes fitted to neighbouring points; each point of B is drawn to the plane at the
 * nearest point of A, with Tukey's weights on a scale that follows the residuals, so that what moved or is
 * not seen by both does not pull. The coarse levels start from six places about the guess as well (1 m, 5
 * deg). The first guess must be right to about the coarsest reach (3 m, some ten degrees). */
#ifndef GLINT_CALIB_ICP_H
#define GLINT_CALIB_ICP_H
#include "calib/pose.h"
#include <stdint.h>

#define GLINT_ICP_LEVELS 6

struct glint_icp_settings {
    int32_t n_levels;
    double voxel_m[GLINT_ICP_LEVELS];    /* one point is kept per cube of this size */
    double reach_m[GLINT_ICP_LEVELS];    /* pairs further apart are none */
    int32_t iterations;                  /* most, per level */
    double least_overlap;                /* share of B's points near a plane of A, below which it fails */
    double least_inliers;                /* share of those that lie on it, below which it fails */
    double inlier_m;                     /* "on it": |distance to the plane| */
    double most_moved_m, most_moved_rad; /* from the guess, above which it fails: another minimum */
    double range_m[2]; /* points of either nearer or further from their sensor are left out */
};
/* Voxels of 1, 0.5, 0.25, 0.12 m; reaches 3, 1, 0.5, 0.25 m; 40 iterations; 0.15, 0.5, 0.1 m; 2 m and 15 deg;
 * 1 to 80 m. */
void glint_icp_settings_default(struct glint_icp_settings *settings);

struct glint_icp_result {
    struct glint_pose a_from_b;
    double rms_m, median_m;  /* distance of the inliers from their planes */
    double overlap, inliers; /* shares, see above */
    int32_t n_pairs, iterations;
    double moved_m, moved_rad; /* from the guess */
    double rival;              /* 0..1: how well another pose fits, found from other starts; 0: none found */

    /* What the pairs determine. Directions are motions (way in m and turn in rad about the pairs' middle,
     * turns in units of the pairs' mean distance from it), with the standard deviation of each: the smallest
     * first. */
    double condition; /* weakest over strongest direction's information, 0..1 */
    double weak[6]; /* the weakest direction: x, y, z, then turns about x, y, z, of length 1; in A's frame */
    double sigma_m; /* standard deviation along the weakest direction, m (turns: at the mean distance) */
    char weak_text[64]; /* "along x", "about z", for people */
};

/* xyz: n x 3, m, finite or not (those are left out). settings NULL: the default. GLINT_E_FORMAT with the
 * reason when it cannot be had honestly: too few points or pairs, too little overlap or too few inliers, no
 * convergence, two poses that fit alike, a direction that nothing determines (condition < 1e-3); result_out
 * then holds what was reached. GLINT_E_NOMEM. */
int glint_icp(const float *a, int32_t n_a, const float *b, int32_t n_b, struct glint_pose guess,
              const struct glint_icp_settings *settings, struct glint_icp_result *result_out);
#endif
