/* calib/eigen.h - eigenvalues of small symmetric matrices. */
#ifndef GLINT_CALIB_EIGEN_H
#define GLINT_CALIB_EIGEN_H

#define GLINT_EIGEN_MOST 6

/* a: symmetric, n x n, row-major, n <= GLINT_EIGEN_MOST. Eigenvalues rise; vectors_out + n * i is the i-th's
 * unit vector. Jacobi's method, to rounding. */
void glint_eigen(int n, const double *a, double *values_out, double *vectors_out);
#endif
