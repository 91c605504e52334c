/* calib/eigen.c - see eigen.h: cyclic Jacobi rotations (Golub, Van Loan, "Matrix Computations", 8.5). */
#include "calib/eigen.h"
#include <math.h>
#include <string.h>

#define SWEEPS 30

/* The rotation in the plane p, q that makes a[p][q] zero; v gathers the rotations as columns. */
static void rotate(int n, double *a, double *v, int p, int q)
{
    const double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
    const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    const double c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < n; k++) {
        const double x = a[k * n + p], y = a[k * n + q];
        a[k * n + p] = c * x - s * y;
        a[k * n + q] = s * x + c * y;
    }
    for (int k = 0; k < n; k++) {
        const double x = a[p * n + k], y = a[q * n + k];
        a[p * n + k] = c * x - s * y;
        a[q * n + k] = s * x + c * y;
        const double u = v[k * n + p], w = v[k * n + q];
        v[k * n + p] = c * u - s * w;
        v[k * n + q] = s * u + c * w;
    }
}

static double off_diagonal(int n, const double *a)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            sum += a[i * n + j] * a[i * n + j];
    return sum;
}

static void sort(int n, const double *a, const double *v, double *values, double *vectors)
{
    int order[GLINT_EIGEN_MOST];
    for (int i = 0; i < n; i++) {
        int k = i;
        for (; k > 0 && a[order[k - 1] * n + order[k - 1]] > a[i * n + i]; k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    for (int i = 0; i < n; i++) {
        values[i] = a[order[i] * n + order[i]];
        for (int k = 0; k < n; k++)
            vectors[i * n + k] = v[k * n + order[i]];
    }
}

void glint_eigen(int n, const double *matrix, double *values_out, double *vectors_out)
{
    double a[GLINT_EIGEN_MOST * GLINT_EIGEN_MOST], v[GLINT_EIGEN_MOST * GLINT_EIGEN_MOST] = {0};
    double scale = 0;
    memcpy(a, matrix, (size_t)(n * n) * sizeof *a);
    for (int i = 0; i < n; i++)
        v[i * n + i] = 1;
    for (int i = 0; i < n * n; i++)
        scale += a[i] * a[i];
    for (int sweep = 0; sweep < SWEEPS && off_diagonal(n, a) > 1e-30 * scale; sweep++)
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                if (a[p * n + q] != 0)
                    rotate(n, a, v, p, q);
    sort(n, a, v, values_out, vectors_out);
}
